//! Timetables: at this second that happens, and the engine hands out this.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::effect::Act;
use crate::event::Place;
use crate::finding::{Finding, Role};
use crate::incident::{Incident, Status};
use crate::plan::{Action, Check, Compare, Step, UnitVerb};
use crate::policy::Mode;
use crate::probe::{Fact, Facts, Probe};
use crate::rule::{Case, Clear, Has, Logic, LogicError, Patience, Proposal, RuleVersion, TaskClause};
use crate::run::Run;
use crate::severity::Severity;
use crate::task::{Task, TaskState};
use crate::trigger::Trigger;

/// A rule that restarts nginx unless the probe says that it is active.
#[derive(Debug, Default)]
struct Restart {
    quiet: Option<Duration>,
    rollback: bool,
    replan: bool,
    /// Only waits in its first round, and looks again.
    waits: bool,
    /// Hands over when there was a fix within a day.
    once: bool,
    runs_away: bool,
    /// Only waits, in every round.
    only_waits: bool,
    /// Restarts a service of the pool's name, which no other incident waits for.
    each_its_own: bool,
    /// Writes what the probe saw into a file instead.
    writes: bool,
    /// Hands over in this round.
    hands_over: Option<u32>,
    /// Is proved by a page, too.
    asks_a_page: bool,
    /// From the second round on, its way back names too wide a target.
    strays: bool,
}

fn write(facts: &Facts) -> Step {
    let values = facts.get("unit").map(|fact| ("seen".to_owned(), serde_json::to_value(fact).unwrap()));
    let (path, template) = ("/srv/web/limits.conf".into(), "{{ seen }}".into());
    Action::WriteTemplate { path, template, values: values.into_iter().collect() }.into()
}

impl Logic for Restart {
    fn asset(&self, finding: &Finding) -> Result<Option<String>, LogicError> {
        Ok(finding.fields.get("pool").map(|pool| format!("pool:{pool}")))
    }
    fn probe(&self, _: &Case) -> Result<BTreeMap<String, Probe>, LogicError> {
        Ok(BTreeMap::from([("unit".into(), Probe::Unit { name: "nginx.service".into() })]))
    }
    fn fix(&self, case: &Case, facts: &Facts, _: &[Json]) -> Result<Proposal, LogicError> {
        if self.runs_away {
            return Err(LogicError { what: "fix".into(), why: "too many operations".into(), over_limit: true });
        }
        if matches!(facts.get("unit"), Some(Fact::Seen { report }) if report["active"] == json!(true)) {
            return Ok(Proposal::Steps(Vec::new()));
        }
        if let Some(why) = self.hands_over.filter(|round| *round == case.round) {
            return Ok(Proposal::HandOver { why: format!("not a case for round {why}") });
        }
        if self.only_waits {
            return Ok(Proposal::Steps(vec![Action::Wait { time: Duration::from_secs(1) }.into()]));
        }
        if self.writes {
            return Ok(Proposal::Steps(vec![write(facts)]));
        }
        if self.once && case.fixes_24h > 0 {
            return Ok(Proposal::HandOver { why: "once a day".into() });
        }
        if self.waits && case.round == 0 {
            let wait = Action::Wait { time: Duration::from_secs(5) };
            return Ok(Proposal::Steps(vec![wait.into(), Action::Replan.into()]));
        }
        let mut steps = match case.fields.get("pool").filter(|_| self.each_its_own) {
            Some(pool) => {
                let unit = format!("{pool}.service");
                vec![Action::Systemd { verb: UnitVerb::Restart, unit }.into()]
            }
            None => vec![restart(UnitVerb::Restart)],
        };
        if self.replan && case.round == 0 {
            steps.push(Action::Replan.into());
        }
        Ok(Proposal::Steps(steps))
    }
    fn verify(&self, _: &Case, _: &Facts) -> Result<Vec<Check>, LogicError> {
        let active = Check::Report {
            probe: Probe::Unit { name: "nginx.service".into() },
            key: "active".into(),
            compare: Compare::Is,
            value: json!(true),
        };
        let page = self.asks_a_page.then(|| Check::Report {
            probe: Probe::Http { url: "https://shop.example/health".into() },
            key: "status".into(),
            compare: Compare::Is,
            value: json!(200),
        });
        Ok([active].into_iter().chain(page).chain(self.quiet.map(|time| Check::Quiet { time })).collect())
    }
    fn rollback(&self, case: &Case, _: &Facts) -> Result<Vec<Step>, LogicError> {
        if self.strays && case.round > 0 {
            return Ok(vec![Action::Remove { path: "/srv/web/*".into(), older_than: None }.into()]);
        }
        Ok(if self.rollback { vec![restart(UnitVerb::Stop)] } else { Vec::new() })
    }
}

fn restart(verb: UnitVerb) -> Step {
    Action::Systemd { verb, unit: "nginx.service".into() }.into()
}

fn rule(logic: Restart) -> Rule {
    Rule {
        id: "web.nginx-down".into(),
        version: RuleVersion("1".into()),
        title: "nginx is down".into(),
        severity: Severity::High,
        programs: Vec::new(),
        sources: Vec::new(),
        patterns: vec!["down".into()],
        unless: Vec::new(),
        fields: BTreeMap::from([("pool".into(), crate::field::FieldType::Path)]),
        task: None,
        trigger: Trigger::default(),
        by: Vec::new(),
        clear: Clear::default(),
        cooldown: Duration::from_secs(600),
        reopen: Duration::from_secs(3600),
        patience: Patience {
            within: Duration::from_secs(30),
            stable_for: Duration::from_secs(10),
            every: Duration::from_secs(2),
        },
        answer: None,
        escalate: Some("web".into()),
        automation: Mode::Auto,
        draft: None,
        has: Has { asset: true, probe: true, fix: true, verify: true, rollback: true },
        logic: Arc::new(logic),
    }
}

