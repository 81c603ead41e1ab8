//! What the tests of this crate share: hands from JSON, a loopback server, a stand-in for systemctl.

use std::path::Path;
use std::sync::Arc;

use heinzel_core::effect::{Act, Effect, Outcome};
use heinzel_core::plan::{Action, Step};
use heinzel_core::probe::{Fact, Probe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Hands;

pub(crate) fn hands_with(settings: &str, policy: &str) -> Hands {
    Hands::new(&serde_json::from_str(settings).unwrap(), &serde_json::from_str(policy).unwrap()).unwrap()
}

/// Hands that may do this: the JSON of `policy.allow`.
pub(crate) fn hands(allow: &serde_json::Value) -> Hands {
    hands_with("{}", &serde_json::json!({"allow": allow, "max_targets": 3}).to_string())
}

pub(crate) fn effect(act: Act) -> Effect {
    Effect { id: "17-1-3".into(), incident: 17, act }
}

/// What a step's outcome says: `done: …`, `failed: …`, `refused by GATE: …`.
pub(crate) async fn does(hands: &Hands, step: impl Into<Step>) -> String {
    match hands.perform(&effect(Act::Step { step: step.into() })).await {
        Outcome::Done { detail } => format!("done: {detail}"),
        Outcome::Failed { why } => format!("failed: {why}"),
        Outcome::Refused { gate, why } => format!("refused by {gate}: {why}"),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn check(hands: &Hands, action: Action, expected: &str) {
    let what = action.describe();
    let said = does(hands, action).await;
    assert!(said.contains(expected), "{what}: {said} should contain {expected}");
}

/// What a probe reports, or `{"blind": why}`.
pub(crate) async fn sees(hands: &Hands, probe: Probe) -> serde_json::Value {
    match hands.perform(&effect(Act::Probe { probe })).await {
        Outcome::Saw { fact: Fact::Seen { report } } => report,
        Outcome::Saw { fact: Fact::Blind { why } } => serde_json::json!({ "blind": why }),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.into()).collect()
}

/// A stand-in for systemctl in `folder`, which answers with the files `show`, `units` and `stderr` beside it and notes
/// its arguments in `calls`. It is linked, not written: a program that is being written elsewhere cannot be started.
pub(crate) fn systemctl(folder: &Path) -> String {
    let link = folder.join("systemctl");
    std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/systemctl"), &link).unwrap();
    link.display().to_string()
}

/// A server on a loopback port that gives every connection the same answer and keeps what was asked.
pub(crate) struct Server {
    port: u16,
    task: tokio::task::JoinHandle<()>,
    requests: Arc<Mutex<UnboundedReceiver<String>>>,
}

impl Server {
    pub(crate) async fn start(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (send, receive) = unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    request.extend_from_slice(&buffer[..n]);
                    if is_whole(&String::from_utf8_lossy(&request)) {
                        break;
                    }
                }
                let _ = send.send(String::from_utf8_lossy(&request).into_owned());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { port, task, requests: Arc::new(Mutex::new(receive)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next request, whole.
    pub(crate) async fn request(&self) -> String {
        self.requests.lock().await.recv().await.unwrap()
    }

    /// Stops listening; nobody answers at this URL any more.
    pub(crate) async fn stopped(self) -> String {
        self.task.abort();
        let _ = self.task.await;
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
