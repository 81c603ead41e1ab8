//! Timetables: at this second that happens, and the engine hands out this.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::event::Place;
use crate::finding::Role;
use crate::incident::Status;
use crate::plan::{Action, Check, Compare, Step, UnitVerb};
use crate::policy::Mode;
use crate::probe::{Fact, Facts, Probe};
use crate::rule::{Case, Clear, Has, Logic, LogicError, Patience, RuleVersion};
use crate::severity::Severity;
use crate::task::{Task, TaskState};
use crate::trigger::Trigger;

/// A rule that restarts nginx unless the probe says that it is active.
#[derive(Debug, Default)]
struct Restart {
    quiet: Option<Duration>,
    rollback: bool,
    replan: bool,
    runs_away: bool,
}

impl Logic for Restart {
    fn asset(&self, finding: &Finding) -> Result<Option<String>, LogicError> {
        Ok(finding.fields.get("pool").map(|pool| format!("pool:{pool}")))
    }
    fn probe(&self, _: &Case) -> Result<BTreeMap<String, Probe>, LogicError> {
        Ok(BTreeMap::from([("unit".into(), Probe::Unit { name: "nginx.service".into() })]))
    }
    fn fix(&self, case: &Case, facts: &Facts, _: &[Json]) -> Result<Vec<Step>, LogicError> {
        if self.runs_away {
            return Err(LogicError { what: "fix".into(), why: "too many operations".into(), over_limit: true });
        }
        if matches!(facts.get("unit"), Some(Fact::Seen { report }) if report["active"] == json!(true)) {
            return Ok(Vec::new());
        }
        let mut steps = vec![restart(UnitVerb::Restart)];
        if self.replan && case.round == 0 {
            steps.push(Action::Replan.into());
        }
        Ok(steps)
    }
    fn verify(&self, _: &Case, _: &Facts) -> Result<Vec<Check>, LogicError> {
        let active = Check::Report {
            probe: Probe::Unit { name: "nginx.service".into() },
            key: "active".into(),
            compare: Compare::Is,
            value: json!(true),
        };
        Ok([active].into_iter().chain(self.quiet.map(|time| Check::Quiet { time })).collect())
    }
    fn rollback(&self, _: &Case, _: &Facts) -> Result<Vec<Step>, LogicError> {
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
        fields: BTreeMap::new(),
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

const RULE: &str = "web.nginx-down";

impl Engine {
    fn new(rule: Rule, mode: Mode) -> Self {
        let mut policy = Policy::default();
        policy.modes.insert("*".into(), mode);
        policy.allow.units.push("nginx.service".into());
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
        let (changes, effects) = self.journal.take(&self.state);
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
        self.step(Input::Findings(vec![finding]));
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

#[test]
fn auto_restarts_verifies_and_resolves() {
    let mut e = Engine::new(rule(Restart { quiet: Some(Duration::from_secs(20)), ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
    e.pass_to(19, &heals);
    assert_eq!(e.status(), Status::Healing);
    e.pass_to(21, &heals);
    assert_eq!(e.status(), Status::Resolved);
    assert_eq!(e.state.rules[&RULE.into()].evidence.verified, 1);
}

#[test]
fn observe_plans_and_does_nothing() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Observe);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), Vec::<String>::new());
    assert_eq!(e.status(), Status::Open);
    assert!(e.said("plan systemctl restart nginx.service") && e.said("gate `mode` refused"));
    assert_eq!(e.state.rules[&RULE.into()].evidence.planned, 1);
}

#[test]
fn what_is_well_already_is_verified_and_closed_without_a_step() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    e.pass_to(12, &heals);
    assert_eq!(e.status(), Status::Resolved);
    assert!(e.state.fixes.is_empty() && e.said("well without a fix"));
}

#[test]
fn seen_again_while_it_should_be_quiet_rolls_back_and_calls_a_human() {
    let logic = Restart { quiet: Some(Duration::from_secs(60)), rollback: true, ..Restart::default() };
    let mut e = Engine::new(rule(logic), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(30, &heals);
    e.line(30);
    e.pass_to(40, &heals);
    assert!(e.said("rollback 1 of 1: systemctl stop nginx.service"));
    assert_eq!(e.status(), Status::NeedsHuman);
    assert!(e.said("needs-human the fix did not hold: quiet"));
}

#[test]
fn quiet_of_a_source_that_is_not_read_proves_nothing() {
    let mut e = Engine::new(rule(Restart { quiet: Some(Duration::from_secs(10)), ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let health = Health::Degraded { why: "gone".into() };
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health }));
    e.pass_to(40, &heals);
    assert_eq!(e.status(), Status::Healing, "it waits for the source");
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health: Health::Ok }));
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    e.pass_to(55, &heals);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn a_broken_fix_rolls_back_opens_the_breaker_and_goes_one_mode_down() {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    e.policy.breaker.failures = "2/1d".to_owned().try_into().unwrap();
    for at in [0, 1000] {
        e.now = at;
        e.finding(at, Role::Match(0), None, &[("pool", &format!("p{at}"))]);
        sees_it_down(&mut e);
        e.pass_to(at + 40, &stays_broken);
        assert_eq!(e.status(), Status::NeedsHuman);
    }
    let record = &e.state.rules[&RULE.into()];
    assert!(record.breaker.is_some());
    assert_eq!(record.mode, Some(Mode::Approve));
    e.command(Command::Promote { rule: RULE.into(), to: None }).unwrap();
    assert!(e.state.rules[&RULE.into()].breaker.is_none());
}

#[test]
fn cooldown_and_budget_refuse_by_name() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(15, &heals);
    assert_eq!(e.status(), Status::Resolved);
    e.now = 20;
    e.line(20);
    sees_it_down(&mut e);
    assert!(e.said("gate `cooldown` refused"), "{:#?}", e.notes);
    assert_eq!(e.status(), Status::NeedsHuman);
    e.policy.budget.rule = "1/1h".to_owned().try_into().unwrap();
    e.now = 700;
    e.finding(700, Role::Match(0), None, &[("pool", "b")]);
    sees_it_down_last(&mut e);
    assert!(e.said("gate `budget` refused"));
}

