//! What is said of a rule's text: place and message.

use super::{SAMPLES, read, shown, with};
use crate::problem::Problem;

fn line(problem: &Problem) -> String {
    let word = if problem.is_error() { "error" } else { "warning" };
    format!("{}:{} {word}: {}", problem.line, problem.column, problem.message)
}

/// The rule has exactly this problem (of errors when there are any, else of warnings).
fn check(source: &str, expected: &str, hint: &str) {
    check_samples(source, Some(SAMPLES), expected, hint);
}

fn check_samples(source: &str, samples: Option<&str>, expected: &str, hint: &str) {
    let (rule, problems) = read(source, samples);
    let errors = problems.iter().any(Problem::is_error);
    assert_eq!(rule.is_none(), errors, "{}", shown(&problems));
    let said: Vec<&Problem> = problems.iter().filter(|p| p.is_error() || !errors).collect();
    let lines: Vec<String> = said.iter().map(|p| line(p)).collect();
    assert_eq!(
        lines.join(
            "
"
        ),
        expected,
        "{source}\n{}",
        shown(&problems)
    );
    let way = said[0].hint.clone().unwrap_or_default();
    assert!(way.contains(hint), "{way:?} lacks {hint:?}");
}

#[test]
fn a_sound_rule_has_no_problem() {
    let (rule, problems) = read(&with(""), Some(SAMPLES));
    assert!(rule.is_some() && problems.is_empty(), "{}", shown(&problems));
}

#[test]
fn syntax_errors_have_their_place() {
    check("#{ title: \"x\",\n  severity: }", "2:13 error: Unexpected '}'", "");
    check("#{ title: tiger }", "1:11 error: Undefined variable: tiger", "texts stand in quotes");
    check(
        "let at = \"x\"; fn f(i) { at + i } #{}",
        "1:25 error: Undefined variable: at",
        "a function (`fn`) sees its arguments",
    );
    check("let x = eval(\"1\"); #{}", "1:9 error: reserved keyword 'eval' is disabled", "rules are pure");
    check("import \"os\" as os; #{}", "1:1 error: 'import' is a reserved keyword", "rules are pure");
    check("let x = null; #{}", "1:9 error: 'null' is a reserved keyword", "an absent value is `()`");
    check("5", "1:1 error: the file's value is a number, not a map", "a rule is #{");
    check("", "1:1 error: the file's value is absent (`()`), not a map", "a rule is #{");
    check(
        &format!("#{{ title: \"first\" }};\n{}", with("")),
        "1:1 error: this map is not the end of the file, so it is no rule",
        "one file holds one rule",
    );
    check("{ title: \"x\" }", "1:3 error: Undefined variable: title", "begins with `#{`");
    check(&with("fix: |i| [step.wait(facts.x)],"), "6:21 error: Undefined variable: facts", "are |i, facts|");
    check(&with("asset: || e.pool,"), "6:11 error: Undefined variable: e", "`asset` is |e|");
    check(
        &with("fix: |i, facts| { if i.count > 1 and i.draft { [] } },"),
        "6:34 error: Expecting '{' to start a statement block",
        "write `&&` for `and`",
    );
    check("#{ title: 'two words' }", "1:11 error: Invalid character: 'two words'", "in double quotes");
    check(
        "#{ title = \"x\" }",
        "1:10 error: Expecting ':' to follow the property 'title' in this object map literal",
        "a `:` stands between",
    );
    check("#{ title: \"x\", # what\n}", "1:16 error: Expecting name of a property", "begins with `//`");
    check("#{ title: \"x }", "1:11 error: Open string is not terminated", "has no end");
    check("#{ title: „x“ }", "1:11 error: Unexpected '„'", "straight quotes");
    check("#{\u{a0}title: \"x\" }", "1:3 error: Unexpected '\u{a0}'", "looks like a space");
    check(
        "#{\n  fix: |i, facts| {\n    []\n  ,\n  within: \"1m\",\n}",
        "4:3 error: Expecting ';' to terminate this statement",
        "is the `{` of line 2 closed?",
    );
    check(
        "#{\n  title: \"x\",\n",
        "2:1 error: Expecting '}' to end this object map literal",
        "is the `{` of line 1 closed?",
    );
    check(
        "#{\n  fix: |i, facts| { [] }},\n  within: \"1m\",\n}",
        "2:26 error: Expecting ';' to terminate this statement",
        "is a bracket closed twice?",
    );
    check("#{ match: [\"\\d\"] }", "1:14 error: Invalid escape sequence: '\\d'", "backticks");
    check(
        "#{ title: \"x\"\n  severity: \"high\" }",
        "2:3 error: Expecting ',' to separate the items of this object map literal",
        "comma",
    );
    check("# note\n#{}", "1:1 error: '#' is a reserved symbol", "a comment begins with `//`");
    check("#{} #{}", "1:5 error: Expecting ';' to terminate this statement", "one file holds one rule");
    check("sleep(100); #{}", "1:1 error: there is no function `sleep`", "reference --definitions");
}

