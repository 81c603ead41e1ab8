//! Attacks the tail with random histories of a log and compares with a model that knows every line.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::tests::Bench;
use super::*;

/// What happens to the log or to its reader.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Whole lines are written.
    Write(u8),
    /// A line is begun but not ended.
    Begin,
    /// The begun line is ended.
    End,
    /// Renamed to `.1` (with all older ones moved up), and created again.
    Rename,
    /// Renamed, and only created again by the next write.
    RenameLazily,
    /// Copied to `.1` and truncated.
    CopyTruncate,
    /// Truncated without a copy.
    Truncate,
    /// Deleted and created again.
    Recreate,
    /// The reader looks.
    Look,
    /// The reader hears that bytes were appended, whether or not that is all.
    Hear,
    /// Time passes, and the reader looks.
    Pause(u8),
    /// What was handed over is stored.
    Store,
    /// The reader ends in peace: everything handed over is stored.
    Restart,
    /// The same, and what was rotated away is packed meanwhile, but for so many of the newest.
    PackedRestart(u8),
    /// The reader is killed: what was not stored never happened.
    Kill,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1..4_u8).prop_map(Op::Write),
        2 => Just(Op::Begin),
        2 => Just(Op::End),
        2 => Just(Op::Rename),
        1 => Just(Op::RenameLazily),
        2 => Just(Op::CopyTruncate),
        1 => Just(Op::Truncate),
        1 => Just(Op::Recreate),
        4 => Just(Op::Look),
        4 => Just(Op::Hear),
        1 => (1..60_u8).prop_map(Op::Pause),
        2 => Just(Op::Store),
        1 => Just(Op::Restart),
        1 => (0..2_u8).prop_map(Op::PackedRestart),
        1 => Just(Op::Kill),
    ]
}

type Words = (&'static str, &'static str);

/// A line that was written.
#[derive(Debug)]
struct Line {
    text: String,
    /// The beginning that a reader may hold, and hands over if the rest is lost.
    beginning: Option<String>,
    /// The files that hold it, by the model's number.
    files: Vec<usize>,
    /// It may be lost: no file that holds it existed when the reader could have looked.
    may_be_lost: bool,
}

struct Model {
    bench: Bench,
    is_link: bool,
    /// What stands before and behind a line's number: with little of it, whole files are shorter than what is known of longer ones;
    /// before it, as a date or an address does, it makes files begin alike.
    words: Words,
    lines: Vec<Line>,
    /// Which model file a name stands for; one that is packed has `.gz` behind it.
    names: HashMap<String, usize>,
    files: usize,
    /// The file that takes the writes, if there is one.
    current: Option<usize>,
    /// A line that is begun: its text, and whether the reader (this one) has seen it.
    begun: Option<(String, bool)>,
    /// The files that the reader has open.
    open: Vec<usize>,
    stored: (usize, Option<String>),
}

impl Model {
    fn new(is_link: bool, words: Words) -> Self {
        let mut model = Self {
            bench: Bench::new(Begin::Beginning),
            is_link,
            words,
            lines: Vec::new(),
            names: HashMap::new(),
            files: 0,
            current: None,
            begun: None,
            open: Vec::new(),
            stored: (0, None),
        };
        model.create();
        model.look();
        model.store();
        model
    }

    /// The real name of the file that takes the writes.
    fn target(&self) -> String {
        match self.current {
            Some(file) if self.is_link => format!("app-2026{file:04}.log"),
            _ => "app.log".to_owned(),
        }
    }

    fn create(&mut self) {
        self.files += 1;
        self.current = Some(self.files);
        let target = self.target();
        self.bench.write(&target, "");
        self.names.insert(target.clone(), self.files);
        if self.is_link {
            symlink(&target, self.bench.path("new")).unwrap();
            self.bench.rename("new", "app.log");
        }
    }

    fn ensure_current(&mut self) {
        if self.current.is_none() {
            self.create();
        }
    }

    fn text(&self) -> String {
        let (before, behind) = self.words;
        format!("{before}{:03}{behind}", self.lines.len())
    }

