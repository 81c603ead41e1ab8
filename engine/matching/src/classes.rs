//! Up to three neighbouring bytes, each of a class, that every match of a pattern without a text contains: `[0-9]%` of
//! `\d{2,3}%$`. They rule most records out at almost the speed of a text.
//!
//! Start at [`Classes::new`]; [`neighbours`] finds them in a pattern.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How many neighbours are looked at.
pub(crate) const NEIGHBOURS: usize = 3;
/// How many groups of patterns are told apart.
pub(crate) const GROUPS: usize = 8;
/// Neighbours that stand at a larger share of positions in usual logs rule too little out: half of the lines have them.
const COMMON: f32 = 0.005;

/// A set of ASCII bytes.
pub(crate) type Bytes = u128;
/// A row of sets.
type Row = Vec<Bytes>;

/// The rarest neighbours that every match contains, and how far behind its begin they stand, where that is always the same;
/// `None` where all are common.
pub(crate) fn neighbours(pattern: &Hir) -> Option<(Row, Option<usize>)> {
    let mut rows = Rows { is_begin: true, ..Rows::default() };
    rows.take(pattern);
    rows.end();
    let windows = rows.done.iter().flat_map(|(row, is_begin)| {
        let windows = row.windows(NEIGHBOURS.min(row.len())).enumerate();
        windows.map(move |(further, window)| (window, is_begin.then_some(further)))
    });
    let all = windows.map(|(row, at)| (share(row), row, at));
    let (share, best, at) = all.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (share <= COMMON).then(|| (best.to_vec(), at))
}

/// At what share of positions such a row stands in usual logs.
fn share(row: &[Bytes]) -> f32 {
    let usual = include_bytes!("typical.log");
    let fits = |bytes: &&[u8]| bytes.iter().zip(row).all(|(byte, set)| byte.is_ascii() && set >> byte & 1 == 1);
    let of = |count: usize| count as f32 / usual.len() as f32;
    let alone = |set: &Bytes| of(usual.iter().filter(|byte| byte.is_ascii() && set >> **byte & 1 == 1).count());
    // What does not stand in these few lines may in others.
    of(usual.windows(row.len()).filter(fits).count()) + 0.1 * row.iter().map(alone).product::<f32>()
}

/// Rows of sets that stand in every match without a gap.
#[derive(Default)]
struct Rows {
    /// With whether every match begins with it.
    done: Vec<(Row, bool)>,
    open: Row,
    /// Every match begins with what is open.
    is_begin: bool,
}

impl Rows {
    /// Something of any length comes next.
    fn end(&mut self) {
        let row = std::mem::take(&mut self.open);
        if !row.is_empty() {
            self.done.push((row, self.is_begin));
        }
        self.is_begin = false;
    }

    fn take(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => literal.0.iter().for_each(|byte| self.set(one(*byte))),
            HirKind::Class(class) => self.set(ascii(class)),
            HirKind::Capture(group) => self.take(&group.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.take(part)),
            // What stands in one of several need not stand in a match.
            HirKind::Alternation(_) => self.end(),
            HirKind::Repetition(repeat) if repeat.min == 0 => self.end(),
            HirKind::Repetition(repeat) => {
                let times = (repeat.min as usize).min(NEIGHBOURS);
                (0..times).for_each(|_| self.take(&repeat.sub));
                // More may stand between what was before and what comes behind.
                if repeat.max != Some(repeat.min) || repeat.min as usize > times {
                    self.end();
                    (0..times).for_each(|_| self.take(&repeat.sub));
                }
            }
        }
    }

    fn set(&mut self, set: Option<Bytes>) {
        match set {
            Some(set) => self.open.push(set),
            None => self.end(),
        }
    }
}

/// Bytes beyond ASCII say nothing: invalid UTF-8 is replaced in the message.
fn one(byte: u8) -> Option<Bytes> {
    byte.is_ascii().then(|| 1 << byte)
}

fn ascii(class: &Class) -> Option<Bytes> {
    let mut set = 0;
    match class {
        Class::Bytes(class) => {
            for byte in class.iter().flat_map(|range| range.start()..=range.end()) {
                set |= one(byte)?;
            }
        }
        Class::Unicode(class) => {
            for char in class.iter().flat_map(|range| range.start()..=range.end()) {
                set |= one(u8::try_from(char).ok()?)?;
            }
        }
    }
    Some(set)
}

/// Rows that are searched for together.
#[derive(Debug)]
pub(crate) struct Classes {
    /// By place in the row, then by byte: the groups whose row allows the byte there.
    exact: [[u8; 256]; NEIGHBOURS],
    /// By place: the groups whose rows have ended before.
    free: [u8; NEIGHBOURS],
    /// By place: the same by the low and the high half of a byte, which allows a little too much.
    pub(crate) halves: [[[u8; 16]; 2]; NEIGHBOURS],
}

