//! All files of a source: its globs, expanded again and again, and one tail a path.
//!
//! Start at [`Set::round`]. No async: the rounds run on the source's own thread, each tail gives at most a block at a time, and
//! whoever has more goes to the back of the queue, so that a large file does not starve the others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heinzel_core::block::{Checkpoint, Health, StreamId};
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use self::crowd::Crowd;
use super::folders::Folders;
use super::identity::State;
use super::records::Rules;
use super::siblings;
use super::since::{Since, TimeOf};
use super::tail::{Begin, Chunk, Looked, Tail};
use crate::settings::{self, Start};

/// So much is read in one round before it is handed over, in bytes.
const ROUND: usize = 4 << 20;

/// How often names that are not text are looked for.
const NAMELESS: Duration = Duration::from_secs(60);

/// A glob's checkpoint: it has been watched, so a file without a checkpoint of its own is new.
#[derive(Debug, Serialize, Deserialize)]
struct Watched {
    v: u32,
    watched: bool,
    /// Since when, in nanoseconds since 1970.
    #[serde(default)]
    since_ns: Option<i64>,
}

/// What a round brought, in order.
#[derive(Debug)]
pub(crate) enum Out {
    Chunk(StreamId, Chunk),
    /// A checkpoint without bytes; empty: the stream is gone.
    Checkpoint(StreamId, String),
    Health(StreamId, Health),
    Counted(&'static str, u64),
    Complaint(String),
}

/// The end of a round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) out: Vec<Out>,
    /// Something waits to be read: another round at once.
    pub(crate) more: bool,
    /// A tail had more than one block to give.
    pub(crate) behind: bool,
    /// Another round at this time, even if nothing happens.
    pub(crate) again_at: Option<Instant>,
    /// The followed paths, or the files they name, have changed.
    pub(crate) changed: bool,
}

/// Which paths to look at.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// These: they may name another file.
    pub(crate) paths: HashSet<PathBuf>,
    /// And these: all that is known is that their files were written to.
    pub(crate) grown: BTreeSet<Arc<Path>>,
    /// All of them.
    pub(crate) all: bool,
    /// Names have changed: expand the globs again.
    pub(crate) names: bool,
    /// Folders have come or gone: other ones are to be watched.
    pub(crate) folders: bool,
}

impl Wake {
    /// Everything, and new names.
    pub(crate) fn everything() -> Self {
        Self { all: true, names: true, folders: true, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.is_about_names() && self.paths.is_empty() && self.grown.is_empty()
    }

    /// Whether more is to be done than to look at some files.
    pub(crate) fn is_about_names(&self) -> bool {
        self.all || self.names || self.folders
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.grown.extend(other.grown);
        self.all |= other.all;
        self.names |= other.names;
        self.folders |= other.folders;
    }

    /// What a followed path names was written to, or something else has happened to it.
    pub(crate) fn hear(&mut self, path: &Arc<Path>, written: bool) {
        if written {
            self.grown.insert(path.clone());
        } else {
            self.paths.insert(path.to_path_buf());
        }
    }

    /// Whether files were written to, and nothing else is known to have happened.
    fn is_growth_alone(&self) -> bool {
        !self.is_about_names() && self.paths.is_empty() && !self.grown.is_empty()
    }
}

struct Followed {
    tail: Tail,
    stream: StreamId,
    health: Option<Health>,
    literal: bool,
}

/// All files of a source.
pub(crate) struct Set {
    literals: Vec<PathBuf>,
    globs: Vec<String>,
    exclude: Vec<glob::Pattern>,
    rules: Arc<Rules>,
    begin: Begin,
    checkpoints: HashMap<StreamId, Checkpoint>,
    followed: BTreeMap<PathBuf, Followed>,
    /// Of the followed, those that are looked at again at a time even if nothing happens.
    waiting: HashMap<PathBuf, Instant>,
    queue: VecDeque<PathBuf>,
    queued: HashSet<PathBuf>,
    /// Globs that have not been expanded before, in this run or another: their files begin where `start` says.
    new_globs: HashSet<String>,
    /// Globs whose checkpoint is to be handed over when all files have been looked at.
    unmarked: Vec<String>,
    /// When this run began, in nanoseconds since 1970.
    now_ns: i64,
    /// Further names of files that are followed, with the name under which they are.
    twins: HashMap<PathBuf, PathBuf>,
    /// How far files were read under another name.
    inherited: HashMap<PathBuf, State>,
    /// Names that are not text, already complained of, and when they were looked for.
    nameless: HashSet<PathBuf>,
    nameless_at: Option<Instant>,
    crowd: Crowd,
    /// What expanding the globs brought up.
    news: Vec<Out>,
    /// How the new files of a glob are read that was watched before: what was written to them when somebody watched is known.
    newcomers: HashMap<String, Begin>,
}

impl Set {
    /// `now` is the time as files have it.
    pub(crate) fn new(file: &settings::File, begin: Begin, checkpoints: Vec<Checkpoint>, now: Timestamp) -> Self {
        let rules = Rules {
            max_line: file.max_line,
            multiline: file.multiline.clone(),
            block: 1 << 20,
            settle: Duration::from_secs(1),
            linger: Duration::from_secs(30),
            unpacked: 8 << 30,
            folders: Folders::default(),
        };
        let is_glob = |path: &&String| path.contains(['*', '?', '[']);
        let globs: Vec<String> = file.paths.iter().filter(is_glob).cloned().collect();
        let checkpoints: HashMap<_, _> = checkpoints.into_iter().map(|c| (c.stream.clone(), c)).collect();
        let new_globs: HashSet<String> =
            globs.iter().filter(|glob| !checkpoints.contains_key(glob.as_str())).cloned().collect();
        let now_ns = now.as_micros().saturating_mul(1_000);
        let newcomers = newcomers(&globs, &checkpoints, now_ns);
        let mut set = Self {
            literals: file.paths.iter().filter(|path| !is_glob(path)).map(PathBuf::from).collect(),
            exclude: file.exclude.clone(),
            rules: Arc::new(rules),
            begin,
            checkpoints,
            followed: BTreeMap::new(),
            waiting: HashMap::new(),
            queue: VecDeque::new(),
            queued: HashSet::new(),
            unmarked: new_globs.iter().cloned().collect(),
            new_globs,
            now_ns,
            twins: HashMap::new(),
            inherited: HashMap::new(),
            nameless: HashSet::new(),
            nameless_at: None,
            crowd: Crowd::new(file.followed.clone()),
            news: Vec::new(),
            newcomers,
            globs,
        };
        for path in set.literals.clone() {
            set.follow(path, None, set.begin.clone());
        }
        set.expand();
        set.new_globs.clear();
        set.recall();
        set
    }

