//! Read-only looks at the host. What each reports is documented at [`Probe`].

use std::time::{SystemTime, UNIX_EPOCH};

use heinzel_core::probe::{Fact, Probe};
use heinzel_core::time::Span;
use serde_json::Value as Json;

use crate::{GRACE, Hands};

mod unit;

pub(crate) mod host;

mod net;

mod certificate;

mod command;

/// What a probe reports, or why it could not look.
type Report = Result<Json, String>;

impl Hands {
    /// Looks once.
    pub(crate) async fn look(&self, probe: &Probe) -> Fact {
        if let Err(no) = self.allow.probe(probe) {
            return Fact::Blind { why: no.to_string() };
        }
        match tokio::time::timeout(self.probe_timeout + GRACE, self.report(probe)).await {
            Ok(Ok(report)) => Fact::Seen { report },
            Ok(Err(why)) => Fact::Blind { why: format!("{}: {why}", probe.describe()) },
            Err(_) => Fact::Blind { why: format!("{}: {}", probe.describe(), self.late()) },
        }
    }

    async fn report(&self, probe: &Probe) -> Report {
        match probe {
            Probe::Unit { name } => self.unit(name).await,
            Probe::Disk { path } => {
                let path = path.clone();
                host::look_at_path(&self.looks, move || host::disk(&path)).await
            }
            Probe::Load => host::look(host::load).await,
            Probe::Memory => host::look(host::memory).await,
            Probe::Processes { name } => {
                let name = name.as_str().into();
                host::look(move || host::processes(&name)).await
            }
            Probe::File { path } => {
                let path = path.clone();
                host::look_at_path(&self.looks, move || host::file(&path)).await
            }
            Probe::Tcp { host, port } => self.tcp(host, *port).await,
            Probe::Http { url } => self.http(url).await,
            Probe::Certificate { target } => self.certificate(target).await,
            Probe::Command { argv, capture } => self.command(argv, capture.as_ref()).await,
            Probe::Nagios { argv } => self.nagios(argv).await,
        }
    }

    fn late(&self) -> String {
        format!("no answer within {}", Span(self.probe_timeout))
    }
}

/// Seconds since the epoch, now.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// With two digits behind the point: more is noise, and differs from look to look.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
