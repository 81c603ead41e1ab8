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
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// The most instructions of a pattern.
const MOST: usize = 600;
/// The most groups whose text is kept.
const GROUPS: usize = 64;
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
        let mut compiler = Compiler { ops: Vec::new(), sets: Vec::new(), texts: Vec::new(), groups: 0 };
        compiler.compile(hir)?;
        compiler.emit(Op::Match)?;
        let Compiler { mut ops, sets, texts, groups } = compiler;
        for at in 0..ops.len() {
            if let Op::Run(run) = ops[at] {
                let next = next(&ops, &sets, &texts, at + 1, &run);
                ops[at] = Op::Run(Run { next, ..run });
            }
        }
        let anchored = hir.properties().look_set_prefix().contains(Look::Start);
        let begin = match ops.iter().find(|op| !matches!(op, Op::Save(_) | Op::Look(_))) {
            _ if anchored => Begin::Start,
            Some(Op::Text { start, length }) => {
                let text = &texts[*start as usize..(*start + *length) as usize];
                Begin::Text(Box::new(Finder::new(text).into_owned()))
            }
            Some(Op::Byte(byte)) => Begin::Text(Box::new(Finder::new(&[*byte]).into_owned())),
            Some(Op::Set(set)) => Begin::Set(*set),
            Some(Op::Run(run)) if run.min > 0 => Begin::Set(run.set),
            _ => Begin::Anywhere,
        };
        Some(Self { ops: ops.into(), sets: sets.into(), texts: texts.into(), begin, groups })
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

/// What comes behind a run, as far as it helps.
fn next(ops: &[Op], sets: &[Set], texts: &[u8], at: usize, run: &Run) -> Next {
    let mut rest = ops[at..].iter().filter(|op| !matches!(op, Op::Save(_)));
    let set = &sets[usize::from(run.set)];
    let byte = |byte: u8| match set.holds(byte) {
        true => Next::Byte(byte),
        false if run.greedy => Next::Furthest,
        false => Next::Byte(byte),
    };
    match rest.next() {
        Some(Op::Byte(one)) => byte(*one),
        Some(Op::Text { start, .. }) => texts.get(*start as usize).map_or(Next::Anything, |one| byte(*one)),
        Some(Op::Set(other)) if run.greedy && !set.meets(&sets[usize::from(*other)]) => Next::Furthest,
        Some(Op::Run(other)) if run.greedy && other.min > 0 && !set.meets(&sets[usize::from(other.set)]) => {
            Next::Furthest
        }
        // Nothing shorter ends where the message does; and behind a match nothing is tried.
        Some(Op::Look(Look::End) | Op::Match) if run.greedy => Next::Furthest,
        _ => Next::Anything,
    }
}

struct Compiler {
    ops: Vec<Op>,
    sets: Vec<Set>,
    texts: Vec<u8>,
    groups: usize,
}

impl Compiler {
    fn emit(&mut self, op: Op) -> Option<usize> {
        self.ops.push(op);
        (self.ops.len() <= MOST).then_some(self.ops.len() - 1)
    }

    fn here(&self) -> u32 {
        u32::try_from(self.ops.len()).unwrap_or(u32::MAX)
    }

