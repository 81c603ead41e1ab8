//! What is old goes, what is not over stays.

use heinzel_core::incident::Status;
use heinzel_core::rule::RuleId;
use heinzel_core::state::{Change, FixStart};

use super::*;
use crate::{Filter, Retained, Retention};

const KEEP: Retention = Retention {
    incidents: Duration::from_secs(100),
    effects: Duration::from_secs(10),
    fixes: Duration::from_secs(100),
    audit: Duration::from_secs(1000),
};

#[test]
fn resolved_incidents_go_and_all_others_stay() {
    let mut scene = Scene::new();
    let fix = |seconds| {
        Change::Fix(FixStart { rule: RuleId::from("a.b"), asset: "vm:1".into(), incident: 1, at: at(seconds) })
    };
    // Ends: 1002, 1003, 1004.
    scene.commit(&[
        opened(1, Status::NeedsHuman),
        opened(2, Status::Resolved),
        opened(3, Status::Resolved),
        opened(4, Status::Resolved),
        Change::Effect(effect("1-1-1", 1)),
        Change::EffectOver("1-1-1".into(), done()),
        Change::Effect(effect("2-1-1", 2)),
        Change::EffectOver("2-1-1".into(), done()),
        Change::Effect(effect("3-1-1", 3)),
        Change::Effect(effect("4-1-1", 4)),
        Change::EffectOver("4-1-1".into(), done()),
        fix(900),
        fix(1050),
    ]);
    let ids = |scene: &Scene| {
        let mut ids: Vec<u64> = scene.store.incidents(&Filter::default()).unwrap().iter().map(|i| i.id).collect();
        ids.reverse();
        ids
    };
    let effects = |scene: &Scene| (1..=4).map(|id| scene.store.effects(id).unwrap().len()).collect::<Vec<_>>();
    // 2 is 101 s old; 3 is younger.
    let gone = scene.store.retain(at(1103), &KEEP).unwrap();
    assert_eq!(gone, Retained { incidents: 1, effects: 0, fixes: 1, entries: 0, more: false });
    assert_eq!((ids(&scene), effects(&scene)), (vec![1, 3, 4], vec![1, 0, 1, 1]));
    // 4's effect is now known to be over for 11 s; 1 is not resolved and keeps its own.
    let gone = scene.store.retain(at(1114), &KEEP).unwrap();
    assert_eq!(gone, Retained { incidents: 1, effects: 0, fixes: 0, entries: 0, more: false });
    assert_eq!((ids(&scene), effects(&scene)), (vec![1, 3], vec![1, 0, 1, 0]), "3 has an effect under way");
    scene.commit(&[Change::EffectOver("3-1-1".into(), done())]);
    let gone = scene.store.retain(at(999_999), &KEEP).unwrap();
    assert_eq!(gone.incidents, 1);
    assert_eq!((ids(&scene), effects(&scene)), (vec![1], vec![1, 0, 0, 0]));
    // Numbers are never given twice, even when all that had them is gone.
    assert_eq!(scene.store.load(at(0)).unwrap().last_incident, 4);
}

#[test]
fn effects_go_before_their_incident_does() {
    let mut scene = Scene::new();
    scene.commit(&[
        opened(2, Status::Resolved),
        Change::Effect(effect("2-1-1", 2)),
        Change::EffectOver("2-1-1".into(), done()),
    ]);
    assert_eq!(scene.store.retain(at(1010), &KEEP).unwrap(), Retained::default());
    assert_eq!(scene.store.retain(at(1020), &KEEP).unwrap(), Retained::default());
    assert_eq!(scene.store.retain(at(1021), &KEEP).unwrap(), Retained { effects: 1, ..Retained::default() });
}

#[test]
fn the_trail_loses_its_oldest_part_and_stays_sound() {
    let mut scene = Scene::new();
    scene.commit(&(1..=3000).map(|n| logged(n, "x")).collect::<Vec<_>>());
    // An old time behind a younger entry (a clock that jumped) does not tear a hole.
    scene.commit(&[logged(9000, "young"), logged(1, "old")]);
    let first = scene.store.retain(at(9500), &KEEP).unwrap();
    assert_eq!(first, Retained { entries: 2000, more: true, ..Retained::default() });
    let second = scene.store.retain(at(9500), &KEEP).unwrap();
    assert_eq!(second, Retained { entries: 1000, more: false, ..Retained::default() });
    assert_eq!(scene.store.retain(at(9500), &KEEP).unwrap(), Retained::default());
    let report = scene.verify();
    assert_eq!((report.broken, report.checked, report.removed_up_to), (None, 4, 3000));
    let texts: Vec<String> = scene.store.entries(0, 99).unwrap().into_iter().map(|n| n.entry.text).collect();
    assert_eq!(
        texts[2..],
        ["removed audit entries 1 to 2000, the oldest ones", "removed audit entries 2001 to 3000, the oldest ones"]
    );
    let scene = scene.again("boot-1");
    assert_eq!(scene.verify().broken, None);
}

#[test]
fn a_trail_that_is_old_as_a_whole_goes_on_where_it_was() {
    let mut scene = Scene::new();
    scene.commit(&[logged(1, "a"), logged(2, "b")]);
    assert_eq!(scene.store.retain(at(99_999), &KEEP).unwrap().entries, 2);
    scene.commit(&[logged(100_000, "c")]);
    let report = scene.verify();
    assert_eq!((report.broken, report.checked, report.removed_up_to), (None, 2, 2));
    assert_eq!(scene.store.entries(0, 9).unwrap().last().unwrap().seq, 4);
}

#[test]
fn a_broken_trail_is_evidence_and_is_not_removed() {
    let mut scene = Scene::new();
    scene.commit(&[logged(1, "a"), logged(2, "b"), logged(3, "c")]);
    scene.meddle("DROP TRIGGER audit_never_changes; UPDATE audit SET text = 'x' WHERE seq = 2");
    assert_eq!(scene.store.retain(at(99_999), &KEEP).unwrap(), Retained::default());
    assert_eq!(scene.verify().broken.unwrap().seq, 2);
}

#[test]
fn entries_of_a_clock_that_was_far_ahead_are_as_old_as_what_came_after_them() {
    let mut scene = Scene::new();
    scene.commit(&[logged(1, "a"), logged(50_000_000, "ahead"), logged(60_000_000, "ahead"), logged(2, "b")]);
    scene.commit(&[logged(9000, "young"), logged(70_000_000, "ahead, just now")]);
    assert_eq!(scene.store.retain(at(9500), &KEEP).unwrap().entries, 4, "until then nothing would ever be removed");
    assert_eq!(scene.store.retain(at(9500), &KEEP).unwrap().entries, 0);
    // What is ahead and followed by nothing may be of now: the clock was set back a moment ago.
    let mut scene = Scene::new();
    scene.commit(&[logged(1, "a"), logged(50_000_000, "ahead")]);
    assert_eq!(scene.store.retain(at(9500), &KEEP).unwrap().entries, 1);
    // More of it than goes at once.
    let mut scene = Scene::new();
    scene.commit(&(0..3000).map(|n| logged(50_000_000 + n, "ahead")).chain([logged(2, "b")]).collect::<Vec<_>>());
    let gone = [(); 3].map(|()| scene.store.retain(at(9500), &KEEP).unwrap());
    assert_eq!(gone.map(|gone| (gone.entries, gone.more)), [(2000, true), (1001, false), (0, false)]);
    assert_eq!(scene.verify().broken, None);
}
