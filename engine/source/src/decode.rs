//! Sources that read like another one and understand more: task histories in files, cron in the journal.
//!
//! Start at [`through`].

use std::future::Future;
use std::pin::pin;

use heinzel_core::block::{Block, Delivery, Notice, Record, Shape};
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use crate::feed::{Closed, Feed};
use crate::settings::Common;

impl Common {
    /// The zone of times that name none: the configured one, else the machine's.
    pub(crate) fn time_zone(&self) -> TimeZone {
        self.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system)
    }
}

/// Runs the source `inner` and hands over its blocks as `decode` returns them, with how many of their records it could
/// not decode. The inner source waits while the engine is behind, like any other.
///
/// # Errors
/// What the inner source returns.
pub(crate) async fn through<F, E>(
    feed: Feed,
    inner: impl FnOnce(Feed) -> F,
    mut decode: impl FnMut(Block) -> (Block, u64),
) -> Result<(), E>
where
    F: Future<Output = Result<(), E>>,
{
    let (out, mut deliveries) = mpsc::channel(1);
    let mut inner = pin!(inner(Feed::new(feed.source.clone(), out, feed.now.clone(), feed.stop.clone())));
    let ended = loop {
        tokio::select! {
            biased;
            Some(delivery) = deliveries.recv() => {
                if forward(&feed, delivery, &mut decode).await.is_err() {
                    return Ok(());
                }
            }
            ended = &mut inner => break ended,
        }
    };
    while let Ok(delivery) = deliveries.try_recv() {
        if forward(&feed, delivery, &mut decode).await.is_err() {
            return Ok(());
        }
    }
    ended
}

async fn forward(
    feed: &Feed,
    delivery: Delivery,
    decode: &mut impl FnMut(Block) -> (Block, u64),
) -> Result<(), Closed> {
    match delivery {
        Delivery::Block(block) => {
            let (block, undecodable) = decode(block);
            if undecodable > 0 {
                feed.counted("undecodable", undecodable).await?;
            }
            feed.block(block).await
        }
        Delivery::Notice(Notice::Health { stream, health, .. }) => feed.health(stream, health).await,
        Delivery::Notice(Notice::Counted { what, times, .. }) => feed.counted(what, times).await,
        Delivery::Notice(Notice::Complaint { text, .. }) => feed.complaint(text).await,
        Delivery::Notice(Notice::CaughtUp { .. }) => feed.caught_up().await,
    }
}

/// Calls `each` with every record's text (without its line end) and what is known of it.
pub(crate) fn each_record(block: &Block, mut each: impl FnMut(&[u8], Option<&Record>)) {
    let text = |begin: usize, end: usize| {
        let record = block.bytes.get(begin..end).unwrap_or_default();
        record.strip_suffix(b"\n").unwrap_or(record)
    };
    match &block.shape {
        Shape::Lines => {
            for line in block.bytes.split_inclusive(|byte| *byte == b'\n') {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                each(line.strip_suffix(b"\r").unwrap_or(line), None);
            }
        }
        Shape::Records(records) => {
            let mut begin = 0;
            for record in records {
                each(text(begin, record.end), Some(record));
                begin = record.end;
            }
        }
    }
}

/// Records as they are put together again.
#[derive(Default)]
pub(crate) struct Rebuilt {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

impl Rebuilt {
    pub(crate) fn push(&mut self, text: &[u8], stamp: Option<Box<heinzel_core::event::Stamp>>) {
        self.bytes.extend_from_slice(text);
        self.bytes.push(b'\n');
        self.records.push(Record { end: self.bytes.len(), stamp });
    }

    /// The block with these records instead of its own. Offsets inside it then count the new bytes.
    pub(crate) fn into_block(self, block: Block) -> Block {
        Block { bytes: self.bytes, shape: Shape::Records(self.records), ..block }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use heinzel_core::block::Health;
    use heinzel_core::event::Stamp;
    use heinzel_core::time::Timestamp;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A block of lines.
    pub(crate) fn lines(text: &str) -> Block {
        Block {
            source: "s".into(),
            stream: "s".into(),
            offset: 0,
            bytes: text.as_bytes().to_vec(),
            shape: Shape::Lines,
            checkpoint: None,
            read_at: Timestamp::from_seconds(1_700_000_000),
            ack: None,
        }
    }

    /// The texts and stamps of a block.
    pub(crate) fn records(block: &Block) -> Vec<(String, Option<Stamp>)> {
        let mut all = Vec::new();
        each_record(block, |text, record| {
            let stamp = record.and_then(|record| record.stamp.as_deref().cloned());
            all.push((String::from_utf8_lossy(text).into_owned(), stamp));
        });
        all
    }

    #[tokio::test]
    async fn everything_passes_and_blocks_are_decoded() {
        let (out, mut inlet) = mpsc::channel(16);
        let feed = Feed::new("s".into(), out, Arc::new(|| Timestamp::EPOCH), CancellationToken::new());
        let inner = async |inner: Feed| {
            inner.health(None, Health::Missing).await?;
            inner.complaint("gone".to_owned()).await?;
            inner.block(lines("a\nb\n")).await?;
            inner.caught_up().await
        };
        let decode = |mut block: Block| {
            block.bytes.make_ascii_uppercase();
            (block, 2)
        };
        through(feed, inner, decode).await.unwrap();
        let mut seen = Vec::new();
        while let Some(delivery) = inlet.recv().await {
            seen.push(match delivery {
                Delivery::Block(block) => String::from_utf8(block.bytes).unwrap(),
                Delivery::Notice(Notice::Health { health, .. }) => format!("{health:?}"),
                Delivery::Notice(Notice::Counted { what, times, .. }) => format!("{what} {times}"),
                Delivery::Notice(Notice::Complaint { text, .. }) => text,
                Delivery::Notice(Notice::CaughtUp { .. }) => "caught up".to_owned(),
            });
        }
        assert_eq!(seen, ["Missing", "gone", "undecodable 2", "A\nB\n", "caught up"]);
    }
}
