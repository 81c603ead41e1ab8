//! All answers: the files of the packs, put together over their languages.
//!
//! Start at [`Library::load`]. One bad file never stops the others.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::answer::{Answer, AnswerId, Audience, Language, Variant};
use crate::complaint::{Complaint, Severity};
use crate::front_matter::{self, AnswerFile, whole};
use crate::placeholder;
use crate::rank::{Document, Text};

/// The largest file of an answer, in bytes.
const FILE_BYTES: u64 = 128 * 1024;

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

/// Reads the files of all packs below the folders, each id and language once, with what is wrong with them.
#[must_use]
pub fn read(folders: &[PathBuf]) -> (Vec<AnswerFile>, Vec<Complaint>) {
    let mut files: BTreeMap<(AnswerId, Language), AnswerFile> = BTreeMap::new();
    let mut complaints = Vec::new();
    let mut met = std::collections::BTreeSet::new();
    for folder in folders {
        for pack in list(folder, &mut complaints) {
            let answers = pack.join("answers");
            let name = file_name(&pack);
            if name.starts_with('.') || !answers.is_dir() {
                continue;
            }
            if !front_matter::is_name(&name) {
                let message = format!("`{name}` can name no pack that holds answers");
                complaints.push(whole(&pack, message, "use small letters, digits and hyphens"));
                continue;
            }
            for path in list(&answers, &mut complaints) {
                let file = file_name(&path);
                if file.starts_with('.') || file.ends_with('~') {
                    continue;
                }
                let Some((id, language)) = front_matter::of_file_name(&file) else {
                    let message = format!("`{file}` is no name of an answer's file");
                    let way = "name it like `server-slow.de.md`: small letters, digits and hyphens, then the language (de, en)";
                    complaints.push(whole(&path, message, way));
                    continue;
                };
                let id = format!("{name}/{id}");
                // A broken file hides, too: the operator's own answer must not be replaced by the shipped one unnoticed.
                if !met.insert((id.clone(), language)) {
                    continue;
                }
                match text(&path) {
                    Err(complaint) => complaints.push(complaint),
                    Ok(text) => {
                        let (read, wrong) = front_matter::parse(&path, &id, language, &text);
                        complaints.extend(wrong);
                        files.extend(read.map(|read| ((id, language), read)));
                    }
                }
            }
        }
    }
    (files.into_values().collect(), complaints)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The entries of a folder, sorted by name.
fn list(folder: &Path, complaints: &mut Vec<Complaint>) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>());
    match entries {
        Ok(mut paths) => {
            paths.sort();
            paths
        }
        Err(error) => {
            let message = format!("list the folder {}: {error}", folder.display());
            complaints.push(whole(folder, message, "name a folder that holds packs and that heinzel may read"));
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
        let (line, column) = crate::complaint::place(&good, good.len());
        Complaint { line, column, ..whole(path, "the file is not valid UTF-8 from here on", "save it as UTF-8") }
    })
}

#[cfg(test)]
mod tests;
