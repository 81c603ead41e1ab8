//! Which grams of which text each pattern is searched by, and how far apart they are looked for.
//!
//! Start at [`choose`]. Only every `s`th position of a block is looked at. A text is met there at one of `s` alignments, and
//! for each of these one gram of `q` bytes is chosen that then stands at such a position: of the text's bytes 0, s, 2s, … one
//! for the first alignment, of 1, s + 1, … one for the second. A long stride leaves most of a block unread; a short one
//! serves shorter texts and leaves more grams to choose from, of which the rarest are taken. So all [`SHAPES`] are weighed
//! by what they would cost on this machine's logs. Of a text that is one or two bytes too short, or of which one alignment has
//! only grams that the logs are full of, a gram may stick out by one byte, which is then looked for in all its values.

use crate::literal::{self, LONGEST, Set, Unit};
use crate::rarity::{Piece, Rarity, is_digit};

/// What is weighed.
const SHAPES: [Shape; 12] = [
    Shape { stride: 17, gram: 8 },
    Shape { stride: 9, gram: 8 },
    Shape { stride: 5, gram: 8 },
    Shape { stride: 3, gram: 8 },
    Shape { stride: 7, gram: 6 },
    Shape { stride: 5, gram: 6 },
    Shape { stride: 4, gram: 6 },
    Shape { stride: 3, gram: 6 },
    Shape { stride: 3, gram: 5 },
    Shape { stride: 2, gram: 6 },
    Shape { stride: 2, gram: 4 },
    Shape { stride: 1, gram: 4 },
];

/// So many bytes are read at once, at most.
pub(crate) const READ: usize = 64;
/// How many bytes of a text [`Short`](crate::short::Short) looks for first.
pub(crate) const PIECE: usize = 4;
/// So many pieces can be searched for at once with vector instructions.
pub(crate) const PACKED: usize = 64;

// Measured on one machine; only their proportions matter.
/// Nanoseconds of a probe, and of one whose table does not fit the first cache.
const PROBE: (f32, f32) = (0.5, 0.8);
/// The same where sixteen positions are near to one another.
const NEAR: (f32, f32) = (0.4, 0.5);
/// Nanoseconds of a gram that the table cannot rule out.
const FALSE: f32 = 20.0;
/// Nanoseconds of a gram that is there: its texts are compared, of which a gram of four bytes has many.
const FOUND: (f32, f32) = (60.0, 40.0);
/// Nanoseconds a byte of a search for few short pieces: for one, and for each more.
const SHORT: (f32, f32) = (0.17, 0.005);
/// The same for more pieces than [`PACKED`].
const MANY_SHORT: f32 = 1.5;
/// So many patterns are enough to compare shapes by.
const SAMPLE: usize = 1_500;
/// What a gram costs that is looked for anyway, as a share of what a new one does.
const ANOTHER: f32 = 0.7;
/// How many values a byte has, cases alike: as many grams are looked for where one sticks out of its text.
const VALUES: usize = 128;
/// Of such a text four bytes are compared.
const SHORTEST_OUTSIDE: usize = 4;
/// So many grams may stick out of their texts where nothing else finds them, and as many where all else stands in many
/// lines: 640 KiB of entries each.
const MOST_OUTSIDE: usize = 256;
/// What a gram that sticks out costs, as a share of positions: all else must stand there more often.
const OUTSIDE: f32 = 3e-5;
/// What it costs, as a share of positions, that a gram has a digit inside, where sixteen stand near to one another: as long as
/// none has, no place of the log with a digit there needs to be looked up, which is every second.
const DIGIT: f32 = 1e-4;
/// What it costs that other patterns use the same gram: a line of theirs is a candidate of this one, too.
const SHARED: f32 = 2e-7;

/// How far apart is looked, and for how long grams; in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) stride: usize,
    pub(crate) gram: usize,
}

impl Shape {
    /// In how many bytes the grams at sixteen positions stand; `None`: in more than are read at once.
    pub(crate) fn sixteen(self) -> Option<usize> {
        Some(15 * self.stride + self.gram).filter(|bytes| *bytes <= READ)
    }

