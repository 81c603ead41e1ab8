//! A small backtracking machine for patterns as logs have them: texts, runs of a class, groups and alternatives.
//!
//! It finds the leftmost match, preferring what stands first, as the regex crate does; it is several times faster at
//! captures on short messages and takes half a kilobyte a pattern. What it does not know (Unicode classes, loops over what
//! may be empty, long counted repetitions) it refuses, and what takes too many steps it gives up: then the regex crate's
//! engines answer.
//!
//! Start at [`Machine::new`]; [`Machine::search`] is one search.

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use regex_syntax::hir::{Hir, Look};

mod compile;

/// Not set.
const NONE: usize = usize::MAX;

/// A pattern's program.
#[derive(Debug)]
pub(crate) struct Machine {
    ops: Box<[Op]>,
    sets: Box<[Set]>,
    texts: Box<[u8]>,
    begin: Begin,
    groups: usize,
}

/// Where a match can begin.
#[derive(Debug)]
enum Begin {
    /// Only at the start of the message.
    Start,
    /// With this text.
    Text(Box<Finder<'static>>),
    /// With a byte of this set.
    Set(u16),
    Anywhere,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Byte(u8),
    Text {
        start: u32,
        length: u32,
    },
    Set(u16),
    Run(Run),
    Save(u16),
    /// Try the first, then the second.
    Split(u32, u32),
    Jump(u32),
    Look(Look),
    Match,
}

/// Several bytes of a set.
#[derive(Clone, Copy, Debug)]
struct Run {
    set: u16,
    greedy: bool,
    next: Next,
    min: u32,
    /// `u32::MAX`: as many as there are.
    max: u32,
}

/// What must come behind a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Only where the run cannot go on: nothing shorter needs to be tried.
    Furthest,
    /// This byte, which may also be in the run.
    Byte(u8),
    Anything,
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set {
    bits: [u64; 4],
    /// It is all bytes but this one.
    but: Option<u8>,
}

impl Set {
    fn insert(&mut self, byte: u8) {
        self.bits[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    #[inline]
    fn holds(&self, byte: u8) -> bool {
        self.bits[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn meets(&self, other: &Self) -> bool {
        self.bits.iter().zip(&other.bits).any(|(a, b)| a & b != 0)
    }

    /// How many of the first bytes are in the set.
    #[inline]
    fn run(&self, bytes: &[u8]) -> usize {
        if let Some(but) = self.but {
            return memchr(but, bytes).unwrap_or(bytes.len());
        }
        bytes.iter().position(|&byte| !self.holds(byte)).unwrap_or(bytes.len())
    }
}

/// A place to come back to.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// Go on there.
    Branch { op: u32, at: usize },
    /// A greedy run: try it shorter, its end in `low..high`.
    Shorter { op: u32, low: usize, high: usize },
    /// A lazy run: try it longer, its end in `low..=high`.
    Longer { op: u32, low: usize, high: usize },
    /// A group was changed.
    Group { slot: u16, was: usize },
}

/// What searches write on.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    stack: Vec<Frame>,
    slots: Vec<usize>,
}

/// The search took too many steps.
pub(crate) struct GaveUp;

impl Machine {
    /// A machine for a pattern; `None` when it is none for it.
    pub(crate) fn new(hir: &Hir) -> Option<Self> {
        compile::compile(hir)
    }

    /// Searches for the leftmost match and says where its named groups stand, in the order of the pattern.
    pub(crate) fn search(
        &self,
        message: &[u8],
        scratch: &mut Scratch,
        groups: &mut Vec<Option<(usize, usize)>>,
    ) -> Result<bool, GaveUp> {
        // Linear in the message, with room for what patterns usually need.
        let mut left = 16 * message.len() + 1024;
        let mut at = 0;
        loop {
            at = match &self.begin {
                Begin::Start if at > 0 => return Ok(false),
                Begin::Start | Begin::Anywhere => at,
                Begin::Text(text) => match text.find(&message[at..]) {
                    Some(further) => at + further,
                    None => return Ok(false),
                },
                Begin::Set(set) => {
                    let set = &self.sets[usize::from(*set)];
                    match message[at..].iter().position(|&byte| set.holds(byte)) {
                        Some(further) => at + further,
                        None => return Ok(false),
                    }
                }
            };
            if self.attempt(message, at, scratch, &mut left)? {
                let pairs = scratch.slots.as_chunks::<2>().0.iter();
                groups.extend(pairs.map(|&[start, end]| (start != NONE && end != NONE).then_some((start, end))));
                return Ok(true);
            }
            at += 1;
            if at > message.len() {
                return Ok(false);
            }
        }
    }

    /// Whether a match begins here.
    fn attempt(&self, message: &[u8], begin: usize, scratch: &mut Scratch, left: &mut usize) -> Result<bool, GaveUp> {
        let Scratch { stack, slots } = scratch;
        stack.clear();
        slots.clear();
        slots.resize(2 * self.groups, NONE);
        let (mut op, mut at) = (0_usize, begin);
        loop {
            let goes_on = match self.ops[op] {
                Op::Byte(byte) => {
                    let fits = message.get(at) == Some(&byte);
                    at += 1;
                    fits
                }
                Op::Text { start, length } => {
                    let text = &self.texts[start as usize..(start + length) as usize];
                    let fits = message[at..].starts_with(text);
                    at += text.len();
                    fits
                }
                Op::Set(set) => {
                    let fits = message.get(at).is_some_and(|&byte| self.sets[usize::from(set)].holds(byte));
                    at += 1;
                    fits
                }
                Op::Run(run) => match self.run(run, op, message, at, stack, left)? {
                    Some(end) => {
                        at = end;
                        true
                    }
                    None => false,
                },
                Op::Save(number) => {
                    let slot = &mut slots[usize::from(number)];
                    // With nothing left to try there is nothing to come back to.
                    if !stack.is_empty() {
                        stack.push(Frame::Group { slot: number, was: *slot });
                    }
                    *slot = at;
                    true
                }
                Op::Split(first, second) => {
                    *left = left.checked_sub(1).ok_or(GaveUp)?;
                    stack.push(Frame::Branch { op: second, at });
                    op = first as usize;
                    continue;
                }
                Op::Jump(to) => {
                    op = to as usize;
                    continue;
                }
                Op::Look(look) => holds(look, message, at),
                Op::Match => return Ok(true),
            };
            if goes_on {
                op += 1;
                continue;
            }
            match self.back(message, stack, slots, left)? {
                Some(place) => (op, at) = place,
                None => return Ok(false),
            }
        }
    }

    /// The end of a run that begins here; others to try are put on the stack.
    #[inline]
    fn run(
        &self,
        run: Run,
        op: usize,
        message: &[u8],
        at: usize,
        stack: &mut Vec<Frame>,
        left: &mut usize,
    ) -> Result<Option<usize>, GaveUp> {
        let most = message.len().min(at.saturating_add(run.max as usize));
        let high = at + self.sets[usize::from(run.set)].run(&message[at..most]);
        *left = left.checked_sub(high - at + 1).ok_or(GaveUp)?;
        let low = at + run.min as usize;
        if high < low {
            return Ok(None);
        }
        if run.next == Next::Furthest {
            return Ok(Some(high));
        }
        let op = u32::try_from(op).unwrap_or(u32::MAX);
        Ok(if run.greedy {
            let end = last(run.next, message, low, high + 1);
            if let Some(end) = end.filter(|end| *end > low) {
                stack.push(Frame::Shorter { op, low, high: end });
            }
            end
        } else {
            let end = first(run.next, message, low, high);
            if let Some(end) = end.filter(|end| *end < high) {
                stack.push(Frame::Longer { op, low: end + 1, high });
            }
            end
        })
    }

    /// Undoes what came last, up to the next thing to try: where to go on.
    fn back(
        &self,
        message: &[u8],
        stack: &mut Vec<Frame>,
        slots: &mut [usize],
        left: &mut usize,
    ) -> Result<Option<(usize, usize)>, GaveUp> {
        while let Some(frame) = stack.pop() {
            *left = left.checked_sub(1).ok_or(GaveUp)?;
            match frame {
                Frame::Branch { op, at } => return Ok(Some((op as usize, at))),
                Frame::Group { slot, was } => slots[usize::from(slot)] = was,
                Frame::Shorter { op, low, high } => {
                    let Op::Run(run) = self.ops[op as usize] else { continue };
                    let Some(end) = last(run.next, message, low, high) else { continue };
                    *left = left.checked_sub(high - end).ok_or(GaveUp)?;
                    if end > low {
                        stack.push(Frame::Shorter { op, low, high: end });
                    }
                    return Ok(Some((op as usize + 1, end)));
                }
                Frame::Longer { op, low, high } => {
                    let Op::Run(run) = self.ops[op as usize] else { continue };
                    let Some(end) = first(run.next, message, low, high) else { continue };
                    *left = left.checked_sub(end - low + 1).ok_or(GaveUp)?;
                    if end < high {
                        stack.push(Frame::Longer { op, low: end + 1, high });
                    }
                    return Ok(Some((op as usize + 1, end)));
                }
            }
        }
        Ok(None)
    }
}

/// The last end in `low..high` behind which the next byte can stand.
#[inline]
fn last(next: Next, message: &[u8], low: usize, high: usize) -> Option<usize> {
    match next {
        Next::Byte(byte) => memrchr(byte, &message[low..high.min(message.len())]).map(|further| low + further),
        Next::Anything | Next::Furthest => high.checked_sub(1).filter(|end| *end >= low),
    }
}

/// The first end in `low..=high` behind which the next byte can stand.
#[inline]
fn first(next: Next, message: &[u8], low: usize, high: usize) -> Option<usize> {
    match next {
        Next::Byte(byte) => memchr(byte, &message[low..message.len().min(high + 1)]).map(|further| low + further),
        Next::Anything | Next::Furthest => (low <= high).then_some(low),
    }
}

fn holds(look: Look, message: &[u8], at: usize) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = || at.checked_sub(1).and_then(|before| message.get(before));
    match look {
        Look::Start => at == 0,
        Look::End => at == message.len(),
        Look::StartLF => before().is_none_or(|byte| *byte == b'\n'),
        Look::EndLF => message.get(at).is_none_or(|byte| *byte == b'\n'),
        Look::WordAscii => word(before()) != word(message.get(at)),
        Look::WordAsciiNegate => word(before()) == word(message.get(at)),
        // Refused when compiled.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heinzel_core::pattern;
    use proptest::prelude::*;

    /// The groups of the leftmost match, as the regex crate sees them.
    fn expected(text: &str, message: &[u8]) -> Option<Vec<Option<(usize, usize)>>> {
        let regex = pattern::compile(text).unwrap();
        let groups = regex.captures(message)?;
        let named = regex.capture_names().enumerate().filter(|(_, name)| name.is_some());
        Some(named.map(|(at, _)| groups.get(at).map(|group| (group.start(), group.end()))).collect())
    }

    /// Gives `false` where there is no machine, or it gave up.
    fn check(text: &str, message: &[u8]) -> bool {
        let Some(machine) = Machine::new(&pattern::parse(text).unwrap()) else { return false };
        let mut groups = Vec::new();
        match machine.search(message, &mut Scratch::default(), &mut groups) {
            Ok(found) => assert_eq!(found.then_some(groups), expected(text, message), "{text} in {message:?}"),
            Err(GaveUp) => return false,
        }
        true
    }

    #[test]
    fn patterns_of_logs_are_for_the_machine() {
        for (text, message) in [
            (
                r"Failed password for (?<user>\S+) from (?<ip>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}) port (?<port>\d+) ssh2",
                "x Failed password for root from 10.0.0.200 port 22 ssh2",
            ),
            (r"^(?<who>\S+) (?:is|was) (?<what>.*) by (?<whom>[^ ]+)$", "it was seen by all by night"),
            (r"(?<a>.*?)(?<b>\d+)(?:ms)?$", "took 12 or 345ms"),
            (r"(?<word>\w+): (?:\[(?<pid>\d+)\] )?(?<rest>.+)", "cron: [12] done"),
            (r"(?i)\b(?<w>err(?:or)?|fail(?:ed|ure)?)\b", "no FAILURE here"),
            (r"(?:(?<k>\w+)=(?<v>\w+)[, ]*)+$", "a=1, b=2,c=3"),
            (r"x(?<n>\d{2,3}?)(?<m>\d*)", "x1 x12345"),
        ] {
            assert!(check(text, message.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_not_for_it_is_refused() {
        for text in [r"(?u:\w)", "(?:a*)*", "(?:a|b?)+", "(?mR:$)", r"(?:ab){700}", "(?u:[äö])"] {
            assert!(Machine::new(&pattern::parse(text).unwrap()).is_none(), "{text}");
        }
    }

    #[test]
    fn it_gives_up_before_it_takes_long() {
        let machine = Machine::new(&pattern::parse("(?:a+)+b").unwrap()).unwrap();
        let line = "a".repeat(5_000);
        assert!(machine.search(line.as_bytes(), &mut Scratch::default(), &mut Vec::new()).is_err());
    }

    const PARTS: [&str; 36] = [
        "a", "b", "ab", "abc", " ", "a*", "a+", "a?", "a*?", "a+?", "b{1,2}", "b{2}?", "[ab]", "[^a]", ".", ".*",
        ".*?", r"\w+", r"\S+?", r"\d", "(?:", "(?:", "(", ")", ")", ")*", ")+", ")?", "){1,2}", ")*?", "|", "|", "^",
        "$", r"\b", "(?m:$)",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn it_finds_what_the_regex_crate_finds(
            parts in proptest::collection::vec((0..PARTS.len(), any::<bool>()), 1..12),
            message in proptest::collection::vec(prop_oneof![4 => Just(b'a'), 3 => Just(b'b'), 1 => Just(b' '), 1 => Just(b'1'), 1 => Just(b'c'), 1 => any::<u8>()], 0..24),
        ) {
            let mut text = String::new();
            for (number, (part, named)) in parts.into_iter().enumerate() {
                match PARTS[part] {
                    "(" | "(?:" if named => text.push_str(&format!("(?<g{number}>")),
                    other => text.push_str(other),
                }
            }
            if pattern::compile(&text).is_ok() {
                check(&text, &message);
            }
        }
    }
}
