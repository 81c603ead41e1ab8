//! From a rule's text to a [`Rule`], with all that is wrong in it.

use std::sync::Arc;
use std::time::Duration;

use heinzel_core::field::FieldType;
use heinzel_core::glob::Glob;
use heinzel_core::near;
use heinzel_core::policy::Mode;
use heinzel_core::rule::{Clear, Has, Patience, Rule, RuleId, RuleVersion, TaskClause};
use heinzel_core::severity::Severity;
use heinzel_core::state::REMEMBERED;
use heinzel_core::task::TaskState;
use rhai::{AST, Expr, FnPtr, Map, Stmt};
use sha2::{Digest, Sha256};

use crate::host::{Failure, Host};
use crate::logic::ScriptLogic;
use crate::patterns::{self, Patterns};
use crate::places::Places;
use crate::problem::{FileText, Gravity, Problem};
use crate::purify::purify;
use crate::reader::{LONGEST, Reader};
use crate::sample::Samples;
use crate::view::Names;
use crate::{calls, draft, lost, trigger};

/// The keys of a rule.
const KEYS: [&str; 28] = [
    "title",
    "about",
    "title_de",
    "about_de",
    "automation",
    "severity",
    "impact",
    "urgency",
    "program",
    "source",
    "match",
    "unless",
    "fields",
    "task",
    "trigger",
    "clear",
    "asset",
    "probe",
    "fix",
    "verify",
    "rollback",
    "within",
    "stable",
    "cooldown",
    "reopen",
    "answer",
    "escalate",
    "draft",
];
/// Keys that belong into `trigger`, where people put them first.
const MISPLACED: [&str; 2] = ["by", "count"];
const COOLDOWN: Duration = Duration::from_secs(10 * 60);
const REOPEN: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// What a rule's author says about it to people, beyond the title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// What it means, its cause, what the fix does, when it must not run.
    pub about: Option<String>,
    /// The title in German.
    pub title_de: Option<String>,
    /// The same as `about` in German.
    pub about_de: Option<String>,
}

