//! A message that a customer did send.

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::customer::CustomerId;
use crate::draft::DraftId;
use crate::incident::IncidentId;
use crate::time::Timestamp;

/// A ticket's id, as the help desk gives it.
pub type TicketId = String;

/// A ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The help desk's id.
    pub id: TicketId,
    /// Who sent it.
    #[serde(default)]
    pub customer: Option<CustomerId>,
    /// What it is about.
    #[serde(default)]
    pub asset: Option<AssetId>,
    /// Its subject.
    #[serde(default)]
    pub subject: String,
    /// Its text.
    #[serde(default)]
    pub body: String,
    /// The language it is written in: `de`, `en`.
    #[serde(default)]
    pub language: Option<String>,
    /// The page of the form.
    #[serde(default)]
    pub page: Option<String>,
    /// When it was sent.
    pub created: Timestamp,
    /// The draft it was.
    #[serde(default)]
    pub draft: Option<DraftId>,
    /// The answer that support used for it.
    #[serde(default)]
    pub answer_used: Option<String>,
    /// The incidents it is about.
    #[serde(default)]
    pub incidents: Vec<IncidentId>,
}

/// That a ticket was sent, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The help desk's id.
    pub id: TicketId,
    /// Who sent it.
    pub customer: Option<CustomerId>,
    /// The draft it was.
    pub draft: Option<DraftId>,
    /// When.
    pub created: Timestamp,
}

impl From<&Ticket> for Sent {
    fn from(ticket: &Ticket) -> Self {
        let Ticket { id, customer, draft, created, .. } = ticket;
        Self { id: id.clone(), customer: customer.clone(), draft: draft.clone(), created: *created }
    }
}
