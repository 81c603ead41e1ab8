//! Finds calls that cannot work before they are made: functions run first when there is an incident.
//!
//! Start at [`check`].

use std::collections::BTreeSet;

use heinzel_core::near;
use rhai::{AST, ASTNode, Expr, Stmt};

use crate::host::Host;
use crate::problem::Gravity;
use crate::reader::Reader;
use crate::reference;

/// Names every call of a function that is not there, in branches that no sample takes, too.
pub(crate) fn check(reader: &mut Reader<'_>, host: &Host, ast: &AST) {
    misnamed(reader, ast);
    undefined(reader, host, ast);
}

/// Calls like `step.systemd_relod(…)`, or with other arguments than it takes.
fn misnamed(reader: &mut Reader<'_>, ast: &AST) {
    let mut found = Vec::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Expr(Expr::Dot(pair, ..))) = path.last()
            && let Expr::Variable(variable, ..) = &pair.lhs
            && ["probe", "step", "check"].contains(&variable.1.as_str())
        {
            let called = match &pair.rhs {
                Expr::Dot(chain, ..) => &chain.lhs,
                other => other,
            };
            if let Expr::MethodCall(call, position) = called
                && !reference::arities(&variable.1, &call.name).contains(&call.args.len())
            {
                found.push((variable.1.to_string(), call.name.to_string(), *position));
            }
        }
        true
    });
    for (on, name, position) in found {
        let (message, hint) = reference::miscalled(&on, &name);
        let at = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        reader.problems.push(reader.file.at(at, Gravity::Error, message, Some(hint)));
    }
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
        let at = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        if said.contains(&at) {
            continue;
        }
        let hint = hint.or_else(|| Some("`heinzel reference --definitions` lists what there is".into()));
        reader.problems.push(reader.file.at(at, Gravity::Error, format!("there is no function `{name}`"), hint));
    }
}
