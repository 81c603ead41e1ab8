//! Reports on customers: what they write, what suggestions spare them, whom nobody hears of, who is not reached.
//!
//! Reads customers and the engine's store, and lets `heinzel_knowledge` decide. The same for the command line and for HTTP.

use std::collections::{BTreeMap, BTreeSet};

use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_core::incident::Status;
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::{contacts, deflection, silence, topics};
use heinzel_store::customers::{Range, Reader};
use heinzel_store::error::StoreError;
use heinzel_store::{Filter, Store};

/// What suggestions spared, of drafts from `from` to `until`.
pub(crate) fn deflection(
    reader: &Reader,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<deflection::Report, StoreError> {
    let drafts = reader.drafts(Range { from, until })?;
    // A draft may have begun before it was last edited; its ticket or a word on it may be older than the range.
    let first = drafts.iter().map(|draft| draft.first).min().unwrap_or(from);
    let range = Range { from: first, until: Timestamp::MAX };
    let shown = reader.first_shown(range)?;
    let span = (from, until.min(now));
    Ok(deflection::report(&drafts, &shown, &reader.feedback(range)?, &reader.sent(range)?, span, now))
}

/// What customers wrote about from `from` to `until`, and the texts that it was found in.
pub(crate) fn topics(
    reader: &Reader,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<(topics::Report, Vec<topics::Text>), StoreError> {
    let range = Range { from, until };
    let tickets: Vec<Ticket> = reader.tickets(range)?;
    let names = names(&reader.customers()?, &reader.assets()?);
    let texts = topics::texts(&tickets, &reader.drafts(range)?, &names);
    Ok((topics::report(&texts, None, &topics::Options::lexical(now)), texts))
}

/// What each customer and what is theirs is called: that is nobody else's business.
fn names(customers: &[Customer], assets: &[NamedAsset]) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for customer in customers {
        let theirs = names.entry(customer.id.clone()).or_default();
        theirs.push(customer.id.clone());
        theirs.extend(customer.name.clone());
        theirs.extend(customer.email.as_deref().and_then(|email| email.split('@').next()).map(ToOwned::to_owned));
    }
    for named in assets {
        let Some(owner) = &named.asset.owner else { continue };
        let theirs = names.entry(owner.clone()).or_default();
        theirs.extend(named.name.clone());
        theirs.extend(named.asset.aliases.iter().cloned());
    }
    names
}

/// Whom nobody heard of, by repairs that ended from `from` to `until`.
pub(crate) fn silence(
    reader: &Reader,
    store: &dyn Store,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<silence::Report, StoreError> {
    let filter = Filter { status: [Status::Resolved].into(), since: Some(from), ..Filter::default() };
    let repairs: Vec<silence::Repair> = store.incidents(&filter)?.iter().filter_map(silence::Repair::of).collect();
    let first = repairs.iter().map(|repair| repair.opened).min().unwrap_or(from).min(from);
    let sent = reader.sent(Range { from: first, until: Timestamp::MAX })?;
    let customers = reader.customers()?;
    let mut assets: BTreeMap<String, usize> = BTreeMap::new();
    for owner in reader.assets()?.into_iter().filter_map(|named| named.asset.owner) {
        *assets.entry(owner).or_default() += 1;
    }
    let heard: BTreeSet<String> = reader.heard()?.into_keys().collect();
    let known =
        silence::Known { repairs: &repairs, sent: &sent, customers: &customers, assets: &assets, heard: &heard };
    Ok(silence::report(&known, (from, until.min(now)), now))
}

/// Addresses that mail does not reach, or that were long unused.
pub(crate) fn contacts(
    reader: &Reader,
    limits: &contacts::Limits,
    now: Timestamp,
) -> Result<Vec<contacts::Doubted>, StoreError> {
    Ok(contacts::report(&reader.contacts()?, limits, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_own_names_are_known() {
        let customer = Customer {
            id: "K1".into(),
            name: Some("Erika Muster".into()),
            email: Some("erika@example.com".into()),
            ..Customer::default()
        };
        let found = names(&[customer], &[]);
        assert_eq!(found["K1"], ["K1", "Erika Muster", "erika"]);
    }
}
