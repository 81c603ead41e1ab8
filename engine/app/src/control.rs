//! The socket over which the command line talks to the running engine: one JSON line each way.
//!
//! It lies in the state folder, which only the engine's user may enter; there is no other permission. Whoever removes it is
//! not obeyed: the engine makes it anew, as long as the folder is its own.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use heinzel_core::incident::IncidentId;
use heinzel_core::policy::Policy;
use heinzel_core::step::Command;
use heinzel_server::customer::Forgotten;
use heinzel_store::lock::{Anchor, Owner, owner_of};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Ends, Exit};
use crate::front::Forgetting;
use crate::pump::{Asked, Order};
use crate::report::{Outlook, Report};
use crate::state_folder;

/// A question of the command line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Do this.
    Command {
        /// Who asks.
        by: String,
        /// What.
        command: Command,
    },
    /// How is everything?
    Report,
    /// What is the operator's word, as far as it is in force?
    Policy,
    /// What becomes of this incident?
    Outlook {
        /// Its number.
        incident: IncidentId,
    },
    /// Forget this customer.
    Forget {
        /// Whom, by the shop's id.
        customer: String,
        /// Who says so.
        by: String,
    },
}

/// The engine's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It is done and stored.
    Done(String),
    /// It is not done.
    Refused(String),
    /// How everything is.
    Report(Box<Report>),
    /// The operator's word.
    Policy(Box<Policy>),
    /// What becomes of an incident; nothing, when it is forgotten.
    Outlook(Option<Box<Outlook>>),
    /// What was forgotten.
    Forgotten(Forgotten),
}

/// What is said of a reply that fits another question.
pub(crate) fn other_question(folder: &Path) -> String {
    format!(
        "the engine that owns {} answered another question than it was asked: it is of another version than this command. \
         Restart it, so that both are the installed one; until then `heinzel audit show` says what it has done",
        folder.display()
    )
}

/// The longest question, in bytes.
const LONGEST: u64 = 1 << 20;
/// How long the command line waits for an answer. Longer than a hiccup of the disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether the socket is still there.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the command line waits for the socket of an engine that owns the folder. Longer than [`LOOK_EVERY`].
const AWAITED: Duration = Duration::from_secs(8);

/// The socket in the state folder, with its file, which goes with it.
pub(crate) struct Listener {
    socket: tokio::net::UnixListener,
    file: Anchor,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may be another engine's by now, if the folder was replaced. The folder's lock makes a leftover harmless.
        if self.file.holds() {
            let _ = std::fs::remove_file(self.file.path());
        }
    }
}

impl Listener {
    /// Makes it anew where somebody has removed it, as long as the folder is ours.
    fn mend(&mut self, lock: &Anchor) {
        if self.file.holds() || !lock.holds() {
            return;
        }
        let path = self.file.path().to_owned();
        match listen(&path) {
            Ok(anew) => {
                *self = anew;
                tracing::warn!(socket = %path.display(), "the control socket was removed; it is made anew");
            }
            Err(error) => {
                tracing::error!(
                    "the control socket was removed, and nobody can reach the engine: {error:#}; it is tried again"
                );
            }
        }
    }
}

/// Makes the socket. An engine that nobody could pause must not begin.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn listen(path: &Path) -> anyhow::Result<Listener> {
    // A socket left behind by a killed engine; the lock on the folder says that no other engine lives.
    if path.exists() {
        std::fs::remove_file(path).with_context(|| format!("remove the old socket {}", path.display()))?;
    }
    let socket = tokio::net::UnixListener::bind(path).with_context(|| format!("listen on {}", path.display()))?;
    let file = Anchor::of(path).with_context(|| format!("look at {}", path.display()))?;
    let listener = Listener { socket, file };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("set the mode of {}", path.display()))?;
    Ok(listener)
}

/// Whom the command line's questions go to.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) ask: mpsc::Sender<Asked>,
    pub(crate) config: Arc<Config>,
    /// Forgets a customer; may block.
    pub(crate) forget: Arc<Forgetting>,
}

/// Answers until told to stop. `lock` says whether the folder is still ours.
pub(crate) async fn serve(mut listener: Listener, lock: Anchor, ways: Ways, stop: CancellationToken) {
    let mut looked = tokio::time::interval(LOOK_EVERY);
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            _ = looked.tick() => {
                listener.mend(&lock);
                continue;
            }
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let ways = ways.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &ways).await {
                tracing::debug!(%error, "control socket");
            }
        });
    }
}

