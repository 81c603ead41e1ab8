//! Tickets that were sent, and what of them is left out.

use std::time::Duration;

use heinzel_store::customers::{Range, Reader};
use ring::hmac;

use super::*;

#[test]
fn a_ticket_told_again_keeps_text_and_time_and_teaches_what_it_said_first() {
    let lab = lab();
    lab.write(
        "heinzel.toml",
        format!("{}\n[server.zammad]\nsecret = \"zammads-0123456789\"\n", lab.read("heinzel.toml")),
    );
    let engine = lab.start();
    introduce(&engine);
    let remembered = || Reader::open(&lab.path("state"), Duration::from_secs(5)).unwrap();
    let tickets = || remembered().tickets(Range::ALL).unwrap();

    let sent = json!({ "id": "RP1", "customer": "lee", "subject": "Hilfe", "body": "Rechnung fehlt" }).to_string();
    body(engine.http("POST", "/v1/tickets", &shop(), &sent), 201);
    let first = tickets();
    body(engine.http("POST", "/v1/tickets", &shop(), &sent), 200);
    let other = json!({ "id": "RP1", "subject": "x", "body": "y", "created_at": "2026-01-01T00:00:00Z" }).to_string();
    body(engine.http("POST", "/v1/tickets", &shop(), &other), 200);
    assert_eq!(tickets(), first);

    let webhook = |id: u32, sender: &str, said: &str, answer: Option<&str>| {
        let ticket = json!({ "id": id, "title": "Website", "customer": { "login": "kim" }, "answer_used": answer });
        let told = json!({ "ticket": ticket, "article": { "sender": sender, "body": said } }).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"zammads-0123456789");
        let sum: String = hmac::sign(&key, told.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let head = format!("Content-Type: application/json\r\nX-Hub-Signature: sha1={sum}\r\n");
        engine.http("POST", "/v1/webhooks/zammad", &head, &told).0
    };
    let used = Some("web/site-stuck");
    assert_eq!(webhook(8, "Agent", "Guten Tag", used), 204);
    assert_eq!(webhook(7, "Customer", "Meine Website lädt nicht mehr", None), 201);
    assert_eq!(remembered().examples().unwrap(), []);
    assert_eq!(webhook(7, "Agent", "Wir haben die Datei entfernt", used), 204);
    let examples = remembered().examples().unwrap();
    assert!(examples.len() == 1 && examples[0].text.as_str().contains("lädt nicht mehr"), "{examples:?}");
    assert_eq!(webhook(7, "Customer", "Danke, es geht wieder alles wie vorher!", used), 200);
    assert_eq!(webhook(7, "Agent", "Gern", used), 204);
    assert_eq!(remembered().examples().unwrap(), examples, "learned once");
    let all = tickets();
    // An answer that nobody knows is left out, and the ticket is taken.
    let unknown =
        json!({ "id": "RP2", "customer": "lee", "body": "Rechnung fehlt", "answer_used": "web/nope" }).to_string();
    let taken = body(engine.http("POST", "/v1/tickets", &shop(), &unknown), 201);
    assert_eq!(taken["left_out"][0]["field"], "answer_used", "{taken}");
    assert!(tickets().iter().any(|ticket| ticket.id == "RP2" && ticket.answer_used.is_none()));
    // So is a draft that was never asked about, or another customer's; what a form left empty says nothing.
    let drafts = "draft-of-kim-0123456789";
    body(ask(&engine, Some("kim"), drafts, None, "Wo finde ich meine Rechnung vom letzten Monat?"), 200);
    for (draft, customer, left_out) in [
        ("draft-of-none-0123456789", "lee", Some("nothing is known of this draft")),
        (drafts, "lee", Some("under the claim of another customer")),
        (drafts, "", Some("under the claim of another customer")),
        ("x", "lee", Some("this is no draft's id")),
        ("", "", None),
        (drafts, "kim", None),
    ] {
        let sent =
            json!({ "id": format!("RP-{draft}-{customer}"), "customer": customer, "asset": "", "draft_id": draft });
        let taken = body(engine.http("POST", "/v1/tickets", &shop(), &sent.to_string()), 201);
        let why = taken["left_out"][0]["why"].as_str();
        assert!(
            why.is_some() == left_out.is_some() && why.unwrap_or_default().contains(left_out.unwrap_or_default()),
            "{taken}"
        );
    }
    let kept: Vec<_> = tickets().into_iter().filter_map(|ticket| Some((ticket.id, ticket.draft?))).collect();
    assert_eq!(kept, [(format!("RP-{drafts}-kim"), drafts.to_owned())]);
    assert_eq!(webhook(7, "Agent", "Gern", Some("web/nope")), 204);
    wait("the log says so", || engine.stderr().contains("there is no answer with this id"));
    let zammads = all.iter().find(|ticket| ticket.id == "zammad:7").unwrap();
    assert_eq!((all.len(), zammads.body.as_str()), (2, "Meine Website lädt nicht mehr"), "an agent makes no ticket");
    assert_eq!(engine.stop(), 0);
}
