//! How well a ranker ranks, on sets of drafts whose answer is known.
//!
//! Start at [`Set::read`] and [`Set::measure`]. A set is a folder: `candidates.jsonl` (id, and title, body, lang, or
//! title_de, body_de, title_en, body_en), `examples.jsonl` (text, gold: example drafts, of which the first K of an
//! answer are used), `queries.jsonl` (text, gold: a list, optionally subject and lang), `oos.jsonl` (text: drafts that
//! no answer fits).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::answer::Language;
use crate::rank::{self, Document, Draft, Ranker, Text};
use crate::text::strip::strip;

/// Sets with more answers than this are cut to their first ones, and to the drafts whose answer is among them: tickets
/// each have an answer of their own, and a support team has no thousands.
pub const MOST_ANSWERS: usize = 500;
/// At most so many drafts of a set that was cut.
const MOST_QUERIES: usize = 500;

/// What of a set is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How many example drafts an answer has.
    pub examples: usize,
    /// Drafts are cut to so many words, after what is form has gone.
    pub words: Option<usize>,
    /// Drafts keep their subject line.
    pub subject: bool,
}

/// Why a set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file is missing or cannot be read.
    #[error("read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nothing to measure.
    #[error("{} has no draft whose answer is among its candidates; queries.jsonl and candidates.jsonl must fit each other", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
}

/// A draft whose answer is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The subject line, if it is to be used.
    pub subject: String,
    /// The text.
    pub body: String,
    /// Its language.
    pub language: Option<Language>,
    /// The documents that are right.
    pub gold: Vec<usize>,
}

/// Drafts, and the answers among which theirs is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// The folder's name.
    pub name: String,
    /// The answers.
    pub documents: Vec<Document>,
    /// How many candidates the folder has.
    pub candidates: usize,
    /// Drafts with an answer.
    pub queries: Vec<Query>,
    /// Drafts without: text and language.
    pub strangers: Vec<(String, Option<Language>)>,
    /// Lines that could not be read: file, line, and what is wrong.
    pub complaints: Vec<String>,
}

/// What was measured. Shares are 0 to 100.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The set, and the language of the drafts where it has two.
    pub set: String,
    /// How many example drafts an answer has.
    pub examples: usize,
    /// How many answers there are.
    pub answers: usize,
    /// How many drafts were ranked.
    pub drafts: usize,
    /// The right answer is first.
    pub recall_1: f64,
    /// The right answer is among the first three.
    pub recall_3: f64,
    /// Mean reciprocal rank among the first ten.
    pub mrr_10: f64,
    /// Silence, where the set has drafts that nothing fits.
    pub silence: Option<Silence>,
    /// Time a draft, microseconds, median.
    pub p50_us: f64,
    /// Time a draft, microseconds, 99th percentile.
    pub p99_us: f64,
}

/// Showing and not showing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Silence {
    /// Drafts that nothing fits.
    pub strangers: usize,
    /// The threshold that shows something on at most a tenth of them.
    pub threshold: f32,
    /// At that threshold: drafts with an answer that are shown the right one first.
    pub right: f64,
    /// At that threshold: drafts with an answer that are shown something.
    pub shown: f64,
    /// The threshold that the ranker comes with.
    pub own_threshold: f32,
    /// At that one: drafts that nothing fits and that are shown something.
    pub own_strangers_shown: f64,
    /// At that one: drafts with an answer that are shown the right one first.
    pub own_right: f64,
    /// How probable it is that a draft with an answer scores above one without, 0 to 1.
    pub auroc: f64,
}

#[derive(Deserialize)]
struct Candidate {
    id: String,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    title_de: Option<String>,
    body_de: Option<String>,
    title_en: Option<String>,
    body_en: Option<String>,
}

#[derive(Deserialize)]
struct Labelled {
    text: String,
    gold: String,
}

#[derive(Deserialize)]
struct Asked {
    text: String,
    gold: Vec<String>,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    subject: String,
}

#[derive(Deserialize)]
struct Stranger {
    text: String,
    #[serde(default)]
    lang: String,
}

