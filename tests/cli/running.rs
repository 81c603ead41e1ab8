//! `run`: start, stop, restart, reload; sources that are missing or cannot be read.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::lab::{CONFIG, Lab, RULE, SAMPLES, wait};

#[test]
fn it_stops_soon_and_reads_later_what_was_written_meanwhile() {
    let lab = Lab::new();
    lab.append("logs/a.log", "pool one is busy\n");
    let engine = lab.start();
    lab.expect("pool:one");
    assert!(engine.stdout().contains("#1 opened: a pool is busy on pool:one"), "{}", engine.stdout());
    assert!(engine.stderr().contains("watching app:") && !engine.stderr().contains('\u{1b}'), "{}", engine.stderr());
    let begun = Instant::now();
    assert_eq!(engine.stop(), 0);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    lab.append("logs/a.log", "pool two is busy\n");
    std::fs::rename(lab.path("logs/a.log"), lab.path("logs/a.log.1")).unwrap();
    lab.append("logs/a.log", "pool three is busy\n");
    let mut engine = lab.start();
    lab.expect("pool:three");
    assert_eq!(lab.incidents().len(), 3, "{:?}", lab.incidents());
    engine.signal(Signal::INT);
    assert_eq!(engine.ended(), 0);
}

#[test]
fn json_is_json() {
    let lab = Lab::new();
    lab.append("logs/a.log", "pool one is busy\n");
    let engine = lab.launch(&["--json", "--config", "heinzel.toml", "run"]);
    lab.expect("pool:one");
    wait("it is shown", || engine.stdout().contains("opened"));
    let text = engine.stdout();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((first["what"].as_str(), first["incident"].as_u64()), (Some("opened"), Some(1)));
    for line in engine.stderr().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    assert_eq!(engine.stop(), 0);
}

