//! What happens to a draft after it was shown suggestions: its news, and what the customer did with them.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use utoipa::ToSchema;

use crate::access::claim::SKEW;
use crate::door::{Door, Seat};
use crate::failure::Failure;
use crate::front::CustomerClaim;
use crate::{body, openapi, wire};

/// How often a stream without news shows that it is alive: below the idle limits of the usual reverse proxies.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How many news wait for a slow reader.
pub const NEWS_WAITING: usize = 16;

/// News about the customer's asset that this draft set off, as server-sent events named `news`, each a [`News`]. First
/// the latest there is. Ends after `repaired`, `well`, `handed_over` or `unsettled`, a minute after the claim has expired, and
/// after a quarter of an hour at the latest. A draft that was begun before the engine was started anew goes on where it was;
/// where it cannot be told any more what it set off, its news is `unsettled`.
///
/// # Errors
/// 401 and 403 when key, origin and claim do not belong together; 404 when the draft is unknown or somebody else's; 429
/// when asked too often.
#[utoipa::path(
    get,
    path = "/v1/drafts/{draft_id}/news",
    tag = "form",
    params(("draft_id" = String, Path, description = "The draft", pattern = "^[A-Za-z0-9_-]{16,64}$")),
    responses(
        (status = 200, description = "Events named `news`; the data of each is a News", body = NewsEvent, content_type = "text/event-stream"),
        openapi::ReadProblems,
    ),
    security(("form" = []), ("form" = [], "claim" = [])),
)]
pub async fn news(
    State(door): State<Arc<Door>>,
    draft_id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let visit = door.visit(&parts, false)?;
    let draft_id = known_form(draft_id)?;
    let seat = door.seat(visit.token, visit.asker.owner())?;
    let asker = visit.asker.clone();
    let longest = longest(asker.customer.as_ref(), door.api.now(), door.limits.stream_for);
    let news = door.blocking(door.limits.call_within, move |front| front.news(&asker, &draft_id)).await?;
    let stream = NewsStream {
        news,
        over: false,
        end: Box::pin(sleep(longest)),
        stop: Box::pin(door.stop.clone().cancelled_owned()),
        _seat: seat,
    };
    // Proxies in front must hand on each event at once.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE_EVERY))).into_response())
}

/// How long a stream lasts that a claim opens at `now`: not much longer than the claim.
fn longest(claim: Option<&CustomerClaim>, now: Timestamp, most: Duration) -> Duration {
    claim.map_or(most, |claim| most.min(claim.expires.since(now) + SKEW))
}

/// What the customer did with what was shown.
///
/// # Errors
/// 401 and 403 when key, origin and claim do not belong together; 404 when the draft is unknown or somebody else's; 429
/// when asked too often; else by what is wrong with the request.
#[utoipa::path(
    post,
    path = "/v1/drafts/{draft_id}/feedback",
    tag = "form",
    params(("draft_id" = String, Path, description = "The draft", pattern = "^[A-Za-z0-9_-]{16,64}$")),
    request_body = Feedback,
    responses(
        (status = 204, description = "Written down"),
        openapi::FormProblems,
    ),
    security(("form" = []), ("form" = [], "claim" = [])),
)]
pub async fn feedback(
    State(door): State<Arc<Door>>,
    draft_id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let visit = door.visit(&parts, true)?;
    let draft_id = known_form(draft_id)?;
    let bytes = body::read(&parts.headers, body, door.limits.form_body, door.limits.body_within).await?;
    let feedback: Feedback = body::json(&parts.headers, &bytes)?;
    wire::at_most_if("answer", feedback.answer.as_deref(), 192)?;
    door.look(&visit.asker.owner(), &draft_id)?;
    let asker = visit.asker.clone();
    door.blocking(door.limits.call_within, move |front| front.feedback(&asker, &draft_id, feedback)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A draft's id. One that no form makes is no draft's.
fn known_form(draft_id: Result<Path<String>, PathRejection>) -> Result<String, Failure> {
    let draft_id = draft_id.ok().map(|Path(id)| id).filter(|id| wire::is_draft_id(id));
    draft_id.ok_or_else(|| Failure::not_found("there is no such draft of this customer or form"))
}

/// News on their way to a form.
struct NewsStream {
    news: mpsc::Receiver<News>,
    over: bool,
    end: Pin<Box<Sleep>>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    _seat: Seat,
}

impl Stream for NewsStream {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stopped = self.stop.as_mut().poll(context).is_ready() || self.end.as_mut().poll(context).is_ready();
        if self.over || stopped {
            return Poll::Ready(None);
        }
        self.news.poll_recv(context).map(|news| {
            let news = news?;
            self.over = news.state.is_final();
            // Texts and numbers always become JSON.
            let event = Event::default().event("news").json_data(&news).unwrap_or_default();
            Some(Ok(event))
        })
    }
}

/// News about the customer's asset, set off by a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct News {
    /// How it stands.
    pub state: NewsState,
    /// The same as a sentence for the customer. It names no time: that is `at`, for the form to show by the customer's clock.
    pub text: String,
    /// The incident.
    #[schema(required)]
    pub incident: Option<u64>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// One server-sent event of a stream of news: only its schema is used.
#[derive(ToSchema)]
pub struct NewsEvent {
    /// Always `news`.
    #[schema(pattern = "^news$")]
    pub event: String,
    /// A [`News`], as JSON.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// How a diagnosis and repair stands. `checking`: probes are running, or a technician is being told. `found`: the cause is known, and the
/// fix waits, for another one or for as long as none may run (a pause, maintenance). `repairing`: it is running. Then nothing follows:
/// `repaired`, with proof; `well`, nothing is wrong; `handed_over`, a technician knows; `unsettled`, nobody has it in hand, so that the
/// ticket should be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewsState {
    /// Probes are running, or a technician is being told.
    Checking,
    /// The cause is known. The fix waits: until another one is done, or for as long as none may run (a pause, maintenance).
    Found,
    /// A fix is running.
    Repairing,
    /// Repaired and verified. Final.
    Repaired,
    /// Nothing wrong was found. Final.
    Well,
    /// A technician has it. Final.
    HandedOver,
    /// Neither repaired nor in anybody's hands (nobody is to be told, or could be): the ticket should be sent. Final.
    Unsettled,
}

impl NewsState {
    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Repaired | Self::Well | Self::HandedOver | Self::Unsettled)
    }

    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Found => "found",
            Self::Repairing => "repairing",
            Self::Repaired => "repaired",
            Self::Well => "well",
            Self::HandedOver => "handed_over",
            Self::Unsettled => "unsettled",
        }
    }
}

/// What the customer did with what was shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// What.
    pub what: FeedbackKind,
    /// The item that it was done with: one that was shown for this draft.
    #[serde(default)]
    #[schema(max_length = 192, example = "virtualisation/server-does-not-start")]
    pub answer: Option<String>,
}

/// What a customer can do with what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeedbackKind {
    /// Opened it.
    Opened,
    /// Said that it solved the problem.
    Solved,
    /// Said that it does not fit.
    Dismissed,
    /// Sent the ticket all the same.
    Sent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_with_its_claim() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let most = Duration::from_secs(900);
        let check = |left_s: u64, expected: u64| {
            let expires = now + Duration::from_secs(left_s);
            let claim = CustomerClaim { id: "K1".into(), assets: None, expires };
            assert_eq!(longest(Some(&claim), now, most), Duration::from_secs(expected));
        };
        check(10, 70);
        check(3_600, 900);
        assert_eq!(longest(None, now, most), most);
    }
}
