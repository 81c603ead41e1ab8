//! Nothing runs that the operator did not allow, and nothing gets stuck.

use super::heal::finding_like;
use super::*;
use crate::asset::Asset;
use crate::run::{End, Stage};

fn without_rule(e: &mut Engine) {
    e.rules.rules.clear();
    e.step(Input::Reloaded);
}

fn answer_probe(e: &mut Engine, active: bool) {
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Probe { .. })).unwrap();
    let probe = e.out.remove(at);
    e.step(Input::Done { effect: probe.id, outcome: unit(active) });
}

fn answer_step(e: &mut Engine, outcome: Outcome) {
    let at = e.out.iter().position(|effect| matches!(effect.act, Act::Step { .. })).unwrap();
    let step = e.out.remove(at);
    e.step(Input::Done { effect: step.id, outcome });
}

fn done() -> Outcome {
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
fn a_second_round_that_is_approved_is_not_stopped_by_the_rest_after_the_first() {
    let mut e = Engine::new(rule(Restart { replan: true, ..Restart::default() }), Mode::Approve);
    e.line(0);
    answer_probe(&mut e, false);
    e.now = 5;
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    answer_probe(&mut e, false);
    assert_eq!(e.status(), Status::AwaitingApproval, "the second round has other steps");
    e.now = 10;
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
    answer_probe(&mut e, false);
    assert!(e.acts().contains(&"systemctl restart nginx.service".into()), "{:#?}", e.notes);
}

#[test]
fn a_second_round_is_not_stopped_by_the_budget_that_the_first_has_used() {
    let mut e = Engine::new(rule(Restart { replan: true, rollback: true, ..Restart::default() }), Mode::Auto);
    for budget in [&mut e.policy.budget.rule, &mut e.policy.budget.asset, &mut e.policy.budget.host] {
        *budget = "1/1h".to_owned().try_into().unwrap();
    }
    e.line(0);
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    answer_probe(&mut e, false);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"], "{:#?}", e.notes);
    e.pass_to(20, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
    // Another fix is one too many.
    e.now = 700;
    e.line(700);
    answer_probe(&mut e, false);
    assert!(e.said("gate `budget` refused"), "{:#?}", e.notes);
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
fn what_may_no_longer_go_on_takes_its_first_round_back() {
    let mut e = Engine::new(rule(Restart { replan: true, rollback: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    e.command(Command::Demote { rule: RULE.into(), to: Some(Mode::Observe) }).unwrap();
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    assert!(e.said("rollback done: systemctl stop nginx.service"), "{:#?}", e.notes);
    assert_eq!(e.status(), Status::NeedsHuman);
    assert!(e.acts().iter().any(|act| act.starts_with("tell ")), "it has touched something, so a person is told");
}

#[test]
fn the_way_back_is_that_of_the_plan_that_passed_the_gates() {
    let logic = Restart { replan: true, rollback: true, strays: true, ..Restart::default() };
    for hands_over in [None, Some(1)] {
        let mut e = Engine::new(rule(Restart { hands_over, ..logic }), Mode::Auto);
        e.policy.allow.paths.push("/srv/web".into());
        e.line(0);
        answer_probe(&mut e, false);
        answer_step(&mut e, done());
        answer_probe(&mut e, false);
        assert_eq!(e.said("gate `target` refused: `remove /srv/web/*`"), hands_over.is_none(), "{:#?}", e.notes);
        assert_eq!(e.acts(), ["systemctl stop nginx.service"]);
    }
}

#[test]
fn who_denies_the_second_round_has_the_first_taken_back() {
    type Way<'a> = (&'a dyn Fn(&mut Engine), u64);
    let ways: [Way<'_>; 2] = [
        (&|e| drop(e.command(Command::Deny { incident: 1, why: "enough".into() }).unwrap()), 1),
        // Nobody says anything.
        (
            &|e| {
                e.now = 90_000;
                e.step(Input::Tick);
            },
            0,
        ),
    ];
    for (says_no, vetoes) in ways {
        let logic = Restart { replan: true, rollback: true, ..Restart::default() };
        let mut e = Engine::new(rule(logic), Mode::Approve);
        e.line(0);
        answer_probe(&mut e, false);
        e.command(Command::Approve { incident: 1, plan: None }).unwrap();
        answer_probe(&mut e, false);
        answer_step(&mut e, done());
        answer_probe(&mut e, false);
        assert_eq!(e.status(), Status::AwaitingApproval);
        says_no(&mut e);
        answer_step(&mut e, done());
        assert!(e.said("rollback done: systemctl stop nginx.service"), "{:#?}", e.notes);
        assert_eq!(e.status(), Status::NeedsHuman);
        let evidence = &e.state.rules[&RULE.into()].evidence;
        assert_eq!((evidence.vetoed, evidence.failed), (vetoes, 1));
    }
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
fn a_rule_that_is_removed_between_two_rounds_leaves_no_lock_behind() {
    let mut e = Engine::new(rule(Restart { replan: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    answer_probe(&mut e, false);
    without_rule(&mut e);
    answer_step(&mut e, done());
    assert_eq!(e.status(), Status::NeedsHuman);
    assert_eq!(e.state.lock_of("host:web1"), None);
}

#[test]
fn what_cannot_go_on_takes_its_first_round_back() {
    let logic = || Restart { replan: true, rollback: true, ..Restart::default() };
    let version = || RuleVersion("2".into());
    let ways: [&dyn Fn(&mut Engine); 4] = [
        // Its rule is removed, and then its probes come back.
        &|e| e.rules.rules.clear(),
        &without_rule,
        // It is another one.
        &|e| drop(e.rules.rules.insert(RULE.into(), Arc::new(Rule { version: version(), ..rule(logic()) }))),
        // It fails itself.
        &|e| {
            let fails = rule(Restart { runs_away: true, ..logic() });
            e.rules.rules.insert(RULE.into(), Arc::new(fails));
        },
    ];
    for stops in ways {
        let mut e = Engine::new(rule(logic()), Mode::Auto);
        e.line(0);
        answer_probe(&mut e, false);
        answer_step(&mut e, done());
        stops(&mut e);
        answer_probe(&mut e, false);
        answer_step(&mut e, done());
        assert!(e.said("rollback done: systemctl stop nginx.service"), "{:#?}", e.notes);
        assert_eq!(e.status(), Status::NeedsHuman);
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
fn the_lock_is_kept_between_two_rounds() {
    let mut e = Engine::new(rule(Restart { replan: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    assert!(matches!(e.state.incidents[&1].run.as_ref().unwrap().stage, Stage::Probing { .. }));
    assert_eq!(e.state.lock_of("host:web1"), Some(1));
}

#[test]
fn who_goes_on_after_a_first_round_leaves_who_works_there_by_now_alone() {
    for (word, said) in [
        (Command::Approve { incident: 1, plan: None }, "gate `lock` holds: incident 2 is working on host:web1"),
        (
            Command::Deny { incident: 1, why: "no".into() },
            "the way back stopped before `systemctl stop nginx.service`: incident 2 is working on host:web1",
        ),
    ] {
        let logic = || Restart { replan: true, rollback: true, ..Restart::default() };
        let mut e = Engine::new(rule(logic()), Mode::Approve);
        let other = Rule { id: "web.other".into(), ..rule(logic()) };
        e.rules.rules.insert(other.id.clone(), Arc::new(other));
        e.policy.modes.insert("web.other".into(), Mode::Auto);
        e.line(0);
        answer_probe(&mut e, false);
        e.command(Command::Approve { incident: 1, plan: None }).unwrap();
        answer_probe(&mut e, false);
        answer_step(&mut e, done());
        answer_probe(&mut e, false);
        assert_eq!(e.status(), Status::AwaitingApproval, "the second round");
        e.found(&Finding { rule: "web.other".into(), ..finding_like() });
        answer_probe(&mut e, false);
        e.command(word).unwrap();
        while e.out.iter().any(|effect| matches!(effect.act, Act::Probe { .. })) {
            answer_probe(&mut e, false);
        }
        let steps = e.out.iter().filter(|effect| effect.act.changes_world()).count();
        assert_eq!(steps, 1, "{:#?}", e.notes);
        assert!(e.said(said), "{:#?}", e.notes);
    }
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
fn handing_over_after_a_step_takes_the_step_back() {
    let logic = Restart { replan: true, rollback: true, hands_over: Some(1), ..Restart::default() };
    let mut e = Engine::new(rule(logic), Mode::Auto);
    e.line(0);
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    assert!(
        e.said("needs-human the fix did not hold: not a case for round 1; the way back was gone"),
        "{:#?}",
        e.notes
    );
}

#[test]
fn a_rule_that_fails_in_its_second_round_counts_as_a_failed_fix() {
    let mut e = Engine::new(rule(Restart { replan: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    let version = RuleVersion("1".into());
    let fails = Rule { version, ..rule(Restart { runs_away: true, ..Restart::default() }) };
    e.rules.rules.insert(RULE.into(), Arc::new(fails));
    answer_probe(&mut e, false);
    assert_eq!(e.status(), Status::NeedsHuman);
    assert_eq!(e.state.rules[&RULE.into()].evidence.failed, 1);
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

#[test]
fn a_rule_that_changed_before_its_plan_was_approved_goes_on_to_its_second_round() {
    let mut e = Engine::new(rule(Restart { replan: true, rollback: true, ..Restart::default() }), Mode::Approve);
    let change = |e: &mut Engine, version: &str| {
        let mut rule = Rule::clone(&e.rules.rules[&RULE.into()]);
        rule.version = RuleVersion(version.into());
        e.rules.rules.insert(RULE.into(), Arc::new(rule));
        e.step(Input::Reloaded);
    };
    e.line(0);
    answer_probe(&mut e, false);
    change(&mut e, "2");
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
    assert_eq!(e.status(), Status::Healing, "it looks again, and waits for nobody");
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    answer_probe(&mut e, false);
    assert_eq!(e.status(), Status::AwaitingApproval, "{:#?}", e.notes);
    assert!(!e.said("the rule changed"), "{:#?}", e.notes);
    // But not one that changes in between.
    change(&mut e, "3");
    e.command(Command::Approve { incident: 1, plan: None }).unwrap();
    answer_probe(&mut e, false);
    assert!(e.said("the rule changed between two rounds"), "{:#?}", e.notes);
}
