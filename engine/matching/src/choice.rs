//! Which piece of which text each pattern is searched by, and how long the pieces are.
//!
//! Start at [`choose`]. A window of `w` bytes shows one of its `w - q + 1` grams of `q` bytes at every `w - q + 1`th position:
//! long windows let most of a block unread, short ones are in more texts and have fewer grams, which can be rarer. So all
//! [`SHAPES`] are weighed by what they would cost on this machine's logs.

use crate::literal::{Set, Unit};
use crate::rarity::Rarity;

/// Window and gram lengths, in bytes. Grams are of the lengths that [`Rarity`] counts.
const SHAPES: [Shape; 10] = [
    Shape { window: 24, gram: 8 },
    Shape { window: 16, gram: 8 },
    Shape { window: 12, gram: 8 },
    Shape { window: 10, gram: 8 },
    Shape { window: 12, gram: 6 },
    Shape { window: 10, gram: 6 },
    Shape { window: 8, gram: 6 },
    Shape { window: 7, gram: 6 },
    Shape { window: 5, gram: 4 },
    Shape { window: 4, gram: 4 },
];

/// How many bytes of a text [`Short`](crate::short::Short) looks for first.
pub(crate) const PIECE: usize = 4;
/// So many pieces can be searched for at once with vector instructions.
pub(crate) const PACKED: usize = 64;

// Measured on one machine; only their proportions matter.
/// Nanoseconds of a probe, and of one whose table does not fit the first cache.
const PROBE: (f32, f32) = (1.0, 1.4);
/// Nanoseconds of a gram that the table cannot rule out.
const FALSE: f32 = 8.0;
/// Nanoseconds of a gram that is there: its texts are compared, of which a gram of four bytes has many.
const FOUND: (f32, f32) = (60.0, 20.0);
/// Nanoseconds a byte of a search for few and for many short pieces.
const SHORT: (f32, f32) = (0.15, 1.5);
/// So many patterns are enough to compare shapes by.
const SAMPLE: usize = 1_500;
/// What a gram costs that is looked for anyway, as a share of what a new one does.
const ANOTHER: f32 = 0.7;
/// What it costs that other patterns use the same gram: a line of theirs is a candidate of this one, too.
const SHARED: f32 = 2e-7;

/// Window and gram length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) window: usize,
    pub(crate) gram: usize,
}

impl Shape {
    /// Every so many bytes is one probe. So many grams of a window are looked for.
    pub(crate) fn stride(self) -> usize {
        self.window - self.gram + 1
    }
}

/// How one pattern is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// By windows of this set of its texts, one of each, which begin there.
    Windows { set: usize, at: Vec<usize> },
    /// By this set, which has too short a text for a window.
    Short { set: usize },
    /// Not at all: there is nothing to search for.
    Weak,
}

/// A weighed shape.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) shape: Shape,
    /// By pattern, as given.
    pub(crate) picks: Vec<Pick>,
}

/// Weighs all shapes. `patterns`: the required texts of each.
pub(crate) fn choose(patterns: &[&[Set]], rarity: &Rarity) -> Choice {
    // Of very many patterns some say which shape is best.
    let every = (patterns.len() / SAMPLE).max(1);
    let cost = |shape: Shape| {
        let mut weigher = Weigher::new(rarity, shape);
        patterns.iter().step_by(every).for_each(|sets| drop(weigher.pick(sets)));
        weigher.cost(every)
    };
    let costs = SHAPES.map(|shape| (cost(shape), shape));
    let best = costs.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, shape)| shape);
    let shape = best.unwrap_or_else(|| unreachable!("there are shapes"));
    let mut weigher = Weigher::new(rarity, shape);
    Choice { shape, picks: patterns.iter().map(|sets| weigher.pick(sets)).collect() }
}

/// Finds how patterns are searched for at least cost, one after the other, and knows what the earlier have taken.
pub(crate) struct Weigher<'a> {
    rarity: &'a Rarity,
    shape: Shape,
    /// By hash: how many windows use a gram.
    users: Vec<u8>,
    /// Scratch: the cost of the gram that begins at each byte.
    costs: Vec<f32>,
    /// What share of positions shows a gram or a short piece, and how many of them there are.
    found: f32,
    grams: usize,
    short_found: f32,
    shorts: usize,
}

impl<'a> Weigher<'a> {
    pub(crate) fn new(rarity: &'a Rarity, shape: Shape) -> Self {
        let (users, costs) = (vec![0; 1 << 16], Vec::new());
        Self { rarity, shape, users, costs, found: 0.0, grams: 0, short_found: 0.0, shorts: 0 }
    }

