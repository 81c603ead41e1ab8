//! Which drafts ask for a look at their customer's asset, and how one is set off.

use std::sync::PoisonError;
use std::time::Duration;

use heinzel_core::asset::{kind_of, name_of};
use heinzel_core::look::Request;
use heinzel_knowledge::answer::AnswerId;
use heinzel_knowledge::occasion::{Subject, occasion};
use heinzel_knowledge::rank::Ranked;
use heinzel_server::front::CustomerClaim;
use tokio::sync::oneshot;

use super::{Desk, owners};
use crate::pump::Message;

/// How long the form's answer waits for the pump to say which incidents a look has opened.
const PATIENCE: Duration = Duration::from_millis(100);

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
        let kind = kind_of(asset);
        let first = documents.get(ranked.first()?.document)?;
        let clauses = live.rules.rules.values().filter_map(|rule| rule.draft.as_ref());
        // First of all: hardly any answer sets something off, and this is asked at every letter.
        if !clauses
            .filter(|clause| clause.asset.iter().any(|one| one == kind))
            .any(|clause| clause.intents.contains(first))
        {
            return None;
        }
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let called = |id: &str| -> Vec<String> {
            let aliases = live.assets.get(id).map(|asset| asset.aliases.clone()).unwrap_or_default();
            [name_of(id).to_owned()].into_iter().chain(aliases).chain(names.get(id).cloned()).collect()
        };
        let own = called(asset);
        let others: Vec<String> = owners::theirs(&live.assets, customer)
            .filter(|other| *other != asset)
            .take(OTHERS)
            .flat_map(called)
            .filter(|name| !own.contains(name))
            .collect();
        let [own, others] = [&own, &others].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let subject = Subject { kind, names: &own, others: &others };
        let said = occasion(draft, ranked, documents, subject).cloned();
        said.inspect_err(|why| tracing::debug!(asset, %why, "a draft sets nothing off")).ok()
    }

    /// Sets off a look, once for what a draft is about.
    pub(super) async fn look(&self, draft: &str, customer: &str, asset: &str, intent: AnswerId) {
        if !self.drafts.asks_anew(draft, asset, &intent) {
            return;
        }
        let (customer, asset, intents) = (customer.to_owned(), asset.to_owned(), vec![intent]);
        let request = Request { draft: draft.to_owned(), customer, asset, intents };
        let (answer, wait) = oneshot::channel();
        if self.pump.try_send(Message::Drafted { request, answer }).is_err() {
            // The engine is behind: the next letter asks again.
            return self.drafts.asks_again(draft);
        }
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Ok(Ok(incidents))) => self.drafts.follow(draft, &incidents),
            Ok(Ok(Err(refused))) => tracing::debug!(%refused, "a draft sets nothing off"),
            // What is set off yet is found on the board.
            Ok(Err(_)) | Err(_) => {}
        }
    }
}
