//! `POST /v1/events?source=NAME`: events from programs that send them themselves.
//!
//! Start at [`events`]. The body is NDJSON. A line is either a text, which is read like a line of a log file, or an
//! object: `message`, and beside it what is known of it (`time` as RFC 3339, `host`, `program`, `pid`, `unit`, `level`,
//! `attributes`, `task`). All lines of a request are taken or none. 202 is answered once they are stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use heinzel_core::block::{Ack, Block, Record, Shape, SourceId};
use heinzel_core::event::{Level, Stamp};
use heinzel_core::task::Task;
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::access::bearer;
use crate::api::{Api, NotTaken, is_same_secret};
use crate::body;
use crate::door::Door;
use crate::failure::Failure;
use crate::openapi;

/// An event as it is pushed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pushed {
    message: String,
    time: Option<Timestamp>,
    host: Option<String>,
    program: Option<String>,
    pid: Option<u32>,
    unit: Option<String>,
    level: Option<Level>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    task: Option<Box<Task>>,
}

/// How many events were taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// How many.
    accepted: usize,
}

/// Takes events as NDJSON: a line is a text, read like a line of a log, or an object with `message` and what is known of
/// it (`time`, `host`, `program`, `pid`, `unit`, `level`, `attributes`, `task`). All of them are taken or none.
///
/// # Errors
/// 400 with the line, 401, 403, 404, 408, 413, 415; 429 when the engine is behind, and 503 when it could not store the
/// events in time or could load no rule yet: both say when to come again.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "events",
    params(("source" = String, Query, description = "The push source in heinzel.toml that this is for")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 202, description = "Stored", body = Accepted),
        openapi::PushProblems,
    ),
    security(("push" = [])),
)]
pub async fn events(
    State(door): State<Arc<Door>>,
    query: Result<Query<BTreeMap<String, String>>, QueryRejection>,
    request: Request<Body>,
) -> Result<Response, Failure> {
    let name = query.as_ref().ok().and_then(|query| query.get("source")).map(String::as_str);
    let source = allowed_source(door.api.as_ref(), name, request.headers())?;
    let limits = door.limits;
    let Ok(_under_way) = door.pushes.try_acquire() else { return Err(Failure::behind()) };
    let (parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body, limits.body, limits.arrive_within).await?;
    let (bytes, records) = read_lines(&body, limits.events)?;
    drop(body);
    let accepted = records.len();
    if accepted > 0 {
        let (stored, told) = oneshot::channel();
        let block = Block {
            stream: source.clone(),
            source,
            offset: door.pushed.fetch_add(bytes.len() as u64, Ordering::Relaxed),
            bytes,
            shape: Shape::Records(records),
            checkpoint: None,
            read_at: door.api.now(),
            // The receiver is gone when the client gave up waiting; the events are stored all the same.
            ack: Some(Ack::new(move || {
                let _ = stored.send(());
            })),
        };
        door.api.push(block).map_err(|why| match why {
            NotTaken::Full => Failure::behind(),
            NotTaken::Closed => Failure::not_stored("the engine is stopping; nothing was taken, send it again"),
            NotTaken::NoRules => Failure::not_stored(
                "no rule could be loaded, so nothing would be found (`heinzel check` says why); nothing was taken, send it again",
            ),
        })?;
        match timeout(limits.stored_within, told).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                return Err(Failure::not_stored("the engine stopped before the events were stored; send them again"));
            }
            Err(_) => {
                return Err(Failure::not_stored(format!(
                    "the events were not stored within {:?}; send them again (they may then be there twice)",
                    limits.stored_within
                )));
            }
        }
    }
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted })).into_response())
}

/// The source that the request names, if its token may push to it. Without a known token nobody learns which sources
/// there are.
fn allowed_source(api: &dyn Api, name: Option<&str>, headers: &HeaderMap) -> Result<SourceId, Failure> {
    let sources = api.push_sources();
    let token = bearer(headers).ok_or_else(unauthorized)?;
    // All of them are compared, so that the time does not tell which one came close. An empty token opens nothing.
    let opened = sources
        .iter()
        .filter(|source| !source.token.is_empty() & is_same_secret(source.token.as_bytes(), token.as_bytes()));
    let opened: Vec<&SourceId> = opened.map(|source| &source.name).collect();
    if opened.is_empty() {
        return Err(unauthorized());
    }
    let name = name.ok_or_else(|| Failure::bad_request("say which source this is for: /v1/events?source=NAME"))?;
    match opened.into_iter().find(|source| &***source == name) {
        Some(source) => Ok(source.clone()),
        None if sources.iter().any(|source| &*source.name == name) => {
            Err(Failure::forbidden(format!("this token may not push to the source `{name}`")))
        }
        None => Err(Failure::not_found(format!(
            "there is no push source `{name}`; add a [[source]] of kind \"push\" with this name to heinzel.toml"
        ))),
    }
}

fn unauthorized() -> Failure {
    let way = "send the header `Authorization: Bearer TOKEN` with the token of a push source in heinzel.toml";
    Failure::unauthorized(way)
}

/// Reads NDJSON: all lines, or the first that is wrong.
fn read_lines(body: &[u8], most: usize) -> Result<(Vec<u8>, Vec<Record>), Failure> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut records = Vec::new();
    for (number, line) in (1_usize..).zip(body.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if records.len() >= most {
            return Err(Failure::too_large(format!("more than {most} events; send fewer at once")));
        }
        let (message, stamp) = read_line(line).map_err(|error| {
            let (why, _) = error.split_once(" at line ").unwrap_or((&error, ""));
            Failure::bad_request(format!("line {number}: {why}; nothing of this request was taken"))
        })?;
        bytes.extend_from_slice(message.trim_end_matches(['\r', '\n']).as_bytes());
        bytes.push(b'\n');
        records.push(Record { end: bytes.len(), stamp });
    }
    Ok((bytes, records))
}

fn read_line(line: &[u8]) -> Result<(String, Option<Box<Stamp>>), String> {
    match line[0] {
        b'"' => serde_json::from_slice::<String>(line).map(|text| (text, None)).map_err(|error| error.to_string()),
        b'{' => {
            let pushed: Pushed = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            let stamp = Stamp {
                time: pushed.time,
                host: pushed.host,
                program: pushed.program,
                pid: pushed.pid,
                unit: pushed.unit,
                level: pushed.level,
                attributes: pushed.attributes,
                task: pushed.task,
                by_customer: false,
            };
            Ok((pushed.message, Some(Box::new(stamp))))
        }
        _ => Err("neither a JSON object nor a JSON text".to_owned()),
    }
}
