//! What is tried once more, and what is not; what becomes of a question that nobody answers; who is told of it.

use super::*;
use crate::run::{End, Stage};
use crate::step::Erased;
use crate::step::again::{self as once_more, Next};
use crate::time::Span;

/// Answers the probes that are out, past notifications.
fn sees_it(e: &mut Engine, active: bool) {
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Probe { .. })).expect("a probe is out");
    let effect = e.out.remove(at);
    e.step(Input::Done { effect: effect.id, outcome: unit(active) });
}

fn next(e: &Engine, incident: IncidentId) -> Option<Next> {
    let now = Engine::time(e.now);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
    once_more::next(&e.state, &world, &e.state.incidents[&incident])
}

/// What people were told, and is not delivered yet.
fn told(e: &Engine) -> Vec<String> {
    let told = |effect: &Effect| match &effect.act {
        Act::Notify { message, .. } => Some(message.reason.clone()),
        _ => None,
    };
    e.out.iter().filter_map(told).collect()
}

fn steps(e: &Engine) -> usize {
    e.out.iter().filter(|effect| effect.act.changes_world()).count()
}

#[test]
fn a_plan_that_was_only_written_down_is_told_once_its_rule_may_suggest() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Observe);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!((e.status(), told(&e)), (Status::Open, Vec::new()));
    e.now = 60;
    e.line(60);
    assert!(e.acts().is_empty(), "nothing has changed: {:?}", e.acts());
    e.now = 100;
    e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Suggest) }).unwrap();
    e.now = 120;
    e.line(120);
    sees_it(&mut e, false);
    assert_eq!(told(&e), ["a fix is suggested; carry it out by hand"], "{:#?}", e.notes);
    e.now = 180;
    e.line(180);
    assert_eq!(e.acts().len(), 1, "once is enough: {:?}", e.acts());
}

#[test]
fn what_the_cooldown_refused_is_planned_again_at_the_next_finding_after_it() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(15, &heals);
    e.now = 20;
    e.line(20);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::NeedsHuman);
    assert!(matches!(next(&e, 1), Some(Next::Open { gate, .. }) if gate == "cooldown"));
    e.now = 500;
    e.line(500);
    assert!(e.acts().iter().all(|act| act.starts_with("tell ")), "it rests: {:?}", e.acts());
    e.now = 700;
    assert_eq!(next(&e, 1), Some(Next::Finding));
    e.line(700);
    assert_eq!(e.status(), Status::Healing);
    assert_eq!(e.state.incidents[&1].verdict, None);
    sees_it(&mut e, false);
    assert_eq!(steps(&e), 1, "{:#?}", e.notes);
    e.pass_to(720, &heals);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn what_the_budget_refused_is_planned_again_when_there_is_some() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.policy.budget.rule = "1/1h".to_owned().try_into().unwrap();
    for pool in ["a", "b"] {
        e.finding(0, Role::Match(0), None, &[("pool", pool)]);
        sees_it(&mut e, false);
    }
    e.pass_to(30, &heals);
    assert!(e.said("gate `budget` refused"));
    e.now = 3_000;
    e.finding(3_000, Role::Match(0), None, &[("pool", "b")]);
    assert_eq!(e.status(), Status::NeedsHuman);
    e.now = 3_700;
    e.finding(3_700, Role::Match(0), None, &[("pool", "b")]);
    assert_eq!(e.status(), Status::Healing);
}

#[test]
fn a_storm_of_incidents_for_one_fix_is_told_once_each() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.policy.budget.rule = "1/1h".to_owned().try_into().unwrap();
    let sent = std::cell::Cell::new(0);
    let answer = |act: &Act| {
        sent.set(sent.get() + u32::from(matches!(act, Act::Notify { .. })));
        heals(act)
    };
    for round in 0..3 {
        let at = round * 4_000;
        e.now = at;
        for pool in ["a", "b", "c", "d"] {
            e.finding(at, Role::Match(0), None, &[("pool", pool)]);
        }
        while e.out.iter().any(|effect| matches!(effect.act, Act::Probe { .. })) {
            sees_it(&mut e, false);
        }
        assert_eq!(steps(&e), 1, "{:#?}", e.notes);
        e.pass_to(at + 30, &answer);
    }
    let open = e.state.incidents.values().filter(|i| !i.is_resolved()).count();
    let refused = e.notes.iter().filter(|note| note.starts_with("needs-human gate `budget`")).count();
    assert!(refused > 5 && open > 0, "{:#?}", e.notes);
    assert_eq!(sent.get(), 3, "{:#?}", e.notes);
}

