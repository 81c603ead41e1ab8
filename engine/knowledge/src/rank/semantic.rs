//! The tier that knows meanings: sentence vectors of a model that the operator added, with a little of the words.
//!
//! Start at [`Meanings::learn`] for what is kept of the answers, and at [`Semantic::ranked`] for how a draft meets it.
//! The order is the sum of standardised scores: the vectors', a small share of the lexical tier's, and exact tokens
//! apart. The gate looks at the vectors' score alone.

use std::sync::Arc;

use super::discriminant::{Row, Shrinkage, dot};
use super::embed::{EmbedError, Embedder, Kind};
use super::gate::{Gate, quantile};
use super::judges::{Judges, standardise, unit};
use super::lexical::{Lexical, Seen};
use super::{Document, Draft, Ranked, Ranker};
use crate::text::strip::strip;

/// What was measured to rank well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mix {
    /// How far the vectors are drawn to the centre of all texts, 0 to 1: models put all texts into a narrow cone.
    pub(crate) centre: f32,
    /// How much the lexical tier's order counts beside the vectors', where answers have no example drafts.
    pub(crate) lexical: f32,
    /// The same for a letter, whose vector says little.
    pub(crate) lexical_letter: f32,
    /// How much the lexical tier's classifier counts, where they have: it has learned from the same drafts, by other
    /// signs.
    pub(crate) classifier: f32,
    /// How much an exact token counts: an error code, a domain.
    pub(crate) exact: f32,
    /// How much the texts count beside the example drafts.
    pub(crate) texts: f32,
    /// How much the regression over the example drafts counts beside the discriminant.
    pub(crate) regression: f32,
    /// Of the discriminant.
    pub(crate) shrinkage: Shrinkage,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            centre: 0.75,
            lexical: 0.22,
            lexical_letter: 0.45,
            classifier: 0.25,
            exact: 0.1,
            texts: 0.15,
            regression: 0.4,
            shrinkage: Shrinkage::default(),
        }
    }
}

/// What is kept of the answers: vectors and what was learned from them.
#[derive(Debug)]
pub struct Meanings {
    documents: usize,
    dimensions: usize,
    mix: Mix,
    /// The centre of all texts.
    centre: Vec<f32>,
    /// One vector a text of an answer, around the drawn centre, of length one.
    texts: Vec<f32>,
    /// The answer of each.
    document_of: Vec<u32>,
    judges: Option<Judges>,
    gate: Gate,
}

impl Meanings {
    /// Embeds the answers and learns from their example drafts. Takes 10 to 40 ms a text with a small model, so give it
    /// an embedder that remembers, and a thread of its own.
    ///
    /// # Errors
    /// The model failed.
    pub fn learn(documents: &[Document], embedder: &dyn Embedder) -> Result<Self, EmbedError> {
        let mix = Mix::default();
        let sources = Sources::of(documents);
        let vectors = Vectors::embed(&sources, embedder)?;
        let dimensions = embedder.dimensions();
        let mut meanings = Self {
            documents: documents.len(),
            dimensions,
            mix,
            centre: vectors.centre(dimensions),
            texts: Vec::new(),
            document_of: sources.document_of.clone(),
            judges: None,
            gate: gate_at(NEAR),
        };
        for text in 0..sources.document_of.len() {
            let mut sum = vec![0.0; dimensions];
            for vector in vectors.of_text(text) {
                sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
            }
            let placed = meanings.placed(&unit(sum));
            meanings.texts.extend(placed);
        }
        let rows = vectors.rows(&sources);
        let drafts = vectors.examples.len();
        let judged = (drafts > 0).then(|| Judges::train(&rows, drafts, documents.len(), mix.shrinkage, mix.regression));
        if let Some((judges, gate)) = judged.flatten() {
            (meanings.judges, meanings.gate) = (Some(judges), gate);
        } else {
            meanings.gate = meanings.gate_of_titles(&sources, &vectors);
        }
        Ok(meanings)
    }

    /// A vector as seen from the drawn centre, of length one.
    fn placed(&self, vector: &[f32]) -> Vec<f32> {
        unit(vector.iter().zip(&self.centre).map(|(x, centre)| x - self.mix.centre * centre).collect())
    }

    /// Without example drafts: how near are titles to the other answers? What is no nearer than they is a stranger.
    fn gate_of_titles(&self, sources: &Sources, vectors: &Vectors) -> Gate {
        let titles =
            vectors.asked.iter().zip(&sources.document_of).filter_map(|(v, document)| Some((v.as_ref()?, document)));
        let step = (vectors.asked.len() / MOST_TITLES).max(1);
        let nearest = titles.step_by(step).map(|(vector, own)| {
            let placed = self.placed(vector);
            let texts = self.texts.chunks_exact(self.dimensions.max(1)).zip(&self.document_of);
            texts.filter(|(_, document)| *document != own).map(|(text, _)| dot(text, &placed)).fold(-1.0, f32::max)
        });
        let mut nearest: Vec<f32> = nearest.collect();
        nearest.sort_unstable_by(f32::total_cmp);
        gate_at(if nearest.len() < 20 { NEAR } else { quantile(&nearest, STRANGE_TITLES) })
    }

