//! `/v1/customers/{id}`: what the shop's systems say of a customer, and that one is to be forgotten.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{Request, StatusCode};
use heinzel_core::customer::Customer;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::answer::Language;
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
    let (id, customer) = body::record::<CustomerRecord>(&door, id, request).await?;
    check(&customer.to_customer(&id))?;
    let kept = door.blocking(door.limits.call_within, move |front| front.put_customer(&id, customer)).await?;
    Ok(ticket::answer(kept))
}

/// Forgets a customer: their record, addresses and when they were heard of; their tickets and drafts, those sent as theirs
/// too, with what was shown for them and said to it; examples learned from them. Nothing of it is left on the disk. Once
/// more does no harm: there is nothing left to forget then.
///
/// An asset of theirs whose id tells of them, because it has a mail address in it or is their id (`mailbox:kim@example.com`), is removed,
/// and such aliases of the others. The other assets stay, without owner and name, and so do protected ones and those that others need: what
/// protects them must hold. Where the id of one of these must go, too, `DELETE /v1/assets/{id}` removes it. Tickets that name no customer cannot be told to be
/// theirs. That a customer was forgotten, and by whose token, is in the audit trail, but not who. In the engine's own store, incidents keep the ids of their customers, and lines of logs stay in the timeline and the audit trail,
/// which cannot be changed, as long as these are kept. What your systems send of the customer afterwards is kept anew: erase
/// them there first.
///
/// # Errors
/// 401 and 403 without a token of the scope `ingest`, 503 when it could not be finished: what is left to be done is done when
/// it is sent again.
#[utoipa::path(
    delete,
    path = "/v1/customers/{id}",
    tag = "records",
    params(("id" = String, Path, description = "The shop's id", pattern = "^[!-~]{1,128}$")),
    responses(
        (status = 200, description = "What was forgotten; nothing where nothing was known", body = Forgotten),
        openapi::ErasureProblems,
    ),
    security(("ingest" = [])),
)]
pub async fn forget(
    State(door): State<Arc<Door>>,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<Json<Forgotten>, Failure> {
    let by = door.access.entitled(request.headers(), Scope::Ingest)?.speaker();
    let id = wire::path(id)?;
    wire::id_if("id", Some(&id))?;
    let forgotten = door.blocking(door.limits.forgotten_within, move |front| front.forget_customer(&id, &by)).await?;
    Ok(Json(forgotten))
}

/// Reads customers from CSV in UTF-8, with `;`, `,` or tabs between the cells and a header of the columns `id`, `name`,
/// `email`, `language`, `since`, `last_seen`, also by their usual German names. Of a known customer, what the list has no
/// column for stays as it is; an empty cell takes the value away. (`PUT` replaces the whole.) Rows that `PUT` would take are
/// written down, the others are named. A column that is not known is named and left out; two that mean the same are refused.
///
/// Times may be written in more ways than `PUT` takes, which is RFC 3339 alone: also `2026-03-01`, `01.03.2026` and both with
/// a time (`2026-03-01 14:03`), in UTC. `language` may also be `Deutsch`, `German`, `Englisch`, `English`.
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
    /// The language they are answered in: `de` or `en`, or a BCP 47 tag that begins so.
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

/// What was forgotten of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    /// Whether their record, an address, or when they were heard of was known.
    pub customer: bool,
    /// How many tickets.
    pub tickets: u64,
    /// How many drafts.
    pub drafts: u64,
    /// How many examples that were learned from what they wrote.
    pub examples: u64,
    /// Assets that were theirs: they stay, without owner and name.
    #[schema(example = json!(["vm:100"]))]
    pub assets: Vec<String>,
    /// Assets of theirs that are gone, because their ids told of them.
    #[serde(default)]
    #[schema(example = json!(["mailbox:kim@example.com"]))]
    pub removed: Vec<String>,
    /// Assets that are theirs by the operator's `assets.toml`: that is changed there.
    pub listed: Vec<String>,
}

impl CustomerRecord {
    /// The customer that it describes under this id.
    #[must_use]
    pub fn to_customer(&self, id: &str) -> Customer {
        Customer {
            id: id.to_owned(),
            name: self.name.clone(),
            email: self.email.clone(),
            language: self.language.clone(),
            since: self.since,
            last_seen: self.last_seen,
        }
    }
}

/// What every customer must keep to, whether they are put or imported.
///
/// # Errors
/// 422 with the field.
pub fn check(customer: &Customer) -> Result<(), Failure> {
    let Customer { id, name, email, language, since: _, last_seen: _ } = customer;
    wire::id_if("id", Some(id))?;
    wire::name_if(name.as_deref())?;
    wire::at_most_if("email", email.as_deref(), 254)?;
    if !email.as_deref().is_none_or(is_address) {
        return Err(Failure::invalid("email", "it is no address; write it like `kim@example.com`"));
    }
    wire::at_most_if("language", language.as_deref(), 35)?;
    if language.as_deref().is_some_and(|language| Language::from_locale(language).is_none()) {
        return Err(Failure::invalid("language", "it is not known; write `de` or `en`"));
    }
    Ok(())
}

/// Whether mail can be sent there, as far as it can be seen.
fn is_address(email: &str) -> bool {
    let is_plain = !email.contains(|c: char| c.is_whitespace() || wire::is_unseen(c));
    is_plain
        && email
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_customer_must_keep_to() {
        let check = |id: &str, json: &str, expected: Result<(), &str>| {
            let record: CustomerRecord = serde_json::from_str(json).unwrap();
            let said = check(&record.to_customer(id)).map_err(|failure| failure.to_string());
            match (&said, expected) {
                (Ok(()), Ok(())) => {}
                (Err(said), Err(start)) if said.starts_with(start) => {}
                _ => panic!("{id} {json}: {said:?}"),
            }
        };
        check("K1", r#"{"name":"Müller; Söhne","email":"kim@example.com","language":"de-AT"}"#, Ok(()));
        check("K1", "{}", Ok(()));
        for id in ["", "K 1", "Müller", "K1\n"] {
            check(id, "{}", Err("id: an id is 1 to 128 visible ASCII characters"));
        }
        for email in [
            "",
            "not a mail",
            "@example.com",
            "kim@localhost",
            "a@b@example.com",
            "kim@example.com\\n",
            "kim\u{202e}@example.com",
        ] {
            check("K1", &format!(r#"{{"email":"{email}"}}"#), Err("email: it is no address"));
        }
        check("K1", r#"{"language":"zz"}"#, Err("language: it is not known"));
        check("K1", r#"{"name":"a\u0000b"}"#, Err("name: it has a control character"));
        check("K1", &format!(r#"{{"name":"{}"}}"#, "x".repeat(201)), Err("name: longer than 200"));
    }
}
