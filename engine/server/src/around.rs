//! What happens around every request: an id, the rest of its body, the body of its failure, headers, counting, the log.
//!
//! The log names method, route, status, microseconds, the token's name and the request's id. Never an address, a
//! customer, a draft or a word of one.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::FORM_ROUTES;
use crate::body;
use crate::door::Door;
use crate::failure::{self, Failure};

/// The header with a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an answer waits for the rest of a body that nobody reads: it is on its way already, as a rule.
const REST_WITHIN: Duration = Duration::from_secs(1);

/// Goes around every request.
pub(crate) async fn around(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let of_form = route.is_some_and(|route| FORM_ROUTES.contains(&route));
    let origin = if of_form { request.headers().get(header::ORIGIN).cloned() } else { None };
    let origin = origin.filter(|origin| origin.to_str().is_ok_and(|origin| door.access.is_form_origin(origin)));
    let token = door.access.token(request.headers()).map(|token| token.name.clone());

    let (request, left) = body::lend(request);
    let mut response = next.run(request).await;
    let took = begun.elapsed();
    let code = failed(&mut response, &id);
    decorate(response.headers_mut(), &id);
    if of_form {
        allow(response.headers_mut(), origin);
    }
    if !left.drain(door.limits.record_body, door.limits.body_within.min(REST_WITHIN)).await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status();
    door.tally.count(route, status, took);
    let (route, token) = (route.unwrap_or("other"), token.as_deref().unwrap_or("-"));
    let (status, micros) = (status.as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let id = id.to_str().unwrap_or_default();
    if status >= 500 {
        tracing::warn!(%method, route, status, code, micros, token, id, "a request could not be answered");
    } else {
        tracing::debug!(%method, route, status, code, micros, token, id, "a request was answered");
    }
    response
}

/// Answers what browsers ask before a page of another origin may send a request to a form's address.
pub(crate) async fn preflight(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response {
    let asks = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    match origin {
        Some(origin) if asks && door.access.is_form_origin(origin) => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            let sent = HeaderValue::from_static("authorization, content-type, heinzel-claim, last-event-id");
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            response
        }
        Some(_) if asks => Failure::other_origin("no form is used on this origin").into_response(),
        _ => Failure::method_not_allowed().into_response(),
    }
}

/// Writes the body of a failure. What a library refused in its own words becomes one of ours.
fn failed(response: &mut Response, id: &HeaderValue) -> Option<&'static str> {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return None;
    }
    let failure =
        response.extensions_mut().remove::<Failure>().unwrap_or_else(|| Failure::of_status(response.status()));
    *response.body_mut() = failure.body(id.to_str().unwrap_or_default());
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(failure::CONTENT_TYPE));
    Some(failure.code())
}

/// Headers that every answer has; what is there already stays.
pub(crate) fn decorate(headers: &mut HeaderMap, id: &HeaderValue) {
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
}

/// Lets a page of a form's origin read the answer. Cookies have no part in it.
fn allow(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let shown = HeaderValue::from_static("retry-after, x-request-id");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    }
}

/// An id that no other request of this or an earlier run has: eight random digits a run, and a count.
pub(crate) fn request_id() -> HeaderValue {
    static RUN: LazyLock<u32> = LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default()
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = format!("{:08x}-{:x}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
}
