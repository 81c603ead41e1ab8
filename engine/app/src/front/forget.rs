//! Forgets a customer, or removes an asset: in what is remembered, and in everything that was made from it.
//!
//! That it is done, and by whom, is in the audit trail before it is done; whose or which it was is not.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use heinzel_core::asset::kind_of;
use heinzel_core::step::{Command, Erased};
use heinzel_server::asset::AssetRemoved;
use heinzel_server::customer::Forgotten;
use heinzel_server::front::Refused;
use heinzel_store::customers::{self, Customers};
use tokio::sync::{mpsc, oneshot};

use super::shelf::INDEX;
use super::{Desk, MODELS, busy};
use crate::pump::Order;

/// Forgets a customer by somebody's word; the error is for people.
pub(crate) type Forgetting = dyn Fn(&str, &str) -> Result<Forgotten, String> + Send + Sync;

/// Assets that are named of those that need another.
const NAMED: usize = 5;

impl Desk {
    pub(super) fn forget(&self, customer: &str, by: &str) -> Result<Forgotten, Refused> {
        write_down(&self.orders, by, Erased::Customer).map_err(Refused::Busy)?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = if self.customers.has_taught(customer).map_err(busy)? {
            let gone = self.shelf.forget(|| self.customers.forget(customer));
            gone.map_err(|error| {
                tracing::error!(%error, "the index of the answers cannot be removed");
                Refused::Busy(format!("{INDEX} in the state folder cannot be removed now; nothing was forgotten"))
            })?
        } else {
            self.customers.forget(customer)
        };
        let gone = gone.map_err(busy)?;
        self.drafts.forget(&gone.drafts);
        // Also where nothing of them was left: what could not be read the last time is read now.
        self.know(self.customers.assets().map_err(busy)?);
        let listed = self.current.get().listed.of_owner(customer).map(|asset| asset.id.clone()).collect();
        self.customers.scrub().map_err(busy)?;
        tracing::info!(
            tickets = gone.tickets,
            drafts = gone.drafts.len(),
            examples = gone.examples,
            assets = gone.assets.len() + gone.removed.len(),
            "a customer is forgotten"
        );
        Ok(Forgotten { listed, ..told(gone) })
    }

    pub(super) fn drop_asset(&self, id: &str, by: &str) -> Result<AssetRemoved, Refused> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.current.get().listed.get(id).is_some() {
            return Err(Refused::Elsewhere(format!("`{id}` stands in assets.toml, which counts; take it out there")));
        }
        let Some(one) = self.customers.asset(id).map_err(busy)? else { return Ok(AssetRemoved { removed: false }) };
        let all = self.customers.assets().map_err(busy)?;
        let others = all.iter().filter(|one| one.asset.id != id && one.asset.depends_on.iter().any(|on| on == id));
        let others: Vec<&str> = others.map(|one| &*one.asset.id).collect();
        if !others.is_empty() {
            return Err(Refused::Needed(needed(id, &others)));
        }
        let what = Erased::Asset { kind: kind_of(id).to_owned(), protected: one.asset.protected };
        write_down(&self.orders, by, what).map_err(Refused::Busy)?;
        let removed = self.customers.remove_asset(id).map_err(busy)?;
        self.know(all.into_iter().filter(|one| one.asset.id != id).collect());
        Ok(AssetRemoved { removed })
    }
}

/// Why an asset stays, and the way out.
fn needed(id: &str, others: &[&str]) -> String {
    let named = others.iter().take(NAMED).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let more = others.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let depend = if others.len() == 1 { "depends" } else { "depend" };
    format!(
        "{named}{more} {depend} on `{id}`; put them without it in `depends_on` (`PUT /v1/assets/{{id}}`), or remove them first"
    )
}

