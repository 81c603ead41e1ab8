//! How a request fails: `{"error":{"code","message"}}`, with the message naming what was wrong and the way out.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A request that was refused or could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// After how many seconds it may be tried again.
    retry_after_s: Option<u32>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after_s: None }
    }

    fn later(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 400: something in the request is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 401: nobody known.
    pub fn unauthorized() -> Self {
        let way = "send the header `Authorization: Bearer TOKEN` with the token of a push source in heinzel.toml";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", way)
    }

    /// 403: known, but not for this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let way = "this address does not take this method; events are sent with POST, everything else is read with GET";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", way)
    }

    /// 408: the body came too slowly.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    }

    /// 413: too much at once.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// 415: in a form that is not read.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message)
    }

    /// 429: nothing was taken; come again in a second.
    pub fn behind() -> Self {
        let why = "the engine is behind; nothing of this request was taken, send it again";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "behind", why).later(1)
    }

    /// 503: it may or may not have been stored; sending it again loses nothing.
    pub fn not_stored(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_stored", message).later(5)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
