//! Forgets a customer: in what is remembered, and in everything that was made from it.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use heinzel_server::customer::Forgotten;
use heinzel_server::front::Refused;
use heinzel_store::customers::{self, Customers};

use super::shelf::INDEX;
use super::{Desk, MODELS, busy};

/// Forgets a customer; the error is for people.
pub(crate) type Forgetting = dyn Fn(&str) -> Result<Forgotten, String> + Send + Sync;

impl Desk {
    pub(super) fn forget(&self, customer: &str) -> Result<Forgotten, Refused> {
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
        if !gone.assets.is_empty() {
            self.know()?;
        }
        let listed = self.current.get().listed.of_owner(customer).map(|asset| asset.id.clone()).collect();
        self.customers.scrub().map_err(busy)?;
        tracing::info!(
            tickets = gone.tickets,
            drafts = gone.drafts.len(),
            examples = gone.examples,
            assets = gone.assets.len(),
            "a customer is forgotten"
        );
        Ok(Forgotten { listed, ..told(gone) })
    }
}

/// What forgets a customer of a running engine: the desk, where there is one.
pub(crate) fn forgetting(desk: Option<Arc<Desk>>, folder: &Path) -> Arc<Forgetting> {
    let folder = folder.to_owned();
    Arc::new(move |customer: &str| match &desk {
        Some(desk) => desk.forget(customer).map_err(|refused| refused.to_string()),
        None => forget_in(&folder, customer).map_err(|error| format!("{error:#}")),
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
    let customers::Forgotten { customer, drafts, tickets, examples, assets } = gone;
    Forgotten { customer, tickets, drafts: drafts.len() as u64, examples, assets, listed: Vec::new() }
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
}
