//! Heinzel's own matcher. The only place of the bench that knows its interface.

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::Context as _;
use heinzel_core::parse;
use heinzel_core::rule::Rule;
use heinzel_matching::{Borders, Hit, Matcher, Message, Names, PatternId, Rarity, View, Width};

use super::engine::{Engine, Pairs, blocks};
use crate::rules::number;

/// The matcher, as a source asks it.
pub struct Ours {
    matcher: Matcher,
    view: View,
    rarity: Arc<Rarity>,
}

/// How much of a machine's logs is known before the first line, in bytes of each.
const LEARNED: usize = 2_000_000;

/// What the ends of these logs teach; nothing of them: what the engine knows by itself.
pub fn learned<'a>(logs: impl IntoIterator<Item = &'a [u8]>) -> Arc<Rarity> {
    let mut rarity = Rarity::built_in();
    logs.into_iter().for_each(|log| rarity.learn(&log[log.len().saturating_sub(LEARNED)..]));
    Arc::new(rarity)
}

impl Ours {
    /// Builds it as the daemon does, for records that are messages.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>, rarity: &Arc<Rarity>) -> anyhow::Result<Self> {
        let matcher = Matcher::default().rebuilt(rules, Arc::clone(rarity)).context("build heinzel's matcher")?;
        Ok(Self::of(matcher, rarity))
    }

    /// The same with so many positions side by side at most, whatever the processor can.
    pub fn at_width(&self, width: Width) -> Self {
        Self::of(self.matcher.at_width(width), &self.rarity)
    }

    /// What a reload costs after one of the rules has changed: everything up to the new view. Gives what was before.
    pub fn reload(&mut self, rules: &[Rule]) -> anyhow::Result<Self> {
        let matcher = self.matcher.rebuilt(rules, Arc::clone(&self.rarity)).context("build heinzel's matcher again")?;
        let new = Self::of(matcher, &self.rarity);
        Ok(std::mem::replace(self, new))
    }

    fn of(matcher: Matcher, rarity: &Arc<Rarity>) -> Self {
        let view = matcher.view("bench", None).with_message(Message::Whole);
        Self { matcher, view, rarity: Arc::clone(rarity) }
    }

    /// For records of which the message is a part.
    pub fn with_headers(self) -> Self {
        Self { view: self.view.with_message(Message::Part), ..self }
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
    fn version(&self) -> Option<String> {
        Some(self.matcher.describe())
    }

    fn scan(&mut self, log: &[u8], pairs: &mut Pairs) {
        for (start, block) in blocks(log) {
            self.candidates(block, |range, candidates| {
                let line = start + range.start;
                let text = parse::text(&block[range]);
                self.hits(candidates, &text, &Names::default(), |hit| {
                    pairs.captured(line, || number(hit.rule), captures(hit));
                });
            });
        }
    }
}