/// What became of a rule's text.
pub(crate) struct Outcome {
    /// `None` when there are errors.
    pub(crate) rule: Option<Rule>,
    pub(crate) story: Story,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a rule.
pub(crate) fn read(host: &Arc<Host>, file: &FileText, id: &RuleId, samples: Option<&Samples>) -> Outcome {
    let failed =
        |failure: Failure| Outcome { rule: None, story: Story::default(), problems: vec![from_failure(file, failure)] };
    let ast = match host.compile(&file.text) {
        Ok(ast) => ast,
        Err(failure) => return failed(failure),
    };
    let places = Places::of(&ast);
    let mut reader = Reader { file, places: &places, problems: Vec::new() };
    calls::check(&mut reader, host, &ast);
    lost::check(&mut reader, &ast);
    check_single(&mut reader, &ast);
    let value = match host.eval(&ast) {
        Ok(value) => value,
        Err(failure) => {
            let failed = from_failure(file, failure);
            if !reader.problems.iter().any(|p| (p.line, p.column) == (failed.line, failed.column)) {
                reader.problems.push(failed);
            }
            return Outcome { rule: None, story: Story::default(), problems: reader.problems };
        }
    };
    let Some(map) = value.read_lock::<Map>().map(|map| map.clone()) else {
        let message = format!("the file's value is {}, not a map", crate::reader::kind(&value));
        let last = file.text.lines().count().max(1);
        reader.problems.push(file.at(
            (last, 1),
            Gravity::Error,
            message,
            Some("a rule is #{ title: \"…\", … } at the end of its file".into()),
        ));
        return Outcome { rule: None, story: Story::default(), problems: reader.problems };
    };
    drop(value);
    read_map(reader, host, &ast, &map, id, samples)
}

/// Reads all keys of a rule. As long as the contract: a line or two a key, then the rule if nothing was wrong.
fn read_map(
    mut reader: Reader<'_>,
    host: &Arc<Host>,
    ast: &AST,
    map: &Map,
    id: &RuleId,
    samples: Option<&Samples>,
) -> Outcome {
    let placed = map.iter().filter(|(key, _)| !MISPLACED.contains(&key.as_str()));
    reader.unknown_keys(&placed.map(|(key, value)| (key.clone(), value.clone())).collect(), "", &KEYS);
    for key in MISPLACED.into_iter().filter(|k| map.contains_key(*k)) {
        reader.key_error(
            key,
            format!("`{key}` stands outside of `trigger`"),
            format!("write trigger: #{{ {key}: …, within: \"10m\" }}"),
        );
    }
    let title = reader.text(map, "title", "");
    check_title(&mut reader, "title", title.as_deref());
    let story = Story {
        about: reader.text(map, "about", ""),
        title_de: reader.text(map, "title_de", ""),
        about_de: reader.text(map, "about_de", ""),
    };
    check_title(&mut reader, "title_de", story.title_de.as_deref().or(Some("-")));
    let automation = read_automation(&mut reader, map);
    let severity = read_severity(&mut reader, map);
    let programs = globs(&mut reader, map, "program", "");
    let sources = globs(&mut reader, map, "source", "");
    let task = read_task(&mut reader, map);
    let patterns = patterns::read(&mut reader, map, map.contains_key("task"), samples);
    let (trigger, by) = trigger::read(&mut reader, map, &patterns, map.contains_key("task"));
    let (has, fix_takes_results) = read_functions(&mut reader, map, ast, samples);
    let draft = draft::read(&mut reader, map, has);
    let patience = Patience {
        within: reader.span(map, "within", "", SECOND..=LONGEST).unwrap_or(Patience::default().within),
        stable_for: reader.span(map, "stable", "", Duration::ZERO..=LONGEST).unwrap_or(Patience::default().stable_for),
        ..Patience::default()
    };
    // Over these the engine must remember what was.
    let cooldown = reader.span(map, "cooldown", "", Duration::ZERO..=REMEMBERED).unwrap_or(COOLDOWN);
    if cooldown.is_zero() && has.fix {
        reader.warn("cooldown", "a fix without rest may run again and again", "give it at least a minute");
    }
    let reopen = reader.span(map, "reopen", "", Duration::ZERO..=REMEMBERED).unwrap_or(REOPEN);
    let answer = reader.text(map, "answer", "");
    check_answer(&mut reader, answer.as_deref());
    let escalate = reader.text(map, "escalate", "");
    if let Some(Err(no)) = escalate.as_deref().map(|whom| FieldType::Ident.accept(whom)) {
        reader.error(
            "escalate",
            format!("`escalate` {}", no.reason),
            "name one team or person of the operator's settings, like \"web-oncall\"",
        );
    }

    let file = reader.file;
    let mut problems = reader.problems;
    problems.sort_by_key(|p| (p.severity, p.file != file.path, p.line, p.column));
    problems.dedup();
    let sound = !problems.iter().any(Problem::is_error);
    let rule = match (title, severity) {
        (Some(title), Some(severity)) if sound => {
            let Patterns { matches, unless, clear, task_ok, fields } = patterns;
            let (text, typed) = fields.iter().partition::<Vec<_>, _>(|(_, kind)| **kind == FieldType::Text);
            let owned = |names: Vec<(&String, &FieldType)>| names.into_iter().map(|(name, _)| name.clone()).collect();
            let digest = digest(&file.text);
            let names = Names { typed: owned(typed), text: owned(text) };
            Some(Rule {
                id: id.clone(),
                version: version(digest),
                title,
                severity,
                programs,
                sources,
                patterns: matches,
                unless,
                fields,
                task,
                trigger,
                by,
                clear: Clear { patterns: clear, task_ok },
                cooldown,
                reopen,
                patience,
                answer,
                escalate,
                automation,
                draft,
                has,
                logic: Arc::new(ScriptLogic {
                    host: host.clone(),
                    text: file.text.as_str().into(),
                    digest,
                    id: id.clone(),
                    file: file.path.clone(),
                    names,
                    has,
                    fix_takes_results,
                }),
            })
        }
        _ => None,
    };
    Outcome { rule, story, problems }
}

/// The first eight bytes of a text's SHA-256.
fn digest(text: &str) -> u64 {
    Sha256::digest(text.as_bytes()).iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte))
}

