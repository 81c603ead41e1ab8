//! Syslog messages from a socket: UDP (RFC 5426), TCP (RFC 6587) and the file system.
//!
//! Start at [`run`]. Datagrams are read in `datagram`, connections in `connection` (`table` says who goes when there are too
//! many, `crowd` tells it), which cuts them into messages with [`frame`]. One stream a peer. There is no checkpoint: a socket cannot be read again. Over TCP and Unix stream
//! sockets nothing is lost while the engine is behind, because nothing is read then; datagrams that the kernel drops
//! meanwhile are counted (`udp_dropped`).

mod connection;
mod table;

mod crowd;

mod datagram;
pub mod frame;
mod path;

use std::collections::BTreeMap;
use std::sync::Arc;

use heinzel_core::block::{Block, Checkpoint, Health, Record, Shape, StreamId};
use heinzel_core::parse::{Context, Format, parse};
use heinzel_core::time::Timestamp;
use tokio::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener};

use crate::error::{SourceError, unless_closed};
use crate::feed::Feed;
use crate::lines::LINE_LIMIT;
use crate::settings::{Common, Listen, Syslog};
use connection::Door;
use path::SocketFile;

/// Listens until it is told to stop. Checkpoints of earlier runs mean nothing here.
///
/// # Errors
/// When the socket cannot be bound or breaks.
pub async fn run(
    feed: Feed,
    common: Common,
    settings: Syslog,
    checkpoints: Vec<Checkpoint>,
) -> Result<(), SourceError> {
    drop(checkpoints);
    unless_closed(listen(&feed, &settings, &common).await)
}

async fn listen(feed: &Feed, settings: &Syslog, common: &Common) -> Result<(), SourceError> {
    match &settings.listen {
        Listen::Udp(address) => {
            let bind = SourceError::io(format!(
                "listen on udp {address}; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
            ));
            let socket = UdpSocket::bind(address).await.map_err(bind)?;
            begin(feed).await?;
            datagram::udp(feed, common, &socket).await
        }
        Listen::Tcp(address) => {
            let bind = SourceError::io(format!(
                "listen on tcp {address}; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
            ));
            let listener = TcpListener::bind(address).await.map_err(bind)?;
            begin(feed).await?;
            connection::serve(feed, common, Door::Tcp(listener)).await
        }
        Listen::Unix(path) if path.extension().is_some_and(|extension| extension == "stream") => {
            let (listener, _file) = SocketFile::bind(path, |path| UnixListener::bind(path))?;
            begin(feed).await?;
            connection::serve(feed, common, Door::Unix(listener, Arc::from(path.display().to_string()))).await
        }
        Listen::Unix(path) => {
            let (socket, _file) = SocketFile::bind(path, |path| UnixDatagram::bind(path))?;
            begin(feed).await?;
            datagram::unix(feed, common, &socket, path).await
        }
    }
}

/// A socket has no past: what is there to read is read.
async fn begin(feed: &Feed) -> Result<(), SourceError> {
    feed.health(None, Health::Ok).await?;
    Ok(feed.caught_up().await?)
}

/// Turns messages into blocks.
struct Reader<'a> {
    feed: &'a Feed,
    context: Context,
    format: Format,
    program: Option<&'a str>,
    /// Bytes so far, for the offsets. Per reader and not per peer: a table of all peers ever would grow without end.
    offset: u64,
}

/// Messages of one peer, not yet handed over.
#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    records: Vec<Record>,
    cut: u64,
}

impl<'a> Reader<'a> {
    fn new(feed: &'a Feed, common: &'a Common) -> Self {
        let context = Context { zone: common.time_zone(), read_at: Timestamp::EPOCH, year: None };
        let format = if common.format == Format::Auto { Format::Syslog } else { common.format };
        Self { feed, context, format, program: common.program.as_deref(), offset: 0 }
    }

    /// Before each batch: the clock gives the year of times without one.
    fn look_at_clock(&mut self) {
        self.context.read_at = (self.feed.now)();
    }

    /// Takes one message of the peer with this address (`None`: this machine). A peer says what it likes of itself;
    /// its address, which it cannot choose as freely, is the attribute `peer`.
    fn take(&self, message: &[u8], peer: Option<&str>, into: &mut Messages) {
        let message = message.trim_ascii_end();
        let message = message.strip_suffix(b"\0").unwrap_or(message);
        if message.is_empty() {
            return;
        }
        let kept = &message[..message.len().min(LINE_LIMIT)];
        into.cut += u64::from(kept.len() < message.len());
        let parsed = parse(self.format, kept, &self.context);
        let mut stamp = parsed.stamp;
        if let Some(peer) = peer {
            stamp.host.get_or_insert_with(|| peer.to_owned());
            stamp.attributes.insert("peer".to_owned(), peer.to_owned());
        }
        if let Some(program) = self.program {
            stamp.program = Some(program.to_owned());
        }
        into.bytes.extend_from_slice(parsed.message.as_bytes());
        into.bytes.push(b'\n');
        into.records.push(Record { end: into.bytes.len(), stamp: Some(Box::new(stamp)) });
    }

    async fn send(&mut self, stream: StreamId, messages: Messages) -> Result<(), SourceError> {
        if messages.cut > 0 {
            self.feed.counted("line_cut", messages.cut).await?;
        }
        if messages.records.is_empty() {
            return Ok(());
        }
        let offset = self.offset;
        self.offset += messages.bytes.len() as u64;
        let block = Block {
            source: self.feed.source.clone(),
            stream,
            offset,
            bytes: messages.bytes,
            shape: Shape::Records(messages.records),
            checkpoint: None,
            read_at: self.context.read_at,
            ack: None,
        };
        Ok(self.feed.block(block).await?)
    }

    /// Hands over what several peers have sent.
    async fn send_all(&mut self, batch: BTreeMap<Arc<str>, Messages>) -> Result<(), SourceError> {
        for (stream, messages) in batch {
            self.send(stream, messages).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
