//! Plans that are held: when the gates are asked about them again.

use super::*;
use crate::run::Stage;

/// So many plans held by a pause.
fn storm(many: u64) -> Engine {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    (e.policy.budget.rule.count, e.policy.budget.host.count) = (10_000, 10_000);
    e.command(Command::Pause { why: "storm".into() }).unwrap();
    for n in 0..many {
        e.finding(0, Role::Match(0), None, &[("pool", &n.to_string())]);
        for effect in std::mem::take(&mut e.out) {
            e.step(Input::Done { effect: effect.id, outcome: unit(false) });
        }
    }
    assert_eq!(held(&e), many);
    e
}

fn held(e: &Engine) -> u64 {
    let is_held = |i: &&Incident| matches!(i.run.as_ref().unwrap().stage, Stage::Held { .. });
    e.state.incidents.values().filter(is_held).count() as u64
}

#[test]
fn all_that_is_held_is_asked_about_once_a_second_and_not_at_every_input() {
    let mut e = storm(3);
    e.step(Input::Tick);
    // Nobody told the engine, so only asking shows it.
    e.policy.modes.insert("*".into(), Mode::Observe);
    e.step(Input::Tick);
    assert_eq!(held(&e), 3, "it was asked in this second");
    e.now += 1;
    e.step(Input::Tick);
    assert_eq!(held(&e), 0);
    // Nor does a clock that was set back keep anything held.
    let mut e = storm(3);
    e.now = 5_000;
    e.step(Input::Tick);
    e.policy.modes.insert("*".into(), Mode::Observe);
    e.now = 10;
    e.step(Input::Tick);
    assert_eq!(held(&e), 0);
}

#[test]
fn what_holds_no_more_lets_go_at_once() {
    let mut e = storm(3);
    e.step(Input::Tick);
    e.command(Command::Resume).unwrap();
    assert_eq!(held(&e), 0, "in the same second");
    assert_eq!(e.acts(), ["probe unit nginx.service"; 3]);
}

#[test]
fn an_operators_word_reaches_what_is_held_at_once() {
    let mut e = storm(3);
    e.step(Input::Tick);
    e.command(Command::Demote { rule: RULE.into(), to: Some(Mode::Observe) }).unwrap();
    assert_eq!(held(&e), 0);
    assert!(e.state.incidents.values().all(|incident| incident.status == Status::Open), "{:#?}", e.notes);
}

#[test]
fn maintenance_that_ends_lets_go_in_the_same_second() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let (from, until) = (Engine::time(0), Engine::time(50));
    e.policy.maintenance.push(crate::policy::Maintenance { assets: vec!["*".into()], from, until });
    e.line(0);
    sees_it_down(&mut e);
    e.now = 49;
    e.step(Input::Tick);
    assert_eq!(held(&e), 1);
    e.now = 50;
    e.step(Input::Tick);
    assert_eq!(held(&e), 0);
}

#[test]
fn fixes_of_two_assets_do_not_work_on_one_unit_at_a_time() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    for pool in ["a", "b"] {
        e.finding(0, Role::Match(0), None, &[("pool", pool)]);
        let probe = e.out.pop().unwrap();
        e.step(Input::Done { effect: probe.id, outcome: unit(false) });
    }
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
    assert!(e.said("gate `lock` holds: incident 1 is working on nginx.service"), "{:#?}", e.notes);
    assert_eq!(held(&e), 1);
    e.pass_to(40, &heals);
    // The first has mended it for both.
    assert!(e.state.incidents.values().all(Incident::is_resolved), "{:#?}", e.notes);
    assert_eq!(e.state.fixes.len(), 1);
}
