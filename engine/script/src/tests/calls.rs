//! What the functions of the rule language make of their arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use heinzel_core::plan::Action;
use heinzel_core::probe::{Fact, Facts, Probe};
use heinzel_core::rule::{Logic, LogicError};
use serde_json::json;

use super::{SAMPLES, case, read, sound, with, with_fix};
use crate::reference::{FUNCTIONS, definitions};

fn facts() -> Facts {
    let report = json!({ "name": "php8.2-fpm.service", "active": true, "main_pid": 812, "result": null });
    Facts::from([
        ("unit".into(), Fact::Seen { report }),
        ("load".into(), Fact::Blind { why: "refused".into() }),
        ("list".into(), Fact::Seen { report: json!({ "count": 1, "list": [{ "pid": 5, "name": "x" }] }) }),
    ])
}

/// What is said of a rule that cannot be read, or what is made of one that can.
fn said_of(source: &str, make: impl FnOnce(&dyn Logic) -> Result<Vec<String>, LogicError>) -> String {
    let (rule, problems) = read(source, Some(SAMPLES));
    let Some(rule) = rule else {
        let first = problems.iter().find(|p| p.is_error()).unwrap();
        return [Some(first.message.clone()), first.hint.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
    };
    make(&*rule.logic).map_or_else(
        |error| {
            assert!(!error.over_limit, "{error}");
            error.why
        },
        |made| made.join("; "),
    )
}

/// A `fix` of these steps reads so, or fails with this.
fn check(steps: &str, expected: &str) {
    let source = with(&format!("fix: |i, facts| {steps},\nverify: |i, facts| [ check.quiet(\"5m\") ],"));
    let said = said_of(&source, |logic| Ok(logic.fix(&case(), &facts(), &[])?.describe()));
    assert_eq!(said, expected, "{steps}");
}

/// A `verify` of this check reads so, or fails with this.
fn check_verify(one: &str, expected: &str) {
    let source = with(&format!("fix: |i, facts| [],\nverify: |i, facts| [ {one} ],"));
    let made = |logic: &dyn Logic| Ok(logic.verify(&case(), &facts())?.iter().map(|c| c.describe()).collect());
    assert_eq!(said_of(&source, made), expected, "{one}");
}

#[test]
fn a_key_that_a_probe_never_reports_is_an_error_and_one_that_it_did_not_report_is_absent() {
    let said = |guard: &str| {
        let rule = sound(&with(&format!(
            "probe: |i| #{{ f: probe.file(\"/run/x\"), c: probe.command([\"x\"], #{{ pattern: \"(?<n>\\\\d+)\", fields: #{{ n: \"int\" }} }}) }},\n\
             fix: |i, facts| if {guard} {{ step.hand_over(\"no\") }} else {{ [step.truncate(\"/a\")] }},\n\
             verify: |i, facts| [check.quiet(\"1m\")],"
        )));
        let seen = |report| Fact::Seen { report };
        let facts =
            Facts::from([("f".into(), seen(json!({ "exists": false }))), ("c".into(), seen(json!({ "exit": 0 })))]);
        rule.logic.fix(&case(), &facts, &[]).map_or_else(|e| e.why, |made| made.describe().join("; "))
    };
    assert_eq!(said("facts.f.exists"), "truncate /a");
    assert_eq!(said("facts.f.size_bytes == () && facts.c.n == ()"), "hand over: no");
    assert!(said("facts.f.exsits == true").contains("there is no `facts.f.exsits`; did you mean `exists`?"));
    assert!(said("facts.c.m == 1").contains("there is no `facts.c.m`"), "{}", said("facts.c.m == 1"));
}

#[test]
fn steps_read_as_they_will_be_done() {
    check(
        "[ step.systemd_start(\"a.service\"), step.systemd_stop(\"a.service\"), step.systemd_restart(\"a.service\") ]",
        "systemctl start a.service; systemctl stop a.service; systemctl restart a.service",
    );
    check(
        "[ step.systemd_reload(facts.unit.name), step.systemd_reset_failed(\"a.timer\") ]",
        "systemctl reload php8.2-fpm.service; systemctl reset-failed a.timer",
    );
    check("[ step.command([\"nginx\", \"-t\", 5]) ]", "run nginx -t 5");
    check(
        "[ step.remove(\"/tmp/sess_*\", \"2d\"), step.remove(\"/run/x.pid\") ]",
        "remove /tmp/sess_* older than 2d; remove /run/x.pid",
    );
    check(
        "[ step.truncate(\"/a\"), step.copy(\"/a\", \"/b\"), step.move_file(\"/a\", \"/b\") ]",
        "truncate /a; copy /a to /b; move /a to /b",
    );
    check(
        "[ step.chmod(\"/a\", \"0640\"), step.chown(\"/a\", \"www-data\", \"adm\") ]",
        "chmod 640 /a; chown www-data:adm /a",
    );
    check("[ step.write_template(\"/etc/x\", \"a {{ b }}\", #{ b: 1 }) ]", "write /etc/x");
    check(
        "[ step.signal(\"nginx\", \"SIGHUP\"), step.signal(\"nginx\", facts.unit.main_pid, \"TERM\") ]",
        "send HUP to nginx; send TERM to nginx (812)",
    );
    check(
        "[ step.http(\"POST\", \"http://127.0.0.1/x\", #{ a: [1, ()] }), step.http(\"GET\", \"https://a/\") ]",
        "POST http://127.0.0.1/x; GET https://a/",
    );
    check(
        "[ step.task_retry(i.task.kind, \"100\"), step.wait(\"5s\"), step.replan() ]",
        "retry task vzdump of 100; wait 5s; look again and plan anew",
    );
    check("if i.round > 0 { [] } else { [ step.wait(`${i.count}s`) ] }", "wait 3s");
    check(
        "[ step.wait(\"1s\") ] + if facts.load.blind && facts.load.one == () && !facts.unit.blind { [] } else { [ 1 ] }",
        "wait 1s",
    );
    check("facts.list.list.map(|p| step.signal(p.name, p.pid, \"TERM\"))", "send TERM to x (5)");
}

#[test]
fn a_fix_hands_over() {
    let why = "no unit of this pool is known";
    check(&format!("step.hand_over(\"{why}\")"), &format!("hand over: {why}"));
    check(&format!("[ step.hand_over(\"{why}\") ]"), &format!("hand over: {why}"));
    check("()", "hand over: the rule's fix is not for this case");
    check("if facts.load.blind == false { [ step.wait(\"1s\") ] }", "hand over: the rule's fix is not for this case");
    check("[]", "");
    check(
        "[ step.wait(\"1s\"), step.hand_over(\"x\") ]",
        "step.hand_over(…) is one of 2 entries; it stands for the whole plan",
    );
    let reason = "the reason is not one line of 1 to 300 bytes; say what a person must look at";
    check("step.hand_over(\" \")", reason);
    check("step.hand_over(\"a\\nb\")", reason);
    check("step.hand_over(5)", "`step.hand_over` does not take (number); write step.hand_over(why: String)");
}

/// Rhai would answer `false` without a word, and the guard never guard.
#[test]
fn a_number_is_not_compared_with_a_text() {
    let plan = "[ step.wait(\"1s\") ]";
    let never = "they are never equal, nor greater or less; write both in quotes, or both without";
    check(
        &format!("if facts.list.count > \"3\" {{ [] }} else {{ {plan} }}"),
        &format!("`1` is a number and `3` a text: {never}"),
    );
    check(
        &format!("if \"3\" != facts.unit.main_pid {{ [] }} else {{ {plan} }}"),
        &format!("`3` is a text and `812` a number: {never}"),
    );
    check(
        &format!("if facts.unit.active == \"true\" {{ [] }} else {{ {plan} }}"),
        &format!("`true` is true or false and `true` a text: {never}"),
    );
    check(
        &format!("if facts.unit.active == 1 {{ [] }} else {{ {plan} }}"),
        &format!("`true` is true or false and `1` a number: {never}"),
    );
    check(
        &format!("if 0.5 >= true {{ [] }} else {{ {plan} }}"),
        &format!("`0.5` is a number and `true` true or false: {never}"),
    );
    // What is absent is compared with anything.
    for well in [
        "facts.load.one > 3",
        "facts.unit.result == \"x\"",
        "() == 1",
        "facts.unit.active == ()",
        "1 > 1.5",
        "\"a\" > \"b\"",
    ] {
        check(&format!("if {well} {{ [] }} else {{ {plan} }}"), "wait 1s");
    }
}

#[test]
fn timeouts_are_kept() {
    let made = with_fix("[ step.command([\"a\"]).timeout(\"2m\"), step.wait(\"90s\") ]")
        .logic
        .fix(&case(), &facts(), &[])
        .unwrap();
    let steps = made.steps();
    assert_eq!(steps[0].timeout, Duration::from_secs(120));
    assert_eq!(steps[1].timeout, Duration::from_secs(95));
    check("[ step.wait(\"5s\").timeout(\"2s\") ]", "the step waits longer than its timeout allows");
}

#[test]
fn wrong_arguments_are_named() {
    check(
        "[ step.systemd_reload(\"php*.service\") ]",
        "the unit `php*.service` holds a wildcard; name one unit (a probe may search: probe.unit(\"php*-fpm.service\"), then facts.x.name)",
    );
    check(
        "[ step.systemd_reload(\"nginx\") ]",
        "the unit `nginx` is not a unit name: it lacks a suffix such as `.service`",
    );
    check(
        "[ step.systemd_reload(5) ]",
        "`step.systemd_reload` does not take (number); write step.systemd_reload(unit: String)",
    );
    check(
        "[ step.systemd_reload(facts.unit.result) ]",
        "`step.systemd_reload` does not take (()); write step.systemd_reload(unit: String)",
    );
    check(
        "[ step.command([\"rm -rf /\"]) ]",
        "the command is one text with spaces; there is no shell, so write a list: [\"rm\", \"-rf\", \"/\"]",
    );
    check("[ step.command([]) ]", "the command is empty; write a list like [\"nginx\", \"-t\"]");
    check("[ step.command([\"a\", #{}]) ]", "argument 1 of the command is a map; write texts");
    check(
        "[ step.remove(\"/var/cache/*\") ]",
        "the path `/var/cache/*` names everything in a folder; say what its files have in common",
    );
    check("[ step.remove(\"/var/*/x\") ]", "the path `/var/*/x` has a `*` before its last part");
    check(
        "[ step.truncate(\"/srv/../etc/passwd\") ]",
        "the path `/srv/../etc/passwd` contains `/../`, which leaves the folder it names",
    );
    check("[ step.truncate(\"/srv/\") ]", "the path `/srv/` names a folder; steps change files");
    check("[ step.chmod(\"/a\", \"9\") ]", "`9` is no mode; write three or four octal digits, like \"0640\"");
    check(
        "[ step.chown(\"/a\", \"-x\", \"adm\") ]",
        "the owner `-x` begins with `-`, which programs read as an option",
    );
    check("[ step.signal(\"nginx\", \"HUPP\") ]", "`HUPP` is no signal; did you mean `HUP`?");
    check("[ step.signal(\"nginx\", 1, \"HUP\") ]", "1 is no process id that may be signalled; those are 2 to 4194304");
    check("[ step.signal(\"ng*\", \"HUP\") ]", "the process name `ng*` holds a wildcard; name one program");
    check("[ step.http(\"PATCH\", \"http://a/\") ]", "`PATCH` is no method; known are GET, POST, PUT, DELETE");
    check(
        "[ step.http(\"GET\", \"http://u:p@a/\") ]",
        "the URL holds a user or password; those belong in the operator's settings, not in a rule",
    );
    check("[ step.http(\"GET\", \"ftp://a/\") ]", "the URL `ftp://a/` begins with neither http:// nor https://");
    for time in ["2h", "48h"] {
        let most = "a step waits at most 1h; use the trigger or the cooldown for longer rests";
        check(&format!("[ step.wait(\"{time}\") ]"), most);
    }
    check("[ step.replan(), step.wait(\"1s\") ]", "step.replan() is entry 0 of 2; it ends a plan, so put it last");
    check("step.wait(\"1s\")", "it gives a step, not a list of steps; write [ step.…, step.… ]");
    check("[ check.quiet(\"1s\") ]", "its entry 0 is a check, not a step; make it with step.…");
    check("[ step.wait(i.pol) ]", "there is no `i.pol`; did you mean `pool`?");
    check("[ step.wait(facts.unti.name) ]", "there is no probe `unti`; did you mean `unit`?");
    check("throw \"no\"", "no");
}

#[test]
fn checks_read_as_they_will_be_made() {
    check_verify(
        "check.unit_active(facts.unit.name), check.unit_inactive(\"a.service\")",
        "unit php8.2-fpm.service: active is true; unit a.service: active is false",
    );
    check_verify(
        "check.http(\"http://a/\"), check.http(\"http://a/\", 204), check.tcp(\"::1\", 25)",
        "GET http://a/: ok is true; GET http://a/: status is 204; tcp ::1:25: open is true",
    );
    check_verify(
        "check.disk_below(\"/\", 90), check.inodes_below(\"/\", 92.5)",
        "disk use of /: used_percent is at most 90; disk use of /: inodes_used_percent is at most 92.5",
    );
    check_verify(
        "check.file_exists(\"/a\"), check.file_absent(\"/a\")",
        "file /a: exists is true; file /a: exists is false",
    );
    check_verify(
        "check.process_running(\"a\"), check.process_gone(\"a\")",
        "processes a: count is at least 1; processes a: count is 0",
    );
    check_verify(
        "check.certificate_days(\"a:443\", 14), check.nagios([\"check_x\"])",
        "certificate of a:443: days_left is at least 14; plugin check_x: ok is true",
    );
    check_verify("check.command([\"a\"]), check.command([\"a\"], 3)", "command a: exit is 0; command a: exit is 3");
    check_verify(
        "check.is(probe.unit(\"a.service\"), \"sub\", \"running\"), check.is_not(probe.load(), \"cores\", 0)",
        "unit a.service: sub is \"running\"; load: cores is not 0",
    );
    check_verify(
        "check.at_most(probe.load(), \"per_core\", 1.5), check.at_least(probe.memory(), \"available_percent\", 5)",
        "load: per_core is at most 1.5; memory: available_percent is at least 5",
    );
    check_verify("check.quiet(\"5m\")", "quiet for 5m");
    check_verify(
        "check.is(probe.unit(\"a.service\"), \"active\", \"yes\")",
        "`active` of this probe (unit a.service) is true or false, so a comparison with \"yes\" never holds",
    );
    check_verify(
        "check.at_most(probe.unit(\"a.service\"), \"state\", 3)",
        "`state` of this probe (unit a.service) is a text, so a comparison with 3 never holds",
    );
    check_verify("check.is(probe.load(), \"on\", 1)", "this probe (load) reports no `on`; did you mean `one`?");
    check_verify(
        "check.quiet(\"soon\")",
        "`soon` is not a length of time; write a number and ms, s, m, h, d or w, like `10m` or `1h 30m`",
    );
    check_verify("check.http(\"http://a/\", 20)", "20 is no HTTP status; those are 100 to 599");
    check_verify("check.tcp(\"a\", 0)", "0 is no port; ports are 1 to 65535");
    check_verify(
        "",
        "it gives no check; a fix that nothing proves does not count, so check at least check.quiet(\"5m\")",
    );
}

/// A `probe` of this look reads so, or fails with this.
fn check_probe(one: &str, expected: &str) {
    let made = |logic: &dyn Logic| Ok(logic.probe(&case())?.values().map(Probe::describe).collect());
    assert_eq!(said_of(&with(&format!("probe: |i| #{{ x: {one} }},")), made), expected, "{one}");
}

#[test]
fn probes_read_as_they_will_look() {
    check_probe("probe.unit(`php*-${i.pool}.service`)", "unit php*-www.service");
    check_probe("probe.disk(\"/var\")", "disk use of /var");
    check_probe("probe.processes(\"php-fpm*\")", "processes php-fpm*");
    check_probe("probe.file(\"/a\")", "file /a");
    check_probe("probe.tcp(\"localhost\", 25)", "tcp localhost:25");
    check_probe("probe.certificate(\"[::1]:443\")", "certificate of [::1]:443");
    check_probe(
        "probe.certificate(\"nope\")",
        "the certificate's target `nope` is neither host:port nor an absolute path",
    );
    check_probe(
        "probe.command([\"df\"], #{ pattern: `used (?<used>\\d+)`, fields: #{ used: \"int\" } })",
        "command df",
    );
    check_probe(
        "probe.command([\"df\"], #{ pattern: `used (?<used>.+)`, fields: #{ used: \"text\" } })",
        "field `used` is text; what a command prints reaches a script only typed",
    );
    check_probe(
        "probe.command([\"df\"], #{ pattern: `used (?<usd>\\d+)`, fields: #{ used: \"int\" } })",
        "capture `usd` has no type in `fields`",
    );
    check_probe("probe.nagios([\"/usr/lib/nagios/plugins/check_load\"])", "plugin /usr/lib/nagios/plugins/check_load");
    check_probe("5", "`x` is a number, not a probe; make it with probe.…");
}

#[test]
fn text_fields_are_hidden_from_steps_and_assets() {
    let lines = "match: `pool (?<pool>[a-z]+) is (?<msg>.*)`,\nfields: #{ pool: \"ident\", msg: \"text\" },\nasset: |e| \"pool:\" + e.msg,\nprobe: |i| #{ x: probe.file(i.msg) },\nfix: |i, facts| [],\nverify: |i, facts| [ check.quiet(\"1m\") ],";
    let rule = sound(&with(lines));
    let error = rule.logic.probe(&case()).unwrap_err();
    assert_eq!(
        error.why,
        "`i.msg` is a text field; text never reaches a step (give it another type in `fields` if it has one)"
    );
    assert_eq!(error.what, "web.x: `probe` at rules/web/x.rhai:7:30");
    let finding = super::example::finding(&rule, "pool www is $(reboot)");
    let error = rule.logic.asset(&finding).unwrap_err();
    assert!(error.why.starts_with("`e.msg` is a text field; an asset is named by typed fields"), "{error}");
}

#[test]
fn assets_are_ids_or_refused() {
    let check = |asset: &str, expected: Result<Option<&str>, &str>| {
        let rule = sound(&with(&format!("asset: |e| {asset},")));
        let made = rule.logic.asset(&super::example::finding(&rule, "pool www is busy"));
        let made = made.map_err(|e| e.why);
        assert_eq!(made, expected.map(|a| a.map(Into::into)).map_err(Into::into), "{asset}");
    };
    check("\"pool:\" + e.pool", Ok(Some("pool:www")));
    check("()", Ok(None));
    check("if e.task == () { \"program:\" + e.program } else { () }", Ok(Some("program:php-fpm")));
    check("\"disk:/var/lib\"", Ok(Some("disk:/var/lib")));
    check("\"www\"", Err("the asset `www` has no kind; write `kind:name`, like \"pool:www\""));
    check(
        "\"pool:a b\"",
        Err("the asset `pool:a b` has a name with other characters than letters, digits and _ . : @ + - / \\"),
    );
    check("\"pool:/../x\"", Err("the asset `pool:/../x` has a name with a `..` part"));
    check("\"pool:-rf\"", Err("the asset `pool:-rf` has an empty name, or one that begins with `-` or `.`"));
    check("5", Err("it gives a number, not a text like \"pool:www\""));
    check("e.hots", Err("there is no `e.hots`; did you mean `host`?"));
}

#[test]
fn results_of_earlier_rounds_reach_a_fix_that_asks() {
    let rule = sound(&with(
        "fix: |i, facts, done| if done.len() == 0 { [ step.replan() ] } else { [ step.wait(done[0].next) ] },\nverify: |i, facts| [ check.quiet(\"5m\") ],",
    ));
    let plan = |done: &[serde_json::Value]| rule.logic.fix(&case(), &facts(), done).unwrap().steps()[0].action.clone();
    assert_eq!(plan(&[]), Action::Replan);
    assert_eq!(plan(&[json!({ "next": "3s" })]), Action::Wait { time: Duration::from_secs(3) });
}

#[test]
fn a_function_remembers_nothing_between_calls() {
    let source = format!(
        "let n = 0;\nlet more = |x| {{ n += x; n }};\n{}",
        with(
            "fix: |i, facts| { n += 1; [ step.wait(`${n}s`), step.wait(`${more.call(10)}s`) ] },\nverify: |i, facts| [ check.quiet(\"5m\") ],"
        )
    );
    let rule = sound(&source);
    let plan = || rule.logic.fix(&case(), &facts(), &[]).unwrap().describe();
    assert_eq!(plan(), ["wait 1s", "wait 10s"]);
    assert_eq!(plan(), plan());
}

#[test]
fn script_functions_and_constants_of_the_file_are_at_hand() {
    let source = format!(
        "const UNIT = \"a.service\";\nfn name(x) {{ x + \".service\" }}\n{}",
        with(
            "fix: |i, facts| [ step.systemd_start(UNIT), step.systemd_start(name(i.pool)) ],\nverify: |i, facts| [ check.quiet(\"5m\") ],"
        )
    );
    let steps = sound(&source).logic.fix(&case(), &facts(), &[]).unwrap();
    assert_eq!(steps.describe(), ["systemctl start a.service", "systemctl start www.service"]);
}

#[test]
fn a_call_that_never_works_is_an_error_before_it_is_made_in_every_branch() {
    let check = |fix: &str, message: &str, hint: &str| {
        let source = with(&format!(
            "fix: |i, facts| {{ if i.round > 7 {{ return {fix}; }} [] }},\nverify: |i, facts| [check.quiet(\"5m\")],"
        ));
        let (rule, problems) = read(&source, Some(SAMPLES));
        let found = problems.iter().find(|p| p.is_error()).unwrap_or_else(|| panic!("{fix} is taken"));
        assert!(rule.is_none() && found.line == 6 && found.message.contains(message), "{found}");
        assert!(found.hint.clone().unwrap_or_default().contains(hint), "{found}");
    };
    check(
        "step.command(\"nginx -t\")",
        "`step.command` does not take (text)",
        "write step.command(argv: Array); the words of a command are a list, like [\"nginx\", \"-t\"]",
    );
    check("step.systemd_start(\"nginx\")", "lacks a suffix such as `.service`", "");
    check("step.systemd_start(i.pool).timeout(\"2 minuets\")", "`2 minuets` is not a length of time", "");
    check("check.tcp(\"localhost\", \"80\")", "`check.tcp` does not take (text, text)", "host: String, port: int");
    check("check.at_least(probe.unit(\"nginx\"), \"restarts\", 1)", "lacks a suffix", "");
    check("step.restart(i.pool)", "there is no `step.restart`", "did you mean `systemd_restart`?");
    check("restart(i.pool)", "there is no function `restart`", "did you mean `step.systemd_restart(…)`?");
    sound(&with(
        "fix: |i, facts| [step.command([\"x\", i.pool]), step.wait(\"5s\").timeout(\"1m\")],\nverify: |i, facts| [check.quiet(\"5m\")],",
    ));
}

#[test]
fn the_table_of_functions_is_true() {
    let defined = definitions();
    for entry in FUNCTIONS {
        assert!(defined.contains(&format!("fn {}(this: {}", entry.name, entry.on)), "{entry:?}");
    }
    // Every entry is called with arguments of its kinds: whatever it answers, it is there.
    let values = BTreeMap::from([
        ("String", "\"x\""),
        ("int", "1"),
        ("float", "1.5"),
        ("Array", "[\"x\"]"),
        ("Map", "#{}"),
        ("?", "1"),
        ("Probe", "probe.load()"),
    ]);
    for entry in FUNCTIONS {
        let arguments: Vec<&str> = entry
            .arguments
            .split(", ")
            .filter(|a| !a.is_empty())
            .map(|a| values[a.split(": ").nth(1).unwrap()])
            .collect();
        let on = match entry.on {
            "Step" => "step.replan()",
            "Check" => "check.quiet(\"1s\")",
            other => other,
        };
        let called = format!("[ {on}.{}({}) ]", entry.name, arguments.join(", "));
        let source = with(&format!("fix: |i, facts| {called},\nverify: |i, facts| [ check.quiet(\"5m\") ],"));
        let error = said_of(&source, |logic| Ok(logic.fix(&case(), &facts(), &[])?.describe()));
        assert!(!error.contains("does not take") && !error.contains("there is no"), "{entry:?}: {error}");
    }
    // And the README names them all.
    let readme = include_str!("../../../../rules/README.md");
    for entry in FUNCTIONS.iter().filter(|e| ["probe", "step", "check"].contains(&e.on)) {
        let short = entry.name.strip_prefix("systemd").filter(|_| entry.on == "step");
        let whole = format!("`{}.{}", entry.on, entry.name);
        assert!(
            readme.contains(&whole) || short.is_some_and(|s| readme.contains(&format!("`{s}`"))),
            "{whole} is not in rules/README.md"
        );
    }
}
