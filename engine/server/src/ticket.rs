//! `POST /v1/tickets`: a ticket that was sent; answered with what is already known about it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::door::Door;
use crate::failure::Failure;
use crate::front::Kept;
use crate::settings::Scope;
use crate::{body, openapi, wire};

/// How far ahead of ours a ticket system's clock may be; what lies further ahead is no time of a ticket, and would be kept for ever.
pub(crate) const AHEAD: Duration = Duration::from_secs(86_400);

/// Takes a ticket that was sent, links it to incidents and answers with what is known, so that support starts with the
/// facts. The same id again changes neither text nor time; customer, asset, draft and answer are replaced where others are
/// said. It is answered with what is known by then.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, else by what is wrong with the request.
#[utoipa::path(
    post,
    path = "/v1/tickets",
    tag = "records",
    request_body = Ticket,
    responses(
        (status = 201, description = "A new ticket", body = TicketTaken),
        (status = 200, description = "A known ticket", body = TicketTaken),
        openapi::RecordProblems,
    ),
    security(("ingest" = [])),
)]
pub async fn tickets(
    State(door): State<Arc<Door>>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<TicketTaken>), Failure> {
    let (parts, body) = request.into_parts();
    door.access.entitled(&parts.headers, Scope::Ingest)?;
    let bytes = body::read(&parts.headers, body, door.limits.ticket_body, door.limits.body_within).await?;
    let mut ticket: Ticket = body::json(&parts.headers, &bytes)?;
    ticket.leave_blanks_out();
    // It comes from a field of the customer's page: whatever stands there, the ticket is taken.
    let is_none = ticket.draft_id.take_if(|id| !wire::is_draft_id(id)).is_some();
    let (status, Json(mut taken)) = take(&door, ticket).await?;
    taken.left_out.extend(is_none.then(LeftOut::no_draft_id));
    Ok((status, Json(taken)))
}

/// Hands a ticket to the engine.
pub(crate) async fn take(door: &Door, ticket: Ticket) -> Result<(StatusCode, Json<TicketTaken>), Failure> {
    ticket.check(door.api.now())?;
    let kept = door.blocking(door.limits.call_within, move |front| front.ticket(ticket)).await?;
    Ok(answer(kept))
}

/// 201 for what is new, 200 for what is known.
pub(crate) fn answer<T>(kept: Kept<T>) -> (StatusCode, Json<T>) {
    match kept {
        Kept::New(it) => (StatusCode::CREATED, Json(it)),
        Kept::Known(it) => (StatusCode::OK, Json(it)),
    }
}

/// A sent ticket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Its id in the ticket system. The same ticket again changes nothing.
    #[schema(pattern = "^[!-~]{1,128}$", example = "10081")]
    pub id: String,
    /// The customer. A blank counts as none.
    #[serde(default)]
    #[schema(pattern = "^[!-~]{0,128}$", example = "K1")]
    pub customer: Option<String>,
    /// The asset that it is about. A blank counts as none.
    #[serde(default)]
    #[schema(
        pattern = "^([a-z][a-z0-9_-]{0,31}:[A-Za-z0-9_:@+/\\\\\\u00c0-\\u024f][A-Za-z0-9_.:@+/\\\\\\u00c0-\\u024f-]{0,149})?$",
        example = "vm:100"
    )]
    pub asset: Option<String>,
    /// The subject. A known ticket keeps its first.
    #[serde(default)]
    #[schema(max_length = 1000, example = "Server")]
    pub subject: String,
    /// The text, without markup. A known ticket keeps its first.
    #[serde(default)]
    #[schema(max_length = 200000, example = "Mein Server startet nicht mehr")]
    pub body: String,
    /// The customer's language, as a BCP 47 tag.
    #[serde(default)]
    #[schema(max_length = 35, example = "de")]
    pub locale: Option<String>,
    /// The page that the form is on.
    #[serde(default)]
    #[schema(max_length = 512, example = "/tickets/new")]
    pub page: Option<String>,
    /// When it was sent, at most a day ahead of our clock; what lies ahead counts as now. A known ticket keeps its first time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// The draft that it was. A draft becomes one ticket, the first that says so: in another it is left out, and named in the
    /// answer. So is one that is not known or another customer's, and what is no draft's id.
    #[serde(default)]
    #[schema(example = "b7c1a5de-4a10-4a52-8a55-0c6f5be0c1d2")]
    pub draft_id: Option<String>,
    /// The answer that support used in the end. The ticket becomes an example of it. One that is not known is left out, and
    /// named in the answer.
    #[serde(default)]
    #[schema(max_length = 192, example = "virtualisation/server-does-not-start")]
    pub answer_used: Option<String>,
}