    /// How many grams of a text this long stick out of it by one byte; `None`: that is not enough.
    pub(crate) fn outside(self, length: usize) -> Option<usize> {
        let outside = (self.stride + self.gram - 1).saturating_sub(length);
        // One behind the text, and one before it; at a stride of one there is but one.
        let most = self.stride.min(2);
        (outside == 0 || outside <= most && length >= SHORTEST_OUTSIDE).then_some(outside)
    }
}

/// Where in a text its grams begin, one for each alignment, in bytes. Texts are shorter than 256 bytes.
pub(crate) type Offsets = Vec<i16>;

/// How one pattern is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// By these grams of the texts of this set.
    Grams { set: usize, offsets: Vec<Offsets> },
    /// By this set, which has too short a text for grams.
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
        let mut weigher = Weigher::new(rarity, shape, every);
        patterns.iter().step_by(every).for_each(|sets| drop(weigher.pick(sets)));
        weigher.cost()
    };
    let costs = SHAPES.map(|shape| (cost(shape), shape));
    let best = costs.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, shape)| shape);
    let shape = best.unwrap_or_else(|| unreachable!("there are shapes"));
    let mut weigher = Weigher::new(rarity, shape, 1);
    Choice { shape, picks: patterns.iter().map(|sets| weigher.pick(sets)).collect() }
}

/// Finds how patterns are searched for at least cost, one after the other, and knows what the earlier have taken.
pub(crate) struct Weigher<'a> {
    rarity: &'a Rarity,
    shape: Shape,
    /// There are so many times as many patterns like those that are picked.
    times: usize,
    /// By hash: how many texts use a gram.
    users: Vec<u8>,
    /// What share of positions shows a gram or a short piece, how many of them there are, and how many stick out.
    found: f32,
    grams: usize,
    /// Of those that must and those that need not.
    outside: [usize; 2],
    short_found: f32,
    shorts: usize,
}

impl<'a> Weigher<'a> {
    pub(crate) fn new(rarity: &'a Rarity, shape: Shape, times: usize) -> Self {
        let users = vec![0; 1 << 16];
        Self { rarity, shape, times, users, found: 0.0, grams: 0, outside: [0; 2], short_found: 0.0, shorts: 0 }
    }

    /// A pattern is searched for as before.
    pub(crate) fn keep(&mut self, pick: &Pick, sets: &[Set]) {
        let Pick::Grams { set, offsets } = pick else { return };
        let sticks_out = |at: i16, text: &[Unit]| at < 0 || at as usize + self.shape.gram > text.len();
        let of_text =
            |(text, offsets): (&Vec<Unit>, &Offsets)| offsets.iter().filter(|at| sticks_out(**at, text)).count();
        self.outside[self.need_not(sets)] += sets[*set].iter().zip(offsets).map(of_text).sum::<usize>();
    }

    /// Which limit applies to what sticks out: 1 where something else would find the pattern.
    fn need_not(&self, sets: &[Set]) -> usize {
        let fits = |set: &Set| set.iter().all(|text| self.shape.outside(text.len()) == Some(0));
        usize::from(sets.iter().any(fits))
    }