    /// For each answer, how near the draft is: what orders, and what the gate looks at.
    fn scores(&self, vector: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let placed = self.placed(vector);
        let mut texts = vec![f32::NEG_INFINITY; self.documents];
        for (text, document) in self.texts.chunks_exact(self.dimensions.max(1)).zip(&self.document_of) {
            if let Some(best) = texts.get_mut(*document as usize) {
                *best = best.max(dot(text, &placed));
            }
        }
        let lowest = texts.iter().copied().filter(|x| x.is_finite()).fold(1.0, f32::min);
        texts.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = lowest);
        let Some(judges) = &self.judges else {
            let mut order = texts.clone();
            standardise(&mut order);
            texts.iter_mut().for_each(|text| *text = self.gate.confidence(*text));
            return (order, texts);
        };
        let (mut order, mut raw) = judges.scores(vector);
        raw.iter_mut().for_each(|raw| *raw = self.gate.confidence(*raw));
        standardise(&mut texts);
        order.iter_mut().zip(&texts).for_each(|(order, text)| *order += self.mix.texts * text);
        standardise(&mut order);
        (order, raw)
    }
}

/// So many titles are asked at most how near they are to other answers.
const MOST_TITLES: usize = 600;
/// The place among these distances above which one in ten of the public out-of-scope drafts is (clinc150, measured
/// 2026-11-22): strangers are drafts about something else altogether, further away than titles from other answers.
const STRANGE_TITLES: f32 = 0.15;

/// Without titles enough to ask: as near as this is near. For the cosine with texts; measured with multilingual-e5-small.
const NEAR: f32 = 0.44;

/// A gate over the cosine with texts; what it lets through is at least as probable as not.
fn gate_at(cosine: f32) -> Gate {
    Gate { threshold: 0.5, middle: cosine, slope: 12.0 }
}

/// How far the words move the odds that the meaning gives an answer. A model puts every draft near something: with the words
/// beside it, of drafts about other trades half as many pass, and of hosting drafts more (measured 2026-11-22).
const WORDS_MOVE: f32 = 8.0;

/// What the meaning holds for probable, moved by how far the lexical tier's raw score is above its threshold.
fn with_words(probability: f32, above: f32) -> f32 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    1.0 / (1.0 + (1.0 - probability) / probability * (-WORDS_MOVE * above).exp())
}

/// The texts to embed.
struct Sources {
    /// Text by text: the title, and the title with the text below it.
    titles: Vec<String>,
    /// The titles once more, as if a customer had written them.
    asked: Vec<String>,
    bodies: Vec<String>,
    document_of: Vec<u32>,
    /// Example drafts and their answers.
    examples: Vec<String>,
    example_of: Vec<u32>,
}

impl Sources {
    fn of(documents: &[Document]) -> Self {
        let (mut titles, mut asked, mut bodies, mut document_of) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut examples, mut example_of) = (Vec::new(), Vec::new());
        for (document, text) in
            (0..).zip(documents).flat_map(|(at, document)| document.texts.iter().map(move |text| (at, text)))
        {
            for example in &text.examples {
                examples.push(stripped(example));
                example_of.push(document);
            }
            let (title, body) = (text.title.trim(), text.body.trim());
            if title.is_empty() && body.is_empty() {
                continue;
            }
            asked.push(begun(title));
            titles.push(title.to_owned());
            bodies.push(match (title, body) {
                (_, "") => String::new(),
                ("", body) => body.to_owned(),
                (title, body) => format!("{title}\n{body}"),
            });
            document_of.push(document);
        }
        Self { titles, asked, bodies, document_of, examples, example_of }
    }
}

/// Their vectors; none for an empty text.
struct Vectors {
    titles: Vec<Option<Vec<f32>>>,
    asked: Vec<Option<Vec<f32>>>,
    bodies: Vec<Option<Vec<f32>>>,
    examples: Vec<Option<Vec<f32>>>,
}

