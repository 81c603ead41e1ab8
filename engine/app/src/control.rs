//! The socket over which the command line talks to the running engine: one JSON line each way.
//!
//! It lies in the state folder, which only the engine's user may enter; there is no other permission.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use heinzel_core::step::Command;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::pump::{Asked, Message};
use crate::report::Report;

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
}

/// The longest question, in bytes.
const LONGEST: u64 = 1 << 20;
/// How long the command line waits for an answer. Longer than a hiccup of the disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// The socket in the state folder, with its file, which goes with it.
pub(crate) struct Listener {
    socket: tokio::net::UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The folder's lock makes a leftover harmless.
        let _ = std::fs::remove_file(&self.path);
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
    let listener = Listener { socket, path: path.to_owned() };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("set the mode of {}", path.display()))?;
    Ok(listener)
}

/// Answers until told to stop.
pub(crate) async fn serve(
    listener: Listener,
    pump: mpsc::Sender<Message>,
    ask: mpsc::Sender<Asked>,
    stop: CancellationToken,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (pump, ask) = (pump.clone(), ask.clone());
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &pump, &ask).await {
                tracing::debug!(%error, "control socket");
            }
        });
    }
}

async fn answer(
    stream: tokio::net::UnixStream,
    pump: &mpsc::Sender<Message>,
    ask: &mpsc::Sender<Asked>,
) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(LONGEST)).read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Err(error) => {
            Reply::Refused(format!("the question is not understood: {error}; are both sides of one version?"))
        }
        Ok(Question::Command { by, command }) => {
            let (answer, wait) = oneshot::channel();
            pump.send(Message::Command { by, command, answer }).await.map_err(|_| anyhow!("stopping"))?;
            match wait.await? {
                Ok(text) => Reply::Done(text),
                Err(text) => Reply::Refused(text),
            }
        }
        Ok(Question::Report) => {
            let (answer, wait) = oneshot::channel();
            ask.send(answer).await.map_err(|_| anyhow!("stopping"))?;
            Reply::Report(Box::new(wait.await?))
        }
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    Ok(())
}

/// Asks the running engine. `None`: none is running.
///
/// # Errors
/// When it runs and does not answer, or says something that is not understood.
pub(crate) fn ask(socket: &Path, question: &Question) -> anyhow::Result<Option<Reply>> {
    let what = || format!("ask the engine over {}", socket.display());
    let mut stream = match std::os::unix::net::UnixStream::connect(socket) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(error).with_context(|| format!("{}: only its own user may", what()));
        }
        // No socket, or one that nobody listens on.
        Err(_) => return Ok(None),
        Ok(stream) => stream,
    };
    stream.set_read_timeout(Some(PATIENCE)).with_context(what)?;
    let mut text = serde_json::to_vec(question)?;
    text.push(b'\n');
    stream.write_all(&text).with_context(what)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).with_context(what)?;
    if line.is_empty() {
        bail!("{}: it ended without an answer; `heinzel status` says whether it still runs", what());
    }
    Ok(Some(serde_json::from_str(&line).with_context(what)?))
}
