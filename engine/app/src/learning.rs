//! What this machine's logs are full of, so that rules are searched for by what they seldom say.
//!
//! Counts of hashed pieces of text, kept in the state folder; no log text can be read back from them. Losing the file costs
//! speed until it is learned again, nothing else.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_matching::Rarity;

/// The first so many bytes are all looked at.
const FIRST: u64 = 1 << 20;
/// Of the others, so much of a block, in bytes …
const PART: usize = 16 << 10;
/// … after so many.
const EVERY: u64 = 1 << 20;

/// Counts what the sources read.
#[derive(Debug)]
pub(crate) struct Learning {
    file: PathBuf,
    /// Shared with the matcher until there is more to know: it is large.
    rarity: Mutex<Arc<Rarity>>,
    /// Bytes of all blocks so far.
    seen: AtomicU64,
}

impl Learning {
    /// Goes on from what the state folder holds, or from what logs usually say.
    pub(crate) fn open(state: &Path) -> Self {
        let file = state.join("rarity");
        let rarity = match std::fs::read(&file) {
            Ok(bytes) => Rarity::from_bytes(&bytes).unwrap_or_else(|| {
                tracing::warn!(
                    "{} is damaged or of another version; what the logs say is learned anew",
                    file.display()
                );
                Rarity::built_in()
            }),
            Err(_) => Rarity::built_in(),
        };
        Self { file, rarity: Mutex::new(Arc::new(rarity)), seen: AtomicU64::new(0) }
    }

    /// Looks at a block, or does not: one in many is enough.
    pub(crate) fn block(&self, bytes: &[u8]) {
        let size = bytes.len() as u64;
        let seen = self.seen.fetch_add(size, Ordering::Relaxed);
        let part = if seen < FIRST {
            bytes
        } else if seen / EVERY != (seen + size) / EVERY {
            &bytes[..bytes.len().min(PART)]
        } else {
            return;
        };
        // While another thread learns, this one has better things to do.
        if let Ok(mut rarity) = self.rarity.try_lock() {
            Arc::make_mut(&mut rarity).learn(part);
        }
    }

    /// How many bytes were read since the start.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// What is known now.
    pub(crate) fn advice(&self) -> Arc<Rarity> {
        Arc::clone(&self.rarity.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps it for the next start.
    pub(crate) fn store(&self) {
        let bytes = self.rarity.lock().unwrap_or_else(PoisonError::into_inner).to_bytes();
        let next = self.file.with_extension("next");
        if let Err(error) = std::fs::write(&next, bytes).and_then(|()| std::fs::rename(&next, &self.file)) {
            tracing::warn!("cannot write {}: {error}; it is learned anew after the next start", self.file.display());
        }
    }
}

/// What these files are full of, by pieces from all over them. What cannot be read says nothing here; whoever reads it in
/// earnest will.
pub(crate) fn of_files(files: &[PathBuf]) -> Rarity {
    let mut rarity = Rarity::built_in();
    // What is no file (a pipe) can be opened but once, and of what is packed no piece can be read by itself.
    let is_packed = |file: &Path| file.extension().is_some_and(|kind| kind == "gz" || kind == "zst");
    let size = |file: &Path| std::fs::metadata(file).map_or(0, |m| if m.is_file() { m.len() } else { 0 });
    let sizes = files.iter().filter(|file| !is_packed(file)).map(|file| (file, size(file)));
    let sizes: Vec<_> = sizes.filter(|(_, size)| *size > 0).collect();
    let all: u64 = sizes.iter().map(|(_, size)| size).sum();
    for (file, size) in sizes {
        // Each as much as is its part of them all.
        let part = if all <= FIRST { size } else { FIRST.saturating_mul(size) / all };
        let pieces = part.div_ceil(PART as u64);
        let Ok(file) = std::fs::File::open(file) else { continue };
        for piece in 0..pieces {
            let mut bytes = [0; PART];
            let begin = size / pieces * piece;
            if let Ok(read) = file.read_at(&mut bytes, begin) {
                rarity.learn(&bytes[..read.min(usize::try_from(size - begin).unwrap_or(PART))]);
            }
        }
    }
    rarity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learned_is_kept_and_damage_is_no_end() {
        let state = tempfile::tempdir().unwrap();
        let learning = Learning::open(state.path());
        let begin = learning.advice();
        learning.block("the quick brown fox jumps\n".repeat(100).as_bytes());
        assert_ne!(learning.advice(), begin);
        learning.store();
        assert_ne!(Learning::open(state.path()).advice(), begin);
        std::fs::write(state.path().join("rarity"), "half a").unwrap();
        assert_eq!(Learning::open(state.path()).advice(), begin);
    }

    #[test]
    fn a_pipe_is_left_to_whoever_reads_it_in_earnest() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (done, wait) = std::sync::mpsc::channel();
        // Opening it would wait for a writer.
        std::thread::spawn(move || done.send(of_files(&[pipe])));
        assert!(wait.recv_timeout(std::time::Duration::from_secs(20)).is_ok());
    }

    #[test]
    fn of_a_large_file_every_part_says_something() {
        let folder = tempfile::tempdir().unwrap();
        let learned = |name: &str, begin: &str, end: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, [begin.repeat(1 << 16), end.repeat(1 << 16)].concat()).unwrap();
            of_files(&[file])
        };
        let alike = learned("alike", "nothing happened here\n", "nothing happened here\n");
        assert_ne!(learned("end", "nothing happened here\n", "something has happened\n"), alike);
        assert_ne!(learned("begin", "something has happened\n", "nothing happened here\n"), alike);
        let small = folder.path().join("small");
        std::fs::write(&small, "one line\n").unwrap();
        assert_ne!(of_files(&[small]), Rarity::built_in());
    }

    #[test]
    fn of_much_only_a_part_is_looked_at() {
        let state = tempfile::tempdir().unwrap();
        let learning = Learning::open(state.path());
        learning.block(&vec![b'x'; 1 << 20]);
        let first = learning.advice();
        learning.block(b"something else than before\n");
        assert_eq!(learning.advice(), first);
        assert_eq!(learning.seen(), (1 << 20) + 27);
    }
}
