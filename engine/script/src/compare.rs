//! Comparisons that are never so: a number with a text, a text with true or false.
//!
//! Rhai answers `false` to them (and `true` to `!=`) without a word: a guard like `facts.disk.used_percent > "95"` would never
//! guard. Here they are mistakes. An absent value may be compared with anything: that is how rules ask for it.

use std::fmt::Display;

use rhai::{Engine, EvalAltResult, FLOAT, INT, ImmutableString};

/// What can be compared, in words.
trait Kind: Display + Clone + Send + Sync + 'static {
    const WORD: &'static str;
}

impl Kind for INT {
    const WORD: &'static str = "a number";
}

impl Kind for FLOAT {
    const WORD: &'static str = "a number";
}

impl Kind for bool {
    const WORD: &'static str = "true or false";
}

impl Kind for ImmutableString {
    const WORD: &'static str = "a text";
}

pub(crate) fn register(engine: &mut Engine) {
    // Else Rhai asks its own operators, and these never.
    engine.set_fast_operators(false);
    between::<INT, ImmutableString>(engine);
    between::<FLOAT, ImmutableString>(engine);
    between::<bool, ImmutableString>(engine);
    between::<INT, bool>(engine);
    between::<FLOAT, bool>(engine);
}

fn between<A: Kind, B: Kind>(engine: &mut Engine) {
    for operator in ["==", "!=", "<", "<=", ">", ">="] {
        engine.register_fn(operator, |one: A, other: B| refuse(&one, &other));
        engine.register_fn(operator, |other: B, one: A| refuse(&other, &one));
    }
}

fn refuse<A: Kind, B: Kind>(one: &A, other: &B) -> Result<bool, Box<EvalAltResult>> {
    let (left, right) = (A::WORD, B::WORD);
    Err(format!(
        "`{one}` is {left} and `{other}` {right}: they are never equal, nor greater or less; write both in quotes, or both without"
    )
    .into())
}
