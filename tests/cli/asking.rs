//! `explain`: for each clause the line that fails at it.

use crate::lab::{self, Lab, RULE, SAMPLES};

/// What the rule says to this line: whether it finds, the clause, the reason.
#[track_caller]
fn asked(lab: &Lab, arguments: &[&str], clause: &str, why: &str) {
    let text = lab.run(&[&["explain"], arguments].concat()).ends(0, &["1 rule considered"]);
    assert!(text.out.contains(why), "{}", text.out);
    let json = lab.run(&[&["explain", "--json"], arguments].concat()).ends(0, &[]).json();
    let one = &json[0]["rules"][0];
    assert_eq!((one["rule"].as_str(), one["clause"].as_str()), (Some("web.busy"), Some(clause)), "{one}");
    assert_eq!(one["finds"].as_bool(), Some(clause == "finding"), "{one}");
    assert!(one["why"].as_str().unwrap().contains(why), "{one}");
}

#[test]
fn every_clause_says_why() {
    let lab = Lab::new();
    let app = ["--program", "app"];
    let check = |line: &str, clause: &str, why: &str| asked(&lab, &[&app[..], &[line]].concat(), clause, why);
    check("pool www is busy", "finding", "pool=www, asset pool:www");
    check("pool www is busy, just a drill", "unless", "`just a drill` matches");
    check("pool www;reboot is busy", "field", "`pool` contains `;`, which no ident has");
    check("pool -rf is busy", "field", "`pool` begins with `-`, which programs read as an option");
    check("pool ../x is busy", "field", "`pool` begins with `.`");
    asked(
        &lab,
        &["--program", "nginx", "pool www is busy"],
        "program",
        "it wants php-fpm, app, and the line is from nginx",
    );
    asked(&lab, &["pool www is busy"], "program", "the line names no program; `--program` or `--source`");
    asked(&lab, &["--all", "nothing at all"], "match", "no pattern matches");
    let stop = "match[0] fits as far as `pool www is b` and then wants `usy`, where the message has `suy`";
    asked(&lab, &["--all", "--program", "app", "pool www is bsuy"], "match", stop);
    asked(&lab, &["--source", "app", "pool www is busy"], "finding", "pool=www");
    asked(&lab, &["Nov 21 10:00:00 web1 php-fpm[7]: pool www is busy"], "finding", "pool=www");
    asked(&lab, &["--format", "json", r#"{"msg":"pool www is busy","program":"app"}"#], "finding", "pool=www");
    // As journalctl exports what a user has made up with logger(1).
    let forged = r#"{"MESSAGE":"pool www is busy","SYSLOG_IDENTIFIER":"app","_UID":"1003","_PID":"71"}"#;
    asked(&lab, &["--format", "json", forged], "writer", "may run a customer's code wrote it");
}

#[test]
fn a_rule_for_another_source_says_so() {
    let lab = Lab::new();
    lab.write("rules/web/busy.rhai", RULE.replace("program: [\"php-fpm\", \"app\"]", "source: [\"mail*\"]"));
    lab.write("rules/web/samples/busy.toml", SAMPLES.replace("program = \"app\"", "source = \"mail\""));
    asked(&lab, &["--source", "app", "pool www is busy"], "source", "it reads mail* only");
    asked(&lab, &["pool www is busy"], "finding", "pool=www");
}

#[test]
fn wrong_questions_get_the_way_out() {
    let lab = Lab::new();
    lab.run(&["explain"]).ends(2, &["a line in quotes", "--incident"]);
    lab.run(&["explain", "--source", "nope", "x"]).ends(2, &["no source `nope`", "app"]);
    lab.run(&["explain", "--format", "nope", "x"]).ends(2, &["`nope` is no format", "syslog"]);
    for json in [&[][..], &["--json"]] {
        let words = ["no rule fits `nope` in ", "rules; `heinzel check` says what was loaded"];
        lab.run(&[&["explain", "--rule", "nope", "x"], json].concat()).ends(4, &words);
    }
    lab.run(&["explain", "--rule", "web.*", "x"]).ends(0, &["1 rule considered, 0 find something"]);
    for one in ["1", "#1"] {
        lab.run(&["explain", "--incident", one]).ends(5, &["no store", "heinzel run"]);
        lab.run(&["incident", "view", one]).ends(5, &["no store", "heinzel run"]);
    }
    for command in
        [&["incident", "view"][..], &["incident", "ack"], &["approve"], &["retry"], &["explain", "--incident"]]
    {
        lab.run(&[command, &["x"]].concat())
            .ends(2, &["named by its number, like 7; `heinzel incident list` shows them"]);
    }
}

#[test]
fn a_window_says_whose_findings_it_counts() {
    let lab = Lab::new();
    let rule = RULE.replacen(
        "    asset: ",
        "    trigger: #{ count: 3, within: \"1h\", by: [\"host\", \"pool\"] },\n    asset: ",
        1,
    );
    lab.write("rules/web/busy.rhai", rule);
    let engine = lab.start();
    lab.append("logs/a.log", "pool one is busy\n");
    let line = ["explain", "--source", "app", "pool one is busy"];
    lab::wait("it is counted", || lab.run(&line).out.contains("pool one: 1 in it, newest "));
    assert_eq!(engine.stop(), 0);
}