/// The sets in a folder: itself, if it is one, or the folders in it that are.
///
/// # Errors
/// The folder cannot be read.
pub fn sets(folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    if folder.join("queries.jsonl").exists() {
        return Ok(vec![folder.to_owned()]);
    }
    let failed = |source| EvalError::Read { file: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join("queries.jsonl").exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a set has example drafts.
#[must_use]
pub fn has_examples(folder: &Path) -> bool {
    folder.join("examples.jsonl").exists()
}

impl Set {
    /// Reads a set. A line that cannot be read is a complaint, no error.
    ///
    /// # Errors
    /// A file cannot be read, or nothing is left to measure.
    pub fn read(folder: &Path, options: Options) -> Result<Self, EvalError> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut set = Self { name, ..Self::default() };
        let mut candidates: Vec<Candidate> = set.lines(&folder.join("candidates.jsonl"))?;
        set.candidates = candidates.len();
        candidates.truncate(MOST_ANSWERS);
        let mut examples: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if options.examples > 0 && has_examples(folder) {
            for example in set.lines::<Labelled>(&folder.join("examples.jsonl"))? {
                let known = examples.entry(example.gold).or_default();
                if known.len() < options.examples {
                    known.push(example.text);
                }
            }
        }
        set.documents = candidates.into_iter().map(|c| document(c, &mut examples)).collect();
        let place: BTreeMap<String, usize> =
            set.documents.iter().enumerate().map(|(place, document)| (document.id.clone(), place)).collect();
        let asked: Vec<Asked> = set.lines(&folder.join("queries.jsonl"))?;
        set.queries = asked
            .into_iter()
            .filter_map(|asked| {
                let gold: Vec<usize> = asked.gold.iter().filter_map(|id| place.get(id).copied()).collect();
                let subject = if options.subject { asked.subject } else { String::new() };
                let body = cut(asked.text, options.words);
                (!gold.is_empty()).then(|| Query { subject, body, language: Language::from_locale(&asked.lang), gold })
            })
            .collect();
        if set.candidates > MOST_ANSWERS {
            set.queries.truncate(MOST_QUERIES);
        }
        if set.queries.is_empty() {
            return Err(EvalError::Empty { folder: folder.to_owned() });
        }
        let strangers = folder.join("oos.jsonl");
        if strangers.exists() {
            let read: Vec<Stranger> = set.lines(&strangers)?;
            set.strangers =
                read.into_iter().map(|s| (cut(s.text, options.words), Language::from_locale(&s.lang))).collect();
        }
        Ok(set)
    }

    fn lines<T: for<'a> Deserialize<'a>>(&mut self, file: &Path) -> Result<Vec<T>, EvalError> {
        let text = std::fs::read(file).map_err(|source| EvalError::Read { file: file.to_owned(), source })?;
        let mut read = Vec::new();
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(value) => read.push(value),
                Err(error) => self.complaints.push(format!("{}:{}: {error}", file.display(), number + 1)),
            }
        }
        Ok(read)
    }

    /// Ranks all drafts of the set; one row, or one a language where the answers are in both. `now` is the caller's
    /// clock.
    pub fn measure(&self, ranker: &dyn Ranker, examples: usize, now: &mut dyn FnMut() -> Duration) -> Vec<Figures> {
        let bilingual = self.documents.iter().any(|document| document.texts.len() > 1);
        let languages: Vec<Option<Language>> =
            if bilingual { Language::ALL.into_iter().map(Some).collect() } else { vec![None] };
        languages.into_iter().filter_map(|language| self.measure_one(ranker, examples, language, now)).collect()
    }

    fn measure_one(
        &self,
        ranker: &dyn Ranker,
        examples: usize,
        language: Option<Language>,
        now: &mut dyn FnMut() -> Duration,
    ) -> Option<Figures> {
        let fits = |other: Option<Language>| language.is_none() || other == language;
        let (mut first, mut third, mut reciprocal) = (0.0, 0.0, 0.0);
        let mut tops: Vec<(f32, bool)> = Vec::new();
        let mut times: Vec<Duration> = Vec::new();
        for query in self.queries.iter().filter(|query| fits(query.language)) {
            let draft = Draft { subject: &query.subject, body: &query.body, language: query.language };
            let begun = now();
            let ranked = ranker.rank(&draft, 10);
            times.push(now().saturating_sub(begun));
            let place = ranked.iter().position(|ranked| query.gold.contains(&ranked.document));
            if let Some(place) = place {
                first += f64::from(u8::from(place == 0));
                third += f64::from(u8::from(place < 3));
                reciprocal += 1.0 / (place as f64 + 1.0);
            }
            tops.push((rank::fit(&ranked), place == Some(0)));
        }
        if tops.is_empty() {
            return None;
        }
        let strangers: Vec<f32> = self
            .strangers
            .iter()
            .filter(|(_, other)| fits(*other))
            .map(|(body, language)| {
                let draft = Draft { subject: "", body, language: *language };
                rank::fit(&ranker.rank(&draft, rank::LOOKED_AT))
            })
            .collect();
        times.sort_unstable();
        let percentile = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        let n = tops.len() as f64;
        Some(Figures {
            set: language.map_or(self.name.clone(), |language| format!("{} ({})", self.name, language.code())),
            examples,
            answers: self.documents.len(),
            drafts: tops.len(),
            recall_1: 100.0 * first / n,
            recall_3: 100.0 * third / n,
            mrr_10: 100.0 * reciprocal / n,
            silence: (!strangers.is_empty()).then(|| silence(&tops, strangers, ranker.threshold())),
            p50_us: percentile(50),
            p99_us: percentile(99),
        })
    }
}

