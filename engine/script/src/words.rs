//! The words `probe`, `step` and `check` as scripts find them.

use heinzel_core::plan::{Check, Step};
use heinzel_core::probe::Probe;
use rhai::{Engine, Scope};

use crate::{check, probe, step, view};

/// Teaches the engine all functions of rules.
pub(crate) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<probe::Probes>("probe")
        .register_type_with_name::<step::Steps>("step")
        .register_type_with_name::<check::Checks>("check")
        .register_type_with_name::<Probe>("Probe")
        .register_type_with_name::<Step>("Step")
        .register_type_with_name::<step::HandOver>("HandOver")
        .register_type_with_name::<Check>("Check");
    view::register(engine);
    probe::register(engine);
    step::register(engine);
    check::register(engine);
}

/// The variables every script begins with.
pub(crate) fn scope() -> Scope<'static> {
    let mut scope = Scope::new();
    scope.push("probe", probe::Probes).push("step", step::Steps).push("check", check::Checks);
    scope
}
