//! Connections: how many, how slow, and how they end.
//!
//! axum's own `serve` has no limit for any of it, hence this loop over hyper's connections.

use std::io;
use std::net::IpAddr;
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
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::Limits;

/// The address at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How long requests under way may take after the stop.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Answers on `listener` until `stop`; requests under way are finished first.
///
/// # Errors
/// Never by a single connection.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    limits: Limits,
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
                let talk = talk(stream, peer.ip(), router.clone(), limits, stop.clone());
                connections.spawn(async move {
                    let _place = place;
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

async fn talk(stream: TcpStream, peer: IpAddr, router: Router, limits: Limits, stop: CancellationToken) {
    // Answers are small and written at once; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(64)
        .max_buf_size(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // What breaks here is the other side's connection; there is nobody to tell.
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