#[test]
fn keys_and_values_of_the_map() {
    check(&with("serverity: \"high\","), "6:1 error: unknown key `serverity`", "did you mean `severity`?");
    check(&with("by: [\"pool\"],"), "6:1 error: `by` stands outside of `trigger`", "trigger: #{ by:");
    check(&with("severity: \"hgih\","), "5:11 error: `hgih` is no severity", "did you mean `high`?");
    check(&with("title: 5,"), "5:8 error: `title` is a number, not a text in quotes", "write a text");
    check(&with("title: \"\","), "5:8 error: `title` is not one line of 1 to 200 bytes", "one line");
    check(
        &with("cooldown: \"10 parsecs\","),
        "6:11 error: `10 parsecs` is not a length of time; write a number and ms, s, m, h, d or w, like `10m` or `1h 30m`",
        "10m",
    );
    check(&with("within: \"0s\","), "6:9 error: `within` is 0s", "at least 1s");
    for days in [60, 400] {
        check(&with(&format!("cooldown: \"{days}d\",")), &format!("6:11 error: `cooldown` is {days}d"), "at most 31d");
        check(&with(&format!("reopen: \"{days}d\",")), &format!("6:9 error: `reopen` is {days}d"), "at most 31d");
    }
    check(&with("stable: \"400d\","), "6:9 error: `stable` is 400d", "at most 366d");
    check(&with("trigger: #{ count: 20000, within: \"1h\" },"), "6:20 error: `count` is 20000", "10000");
    check(&with("reopen: 5,"), "6:9 error: `reopen` is a number, not a length of time like \"10m\"", "10m");
    check(&with("answer: \"pool busy\","), "6:9 error: `pool busy` is no answer's name", "web/pool-busy");
    check(&with("automation: \"approved\","), "6:13 error: `approved` is no mode", "did you mean `approve`?");
    check(&with("title_de: \"\","), "6:11 error: `title_de` is not one line of 1 to 200 bytes", "say in one line");
    check(&with("escalate: \"-x\","), "6:11 error: `escalate` begins with `-`, which programs read as an option", "on");
    check(&with("program: [\"php\", 5],"), "6:18 error: `program` is a number, not a list of texts", "list");
    check(&with("impact: 1,"), "3:11 error: both `severity` and `impact`/`urgency`", "keep one");
}

#[test]
fn patterns_and_fields() {
    check(&with("match: [`pool (?<pool>[a-z]+ is busy`],"), "5:15 error: bad pattern: unclosed group", "backticks");
    check(
        &with("match: [\n  `pool (?<pool>[a-zö]+) is busy`],"),
        "6:21 error: bad pattern: Unicode not allowed here",
        "(?u:",
    );
    check(
        &with("match: [`pool (?<pol>[a-z]+) is busy`],\nfields: #{ pool: \"ident\" },"),
        "4:18 error: capture `pol` has no type\n5:12 error: field `pool` is captured by no `match` pattern",
        "did you mean `pool`?",
    );
    check(
        &with("match: [`pool (?<pool>[a-z]+) is (?<how>busy)`],"),
        "5:37 error: capture `how` has no type",
        "add `how: \"ident\"`",
    );
    check(
        &with("fields: #{ pool: \"idnt\" },"),
        "5:18 error: `idnt` is no field type; the types are ident, int, float, ip, host, unit, path, email, domain, user, duration, size, enum(a,b), text",
        "did you mean `ident`?",
    );
    check(
        &with("fields: #{ pool: \"ident\", limit: \"int\" },"),
        "5:27 error: field `limit` is captured by no `match` pattern",
        "(?<limit>…)",
    );
    check(
        &with("match: [`pool (?<host>[a-z]+) is busy`],\nfields: #{ host: \"ident\" },"),
        "5:12 error: a field may not be called `host`",
        "host_name",
    );
    check(&with("match: [],\nfields: #{},"), "4:8 error: `match` is empty", "backticks");
    check(
        &with("match: [``],\nfields: #{},"),
        "4:9 error: pattern match[0] is empty and would fit every line",
        "a part of the line",
    );
    check(
        &with("match: [`(?:pool www is busy)?`],\nfields: #{},"),
        "4:9 error: pattern match[0] fits the empty line, and so every line",
        "required",
    );
    check(
        &with("match: `idle`,\nfields: #{},"),
        "4:8 error: pattern match[0] has no firing sample in samples/x.toml",
        "[[sample]]",
    );
    check_samples(&with(""), None, "4:9 error: the rule has no samples", "samples/x.toml");
    check(&with("clear: [\"task ok\"],"), "6:8 error: `clear: \"task ok\"` in a rule without `task`", "vzdump");
    check(
        &with("clear: [`pool (?<pol>[a-z]+) is well`],"),
        "6:18 error: capture `pol` has no type",
        "did you mean `pool`?",
    );
    let unread = "#{ title: \"t\", severity: \"low\" }";
    check(unread, "1:4 error: the rule has neither `match` nor `task`", "match:");
}

