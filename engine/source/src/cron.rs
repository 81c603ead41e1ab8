//! cron's lines as tasks.
//!
//! Start at [`cron_task`]; [`Jobs`] does it for whole blocks and remembers which job a failure belongs to. Most crons
//! log only that a job begins. Its end is known where cron says so (cronie's `CMDEND`, Debian's `END` with `-L 2`, its
//! "grandchild failed" with `-L 4`), so a job that has only ever begun is `running`: rules on cron ask whether a run is
//! missing, not whether one is overdue.

use std::collections::{HashMap, VecDeque};

use heinzel_core::block::Block;
use heinzel_core::parse::{Context, Format, parse};
use heinzel_core::task::{Task, TaskState};
use heinzel_core::time::Timestamp;

use crate::decode::{Rebuilt, each_record};
use crate::settings::{Common, Journald};

/// How many begun jobs are remembered.
const REMEMBERED: usize = 4_096;
/// The kind of a failed job whose beginning is not known.
const UNKNOWN: &str = "cron.unknown";

/// Whether lines of this program are cron's.
#[must_use]
pub fn is_cron(program: &str) -> bool {
    matches!(program, "CRON" | "cron" | "crond" | "CROND" | "/usr/sbin/cron" | "/USR/SBIN/CRON" | "anacron" | "fcron")
}

/// The journal as the cron source reads it.
#[must_use]
pub fn journal() -> Journald {
    let matches = ["CRON", "cron", "crond", "CROND"].map(|name| format!("SYSLOG_IDENTIFIER={name}"));
    Journald { matches: matches.to_vec(), ..Journald::default() }
}

/// The task that a line of cron's reports, if it reports one. The id is made of host and process id, so that the lines
/// of one run share it.
///
/// ```
/// use heinzel_core::task::TaskState;
/// let line = "(root) CMD (test -x /usr/sbin/backup && /usr/sbin/backup --all)";
/// let task = heinzel_source::cron::cron_task(line, Some(1501), None, Some("web1")).expect("a job begins");
/// assert_eq!((task.kind.as_str(), task.target.as_deref()), ("cron.backup", Some("root")));
/// assert_eq!(task.state, TaskState::Running);
/// ```
#[must_use]
pub fn cron_task(message: &str, pid: Option<u32>, time: Option<Timestamp>, host: Option<&str>) -> Option<Task> {
    let (user, rest) = message.trim().strip_prefix('(')?.split_once(") ")?;
    let (word, text) = rest.split_once(" (")?;
    let text = text.strip_suffix(')')?;
    let host = host.unwrap_or("-");
    let task = |pid: Option<u32>, kind: String, target: Option<&str>, state: TaskState| {
        let pid = pid.map_or_else(|| format!("@{}", time.unwrap_or_default()), |pid| pid.to_string());
        Task {
            id: format!("cron:{host}:{pid}"),
            kind,
            target: target.map(str::to_owned),
            customer: None,
            state,
            started: if state == TaskState::Running { time } else { None },
            finished: if state.is_final() { time } else { None },
            exit: None,
        }
    };
    match word {
        "CMD" | "CMDEND" | "END" => {
            let (job, command) = own_pid(text);
            let state = if word == "CMD" { TaskState::Running } else { TaskState::Ok };
            Some(task(job.or(pid), kind(command), Some(user), state))
        }
        "error" | "ERROR" => {
            let child = text.strip_prefix("grandchild #").and_then(|rest| rest.split_once(' '));
            let (job, reason) = match child {
                Some((number, reason)) => (number.parse().ok(), reason),
                None => (pid, text),
            };
            let target = (!matches!(user, "CRON" | "cron" | "crond" | "*system*")).then_some(user);
            let mut failed = task(job, UNKNOWN.to_owned(), target, TaskState::Failed);
            failed.exit = Some(reason.strip_prefix("failed with ").unwrap_or(reason).to_owned());
            Some(failed)
        }
        _ => None,
    }
}

/// Debian's `-L 8` puts the job's process id before the command: `[1502] run-parts …`.
fn own_pid(text: &str) -> (Option<u32>, &str) {
    let marked = text.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match marked.and_then(|(pid, command)| Some((pid.parse().ok()?, command))) {
        Some((pid, command)) => (Some(pid), command),
        None => (None, text),
    }
}

