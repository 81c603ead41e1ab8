//! What the form says of a look: over a restart, while nothing may be repaired, to the next draft.

use serde_json::{Value, json};

use crate::form::{KIMS, STUCK_DRAFT, ask, body, form, introduce, lab};
use crate::lab::{Engine, Lab, wait};

const INVOICE_DRAFT: &str = "Wo finde ich meine Rechnung vom letzten Monat?";

/// The lab of the form, with a repair that is proved when `sites/hold` is gone, too.
fn slow() -> Lab {
    let lab = lab();
    let rule = lab.read("rules/web/stuck.rhai").replace(
        "\"exists\", false)],",
        &lab.text(
            "\"exists\", false), check.is(probe.file(\"LAB/sites/hold\"), \"exists\", false)],\n    within: \"5m\",",
        ),
    );
    lab.write("rules/web/stuck.rhai", rule);
    lab.write("sites/hold", "");
    lab
}

fn again(lab: &Lab) -> Engine<'_> {
    let engine = lab.start();
    let first = json!({ "draft_id": "after-the-start-0123456789", "body": "Rechnung" }).to_string();
    wait("the answers are read", || engine.http("POST", "/v1/suggestions", &form(None), &first).0 != 503);
    engine
}

fn says(engine: &Engine<'_>, draft: &str, text: &str) -> Value {
    body(ask(engine, Some("kim"), draft, Some("site:shop"), text), 200)
}

