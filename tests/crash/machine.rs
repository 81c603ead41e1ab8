//! A folder with everything that the engine needs to believe it is on a server.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use heinzel_core::incident::Status;
use heinzel_store::error::StoreError;
use heinzel_store::sqlite::Sqlite;
use heinzel_store::{Filter, Store as _};
use tempfile::TempDir;

/// xorshift64: good enough, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Spins, where the moment matters more finely than sleeping can tell.
pub(crate) fn spin(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// The machine.
pub(crate) struct Machine {
    folder: TempDir,
    /// Where fixes write that they began.
    pub(crate) begun: PathBuf,
    /// Where fixes write what they did.
    pub(crate) ledger: PathBuf,
}

/// A running engine.
pub(crate) struct Engine(Child);

impl Engine {
    /// `SIGKILL`.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.0.try_wait().unwrap(), None, "the engine ended by itself");
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// `SIGTERM`, and it must end well.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_raw(self.0.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success(), "the engine did not stop well");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const RULE: &str = r#"#{
    title: "a job failed",
    severity: "high",
    match: [`^job (?<id>\d+) failed$`],
    fields: #{ id: "int" },
    asset: |e| "job:" + e.id,
    probe: |i| #{ done: probe.command(["FOLDER/seen", "" + i.id], #{
        pattern: `^job is (?<state>done|missing)$`, fields: #{ state: "enum(done,missing)" },
    }) },
    fix: |i, facts| if facts.done.state == "missing" { [step.command(["FOLDER/fix", "" + i.id]).timeout("5s")] } else { [] },
    verify: |i, facts| [check.command(["FOLDER/seen", "" + i.id])],
    within: "10s",
    stable: "0s",
    cooldown: "1s",
}
"#;

const SAMPLES: &str = r#"
[[sample]]
line = "job 17 failed"
fires = true
fields = { id = 17 }
asset = "job:17"

[[sample]]
line = "job 17 started"
fires = false

[[plan]]
fields = { id = 17 }
facts = { done = { exit = 1, lines = 1, state = "missing" } }
steps = ["run FOLDER/fix 17"]
"#;

const CONFIG: &str = r#"
[rules]
folders = ["rules"]

[store]
folder = "state"

[[source]]
name = "renamed"
kind = "file"
path = "FOLDER/renamed/app.log"
start = "beginning"
poll = "100ms"

[[source]]
name = "copied"
kind = "file"
path = "FOLDER/copied/app.log"
start = "beginning"
poll = "100ms"

[[source]]
name = "linked"
kind = "file"
path = "FOLDER/linked/app.log"
start = "beginning"
poll = "100ms"

[policy]
max_rounds = 1000

[policy.modes]
"*" = "auto"

[policy.allow]
commands = [["FOLDER/fix", "*"], ["FOLDER/seen", "*"]]

# Real, and so high that the test never meets them.
[policy.budget]
rule = "1000000/1h"
asset = "1000/1h"
host = "1000000/1h"

[policy.breaker]
failures = "1000000/1d"
demote = "1000000/1d"
spread = 1000000
"#;

/// Writes that it began, works for up to 30 ms, and writes what it did; or works behind that. It does not look first:
/// a second run shows.
const FIX: &str = r#"#!/bin/sh
echo "$1" >> FOLDER/begun
if [ $(($1 % 2)) = 0 ]; then sleep 0.0$(($1 % 3)); fi
echo "$1" >> FOLDER/ledger
if [ $(($1 % 2)) = 1 ]; then sleep 0.0$(($1 % 4)); fi
"#;

const SEEN: &str = r#"#!/bin/sh
if grep -qx "$1" FOLDER/ledger; then echo "job is done"; else echo "job is missing"; exit 1; fi
"#;

impl Machine {
    /// A machine on which nothing has happened yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text.replace("FOLDER", &root.display().to_string())).unwrap();
            path
        };
        write("rules/jobs/pack.toml", "name = \"jobs\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\n");
        write("rules/jobs/failed.rhai", RULE);
        write("rules/jobs/samples/failed.toml", SAMPLES);
        write("heinzel.toml", CONFIG);
        for (name, text) in [("fix", FIX), ("seen", SEEN)] {
            fs::set_permissions(write(name, text), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let (begun, ledger) = (write("begun", ""), write("ledger", ""));
        let machine = Self { folder, begun, ledger };
        let output = machine.heinzel().arg("check").output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("");
        assert!(output.status.success(), "the test's own configuration: {said}");
        machine
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn heinzel(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heinzel"));
        command.arg("--config").arg(self.folder().join("heinzel.toml")).stdin(Stdio::null());
        command
    }

    /// Starts the engine.
    pub(crate) fn start(&self) -> Engine {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder().join("engine.log")).unwrap();
        let mut command = self.heinzel();
        command.arg("run").stdout(Stdio::null()).stderr(log);
        Engine(command.spawn().unwrap())
    }

    /// Waits until a file has grown, or for so long at most.
    pub(crate) fn wait_for_more(&self, file: &Path, most: Duration) {
        let size = || fs::metadata(file).map_or(0, |meta| meta.len());
        let (before, begin) = (size(), Instant::now());
        while size() == before && begin.elapsed() < most {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Which numbers a file names, and how often each.
    pub(crate) fn count(&self, file: &Path) -> BTreeMap<u64, u64> {
        let mut count = BTreeMap::new();
        for line in fs::read_to_string(file).unwrap().lines() {
            *count.entry(line.parse().unwrap()).or_default() += 1;
        }
        count
    }

    /// The store, for looking.
    pub(crate) fn store(&self) -> Result<Sqlite, StoreError> {
        Sqlite::open_read_only(&self.folder().join("state"), Duration::from_secs(5))
    }

    /// What has not come to an end yet.
    pub(crate) fn unrest(&self, ids: &[u64]) -> Option<String> {
        let store = match self.store() {
            Ok(store) => store,
            Err(error) => return Some(error.to_string()),
        };
        let incidents = store.incidents(&Filter::default()).unwrap();
        let open: Vec<String> = incidents
            .iter()
            .filter(|i| matches!(i.status, Status::Open | Status::Healing | Status::AwaitingApproval))
            .map(|i| format!("incident {} of {} is {}", i.id, i.asset, i.status))
            .collect();
        let unfinished = store.health().unwrap().unfinished;
        if open.is_empty() && unfinished == 0 && incidents.len() >= ids.len() {
            return None;
        }
        Some(format!(
            "{} incidents for {} lines; {unfinished} effects without an outcome; {}",
            incidents.len(),
            ids.len(),
            open.join(", ")
        ))
    }

    /// What a command of the command line says, as JSON values.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = self.heinzel().args(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
        let mut found = Vec::new();
        for value in values {
            match value.unwrap() {
                serde_json::Value::Array(many) => found.extend(many),
                one => found.push(one),
            }
        }
        found
    }

    /// How a command of the command line ends.
    pub(crate) fn exit(&self, arguments: &[&str]) -> i32 {
        self.heinzel().args(arguments).stdout(Stdio::null()).status().unwrap().code().unwrap()
    }

    /// The last words of the engines.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.folder().join("engine.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Copies everything to a place where a person can look at it, and says where. For failures.
    pub(crate) fn keep(&self) -> String {
        let kept = std::env::temp_dir().join(format!("heinzel-crash-{}", std::process::id()));
        let status = Command::new("cp").arg("-a").arg(self.folder()).arg(&kept).status();
        match status {
            Ok(status) if status.success() => format!("everything is kept in {}", kept.display()),
            _ => self.log_tail(),
        }
    }
}
