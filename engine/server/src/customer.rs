//! `PUT /v1/customers/{id}`: what the shop's systems say of a customer.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{Request, StatusCode};
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::door::Door;
use crate::failure::Failure;
use crate::import::{self, How, ImportKind, Imported};
use crate::settings::Scope;
use crate::{body, openapi, ticket, wire};

/// Writes a customer down, whole: what was there under this id before is replaced. The same again changes nothing.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, else by what is wrong with the request.
#[utoipa::path(
    put,
    path = "/v1/customers/{id}",
    tag = "records",
    params(("id" = String, Path, description = "The shop's id", pattern = "^[!-~]{1,128}$")),
    request_body = CustomerRecord,
    responses(
        (status = 201, description = "A new customer", body = CustomerRecord),
        (status = 200, description = "A known customer", body = CustomerRecord),
        openapi::RecordProblems,
    ),
    security(("ingest" = [])),
)]
pub async fn put(
    State(door): State<Arc<Door>>,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<CustomerRecord>), Failure> {
    let (parts, body) = request.into_parts();
    door.access.entitled(&parts.headers, Scope::Ingest)?;
    let id = wire::path(id)?;
    wire::id_if("id", Some(&id))?;
    let bytes = body::read(&parts.headers, body, door.limits.record_body, door.limits.form_within).await?;
    let customer: CustomerRecord = body::json(&parts.headers, &bytes)?;
    customer.check()?;
    let kept = door.blocking(door.limits.call_within, move |front| front.put_customer(&id, customer)).await?;
    Ok(ticket::answer(kept))
}

/// Reads customers from CSV, with a header of the columns `id`, `name`, `email`, `language`, `since`, `last_seen`. Good
/// rows are written down, bad ones are named.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, else by what is wrong with the request.
#[utoipa::path(
    post,
    path = "/v1/customers/import",
    tag = "records",
    params(How),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "What became of the rows", body = Imported), openapi::RecordProblems),
    security(("ingest" = [])),
)]
pub async fn import(
    State(door): State<Arc<Door>>,
    how: Result<Query<How>, QueryRejection>,
    request: Request<Body>,
) -> Result<Json<Imported>, Failure> {
    import::take(&door, ImportKind::Customers, how, request).await
}

/// A customer, as the shop knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerRecord {
    /// The name, as the customer is addressed.
    #[serde(default)]
    #[schema(max_length = 200, example = "Kim Beispiel")]
    pub name: Option<String>,
    /// The contact address.
    #[serde(default)]
    #[schema(max_length = 254, example = "kim@example.com")]
    pub email: Option<String>,
    /// The language, as a BCP 47 tag.
    #[serde(default)]
    #[schema(max_length = 35, example = "de")]
    pub language: Option<String>,
    /// Since when they are a customer.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// When the shop last saw them, by a login or an order.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Timestamp>,
}

impl CustomerRecord {
    fn check(&self) -> Result<(), Failure> {
        wire::at_most_if("name", self.name.as_deref(), 200)?;
        wire::at_most_if("email", self.email.as_deref(), 254)?;
        wire::at_most_if("language", self.language.as_deref(), 35)
    }
}