    /// The followed paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.followed.keys().map(PathBuf::as_path)
    }

    /// The folders in which files may appear.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let mut folders: HashSet<PathBuf> = HashSet::new();
        folders.extend(self.paths().filter_map(Path::parent).map(Path::to_path_buf));
        for pattern in &self.globs {
            let parents: Vec<&Path> = Path::new(pattern).ancestors().skip(1).collect();
            for parent in parents {
                let text = parent.to_string_lossy();
                if text.contains(['*', '?', '[']) {
                    folders.extend(expand_one(&text).filter(|path| path.is_dir()));
                } else {
                    // The last part without a wildcard; those above it hardly change.
                    folders.insert(parent.to_path_buf());
                    break;
                }
            }
        }
        folders.into_iter().collect()
    }

    /// Looks at what may have changed, and reads.
    pub(crate) fn round(&mut self, wake: &Wake, now: Instant) -> Round {
        if wake.is_growth_alone() && self.queue.is_empty() && self.again_at().is_none_or(|at| now < at) {
            return self.grown(&wake.grown, now);
        }
        let mut round = Round::default();
        if wake.names {
            round.changed |= self.expand();
        }
        if self.nameless_at.is_none_or(|at| at + NAMELESS <= now) {
            self.nameless_at = Some(now);
            self.complain_of_nameless();
        }
        round.out.append(&mut self.news);
        self.due(wake, now).into_iter().for_each(|path| self.enqueue(path));
        let mut bytes = 0;
        while bytes < ROUND {
            let Some(path) = self.queue.pop_front() else { break };
            self.queued.remove(&path);
            bytes += self.look(&path, now, &mut round);
        }
        round.more = !self.queue.is_empty();
        if !round.more {
            let watched = Watched { v: 1, watched: true, since_ns: Some(self.now_ns) };
            let state = serde_json::to_string(&watched).unwrap_or_default();
            let marked = self.unmarked.drain(..);
            round.out.extend(marked.map(|glob| Out::Checkpoint(Arc::from(glob), state.clone())));
        }
        round.again_at = self.again_at();
        round
    }

    /// Reads what was appended to these paths, and looks at nothing else: a line is waiting.
    fn grown(&mut self, paths: &BTreeSet<Arc<Path>>, now: Instant) -> Round {
        let mut round = Round::default();
        let mut bytes = 0;
        for path in paths {
            match self.followed.get_mut(&**path) {
                Some(followed) if bytes < ROUND => {
                    let looked = followed.tail.look_at_open(now);
                    bytes += self.take(path, looked, &mut round);
                }
                Some(_) => self.enqueue(path.to_path_buf()),
                None => {}
            }
        }
        round.more = !self.queue.is_empty();
        round.again_at = self.again_at();
        round
    }

    /// The followed paths to look at. Thousands may be followed, of which one has grown.
    fn due(&self, wake: &Wake, now: Instant) -> BTreeSet<PathBuf> {
        if wake.all {
            return self.followed.keys().cloned().collect();
        }
        let grown = wake.grown.iter().map(|path| &**path);
        let woken =
            wake.paths.iter().map(PathBuf::as_path).chain(grown).filter(|path| self.followed.contains_key(*path));
        let waited = self.waiting.iter().filter(|(_, at)| **at <= now).map(|(path, _)| path.as_path());
        woken.chain(waited).map(Path::to_path_buf).collect()
    }

    fn again_at(&self) -> Option<Instant> {
        self.waiting.values().copied().min()
    }

    fn look(&mut self, path: &Path, now: Instant, round: &mut Round) -> usize {
        let Some(followed) = self.followed.get_mut(path) else { return 0 };
        let looked = followed.tail.look(now);
        self.take(path, looked, round)
    }

    /// Adds what a look brought to a round; returns what it cost, in bytes.
    fn take(&mut self, path: &Path, looked: Looked, round: &mut Round) -> usize {
        let Some(followed) = self.followed.get_mut(path) else { return 0 };
        match looked.again_at {
            Some(at) => drop(self.waiting.insert(path.to_path_buf(), at)),
            None => drop(self.waiting.remove(path)),
        }
        round.changed |= looked.switched;
        if followed.health.as_ref() != Some(&looked.health) {
            followed.health = Some(looked.health.clone());
            round.out.push(Out::Health(followed.stream.clone(), looked.health.clone()));
        }
        round.out.extend(looked.counts.into_iter().map(|(what, times)| Out::Counted(what, times)));
        round.out.extend(looked.complaints.into_iter().map(Out::Complaint));
        let mut bytes = 0;
        if let Some(chunk) = looked.chunk {
            bytes = chunk.bytes.len();
            round.out.push(Out::Chunk(followed.stream.clone(), chunk));
        }
        // A glob's file that is gone, with nothing left of it: forget it, or dated names would add up for ever.
        // Not one of which a rotated file is left, which would be taken for new.
        let gone = !followed.literal
            && matches!(looked.health, Health::Missing | Health::Ok)
            && followed.tail.is_over()
            && siblings::list(followed.tail.path(), &self.rules.folders).is_empty()
            && siblings::packed(followed.tail.path(), &self.rules.folders).is_empty();
        if gone {
            round.out.push(Out::Checkpoint(followed.stream.clone(), String::new()));
            self.leave(path);
            round.changed = true;
        } else if looked.more {
            round.behind = true;
            self.enqueue(path.to_path_buf());
        }
        // Even a look without bytes has its cost: a round of skipping through a line that is too long must end.
        bytes.max(if looked.more { self.rules.block } else { 0 })
    }

    fn enqueue(&mut self, path: PathBuf) {
        if self.queued.insert(path.clone()) {
            self.queue.push_back(path);
        }
    }

    /// Expands the globs; says whether a path is new.
    fn expand(&mut self) -> bool {
        let mut new = false;
        let mut known: Option<HashSet<PathBuf>> = None;
        for pattern in self.globs.clone() {
            let found: Vec<PathBuf> = expand_one(&pattern).collect();
            let all: HashSet<&PathBuf> = found.iter().chain(self.followed.keys()).collect();
            let mut fresh: Vec<PathBuf> = found
                .iter()
                .filter(|path| !self.followed.contains_key(*path))
                .filter(|path| !self.is_excluded(path) && !path.is_dir() && !is_of_another(path, &all))
                .cloned()
                .collect();
            // What appears under a glob that is being watched is new, whatever `start` says.
            let begin = match self.newcomers.get(&pattern) {
                _ if self.new_globs.contains(&pattern) => &self.begin,
                begin => begin.unwrap_or(&Begin::Beginning),
            };
            let begin = begin.clone();
            // Of several names of a file the one that was followed before.
            fresh.sort_by_key(|path| !self.checkpoints.contains_key(&*path.to_string_lossy()));
            let complaint = self.crowd.admit(&pattern, self.followed.len(), &mut fresh);
            self.news.extend(complaint.map(Out::Complaint));
            let mut names = twins::Names::default();
            for path in fresh {
                if self.is_twin(&path, &mut names) {
                    continue;
                }
                new = true;
                // A rotated file that was alone so far is followed under its own name.
                let is_known = matches!(begin, Begin::New(_)) && {
                    let checkpointed = || self.checkpoints.keys().map(|stream| Path::new(&**stream));
                    let all = || self.paths().chain(checkpointed()).flat_map(rotated_from).collect();
                    let known = known.get_or_insert_with(all);
                    known.extend(rotated_from(&path));
                    known.contains(&path)
                };
                self.follow(path, Some(&pattern), if is_known { Begin::Beginning } else { begin.clone() });
            }
        }
        new
    }

    /// Follows again what has a checkpoint but is not there now: what was rotated away may be found.
    fn recall(&mut self) {
        let of_glob = |glob: &String| Some((glob.clone(), glob::Pattern::new(glob).ok()?));
        let patterns: Vec<(String, glob::Pattern)> = self.globs.iter().filter_map(of_glob).collect();
        let separated = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let fits = |path: &Path| patterns.iter().find(|(_, pattern)| pattern.matches_path_with(path, separated));
        let missing: Vec<(PathBuf, String)> = self
            .checkpoints
            .keys()
            .filter(|stream| !self.globs.iter().any(|glob| **glob == ***stream))
            .map(|stream| PathBuf::from(&**stream))
            .filter(|path| {
                !self.followed.contains_key(path) && !self.twins.contains_key(path) && !self.is_excluded(path)
            })
            .filter_map(|path| fits(&path).map(|(glob, _)| (path.clone(), glob.clone())))
            .collect();
        for (path, glob) in missing {
            self.follow(path, Some(&glob), Begin::Beginning);
        }
    }

    /// Follows a path, which `glob` found, if it was not named.
    fn follow(&mut self, path: PathBuf, glob: Option<&str>, otherwise: Begin) {
        let stream: StreamId = Arc::from(path.to_string_lossy());
        let begin = match self.checkpoints.remove(&stream) {
            None if let Some(state) = self.inherited.remove(&path) => Begin::Resume(state),
            // A damaged checkpoint: nothing may be lost silently, so it counts and everything is read.
            Some(checkpoint) => Begin::Resume(State::read(&checkpoint.state).unwrap_or_else(State::unusable)),
            None => otherwise,
        };
        let tail = Tail::new(path.clone(), self.rules.clone(), begin);
        let tail = match glob {
            Some(pattern) => tail.found_by(pattern),
            None => tail,
        };
        self.enqueue(path.clone());
        self.followed.insert(path, Followed { tail, stream, health: None, literal: glob.is_none() });
    }

    /// Follows a path no more.
    fn leave(&mut self, path: &Path) -> Option<Followed> {
        self.waiting.remove(path);
        self.followed.remove(path)
    }

    fn is_excluded(&self, path: &Path) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        siblings::is_compressed(&name)
            || self.exclude.iter().any(|pattern| {
                if pattern.as_str().contains('/') { pattern.matches_path(path) } else { pattern.matches(&name) }
            })
    }
}

