//! Nothing runs that the operator did not allow, and nothing gets stuck.

use super::heal::finding_like;
use super::*;
use crate::asset::Asset;
use crate::run::{End, Stage};

pub(super) fn without_rule(e: &mut Engine) {
    e.rules.rules.clear();
    e.step(Input::Reloaded);
}

pub(super) fn answer_probe(e: &mut Engine, active: bool) {
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Probe { .. })).unwrap();
    let probe = e.out.remove(at);
    e.step(Input::Done { effect: probe.id, outcome: unit(active) });
}

pub(super) fn answer_step(e: &mut Engine, outcome: Outcome) {
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Step { .. })).unwrap();
    let step = e.out.remove(at);
    e.step(Input::Done { effect: step.id, outcome });
}

pub(super) fn done() -> Outcome {
    Outcome::Done { detail: "ok".into() }
}

#[test]
fn an_approval_does_not_hold_for_a_template_with_other_values() {
    let mut e = Engine::new(rule(Restart { writes: true, ..Restart::default() }), Mode::Approve);
    e.policy.allow.paths.push("/srv/web".into());
    e.line(0);
    answer_probe(&mut e, false);
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
    // What the probe sees now is what would be written: not what was approved.
    let other = Outcome::Saw { fact: Fact::Seen { report: json!({ "active": false, "evil": true }) } };
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Probe { .. })).unwrap();
    let probe = e.out.remove(at);
    e.step(Input::Done { effect: probe.id, outcome: other });
    assert_eq!(e.status(), Status::AwaitingApproval);
    // Somebody else approves what they were shown before.
    let refused = e.command(Command::Approve { incident: 1, plan: None }).unwrap_err();
    assert!(refused.contains("write /srv/web/limits.conf"), "{refused}");
    let (_, mark) = refused.split_once("--plan ").unwrap();
    let wrong = Command::Approve { incident: 1, plan: Some("00000000".into()) };
    assert!(e.command(wrong).unwrap_err().contains(mark));
    assert!(e.said(&format!("heinzel approve 1 --plan {}", mark.trim_end_matches('`'))), "{:#?}", e.notes);
    let mark = mark.trim_end_matches('`').to_owned();
    e.command(Command::Approve { incident: 1, plan: Some(mark) }).unwrap();
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Probe { .. })).unwrap();
    let probe = e.out.remove(at);
    let other = Outcome::Saw { fact: Fact::Seen { report: json!({ "active": false, "evil": true }) } };
    e.step(Input::Done { effect: probe.id, outcome: other });
    assert!(e.acts().contains(&"write /srv/web/limits.conf".into()), "{:#?}", e.notes);
}

#[test]
fn a_fix_that_may_not_be_proved_is_not_begun() {
    let mut e = Engine::new(rule(Restart { asks_a_page: true, rollback: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::NeedsHuman);
    assert!(e.said("shop.example/health") && e.state.fixes.is_empty(), "{:#?}", e.notes);
    assert!(!e.acts().iter().any(|act| act.contains("systemctl")), "{:?}", e.acts());
}

#[test]
fn all_that_a_plan_lacks_is_said_at_once() {
    let mut e = Engine::new(rule(Restart { asks_a_page: true, rollback: true, ..Restart::default() }), Mode::Auto);
    e.policy.allow.units.clear();
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::NeedsHuman);
    let said = e.notes.iter().find(|note| note.starts_with("needs-human")).unwrap();
    for lacking in
        ["`systemctl restart nginx.service`", "`systemctl stop nginx.service`", "https://shop.example/health"]
    {
        assert_eq!(said.matches(lacking).count(), if lacking.starts_with('h') { 2 } else { 1 }, "{said}");
    }
}

#[test]
fn settings_that_become_more_timid_are_not_overruled_by_an_older_promotion() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Suggest);
    e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Auto) }).unwrap();
    let mode = |e: &Engine| {
        let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now: Engine::time(0), host: "here" };
        crate::gate::mode_of(&e.state, &world, &RULE.into())
    };
    assert_eq!(mode(&e), Mode::Auto);
    e.policy.modes.insert("*".into(), Mode::Observe);
    assert_eq!(mode(&e), Mode::Observe);
    e.line(0);
    sees_it_down(&mut e);
    assert!(e.state.fixes.is_empty());
}

#[test]
fn protection_holds_through_aliases_dependants_and_a_changed_asset_file() {
    let asset = |id: &str, alias: &str, on: &[&str], protected: bool| Asset {
        id: id.into(),
        aliases: vec![alias.into()],
        owner: None,
        depends_on: on.iter().map(|&on| on.into()).collect(),
        protected,
    };
    let check = |after: Vec<Asset>, listed: &str, said: &str| {
        let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
        e.line(0);
        e.assets = Assets::new(after).unwrap();
        e.policy.protected.push(listed.into());
        sees_it_down(&mut e);
        assert!(e.state.fixes.is_empty() && e.said(said), "{:#?}", e.notes);
    };
    check(vec![asset("server:1", "host:web1", &[], true)], "-", "server:1 is protected");
    check(vec![asset("server:1", "host:web1", &[], false)], "server:1", "server:1 is protected");
    check(vec![asset("host:web1", "frontend", &[], false)], "frontend", "host:web1 is protected");
    let needs = vec![asset("host:web1", "a", &[], false), asset("site:shop", "b", &["host:web1"], true)];
    check(needs, "-", "site:shop, which needs host:web1, is protected");
}

