//! Heinzel's own matcher. The only place of the bench that knows its interface.

use std::borrow::Cow;

use anyhow::Context as _;
use heinzel_core::rule::Rule;
use heinzel_matching::{Borders, Hit, Matcher, Names, PatternId, View};

use super::engine::{Engine, Pairs, blocks};
use crate::rules::number;

/// The matcher, as a source asks it.
pub struct Ours {
    view: View,
}

impl Ours {
    /// Builds it as the daemon does.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> anyhow::Result<Self> {
        Ok(Self::of(&Matcher::new(rules).context("build heinzel's matcher")?))
    }

    /// The same without SIMD, whatever the processor has.
    pub fn scalar<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> anyhow::Result<Self> {
        // The place for `Matcher::scalar`, once the matcher has two paths.
        let _ = Self::new(rules)?;
        anyhow::bail!("the matcher has no switch for its scalar path yet")
    }

    /// What a reload costs after one of the rules has changed: everything up to the new view.
    pub fn reload(&mut self, rules: &[Rule]) -> anyhow::Result<()> {
        // The place for `Matcher::rebuild`, once there is one that keeps what has not changed.
        *self = Self::new(rules)?;
        Ok(())
    }

    fn of(matcher: &Matcher) -> Self {
        Self { view: matcher.view("bench", None) }
    }

    /// The lines of a block that may match, with the patterns: where each stands in the block.
    pub fn candidates(&self, block: &[u8], mut told: impl FnMut(std::ops::Range<usize>, &[PatternId])) {
        self.view.scan(block, Borders::Lines, &mut told);
    }

    /// Which of the patterns match the message.
    pub fn hits(&self, candidates: &[PatternId], message: &str, names: &Names<'_>, mut told: impl FnMut(&Hit<'_, '_>)) {
        self.view.find(candidates, message, names, &mut told);
    }
}

/// The named groups of a hit, as bytes.
pub fn captures<'m, 't>(hit: &Hit<'m, 't>) -> impl Iterator<Item = (&'m str, Cow<'t, [u8]>)> {
    hit.captures().map(|(name, value)| match value {
        Cow::Borrowed(text) => (name, Cow::Borrowed(text.as_bytes())),
        Cow::Owned(text) => (name, Cow::Owned(text.into_bytes())),
    })
}

impl Engine for Ours {
    fn scan(&mut self, log: &[u8], pairs: &mut Pairs) {
        for (start, block) in blocks(log) {
            self.candidates(block, |range, candidates| {
                let line = start + range.start;
                let text = String::from_utf8_lossy(&block[range]);
                self.hits(candidates, &text, &Names::default(), |hit| {
                    pairs.captured(line, || number(hit.rule), captures(hit));
                });
            });
        }
    }
}