async fn answer(stream: tokio::net::UnixStream, ways: &Ways) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(LONGEST)).read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Err(error) => Reply::Refused(format!(
            "the engine does not understand the question ({error}): it is heinzel {} and not of this command's version. \
                 Restart it, so that both are the installed one",
            env!("CARGO_PKG_VERSION")
        )),
        Ok(Question::Command { by, command }) => {
            let (answer, wait) = oneshot::channel();
            ways.orders.send(Order { by, command, answer }).await.map_err(|_| anyhow!("stopping"))?;
            match wait.await? {
                Ok(text) => Reply::Done(text),
                Err(text) => Reply::Refused(text),
            }
        }
        Ok(Question::Report) => {
            let (answer, wait) = oneshot::channel();
            ways.ask.send(Asked::Report(answer)).await.map_err(|_| anyhow!("stopping"))?;
            let mut report = wait.await?;
            let origin = ways.config.origin.clone();
            // Not by the loop: a file may lie where nobody answers.
            report.settings_changed = tokio::task::spawn_blocking(move || origin.edited()).await?;
            Reply::Report(Box::new(report))
        }
        // It is what it was at the start.
        Ok(Question::Policy) => Reply::Policy(Box::new(ways.config.policy.clone())),
        Ok(Question::Outlook { incident }) => {
            let (answer, wait) = oneshot::channel();
            ways.ask.send(Asked::Outlook(incident, answer)).await.map_err(|_| anyhow!("stopping"))?;
            Reply::Outlook(wait.await?.map(Box::new))
        }
        Ok(Question::Forget { customer, by }) => {
            let forget = ways.forget.clone();
            match tokio::task::spawn_blocking(move || forget(&customer, &by)).await? {
                Ok(forgotten) => Reply::Forgotten(forgotten),
                Err(text) => Reply::Refused(text),
            }
        }
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    Ok(())
}

/// Asks the engine that owns this state folder. `None`: none does.
///
/// # Errors
/// When one does and does not answer, or says something that is not understood.
pub(crate) fn ask(folder: &Path, question: &Question) -> anyhow::Result<Option<Reply>> {
    let socket = state_folder::socket(folder);
    let what = || format!("ask the engine over {}", socket.display());
    let Some(mut stream) = connect(folder, &socket)? else { return Ok(None) };
    stream.set_read_timeout(Some(PATIENCE)).with_context(what)?;
    let mut text = serde_json::to_vec(question)?;
    text.push(b'\n');
    stream.write_all(&text).with_context(what)?;
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => bail!(
            "{}: no answer within {} s. What was asked for has been handed over and may still be done; \
             `heinzel status` and `heinzel audit show` say whether it was",
            what(),
            PATIENCE.as_secs()
        ),
        read => read.with_context(what)?,
    };
    if line.is_empty() {
        bail!("{}: it ended without an answer; `heinzel status` says whether it still runs", what());
    }
    Ok(Some(serde_json::from_str(&line).with_context(what)?))
}

/// The way to the engine. One that owns the folder and has no socket is starting, is about to end, or makes it anew: it is
/// waited for.
fn connect(folder: &Path, socket: &Path) -> anyhow::Result<Option<std::os::unix::net::UnixStream>> {
    let begun = Instant::now();
    loop {
        match std::os::unix::net::UnixStream::connect(socket) {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let what = format!("ask the engine over {}: only its own user may", socket.display());
                return Err(error).context(what);
            }
            // No socket, or one that nobody listens on.
            Err(_) => {}
        }
        let Some(owner) = owner_of(folder) else { return Ok(None) };
        if begun.elapsed() > AWAITED {
            return Err(Ends::with(Exit::Engine, silent(folder, owner)));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Where the package's service keeps its store, and its unit.
const SERVICE_STATE: &str = "/var/lib/heinzel";
const SERVICE_FILES: [&str; 3] = [
    "/etc/systemd/system/heinzel.service",
    "/usr/lib/systemd/system/heinzel.service",
    "/lib/systemd/system/heinzel.service",
];

/// What is said where no engine owns the folder.
pub(crate) fn absent(folder: &Path) -> anyhow::Error {
    let name = folder.display();
    let is_service = folder == Path::new(SERVICE_STATE) && SERVICE_FILES.iter().any(|file| Path::new(file).exists());
    let start = if is_service { "systemctl start heinzel" } else { "heinzel run" };
    let text = if folder.exists() {
        format!("no engine runs on {name}; start it with `{start}`. `heinzel incident list` shows what is stored")
    } else {
        format!(
            "no engine runs on {name}, and there is no such folder; start one with `{start}`. One that ran there before \
             the folder was removed or moved starts no more fixes; stop it first"
        )
    };
    Ends::with(Exit::Engine, text)
}

/// What is said of an engine that does not answer.
fn silent(folder: &Path, owner: Owner) -> String {
    let process = owner.pid.map_or("an engine".to_owned(), |pid| format!("an engine (process {pid})"));
    format!(
        "{process} owns {}, but does not answer on its socket there: it is starting, about to end, or hangs. Try again, or end it",
        folder.display()
    )
}
