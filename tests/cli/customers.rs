//! `deflection`, `topics`, `silence` and `contacts`: reports on what is remembered of customers.

use std::fs;

use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_core::draft::{Deed, Draft, Feedback, Nothing, Owner, Shown, Top};
use heinzel_core::incident::Incident;
use heinzel_core::redact::Redacted;
use heinzel_core::state::Change;
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use heinzel_store::Store as _;
use heinzel_store::customers::Customers;
use heinzel_store::lock::Lock;
use heinzel_store::sqlite::{Options, Sqlite};
use serde_json::json;

use crate::lab::Lab;

fn ago(hours: u64) -> Timestamp {
    let now: Timestamp = jiff::Timestamp::now().into();
    now - std::time::Duration::from_secs(hours * 3600)
}

fn draft(id: &str, customer: &str, hours: u64, text: &str) -> Draft {
    Draft {
        id: id.into(),
        owner: Owner::Customer(customer.into()),
        language: "de".into(),
        page: Some("/mail/quota".into()),
        field: Some("size".into()),
        asset: None,
        first: ago(hours),
        last: ago(hours),
        words: 5,
        hold_out: false,
        top: Some(Top { item: "mail/quota".into(), confidence: 0.8 }),
        nothing: None,
        text: Some(Redacted::of(text, &[])),
    }
}

fn customer(id: &str, seen: u64) -> Customer {
    Customer {
        id: id.into(),
        name: Some(format!("Familie Geheimrat{id}")),
        email: Some(format!("{id}@example.com")),
        language: None,
        since: Some(ago(24 * 800)),
        last_seen: Some(ago(seen)),
    }
}

/// Twelve customers with full mailboxes (half of them held out, and these write tickets), and PHP errors that two sent.
fn remembered(lab: &Lab) -> Customers {
    let state = lab.path("state");
    fs::create_dir_all(&state).unwrap();
    let customers = Customers::open(&state).unwrap();
    let line = "PHP Fatal error: Allowed memory size of 134217728 bytes exhausted in /var/www/shop/index.php";
    for n in 0..12 {
        let name = format!("K{n}");
        customers.put_customer(&customer(&name, 24)).unwrap();
        let mut draft = draft(&format!("draft-{n}"), &name, 100, "Mein Postfach ist voll, wo kann ich es vergrößern?");
        if n % 2 == 0 {
            draft.hold_out = true;
            draft.nothing = Some(Nothing::HoldOut);
            let body = format!("Mein Postfach ist voll, sagt Geheimrat{name}.\nWo kann ich es vergrößern?");
            let ticket = Ticket {
                id: format!("T{n}"),
                customer: Some(name),
                subject: "Postfach voll".into(),
                body,
                created: ago(99),
                draft: Some(draft.id.clone()),
                ..Ticket::default()
            };
            customers.put_ticket(&ticket).unwrap();
        } else {
            let solved = Feedback {
                draft: draft.id.clone(),
                what: Deed::Solved,
                answer: Some("mail/quota".into()),
                at: ago(99),
            };
            customers.put_feedback(&solved).unwrap();
        }
        customers.note_draft(draft);
        let ticket = Ticket {
            id: format!("P{n}"),
            customer: Some(format!("P{n}")),
            subject: "Weiße Seite im Shop".into(),
            body: format!("Im Protokoll steht bei mir:\n{line}\nWas soll ich tun?"),
            created: ago(200),
            page: Some("/tickets/new".into()),
            ..Ticket::default()
        };
        customers.put_ticket(&ticket).unwrap();
    }
    customers.flush().unwrap();
    customers
}

#[test]
fn before_anything_is_remembered_they_say_so() {
    let lab = Lab::new();
    for command in ["deflection", "topics", "silence", "contacts"] {
        lab.run(&[command]).ends(5, &["nothing is remembered of customers", "heinzel run"]);
    }
}

#[test]
fn deflection_is_what_the_groups_differ_in() {
    let lab = Lab::new();
    // Beside an engine that still has the file open.
    let _open = remembered(&lab);
    lab.run(&["deflection"]).ends(0, &["12 drafts, 6 with suggestions, 6 held out", "solved", "spared: 100.0 %"]);
    let report = &lab.run(&["--json", "deflection", "--since", "10d"]).ends(0, &[]).json()[0];
    assert_eq!(report["outcomes"]["solved"]["drafts"], 6);
    assert_eq!(
        (report["ticket_rate"]["shown"]["tickets"].as_u64(), report["ticket_rate"]["held_out"]["tickets"].as_u64()),
        (Some(0), Some(6))
    );
    assert!(report["definitions"]["solved"].as_str().unwrap().contains("72 hours"), "{report}");
    assert!(report["ticket_rate"]["deflected"]["low"].as_f64().unwrap() > 0.2, "{report}");
    let none = &lab.run(&["--json", "deflection", "--since", "1h"]).ends(0, &[]).json()[0];
    assert_eq!((none["drafts"].as_u64(), none["ticket_rate"].is_null()), (Some(0), true));
}

#[test]
fn deflection_counts_what_was_shown_whatever_was_written_later() {
    let lab = Lab::new();
    let state = lab.path("state");
    fs::create_dir_all(&state).unwrap();
    let customers = Customers::open(&state).unwrap();
    let shown = draft("draft-of-kim", "kim", 100, "Mein Postfach ist voll");
    let first = Shown {
        draft: shown.id.clone(),
        item: "mail/quota".into(),
        rank: 1,
        confidence: 0.8,
        ranker: "words".into(),
        at: shown.last,
    };
    let answer = Some("mail/quota".to_owned());
    let solved = Feedback { draft: shown.id.clone(), what: Deed::Solved, answer, at: ago(99) };
    customers.put_feedback(&solved).unwrap();
    let emptied = Draft { top: None, nothing: Some(Nothing::TooShort), last: ago(98), text: None, ..shown.clone() };
    customers.note_shown(vec![first]);
    for looked_at in [shown, emptied] {
        customers.note_draft(looked_at);
        customers.flush().unwrap();
    }
    let report = &lab.run(&["--json", "deflection"]).ends(0, &[]).json()[0];
    assert_eq!((&report["outcomes"]["solved"]["drafts"], &report["nothing"]), (&json!(1), &json!({})), "{report}");
    assert_eq!(report["answers"][0], json!(["mail/quota", { "first": 1, "opened": 0, "solved": 1, "sent": 0 }]));
}

