//! From a pattern to the machine's instructions.

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::{Begin, Machine, Next, Op, Run, Set};

/// The most instructions of a pattern.
const MOST: usize = 600;
/// The most groups whose text is kept.
const GROUPS: usize = 64;

/// A machine for a pattern; `None` when it is none for it.
pub(super) fn compile(hir: &Hir) -> Option<Machine> {
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
    Some(Machine { ops: ops.into(), sets: sets.into(), texts: texts.into(), begin, groups })
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
