//! `/v1/assets/{id}`: what the shop's systems say of an asset, and that one is gone.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{Request, StatusCode};
use heinzel_core::asset::Asset;
use heinzel_core::customer::NamedAsset;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::door::Door;
use crate::failure::Failure;
use crate::import::{self, How, ImportKind, Imported};
use crate::settings::Scope;
use crate::{body, openapi, ticket, wire};

/// Writes an asset down, whole: what was there under this id before is replaced. The same again changes nothing, and costs next to
/// nothing; many that are new or changed come faster by the import. An asset
/// that stands in the operator's `assets.toml` is changed there.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, 409 for an asset of `assets.toml`, else by what is wrong with the request.
#[utoipa::path(
    put,
    path = "/v1/assets/{id}",
    tag = "records",
    params(("id" = String, Path, description = "`kind:name`; no part of the name between two `/` is `..`", pattern = "^[a-z][a-z0-9_-]{0,31}:[A-Za-z0-9_:@+/\\\\\\u00c0-\\u024f][A-Za-z0-9_.:@+/\\\\\\u00c0-\\u024f-]{0,149}$")),
    request_body = AssetRecord,
    responses(
        (status = 201, description = "A new asset", body = AssetRecord),
        (status = 200, description = "A known asset", body = AssetRecord),
        openapi::AssetProblems,
    ),
    security(("ingest" = [])),
)]
pub async fn put(
    State(door): State<Arc<Door>>,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<AssetRecord>), Failure> {
    let (id, asset) = body::record::<AssetRecord>(&door, id, request).await?;
    check(&asset.to_asset(&id))?;
    let kept = door.blocking(door.limits.call_within, move |front| front.put_asset(&id, asset)).await?;
    Ok(ticket::answer(kept))
}

/// Removes an asset: its record, with owner, name and aliases, and its id in the drafts and tickets that were about it. What is left of it
/// on the disk goes within the hour. Once more does no harm: there is nothing left to remove then.
///
/// What other assets depend on is not removed, nor what stands in the operator's `assets.toml`: `detail` names them. What protected
/// the asset, and the names that logs use for it, are gone with it. In the engine's own store, incidents keep its id, and lines of
/// logs stay in the timeline and the audit trail, which cannot be changed, as long as these are kept. That an asset of its kind was removed, and by whose
/// token, is in the audit trail.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, 409 for an asset of `assets.toml` or one that others need, 503 when it cannot be
/// done now.
#[utoipa::path(
    delete,
    path = "/v1/assets/{id}",
    tag = "records",
    params(("id" = String, Path, description = "The asset's id")),
    responses(
        (status = 200, description = "It is gone", body = AssetRemoved),
        openapi::RemovalProblems,
    ),
    security(("ingest" = [])),
)]
pub async fn remove(
    State(door): State<Arc<Door>>,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<Json<AssetRemoved>, Failure> {
    let by = door.access.entitled(request.headers(), Scope::Ingest)?.speaker();
    // Not checked: what was stored before an id had to keep to the rules of today can be removed, too.
    let id = wire::path(id)?;
    door.blocking(door.limits.call_within, move |front| front.remove_asset(&id, &by)).await.map(Json)
}

/// Reads assets from CSV in UTF-8, with `;`, `,` or tabs between the cells and a header of the columns `id`, `name`,
/// `aliases`, `owner`, `depends_on`, `protected`, also by their usual German names. Of a known asset, what the list has no
/// column for stays as it is; an empty cell takes the value away. (`PUT` replaces the whole.) Rows that `PUT` would take are
/// written down, the others are named. A row may name assets of other rows. A column that is not known is named and left
/// out; two that mean the same are refused.
///
/// Several names in `aliases` and `depends_on` stand with `|`, `,` or spaces between them. `protected` is `yes`, `ja`,
/// `true`, `wahr`, `y`, `j`, `x`, `1`, or `no`, `nein`, `false`, `falsch`, `n`, `0`.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, else by what is wrong with the request.
#[utoipa::path(
    post,
    path = "/v1/assets/import",
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
    import::take(&door, ImportKind::Assets, how, request).await
}

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
    #[schema(pattern = "^[!-~]{1,128}$", example = "K1")]
    pub owner: Option<String>,
    /// The assets it needs to work.
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["host:pve1"]))]
    pub depends_on: Vec<String>,
    /// No fix ever touches it, or what it needs, without approval.
    #[serde(default)]
    pub protected: bool,
}

