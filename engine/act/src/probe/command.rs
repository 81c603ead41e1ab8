//! Commands from the allow-list that look: with typed captures, or as a Nagios plugin.

use heinzel_core::field::{FieldType, Value};
use heinzel_core::probe::Capture;
use heinzel_process::How;
use regex::bytes::RegexBuilder;
use serde_json::{Map, Value as Json, json};

use super::Report;
use crate::Hands;
use crate::program::{ending, run};

/// How large a compiled pattern may be, in bytes.
const PATTERN_LIMIT: usize = 1024 * 1024;

impl Hands {
    /// Runs a command and reports its exit code, the number of its lines, and what `capture` finds.
    ///
    /// A command that takes too long makes the probe blind; one that was killed by a signal has no `exit`.
    pub(super) async fn command(&self, argv: &[String], capture: Option<&Capture>) -> Report {
        // A pattern that cannot work is told before anything runs.
        let pattern = capture.map(compile).transpose()?;
        let ended = run(argv, self.probe_timeout).await?;
        let exit = match ended.how {
            How::Exit(code) => Some(code),
            How::Signal(_) => None,
            How::TimedOut => return Err(ending(argv, self.probe_timeout, &ended)),
        };
        let mut report = Map::new();
        if let Some(exit) = exit {
            report.insert("exit".into(), exit.into());
        }
        let lines = || ended.stdout.strip_suffix(b"\n").unwrap_or(&ended.stdout).split(|&b| b == b'\n');
        report.insert("lines".into(), if ended.stdout.is_empty() { 0 } else { lines().count() }.into());
        if let (Some(pattern), Some(capture)) = (pattern, capture)
            && let Some(values) = lines().find_map(|line| values(&pattern, capture, line))
        {
            report.extend(values);
        }
        Ok(Json::Object(report))
    }

    /// Runs a plugin. Any other ending than exit 0 to 3 makes the probe blind: it says nothing about what was looked at.
    pub(super) async fn nagios(&self, argv: &[String]) -> Report {
        let ended = run(argv, self.probe_timeout).await?;
        let (exit, state) = match ended.how {
            How::Exit(0) => (0, "ok"),
            How::Exit(1) => (1, "warning"),
            How::Exit(2) => (2, "critical"),
            How::Exit(3) => (3, "unknown"),
            _ => return Err(format!("{}; a plugin ends with 0 to 3", ending(argv, self.probe_timeout, &ended))),
        };
        Ok(json!({"exit": exit, "state": state, "ok": exit == 0}))
    }
}

fn compile(capture: &Capture) -> Result<regex::bytes::Regex, String> {
    // As in rules: `\d`, `\w`, `\s` and `\b` mean ASCII unless the pattern says `(?u)`.
    let built = RegexBuilder::new(&capture.pattern).unicode(false).size_limit(PATTERN_LIMIT).build();
    let pattern = built.map_err(|error| format!("pattern `{}`: {error}", capture.pattern))?;
    for (name, kind) in &capture.fields {
        if *kind == FieldType::Text {
            return Err(format!(
                "field `{name}` is `text`, which never reaches a rule's functions; give it a narrower type"
            ));
        }
        if matches!(name.as_str(), "exit" | "lines") {
            return Err(format!("field `{name}` has the name of a reported key; choose another"));
        }
        if !pattern.capture_names().flatten().any(|group| group == name) {
            return Err(format!("pattern `{}` has no group `(?<{name}>…)`", capture.pattern));
        }
    }
    Ok(pattern)
}

