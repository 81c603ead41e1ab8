//! Notes: what is put into memory at once and stored soon, many at a time.
//!
//! Start at [`Notes`]; [`Writer`] is the thread that stores them.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use heinzel_core::draft::{Draft, DraftId, Owner, Shown};
use heinzel_core::time::Timestamp;

use super::{Claim, Shared, begin, drafts, locked};
use crate::error::StoreError;
use crate::sqlite::fail::Fail;

/// Drafts that wait or are on their way into the file at most. A draft that is noted again waits once. At most some 500
/// bytes each.
const MOST_DRAFTS: usize = 16_384;
/// Items shown that wait or are on their way into the file at most. At most some 200 bytes each.
const MOST_SHOWN: usize = 65_536;
/// Owners that are known in memory: twice as many at most. More than can wait, so that whoever waits is known.
const OWNERS: usize = 2 * MOST_DRAFTS;
/// Rows of one transaction: others wait for it about a millisecond.
const BATCH: usize = 200;
/// How long notes are gathered before they are stored.
const GATHER: Duration = Duration::from_millis(50);
/// How long the thread rests when they could not be stored.
const REST: Duration = Duration::from_secs(1);
/// Whoever is forgotten may just be writing: what was claimed before is not noted for so long. Longer than a draft is answered.
const ECHO: Duration = Duration::from_secs(60);

/// What waits to be stored.
#[derive(Debug, Default)]
pub(super) struct Notes {
    inner: Mutex<Inner>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    drafts: HashMap<DraftId, Draft>,
    shown: Vec<Shown>,
    /// Drafts and items that are just being stored: they may come back.
    away: (usize, usize),
    dropped: u64,
    ends: bool,
    /// Owners of the drafts seen lately, in two generations: when the young one is full it becomes the old one.
    young: HashMap<DraftId, Owner>,
    old: HashMap<DraftId, Owner>,
    /// Customers who were forgotten within [`ECHO`], and when.
    forgotten: Vec<(String, Instant)>,
}

impl Inner {
    fn owner_of(&self, draft: &str) -> Option<&Owner> {
        self.young.get(draft).or_else(|| self.old.get(draft))
    }

    fn remember(&mut self, draft: &str, owner: &Owner) {
        if self.young.len() >= OWNERS {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(draft.to_owned(), owner.clone());
    }

    fn is_full(&self) -> bool {
        self.drafts.len() + self.away.0 >= MOST_DRAFTS
    }

    fn note(&mut self, mut draft: Draft) {
        if let Some(owner) = self.owner_of(&draft.id) {
            draft.owner = owner.clone();
        } else if self.forgotten.iter().any(|(id, at)| draft.owner.customer() == Some(id) && at.elapsed() < ECHO) {
            // Its claim is gone with them.
            return;
        }
        if let Some(before) = self.drafts.get(&draft.id) {
            follows(&mut draft, before);
        } else if self.is_full() {
            self.dropped += 1;
            return;
        }
        self.drafts.insert(draft.id.clone(), draft);
    }
}

/// What stays of how a draft stood before, when it is noted anew; as in the file.
fn follows(draft: &mut Draft, before: &Draft) {
    draft.first = draft.first.min(before.first);
    if draft.top.is_none() {
        draft.top.clone_from(&before.top);
    }
}

impl Notes {
    /// Whether a claim would find no room.
    pub(super) fn are_full(&self) -> bool {
        locked(&self.inner).is_full()
    }

    pub(super) fn owner_of(&self, draft: &str) -> Option<Owner> {
        locked(&self.inner).owner_of(draft).cloned()
    }

    /// Claims a draft; `stored` says whose it is by the file. Under one lock, so that two that claim it at the same moment
    /// do not both get it.
    pub(super) fn claim(
        &self,
        draft: &str,
        owner: &Owner,
        now: Timestamp,
        stored: impl FnOnce() -> Result<Option<Owner>, StoreError>,
    ) -> Result<Claim, StoreError> {
        let mut inner = locked(&self.inner);
        let known = match inner.owner_of(draft) {
            Some(known) => Some(known.clone()),
            None => stored()?,
        };
        if let Some(known) = known {
            inner.remember(draft, &known);
            return Ok(if known == *owner { Claim::Yours } else { Claim::Foreign });
        }
        inner.remember(draft, owner);
        let claimed = Draft {
            id: draft.to_owned(),
            owner: owner.clone(),
            language: String::new(),
            page: None,
            field: None,
            asset: None,
            first: now,
            last: now,
            words: 0,
            hold_out: false,
            top: None,
            nothing: None,
            text: None,
        };
        // Not through `note`: a claim is never dropped. Callers look for room first.
        inner.drafts.insert(claimed.id.clone(), claimed);
        drop(inner);
        self.bell.notify_one();
        Ok(Claim::First)
    }

    pub(super) fn draft(&self, draft: Draft) {
        locked(&self.inner).note(draft);
        self.bell.notify_one();
    }

