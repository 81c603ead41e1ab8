//! The small conditions that keep a fix from being done, from being believed, and from being held against its rule.

use super::allowed::{answer_probe, answer_step};
use super::*;
use crate::gate::{self, Verdict};
use crate::plan::Plan;
use crate::policy::Maintenance;
use crate::run::Approved;
use crate::state::FixStart;

/// An engine with an incident whose plan is one restart, of which the step is out.
fn acting(logic: Restart) -> Engine {
    let mut e = Engine::new(rule(logic), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e
}

fn plan(steps: Vec<Step>) -> Plan {
    let Rule { version, patience, .. } = rule(Restart::default());
    Plan { version, round: 0, steps, verify: Vec::new(), rollback: Vec::new(), patience }
}

/// What a gate says of a plan for the first incident.
fn says(e: &Engine, gate: &str, plan: &Plan) -> Verdict {
    let now = Engine::time(e.now);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
    let answers = gate::ask(&e.state, &world, &e.rules.rules[&RULE.into()], &e.state.incidents[&1], plan);
    answers.into_iter().find(|answer| answer.gate == gate).unwrap().verdict
}

fn failed_fixes(e: &Engine) -> u64 {
    e.state.rules.get(&RULE.into()).map_or(0, |record| record.evidence.failed)
}

#[test]
fn a_plan_names_exactly_what_it_means() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    let check = |action: Action, passes: bool| {
        let verdict = says(&e, "target", &plan(vec![action.clone().into()]));
        assert_eq!(verdict == Verdict::Pass, passes, "{action:?}: {verdict:?}");
    };
    let signal = |pid| Action::Signal { name: "nginx".into(), pid, signal: "TERM".into() };
    for pid in [0, 1] {
        check(signal(Some(pid)), false);
    }
    check(signal(Some(2)), true);
    check(signal(None), true);
    let systemd = |unit: &str| Action::Systemd { verb: UnitVerb::Restart, unit: unit.into() };
    check(systemd("nginx*"), false);
    check(systemd(" "), false);
    check(systemd("nginx.service"), true);
    let remove = |path: &str| Action::Remove { path: path.into(), older_than: None };
    check(remove("/srv/web/*"), false);
    check(remove("/srv/web/?*"), false);
    check(remove("/srv/web/*.tmp"), true);
    check(Action::Truncate { path: "/var/log/*.log".into() }, false);
    check(Action::Command { argv: vec!["nginx".into(), String::new()] }, false);
}

#[test]
fn the_budget_of_the_host_is_that_of_all_its_assets() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.policy.budget.host = "1/1h".to_owned().try_into().unwrap();
    e.finding(0, Role::Match(0), None, &[("pool", "a")]);
    sees_it_down(&mut e);
    e.finding(1, Role::Match(0), None, &[("pool", "b")]);
    answer_probe(&mut e, false);
    assert!(e.said("gate `budget` refused: this host has had its 1 in 1h"), "{:#?}", e.notes);
}

#[test]
fn fixes_from_before_our_clock_was_set_back_use_up_no_budget() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.policy.budget.rule = "1/1h".to_owned().try_into().unwrap();
    let at = Engine::time(400 * 86_400);
    e.state.fixes.push_back(FixStart { rule: RULE.into(), asset: "host:other".into(), incident: 99, at });
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"], "{:#?}", e.notes);
}

#[test]
fn an_approval_holds_for_the_way_back_too() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    e.line(0);
    answer_probe(&mut e, false);
    let approved = plan(vec![restart(UnitVerb::Restart)]);
    let (steps, rollback) = (approved.steps.clone(), Vec::new());
    let run = e.state.incidents.get_mut(&1).unwrap().run.as_mut().unwrap();
    run.approved = Some(Approved { by: "kim".into(), round: 0, steps, rollback });
    assert_eq!(says(&e, "approval", &approved), Verdict::Pass);
    let other = Plan { rollback: vec![restart(UnitVerb::Stop)], ..approved };
    assert!(matches!(says(&e, "approval", &other), Verdict::Approval { .. }));
}

#[test]
fn a_maintenance_that_is_over_holds_nothing() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let (from, until) = (Engine::time(0), Engine::time(100));
    e.policy.maintenance = vec![Maintenance { assets: vec!["*".into()], from, until }];
    e.line(0);
    let plan = plan(vec![restart(UnitVerb::Restart)]);
    e.now = 99;
    assert!(matches!(says(&e, "pause", &plan), Verdict::Wait { .. }));
    e.now = 100;
    assert_eq!(says(&e, "pause", &plan), Verdict::Pass);
}

