//! Who is connected, and who must go when there is no room for one more.
//!
//! Start at [`Table::victim`]. A newcomer is never refused: whoever was idle longest goes. An address may have more than its
//! share while there is room; once there is none, the addresses over their share give way first. No sockets and no clock here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use heinzel_core::block::StreamId;
use tokio::task::Id;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// So long a new connection may be silent before it has to go ahead of those that have sent something.
const GRACE: Duration = Duration::from_secs(5);

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of all together.
    pub(super) connections: usize,
    /// Of one address, once there is no room.
    pub(super) share: usize,
}

/// Where one connection comes from, and what it does.
#[derive(Debug)]
pub(super) struct Seat {
    /// The peer.
    pub(super) stream: StreamId,
    /// Whether that is an address, which has a share.
    pub(super) is_address: bool,
    /// Told when it must go.
    pub(super) leave: CancellationToken,
    activity: Mutex<Activity>,
}

#[derive(Clone, Copy, Debug)]
struct Activity {
    /// What it has sent waits for the engine.
    is_busy: bool,
    /// It has sent a message.
    has_sent: bool,
    /// When it last did something.
    since: Instant,
}

impl Seat {
    pub(super) fn new(stream: StreamId, is_address: bool, now: Instant) -> Self {
        let activity = Mutex::new(Activity { is_busy: false, has_sent: false, since: now });
        Self { stream, is_address, leave: CancellationToken::new(), activity }
    }

    /// Something has come; `has_sent`: whole messages.
    pub(super) fn begin(&self, has_sent: bool, now: Instant) {
        let mut activity = self.lock();
        (activity.is_busy, activity.since) = (true, now);
        activity.has_sent |= has_sent;
    }

    /// What came is handed over.
    pub(super) fn rest(&self, now: Instant) {
        let mut activity = self.lock();
        (activity.is_busy, activity.since) = (false, now);
    }

    /// Whether it has sent a message.
    pub(super) fn has_sent(&self) -> bool {
        self.lock().has_sent
    }

    fn lock(&self) -> MutexGuard<'_, Activity> {
        // What is inside is right whoever panicked: three values.
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections, by their tasks.
#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    seats: HashMap<Id, Arc<Seat>>,
}

/// Who must go.
#[derive(Debug)]
pub(super) struct Victim {
    pub(super) seat: Arc<Seat>,
    /// Because its address has more than its share.
    pub(super) by_share: bool,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, seats: HashMap::new() }
    }

    pub(super) fn enter(&mut self, task: Id, seat: Arc<Seat>) {
        self.seats.insert(task, seat);
    }

    pub(super) fn left(&mut self, task: Id) {
        self.seats.remove(&task);
    }

    /// Whether there is no room for one more.
    pub(super) fn is_full(&self) -> bool {
        self.seats.len() >= self.limits.connections
    }

    /// Who must go so that one more of `newcomer` has room; `None` where there is room.
    pub(super) fn victim(&self, newcomer: &Seat, now: Instant) -> Option<Victim> {
        if !self.is_full() {
            return None;
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for seat in self.seats.values().map(Arc::as_ref).chain([newcomer]).filter(|seat| seat.is_address) {
            *counts.entry(&seat.stream).or_default() += 1;
        }
        let is_over = |seat: &Seat| counts.get(&*seat.stream).is_some_and(|&count| count > self.limits.share);
        let longest_idle = |by_share: bool| {
            let seats = self.seats.values().filter(|seat| !by_share || is_over(seat));
            seats.min_by_key(|seat| {
                let Activity { is_busy, has_sent, since } = *seat.lock();
                (is_busy, has_sent || now < since + GRACE, since)
            })
        };
        let of_share = longest_idle(true).map(|seat| (seat, true));
        let (seat, by_share) = of_share.or_else(|| Some((longest_idle(false)?, false)))?;
        Some(Victim { seat: seat.clone(), by_share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { connections: 4, share: 2 };

    /// Tables of `address + since + what`: `!` has sent, `*` waits for the engine; the newcomer's address; who goes.
    async fn check(seats: &[(&str, u64, &str)], newcomer: &str, expected: Option<(usize, bool)>) {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut table = Table::new(LIMITS);
        let mut all = Vec::new();
        for &(address, since, what) in seats {
            let seat = Arc::new(Seat::new(address.into(), address != "socket", at(since)));
            if what.contains('!') {
                seat.begin(true, at(since));
                seat.rest(at(since));
            }
            if what.contains('*') {
                seat.begin(false, at(since));
            }
            let task = tokio::spawn(async {});
            table.enter(task.id(), seat.clone());
            task.await.unwrap();
            all.push(seat);
        }
        let newcomer_seat = Seat::new(newcomer.into(), newcomer != "socket", at(100));
        let found = table
            .victim(&newcomer_seat, at(100))
            .map(|victim| (all.iter().position(|seat| Arc::ptr_eq(seat, &victim.seat)).unwrap(), victim.by_share));
        assert_eq!(found, expected, "{seats:?} and {newcomer}");
    }

    #[tokio::test]
    async fn whoever_was_idle_longest_goes_and_only_when_there_is_no_room() {
        check(&[], "a", None).await;
        check(&[("a", 1, "!"), ("a", 2, "!"), ("a", 3, "!")], "a", None).await;
        check(&[("a", 3, "!"), ("b", 2, "!"), ("c", 1, "!"), ("d", 4, "!")], "e", Some((2, false))).await;
        // Who never sent anything goes first, unless it has only just come.
        check(&[("a", 1, "!"), ("b", 2, "!"), ("c", 90, ""), ("d", 4, "!")], "e", Some((2, false))).await;
        check(&[("a", 1, "!"), ("b", 2, "!"), ("c", 99, ""), ("d", 4, "!")], "e", Some((0, false))).await;
        // Who waits for the engine is not idle.
        check(&[("a", 1, "!*"), ("b", 2, "*"), ("c", 3, "!"), ("d", 4, "!")], "e", Some((2, false))).await;
        check(&[("a", 4, "!*"), ("b", 2, "*"), ("c", 3, "!*"), ("d", 5, "*")], "e", Some((1, false))).await;
    }

    #[tokio::test]
    async fn addresses_over_their_share_give_way_first() {
        check(&[("a", 1, "!"), ("b", 2, ""), ("b", 3, ""), ("b", 4, "")], "c", Some((1, true))).await;
        // The newcomer counts.
        check(&[("a", 1, "!"), ("b", 3, "!"), ("b", 2, "!"), ("c", 4, "")], "b", Some((2, true))).await;
        check(&[("a", 1, "!"), ("b", 3, "!"), ("b", 2, "!"), ("c", 4, "")], "d", Some((3, false))).await;
        // Those on this machine have no address and no share.
        check(
            &[("socket", 1, "!"), ("socket", 2, "!"), ("socket", 3, "!"), ("socket", 4, "!")],
            "socket",
            Some((0, false)),
        )
        .await;
    }
}
