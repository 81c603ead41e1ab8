//! Commands about incidents, policy and the trail: with an engine, without one, and without a store.

use rusqlite::Connection;

use crate::lab::{CONFIG, Lab};

const ALL: [&[&str]; 14] = [
    &["status"],
    &["incident", "list"],
    &["incident", "view", "1"],
    &["incident", "ack", "1"],
    &["incident", "resolve", "1"],
    &["approve", "1"],
    &["deny", "1"],
    &["retry", "1"],
    &["pause"],
    &["resume"],
    &["policy", "promote", "web.busy"],
    &["policy", "demote", "web.busy"],
    &["audit", "show"],
    &["audit", "verify"],
];

#[test]
fn without_a_store_everything_says_how_to_get_one() {
    let lab = Lab::new();
    for arguments in ALL {
        lab.run(arguments).ends(5, &["heinzel: ", "state", "heinzel run"]);
        lab.run(&[arguments, &["--json"]].concat()).ends(5, &["heinzel run"]);
    }
    lab.run(&["policy", "show"]).ends(0, &["web.busy", "observe"]);
    assert!(!lab.path("state").exists(), "a question made a store");
}

#[test]
fn an_operator_speaks_to_the_running_engine() {
    let lab = Lab::new();
    lab.write(
        "heinzel.toml",
        lab.text(&format!(
            "{CONFIG}[policy.modes]\n\"*\" = \"approve\"\n[policy.allow]\ncommands = [[\"/bin/true\", \"*\"]]\n"
        )),
    );
    lab.append("logs/a.log", "pool www is busy\npool mail is busy\npool drei is busy\n");
    let engine = lab.start();
    lab.expect("pool:drei");
    let number = |asset: &str| lab.expect(asset)["id"].to_string();
    let (www, mail, drei) = (number("pool:www"), number("pool:mail"), number("pool:drei"));
    let stands = |id: &str, status: &str| {
        crate::lab::wait(status, || {
            lab.run(&["incident", "view", id]).out.contains(&format!("status        {status}"))
        });
    };
    stands(&www, "awaiting-approval");
    lab.run(&["incident", "list"]).ends(0, &["pool:www", "awaiting-approval", "web.busy"]);
    let words =
        ["line          pool www is busy", "pool          www", "plan          run /bin/true www", "customers     kim"];
    lab.run(&["incident", "view", &www]).ends(0, &words);
    let json = lab.run(&["incident", "view", "--json", &www]).ends(0, &[]).json();
    assert!(json[0]["timeline"].as_array().unwrap().iter().any(|e| e["what"] == "opened"), "{}", json[0]);
    lab.run(&["incident", "view", &www]).ends(0, &[&*format!("`heinzel explain --incident {www}`")]);
    lab.run(&["explain", "--incident", &www]).ends(0, &["what the gates would say now", "allow-list  passes"]);
    lab.run(&["explain", "--incident", &www, "--json"]).ends(0, &["gates_now"]);

    lab.run(&["approve", &www]).ends(0, &[]);
    stands(&www, "resolved");
    lab.run(&["deny", &mail, "--why", "not today"]).ends(0, &[]);
    lab.run(&["deny", &mail]).ends(4, &["heinzel: ", &mail]);
    lab.run(&["incident", "ack", &drei, "--json"]).ends(0, &["\"ok\":true"]);
    lab.run(&["incident", "resolve", &drei, "--note", "by hand"]).ends(0, &[]);
    lab.run(&["incident", "resolve", &drei]).ends(4, &["heinzel: "]);
    let json = lab.run(&["incident", "view", &drei, "--json"]).json();
    let resolved = json[0]["timeline"].as_array().unwrap().iter().find(|e| e["what"] == "resolved").unwrap().clone();
    assert_eq!((resolved["by"].as_str(), resolved["text"].as_str()), (Some("kim"), Some("resolved by kim: by hand")));

    for refused in [["approve", "99"], ["deny", "99"]] {
        lab.run(&refused).ends(4, &["99", "heinzel incident list"]);
    }
    lab.run(&["incident", "ack", "99"]).ends(4, &["99"]);
    lab.run(&["incident", "view", "99"]).ends(4, &["no incident 99", "heinzel incident list --all"]);
    lab.run(&["explain", "--incident", "99"]).ends(4, &["no incident 99"]);
    lab.run(&["policy", "promote", "web.nope"]).ends(4, &["web.nope", "heinzel check"]);
    lab.run(&["policy", "demote", "web.nope"]).ends(4, &["web.nope"]);
    lab.run(&["policy", "promote", "web.busy", "--dry-run"]).ends(0, &["web.busy", "approve"]);
    lab.run(&["policy", "promote", "web.busy"]).ends(0, &["auto"]);
    let shown = lab.run(&["policy", "show", "web.*", "--json"]).ends(0, &[]).json();
    assert_eq!((shown[0]["mode"].as_str(), shown[0]["from"].as_str()), (Some("auto"), Some("decided")));
    lab.run(&["policy", "demote", "web.busy", "--to", "observe"]).ends(0, &["observe"]);

    lab.run(&["pause"]).ends(0, &[]);
    let status = lab.run(&["status"]).ends(0, &["paused by kim since "]);
    assert!(status.out.contains("Z; `heinzel resume` ends it"), "{}", status.out);
    crate::lab::wait("the trail has it", || {
        lab.run(&["audit", "show"]).out.lines().any(|line| line.ends_with(" kim paused"))
    });
    lab.run(&["pause", "--why", "\u{1b}[2Jmaintenance"]).ends(0, &[]);
    // A reason stands until there is another one.
    lab.run(&["pause"]).ends(0, &[]);
    let status = lab.run(&["status"]).ends(0, &["paused by kim", "maintenance", "heinzel resume"]);
    assert!(!status.out.contains('\u{1b}'), "{}", status.out);
    lab.run(&["resume"]).ends(0, &[]);
    // What is wanted is so.
    lab.run(&["resume"]).ends(0, &["nothing is paused"]);
    let json = lab.run(&["status", "--json"]).ends(0, &[]).json();
    assert_eq!((json[0]["paused"].is_null(), json[0]["rules"][0]["id"].as_str()), (true, Some("web.busy")));

    let trail = lab.run(&["audit", "show"]).ends(0, &["approve", "kim", "not today", "by hand"]);
    assert!(!trail.out.contains('\u{1b}'), "{}", trail.out);
    assert!(lab.run(&["audit", "show", "--json", "--limit", "2"]).json().len() == 2);
    lab.run(&["audit", "verify"]).ends(0, &["the chain is whole"]);
    assert_eq!(engine.stop(), 0);
}

