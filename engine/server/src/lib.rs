//! The HTTP API: push, health, metrics.
//!
//! Start at [`serve`], or at [`router`] to mount it elsewhere. What it asks of the engine is the trait [`api::Api`];
//! the requests are in [`push`] and [`state`]. It decides nothing: it checks who is asking, turns requests into blocks
//! and waits until they are stored.

use std::future::IntoFuture;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

pub mod api;
pub mod front;
pub mod suggestion;
pub mod draft;
pub mod ticket;
pub mod asset;
pub mod customer;
pub mod import;
pub mod report;
pub mod failure;
pub mod metric;
pub mod push;
pub mod state;

use api::{Api, Limits};
use failure::Failure;

/// All routes, with the usual limits.
pub fn router(api: Arc<dyn Api>) -> Router {
    router_within(api, Limits::default())
}

/// All routes, with limits of one's own.
pub fn router_within(api: Arc<dyn Api>, limits: Limits) -> Router {
    let door = Arc::new(push::Door::new(api, limits));
    Router::new()
        .route("/v1/events", post(push::events))
        .route("/healthz", get(state::healthz))
        .route("/readyz", get(state::readyz))
        .route("/metrics", get(state::metrics))
        .fallback(|| async {
            Failure::not_found("there is no such address; see /v1/events, /healthz, /readyz, /metrics")
        })
        .method_not_allowed_fallback(|| async { Failure::method_not_allowed() })
        .with_state(door)
}

/// Answers on `listener` until `stop`; requests under way are finished first.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: tokio::net::TcpListener, api: Arc<dyn Api>, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router(api)).with_graceful_shutdown(stop.cancelled_owned()).into_future().await
}

#[cfg(test)]
mod tests;
