//! `heinzel mine`: what no rule knows, and a rule drafted from it that passes its own samples.

use std::fs;

use crate::lab::Lab;

/// A log with a line that the lab's rule knows, one that is bad and one that is not.
fn log(lab: &Lab) -> String {
    let mut text = String::new();
    for n in 0..20 {
        let names = ["mallory", "bob", "eve", "trent", "peggy", "victor"];
        text.push_str(&format!("2026-11-21T10:00:{n:02}Z web1 app[7]: pool www{n} is busy\n"));
        text.push_str(&format!("2026-11-21T10:00:{n:02}Z web1 app[7]: request {n} of {} done\n", names[n % 6]));
        text.push_str(&format!(
            "2026-11-21T10:00:{n:02}Z web1 app[7]: cannot lock {}: mailbox in use by pid={n}\n",
            names[n % 6]
        ));
    }
    let path = lab.path("old.log");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn what_no_rule_knows_is_clustered_the_worst_first() {
    let lab = Lab::new();
    let log = log(&lab);
    lab.run(&["mine", &log]).ends(
        0,
        &[
            "60 lines, 20 of them known to rules; 2 clusters of other wordings",
            "cannot lock *: mailbox in use by pid=*",
        ],
    );
    let json = lab.run(&["--json", "mine", &log]).ends(0, &[]).json();
    assert_eq!((json[0]["count"].as_u64(), json[0]["badness"].as_u64()), (Some(20), Some(2)));
    assert_eq!(json[1]["wording"], "request * of * done");
}

#[test]
fn its_own_words_are_no_wording_that_rules_lack() {
    let lab = Lab::new();
    let line =
        |program: &str| format!("2026-11-21T10:00:00Z web1 {program}[7]: #4 told: try 4 failed: post to webhook\n");
    lab.append("own.log", line("heinzel").repeat(3));
    lab.append("own.log", line("app"));
    let json = lab.run(&["--json", "mine", &lab.path("own.log").display().to_string()]).ends(0, &[]).json();
    assert_eq!((json.len(), json[0]["count"].as_u64()), (1, Some(1)), "{json:?}");
}

#[test]
fn a_draft_passes_its_own_samples() {
    let lab = Lab::new();
    let log = log(&lab);
    let to = lab.path("drafts/mail/mailbox-locked.rhai").display().to_string();
    lab.run(&["mine", &log, "--draft", "1", "--to", &to]).ends(0, &["wrote", "mailbox-locked.toml"]);
    let rule = fs::read_to_string(&to).unwrap();
    assert!(rule.contains(r"^cannot lock (?<value>[\w.:@+-]+): mailbox in use by pid=(?<pid>-?\d+)"), "{rule}");
    assert!(rule.contains(r#"fields: #{ value: "ident", pid: "int" }"#), "{rule}");
    let folder = lab.path("drafts").display().to_string();
    lab.bare(&["--rules", &folder, "test", "--warnings"]).ends(0, &["1 rule and 4 samples", "0 problems"]);
    // Known now, so it is no longer found; and nothing is overwritten.
    lab.bare(&["--rules", &folder, "mine", &log]).ends(0, &["20 of them known to rules"]);
    lab.run(&["mine", &log, "--draft", "1", "--to", &to]).ends(4, &["exists"]);
}

#[test]
fn a_new_pack_does_not_hide_another_of_its_name() {
    let lab = Lab::new();
    let log = log(&lab);
    let to = lab.path("other/web/locked.rhai").display().to_string();
    let words = ["would begin a pack `web`", "rules/web", "`web-local`"];
    lab.run(&["mine", &log, "--draft", "1", "--to", &to]).ends(4, &words);
    assert!(!lab.path("other").exists());
    let within = lab.path("rules/web/locked.rhai").display().to_string();
    lab.run(&["mine", &log, "--draft", "1", "--to", &within]).ends(0, &["wrote"]);
    // Made by hand, it is said; a copy of the whole pack hides nothing.
    fs::create_dir_all(lab.path("other/web")).unwrap();
    fs::copy(lab.path("rules/web/pack.toml"), lab.path("other/web/pack.toml")).unwrap();
    let config = lab.read("heinzel.toml");
    lab.write("heinzel.toml", config.replace("folders = [\"rules\"]", "folders = [\"other\", \"rules\"]"));
    let hidden = ["warning: an earlier folder has a pack `web`, too, so 2 rules of this one do not count (web.busy …)"];
    lab.run(&["check"]).ends(0, &hidden);
}

#[test]
fn wrong_numbers_and_places_are_named() {
    let lab = Lab::new();
    let log = log(&lab);
    lab.run(&["mine", &log, "--draft", "9"]).ends(4, &["there is no cluster 9 among 2 clusters"]);
    lab.run(&["mine", &log, "--draft", "1", "--to", "rule.toml"]).ends(2, &["rules/<pack>/<name>.rhai"]);
    lab.run(&["mine", "/nonexistent.log"]).ends(1, &["/nonexistent.log"]);
}
