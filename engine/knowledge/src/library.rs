//! All answers: the files of the packs, put together over their languages.
//!
//! Start at [`Library::load`]. One bad file never stops the others.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use heinzel_core::place::place;

use crate::answer::{Answer, AnswerId, Audience, Language, Variant};
use crate::complaint::{Complaint, Severity};
use crate::front_matter::{self, AnswerFile, whole};
use crate::placeholder;
use crate::rank::{Document, Text};

/// The largest file of an answer, in bytes.
const FILE_BYTES: u64 = 128 * 1024;
/// So many threads read at most, and each so many files at least.
const MOST_THREADS: usize = 4;
const FEW_FILES: usize = 1_000;

/// All answers, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Library {
    answers: BTreeMap<AnswerId, Answer>,
}

impl Library {
    /// Loads the answers of all packs below the folders. A file in an earlier folder hides one of the same id and language in
    /// a later one.
    #[must_use]
    pub fn load(folders: &[PathBuf]) -> (Self, Vec<Complaint>) {
        let (files, mut complaints) = read(folders);
        let (library, more) = Self::build(files);
        complaints.extend(more);
        (library, complaints)
    }

    /// Puts files together, wherever they come from. Where two have the same id and language, the first one counts. An answer
    /// whose languages contradict each other is left out.
    #[must_use]
    pub fn build(files: Vec<AnswerFile>) -> (Self, Vec<Complaint>) {
        let mut answers: BTreeMap<AnswerId, Answer> = BTreeMap::new();
        let mut complaints = Vec::new();
        let mut torn = Vec::new();
        for file in files {
            let AnswerFile { id, shared, variant, places, .. } = file;
            let line = |key: &str| places.keys.get(key).copied().unwrap_or((0, 0));
            match answers.entry(id.clone()) {
                Entry::Vacant(vacant) => {
                    let variants = BTreeMap::from([(variant.language, variant)]);
                    let front_matter::Shared { category, audience, conditions, valid_until } = shared;
                    vacant.insert(Answer { id, category, audience, conditions, valid_until, variants });
                }
                Entry::Occupied(mut known) => {
                    let answer = known.get_mut();
                    if answer.variants.contains_key(&variant.language) {
                        continue;
                    }
                    let Some(other) = answer.variants.values().next() else { continue };
                    for (key, differs) in [
                        ("category", answer.category != shared.category),
                        ("audience", answer.audience != shared.audience),
                        ("conditions", answer.conditions != shared.conditions),
                        ("valid_until", answer.valid_until != shared.valid_until),
                    ] {
                        if differs {
                            complaints.push(differing(&variant, other, key, Severity::Error, line(key)));
                            torn.push(id.clone());
                        }
                    }
                    if !variant.variables.keys().eq(other.variables.keys()) {
                        complaints.push(differing(&variant, other, "variables", Severity::Warning, line("variables")));
                    }
                    answer.variants.insert(variant.language, variant);
                }
            }
        }
        for id in torn {
            answers.remove(&id);
        }
        (Self { answers }, complaints)
    }

    /// The answer with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Answer> {
        self.answers.get(id)
    }

    /// All answers, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Answer> {
        self.answers.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// What ranking needs: every answer that customers may see, by id.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        let shown = self.answers.values().filter(|answer| answer.audience == Audience::Customer);
        let text = |variant: &Variant| Text {
            language: Some(variant.language),
            title: variant.title.clone(),
            body: plain(variant),
            examples: variant.questions.clone(),
            learned: 0,
        };
        shown
            .map(|answer| Document { id: answer.id.clone(), texts: answer.variants.values().map(text).collect() })
            .collect()
    }
}

fn differing(
    variant: &Variant,
    other: &Variant,
    key: &str,
    severity: Severity,
    (line, column): (usize, usize),
) -> Complaint {
    let message = format!("`{key}` is not the same as in {}", other.file.display());
    let suggestion = match severity {
        Severity::Error => "make both say the same; until then the answer is not used",
        _ => "declare the same variables in both languages, and use them in both",
    };
    Complaint {
        file: variant.file.clone(),
        line,
        column,
        rule: "format",
        severity,
        message,
        suggestion: Some(suggestion.to_owned()),
    }
}

/// All parts as one text, without placeholders.
fn plain(variant: &Variant) -> String {
    let mut out = String::new();
    for (_, part) in variant.parts.iter().filter(|(_, part)| !part.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        let mut at = 0;
        for tag in placeholder::scan(part).unwrap_or_default() {
            out.push_str(&part[at..tag.range.start]);
            at = tag.range.end;
        }
        out.push_str(&part[at..]);
    }
    out
}

