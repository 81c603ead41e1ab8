//! Drafts: whose they are, what is noted of them, and that noting never waits.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::*;

#[test]
fn a_draft_belongs_to_whoever_used_its_id_first() {
    let scene = Scene::new();
    let key = Owner::Key("kim".into());
    assert_eq!(scene.customers.owner_of("d1").unwrap(), None);
    assert_eq!(scene.customers.claim("d1", &kim(), at(1)).unwrap(), Claim::First);
    assert_eq!(scene.customers.claim("d1", &kim(), at(2)).unwrap(), Claim::Yours);
    assert_eq!(scene.customers.claim("d1", &key, at(2)).unwrap(), Claim::Foreign);
    // Before it is stored and after a restart alike; and noting it for somebody else changes nothing.
    scene.customers.note_draft(draft("d1", key.clone(), 30));
    let scene = scene.again();
    assert_eq!(scene.customers.claim("d1", &key, at(3)).unwrap(), Claim::Foreign);
    assert_eq!(scene.customers.owner_of("d1").unwrap(), Some(kim()));
    let stored = scene.customers.draft("d1").unwrap().unwrap();
    assert_eq!(stored, Draft { first: at(1), ..draft("d1", kim(), 30) });
}

#[test]
fn of_many_that_claim_one_id_at_once_one_gets_it() {
    let scene = Scene::new();
    for round in 0..20 {
        let first = AtomicU32::new(0);
        let (customers, id) = (&scene.customers, format!("d{round}"));
        std::thread::scope(|threads| {
            for number in 0..4 {
                let (first, id) = (&first, &id);
                threads.spawn(move || {
                    let owner = Owner::Customer(number.to_string());
                    if customers.claim(id, &owner, at(1)).unwrap() == Claim::First {
                        first.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(first.into_inner(), 1);
    }
}

#[test]
fn owners_are_known_also_when_memory_has_forgotten_them() {
    let scene = Scene::new();
    scene.customers.claim("first", &kim(), at(1)).unwrap();
    let other = Owner::Key("k".into());
    for number in 0..70_000 {
        scene.customers.claim(&format!("d{number}"), &other, at(2)).unwrap();
    }
    assert_eq!(scene.customers.claim("first", &other, at(3)).unwrap(), Claim::Foreign);
    assert_eq!(scene.customers.health().unwrap().dropped, 0, "a claim is never dropped");
    assert_eq!(scene.reader().drafts(Range::ALL).unwrap().len(), 70_001);
}

#[test]
fn a_draft_is_stored_as_it_stood_last() {
    let scene = Scene::new();
    for last in [20, 40, 30] {
        scene.customers.note_draft(draft("d1", kim(), last));
        scene.customers.flush().unwrap();
    }
    let drafts = scene.reader().drafts(Range::ALL).unwrap();
    assert_eq!(drafts, [Draft { first: at(10), ..draft("d1", kim(), 30) }]);
    assert_eq!(drafts[0].text.as_ref().unwrap().as_str(), "Postfach von <email> voll");
    assert_eq!(scene.reader().heard().unwrap()["kim"].draft, Some(at(40)));
    assert_eq!(scene.reader().drafts(Range { from: at(31), until: at(99) }).unwrap(), []);
}

#[test]
fn what_was_found_last_stays_when_nothing_is_found_any_more() {
    let scene = Scene::new();
    let found = |item: &str| Some(Top { item: item.into(), confidence: 0.5 });
    let note = |id: &str, last, top| scene.customers.note_draft(Draft { top, ..draft(id, kim(), last) });
    let looks = [(20, found("a/b")), (30, found("mail/quota")), (40, None)];
    // In the file, and in memory while it waits.
    for (last, top) in looks.clone() {
        note("d1", last, top);
        scene.customers.flush().unwrap();
    }
    looks.into_iter().for_each(|(last, top)| note("d2", last, top));
    let drafts = scene.reader().drafts(Range::ALL).unwrap();
    let expected = |id| Draft { first: at(10), ..draft(id, kim(), 40) };
    assert_eq!(drafts, [expected("d1"), expected("d2")]);
}

#[test]
fn what_came_first_is_of_the_list_shown_last() {
    let scene = Scene::new();
    let show = |draft: &str, item: &str, rank, seconds| Shown { item: item.into(), rank, ..shown(draft, seconds) };
    scene.customers.note_shown(vec![show("d1", "a/b", 1, 5), show("d1", "c/d", 2, 5), show("d2", "a/b", 1, 5)]);
    scene.customers.note_shown(vec![show("d1", "c/d", 1, 7), show("d1", "a/b", 2, 7), show("d3", "a/b", 1, 9)]);
    let found = scene.reader().first_shown(Range { from: at(5), until: at(9) }).unwrap();
    let found: Vec<(&str, &str)> = found.iter().map(|(draft, item)| (&**draft, &**item)).collect();
    assert_eq!(found, [("d1", "c/d"), ("d2", "a/b")]);
}

#[test]
fn feedback_counts_once() {
    let scene = Scene::new();
    let solved = Feedback { draft: "d1".into(), what: Deed::Solved, answer: Some("a/b".into()), at: at(5) };
    assert!(scene.customers.put_feedback(&solved).unwrap());
    assert!(!scene.customers.put_feedback(&Feedback { at: at(6), ..solved.clone() }).unwrap());
    assert!(scene.customers.put_feedback(&Feedback { answer: None, ..solved.clone() }).unwrap());
    let all = scene.reader().feedback(Range::ALL).unwrap();
    assert_eq!(all, [Feedback { answer: None, ..solved.clone() }, solved]);
}

#[test]
fn notes_are_stored_by_themselves() {
    let scene = Scene::new();
    scene.customers.note_shown(vec![shown("d1", 5), shown("d1", 6)]);
    let reader = Reader::open(scene.folder.path(), Duration::from_secs(5)).unwrap();
    let begun = Instant::now();
    while reader.shown(Range::ALL).unwrap().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody stores them");
        std::thread::yield_now();
    }
    assert_eq!(reader.shown(Range::ALL).unwrap(), [shown("d1", 5), shown("d1", 6)]);
}

#[test]
fn a_flood_is_taken_or_dropped_and_counted_but_never_waits() {
    let scene = Scene::new();
    // Nobody may write meanwhile: the worst case.
    let other = rusqlite::Connection::open(scene.folder.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    for number in 0..60_000 {
        scene.customers.note_shown(vec![shown("d1", number), shown("d1", number), shown("d1", number)]);
        scene.customers.note_draft(draft(&format!("d{number}"), kim(), number));
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let health = scene.customers.health().unwrap();
    assert_eq!(health.waiting, 16_384 + 65_536, "{health:?}");
    assert_eq!(health.dropped + health.waiting, 240_000, "{health:?}");
    assert!(scene.customers.flush().unwrap_err().is_passing());
    other.execute_batch("ROLLBACK").unwrap();
    scene.customers.flush().unwrap();
    let stored = scene.reader().drafts(Range::ALL).unwrap().len() + scene.reader().shown(Range::ALL).unwrap().len();
    assert_eq!(stored as u64 + scene.customers.health().unwrap().dropped, 240_000);
}

#[test]
fn of_strangers_drafts_only_so_many_are_kept() {
    let scene = Scene::new();
    for number in 0..30 {
        scene.customers.note_draft(draft(&format!("s{number}"), Owner::Key("form".into()), number));
        scene.customers.note_shown(vec![shown(&format!("s{number}"), number)]);
        scene.customers.note_draft(draft(&format!("k{number}"), kim(), number));
    }
    scene.customers.flush().unwrap();
    let crowd = || scene.customers.shared.write("remove from", |tx| super::super::retain::crowd(tx, 20)).unwrap();
    assert_eq!((crowd(), crowd()), (10, 0));
    let left: Vec<String> = scene.reader().drafts(Range::ALL).unwrap().into_iter().map(|draft| draft.id).collect();
    assert_eq!(left.iter().filter(|id| id.starts_with('k')).count(), 30);
    assert!(left.contains(&"s10".to_owned()) && !left.contains(&"s9".to_owned()), "{left:?}");
    assert_eq!(scene.reader().shown(Range::ALL).unwrap().len(), 20);
}
