//! A rule's samples: lines as the real program writes them, and what must become of them.
//!
//! Start at [`Samples::parse`]. The lines are run by whoever has parser and matcher; [`crate::plan_sample`] runs the plans.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use heinzel_core::field::Value;
use heinzel_core::task::{Task, TaskState};
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use crate::problem::{FileText, Gravity, Problem};

/// All samples of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// The file they come from.
    pub file: PathBuf,
    /// Lines (or tasks) and whether they fire.
    pub samples: Vec<Sample>,
    /// Facts and the plans they must lead to.
    pub plans: Vec<PlanSample>,
}

/// Where a sample stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The line itself.
    pub source_line: String,
}

/// One line and what must become of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Where it stands.
    pub at: At,
    /// The message; with `format`, the whole line. Empty for a task without a log line.
    pub line: String,
    /// The program that wrote it.
    pub program: Option<String>,
    /// The host that wrote it.
    pub host: Option<String>,
    /// The systemd unit it is from.
    pub unit: Option<String>,
    /// The source it is read from.
    pub source: Option<String>,
    /// The line's format, as a `[[source]]` names it; the header is then taken from the line.
    pub format: Option<String>,
    /// The task whose history it belongs to.
    pub task: Option<Task>,
    /// The real program, with its version, that wrote this line; `None`: it was written from documentation.
    pub made_by: Option<String>,
    /// Whether there is a finding.
    pub fires: bool,
    /// Fields the finding must have with these values (others may be there).
    pub fields: BTreeMap<String, Value>,
    /// The asset the finding must concern.
    pub asset: Option<String>,
    /// The patterns that must match; empty: any.
    pub matches: Vec<usize>,
}