/// A rule that hands over in this round has seen its problem.
fn handed_over(round: u32) -> Engine {
    let mut e = Engine::new(rule(Restart { hands_over: Some(round), ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it(&mut e, false);
    e
}

#[test]
fn what_a_rule_handed_over_is_looked_at_again_an_hour_later_and_told_once() {
    let mut e = handed_over(0);
    assert_eq!((e.status(), told(&e).len()), (Status::NeedsHuman, 1), "{:#?}", e.notes);
    e.pass_to(10, &heals);
    let from = Engine::time(3_600);
    for at in [100, 3_600] {
        e.now = at;
        assert_eq!(next(&e, 1), Some(Next::Later { from }));
        e.line(at);
        assert_eq!(e.status(), Status::NeedsHuman, "{at}");
    }
    for at in [3_700, 9_000] {
        e.now = at;
        assert_eq!(next(&e, 1), Some(Next::Finding));
        e.line(at);
        assert_eq!(e.status(), Status::Healing, "{at}");
        sees_it(&mut e, false);
        assert_eq!((e.status(), told(&e).len()), (Status::NeedsHuman, 0), "nothing new is told: {:#?}", e.notes);
    }
    // Now its probes see something else.
    e.now = 20_000;
    e.line(20_000);
    sees_it(&mut e, true);
    e.pass_to(20_060, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
}

#[test]
fn another_reason_to_hand_over_is_told() {
    let mut e = handed_over(0);
    e.pass_to(10, &heals);
    let Stage::Over { end, .. } = &mut e.state.incidents.get_mut(&1).unwrap().run.as_mut().unwrap().stage else {
        panic!("it is over")
    };
    *end = End::HandedOver { why: "the disk is full".into() };
    e.now = 4_000;
    e.line(4_000);
    sees_it(&mut e, false);
    assert_eq!(told(&e), ["not a case for round 0"], "{:#?}", e.notes);
}

#[test]
fn what_failed_or_was_denied_waits_for_an_operator_as_does_what_one_knows_of() {
    let failed = || {
        let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
        e.line(0);
        sees_it_down(&mut e);
        e.pass_to(60, &stays_broken);
        e
    };
    let denied = || {
        let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
        e.line(0);
        sees_it_down(&mut e);
        e.command(Command::Deny { incident: 1, why: "no".into() }).unwrap();
        assert_eq!(e.state.incidents[&1].verdict.as_deref(), Some("kim denied the plan"));
        e
    };
    let handed_over = || {
        let mut e = handed_over(0);
        e.command(Command::Acknowledge { incident: 1 }).unwrap();
        e
    };
    for mut e in [failed(), denied(), handed_over()] {
        assert_eq!(e.status(), Status::NeedsHuman, "{:#?}", e.notes);
        let tries = e.state.incidents[&1].run.as_ref().unwrap().number;
        for at in [100, 5_000, 90_000] {
            e.now = at;
            e.line(at);
        }
        assert_eq!(e.state.incidents[&1].run.as_ref().unwrap().number, tries, "{:#?}", e.notes);
        assert_eq!(next(&e, 1), Some(Next::Human));
        let said = e.command(Command::Retry { incident: 1 }).unwrap();
        assert!(said.contains("planned anew"), "{said}");
        assert_eq!(e.status(), Status::Healing);
        assert!(e.command(Command::Retry { incident: 1 }).unwrap_err().contains("its fix is not over"));
    }
}

#[test]
fn an_operator_who_tries_again_is_held_by_every_gate() {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(60, &stays_broken);
    e.command(Command::Retry { incident: 1 }).unwrap();
    sees_it(&mut e, false);
    assert!(e.said("gate `cooldown` refused") && steps(&e) == 0, "{:#?}", e.notes);
    assert!(e.command(Command::Retry { incident: 9 }).is_err());
    e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
    assert!(e.command(Command::Retry { incident: 1 }).unwrap_err().contains("resolved"));
}

#[test]
fn a_plan_that_a_pause_stopped_speaks_against_nobody_and_is_made_anew_later() {
    let mut e = Engine::new(rule(Restart { replan: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.command(Command::Pause { why: "stop".into() }).unwrap();
    let step = e.out.remove(0);
    e.step(Input::Done { effect: step.id, outcome: Outcome::Done { detail: "ok".into() } });
    let end = |e: &Engine| match &e.state.incidents[&1].run.as_ref().unwrap().stage {
        Stage::Over { end, .. } => Some(end.clone()),
        _ => None,
    };
    assert!(matches!(end(&e), Some(End::Stopped { .. })), "{:#?}", e.notes);
    assert!(told(&e)[0].starts_with("stopped in the middle of the plan, before `"), "{:?}", told(&e));
    let evidence = &e.state.rules[&RULE.into()].evidence;
    assert!(evidence.failed == 0 && evidence.bad.is_empty());
    e.command(Command::Resume).unwrap();
    e.now = 100;
    e.line(100);
    assert_eq!(e.status(), Status::NeedsHuman, "it ran once, and rests");
    e.now = 700;
    e.line(700);
    assert_eq!(e.status(), Status::Healing);
}

#[test]
fn a_question_that_nobody_answers_is_told_and_speaks_against_nobody() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    e.policy.approval_expires = Span::seconds(60);
    for round in 0..3 {
        let at = round * 100;
        e.now = at;
        e.line(at);
        sees_it(&mut e, false);
        assert_eq!(e.status(), Status::AwaitingApproval, "a finding after the last question asks again");
        assert!(told(&e)[0].starts_with("a fix waits for approval"));
        e.pass_to(at + 59, &heals);
        e.now = at + 60;
        e.step(Input::Tick);
        assert_eq!(e.status(), Status::NeedsHuman);
        assert_eq!(told(&e), ["nobody approved the fix within 1m; `heinzel retry 1` plans it anew"]);
        e.pass_to(at + 61, &heals);
        assert!(e.state.incidents[&1].told.is_some());
    }
    let record = &e.state.rules[&RULE.into()];
    assert!(record.mode.is_none() && record.evidence.bad.is_empty() && record.evidence.vetoed == 0);
    assert!(!e.said("denied"), "{:#?}", e.notes);
}

#[test]
fn a_request_that_could_not_be_delivered_is_not_sent_once_it_is_void() {
    let fails = |act: &Act| match act {
        Act::Notify { .. } => Outcome::Failed { why: "refused".into() },
        _ => stays_broken(act),
    };
    // It expires, it is denied, it is approved.
    for word in [
        None,
        Some(Command::Deny { incident: 1, why: String::new() }),
        Some(Command::Approve { incident: 1, plan: None }),
    ] {
        let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
        e.policy.approval_expires = Span::seconds(60);
        e.line(0);
        sees_it_down(&mut e);
        e.pass_to(20, &fails);
        if let Some(word) = word {
            e.command(word).unwrap();
        }
        e.pass_to(59, &fails);
        e.notes.clear();
        let late = std::cell::RefCell::new(Vec::new());
        e.pass_to(3_600, &|act| {
            if let Act::Notify { message, .. } = act {
                late.borrow_mut().push(message.reason.clone());
            }
            fails(act)
        });
        let late = late.into_inner();
        assert!(late.iter().all(|reason| !reason.contains("waits for approval")), "{late:?}");
    }
}

#[test]
fn the_operator_is_told_of_every_demotion() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    for (incident, pool) in [(1, "a"), (2, "b")] {
        e.finding(0, Role::Match(0), None, &[("pool", pool)]);
        sees_it(&mut e, false);
        e.out.clear();
        let said = e.command(Command::Deny { incident, why: String::new() }).unwrap();
        assert_eq!(said.ends_with("; web.nginx-down goes from approve down to suggest"), incident == 2, "{said}");
    }
    let news =
        "web.nginx-down goes from approve down to suggest after 2 denied plans in 1d, the last: kim denied the plan";
    assert_eq!(told(&e), [format!("kim denied the plan; {news}")]);
    assert!(e.said(&format!("demoted {news}")));
    // It is not lost by what is told next, nor by the end of the incident.
    let effect = e.out.pop().unwrap();
    e.step(Input::Done { effect: effect.id, outcome: Outcome::Failed { why: "refused".into() } });
    e.command(Command::Resolve { incident: 2, note: String::new() }).unwrap();
    e.now = 60;
    e.step(Input::Tick);
    assert_eq!(told(&e), [format!("there is news of its rule; {news}")]);
}

#[test]
fn a_fix_that_did_not_hold_tells_what_became_of_its_rule() {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    e.policy.breaker.failures = "1/1d".to_owned().try_into().unwrap();
    e.policy.breaker.demote = "1/1d".to_owned().try_into().unwrap();
    e.policy.breaker.spread = 1;
    e.line(0);
    sees_it_down(&mut e);
    let told = std::cell::RefCell::new(Vec::new());
    e.pass_to(60, &|act| {
        if let Act::Notify { message, .. } = act {
            told.borrow_mut().push(message.reason.clone());
        }
        stays_broken(act)
    });
    let told = told.into_inner();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("the fix did not hold: "), "{told:?}");
    assert!(told[0].contains("goes from auto down to approve after a bad experience in 1d"), "{told:?}");
    assert!(told[0].contains("the breaker of web.nginx-down opens, because 1 fix failed in 1d"), "{told:?}");
    // To close it alone is no promotion.
    let said = e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Approve) }).unwrap();
    assert_eq!(said, "web.nginx-down stays in mode approve; its breaker is closed");
}

#[test]
fn closing_a_breaker_decides_no_mode() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.state.rules.entry(RULE.into()).or_default().breaker = Some((Engine::time(0), "three failed".into()));
    let said = e.command(Command::Promote { rule: RULE.into(), to: None }).unwrap();
    assert_eq!(said, "web.nginx-down stays in mode auto; its breaker is closed");
    let record = &e.state.rules[&RULE.into()];
    assert!(record.mode.is_none() && record.breaker.is_none());
}

