//! The HTTP API: what ticket forms ask, tickets, records, reports, pushed events, health, metrics.
//!
//! Start at [`serve`], or at [`router`] to mount it elsewhere. What it asks of the engine are the traits [`api::Api`] and
//! [`front::Front`]; each noun's requests are in the file of that name, what all of them share is in [`door`]. It decides
//! nothing: it checks who is asking and what is asked, hands it on and says what came of it.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};
use tokio_util::sync::CancellationToken;

pub mod api;
pub mod front;
pub mod settings;
pub mod access;
pub mod door;
pub mod suggestion;
pub mod draft;
pub mod ticket;
pub mod zammad;
pub mod asset;
pub mod customer;
pub mod import;
pub mod report;
pub mod push;
pub mod state;
pub mod page;
pub mod openapi;
pub mod failure;
pub mod metric;
pub mod wire;
mod around;
mod body;
mod listen;
mod tally;
mod unread;

use door::{Door, Inside};
use failure::Failure;
use listen::Shares;

/// Every address.
pub const ROUTES: [&str; 20] = [
    "/v1/suggestions",
    "/v1/drafts/{draft_id}/news",
    "/v1/drafts/{draft_id}/feedback",
    "/v1/tickets",
    "/v1/webhooks/zammad",
    "/v1/assets/{id}",
    "/v1/assets/import",
    "/v1/customers/{id}",
    "/v1/customers/import",
    "/v1/reports/{name}",
    "/v1/events",
    "/v1/openapi.json",
    "/widget.js",
    "/demo",
    "/demo.css",
    "/demo.js",
    "/demo/claim",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Those that pages of other origins ask.
pub(crate) const FORM_ROUTES: [&str; 3] =
    ["/v1/suggestions", "/v1/drafts/{draft_id}/news", "/v1/drafts/{draft_id}/feedback"];

/// All routes. Streams of news end at `stop`.
pub fn router(inside: Inside, stop: CancellationToken) -> Router {
    let door = Arc::new(Door::new(inside, stop));
    Router::new()
        .route("/v1/suggestions", post(suggestion::suggestions).options(around::preflight))
        .route("/v1/drafts/{draft_id}/news", get(draft::news).options(around::preflight))
        .route("/v1/drafts/{draft_id}/feedback", post(draft::feedback).options(around::preflight))
        .route("/v1/tickets", post(ticket::tickets))
        .route("/v1/webhooks/zammad", post(zammad::zammad))
        .route("/v1/assets/{id}", put(asset::put).delete(asset::remove))
        .route("/v1/assets/import", post(asset::import))
        .route("/v1/customers/{id}", put(customer::put).delete(customer::forget))
        .route("/v1/customers/import", post(customer::import))
        .route("/v1/reports/{name}", get(report::reports))
        .route("/v1/events", post(push::events))
        .route("/v1/openapi.json", get(openapi::description))
        .route("/widget.js", get(page::widget))
        .route("/demo", get(page::demo))
        .route("/demo.css", get(page::demo_style))
        .route("/demo.js", get(page::demo_script))
        .route("/demo/claim", get(page::demo_claim))
        .route("/healthz", get(state::healthz))
        .route("/readyz", get(state::readyz))
        .route("/metrics", get(state::metrics))
        .fallback(|| async { Failure::not_found("there is no such address; /v1/openapi.json lists them") })
        .method_not_allowed_fallback(|| async { Failure::method_not_allowed() })
        .layer(from_fn_with_state(door.clone(), around::around))
        .with_state(door)
}

/// Answers on `listener` until `stop`; requests under way are finished first.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: tokio::net::TcpListener, inside: Inside, stop: CancellationToken) -> io::Result<()> {
    let limits = inside.limits;
    let shares = Shares::new(limits, inside.access.proxies().clone());
    listen::listen(listener, router(inside, stop.clone()), limits, shares, stop).await
}

#[cfg(test)]
mod tests;
