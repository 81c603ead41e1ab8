//! The embedded store: what goes in comes out, and what goes wrong goes wrong safely.

use std::collections::BTreeMap;
use std::time::Duration;

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::{Act, Effect, Outcome};
use heinzel_core::event::Place;
use heinzel_core::field::Value;
use heinzel_core::incident::{Cause, Incident, IncidentId, Status};
use heinzel_core::plan::{Action, UnitVerb};
use heinzel_core::rule::RuleId;
use heinzel_core::severity::Severity;
use heinzel_core::state::{Change, Entry};
use heinzel_core::time::Timestamp;
use tempfile::TempDir;

use super::{Options, Sqlite};
use crate::Store;
use crate::lock::Lock;

mod basics;
mod retention;
mod tampering;
mod trouble;

/// A store in its own folder, which lives as long as this does.
struct Scene {
    folder: TempDir,
    store: Sqlite,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(Lock::take(folder.path()).unwrap(), &options("boot-1")).unwrap();
        Self { folder, store }
    }

    /// Closes and opens again, under the given boot.
    fn again(self, boot: &str) -> Self {
        let Self { folder, store } = self;
        drop(store);
        let store = Sqlite::open(Lock::take(folder.path()).unwrap(), &options(boot)).unwrap();
        Self { folder, store }
    }

    fn commit(&mut self, changes: &[Change]) {
        self.store.commit(changes, &[]).unwrap();
    }

    /// Changes the database behind the store's back.
    fn meddle(&self, sql: &str) {
        let conn = rusqlite::Connection::open(self.folder.path().join(super::FILE)).unwrap();
        conn.busy_timeout(Duration::from_secs(5)).unwrap();
        conn.execute_batch(sql).unwrap();
    }

    fn verify(&self) -> crate::audit::AuditReport {
        self.store.verify_audit(&mut |_, _| {}).unwrap()
    }
}

fn options(boot: &str) -> Options {
    Options { boot: Some(boot.into()), patience: Duration::from_millis(50), ..Options::default() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn incident(id: IncidentId, status: Status) -> Incident {
    Incident {
        id,
        rule: RuleId::from("web.nginx-dead"),
        asset: format!("unit:nginx-{id}"),
        title: "nginx is dead".into(),
        severity: Severity::High,
        status,
        acknowledged_by: None,
        opened: at(100),
        opened_at: at(100),
        last_seen: at(100 + id.cast_signed()),
        heard: Some(at(101 + id.cast_signed())),
        lag: None,
        findings: 3,
        reopened: 0,
        resolved_at: (status == Status::Resolved).then(|| at(1000 + id.cast_signed())),
        verdict: None,
        cause: Cause {
            place: Place::named("journal"),
            host: Some("web1".into()),
            fields: BTreeMap::from([
                ("pool".into(), Value::Text("www\0\u{1f600}\"'; DROP TABLE audit;--".into())),
                ("load".into(), Value::Float(3.0)),
                ("limit".into(), Value::Int(-5)),
            ]),
            text_fields: vec![],
            task: None,
            message: "nginx.service: Main process exited, code=killed, status=9/KILL".into(),
        },
        origin: None,
        customers: ["kim".into()].into(),
        dependants: ["site:example.com".into()].into(),
        answer: None,
        escalate: None,
        run: None,
        told: None,
        notice: None,
        effects: 0,
    }
}

fn effect(id: &str, incident: IncidentId) -> Effect {
    let step = Action::Systemd { verb: UnitVerb::Restart, unit: "nginx.service".into() }.into();
    Effect { id: id.into(), incident, act: Act::Step { step } }
}

fn done() -> Outcome {
    Outcome::Done { detail: "restarted".into() }
}

fn entry(incident: Option<IncidentId>, seconds: i64, text: &str) -> Entry {
    Entry { at: at(seconds), incident, by: "engine".into(), what: "opened".into(), text: text.into() }
}

fn opened(id: IncidentId, status: Status) -> Change {
    Change::Incident(Box::new(incident(id, status)))
}

fn logged(seconds: i64, text: &str) -> Change {
    Change::Entry(entry(None, seconds, text))
}

fn checkpoint(stream: &str, state: &str) -> Checkpoint {
    Checkpoint { source: "logs".into(), stream: stream.into(), state: state.into() }
}
