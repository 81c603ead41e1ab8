//! Between the sources and the pump: blocks in, findings out, in the order of each source, on one thread or several.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use heinzel_core::block::{Block, Delivery, Notice, Record, Shape, SourceId};
use heinzel_source::outlet::Taker;
use tokio::sync::{Notify, mpsc};

use crate::budget::Budget;
use crate::in_order::{InOrder, Piece, lock};
use crate::learning::Learning;
use crate::live::Live;
use crate::pipeline::{self, Candidates, Lane, Manner, Sequel, Way};
use crate::pump::{Message, Scanned};

/// The rules in force, swapped by a reload.
#[derive(Clone)]
pub(crate) struct Current(Arc<Mutex<Arc<Live>>>, Arc<Notify>);

impl Current {
    /// These rules are in force.
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self(Arc::new(Mutex::new(live)), Arc::default())
    }

    /// The rules in force.
    pub(crate) fn get(&self) -> Arc<Live> {
        lock(&self.0).clone()
    }

    /// Puts other rules in force.
    pub(crate) fn swap(&self, live: Arc<Live>) {
        *lock(&self.0) = live;
        self.1.notify_waiters();
    }

    /// Waits until there are rules.
    pub(crate) async fn has_rules(&self) {
        loop {
            // Before looking: what is put in force meanwhile counts.
            let news = self.1.notified();
            if !self.get().rules.rules.is_empty() {
                return;
            }
            news.await;
        }
    }
}

/// A block this large is worth waking another thread for the next one, in bytes: scanning it takes longer than that.
const LARGE: usize = 64 * 1024;
/// How much of what was found may wait for the pump, in bytes.
const WAITING: usize = 16 << 20;

/// What comes in, with what is needed to scan it.
enum Errand {
    Scan { block: Block, way: Arc<Way>, is_live: bool },
    Tell(Notice),
}

/// What goes out.
enum Done {
    Scanned(Box<Came>),
    Tell(Notice),
}

/// What a block came to.
struct Came {
    /// Without its bytes.
    block: Block,
    bytes: usize,
    scanned: pipeline::Scanned,
    lost: Option<u64>,
}

impl Done {
    fn size(&self) -> usize {
        match self {
            Self::Scanned(came) => came.scanned.size(),
            Self::Tell(_) => 0,
        }
    }
}

/// Scans what the sources bring, and tells the pump what was found.
pub(crate) struct Scanner {
    current: Current,
    learning: Arc<Learning>,
    lanes: Mutex<BTreeMap<SourceId, Lane>>,
    order: InOrder<'static, SourceId, Done>,
    /// How many deliveries are on their way through the channel and have no place in the order yet.
    queued: AtomicUsize,
    /// Of who scans a small block without the channel: one at a time.
    apart: Mutex<Candidates>,
    pump: mpsc::Sender<Message>,
    budget: Budget,
}

impl Scanner {
    /// A scanner of these sources.
    pub(crate) fn new(
        pump: mpsc::Sender<Message>,
        current: Current,
        manners: BTreeMap<SourceId, Manner>,
        learning: Arc<Learning>,
    ) -> Self {
        let lane = |(source, manner): (SourceId, Manner)| (source.clone(), Lane::new(source, manner));
        let lanes: BTreeMap<SourceId, Lane> = manners.into_iter().map(lane).collect();
        let budget = Budget::new(WAITING);
        let mut exit = Exit {
            sequels: lanes.iter().map(|(source, lane)| (source.clone(), Sequel::of(lane))).collect(),
            stumbled: BTreeSet::new(),
            budget: budget.clone(),
        };
        let to_pump = pump.clone();
        // The pump is gone: what it has not stored is read again from the checkpoint.
        let order = InOrder::new(Done::size, move |done| to_pump.blocking_send(exit.message(done)).is_ok());
        let (lanes, queued, apart) = (Mutex::new(lanes), AtomicUsize::new(0), Mutex::default());
        Self { current, learning, lanes, order, queued, apart, pump, budget }
    }

