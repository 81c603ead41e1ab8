//! What the service manager is told (`sd_notify(3)`): ready, well, stopping, and how it is in one line.
//!
//! Start at [`Service::keep`]. A sign of life is sent only after the loop that decides has answered a question, so an
//! engine whose loop hangs is silent, and systemd starts it again. A few lines of our own: the protocol is one datagram.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use heinzel_core::block::Health;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::pump::Asked;
use crate::report::Report;
use crate::text::plain;

/// A source may have much to catch up with. Its checkpoint holds the place, so a start does not wait longer for it.
const CATCHING_UP: Duration = Duration::from_secs(10);
/// It says at least so often how it is, also when nobody waits for a sign of life.
const SELDOM: Duration = Duration::from_secs(30);
/// How much of a status is told, in bytes.
const SHOWN: usize = 300;
/// A service manager that takes nothing must not hold up the engine.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the service manager.
#[derive(Debug)]
pub(crate) struct Service {
    socket: UnixDatagram,
    /// Not connected: a service manager that starts again has another socket of the same name.
    address: SocketAddr,
    /// How often a sign of life is due, if it is waited for at all.
    watchdog: Option<Duration>,
}

impl Service {
    /// What `$NOTIFY_SOCKET` and `$WATCHDOG_USEC` ask for. `None`: nobody wants to be told.
    pub(crate) fn from_environment() -> Option<Self> {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let variable = |name: &str| std::env::var(name).ok();
        let watchdog = watchdog(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), std::process::id());
        match open(name.as_bytes()) {
            Ok((socket, address)) => Some(Self { socket, address, watchdog }),
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET {} cannot be used: nobody is told how the engine is", name.display());
                None
            }
        }
    }

    /// Tells all there is to tell until the loop has ended. `ready` comes true when every source listens.
    pub(crate) async fn keep(self, ready: oneshot::Receiver<()>, ask: mpsc::Sender<Asked>, closing: CancellationToken) {
        tokio::select! {
            () = closing.cancelled() => {}
            // Too late is no failure: what is not read yet is caught up with.
            _ = tokio::time::timeout(CATCHING_UP, ready) => {}
        }
        let mut due = tokio::time::interval(self.watchdog.map_or(SELDOM, |span| SELDOM.min(span / 2)));
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_ready, mut is_stopping) = (false, false);
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    self.tell("STOPPING=1\nSTATUS=stopping: what has begun is finished and stored");
                    continue;
                }
                // The next sign of life may be due long after the loop has ended.
                () = ask.closed() => return,
                _ = due.tick() => {}
            }
            let (answer, answered) = oneshot::channel();
            // No loop, no answer: it has ended.
            if ask.send(Asked::Report(answer)).await.is_err() {
                return;
            }
            let Ok(report) = answered.await else { return };
            let status = sentence(&report);
            if is_stopping {
                self.tell("WATCHDOG=1");
            } else {
                let ready = if is_ready { "" } else { "READY=1\n" };
                // What was not taken is said again.
                is_ready |= self.tell(&format!("{ready}WATCHDOG=1\nSTATUS={status}"));
            }
        }
    }

    /// `false`: nobody took it.
    fn tell(&self, words: &str) -> bool {
        let sent = self.socket.send_to_addr(words.as_bytes(), &self.address);
        if let Err(error) = &sent {
            tracing::warn!(%error, "the service manager takes no word (NOTIFY_SOCKET)");
        }
        sent.is_ok()
    }
}

/// A name that begins with `@` is an abstract one.
fn open(name: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

/// How often a sign of life is due: `microseconds`, if they are meant for this process.
fn watchdog(microseconds: Option<String>, pid: Option<String>, own: u32) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let microseconds = microseconds?.parse().ok().filter(|&n| n > 0 && is_meant)?;
    Some(Duration::from_micros(microseconds))
}

