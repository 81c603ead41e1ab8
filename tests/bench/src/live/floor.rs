//! The floor under following a file: a thread that sleeps in inotify and reads what was appended.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

use crate::figures::Times;

/// From `write()` of a line until its bytes are in another thread's memory, nothing done with them.
pub fn measure(lines: &[Vec<u8>], gap: Duration, file: &Path) -> anyhow::Result<Times> {
    let mut out = File::create(file).with_context(|| format!("create {}", file.display()))?;
    let mut back = File::open(file)?;
    let watch = init(CreateFlags::CLOEXEC)?;
    add_watch(&watch, file, WatchFlags::MODIFY)?;
    let (tell, told) = mpsc::channel();
    let count = lines.len();
    let reader = std::thread::spawn(move || -> anyhow::Result<()> {
        let mut room = [MaybeUninit::uninit(); 1024];
        let (mut events, mut bytes) = (Reader::new(watch, &mut room), Vec::new());
        for _ in 0..count {
            events.next()?;
            bytes.clear();
            back.read_to_end(&mut bytes)?;
            tell.send(Instant::now())?;
        }
        Ok(())
    });
    let mut times = Times::default();
    for line in lines {
        std::thread::sleep(gap);
        let begin = Instant::now();
        out.write_all(line)?;
        times.0.push(told.recv().context("the reading thread failed")?.saturating_duration_since(begin));
    }
    reader.join().map_err(|_| anyhow::anyhow!("the reading thread failed"))??;
    Ok(times)
}