    fn add(&mut self, text: String) {
        let files = self.current.into_iter().collect();
        self.lines.push(Line { text, beginning: None, files, may_be_lost: false });
    }

    fn write(&mut self, count: u8) {
        self.ensure_current();
        self.end();
        for _ in 0..count {
            let text = self.text();
            self.bench.write(&self.target(), format!("{text}\n"));
            self.add(text);
        }
    }

    fn begin(&mut self) {
        self.ensure_current();
        if self.begun.is_none() {
            let text = format!("{} begun", self.text());
            self.bench.write(&self.target(), &text);
            self.begun = Some((text, false));
        }
    }

    fn end(&mut self) {
        if let Some((text, _)) = self.begun.take() {
            self.bench.write(&self.target(), " and ended\n");
            self.add(format!("{text} and ended"));
            self.lines.last_mut().unwrap().beginning = Some(text);
        }
    }

    /// The file is left as it is: a begun line is all there will be of it.
    fn leave(&mut self) {
        if let Some((text, _)) = self.begun.take() {
            self.add(text);
        }
    }

    fn move_up(&mut self) {
        for number in (1..self.files + 1).rev() {
            for ending in ["", ".gz"] {
                let (from, to) = (format!("app.log.{number}{ending}"), format!("app.log.{}{ending}", number + 1));
                if let Some(file) = self.names.remove(&from) {
                    self.bench.rename(&from, &to);
                    self.names.insert(to, file);
                }
            }
        }
    }

    fn rename(&mut self) {
        self.leave();
        let Some(file) = self.current.take() else { return };
        if self.is_link {
            // The old file stays under its dated name.
            return;
        }
        self.move_up();
        self.bench.rename("app.log", "app.log.1");
        self.names.remove("app.log");
        self.names.insert("app.log.1".to_owned(), file);
    }

    fn copy_truncate(&mut self) {
        let Some(file) = self.current else { return };
        if self.is_link {
            return;
        }
        self.leave();
        self.move_up();
        self.bench.copy("app.log", "app.log.1");
        self.files += 1;
        self.names.insert("app.log.1".to_owned(), self.files);
        for line in self.lines.iter_mut().filter(|line| line.files.contains(&file)) {
            line.files.push(self.files);
        }
        self.empty(file);
    }

    /// The content of `file` is gone; only what is also elsewhere must still come.
    fn empty(&mut self, file: usize) {
        self.bench.truncate(&self.target());
        // From here on it is another file to the model; the reader has it open all the same.
        self.files += 1;
        let fresh = self.files;
        self.current = Some(fresh);
        self.names.insert("app.log".to_owned(), fresh);
        if self.is_link {
            // Its name goes by the number, so it keeps the old one.
            self.current = Some(file);
        }
        let delivered = self.delivered();
        for line in &mut self.lines {
            line.files.retain(|other| *other != file);
            line.may_be_lost |= line.files.is_empty() && !delivered.contains(&line.text);
        }
        if self.open.contains(&file) {
            self.open.push(fresh);
        }
    }

    fn truncate(&mut self) {
        let Some(file) = self.current else { return };
        if let Some((text, seen)) = self.begun.take() {
            // The reader hands over what it held of it; what it never saw is lost.
            self.lines.push(Line { text, beginning: None, files: Vec::new(), may_be_lost: !seen });
        }
        self.empty(file);
    }

    fn recreate(&mut self) {
        let Some(file) = self.current.take() else { return };
        self.current = Some(file);
        self.leave();
        let target = self.target();
        self.current = None;
        fs::remove_file(self.bench.path(&target)).unwrap();
        self.names.remove(&target);
        if !self.open.contains(&file) {
            self.lose(&[file]);
        }
        self.create();
    }

    /// These files exist no more and nobody has them open.
    fn lose(&mut self, gone: &[usize]) {
        let delivered = self.delivered();
        for line in &mut self.lines {
            line.files.retain(|file| !gone.contains(file));
            line.may_be_lost |= line.files.is_empty() && !delivered.contains(&line.text);
        }
    }

    fn delivered(&self) -> std::collections::HashSet<String> {
        self.bench.lines.iter().map(|line| String::from_utf8(line.clone()).unwrap()).collect()
    }

