//! Finds calls that cannot work before they are made: functions run first when there is an incident.
//!
//! Start at [`check`].

use std::collections::BTreeSet;

use heinzel_core::near;
use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Position, Stmt};

use crate::host::{Failure, Host};
use crate::problem::Gravity;
use crate::reader::Reader;
use crate::reference;

/// Names every call of a function that is not there, or that refuses what stands in the file, in branches that no sample
/// takes, too.
pub(crate) fn check(reader: &mut Reader<'_>, host: &Host, ast: &AST) {
    let calls = Made::all(ast);
    misnamed(reader, &calls);
    refused(reader, host, &calls);
    undefined(reader, host, ast);
}

/// A call like `step.systemd_reload(…)`, as it stands in the file.
struct Made {
    on: String,
    name: String,
    at: Position,
    /// How many arguments it has.
    count: usize,
    /// They, if all of them are written out.
    arguments: Option<Vec<Dynamic>>,
    /// What is called on what it makes, likewise: `timeout("2m")`.
    then: Option<(Position, Vec<Dynamic>)>,
}

impl Made {
    fn all(ast: &AST) -> Vec<Self> {
        let mut found = Vec::new();
        ast.walk(&mut |path: &[ASTNode]| {
            if let Some(ASTNode::Expr(Expr::Dot(pair, ..))) = path.last()
                && let Expr::Variable(variable, ..) = &pair.lhs
                && ["probe", "step", "check"].contains(&variable.1.as_str())
            {
                found.extend(Self::of(&variable.1, &pair.rhs));
            }
            true
        });
        found
    }

    fn of(on: &str, right: &Expr) -> Option<Self> {
        let (called, then) = match right {
            Expr::Dot(chain, ..) => (&chain.lhs, Some(&chain.rhs)),
            other => (other, None),
        };
        let Expr::MethodCall(call, at) = called else { return None };
        let then = then.and_then(|then| match then {
            Expr::MethodCall(call, at) if call.name == "timeout" && call.args.len() == 1 => {
                Some((*at, literals(call)?))
            }
            _ => None,
        });
        let (on, name) = (on.to_owned(), call.name.to_string());
        Some(Self { on, name, at: *at, count: call.args.len(), arguments: literals(call), then })
    }
}

/// The arguments of a call, if all of them are written out.
fn literals(call: &FnCallExpr) -> Option<Vec<Dynamic>> {
    call.args.iter().map(|argument| argument.get_literal_value(None)).collect()
}

/// Calls like `step.systemd_relod(…)`, or with more or fewer arguments than it takes.
fn misnamed(reader: &mut Reader<'_>, calls: &[Made]) {
    for Made { on, name, at, count, .. } in calls {
        if !reference::arities(on, name).contains(count) {
            let (message, hint) = reference::miscalled(on, name);
            reader.problems.push(reader.file.at(place(*at), Gravity::Error, message, Some(hint)));
        }
    }
}

/// Calls whose arguments are written out and which never work: `step.systemd_start("nginx")` without the unit's suffix. All
/// these functions only make values, so they are simply called.
fn refused(reader: &mut Reader<'_>, host: &Host, calls: &[Made]) {
    for Made { on, name, at, count, arguments, then } in calls {
        let fits = reference::arities(on, name).contains(count);
        let made = arguments.as_ref().filter(|_| fits).map(|arguments| host.make(on, name, arguments));
        let timed = then.as_ref().filter(|_| on == "step").map(|(at, time)| (at, host.make(ANY_STEP, "timeout", time)));
        let found = made.map(|made| (at, made)).into_iter().chain(timed);
        for (at, Failure { message, hint, .. }) in found.filter_map(|(at, made)| Some((at, made.err()?))) {
            reader.problems.push(reader.file.at(place(*at), Gravity::Error, message, hint));
        }
    }
}

/// Stands for the step whose `timeout` is looked at.
const ANY_STEP: &str = "step.systemd_start(\"any.service\")";

fn place(at: Position) -> (usize, usize) {
    (at.line().unwrap_or(1), at.position().unwrap_or(1))
}

/// Calls of functions that nobody has defined.
fn undefined(reader: &mut Reader<'_>, host: &Host, ast: &AST) {
    let own: BTreeSet<&str> = ast.iter_functions().map(|function| function.name).collect();
    let known = |name: &str| host.names().contains(name) || own.contains(name) || reference::is_ours(name);
    let mut found = Vec::new();
    ast.walk(&mut |path: &[ASTNode]| {
        let called = match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))) => (call, position),
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => (call, position),
            _ => return true,
        };
        let is_name = called.0.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_name && !known(&called.0.name) {
            found.push((called.0.name.to_string(), *called.1));
        }
        true
    });
    // Calls on `probe`, `step` and `check` are known by now.
    let said: BTreeSet<(usize, usize)> = reader.problems.iter().map(|p| (p.line, p.column)).collect();
    for (name, position) in found {
        let names = host.names().iter().map(String::as_str).chain(own.iter().copied());
        let hint =
            reference::maker(&name).or_else(|| near::nearest(&name, names).map(|n| format!("did you mean `{n}`?")));
        let at = place(position);
        if said.contains(&at) {
            continue;
        }
        let hint = hint.or_else(|| Some("`heinzel reference --definitions` lists what there is".into()));
        reader.problems.push(reader.file.at(at, Gravity::Error, format!("there is no function `{name}`"), hint));
    }
}
