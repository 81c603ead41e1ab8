//! Probe, plan, gates, steps, checks, the way back.

use super::*;
use crate::stand::{Stand, is_cause_known};

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
fn a_run_that_only_looks_holds_no_lock() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    let probe = e.out.remove(0);
    e.step(Input::Done { effect: probe.id, outcome: unit(true) });
    assert!(matches!(e.state.incidents[&1].run.as_ref().unwrap().stage, crate::run::Stage::Verifying { .. }));
    assert_eq!(e.state.lock_of("host:web1"), None);
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
fn quiet_of_a_socket_counts_from_when_it_was_listened_to() {
    let mut e = Engine::new(rule(Restart { quiet: Some(Duration::from_secs(20)), ..Restart::default() }), Mode::Auto);
    e.state.sources.insert("log".into(), SourceView { forgets: true, ..SourceView::new() });
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    e.line(0);
    sees_it_down(&mut e);
    let health = |health| Input::Notice(Notice::Health { source: "log".into(), stream: None, health });
    e.pass_to(5, &heals);
    e.step(health(Health::Degraded { why: "gone".into() }));
    // What was said in these twelve seconds is lost.
    e.pass_to(17, &heals);
    e.step(health(Health::Ok));
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    e.pass_to(36, &heals);
    assert_eq!(e.status(), Status::Healing, "{:#?}", e.notes);
    e.pass_to(40, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
}

#[test]
fn quiet_of_a_file_that_is_gone_proves_nothing() {
    let mut e = Engine::new(rule(Restart { quiet: Some(Duration::from_secs(10)), ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let stream = |health| Input::Notice(Notice::Health { source: "log".into(), stream: Some("log".into()), health });
    e.step(stream(Health::Missing));
    e.pass_to(40, &heals);
    assert_eq!(e.status(), Status::Healing, "it waits for the file");
    e.step(stream(Health::Ok));
    e.pass_to(55, &heals);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn a_broken_fix_rolls_back_opens_the_breaker_and_goes_one_mode_down() {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    e.policy.breaker.failures = "2/1d".to_owned().try_into().unwrap();
    e.policy.breaker.spread = 2;
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

#[test]
fn unlike_faults_of_one_host_do_not_use_up_the_budget_of_an_asset() {
    for (fields, refused) in [(&[][..], false), (&[("pool", "www")], true)] {
        let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
        e.policy.budget.asset = "0/1h".to_owned().try_into().unwrap();
        e.finding(0, Role::Match(0), None, fields);
        sees_it_down(&mut e);
        assert_eq!(e.said("gate `budget` refused"), refused, "{fields:?}: {:#?}", e.notes);
    }
}

/// Like [`sees_it_down`], past notifications that are out.
fn sees_it_down_last(engine: &mut Engine) {
    engine.out.retain(|e| matches!(e.act, Act::Probe { .. }));
    sees_it_down(engine);
}

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
    e.found(&finding);
    let probe = e.out.pop().unwrap();
    e.step(Input::Done { effect: probe.id, outcome: unit(false) });
    assert!(e.said("gate `lock` holds: incident 1 is working on host:web1"));
    e.pass_to(11, &heals);
    assert!(!e.state.incidents[&1].is_resolved() || e.said("step 1 of 1"), "{:#?}", e.notes);
    e.pass_to(30, &heals);
    assert!(e.state.incidents[&2].is_resolved());
    // The first fix has mended it for both: the plan that was held is not carried out.
    assert_eq!(e.state.fixes.len(), 1, "{:#?}", e.notes);
}

pub(super) fn finding_like() -> Finding {
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
    assert!(e.command(Command::Approve { incident: 9, plan: None }).is_err());
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
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
    // The plan may be hours old.
    sees_it_down(&mut e);
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
    e.pass_to(61, &|act| if act.changes_world() { heals(act) } else { unit(false) });
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
fn whom_nobody_can_tell_is_not_told_and_customers_are_not_promised_anybody() {
    let mut e = Engine::new(rule(Restart { hands_over: Some(0), ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(3_600, &|act| match act {
        Act::Notify { .. } => Outcome::Refused { gate: "webhook".into(), why: "there is no webhook".into() },
        _ => stays_broken(act),
    });
    assert!(e.said("told there is no webhook"));
    let incident = &e.state.incidents[&1];
    assert!(incident.told.is_none() && incident.notice.is_none());
    assert_eq!(Stand::of(incident), Stand::Unsettled);
    assert!(!is_cause_known(incident), "the rule handed over without a plan");
}

#[test]
fn the_time_in_which_the_engine_was_down_counts_neither_for_a_fix_nor_against_it() {
    let down_between = |then: &dyn Fn(&Act) -> Outcome| {
        let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
        e.line(0);
        sees_it_down(&mut e);
        e.pass_to(5, &heals);
        assert_eq!(e.status(), Status::Healing);
        e.now = 300;
        e.step(Input::Restarted);
        e.pass_to(305, then);
        e
    };
    // It held before, but nobody knows about the time between.
    let mut e = down_between(&heals);
    assert_eq!(e.status(), Status::Healing);
    e.pass_to(312, &heals);
    assert_eq!(e.status(), Status::Resolved);
    // After a boot the service may still be starting: no way back at the first look.
    let mut e = down_between(&stays_broken);
    assert_eq!(e.status(), Status::Healing);
    e.pass_to(320, &heals);
    assert!(e.status() == Status::Resolved && !e.said("rollback"));
    // But no more patience than the rule has.
    let mut e = down_between(&stays_broken);
    e.pass_to(340, &stays_broken);
    assert!(e.status() == Status::NeedsHuman && e.said("rollback"));
}

#[test]
fn an_interrupted_step_is_not_tried_anew_before_its_own_time_is_over() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    let step = e.out.remove(0);
    let Act::Step { step: Step { timeout, .. } } = &step.act else { panic!("{step:?}") };
    let over = timeout.as_secs();
    e.step(Input::Done { effect: step.id, outcome: Outcome::Unknown });
    e.pass_to(over - 2, &stays_broken);
    assert!(e.status() == Status::Healing && !e.said("looking again"));
    e.pass_to(over + 2, &stays_broken);
    assert!(e.said("looking again"));
}

#[test]
fn what_a_quick_probe_sees_is_stored_together_with_the_plan_it_leads_to() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now: Engine::time(0), host: "here" };
    let finding = |at| Finding {
        rule: RULE.into(),
        role: Role::Match(0),
        place: Place::named("log"),
        time: Engine::time(at),
        read_at: Engine::time(at),
        fields: BTreeMap::new(),
        text_fields: Vec::new(),
        host: Some("web1".into()),
        program: None,
        task: None,
        message: "down".into(),
    };
    found(&mut e.state, &world, &(&finding(0)).into(), &mut e.journal);
    let looks = e.journal.looks();
    assert_eq!(looks.iter().map(|l| l.act.describe()).collect::<Vec<_>>(), ["probe unit nginx.service"]);
    assert!(e.journal.is_looking() && e.journal.is_urgent());
    assert!(e.journal.looks().is_empty(), "each is handed out once");
    step(&mut e.state, &world, Input::Done { effect: looks[0].id.clone(), outcome: unit(false) }, &mut e.journal);
    assert!(e.journal.looks().is_empty());
    assert!(!e.journal.is_looking(), "the step must not wait for anything");
    let (changes, effects) = e.journal.take(&mut e.state);
    assert_eq!(effects.iter().map(|e| e.act.describe()).collect::<Vec<_>>(), ["systemctl restart nginx.service"]);
    let stored = changes.iter().filter(|c| matches!(c, Change::Effect(_))).count();
    assert_eq!(stored, 2, "the look is stored as well");
    assert!(changes.iter().any(|c| matches!(c, Change::EffectOver(id, _) if *id == looks[0].id)));
}

#[test]
fn a_probe_that_is_out_is_not_asked_for_again_when_an_incident_is_forgotten() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let now = Engine::time(e.now);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
    found(&mut e.state, &world, &(&finding_like()).into(), &mut e.journal);
    assert_eq!(e.journal.looks().len(), 1);
    e.state.forget_incident(1, &mut e.journal);
    assert!(e.journal.looks().is_empty());
}
