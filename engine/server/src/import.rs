//! `POST /v1/assets/import` and `POST /v1/customers/import`: CSV, read as it arrives.

use serde::Serialize;
use utoipa::ToSchema;

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
    /// What is wrong with the others, the first thousand.
    #[schema(max_items = 1000)]
    pub complaints: Vec<Complaint>,
    /// How many rows are bad beyond those complained of.
    pub complaints_left_out: u64,
    /// Nothing was written down.
    pub dry_run: bool,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Complaint {
    /// The line that the row begins on; the header is on line 1.
    pub line: u64,
    /// What is wrong, and the way out.
    pub why: String,
}
