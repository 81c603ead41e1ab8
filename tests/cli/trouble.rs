//! An operator in trouble: the configuration is broken, the state folder is gone, the engine is stopping.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use heinzel_store::lock::Lock;
use rustix::process::Signal;

use crate::lab::{CONFIG, Lab, RULE, SAMPLES, wait};

/// A lab whose rule runs this script, with the pool's name.
fn mending(script: &str) -> Lab {
    let lab = Lab::new();
    lab.write("mend", lab.text(&format!("#!/bin/sh\n{script}\n")));
    fs::set_permissions(lab.path("mend"), fs::Permissions::from_mode(0o755)).unwrap();
    let mend = lab.text("LAB/mend");
    lab.write("rules/web/busy.rhai", RULE.replace("/bin/true", &mend));
    lab.write("rules/web/samples/busy.toml", SAMPLES.replace("/bin/true", &mend));
    let policy = "[policy.modes]\n\"*\" = \"auto\"\n[policy.allow]\ncommands = [[\"LAB/mend\", \"*\"]]\n";
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{policy}")));
    lab
}

#[test]
fn a_broken_configuration_does_not_keep_an_operator_from_the_engine() {
    let lab = Lab::new();
    lab.append("logs/a.log", "pool one is busy\n");
    let engine = lab.start();
    let id = lab.expect("pool:one")["id"].to_string();
    let right = lab.read("heinzel.toml");
    for wrong in ["\ntypo =\n", "\n[policy.modes]\n\"*\" = \"obsrve\"\n", "\n[act.webhooks.operator]\nurl = \"\"\n"] {
        lab.write("heinzel.toml", format!("{right}{wrong}"));
        let warning =
            ["heinzel: warning: configuration heinzel.toml: ", "going on without it, with the store in state"];
        lab.run(&["pause", "--why", "storm"]).ends(0, &["no fix starts", warning[0], warning[1]]);
        lab.run(&["status"]).ends(0, &["paused by kim", "storm", warning[0]]);
        assert_eq!(lab.run(&["status", "--json"]).json()[0]["paused"]["by"], "kim");
        lab.run(&["--state", "state", "resume"]).ends(0, &["fixes may start again", warning[0]]);
        for words in [&["incident", "list"][..], &["incident", "view", &id], &["audit", "show"], &["audit", "verify"]] {
            lab.run(words).ends(0, &[warning[0]]);
        }
        lab.run(&["incident", "ack", &id]).ends(0, &["acknowledged"]);
        lab.run(&["approve", &id]).ends(4, &["waits for no approval"]);
        // What needs more of it still says what is wrong.
        lab.run(&["check"]).ends(3, &["configuration heinzel.toml"]);
    }
    lab.run(&["incident", "resolve", &id]).ends(0, &["is resolved"]);
    lab.write("heinzel.toml", right.replace("folder = \"state\"", "folder = \"state"));
    lab.run(&["pause"]).ends(3, &["configuration heinzel.toml", "`--state FOLDER` names its folder"]);
    lab.bare(&["--config", "gone.toml", "pause"]).ends(3, &["gone.toml", "`--state FOLDER` names its folder"]);
    lab.run(&["--state", "state", "pause"]).ends(0, &["no fix starts"]);
    assert_eq!(engine.stop(), 0);
    lab.run(&["--state", "state", "resume"]).ends(0, &["no engine runs on state: it is stored"]);
    lab.run(&["--state", "state", "approve", "1"]).ends(3, &["no engine runs on state", "heinzel check"]);
}

#[test]
fn an_engine_whose_folder_was_taken_away_repairs_nothing_beside_the_next_one() {
    let lab = mending("echo \"$1\" >> LAB/mended");
    lab.write("mended", "");
    let first = lab.start();
    lab.append("logs/a.log", "pool one is busy\n");
    wait("it is mended", || lab.read("mended") == "one\n");
    fs::rename(lab.path("state"), lab.path("aside")).unwrap();
    for words in ["status", "pause"] {
        lab.run(&[words]).ends(5, &["there is no such folder", "starts no more fixes; stop it first"]);
    }
    let gone = "the store takes nothing; sources wait";
    wait("it is noticed", || lab.run(&["--state", "aside", "status"]).out.contains(gone));
    lab.run(&["--state", "aside", "status"]).ends(0, &["state/heinzel.lock is no longer the file", "start it anew"]);
    lab.run(&["--state", "aside", "approve", "1"]).ends(4, &["it is not done, because the store takes nothing"]);

    let second = lab.launch(&["--config", "heinzel.toml", "run"]);
    lab.append("logs/a.log", "pool two is busy\n");
    wait("the second one mends it", || lab.read("mended").contains("two\n"));
    // It has read what the first one had read already: a new store knows of nothing.
    lab.expect("pool:two");
    assert_eq!(first.stop(), 0);
    assert_eq!(lab.read("mended").matches("two").count(), 1, "{}", lab.read("mended"));
    // The first one has left the socket of the second one alone.
    lab.run(&["pause"]).ends(0, &["no fix starts"]);
    assert_eq!(second.stop(), 0);
}

#[test]
fn a_control_socket_that_was_removed_is_made_anew() {
    let lab = Lab::new();
    let engine = lab.start();
    fs::remove_file(lab.path("state/heinzel.sock")).unwrap();
    lab.run(&["pause"]).ends(0, &["no fix starts until `heinzel resume`; running"]);
    lab.run(&["status"]).ends(0, &["paused by kim"]);
    assert!(engine.stderr().contains("the control socket was removed; it is made anew"), "{}", engine.stderr());
    assert_eq!(engine.stop(), 0);
    assert!(!lab.path("state/heinzel.sock").exists());
}

#[test]
fn an_engine_that_owns_the_folder_and_is_silent_is_named() {
    let lab = Lab::new();
    let lock = Lock::take(&lab.path("state")).unwrap();
    let owner = format!("an engine (process {}) owns state, but does not answer", std::process::id());
    let told = lab.run(&["status"]).ends(5, &[&owner]);
    assert!(!told.err.contains("heinzel run"), "{}", told.err);
    drop(lock);
    lab.run(&["status"]).ends(5, &["no engine runs on state"]);
}

#[test]
fn an_engine_that_is_stopping_says_so_and_still_hears() {
    let lab = mending("until [ -e LAB/go ]; do /bin/sleep 0.05; done");
    lab.append("logs/a.log", "pool one is busy\n");
    let mut engine = lab.start();
    wait("the fix runs", || lab.run(&["incident", "view", "1"]).out.contains("step"));
    engine.signal(Signal::TERM);
    wait("it says that it stops", || lab.status_says("! is stopping (process "));
    lab.run(&["status"]).ends(0, &["! incident 1: run ", "mend one"]);
    lab.run(&["pause", "--why", "upgrade"]).ends(0, &["no fix starts"]);
    lab.write("go", "");
    assert_eq!(engine.ended(), 0);
    let engine = lab.start();
    assert!(lab.status_says("paused by kim"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_hangup_that_nobody_at_a_terminal_caused_ends_no_engine() {
    let lab = Lab::new();
    let engine = lab.start();
    engine.signal(Signal::HUP);
    wait("it says what it does not do", || engine.stderr().contains("SIGHUP does nothing here"));
    lab.append("logs/a.log", "pool one is busy\n");
    lab.expect("pool:one");
    assert_eq!(engine.stop(), 0);
}