    pub(super) fn shown(&self, mut shown: Vec<Shown>) {
        let mut inner = locked(&self.inner);
        let room = MOST_SHOWN.saturating_sub(inner.shown.len() + inner.away.1);
        inner.dropped += shown.len().saturating_sub(room) as u64;
        shown.truncate(room);
        inner.shown.append(&mut shown);
        drop(inner);
        self.bell.notify_one();
    }

    /// Nothing of a customer is remembered, nor of these drafts.
    pub(super) fn forget(&self, customer: &str, drafts: &[DraftId]) {
        let mut inner = locked(&self.inner);
        let theirs = |owner: &Owner| owner.customer() == Some(customer);
        inner.young.retain(|_, owner| !theirs(owner));
        inner.old.retain(|_, owner| !theirs(owner));
        inner.drafts.retain(|_, draft| !theirs(&draft.owner));
        for draft in drafts {
            inner.young.remove(draft);
            inner.old.remove(draft);
            inner.drafts.remove(draft);
        }
        inner.shown.retain(|shown| !drafts.contains(&shown.draft));
        inner.forgotten.retain(|(_, at)| at.elapsed() < ECHO);
        inner.forgotten.push((customer.to_owned(), Instant::now()));
    }

    /// How many wait, and how many were dropped.
    pub(super) fn numbers(&self) -> (u64, u64) {
        let inner = locked(&self.inner);
        let away = inner.away.0 + inner.away.1;
        ((inner.drafts.len() + inner.shown.len() + away) as u64, inner.dropped)
    }

    fn take(&self) -> (Vec<Draft>, Vec<Shown>) {
        let mut inner = locked(&self.inner);
        let mut drafts: Vec<Draft> = mem::take(&mut inner.drafts).into_values().collect();
        // In one order, so that the file does not depend on the map's.
        drafts.sort_by(|a, b| (a.first, &a.id).cmp(&(b.first, &b.id)));
        let shown = mem::take(&mut inner.shown);
        inner.away = (drafts.len(), shown.len());
        (drafts, shown)
    }

    /// What was taken is stored, but for these. What was noted meanwhile is newer.
    fn put_back(&self, drafts: &[Draft], shown: &[Shown]) {
        let mut inner = locked(&self.inner);
        inner.away = (0, 0);
        for draft in drafts {
            inner
                .drafts
                .entry(draft.id.clone())
                .and_modify(|newer| follows(newer, draft))
                .or_insert_with(|| draft.clone());
        }
        // In their order, before what came meanwhile.
        inner.shown.splice(0..0, shown.iter().cloned());
    }
}

impl Shared {
    /// Stores what is noted. What fails is noted again.
    pub(super) fn store_notes(&self) -> Result<(), StoreError> {
        // When this returns, what another thread took before is stored too.
        self.store_taken(&locked(&self.storing))
    }

    /// The same for who holds [`Shared::storing`].
    pub(super) fn store_taken(&self, _storing: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        let (all_drafts, all_shown) = self.notes.take();
        let (mut drafts, mut shown) = (&*all_drafts, &*all_shown);
        let mut failed = None;
        while !(drafts.is_empty() && shown.is_empty()) {
            let (now, later) = drafts.split_at(drafts.len().min(BATCH));
            let (now_shown, later_shown) = shown.split_at(shown.len().min(BATCH - now.len()));
            // Let go after each transaction, so that whoever waits for the connection gets it.
            let stored = begin(&mut locked(&self.conn)).and_then(|tx| {
                drafts::put(&tx, now)?;
                drafts::put_shown(&tx, now_shown)?;
                Ok(tx.commit()?)
            });
            if let Err(fail) = stored {
                failed = Some(fail.explain("store drafts in", &self.file));
                break;
            }
            (drafts, shown) = (later, later_shown);
        }
        self.notes.put_back(drafts, shown);
        failed.map_or(Ok(()), Err)
    }
}

/// The thread that stores notes. Dropping it stores what is left and waits for the thread to end.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Self, Fail> {
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("customers".into()).spawn(move || run(&own))?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

fn run(shared: &Shared) {
    let mut told = false;
    loop {
        let notes = &shared.notes;
        let empty = |inner: &mut Inner| !inner.ends && inner.drafts.is_empty() && inner.shown.is_empty();
        let inner = notes.bell.wait_while(locked(&notes.inner), empty);
        let mut ends = inner.map_or(true, |inner| inner.ends);
        if !ends {
            ends = ended(notes, GATHER);
        }
        match shared.store_notes() {
            Ok(()) => told = false,
            Err(error) => {
                if !told {
                    tracing::warn!(%error, "drafts cannot be stored; they are kept in memory as far as there is room");
                    told = true;
                }
                ends |= ended(notes, REST);
            }
        }
        if ends {
            return;
        }
    }
}

/// Waits, but not for what is over. Whether it is.
fn ended(notes: &Notes, span: Duration) -> bool {
    let waited = notes.bell.wait_timeout_while(locked(&notes.inner), span, |inner| !inner.ends);
    waited.map_or(true, |(inner, _)| inner.ends)
}

impl Drop for Writer {
    fn drop(&mut self) {
        locked(&self.shared.notes.inner).ends = true;
        self.shared.notes.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there is in the log already.
            let _ = thread.join();
        }
    }
}