    /// How the next pattern is searched for.
    pub(crate) fn pick(&mut self, sets: &[Set]) -> Pick {
        let must = |set: &Set| set.iter().map(|text| self.shape.outside(text.len())).sum::<Option<usize>>();
        let need_not = self.need_not(sets);
        let mut best: Option<(f32, usize, usize, Vec<Grams>)> = None;
        for (number, set) in sets.iter().enumerate() {
            let Some(must) = must(set) else { continue };
            if must > 0 && !self.has_room(need_not, must) {
                continue;
            }
            let may = must == 0 && self.has_room(1, set.len() * self.shape.stride.min(2));
            let all: Vec<Grams> = set.iter().map(|text| self.best(text, may)).collect();
            let cost = all.iter().map(|grams| grams.cost).sum::<f32>();
            let outside = all.iter().map(|grams| grams.outside).sum();
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, outside, number, all));
            }
        }
        if let Some((_, outside, set, all)) = best {
            self.outside[need_not] += outside;
            self.grams += sets[set].len() * self.shape.stride + outside * (VALUES - 1);
            for (text, Grams { offsets, .. }) in sets[set].iter().zip(&all) {
                let text = Plain::of(text);
                for at in offsets {
                    let gram = text.gram(*at, self.shape.gram);
                    let users = &mut self.users[gram.slot()];
                    self.found += share(gram, self.rarity) * (1.0 + f32::from(*users));
                    *users = users.saturating_add(1);
                }
            }
            return Pick::Grams { set, offsets: all.into_iter().map(|grams| grams.offsets).collect() };
        }
        let least = |text: &Vec<Unit>| piece(text, PIECE.min(text.len()), self.rarity).1;
        let short = sets.iter().map(|set| set.iter().map(least).sum::<f32>()).enumerate();
        match short.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((set, cost)) => {
                self.short_found += cost;
                self.shorts += sets[set].len();
                Pick::Short { set }
            }
            None => Pick::Weak,
        }
    }

    /// Whether so many more grams may stick out of their texts.
    fn has_room(&self, need_not: usize, outside: usize) -> bool {
        (self.outside[need_not] + outside) * self.times <= MOST_OUTSIDE
    }

    /// The best gram for each alignment of a text; `may`: also of those that stick out where others would do.
    fn best(&self, text: &[Unit], may: bool) -> Grams {
        let Shape { stride, gram } = self.shape;
        let text = Plain::of(text);
        let inside = (text.length + 1).saturating_sub(gram);
        let digit = if self.shape.sixteen().is_some() { DIGIT } else { 0.0 };
        let cost_of =
            |at: i16| self.cost_of(text.gram(at, gram)) + if text.has_digit_inside(at, gram) { digit } else { 0.0 };
        let mut best = Grams { offsets: Vec::with_capacity(stride), cost: 0.0, outside: 0 };
        for alignment in 0..stride {
            let all = (alignment..inside).step_by(stride).map(|at| (at as i16, cost_of(at as i16), 0));
            let least = all.min_by(|a, b| a.1.total_cmp(&b.1));
            // One that ends behind the text, or begins before it: met there, the text is not at the block's very beginning.
            let behind = (alignment == inside % stride).then_some(inside as i16);
            let before = (alignment == stride - 1 && stride > 1).then_some(-1);
            let stick_out = behind.into_iter().chain(before).map(|at| (at, cost_of(at) + OUTSIDE, 1));
            let others = stick_out.filter(|_| may || least.is_none());
            let least = least.into_iter().chain(others).min_by(|a, b| a.1.total_cmp(&b.1));
            let (at, cost, outside) =
                least.unwrap_or_else(|| unreachable!("the text is long enough: `Shape::outside`"));
            best.offsets.push(at);
            best.cost += cost;
            best.outside += outside;
        }
        best
    }

    fn cost_of(&self, gram: Piece) -> f32 {
        let users = f32::from(self.users[gram.slot()]);
        let new = if users == 0.0 { 1.0 } else { ANOTHER };
        share(gram, self.rarity) * new + SHARED * users
    }

    /// Nanoseconds a byte, roughly, when there are `times` as many patterns like those that were picked.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn cost(&self) -> f32 {
        let times = self.times;
        let (found, short_found) = (self.found * times as f32, self.short_found * times as f32);
        let (stride, grams) = (self.shape.stride as f32, (self.grams * times) as f32);
        let words = crate::grams::words_for(self.grams * times);
        let full = 1.0 - (-2.0 * grams / (32.0 * words as f32)).exp();
        let probe = if self.shape.sixteen().is_some() { NEAR } else { PROBE };
        let probe = if words > 1 << 13 { probe.1 } else { probe.0 };
        let each = if self.shape.gram == 4 { FOUND.0 } else { FOUND.1 };
        let mut cost = short_found * FOUND.0;
        if self.grams > 0 {
            cost += (probe + full * full * FALSE + found * each) / stride;
        }
        if self.shorts > 0 {
            let shorts = self.shorts * times;
            cost += if shorts <= PACKED { SHORT.0 + SHORT.1 * shorts as f32 } else { MANY_SHORT };
        }
        cost
    }
}

/// The grams of a text.
struct Grams {
    offsets: Offsets,
    cost: f32,
    /// How many of them stick out.
    outside: usize,
}

