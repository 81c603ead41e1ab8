use std::path::Path;

use super::*;

/// Whether `word` stands anywhere in the file or what SQLite keeps beside it.
fn is_on_disk(folder: &Path, word: &str) -> bool {
    let files = ["", "-wal", "-shm"].map(|ending| folder.join(format!("{FILE}{ending}")));
    files.iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

#[test]
fn a_customer_who_wants_it_is_forgotten() {
    let scene = Scene::new();
    let lee = Owner::Customer("lee".into());
    for (number, id, owner) in [(1, "kim", kim()), (2, "lee", lee.clone())] {
        scene.customers.put_customer(&customer(id)).unwrap();
        let asset = asset(&format!("vm:{number}"), id);
        scene.customers.put_asset(&NamedAsset { name: Some(format!("Laden von {id}")), ..asset }).unwrap();
        scene.customers.note_draft(draft(&format!("d-{id}"), owner.clone(), 5));
        scene.customers.note_shown(vec![shown(&format!("d-{id}"), 5)]);
        // Begun before they logged in, and sent as theirs.
        scene.customers.note_draft(draft(&format!("anon-{id}"), Owner::Key("form".into()), 5));
        let feedback =
            Feedback { draft: format!("anon-{id}"), what: Deed::Sent, answer: Some(format!("a/{id}")), at: at(5) };
        assert!(scene.customers.put_feedback(&feedback).unwrap());
        let sent = Some(format!("anon-{id}"));
        scene
            .customers
            .put_ticket(&Ticket { customer: Some(id.into()), draft: sent, ..ticket(&format!("t-{id}"), 5) })
            .unwrap();
        scene.customers.learn(&example("a/b", &format!("Postfach {id}"), Origin::Logged), &owner).unwrap();
    }
    let forgotten = scene.customers.forget("kim").unwrap();
    assert!(forgotten.customer);
    assert_eq!((forgotten.tickets, forgotten.examples), (1, 1));
    assert_eq!((forgotten.drafts, forgotten.assets), (vec!["anon-kim".into(), "d-kim".into()], vec!["vm:1".into()]));
    assert!(scene.customers.forget("kim").unwrap().is_nothing(), "twice is once");
    // What protects an asset, and who needs it, must go on to hold.
    let kept = scene.customers.asset("vm:1").unwrap().unwrap();
    assert_eq!((kept.asset.owner, kept.name, kept.asset.protected), (None, None, true));
    assert_eq!(kept.asset.depends_on, ["host:pve1"]);
    assert_eq!(scene.customers.asset("vm:2").unwrap().unwrap().asset.owner.as_deref(), Some("lee"));
    assert_eq!(scene.customers.owner_of("d-kim").unwrap(), None);
    assert_eq!(scene.customers.owner_of("anon-kim").unwrap(), None);
    assert_eq!(scene.customers.owner_of("d-lee").unwrap(), Some(lee));
    assert_eq!(scene.customers.examples().len(), 1);
    let folder = scene.folder.path().to_owned();
    assert_eq!(scene.reader().shown(Range::ALL).unwrap().len(), 1);
    let Scene { customers, folder: _kept } = scene;
    drop(customers);
    let conn = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    let mut tables = conn.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 8, "{tables:?}");
    for table in tables {
        let mut rows = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let value = format!("{:?}", row.get_ref(column).unwrap());
                assert!(!value.contains("kim"), "{table}: {value}");
            }
        }
    }
}

#[test]
fn a_draft_that_is_being_answered_does_not_bring_a_forgotten_customer_back() {
    let scene = Scene::new();
    assert_eq!(scene.customers.claim("d", &kim(), at(1)).unwrap(), Claim::First);
    scene.customers.forget("kim").unwrap();
    // The answer was on its way.
    scene.customers.note_draft(draft("d", kim(), 2));
    scene.customers.flush().unwrap();
    assert_eq!(scene.customers.owner_of("d").unwrap(), None);
    assert_eq!(scene.customers.draft("d").unwrap(), None);
    // Whoever comes back and writes anew is a customer like others.
    assert_eq!(scene.customers.claim("e", &kim(), at(3)).unwrap(), Claim::First);
    scene.customers.note_draft(draft("e", kim(), 4));
    assert!(scene.customers.draft("e").unwrap().is_some());
}

