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
        let gone = self.customers.forget(customer).map_err(busy)?;
        self.drafts.forget(&gone.drafts);
        if !gone.assets.is_empty() {
            self.know()?;
        }
        if gone.examples > 0 {
            self.shelf.learned();
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
    let gone = customers.forget(customer)?;
    if gone.examples > 0 {
        // The next start makes it anew, without them.
        remove(&folder.join(INDEX))?;
        let models = std::fs::read_dir(folder.join(MODELS)).into_iter().flatten().flatten().map(|entry| entry.path());
        let vectors = models.filter(|path| path.extension().is_some_and(|ending| ending == "vectors"));
        vectors.into_iter().try_for_each(|path| remove(&path))?;
    }
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
