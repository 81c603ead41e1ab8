//! Values that a function makes and throws away.

use super::{SAMPLES, read, shown, with};

/// A `fix` with this body is sound, or said to lose what begins at these places (line and column within the body's line).
fn check(body: &str, columns: &[usize]) {
    let head = "fix: |i, facts| {";
    let source = with(&format!(
        "probe: |i| #{{ unit: probe.unit(\"a.service\") }},\n{head}{body}}},\nverify: |i, facts| [ check.quiet(\"5m\") ],"
    ));
    let (rule, problems) = read(&source, Some(SAMPLES));
    let lost: Vec<usize> = problems
        .iter()
        .filter(|problem| problem.message.contains("goes nowhere"))
        .map(|problem| problem.column - head.len() - 1)
        .collect();
    assert_eq!(lost, columns, "{body}: {}", shown(&problems));
    assert_eq!(rule.is_some(), columns.is_empty(), "{body}: {}", shown(&problems));
}

#[test]
fn a_guard_without_return_guards_nothing_and_is_an_error() {
    check("if facts.unit.blind { step.hand_over(\"who knows\") } [step.truncate(\"/a\")]", &[22]);
    check("if facts.unit.active == true { [] } [step.truncate(\"/a\")]", &[31]);
    check("if facts.unit.blind { if i.round == 0 { [] } else { step.hand_over(\"x\") } } []", &[40, 52]);
    check("step.truncate(\"/a\"); []", &[0]);
    check("for n in [1, 2] { [step.truncate(\"/a\")] } []", &[18]);
    check("switch i.round { 0 => [], _ => step.hand_over(\"x\") } []", &[22, 31]);
}

#[test]
fn what_is_returned_or_used_is_not_lost() {
    for body in [
        "[step.truncate(\"/a\")];",
        "if facts.unit.blind { return step.hand_over(\"who knows\"); } [step.truncate(\"/a\")]",
        "if facts.unit.blind { step.hand_over(\"who knows\") } else { [step.truncate(\"/a\")] }",
        "if facts.unit.blind { step.hand_over(\"who knows\") } else if i.round == 0 { [] } else { [step.truncate(\"/a\")] }",
        "let steps = []; steps.push(step.truncate(\"/a\")); if i.round == 0 { steps += step.truncate(\"/b\"); } steps",
        "let steps = if i.round == 0 { [] } else { [step.truncate(\"/a\")] }; steps",
        "switch i.round { 0 => [], _ => step.hand_over(\"x\") }",
        "let all = []; for n in [1, 2] { all.push(step.truncate(\"/a\")); } all",
        "{ { [step.truncate(\"/a\")] } }",
    ] {
        check(body, &[]);
    }
}
