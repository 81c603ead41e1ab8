//! How a request's body is read: within a size and a time.

use std::future::poll_fn;
use std::io::{self, Read};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, Request, header};
use futures_core::Stream as _;
use hyper::body::{Frame, SizeHint};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::door::Door;
use crate::failure::Failure;
use crate::settings::Scope;
use crate::wire;

/// Reads a whole body.
///
/// # Errors
/// 413 over `most` bytes, 408 after `within`, 415 when it is compressed, 400 when it breaks off.
pub(crate) async fn read(headers: &HeaderMap, body: Body, most: usize, within: Duration) -> Result<Bytes, Failure> {
    plain(headers)?;
    if announced(headers).is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    match timeout(within, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_over_limit(&error) => Err(too_large(most)),
        Ok(Err(_)) => Err(broke_off()),
        Err(_) => Err(too_slow(within)),
    }
}

/// Reads JSON.
///
/// # Errors
/// 415 when it is called something else, 400 when it is no JSON, 422 when it is other JSON than is asked for.
pub(crate) fn json<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Failure> {
    if !is_called(headers, "application/json") {
        let way = "send JSON in UTF-8, with the header `Content-Type: application/json`, without another `charset`";
        return Err(Failure::unsupported(way));
    }
    let text = text(bytes)?;
    // A list of the right values would pass for an object as well.
    if !text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Err(Failure::invalid("", "the body must be a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| {
        let why = error.to_string();
        if error.is_data() {
            Failure::invalid(field::<T>(text, &why), format!("{why}{}", way_out(&why)))
        } else {
            let way = "have a library write it, like PHP's json_encode()";
            Failure::bad_request(format!("no JSON: {why}; {way}"))
        }
    })
}

/// Reads the record that a shop's system sends, and the id of its path.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, else by what is wrong with the request.
pub(crate) async fn record<T: DeserializeOwned>(
    door: &Door,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<(String, T), Failure> {
    let (parts, body) = request.into_parts();
    door.access.entitled(&parts.headers, Scope::Ingest)?;
    let id = wire::path(id)?;
    let bytes = read(&parts.headers, body, door.limits.record_body, door.limits.body_within).await?;
    Ok((id, json(&parts.headers, &bytes)?))
}

/// What a body says, from its first letter on. RFC 8259, section 8.1: JSON is UTF-8, and a reader may overlook a byte order mark.
fn text(bytes: &[u8]) -> Result<&str, Failure> {
    let way = "send the JSON in UTF-8";
    if bytes.contains(&0) {
        return Err(Failure::bad_request(format!("the body has zero bytes, as UTF-16 has; {way}")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to() + 1;
        Failure::bad_request(format!("byte {at} of the body is not UTF-8; {way}"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii_start();
    if text.is_empty() {
        return Err(Failure::bad_request("the body is empty; send a JSON object, at least `{}`"));
    }
    Ok(text)
}

/// What to write instead of a value of the wrong type, where serde only says what it did not want.
fn way_out(why: &str) -> &'static str {
    let Some((found, wanted)) = why.strip_prefix("invalid type: ").and_then(|why| why.split_once(", expected ")) else {
        return "";
    };
    if found == "null" {
        "; leave the field out"
    } else if wanted.starts_with("a string") && found != "map" && found != "sequence" {
        "; write it in quotes"
    } else if wanted.starts_with("a sequence") {
        "; write a list, like [\"one\", \"two\"]"
    } else if wanted.starts_with("a boolean") {
        "; write true or false, without quotes"
    } else {
        ""
    }
}

/// Whether a body is said to be of this kind, in UTF-8 (or ASCII, which is a part of it).
pub(crate) fn is_called(headers: &HeaderMap, wanted: &str) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = said.split(';').map(str::trim);
    let is_kind = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
    let mut charsets =
        parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let is_utf8 = |charset: &str| ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known));
    is_kind && charsets.all(|(_, charset)| is_utf8(charset.trim_matches('"')))
}

/// Which member of an object is the reason `why` it is not what is asked for; empty if it cannot be told. serde does not say
/// it of a wrong type, so each is read alone: then only others are missing.
fn field<T: DeserializeOwned>(text: &str, why: &str) -> String {
    let lacks = |why: &str| why.starts_with("missing field `") || why.starts_with("duplicate field `");
    if lacks(why) {
        return why.split('`').nth(1).unwrap_or_default().to_owned();
    }
    let members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let mut alone =
        members.into_iter().map(|(name, value)| (name.clone(), Value::Object(Map::from_iter([(name, value)]))));
    let found = alone.find(|(_, one)| T::deserialize(one).is_err_and(|error| !lacks(&error.to_string())));
    found.map(|(name, _)| name).unwrap_or_default()
}

/// What is left of a body that nobody read to its end. Unread, it would end the connection without a word, and whoever sent
/// the next request on it would lose that.
pub(crate) struct Leftover {
    back: Arc<Mutex<Option<Lent>>>,
    /// It is sent only once somebody asks for it (`Expect: 100-continue`).
    is_awaited: bool,
}

/// A body on loan: it comes back when it is dropped.
struct Lent {
    body: Body,
    is_begun: bool,
    to: Option<Arc<Mutex<Option<Lent>>>>,
}

/// Lends a request's body to whoever answers it.
pub(crate) fn lend(request: Request<Body>) -> (Request<Body>, Leftover) {
    let back = Arc::default();
    let is_awaited = request.headers().contains_key(header::EXPECT);
    let lent = |body: Body| {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Lent { body, is_begun: false, to: Some(Arc::clone(&back)) })
    };
    let request = request.map(lent);
    (request, Leftover { back, is_awaited })
}

impl Leftover {
    /// Reads the rest away: at most so many bytes, and no longer than this. Says whether nothing is left.
    pub(crate) async fn drain(self, most: usize, within: Duration) -> bool {
        let left = self.back.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut left) = left.filter(|left| !left.is_end_stream()) else { return true };
        let is_awaited = self.is_awaited && !left.is_begun;
        if is_awaited || left.size_hint().lower() > most as u64 {
            return false;
        }
        let rest = async {
            let mut seen = 0;
            while let Some(frame) = poll_fn(|context| Pin::new(&mut left).poll_frame(context)).await {
                seen += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
                if frame.is_err() || seen > most {
                    return false;
                }
            }
            true
        };
        timeout(within, rest).await.unwrap_or(false)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_begun = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(to) = self.to.take() else { return };
        let back = Self { body: mem::take(&mut self.body), is_begun: self.is_begun, to: None };
        *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(back);
    }
}

