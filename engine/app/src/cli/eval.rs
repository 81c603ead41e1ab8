//! `heinzel eval`: how well answers are found, measured on sets of drafts whose answer is known.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use heinzel_embedding::cache::Cached;
use heinzel_embedding::model::Model;
use heinzel_knowledge::eval::{Figures, MOST_ANSWERS, Options, Set, has_examples, sets};
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::semantic::{Meanings, Semantic};
use heinzel_knowledge::rank::{Document, Ranker};
use serde_json::json;

use crate::exit::{Ends, Exit};
use crate::text::table;

/// The numbers of examples that a set is measured with, where it has examples and none is asked for.
const EXAMPLES: [usize; 3] = [0, 3, 10];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rank the drafts of a set, or of every set in a folder, and say how often the right answer came first.
    Suggestions(Arguments),
}

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A set (a folder with candidates.jsonl and queries.jsonl), or a folder of sets.
    folder: PathBuf,
    /// Give each answer so many example drafts [default: none, 3 and 10, one after the other].
    #[arg(long, value_name = "NUMBER")]
    examples: Option<usize>,
    /// Cut the drafts to so many words after the salutation, as if they were still being typed.
    #[arg(long, value_name = "NUMBER")]
    words: Option<usize>,
    /// Find answers by meaning, too, with the sentence-embedding model in this folder.
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// Leave the drafts their subject line, where the set has one.
    #[arg(long)]
    subject: bool,
}

/// Measures.
pub(super) fn eval(global: &super::Global, command: &Command) -> anyhow::Result<Exit> {
    let Command::Suggestions(arguments) = command;
    let folders = sets(&arguments.folder)?;
    if folders.is_empty() {
        let folder = arguments.folder.display();
        return Err(Ends::with(
            Exit::Wrong,
            format!("no set in {folder}: a set has candidates.jsonl and queries.jsonl"),
        ));
    }
    let meaning = arguments.model.as_deref().map(Meaning::open).transpose()?;
    let mut all = Vec::new();
    let mut complaints = 0;
    for folder in &folders {
        let counts = match arguments.examples {
            Some(count) => vec![count],
            None if has_examples(folder) => EXAMPLES.to_vec(),
            None => vec![0],
        };
        for (turn, examples) in counts.into_iter().enumerate() {
            let options = Options { examples, words: arguments.words, subject: arguments.subject };
            let set = Set::read(folder, options)?;
            if turn == 0 {
                complaints += set.complaints.len();
                set.complaints.iter().for_each(|complaint| super::remark(&format!("heinzel: {complaint}\n")));
                if set.candidates > set.documents.len() {
                    super::remark(&format!(
                        "heinzel: {}: the first {MOST_ANSWERS} of {} answers, and the drafts whose answer is among them\n",
                        set.name, set.candidates
                    ));
                }
            }
            let ranker =
                ranker(&set.documents, meaning.as_ref()).with_context(|| format!("rank {}", folder.display()))?;
            let begun = Instant::now();
            all.extend(set.measure(&*ranker, examples, &mut || begun.elapsed()));
        }
    }
    if global.json {
        super::print_json(&json!({ "sets": all }))?;
    } else {
        super::print(&words(&all))?;
    }
    Ok(if complaints == 0 { Exit::Ok } else { Exit::Wrong })
}

/// A model, and the vectors of the answers that it has seen in this run.
struct Meaning {
    model: Arc<Model>,
    answers: Cached<Arc<Model>>,
    /// Where they are kept meanwhile.
    _folder: tempfile::TempDir,
}

impl Meaning {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let model = Arc::new(Model::open(folder, cores)?);
        let kept = tempfile::tempdir().context("make a folder for vectors")?;
        let answers = Cached::open(model.clone(), model.fingerprint(), &kept.path().join("vectors"));
        Ok(Self { model, answers, _folder: kept })
    }
}

fn ranker(documents: &[Document], meaning: Option<&Meaning>) -> anyhow::Result<Box<dyn Ranker>> {
    let lexical = Lexical::build(documents);
    Ok(match meaning {
        None => Box::new(lexical),
        Some(meaning) => {
            let meanings = Meanings::learn(documents, &meaning.answers)?;
            Box::new(Semantic::new(Arc::new(lexical), meanings, meaning.model.clone()))
        }
    })
}

fn words(all: &[Figures]) -> String {
    let head = ["set", "examples", "answers", "drafts", "first", "in three", "MRR@10", "p50 µs", "p99 µs"];
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|f| {
            let mut row = vec![f.set.clone(), f.examples.to_string(), f.answers.to_string(), f.drafts.to_string()];
            row.extend([f.recall_1, f.recall_3, f.mrr_10].map(|share| format!("{share:.1}")));
            row.extend([f.p50_us, f.p99_us].map(|time| format!("{time:.0}")));
            row
        })
        .collect();
    let mut out = table(&head, &rows);
    let silence: Vec<Vec<String>> = all
        .iter()
        .filter_map(|f| {
            let s = f.silence?;
            let mut row =
                vec![f.set.clone(), f.examples.to_string(), s.strangers.to_string(), format!("{:.3}", s.threshold)];
            row.extend([s.shown, s.right].map(|share| format!("{share:.1}")));
            row.push(format!("{:.3}", s.own_threshold));
            row.extend([s.own_strangers_shown, s.own_right].map(|share| format!("{share:.1}")));
            row.push(format!("{:.3}", s.auroc));
            Some(row)
        })
        .collect();
    if !silence.is_empty() {
        let head = ["set", "examples", "strangers", "at", "shown", "right", "own", "strangers shown", "right", "AUROC"];
        out.push_str("\nSilence, at the threshold that shows on a tenth of the drafts that nothing fits, and at the engine's own\n");
        out.push_str(&table(&head, &silence));
    }
    out
}