    fn compile(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Literal(literal) => match &*literal.0 {
                [byte] => self.emit(Op::Byte(*byte)).map(drop),
                text => {
                    let start = u32::try_from(self.texts.len()).ok()?;
                    self.texts.extend_from_slice(text);
                    self.emit(Op::Text { start, length: u32::try_from(text.len()).ok()? }).map(drop)
                }
            },
            HirKind::Class(class) => {
                let set = self.set(class)?;
                self.emit(Op::Set(set)).map(drop)
            }
            HirKind::Look(look) => {
                use Look::{End, EndLF, Start, StartLF, WordAscii, WordAsciiNegate};
                let known = matches!(look, Start | End | StartLF | EndLF | WordAscii | WordAsciiNegate);
                known.then(|| self.emit(Op::Look(*look)))?.map(drop)
            }
            HirKind::Capture(group) if group.name.is_some() => {
                let slot = u16::try_from(2 * self.groups).ok().filter(|_| self.groups < GROUPS)?;
                self.groups += 1;
                self.emit(Op::Save(slot))?;
                self.compile(&group.sub)?;
                self.emit(Op::Save(slot + 1)).map(drop)
            }
            HirKind::Capture(group) => self.compile(&group.sub),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.compile(part)),
            HirKind::Alternation(parts) => {
                let mut ends = Vec::new();
                let (last, before) = parts.split_last()?;
                for part in before {
                    let split = self.emit(Op::Split(0, 0))?;
                    let first = self.here();
                    self.compile(part)?;
                    ends.push(self.emit(Op::Jump(0))?);
                    self.ops[split] = Op::Split(first, self.here());
                }
                self.compile(last)?;
                let end = self.here();
                ends.into_iter().for_each(|at| self.ops[at] = Op::Jump(end));
                Some(())
            }
            HirKind::Repetition(repetition) => self.repeat(repetition),
        }
    }

    fn repeat(&mut self, repetition: &Repetition) -> Option<()> {
        let Repetition { min, max, greedy, sub } = repetition;
        let single = match sub.kind() {
            HirKind::Class(class) => Some(self.set(class)?),
            HirKind::Literal(literal) => match &*literal.0 {
                [byte] => {
                    let mut set = Set::default();
                    set.insert(*byte);
                    Some(self.known(set)?)
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(set) = single {
            let (max, next) = (max.unwrap_or(u32::MAX), Next::Anything);
            return self.emit(Op::Run(Run { set, greedy: *greedy, next, min: *min, max })).map(drop);
        }
        if *max == Some(0) {
            return None;
        }
        // Copies of a group share its number.
        let groups = self.groups;
        for _ in 0..*min {
            self.groups = groups;
            self.compile(sub)?;
        }
        let split = |this: &mut Self, at: usize, inside: u32, outside: u32| {
            this.ops[at] = if *greedy { Op::Split(inside, outside) } else { Op::Split(outside, inside) };
        };
        match max {
            None => {
                // A loop over nothing would not end, and means something of its own in the regex crate.
                if sub.properties().minimum_len().is_none_or(|least| least == 0) {
                    return None;
                }
                let again = self.emit(Op::Split(0, 0))?;
                let inside = self.here();
                self.groups = groups;
                self.compile(sub)?;
                self.emit(Op::Jump(u32::try_from(again).ok()?))?;
                let outside = self.here();
                split(self, again, inside, outside);
            }
            Some(max) => {
                let mut splits = Vec::new();
                for _ in *min..*max {
                    let at = self.emit(Op::Split(0, 0))?;
                    splits.push((at, self.here()));
                    self.groups = groups;
                    self.compile(sub)?;
                }
                let outside = self.here();
                splits.into_iter().for_each(|(at, inside)| split(self, at, inside, outside));
            }
        }
        Some(())
    }

    fn set(&mut self, class: &Class) -> Option<u16> {
        let mut set = Set::default();
        match class {
            Class::Bytes(class) => {
                class.iter().flat_map(|range| range.start()..=range.end()).for_each(|byte| set.insert(byte));
            }
            Class::Unicode(class) => {
                for range in class.iter() {
                    let (start, end) = (u8::try_from(range.start()).ok()?, u8::try_from(range.end()).ok()?);
                    (start..=end).filter(u8::is_ascii).for_each(|byte| set.insert(byte));
                    end.is_ascii().then_some(())?;
                }
            }
        }
        self.known(set)
    }

    fn known(&mut self, mut set: Set) -> Option<u16> {
        let all: u32 = set.bits.iter().map(|bits| bits.count_ones()).sum();
        set.but = if all == 255 { (0..=u8::MAX).find(|byte| !set.holds(*byte)) } else { None };
        let at = self.sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        u16::try_from(at).ok()
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