/// Like [`sees_it_down`], past notifications that are out.
fn sees_it_down_last(engine: &mut Engine) {
    engine.out.retain(|e| matches!(e.act, Act::Probe { .. }));
    sees_it_down(engine);
}

use crate::effect::Act;

#[test]
fn one_lock_per_asset_is_held_through_verify() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let mut other = rule(Restart::default());
    other.id = "web.other".into();
    e.rules.rules.insert(other.id.clone(), Arc::new(other));
    e.line(0);
    sees_it_down(&mut e);
    let mut finding = Finding { rule: "web.other".into(), ..finding_like() };
    finding.time = Engine::time(1);
    e.step(Input::Findings(vec![finding]));
    let probe = e.out.pop().unwrap();
    e.step(Input::Done { effect: probe.id, outcome: unit(false) });
    assert!(e.said("gate `lock` holds: incident 1 is working on host:web1"));
    e.pass_to(11, &heals);
    assert!(!e.state.incidents[&1].is_resolved() || e.said("step 1 of 1"), "{:#?}", e.notes);
    e.pass_to(30, &heals);
    assert!(e.state.incidents[&2].is_resolved());
}

fn finding_like() -> Finding {
    Finding {
        rule: RULE.into(),
        role: Role::Match(0),
        place: Place::named("log"),
        time: Engine::time(0),
        read_at: Engine::time(0),
        fields: BTreeMap::new(),
        text_fields: Vec::new(),
        host: Some("web1".into()),
        program: None,
        task: None,
        message: "down".into(),
    }
}

#[test]
fn approval_looks_again_and_holds_for_exactly_these_steps() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::AwaitingApproval);
    assert!(e.command(Command::Approve { incident: 9 }).is_err());
    e.command(Command::Approve { incident: 1 }).unwrap();
    sees_it_down_last(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
    e.pass_to(15, &heals);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn a_denied_plan_needs_a_human_and_counts_against_the_rule() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    e.line(0);
    sees_it_down(&mut e);
    e.command(Command::Deny { incident: 1, why: "not now".into() }).unwrap();
    assert_eq!(e.status(), Status::NeedsHuman);
    assert_eq!(e.state.rules[&RULE.into()].evidence.vetoed, 1);
}

#[test]
fn a_protected_asset_asks_even_in_auto() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.policy.protected.push("host:web*".into());
    e.line(0);
    sees_it_down(&mut e);
    assert!(e.said("gate `protected` asks for approval"));
    assert_eq!(e.status(), Status::AwaitingApproval);
}

