//! Reports over what is remembered of customers: gathered here, counted in the knowledge crate, for HTTP and the command
//! line alike.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use heinzel_core::customer::CustomerId;
use heinzel_core::incident::Status;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::contacts::{self, Doubted, Limits};
use heinzel_knowledge::deflection;
use heinzel_knowledge::silence::{self, Known, Repair};
use heinzel_knowledge::topics::{self, Options};
use heinzel_store::customers::{Range, Reader};
use heinzel_store::error::StoreError;
use heinzel_store::sqlite::Sqlite;
use heinzel_store::{Filter, Store as _};

/// How long a reader waits for the writer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A customer was down for a day and wrote when it was over: tickets are looked for from so long before the range.
const BEFORE: Duration = Duration::from_secs(31 * 86_400);

/// What suggestions spare.
pub(crate) fn deflection(reader: &Reader, range: Range, now: Timestamp) -> Result<deflection::Report, StoreError> {
    let longer = Range { from: range.from, until: range.until + deflection::RETURN };
    let (drafts, feedback, sent) = (reader.drafts(range)?, reader.feedback(longer)?, reader.sent(longer)?);
    Ok(deflection::report(&drafts, &feedback, &sent, (range.from, range.until), now))
}

/// What customers write about, and the texts it was found in.
pub(crate) fn topics(
    reader: &Reader,
    range: Range,
    now: Timestamp,
) -> Result<(topics::Report, Vec<topics::Text>), StoreError> {
    let names = reader.customers()?.into_iter().filter_map(|customer| {
        let words = customer.name?.split_whitespace().map(ToOwned::to_owned).collect();
        Some((customer.id, words))
    });
    let names: BTreeMap<String, Vec<String>> = names.collect();
    let texts = topics::texts(&reader.tickets(range)?, &reader.drafts(range)?, &names);
    Ok((topics::report(&texts, None, &Options::lexical(now)), texts))
}

/// Whom nobody hears of.
pub(crate) fn silence(
    reader: &Reader,
    state: &Path,
    range: Range,
    now: Timestamp,
) -> Result<silence::Report, StoreError> {
    let store = Sqlite::open_read_only(state, PATIENCE)?;
    let over = Filter { status: BTreeSet::from([Status::Resolved]), since: Some(range.from), ..Filter::default() };
    let repairs: Vec<Repair> = store.incidents(&over)?.iter().filter_map(Repair::of).collect();
    let mut assets: BTreeMap<CustomerId, usize> = BTreeMap::new();
    for owner in reader.assets()?.into_iter().filter_map(|one| one.asset.owner) {
        *assets.entry(owner).or_default() += 1;
    }
    let heard: BTreeSet<CustomerId> = reader.heard()?.into_keys().collect();
    let sent = reader.sent(Range { from: range.from - BEFORE, until: range.until + deflection::RETURN })?;
    let customers = reader.customers()?;
    let known = Known { repairs: &repairs, sent: &sent, customers: &customers, assets: &assets, heard: &heard };
    Ok(silence::report(&known, (range.from, range.until), now))
}

/// Addresses that may not reach anybody.
pub(crate) fn contacts(reader: &Reader, now: Timestamp) -> Result<Vec<Doubted>, StoreError> {
    Ok(contacts::report(&reader.contacts()?, &Limits::default(), now))
}
