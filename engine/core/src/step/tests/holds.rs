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
    check(Action::Command { argv: vec!["nginx".into(), "-t".into()] }, true);
    check(Action::Command { argv: vec!["nginx".into(), String::new()] }, false);
    check(Action::Command { argv: Vec::new() }, false);
    check(Action::Http { method: "POST".into(), url: "http://panel/".into(), body: None }, true);
    check(Action::Http { method: "POST".into(), url: String::new(), body: None }, false);
    let file = "/srv/web/a";
    for (path, passes) in [(file, true), ("/srv/web/*", false), ("", false), (" ", false)] {
        let path = || path.to_owned();
        check(Action::Truncate { path: path() }, passes);
        check(Action::Chmod { path: path(), mode: 0o640 }, passes);
        check(Action::Chown { path: path(), owner: "web".into(), group: "web".into() }, passes);
        check(Action::Copy { from: path(), to: file.into() }, passes);
        check(Action::Copy { from: file.into(), to: path() }, passes);
        check(Action::Move { from: path(), to: file.into() }, passes);
    }
    let owned =
        |owner: &str, group: &str| Action::Chown { path: file.into(), owner: owner.into(), group: group.into() };
    check(owned("", "web"), false);
    check(owned("web", ""), false);
    let signal_to = |name: &str| Action::Signal { name: name.into(), pid: None, signal: "TERM".into() };
    check(signal_to("php*"), false);
    check(signal_to(""), false);
    let retry = |kind: &str, target: &str| Action::TaskRetry { kind: kind.into(), target: target.into() };
    check(retry("vzdump", "100"), true);
    check(retry("", "100"), false);
    check(retry("vzdump", ""), false);
}

#[test]
fn what_is_taken_back_names_exactly_what_it_means_too() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    let restart = |unit: &str| Action::Systemd { verb: UnitVerb::Restart, unit: unit.into() }.into();
    let with = |back: Step| Plan { rollback: vec![back], ..plan(vec![restart("nginx.service")]) };
    assert_eq!(says(&e, "target", &with(restart("nginx.service"))), Verdict::Pass);
    assert!(matches!(says(&e, "target", &with(restart("*"))), Verdict::Refuse { .. }));
}

#[test]
fn a_plan_that_lacks_many_grants_names_five_and_says_how_many_more() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    let lacking = |many: usize| {
        let steps = (0..many).map(|n| Action::Truncate { path: format!("/nobody/{n}/a") }.into()).collect();
        match says(&e, "allow-list", &plan(steps)) {
            Verdict::Refuse { why } => why,
            other => panic!("{other:?}"),
        }
    };
    let (five, seven) = (lacking(5), lacking(7));
    assert!(five.contains("/nobody/4") && !five.contains("more;"), "{five}");
    assert!(seven.contains("/nobody/4") && !seven.contains("/nobody/5") && seven.contains("and 2 more;"), "{seven}");
}

#[test]
fn between_two_steps_the_operators_word_is_asked_for_again() {
    let mut e = acting(Restart::default());
    let again = |e: &Engine| {
        let now = Engine::time(e.now);
        let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
        let incident = &e.state.incidents[&1];
        let plan = incident.run.as_ref().unwrap().stage.plan().unwrap();
        gate::ask_again(&e.state, &world, &e.rules.rules[&RULE.into()], incident, plan).map(|no| no.gate)
    };
    assert_eq!(again(&e), None);
    e.state.paused = Some(crate::state::Paused { by: "kim".into(), at: Engine::time(e.now), why: String::new() });
    assert_eq!(again(&e).as_deref(), Some("pause"));
    e.state.paused = None;
    // What is only asked before the first step: the budget is used up by this very fix.
    e.policy.budget.host = "0/1h".to_owned().try_into().unwrap();
    assert_eq!(again(&e), None);
    e.policy.allow = crate::policy::Allow::default();
    assert_eq!(again(&e).as_deref(), Some("allow-list"));
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
fn the_budget_of_an_asset_is_its_own() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.finding(0, Role::Match(0), None, &[("pool", "a")]);
    e.policy.budget.asset = "1/1h".to_owned().try_into().unwrap();
    let own = e.state.incidents[&1].asset.clone();
    for (asset, passes) in [("service:other".to_owned(), true), (own, false)] {
        let fix = FixStart { rule: "web.other".into(), asset, at: Engine::time(e.now), incident: 99 };
        e.state.fixes = vec![fix].into();
        assert_eq!(says(&e, "budget", &plan(Vec::new())) == Verdict::Pass, passes);
    }
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
