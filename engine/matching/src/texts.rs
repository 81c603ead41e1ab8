//! The texts that are searched for, in one piece of memory.

use crate::PatternId;
use crate::literal::{FOLD, Unit, byte};

/// A text's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TextId(pub(crate) u32);

/// Whether two texts of one length are the same. They are short, and mostly the same: a call of `memcmp` costs more.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let eight = |text: &[u8], at: usize| text[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
    let length = one.len().min(other.len());
    if length < 8 {
        return one.iter().zip(other).all(|(a, b)| a == b);
    }
    let mut at = 0;
    while at + 8 < length {
        if eight(one, at) != eight(other, at) {
            return false;
        }
        at += 8;
    }
    // The last eight overlap those before.
    eight(one, length - 8) == eight(other, length - 8)
}

/// All texts, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    /// By byte: 0x20 where a letter stands for both cases.
    folds: Vec<u8>,
    texts: Vec<Place>,
    /// By text: the patterns that need it (or another of their set).
    owners: Vec<PatternId>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    length: u16,
    folds: bool,
    owners: (u32, u32),
}

impl Texts {
    /// Takes a text in.
    pub(crate) fn push(&mut self, text: &[Unit]) -> TextId {
        let id = TextId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(Place {
            start: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            length: u16::try_from(text.len()).unwrap_or(u16::MAX),
            folds: text.iter().any(|unit| unit & FOLD != 0),
            owners: (0, 0),
        });
        self.bytes.extend(text.iter().map(|unit| byte(*unit)));
        self.folds.extend(text.iter().map(|unit| if unit & FOLD == 0 { 0 } else { 0x20 }));
        id
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.texts.len()).unwrap_or(u32::MAX)
    }

    /// Says whose the texts are: pairs of text and pattern, sorted.
    pub(crate) fn own(&mut self, pairs: &[(TextId, PatternId)]) {
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let start = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
            self.owners.extend(group.iter().map(|(_, owner)| *owner));
            let end = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
            self.texts[group[0].0.0 as usize].owners = (start, end);
        }
    }

    #[inline]
    fn range(&self, id: TextId) -> (std::ops::Range<usize>, bool) {
        let place = self.texts[id.0 as usize];
        let start = place.start as usize;
        (start..start + usize::from(place.length), place.folds)
    }

    /// Its bytes; of letters that stand for both cases the small one.
    pub(crate) fn bytes(&self, id: TextId) -> &[u8] {
        &self.bytes[self.range(id).0]
    }

    /// Its length, in bytes.
    #[inline]
    pub(crate) fn length(&self, id: TextId) -> usize {
        usize::from(self.texts[id.0 as usize].length)
    }

    /// The patterns that need it.
    #[inline]
    pub(crate) fn owners(&self, id: TextId) -> &[PatternId] {
        let (start, end) = self.texts[id.0 as usize].owners;
        &self.owners[start as usize..end as usize]
    }

    /// Whether the text stands at this place.
    #[inline]
    pub(crate) fn stands_at(&self, id: TextId, bytes: &[u8], start: usize) -> bool {
        let (range, folds) = self.range(id);
        let Some(there) = bytes.get(start..start + range.len()) else { return false };
        if !folds {
            return same(there, &self.bytes[range]);
        }
        let wanted = self.bytes[range.clone()].iter().zip(&self.folds[range]);
        there.iter().zip(wanted).all(|(byte, (wanted, fold))| byte | fold == *wanted)
    }
}