#[test]
fn nothing_of_who_is_forgotten_is_left_on_the_disk() {
    let scene = Scene::new();
    let folder = scene.folder.path().to_owned();
    // Rows of many sizes, so that pages are divided and rows move between them.
    for number in 0..600_usize {
        let (whose, word) =
            if number % 3 == 0 { ("kim", "DE89370400440532013000") } else { ("lee", "Schiffsschraube") };
        let body = format!("{} {word} {}", "x".repeat(number * 37 % 900), "y".repeat(number * 53 % 700));
        let ticket = Ticket { customer: Some(whose.into()), body, ..ticket(&format!("t{}", number * 7919 % 600), 5) };
        scene.customers.put_ticket(&ticket).unwrap();
    }
    // As an earlier version left it: deleted, and not written over.
    let before = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    before.execute("DELETE FROM ticket WHERE customer = 'kim' AND id LIKE '%1'", []).unwrap();
    before.close().unwrap();
    assert!(is_on_disk(&folder, "DE89370400440532013000"));
    assert!(scene.customers.forget("kim").unwrap().tickets > 100);
    scene.customers.scrub().unwrap();
    assert!(!is_on_disk(&folder, "DE89370400440532013000"));
    assert!(is_on_disk(&folder, "Schiffsschraube"));
    assert_eq!(scene.reader().tickets(Range::ALL).unwrap().len(), 400);
}

#[test]
fn what_is_too_old_is_gone_from_the_disk_too() {
    let scene = Scene::new();
    for (id, word, days) in [("old", "Kellerschluessel", 0), ("new", "Schiffsschraube", 80)] {
        scene.customers.put_ticket(&Ticket { body: word.into(), ..ticket(id, days * 86_400) }).unwrap();
    }
    let retained = scene.customers.retain(at(91 * 86_400), &Retention::default()).unwrap();
    assert_eq!((retained.ticket_texts, retained.tickets), (1, 0));
    scene.customers.scrub().unwrap();
    let folder = scene.folder.path();
    assert!(!is_on_disk(folder, "Kellerschluessel") && is_on_disk(folder, "Schiffsschraube"));
}

#[test]
fn a_report_that_reads_delays_it_and_it_is_done_then() {
    let scene = Scene::new();
    let folder = scene.folder.path().to_owned();
    scene.customers.put_ticket(&Ticket { body: "Kellerschluessel".into(), ..ticket("t", 5) }).unwrap();
    let reading = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    reading.execute_batch("BEGIN; SELECT * FROM ticket;").unwrap();
    scene.customers.forget("kim").unwrap();
    let said = scene.customers.scrub().unwrap_err().to_string();
    assert!(said.contains("is reading it"), "{said}");
    drop(reading);
    assert!(scene.customers.forget("kim").unwrap().is_nothing());
    scene.customers.scrub().unwrap();
    assert!(!is_on_disk(&folder, "Kellerschluessel"));
}

#[test]
fn an_asset_whose_id_tells_of_its_customer_goes_with_them() {
    let scene = Scene::new();
    let put = |id: &str, aliases: &[&str], depends_on: &[&str], protected: bool| {
        let mut asset = asset(id, "kim");
        asset.asset.aliases = aliases.iter().map(|&alias| alias.into()).collect();
        asset.asset.depends_on = depends_on.iter().map(|&on| on.into()).collect();
        asset.asset.protected = protected;
        scene.customers.put_asset(&asset).unwrap();
    };
    put("mailbox:kim@example.com", &["kim@example.com"], &[], false);
    put("account:kim", &[], &["mailbox:kim@example.com"], false);
    put("mailbox:info@example.com", &[], &[], true);
    put("mailbox:list@example.com", &[], &[], false);
    put("vm:1", &["web1", "kim@example.com:vm"], &["mailbox:list@example.com"], false);
    // Somebody else's ticket about it.
    let about = Ticket { asset: Some("account:kim".into()), customer: Some("lee".into()), ..ticket("t1", 5) };
    scene.customers.put_ticket(&about).unwrap();
    let forgotten = scene.customers.forget("kim").unwrap();
    assert_eq!(forgotten.removed, ["account:kim", "mailbox:kim@example.com"]);
    assert_eq!(forgotten.assets, ["mailbox:info@example.com", "mailbox:list@example.com", "vm:1"]);
    assert_eq!(scene.customers.asset("vm:1").unwrap().unwrap().asset.aliases, ["web1"]);
    assert_eq!(scene.customers.ticket("t1").unwrap().unwrap().asset, None);
    scene.customers.scrub().unwrap();
    assert!(!is_on_disk(scene.folder.path(), "kim@example.com"));
}

#[test]
fn an_asset_that_is_removed_is_on_the_disk_no_more() {
    let scene = Scene::new();
    scene.customers.put_asset(&asset("mailbox:kim@example.com", "kim")).unwrap();
    scene.customers.note_draft(Draft { asset: Some("mailbox:kim@example.com".into()), ..draft("d", kim(), 5) });
    assert!(scene.customers.remove_asset("mailbox:kim@example.com").unwrap());
    assert_eq!(scene.customers.draft("d").unwrap().unwrap().asset, None);
    scene.customers.scrub().unwrap();
    assert!(!is_on_disk(scene.folder.path(), "kim@example.com"));
    assert!(!scene.customers.remove_asset("mailbox:kim@example.com").unwrap(), "twice is once");
}