/// The fields of a line, if it fits and all are accepted.
fn values(pattern: &regex::bytes::Regex, capture: &Capture, line: &[u8]) -> Option<Map<String, Json>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let captures = pattern.captures(line)?;
    let value = |(name, kind): (&String, &FieldType)| {
        let text = std::str::from_utf8(captures.name(name)?.as_bytes()).ok()?;
        let value = match kind.accept(text).ok()? {
            Value::Int(number) => number.into(),
            Value::Float(number) => number.into(),
            Value::Text(text) => text.into(),
        };
        Some((name.clone(), value))
    };
    capture.fields.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use heinzel_core::probe::Probe;

    use super::*;
    use crate::fixture::{argv, hands_with, sees};

    fn hands(timeout: &str) -> Hands {
        let any = json!([["sh", "-c", "*"], ["printf", "*"]]);
        hands_with(&json!({"probe_timeout": timeout}).to_string(), &json!({"allow": {"commands": any}}).to_string())
    }

    async fn captured(output: &str, pattern: &str, fields: Json) -> Json {
        let capture = Capture { pattern: pattern.into(), fields: serde_json::from_value(fields).unwrap() };
        sees(&hands("20s"), Probe::Command { argv: argv(&["printf", output]), capture: Some(capture) }).await
    }

    #[tokio::test]
    async fn exit_code_and_lines_are_reported_and_never_the_output() {
        let probe = |script: &str| Probe::Command { argv: argv(&["sh", "-c", script]), capture: None };
        assert_eq!(sees(&hands("20s"), probe("echo secret; echo more; exit 4")).await, json!({"exit": 4, "lines": 2}));
        assert_eq!(sees(&hands("20s"), probe("kill -9 $$")).await, json!({"lines": 0}));
        let late = sees(&hands("100ms"), probe("sleep 600")).await;
        assert!(late["blind"].as_str().unwrap().contains("took longer than 100ms and was killed"), "{late}");
    }

    #[tokio::test]
    async fn the_first_line_whose_fields_are_all_accepted_counts() {
        let output = "queue -rf 10\nqueue active many\nqueue active 12\r\nqueue hold 99\n";
        let fields = json!({"name": "ident", "size": "int"});
        let report = captured(output, r"^queue (?<name>\S+) (?<size>\S+)", fields.clone()).await;
        assert_eq!(report, json!({"exit": 0, "lines": 4, "name": "active", "size": 12}));
        let report = captured("nothing here", r"^queue (?<name>\S+) (?<size>\S+)", fields).await;
        assert_eq!(report, json!({"exit": 0, "lines": 1}));
    }

    #[tokio::test]
    async fn captures_that_cannot_work_are_told_before_the_command_runs() {
        let blind = async |pattern: &str, fields: Json, expected: &str| {
            let report = captured("x", pattern, fields).await;
            assert!(report["blind"].as_str().is_some_and(|why| why.contains(expected)), "{report} {expected}");
        };
        blind("(?<a>.*)", json!({"a": "text"}), "field `a` is `text`").await;
        blind("(?<exit>.*)", json!({"exit": "int"}), "name of a reported key").await;
        blind("(?<a>.*)", json!({"b": "int"}), "has no group `(?<b>…)`").await;
        blind("(", json!({}), "pattern `(`").await;
    }

    #[tokio::test]
    async fn output_that_is_no_utf8_does_not_stop_the_search() {
        let report = captured("v \\377\nv 7\n", r"^v (?<v>.+)$", json!({"v": "int"})).await;
        assert_eq!(report, json!({"exit": 0, "lines": 2, "v": 7}));
    }

    #[tokio::test]
    async fn plugins_speak_by_their_exit_code() {
        for (exit, state) in [(0, "ok"), (1, "warning"), (2, "critical"), (3, "unknown")] {
            let report =
                sees(&hands("20s"), Probe::Nagios { argv: argv(&["sh", "-c", &format!("exit {exit}")]) }).await;
            assert_eq!(report, json!({"exit": exit, "state": state, "ok": exit == 0}));
        }
        let report = sees(&hands("20s"), Probe::Nagios { argv: argv(&["sh", "-c", "echo gone >&2; exit 127"]) }).await;
        assert!(
            report["blind"].as_str().unwrap().ends_with("exit code 127: gone; a plugin ends with 0 to 3"),
            "{report}"
        );
    }

    #[tokio::test]
    async fn a_command_that_is_not_allowed_does_not_run() {
        for words in [&["rm", "-rf", "/"][..], &["printf", "-v"], &["printf"], &[]] {
            for probe in [Probe::Command { argv: argv(words), capture: None }, Probe::Nagios { argv: argv(words) }] {
                let report = sees(&hands("20s"), probe).await;
                assert!(report["blind"].as_str().unwrap().contains("is not allowed"), "{words:?}: {report}");
            }
        }
    }
}
