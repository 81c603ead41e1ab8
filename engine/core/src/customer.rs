//! Customers, what belongs to them, and how they are reached.

use serde::{Deserialize, Serialize};

use crate::asset::Asset;
use crate::time::Timestamp;

/// A customer's id, as the shop gives it: `K1`.
pub type CustomerId = String;

/// A customer, as the shop describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Customer {
    /// The shop's id.
    pub id: CustomerId,
    /// How they are addressed.
    pub name: Option<String>,
    /// Where they are written to.
    pub email: Option<String>,
    /// The language they are answered in: `de`, `en`.
    pub language: Option<String>,
    /// Customer since then.
    pub since: Option<Timestamp>,
    /// When the shop saw them last: a login, an order.
    pub last_seen: Option<Timestamp>,
}

/// An asset and the name that people know it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedAsset {
    /// The asset.
    pub asset: Asset,
    /// What its owner calls it.
    #[serde(default)]
    pub name: Option<String>,
}

/// An address of a customer, and what mail to it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Whose it is.
    pub customer: CustomerId,
    /// The address.
    pub address: String,
    /// How often mail to it came back since it was used last.
    pub bounces: u32,
    /// When mail to it came back last.
    pub bounced_at: Option<Timestamp>,
    /// Why it came back, as a word for programs: `user-unknown`, `quota-exceeded`.
    pub bounced_why: Option<String>,
    /// When the customer last wrote from it or logged in with it.
    pub used_at: Option<Timestamp>,
}