/// The bytes of a text, with zeros behind.
struct Plain {
    bytes: [u8; LONGEST + 8],
    length: usize,
}

impl Plain {
    fn of(text: &[Unit]) -> Self {
        let mut bytes = [0; LONGEST + 8];
        bytes.iter_mut().zip(text).for_each(|(byte, unit)| *byte = literal::byte(*unit));
        Self { bytes, length: text.len() }
    }

    /// What of the gram at this place is in the text.
    fn gram(&self, at: i16, gram: usize) -> Piece {
        let (begin, end) = (at.max(0) as usize, (i32::from(at) + gram as i32) as usize);
        let eight = self.bytes[begin..].first_chunk().copied().unwrap_or_default();
        Piece::new(eight, end.min(self.length) - begin)
    }

    /// Whether one of the four bytes behind the first of the gram at this place is a digit: by these, places of the log are
    /// left out.
    fn has_digit_inside(&self, at: i16, gram: usize) -> bool {
        let first = (at + 1) as usize;
        self.bytes[first..first + 4.min(gram - 1)].iter().copied().any(is_digit)
    }
}

/// Where the rarest `length` bytes (3 or 4) of a text begin, and what share of positions shows them.
pub(crate) fn piece(text: &[Unit], length: usize, rarity: &Rarity) -> (usize, f32) {
    let text = Plain::of(text);
    let shares = (0..=text.length - length).map(|at| (at, share(text.gram(at as i16, length), rarity)));
    shares.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 1.0))
}