struct Engine {
    state: State,
    rules: RuleSet,
    assets: Assets,
    policy: Policy,
    now: u64,
    journal: Journal,
    out: Vec<Effect>,
    notes: Vec<String>,
}

impl State {
    /// The incident whose run holds the lock of an asset.
    fn lock_of(&self, asset: &str) -> Option<IncidentId> {
        let holds = |i: &&Incident| i.asset == asset && i.run.as_ref().is_some_and(Run::holds_lock);
        self.incidents.values().find(holds).map(|i| i.id)
    }
}

const RULE: &str = "web.nginx-down";

impl Engine {
    fn new(rule: Rule, mode: Mode) -> Self {
        let mut policy = Policy::default();
        policy.modes.insert("*".into(), mode);
        policy.allow.units.extend(["nginx.service", "a.service", "b.service"].map(Into::into));
        let rules = RuleSet { rules: BTreeMap::from([(rule.id.clone(), Arc::new(rule))]) };
        let mut engine = Self {
            state: State::default(),
            rules,
            assets: Assets::default(),
            policy,
            now: 0,
            journal: Journal::default(),
            out: Vec::new(),
            notes: Vec::new(),
        };
        engine.step(Input::Reloaded);
        engine.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
        engine
    }

    fn time(at: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + i64::try_from(at).unwrap())
    }

    fn step(&mut self, input: Input) -> Reply {
        let world = World {
            rules: &self.rules,
            assets: &self.assets,
            policy: &self.policy,
            now: Self::time(self.now),
            host: "here",
        };
        let reply = step(&mut self.state, &world, input, &mut self.journal);
        let (changes, effects) = self.journal.take(&mut self.state);
        for change in changes {
            if let Change::Entry(entry) = change {
                self.notes.push(format!("{} {}", entry.what, entry.text));
            }
        }
        self.out.extend(effects);
        reply
    }

    /// Lets time pass, waking the engine whenever it asked to be.
    fn pass_to(&mut self, to: u64, answer: &dyn Fn(&Act) -> Outcome) {
        while self.now <= to {
            self.answer(answer);
            self.step(Input::Tick);
            self.now += 1;
        }
        self.answer(answer);
        self.now = to;
    }

    fn answer(&mut self, answer: &dyn Fn(&Act) -> Outcome) {
        while !self.out.is_empty() {
            for effect in std::mem::take(&mut self.out) {
                let outcome = answer(&effect.act);
                self.step(Input::Done { effect: effect.id, outcome });
            }
        }
    }

    fn line(&mut self, at: u64) {
        self.finding(at, Role::Match(0), None, &[]);
    }

    fn finding(&mut self, at: u64, role: Role, task: Option<Task>, fields: &[(&str, &str)]) {
        let text = |v: &str| crate::field::Value::Text(v.to_owned());
        let finding = Finding {
            rule: RULE.into(),
            role,
            place: Place::named("log"),
            time: Self::time(at),
            read_at: Self::time(self.now),
            fields: fields.iter().map(|(k, v)| ((*k).to_owned(), text(v))).collect(),
            text_fields: Vec::new(),
            host: Some("web1".into()),
            program: None,
            task: task.map(Box::new),
            message: "down".into(),
        };
        self.found(&finding);
    }

    fn found(&mut self, finding: &Finding) {
        let world = World {
            rules: &self.rules,
            assets: &self.assets,
            policy: &self.policy,
            now: Self::time(self.now),
            host: "here",
        };
        found(&mut self.state, &world, &finding.into(), &mut self.journal);
        self.step(Input::Tick);
    }

    fn acts(&self) -> Vec<String> {
        self.out.iter().map(|e| e.act.describe()).collect()
    }

    fn status(&self) -> Status {
        self.state.incidents.values().last().unwrap().status
    }

    fn said(&self, text: &str) -> bool {
        self.notes.iter().any(|note| note.contains(text))
    }

    fn command(&mut self, command: Command) -> Result<String, String> {
        self.step(Input::Command { by: "kim".into(), command }).unwrap()
    }
}

fn unit(active: bool) -> Outcome {
    Outcome::Saw { fact: Fact::Seen { report: json!({ "active": active }) } }
}

/// A world in which the step works: the first look sees it down, every check afterwards sees it up.
fn heals(act: &Act) -> Outcome {
    match act {
        Act::Probe { .. } => unit(true),
        _ => Outcome::Done { detail: "ok".into() },
    }
}

fn stays_broken(act: &Act) -> Outcome {
    match act {
        Act::Probe { .. } => unit(false),
        _ => Outcome::Done { detail: "ok".into() },
    }
}

/// Answers the first probe with "down", so that a plan with steps is made.
fn sees_it_down(engine: &mut Engine) {
    assert_eq!(engine.acts(), ["probe unit nginx.service"]);
    let effect = engine.out.remove(0);
    engine.step(Input::Done { effect: effect.id, outcome: unit(false) });
}

mod again;
mod allowed;
mod clocks;
mod detect;
mod draft;
mod heal;
mod held;
mod holds;
mod listens;
mod rounds;
mod spots;
