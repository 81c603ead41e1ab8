//! Which drafts ask for a look at their customer's asset.

use heinzel_core::asset::kind_of;
use heinzel_knowledge::answer::AnswerId;
use heinzel_knowledge::occasion::{Subject, occasion};
use heinzel_knowledge::rank::Ranked;
use heinzel_server::front::CustomerClaim;

use super::{Desk, PoisonError, owners};

/// Of more assets of a customer the names are not looked for in a draft.
const OTHERS: usize = 200;

impl Desk {
    /// The answer that says what is to be looked for at the asset, if the draft (without its form) asks for that.
    pub(super) fn occasion(
        &self,
        customer: &CustomerClaim,
        asset: &str,
        draft: &str,
        ranked: &[Ranked],
        documents: &[AnswerId],
    ) -> Option<AnswerId> {
        let live = self.current.get();
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let called = |id: &str| -> Vec<String> {
            let bare = id.split_once(':').map(|(_, name)| name.to_owned());
            let aliases = live.assets.get(id).map(|asset| asset.aliases.clone()).unwrap_or_default();
            bare.into_iter().chain(aliases).chain(names.get(id).cloned()).collect()
        };
        let own = called(asset);
        let others: Vec<String> = owners::theirs(&live.assets, customer)
            .filter(|other| *other != asset)
            .take(OTHERS)
            .flat_map(called)
            .filter(|name| !own.contains(name))
            .collect();
        let [own, others] = [&own, &others].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let subject = Subject { kind: kind_of(asset), names: &own, others: &others };
        let said = occasion(draft, ranked, documents, subject).cloned();
        said.inspect_err(|why| tracing::debug!(asset, %why, "a draft sets nothing off")).ok()
    }
}
