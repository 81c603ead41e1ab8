//! From a cluster to a rule for its author to finish: pattern, typed fields.
//!
//! Start at [`Cluster::draft`].

use std::collections::BTreeMap;

use heinzel_core::field::FieldType;
use regex::Regex;

use crate::Cluster;
use crate::shape::{Piece, Token, tokens};

/// A pattern for the messages of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// In the words of the regex crate.
    pub pattern: String,
    /// Its captures, in their order.
    pub fields: Vec<Field>,
}

/// A capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The narrowest type that takes all values seen.
    pub kind: FieldType,
}

/// The types that are tried, the narrowest first. What a step may use comes before what only people may read.
const KINDS: [FieldType; 8] = [
    FieldType::Int,
    FieldType::Float,
    FieldType::Ip,
    FieldType::Email,
    FieldType::Path,
    FieldType::Domain,
    FieldType::Ident,
    FieldType::Text,
];

impl Cluster {
    /// A pattern that fits all examples, with typed captures. `reserved`: names that no field may have. `None`: there is no
    /// example, or none of its words always stand there.
    #[must_use]
    pub fn draft(&self, reserved: &[&str]) -> Option<Draft> {
        let examples: Vec<(&str, Vec<Token>)> = self.examples.iter().map(|text| (&**text, tokens(text))).collect();
        // An example that was cut or read otherwise cannot be held beside the others.
        let fits = |tokens: &[Token]| tokens.len() == self.columns.len();
        let examples: Vec<_> = examples.into_iter().filter(|(_, tokens)| fits(tokens)).collect();
        if examples.is_empty() || !self.columns.iter().flatten().any(|piece| matches!(piece, Piece::Word(_))) {
            return None;
        }
        let mut names = BTreeMap::new();
        let slots: Vec<Option<Field>> = (0..self.columns.len())
            .map(|at| self.columns[at].is_none().then(|| self.field(at, &examples, reserved, &mut names)))
            .collect();
        // First with each field as narrow as its type; if that does not fit, with fields that are not held to anything.
        [false, true].into_iter().find_map(|wide| {
            let pattern = self.pattern(&examples, &slots, wide);
            let regex = Regex::new(&pattern).ok()?;
            let holds = |(text, _): &(&str, Vec<Token>)| {
                regex.captures(text).is_some_and(|groups| {
                    slots.iter().flatten().all(|field| {
                        groups.name(&field.name).is_some_and(|group| wide || field.kind.accepts(group.as_str()))
                    })
                })
            };
            examples.iter().all(holds).then(|| {
                let kind = |kind: FieldType| if wide { FieldType::Text } else { kind };
                let fields = slots.iter().flatten().map(|f| Field { name: f.name.clone(), kind: kind(f.kind.clone()) });
                Draft { pattern, fields: fields.collect() }
            })
        })
    }

    fn field(
        &self,
        at: usize,
        examples: &[(&str, Vec<Token>)],
        reserved: &[&str],
        names: &mut BTreeMap<String, usize>,
    ) -> Field {
        let values: Vec<&str> = examples.iter().map(|(text, tokens)| value(text, &tokens[at])).collect();
        let takes_all = |kind: &&FieldType| values.iter().all(|value| kind.accepts(value));
        let kind = KINDS.iter().find(takes_all).cloned().unwrap_or(FieldType::Text);
        let wanted = self.name(at).unwrap_or_else(|| match kind {
            FieldType::Int | FieldType::Float => "number".into(),
            FieldType::Ident | FieldType::Text => "value".into(),
            ref kind => kind.to_string(),
        });
        let wanted = if reserved.contains(&&*wanted) { format!("{wanted}_name") } else { wanted };
        let times = names.entry(wanted.clone()).or_default();
        *times += 1;
        let name = if *times == 1 { wanted } else { format!("{wanted}_{times}") };
        Field { name, kind }
    }

    /// What stands before a value as `name=` or `name:`, or the word before it where that is a noun of this trade.
    fn name(&self, at: usize) -> Option<String> {
        const NOUNS: [&str; 16] = [
            "user",
            "port",
            "pid",
            "pool",
            "client",
            "unit",
            "device",
            "disk",
            "domain",
            "zone",
            "mailbox",
            "process",
            "child",
            "database",
            "table",
            "interface",
        ];
        let before = |back: usize| self.columns.get(at.checked_sub(back)?)?.as_ref();
        let sign = matches!(before(1), Some(Piece::Sign('=' | ':')));
        let word = match before(if sign { 2 } else { 1 }) {
            Some(Piece::Word(word)) if sign || NOUNS.contains(&&**word) => word,
            _ => return None,
        };
        let name: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let name = name.to_ascii_lowercase();
        (name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 30).then_some(name)
    }