impl Classes {
    /// A search for these rows.
    pub(crate) fn new(rows: &[Row]) -> Self {
        let mut all = Self { exact: [[0; 256]; NEIGHBOURS], free: [0; NEIGHBOURS], halves: [[[0; 16]; 2]; NEIGHBOURS] };
        for (number, row) in rows.iter().enumerate() {
            let group = 1 << (number % GROUPS);
            for place in 0..NEIGHBOURS {
                for byte in 0..=u8::MAX {
                    let allowed = row.get(place).is_none_or(|set| byte.is_ascii() && set >> byte & 1 == 1);
                    if allowed {
                        all.exact[place][usize::from(byte)] |= group;
                        all.halves[place][0][usize::from(byte & 15)] |= group;
                        all.halves[place][1][usize::from(byte >> 4)] |= group;
                    }
                }
                if row.len() <= place {
                    all.free[place] |= group;
                }
            }
        }
        all
    }

    /// Whether a row may begin here.
    #[inline]
    pub(crate) fn begins(&self, bytes: &[u8], at: usize) -> bool {
        self.groups(bytes, at) != 0
    }

    /// By bit: the groups of which a row may begin here. The `n`th row is of group `n % GROUPS`.
    #[inline]
    pub(crate) fn groups(&self, bytes: &[u8], at: usize) -> u8 {
        let allowed = |place: usize| match bytes.get(at + place) {
            Some(byte) => self.exact[place][usize::from(*byte)],
            None => self.free[place],
        };
        allowed(0) & allowed(1) & allowed(2)
    }

    /// The first place from `at` on where a row begins.
    pub(crate) fn find(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let [first, second, third] = &self.exact;
        let mut at = at;
        while let Some([a, b, c, ..]) = bytes.get(at..).filter(|rest| rest.len() >= NEIGHBOURS) {
            if first[usize::from(*a)] & second[usize::from(*b)] & third[usize::from(*c)] != 0 {
                return Some(at);
            }
            at += 1;
        }
        (at..bytes.len()).find(|at| self.begins(bytes, *at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Width, find};
    use proptest::prelude::*;

    fn check(pattern: &str, expected: Option<&[&str]>) {
        let found = neighbours(&heinzel_core::pattern::parse(pattern).unwrap()).map(|(row, _)| row);
        let set = |text: &&str| text.bytes().fold(0, |set, byte| set | 1 << byte);
        assert_eq!(found, expected.map(|sets| sets.iter().map(set).collect()), "{pattern}");
    }

    #[test]
    fn the_rarest_neighbours_are_found() {
        let digits = "0123456789";
        check(r" \d{2,3}%$", Some(&[digits, digits, "%"]));
        check(r"(?<a>\d+)%\s*$", Some(&[digits, "%"]));
        check(r"\b[AB]{2,5}-\d{4,}\b", Some(&["AB", "AB", "-"]));
        check("x{1000}~", Some(&["x", "x", "~"]));
        check("(?:aa|b)~{2}(?:c|)", Some(&["~", "~"]));
    }

    #[test]
    fn what_every_line_has_is_no_help() {
        for common in [r"\d+", r"^\S+ \d+$", ".*", "[^x]~?", "(?:ab|~)", "ä", ""] {
            check(common, None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn vectors_find_what_tables_find(
            rows in proptest::collection::vec(proptest::collection::vec(any::<u128>(), 1..=NEIGHBOURS), 1..12),
            thin in any::<u128>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let rows: Vec<Row> = rows.iter().map(|row| row.iter().map(|set| set & thin).collect()).collect();
            let classes = Classes::new(&rows);
            let naive = |at: &usize| rows.iter().any(|row| row.iter().enumerate().all(|(place, set)| {
                bytes.get(at + place).is_some_and(|byte| byte.is_ascii() && set >> byte & 1 == 1)
            }));
            let expected: Vec<usize> = (0..bytes.len()).filter(naive).collect();
            for width in Width::ALL {
                let mut at = 0;
                let mut found = Vec::new();
                while let Some(place) = find(width, &classes, &bytes, at) {
                    found.push(place);
                    at = place + 1;
                }
                // Rows of one group may help one another: too much is found then, never too little.
                if rows.len() <= GROUPS {
                    prop_assert_eq!(&found, &expected, "{:?}", width);
                } else {
                    prop_assert!(expected.iter().all(|place| found.contains(place)));
                }
            }
        }
    }
}