/// The news of a stream, which must end.
fn told(engine: &Engine<'_>, draft: &str) -> Vec<Value> {
    let (status, stream) = engine.http("GET", &format!("/v1/drafts/{draft}/news"), &form(Some("kim")), "");
    assert_eq!(status, 200, "{stream}");
    stream.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

fn until(state: &str, engine: &Engine<'_>, draft: &str) -> Value {
    let mut last = Value::Null;
    wait(&format!("the form says {state}"), || {
        last = says(engine, draft, STUCK_DRAFT);
        last["news"]["state"] == state
    });
    last
}

#[test]
fn a_repair_ends_for_its_draft_after_a_restart_too() {
    let lab = slow();
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    until("repairing", &engine, KIMS);
    assert_eq!(engine.stop(), 0);

    let engine = again(&lab);
    std::fs::remove_file(lab.path("sites/hold")).unwrap();
    let news = told(&engine, KIMS);
    let last = news.last().unwrap();
    assert_eq!((&last["state"], &last["incident"]), (&json!("repaired"), &json!(1)), "{news:?}");
    // The customer types on: what was repaired is not looked at again.
    let said = says(&engine, KIMS, STUCK_DRAFT);
    assert_eq!((&said["news"]["state"], &said["items"][0]["kind"]), (&json!("repaired"), &json!("fix")), "{said}");
    assert_eq!(lab.incidents().len(), 1);
    assert_eq!(engine.stop(), 0);
}

#[test]
fn what_a_draft_follows_is_known_after_a_restart_and_what_is_not_known_is_no_silence() {
    let lab = slow();
    let engine = lab.start();
    introduce(&engine);
    let other = "other-draft-of-kim-0123456789";
    assert_eq!(says(&engine, other, INVOICE_DRAFT)["news"], Value::Null);
    lab.write("sites/shop", "stuck");
    lab.append("logs/a.log", "site shop is stuck\n");
    wait("it is being repaired", || !lab.path("sites/shop").exists());
    let said = until("repairing", &engine, KIMS);
    assert_eq!(said["items"][0]["kind"], "incident", "{said}");
    assert_eq!(engine.stop(), 0);

    let engine = again(&lab);
    std::fs::remove_file(lab.path("sites/hold")).unwrap();
    let news = told(&engine, KIMS);
    assert_eq!(news.last().unwrap()["state"], "repaired", "{news:?}");
    let news = told(&engine, other);
    assert_eq!(
        (news.len(), &news[0]["state"], &news[0]["incident"]),
        (1, &json!("unsettled"), &Value::Null),
        "{news:?}"
    );
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_repair_that_may_not_begin_is_not_said_to_begin() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    lab.run(&["pause", "--why", "migration"]).ends(0, &[]);
    let said = until("found", &engine, KIMS);
    let words = said.to_string();
    assert!(words.contains("darf aber gerade nicht beginnen") && !words.contains("repariert"), "{said}");
    lab.run(&["resume"]).ends(0, &[]);
    until("repaired", &engine, KIMS);
    assert_eq!(engine.stop(), 0);
}

#[test]
fn nobody_is_said_to_know_while_the_webhook_is_down() {
    let lab = lab();
    let rule = lab
        .read("rules/web/stuck.rhai")
        .replace("if facts.file.exists {", "if true { step.hand_over(\"odd\") } else if false {");
    lab.write("rules/web/stuck.rhai", rule);
    let config = format!("{}\n[act.webhooks.operator]\nurl = \"http://127.0.0.1:1/x\"\n", lab.read("heinzel.toml"));
    lab.write("heinzel.toml", config);
    let engine = lab.start();
    introduce(&engine);
    let said = until("unsettled", &engine, KIMS);
    assert!(said["items"].as_array().unwrap().iter().all(|item| item["kind"] == "answer"), "{said}");
    assert_eq!(told(&engine, KIMS).last().unwrap()["state"], "unsettled");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn the_next_draft_hears_what_was_just_repaired() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    until("repaired", &engine, KIMS);
    for (number, text) in ["Wie wird morgen das Wetter?", INVOICE_DRAFT, STUCK_DRAFT].into_iter().enumerate() {
        let said = says(&engine, &format!("next-draft-{number}-of-kim-0123456789"), text);
        let fixes = said["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "fix");
        assert_eq!(fixes.map(|item| item["id"].clone()).collect::<Vec<_>>(), ["1"], "{said}");
    }
    let lees = body(ask(&engine, Some("lee"), "draft-of-lee-0123456789", None, STUCK_DRAFT), 200);
    assert!(lees["items"].as_array().unwrap().iter().all(|item| item["id"] != "1"), "{lees}");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn times_are_those_of_the_customers_clock() {
    let lab = lab();
    let config = lab.read("heinzel.toml") + "\n[answers]\ntime_zone = \"Asia/Tokyo\"\n";
    lab.write("heinzel.toml", config);
    let engine = lab.start();
    introduce(&engine);
    lab.write("sites/shop", "stuck");
    let said = until("repaired", &engine, KIMS);
    let news = said["news"]["text"].as_str().unwrap();
    assert!(news.ends_with("läuft wieder."), "its time is `at`: {news}");
    let end: jiff::Timestamp = lab.incidents()[0]["resolved_at"].as_str().unwrap().parse().unwrap();
    let clock = |zone: &str| end.in_tz(zone).unwrap().strftime("%H:%M").to_string();

    let next = |draft: &str, text: &str, zone: Option<&str>| {
        let mut request = json!({ "draft_id": draft, "body": text, "locale": "de", "asset": "site:shop" });
        request["time_zone"] = json!(zone);
        let said = body(engine.http("POST", "/v1/suggestions", &form(Some("kim")), &request.to_string()), 200);
        let fixes: Vec<&Value> =
            said["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "fix").collect();
        assert_eq!((fixes.len(), &fixes[0]["id"]), (1, &json!("1")), "{said}");
        fixes[0]["parts"]["act"].as_str().unwrap().to_owned()
    };
    let act = next("next-draft-of-kim-0123456789", "Wie wird morgen das Wetter?", Some("America/New_York"));
    assert!(act.contains(&clock("America/New_York")), "{act}");
    let act = next("third-draft-of-kim-0123456789", INVOICE_DRAFT, Some("Mars/Olympus"));
    assert!(act.contains(&clock("Asia/Tokyo")), "{act}");
    let act = next("like-draft-of-kim-0123456789", STUCK_DRAFT, None);
    assert!(act.contains(&clock("Asia/Tokyo")), "{act}");
    assert_eq!(engine.stop(), 0);
}
