//! What is searched for in one pass, and how: made from the patterns that one or more sources want.

use std::sync::{Arc, OnceLock};

use regex_syntax::hir::Hir;

use crate::choice::{Choice, Pick, Shape, Weigher, choose};
use crate::grams::Grams;
use crate::needs::Needs;
use crate::rarity::Rarity;
use crate::scan::{Borders, Message};
use crate::short::Short;
use crate::simd::Width;
use crate::texts::{TextId, Texts};
use crate::weak::Weak;
use crate::{BuildError, PatternId};

/// A search for the texts of some patterns.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) texts: Texts,
    grams: Option<Grams>,
    short: Option<Short>,
    pub(crate) weak: Vec<PatternId>,
    /// The texts, all empty, that stand for the weak patterns, from this one on.
    weak_texts: u32,
    weak_hirs: Vec<Hir>,
    /// By [`Message`]: made when first needed.
    weak_search: [OnceLock<Weak>; 3],
    width: Width,
    pub(crate) shape: Option<Shape>,
}

/// A pattern to be searched for.
pub(crate) struct Wanted<'a> {
    pub(crate) id: PatternId,
    pub(crate) text: &'a str,
    pub(crate) needs: &'a Needs,
}

impl Plan {
    /// The search for these patterns, as these logs advise, and how each of them is searched for. `fixed`: how
    /// far apart is looked and for what, where it is known already.
    ///
    /// # Errors
    /// When there are too many short texts.
    pub(crate) fn new(
        patterns: &[Wanted<'_>],
        rarity: &Rarity,
        fixed: Option<Shape>,
        width: Width,
    ) -> Result<(Self, Vec<Arc<Pick>>), BuildError> {
        let (shape, picks): (Shape, Vec<Arc<Pick>>) = match fixed {
            Some(shape) => {
                let mut weigher = Weigher::new(rarity, shape, 1);
                let kept: Vec<_> = patterns.iter().map(|wanted| wanted.needs.last(shape)).collect();
                for (wanted, pick) in patterns.iter().zip(&kept) {
                    pick.iter().for_each(|pick| weigher.keep(pick, &wanted.needs.sets));
                }
                let mut new = |wanted: &Wanted<'_>| Arc::new(weigher.pick(&wanted.needs.sets));
                let pick = |(wanted, kept): (_, Option<_>)| kept.unwrap_or_else(|| new(wanted));
                (shape, patterns.iter().zip(kept).map(pick).collect())
            }
            None => {
                let sets: Vec<_> = patterns.iter().map(|wanted| &*wanted.needs.sets).collect();
                let Choice { shape, picks } = choose(&sets, rarity);
                (shape, picks.into_iter().map(Arc::new).collect())
            }
        };
        let mut texts = Texts::default();
        let (mut grams, mut shorts, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        let mut weak = Vec::new();
        // Patterns that need the same text share it.
        let mut known = foldhash::HashMap::default();
        for (pattern, pick) in patterns.iter().zip(&picks) {
            let (set, offsets) = match &**pick {
                Pick::Grams { set, offsets } => (*set, Some(offsets)),
                Pick::Short { set } => (*set, None),
                Pick::Weak => {
                    weak.push(pattern);
                    continue;
                }
            };
            for (number, text) in pattern.needs.sets[set].iter().enumerate() {
                let id = *known.entry((text, offsets.is_none())).or_insert_with(|| {
                    let id = texts.push(text);
                    match offsets {
                        Some(offsets) => grams.push((id, &*offsets[number])),
                        None => shorts.push((id, text)),
                    }
                    id
                });
                owners.push((id, pattern.id));
            }
        }
        let weak_texts = texts.count();
        for pattern in &weak {
            owners.push((texts.push(&[]), pattern.id));
        }
        owners.sort_unstable();
        owners.dedup();
        texts.own(&owners);
        let short =
            if shorts.is_empty() { None } else { Some(Short::new(&shorts, rarity).map_err(BuildError::TooMany)?) };
        let plan = Self {
            grams: (!grams.is_empty()).then(|| Grams::new(shape, &grams, &texts)),
            short,
            texts,
            weak_hirs: weak.iter().filter_map(|pattern| heinzel_core::pattern::parse(pattern.text).ok()).collect(),
            weak: weak.iter().map(|pattern| pattern.id).collect(),
            weak_texts,
            weak_search: Default::default(),
            width,
            shape: Some(shape),
        };
        Ok((plan, picks))
    }

    /// In words, for people.
    pub(crate) fn describe(&self) -> String {
        let long = match (&self.grams, self.shape) {
            (Some(grams), Some(Shape { stride, gram })) => {
                format!("{} texts by grams of {gram} bytes, {stride} apart", grams.texts)
            }
            _ => "no long texts".to_owned(),
        };
        let short = self.short.as_ref().map_or(0, Short::count);
        format!("{long}, {short} short texts, {} patterns without a text", self.weak.len())
    }

    /// Tells where which texts stand in the block, in no particular order, each at least once.
    pub(crate) fn search(
        &self,
        bytes: &[u8],
        borders: Borders<'_>,
        message: Message,
        places: &mut Vec<usize>,
        hits: &mut Vec<(usize, TextId)>,
    ) {
        if let Some(grams) = &self.grams {
            grams.scan(bytes, &self.texts, self.width, places, hits);
        }
        if let Some(short) = &self.short {
            short.scan(bytes, &self.texts, hits);
        }
        if !self.weak.is_empty() {
            // A record that was told apart from others may hold line ends of its own.
            let weak =
                self.weak_search[message as usize].get_or_init(|| Weak::new(&self.weak_hirs, message, self.width));
            weak.scan(bytes, borders, &mut |at, pattern| {
                hits.push((at, TextId(self.weak_texts + u32::try_from(pattern).unwrap_or_default())));
            });
        }
    }
}