/// An answer's file, by its name.
struct Place {
    path: PathBuf,
    id: AnswerId,
    language: Language,
}

/// Reads the files of all packs below the folders, each id and language once, with what is wrong with them.
#[must_use]
pub fn read(folders: &[PathBuf]) -> (Vec<AnswerFile>, Vec<Complaint>) {
    let places = places(folders);
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    // A few are read sooner than a thread is started.
    let part = places.len().div_ceil(threads).max(FEW_FILES);
    let read = |places: &[Result<Place, Complaint>]| places.iter().map(read_one).collect::<Vec<_>>();
    let read: Vec<_> = std::thread::scope(|scope| {
        let (mine, others) = places.split_at(part.min(places.len()));
        let start = |part| (part, std::thread::Builder::new().spawn_scoped(scope, move || read(part)));
        let others: Vec<_> = others.chunks(part).map(start).collect();
        let mut all = read(mine);
        for (part, thread) in others {
            // One that cannot be started is missed, but not needed; a panic is passed on.
            all.extend(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => read(part),
            });
        }
        all
    });
    let mut files: BTreeMap<(AnswerId, Language), AnswerFile> = BTreeMap::new();
    let mut complaints = Vec::new();
    for (file, wrong) in read {
        complaints.extend(wrong);
        files.extend(file.map(|file| ((file.id.clone(), file.variant.language), file)));
    }
    (files.into_values().collect(), complaints)
}

fn read_one(place: &Result<Place, Complaint>) -> (Option<AnswerFile>, Vec<Complaint>) {
    match place {
        Err(complaint) => (None, vec![complaint.clone()]),
        Ok(Place { path, id, language }) => match text(path) {
            Err(complaint) => (None, vec![complaint]),
            Ok(text) => front_matter::parse(path, id, *language, &text),
        },
    }
}

/// The files of all packs below the folders, each id and language once, among them what is wrong with names and folders.
fn places(folders: &[PathBuf]) -> Vec<Result<Place, Complaint>> {
    let mut places = Vec::new();
    let mut met = std::collections::BTreeSet::new();
    for folder in folders {
        for pack in list(folder, &mut places) {
            let answers = pack.join("answers");
            let name = file_name(&pack);
            if name.starts_with('.') || !answers.is_dir() {
                continue;
            }
            if !front_matter::is_name(&name) {
                let message = format!("`{name}` can name no pack that holds answers");
                places.push(Err(whole(&pack, message, "use small letters, digits and hyphens")));
                continue;
            }
            for path in list(&answers, &mut places) {
                let file = file_name(&path);
                if file.starts_with('.') || file.ends_with('~') {
                    continue;
                }
                let Some((id, language)) = front_matter::of_file_name(&file) else {
                    let message = format!("`{file}` is no name of an answer's file");
                    let way = "name it like `server-slow.de.md`: small letters, digits and hyphens, then the language (de, en)";
                    places.push(Err(whole(&path, message, way)));
                    continue;
                };
                let id = format!("{name}/{id}");
                // A broken file hides, too: the operator's own answer must not be replaced by the shipped one unnoticed.
                if met.insert((id.clone(), language)) {
                    places.push(Ok(Place { path, id, language }));
                }
            }
        }
    }
    places
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The entries of a folder, sorted by name.
fn list(folder: &Path, places: &mut Vec<Result<Place, Complaint>>) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>());
    match entries {
        Ok(mut paths) => {
            paths.sort();
            paths
        }
        Err(error) => {
            let message = format!("list the folder {}: {error}", folder.display());
            places.push(Err(whole(folder, message, "name a folder that holds packs and that heinzel may read")));
            Vec::new()
        }
    }
}

/// The text of a file that is plain and small.
fn text(path: &Path) -> Result<String, Complaint> {
    let unreadable = |e: std::io::Error| {
        let way = "make the file readable for the user heinzel runs as";
        whole(path, format!("read {}: {e}", path.display()), way)
    };
    // Asked before it is opened: opening a named pipe would wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(whole(path, "this is not a regular file", "replace it by a plain text file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(unreadable)?.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES {
        let way = "an answer is a page at most; split it into several";
        return Err(whole(path, format!("the file is larger than {FILE_BYTES} bytes"), way));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let (line, column) = place(&good, good.len());
        Complaint { line, column, ..whole(path, "the file is not valid UTF-8 from here on", "save it as UTF-8") }
    })
}

#[cfg(test)]
mod tests;