    /// Scans until the sources have closed their channel, on as many threads as are worth it.
    pub(crate) fn run(&self, mut inbox: mpsc::Receiver<Delivery>, threads: NonZeroUsize) {
        let take = move || {
            loop {
                let piece = self.piece(inbox.blocking_recv()?);
                self.queued.fetch_sub(1, Ordering::AcqRel);
                if let Some(piece) = piece {
                    return Some(Piece { hand_over: piece.hand_over || !inbox.is_empty(), ..piece });
                }
            }
        };
        self.order.run(threads, take, |errand, candidates: &mut Candidates| self.work(errand, candidates));
    }

    /// Gives a delivery its place in the order; nothing for one of a source that nobody knows.
    fn piece(&self, delivery: Delivery) -> Option<Piece<SourceId, Errand>> {
        let mut lanes = lock(&self.lanes);
        let (source, piece, hand_over) = match delivery {
            Delivery::Notice(notice) => {
                let source = notice.source().clone();
                if let Notice::CaughtUp { source } = &notice
                    && let Some(lane) = lanes.get_mut(source)
                {
                    lane.caught_up();
                }
                (source, Errand::Tell(notice), false)
            }
            Delivery::Block(block) => {
                let lane = lanes.get_mut(&block.source)?;
                let way = lane.way(&self.current.get(), &block.stream, &block.shape);
                let (is_live, large) = (lane.is_live(), block.bytes.len() >= LARGE);
                (block.source.clone(), Errand::Scan { block, way, is_live }, large)
            }
        };
        Some(Piece { ticket: self.order.draw(source), piece, hand_over })
    }

    fn work(&self, errand: Errand, candidates: &mut Candidates) -> Done {
        match errand {
            Errand::Tell(notice) => Done::Tell(notice),
            Errand::Scan { mut block, way, is_live } => {
                self.learning.block(&block.bytes);
                let (scanned, lost) = carefully(&block, &way, |block| way.read(block, is_live, candidates));
                let bytes = std::mem::take(&mut block.bytes).len();
                Done::Scanned(Box::new(Came { block, bytes, scanned, lost }))
            }
        }
    }

    /// Whether the pump has taken all there was.
    fn pump_keeps_up(&self) -> bool {
        self.pump.capacity() == self.pump.max_capacity() && self.budget.is_free()
    }
}

impl Taker for Scanner {
    fn queued(&self) {
        self.queued.fetch_add(1, Ordering::AcqRel);
    }

    fn take(&self, delivery: Delivery) -> Option<Delivery> {
        let is_small = matches!(&delivery, Delivery::Block(block) if block.bytes.len() < LARGE);
        let has_way = is_small && self.queued.load(Ordering::Acquire) == 0;
        if !has_way || !self.order.is_free() || !self.pump_keeps_up() {
            return Some(delivery);
        }
        let Ok(mut candidates) = self.apart.try_lock() else { return Some(delivery) };
        if let Some(Piece { ticket, piece, .. }) = self.piece(delivery) {
            self.order.at_once(ticket, || self.work(piece, &mut candidates));
        }
        None
    }
}

/// Where results leave for the pump, in the order of each source.
struct Exit {
    sequels: BTreeMap<SourceId, Sequel>,
    /// Sources of which a lost record was told.
    stumbled: BTreeSet<SourceId>,
    budget: Budget,
}

impl Exit {
    /// What the pump is told; waits until the pump has room for it.
    fn message(&mut self, done: Done) -> Message {
        let came = match done {
            Done::Tell(notice) => return Message::Notice(notice),
            Done::Scanned(came) => came,
        };
        let Came { block, bytes, mut scanned, lost } = *came;
        if let Some(sequel) = self.sequels.get_mut(&block.source) {
            sequel.settle(&mut scanned);
        }
        let held = self.budget.hold(scanned.size());
        let mut complaints: Vec<String> = scanned.complaints.into_iter().map(|c| c.text).collect();
        if let Some(offset) = lost.filter(|_| self.stumbled.insert(block.source.clone())) {
            let stream = &block.stream;
            complaints.push(format!(
                "the record at byte {offset} of {stream} is left out: reading it met a mistake in heinzel itself; \
                 please report it with this line. Further ones of this source are left out silently"
            ));
        }
        Message::Scanned(Box::new(Scanned {
            source: block.source,
            findings: scanned.findings,
            refused: scanned.refused,
            complaints,
            bytes: bytes as u64,
            candidates: scanned.candidates,
            checkpoint: block.checkpoint,
            ack: block.ack,
            held: Some(held),
        }))
    }
}

