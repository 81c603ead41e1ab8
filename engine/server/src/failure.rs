//! How a request fails: problem details (RFC 9457), with a `detail` that names what was wrong and the way out.
//!
//! [`Failure`] becomes a response without a body; `crate::around` writes the body, because it knows the request's id.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The content type of a problem.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// A request that was refused or could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// Which field of the request is wrong.
    field: Option<String>,
    /// Why the engine is not ready.
    reasons: Vec<String>,
    /// After how many seconds it may be tried again.
    retry_after_s: Option<u64>,
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// What kind of problem it is: `urn:heinzel:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:heinzel:problem:invalid")]
    kind: String,
    /// The code: one word for programs.
    #[schema(example = "invalid")]
    code: &'a str,
    /// The kind in words, always the same for a code.
    #[schema(example = "a field cannot be used")]
    title: &'a str,
    /// The status of the response.
    #[schema(example = 422)]
    status: u16,
    /// What was wrong here, and the way out.
    detail: &'a str,
    /// The request's id, as in the header `X-Request-Id` and in the engine's log.
    instance: &'a str,
    /// Which field of the request is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Why the engine is not ready.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    reasons: &'a [String],
}

/// The title of each code.
const TITLES: [(&str, &str); 22] = [
    ("bad_request", "the request cannot be read"),
    ("behind", "the engine is behind"),
    ("busy", "not now"),
    ("elsewhere", "kept elsewhere"),
    ("forbidden", "this token does not open that"),
    ("internal", "the engine made a mistake"),
    ("invalid", "a field cannot be used"),
    ("method_not_allowed", "not with this method"),
    ("needed", "others need it"),
    ("no_claim", "the customer's claim does not count"),
    ("not_found", "there is no such thing"),
    ("not_ready", "the engine cannot do its work"),
    ("not_stored", "not stored in time"),
    ("not_theirs", "not this customer's"),
    ("other_origin", "not from this page"),
    ("timeout", "too slow"),
    ("too_large", "too much at once"),
    ("too_many", "too many requests"),
    ("unauthorized", "who is asking?"),
    ("unsigned", "the signature does not fit"),
    ("unsupported", "in a form that is not read"),
    ("unknown", "refused"),
];

impl Failure {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, reasons: Vec::new(), retry_after_s: None }
    }

    fn later(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 400: something in the request is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// 401: nobody known.
    pub fn unauthorized(way: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", way)
    }

    /// 401: the claim does not count.
    pub fn no_claim(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "no_claim", detail)
    }

    /// 401: the signature over the body does not fit.
    pub fn unsigned(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unsigned", detail)
    }

    /// 403: known, but not for this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 403: a page that may not use this key.
    pub fn other_origin(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "other_origin", detail)
    }

    /// 403: of another customer.
    pub fn not_theirs(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not_theirs", detail)
    }

    /// 403: the asset is unknown, or of another customer. Nobody learns which.
    pub(crate) fn no_asset_of_theirs() -> Self {
        Self::not_theirs(
            "there is no such asset of the claim's customer; the shop must first put it with this customer as its `owner` \
             (`PUT /v1/assets/{id}`), and `assets` in a claim, where it stands, must list it",
        )
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let way = "this address does not take this method; the header `Allow` says which it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", way)
    }

    /// 408: the body came too slowly.
    pub fn timeout(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail)
    }

    /// 409: it is kept elsewhere, and that counts.
    pub fn elsewhere(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "elsewhere", detail)
    }

    /// 409: others need it.
    pub fn needed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "needed", detail)
    }

    /// 413: too much at once.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// 415: in a form that is not read.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", detail)
    }

    /// 422: it can be read, but a field cannot be used.
    pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", why);
        failure.field = Some(field.into()).filter(|field| !field.is_empty());
        failure
    }

    /// 429: more than the rate allows.
    pub fn too_many(detail: impl Into<String>, wait: std::time::Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail).later(wait.as_secs() + 1)
    }

    /// 429: nothing was taken; come again in a second.
    pub fn behind() -> Self {
        let why = "the engine is behind; nothing of this request was taken, send it again";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "behind", why).later(1)
    }

    /// 500: a mistake of ours.
    pub fn internal() -> Self {
        let why = "the engine could not answer; its log has the reason under this request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", why)
    }

    /// 503: not now.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).later(1)
    }

    /// 503: it may or may not have been stored; sending it again loses nothing.
    pub(crate) fn not_stored(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_stored", detail).later(5)
    }

    /// 503: the engine cannot do its work.
    pub fn not_ready(reasons: Vec<String>) -> Self {
        let mut failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", reasons.join("; ")).later(5);
        failure.reasons = reasons;
        failure
    }

    /// What a library answered in words of its own.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(
                "there is no such address; /v1/openapi.json lists them, and a `/` within an id is written `%2F`",
            ),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::BAD_REQUEST => Self::bad_request("the address cannot be read"),
            status => Self::new(status, "unknown", "the request was refused"),
        }
    }

    /// A request whose head hyper could not read, which it says with this status.
    pub(crate) fn of_unread(status: StatusCode) -> Self {
        let why = match status {
            StatusCode::URI_TOO_LONG => "the address is too long; what is long belongs in the body",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "more than 64 headers, or too large ones; send fewer",
            _ => {
                return Self::bad_request(
                    "the head of the request cannot be read: it begins with `METHOD /path HTTP/1.1`, where a space in the path is written \
                     `%20`, and every other line is `Name: value`; TLS is spoken by the proxy in front only",
                );
            }
        };
        Self::new(status, "too_large", why)
    }

    /// Its code, for the log.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The body of the response to this request.
    pub(crate) fn body(&self, request_id: &str) -> Body {
        Body::from(self.json(request_id))
    }

    /// The same as bytes.
    pub(crate) fn json(&self, request_id: &str) -> Vec<u8> {
        let title = TITLES.iter().find(|(code, _)| *code == self.code).map_or("refused", |(_, title)| title);
        let problem = Problem {
            kind: format!("urn:heinzel:problem:{}", self.code),
            code: self.code,
            title,
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: request_id,
            field: self.field.as_deref(),
            reasons: &self.reasons,
        };
        // Texts and numbers always become JSON.
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

/// In one sentence, for a list of them.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_title() {
        let all = [
            Failure::bad_request(""),
            Failure::unauthorized(""),
            Failure::no_claim(""),
            Failure::unsigned(""),
            Failure::forbidden(""),
            Failure::other_origin(""),
            Failure::not_theirs(""),
            Failure::not_found(""),
            Failure::method_not_allowed(),
            Failure::timeout(""),
            Failure::elsewhere(""),
            Failure::needed(""),
            Failure::too_large(""),
            Failure::unsupported(""),
            Failure::invalid("", ""),
            Failure::too_many("", std::time::Duration::ZERO),
            Failure::behind(),
            Failure::internal(),
            Failure::busy(""),
            Failure::not_stored(""),
            Failure::not_ready(Vec::new()),
            Failure::of_status(StatusCode::IM_A_TEAPOT),
        ];
        assert_eq!(all.len(), TITLES.len());
        for failure in all {
            assert!(TITLES.iter().any(|(code, _)| *code == failure.code), "{failure:?}");
        }
    }
}
