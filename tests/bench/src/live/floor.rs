//! The floor under following a file: a thread that sleeps in inotify and reads what was appended.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

/// A file, and the thread that reads it.
pub struct Floor {
    out: File,
    told: mpsc::Receiver<Instant>,
    reader: JoinHandle<anyhow::Result<()>>,
}

impl Floor {
    /// Makes the file, and reads it until so many lines were appended.
    pub fn start(file: &Path, lines: usize) -> anyhow::Result<Self> {
        let out = File::create(file).with_context(|| format!("create {}", file.display()))?;
        let mut back = File::open(file)?;
        let watch = init(CreateFlags::CLOEXEC)?;
        add_watch(&watch, file, WatchFlags::MODIFY)?;
        let (tell, told) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut room = [MaybeUninit::uninit(); 1024];
            let (mut events, mut bytes) = (Reader::new(watch, &mut room), Vec::new());
            for _ in 0..lines {
                events.next()?;
                bytes.clear();
                back.read_to_end(&mut bytes)?;
                tell.send(Instant::now())?;
            }
            Ok(())
        });
        Ok(Self { out, told, reader })
    }

    /// From `write()` of a line until its bytes are in the other thread's memory, nothing done with them.
    pub fn measure(&mut self, line: &[u8]) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        self.out.write_all(line)?;
        Ok(self.told.recv().context("the reading thread failed")?.saturating_duration_since(begin))
    }

    /// Ends, when all lines were measured.
    pub fn end(self) -> anyhow::Result<()> {
        self.reader.join().map_err(|_| anyhow::anyhow!("the reading thread failed"))?
    }
}
