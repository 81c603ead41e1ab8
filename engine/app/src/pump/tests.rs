//! The process "dies" at every boundary of store and effects, and goes on from what is stored: no line is lost, nothing is
//! done twice, everything is decided. And a store that takes nothing for a while loses nothing.
//!
//! Start at the tests; [`scene::Scene`] is the world. The store is a real one in a folder of its own; the world is a list of what was done.

use heinzel_core::policy::Mode;
use heinzel_core::run::Stage;
use heinzel_core::state::Paused;
use heinzel_core::step::Command;
use heinzel_core::time::Timestamp;
use heinzel_store::Filter;

use super::*;
use crate::run::state_of;

mod fault;
mod scene;

use fault::{Fault, Kind, Side};
use scene::{Death, Scene};

#[test]
fn killed_at_every_call_of_the_store() {
    for side in [Side::Before, Side::After] {
        for nth in 1.. {
            let scene = Scene::new();
            let fault = Fault { nth, side, kind: Kind::Crash };
            if scene.live(&[fault], None).counts.is_some() {
                assert!(nth > 10, "only {nth} calls: the test tests nothing");
                scene.check("no fault");
                break;
            }
            // And once more while it recovers, on the other side of an early call.
            let other = if side == Side::Before { Side::After } else { Side::Before };
            scene.live(&[Fault { nth: 1 + nth % 3, side: other, kind: Kind::Crash }], None);
            assert!(scene.live(&[], None).counts.is_some());
            scene.check(&format!("{fault:?}"));
        }
    }
}

#[test]
fn killed_at_every_effect() {
    for side in [Side::Before, Side::After] {
        for nth in 1.. {
            let scene = Scene::new();
            let death = Death { nth, side };
            if scene.live(&[], Some(death)).counts.is_some() {
                assert!(nth > 10, "only {nth} effects: the test tests nothing");
                break;
            }
            // And once more at the first effect of the next life.
            scene.live(&[], Some(Death { nth: 1, side }));
            assert!(scene.live(&[], None).counts.is_some());
            scene.check(&format!("{death:?}"));
        }
    }
}

#[test]
fn a_store_that_takes_nothing_for_a_moment_is_shown_and_loses_nothing() {
    for kind in [Kind::Full, Kind::Locked] {
        for nth in 1.. {
            let scene = Scene::new();
            scene.world().always_asks = true;
            let fault = Fault { nth, side: Side::Before, kind };
            let life = scene.live(&[fault], None);
            let counts = life.counts.unwrap();
            scene.check(&format!("{fault:?}"));
            if life.plan.lock().unwrap().made.is_empty() {
                assert!(nth > 10, "only {nth} calls: the test tests nothing");
                break;
            }
            assert_eq!((counts.store_failures, counts.store), (1, None), "{fault:?}");
            assert!(scene.world().trouble.is_some(), "{fault:?}: nobody was told");
        }
    }
}

#[test]
fn stopped_while_the_store_takes_nothing_it_stores_nothing_that_comes_later() {
    let scene = Scene::new();
    scene.world().stop_in_trouble = true;
    // More often than it is tried; were it tried once more, it would be stored.
    let faults: Vec<Fault> = (3..=9).map(|nth| Fault { nth, side: Side::Before, kind: Kind::Full }).collect();
    let life = scene.live(&faults, None);
    assert_eq!(life.plan.lock().unwrap().calls, 9, "{:?}", life.counts);
    scene.world().stop_in_trouble = false;
    assert!(scene.live(&[], None).counts.is_some());
    scene.check("stopped in trouble");
}

/// A life in which the store takes nothing from this call on, until an operator has said this. `None`: it never came to it.
fn told_in_trouble(nth: u64, command: Command) -> Option<(Scene, Said, usize)> {
    let scene = Scene::new();
    scene.world().order_in_trouble = Some(command);
    let faults: Vec<Fault> = (nth..nth + 1000).map(|nth| Fault { nth, side: Side::Before, kind: Kind::Full }).collect();
    scene.live(&faults, None);
    let (said, done) = scene.world().ordered.take()?;
    Some((scene, said, done))
}