#[test]
fn pause_holds_and_resume_lets_go() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.command(Command::Pause { why: "migration".into() }).unwrap();
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(5, &heals);
    assert!(e.state.fixes.is_empty() && e.said("gate `pause` holds"));
    e.command(Command::Resume).unwrap();
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
}

#[test]
fn a_step_of_unknown_outcome_is_never_repeated_blindly() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let step = e.out.remove(0);
    e.step(Input::Done { effect: step.id, outcome: Outcome::Unknown });
    assert_eq!(e.acts(), ["probe unit nginx.service"], "the checks decide");
    e.pass_to(15, &heals);
    assert_eq!(e.status(), Status::Resolved);
    assert_eq!(e.state.fixes.len(), 1);
}

#[test]
fn an_unknown_step_that_did_not_help_is_looked_at_and_planned_again() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let step = e.out.remove(0);
    e.step(Input::Done { effect: step.id, outcome: Outcome::Unknown });
    e.pass_to(31, &|act| if act.changes_world() { heals(act) } else { unit(false) });
    assert!(e.said("looking again after an interrupted step"), "{:#?}", e.notes);
    assert_eq!(e.state.fixes.len(), 2);
}

#[test]
fn replan_asks_again_and_is_bounded() {
    let mut e = Engine::new(rule(Restart { replan: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    e.pass_to(60, &stays_broken);
    assert_eq!(e.notes.iter().filter(|n| n.starts_with("plan systemctl")).count(), 2);
    assert_eq!(e.status(), Status::NeedsHuman);
}

#[test]
fn a_rule_that_runs_away_is_switched_off_and_the_incident_handed_over() {
    let mut e = Engine::new(rule(Restart { runs_away: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    assert!(e.said("rule-off") && e.status() == Status::NeedsHuman);
    e.line(1);
    assert_eq!(e.state.counters.off[&RULE.into()], 1);
}

#[test]
fn coming_back_soon_reopens_the_same_incident_and_late_lines_do_not() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(20, &heals);
    assert_eq!(e.status(), Status::Resolved);
    e.line(3);
    assert_eq!(e.status(), Status::Resolved, "a line from before the end");
    e.now = 900;
    e.line(900);
    assert_eq!((e.state.incidents.len(), e.state.incidents[&1].reopened), (1, 1));
    assert_eq!(e.state.rules[&RULE.into()].evidence.recurred, 1);
}

fn counting(trigger: Trigger) -> Engine {
    let mut rule = rule(Restart::default());
    rule.trigger = trigger;
    rule.has = Has::default();
    Engine::new(rule, Mode::Observe)
}

#[test]
fn windows_count_in_event_time_whatever_the_order() {
    let check = |times: &[u64], fires: bool| {
        let mut e = counting(Trigger::Count { count: 3, within: Duration::from_secs(60) });
        for &t in times {
            e.line(t);
        }
        assert_eq!(!e.state.incidents.is_empty(), fires, "{times:?}");
    };
    check(&[0, 10, 20], true);
    check(&[20, 0, 10], true);
    check(&[0, 50, 100], false);
    check(&[0, 50, 100, 110], true);
    check(&[100, 0, 101, 1, 102], true);
    check(&[1000, 0, 1001, 1], false);
}

#[test]
fn late_findings_are_counted_and_left_out() {
    let mut e = counting(Trigger::Count { count: 3, within: Duration::from_secs(60) });
    for t in [1000, 0, 1, 2] {
        e.line(t);
    }
    assert!(e.state.incidents.is_empty());
    assert_eq!(e.state.counters.late[&RULE.into()], 3);
}

#[test]
fn keys_are_capped_and_evictions_counted() {
    let mut e = counting(Trigger::Count { count: 2, within: Duration::from_secs(60) });
    let mut with_key = rule(Restart::default());
    with_key.trigger = Trigger::Count { count: 2, within: Duration::from_secs(60) };
    with_key.by = vec!["pool".into()];
    e.rules.rules.insert(RULE.into(), Arc::new(with_key));
    let most = crate::window::Window::MOST_KEYS;
    for n in 0..=most {
        e.finding(n as u64 / 1000, Role::Match(0), None, &[("pool", &n.to_string())]);
    }
    assert_eq!(e.state.windows[&RULE.into()].len(), most - most / 10 + 1);
    assert_eq!(e.state.counters.evicted[&RULE.into()], most as u64 / 10);
}

#[test]
fn sequence_needs_the_order() {
    let check = |numbers: &[(u64, usize)], fires: bool| {
        let mut e = counting(Trigger::Sequence { order: vec![0, 1], within: Duration::from_secs(60) });
        for &(at, number) in numbers {
            e.finding(at, Role::Match(number), None, &[]);
        }
        assert_eq!(!e.state.incidents.is_empty(), fires, "{numbers:?}");
    };
    check(&[(0, 0), (1, 1)], true);
    check(&[(0, 1), (1, 0)], false);
    check(&[(0, 0), (100, 1)], false);
    check(&[(0, 0), (50, 0), (100, 1)], true);
}

#[test]
fn absence_fires_when_the_source_is_read_and_is_held_when_not() {
    let mut e = counting(Trigger::Absence { absence: Duration::from_secs(100) });
    e.line(0);
    e.pass_to(99, &heals);
    assert!(e.state.incidents.is_empty());
    let health = Health::Degraded { why: "gone".into() };
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health }));
    e.pass_to(300, &heals);
    assert!(e.state.incidents.is_empty() && e.said("absence-held"));
    assert_eq!(e.notes.iter().filter(|n| n.starts_with("absence-held")).count(), 1, "said once");
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health: Health::Ok }));
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    assert_eq!(e.status(), Status::Open);
    e.now = 310;
    e.line(310);
    assert_eq!(e.status(), Status::Resolved, "the missing event came");
}