#[test]
fn who_takes_a_rule_back_is_told_of_the_fix_that_goes_on() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let said = e.command(Command::Demote { rule: RULE.into(), to: Some(Mode::Observe) }).unwrap();
    assert_eq!(
        said,
        "web.nginx-down goes from auto to observe; a fix for incident 1 is running and goes on; `heinzel pause` stops it \
         before its next step"
    );
    e.pass_to(30, &heals);
    assert_eq!(e.status(), Status::Resolved);
    e.command(Command::Promote { rule: RULE.into(), to: None }).unwrap();
    let said = e.command(Command::Demote { rule: RULE.into(), to: None }).unwrap();
    assert_eq!(said, "web.nginx-down goes from suggest to observe");
    assert_eq!(e.command(Command::Resume).unwrap(), "nothing is paused; fixes may start");
}

#[test]
fn what_gives_a_rule_its_mode_is_what_counts() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    let grounds = |e: &Engine| {
        let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now: Engine::time(0), host: "here" };
        let (mode, grounds) = crate::gate::grounds_of(&e.state, &world, &RULE.into());
        (mode, grounds.word())
    };
    assert_eq!(grounds(&e), (Mode::Approve, "settings"));
    e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Auto) }).unwrap();
    assert_eq!(grounds(&e), (Mode::Auto, "decided"));
    e.policy.modes.insert("*".into(), Mode::Observe);
    assert_eq!(grounds(&e), (Mode::Observe, "settings"));
    e.policy.modes.insert("*".into(), Mode::Approve);
    e.command(Command::Demote { rule: RULE.into(), to: Some(Mode::Suggest) }).unwrap();
    e.policy.modes.insert("*".into(), Mode::Auto);
    assert_eq!(grounds(&e), (Mode::Suggest, "decided"));
}