#[test]
fn a_pause_counts_at_once_also_while_the_store_takes_nothing() {
    for nth in 1.. {
        let pause = Command::Pause { why: "storm".into() };
        let Some((scene, said, done)) = told_in_trouble(nth, pause) else {
            assert!(nth > 10, "only {nth} calls: the test tests nothing");
            return;
        };
        let said = said.unwrap();
        assert!(said.contains("holds now, but is not stored yet") && said.contains("no space left"), "{said}");
        let loaded = scene.open().load(Timestamp::EPOCH).unwrap();
        assert_eq!(loaded.paused.map(|paused| (paused.by, paused.why)), Some(("kim".into(), "storm".into())), "{nth}");
        assert_eq!(scene.world().done.len(), done, "{nth}: a fix was begun after the pause");
    }
}

#[test]
fn whatever_else_is_said_while_the_store_takes_nothing_is_refused_at_once() {
    let (scene, said, _) = told_in_trouble(4, Command::Acknowledge { incident: 1 }).unwrap();
    let said = said.unwrap_err();
    assert!(said.contains("it is not done, because the store takes nothing") && said.contains("again"), "{said}");
    assert!(scene.open().incidents(&Filter::default()).unwrap().iter().all(|i| i.acknowledged_by.is_none()));
}

/// A life that ended between the commit of a step and its mark, and what the next one finds.
fn queued_step() -> (Scene, State, Vec<Unfinished>) {
    for nth in 1..100 {
        let scene = Scene::new();
        scene.live(&[Fault { nth, side: Side::Before, kind: Kind::Crash }], None);
        let restored = state_of(scene.open().load(Timestamp::EPOCH).unwrap());
        if restored.unfinished.iter().any(|u| u.effect.act.changes_world() && !u.started) {
            return (scene, restored.state, restored.unfinished);
        }
    }
    panic!("no step was ever queued")
}

/// What a start decides about the step.
fn recovered(scene: &Scene, step: &Effect, state: State, unfinished: Vec<Unfinished>) -> &'static str {
    let mut pump = scene.pump(state);
    let again = pump.recover(unfinished);
    let run = pump.state.incidents.get(&step.incident).and_then(|i| i.run.as_ref());
    match run.map(|run| &run.stage) {
        _ if again.contains(step) => "performed",
        Some(Stage::Verifying { unsure: true, .. }) => "the checks decide",
        None => "forgotten",
        Some(_) => "waited for",
    }
}

#[test]
fn a_queued_step_is_carried_on_only_where_that_is_still_meant() {
    type Meddle<'a> = &'a dyn Fn(&mut State, &mut Vec<Unfinished>);
    let (scene, state, unfinished) = queued_step();
    let step = unfinished.iter().find(|u| u.effect.act.changes_world()).unwrap().effect.clone();
    let check = |what: &str, meddle: Meddle<'_>, expected: &str| {
        let (mut state, mut unfinished) = (state.clone(), unfinished.clone());
        meddle(&mut state, &mut unfinished);
        assert_eq!(recovered(&scene, &step, state, unfinished), expected, "{what}");
    };
    check("killed a moment ago", &|_, _| {}, "performed");
    let paused = Paused { by: "kim".into(), at: clock::now(), why: String::new() };
    check("paused meanwhile", &|state, _| state.paused = Some(paused.clone()), "the checks decide");
    let observe = |state: &mut State, _: &mut Vec<Unfinished>| {
        let rules: Vec<_> = state.incidents.values().map(|i| i.rule.clone()).collect();
        rules.into_iter().for_each(|rule| state.rules.entry(rule).or_default().mode = Some(Mode::Observe));
    };
    check("told to observe meanwhile", &observe, "the checks decide");
    let age = |state: &mut State, _: &mut Vec<Unfinished>| {
        for run in state.incidents.values_mut().filter_map(|i| i.run.as_mut()) {
            run.started = run.started - STALE - Duration::from_secs(1);
        }
    };
    check("down for long", &age, "the checks decide");
    let other_boot = |_: &mut State, unfinished: &mut Vec<Unfinished>| {
        unfinished.iter_mut().for_each(|u| u.same_boot = false);
    };
    check("another boot", &other_boot, "the checks decide");
    check("its row cannot be read", &|_, unfinished| unfinished.clear(), "the checks decide");
    check("its incident cannot be read", &|state, _| state.incidents.clear(), "forgotten");
}
