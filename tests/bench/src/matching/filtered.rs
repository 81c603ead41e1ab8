//! `regex-filtered`: a filter over required texts in front of `regex`, as uap-rust and RE2's `FilteredRE2` have it.
//!
//! It knows only patterns with Unicode on. The logs are ASCII, so it finds the same.

use std::borrow::Cow;

use regex_filtered::Regexes;

use super::engine::{Engine, Pairs, lines};

/// Its set of patterns.
pub struct Filtered {
    regexes: Regexes,
    names: Vec<Vec<Option<String>>>,
}

impl Filtered {
    /// Builds the set.
    pub fn new(patterns: &[String]) -> anyhow::Result<Self> {
        let regexes = regex_filtered::Builder::new().push_all(patterns)?.build()?;
        let named = |regex: &regex::Regex| regex.capture_names().map(|name| name.map(str::to_owned)).collect();
        Ok(Self { names: regexes.regexes().iter().map(named).collect(), regexes })
    }
}

impl Engine for Filtered {
    fn scan(&mut self, log: &[u8], pairs: &mut Pairs) {
        for (start, line) in lines(log) {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            for (number, regex) in self.regexes.matching(line) {
                let Some(found) = regex.captures(line) else { continue };
                let named = self.names[number].iter().zip(found.iter());
                let captures = named
                    .filter_map(|(name, value)| Some((name.as_deref()?, Cow::Borrowed(value?.as_str().as_bytes()))));
                pairs.captured(start, || number, captures);
            }
        }
    }
}
