//! Opening the desk: the answers are read, and read anew whenever they change; what is too old is removed.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::contacts::Bounce;
use heinzel_script::reload::Watch;
use heinzel_store::customers::{Customers, Retention};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use super::{Desk, Shelf, drafts, elsewhere, turns};
use crate::board::Board;
use crate::clock;
use crate::config::Config;
use crate::lapse::Lapse;
use crate::pump::{Message, Order};
use crate::scanner::Current;
use crate::watch::Swap;

/// The desk, and what keeps it up to date.
pub(crate) struct Opened {
    pub(crate) desk: Arc<Desk>,
    _watches: Vec<Watch>,
    upkeep: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.upkeep.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// How often what is too old is removed.
const UPKEEP: Duration = Duration::from_secs(3600);

/// Opens the desk: reads the answers, and reads them anew whenever they change.
///
/// # Errors
/// When what is remembered of customers cannot be read.
pub(crate) fn open(
    config: &Arc<Config>,
    customers: Arc<Customers>,
    board: &Arc<Board>,
    current: &Current,
    swap: &Swap,
    pump: &mpsc::Sender<Message>,
    orders: &mpsc::Sender<Order>,
) -> anyhow::Result<Opened> {
    let shelf = Arc::new(Shelf::new(config.clone(), customers.clone()));
    let first = shelf.clone();
    std::thread::Builder::new().name("answers".into()).spawn(move || first.reload()).context("read the answers")?;
    let returned = board.bounces();
    let named = customers.assets()?.into_iter().filter_map(|one| Some((one.asset.id, one.name?)));
    let names = RwLock::new(named.collect());
    let desk = Arc::new_cyclic(|me| Desk {
        customers: customers.clone(),
        shelf: shelf.clone(),
        board: board.clone(),
        current: current.clone(),
        swap: swap.clone(),
        pump: pump.clone(),
        orders: orders.clone(),
        settings: config.suggestions.clone(),
        words: config.answers.words.clone(),
        zone: config.answers.zone.clone(),
        state: config.state.clone(),
        drafts: drafts::Drafts::default(),
        turns: turns::Turns::default(),
        me: me.clone(),
        names,
        turn: Mutex::default(),
    });
    let again = || {
        let shelf = shelf.clone();
        move || shelf.reload()
    };
    let folders = config.rules.iter().map(|folder| Watch::start(folder, &["md"], again()));
    let files = config.knowledge.iter().filter_map(|source| source.path.as_ref());
    let watches = folders.chain(files.map(|file| Watch::of_file(file, again())));
    let said = |error| tracing::warn!("{:#}; changed answers count from the next start", anyhow::Error::new(error));
    let watches = watches.filter_map(|watch| watch.map_err(said).ok()).collect();
    let asks = config.knowledge.iter().any(|source| source.url.is_some());
    let asking = asks.then(|| tokio::spawn(elsewhere::keep(config.clone(), shelf.clone())));
    let notes = tokio::spawn(note_bounces(returned, customers.clone()));
    let keep = config.suggestions.retention;
    let drafts_of = Arc::downgrade(&desk);
    let mut lapse = Lapse::since(None, clock::now());
    let upkeep = tokio::spawn(async move {
        // Not at once: a machine that has just begun to run may not know yet what time it is.
        let mut due = tokio::time::interval_at(Instant::now() + UPKEEP, UPKEEP);
        loop {
            due.tick().await;
            let now = clock::now();
            let keep = keep.longer_by(lapse.by(now));
            if let Some(desk) = drafts_of.upgrade() {
                desk.drafts.age();
            }
            let customers = customers.clone();
            let _ = tokio::task::spawn_blocking(move || tidy(&customers, &keep, now)).await;
        }
    });
    Ok(Opened { desk, _watches: watches, upkeep: [upkeep, notes].into_iter().chain(asking).collect() })
}

/// Notes which customers' addresses mail comes back from.
async fn note_bounces(mut bounces: broadcast::Receiver<Bounce>, customers: Arc<Customers>) {
    loop {
        let bounce = match bounces.recv().await {
            Ok(bounce) => bounce,
            // One more or less of a flood changes nothing.
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let customers = customers.clone();
        let note = move || customers.bounced(&bounce.address, &bounce.why, bounce.at);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(note).await {
            tracing::warn!(%error, "a returned mail could not be noted");
        }
    }
}

/// Removes what is too old.
fn tidy(customers: &Customers, keep: &Retention, now: Timestamp) {
    loop {
        match customers.retain(now, keep) {
            Ok(removed) if removed.more => {}
            Ok(_) => break,
            Err(error) => {
                return tracing::warn!(%error, "could not remove what is too old; it is tried again in an hour");
            }
        }
    }
    if let Err(error) = customers.scrub() {
        tracing::warn!(%error, "what was removed may still stand on the disk; it is tried again in an hour");
    }
}
