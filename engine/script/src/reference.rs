//! The functions that rules call, in one table: editors' definitions and the hints of wrong calls come from it.
//!
//! Start at [`definitions`]. A test calls every entry, so the table cannot promise what is not there.

use std::fmt::Write;

use heinzel_core::near;

use crate::host::{Host, Limits};

/// One function of the rule language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called on: `probe`, `step`, `check`, or `Step` for a step just made.
    pub on: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its arguments with their types, as editors show them.
    pub arguments: &'static str,
    /// One line on what it does.
    pub about: &'static str,
}

const fn entry(on: &'static str, name: &'static str, arguments: &'static str, about: &'static str) -> Entry {
    Entry { on, name, arguments, about }
}

/// All functions that are not Rhai's own.
pub(crate) const FUNCTIONS: &[Entry] = &[
    entry("probe", "unit", "name: String", "State of a systemd unit; the name may hold `*`."),
    entry("probe", "disk", "path: String", "Use of the file system that holds a path."),
    entry("probe", "load", "", "Load averages."),
    entry("probe", "memory", "", "Memory and swap."),
    entry("probe", "processes", "name: String", "Processes whose name fits; the name may hold `*`."),
    entry("probe", "file", "path: String", "A file or folder."),
    entry("probe", "tcp", "host: String, port: int", "Whether a TCP port accepts."),
    entry("probe", "http", "url: String", "GET of a URL."),
    entry("probe", "certificate", "target: String", "Expiry of a certificate: `host:port` or a PEM file."),
    entry("probe", "command", "argv: Array", "Exit code of an allowed command."),
    entry("probe", "command", "argv: Array, capture: Map", "Also typed values: `#{ pattern: …, fields: #{ … } }`."),
    entry("probe", "nagios", "argv: Array", "What a Nagios plugin says."),
    entry("step", "systemd_start", "unit: String", "`systemctl start`"),
    entry("step", "systemd_stop", "unit: String", "`systemctl stop`"),
    entry("step", "systemd_restart", "unit: String", "`systemctl restart`"),
    entry("step", "systemd_reload", "unit: String", "`systemctl reload`"),
    entry("step", "systemd_reset_failed", "unit: String", "`systemctl reset-failed`"),
    entry("step", "command", "argv: Array", "Runs a program, without a shell."),
    entry("step", "remove", "path: String", "Removes files; `*` in the last part of the path."),
    entry("step", "remove", "path: String, older_than: String", "Removes files last changed so long ago."),
    entry("step", "truncate", "path: String", "Cuts a file to nothing."),
    entry("step", "copy", "from: String, to: String", "Copies a file."),
    entry("step", "move_file", "from: String, to: String", "Moves a file."),
    entry("step", "chmod", "path: String, mode: String", "Sets a file's mode, octal: \"0640\"."),
    entry("step", "chown", "path: String, owner: String, group: String", "Sets a file's owner and group."),
    entry("step", "write_template", "path: String, template: String, values: Map", "Writes a file from a template."),
    entry("step", "signal", "name: String, signal: String", "Signals the processes with exactly this name."),
    entry("step", "signal", "name: String, pid: int, signal: String", "Signals one process: name and pid must fit."),
    entry("step", "http", "method: String, url: String", "An HTTP request."),
    entry("step", "http", "method: String, url: String, body: ?", "An HTTP request with a JSON body."),
    entry("step", "task_retry", "kind: String, target: String", "Runs a task again."),
    entry("step", "wait", "time: String", "Waits."),
    entry("step", "replan", "", "Last in a plan: probes again and asks `fix` again."),
    entry("step", "hand_over", "why: String", "Instead of steps: this is no case for the fix, a person must look."),
    entry("Step", "timeout", "time: String", "How long the step may take."),
    entry("Step", "describe", "", "The step in words, as plan samples compare it."),
    entry("check", "unit_active", "unit: String", "The unit is active."),
    entry("check", "unit_inactive", "unit: String", "The unit is not active."),
    entry("check", "http", "url: String", "The answer's status is 200 to 399."),
    entry("check", "http", "url: String, status: int", "The answer has this status."),
    entry("check", "tcp", "host: String, port: int", "The port accepts."),
    entry("check", "disk_below", "path: String, percent: float", "At most so much of the file system is used."),
    entry("check", "inodes_below", "path: String, percent: float", "At most so many of the inodes are used."),
    entry("check", "file_exists", "path: String", "The file is there."),
    entry("check", "file_absent", "path: String", "The file is not there."),
    entry("check", "process_running", "name: String", "At least one process has the name."),
    entry("check", "process_gone", "name: String", "No process has the name."),
    entry("check", "certificate_days", "target: String, days: float", "The certificate is valid for at least so long."),
    entry("check", "command", "argv: Array", "The command ends with 0."),
    entry("check", "command", "argv: Array, exit: int", "The command ends with this code."),
    entry("check", "nagios", "argv: Array", "The plugin says OK."),
    entry("check", "is", "probe: Probe, key: String, value: ?", "A probe's report has this value."),
    entry("check", "is_not", "probe: Probe, key: String, value: ?", "A probe's report has another value."),
    entry("check", "at_most", "probe: Probe, key: String, value: float", "A probe's report is at most this."),
    entry("check", "at_least", "probe: Probe, key: String, value: float", "A probe's report is at least this."),
    entry("check", "quiet", "time: String", "No new finding for so long, while the source was being read."),
    entry("Check", "describe", "", "The check in words, as plan samples compare it."),
];

