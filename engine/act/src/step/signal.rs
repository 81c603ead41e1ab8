//! Signals to processes, by name.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Done, Stop};
use crate::program::blocking;

/// The signals that a step may send.
const SIGNALS: [(&str, Signal); 10] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("TERM", Signal::TERM),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("STOP", Signal::STOP),
    ("CONT", Signal::CONT),
];

/// How long a name in `/proc/PID/comm` can be, in bytes: `TASK_COMM_LEN` less its final NUL (proc_pid_comm(5)).
const NAME_LIMIT: usize = 15;

/// Sends `signal` to all processes with exactly this name, or to the one that has this number, too.
///
/// Never to process 1 and never to ourselves. Anybody may give their process any name, so a name only says which
/// processes are meant, and never whose they are.
pub(super) async fn send(name: &str, pid: Option<u32>, signal: &str, most: u32) -> Done {
    let word = signal.strip_prefix("SIG").unwrap_or(signal);
    let Some(&(_, number)) = SIGNALS.iter().find(|(known, _)| *known == word) else {
        let known: Vec<&str> = SIGNALS.iter().map(|(word, _)| *word).collect();
        return Err(Stop::Target(format!("`{signal}` is none of {}", known.join(", "))));
    };
    let name = name.to_owned();
    blocking(move || send_now(&name, pid, number, most)).await.map_err(Stop::Failed)?
}

fn send_now(name: &str, pid: Option<u32>, signal: Signal, most: u32) -> Done {
    let own = std::process::id();
    let pids: Vec<u32> = match pid {
        Some(1) => return Err(Stop::Target("process 1 is the system itself".into())),
        Some(pid) if pid == own => return Err(Stop::Target(format!("process {pid} is Heinzel itself"))),
        Some(pid) => vec![pid],
        None => {
            let listed = std::fs::read_dir("/proc").map_err(|error| Stop::Failed(format!("list /proc: {error}")))?;
            let numbers = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
            numbers.filter(|&pid| pid > 1 && pid != own).collect()
        }
    };
    let targets: Vec<(u32, OwnedFd)> = pids.into_iter().filter_map(|pid| Some((pid, hold(pid, name)?))).collect();
    if targets.is_empty() {
        let hint = if name.len() > NAME_LIMIT { "; the kernel cuts names to 15 bytes, see /proc/PID/comm" } else { "" };
        let which = pid
            .map_or_else(|| "no process has this name".into(), |pid| format!("process {pid} does not have this name"));
        return Err(Stop::Target(format!("{which}{hint}")));
    }
    if targets.len() > usize::try_from(most).unwrap_or(usize::MAX) {
        return Err(Stop::Target(format!(
            "{} processes have this name, `policy.max_targets` is {most}",
            targets.len()
        )));
    }
    let mut sent = Vec::new();
    for (pid, process) in &targets {
        match pidfd_send_signal(process, signal) {
            // Gone in the meantime: no signal is needed any more.
            Ok(()) | Err(rustix::io::Errno::SRCH) => sent.push(pid.to_string()),
            Err(error) => {
                let error = std::io::Error::from(error);
                return Err(Stop::Failed(format!(
                    "process {pid}: {error}; sent before to {} of {}",
                    sent.len(),
                    targets.len()
                )));
            }
        }
    }
    Ok(format!("sent to {}", sent.join(", ")))
}

/// Takes hold of a living process with this name. The name is read after the process is held: its number may have been
/// given to another one before, but not any more.
fn hold(pid: u32, name: &str) -> Option<OwnedFd> {
    let has_name = || {
        std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.strip_suffix(b"\n") == Some(name.as_bytes()))
    };
    if !has_name() {
        return None;
    }
    let held = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|&b| b == b')')?;
    let is_zombie = stat.get(after_name + 2) == Some(&b'Z');
    (has_name() && !is_zombie).then_some(held)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::time::Duration;

    use heinzel_core::plan::Action;
    use serde_json::json;

    use crate::fixture::{check, hands};

    /// A sleeping child under a name of its own: a link to `sleep`, since the kernel takes the name from the file started.
    struct Sleeper(std::process::Child, String);

    impl Sleeper {
        fn start(folder: &Path, number: u32) -> Self {
            // 15 bytes at most, and unique among tests that run at the same time.
            let name = format!("hz{:x}x{:x}", std::process::id(), number);
            let link = folder.join(&name);
            if !link.exists() {
                let sleep = ["/bin/sleep", "/usr/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).unwrap();
                symlink(std::fs::canonicalize(sleep).unwrap(), &link).unwrap();
            }
            let child = std::process::Command::new(link).arg("600").spawn().unwrap();
            // The kernel lets us go on a moment before it gives the child its new name.
            let (comm, start) = (format!("/proc/{}/comm", child.id()), std::time::Instant::now());
            while std::fs::read_to_string(&comm).unwrap().trim_end() != name {
                assert!(start.elapsed() < Duration::from_secs(20), "{name} never got its name");
                std::thread::yield_now();
            }
            Self(child, name)
        }

        fn signal(&mut self) -> Option<i32> {
            std::os::unix::process::ExitStatusExt::signal(&self.0.wait().unwrap())
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[tokio::test]
    async fn a_signal_reaches_exactly_the_processes_of_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let hands = hands(&json!({"processes": ["*"]}));
        let signal = |name: &str, pid, signal: &str| Action::Signal { name: name.into(), pid, signal: signal.into() };
        let mut sleepers: Vec<Sleeper> = (0..4).map(|_| Sleeper::start(folder.path(), 1)).collect();
        let name = sleepers[0].1.clone();
        check(&hands, signal(&name, None, "TERM"), "4 processes have this name, `policy.max_targets` is 3").await;
        let pid = sleepers[3].0.id();
        check(&hands, signal("other", Some(pid), "TERM"), &format!("process {pid} does not have this name")).await;
        check(&hands, signal(&name, Some(std::process::id()), "TERM"), "is Heinzel itself").await;
        check(&hands, signal("systemd", Some(1), "TERM"), "process 1 is the system itself").await;
        check(&hands, signal(&name, None, "SEGV"), "`SEGV` is none of HUP, INT").await;
        check(&hands, signal(&name[..name.len() - 1], None, "TERM"), "no process has this name").await;
        check(&hands, signal("a-very-long-name-of-a-program", None, "TERM"), "the kernel cuts names to 15 bytes").await;
        assert!(sleepers.iter_mut().all(|s| s.0.try_wait().unwrap().is_none()), "nobody was hit");
        check(&hands, signal(&name, Some(pid), "USR1"), &format!("done: sent to {pid}")).await;
        assert_eq!(sleepers[3].signal(), Some(10));
        check(&hands, signal(&name, None, "SIGTERM"), "done: sent to ").await;
        for sleeper in &mut sleepers[..3] {
            assert_eq!(sleeper.signal(), Some(15));
        }
        check(&hands, signal(&name, None, "TERM"), "refused by target: ").await;
    }

    #[tokio::test]
    async fn who_sends_to_a_name_is_not_sent_to() {
        let (hands, name) = (hands(&json!({"processes": ["*"]})), format!("hz{:x}own", std::process::id()));
        std::fs::write("/proc/self/comm", &name).unwrap();
        let signal = Action::Signal { name, pid: None, signal: "TERM".into() };
        check(&hands, signal, "no process has this name").await;
    }
}
