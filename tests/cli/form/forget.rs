//! A customer wants to be forgotten.

use super::*;

const WORDS: &str = "Rechnung fehlt, IBAN DE89370400440532013000, Kennwort Blume77";

/// Kim has written, sent, taught, and was helped.
fn told(lab: &Lab, engine: &Engine<'_>) {
    introduce(engine);
    body(engine.http("PUT", "/v1/customers/kim", &shop(), "{\"email\":\"kim@mail.example\"}"), 200);
    body(engine.http("PUT", "/v1/assets/mailbox:kim%40mail.example", &shop(), "{\"owner\":\"kim\"}"), 201);
    let said = body(ask(engine, Some("kim"), KIMS, None, "Wo finde ich meine Rechnung vom letzten Monat?"), 200);
    assert_eq!(said["items"][0]["id"], "web/invoice", "{said}");
    let solved = json!({ "what": "solved", "answer": "web/invoice" }).to_string();
    assert_eq!(engine.http("POST", &format!("/v1/drafts/{KIMS}/feedback"), &form(Some("kim")), &solved).0, 204);
    for customer in ["kim", "lee"] {
        let ticket = json!({ "id": format!("T-{customer}"), "customer": customer, "subject": "Hilfe",
            "body": if customer == "kim" { WORDS } else { "Rechnung der Schiffsschraube fehlt" },
            "answer_used": "web/invoice" });
        body(engine.http("POST", "/v1/tickets", &shop(), &ticket.to_string()), 201);
    }
    assert!(is_on_disk(lab, "DE89370400440532013000") && is_on_disk(lab, "kim@mail.example"));
}

