//! Plans of several rounds: what holds from one to the next, and what takes the first back.

use super::allowed::{answer_probe, answer_step, done, without_rule};
use super::heal::finding_like;
use super::*;
use crate::run::Stage;

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
fn a_round_that_only_waits_and_looks_again_needs_no_approval() {
    let mut e = Engine::new(rule(Restart { waits: true, ..Restart::default() }), Mode::Approve);
    e.line(0);
    answer_probe(&mut e, false);
    assert_eq!(e.acts(), ["wait 5s"], "{:#?}", e.notes);
    answer_step(&mut e, done());
    answer_probe(&mut e, false);
    assert_eq!(e.status(), Status::AwaitingApproval, "what changes something waits for it: {:#?}", e.notes);
}

#[test]
fn a_round_does_not_count_as_an_earlier_fix_for_the_next_one() {
    let mut e = Engine::new(rule(Restart { waits: true, once: true, ..Restart::default() }), Mode::Auto);
    e.line(0);
    answer_probe(&mut e, false);
    answer_step(&mut e, done());
    answer_probe(&mut e, false);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"], "{:#?}", e.notes);
    e.pass_to(20, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
    // It does for the one after that.
    e.now = 4_000;
    e.line(4_000);
    answer_probe(&mut e, false);
    assert!(e.said("once a day"), "{:#?}", e.notes);
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
