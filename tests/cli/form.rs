//! A ticket form, the real engine, and two customers who must not hear of each other.

use std::time::Duration;

use heinzel_store::customers::{Range, Reader};
use ring::hmac;
use serde_json::{Value, json};

use crate::lab::{Engine, Lab, wait};

mod forget;
mod tickets;

const FORM: &str = "form-key-0123456789";
const SHOP: &str = "shop-key-0123456789";
const SECRET: &str = "claims-0123456789-0123456789-0123456789";
const SERVER: &str = r#"
[server]
listen = "127.0.0.1:0"

[[server.token]]
name = "form"
scopes = ["form"]
token = "form-key-0123456789"
origins = ["https://my.example.com"]
claims = { secret = "claims-0123456789-0123456789-0123456789" }

[[server.token]]
name = "shop"
scopes = ["ingest", "operate"]
token = "shop-key-0123456789"

[policy.modes]
"web.stuck" = "auto"

[policy.allow]
paths = ["LAB/sites"]

[policy.drafts]
look = ["web.stuck"]
fix = ["web.stuck"]
"#;

/// A site is stuck as long as there is a file; only its customer's draft sets a look off.
const STUCK: &str = r#"#{
    title: "a site is stuck",
    severity: "high",
    match: [`site (?<site>[a-z]+) is stuck`],
    fields: #{ site: "ident" },
    draft: #{ intents: ["web/site-stuck"], asset: "site", found: #{ de: "eine Datei im Weg", en: "a file in the way" } },
    asset: |e| "site:" + e.site,
    probe: |i| #{ file: probe.file("LAB/sites/" + i.asset_name) },
    fix: |i, facts| if facts.file.exists { [step.remove("LAB/sites/" + i.asset_name)] } else { [] },
    verify: |i, facts| [check.is(probe.file("LAB/sites/" + i.asset_name), "exists", false)],
    stable: "1s",
    answer: "web/site-stuck",
}
"#;
const STUCK_SAMPLES: &str = "[[sample]]\nline = \"site shop is stuck\"\nfires = true\n\n[[sample]]\nline = \"site shop is well\"\nfires = false\n";
const ANSWER: &str = r#"+++
title = "TITLE"
category = "web"
audience = "customer"
questions = [QUESTIONS]
+++

## acknowledge
ACK
## clarify
## agree
## act
ACT
## advise
"#;

