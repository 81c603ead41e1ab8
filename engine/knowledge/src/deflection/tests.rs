use heinzel_core::draft::Top;

use super::*;

const HOUR: i64 = 3600;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_seconds(hours * HOUR)
}

fn draft(id: &str, customer: Option<&str>, hours: i64) -> Draft {
    Draft {
        id: id.into(),
        owner: customer.map_or(Owner::Key("k".into()), |id| Owner::Customer(id.into())),
        language: "de".into(),
        page: None,
        field: None,
        asset: None,
        first: at(hours - 1),
        last: at(hours),
        words: 9,
        hold_out: false,
        top: Some(Top { item: "a/b".into(), confidence: 0.9 }),
        nothing: None,
        text: None,
    }
}

fn did(draft: &str, what: Deed) -> Feedback {
    Feedback { draft: draft.into(), what, answer: Some("a/b".into()), at: at(10) }
}

fn sent(id: &str, customer: Option<&str>, draft: Option<&str>, hours: i64) -> Sent {
    Sent { id: id.into(), customer: customer.map(Into::into), draft: draft.map(Into::into), created: at(hours) }
}

fn count(drafts: &[Draft], feedback: &[Feedback], tickets: &[Sent]) -> Report {
    report(drafts, &BTreeMap::new(), feedback, tickets, (at(0), at(1000)), at(2000))
}

#[track_caller]
fn check(feedback: &[Feedback], tickets: &[Sent], outcome: Outcome, later: u64) {
    let report = count(&[draft("d", Some("kim"), 10)], feedback, tickets);
    let counts: u64 = report.outcomes.values().map(|count| count.drafts).sum();
    assert_eq!((counts, report.with_suggestions), (1, 1));
    let found = report.outcomes[&outcome];
    assert_eq!((found.drafts, found.later_ticket), (1, later), "{:?}", report.outcomes);
}

#[test]
fn each_draft_comes_to_one_thing() {
    let kim = Some("kim");
    check(&[], &[], Outcome::Abandoned, 0);
    check(&[did("d", Deed::Dismissed)], &[], Outcome::Dismissed, 0);
    // What does not fit was opened first: the button stands in it.
    check(&[did("d", Deed::Opened), did("d", Deed::Dismissed)], &[], Outcome::Dismissed, 0);
    check(&[did("d", Deed::Dismissed), did("d", Deed::Solved)], &[], Outcome::Solved, 0);
    check(&[did("d", Deed::Dismissed), did("d", Deed::Sent)], &[], Outcome::Sent, 0);
    check(&[did("d", Deed::Opened)], &[], Outcome::Opened, 0);
    check(&[did("d", Deed::Opened), did("d", Deed::Solved)], &[], Outcome::Solved, 0);
    check(&[did("d", Deed::Sent)], &[], Outcome::Sent, 0);
    check(&[did("d", Deed::Opened)], &[sent("t", kim, Some("d"), 10)], Outcome::Sent, 0);
    check(&[did("other", Deed::Solved)], &[sent("t", Some("lee"), None, 11)], Outcome::Abandoned, 0);
}

#[test]
fn solved_is_taken_back_by_a_ticket_within_72_hours() {
    let solved = [did("d", Deed::Solved)];
    let kim = Some("kim");
    check(&solved, &[sent("t", kim, None, 10 + 71)], Outcome::Returned, 1);
    check(&solved, &[sent("t", kim, None, 10 + 72)], Outcome::Solved, 0);
    check(&solved, &[sent("t", kim, None, 8)], Outcome::Solved, 0);
    check(&solved, &[sent("t", None, Some("d"), 500)], Outcome::Returned, 0);
    check(&[], &[sent("t", kim, None, 20)], Outcome::Abandoned, 1);
}

#[test]
fn what_is_too_young_is_not_counted_yet() {
    let drafts = [draft("old", None, 10), draft("young", None, 100), draft("outside", None, 300)];
    let report = report(&drafts, &BTreeMap::new(), &[], &[], (at(0), at(200)), at(100 + 71));
    assert_eq!((report.drafts, report.too_young), (1, 1));
    assert_eq!(report.until, at(99));
    assert_eq!(report.outcomes[&Outcome::Abandoned].anonymous, 1);
}

#[test]
fn drafts_without_an_item_are_counted_by_reason() {
    let nothing = |id: &str, reason, top: bool| Draft {
        nothing: Some(reason),
        top: top.then(|| Top { item: "a/b".into(), confidence: 0.1 }),
        ..draft(id, None, 10)
    };
    let drafts = [
        nothing("1", Nothing::TooShort, false),
        nothing("2", Nothing::NothingFits, false),
        nothing("3", Nothing::NothingFits, true),
    ];
    let report = count(&drafts, &[], &[]);
    assert_eq!((report.drafts, report.with_suggestions), (3, 0));
    assert_eq!(report.nothing, BTreeMap::from([("too_short", 1), ("nothing_fits", 2)]));
    assert_eq!(report.ticket_rate, None);
}

