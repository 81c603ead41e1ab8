//! `PUT /v1/assets/{id}`: what the shop's systems say of an asset.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An asset, as the shop knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetRecord {
    /// Its name for people.
    #[serde(default)]
    #[schema(max_length = 200, example = "Shop server")]
    pub name: Option<String>,
    /// The names that logs and task histories use for it.
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["100", "web1"]))]
    pub aliases: Vec<String>,
    /// The customer it belongs to.
    #[serde(default)]
    #[schema(max_length = 128, example = "K1")]
    pub owner: Option<String>,
    /// The assets it needs to work.
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["host:pve1"]))]
    pub depends_on: Vec<String>,
    /// No fix ever touches it, or what it needs, without approval.
    #[serde(default)]
    pub protected: bool,
}
