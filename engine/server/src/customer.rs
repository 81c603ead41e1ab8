//! `PUT /v1/customers/{id}`: what the shop's systems say of a customer.

use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