#[test]
fn what_changed_nothing_is_neither_taken_back_nor_held_against_the_rule() {
    let mut waits = Engine::new(rule(Restart { only_waits: true, rollback: true, ..Restart::default() }), Mode::Auto);
    waits.line(0);
    sees_it_down(&mut waits);
    waits.pass_to(120, &stays_broken);
    let mut refused = acting(Restart { rollback: true, ..Restart::default() });
    answer_step(&mut refused, Outcome::Refused { gate: "allow-list".into(), why: "not there".into() });
    for e in [waits, refused] {
        assert_eq!((e.status(), failed_fixes(&e)), (Status::NeedsHuman, 0), "{:#?}", e.notes);
        assert!(!e.said("the fix did not hold"), "{:#?}", e.notes);
        assert!(!e.notes.iter().any(|note| note.starts_with("rollback ")), "{:#?}", e.notes);
    }
}

#[test]
fn a_check_that_could_not_look_proves_nothing() {
    let mut e = acting(Restart::default());
    e.pass_to(120, &|act| match act {
        Act::Probe { .. } => Outcome::Saw { fact: Fact::Blind { why: "no D-Bus".into() } },
        _ => Outcome::Done { detail: "ok".into() },
    });
    assert_eq!((e.status(), failed_fixes(&e)), (Status::NeedsHuman, 1), "{:#?}", e.notes);
    assert!(e.said("the probe could not look: no D-Bus"), "{:#?}", e.notes);
}

#[test]
fn what_was_refused_where_it_was_to_be_done_waits_for_an_operator() {
    let mut e = acting(Restart::default());
    answer_step(&mut e, Outcome::Refused { gate: "allow-list".into(), why: "not there".into() });
    e.answer(&stays_broken);
    e.now = 7200;
    e.line(7200);
    assert_eq!(e.acts(), Vec::<String>::new(), "{:#?}", e.notes);
    e.command(Command::Retry { incident: 1 }).unwrap();
    assert_eq!(e.acts(), ["probe unit nginx.service"]);
}

#[test]
fn a_breaker_opens_once() {
    let mut e = Engine::new(rule(Restart { each_its_own: true, ..Restart::default() }), Mode::Auto);
    e.policy.breaker.failures = "1/1d".to_owned().try_into().unwrap();
    e.policy.breaker.spread = 1;
    for pool in ["a", "b"] {
        e.finding(0, Role::Match(0), None, &[("pool", pool)]);
        answer_probe(&mut e, false);
    }
    for _ in 0..2 {
        answer_step(&mut e, Outcome::Failed { why: "exit 1".into() });
        e.now += 1;
    }
    assert_eq!(e.notes.iter().filter(|note| note.starts_with("breaker ")).count(), 1, "{:#?}", e.notes);
    assert_eq!(e.state.rules[&RULE.into()].breaker.as_ref().unwrap().0, Engine::time(0));
}

#[test]
fn what_took_a_rule_one_mode_down_does_not_take_it_down_again() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    for pool in ["a", "b", "c"] {
        e.finding(0, Role::Match(0), None, &[("pool", pool)]);
        answer_probe(&mut e, false);
    }
    let mut denied = |incident| e.command(Command::Deny { incident, why: String::new() }).unwrap();
    assert!(!denied(1).contains("goes from"));
    assert!(denied(2).contains("goes from approve down to suggest"));
    assert!(!denied(3).contains("goes from"));
}

#[test]
fn news_of_a_rule_are_told_with_what_is_told_next() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    e.policy.breaker.demote = "1/1d".to_owned().try_into().unwrap();
    e.line(0);
    answer_probe(&mut e, false);
    e.command(Command::Deny { incident: 1, why: String::new() }).unwrap();
    // Nobody has been told of the demotion yet, and there is something else to be said.
    e.out.clear();
    e.command(Command::Retry { incident: 1 }).unwrap();
    answer_probe(&mut e, false);
    let told = e.acts().concat();
    assert!(told.contains("a fix is suggested") && told.contains("goes from approve down to suggest"), "{told}");
}

#[test]
fn what_operators_may_not_say_is_refused() {
    let mut e = acting(Restart::default());
    let refused = e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap_err();
    assert!(refused.contains("a fix for incident 1 is in the middle"), "{refused}");
    assert_eq!(e.status(), Status::Healing);
    let refused = e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Observe) }).unwrap_err();
    assert!(refused.contains("which goes further than observe; use `heinzel policy demote`"), "{refused}");
}

#[test]
fn a_line_from_before_the_last_finding_clears_nothing() {
    let mut reports = rule(Restart::default());
    reports.has = Has::default();
    let mut e = Engine::new(reports, Mode::Observe);
    e.now = 100;
    e.line(100);
    e.finding(50, Role::Clear(0), None, &[]);
    assert_eq!(e.status(), Status::Open);
    e.finding(101, Role::Clear(0), None, &[]);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn who_knew_of_it_before_its_end_is_not_taken_to_know_of_it_when_it_comes_back() {
    let mut reports = rule(Restart::default());
    reports.has = Has::default();
    let mut e = Engine::new(reports, Mode::Observe);
    e.line(0);
    e.command(Command::Acknowledge { incident: 1 }).unwrap();
    e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
    e.now = 60;
    e.line(60);
    let incident = &e.state.incidents[&1];
    assert_eq!((incident.reopened, &incident.acknowledged_by), (1, &None));
}
