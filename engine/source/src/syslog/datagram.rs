//! Datagrams: one message each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::StreamId;
use tokio::net::{UdpSocket, UnixDatagram};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{Messages, Reader};
use crate::error::SourceError;
use crate::feed::Feed;
use crate::lines::{BLOCK_BYTES, BLOCK_RECORDS, LINE_LIMIT};
use crate::settings::Common;

/// What the kernel is asked to keep while the engine is behind, in bytes; it grants at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 8 << 20;
/// How often the kernel is asked what it has dropped.
const DROPS: Duration = Duration::from_secs(5);

/// Reads a UDP socket until it is told to stop.
///
/// # Errors
/// When the socket breaks.
pub(crate) async fn udp(feed: &Feed, common: &Common, socket: &UdpSocket) -> Result<(), SourceError> {
    widen(socket);
    let inode = rustix::fs::fstat(socket).map(|stat| stat.st_ino).ok();
    let mut reader = Reader::new(feed, common);
    let mut buffer = vec![0; 65_536];
    let mut dropped = 0;
    let mut drops = interval_at(Instant::now() + DROPS, DROPS);
    drops.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return Ok(()),
            ready = socket.readable() => ready.map_err(SourceError::io("wait for datagrams"))?,
            _ = drops.tick() => {
                let now = inode.and_then(dropped_by_kernel).unwrap_or(dropped);
                if now > dropped {
                    feed.counted("udp_dropped", now - dropped).await?;
                }
                dropped = now;
                continue;
            }
        }
        reader.look_at_clock();
        let receive = |buffer: &mut [u8]| {
            let (size, peer) = socket.try_recv_from(buffer)?;
            Ok((size, Some(peer)))
        };
        let batch = collect(&reader, &mut buffer, receive, |peer| {
            // Without the port, which is another one each time. IPv4 over an IPv6 socket is still IPv4.
            let address = peer.map(|peer: SocketAddr| peer.ip().to_canonical().to_string()).unwrap_or_default();
            (Arc::from(address.as_str()), true)
        })?;
        reader.send_all(batch).await?;
    }
}

/// Reads a Unix datagram socket until it is told to stop. A sender waits while the engine is behind.
///
/// # Errors
/// When the socket breaks.
pub(crate) async fn unix(feed: &Feed, common: &Common, socket: &UnixDatagram, path: &Path) -> Result<(), SourceError> {
    widen(socket);
    let stream: StreamId = Arc::from(path.display().to_string());
    let mut reader = Reader::new(feed, common);
    // One more than is kept, to see that something was cut.
    let mut buffer = vec![0; LINE_LIMIT + 1];
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return Ok(()),
            ready = socket.readable() => ready.map_err(SourceError::io("wait for datagrams"))?,
        }
        reader.look_at_clock();
        let receive = |buffer: &mut [u8]| Ok((socket.try_recv(buffer)?, None::<()>));
        let batch = collect(&reader, &mut buffer, receive, |_| (stream.clone(), false))?;
        reader.send_all(batch).await?;
    }
}

/// Receives what is there, up to a block's worth. `name` gives the stream of a peer, and whether it is an address.
fn collect<P>(
    reader: &Reader<'_>,
    buffer: &mut [u8],
    receive: impl Fn(&mut [u8]) -> io::Result<(usize, Option<P>)>,
    name: impl Fn(Option<P>) -> (StreamId, bool),
) -> Result<BTreeMap<StreamId, Messages>, SourceError> {
    let mut batch: BTreeMap<StreamId, Messages> = BTreeMap::new();
    let (mut bytes, mut count) = (0, 0);
    while bytes < BLOCK_BYTES && count < BLOCK_RECORDS {
        match receive(buffer) {
            Ok((size, peer)) => {
                let (stream, is_address) = name(peer);
                let messages = batch.entry(stream.clone()).or_default();
                reader.take(&buffer[..size], is_address.then_some(&*stream), messages);
                bytes += size;
                count += 1;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // An ICMP error for something that this socket has sent: it sends nothing, and others' reach it nonetheless.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(SourceError::io("receive a datagram")(error)),
        }
    }
    Ok(batch)
}

fn widen(socket: impl AsFd) {
    // Refused or cut by the system: then the usual buffer must do, and what it drops is counted.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER);
}

/// How many datagrams the kernel has dropped because this socket's buffer was full (last column of /proc/net/udp).
fn dropped_by_kernel(inode: u64) -> Option<u64> {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(fs::read_to_string);
    tables.iter().flatten().find_map(|table| drops_in(table, inode))
}

fn drops_in(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        // sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode, references, pointer, drops.
        (columns.get(9)?.parse() == Ok(inode)).then(|| columns.get(12)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_found_by_inode() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
            7: 00000000:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 42\n";
        assert_eq!((drops_in(table, 4711), drops_in(table, 4712), drops_in("", 1)), (Some(42), None, None));
    }

    #[tokio::test]
    async fn an_overflowing_socket_shows_its_drops() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4_096).unwrap();
        let inode = rustix::fs::fstat(&socket).unwrap().st_ino;
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            sender.send_to(&[b'x'; 1_000], socket.local_addr().unwrap()).unwrap();
        }
        // Where /proc/net/udp is hidden (some sandboxes), drops cannot be known.
        if fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.lines().count() > 1) {
            assert!(dropped_by_kernel(inode).unwrap() > 0);
        }
    }
}
