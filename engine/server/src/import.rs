//! `POST /v1/assets/import` and `POST /v1/customers/import`: CSV, read as it arrives.

use axum::Json;
use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, Request};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::body;
use crate::door::Door;
use crate::failure::Failure;
use crate::settings::Scope;

/// How an import is done.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// Only look: nothing is written down.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
}

/// Takes an import of either kind.
pub(crate) async fn take(
    door: &Door,
    kind: ImportKind,
    how: Result<Query<How>, QueryRejection>,
    request: Request<Body>,
) -> Result<Json<Imported>, Failure> {
    let (parts, body) = request.into_parts();
    door.access.entitled(&parts.headers, Scope::Ingest)?;
    let Query(How { dry_run }) =
        how.map_err(|_| Failure::bad_request("the only parameter is `dry_run`, true or false"))?;
    is_csv(&parts.headers)?;
    let limits = door.limits;
    let (sender, mut rows) = body::arriving();
    let feed = body::feed(&parts.headers, body, limits.import_body, limits.import_within, sender);
    let read = door.blocking(limits.import_within, move |front| front.import(kind, &mut rows, dry_run));
    let (fed, read) = tokio::join!(feed, read);
    // Why a body broke off is known on this side.
    fed?;
    read.map(Json)
}

fn is_csv(headers: &HeaderMap) -> Result<(), Failure> {
    if body::is_called(headers, "text/csv") {
        return Ok(());
    }
    Err(Failure::unsupported("send CSV in UTF-8, with the header `Content-Type: text/csv`, without another `charset`"))
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// Assets.
    Assets,
    /// Customers.
    Customers,
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Imported {
    /// How many rows there were.
    pub rows: u64,
    /// How many of them are good: written down, or with `dry_run` such as would be.
    pub taken: u64,
    /// What is wrong with the others, and columns that are not known, the first thousand.
    #[schema(max_items = 1000)]
    pub complaints: Vec<Complaint>,
    /// How many complaints there are beyond those.
    pub complaints_left_out: u64,
    /// Nothing was written down.
    pub dry_run: bool,
}

/// What is wrong with a row, or with the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Complaint {
    /// The line that the row begins on, or on which a quote opens that does not close; the header is on line 1.
    pub line: u64,
    /// What is wrong, and the way out.
    pub why: String,
}