/// `cron.` and the name of what is really run: not of the test or the change of folder before it, not of the wrapper or
/// interpreter around it.
fn kind(command: &str) -> String {
    const BEFORE: [&str; 12] =
        ["cd", "[", "test", "command", "type", "export", "umask", "true", "sleep", "ulimit", "set", "if"];
    const AROUND: [&str; 11] =
        ["nice", "ionice", "chronic", "timeout", "flock", "sudo", "env", "nohup", "exec", "systemd-cat", "time"];
    const INTERPRETERS: [&str; 8] = ["php", "python", "perl", "bash", "sh", "ruby", "node", "dash"];
    let mut last = "";
    for part in command.split(['&', '|', ';']).filter(|part| !part.trim().is_empty()) {
        let mut words = part.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let name = base(word);
            let is_setting = word.split_once('=').is_some_and(|(key, _)| !key.is_empty() && !key.contains('/'));
            let is_name = word == "[" || word.contains(char::is_alphanumeric);
            let is_plain = is_name && !word.starts_with('-') && !word.starts_with(|c: char| c.is_ascii_digit());
            if is_setting || !is_plain {
                continue;
            }
            if AROUND.contains(&name) {
                // flock's first word is its lock file.
                if name == "flock" {
                    while words.next_if(|word| word.starts_with('-')).is_some() {}
                    words.next();
                }
                continue;
            }
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            if INTERPRETERS.contains(&stem) && words.peek().is_some_and(|next| *next != "-c") {
                last = name;
                continue;
            }
            last = name;
            break;
        }
        if !BEFORE.contains(&last) && !last.is_empty() {
            break;
        }
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._@+-".contains(c) { c } else { '_' };
    let name: String = last.chars().take(64).map(plain).collect();
    if name.is_empty() { UNKNOWN.to_owned() } else { format!("cron.{name}") }
}

fn base(word: &str) -> &str {
    let word = word.trim_matches(['"', '\'', '(', ')']);
    word.rsplit('/').find(|part| !part.is_empty()).unwrap_or(word)
}

/// The jobs that have begun lately: a failure names only the process, its beginning the command.
#[derive(Debug, Default)]
pub struct Jobs {
    begun: HashMap<String, Begun>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Begun {
    kind: String,
    target: Option<String>,
    started: Option<Timestamp>,
}

impl Jobs {
    /// Adds the tasks to a block of cron's lines, from a file (syslog) or from the journal. Other programs' lines stay.
    #[must_use]
    pub fn decode(&mut self, block: Block, common: &Common) -> Block {
        let context = Context { zone: common.time_zone(), read_at: block.read_at, year: None };
        let mut rebuilt = Rebuilt::default();
        each_record(&block, |text, record| {
            let (mut stamp, message) = match record.and_then(|record| record.stamp.as_deref()) {
                Some(stamp) => (stamp.clone(), String::from_utf8_lossy(text).into_owned()),
                None => {
                    let parsed = parse(Format::Syslog, text, &context);
                    (parsed.stamp, parsed.message)
                }
            };
            if !stamp.by_customer && stamp.program.as_deref().is_some_and(is_cron) {
                let task = cron_task(&message, stamp.pid, stamp.time, stamp.host.as_deref());
                stamp.task = task.map(|task| Box::new(self.complete(task)));
            }
            rebuilt.push(message.as_bytes(), Some(Box::new(stamp)));
        });
        rebuilt.into_block(block)
    }

    /// Remembers a beginning, and adds to an end what its beginning said.
    fn complete(&mut self, mut task: Task) -> Task {
        if task.state == TaskState::Running {
            let begun = Begun { kind: task.kind.clone(), target: task.target.clone(), started: task.started };
            if self.begun.insert(task.id.clone(), begun).is_none() {
                self.order.push_back(task.id.clone());
            }
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.begun.remove(&oldest);
            }
        } else if let Some(begun) = self.begun.get(&task.id) {
            task.kind.clone_from(&begun.kind);
            task.target = task.target.or_else(|| begun.target.clone());
            task.started = begun.started;
        }
        task
    }
}

#[cfg(test)]
mod tests {
    use heinzel_core::block::{Record, Shape};
    use heinzel_core::event::Stamp;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::tests::{lines, records};
    use crate::settings::Start;

    fn read(message: &str) -> Option<(String, Option<String>, TaskState)> {
        cron_task(message, Some(5), None, Some("h")).map(|task| (task.kind, task.target, task.state))
    }

