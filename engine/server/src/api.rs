//! What the HTTP side asks of the engine. `app` answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::{Block, SourceId};
use heinzel_core::time::Timestamp;

use crate::metric::Metric;
use crate::suggestion::Draft;
use crate::ticket::Ticket;
use crate::wire;

/// The engine, as far as HTTP needs it. All answers come at once: from memory, without waiting.
pub trait Api: Send + Sync + 'static {
    /// The sources of kind `push`, each with its token. Asked at each request, so that a reload counts at once.
    fn push_sources(&self) -> Arc<[PushSource]>;

    /// Hands a block to the pump without waiting.
    ///
    /// # Errors
    /// [`NotTaken`] when the pump is behind or stopping, or nothing could be found in the block; nothing of it is then kept.
    fn push(&self, block: Block) -> Result<(), NotTaken>;

    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Why the engine cannot do its work now: the store is not writable, the answers are being read, there is nothing
    /// loaded to work with. Empty: it can.
    fn not_ready(&self) -> Vec<String>;

    /// Everything that is counted and measured.
    fn metrics(&self) -> Vec<Metric>;
}

/// A source that is pushed to.
#[derive(Clone)]
pub struct PushSource {
    /// Its name, the `source` of the request.
    pub name: SourceId,
    /// The bearer token that may push to it. Several sources may share one.
    pub token: Arc<str>,
}

impl fmt::Debug for PushSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The pump did not take the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The channel is full: come again.
    #[error("the engine is behind")]
    Full,
    /// The engine stops.
    #[error("the engine is stopping")]
    Closed,
    /// No rule could be loaded yet: nothing would be found, now or later.
    #[error("no rule could be loaded")]
    NoRules,
}

/// How much requests may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open at once. Others wait to be taken.
    pub connections: usize,
    /// How many of one address (of IPv6: one /64) that is not one of our reverse proxies. Others are closed at once.
    pub connections_of_one: usize,
    /// How long a request's head may take to arrive, also the first byte of the next one.
    pub head_within: Duration,
    /// How long an answer may wait for a peer that takes nothing of it. A stream without news waits for nobody.
    pub taken_within: Duration,
    /// The largest head, in bytes.
    pub head: usize,
    /// The largest body of a push, in bytes.
    pub body: usize,
    /// The most events in one push.
    pub events: usize,
    /// How many pushes may be under way at once; each holds its body in memory.
    pub pushes: usize,
    /// How long the body of a push may take to arrive.
    pub arrive_within: Duration,
    /// How long a push waits to be stored before it is told to come again.
    pub stored_within: Duration,
    /// The largest body of a form's request, in bytes: every draft that the description allows fits in.
    pub form_body: usize,
    /// How long the body of a form's, shop's or ticket system's request may take to arrive.
    pub body_within: Duration,
    /// How many requests of forms may be under way at once; of strangers half as many.
    pub forms: usize,
    /// How long suggestions may take.
    pub suggested_within: Duration,
    /// How many requests that read or write records may be under way at once.
    pub calls: usize,
    /// How long such a request waits for its turn.
    pub call_waits: Duration,
    /// How long it may then take.
    pub call_within: Duration,
    /// How long a customer may take to be forgotten: what they wrote is taken from the disk.
    pub forgotten_within: Duration,
    /// How long a report may take.
    pub report_within: Duration,
    /// The largest ticket, in bytes: every one that the description allows fits in.
    pub ticket_body: usize,
    /// The largest asset, customer or payload of Zammad, in bytes.
    pub record_body: usize,
    /// The largest import, in bytes; it is never whole in memory.
    pub import_body: usize,
    /// How long an import may take.
    pub import_within: Duration,
    /// How many streams of news may be open at once.
    pub streams: usize,
    /// How many of one customer.
    pub streams_of_one: usize,
    /// How long a stream of news may last; the form opens another.
    pub stream_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 768,
            connections_of_one: 192,
            head_within: Duration::from_secs(15),
            taken_within: Duration::from_secs(15),
            head: 64 << 10,
            body: 8 << 20,
            events: 100_000,
            pushes: 16,
            arrive_within: Duration::from_secs(30),
            stored_within: Duration::from_secs(10),
            form_body: wire::json_bytes(Draft::BODY),
            body_within: Duration::from_secs(10),
            forms: 512,
            suggested_within: Duration::from_secs(3),
            calls: 16,
            call_waits: Duration::from_secs(2),
            call_within: Duration::from_secs(10),
            forgotten_within: Duration::from_secs(120),
            report_within: Duration::from_secs(120),
            ticket_body: wire::json_bytes(Ticket::BODY),
            record_body: 1 << 20,
            import_body: 64 << 20,
            import_within: Duration::from_secs(600),
            streams: 384,
            streams_of_one: 4,
            stream_for: Duration::from_secs(900),
        }
    }
}

/// Whether two secrets are the same, in a time that depends on their lengths only.
#[must_use]
pub(crate) fn is_same_secret(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let difference = one.iter().zip(other).fold(0, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
    std::hint::black_box(difference) == 0
}