fn version(digest: u64) -> RuleVersion {
    RuleVersion(format!("{digest:016x}").into())
}

fn from_failure(file: &FileText, failure: Failure) -> Problem {
    let last = file.text.lines().count().max(1);
    let (line, column) = failure.place.unwrap_or((1, 1));
    file.at((line.min(last), column), Gravity::Error, failure.message, failure.hint)
}

fn check_title(reader: &mut Reader<'_>, key: &str, title: Option<&str>) {
    match title {
        None if reader.problems.iter().any(|p| p.message.starts_with("`title`")) => {}
        None => reader.error(
            "",
            "the rule has no `title`",
            "add one line for people: title: \"PHP-FPM pool has run out of workers\"",
        ),
        Some(title) if title.trim().is_empty() || title.len() > 200 || title.chars().any(char::is_control) => {
            let message = format!("`{key}` is not one line of 1 to 200 bytes");
            reader.error(key, message, "say in one line what has happened");
        }
        Some(_) => {}
    }
}

fn read_automation(reader: &mut Reader<'_>, map: &Map) -> Mode {
    let Some(word) = reader.text(map, "automation", "") else { return Mode::Auto };
    Mode::from_word(&word).unwrap_or_else(|| {
        let hint = near::hint(&word, Mode::ALL.map(Mode::word));
        reader.error("automation", format!("`{word}` is no mode"), hint);
        Mode::Observe
    })
}

fn read_severity(reader: &mut Reader<'_>, map: &Map) -> Option<Severity> {
    let pair = map.contains_key("impact") || map.contains_key("urgency");
    if map.contains_key("severity") {
        if pair {
            reader.error("severity", "both `severity` and `impact`/`urgency`", "keep one of the two ways");
        }
        let word = reader.text(map, "severity", "")?;
        let severity = Severity::from_word(&word);
        if severity.is_none() {
            let hint = near::hint(&word, Severity::ALL.map(Severity::word));
            reader.error("severity", format!("`{word}` is no severity"), hint);
        }
        return severity;
    }
    if !pair {
        reader.error(
            "",
            "the rule has no `severity`",
            "add one: severity: \"info\", \"low\", \"medium\", \"high\" or \"critical\"",
        );
        return None;
    }
    for (key, other) in [("impact", "urgency"), ("urgency", "impact")] {
        if !map.contains_key(key) {
            reader.error(other, format!("`{other}` without `{key}`"), format!("add {key}: 1 (high) to 3 (low)"));
        }
    }
    let impact = reader.number(map, "impact", "", 1, 3)?;
    let urgency = reader.number(map, "urgency", "", 1, 3)?;
    Severity::from_impact_urgency(u8::try_from(impact).ok()?, u8::try_from(urgency).ok()?)
}

fn globs(reader: &mut Reader<'_>, map: &Map, key: &str, within: &str) -> Vec<Glob> {
    let texts = reader.texts(map, key, within);
    let path = crate::reader::join(within, key);
    let wrong_kind = (0..texts.len()).any(|number| reader.complained(&format!("{path}[{number}]")));
    if !wrong_kind && texts.iter().any(|t| t.trim().is_empty()) {
        reader.error(&path, format!("`{key}` holds an empty name"), "write names, with `*` where they vary");
    }
    texts.into_iter().map(Glob).collect()
}

fn read_task(reader: &mut Reader<'_>, map: &Map) -> Option<TaskClause> {
    let clause = reader.map(map, "task", "a map like #{ kind: \"vzdump\", state: \"failed\" }")?;
    reader.unknown_keys(&clause, "task", &["kind", "state"]);
    let kind = globs(reader, &clause, "kind", "task");
    if kind.is_empty() {
        reader.error("task", "`task` names no kind", "add kind: \"vzdump\" (or \"*\" for every task)");
    }
    let mut state = Vec::new();
    for (number, word) in reader.texts(&clause, "state", "task").into_iter().enumerate() {
        match TaskState::from_word(&word) {
            Some(known) => state.push(known),
            None => {
                let hint = near::hint(&word, ["queued", "running", "ok", "warning", "failed"]);
                reader.error(&format!("task.state[{number}]"), format!("`{word}` is no state of a task"), hint);
            }
        }
    }
    Some(TaskClause { kind, state })
}

