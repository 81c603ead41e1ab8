//! Answers that are kept elsewhere: files that are watched, addresses that are asked from time to time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use heinzel_knowledge::complaint::Severity;
use heinzel_knowledge::exchange::{self, BYTES, Source};
use heinzel_knowledge::front_matter::AnswerFile;

use super::Shelf;

/// How long an address may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sources, and what each said last.
pub(super) struct Elsewhere {
    sources: Vec<(Source, Mutex<Option<Vec<u8>>>)>,
}

impl Elsewhere {
    pub(super) fn new(sources: &[Source]) -> Self {
        Self { sources: sources.iter().map(|source| (source.clone(), Mutex::default())).collect() }
    }

    /// All answers that are kept elsewhere; what does not fit is said and left out.
    pub(super) fn answers(&self) -> Vec<AnswerFile> {
        let mut answers = Vec::new();
        for (source, said) in &self.sources {
            let bytes = match &source.path {
                Some(path) => match std::fs::read(path) {
                    Ok(bytes) => Some(bytes),
                    Err(error) => {
                        tracing::error!("knowledge {}: {error}; its answers are left out", path.display());
                        None
                    }
                },
                None => said.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            };
            let Some(bytes) = bytes else { continue };
            let from = PathBuf::from(name(source));
            let (files, complaints) = exchange::read(source.kind, &bytes, &from, &source.defaults());
            for complaint in complaints.iter().filter(|complaint| complaint.severity == Severity::Error) {
                tracing::error!("{complaint}");
            }
            answers.extend(files);
        }
        answers
    }

    /// The files among them.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.iter().filter_map(|(source, _)| source.path.as_ref())
    }

    /// Whether any has to be asked for.
    pub(super) fn asks(&self) -> bool {
        self.sources.iter().any(|(source, _)| source.url.is_some())
    }

    /// Asks each address whenever it is due, and has the shelf filled anew when one says something else.
    pub(super) async fn keep(shelf: Arc<Shelf>) {
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..shelf.elsewhere.sources.len() {
            let shelf = shelf.clone();
            asked.spawn(async move {
                let Some((source, said)) = shelf.elsewhere.sources.get(number) else { return };
                if source.url.is_none() {
                    return;
                }
                let mut due = tokio::time::interval(source.every.0);
                loop {
                    due.tick().await;
                    match ask(source).await {
                        Ok(bytes) => {
                            let before = said.lock().unwrap_or_else(PoisonError::into_inner).replace(bytes.clone());
                            if before.as_ref() != Some(&bytes) {
                                let shelf = shelf.clone();
                                // A panic there is said by the runtime; the old answers stay.
                                let _ = tokio::task::spawn_blocking(move || shelf.reload()).await;
                            }
                        }
                        Err(error) => {
                            tracing::warn!("knowledge {}: {error:#}; what it said before stays", name(source))
                        }
                    }
                }
            });
        }
        while asked.join_next().await.is_some() {}
    }
}

fn name(source: &Source) -> String {
    let path = source.path.as_ref().map(|path| path.display().to_string());
    path.or_else(|| source.url.clone()).unwrap_or_default()
}

async fn ask(source: &Source) -> anyhow::Result<Vec<u8>> {
    let url = source.url.as_deref().unwrap_or_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).https_only(true).build().context("begin to ask")?;
    let mut request = client.get(url);
    if let Some(file) = &source.token_file {
        let token = std::fs::read_to_string(file).with_context(|| format!("read the token {}", file.display()))?;
        let token = token.lines().next().unwrap_or_default().trim();
        request = request.header("Authorization", format!("Token token={token}"));
    }
    let mut answer = request.send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        bytes.extend_from_slice(&piece);
        anyhow::ensure!(bytes.len() as u64 <= BYTES, "it says more than {} MiB", BYTES >> 20);
    }
    Ok(bytes)
}
