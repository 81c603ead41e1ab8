//! The thread between the sources and the pump: blocks in, findings out, in the order of each source.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_core::block::{Block, Delivery, Notice, Record, Shape, SourceId};
use tokio::sync::mpsc;

use crate::live::Live;
use crate::pipeline::{self, Candidates, Lane, Manner, Sequel, Way};
use crate::pump::{Message, Scanned};

/// The rules in force, swapped by a reload.
#[derive(Clone)]
pub(crate) struct Current(Arc<Mutex<Arc<Live>>>);

impl Current {
    /// These rules are in force.
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self(Arc::new(Mutex::new(live)))
    }

    /// The rules in force.
    pub(crate) fn get(&self) -> Arc<Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules in force.
    pub(crate) fn swap(&self, live: Arc<Live>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = live;
    }
}

/// Scans until the sources have closed their channel.
pub(crate) fn run(
    mut inbox: mpsc::Receiver<Delivery>,
    pump: &mpsc::Sender<Message>,
    current: &Current,
    manners: BTreeMap<SourceId, Manner>,
) {
    let lane = |(source, manner): (SourceId, Manner)| {
        let lane = Lane::new(source.clone(), manner);
        let sequel = Sequel::of(&lane);
        (source, (lane, sequel))
    };
    let mut lanes: BTreeMap<SourceId, (Lane, Sequel)> = manners.into_iter().map(lane).collect();
    let mut candidates = Candidates::default();
    let mut stumbled = BTreeSet::new();
    while let Some(delivery) = inbox.blocking_recv() {
        let message = match delivery {
            Delivery::Notice(notice) => {
                if let Notice::CaughtUp { source } = &notice
                    && let Some((lane, _)) = lanes.get_mut(source)
                {
                    lane.caught_up();
                }
                Message::Notice(notice)
            }
            Delivery::Block(block) => {
                let Some((lane, sequel)) = lanes.get_mut(&block.source) else { continue };
                let bytes = block.bytes.len() as u64;
                let way = lane.way(&current.get());
                let read = |block: &Block| way.read(block, lane.is_live(), &mut candidates);
                let (mut scanned, lost) = carefully(&block, &way, read);
                sequel.settle(&mut scanned);
                let mut complaints: Vec<String> = scanned.complaints.into_iter().map(|c| c.text).collect();
                if let Some(offset) = lost.filter(|_| stumbled.insert(block.source.clone())) {
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
                    bytes,
                    candidates: scanned.candidates,
                    checkpoint: block.checkpoint,
                    ack: block.ack,
                }))
            }
        };
        // The pump is gone: what it has not stored is read again from the checkpoint.
        if pump.blocking_send(message).is_err() {
            return;
        }
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
    use heinzel_core::parse::Format;
    use heinzel_core::time::Timestamp;
    use jiff::tz::TimeZone;

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
        let manner = Manner { format: Format::Plain, zone: TimeZone::UTC, year: None, program: None };
        let way = Lane::new(block.source.clone(), manner).way(&Arc::new(Live::default()));
        let stumbling = |block: &Block| {
            assert!(!block.bytes.starts_with(b"bad") && memchr::memmem::find(&block.bytes, b"\nbad").is_none());
            let mut scanned = pipeline::Scanned::nothing(block);
            scanned.candidates = memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
            scanned
        };
        let (scanned, place) = carefully(block, &way, stumbling);
        assert_eq!((scanned.candidates, place), (read, lost));
    }

    #[test]
    fn a_record_that_cannot_be_read_costs_no_other() {
        check(&block(b"a\nb\nc\n", Shape::Lines), 3, None);
        check(&block(b"a\nbad\nc\nbad\n", Shape::Lines), 2, Some(102));
        let ends = [2, 6, 8].map(|end| Record { end, stamp: None });
        check(&block(b"a\nbad\nc\n", Shape::Records(ends.to_vec())), 2, Some(102));
    }
}
