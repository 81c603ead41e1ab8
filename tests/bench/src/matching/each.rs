//! The sequential reference: every rule's pattern on every line, one after the other.

use std::borrow::Cow;

use heinzel_core::pattern;
use regex::bytes::{CaptureLocations, Regex};

use super::engine::{Engine, Pairs, lines};

/// All patterns, compiled as the engine compiles them.
pub struct Each(Vec<Compiled>);

/// A pattern with room for its captures.
pub struct Compiled {
    regex: Regex,
    names: Vec<Option<String>>,
    locations: CaptureLocations,
}

impl Compiled {
    /// Compiles it.
    pub fn new(text: &str) -> anyhow::Result<Self> {
        let regex = pattern::compile(text)?;
        let names = regex.capture_names().map(|name| name.map(str::to_owned)).collect();
        Ok(Self { names, locations: regex.capture_locations(), regex })
    }

    /// Tells the pair when the pattern, of this number, matches the line.
    pub fn ask(&mut self, number: usize, start: usize, line: &[u8], pairs: &mut Pairs) {
        if self.regex.captures_read(&mut self.locations, line).is_none() {
            return;
        }
        let captures = self.names.iter().enumerate().filter_map(|(group, name)| {
            let (from, to) = self.locations.get(group)?;
            Some((name.as_deref()?, Cow::Borrowed(&line[from..to])))
        });
        pairs.captured(start, || number, captures);
    }
}

impl Each {
    /// Compiles all patterns.
    pub fn new(patterns: &[String]) -> anyhow::Result<Self> {
        Ok(Self(patterns.iter().map(|text| Compiled::new(text)).collect::<anyhow::Result<_>>()?))
    }
}

impl Engine for Each {
    fn scan(&mut self, log: &[u8], pairs: &mut Pairs) {
        for (start, line) in lines(log) {
            for (number, pattern) in self.0.iter_mut().enumerate() {
                pattern.ask(number, start, line, pairs);
            }
        }
    }
}
