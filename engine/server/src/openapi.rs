//! The description of all of it in OpenAPI 3.1, made from the functions and types that answer.
//!
//! `engine/server/openapi.json` is what [`text`] makes; a test keeps it so.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::draft::News;
use crate::failure::{self, Problem};
use crate::{asset, customer, draft, page, push, report, state, suggestion, ticket, zammad};

/// Every status that refuses: its name in the description, and what it means.
const PROBLEMS: [(u16, &str, &str); 13] = [
    (400, "BadRequest", "The request cannot be read"),
    (401, "Unauthorized", "No known token, or a claim or signature that does not count"),
    (403, "Forbidden", "The token does not open this, the page may not use it, or it belongs to another customer"),
    (404, "NotFound", "There is none, or it is somebody else's"),
    (408, "Timeout", "The body came too slowly"),
    (409, "Elsewhere", "It is kept elsewhere, and that counts, or others need it; `detail` says where, or which"),
    (413, "TooLarge", "Too much at once"),
    (415, "Unsupported", "In a form that is not read"),
    (422, "Invalid", "A field cannot be used; `field` names it"),
    (429, "TooMany", "Asked too often, or more than the engine takes just now"),
    (500, "Internal", "A mistake of the engine; its log has the reason under the request's id"),
    (503, "Busy", "Not now; nothing is lost by sending it again"),
    (405, "MethodNotAllowed", "The address does not take this method; `Allow` says which it takes"),
];

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = [$($status:literal),*];)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
                [$($status),*].into_iter().map(referred).collect()
            }
        }
    )*};
}

problems! {
    /// How what a form sends may fail.
    FormProblems = [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503];
    /// How what a form reads may fail.
    ReadProblems = [401, 403, 404, 429, 500, 503];
    /// How what the shop sends may fail.
    RecordProblems = [400, 401, 403, 408, 413, 415, 422, 500, 503];
    /// How what the shop says of an asset may fail.
    AssetProblems = [400, 401, 403, 408, 409, 413, 415, 422, 500, 503];
    /// How an asset may fail to be removed.
    RemovalProblems = [400, 401, 403, 409, 500, 503];
    /// How a customer may fail to be forgotten.
    ErasureProblems = [400, 401, 403, 422, 500, 503];
    /// How what is signed may fail.
    SignedProblems = [400, 401, 408, 413, 415, 422, 500, 503];
    /// How a report may fail.
    ReportProblems = [400, 401, 403, 404, 422, 500, 503];
    /// How a push may fail.
    PushProblems = [400, 401, 403, 404, 408, 413, 415, 429, 503];
    /// How metrics may fail.
    MetricProblems = [401, 403];
    /// The engine cannot do its work.
    NotReady = [503];
    /// The demo is switched off.
    NoDemo = [403, 404];
}

fn referred(status: u16) -> (String, RefOr<utoipa::openapi::Response>) {
    let name = PROBLEMS.iter().find(|(known, _, _)| *known == status).map_or("Internal", |(_, name, _)| name);
    (status.to_string(), RefOr::Ref(Ref::new(format!("#/components/responses/{name}"))))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Heinzel",
        description = "Answers for customers who are still writing, tickets, records and reports. Errors are problem details (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        suggestion::suggestions,
        draft::news,
        draft::feedback,
        ticket::tickets,
        zammad::zammad,
        asset::put,
        asset::remove,
        asset::import,
        customer::put,
        customer::forget,
        customer::import,
        report::reports,
        push::events,
        description,
        page::widget,
        page::demo,
        page::demo_style,
        page::demo_script,
        page::demo_claim,
        state::healthz,
        state::readyz,
        state::metrics,
    ),
    components(schemas(Problem<'_>, News)),
    modifiers(&Security, &Problems),
    tags(
        (name = "form", description = "What a ticket form asks, with its public key"),
        (name = "records", description = "What the shop and the ticket system tell"),
        (name = "reports", description = "What became of it"),
        (name = "events", description = "What programs push"),
        (name = "pages", description = "The form's element, and a demo of it"),
        (name = "state", description = "How the engine is"),
    ),
)]
struct Description;

/// How each kind of request says who asks.
struct Security;

impl Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let bearer = |description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
            SecurityScheme::Http(scheme.build())
        };
        let header = |name: &str, description: &str| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
        };
        for (name, scheme) in [
            ("form", bearer("A form's public key: a token of the scope `form`, used on its origins only")),
            ("ingest", bearer("A token of the scope `ingest` or `admin`")),
            ("operate", bearer("A token of the scope `operate` or `admin`")),
            ("push", bearer("The token of a push source")),
            (
                "claim",
                header(
                    "Heinzel-Claim",
                    "A JSON web token (HS256) of the shop: `sub` is the customer; `exp` is at most a day ahead; `assets` may narrow what they may ask about to a list of what they own; `aud`, where it stands, must be the `audience` of the settings",
                ),
            ),
            ("zammad", header("X-Hub-Signature", "`sha1=` and the HMAC-SHA1 of the body in hexadecimal digits")),
        ] {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// The responses that refuse, once for all operations.
struct Problems;

impl Modify for Problems {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        for (status, name, description) in PROBLEMS {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let mut response = ResponseBuilder::new().description(description).content(failure::CONTENT_TYPE, content);
            if matches!(status, 429 | 503) {
                let seconds = HeaderBuilder::new()
                    .schema(Some(Object::with_type(Type::Integer)))
                    .description(Some("After how many seconds it may be tried again"));
                response = response.header("Retry-After", seconds.build());
            }
            components.responses.insert(name.to_owned(), response.build().into());
        }
    }
}

/// The description, as it is committed and served.
#[must_use]
pub fn text() -> String {
    // It is made of texts, which always become JSON.
    let mut api = serde_json::to_value(Description::openapi()).unwrap_or_default();
    // The one keyword that the library does not know: what is in the data of an event.
    if let Some(Value::Object(data)) = api.pointer_mut("/components/schemas/NewsEvent/properties/data") {
        data.insert("contentSchema".into(), serde_json::json!({ "$ref": "#/components/schemas/News" }));
    }
    let mut text = serde_json::to_string_pretty(&api).unwrap_or_default();
    text.push('\n');
    text
}

/// This description.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "state",
    responses((status = 200, description = "The description of the API in OpenAPI 3.1", body = Object, content_type = "application/json")),
)]
pub async fn description() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(text);
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (kind, TEXT.as_str()).into_response()
}
