//! `POST /v1/tickets`: a ticket that was sent; answered with what is already known about it.

use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A sent ticket.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Its id in the ticket system. The same id again changes nothing.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[!-~\u00a1-\uffff]+$", example = "10081")]
    pub id: String,
    /// The customer.
    #[serde(default)]
    #[schema(max_length = 128, example = "K1")]
    pub customer: Option<String>,
    /// The asset that it is about.
    #[serde(default)]
    #[schema(max_length = 192, example = "vm:100")]
    pub asset: Option<String>,
    /// The subject.
    #[serde(default)]
    #[schema(max_length = 1000, example = "Server")]
    pub subject: String,
    /// The text, without markup.
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
    /// When it was sent; now, if not said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// The draft that it was.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9_-]{16,64}$")]
    pub draft_id: Option<String>,
    /// The answer that support used in the end.
    #[serde(default)]
    #[schema(max_length = 192, example = "virtualisation/server-does-not-start")]
    pub answer_used: Option<String>,
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
