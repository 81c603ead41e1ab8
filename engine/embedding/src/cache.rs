//! Vectors of texts that stay the same, kept in a file, so that a start does not embed all answers anew.
//!
//! Start at [`Cached`]. The file belongs to one model; with another one, or with any fault in it, it begins anew. It is
//! never needed: what is wrong with it costs time and is said by [`Cached::complaint`].

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use heinzel_knowledge::rank::embed::{EmbedError, Embedder, Kind};
use sha2::{Digest as _, Sha256};

/// First bytes of the file, before the model's fingerprint and the length of a vector; the last one is the version of the
/// format.
const MAGIC: &[u8; 16] = b"heinzel vectors\x01";
/// What a record has beside the vector: the key and a check.
const KEY: usize = 16;
const CHECK: usize = 4;
/// So many texts are embedded between two writes: after a kill not much is lost.
const STEP: usize = 64;
/// The largest file that is read, in bytes: 10,000 answers with ten drafts in two languages have 0.4 GB.
const MOST: u64 = 4 << 30;

type Key = [u8; KEY];

/// An embedder that remembers, in a file. For answers and their example drafts; what customers write does not belong
/// into a file, and goes to the model itself.
pub struct Cached<E> {
    inner: E,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    path: PathBuf,
    head: Vec<u8>,
    /// `None` when it cannot be written.
    file: Option<File>,
    vectors: HashMap<Key, Entry>,
    complaint: Option<String>,
}

struct Entry {
    vector: Box<[f32]>,
    /// Asked for since the file was opened, or since [`Cached::begin`].
    used: bool,
}

impl<E: Embedder> Cached<E> {
    /// Opens or makes the file at `path` for the model with this fingerprint.
    pub fn open(inner: E, fingerprint: [u8; 32], path: &Path) -> Self {
        let length = u32::try_from(inner.dimensions()).unwrap_or(u32::MAX);
        let head = [&MAGIC[..], &fingerprint, &length.to_le_bytes()].concat();
        let mut kept = Kept { path: path.to_owned(), head, ..Kept::default() };
        kept.read(inner.dimensions());
        Self { inner, kept: Mutex::new(kept) }
    }

    /// Why the file is not read or written, if so.
    pub fn complaint(&self) -> Option<String> {
        self.kept().complaint.clone()
    }

    /// How many vectors are kept.
    pub fn len(&self) -> usize {
        self.kept().vectors.len()
    }

    /// None is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All answers are about to be embedded: what is not asked for from now on is of texts that were changed or removed.
    pub fn begin(&self) {
        self.kept().vectors.values_mut().for_each(|entry| entry.used = false);
    }

    /// Drops what was not asked for, if that is most of it. Called after all answers were embedded.
    pub fn tidy(&self) {
        let mut kept = self.kept();
        let used = kept.vectors.values().filter(|entry| entry.used).count();
        if used.saturating_mul(2) < kept.vectors.len() {
            kept.drop_unused();
        }
    }

    /// The same, however little it is: somebody is to be forgotten.
    pub fn forget(&self) {
        let mut kept = self.kept();
        if kept.vectors.values().any(|entry| !entry.used) {
            kept.drop_unused();
        }
    }

    /// The embedder that does the work.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No change of it is left half done by a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Embedder> Embedder for Cached<E> {
    fn embed(&self, texts: &[&str], kind: Kind) -> Result<Vec<Vec<f32>>, EmbedError> {
        let keys: Vec<Key> = texts.iter().map(|text| key(text, kind)).collect();
        let missing: Vec<usize> = {
            let kept = self.kept();
            let mut seen = std::collections::HashSet::new();
            let is_new =
                |at: &usize| keys.get(*at).is_some_and(|key| !kept.vectors.contains_key(key) && seen.insert(*key));
            (0..texts.len()).filter(is_new).collect()
        };
        // Not under the lock: this takes minutes.
        for step in missing.chunks(STEP) {
            let new: Vec<&str> = step.iter().filter_map(|&at| texts.get(at).copied()).collect();
            let vectors = self.inner.embed(&new, kind)?;
            let keys = step.iter().filter_map(|&at| keys.get(at).copied());
            self.kept().add(keys.zip(vectors).collect());
        }
        let mut kept = self.kept();
        let found = keys.iter().map(|key| {
            let entry = kept.vectors.get_mut(key)?;
            entry.used = true;
            Some(entry.vector.to_vec())
        });
        let found: Option<Vec<Vec<f32>>> = found.collect();
        let failed = || EmbedError {
            model: kept.path.display().to_string(),
            texts: texts.len(),
            reason: "vectors are missing".into(),
        };
        found.ok_or_else(failed)
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }
}

