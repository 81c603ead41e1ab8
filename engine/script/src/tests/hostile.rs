//! Scripts that run away, grow without end or are no scripts at all.

use std::time::{Duration, Instant};

use heinzel_core::probe::Facts;
use proptest::prelude::*;

use super::{SAMPLES, case, read, read_with, sound, with, with_fix};
use crate::host::Limits;

/// A `fix` that does this is stopped with this message, soon.
fn check(body: &str, expected: &str) {
    let rule = with_fix(&format!("{{ {body} }}"));
    let begin = Instant::now();
    let error = rule.logic.fix(&case(), &Facts::new(), &[]).unwrap_err();
    assert!(error.over_limit, "{body}: {error}");
    assert!(error.why.contains(expected), "{body}: {}", error.why);
    assert!(begin.elapsed() < Duration::from_secs(20), "{body}: {:?}", begin.elapsed());
}

const OPERATIONS: &str = "it took more than 20000 operations";
const SIZE: &str = "is larger than allowed";

#[test]
fn endless_loops_are_stopped() {
    check("loop { }", OPERATIONS);
    check("let x = 0; while true { x += 1; } []", OPERATIONS);
    check("for x in 0..9999999999 { } []", OPERATIONS);
    check(
        "let a = []; a.pad(1000, 0); let b = a; let c = a; a.map(|x| b.map(|y| c.map(|z| x + y + z))); []",
        OPERATIONS,
    );
    check("try { loop { } } catch { [] }", OPERATIONS);
}

#[test]
fn endless_recursion_is_stopped() {
    let rule = sound(&format!(
        "fn f(x) {{ 1 + f(x + 1) }}\n{}",
        with("fix: |i, facts| [ f(1) ],\nverify: |i, facts| [ check.quiet(\"5m\") ],")
    ));
    let error = rule.logic.fix(&case(), &Facts::new(), &[]).unwrap_err();
    assert!(error.over_limit && error.why.contains("32 deep"), "{error}");
}

#[test]
fn what_a_function_cannot_see_is_said_with_the_way_out() {
    let rule = sound(&format!(
        "fn f(x) {{ step.wait(x) }}\n{}",
        with("fix: |i, facts| [ f(\"1s\") ],\nverify: |i, facts| [ check.quiet(\"5m\") ],")
    ));
    let error = rule.logic.fix(&case(), &Facts::new(), &[]).unwrap_err();
    assert!(error.why.starts_with("there is no `step` here; a function (`fn`) sees its arguments alone"), "{error}");
}

#[test]
fn bombs_are_stopped() {
    check("let s = \"x\"; loop { s += s; }", SIZE);
    check("let s = \"x\"; s.pad(30000, 'x'); s.replace(\"x\", s); []", SIZE);
    check("let s = \"x\"; s.pad(30000, 'x'); s.replace('x', s); []", SIZE);
    check("let s = \"x\"; s.pad(30000, 'x'); s.replace(\"\", s); []", SIZE);
    check("let a = [0]; loop { a += a; }", SIZE);
    check("let a = []; loop { a.push(a); }", SIZE);
    check("let a = []; loop { a = [a]; }", SIZE);
    check("let a = []; a.pad(2000000000, 0); a", SIZE);
    check("let m = #{}; let n = 0; loop { m[`${n}`] = n; n += 1; }", OPERATIONS);
    check("let m = #{}; loop { m = #{ a: m, b: m }; }", SIZE);
    check("let f = |x| x; loop { let g = f; f = |x| g.call(x); }", OPERATIONS);
    check("let s = \"x\"; s.pad(30000, 'x'); let a = []; a.pad(900, s); loop { a = a + []; }", SIZE);
}

#[test]
fn a_rule_that_runs_away_while_it_is_read_is_an_error() {
    for (source, expected) in
        [("loop { }", OPERATIONS), ("let f = |x| x; loop { let g = f; f = |x| g.call(x); }", OPERATIONS)]
    {
        let (rule, problems) = read(source, None);
        assert!(rule.is_none() && problems[0].message.contains(expected), "{source}");
    }
}

#[test]
fn slow_scripts_are_stopped_by_the_clock() {
    let limits = Limits { operations: u64::MAX, time: Duration::from_millis(20) };
    let source = with("fix: |i, facts| { loop { } },\nverify: |i, facts| [ check.quiet(\"5m\") ],");
    let rule = read_with(&source, Some(SAMPLES), limits).0.unwrap();
    let error = rule.logic.fix(&case(), &Facts::new(), &[]).unwrap_err();
    assert!(error.over_limit && error.why.contains("longer than 20 ms"), "{error}");
}

