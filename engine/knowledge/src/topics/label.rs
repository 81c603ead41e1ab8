//! The words that set a topic apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use heinzel_core::redact::is_mixed;

use super::Text;
use super::vectors::stems;
use crate::text::analyse;

/// Words of a name.
const WORDS: usize = 4;

/// A name for each topic: class-based tf-idf, so words that are frequent in it and rare elsewhere. A word that only one
/// customer of the topic uses is no name: it may be theirs. A topic whose texts have no word in common has none.
pub(super) fn labels(texts: &[Text], words: &[String], topics: &[Vec<usize>]) -> Vec<Vec<String>> {
    let counted: Vec<Counted> = topics.iter().map(|members| Counted::of(texts, words, members)).collect();
    let mut everywhere: HashMap<&str, f64> = HashMap::new();
    for (stem, of) in counted.iter().flat_map(|topic| &topic.stems) {
        *everywhere.entry(stem).or_default() += of.times;
    }
    let average = counted.iter().map(|topic| topic.total).sum::<f64>() / counted.len().max(1) as f64;
    let label = |topic: &Counted| {
        let weigh = |stem: &str, times: f64| times / topic.total.max(1.0) * (1.0 + average / everywhere[stem]).ln();
        let mut all: Vec<(f64, &String)> = topic
            .stems
            .iter()
            .filter(|(_, of)| of.writers.len() > 1 || topic.writers < 2)
            .map(|(stem, of)| (weigh(stem, of.times), of.spelling()))
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        all.into_iter().take(WORDS).map(|(_, word)| word.clone()).collect()
    };
    counted.iter().map(label).collect()
}

#[derive(Default)]
struct Counted {
    stems: BTreeMap<String, Stem>,
    total: f64,
    writers: usize,
}

#[derive(Default)]
struct Stem {
    times: f64,
    writers: BTreeSet<usize>,
    spellings: BTreeMap<String, usize>,
}

impl Stem {
    /// As it is written most.
    fn spelling(&self) -> &String {
        static NONE: String = String::new();
        self.spellings.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))).map_or(&NONE, |(word, _)| word)
    }
}

impl Counted {
    fn of(texts: &[Text], words: &[String], members: &[usize]) -> Self {
        let mut counted = Self::default();
        let mut writers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for member in members {
            let next = writers.len();
            let writer = *writers.entry(texts[*member].who()).or_insert(next);
            let analysis = analyse(&words[*member], None);
            let spellings = analysis.words.iter().filter(|word| !word.stop);
            for (stem, word) in stems(&words[*member]).into_iter().zip(spellings) {
                // Numbers and single letters name nothing.
                if stem.chars().count() < 2 || stem.chars().all(|c| c.is_ascii_digit()) {
                    continue;
                }
                let spelling = &words[*member][word.start..word.end];
                // What redaction has overlooked must not become a file's name: a password, or a piece of one.
                if is_mixed(spelling) {
                    continue;
                }
                let spelling = spelling.to_lowercase();
                let of = counted.stems.entry(stem).or_default();
                of.times += 1.0;
                of.writers.insert(writer);
                *of.spellings.entry(spelling).or_default() += 1;
                counted.total += 1.0;
            }
        }
        counted.writers = writers.len();
        counted
    }
}