impl Kept {
    /// Takes in the file as far as it is whole.
    fn read(&mut self, dimensions: usize) {
        let bytes = match read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return self.complain("read", &error),
        };
        let records = bytes.strip_prefix(&*self.head);
        let mut whole = self.head.len();
        for record in records.unwrap_or_default().chunks_exact(record(dimensions)) {
            let Some((key, vector)) = entry(record) else { break };
            self.vectors.insert(key, Entry { vector, used: false });
            whole += record.len();
        }
        if records.is_some() && whole == bytes.len() {
            match OpenOptions::new().append(true).open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) => self.complain("open", &error),
            }
        } else {
            self.rewrite();
        }
    }

    /// Keeps new vectors, in memory at any rate.
    fn add(&mut self, new: Vec<(Key, Vec<f32>)>) {
        let mut bytes = Vec::new();
        for (key, vector) in new {
            put(&mut bytes, &key, &vector);
            self.vectors.insert(key, Entry { vector: vector.into(), used: true });
        }
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.write_all(&bytes)) {
            self.complain("write", &error);
        }
    }

    fn drop_unused(&mut self) {
        self.vectors.retain(|_, entry| entry.used);
        self.rewrite();
    }

    /// Writes the file anew, beside the old one, and puts it in its place.
    fn rewrite(&mut self) {
        let next = self.path.with_extension("new");
        let write = || {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut bytes = self.head.clone();
            self.vectors.iter().for_each(|(key, entry)| put(&mut bytes, key, &entry.vector));
            // What customers wrote is in them, however well hidden: nobody else's business.
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&next, &self.path)?;
            Ok(file)
        };
        match write() {
            Ok(file) => self.file = Some(file),
            Err(error) => self.complain("write", &error),
        }
    }

    fn complain(&mut self, what: &str, error: &std::io::Error) {
        self.file = None;
        self.complaint = Some(format!(
            "{what} {}: {error}; the next start embeds all answers anew, and it may be deleted at any time",
            self.path.display()
        ));
    }
}