#[test]
fn what_was_shown_counts_whatever_the_last_look_said() {
    let now = |id: &str, customer, nothing, top: Option<&str>| Draft {
        nothing: Some(nothing),
        top: top.map(|item| Top { item: item.into(), confidence: 0.9 }),
        hold_out: nothing == Nothing::HoldOut,
        ..draft(id, Some(customer), 10)
    };
    let drafts = [
        now("emptied", "a", Nothing::TooShort, Some("a/b")),
        now("written on", "b", Nothing::NothingFits, None),
        now("switched off", "c", Nothing::Off, Some("a/b")),
        now("never shown", "d", Nothing::TooShort, None),
        now("off all the time", "e", Nothing::Off, Some("a/b")),
        now("held out", "f", Nothing::HoldOut, Some("a/b")),
        now("held out, nothing found", "g", Nothing::HoldOut, None),
        now("shown, then held out", "h", Nothing::HoldOut, Some("a/b")),
    ];
    let shown = ["emptied", "written on", "switched off", "shown, then held out"];
    let shown = shown.map(|draft| (draft.to_owned(), "c/d".to_owned())).into();
    let feedback = [did("emptied", Deed::Opened), did("emptied", Deed::Solved), did("written on", Deed::Opened)];
    let report = report(&drafts, &shown, &feedback, &[], (at(0), at(1000)), at(2000));
    assert_eq!((report.drafts, report.with_suggestions, report.held_out), (8, 4, 1));
    let outcomes = [Outcome::Solved, Outcome::Opened, Outcome::Abandoned].map(|one| report.outcomes[&one].drafts);
    assert_eq!(outcomes, [1, 1, 2]);
    assert_eq!(report.nothing, BTreeMap::from([("too_short", 1), ("off", 1), ("hold_out", 2)]));
    let rates = report.ticket_rate.unwrap();
    assert_eq!((rates.shown.drafts, rates.held_out.drafts), (4, 1));
    assert_eq!(report.answers[0], ("c/d".to_owned(), OfAnswer { first: 4, ..OfAnswer::default() }));
}

#[test]
fn answers_are_told_apart() {
    let drafts = [draft("1", Some("kim"), 10), draft("2", Some("lee"), 10), draft("3", None, 10)];
    let other = |draft: &str, what| Feedback { answer: Some("c/d".into()), ..did(draft, what) };
    let feedback = [did("1", Deed::Opened), other("1", Deed::Opened), other("1", Deed::Solved), did("2", Deed::Solved)];
    let report = count(&drafts, &feedback, &[sent("t", Some("lee"), Some("2"), 11)]);
    let expected = [
        ("a/b".to_owned(), OfAnswer { first: 3, opened: 1, solved: 0, sent: 1 }),
        ("c/d".to_owned(), OfAnswer { first: 0, opened: 1, solved: 1, sent: 0 }),
    ];
    assert_eq!(report.answers, expected);
}

#[test]
fn the_groups_are_compared_by_what_came_to_a_ticket() {
    // 400 customers, a fifth held out; a ticket comes from every fourth that sees suggestions, from every second that does
    // not.
    let names: Vec<String> = (0..400).map(|n| format!("K{n}")).collect();
    let mut drafts = Vec::new();
    let mut tickets = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let hold_out = n % 5 == 0;
        let nothing = hold_out.then_some(Nothing::HoldOut);
        drafts.push(Draft { hold_out, nothing, ..draft(&format!("d{n}"), Some(name), 10) });
        let writes = if hold_out { n % 10 == 0 } else { n % 4 == 1 };
        if writes {
            tickets.push(sent(&format!("t{n}"), Some(name), None, 20));
        }
    }
    let report = count(&drafts, &[], &tickets);
    assert_eq!((report.held_out, report.with_suggestions), (80, 320));
    let rates = report.ticket_rate.unwrap();
    assert_eq!((rates.shown.tickets, rates.held_out.tickets), (80, 40));
    assert!((rates.deflected.value - 0.25).abs() < 1e-9);
    assert!(rates.deflected.low > 0.1 && rates.deflected.high < 0.4, "{:?}", rates.deflected);
}

#[test]
fn the_share_held_out_is_stable_and_as_large_as_said() {
    for share in [0.0, 0.05, 0.5, 1.0] {
        let owners = (0..20_000).map(|n| Owner::Customer(format!("K{n}")));
        let held_out = owners.filter(|owner| is_held_out(owner, "d", share)).count();
        let found = held_out as f64 / 20_000.0;
        assert!((found - share).abs() < 0.006, "{found} of {share}");
    }
    let kim = Owner::Customer("kim".into());
    let key = Owner::Key("k".into());
    let held = |owner: &Owner| (0..1000).filter(|n| is_held_out(owner, &n.to_string(), 0.5)).count();
    assert!([0, 1000].contains(&held(&kim)), "a customer is in one group");
    assert!((400..600).contains(&held(&key)), "anonymous drafts are in either");
    // Pinned: a new version must not move customers to the other group.
    let group: Vec<bool> = (0..8).map(|n| is_held_out(&Owner::Customer(n.to_string()), "", 0.5)).collect();
    assert_eq!(group, PINNED);
}

const PINNED: [bool; 8] = [true, true, false, true, false, false, true, false];

#[test]
fn every_word_of_a_report_is_defined() {
    let report = serde_json::to_value(count(&[draft("d", None, 10)], &[], &[])).unwrap();
    for word in ["drafts", "with_suggestions", "held_out", "ticket_rate"] {
        assert!(report["definitions"].get(word).is_some() && report.get(word).is_some(), "{word}");
    }
    for outcome in Outcome::ALL {
        assert!(report["definitions"].get(outcome.word()).is_some(), "{outcome:?}");
        assert!(report["outcomes"].get(outcome.word()).is_some(), "{outcome:?}");
    }
}