/// Whether `word` stands in anything that is remembered of customers.
fn is_on_disk(lab: &Lab, word: &str) -> bool {
    let files = ["customers.db", "customers.db-wal"].map(|name| lab.path(&format!("state/{name}")));
    files.iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

#[test]
fn the_shop_has_a_customer_forgotten_and_nothing_brings_them_back() {
    let lab = lab();
    lab.write("heinzel.toml", format!("{}\n[suggestions]\nkeep_drafts = \"redacted\"\n", lab.read("heinzel.toml")));
    let engine = lab.start();
    told(&lab, &engine);
    let forget = |head: &str| engine.http("DELETE", "/v1/customers/kim", head, "");
    body(forget(&form(Some("kim"))), 403);
    body(forget(""), 401);
    let forgotten = body(forget(&shop()), 200);
    let expected = json!({ "customer": true, "tickets": 1, "drafts": 1, "examples": 1, "assets": ["site:shop"],
        "removed": ["mailbox:kim@mail.example"], "listed": ["pool:www"] });
    assert_eq!(forgotten, expected);
    for word in ["DE89370400440532013000", "Blume77", "kim@mail.example", "Kims Laden", "kim", "letzten Monat"] {
        assert!(!is_on_disk(&lab, word), "{word}");
    }
    assert!(is_on_disk(&lab, "Schiffsschraube"), "lee's is still there");
    // Nor is it in memory: the draft is nobody's, and the site no longer kim's.
    let feedback = "{\"what\":\"sent\"}";
    assert_eq!(engine.http("POST", &format!("/v1/drafts/{KIMS}/feedback"), &form(Some("kim")), feedback).0, 404);
    let other = "another-draft-0123456789";
    wait("the site is nobody's", || ask(&engine, Some("kim"), other, Some("site:shop"), "Rechnung").0 == 403);
    for report in ["deflection", "topics", "silence", "contacts"] {
        let report = body(engine.http("GET", &format!("/v1/reports/{report}"), &shop(), ""), 200).to_string();
        assert!(!report.contains("kim") && !report.contains("Blume77"), "{report}");
    }
    body(forget(&shop()), 200);
    lab.run(&["audit", "show"]).ends(0, &["erased", "token shop", "a customer is forgotten"]);
    assert!(engine.stderr().contains("a customer is forgotten") && !engine.stderr().contains("kim"));
    assert_eq!(engine.stop(), 0);
    assert!(!is_on_disk(&lab, "kim") && is_on_disk(&lab, "Schiffsschraube"));
}

#[test]
fn the_operator_has_a_customer_forgotten_with_and_without_an_engine() {
    let lab = lab();
    lab.run(&["customers", "forget", "kim"]).ends(5, &["no engine runs on"]);
    let engine = lab.start();
    told(&lab, &engine);
    let words = ["customer kim is forgotten, with 1 ticket, 1 draft and 1 learned example", "site:shop"];
    lab.run(&["customers", "forget", "kim"]).ends(0, &words);
    assert!(!is_on_disk(&lab, "DE89370400440532013000"));
    lab.run(&["customers", "forget", "kim"]).ends(0, &["nothing is remembered of customer kim"]);
    wait("the index is made anew", || lab.path("state/answers.index").exists());
    assert_eq!(engine.stop(), 0);
    let told = &lab.run(&["--json", "customers", "forget", "lee"]).ends(0, &[]).json()[0];
    assert_eq!((&told["tickets"], &told["assets"]), (&json!(1), &json!(["site:blog"])));
    assert!(!is_on_disk(&lab, "Schiffsschraube"));
    assert!(!lab.path("state/answers.index").exists(), "lee's words are in it");
    // An engine that answers no form forgets, too.
    lab.write("heinzel.toml", lab.read("heinzel.toml").replace("listen = \"127.0.0.1:0\"", ""));
    let engine = lab.start();
    lab.run(&["customers", "forget", "kim"]).ends(0, &["nothing is remembered of customer kim"]);
    assert_eq!(engine.stop(), 0);
    let trail = lab.run(&["--json", "audit", "show"]).ends(0, &[]).json();
    assert_eq!(
        trail.iter().filter(|entry| entry.to_string().contains("a customer is forgotten")).count(),
        4,
        "{trail:?}"
    );
}

#[test]
fn the_shop_removes_an_asset_unless_others_need_it() {
    let lab = lab();
    let engine = lab.start();
    introduce(&engine);
    let put = |id: &str, asset: &str| body(engine.http("PUT", &format!("/v1/assets/{id}"), &shop(), asset), 201);
    put("host:kim@rack7", "{\"owner\":\"kim\",\"protected\":true}");
    put("vm:700", "{\"depends_on\":[\"host:kim@rack7\"]}");
    let remove =
        |id: &str, expected: u16| body(engine.http("DELETE", &format!("/v1/assets/{id}"), &shop(), ""), expected);
    let needed = remove("host:kim%40rack7", 409);
    assert!(
        needed["code"] == "needed" && needed["detail"].as_str().unwrap().starts_with("`vm:700` depends on"),
        "{needed}"
    );
    assert_eq!(remove("pool:www", 409)["code"], "elsewhere");
    for removed in [true, false] {
        assert_eq!(remove("vm:700", 200)["removed"], removed);
    }
    wait("the host is theirs", || {
        ask(&engine, Some("kim"), KIMS, Some("host:kim@rack7"), "Rechnung fehlt mir").0 == 200
    });
    assert_eq!(remove("host:kim%40rack7", 200)["removed"], true);
    let other = "another-draft-0123456789";
    wait("it is nobody's", || ask(&engine, Some("kim"), other, Some("host:kim@rack7"), "Rechnung fehlt mir").0 == 403);
    let trail = lab.run(&["--json", "audit", "show"]).ends(0, &[]).json();
    let trail: Vec<String> = trail.iter().map(ToString::to_string).filter(|entry| entry.contains("erased")).collect();
    assert!(trail.len() == 2 && trail.iter().all(|entry| entry.contains("token shop")), "{trail:?}");
    assert!(
        trail[1].contains("kind `host`") && trail[1].contains("it was protected") && !trail[1].contains("rack7"),
        "{trail:?}"
    );
    assert_eq!(engine.stop(), 0);
}

#[test]
fn an_operator_keeps_no_ticket_texts() {
    let lab = lab();
    lab.write("heinzel.toml", format!("{}\n[suggestions]\nticket_texts = \"0s\"\n", lab.read("heinzel.toml")));
    let engine = lab.start();
    let ticket = json!({ "id": "T1", "customer": "kim", "subject": "Hilfe", "body": WORDS }).to_string();
    wait("the answers are read", || engine.http("POST", "/v1/tickets", &shop(), &ticket).0 < 300);
    assert_eq!(engine.stop(), 0);
    let tickets = Reader::open(&lab.path("state"), Duration::from_secs(5)).unwrap().tickets(Range::ALL).unwrap();
    assert_eq!((tickets.len(), &*tickets[0].subject, &*tickets[0].body), (1, "", ""));
    lab.run(&["topics"]).ends(0, &["0 texts"]);
}
