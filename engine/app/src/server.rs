//! What the HTTP side asks, answered from the pump's last report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use heinzel_core::block::{Block, Delivery};
use heinzel_core::time::Timestamp;
use heinzel_script::plain_file;
use heinzel_server::access::Access;
use heinzel_server::api::{Api, Limits, NotTaken, PushSource};
use heinzel_server::door::Inside;
use heinzel_server::metric::Metric;
use heinzel_source::feed::Closed;
use heinzel_source::outlet::Outlet;
use heinzel_source::settings::{Kind, Source, Token};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Ends, Exit};
use crate::front::{Desk, Shelf};
use crate::pump::Asked;
use crate::report::Report;
use crate::scanner::Current;
use crate::{clock, metrics};

/// How old a report may be that a probe or scrape is answered with.
const FRESH: Duration = Duration::from_secs(5);

struct Answers {
    sources: Arc<[PushSource]>,
    blocks: Outlet,
    report: Arc<Mutex<Option<Report>>>,
    shelf: Arc<Shelf>,
    /// The rules in force, where none could be loaded at the start: nothing is taken before there are some.
    awaits: Option<Current>,
}

impl Api for Answers {
    fn push_sources(&self) -> Arc<[PushSource]> {
        self.sources.clone()
    }

    fn push(&self, block: Block) -> Result<(), NotTaken> {
        if self.awaits.as_ref().is_some_and(|current| current.get().rules.rules.is_empty()) {
            return Err(NotTaken::NoRules);
        }
        match self.blocks.try_send(Delivery::Block(block)) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(NotTaken::Full),
            Err(Closed) => Err(NotTaken::Closed),
        }
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn not_ready(&self) -> Vec<String> {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(report) = report.as_ref() else { return vec!["the engine is starting".into()] };
        let mut reasons = Vec::new();
        if report.now + FRESH * 6 < clock::now() {
            reasons.push("the engine has not answered for 30 s".into());
        }
        reasons.extend(report.store_problem.iter().map(|why| format!("the store takes nothing: {why}")));
        match self.shelf.get() {
            None => reasons.push("the answers are being read".into()),
            // An engine that only answers customers needs no rules.
            Some(books) if report.rules.is_empty() && books.documents.is_empty() => {
                reasons.push("no rules are loaded; `heinzel check` says why".into());
            }
            Some(_) => {}
        }
        reasons
    }

    fn metrics(&self) -> Vec<Metric> {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.as_ref().map(metrics::of).unwrap_or_default()
    }
}

/// The address is taken, and who may ask is known; nobody is answered yet.
pub(crate) struct Bound {
    listener: tokio::net::TcpListener,
    sources: Arc<[PushSource]>,
    access: Access,
}

/// Takes the address of the HTTP API, where one is configured.
///
/// # Errors
/// When the address cannot be listened on or a token cannot be read.
pub(crate) async fn bind(config: &Config) -> anyhow::Result<Option<Bound>> {
    let sources: Vec<PushSource> =
        push_sources(config).collect::<anyhow::Result<_>>().map_err(|e| Ends::with(Exit::Wrong, format!("{e:#}")))?;
    let Some(address) = config.server.listen else {
        if let Some(unheard) = unheard(config) {
            tracing::warn!("{unheard}");
        }
        return Ok(None);
    };
    let access = Access::open(&config.server).map_err(|e| Ends::with(Exit::Wrong, e.to_string()))?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address} (`server.listen`); is another program there?"))?;
    Ok(Some(Bound { listener, sources: sources.into(), access }))
}

/// A source that is pushed to where nothing listens, as a sentence with the way out.
pub(crate) fn unheard(config: &Config) -> Option<String> {
    let is_pushed = |source: &&Source| matches!(source.kind, Kind::Push(_));
    let source = config.sources.iter().find(is_pushed).filter(|_| config.server.listen.is_none())?;
    let name = &source.common.name;
    Some(format!("source `{name}` is pushed to, but nothing listens; set `server.listen`, like \"127.0.0.1:4780\""))
}

/// Those that are pushed to, with their tokens read.
pub(crate) fn push_sources(config: &Config) -> impl Iterator<Item = anyhow::Result<PushSource>> {
    config.sources.iter().filter_map(|source| {
        let Kind::Push(push) = &source.kind else { return None };
        let name = source.common.name.clone();
        let token = token(&push.token).with_context(|| format!("source `{name}`: read the token"));
        Some(token.map(|token| PushSource { name, token: token.into() }))
    })
}

impl Bound {
    /// Answers from now on. `awaits`: no rule could be loaded yet, and what is pushed waits for some.
    pub(crate) fn open(
        self,
        blocks: Outlet,
        ask: mpsc::Sender<Asked>,
        desk: Arc<Desk>,
        awaits: bool,
        stop: CancellationToken,
    ) -> JoinHandle<()> {
        // Port 0 lets the system choose one.
        if let Ok(address) = self.listener.local_addr() {
            tracing::info!("HTTP on http://{address}: /healthz /readyz /metrics, and what /v1/openapi.json lists");
        }
        let report = Arc::new(Mutex::new(None));
        let awaits = awaits.then(|| desk.current.clone());
        let (sources, shelf) = (self.sources, desk.shelf.clone());
        let api = Arc::new(Answers { sources, blocks, report: report.clone(), shelf, awaits });
        tokio::spawn(keep_fresh(report, ask, stop.clone()));
        let inside = Inside { api, front: Some(desk), access: self.access, limits: Limits::default() };
        let listener = self.listener;
        tokio::spawn(async move {
            if let Err(error) = heinzel_server::serve(listener, inside, stop).await {
                tracing::error!(%error, "the HTTP server ended");
            }
        })
    }
}

fn token(token: &Token) -> anyhow::Result<String> {
    let text = match token {
        Token::Text(secret) => secret.0.clone(),
        Token::File(path) => {
            let text = plain_file::text(path).with_context(|| format!("read {}", path.display()))?;
            text.lines().next().unwrap_or_default().trim().to_owned()
        }
    };
    anyhow::ensure!(
        !text.is_empty(),
        "the token is empty; write a long random text, like that of `openssl rand -hex 32`"
    );
    Ok(text)
}

async fn keep_fresh(report: Arc<Mutex<Option<Report>>>, ask: mpsc::Sender<Asked>, stop: CancellationToken) {
    loop {
        let (answer, wait) = oneshot::channel();
        if ask.send(Asked::Report(answer)).await.is_err() {
            return;
        }
        if let Ok(fresh) = wait.await {
            *report.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(FRESH) => {}
        }
    }
}
