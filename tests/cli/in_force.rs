//! What is in force and what the file says are two things while an engine runs.

use crate::lab::{CONFIG, Lab, wait};

fn policy(mode: &str, commands: &str) -> String {
    format!("\n[policy.modes]\n\"*\" = \"{mode}\"\n[policy.allow]\ncommands = [{commands}]\n")
}

#[test]
fn views_say_what_the_engine_does_and_not_what_the_file_says_by_now() {
    let lab = Lab::with(&policy("auto", "[\"/bin/true\", \"*\"]"));
    let engine = lab.start();
    lab.run(&["check"]).ends(0, &["0 errors, 0 warnings"]);
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{}", policy("observe", ""))));
    let edited = "heinzel.toml was changed after the start and is not in force until a restart";
    wait("the log says it", || engine.stderr().contains(edited));
    lab.run(&["status"]).ends(0, &[edited]);
    let json = lab.run(&["status", "--json"]).ends(0, &[]).json();
    assert!(json[0]["settings_changed"].as_str().is_some_and(|said| said.ends_with(edited)), "{}", json[0]);
    lab.run(&["check"]).ends(0, &[edited, "1 warning"]);
    let shown = lab.run(&["policy", "show", "--json"]).ends(0, &[edited]).json();
    assert_eq!((shown[0]["mode"].as_str(), shown[0]["from"].as_str()), (Some("auto"), Some("settings")));
    let listed = lab.run(&["rules", "list", "--json"]).ends(0, &[edited]).json();
    assert_eq!(listed[0]["mode"], "auto");
    lab.run(&["rules", "show", "web.busy"]).ends(0, &["Mode auto (from settings)", "granted    add [\"/bin/true\","]);
    // The engine repairs, as it was told at its start.
    lab.append("logs/a.log", "pool one is busy\n");
    let id = lab.expect("pool:one")["id"].to_string();
    wait("it is repaired", || lab.run(&["incident", "view", &id]).out.contains("step         done: run /bin/true one"));
    let said = lab.run(&["explain", "--incident", &id]).ends(0, &[edited, "mode        passes", "allow-list  passes"]);
    assert!(said.out.contains("what the gates would say now"), "{}", said.out);
    // A rule that came to the files and not to the engine.
    lab.write("rules/web/second.rhai", "#{");
    wait("the reload failed", || lab.status_says("the last reload failed"));
    lab.run(&["policy", "show", "web.*"]).ends(4, &["goes on with the rules before the last reload"]);
    assert_eq!(engine.stop(), 0);
    let shown = lab.run(&["policy", "show"]).out;
    assert!(!shown.contains(edited), "{shown}");
}

#[test]
fn a_bolder_word_in_the_file_than_was_decided_is_not_waited_for_in_vain() {
    let lab = Lab::with(&policy("observe", ""));
    let engine = lab.start();
    lab.run(&["policy", "promote", "web.busy"]).ends(0, &["web.busy goes from observe to suggest"]);
    let show = || lab.run(&["policy", "show"]);
    assert!(!show().out.contains("the more timid counts"), "{}", show().out);
    assert_eq!(engine.stop(), 0);
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{}", policy("approve", ""))));
    let said = "web.busy: heinzel.toml says approve; suggest was decided by `heinzel policy` or a demotion, and the more timid counts: \
                `heinzel policy promote web.busy --to approve` ends that";
    show().ends(0, &[said]);
    let engine = lab.start();
    show().ends(0, &[said]);
    lab.run(&["policy", "promote", "web.busy", "--to", "approve"]).ends(0, &["web.busy goes from suggest to approve"]);
    assert!(!show().out.contains("the more timid counts"), "{}", show().out);
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_promotion_that_the_settings_overtook_is_not_shown_as_in_force() {
    let lab = Lab::with(&policy("approve", "[\"/bin/true\", \"*\"]"));
    let engine = lab.start();
    lab.run(&["policy", "promote", "web.busy"]).ends(0, &["web.busy goes from approve to auto"]);
    let is = |mode: &str, from: &str| {
        let shown = lab.run(&["policy", "show", "--json"]).ends(0, &[]).json();
        assert_eq!((shown[0]["mode"].as_str(), shown[0]["from"].as_str()), (Some(mode), Some(from)));
        let listed = lab.run(&["rules", "list", "--json"]).ends(0, &[]).json();
        assert_eq!(listed[0]["mode"].as_str(), Some(mode));
        lab.run(&["rules", "show", "web.busy"]).ends(0, &[&format!("Mode {mode} (from {from})")]);
    };
    is("auto", "decided");
    assert_eq!(engine.stop(), 0);
    is("auto", "decided");
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{}", policy("observe", ""))));
    is("observe", "settings");
    let engine = lab.start();
    is("observe", "settings");
    wait("the log says how far rules go", || engine.stderr().contains("1 rule (1 observe)"));
    let json = lab.run(&["status", "--json"]).json();
    assert_eq!(
        (json[0]["rules"][0]["mode"].as_str(), json[0]["rules"][0]["decided"].as_bool()),
        (Some("observe"), Some(false))
    );
    assert_eq!(engine.stop(), 0);
}

#[test]
fn what_was_handed_to_a_human_says_so_and_is_tried_again_on_an_operators_word() {
    let lab = Lab::with(&policy("approve", "[\"/bin/true\", \"*\"]"));
    let engine = lab.start();
    lab.append("logs/a.log", "pool one is busy\n");
    let id = lab.expect("pool:one")["id"].to_string();
    let stands = |status: &str| {
        wait(status, || lab.run(&["incident", "view", &id]).out.contains(&format!("status        {status}")));
    };
    stands("awaiting-approval");
    lab.run(&["retry", &id]).ends(4, &["its fix is not over"]);
    lab.run(&["deny", &id]).ends(0, &["needs a human now"]);
    stands("needs-human");
    let never =
        "will not be tried again: it was handed to a human (kim denied the plan); `heinzel retry 1` plans it anew";
    lab.run(&["explain", "--incident", &id]).ends(0, &[never, "what the gates would say now, were it tried again:"]);
    let json = lab.run(&["explain", "--incident", &id, "--json"]).ends(0, &[]).json();
    assert_eq!(json[0]["next"]["by"], "human");
    lab.run(&["retry", &id]).ends(0, &["incident 1 is planned anew, under all gates"]);
    stands("awaiting-approval");
    assert_eq!(engine.stop(), 0);
    lab.run(&["explain", "--incident", &id])
        .ends(0, &["what the gates would say if an engine ran:", "asks for approval"]);
}
