//! `/widget.js`, the element that forms use, and `/demo`, a form to try it with.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ring::digest;

use crate::access::DemoClaim;
use crate::door::Door;
use crate::failure::Failure;
use crate::openapi;

/// What the demo page may load and reach: this server only, nothing inline.
const DEMO_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                           base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A file that is part of the program.
struct Asset {
    kind: &'static str,
    text: &'static str,
    etag: HeaderValue,
}

impl Asset {
    fn new(kind: &'static str, text: &'static str) -> Self {
        let sum = digest::digest(&digest::SHA256, text.as_bytes());
        let sum: String = sum.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::try_from(format!("\"{sum}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { kind, text, etag }
    }

    /// The file, or 304 for whoever has it. `cache` is for how long nobody needs to ask.
    fn answer(&self, asked: &HeaderMap, cache: &'static str) -> Response {
        let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let etag = self.etag.to_str().unwrap_or_default();
        let is_known = known.flat_map(|list| list.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
        });
        let head = [(header::ETAG, self.etag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static(cache))];
        if is_known {
            return (StatusCode::NOT_MODIFIED, head).into_response();
        }
        (head, [(header::CONTENT_TYPE, HeaderValue::from_static(self.kind))], self.text).into_response()
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The one file that a page loads. What `begin.js` opens `end.js` closes, so no part is seen by the page's own scripts.
/// `tests/browser/mock.py` reads the order of the parts here.
const WIDGET_SCRIPT: &str = concat!(
    include_str!("../assets/widget/begin.js"),
    include_str!("../assets/widget/words.js"),
    include_str!("../assets/widget/look.js"),
    include_str!("../assets/widget/texts.js"),
    include_str!("../assets/widget/items.js"),
    include_str!("../assets/widget/replies.js"),
    include_str!("../assets/widget/timers.js"),
    include_str!("../assets/widget/draft.js"),
    include_str!("../assets/widget/news.js"),
    include_str!("../assets/widget/panel.js"),
    include_str!("../assets/widget/suggest.js"),
    include_str!("../assets/widget/end.js"),
);
static WIDGET: LazyLock<Asset> = LazyLock::new(|| Asset::new(SCRIPT, WIDGET_SCRIPT));
static DEMO: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/html; charset=utf-8", include_str!("../assets/demo.html")));
static DEMO_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/css; charset=utf-8", include_str!("../assets/demo.css")));
static DEMO_SCRIPT: LazyLock<Asset> = LazyLock::new(|| Asset::new(SCRIPT, include_str!("../assets/demo.js")));

/// The element `<heinzel-suggest>` that shows suggestions in a ticket form. Pages of any origin may load it.
#[utoipa::path(
    get,
    path = "/widget.js",
    tag = "pages",
    responses(
        (status = 200, description = "The script", body = String, content_type = "text/javascript"),
        (status = 304, description = "Unchanged since the `ETag` in `If-None-Match`"),
    ),
)]
pub async fn widget(headers: HeaderMap) -> Response {
    let mut response = WIDGET.answer(&headers, "public, max-age=300");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// The demo form.
///
/// # Errors
/// 404 where it is not switched on, 403 where it is not asked for by a name of this machine.
#[utoipa::path(
    get,
    path = "/demo",
    tag = "pages",
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 304, description = "Unchanged since the `ETag` in `If-None-Match`"),
        openapi::NoDemo,
    ),
)]
pub async fn demo(State(door): State<Arc<Door>>, headers: HeaderMap) -> Result<Response, Failure> {
    part_of_demo(&door, &DEMO, &headers)
}

/// The demo form's looks.
///
/// # Errors
/// 404 where it is not switched on, 403 where it is not asked for by a name of this machine.
#[utoipa::path(
    get,
    path = "/demo.css",
    tag = "pages",
    responses(
        (status = 200, description = "The style sheet", body = String, content_type = "text/css"),
        (status = 304, description = "Unchanged since the `ETag` in `If-None-Match`"),
        openapi::NoDemo,
    ),
)]
pub(crate) async fn demo_style(State(door): State<Arc<Door>>, headers: HeaderMap) -> Result<Response, Failure> {
    part_of_demo(&door, &DEMO_STYLE, &headers)
}

/// The demo form's script.
///
/// # Errors
/// 404 where it is not switched on, 403 where it is not asked for by a name of this machine.
#[utoipa::path(
    get,
    path = "/demo.js",
    tag = "pages",
    responses(
        (status = 200, description = "The script", body = String, content_type = "text/javascript"),
        (status = 304, description = "Unchanged since the `ETag` in `If-None-Match`"),
        openapi::NoDemo,
    ),
)]
pub(crate) async fn demo_script(State(door): State<Arc<Door>>, headers: HeaderMap) -> Result<Response, Failure> {
    part_of_demo(&door, &DEMO_SCRIPT, &headers)
}

/// The demo form's key and a fresh claim of its customer: what a shop's own backend would put into its page.
///
/// # Errors
/// 404 where it is not switched on, 403 where it is not asked for by a name of this machine.
#[utoipa::path(
    get,
    path = "/demo/claim",
    tag = "pages",
    responses((status = 200, description = "Key and claim", body = DemoClaim), openapi::NoDemo),
)]
pub(crate) async fn demo_claim(State(door): State<Arc<Door>>, headers: HeaderMap) -> Result<Json<DemoClaim>, Failure> {
    door.access.demo_claim(&headers, door.api.now()).map(Json)
}

fn part_of_demo(door: &Door, part: &Asset, asked: &HeaderMap) -> Result<Response, Failure> {
    door.access.opens_demo(asked)?;
    let mut response = part.answer(asked, "no-cache");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DEMO_POLICY));
    Ok(response)
}