    fn look(&mut self) {
        self.bench.look();
        if let Some((_, seen)) = &mut self.begun {
            *seen = true;
        }
        if let Some(current) = self.current {
            self.open.push(current);
        }
    }

    fn store(&mut self) {
        self.stored = (self.bench.lines.len(), self.bench.state.clone());
    }

    /// Another reader begins where the last one is stored. What only the old one had open is lost.
    fn restart(&mut self) {
        let (lines, state) = self.stored.clone();
        self.bench.lines.truncate(lines);
        self.bench.state = state;
        self.bench.restart();
        self.open.clear();
        if let Some((_, seen)) = &mut self.begun {
            *seen = false;
        }
        let delivered = self.delivered();
        let named: Vec<usize> = self.names.values().copied().collect();
        for line in &mut self.lines {
            line.files.retain(|file| named.contains(file));
            line.may_be_lost |= line.files.is_empty() && !delivered.contains(&line.text);
        }
    }

    fn pack(&mut self, kept: u8) {
        for number in usize::from(kept) + 1..self.files + 2 {
            let name = format!("app.log.{number}");
            if let Some(file) = self.names.remove(&name) {
                self.bench.pack(&name);
                self.names.insert(name + ".gz", file);
            }
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Write(count) => self.write(count),
            Op::Begin => self.begin(),
            Op::End => self.end(),
            Op::Rename => {
                self.rename();
                self.ensure_current();
            }
            // A link goes on naming its file until it is switched.
            Op::RenameLazily if self.is_link => {}
            Op::RenameLazily => self.rename(),
            Op::CopyTruncate => self.copy_truncate(),
            Op::Truncate => self.truncate(),
            Op::Recreate => self.recreate(),
            Op::Look => self.look(),
            Op::Hear => {
                // It may have seen what the path names now, or only what it has open.
                self.bench.hear();
                if let Some((_, seen)) = &mut self.begun {
                    *seen = true;
                }
            }
            Op::Pause(seconds) => {
                self.bench.now += std::time::Duration::from_secs(seconds.into());
                self.look();
            }
            Op::Store => self.store(),
            Op::Restart => {
                self.store();
                self.restart();
            }
            Op::PackedRestart(kept) => {
                self.store();
                self.pack(kept);
                self.restart();
                // Only now is a packed file looked for.
                self.look();
            }
            Op::Kill => self.restart(),
        }
    }

    /// Every line exactly once and in order, except those that may be lost.
    fn check(&mut self) -> Result<(), TestCaseError> {
        self.end();
        for _ in 0..self.files + 2 {
            self.bench.wait(2);
        }
        let mut delivered = self.bench.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).peekable();
        for line in &self.lines {
            let beginning = || line.beginning.clone().filter(|_| line.may_be_lost);
            let came = delivered.next_if(|next| *next == line.text || Some(next) == beginning().as_ref());
            if came.is_none() {
                prop_assert!(
                    line.may_be_lost,
                    "line {:?} was not delivered in its place: {:?}",
                    line,
                    delivered.peek()
                );
            }
        }
        prop_assert_eq!(delivered.next(), None, "a line was delivered that is not to be");
        Ok(())
    }
}

fn words() -> impl Strategy<Value = Words> {
    prop_oneof![
        Just(("", " some words to make it long enough to be told apart")),
        Just(("", " short")),
        Just(("", "")),
        Just(("2026-11-23T00:00:00.000000+01:00 web01 app[1]: ", "")),
    ]
}

fn attack(is_link: bool, words: Words, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut model = Model::new(is_link, words);
    for &op in ops {
        model.apply(op);
    }
    model.check()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_comes_once_and_in_order_whatever_happens_to_the_file(
        words in words(),
        ops in prop::collection::vec(op(), 1..60),
    ) {
        attack(false, words, &ops)?;
    }

    #[test]
    fn every_line_comes_once_and_in_order_behind_a_switching_symlink(
        words in words(),
        ops in prop::collection::vec(op(), 1..60),
    ) {
        attack(true, words, &ops)?;
    }
}