#[test]
fn which_drafts_set_a_rule_off() {
    let draft = |rest: &str| with(&format!("draft: #{{ {rest} }},"));
    let without = "6:1 error: `draft` without `probe`\n6:1 error: `draft` without `fix`";
    check(&draft("intents: [\"web/site-down\"], asset: \"vm\""), without, "no proof of a fault");
    let also = |error: &str| format!("{without}\n{error}");
    check(&draft("asset: \"vm\""), &also("6:8 error: `draft` names no intents"), "no proof");
    check(
        &draft("intents: [\"site down\"], asset: [\"vm\", \"VM!\"]"),
        &also("6:8 error: `draft` names no kind of asset\n6:21 error: `site down` is no answer's name"),
        "no proof",
    );
    check(
        &draft("intents: [\"web/site-down\"], asset: \"vm\", found: #{ de: \"gesperrt\" }"),
        &also("6:59 error: `found` has no `en`"),
        "no proof",
    );
    check(
        &draft("intent: [\"web/site-down\"], intents: \"web/site-down\", asset: \"vm\""),
        &also("6:11 error: unknown key `intent` of `draft`"),
        "no proof",
    );
}

#[test]
fn warnings_do_not_stop_a_rule() {
    check(
        &with("match: `.*is busy`,\nfields: #{},"),
        "4:8 warning: pattern match[0] begins with `.*`, which only costs time",
        "leave it out",
    );
    check(
        &with("match: `\\w+ \\w+ (?:is|as)`,\nfields: #{},"),
        "4:8 warning: pattern match[0] has no literal of at least 3 bytes, so it is tried on every line",
        "a word",
    );
    let near_miss = SAMPLES.replace("fires = false", "fires = true");
    check_samples(&with(""), Some(&near_miss), "4:8 warning: samples/x.toml has no near miss", "fires = false");
    check(
        &with("unless: [`(?<x>nightly)`],"),
        "6:10 warning: nobody reads the capture `x` of an `unless` pattern",
        "(?:…)",
    );
    let plan = format!("{SAMPLES}[[plan]]\nsteps = []\n");
    let fix = "cooldown: \"0s\",\nfix: |i, facts| [],\nverify: |i, facts| [ check.quiet(\"5m\") ],";
    check_samples(&with(fix), Some(&plan), "6:11 warning: a fix without rest may run again and again", "minute");
    let fix = fix.replace("0s", "1m");
    check(&with(&fix), "7:6 warning: no sample shows the plan", "[[plan]]");
}

#[test]
fn triggers() {
    let check = |trigger: &str, expected: &str, hint: &str| {
        let all = with(&format!("trigger: #{{ {trigger} }},"));
        check(&all, &format!("6:{expected}"), hint);
    };
    check("count: 0, within: \"1m\"", "20 error: `count` is 0", "between 1");
    check("count: 3", "10 error: `count` without `within`", "within: \"10m\"");
    check(
        "count: 3, withn: \"1m\", within: \"1m\"",
        "23 error: unknown key `withn` of `trigger`",
        "did you mean `within`?",
    );
    check(
        "count: 3, within: \"1m\", by: [\"pol\"]",
        "42 error: `by` names `pol`, which is no field of this rule",
        "did you mean `pool`?",
    );
    check(
        "count: 3, within: \"1m\", by: [\"task.kind\"]",
        "42 error: `by` names `task.kind`, which is no field of this rule",
        "known are",
    );
    check(
        "rate: \"many\"",
        "19 error: `many` is no rate; write a count, a slash and a length of time, like `5/1h`",
        "50/1m",
    );
    check("rate: \"5/1m\", absence: \"1h\"", "36 error: `rate` and `absence` are two kinds of trigger", "two rules");
    check(
        "distinct: \"usr\", count: 20, within: \"5m\"",
        "23 error: `distinct` names `usr`, which is no field of this rule",
        "known are",
    );
    check("distinct: \"pool\", within: \"5m\"", "10 error: `distinct` without `count`", "count: 20");
    check(
        "distinct: \"pool\", count: 20, within: \"5m\", by: [\"pool\"]",
        "60 error: `distinct: \"pool\"` is counted by `pool`, too, so it never has two values",
        "leave `pool` out of `by`",
    );
    check("sequence: [0, 1], within: \"5m\"", "27 error: `1` is not the number of a pattern", "has 1 patterns");
    check("sequence: [0], within: \"5m\"", "23 error: `sequence` has 1 entries", "[0, 1]");
    check("overdue: \"2h\"", "22 error: `overdue` is about tasks, but the rule has no `task`", "task: #{");
    check("absence: \"2h\", within: \"5m\"", "28 error: `absence` takes no `within`", "value itself");
    check("by: [\"pool\"]", "10 error: `trigger` does not say when it fires", "count");
}

