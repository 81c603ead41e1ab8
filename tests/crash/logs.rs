//! A program that writes three logs, each rotated in its own way, without a care for who reads them.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::machine::{Machine, Random};

/// How a log is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rotation {
    /// Renamed, and another one created; sometimes in the middle of a line.
    Rename,
    /// Copied and cut to nothing, once all of it has been read: what is written in between is lost by construction.
    Truncate,
    /// The link is pointed to another file.
    Link,
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// The numbers of matching lines.
    pub(crate) ids: Vec<u64>,
    /// Lines in all.
    pub(crate) lines: u64,
    /// Rotations: renamed, truncated, linked.
    pub(crate) rotations: [u64; 3],
}

/// The running program.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

impl Writer {
    /// Starts to write.
    pub(crate) fn start(machine: &Machine, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut program = Program::new(machine, seed);
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                program.turn();
            }
            program.written
        });
        Self { stop, thread }
    }

    /// Lets it write its last line.
    pub(crate) fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Program {
    random: Random,
    logs: [Log; 3],
    ledger: PathBuf,
    written: Written,
}

struct Log {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    /// How many files this log has had.
    generation: u64,
    /// Lines in the present file.
    lines: u64,
    /// The newest matching line.
    newest: u64,
    /// It waits for its newest line to be read, to be cut.
    waits: bool,
}

impl Program {
    fn new(machine: &Machine, seed: u64) -> Self {
        let log = |folder: &str, rotation| Log::new(machine.folder().join(folder).join("app.log"), rotation);
        let logs = [log("renamed", Rotation::Rename), log("copied", Rotation::Truncate), log("linked", Rotation::Link)];
        Self {
            random: Random(seed ^ 0x9e37_79b9_7f4a_7c15),
            logs,
            ledger: machine.ledger.clone(),
            written: Written::default(),
        }
    }

    /// A line into one of the logs, and perhaps a rotation; about every 40 ms.
    fn turn(&mut self) {
        std::thread::sleep(Duration::from_millis(20 + self.random.below(40)));
        let which = self.random.below(3) as usize;
        let line = self.line(which);
        let log = &mut self.logs[which];
        if log.waits {
            // The number is read and repaired, so everything before it is read.
            let done = fs::read_to_string(&self.ledger).unwrap_or_default();
            if done.lines().any(|id| id == log.newest.to_string()) {
                log.rotate();
                self.written.rotations[which] += 1;
            }
            return;
        }
        let (first, rest) = line.split_at(self.random.below(line.len() as u64) as usize);
        log.file.write_all(first.as_bytes()).unwrap();
        if self.random.below(3) == 0 {
            std::thread::sleep(Duration::from_millis(self.random.below(15)));
        }
        // The program goes on to write into the file that it has open, whatever its name is by now.
        let in_the_middle = log.rotation == Rotation::Rename && self.random.below(60) == 0;
        let mut old = in_the_middle.then(|| log.file.try_clone().unwrap());
        if in_the_middle {
            log.rotate();
            self.written.rotations[which] += 1;
        }
        old.as_mut().unwrap_or(&mut log.file).write_all(rest.as_bytes()).unwrap();
        log.lines += 1;
        self.written.lines += 1;
        if log.lines > 8 && self.random.below(8) == 0 {
            log.waits = log.rotation == Rotation::Truncate && log.newest > 0;
            if !log.waits {
                log.rotate();
                self.written.rotations[which] += 1;
            }
        }
    }

    /// The next line: a quarter of them match.
    fn line(&mut self, which: usize) -> String {
        let log = &mut self.logs[which];
        let next = self.written.ids.len() as u64 + 1;
        match self.random.below(8) {
            _ if log.waits => String::new(),
            0 | 1 => {
                self.written.ids.push(next);
                log.newest = next;
                format!("job {next} failed\n")
            }
            2 => format!("job {next} failed to start in time\n"),
            3 => "job x failed\n".into(),
            4 => format!("{}\n", "padding ".repeat(self.random.below(200) as usize)),
            5 => "job 99999999999999999999999 failed\r\n".into(),
            _ => format!("job {next} started\n"),
        }
    }
}

impl Log {
    fn new(path: PathBuf, rotation: Rotation) -> Self {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = match rotation {
            Rotation::Link => {
                let target = path.with_file_name("app.log-20260000000");
                let file = create(&target);
                symlink(&target, &path).unwrap();
                file
            }
            _ => create(&path),
        };
        let mut log = Self { path, rotation, file, generation: 0, lines: 0, newest: 0, waits: false };
        log.banner();
        log
    }

    /// Every file begins differently, and with more than the 32 bytes by which a copy is known.
    fn banner(&mut self) {
        let banner = format!("this is file number {} of the log at {}\n", self.generation, self.path.display());
        self.file.write_all(banner.as_bytes()).unwrap();
    }

    fn rotate(&mut self) {
        self.generation += 1;
        let dated = self.path.with_file_name(format!("app.log-{}", 20_260_000_000 + self.generation));
        match self.rotation {
            Rotation::Rename => {
                fs::rename(&self.path, &dated).unwrap();
                self.file = create(&self.path);
            }
            Rotation::Truncate => {
                fs::copy(&self.path, &dated).unwrap();
                self.file.set_len(0).unwrap();
            }
            Rotation::Link => {
                self.file = create(&dated);
                let link = self.path.with_file_name("next");
                symlink(&dated, &link).unwrap();
                fs::rename(&link, &self.path).unwrap();
            }
        }
        (self.lines, self.waits) = (0, false);
        self.banner();
    }
}

fn create(path: &std::path::Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}
