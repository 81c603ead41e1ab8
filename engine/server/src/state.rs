//! How the engine is: `/healthz`, `/readyz`, `/metrics`. Open to all who reach the address; they name no customer. Through a
//! proxy, behind which may be everybody, `/metrics` needs a token: it shows which rules there are, and what is wrong.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access;
use crate::door::Door;
use crate::failure::Failure;
use crate::settings::Scope;
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

/// Everything that is counted and measured, for Prometheus. Asked directly it needs no token; through a proxy, which is known by the
/// header that it adds (`X-Forwarded-For`, `Forwarded`, `Via` …), one of the scope `operate`.
///
/// # Errors
/// 401 and 403 through a proxy without such a token.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "state",
    responses(
        (status = 200, description = "Prometheus text format 0.0.4", body = String, content_type = "text/plain"),
        openapi::MetricProblems,
    ),
    security((), ("operate" = [])),
)]
pub async fn metrics(State(door): State<Arc<Door>>, request: Request<Body>) -> Result<Response, Failure> {
    if access::is_through_proxy(request.headers()) {
        door.access.entitled(request.headers(), Scope::Operate)?;
    }
    let mut metrics = door.api.metrics();
    metrics.extend(door.tally.metrics());
    Ok(([(header::CONTENT_TYPE, metric::CONTENT_TYPE)], metric::exposition(&metrics)).into_response())
}