/// Reads a block; should that panic, its records one by one, without those that panic: strangers write the lines, and none
/// may make the engine deaf. The second value is where the first of them stands.
fn carefully(
    block: &Block,
    way: &Way,
    mut read: impl FnMut(&Block) -> pipeline::Scanned,
) -> (pipeline::Scanned, Option<u64>) {
    if let Ok(scanned) = catch_unwind(AssertUnwindSafe(|| read(block))) {
        return (scanned, None);
    }
    let (mut all, mut lost) = (pipeline::Scanned::nothing(block), None);
    let mut sequel = Sequel::within(way);
    for one in records(block) {
        match catch_unwind(AssertUnwindSafe(|| read(&one))) {
            Ok(mut scanned) => {
                sequel.settle(&mut scanned);
                all.append(scanned);
            }
            Err(_) => lost = lost.or(Some(one.offset)),
        }
    }
    (all, lost)
}

/// The records of a block, each as a block of its own.
fn records(block: &Block) -> Vec<Block> {
    let mut start = 0;
    let mut cut = |end: usize, shape: Shape| {
        let bytes = block.bytes.get(start..end).unwrap_or_default().to_vec();
        let offset = block.offset + start as u64;
        start = end;
        let (source, stream, read_at) = (block.source.clone(), block.stream.clone(), block.read_at);
        Block { source, stream, offset, bytes, shape, checkpoint: None, read_at, ack: None }
    };
    match &block.shape {
        Shape::Lines => {
            let mut end = 0;
            let lines = block.bytes.split_inclusive(|&b| b == b'\n');
            lines
                .map(|line| {
                    end += line.len();
                    cut(end, Shape::Lines)
                })
                .collect()
        }
        Shape::Records(records) => {
            let mut before = 0;
            let one = |record: &Record| {
                let shape = Shape::Records(vec![Record { end: record.end - before, stamp: record.stamp.clone() }]);
                before = record.end;
                cut(record.end, shape)
            };
            records.iter().map(one).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heinzel_core::block::Checkpoint;
    use heinzel_core::parse::Format;
    use heinzel_core::time::Timestamp;
    use heinzel_source::outlet::Outlet;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn block(bytes: &[u8], shape: Shape) -> Block {
        let (source, stream) = ("s".into(), "t".into());
        Block {
            source,
            stream,
            offset: 100,
            bytes: bytes.to_vec(),
            shape,
            checkpoint: None,
            read_at: Timestamp::EPOCH,
            ack: None,
        }
    }

    /// Reads what stumbles over `bad`: how many records were read, and where the first lost one stands.
    fn check(block: &Block, read: u64, lost: Option<u64>) {
        let manner = Manner { format: Format::Plain, zone: TimeZone::UTC, year: None, program: None, customers: false };
        let way = Lane::new(block.source.clone(), manner).way(&Arc::new(Live::default()), &block.stream, &block.shape);
        let stumbling = |block: &Block| {
            assert!(!block.bytes.starts_with(b"bad") && memchr::memmem::find(&block.bytes, b"\nbad").is_none());
            let mut scanned = pipeline::Scanned::nothing(block);
            scanned.candidates = memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
            scanned
        };
        let (scanned, place) = carefully(block, &way, stumbling);
        assert_eq!((scanned.candidates, place), (read, lost));
    }

    /// What the pump is told of each source, scanned on so many threads; what may be is handed over `apart` from the channel.
    fn told(deliveries: Vec<Delivery>, threads: usize, apart: bool) -> BTreeMap<SourceId, Vec<String>> {
        let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        static LIVE: std::sync::OnceLock<Arc<Live>> = std::sync::OnceLock::new();
        let live = LIVE.get_or_init(|| Arc::new(Live::load(&[rules], None).0)).clone();
        let manner = |format| Manner { format, zone: TimeZone::UTC, year: None, program: None, customers: false };
        let manners =
            [("a", Format::Auto), ("b", Format::Plain)].map(|(name, format)| (SourceId::from(name), manner(format)));
        let (to_scanner, from_sources) = mpsc::channel(2);
        let (to_pump, mut pump) = mpsc::channel(2);
        let learning = Arc::new(Learning::open(std::path::Path::new("nowhere")));
        let scanner = Arc::new(Scanner::new(to_pump, Current::new(live), manners.into(), learning));
        let outlet = Outlet::new(to_scanner, scanner.clone());
        let threads = NonZeroUsize::new(threads).unwrap();
        let scanning = std::thread::spawn(move || scanner.run(from_sources, threads));
        let bringing = std::thread::spawn(move || {
            for mut delivery in deliveries {
                let hand = |one| if apart { outlet.try_hand(one) } else { outlet.try_send(one) };
                while let Some(left) = hand(delivery).unwrap() {
                    delivery = left;
                    std::thread::yield_now();
                }
            }
        });
        let mut told: BTreeMap<SourceId, Vec<String>> = BTreeMap::new();
        while let Some(message) = pump.blocking_recv() {
            let (source, text) = match message {
                Message::Notice(notice) => (notice.source().clone(), format!("{notice:?}")),
                Message::Scanned(scanned) => {
                    let findings: Vec<_> = scanned.findings.iter().map(|claim| claim.to_finding()).collect();
                    let Scanned { source, refused, complaints, bytes, candidates, checkpoint, .. } = *scanned;
                    let said = format!("{findings:?} {refused:?} {complaints:?} {bytes} {candidates} {checkpoint:?}");
                    (source, said)
                }
                _ => panic!("the scanner says nothing else"),
            };
            told.entry(source).or_default().push(text);
        }
        bringing.join().unwrap();
        scanning.join().unwrap();
        told
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn several_threads_and_those_who_bring_say_the_same_as_one(
            blocks in proptest::collection::vec((any::<bool>(), proptest::collection::vec(0_usize..LINES.len(), 0..9)), 0..30),
            threads in 1_usize..5,
            apart in any::<bool>(),
        ) {
            let deliveries = || blocks.iter().enumerate().map(|(number, (first, lines))| {
                let source = SourceId::from(if *first { "a" } else { "b" });
                if lines.is_empty() {
                    return Delivery::Notice(Notice::CaughtUp { source });
                }
                let text: String = lines.iter().map(|line| LINES[*line]).collect();
                let state = number.to_string();
                let checkpoint = Some(Checkpoint { source: source.clone(), stream: source.clone(), state: state.into() });
                Delivery::Block(Block { source, checkpoint, ..block(text.as_bytes(), Shape::Lines) })
            });
            let one = told(deliveries().collect(), 1, false);
            prop_assert_eq!(told(deliveries().collect(), threads, apart), one);
        }
    }

    const LINES: [&str; 6] = [
        "1970-01-01T00:00:00Z web1 cp[1]: x: No space left on device\n",
        "1969-12-31T12:00:00Z web1 cp[1]: y: No space left on device\n",
        "1970-01-02T00:00:00Z web1 cp[1]: ENOSPC: no space left on device\n",
        "No space left on device, without a time\n",
        "{\"message\":\"x:\\u0020No space left on device\",\"program\":\"cp\"}\n",
        "nothing\n",
    ];

    #[test]
    fn a_record_that_cannot_be_read_costs_no_other() {
        check(&block(b"a\nb\nc\n", Shape::Lines), 3, None);
        check(&block(b"a\nbad\nc\nbad\n", Shape::Lines), 2, Some(102));
        let ends = [2, 6, 8].map(|end| Record { end, stamp: None });
        check(&block(b"a\nbad\nc\n", Shape::Records(ends.to_vec())), 2, Some(102));
    }
}
