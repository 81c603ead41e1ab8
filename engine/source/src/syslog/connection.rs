//! Connections: many messages each, over TCP or a Unix stream socket.
//!
//! Start at [`serve`]. Nobody who comes is refused: `table` says who goes instead, and `crowd` tells it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::StreamId;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::crowd::Crowd;
use super::frame::Frames;
use super::table::{Limits, Seat, Table, Victim};
use super::{Messages, Reader};
use crate::error::SourceError;
use crate::feed::Feed;
use crate::settings::Common;

/// How many connections are open at once, and how many of them one address may have when others want in.
const LIMITS: Limits = Limits { connections: 512, share: 128 };
/// How long a peer may take to send its first message, and to go on amid one. Between messages it may be silent for as long
/// as it likes.
const STALLED: Duration = Duration::from_secs(60);
/// How long to wait after a failed accept: the process is out of file descriptors, and at once would be a busy loop.
const REST: Duration = Duration::from_millis(200);

/// Where connections come from.
#[derive(Debug)]
pub(crate) enum Door {
    /// The network.
    Tcp(TcpListener),
    /// A socket in the file system, with its path.
    Unix(UnixListener, StreamId),
}

/// A connection, with its stream and whether that is the peer's address.
type Accepted = (Box<dyn AsyncRead + Send + Unpin>, StreamId, bool);

impl Door {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (connection, peer) = listener.accept().await?;
                // Finds out that a peer is gone without a word, in about two hours (the kernel's default).
                let _ = rustix::net::sockopt::set_socket_keepalive(&connection, true);
                let address = peer.ip().to_canonical().to_string();
                Ok((Box::new(connection), Arc::from(address.as_str()), true))
            }
            Self::Unix(listener, path) => {
                let (connection, _) = listener.accept().await?;
                Ok((Box::new(connection), path.clone(), false))
            }
        }
    }

    /// What it is, and where.
    fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                format!("tcp {}", listener.local_addr().map(|at| at.to_string()).unwrap_or_default())
            }
            Self::Unix(_, path) => path.to_string(),
        }
    }

    /// Why somebody is closed, and the way out. `status` shows some 200 letters.
    fn crowded(&self, limits: Limits, by_share: bool) -> String {
        let shows = match self {
            Self::Tcp(listener) => {
                format!("ss -tn sport = :{}", listener.local_addr().map(|at| at.port()).unwrap_or_default())
            }
            Self::Unix(_, path) => format!("ss -x src {path}"),
        };
        let Limits { connections, share } = limits;
        let whose = if by_share { format!(", over {share} by this address") } else { String::new() };
        format!(
            "all {connections} connections are taken{whose}; each new one closes the longest idle, which may lose lines: \
             look at `{shows}`, shut strangers out"
        )
    }

    /// Why nobody can come in, and the way out.
    fn closed(&self, error: &io::Error) -> String {
        format!(
            "accept a connection on {}: {error}; if files are too many, raise `LimitNOFILE` of the service",
            self.name()
        )
    }
}

/// Serves connections until it is told to stop.
///
/// # Errors
/// When the engine stops; a broken connection is its peer's trouble.
pub(crate) async fn serve(feed: &Feed, common: &Common, door: Door) -> Result<(), SourceError> {
    serve_within(LIMITS, feed, common, door).await
}

/// The same within other limits.
pub(super) async fn serve_within(limits: Limits, feed: &Feed, common: &Common, door: Door) -> Result<(), SourceError> {
    let (mut table, mut crowd) = (Table::new(limits), Crowd::default());
    // Dropped at the end, and all connections with it.
    let mut open = JoinSet::new();
    loop {
        let (connection, stream, is_address) = tokio::select! {
            () = feed.stop.cancelled() => return Ok(()),
            Some(ended) = open.join_next_with_id() => {
                table.left(id_of(&ended));
                continue;
            }
            () = crowd.calm() => {
                crowd.say_well(feed).await?;
                continue;
            }
            accepted = door.accept() => match accepted {
                Ok(accepted) => accepted,
                // It went before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    crowd.say(feed, None, || door.closed(&error)).await?;
                    tokio::time::sleep(REST).await;
                    continue;
                }
            },
        };
        let seat = Arc::new(Seat::new(stream, is_address, Instant::now()));
        if let Some(Victim { seat: victim, by_share }) = table.victim(&seat, Instant::now()) {
            victim.leave.cancel();
            let concerned = by_share.then(|| victim.stream.clone());
            crowd.say(feed, concerned, || door.crowded(limits, by_share)).await?;
            feed.counted("connection_evicted", 1).await?;
        }
        while table.is_full() {
            // What the one that goes has sent may wait for the engine; then others wait at the door.
            tokio::select! {
                () = feed.stop.cancelled() => return Ok(()),
                Some(ended) = open.join_next_with_id() => table.left(id_of(&ended)),
            }
        }
        let (feed, common, sits) = (feed.clone(), common.clone(), seat.clone());
        let task = open.spawn(async move {
            // Its only error is that the engine stops.
            let _ = read(&feed, &common, connection, &sits).await;
        });
        table.enter(task.id(), seat);
    }
}

fn id_of(ended: &Result<(tokio::task::Id, ()), JoinError>) -> tokio::task::Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

/// Reads one connection to its end, or until it must leave. While a block waits for the engine nothing is read, and the peer has
/// to wait too.
pub(super) async fn read(
    feed: &Feed,
    common: &Common,
    mut connection: impl AsyncRead + Unpin,
    seat: &Seat,
) -> Result<(), SourceError> {
    let mut reader = Reader::new(feed, common);
    let mut frames = Frames::default();
    let mut buffer = vec![0; 64 * 1024];
    let peer = seat.is_address.then_some(&*seat.stream);
    loop {
        let silent = !seat.has_sent();
        let next = async {
            if silent || frames.is_amid() {
                timeout(STALLED, connection.read(&mut buffer)).await.ok()
            } else {
                Some(connection.read(&mut buffer).await)
            }
        };
        let read = tokio::select! {
            biased;
            () = feed.stop.cancelled() => Some(Ok(0)),
            // Before it leaves: what it has sent is taken.
            read = next => read,
            () = seat.leave.cancelled() => Some(Ok(0)),
        };
        reader.look_at_clock();
        let mut messages = Messages::default();
        let more = match read {
            Some(Ok(size @ 1..)) => {
                frames.push(&buffer[..size], |message| reader.take(message, peer, &mut messages));
                !seat.leave.is_cancelled()
            }
            ended => {
                if ended.is_none() {
                    let what = if frames.is_amid() { "connection_stalled" } else { "connection_silent" };
                    feed.counted(what, 1).await?;
                }
                false
            }
        };
        if !more {
            frames.finish(|message| reader.take(message, peer, &mut messages));
        }
        messages.cut += frames.take_cut();
        seat.begin(!messages.records.is_empty(), Instant::now());
        reader.send(seat.stream.clone(), messages).await?;
        seat.rest(Instant::now());
        if !more {
            return Ok(());
        }
    }
}
