//! How the engine is: `/healthz`, `/readyz`, `/metrics`. Open to all who reach the address; they name no customer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::metric;
use crate::push::Door;

/// The process lives. Says nothing about its work.
pub async fn healthz() -> Response {
    Json(serde_json::json!({ "status": "alive" })).into_response()
}

/// It can do its work: 200, or 503 with the reasons.
pub async fn readyz(State(door): State<Arc<Door>>) -> Response {
    let reasons = door.api.not_ready();
    if reasons.is_empty() {
        return Json(serde_json::json!({ "status": "ready" })).into_response();
    }
    let body = serde_json::json!({ "status": "not ready", "reasons": reasons });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// Everything that is counted and measured, for Prometheus.
pub async fn metrics(State(door): State<Arc<Door>>) -> Response {
    ([(header::CONTENT_TYPE, metric::CONTENT_TYPE)], metric::exposition(&door.api.metrics())).into_response()
}
