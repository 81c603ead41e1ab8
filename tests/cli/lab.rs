//! A folder with everything one engine needs, and the engine in it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until it is so.
#[track_caller]
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A rule for `pool NAME is busy`.
pub(crate) const RULE: &str = r#"#{
    title: "a pool is busy",
    severity: "high",
    program: ["php-fpm", "app"],
    match: [`pool (?<pool>[^ ]+) is busy`],
    unless: [`just a drill`],
    fields: #{ pool: "ident" },
    asset: |e| "pool:" + e.pool,
    fix: |i, facts| [step.command(["/bin/true", i.pool])],
    verify: |i, facts| [check.file_exists("/etc/passwd")],
    cooldown: "1m",
}
"#;

/// Its samples.
pub(crate) const SAMPLES: &str = r#"[[sample]]
line = "pool www is busy"
program = "app"
fires = true
fields = { pool = "www" }

[[sample]]
line = "pool www is idle"
program = "app"
fires = false

[[plan]]
fields = { pool = "www" }
steps = ["run /bin/true www"]
"#;

/// A configuration with one log.
pub(crate) const CONFIG: &str = r#"assets = "assets.toml"

[[source]]
name = "app"
kind = "file"
path = "LAB/logs/*.log"
program = "app"
start = "beginning"
poll = "100ms"

[rules]
folders = ["rules"]

[store]
folder = "state"
"#;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// It ended like this and said all of these words, on either side.
    #[track_caller]
    pub(crate) fn ends(self, code: i32, words: &[&str]) -> Self {
        let said = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is not said:\n{said}");
        }
        self
    }

    /// Its output as JSON, line by line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

/// A folder with a pack, a configuration, assets and a folder for logs.
pub(crate) struct Lab(TempDir);

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        let head = "name = \"web\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\n";
        lab.write("rules/web/pack.toml", head);
        lab.write("rules/web/busy.rhai", RULE);
        lab.write("rules/web/samples/busy.toml", SAMPLES);
        lab.write("assets.toml", "[[asset]]\nid = \"pool:www\"\nowner = \"kim\"\n");
        fs::create_dir(lab.path("logs")).unwrap();
        lab.write("heinzel.toml", lab.text(CONFIG));
        lab
    }

    /// A lab whose configuration has these lines at its end.
    pub(crate) fn with(lines: &str) -> Self {
        let lab = Self::new();
        lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{lines}")));
        lab
    }

    /// The text with the lab's folder for `LAB`.
    pub(crate) fn text(&self, text: &str) -> String {
        text.replace("LAB", &self.0.path().display().to_string())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Whole at once, as editors do: a reload must not see half of it.
        let fresh = path.with_extension("fresh");
        fs::write(&fresh, bytes).unwrap();
        fs::rename(fresh, path).unwrap();
    }

    pub(crate) fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heinzel"));
        command.args(arguments).current_dir(&self.0).env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
        command.env("HOME", self.path("home")).env("XDG_STATE_HOME", self.path("home/state")).env("USER", "kim");
        command
    }

    /// Runs the binary as it is called, in the lab.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Ran {
        self.fed(arguments, b"")
    }

    /// The same, with this on its stdin.
    pub(crate) fn fed(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        // A command that does not read may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let ended = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: ended.status.code().unwrap_or(-1), out: text(ended.stdout), err: text(ended.stderr) }
    }

    /// Runs the binary with the lab's configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.bare(&[&["--config", "heinzel.toml"], arguments].concat())
    }

    /// Starts the engine with the lab's configuration and waits until it answers.
    pub(crate) fn start(&self) -> Engine<'_> {
        let engine = self.launch(&["--config", "heinzel.toml", "run"]);
        wait("the engine answers", || self.run(&["status"]).code == 0);
        engine
    }

    /// Starts it as it is called.
    pub(crate) fn launch(&self, arguments: &[&str]) -> Engine<'_> {
        self.launch_with(arguments, &[])
    }

    /// The same with more environment.
    pub(crate) fn launch_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Engine<'_> {
        let file = |name: &str| File::create(self.path(name)).unwrap();
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        let child = command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Engine { lab: self, child }
    }

    /// Whether `status` says this.
    pub(crate) fn status_says(&self, word: &str) -> bool {
        self.run(&["status"]).out.contains(word)
    }

    /// The incidents, all of them.
    pub(crate) fn incidents(&self) -> Vec<Value> {
        self.run(&["incident", "list", "--all", "--json"]).json()
    }

    /// Waits for an incident on this asset.
    #[track_caller]
    pub(crate) fn expect(&self, asset: &str) -> Value {
        let mut found = None;
        wait(&format!("an incident on {asset}"), || {
            found = self.incidents().into_iter().find(|i| i["asset"] == asset);
            found.is_some()
        });
        found.unwrap()
    }
}

/// A running engine; dropped, it is killed.
pub(crate) struct Engine<'a> {
    lab: &'a Lab,
    child: Child,
}

impl Engine<'_> {
    /// Tells it to stop and gives its exit status.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal(rustix::process::Signal::TERM);
        self.ended()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: the exit status, or minus the signal.
    pub(crate) fn ended(&mut self) -> i32 {
        let mut status = None;
        wait("the engine ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let status = status.unwrap();
        status.code().unwrap_or_else(|| -status.signal().unwrap_or_default())
    }

    pub(crate) fn stdout(&self) -> String {
        self.lab.read("stdout")
    }

    pub(crate) fn stderr(&self) -> String {
        self.lab.read("stderr")
    }

    /// The most memory it ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The address that it says it serves.
    pub(crate) fn address(&self) -> String {
        let find = |text: String| Some(text.split("http://").nth(1)?.split(':').take(2).collect::<Vec<_>>().join(":"));
        wait("it says where it serves", || find(self.stderr()).is_some());
        find(self.stderr()).unwrap()
    }

    /// One HTTP request: status and all of the answer.
    pub(crate) fn http(&self, method: &str, path: &str, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rules that come with Heinzel.
pub(crate) fn packs() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules").display().to_string()
}