#[test]
fn without_a_configuration_it_finds_logs_and_keeps_its_store_with_the_user() {
    let lab = Lab::new();
    let engine = lab.launch(&["run"]);
    let state = lab.path("home/state/heinzel");
    wait("it answers", || lab.bare(&["status"]).code == 0);
    assert!(state.join("heinzel.db").exists());
    let said = engine.stderr();
    assert!(said.contains("this machine's own logs") && said.contains("watch"), "{said}");
    assert!(said.contains("1 observe"), "rules beside it are used and observe: {said}");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_second_engine_ends_with_5_and_an_unusable_folder_with_its_cause() {
    let lab = Lab::new();
    let engine = lab.start();
    lab.run(&["run"]).ends(5, &["heinzel.lock", "another Heinzel (process ", "its own folder"]);
    assert_eq!(engine.stop(), 0);
    lab.write("file", "");
    lab.run(&["--state", "file", "run"]).ends(3, &["file, where the store should be, is no folder", "`store.folder`"]);
    // Not even root may make a folder here.
    lab.run(&["--state", "/proc/heinzel", "run"]).ends(1, &["create the state folder /proc/heinzel", "os error"]);
}

#[test]
fn a_good_change_counts_at_once_and_a_bad_one_not_at_all() {
    let lab = Lab::new();
    let engine = lab.start();
    lab.append("logs/a.log", "pool one is late\npool one is busy\n");
    lab.expect("pool:one");

    lab.write("rules/web/busy.rhai", RULE.replace("\"high\"", "\"hgih\""));
    wait("status says why", || {
        let said = lab.run(&["status"]).out;
        said.contains("the last reload failed")
            && said.contains("busy.rhai:3:15")
            && said.contains("did you mean `high`?")
    });
    let json = lab.run(&["status", "--json"]).json();
    assert!(json[0]["reload_failures"].as_u64() >= Some(1));
    lab.append("logs/a.log", "pool two is busy\n");
    lab.expect("pool:two");

    lab.write("rules/web/samples/busy.toml", SAMPLES.replace("busy", "late"));
    lab.write("rules/web/busy.rhai", RULE.replace("is busy`", "is late`"));
    wait("status is well again", || !lab.status_says("reload failed"));
    lab.append("logs/a.log", "pool three is late\n");
    lab.expect("pool:three");

    lab.write("assets.toml", "[[asset]]\nid = \"pool:four\"\nowner = \"lee\"\n\n[[asset]]\nid = \"vm:1\"\n");
    wait("the assets are read again", || lab.status_says("assets: 2"));
    lab.append("logs/a.log", "pool four is late\n");
    assert_eq!(lab.expect("pool:four")["customers"], serde_json::json!(["lee"]));
    lab.write("assets.toml", "[[asset]]\nid = \"four\"\n");
    wait("status says what is wrong", || lab.status_says("assets.toml:1:1"));
    lab.append("logs/a.log", "pool five is late\n");
    lab.expect("pool:five");
    assert!(lab.status_says("assets: 2"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn what_is_written_before_there_is_a_rule_is_read_when_there_is_one() {
    let lab = Lab::with("\n[policy.modes]\n\"web.busy\" = \"observe\"\n");
    lab.write("rules/web/busy.rhai", RULE.replace("\"high\"", "\"hgih\""));
    let said = lab.run(&["check"]).ends(3, &["1 error, 0 warnings"]);
    assert!(!said.out.contains("no rule fits"), "it is only left out: {}", said.out);
    lab.run(&["test"]).ends(3, &["no rule could be loaded from rules; 1 problem"]);
    let engine = lab.start();
    lab.append("logs/a.log", "pool one is busy\n");
    let none = "1 error when the rules were loaded at the start (`heinzel check` shows them): there are no rules, and no log is read";
    let status = lab.run(&["status"]).ends(0, &[none, "degraded: not read yet: no rule could be loaded"]).out;
    assert!(!status.contains("last reload"), "{status}");
    assert!(engine.stderr().contains("0 rules in no packs in rules"), "{}", engine.stderr());
    std::thread::sleep(Duration::from_millis(500));
    lab.write("rules/web/busy.rhai", RULE);
    lab.expect("pool:one");
    wait("status is well", || {
        let status = lab.run(&["status"]).out;
        !status.contains("at the start") && !status.contains("not read yet")
    });
    assert_eq!(engine.stop(), 0);
}

#[test]
fn complaints_of_one_kind_are_one_sentence_and_health_is_logged_once() {
    let more: String = ["b", "c"]
        .map(|name| {
            let path = format!("LAB/more/{name}.log");
            format!("\n[[source]]\nname = \"{name}\"\nkind = \"file\"\npath = \"{path}\"\nprogram = \"app\"\nstart = \"beginning\"\n")
        })
        .concat();
    let lab = Lab::new();
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{more}")));
    for file in ["logs/a.log", "more/b.log", "more/c.log"] {
        lab.write(file, "pool one is busy\n");
    }
    let engine = lab.start();
    wait("all complain", || engine.stderr().matches("has a line without a time").count() == 3);
    let status = lab.run(&["status"]).out;
    assert_eq!(status.matches("has a line without a time").count(), 1, "{status}");
    assert!(status.contains("; so are 2 others: b, c"), "{status}");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn its_own_store_does_not_make_it_reload() {
    // The store lies in the configuration's folder, as after `heinzel init` and `folder = "state"`.
    let lab = Lab::new();
    let engine = lab.start();
    for number in 0..20 {
        lab.append("logs/a.log", format!("pool p{number} is busy\n"));
        lab.expect(&format!("pool:p{number}"));
    }
    let reloads = engine.stderr().matches("reloaded").count();
    assert!(reloads <= 1, "{reloads} reloads: {}", engine.stderr());
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_broken_source_is_degraded_and_the_others_go_on() {
    let lab = Lab::with(
        "\n[[source]]\nname = \"later\"\nkind = \"file\"\npath = \"LAB/later/x.log\"\nprogram = \"app\"\npoll = \"100ms\"\n\
         start = \"beginning\"\n\n[[source]]\nname = \"loop\"\nkind = \"file\"\npath = \"LAB/loop.log\"\npoll = \"100ms\"\n\
         \n[[source]]\nname = \"gone\"\nkind = \"exec\"\ncommand = [\"/no/such/program\"]\n",
    );
    // A link to itself is an error even for root, unlike missing permissions.
    symlink(lab.path("loop.log"), lab.path("loop.log")).unwrap();
    let engine = lab.start();
    let health = |source: &str, word: &str| {
        let json = lab.run(&["status", "--json"]).json();
        json[0]["sources"][source].to_string().contains(word)
    };
    wait("the missing file is said", || health("later", "missing"));
    wait("the unreadable file is said", || health("loop", "degraded"));
    wait("the missing program is said", || health("gone", "degraded") && health("gone", "/no/such/program"));
    assert!(lab.status_says("loop.log"));
    lab.append("logs/a.log", "pool one is busy\n");
    lab.expect("pool:one");
    lab.write("later/x.log", "pool late is busy\n");
    lab.expect("pool:late");
    wait("it is not missing any more", || !health("later", "missing"));
    std::fs::remove_file(lab.path("loop.log")).unwrap();
    lab.write("loop.log", "well\n");
    wait("it is well", || !health("loop", "degraded"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn who_cannot_be_told_is_said() {
    // Nothing listens on this port.
    let lab = Lab::with(
        "\n[policy.modes]\n\"*\" = \"approve\"\n[policy.allow]\ncommands = [[\"/bin/true\", \"*\"]]\n\
         [act.webhooks.operator]\nurl = \"http://127.0.0.1:1/SECRET\"\n",
    );
    lab.append("logs/a.log", "pool one is busy\npool two is busy\n");
    let engine = lab.start();
    wait("status says it", || lab.status_says("! 2 messages for `operator` could not be delivered since "));
    let said = lab.run(&["status"]).ends(0, &["(http://127.0.0.1:1/…)"]);
    assert!(!said.out.contains("SECRET"), "{}", said.out);
    assert_eq!(lab.run(&["status", "--json"]).json()[0]["untold"]["operator"]["messages"], 2);
    assert_eq!(engine.stop(), 0);
    let engine = lab.start();
    assert!(lab.status_says("! 2 messages for `operator` could not be delivered"));
    for id in ["1", "2"] {
        lab.run(&["deny", id]).ends(0, &[]);
        lab.run(&["incident", "resolve", id]).ends(0, &[]);
    }
    assert!(!lab.status_says("could not be delivered"));
    assert_eq!(engine.stop(), 0);
}
