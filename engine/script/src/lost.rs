//! Finds plans that go nowhere: a guard like `if unit.blind { step.hand_over("…") }` without `return` guards nothing, since
//! its value is thrown away and the function goes on.
//!
//! Start at [`check`]. All that a rule's functions can do is give a value, so what is made and not used is a mistake.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use crate::problem::Gravity;
use crate::reader::Reader;

type Place = (usize, usize);

/// What a statement of a function loses, in the order of the file.
struct Statement {
    /// When its value is that of the function.
    as_value: Vec<Place>,
    /// When others follow.
    otherwise: Vec<Place>,
}

/// Names every list, map, step, check and probe in a function that is made, and neither returned nor used.
pub(crate) fn check(reader: &mut Reader<'_>, ast: &AST) {
    let bodies = ast.shared_lib().iter_script_fn_info().map(|(.., function)| &function.body);
    let spans: Vec<(Place, Place)> =
        bodies.map(|body| (place(body.start_position()), place(body.end_position()))).collect();
    // The statements of each function, by where it begins.
    let mut functions: BTreeMap<Place, BTreeMap<Place, Statement>> = BTreeMap::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let [ASTNode::Stmt(stmt)] = path {
            let at = place(stmt.position());
            // One that is a single expression has no braces, and is its value.
            let around = spans.iter().filter(|(begin, end)| *begin < at && at < *end).max();
            if let Some((begin, _)) = around {
                let (mut as_value, mut otherwise) = (Vec::new(), Vec::new());
                statement(stmt, true, &mut as_value);
                statement(stmt, false, &mut otherwise);
                functions.entry(*begin).or_default().insert(at, Statement { as_value, otherwise });
            }
        }
        true
    });
    let mut lost: Vec<Place> = Vec::new();
    for mut statements in functions.into_values() {
        let last = statements.pop_last();
        lost.extend(last.into_iter().flat_map(|(_, last)| last.as_value));
        lost.extend(statements.into_values().flat_map(|one| one.otherwise));
    }
    lost.sort_unstable();
    for at in lost {
        let message = "this value goes nowhere: the function goes on behind it";
        let hint = "write `return` in front of it, or leave it out";
        reader.problems.push(reader.file.at(at, Gravity::Error, message, Some(hint.into())));
    }
}

fn place(at: Position) -> Place {
    (at.line().unwrap_or_default(), at.position().unwrap_or_default())
}

/// The statements of a block, whose last one may be the value of the whole.
fn block(statements: &[Stmt], is_value: bool, lost: &mut Vec<Place>) {
    let last = statements.len().saturating_sub(1);
    for (number, stmt) in statements.iter().enumerate() {
        statement(stmt, is_value && number == last, lost);
    }
}

fn statement(stmt: &Stmt, is_value: bool, lost: &mut Vec<Place>) {
    match stmt {
        Stmt::Expr(expr) => expression(expr, is_value, lost),
        Stmt::Block(inner) => block(inner.statements(), is_value, lost),
        Stmt::If(flow, _) | Stmt::TryCatch(flow, _) => {
            block(flow.body.statements(), is_value, lost);
            block(flow.branch.statements(), is_value, lost);
        }
        Stmt::Switch(switch, _) => {
            switch.1.expressions.iter().for_each(|case| expression(&case.rhs, is_value, lost));
        }
        Stmt::While(flow, _) | Stmt::Do(flow, ..) => block(flow.body.statements(), false, lost),
        Stmt::For(each, _) => block(each.2.body.statements(), false, lost),
        _ => {}
    }
}

fn expression(expr: &Expr, is_value: bool, lost: &mut Vec<Place>) {
    match expr {
        Expr::Stmt(inner) => block(inner.statements(), is_value, lost),
        _ if is_value => {}
        Expr::Array(_, at) | Expr::Map(_, at) => lost.push(place(*at)),
        Expr::Dot(pair, ..) => {
            if let Expr::Variable(variable, _, at) = &pair.lhs
                && ["probe", "step", "check"].contains(&variable.1.as_str())
            {
                lost.push(place(*at));
            }
        }
        _ => {}
    }
}