#[test]
fn topics_begin_answers_and_rules() {
    let lab = Lab::new();
    drop(remembered(&lab));
    lab.run(&["topics"])
        .ends(0, &["postfach", "24 texts", "2 topics", "tooltip missing at field `size` of /mail/quota"]);
    let page = lab.run(&["topics", "--markdown"]).ends(0, &["# What customers write about"]);
    assert!(!page.out.contains("Geheimrat"), "{}", page.out);
    let drafts = lab.path("rules/own").display().to_string();
    let report = &lab.run(&["--json", "topics", "--drafts", &drafts]).ends(0, &["wrote"]).json()[0];
    assert_eq!(report["topics"].as_array().unwrap().len(), 2, "{report}");
    let files = |folder: &str| -> Vec<String> {
        let found = fs::read_dir(lab.path(folder)).unwrap().map(|f| f.unwrap().path().display().to_string());
        found.collect()
    };
    let answers = files("rules/own/answers");
    assert_eq!(answers.len(), 1, "the mailbox has an answer: {answers:?}");
    let answer = fs::read_to_string(&answers[0]).unwrap();
    assert!(answer.contains("audience = \"support\"") && answer.contains("## advise"), "{answer}");
    // The rule passes its own samples.
    let rules = files("rules/own").into_iter().filter(|path| path.ends_with(".rhai")).collect::<Vec<_>>();
    assert_eq!(rules.len(), 1, "{rules:?}");
    let rule = fs::read_to_string(&rules[0]).unwrap();
    assert!(rule.contains("PHP Fatal error"), "{rule}");
    let folder = lab.path("rules").display().to_string();
    lab.bare(&["--rules", &folder, "test"]).ends(0, &["0 problems"]);
    // What is there already is left as it is.
    lab.run(&["topics", "--drafts", &drafts]).ends(0, &["no topic needs"]);
}

#[test]
fn who_was_spared_trouble_and_who_is_silent_is_listed() {
    let lab = Lab::new();
    let customers = remembered(&lab);
    customers.put_customer(&customer("silent", 24)).unwrap();
    let asset = heinzel_core::asset::Asset {
        id: "vm:7".into(),
        aliases: vec![],
        owner: Some("silent".into()),
        depends_on: vec![],
        protected: false,
    };
    customers.put_asset(&NamedAsset { asset, name: None }).unwrap();
    let incident = |id: u64, touched: bool| -> Incident {
        serde_json::from_value(json!({
            "id": id, "rule": "web.busy", "asset": "pool:www", "title": "a pool is busy", "severity": "high",
            "status": "resolved", "opened": ago(120), "opened_at": ago(120), "last_seen": ago(120), "findings": 3,
            "resolved_at": ago(119), "customers": ["kim"],
            "cause": { "place": { "source": "app", "stream": "a.log", "offset": 0 }, "message": "pool www is busy" },
            "run": { "number": 1, "version": "1", "started": ago(120), "round": 0, "touched": touched,
                     "stage": { "stage": "over", "plan": null, "end": { "end": "verified" } } },
        }))
        .unwrap()
    };
    let mut store = Sqlite::open(Lock::take(&lab.path("state")).unwrap(), &Options::default()).unwrap();
    let changes = [incident(1, true), incident(2, false)].map(|incident| Change::Incident(Box::new(incident)));
    store.commit(&changes, &[]).unwrap();
    drop(store);
    lab.run(&["silence"]).ends(
        0,
        &[
            "1 customer had problems that were repaired",
            "kim",
            "severe, longer than 15 minutes",
            "silent",
            "has assets",
        ],
    );
    let report = &lab.run(&["--json", "silence"]).ends(0, &[]).json()[0];
    assert_eq!(report["repaired_silently"][0]["repairs"], json!([[1, "a pool is busy", 60]]));
    assert_eq!(report["never_heard_of"].as_array().unwrap().len(), 1, "{report}");
    // A ticket within 72 hours is contact.
    let ticket = Ticket { id: "late".into(), customer: Some("kim".into()), created: ago(60), ..Ticket::default() };
    customers.put_ticket(&ticket).unwrap();
    lab.run(&["silence"]).ends(0, &["0 customers had problems", "1 repairs with contact"]);
}

#[test]
fn addresses_that_nobody_reads_are_listed() {
    let lab = Lab::new();
    let customers = remembered(&lab);
    lab.run(&["contacts"]).ends(0, &["no address is doubted"]);
    customers.bounced("K3@example.com", "user-unknown", ago(5)).unwrap();
    customers.put_customer(&customer("gone", 24 * 400)).unwrap();
    lab.run(&["contacts"])
        .ends(0, &["k3@example.com", "mailbox unknown, 1 times", "gone@example.com", "not seen since"]);
    let all = lab.run(&["--json", "contacts"]).ends(0, &[]).json();
    assert_eq!(all.iter().map(|one| one["customer"].as_str().unwrap()).collect::<Vec<_>>(), ["K3", "gone"]);
    lab.run(&["contacts", "--unused", "500d"]).ends(0, &["k3@example.com"]);
}