impl Ticket {
    /// The most characters of the text.
    pub(crate) const BODY: usize = 200_000;

    /// Fields that a form left empty say nothing.
    fn leave_blanks_out(&mut self) {
        for field in [&mut self.customer, &mut self.asset, &mut self.draft_id, &mut self.answer_used] {
            field.take_if(|text| text.is_empty());
        }
    }

    fn check(&self, now: Timestamp) -> Result<(), Failure> {
        wire::id_if("id", Some(&self.id))?;
        wire::id_if("customer", self.customer.as_deref())?;
        wire::asset_id_if("asset", self.asset.as_deref())?;
        wire::at_most("subject", &self.subject, 1_000)?;
        wire::at_most("body", &self.body, Self::BODY)?;
        wire::at_most_if("locale", self.locale.as_deref(), 35)?;
        wire::at_most_if("page", self.page.as_deref(), 512)?;
        wire::draft_id_if("draft_id", self.draft_id.as_deref())?;
        if self.created_at.is_some_and(|at| at > now + AHEAD) {
            return Err(Failure::invalid(
                "created_at",
                "it lies more than a day ahead; leave it out, or send when the ticket was sent",
            ));
        }
        wire::at_most_if("answer_used", self.answer_used.as_deref(), 192)
    }
}

/// What is known about a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TicketTaken {
    /// The ticket's id.
    pub id: String,
    /// The incidents that it belongs to.
    pub incidents: Vec<TicketIncident>,
    /// What was found, for support: logs, tasks, probes, fixes. Markdown; empty when nothing was.
    pub note: String,
    /// What of the ticket could not be used and was left out; not there when all could. The ticket is taken all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub left_out: Vec<LeftOut>,
}

/// A field of a ticket that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeftOut {
    /// Which.
    pub field: String,
    /// What is wrong with it, and the way out.
    pub why: String,
    /// It happens where nothing is wrong.
    #[serde(skip)]
    pub(crate) is_usual: bool,
}

impl LeftOut {
    pub(crate) fn new(field: &str, why: impl Into<String>) -> Self {
        Self { field: field.to_owned(), why: why.into(), is_usual: false }
    }

    /// Support named an answer that is not known.
    #[must_use]
    pub fn answer_used() -> Self {
        let why = "there is no answer with this id; send the `id` of one, as `heinzel answers list` shows it";
        Self::new("answer_used", why)
    }

    /// The draft became another ticket.
    #[must_use]
    pub fn draft_id() -> Self {
        let why = "this draft became another ticket; call `sent()` of the form's element when a ticket is sent, and the next input begins a new draft";
        Self::new("draft_id", why)
    }

    /// What should be a draft's id is none.
    pub(crate) fn no_draft_id() -> Self {
        let way = "the form's element puts one into the field that its attribute `name` says, and scripts ask it for `draftId`";
        Self::new("draft_id", format!("this is no draft's id (16 to 64 letters, digits, `-` and `_`); {way}"))
    }

    /// The draft is not known: a short one was never asked about.
    #[must_use]
    pub fn unknown_draft() -> Self {
        let why = "nothing is known of this draft: the form's element has not asked about it (it was too short), or it is too old";
        Self { is_usual: true, ..Self::new("draft_id", why) }
    }

    /// The draft is another customer's than the ticket.
    #[must_use]
    pub fn foreign_draft() -> Self {
        let why = "this draft was written under the claim of another customer; send as `customer` what the form's claim has as `sub`";
        Self::new("draft_id", why)
    }
}

/// An incident that a ticket belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TicketIncident {
    /// Its number.
    pub id: u64,
    /// The rule that found it.
    pub rule: String,
    /// What is wrong.
    pub title: String,
    /// Where.
    pub asset: String,
    /// How it stands: `open`, `acknowledged`, `resolved`.
    pub state: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}
