//! Connections: how many, how slow, and how they end.
//!
//! axum's own `serve` has no limit for any of it, hence this loop over hyper's connections.

use std::collections::{BTreeSet, HashMap};
use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;

use crate::access::network;
use crate::api::Limits;
use crate::unread::Worded;

/// The address at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How long requests under way may take after the stop.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// How often the log says that addresses are refused.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Answers on `listener` until `stop`; requests under way are finished first.
///
/// # Errors
/// Never by a single connection.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut shares: Shares,
    stop: CancellationToken,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        // Without a place the system's own queue waits.
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let Some(share) = shares.take(peer.ip()) else { continue };
                let talk = talk(stream, peer.ip(), router.clone(), limits, stop.clone());
                connections.spawn(async move {
                    let _held = (place, share);
                    talk.await;
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: nothing says when there are some again.
                tracing::warn!(%error, "a connection could not be taken");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(ENDS_WITHIN, ended).await.is_err() {
        tracing::warn!("some requests were still under way and are cut off");
    }
    Ok(())
}

/// How many connections each address has, so that none can take all of them.
pub(crate) struct Shares {
    limits: Limits,
    /// Behind these are many: no share for them.
    proxies: BTreeSet<IpAddr>,
    taken: HashMap<IpAddr, Arc<Semaphore>>,
    /// When the log last said that somebody was refused.
    said: Option<Instant>,
}

impl Shares {
    pub(crate) fn new(limits: Limits, proxies: BTreeSet<IpAddr>) -> Self {
        Self { limits, proxies, taken: HashMap::new(), said: None }
    }

    /// A place for a connection of this address; `None` when it has all that it may.
    fn take(&mut self, peer: IpAddr) -> Option<OwnedSemaphorePermit> {
        // Each place holds on to its semaphore.
        self.taken.retain(|_, places| Arc::strong_count(places) > 1);
        let address = peer.to_canonical();
        let (holder, most) = if self.proxies.contains(&address) {
            (address, self.limits.connections)
        } else {
            (network(address), self.limits.connections_of_one)
        };
        let places = self.taken.entry(holder).or_insert_with(|| Arc::new(Semaphore::new(most)));
        let place = places.clone().try_acquire_owned().ok();
        if place.is_none() && self.said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!(
                most,
                "an address has all connections that it may; is it a proxy that `server.proxies` does not name?"
            );
        }
        place
    }
}

async fn talk(stream: TcpStream, peer: IpAddr, router: Router, limits: Limits, stop: CancellationToken) {
    // Answers are small and written at once; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        service.call(request)
    });
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(limits.taken_within));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(64)
        .max_buf_size(limits.head)
        .serve_connection(TokioIo::new(Worded::new(Box::pin(stream))), service);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    // What breaks here is the other side's connection; there is nobody to tell.
    if ended.is_err_and(|error| is_not_taken(&error)) {
        // Otherwise the system would keep the rest for a peer that takes nothing.
        let _ = connection.into_parts().io.into_inner().inner.get_ref().set_zero_linger();
    }
}

/// Whether a write has waited too long.
fn is_not_taken(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
