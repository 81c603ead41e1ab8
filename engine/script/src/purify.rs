//! Cuts what a closure has captured loose from the variables it was captured from.
//!
//! Rhai shares a captured variable between the closure and everybody else who captured it: a closure could count its
//! own calls and answer differently next time. A rule's functions are pure, so every captured value is copied once, and
//! each call gets its own copy of that.

use rhai::{Dynamic, FnPtr};

/// The most values that a rule's functions may capture, all in all.
const VALUES: usize = 10_000;
/// The most closures, lists and maps inside one another.
const DEPTH: usize = 24;

/// The function with unshared captures; says why when there is too much of them.
pub(crate) fn purify(function: &FnPtr) -> Result<FnPtr, &'static str> {
    let mut left = VALUES;
    loosen(function, DEPTH, &mut left)
}

fn loosen(function: &FnPtr, depth: usize, left: &mut usize) -> Result<FnPtr, &'static str> {
    let curry = function.curry().iter().map(|value| copy(value, depth, left)).collect::<Result<Vec<_>, _>>()?;
    let mut loose = function.clone();
    loose.set_curry(curry);
    Ok(loose)
}

fn copy(value: &Dynamic, depth: usize, left: &mut usize) -> Result<Dynamic, &'static str> {
    *left = left.checked_sub(1).ok_or("it captures more than 10,000 values")?;
    let depth = depth.checked_sub(1).ok_or("it captures closures or lists more than 24 deep (perhaps itself)")?;
    if let Some(function) = value.read_lock::<FnPtr>() {
        return Ok(loosen(&function, depth, left)?.into());
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        return Ok(list.iter().map(|v| copy(v, depth, left)).collect::<Result<rhai::Array, _>>()?.into());
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let map =
            map.iter().map(|(k, v)| Ok((k.clone(), copy(v, depth, left)?))).collect::<Result<rhai::Map, &str>>()?;
        return Ok(map.into());
    }
    Ok(value.flatten_clone())
}