/// What share of positions shows these bytes.
fn share(piece: Piece, rarity: &Rarity) -> f32 {
    // Of three bytes nothing is known: as if each were one of twenty.
    if piece.length <= 3 { 1.0 / 8000.0 } else { rarity.share(piece) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(patterns: &[&str]) -> Vec<Vec<Set>> {
        patterns.iter().map(|p| literal::required(&heinzel_core::pattern::parse(p).unwrap())).collect()
    }

    fn chosen(patterns: &[&str]) -> Choice {
        let texts = texts(patterns);
        choose(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), &Rarity::built_in())
    }

    #[test]
    fn few_long_texts_are_looked_for_far_apart() {
        let choice = chosen(&["server reached max_children setting", "Out of memory: Killed process"]);
        assert!(choice.shape.stride >= 7, "{choice:?}");
        assert!(choice.picks.iter().all(|pick| matches!(pick, Pick::Grams { set: 0, .. })), "{choice:?}");
    }

    #[test]
    fn one_short_text_does_not_bring_all_near() {
        let choice = chosen(&["server reached max_children setting", r"\doom\d", r"\d+"]);
        assert!(choice.shape.stride >= 7, "{choice:?}");
        assert_eq!(choice.picks[1..], [Pick::Short { set: 0 }, Pick::Weak]);
    }

    #[test]
    fn a_short_rare_text_is_better_than_a_longer_one_of_many_lines() {
        let mut rarity = Rarity::built_in();
        rarity.learn(&b"Nov 23 12:00:00 web1 kernel: [12345.678] eth0: link becomes ready\n".repeat(20_000));
        let sets = &texts(&[r" kernel(?:\[\d+\])?: DMI \d"])[0];
        assert_eq!(sets.iter().map(|set| set[0].len()).collect::<Vec<_>>(), [7, 6]);
        let shape = Shape { stride: 2, gram: 6 };
        assert_eq!(sets.iter().map(|set| shape.outside(set[0].len())).collect::<Vec<_>>(), [Some(0), Some(1)]);
        let picked = |rarity: &Rarity| Weigher::new(rarity, shape, 1).pick(sets);
        assert!(
            matches!(picked(&rarity), Pick::Grams { set: 1, .. }),
            "what sticks out costs less than all those lines"
        );
        let mut rarity = Rarity::built_in();
        rarity.learn(&b"Nov 23 12:00:00 web1 dhcpd: DHCPACK on 10.0.0.1\n".repeat(20_000));
        assert!(matches!(picked(&rarity), Pick::Grams { set: 0, .. }), "where both are rare, none sticks out");
    }

    #[test]
    fn of_each_alignment_a_gram_is_chosen_also_one_that_sticks_out() {
        let mut rarity = Rarity::built_in();
        rarity.learn(&b"the instance of many containers has an instance; ".repeat(20_000));
        let text = |text: &str| vec![text.bytes().map(Unit::from).collect::<Vec<_>>()];
        let sets = [text(" instance="), text("(container)"), text("4.7.0 instance"), text("instance")];
        let mut outside = 0;
        for shape in SHAPES {
            for set in &sets {
                let Pick::Grams { offsets, .. } = Weigher::new(&rarity, shape, 1).pick(std::slice::from_ref(set))
                else {
                    continue;
                };
                let (stride, inside) = (shape.stride as i16, (set[0].len() + 1) as i16 - shape.gram as i16);
                for (alignment, at) in (0..).zip(&offsets[0]) {
                    assert_eq!(at.rem_euclid(stride), alignment, "{shape:?} {set:?} {offsets:?}");
                    assert!((-1..=inside).contains(at) && (*at >= 0 || stride > 1), "{shape:?} {set:?} {offsets:?}");
                    outside += usize::from(*at == -1 || *at == inside);
                }
            }
        }
        assert!(outside > 10, "{outside}");
        let shape = Shape { stride: 2, gram: 6 };
        let picked = Weigher::new(&rarity, shape, 1).pick(&sets[..1]);
        // All that is in ` instance=` but its end is in many of those lines.
        assert_eq!(
            picked,
            Pick::Grams { set: 0, offsets: vec![vec![4, 5]] },
            "`tance=` and `ance=` with any byte behind"
        );
    }

    #[test]
    fn what_sticks_out_of_kept_picks_counts() {
        let mut rarity = Rarity::built_in();
        rarity.learn(&b"the instance of many containers has an instance; ".repeat(20_000));
        let (set, shape) =
            (vec![" instance=".bytes().map(Unit::from).collect::<Vec<_>>()], Shape { stride: 2, gram: 6 });
        let mut weigher = Weigher::new(&rarity, shape, 1);
        let pick = weigher.pick(std::slice::from_ref(&set));
        let taken = weigher.outside[1];
        assert!(taken > 0, "{pick:?}");
        let mut weigher = Weigher::new(&rarity, shape, 1);
        (0..MOST_OUTSIDE / taken).for_each(|_| weigher.keep(&pick, std::slice::from_ref(&set)));
        assert_ne!(weigher.pick(std::slice::from_ref(&set)), pick, "there is no room for one more");
        // What must stick out has room of its own.
        let short = vec![" START".bytes().map(Unit::from).collect::<Vec<_>>()];
        let pick = weigher.pick(std::slice::from_ref(&short));
        assert!(matches!(pick, Pick::Grams { .. }) && weigher.outside[0] == 1, "{pick:?}");
        weigher.keep(&pick, std::slice::from_ref(&short));
        assert_eq!(weigher.outside, [2, MOST_OUTSIDE / taken * taken]);
    }

    #[test]
    fn the_rarest_gram_of_each_alignment_is_taken_and_then_another() {
        let mut rarity = Rarity::built_in();
        rarity.learn(&include_bytes!("typical.log").repeat(100));
        let shape = Shape { stride: 3, gram: 6 };
        let mut weigher = Weigher::new(&rarity, shape, 1);
        let unit = |text: &str| text.bytes().map(Unit::from).collect::<Vec<_>>();
        let sets = [vec![unit("session opened for user zyxwvuts by")]];
        let mut take = || match weigher.pick(&sets) {
            Pick::Grams { set: 0, offsets } => offsets[0].clone(),
            other => panic!("{other:?}"),
        };
        let first = take();
        for (alignment, at) in first.iter().map(|at| *at as usize).enumerate() {
            assert_eq!(at % 3, alignment, "each alignment has its gram");
            let shown: String = sets[0][0][at..at + 6].iter().map(|u| char::from(*u as u8)).collect();
            assert!(shown.contains(['z', 'y', 'x', 'w', 'v']), "{shown}");
        }
        assert_ne!(take(), first, "a second user of the same text looks elsewhere");
    }
}