/// Has the audit trail say that something is erased, and waits until it does; the error is for people. May block.
fn write_down(orders: &mpsc::Sender<Order>, by: &str, what: Erased) -> Result<(), String> {
    let (answer, stored) = oneshot::channel();
    let order = Order { by: by.to_owned(), command: Command::Erase { what }, answer };
    let stopping = || "the engine is stopping; send it again".to_owned();
    orders.blocking_send(order).map_err(|_| stopping())?;
    stored.blocking_recv().map_err(|_| stopping())?.map(drop)
}

/// What forgets a customer of a running engine: the desk, where there is one.
pub(crate) fn forgetting(desk: Option<Arc<Desk>>, folder: &Path, orders: &mpsc::Sender<Order>) -> Arc<Forgetting> {
    let (folder, orders) = (folder.to_owned(), orders.clone());
    Arc::new(move |customer: &str, by: &str| match &desk {
        Some(desk) => desk.forget(customer, by).map_err(|refused| refused.to_string()),
        None => {
            write_down(&orders, by, Erased::Customer)?;
            forget_in(&folder, customer).map_err(|error| format!("{error:#}"))
        }
    })
}

/// Forgets a customer where no desk is open. Whoever calls owns the folder.
///
/// # Errors
/// When it cannot be done, or not be finished: once more does the rest.
pub(crate) fn forget_in(folder: &Path, customer: &str) -> anyhow::Result<Forgotten> {
    if !folder.join(customers::FILE).exists() {
        return Ok(Forgotten::default());
    }
    let customers = Customers::open(folder)?;
    if customers.has_taught(customer)? {
        // Before the customer is forgotten: else, if this cannot be done, once more would not know of it. The next start makes
        // them anew, without their examples.
        remove(&folder.join(INDEX))?;
        let models = std::fs::read_dir(folder.join(MODELS)).into_iter().flatten().flatten().map(|entry| entry.path());
        let vectors = models.filter(|path| path.extension().is_some_and(|ending| ending == "vectors"));
        vectors.into_iter().try_for_each(|path| remove(&path))?;
    }
    let gone = customers.forget(customer)?;
    customers.scrub()?;
    Ok(told(gone))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn told(gone: customers::Forgotten) -> Forgotten {
    let customers::Forgotten { customer, drafts, tickets, examples, assets, removed } = gone;
    Forgotten { customer, tickets, drafts: drafts.len() as u64, examples, assets, removed, listed: Vec::new() }
}

#[cfg(test)]
mod tests {
    use heinzel_core::draft::{Example, Origin, Owner};
    use heinzel_core::redact::Redacted;

    use super::*;

    #[test]
    fn what_could_not_be_finished_is_done_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let example = Example {
            answer: "a/b".into(),
            language: "de".into(),
            text: Redacted::of("Mein Postfach ist voll", &[]),
            origin: Origin::Confirmed,
            count: 1,
        };
        let learn = || {
            let customers = Customers::open(folder.path()).unwrap();
            assert!(customers.learn(&example, &Owner::Customer("K1".into())).unwrap());
        };
        learn();
        // Something that cannot be removed as a file is in the way.
        let index = folder.path().join(INDEX);
        std::fs::create_dir_all(index.join("x")).unwrap();
        let error = format!("{:#}", forget_in(folder.path(), "K1").unwrap_err());
        assert!(error.contains(INDEX), "{error}");
        std::fs::remove_dir_all(&index).unwrap();
        std::fs::write(&index, "Mein Postfach ist voll").unwrap();
        assert_eq!(forget_in(folder.path(), "K1").unwrap().examples, 1);
        assert!(!index.exists());
        assert_eq!(forget_in(folder.path(), "K1").unwrap(), Forgotten::default());
    }

    #[test]
    fn who_needs_an_asset_is_named() {
        assert!(needed("host:a", &["vm:1"]).starts_with("`vm:1` depends on `host:a`; put them without it"));
        let many: Vec<String> = (1..=7).map(|number| format!("vm:{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let said = needed("host:a", &many);
        assert!(said.starts_with("`vm:1`, `vm:2`, `vm:3`, `vm:4`, `vm:5` and 2 more depend on `host:a`"), "{said}");
    }
}