fn task(id: &str, state: TaskState) -> Option<Task> {
    Some(Task {
        id: id.into(),
        kind: "vzdump".into(),
        target: Some("100".into()),
        customer: None,
        state,
        started: Some(Engine::time(0)),
        finished: None,
        exit: None,
    })
}

#[test]
fn an_overdue_task_opens_an_incident_and_its_end_closes_it() {
    let mut e = counting(Trigger::Overdue { overdue: Duration::from_secs(100) });
    e.finding(0, Role::Task, task("a", TaskState::Running), &[]);
    e.pass_to(99, &heals);
    assert!(e.state.incidents.is_empty());
    e.pass_to(101, &heals);
    assert_eq!(e.state.incidents[&1].asset, "vzdump:100");
    e.finding(150, Role::Task, task("a", TaskState::Ok), &[]);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn flapping_counts_changes_only() {
    let mut e = counting(Trigger::Flapping { flapping: 3, within: Duration::from_secs(1000) });
    let states = [TaskState::Ok, TaskState::Ok, TaskState::Failed, TaskState::Failed, TaskState::Ok];
    for (at, state) in states.into_iter().enumerate() {
        e.finding(at as u64, Role::Task, task(&at.to_string(), state), &[]);
    }
    assert!(e.state.incidents.is_empty());
    e.finding(9, Role::Task, task("z", TaskState::Failed), &[]);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn a_clearing_line_closes_the_incident_of_its_asset_only() {
    let mut e = counting(Trigger::default());
    let mut clearing = rule(Restart::default());
    clearing.has = Has { asset: true, ..Has::default() };
    e.rules.rules.insert(RULE.into(), Arc::new(clearing));
    e.finding(0, Role::Match(0), None, &[("pool", "a")]);
    e.finding(0, Role::Match(0), None, &[("pool", "b")]);
    e.finding(5, Role::Clear(0), None, &[("pool", "a")]);
    let status = |asset: &str| e.state.incident_of(&RULE.into(), asset).unwrap().status;
    assert_eq!((status("pool:a"), status("pool:b")), (Status::Resolved, Status::Open));
}

#[test]
fn notifications_are_tried_again_and_given_up() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let tries = std::cell::Cell::new(0);
    e.pass_to(60, &|act| match act {
        Act::Notify { to, .. } => {
            assert_eq!(to, "web");
            tries.set(tries.get() + 1);
            if tries.get() == 1 { Outcome::Failed { why: "refused".into() } } else { heals(act) }
        }
        _ => stays_broken(act),
    });
    e.pass_to(120, &heals);
    assert!(e.said("told try 1 failed: refused"));
    assert!(e.state.incidents[&1].notice.is_none());
}

#[test]
fn wake_times_cover_everything_that_waits() {
    let mut e = counting(Trigger::Absence { absence: Duration::from_secs(100) });
    e.line(7);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now: Engine::time(7), host: "here" };
    assert_eq!(wake_at(&e.state, &world), Some(Engine::time(107)));
}
