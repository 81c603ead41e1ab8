//! `GET /v1/reports/{name}`: what became of drafts, tickets, customers and contacts.

#![expect(unused_qualifications, reason = "utoipa's macro writes them for parameters that are declared here")]

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::door::Door;
use crate::failure::Failure;
use crate::openapi;
use crate::settings::Scope;

/// The span of a report for which none is asked.
const USUAL: Duration = Duration::from_secs(30 * 86_400);

/// A report over a span of time: thirty days until now, if not said otherwise.
///
/// # Errors
/// 401 and 403 without a token of the scope `operate`, 404 for a name that no report has, 422 for an empty span.
#[utoipa::path(
    get,
    path = "/v1/reports/{name}",
    tag = "reports",
    params(("name" = ReportName, Path, description = "Which report"), Within),
    responses((status = 200, description = "The report", body = Report), openapi::ReportProblems),
    security(("operate" = [])),
)]
pub async fn reports(
    State(door): State<Arc<Door>>,
    name: Result<Path<ReportName>, PathRejection>,
    within: Result<Query<Within>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Report>, Failure> {
    door.access.entitled(&headers, Scope::Operate)?;
    let Path(name) = name.map_err(|_| Failure::not_found("the reports are deflection, topics, silence, contacts"))?;
    let way =
        "the parameters are `from` and `until`, times like 2026-03-01T14:03:00Z (in an address a `+` is written `%2B`)";
    let Query(within) = within.map_err(|_| Failure::bad_request(way))?;
    let until = within.until.unwrap_or_else(|| door.api.now());
    let span = Span { from: within.from.unwrap_or(until - USUAL), until };
    if span.from >= span.until {
        return Err(Failure::invalid("from", "it is not before `until`"));
    }
    let report = door.blocking(door.limits.report_within, move |front| front.report(name, span)).await?;
    Ok(Json(Report { name, from: span.from, until: span.until, report }))
}

/// The span that is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Within {
    /// The begin; thirty days before the end, if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// The end, which does not belong to it; now, if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// A report and its span.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Report {
    /// Which report.
    name: ReportName,
    /// The begin.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The end, which does not belong to it.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Its figures, with their definitions.
    #[schema(value_type = Object)]
    report: serde_json::Value,
}

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