impl Vectors {
    fn embed(sources: &Sources, embedder: &dyn Embedder) -> Result<Self, EmbedError> {
        let all = |texts: &[String], kind| -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
            let full: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
            let mut vectors = embedder.embed(&full, kind)?.into_iter();
            Ok(texts.iter().map(|text| if text.is_empty() { None } else { vectors.next() }).collect())
        };
        Ok(Self {
            titles: all(&sources.titles, Kind::Passage)?,
            asked: all(&sources.asked, Kind::Draft)?,
            bodies: all(&sources.bodies, Kind::Passage)?,
            examples: all(&sources.examples, Kind::Draft)?,
        })
    }

    fn of_text(&self, text: usize) -> impl Iterator<Item = &Vec<f32>> {
        [&self.titles, &self.asked, &self.bodies].into_iter().filter_map(move |list| list.get(text)?.as_ref())
    }

    fn centre(&self, dimensions: usize) -> Vec<f32> {
        let mut centre = vec![0.0; dimensions];
        let mut count = 0.0_f32;
        for vector in (0..self.titles.len()).flat_map(|text| self.of_text(text)) {
            centre.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
            count += 1.0;
        }
        centre.iter_mut().for_each(|sum| *sum /= count.max(1.0));
        centre
    }

    /// Drafts whose answer is known: the examples, and the titles.
    fn rows(&self, sources: &Sources) -> Vec<Row<'_>> {
        let lists = [(&self.examples, &sources.example_of), (&self.asked, &sources.document_of)];
        let pairs = lists.into_iter().flat_map(|(vectors, classes)| vectors.iter().zip(classes));
        pairs.filter_map(|(vector, class)| Some(Row { vector: vector.as_deref()?, class: *class as usize })).collect()
    }
}

/// Ranks by meaning, with the lexical tier's help.
pub struct Semantic<E> {
    lexical: Arc<Lexical>,
    embedder: E,
    meanings: Meanings,
}

impl<E: Embedder> Semantic<E> {
    /// Of the lexical tier and the meanings of the same documents. `embedder` is asked for drafts only.
    pub fn new(lexical: Arc<Lexical>, meanings: Meanings, embedder: E) -> Self {
        Self { lexical, embedder, meanings }
    }

    /// The answers that fit best.
    ///
    /// # Errors
    /// The model failed.
    pub fn ranked(&self, draft: &Draft<'_>, most: usize) -> Result<Vec<Ranked>, EmbedError> {
        let text = said(draft);
        if text.is_empty() {
            return Ok(self.lexical.rank(draft, most));
        }
        let vectors = self.embedder.embed(&[&text], Kind::Draft)?;
        let vector = vectors.first().map(Vec::as_slice).unwrap_or_default();
        if vector.len() != self.meanings.dimensions {
            let reason =
                format!("a draft's vector has {} numbers, those of answers {}", vector.len(), self.meanings.dimensions);
            return Err(EmbedError { model: "the model".into(), texts: 1, reason });
        }
        let (mut order, raw) = self.meanings.scores(vector);
        let mix = &self.meanings.mix;
        let learned = self.meanings.judges.is_some();
        let mut choose = |seen: &Seen<'_>| {
            let of_words = mix.lexical + seen.letter * (mix.lexical_letter - mix.lexical);
            let order_of_words = if learned { (seen.classes, mix.classifier) } else { (seen.fused, of_words) };
            for (part, share) in [order_of_words, (seen.exacts, mix.exact)] {
                let mut part = part.to_vec();
                let lowest = part.iter().copied().filter(|score| score.is_finite()).fold(0.0, f32::min);
                part.iter_mut().filter(|score| !score.is_finite()).for_each(|score| *score = lowest);
                standardise(&mut part);
                order.iter_mut().zip(&part).for_each(|(order, part)| *order += share * part);
            }
            let mut best: Vec<(f32, u32)> = order.iter().copied().zip(0..).collect();
            let better = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            let most = most.min(best.len());
            if most > 0 && most < best.len() {
                best.select_nth_unstable_by(most - 1, better);
            }
            best.truncate(most);
            best.sort_unstable_by(better);
            best
        };
        let mut ranked = self.lexical.rank_by(draft, &mut choose);
        for ranked in &mut ranked {
            let meant = raw.get(ranked.document).copied().unwrap_or_default();
            ranked.raw = with_words(meant, ranked.raw - self.lexical.threshold());
            ranked.confidence = ranked.raw;
        }
        Ok(ranked)
    }
}

impl<E: Embedder> Ranker for Semantic<E> {
    /// When the model fails, what the lexical tier says.
    fn rank(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked> {
        self.ranked(draft, most).unwrap_or_else(|_| self.lexical.rank(draft, most))
    }

    fn threshold(&self) -> f32 {
        self.meanings.gate.threshold
    }
}

/// What a text says, without its form; one that is all form as it is.
fn stripped(text: &str) -> String {
    let said = strip(text);
    begun(if said.trim().is_empty() { text } else { &said })
}

/// With a capital at its beginning. Models have read whole sentences; what is left of a letter without its opening words, or
/// was typed in haste, is one too.
fn begun(text: &str) -> String {
    let mut rest = text.trim().chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// What the draft says, without its form.
fn said(draft: &Draft<'_>) -> String {
    [draft.subject.trim(), &stripped(draft.body)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_move_what_the_meaning_says() {
        for probability in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let at = |above| with_words(probability, above);
            assert!((at(0.0) - probability).abs() < 1e-4, "at the threshold they say nothing");
            assert!(at(-0.4) < at(0.0) && at(0.0) < at(0.4), "{probability}");
            assert!((0.0..=1.0).contains(&at(-9.0)) && (0.0..=1.0).contains(&at(9.0)));
        }
    }
}