/// What arrives of a body, read by somebody who may block. Its other side is [`feed`].
pub(crate) struct Arriving {
    /// An empty piece is the end. Without it the body broke off, also when whoever fed it was dropped.
    pieces: mpsc::Receiver<Bytes>,
    rest: Bytes,
    ended: bool,
}

/// The way from [`feed`] to [`Arriving`]: a few pieces wait, then the sender does.
pub(crate) fn arriving() -> (mpsc::Sender<Bytes>, Arriving) {
    let (sender, pieces) = mpsc::channel(4);
    (sender, Arriving { pieces, rest: Bytes::new(), ended: false })
}

/// Hands a body on as it arrives. Ends early, without an error, when nobody reads on.
///
/// # Errors
/// As [`read`]; the reader then learns that the rest does not come.
pub(crate) async fn feed(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    within: Duration,
    to: mpsc::Sender<Bytes>,
) -> Result<(), Failure> {
    plain(headers)?;
    if announced(headers).is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    let end = Instant::now() + within;
    let mut stream = body.into_data_stream();
    let mut seen = 0;
    loop {
        let next = timeout_at(end, poll_fn(|context| Pin::new(&mut stream).poll_next(context))).await;
        let piece = match next.map_err(|_| too_slow(within))? {
            None => Bytes::new(),
            Some(Ok(piece)) if piece.is_empty() => continue,
            Some(piece) => piece.map_err(|_| broke_off())?,
        };
        let ended = piece.is_empty();
        seen += piece.len();
        if seen > most {
            return Err(too_large(most));
        }
        if to.send(piece).await.is_err() || ended {
            return Ok(());
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && !self.ended {
            let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "the body broke off");
            self.rest = self.pieces.blocking_recv().ok_or_else(gone)?;
            self.ended = self.rest.is_empty();
        }
        let length = self.rest.len().min(into.len());
        into[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

fn plain(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Failure::unsupported("the body is compressed; send it plain"));
    }
    Ok(())
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(most: usize) -> Failure {
    Failure::too_large(format!("the body is over {most} bytes; send less at once"))
}

fn too_slow(within: Duration) -> Failure {
    Failure::timeout(format!("the body took longer than {within:?}"))
}

fn broke_off() -> Failure {
    Failure::bad_request("the body broke off")
}

fn is_over_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // The crate that defines the type is not a dependency of ours; its text is part of axum's documented behaviour.
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}