/// Facts and the plan that they must lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanSample {
    /// Where it stands.
    pub at: At,
    /// The fields of the finding.
    pub fields: BTreeMap<String, Value>,
    /// The asset; without it, what the rule's `asset` makes of the fields.
    pub asset: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The task.
    pub task: Option<Task>,
    /// A draft opened the incident, and no line.
    pub draft: bool,
    /// How many findings the incident has (1).
    pub count: u64,
    /// How often the fix has run in the last 24 hours (0).
    pub fixes_24h: u32,
    /// The round of planning (0).
    pub round: u32,
    /// What the probes saw: name → report. A probe that is not named was blind, as one with `blind = true`.
    pub facts: BTreeMap<String, Json>,
    /// The steps, in words.
    pub steps: Vec<String>,
    /// The checks, in words; `None`: not compared.
    pub verify: Option<Vec<String>>,
    /// The way back, in words; `None`: not compared.
    pub rollback: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileShape {
    #[serde(default)]
    sample: Vec<Spanned<SampleShape>>,
    #[serde(default)]
    plan: Vec<Spanned<PlanShape>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleShape {
    line: Option<String>,
    program: Option<String>,
    host: Option<String>,
    unit: Option<String>,
    source: Option<String>,
    format: Option<String>,
    task: Option<TaskShape>,
    made_by: Option<String>,
    fires: bool,
    #[serde(default)]
    fields: BTreeMap<String, Json>,
    asset: Option<String>,
    #[serde(default)]
    matches: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanShape {
    #[serde(default)]
    fields: BTreeMap<String, Json>,
    asset: Option<String>,
    host: Option<String>,
    task: Option<TaskShape>,
    #[serde(default)]
    draft: bool,
    #[serde(default = "one")]
    count: u64,
    #[serde(default)]
    fixes_24h: u32,
    #[serde(default)]
    round: u32,
    #[serde(default)]
    facts: BTreeMap<String, Json>,
    steps: Vec<String>,
    verify: Option<Vec<String>>,
    rollback: Option<Vec<String>>,
}

fn one() -> u64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskShape {
    id: Option<String>,
    kind: String,
    target: Option<String>,
    customer: Option<String>,
    state: TaskState,
    exit: Option<String>,
}

impl From<TaskShape> for Task {
    fn from(shape: TaskShape) -> Self {
        let TaskShape { id, kind, target, customer, state, exit } = shape;
        Self {
            id: id.unwrap_or_else(|| "1".into()),
            kind,
            target,
            customer,
            state,
            started: None,
            finished: None,
            exit,
        }
    }
}

/// The largest sample file, in bytes.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

impl Samples {
    /// Reads and parses a sample file.
    ///
    /// # Errors
    /// All [`Problem`]s of the file.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let file = FileText::read(path, FILE_BYTES).map_err(|problem| vec![problem])?;
        Self::from_file(&file)
    }

    /// Parses the text of a sample file; `path` is for messages.
    ///
    /// # Errors
    /// All [`Problem`]s of the text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        Self::from_file(&FileText { path: path.to_owned(), text: text.to_owned() })
    }

    fn from_file(file: &FileText) -> Result<Self, Vec<Problem>> {
        let shape: FileShape = toml::from_str(&file.text).map_err(|error| vec![file.toml(&error)])?;
        let mut problems = Vec::new();
        let mut samples = Self { file: file.path.clone(), samples: Vec::new(), plans: Vec::new() };
        let at = |byte: usize| {
            let (line, column) = file.place(byte);
            At { line, column, source_line: file.line(line).to_owned() }
        };
        for spanned in shape.sample {
            let at = at(spanned.span().start);
            let shape = spanned.into_inner();
            if shape.line.is_none() && shape.task.is_none() {
                problems.push(samples.problem(
                    &at,
                    "the sample has neither `line` nor `task`",
                    "add `line = \"…\"` with a real line",
                ));
            }
            let expects = !shape.fields.is_empty() || shape.asset.is_some() || !shape.matches.is_empty();
            if !shape.fires && expects {
                let hint = "remove fields, asset and matches, or write `fires = true`";
                problems.push(samples.problem(
                    &at,
                    "the sample does not fire, so it has no fields, asset or matches",
                    hint,
                ));
            }
            let fields = values(&samples, &at, shape.fields, &mut problems);
            samples.samples.push(Sample {
                at,
                line: shape.line.unwrap_or_default(),
                program: shape.program,
                host: shape.host,
                unit: shape.unit,
                source: shape.source,
                format: shape.format,
                task: shape.task.map(Into::into),
                made_by: shape.made_by,
                fires: shape.fires,
                fields,
                asset: shape.asset,
                matches: shape.matches,
            });
        }
        for spanned in shape.plan {
            let at = at(spanned.span().start);
            let shape = spanned.into_inner();
            let fields = values(&samples, &at, shape.fields, &mut problems);
            for name in shape.facts.iter().filter(|(_, report)| !report.is_object()).map(|(name, _)| name) {
                let hint = format!("write the report's keys: {name} = {{ active = true }}");
                problems.push(samples.problem(&at, format!("the fact `{name}` is no table"), hint));
            }
            samples.plans.push(PlanSample {
                at,
                fields,
                asset: shape.asset,
                host: shape.host,
                task: shape.task.map(Into::into),
                draft: shape.draft,
                count: shape.count,
                fixes_24h: shape.fixes_24h,
                round: shape.round,
                facts: shape.facts,
                steps: shape.steps,
                verify: shape.verify,
                rollback: shape.rollback,
            });
        }
        if problems.is_empty() { Ok(samples) } else { Err(problems) }
    }

    /// An error at one of the samples, for whoever runs them.
    #[must_use]
    pub fn problem(&self, at: &At, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem {
            file: self.file.clone(),
            line: at.line,
            column: at.column,
            severity: Gravity::Error,
            source_line: at.source_line.clone(),
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

fn values(
    samples: &Samples,
    at: &At,
    raw: BTreeMap<String, Json>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    for (name, json) in raw {
        let value = match &json {
            Json::String(text) => Some(Value::Text(text.clone())),
            Json::Number(number) => number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Float)),
            _ => None,
        };
        match value {
            Some(value) => {
                fields.insert(name, value);
            }
            None => problems.push(samples.problem(
                at,
                format!("the field `{name}` is neither a text nor a number"),
                "write it as the log has it",
            )),
        }
    }
    fields
}