/// What a removal came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AssetRemoved {
    /// Whether it was known; `false` when there was nothing to remove.
    pub removed: bool,
}

impl AssetRecord {
    /// The asset that it describes under this id.
    #[must_use]
    pub fn to_asset(&self, id: &str) -> NamedAsset {
        NamedAsset {
            asset: Asset {
                id: id.to_owned(),
                aliases: self.aliases.clone(),
                owner: self.owner.clone(),
                depends_on: self.depends_on.clone(),
                protected: self.protected,
            },
            name: self.name.clone(),
        }
    }
}

/// What every asset must keep to by itself, whether it is put or imported.
///
/// # Errors
/// 422 with the field.
pub fn check(named: &NamedAsset) -> Result<(), Failure> {
    let Asset { id, aliases, owner, depends_on, protected: _ } = &named.asset;
    wire::asset_id_if("id", Some(id))?;
    wire::name_if(named.name.as_deref())?;
    wire::id_if("owner", owner.as_deref())?;
    for (field, list) in [("aliases", aliases), ("depends_on", depends_on)] {
        if list.len() > 64 {
            return Err(Failure::invalid(field, "more than 64 of them"));
        }
    }
    for alias in aliases {
        let is_good = !alias.is_empty() && !alias.contains(wire::is_unseen);
        if !is_good || alias.chars().count() > 200 {
            return Err(Failure::invalid(
                "aliases",
                "an alias is 1 to 200 characters, none of them a control character or one that hides or turns around text",
            ));
        }
    }
    if depends_on.contains(id) {
        return Err(Failure::invalid("depends_on", format!("`{id}` depends on itself; leave it out")));
    }
    depends_on.iter().try_for_each(|id| wire::asset_id_if("depends_on", Some(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_asset_must_keep_to() {
        let check = |id: &str, json: &str, expected: Result<(), &str>| {
            let record: AssetRecord = serde_json::from_str(json).unwrap();
            let said = check(&record.to_asset(id)).map_err(|failure| failure.to_string());
            match (&said, expected) {
                (Ok(()), Ok(())) => {}
                (Err(said), Err(start)) if said.starts_with(start) => {}
                _ => panic!("{id} {json}: {said:?}"),
            }
        };
        check("vm:1", r#"{"name":"Shop","aliases":["web 0"],"owner":"K1","depends_on":["host:pve1"]}"#, Ok(()));
        for id in ["mailbox:a b", "vm:-x", "vm:.x", "vm:..", "vm:<script>", "vm:a%2Fb", "vm:a\u{202e}b"] {
            check(id, "{}", Err("id: an asset's id is `kind:name`"));
        }
        check("vm:1", r#"{"depends_on":["host:-x"]}"#, Err("depends_on: an asset's id"));
        check("vm", "{}", Err("id: "));
        check("vm:1", r#"{"owner":"Kim Müller"}"#, Err("owner: "));
        check("vm:1", &format!(r#"{{"owner":"{}"}}"#, "x".repeat(500)), Err("owner: "));
        check("vm:1", &format!(r#"{{"name":"{}"}}"#, "x".repeat(900)), Err("name: "));
        check("vm:1", r#"{"name":"a\u0000b"}"#, Err("name: "));
        check("vm:1", r#"{"depends_on":["pve1"]}"#, Err("depends_on: "));
        check("vm:1", r#"{"aliases":["a\nb"]}"#, Err("aliases: "));
        check("vm:1", r#"{"depends_on":["vm:2","vm:1"]}"#, Err("depends_on: `vm:1` depends on itself"));
    }
}