#[test]
fn closures_that_capture_themselves_are_refused_or_harmless() {
    let source = format!("let f = 0;\nf = |x| f.call(x);\n{}", with("asset: f,"));
    let (rule, problems) = read(&source, Some(SAMPLES));
    assert!(rule.is_none() && problems[0].message.contains("cannot be kept"), "{problems:?}");
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("#{a:", "}"),
        ("{", "}"),
        ("|x|", ""),
        ("!", ""),
        ("-", ""),
        ("if true {", "}"),
        ("1+(", ")"),
    ] {
        for depth in [20, 200, 20_000] {
            let source = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let (rule, problems) = read(&source, None);
            assert!(rule.is_none() && !problems.is_empty(), "{open} {depth}");
        }
    }
    let pattern = with(&format!("match: `{}x{}`,\nfields: #{{}},", "(".repeat(5000), ")".repeat(5000)));
    assert!(read(&pattern, Some(SAMPLES)).0.is_none());
}

#[test]
fn nothing_of_the_world_is_within_reach() {
    for call in [
        "sleep(1)",
        "timestamp()",
        "open_file(\"/etc/passwd\")",
        "rand()",
        "parse_json(\"1\")",
        "exit()",
        "env(\"HOME\")",
    ] {
        let fix = format!("fix: |i, facts| {{ {call}; [] }},\nverify: |i, facts| [check.quiet(\"1m\")],");
        let (rule, problems) = read(&with(&fix), Some(SAMPLES));
        assert!(rule.is_none() && problems[0].message.starts_with("there is no function"), "{call}: {problems:?}");
    }
    // Printing is no error and reaches nobody.
    assert!(with_fix("{ print(\"x\"); debug(\"x\"); [] }").logic.fix(&case(), &Facts::new(), &[]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_text_is_a_problem_and_never_a_panic(text in "\\PC{0,300}") {
        let (rule, problems) = read(&text, None);
        prop_assert!(rule.is_none() && !problems.is_empty());
        prop_assert!(problems.iter().all(|p| !p.to_string().is_empty() && !p.message.contains("engine itself")));
    }

    #[test]
    fn shuffled_words_of_rules_never_panic(words in proptest::collection::vec(prop_oneof![
        Just("#{"), Just("}"), Just("["), Just("]"), Just("("), Just(")"), Just("|i|"), Just("|i, facts|"), Just("||"),
        Just("title:"), Just("match:"), Just("fields:"), Just("trigger:"), Just("fix:"), Just("asset:"), Just("probe:"),
        Just("\"x\""), Just("`(?<a>x)`"), Just("5"), Just("1.5"), Just("()"), Just(","), Just("."), Just("step"), Just("probe"),
        Just("let x ="), Just("x"), Just(";"), Just("fn f(a) {"), Just("f(1)"), Just("loop {"), Just("if x {"), Just("+"), Just("=="),
        Just("i.a"), Just("${"), Just("`"), Just("/*"), Just("//"), Just("\n"), Just("count:"), Just("within:"), Just("by:"),
    ], 0..60)) {
        let text = words.join(" ");
        let (rule, problems) = read(&text, None);
        prop_assert!(rule.is_some() || !problems.is_empty());
        prop_assert!(problems.iter().all(|p| !p.message.contains("engine itself")), "{}", text);
    }

    #[test]
    fn random_values_under_known_keys_never_panic(key in prop_oneof![
        Just("match"), Just("unless"), Just("fields"), Just("trigger"), Just("task"), Just("program"), Just("severity"),
        Just("clear"), Just("within"), Just("answer"), Just("escalate"), Just("fix"), Just("asset"), Just("impact"),
    ], value in prop_oneof![
        Just("5"), Just("-9223372036854775807"), Just("1e300"), Just("()"), Just("true"), Just("'x'"), Just("[]"), Just("[[]]"),
        Just("#{}"), Just("#{ count: -1, within: 5 }"), Just("#{ sequence: [-1, 1e9], within: \"1s\" }"), Just("|x| x"), Just("||1"),
        Just("[1, \"\", ()]"), Just("#{ kind: [], state: [5] }"), Just("Fn(\"x\")"), Just("step"), Just("probe.load()"),
        Just("`\u{0}\u{1b}`"), Just("`(?<é>x)`"), Just("\"99999999999999999999999d\""), Just("\"99999999999999999w\""), Just("0..5"),
    ]) {
        let (rule, problems) = read(&with(&format!("{key}: {value},")), Some(SAMPLES));
        prop_assert!(rule.is_some() || !problems.is_empty());
        prop_assert!(problems.iter().all(|p| !p.message.contains("engine itself")));
    }
}
