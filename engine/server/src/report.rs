//! `GET /v1/reports/{name}`: what became of drafts, tickets, customers and contacts.

use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportName {
    /// How many tickets suggestions spared, with the definitions.
    Deflection,
    /// What customers write about.
    Topics,
    /// Who was repaired without contact, and who was never heard of.
    Silence,
    /// Contact addresses that bounce or rest.
    Contacts,
}

/// From when until when: the begin belongs to it, the end does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The begin.
    pub from: Timestamp,
    /// The end.
    pub until: Timestamp,
}
