//! By which key findings of a rule are counted together, and what such a key says.
//!
//! Start at [`write`]. A key is one text, made of the values of the rule's `by`. People write logs, and may choose values with the
//! separator in them: so each value becomes a text that no other value makes. [`read`] takes a key apart again.

use std::fmt::Write as _;

use crate::field::{FieldType, ValueRef};
use crate::findings::Claim;
use crate::rule::Rule;
use crate::trigger::Trigger;

/// What findings are counted by: the rule's `by`; without it everything together, except that a rule which fires at every
/// finding has a key for each set of values, so that the asset is asked for once and not once a line.
fn names(rule: &Rule) -> impl Iterator<Item = &str> {
    let each = rule.by.is_empty() && matches!(rule.trigger, Trigger::Count { count: 1, .. } | Trigger::Overdue { .. });
    let places: &[&str] = if each { &["host", "task.kind", "task.target"] } else { &[] };
    let typed = rule.fields.iter().filter(move |(_, kind)| each && **kind != FieldType::Text);
    rule.by.iter().map(String::as_str).chain(places.iter().copied()).chain(typed.map(|(name, _)| name.as_str()))
}

/// Writes the key that a finding is counted under.
pub(crate) fn write(rule: &Rule, finding: &Claim<'_>, key: &mut String) {
    for (number, name) in names(rule).enumerate() {
        if number > 0 {
            key.push('|');
        }
        write_value(finding.value_of(name), key);
    }
}

fn write_value(value: Option<ValueRef<'_>>, key: &mut String) {
    match value {
        None => key.push_str(r"\-"),
        Some(ValueRef::Text(text)) => {
            for piece in text.split_inclusive(['\\', '|']) {
                let plain = piece.strip_suffix(['\\', '|']).unwrap_or(piece);
                key.push_str(plain);
                if plain.len() < piece.len() {
                    key.push('\\');
                    key.push_str(&piece[plain.len()..]);
                }
            }
        }
        // Writing to a text cannot fail.
        Some(number) => drop(write!(key, "{number}")),
    }
}

/// What a key of a rule says: each name with its value, but for those that the finding did not have.
#[must_use]
pub fn read<'r>(rule: &'r Rule, key: &str) -> Vec<(&'r str, String)> {
    let (mut names, mut read, mut value) = (names(rule), Vec::new(), String::new());
    let mut letters = key.chars();
    loop {
        match letters.next() {
            // Of an absent value nothing is left.
            Some('\\') => value.extend(letters.next().filter(|letter| *letter != '-')),
            Some(letter) if letter != '|' => value.push(letter),
            end => {
                let value = std::mem::take(&mut value);
                read.extend(names.next().filter(|_| !value.is_empty()).map(|name| (name, value)));
                if end.is_none() {
                    return read;
                }
            }
        }
    }
}