    fn pattern(&self, examples: &[(&str, Vec<Token>)], slots: &[Option<Field>], wide: bool) -> String {
        let mut pattern = String::from("^");
        let last = self.columns.len().saturating_sub(1);
        for (at, column) in self.columns.iter().enumerate() {
            pattern.push_str(&gap(examples, at));
            match (column, &slots[at]) {
                (Some(Piece::Word(word)), _) => pattern.push_str(&regex::escape(word)),
                (Some(Piece::Sign(sign)), _) => pattern.push_str(&regex::escape(&sign.to_string())),
                (_, Some(field)) => {
                    let class = match &field.kind {
                        _ if wide && at == last => ".+",
                        _ if wide => ".+?",
                        FieldType::Int => r"-?\d+",
                        FieldType::Float => r"-?[\d.]+",
                        FieldType::Ip => r"[0-9a-fA-F.:]+",
                        FieldType::Email => r#"[^\s@<>"]+@[^\s<>",;]+"#,
                        FieldType::Path => r#"/[^\s"',;()\[\]]*"#,
                        FieldType::Domain => r"[\w.-]+",
                        FieldType::Ident => r"[\w.:@+-]+",
                        _ if at == last => ".+",
                        _ => ".+?",
                    };
                    pattern.push_str(&format!("(?<{}>{class})", field.name));
                }
                (_, None) => {}
            }
        }
        pattern
    }
}

/// The text of a value, without the full stop behind it.
fn value<'t>(text: &'t str, token: &Token) -> &'t str {
    text[token.span.clone()].trim_end_matches('.')
}

/// What stands between a token and the one before it.
fn gap(examples: &[(&str, Vec<Token>)], at: usize) -> String {
    let gap = |(text, tokens): &(&str, Vec<Token>)| {
        let start = at.checked_sub(1).map_or(0, |before| tokens[before].span.end);
        text.get(start..tokens[at].span.start).unwrap_or_default().to_owned()
    };
    let gaps: Vec<String> = examples.iter().map(gap).collect();
    if gaps.windows(2).all(|two| two[0] == two[1]) {
        let words: Vec<String> = gaps[0].split(' ').map(regex::escape).collect();
        return words.join(" ");
    }
    if gaps.iter().all(|gap| gap.trim().is_empty()) { r"\s*".into() } else { ".*?".into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Miner;

    fn one(messages: &[&str]) -> Draft {
        let mut miner = Miner::default();
        for message in messages {
            miner.add("x", 0, message);
        }
        let (clusters, _) = miner.clusters();
        assert_eq!(clusters.len(), 1, "{clusters:?}");
        clusters[0].draft(&["host"]).unwrap()
    }

    fn check(messages: &[&str], pattern: &str, fields: &[(&str, &str)]) {
        let draft = one(messages);
        assert_eq!(draft.pattern, pattern);
        let found: Vec<(String, String)> = draft.fields.iter().map(|f| (f.name.clone(), f.kind.to_string())).collect();
        assert_eq!(found, fields.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>());
    }

    #[test]
    fn fields_get_names_and_the_narrowest_type() {
        check(
            &["user bob at 192.0.2.7: quota 12 MB", "user eve at 2001:db8::1: quota 7 MB"],
            r"^user (?<user>[\w.:@+-]+) at (?<ip>[0-9a-fA-F.:]+): quota (?<number>-?\d+) MB",
            &[("user", "ident"), ("ip", "ip"), ("number", "int")],
        );
        check(
            &["open /var/a failed, host=9", "open /var/b failed, host=x2"],
            r#"^open (?<path>/[^\s"',;()\[\]]*) failed, host=(?<host_name>[\w.:@+-]+)"#,
            &[("path", "path"), ("host_name", "ident")],
        );
        check(
            &["sent 1 (2 kB) to 3", "sent 4 to 5"],
            r"^sent (?<number>-?\d+).*?to (?<number_2>-?\d+)",
            &[("number", "int"), ("number_2", "int")],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_draft_fits_all_examples_whatever_stands_in_them(
            messages in proptest::collection::vec("(?:[a-z]{1,5}|[0-9]{1,4}|[ :=,./@()\\[\\]\"'$*`{}\\\\-]|\\PC| ){0,24}", 1..12),
        ) {
            let mut miner = Miner::default();
            for message in &messages {
                miner.add("x", 0, message);
            }
            for cluster in miner.clusters().0 {
                if let Some(draft) = cluster.draft(&[]) {
                    let regex = Regex::new(&draft.pattern).unwrap();
                    for example in cluster.examples.iter().filter(|e| tokens(e).len() == cluster.columns.len()) {
                        prop_assert!(regex.is_match(example), "{} on {example}", draft.pattern);
                    }
                }
            }
        }
    }
}
