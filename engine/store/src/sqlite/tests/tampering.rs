//! The audit trail shows what was done to it.

use heinzel_core::state::Change;

use super::*;
use crate::audit::{self, Broken, GENESIS};

fn trail() -> Scene {
    let mut scene = Scene::new();
    for n in 1..=6 {
        scene.commit(&[Change::Entry(entry(Some(n), n.cast_signed(), &format!("entry {n}")))]);
    }
    scene
}

const OPEN: &str = "DROP TRIGGER audit_never_changes; DROP TRIGGER audit_is_cut_at_its_anchor;
    DROP TRIGGER audit_grows_at_its_end; DROP TRIGGER audit_anchor_moves_forward; DROP TRIGGER audit_ends_stay;";

#[test]
fn what_was_done_to_it_is_found_at_its_place() {
    let check = |sql: &str, seq: u64, word: &str| {
        let mut scene = trail();
        scene.meddle(&format!("{OPEN}{sql}"));
        let before = scene.verify().broken;
        let Some(Broken { seq: found, why }) = &before else { panic!("not found: {sql}") };
        assert!(*found == seq && why.contains(word), "{sql}: {found} {why}");
        // The engine goes on, and what it appends does not hide the place.
        scene.commit(&[logged(50, "later")]);
        let after = scene.verify().broken;
        assert_eq!(after.map(|b| b.seq), Some(seq), "{sql}");
    };
    check("UPDATE audit SET text = 'nothing' WHERE seq = 3", 3, "altered");
    check("UPDATE audit SET at = at + 1 WHERE seq = 3", 3, "altered");
    check("UPDATE audit SET incident = NULL WHERE seq = 3", 3, "altered");
    check("UPDATE audit SET \"by\" = 'kim' WHERE seq = 1", 1, "altered");
    check("UPDATE audit SET what = 'opened2', text = substr(text, 2) WHERE seq = 6", 6, "altered");
    check("UPDATE audit SET text = CAST(x'ff' AS TEXT) WHERE seq = 2", 2, "altered");
    check("UPDATE audit SET hash = zeroblob(32) WHERE seq = 3", 3, "altered");
    check("UPDATE audit SET hash = x'00' WHERE seq = 3", 3, "altered");
    check("DELETE FROM audit WHERE seq = 3", 3, "missing");
    check("DELETE FROM audit WHERE seq IN (2, 3, 4)", 2, "the 2 after it are missing");
    check("DELETE FROM audit WHERE seq = 1", 1, "missing");
    check("DELETE FROM audit WHERE seq > 4", 5, "missing");
    check("DELETE FROM audit", 1, "missing");
    check(
        "UPDATE audit SET seq = 100 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 100",
        3,
        "follow",
    );
    check(
        "UPDATE audit SET seq = -seq WHERE seq > 3; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
           INSERT INTO audit SELECT 4, at, incident, \"by\", what, 'new', hash, zeroblob(32) FROM audit WHERE seq = 3",
        4,
        "altered",
    );
    check(
        "INSERT INTO audit SELECT 7, at, incident, \"by\", what, 'new', hash, zeroblob(32) FROM audit WHERE seq = 6",
        7,
        "altered",
    );
    check(
        "INSERT INTO audit SELECT -1, at, incident, \"by\", what, 'new', hash, zeroblob(32) FROM audit WHERE seq = 6",
        0,
        "inserted",
    );
}

#[test]
fn records_of_the_ends_that_are_gone_or_wrong_are_found() {
    let check = |sql: &str| {
        let mut scene = trail();
        scene.meddle(&format!("{OPEN}{sql}"));
        assert!(scene.verify().broken.is_some(), "{sql}");
        scene.commit(&[logged(50, "later")]);
        assert!(scene.verify().broken.is_some(), "{sql}");
    };
    check("DELETE FROM audit_end WHERE which = 'head'");
    check("UPDATE audit_end SET hash = zeroblob(32) WHERE which = 'head'");
    check("UPDATE audit_end SET hash = x'00' WHERE which = 'head'");
    check("UPDATE audit_end SET seq = 9 WHERE which = 'head'");
    check("UPDATE audit_end SET seq = 2 WHERE which = 'anchor'");
    check("UPDATE audit_end SET hash = zeroblob(32) WHERE which = 'anchor'");
}

#[test]
fn a_record_of_the_newest_entry_that_lags_is_found_and_mended_by_the_next_entry() {
    let mut scene = trail();
    scene.meddle(&format!("{OPEN}UPDATE audit_end SET seq = 5 WHERE which = 'head'"));
    assert_eq!(scene.verify().broken.unwrap().seq, 6);
    // Its hash still is that of entry 6: no entry was touched.
    scene.commit(&[logged(50, "later")]);
    assert_eq!(scene.verify().broken, None);
}

#[test]
fn a_well_made_entry_at_the_end_is_found_too() {
    let scene = trail();
    let newest = scene.verify().newest_hash;
    let prev: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&newest[2 * n..2 * n + 2], 16).unwrap()).collect();
    let prev: audit::Hash = prev.try_into().unwrap();
    let forged = entry(None, 7, "forged");
    let hash = audit::hex(&audit::hash(&prev, 7, &forged));
    scene.meddle(&format!(
        "INSERT INTO audit VALUES (7, {}, NULL, 'engine', 'opened', 'forged', x'{newest}', x'{hash}')",
        forged.at.as_micros()
    ));
    assert_eq!(scene.verify().broken.unwrap().seq, 7);
}

#[test]
fn triggers_stop_changes_by_accident() {
    let scene = trail();
    let conn = rusqlite::Connection::open(scene.folder.path().join(super::super::FILE)).unwrap();
    for sql in [
        "UPDATE audit SET text = 'x'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 1",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 6",
        "INSERT INTO audit SELECT 0, at, incident, \"by\", what, text, prev, hash FROM audit WHERE seq = 6",
        "UPDATE audit_end SET seq = seq - 1 WHERE which = 'head'",
        "DELETE FROM audit_end",
    ] {
        let error = conn.execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("audit trail"), "{sql}: {error}");
    }
    assert_eq!(scene.verify().broken, None);
}

#[test]
fn an_empty_trail_is_sound_and_begins_at_the_genesis() {
    let scene = Scene::new();
    let report = scene.verify();
    assert_eq!((report.checked, report.broken, report.newest_hash), (0, None, audit::hex(&GENESIS)));
    let mut calls = Vec::new();
    trail().store.verify_audit(&mut |done, of| calls.push((done, of))).unwrap();
    assert_eq!((calls.first(), calls.last()), (Some(&(0, 6)), Some(&(6, 6))));
}
