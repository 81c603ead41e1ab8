//! Where the keys and values of a rule's map stand in its text. Rhai does not keep that in the values, but its syntax tree has
//! it.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, Position};

use crate::problem::FileText;

/// Line and column, both from 1.
pub(crate) type LineColumn = (usize, usize);

/// Places by path: `trigger`, `trigger.within`, `match[0]`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    keys: BTreeMap<String, LineColumn>,
    values: BTreeMap<String, LineColumn>,
}

impl Places {
    /// Reads them from the literal map that the script ends with (or the largest one in it).
    pub(crate) fn of(ast: &AST) -> Self {
        let mut best: Option<Self> = None;
        ast.walk(&mut |path: &[ASTNode]| {
            if let Some(ASTNode::Expr(expr @ Expr::Map(..))) = path.last() {
                let mut places = Self::default();
                places.note("", expr, 0);
                if best.as_ref().is_none_or(|b| b.keys.len() < places.keys.len()) {
                    best = Some(places);
                }
            }
            true
        });
        best.unwrap_or_default()
    }

    fn note(&mut self, path: &str, expr: &Expr, depth: usize) {
        if depth > 8 {
            return;
        }
        if let Some(at) = line_column(expr.start_position()) {
            self.values.insert(path.to_owned(), at);
        }
        match expr {
            Expr::Map(map, _) => {
                for (name, value) in &map.0 {
                    let inner = if path.is_empty() { name.name.to_string() } else { format!("{path}.{}", name.name) };
                    if let Some(at) = line_column(name.pos) {
                        self.keys.insert(inner.clone(), at);
                    }
                    self.note(&inner, value, depth + 1);
                }
            }
            Expr::Array(list, _) => {
                for (number, value) in list.iter().enumerate() {
                    self.note(&format!("{path}[{number}]"), value, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Where the value at `path` stands: itself, else what holds it, else the key's first mention in the text.
    pub(crate) fn value(&self, path: &str, file: &FileText) -> LineColumn {
        Self::find(&self.values, path, file)
    }

    /// Where the key at `path` stands.
    pub(crate) fn key(&self, path: &str, file: &FileText) -> LineColumn {
        Self::find(&self.keys, path, file)
    }

    fn find(places: &BTreeMap<String, LineColumn>, path: &str, file: &FileText) -> LineColumn {
        let mut path = path;
        loop {
            if let Some(&at) = places.get(path) {
                return at;
            }
            let Some(cut) = path.rfind(['.', '[']) else { break };
            path = &path[..cut];
        }
        let mention = format!("{path}:");
        let byte = if path.is_empty() { None } else { file.text.find(&mention) };
        byte.or_else(|| file.text.find("#{")).map_or((1, 1), |byte| file.place(byte))
    }

    /// The byte at which byte `offset` of the text value at `path` stands, where the text is written without escapes.
    pub(crate) fn inside(&self, path: &str, text: &str, offset: usize, file: &FileText) -> LineColumn {
        let (line, column) = self.value(path, file);
        let begin = file.byte(line, column);
        let rest = &file.text[begin..];
        let quoted = rest.chars().next().is_some_and(|c| "`\"".contains(c));
        if quoted && rest[1..].starts_with(text) { file.place(begin + 1 + offset) } else { (line, column) }
    }
}

fn line_column(position: Position) -> Option<LineColumn> {
    position.line().map(|line| (line, position.position().unwrap_or(1)))
}