/// Definitions for editors, as the Rhai language server reads them: ours and those of the engine.
#[must_use]
pub fn definitions() -> String {
    let mut text = String::from("module static;\n\n");
    for name in ["probe", "step", "check"] {
        let _ = writeln!(text, "const {name}: {name};");
    }
    for Entry { on, name, arguments, about } in FUNCTIONS {
        let this = if arguments.is_empty() { format!("this: {on}") } else { format!("this: {on}, {arguments}") };
        let makes = match *on {
            "probe" => "Probe",
            "check" => "Check",
            _ if *name == "describe" => "String",
            _ if *name == "hand_over" => "HandOver",
            _ => "Step",
        };
        let _ = write!(text, "\n/// {about}\nfn {name}({this}) -> {makes};\n");
    }
    text.push_str("\n// Rhai's own.\n");
    let own = Host::new(Limits::default()).engine().definitions().include_standard_packages(true).builtin_functions();
    text.push_str(own.trim_start_matches("module static;").trim_start());
    text
}

/// How many arguments the functions called `name` on `on` take; empty when there is none.
pub(crate) fn arities(on: &str, name: &str) -> Vec<usize> {
    let count = |arguments: &str| if arguments.is_empty() { 0 } else { arguments.split(", ").count() };
    FUNCTIONS.iter().filter(|e| e.on == on && e.name == name).map(|e| count(e.arguments)).collect()
}

/// What to say of a call to a function that is not there, or not with so many arguments, and the way out.
pub(crate) fn miscalled(on: &str, name: &str) -> (String, String) {
    let ours = FUNCTIONS.iter().filter(|e| e.on == on);
    let fitting: Vec<String> =
        ours.clone().filter(|e| e.name == name).map(|e| format!("{on}.{name}({})", e.arguments)).collect();
    if fitting.is_empty() {
        let mut known: Vec<&str> = ours.map(|e| e.name).collect();
        known.dedup();
        let hint = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => near::hint(name, known),
        };
        return (format!("there is no `{on}.{name}`"), hint);
    }
    let fitting = fitting.join(" or ");
    let is_asked = |argument: &&(&str, &str)| fitting.contains(argument.0);
    let example = EXAMPLES.iter().find(is_asked).map_or("", |(_, example)| example);
    (format!("`{on}.{name}` does not take these arguments"), format!("write {fitting}{example}"))
}

/// What kinds of arguments look like that are often written otherwise.
const EXAMPLES: [(&str, &str); 3] = [
    ("argv: Array", "; the words of a command are a list, like [\"nginx\", \"-t\"]"),
    ("time: String", "; a time is a text, like \"5m\""),
    ("mode: String", "; a mode is a text, like \"0640\""),
];

/// What may have been meant: a slip of the pen, or the last word of a longer name (`restart`).
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let end = format!("_{name}");
    near::nearest(name, known.iter().copied()).or_else(|| known.iter().copied().find(|known| known.ends_with(&end)))
}

/// Whether a function of ours has this name.
pub(crate) fn is_ours(name: &str) -> bool {
    FUNCTIONS.iter().any(|entry| entry.name == name)
}

/// The way out for a function that is called without what makes it: `hand_over(…)`, and nearly so.
pub(crate) fn maker(name: &str) -> Option<String> {
    let ours = FUNCTIONS.iter().filter(|entry| ["probe", "step", "check"].contains(&entry.on));
    let near = nearest(name, &ours.clone().map(|entry| entry.name).collect::<Vec<_>>())?;
    let entry = ours.clone().find(|entry| entry.name == near)?;
    Some(format!("did you mean `{}.{near}(…)`?", entry.on))
}

/// What to say of a call that no function fits, and the way out. `signature` is Rhai's: `unit (probe, i64)`.
pub(crate) fn unknown(signature: &str) -> (String, Option<String>) {
    let (name, rest) = signature.split_once(" (").unwrap_or((signature, ""));
    let kinds: Vec<&str> =
        rest.strip_suffix(')').unwrap_or(rest).split(", ").filter(|k| !k.is_empty()).map(kind).collect();
    let on = kinds.first().copied().unwrap_or_default();
    if !FUNCTIONS.iter().any(|e| e.on == on) {
        let absent = kinds.contains(&"()").then(|| "a value is absent (`()`); ask `if x != () { … }` first".to_owned());
        let makers = ["probe", "step", "check"];
        let near = near::nearest(name, makers).map(|n| format!("did you mean `{n}.…`?"));
        let maker = FUNCTIONS.iter().find(|e| e.name == name).map(|e| format!("did you mean `{}.{name}(…)`?", e.on));
        return (format!("no function `{name}` takes ({})", kinds.join(", ")), absent.or(maker).or(near));
    }
    let (message, hint) = miscalled(on, name);
    let message = message.replace("these arguments", &format!("({})", kinds[1..].join(", ")));
    (message, Some(hint))
}

/// Rhai's name of a type, in our words.
fn kind(name: &str) -> &str {
    match name {
        "i64" => "number",
        "f64" => "fraction",
        "map" => "map",
        "array" => "list",
        "string" | "&str | ImmutableString | String" => "text",
        other => other,
    }
}