#[test]
fn a_rule_that_was_switched_off_carries_out_no_plan_that_waits() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.command(Command::Pause { why: "wait".into() }).unwrap();
    e.line(0);
    sees_it_down(&mut e);
    let off = Some((RuleVersion("1".into()), "too many operations".into()));
    e.state.rules.entry(RULE.into()).or_default().off = off;
    e.command(Command::Resume).unwrap();
    assert!(e.state.fixes.is_empty() && e.said("is switched off"), "{:#?}", e.notes);
}

#[test]
fn pause_and_maintenance_stop_the_way_back_too() {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.command(Command::Pause { why: "stop it".into() }).unwrap();
    answer_step(&mut e, Outcome::Failed { why: "exit 1".into() });
    assert!(!e.out.iter().any(|effect| effect.act.changes_world()), "{:?}", e.acts());
    assert!(e.said("the way back stopped before `systemctl stop nginx.service`: kim paused all fixes"));
    assert_eq!(e.status(), Status::NeedsHuman);
}

#[test]
fn an_incident_that_is_closed_while_its_run_only_looks_stays_closed() {
    let ways: [&dyn Fn(&mut Engine); 2] = [
        &|e| drop(e.command(Command::Resolve { incident: 1, note: "it was me".into() }).unwrap()),
        // A line says that it is well again.
        &|e| {
            e.finding(1, Role::Clear(0), None, &[]);
        },
    ];
    for closes in ways {
        let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
        e.line(0);
        answer_probe(&mut e, true);
        closes(&mut e);
        assert_eq!(e.status(), Status::Resolved);
        e.pass_to(60, &stays_broken);
        assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
        assert!(!e.said("needs-human"));
    }
}

#[test]
fn a_rule_that_is_removed_while_it_verifies_is_still_proved() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    without_rule(&mut e);
    e.pass_to(15, &heals);
    assert_eq!(e.status(), Status::Resolved);
    assert_eq!(e.state.rules[&RULE.into()].evidence.verified, 1);
}

#[test]
fn a_removed_rule_tells_one_person_once() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    without_rule(&mut e);
    assert_eq!(e.notes.iter().filter(|n| n.starts_with("needs-human")).count(), 1, "{:#?}", e.notes);
}

#[test]
fn an_asset_that_was_given_another_name_meanwhile_is_still_locked() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let other = Rule { id: "web.other".into(), ..rule(Restart::default()) };
    e.rules.rules.insert(other.id.clone(), Arc::new(other));
    e.line(0);
    sees_it_down(&mut e);
    let (id, aliases) = ("host:web1.example.com".into(), vec!["web1".into()]);
    let asset = Asset { id, aliases, owner: None, depends_on: Vec::new(), protected: false };
    e.assets = Assets::new(vec![asset]).unwrap();
    e.step(Input::Reloaded);
    e.found(&Finding { rule: "web.other".into(), ..finding_like() });
    answer_probe(&mut e, false);
    assert_eq!(e.state.incidents[&2].asset, "host:web1.example.com");
    assert!(e.said("gate `lock` holds: incident 1 is working on host:web1.example.com"), "{:#?}", e.notes);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_the_lock() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.now = 90_000;
    e.line(90_000);
    sees_it_down(&mut e);
    answer_step(&mut e, done());
    e.now = 0;
    e.pass_to(30, &heals);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn a_rule_hands_over_and_says_why() {
    let mut e = Engine::new(rule(Restart { hands_over: Some(0), ..Restart::default() }), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::NeedsHuman);
    assert_eq!(e.state.incidents[&1].verdict.as_deref(), Some("not a case for round 0"));
    assert_eq!(e.acts(), ["tell web: not a case for round 0"]);
    assert!(e.said("plan hand over: not a case for round 0") && e.state.fixes.is_empty());
    let stage = &e.state.incidents[&1].run.as_ref().unwrap().stage;
    assert!(matches!(stage, Stage::Over { end: End::HandedOver { .. }, .. }));
}

#[test]
fn an_incident_that_was_only_planned_is_healed_once_its_rule_may() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Observe);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::Open);
    e.line(1);
    assert_eq!(e.acts(), Vec::<String>::new());
    e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Auto) }).unwrap();
    e.now = 2;
    e.line(2);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
}

#[test]
fn lines_that_say_it_is_well_while_it_heals_are_noted_once() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    for at in 1..50 {
        e.finding(at, Role::Clear(0), None, &[]);
    }
    assert_eq!(e.notes.iter().filter(|n| n.starts_with("cleared")).count(), 1);
}

#[test]
fn a_question_that_was_answered_is_not_asked_again() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    e.line(0);
    sees_it_down(&mut e);
    let asked = e.out.remove(0);
    e.step(Input::Done { effect: asked.id, outcome: Outcome::Failed { why: "refused".into() } });
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
    assert!(e.state.incidents[&1].notice.is_none());
}