/// How new files begin under globs that were watched before: with what was rotated away since somebody watched last, which was no
/// earlier than any write that was seen.
fn newcomers(globs: &[String], checkpoints: &HashMap<StreamId, Checkpoint>, now_ns: i64) -> HashMap<String, Begin> {
    let states = checkpoints.values().filter_map(|checkpoint| State::read(&checkpoint.state));
    let last_write = states.flat_map(|state| state.files).map(|mark| mark.mtime_ns).filter(|&at| at <= now_ns).max();
    let begin = |glob: &String| {
        let since = match checkpoints.get(glob.as_str()) {
            Some(checkpoint) => serde_json::from_str::<Watched>(&checkpoint.state).ok()?.since_ns,
            None => Some(now_ns),
        };
        Some((glob.clone(), Begin::New(since.max(last_write)?)))
    };
    globs.iter().filter_map(begin).collect()
}

/// Builds what `start` means.
pub(crate) fn begin(start: Start, now: Timestamp, time_of: TimeOf) -> Begin {
    match start {
        Start::End => Begin::End,
        Start::Beginning => Begin::Beginning,
        Start::Since(span) => Begin::Since(Since { cutoff: now - span, time_of }),
    }
}

fn expand_one(pattern: &str) -> impl Iterator<Item = PathBuf> {
    // An unreadable folder inside the glob hides its files, as a missing one does.
    glob::glob(pattern).into_iter().flatten().flatten()
}

/// Whether a path is only another name of a file that is followed: rotated away from it, or a link to it.
fn is_of_another(path: &Path, all: &HashSet<&PathBuf>) -> bool {
    let is_rotated = rotated_from(path).iter().any(|other| all.contains(other));
    let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    is_rotated || (is_link && fs::canonicalize(path).is_ok_and(|target| target != path && all.contains(&target)))
}

/// The paths of which this one is what they become when they are rotated. A folder may hold thousands of logs: what it is of
/// is told by its own name, not by those of all others.
fn rotated_from(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(OsStr::to_str);
    name.map(siblings::bases).unwrap_or_default().into_iter().map(|base| path.with_file_name(base)).collect()
}

mod crowd;
mod twins;

#[cfg(test)]
mod tests;