fn key(text: &str, kind: Kind) -> Key {
    let kind: u8 = match kind {
        Kind::Draft => 0,
        Kind::Passage => 1,
    };
    let hash = Sha256::new().chain_update([kind]).chain_update(text).finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

fn record(dimensions: usize) -> usize {
    KEY + dimensions * 4 + CHECK
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}

fn put(bytes: &mut Vec<u8>, key: &Key, vector: &[f32]) {
    let begin = bytes.len();
    bytes.extend_from_slice(key);
    vector.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
    let check = check(bytes.get(begin..).unwrap_or_default());
    bytes.extend_from_slice(&check);
}

/// A record's key and vector, if it is whole.
fn entry(record: &[u8]) -> Option<(Key, Box<[f32]>)> {
    let (rest, last) = record.split_last_chunk::<CHECK>()?;
    let (key, vector) = rest.split_first_chunk::<KEY>()?;
    let numbers = vector.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    (check(rest) == *last).then(|| (*key, numbers.collect()))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > MOST {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Magic, the model's fingerprint, the length of a vector.
    const HEAD: usize = 16 + 32 + 4;

    /// A vector that tells the text; counts how many texts it was given.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Embedder for Counting {
        fn embed(&self, texts: &[&str], kind: Kind) -> Result<Vec<Vec<f32>>, EmbedError> {
            self.0.fetch_add(texts.len(), Ordering::Relaxed);
            let sign = if kind == Kind::Draft { 1.0 } else { -1.0 };
            Ok(texts.iter().map(|text| vec![sign, text.len() as f32, 0.5]).collect())
        }

        fn dimensions(&self) -> usize {
            3
        }
    }

    fn asked(cached: &Cached<Counting>, texts: &[&str]) -> usize {
        let before = cached.inner.0.load(Ordering::Relaxed);
        let vectors = cached.embed(texts, Kind::Passage).unwrap();
        assert_eq!(vectors, Counting::default().embed(texts, Kind::Passage).unwrap());
        cached.inner.0.load(Ordering::Relaxed) - before
    }

    fn open(path: &Path) -> Cached<Counting> {
        Cached::open(Counting::default(), [7; 32], path)
    }

    #[test]
    fn a_text_is_embedded_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/vectors");
        let cached = open(&path);
        assert_eq!(asked(&cached, &["a", "bb", "a"]), 2);
        assert_eq!(asked(&cached, &["bb", "ccc"]), 1);
        drop(cached);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "nobody else may read it");
        let again = open(&path);
        assert_eq!((again.len(), again.complaint()), (3, None));
        assert_eq!(asked(&again, &["a", "bb", "ccc"]), 0);
        // The same words as a draft are another text to the model.
        assert_eq!(again.embed(&["a"], Kind::Draft).unwrap(), [[1.0, 1.0, 0.5]]);
    }

    #[test]
    fn a_torn_end_is_cut_off_and_a_flipped_bit_ends_the_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors");
        asked(&open(&path), &["a", "bb", "ccc"]);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len(), HEAD + 3 * record(3));
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let cached = open(&path);
        assert_eq!(cached.len(), 2);
        assert_eq!(asked(&cached, &["a", "bb", "ccc"]), 1);
        assert_eq!(open(&path).len(), 3);
        let mut flipped = std::fs::read(&path).unwrap();
        flipped[HEAD + record(3) + 20] ^= 1;
        std::fs::write(&path, flipped).unwrap();
        assert_eq!(open(&path).len(), 1);
    }

    #[test]
    fn another_model_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors");
        asked(&open(&path), &["a", "bb"]);
        let other = Cached::open(Counting::default(), [8; 32], &path);
        assert!(other.is_empty());
        assert_eq!(asked(&other, &["a"]), 1);
    }

    #[test]
    fn what_nobody_asks_for_any_more_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors");
        asked(&open(&path), &["a", "bb", "ccc"]);
        let cached = open(&path);
        assert_eq!(asked(&cached, &["bb"]), 0);
        cached.tidy();
        assert_eq!(asked(&cached, &["dddd"]), 1);
        let again = open(&path);
        assert_eq!((again.len(), asked(&again, &["bb", "dddd"])), (2, 0));
    }

    #[test]
    fn what_is_to_be_forgotten_is_dropped_however_little_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors");
        let cached = open(&path);
        asked(&cached, &["a", "bb", "ccc"]);
        cached.begin();
        asked(&cached, &["a", "bb"]);
        cached.tidy();
        assert_eq!(cached.len(), 3, "it is not most of it");
        cached.forget();
        assert_eq!((cached.len(), open(&path).len()), (2, 2));
        assert_eq!(asked(&cached, &["dddd"]), 1);
        assert_eq!(open(&path).len(), 3);
    }

    #[test]
    fn a_place_that_cannot_be_written_costs_only_time() {
        let folder = tempfile::tempdir().unwrap();
        let cached = open(folder.path());
        assert_eq!(asked(&cached, &["a", "a"]), 1);
        assert_eq!(asked(&cached, &["a"]), 0);
        assert!(cached.complaint().unwrap().contains("embeds all answers anew"));
    }

    proptest::proptest! {
        #[test]
        fn no_file_breaks_it(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), with_head: bool) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("vectors");
            let head = if with_head { [&MAGIC[..], &[7; 32], &3_u32.to_le_bytes()].concat() } else { Vec::new() };
            std::fs::write(&path, [head, bytes].concat()).unwrap();
            let cached = open(&path);
            asked(&cached, &["a", "bb"]);
            assert_eq!(open(&path).len(), cached.len());
        }
    }
}
