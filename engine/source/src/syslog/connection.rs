//! Connections: many messages each, over TCP or a Unix stream socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::StreamId;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::frame::Frames;
use super::{Messages, Reader};
use crate::error::SourceError;
use crate::feed::Feed;
use crate::settings::Common;

/// How many connections are open at once; more are closed at once and counted (`connection_refused`).
const CONNECTIONS: usize = 512;
/// How long a peer may take to go on amid a message. Between messages it may be silent for as long as it likes.
const STALLED: Duration = Duration::from_secs(60);
/// How long to wait after a failed accept: the process is out of file descriptors, and at once would be a busy loop.
const REST: Duration = Duration::from_millis(200);

/// Where connections come from.
#[derive(Debug)]
pub enum Door {
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
}

/// Serves connections until it is told to stop.
///
/// # Errors
/// When the engine stops; a broken connection is its peer's trouble.
pub async fn serve(feed: &Feed, common: &Common, door: Door) -> Result<(), SourceError> {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    // Dropped at the end, and all connections with it.
    let mut open = JoinSet::new();
    loop {
        let (connection, stream, is_address) = tokio::select! {
            () = feed.stop.cancelled() => return Ok(()),
            Some(_) = open.join_next() => continue,
            accepted = door.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(source = %feed.source, %error, "cannot accept a connection");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            },
        };
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
            feed.counted("connection_refused", 1).await?;
            continue;
        };
        let (feed, common) = (feed.clone(), common.clone());
        open.spawn(async move {
            let _permit = permit;
            // Its only error is that the engine stops.
            let _ = read(&feed, &common, connection, &stream, is_address).await;
        });
    }
}

/// Reads one connection to its end. While a block waits for the engine nothing is read, and the peer has to wait too.
async fn read(
    feed: &Feed,
    common: &Common,
    mut connection: impl AsyncRead + Unpin,
    stream: &StreamId,
    is_address: bool,
) -> Result<(), SourceError> {
    let mut reader = Reader::new(feed, common);
    let mut frames = Frames::default();
    let mut buffer = vec![0; 64 * 1024];
    let peer = is_address.then_some(&**stream);
    loop {
        let next = async {
            if frames.is_amid() {
                timeout(STALLED, connection.read(&mut buffer)).await.ok()
            } else {
                Some(connection.read(&mut buffer).await)
            }
        };
        let read = tokio::select! {
            () = feed.stop.cancelled() => Some(Ok(0)),
            read = next => read,
        };
        reader.look_at_clock();
        let mut messages = Messages::default();
        let more = match read {
            Some(Ok(size @ 1..)) => {
                frames.push(&buffer[..size], |message| reader.take(message, peer, &mut messages));
                true
            }
            ended => {
                if ended.is_none() {
                    feed.counted("connection_stalled", 1).await?;
                }
                frames.finish(|message| reader.take(message, peer, &mut messages));
                false
            }
        };
        messages.cut += frames.take_cut();
        reader.send(stream.clone(), messages).await?;
        if !more {
            return Ok(());
        }
    }
}
