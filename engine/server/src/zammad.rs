//! `POST /v1/webhooks/zammad`: tickets from Zammad, as its triggers send them.
//!
//! The payload is Zammad's own (Admin documentation, "Webhook Payload"): `ticket` and `article`, each with all their
//! attributes. It is signed with HMAC-SHA1 over the raw body in `X-Hub-Signature`, as `sha1=` and hexadecimal digits.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use heinzel_core::time::Timestamp;
use ring::hmac;
use serde_json::Value;

use crate::door::Door;
use crate::failure::Failure;
use crate::settings::Zammad;
use crate::ticket::{self, AHEAD, LeftOut, Ticket, TicketTaken};
use crate::{body, openapi, wire};

/// Takes a ticket from a trigger of Zammad. What a customer writes later changes neither its text nor its time. What agents
/// write, and what was merged into another ticket, is no ticket of a customer; of a known one, the answer that was used is taken. Customer, asset, draft, time or answer that cannot
/// be used are left out: the reply, the log (without what stood there) and `heinzel_tickets_left_out_total` say so.
///
/// # Errors
/// 401 when the signature does not fit, else by what is wrong with the payload.
#[utoipa::path(
    post,
    path = "/v1/webhooks/zammad",
    tag = "records",
    request_body(content = Object, description = "Zammad's default payload: `ticket` and `article`", content_type = "application/json"),
    responses(
        (status = 201, description = "A new ticket", body = TicketTaken),
        (status = 200, description = "A known ticket", body = TicketTaken),
        (status = 204, description = "Not written by a customer, or merged into another ticket: no ticket"),
        openapi::SignedProblems,
    ),
    security(("zammad" = [])),
)]
pub async fn zammad(State(door): State<Arc<Door>>, request: Request<Body>) -> Result<Response, Failure> {
    let Some((key, places)) = &door.access.zammad else {
        return Err(Failure::unsigned("webhooks of Zammad need [server.zammad] in heinzel.toml"));
    };
    let (parts, body) = request.into_parts();
    // Without the header nothing of the body is taken in.
    let signature = signature(&parts.headers).ok_or_else(unsigned)?;
    let bytes = body::read(&parts.headers, body, door.limits.record_body, door.limits.body_within).await?;
    hmac::verify(key, &bytes, &signature).map_err(|_| unsigned())?;
    let payload: Value = body::json(&parts.headers, &bytes)?;
    let (ticket, left_out) = read(&payload, places, door.api.now())?;
    if is_customers(&payload) {
        let (status, Json(mut taken)) = ticket::take(&door, ticket).await?;
        taken.left_out.extend(left_out);
        taken.left_out.iter().filter(|one| !one.is_usual).for_each(|one| complain(&door, one));
        return Ok((status, Json(taken)).into_response());
    }
    if let Some(answer) = ticket.answer_used {
        let used = door.blocking(door.limits.call_within, move |front| front.answer_used(&ticket.id, &answer)).await?;
        if !used {
            complain(&door, &LeftOut::answer_used());
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Counts what could not be used, and says it once in a while: where it was looked for, never what stood there.
fn complain(door: &Door, left_out: &LeftOut) {
    let LeftOut { field, why, .. } = left_out;
    if door.tally.leave_out(field) {
        tracing::warn!(field, "of a ticket from Zammad something is left out: {why}");
    }
}

fn unsigned() -> Failure {
    Failure::unsigned(
        "`X-Hub-Signature` is not the signature of this body; compare the signature token of Zammad's webhook with [server.zammad]",
    )
}

fn signature(headers: &HeaderMap) -> Option<Vec<u8>> {
    let digits = headers.get("x-hub-signature")?.to_str().ok()?.strip_prefix("sha1=")?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| (0..40).step_by(2).filter_map(byte).collect())
}

/// Whether it was a customer who wrote; one that was merged into another stays what it was.
fn is_customers(payload: &Value) -> bool {
    let state = text(payload, "ticket.state").or_else(|| text(payload, "ticket.state.name"));
    if state.is_some_and(|state| state.eq_ignore_ascii_case("merged")) {
        return false;
    }
    let wrote = text(payload, "article.sender").or_else(|| text(payload, "ticket.create_article_sender"));
    wrote.is_none_or(|sender| sender == "Customer")
}

/// The ticket in a payload at the time `now`, and what of it cannot be used.
fn read(payload: &Value, places: &Zammad, now: Timestamp) -> Result<(Ticket, Vec<LeftOut>), Failure> {
    let missing =
        |place: &str| Failure::invalid(place, "it is missing; the webhook must send Zammad's default payload");
    let id = text(payload, "ticket.id").ok_or_else(|| missing("ticket.id"))?;
    let body = text(payload, "article.body").unwrap_or_default();
    let is_html = text(payload, "article.content_type").is_some_and(|kind| kind.contains("html"));
    let body = if is_html { plain(&body) } else { body };
    let mut left_out = Vec::new();
    let mut leave = |field: &str, why: String| left_out.push(LeftOut::new(field, why));
    let created_at: Option<Timestamp> = text(payload, "ticket.created_at").and_then(|at| at.parse().ok());
    let created_at = created_at.filter(|at| *at <= now + AHEAD);
    if created_at.is_none() {
        leave("created_at", "`ticket.created_at` is no time, or one to come; the ticket is dated now".to_owned());
    }
    let place = &places.customer;
    let login = text(payload, place);
    let customer = login.clone().filter(|id| wire::is_id(id));
    if customer.is_none() {
        let what = match login {
            None => format!("the payload has nothing at `{place}`"),
            Some(_) => format!("what stands at `{place}` is no customer's id (1 to 128 visible ASCII characters)"),
        };
        leave(
            "customer",
            format!(
                "{what}: the ticket is nobody's; `customer` in [server.zammad] of heinzel.toml must name where your shop's id of the customer is"
            ),
        );
    }
    // Attributes that an operator names may hold anything; what is no id is left out rather than refused, because Zammad
    // would send the same again.
    let mut usable = |field: &str, place: &str, is_id: fn(&str) -> bool, what: &str| {
        let found = text(payload, place)?;
        if !is_id(&found) {
            leave(field, format!("what stands at `{place}` is {what}"));
            return None;
        }
        Some(found)
    };
    let asset = usable("asset", &places.asset, wire::is_asset_id, "no asset's id; one is `kind:name`, like `vm:100`");
    let way = "no draft's id; the form's element puts one there by its attribute `name`";
    let draft_id = usable("draft_id", &places.draft_id, wire::is_draft_id, way);
    let ticket = Ticket {
        id: format!("zammad:{id}"),
        customer,
        asset,
        subject: cut(text(payload, "ticket.title").unwrap_or_default(), 1_000),
        body: cut(body, 200_000),
        locale: None,
        page: text(payload, &places.page).map(|page| cut(page, 512)),
        created_at,
        draft_id,
        answer_used: text(payload, &places.answer_used).map(|answer| cut(answer, 192)),
    };
    Ok((ticket, left_out))
}

/// The text or number at a place like `ticket.customer.login`.
fn text(payload: &Value, place: &str) -> Option<String> {
    let found = place.split('.').try_fold(payload, |value, key| value.get(key))?;
    let text = match found {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

/// The text of HTML: what a reader of the ticket sees, without its looks.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (word, length) = entity(rest);
            text.push(word);
            rest = &rest[length..];
            continue;
        }
        let Some(end) = rest.find('>') else {
            // A bare `<` at the end.
            text.push_str(rest);
            rest = "";
            break;
        };
        let opens = !rest.starts_with("</");
        let tag = rest[1..end].trim_start_matches('/').to_ascii_lowercase();
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if matches!(name, "br" | "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3" | "blockquote" | "pre")
            && !text.ends_with('\n')
        {
            text.push('\n');
        }
        rest = &rest[end + 1..];
        if matches!(name, "style" | "script") && opens {
            let closes =
                |at: &usize| rest.get(at + 2..at + 2 + name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name));
            rest = rest.match_indices("</").map(|(at, _)| at).find(closes).map_or("", |at| &rest[at..]);
        }
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// The character that a text beginning with `&` means, and how many bytes say so.
fn entity(text: &str) -> (char, usize) {
    let known = text.bytes().take(10).position(|byte| byte == b';').and_then(|end| {
        let name = &text[1..end];
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => ' ',
            _ => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        };
        Some((character, end + 1))
    });
    known.unwrap_or(('&', 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_a_reader_sees() {
        let check = |html: &str, expected: &str| assert_eq!(plain(html), expected, "{html}");
        check("Test.<div><br></div><div>\n<img src=\"x\"><br>\n</div>", "Test.");
        check("a<br>b</p><p>c", "a\nb\nc");
        check("1 &lt; 2 &amp;&amp; 3 &#62; 2 &#x41; &uuml; &", "1 < 2 && 3 > 2 A &uuml; &");
        check("<style>p{}</style>x<script>alert(1)</script >y", "xy");
        check("a < b", "a < b");
        check("<script>ü", "");
        check("ü<İ>x", "üx");
        check("<style>a</sty</STYLE>b", "b");
        check("&ü;", "&ü;");
        check(&"&".repeat(200_000), &"&".repeat(200_000));
        check(&"<script></script>".repeat(50_000), "");
        check("&#xD800;&#99999999999;", "&#xD800;&#99999999999;");
    }
}