pub(crate) fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("rules/web/stuck.rhai", lab.text(STUCK));
    lab.write("rules/web/samples/stuck.toml", STUCK_SAMPLES);
    let answer = |title: &str, questions: &str, ack: &str, act: &str| {
        let text = ANSWER.replace("TITLE", title).replace("QUESTIONS", questions);
        text.replace("ACK", ack).replace("ACT", act)
    };
    let german = "\"Meine Website lädt nicht mehr\", \"Website hängt seit heute\", \"Seite lädt und lädt\", \"Homepage geht nicht auf\"";
    let english =
        "\"My website does not load\", \"site hangs since today\", \"page keeps loading\", \"homepage will not open\"";
    let german = answer("Meine Website lädt nicht", german, "Das ist ärgerlich.", "Wir sehen nach.");
    let english = answer("My website does not load", english, "That is annoying.", "We are looking.");
    lab.write("rules/web/answers/site-stuck.de.md", german);
    lab.write("rules/web/answers/site-stuck.en.md", english);
    let german = "\"Wo ist meine Rechnung\", \"Rechnung vom letzten Monat fehlt\", \"brauche eine Rechnung als PDF\", \"keine Rechnung bekommen\"";
    let english =
        "\"Where is my invoice\", \"invoice of last month is missing\", \"need an invoice as PDF\", \"got no invoice\"";
    let german = answer("Wo finde ich meine Rechnung?", german, "Gern.", "Im Kundenbereich.");
    let english = answer("Where is my invoice?", english, "Gladly.", "In the customer area.");
    lab.write("rules/web/answers/invoice.de.md", german);
    lab.write("rules/web/answers/invoice.en.md", english);
    lab.write("sites/keep", "");
    let config = format!("{}{}", lab.read("heinzel.toml"), lab.text(SERVER));
    lab.write("heinzel.toml", config);
    lab
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The shop's word that this is its customer, `kim`, or one who may ask about these assets alone, `kim=site:a,site:b`.
fn claim(customer: &str) -> String {
    let exp = jiff::Timestamp::now().as_second() + 600;
    let (customer, assets) =
        customer.split_once('=').map_or((customer, None), |(customer, assets)| (customer, Some(assets)));
    let mut content = json!({ "sub": customer, "exp": exp });
    if let Some(assets) = assets {
        content["assets"] = assets.split(',').collect();
    }
    let text = content.to_string();
    let signed = format!("{}.{}", base64url(br#"{"alg":"HS256","typ":"JWT"}"#), base64url(text.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{signed}.{}", base64url(hmac::sign(&key, signed.as_bytes()).as_ref()))
}

pub(crate) fn form(customer: Option<&str>) -> String {
    let claim = customer.map(|id| format!("Heinzel-Claim: {}\r\n", claim(id))).unwrap_or_default();
    format!(
        "Authorization: Bearer {FORM}\r\nOrigin: https://my.example.com\r\nContent-Type: application/json\r\n{claim}"
    )
}

fn shop() -> String {
    format!("Authorization: Bearer {SHOP}\r\nContent-Type: application/json\r\n")
}

#[track_caller]
pub(crate) fn body((status, answer): (u16, String), expected: u16) -> Value {
    assert_eq!(status, expected, "{answer}");
    let text = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Customers kim and lee, each with a site.
pub(crate) fn introduce(engine: &Engine<'_>) {
    for (customer, site, name) in [("kim", "shop", "Kims Laden"), ("lee", "blog", "Lees Blog")] {
        body(engine.http("PUT", &format!("/v1/customers/{customer}"), &shop(), "{\"name\":\"Kim Lee\"}"), 201);
        let asset = json!({ "name": name, "owner": customer }).to_string();
        body(engine.http("PUT", &format!("/v1/assets/site:{site}"), &shop(), &asset), 201);
        body(engine.http("PUT", &format!("/v1/assets/site:{site}"), &shop(), &asset), 200);
    }
    let ask = json!({ "draft_id": "first-draft-0123456789", "body": "Rechnung" }).to_string();
    wait("the answers are read", || engine.http("POST", "/v1/suggestions", &form(None), &ask).0 != 503);
}

pub(crate) fn ask(
    engine: &Engine<'_>,
    customer: Option<&str>,
    draft: &str,
    asset: Option<&str>,
    text: &str,
) -> (u16, String) {
    let mut request = json!({ "draft_id": draft, "body": text, "locale": "de" });
    if let Some(asset) = asset {
        request["asset"] = json!(asset);
    }
    engine.http("POST", "/v1/suggestions", &form(customer), &request.to_string())
}

pub(crate) const KIMS: &str = "draft-of-kim-0123456789";
pub(crate) const STUCK_DRAFT: &str = "Meine Website lädt nicht mehr";

#[test]
fn a_draft_is_answered_repaired_and_counted_and_nobody_else_hears_of_it() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    let said = body(ask(&engine, Some("kim"), KIMS, Some("site:shop"), STUCK_DRAFT), 200);
    assert_eq!(said["news"]["state"], "checking", "{said}");
    wait("the site is repaired", || !lab.path("sites/shop").exists());
    let mut last = Value::Null;
    wait("the form says so", || {
        last = body(ask(&engine, Some("kim"), KIMS, Some("site:shop"), STUCK_DRAFT), 200);
        last["news"]["state"] == "repaired"
    });
    assert_eq!(last["items"][0]["kind"], "fix", "{last}");
    let act = last["items"][0]["parts"]["act"].as_str().unwrap();
    assert!(
        act.starts_with("Gefunden: eine Datei im Weg. Repariert und geprüft: Ihre Website „Kims Laden“ läuft"),
        "{act}"
    );
    let (_, stream) = engine.http("GET", &format!("/v1/drafts/{KIMS}/news"), &form(Some("kim")), "");
    assert!(stream.contains("text/event-stream") && stream.contains("\"state\":\"repaired\""), "{stream}");

    // Somebody else: with their own claim, without one, with kim's draft, with kim's site.
    for stranger in [Some("lee"), None] {
        let check = |(status, answer): (u16, String), allowed: &[u16]| {
            assert!(allowed.contains(&status), "{stranger:?}: {answer}");
            for secret in ["Kims", "site:shop", "Datei im Weg", "repaired"] {
                assert!(!answer.contains(secret), "{stranger:?} hears of {secret}: {answer}");
            }
        };
        check(ask(&engine, stranger, KIMS, None, STUCK_DRAFT), &[404]);
        // A draft of their own is answered.
        let own = format!("draft-of-{}-0123456789", stranger.unwrap_or("nobody"));
        check(ask(&engine, stranger, &own, Some("site:shop"), STUCK_DRAFT), &[403]);
        check(ask(&engine, stranger, &own, None, STUCK_DRAFT), &[200]);
        check(engine.http("GET", &format!("/v1/drafts/{KIMS}/news"), &form(stranger), ""), &[404]);
        let feedback = "{\"what\":\"solved\"}";
        check(engine.http("POST", &format!("/v1/drafts/{KIMS}/feedback"), &form(stranger), feedback), &[404]);
        // A ticket that names kim's draft is told nothing of it.
        let id = format!("T-{}", stranger.unwrap_or("nobody"));
        let ticket = json!({ "id": id, "customer": stranger, "subject": "Hilfe", "body": "x", "draft_id": KIMS });
        check(engine.http("POST", "/v1/tickets", &shop(), &ticket.to_string()), &[201]);
    }
    let wrong = form(Some("kim")).replace("my.example.com", "evil.example.com");
    let request = json!({ "draft_id": KIMS, "body": "x" }).to_string();
    assert_eq!(engine.http("POST", "/v1/suggestions", &wrong, &request).0, 403);

    let solved = json!({ "what": "solved", "answer": "web/site-stuck" }).to_string();
    assert_eq!(engine.http("POST", &format!("/v1/drafts/{KIMS}/feedback"), &form(Some("kim")), &solved).0, 204);
    let report = body(engine.http("GET", "/v1/reports/deflection", &shop(), ""), 200);
    assert!(report.to_string().contains("definitions"), "{report}");
    // The customer's words are in no log and in no store of the engine's.
    assert!(!engine.stderr().contains("lädt nicht") && !engine.stdout().contains("lädt nicht"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_sent_ticket_comes_with_what_was_found() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    lab.append("logs/a.log", "site shop is stuck ``` <img src=x> **b**\n");
    wait("the incident is there", || lab.incidents().iter().any(|incident| incident["asset"] == "site:shop"));
    let ticket =
        json!({ "id": "T1", "customer": "kim", "asset": "site:shop", "subject": "Hilfe", "body": "Geht nicht" });
    let mut taken = Value::Null;
    wait("the ticket knows of it", || {
        let (_, answer) = engine.http("POST", "/v1/tickets", &shop(), &ticket.to_string());
        taken = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        taken["incidents"].as_array().is_some_and(|all| !all.is_empty())
    });
    assert_eq!(taken["incidents"][0]["rule"], "web.stuck", "{taken}");
    let note = taken["note"].as_str().unwrap();
    assert!(note.contains("on `site:shop`, "), "{note}");
    // Log text stands in the note as code: the fence is longer than what it holds.
    let line = note.lines().find(|line| line.contains("site shop is stuck")).unwrap();
    assert!(line.contains(": ```` ") && line.ends_with(" ````") && line.contains("<img src=x> **b**"), "{note}");
    let other = json!({ "id": "T2", "customer": "lee", "subject": "Hilfe", "body": "Geht nicht" });
    let other = body(engine.http("POST", "/v1/tickets", &shop(), &other.to_string()), 201);
    assert_eq!(other["incidents"], json!([]), "{other}");
    // A draft becomes one ticket, however often that is told; a time to come is none.
    body(ask(&engine, Some("kim"), KIMS, None, "Rechnung fehlt"), 200);
    let ahead = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(20)).to_string();
    let mut draft = json!({ "id": "D1", "customer": "kim", "draft_id": KIMS, "created_at": ahead });
    for status in [201, 200] {
        let taken = body(engine.http("POST", "/v1/tickets", &shop(), &draft.to_string()), status);
        assert_eq!(taken["left_out"], Value::Null, "{taken}");
    }
    draft["id"] = json!("D2");
    let taken = body(engine.http("POST", "/v1/tickets", &shop(), &draft.to_string()), 201);
    assert_eq!(taken["left_out"][0]["field"], "draft_id", "{taken}");
    let all = Reader::open(&lab.path("state"), Duration::from_secs(5)).unwrap().tickets(Range::ALL).unwrap();
    let drafts: Vec<_> = all.iter().filter(|ticket| ticket.draft.is_some()).map(|ticket| &*ticket.id).collect();
    assert!(drafts == ["D1"] && all.len() == 4, "{all:?}");
    let now = jiff::Timestamp::now().into();
    assert!(all.iter().all(|ticket| ticket.created <= now), "{all:?}");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn whose_an_asset_is_now_decides_who_hears_of_it() {
    let lab = lab();
    lab.write(
        "heinzel.toml",
        lab.read("heinzel.toml").replace("\"web.stuck\" = \"auto\"", "\"web.stuck\" = \"approve\""),
    );
    let engine = lab.start();
    // Of an incident that is older than its asset its owner hears, too.
    lab.write("sites/shop", "stuck");
    lab.append("logs/a.log", "site shop is stuck\n");
    wait("the incident waits", || lab.incidents().iter().any(|one| one["status"] == "awaiting-approval"));
    lab.run(&["incident", "ack", "1"]).ends(0, &[]);
    introduce(&engine);
    let hears = |customer: &str, asset: Option<&str>| {
        let draft = format!("draft-of-{}-0123456789", customer.replace(['=', ':', ','], "-"));
        body(ask(&engine, Some(customer), &draft, asset, STUCK_DRAFT), 200).to_string()
    };
    let kims = hears("kim", None);
    assert!(kims.contains("Ihre Website „Kims Laden“: ein Mensch"), "{kims}");
    assert!(!hears("kim=site:other", None).contains("Kims Laden"), "the claim speaks of another asset");
    assert!(hears("kim=site:shop", None).contains("Kims Laden"));
    // Sold.
    let asset = json!({ "name": "Lees Geheimnis", "owner": "lee" }).to_string();
    body(engine.http("PUT", "/v1/assets/site:shop", &shop(), &asset), 200);
    wait("lee hears of it", || hears("lee", Some("site:shop")).contains("Lees Geheimnis"));
    let kims = hears("kim", None);
    assert!(!kims.contains("Geheimnis") && !kims.contains("Laden"), "{kims}");
    let ticket = |id: &str, customer: &str| {
        let ticket = json!({ "id": id, "customer": customer, "subject": "Hilfe", "body": "Geht nicht" }).to_string();
        body(engine.http("POST", "/v1/tickets", &shop(), &ticket), 201)["incidents"].as_array().unwrap().len()
    };
    assert_eq!((ticket("T1", "kim"), ticket("T2", "lee")), (0, 1));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn only_what_was_shown_can_have_helped() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    let said = body(ask(&engine, Some("kim"), KIMS, None, "Wo finde ich meine Rechnung vom letzten Monat?"), 200);
    assert_eq!(said["items"][0]["id"], "web/invoice", "{said}");
    let solved = |answer: &str| {
        let word = json!({ "what": "solved", "answer": answer }).to_string();
        engine.http("POST", &format!("/v1/drafts/{KIMS}/feedback"), &form(Some("kim")), &word)
    };
    let (status, refused) = solved("http://evil.example");
    assert!(status == 422 && refused.contains("was not shown for the draft"), "{refused}");
    assert_eq!(solved("web/invoice").0, 204);
    let report = body(engine.http("GET", "/v1/reports/deflection", &shop(), ""), 200).to_string();
    assert!(!report.contains("evil.example"), "{report}");
    for name in ["deflection", "topics", "silence", "contacts"] {
        let report = body(engine.http("GET", &format!("/v1/reports/{name}"), &shop(), ""), 200);
        assert!(report["report"].is_object(), "{name}: {report}");
    }
    assert_eq!(engine.stop(), 0);
}

#[test]
fn what_is_learned_of_one_customer_is_shown_to_nobody() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    let written = "Rechnung von Doktor Seltsam über die Quallenpumpe fehlt";
    let ticket = json!({ "id": "T1", "customer": "kim", "body": written, "answer_used": "web/invoice" }).to_string();
    body(engine.http("POST", "/v1/tickets", &shop(), &ticket), 201);
    let examples = Reader::open(&lab.path("state"), Duration::from_secs(5)).unwrap().examples().unwrap();
    assert!(examples[0].text.as_str().contains("Quallenpumpe"), "{examples:?}");
    assert_eq!(engine.stop(), 0);
    // From the start on the index knows it.
    let engine = lab.start();
    let first = "draft-after-start-0123456789";
    wait("the answers are read", || ask(&engine, None, first, None, "Rechnung").0 != 503);
    for customer in [Some("kim"), Some("lee"), None] {
        let id = format!("draft-of-{}-0123456789", customer.unwrap_or("nobody"));
        let said = body(ask(&engine, customer, &id, None, "Rechnung Doktor Seltsam Quallenpumpe"), 200);
        let why = &said["items"][0]["why"];
        assert_eq!((&said["items"][0]["id"], &why["words"]), (&json!("web/invoice"), &json!(["Rechnung"])), "{said}");
        assert!(why["example"].as_str().is_some_and(|shown| !shown.contains("Seltsam")), "{said}");
    }
    assert_eq!(engine.stop(), 0);
}

#[test]
fn an_import_leaves_alone_what_it_does_not_speak_of() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    let whole = json!({ "name": "Laden", "owner": "kim", "aliases": ["laden"], "protected": true }).to_string();
    body(engine.http("PUT", "/v1/assets/site:shop", &shop(), &whole), 200);
    let customer = json!({ "name": "Kim Lee", "email": "kim@example.com", "language": "de" }).to_string();
    body(engine.http("PUT", "/v1/customers/kim", &shop(), &customer), 200);
    let csv = shop().replace("application/json", "text/csv");
    let import = |path: &str, list: &str| body(engine.http("POST", path, &csv, list), 200);
    let list = "id;name;Besizter\nsite:shop;Kims Laden;lee\n";
    for path in ["/v1/assets/import?dry_run=true", "/v1/assets/import"] {
        let told = import(path, list);
        assert_eq!((&told["rows"], &told["taken"]), (&json!(1), &json!(1)), "{told}");
        let said = &told["complaints"][0];
        assert_eq!(said["line"], 1, "{told}");
        assert!(said["why"].as_str().unwrap().contains("did you mean `besitzer`?"), "{told}");
    }
    import("/v1/customers/import", "id;Sprache\nkim;English\n");
    let reader = Reader::open(&lab.path("state"), Duration::from_secs(5)).unwrap();
    let assets = reader.assets().unwrap();
    let shop = assets.iter().find(|one| one.asset.id == "site:shop").unwrap();
    assert_eq!((shop.name.as_deref(), shop.asset.owner.as_deref()), (Some("Kims Laden"), Some("kim")));
    assert!(shop.asset.protected && shop.asset.aliases == ["laden"], "{shop:?}");
    let customers = reader.customers().unwrap();
    let kim = customers.iter().find(|one| one.id == "kim").unwrap();
    assert_eq!((kim.email.as_deref(), kim.language.as_deref()), (Some("kim@example.com"), Some("en")));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_draft_that_asks_for_no_help_sets_nothing_off() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    for (number, text) in [
        "Bitte nichts anfassen: meine Website lädt nicht mehr, auf keinen Fall etwas ändern",
        "Meine Website lädt nicht mehr. Das hat sich erledigt.",
        "Mein Auto lädt nicht mehr",
        "Die Seite site:blog lädt nicht mehr",
        "Wo ist meine Rechnung für die Website",
    ]
    .into_iter()
    .enumerate()
    {
        let said = body(ask(&engine, Some("kim"), &format!("{KIMS}-{number}"), Some("site:shop"), text), 200);
        assert_eq!(said["news"], Value::Null, "{text}: {said}");
    }
    let said = body(ask(&engine, Some("kim"), KIMS, Some("site:shop"), STUCK_DRAFT), 200);
    assert_eq!((&said["news"]["state"], &said["news"]["incident"]), (&json!("checking"), &json!(1)), "the first look");
}

#[test]
fn who_is_shown_nothing_sets_nothing_off() {
    for settings in ["enabled = false", "hold_out = 0.5"] {
        let lab = lab();
        lab.write("heinzel.toml", format!("{}\n[suggestions]\n{settings}\n", lab.read("heinzel.toml")));
        let engine = lab.start();
        introduce(&engine);
        let mut unserved = 0;
        for customer in ["ada", "ben", "cem", "dan", "eva", "fay", "gus", "hal", "ida", "jan"] {
            let asset = format!("site:{customer}");
            let owned = json!({ "name": customer, "owner": customer }).to_string();
            body(engine.http("PUT", &format!("/v1/assets/{asset}"), &shop(), &owned), 201);
            lab.write(&format!("sites/{customer}"), "stuck");
            let draft = format!("draft-of-{customer}-0123456789");
            let said = body(ask(&engine, Some(customer), &draft, Some(&asset), STUCK_DRAFT), 200);
            let nothing = matches!(said["nothing"]["reason"].as_str(), Some("off" | "hold_out"));
            assert_eq!(said["news"].is_null(), nothing, "{said}");
            unserved += usize::from(nothing);
        }
        assert!(unserved > 0 && (unserved == 10) == settings.starts_with("enabled"), "{settings}: {unserved} of 10");
    }
}

#[test]
fn what_the_operator_has_not_granted_is_not_set_off() {
    let lab = lab();
    lab.write("heinzel.toml", lab.read("heinzel.toml").replace("look = [\"web.stuck\"]", "look = []"));
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    let said = body(ask(&engine, Some("kim"), KIMS, Some("site:shop"), STUCK_DRAFT), 200);
    assert_eq!((&said["news"], &said["items"][0]["id"]), (&Value::Null, &json!("web/site-stuck")), "{said}");
    assert!(lab.path("sites/shop").exists() && lab.incidents().is_empty());
    let said =
        body(ask(&engine, None, "draft-of-nobody-0123456789", None, "Guten Tag, wie wird morgen das Wetter?"), 200);
    assert_eq!(said["nothing"]["reason"], "nothing_fits", "{said}");
    assert_eq!(engine.stop(), 0);
}