#[test]
fn without_an_engine_the_word_is_stored() {
    let lab = Lab::new();
    assert_eq!(lab.start().stop(), 0);
    lab.run(&["status"]).ends(5, &["no engine runs", "heinzel run"]);
    lab.run(&["incident", "list"]).ends(0, &["no unresolved incidents"]);
    lab.run(&["pause", "--why", "night"]).ends(0, &["no engine runs on state: it is stored"]);
    lab.run(&["approve", "1"]).ends(4, &["heinzel: "]);
    let engine = lab.start();
    assert!(lab.status_says("paused by kim"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_list_that_is_cut_off_says_so() {
    let lab = Lab::new();
    lab.append("logs/a.log", "pool one is busy\npool two is busy\npool three is busy\n");
    let engine = lab.start();
    lab.expect("pool:three");
    assert_eq!(engine.stop(), 0);
    let told = lab.run(&["incident", "list", "--limit", "2"]).ends(0, &["pool:three", "pool:two"]);
    assert_eq!((told.out.lines().count(), &*told.err), (3, "2 of 3; `--limit N` shows more\n"), "{told:?}");
    for whole in [&["incident", "list"][..], &["incident", "list", "--limit", "3"], &["audit", "show"]] {
        assert_eq!(lab.run(whole).ends(0, &[]).err, "");
    }
    assert_eq!(lab.run(&["incident", "list", "--limit", "2", "--json"]).err, "");
    let numbers = |told: &str| told.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    let all: Vec<usize> = numbers(&lab.run(&["audit", "show"]).out);
    let newest = lab.run(&["audit", "show", "--limit", "2"]);
    assert_eq!(numbers(&newest.out), all[all.len() - 2..]);
    assert_eq!(newest.err, format!("2 of {}; `--limit N` shows more\n", all.len()));
    let next = lab.run(&["audit", "show", "--after", "1", "--limit", "2"]);
    assert_eq!(numbers(&next.out), [2, 3]);
    assert_eq!(next.err, format!("2 of {}; `--limit N` shows more\n", all.len() - 1));
}

#[test]
fn a_tampered_trail_ends_with_3() {
    let lab = Lab::new();
    lab.append("logs/a.log", "pool www is busy\npool mail is busy\n");
    let engine = lab.start();
    lab.expect("pool:mail");
    assert_eq!(engine.stop(), 0);
    lab.run(&["audit", "verify"]).ends(0, &["the chain is whole"]);
    let store = Connection::open(lab.path("state").join("heinzel.db")).unwrap();
    let triggers: Vec<String> = {
        let mut asked = store.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").unwrap();
        asked.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert!(store.execute("UPDATE audit SET text = 'nothing happened' WHERE seq = 2", []).is_err());
    for trigger in triggers {
        store.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    store.execute("UPDATE audit SET text = 'nothing happened' WHERE seq = 2", []).unwrap();
    drop(store);
    lab.run(&["audit", "verify"]).ends(3, &["broken at entry 2", "altered", "backup"]);
    let json = lab.run(&["audit", "verify", "--json"]).ends(3, &[]).json();
    assert_eq!(json[0]["broken"]["seq"].as_u64(), Some(2));
}

#[test]
fn what_rules_cost_on_given_logs_is_told() {
    let lab = Lab::new();
    let head = "Nov 21 10:00:00 web1 app[7]: ";
    let lines = ["pool one is busy", "pool one", "pool two is busy, just a drill", "another"];
    lab.write("old.log", lines.map(|line| format!("{head}{line}\n")).concat().repeat(50));
    let told = lab.run(&["check", "--cost", "old.log"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.starts_with("200 lines, "), "{}", told.out);
    let row: Vec<&str> =
        told.out.lines().find(|line| line.starts_with("web.busy")).unwrap().split_whitespace().collect();
    assert_eq!(row[1..4], ["100", "50", "50"], "{}", told.out);
    // Lines that name no program, in a file that names none: the rule does not look at them.
    let told = lab.run(&["check", "--format", "plain", "--cost", "old.log"]);
    assert!(told.out.contains("no line was a candidate"), "{}", told.out);
    let json = lab.run(&["--json", "check", "--cost", "old.log"]).json();
    let rule = &json[0]["rules"][0];
    assert_eq!((rule["rule"].as_str(), rule["false_candidates"].as_u64()), (Some("web.busy"), Some(50)));
    lab.run(&["check", "--cost", "nowhere.log"]).ends(1, &["nowhere.log"]);
}
#[test]
fn rules_are_listed_and_shown_with_what_they_need() {
    let lab = Lab::new();
    lab.run(&["rules", "list"]).ends(0, &["web.busy", "a pool is busy", "fix, verify", "1 rule\n"]);
    lab.run(&["rules", "list", "mail.*"]).ends(4, &["no rule fits `mail.*`", "heinzel check"]);
    let words = [
        "match      pool (?<pool>[^ ]+) is busy",
        "needs      add [\"/bin/true\",\"www\"] to `policy.allow.commands`",
        "+ pool www is busy",
        "run /bin/true www",
    ];
    lab.run(&["rules", "show", "web.busy"]).ends(0, &words);
    let json = lab.run(&["--json", "rules", "show", "web.busy"]).ends(0, &[]).json();
    assert_eq!((json[0]["samples"]["all"].as_u64(), json[0]["grants"][0]["granted"].as_bool()), (Some(2), Some(false)));
    lab.run(&["rules", "show", "bus"]).ends(4, &["there is no rule `bus`; there is web.busy"]);
    lab.write("rules/web/slow.rhai", "#{");
    let told = lab.run(&["rules", "list", "--json"]).ends(3, &[]);
    assert!(told.err.contains("rules/web/slow.rhai:1:"), "{told:?}");
    lab.run(&["rules", "list"]).ends(3, &["rules/web/slow.rhai:1:"]);
    std::fs::remove_file(lab.path("rules/web/slow.rhai")).unwrap();
    lab.run(&["rules", "list", "mail.*", "--json"]).ends(4, &["no rule fits `mail.*`"]);
    lab.run(&["rules", "show", "x"]).ends(4, &["`heinzel rules list` shows all"]);
}