#[test]
fn functions_of_the_map() {
    let quiet = "verify: |i, facts| [ check.quiet(\"5m\") ],";
    check(&with("fix: |i, facts| [],"), "6:1 error: `fix` without `verify`", "check.quiet");
    check(&with(quiet), "6:1 error: `verify` without `fix`", "add the fix");
    check(&with(&format!("fix: |i| [],\n{quiet}")), "6:6 error: the function of `fix` takes 1 argument", "|i, facts|");
    check(
        &with("asset: \"pool:www\","),
        "6:8 error: `asset` is a text, not a function like `|e| \"pool:\" + e.pool`",
        "function",
    );
    check(
        &with("asset: |e| step.systemd_relod(\"x.service\"),"),
        "6:17 error: there is no `step.systemd_relod`",
        "did you mean `systemd_reload`?",
    );
    for (function, name, hint) in [
        ("asset: |e| if e.pool == \"x\" { dvice(e.pool) } else { \"pool:x\" },", "dvice", "lists what there is"),
        ("asset: |e| \"pool:\" + e.pool.to_uper(),", "to_uper", "did you mean `to_upper`?"),
        ("asset: |e| hand_ovr(\"x\"),", "hand_ovr", "did you mean `step.hand_over(…)`?"),
    ] {
        let (_, problems) = read(&with(function), Some(SAMPLES));
        let problem = &problems[0];
        assert_eq!(problem.message, format!("there is no function `{name}`"), "{}", shown(&problems));
        assert!(problem.hint.as_ref().is_some_and(|said| said.contains(hint)), "{}", shown(&problems));
    }
    check(
        &with("asset: |e| step.copy(\"/a\").timeout(\"1m\"),"),
        "6:17 error: `step.copy` does not take these arguments",
        "step.copy(from: String, to: String)",
    );
}

#[test]
fn tasks() {
    let task = |clause: &str| format!("#{{\ntitle: \"t\",\nseverity: \"low\",\ntask: {clause},\n}}");
    let samples = "[[sample]]\ntask = { kind = \"vzdump\", state = \"failed\" }\nfires = true\n[[sample]]\ntask = { kind = \"vzdump\", state = \"ok\" }\nfires = false\n";
    let (rule, problems) = read(&task("#{ kind: [\"vz*\"], state: \"failed\" }"), Some(samples));
    assert!(problems.is_empty(), "{}", shown(&problems));
    assert_eq!(rule.unwrap().task.clone().unwrap().kind[0].0, "vz*");
    check_samples(
        &task("#{ kind: \"vzdump\", state: \"faild\" }"),
        Some(samples),
        "4:33 error: `faild` is no state of a task",
        "did you mean `failed`?",
    );
    check_samples(&task("#{ state: \"failed\" }"), Some(samples), "4:7 error: `task` names no kind", "kind:");
    check_samples(
        &task("\"vzdump\""),
        Some(samples),
        "4:7 error: `task` is a text, not a map like #{ kind: \"vzdump\", state: \"failed\" }",
        "map",
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let source = "#{\n  titel: \"x\",\n  severity: \"hgih\",\n  match: [`a(`],\n  within: \"x\",\n}";
    let (_, problems) = read(source, Some(SAMPLES));
    let lines: Vec<usize> = problems.iter().filter(|p| p.is_error()).map(|p| p.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5], "{}", shown(&problems));
}

#[test]
fn values_that_are_computed_are_placed_at_their_key() {
    let source =
        "let s = \"hgih\";\nlet rule = #{\n  title: \"x\",\n  severity: s,\n  match: `pool www is busy`,\n};\nrule";
    check(source, "4:13 error: `hgih` is no severity", "high");
    let source =
        "let rule = #{};\nrule.title = \"x\";\nrule.severity = \"hgih\";\nrule.match = `pool www is busy`;\nrule";
    check(source, "1:12 error: `hgih` is no severity", "high");
}