#[test]
fn what_is_erased_is_written_down_without_a_name() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    let said = e.command(Command::Erase { what: Erased::Asset { kind: "mailbox".into(), protected: true } }).unwrap();
    assert!(said.contains("kind `mailbox`") && said.ends_with("it was protected"), "{said}");
    assert!(e.said(&said), "{said}");
    let only = Command::Erase { what: Erased::Asset { kind: "vm".into(), protected: false } };
    assert!(!e.command(only).unwrap().contains("protected"));
    assert!(e.command(Command::Erase { what: Erased::Customer }).unwrap().starts_with("a customer is forgotten"));
}

#[test]
fn a_fix_that_could_not_be_started_speaks_against_nobody_and_takes_nothing_back() {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let step = e.out.remove(0);
    let why = "start `systemctl`: Cannot allocate memory (os error 12)".to_owned();
    e.step(Input::Done { effect: step.id, outcome: Outcome::Refused { gate: crate::gate::START.into(), why } });
    assert_eq!(e.status(), Status::NeedsHuman);
    assert!(told(&e)[0].starts_with("gate `start` refused the fix: start `systemctl`: Cannot"), "{:?}", told(&e));
    assert!(!e.said("rollback"), "{:#?}", e.notes);
    let record = &e.state.rules[&RULE.into()];
    assert!(record.evidence.failed == 0 && record.spots.is_empty());
    // It rests as after a fix, and is tried again.
    e.out.clear();
    e.now = 100;
    e.line(100);
    assert_eq!(e.status(), Status::NeedsHuman);
    e.now = 700;
    e.line(700);
    assert_eq!(e.status(), Status::Healing);
}