    /// How the next pattern is searched for.
    pub(crate) fn pick(&mut self, sets: &[Set]) -> Pick {
        let mut best: Option<(f32, usize, Vec<usize>)> = None;
        for (number, set) in sets.iter().enumerate() {
            if set.iter().any(|text| text.len() < self.shape.window) {
                continue;
            }
            let windows: Vec<(usize, f32)> = set.iter().map(|text| self.best(text)).collect();
            let cost = windows.iter().map(|(_, cost)| cost).sum();
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, number, windows.into_iter().map(|(at, _)| at).collect()));
            }
        }
        if let Some((_, set, at)) = best {
            for (text, at) in sets[set].iter().zip(&at) {
                self.grams += self.shape.stride();
                for gram in text[*at..at + self.shape.window].windows(self.shape.gram) {
                    let bytes = bytes_of(gram);
                    let users = &mut self.users[slot(&bytes)];
                    self.found += self.rarity.share(&bytes[..gram.len()]) * (1.0 + f32::from(*users));
                    *users = users.saturating_add(1);
                }
            }
            return Pick::Windows { set, at };
        }
        let share = |text: &Vec<Unit>| piece(text, PIECE.min(text.len()), self.rarity).1;
        let short = sets.iter().map(|set| set.iter().map(share).sum::<f32>()).enumerate();
        match short.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((set, cost)) => {
                self.short_found += cost;
                self.shorts += sets[set].len();
                Pick::Short { set }
            }
            None => Pick::Weak,
        }
    }

    /// Where the best window of a text of at least its length begins, and what it costs.
    fn best(&mut self, text: &[Unit]) -> (usize, f32) {
        let Shape { window, gram } = self.shape;
        self.costs.clear();
        for bytes in text.windows(gram) {
            let bytes = bytes_of(bytes);
            let users = f32::from(self.users[slot(&bytes)]);
            let new = if users == 0.0 { 1.0 } else { ANOTHER };
            self.costs.push(self.rarity.share(&bytes[..gram]) * new + SHARED * users);
        }
        let sums = self.costs.windows(window - gram + 1).map(|costs| costs.iter().sum::<f32>());
        sums.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 1.0))
    }

    /// Nanoseconds a byte, roughly, when there are `times` as many patterns like those that were picked.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn cost(&self, times: usize) -> f32 {
        let (found, short_found) = (self.found * times as f32, self.short_found * times as f32);
        let (stride, grams) = (self.shape.stride() as f32, (self.grams * times) as f32);
        let words = crate::grams::words_for(self.grams * times);
        let full = 1.0 - (-2.0 * grams / (32.0 * words as f32)).exp();
        let probe = if words > 1 << 13 { PROBE.1 } else { PROBE.0 };
        let each = if self.shape.gram == 4 { FOUND.0 } else { FOUND.1 };
        let mut cost = short_found * FOUND.0;
        if self.grams > 0 {
            cost += (probe + full * full * FALSE + found * each) / stride;
        }
        if self.shorts > 0 {
            cost += if self.shorts * times <= PACKED { SHORT.0 } else { SHORT.1 };
        }
        cost
    }
}

/// Where the rarest `length` bytes (3 or 4) of a text begin, and what share of positions shows them.
pub(crate) fn piece(text: &[Unit], length: usize, rarity: &Rarity) -> (usize, f32) {
    let share = |piece: &[Unit]| match piece.len() {
        // Of three bytes nothing is known: as if each were one of twenty.
        ..=3 => 1.0 / 8000.0,
        _ => rarity.share(&bytes_of(piece)[..4]),
    };
    let shares = text.windows(length).map(share).enumerate();
    shares.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 1.0))
}

/// Up to eight bytes of a text, with zeros behind.
fn bytes_of(units: &[Unit]) -> [u8; 8] {
    std::array::from_fn(|at| units.get(at).map_or(0, |unit| (unit & 0xff) as u8))
}

fn slot(gram: &[u8; 8]) -> usize {
    let folded = u64::from_le_bytes(*gram) | 0x2020_2020_2020_2020;
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(patterns: &[&str]) -> Vec<Vec<Set>> {
        patterns.iter().map(|p| crate::literal::required(&heinzel_core::pattern::parse(p).unwrap())).collect()
    }

    fn chosen(patterns: &[&str]) -> Choice {
        let texts = texts(patterns);
        choose(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), &Rarity::built_in())
    }

    #[test]
    fn few_long_texts_are_searched_by_long_windows() {
        let choice = chosen(&["server reached max_children setting", "Out of memory: Killed process"]);
        assert!(choice.shape.window >= 16, "{choice:?}");
        assert!(choice.picks.iter().all(|pick| matches!(pick, Pick::Windows { set: 0, .. })), "{choice:?}");
    }

    #[test]
    fn one_short_text_does_not_make_all_windows_short() {
        let choice = chosen(&["server reached max_children setting", r"\d oom \d", r"\d+"]);
        assert!(choice.shape.window >= 16, "{choice:?}");
        assert_eq!(choice.picks[1..], [Pick::Short { set: 0 }, Pick::Weak]);
    }

    #[test]
    fn the_rarest_piece_is_taken_and_then_another() {
        let mut rarity = Rarity::built_in();
        rarity.learn(&include_bytes!("typical.log").repeat(100));
        let shape = Shape { window: 8, gram: 6 };
        let mut weigher = Weigher::new(&rarity, shape);
        let unit = |text: &str| text.bytes().map(Unit::from).collect::<Vec<_>>();
        let sets = [vec![unit("session opened for user zyxwvuts by")]];
        let mut take = || match weigher.pick(&sets) {
            Pick::Windows { set: 0, at } => at[0],
            other => panic!("{other:?}"),
        };
        let first = take();
        let shown: String = sets[0][0][first..first + 8].iter().map(|u| char::from(*u as u8)).collect();
        assert!(shown.contains('y') && shown.contains('z'), "{shown}");
        assert_ne!(take(), first, "a second user of the same text looks elsewhere");
    }
}