/// Which functions the rule has, and whether its `fix` takes the results of earlier rounds.
fn read_functions(reader: &mut Reader<'_>, map: &Map, ast: &AST, samples: Option<&Samples>) -> (Has, bool) {
    let mut read = |key: &str, shape: &str, arities: &[usize]| {
        let function = reader.function(map, key, shape)?;
        let taken = arity(ast, &function);
        if !taken.iter().any(|n| arities.contains(n)) {
            let takes = taken.first().map_or_else(
                || "is no closure".into(),
                |n| format!("takes {n} argument{}", if *n == 1 { "" } else { "s" }),
            );
            reader.error(key, format!("the function of `{key}` {takes}"), format!("write {shape}"));
            return None;
        }
        if let Err(why) = purify(&function) {
            reader.error(
                key,
                format!("the function of `{key}` cannot be kept: {why}"),
                "let it compute what it needs from its arguments",
            );
            return None;
        }
        Some(taken)
    };
    let asset = read("asset", "|e| \"pool:\" + e.pool", &[1]);
    let probe = read("probe", "|i| #{ unit: probe.unit(\"nginx.service\") }", &[1]);
    let fix = read("fix", "|i, facts| [ step.systemd_reload(facts.unit.name) ]", &[2, 3]);
    let verify = read("verify", "|i, facts| [ check.quiet(\"5m\") ]", &[2]);
    let rollback = read("rollback", "|i, facts| [ … ]", &[2]);
    if map.contains_key("fix") && !map.contains_key("verify") {
        reader.key_error(
            "fix",
            "`fix` without `verify`",
            "say how it shows that the fix has helped: verify: |i, facts| [ check.quiet(\"5m\") ]",
        );
    }
    for key in ["verify", "rollback"] {
        if map.contains_key(key) && !map.contains_key("fix") {
            reader.key_error(key, format!("`{key}` without `fix`"), "add the fix, or remove it");
        }
    }
    if map.contains_key("probe") && !map.contains_key("fix") {
        reader.warn("probe", "`probe` without `fix`: nobody reads its facts", "remove it, or add a fix");
    }
    if fix.is_some() && samples.is_some_and(|s| s.plans.is_empty()) {
        reader.warn("fix", "no sample shows the plan", "add a [[plan]] with facts, steps and verify to the samples");
    }
    let has = Has {
        asset: asset.is_some(),
        probe: probe.is_some(),
        fix: fix.is_some(),
        verify: verify.is_some(),
        rollback: rollback.is_some(),
    };
    (has, fix.is_some_and(|taken| !taken.contains(&2)))
}

/// How many arguments a function of the file takes beside what it captured.
fn arity(ast: &AST, function: &FnPtr) -> Vec<usize> {
    let captured = function.curry().len();
    let named = ast.iter_functions().filter(|f| f.name == function.fn_name());
    named.filter_map(|f| f.params.len().checked_sub(captured)).collect()
}

fn check_answer(reader: &mut Reader<'_>, answer: Option<&str>) {
    let Some(answer) = answer.filter(|answer| !draft::is_answer(answer)) else { return };
    let hint = "write pack and name in lower case: \"web/pool-busy\"";
    reader.error("answer", format!("`{answer}` is no answer's name"), hint);
}

/// A map that the file does not end with is a rule that nobody would miss until it is needed.
fn check_single(reader: &mut Reader<'_>, ast: &AST) {
    let Some((_, before)) = ast.statements().split_last() else { return };
    for statement in before {
        if let Stmt::Expr(expression) = statement
            && matches!(**expression, Expr::Map(..))
        {
            let at = expression.start_position();
            let at = (at.line().unwrap_or(1), at.position().unwrap_or(1));
            let hint = Some("one file holds one rule: move this one into a file of its own".into());
            let message = "this map is not the end of the file, so it is no rule";
            reader.problems.push(reader.file.at(at, Gravity::Error, message, hint));
        }
    }
}
