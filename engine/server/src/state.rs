//! How the engine is: `/healthz`, `/readyz`, `/metrics`. Open to all who reach the address; they name no customer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::door::Door;
use crate::failure::Failure;
use crate::{metric, openapi};

/// How the engine is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// `alive` or `ready`.
    status: &'static str,
}

/// The process lives. Says nothing about its work.
#[utoipa::path(get, path = "/healthz", tag = "state", responses((status = 200, description = "It lives", body = Status)))]
pub async fn healthz() -> Response {
    Json(Status { status: "alive" }).into_response()
}

/// It can do its work: 200, or 503 with the reasons.
///
/// # Errors
/// 503.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "state",
    responses((status = 200, description = "It can work", body = Status), openapi::NotReady),
)]
pub async fn readyz(State(door): State<Arc<Door>>) -> Result<Json<Status>, Failure> {
    let reasons = door.api.not_ready();
    if reasons.is_empty() { Ok(Json(Status { status: "ready" })) } else { Err(Failure::not_ready(reasons)) }
}

/// Everything that is counted and measured, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "state",
    responses((status = 200, description = "Prometheus text format 0.0.4", body = String, content_type = "text/plain")),
)]
pub async fn metrics(State(door): State<Arc<Door>>) -> Response {
    let mut metrics = door.api.metrics();
    metrics.extend(door.tally.metrics());
    ([(header::CONTENT_TYPE, metric::CONTENT_TYPE)], metric::exposition(&metrics)).into_response()
}