    #[test]
    fn the_kind_is_what_is_really_run() {
        let check = |command: &str, expected: &str| {
            let (kind, user, state) = read(&format!("(root) CMD ({command})")).unwrap();
            assert_eq!(
                (kind.as_str(), user.as_deref(), state),
                (expected, Some("root"), TaskState::Running),
                "{command}"
            );
        };
        check("   cd / && run-parts --report /etc/cron.hourly", "cron.run-parts");
        check("command -v debian-sa1 > /dev/null && debian-sa1 1 1", "cron.debian-sa1");
        check("[ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean", "cron.sessionclean");
        check("test -x /usr/sbin/anacron || { cd / && run-parts /etc/cron.daily; }", "cron.run-parts");
        check("php -q /var/www/whmcs/crons/cron.php", "cron.cron.php");
        check("/usr/bin/php8.2 /srv/a/artisan schedule:run >> /dev/null 2>&1", "cron.artisan");
        check("MAILTO=x nice -n 10 /usr/local/bin/backup.sh --all", "cron.backup.sh");
        check("flock -n /run/lock/x.lock /opt/sync", "cron.sync");
        check("bash -c 'x'", "cron.bash");
        check("\u{1b}[31m$(reboot)", "cron.__31m__reboot");
        check("", UNKNOWN);
    }

    #[test]
    fn ends_and_failures() {
        let failed =
            cron_task("(CRON) error (grandchild #7277 failed with exit status 1)", Some(7276), None, Some("h"));
        let failed = failed.unwrap();
        assert_eq!((failed.id.as_str(), failed.state), ("cron:h:7277", TaskState::Failed));
        assert_eq!((failed.exit.as_deref(), failed.kind.as_str()), (Some("exit status 1"), UNKNOWN));
        assert_eq!(read("(root) CMDEND (/opt/sync)").unwrap().2, TaskState::Ok);
        let marked = cron_task("(root) END ([1502] /opt/sync)", Some(1), None, None).unwrap();
        assert_eq!((marked.id.as_str(), marked.kind.as_str()), ("cron:-:1502", "cron.sync"));
        for other in [
            "(CRON) info (No MTA installed, discarding output)",
            "(*system*) RELOAD (/etc/crontab)",
            "x",
            "(",
            "(a) CMD (b",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    fn common() -> Common {
        Common {
            name: "c".into(),
            format: Format::Auto,
            zone: None,
            start: Start::End,
            program: None,
            customers: false,
        }
    }

    #[test]
    fn a_failure_gets_the_name_of_its_job() {
        let mut block =
            lines("(root) CMD (/opt/sync)\n(CRON) error (grandchild #7 failed with exit status 1)\n(root) CMD (no)\n");
        let stamp = |program: &str, pid, second| {
            let time = Some(Timestamp::from_seconds(second));
            Some(Box::new(Stamp { program: Some(program.into()), pid: Some(pid), time, ..Stamp::default() }))
        };
        let ends: Vec<usize> =
            (1..).zip(&block.bytes).filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end).collect();
        block.shape = Shape::Records(vec![
            Record { end: ends[0], stamp: stamp("CRON", 7, 10) },
            Record { end: ends[1], stamp: stamp("CRON", 6, 12) },
            Record { end: ends[2], stamp: stamp("other", 8, 13) },
        ]);
        let block = Jobs::default().decode(block, &common());
        let tasks: Vec<Option<Task>> =
            records(&block).into_iter().map(|(_, stamp)| stamp.unwrap().task.map(|task| *task)).collect();
        let failed = tasks[1].as_ref().unwrap();
        assert_eq!((failed.kind.as_str(), failed.target.as_deref()), ("cron.sync", Some("root")));
        assert_eq!(
            (failed.started, failed.finished),
            (Some(Timestamp::from_seconds(10)), Some(Timestamp::from_seconds(12)))
        );
        assert_eq!((tasks[0].as_ref().unwrap().state, &tasks[2]), (TaskState::Running, &None));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut jobs = Jobs::default();
        for pid in 0..10_000 {
            jobs.complete(cron_task("(root) CMD (x)", Some(pid), None, None).unwrap());
        }
        assert_eq!((jobs.begun.len(), jobs.order.len()), (REMEMBERED, REMEMBERED));
    }

    proptest! {
        #[test]
        fn hostile_lines_never_panic(message in r"\([ -~é]{0,9}\) (CMD|error|END) \(.{0,40}\)?") {
            let _ = cron_task(&message, None, None, None);
        }
    }
}