fn document(candidate: Candidate, examples: &mut BTreeMap<String, Vec<String>>) -> Document {
    let examples = examples.remove(&candidate.id).unwrap_or_default();
    let mut texts = Vec::new();
    let variants =
        [(Language::De, candidate.title_de, candidate.body_de), (Language::En, candidate.title_en, candidate.body_en)];
    for (language, title, body) in variants {
        if title.is_some() || body.is_some() {
            let (title, body) = (title.unwrap_or_default(), body.unwrap_or_default());
            texts.push(Text { language: Some(language), title, body, ..Text::default() });
        }
    }
    if texts.is_empty() {
        let language = Language::from_locale(&candidate.lang);
        texts.push(Text { language, title: candidate.title, body: candidate.body, ..Text::default() });
    }
    if let Some(first) = texts.first_mut() {
        first.examples = examples;
    }
    Document { id: candidate.id, texts }
}

/// The first words of a draft whose form has gone.
fn cut(text: String, words: Option<usize>) -> String {
    let Some(words) = words else { return text };
    strip(&text).split_whitespace().take(words).collect::<Vec<_>>().join(" ")
}

fn silence(tops: &[(f32, bool)], mut strangers: Vec<f32>, own: f32) -> Silence {
    let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
    let wins: f64 = tops
        .iter()
        .flat_map(|(top, _)| {
            strangers.iter().map(move |s| if top > s { 1.0 } else { f64::from(u8::from(top == s)) / 2.0 })
        })
        .sum();
    let auroc = wins / (tops.len() * strangers.len()) as f64;
    strangers.sort_by(|a, b| b.total_cmp(a));
    // Shown is what scores above the threshold, so exactly a tenth of the strangers does.
    let threshold = strangers[strangers.len() / 10];
    let shown = tops.iter().filter(|(top, _)| *top > threshold).count();
    let right = tops.iter().filter(|(top, right)| *top > threshold && *right).count();
    Silence {
        strangers: strangers.len(),
        threshold,
        right: share(right, tops.len()),
        shown: share(shown, tops.len()),
        own_threshold: own,
        own_strangers_shown: share(strangers.iter().filter(|s| **s >= own).count(), strangers.len()),
        own_right: share(tops.iter().filter(|(top, right)| *top >= own && *right).count(), tops.len()),
        auroc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Ranked;

    /// Ranks by the number in the draft.
    struct Fixed;

    impl Ranker for Fixed {
        fn rank(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked> {
            let first: usize = draft.body.trim().parse().unwrap_or(0);
            let ranked = |document| Ranked {
                document,
                rank_score: 0.0,
                raw: draft.body.len() as f32,
                confidence: 0.0,
                words: Vec::new(),
                example: None,
            };
            (first..first + 4).take(most).map(ranked).collect()
        }
        fn threshold(&self) -> f32 {
            2.0
        }
    }

    fn query(body: &str, gold: usize) -> Query {
        Query { subject: String::new(), body: body.to_owned(), language: None, gold: vec![gold] }
    }

    #[test]
    fn figures_are_what_their_names_say() {
        let set = Set {
            name: "set".to_owned(),
            queries: vec![query("7", 7), query("7 ", 9), query("1", 4), query("5  ", 5)],
            strangers: vec![("0".to_owned(), None), ("0 ".to_owned(), None)],
            ..Set::default()
        };
        let figures = &set.measure(&Fixed, 0, &mut || Duration::ZERO)[0];
        assert_eq!((figures.recall_1, figures.recall_3), (50.0, 75.0));
        assert!((figures.mrr_10 - 100.0 * (1.0 + 1.0 / 3.0 + 0.25 + 1.0) / 4.0).abs() < 1e-9);
        let silence = figures.silence.unwrap();
        assert_eq!((silence.threshold, silence.shown, silence.right), (2.0, 25.0, 25.0));
        assert_eq!((silence.own_strangers_shown, silence.own_right), (50.0, 25.0));
        assert_eq!(silence.auroc, (2.0 * 0.25 + 0.75 + 1.0) / 4.0);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = std::env::temp_dir().join(format!("heinzel-eval-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("candidates.jsonl"), "{\"id\":\"a\",\"title\":\"A\"}\nbroken\n").unwrap();
        std::fs::write(folder.join("queries.jsonl"), "{\"text\":\"Hallo, eins zwei drei\",\"gold\":[\"a\"]}\n")
            .unwrap();
        let set = Set::read(&folder, Options { words: Some(2), ..Options::default() }).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(set.queries[0].body, "eins zwei");
        assert_eq!(set.complaints.len(), 1);
        assert!(set.complaints[0].contains("candidates.jsonl:2: "), "{:?}", set.complaints);
        assert!(Set::read(Path::new("/nowhere"), Options::default()).is_err());
    }
}