/// How it is, in one line: what is wrong comes first.
fn sentence(report: &Report) -> String {
    let mut parts = Vec::new();
    if let Some(why) = &report.store_problem {
        parts.push(format!("the store takes nothing: {why}"));
    }
    if let Some(paused) = &report.paused {
        parts.push(format!("paused by {}", paused.by));
    }
    if report.load_problem.is_some() {
        parts.push("rules could not be loaded at the start".to_owned());
    }
    if report.reload_problem.is_some() {
        parts.push("the last reload failed".to_owned());
    }
    for (name, source) in &report.sources {
        if matches!(source.health, Health::Degraded { .. }) {
            parts.push(format!("source {name} is degraded"));
        }
    }
    parts.push(format!(
        "{}, {}, {} not resolved",
        crate::text::count(report.sources.len(), "source"),
        crate::text::count(report.rules.len(), "rule"),
        crate::text::count(
            report.incidents.values().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).sum(),
            "incident"
        ),
    ));
    plain(&parts.join("; "), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_owed_to_whom_it_is_meant_for() {
        let check = |microseconds: Option<&str>, pid: Option<&str>, expected: Option<u64>| {
            let said = watchdog(microseconds.map(Into::into), pid.map(Into::into), 7);
            assert_eq!(said, expected.map(Duration::from_micros), "{microseconds:?} {pid:?}");
        };
        check(Some("3000000"), None, Some(3_000_000));
        check(Some("3000000"), Some("7"), Some(3_000_000));
        check(Some("3000000"), Some("8"), None);
        check(Some("0"), None, None);
        check(Some("soon"), Some("7"), None);
        check(None, Some("7"), None);
    }

    #[test]
    fn both_kinds_of_names_are_reached() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let unusual = format!("heinzel-test-{}", std::process::id());
        let named = UnixDatagram::bind(&path).unwrap();
        let hidden = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&unusual).unwrap()).unwrap();
        for (name, end) in [(path.display().to_string(), named), (format!("@{unusual}"), hidden)] {
            let (socket, address) = open(name.as_bytes()).unwrap();
            let service = Service { socket, address, watchdog: None };
            assert!(service.tell("READY=1"));
            let mut bytes = [0; 64];
            let length = end.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..length], b"READY=1", "{name}");
        }
        let (socket, address) = open(b"/nowhere/notify").unwrap();
        assert!(!Service { socket, address, watchdog: None }.tell("READY=1"));
        assert!(open(&[b'x'; 200]).is_err(), "longer than a name may be");
    }

    /// An engine's answer.
    fn report() -> Report {
        let json = serde_json::json!({
            "version": "1", "started": null, "now": "2026-01-02T03:04:05Z", "paused": null, "sources": {},
            "packs": [], "rules": [], "assets": 0, "incidents": { "open": 2 }, "store_problem": null,
            "reload_problem": "rule\nwrong", "commits": 0, "effects": 0, "store_failures": 0, "reload_failures": 0,
            "last_refused": null,
        });
        serde_json::from_value(json).unwrap()
    }

    /// Whoever wants a report.
    fn asks(asked: Option<Asked>) -> oneshot::Sender<Report> {
        let Some(Asked::Report(answer)) = asked else { panic!("nobody wants to know how it is") };
        answer
    }

    #[tokio::test]
    async fn a_loop_that_does_not_answer_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let end = UnixDatagram::bind(&path).unwrap();
        end.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let heard = || {
            let mut bytes = [0; 512];
            end.recv(&mut bytes).ok().map(|length| String::from_utf8_lossy(&bytes[..length]).into_owned())
        };
        let (socket, address) = open(path.as_os_str().as_bytes()).unwrap();
        let service = Service { socket, address, watchdog: Some(Duration::from_millis(20)) };
        let (listens, ready) = oneshot::channel();
        let (ask, mut asked) = mpsc::channel(1);
        let closing = CancellationToken::new();
        let kept = tokio::spawn(service.keep(ready, ask, closing.clone()));
        assert_eq!(heard(), None, "no source listens yet");
        listens.send(()).unwrap();
        let question = asks(asked.recv().await);
        assert_eq!(heard(), None, "the loop has not answered");
        question.send(report()).unwrap();
        tokio::task::yield_now().await;
        let status = "STATUS=the last reload failed; 0 sources, 0 rules, 2 incidents not resolved";
        // One thread: it goes on only while we wait.
        let hung = asks(asked.recv().await);
        assert_eq!(heard(), Some(format!("READY=1\nWATCHDOG=1\n{status}")));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(heard(), None, "the loop hangs");
        hung.send(report()).unwrap();
        let question = asks(asked.recv().await);
        assert_eq!(heard(), Some(format!("WATCHDOG=1\n{status}")));
        closing.cancel();
        question.send(report()).unwrap();
        drop(asks(asked.recv().await));
        kept.await.unwrap();
        let said: Vec<String> = std::iter::from_fn(heard).collect();
        assert!(said.iter().any(|words| words.starts_with("STOPPING=1\nSTATUS=stopping")), "{said:?}");
    }
}
