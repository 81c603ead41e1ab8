//! The tier that knows meanings: sentence vectors of a model that the operator added, with a little of the words.
//!
//! Start at [`Meanings::learn`] for what is kept of the answers, and at [`Semantic::ranked`] for how a draft meets it.
//! The order is the sum of standardised scores: the vectors', a small share of the lexical tier's, and exact tokens
//! apart. The gate looks at the vectors' score alone.

use std::sync::Arc;

use super::discriminant::{Discriminant, Row, Shrinkage, Trained, dot};
use super::embed::{EmbedError, Embedder, Kind};
use super::lexical::{Lexical, Seen};
use super::regression::softmax;
use super::{Document, Draft, Ranked, Ranker};
use crate::text::strip::strip;

/// What was measured to rank well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// How far the vectors are drawn to the centre of all texts, 0 to 1: models put all texts into a narrow cone.
    pub centre: f32,
    /// How much the lexical tier's order counts beside the vectors', where answers have no example drafts.
    pub lexical: f32,
    /// The same for a letter, whose vector says little.
    pub lexical_letter: f32,
    /// How much the lexical tier's classifier counts, where they have: it has learned from the same drafts, by other
    /// signs.
    pub classifier: f32,
    /// How much an exact token counts: an error code, a domain.
    pub exact: f32,
    /// How much the texts count beside the example drafts.
    pub texts: f32,
    /// Of the discriminant.
    pub shrinkage: Shrinkage,
    /// What the discriminant's scores are multiplied with before they become probabilities: its distances take each of
    /// some hundred dimensions for independent, which they are not.
    pub sharpness: f32,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            centre: 0.75,
            lexical: 0.22,
            lexical_letter: 0.45,
            classifier: 0.28,
            exact: 0.1,
            texts: 0.1,
            shrinkage: Shrinkage::default(),
            sharpness: 0.015,
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
    learned: Option<Discriminant>,
    gate: Curve,
}

impl Meanings {
    /// Embeds the answers and learns from their example drafts. Takes 10 to 40 ms a text with a small model, so give it
    /// an embedder that remembers, and a thread of its own.
    ///
    /// # Errors
    /// The model failed.
    pub fn learn(documents: &[Document], embedder: &dyn Embedder) -> Result<Self, EmbedError> {
        Self::learn_with(documents, embedder, Mix::default())
    }

    /// The same with other than the measured settings.
    ///
    /// # Errors
    /// The model failed.
    pub fn learn_with(documents: &[Document], embedder: &dyn Embedder, mix: Mix) -> Result<Self, EmbedError> {
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
            learned: None,
            gate: Curve::default(),
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
        let trained = (drafts > 0).then(|| Discriminant::train(&rows, documents.len(), mix.shrinkage)).flatten();
        if let Some(trained) = trained {
            meanings.gate = Curve::of_drafts(&trained, &rows[..drafts], mix.sharpness);
            meanings.learned = Some(trained.discriminant);
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
    fn gate_of_titles(&self, sources: &Sources, vectors: &Vectors) -> Curve {
        let titles =
            vectors.asked.iter().zip(&sources.document_of).filter_map(|(v, document)| Some((v.as_ref()?, document)));
        let step = (vectors.asked.len() / MOST_LEFT_OUT).max(1);
        let nearest = titles.step_by(step).map(|(vector, own)| {
            let placed = self.placed(vector);
            let texts = self.texts.chunks_exact(self.dimensions.max(1)).zip(&self.document_of);
            texts.filter(|(_, document)| *document != own).map(|(text, _)| dot(text, &placed)).fold(-1.0, f32::max)
        });
        let mut nearest: Vec<f32> = nearest.collect();
        nearest.sort_unstable_by(f32::total_cmp);
        if nearest.len() < 20 { Curve::default() } else { Curve::at(quantile(&nearest, STRANGE_TITLES)) }
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
        let Some(learned) = &self.learned else {
            let mut order = texts.clone();
            standardise(&mut order);
            texts.iter_mut().for_each(|text| *text = self.gate.probability(*text));
            return (order, texts);
        };
        let mut order = Vec::new();
        learned.scores(vector, &mut order);
        let mut raw: Vec<f32> = order.iter().map(|score| score * self.mix.sharpness).collect();
        softmax(&mut raw);
        raw.iter_mut().for_each(|raw| *raw = self.gate.probability(raw.max(1e-9).ln()));
        standardise(&mut order);
        standardise(&mut texts);
        order.iter_mut().zip(&texts).for_each(|(order, text)| *order += self.mix.texts * text);
        standardise(&mut order);
        (order, raw)
    }
}

/// The most drafts that are left out, one after the other, to see how they would be judged.
const MOST_LEFT_OUT: usize = 600;
/// Strangers are drafts about something else altogether, further away than drafts whose own answer is missing: the place
/// among these above which one in ten of the public out-of-scope drafts is (clinc150, measured 2026-11-22).
const STRANGE_DRAFTS: f32 = 0.55;
/// The same among the distances of titles to other answers, where there are no drafts.
const STRANGE_TITLES: f32 = 0.15;

/// How far the words move the odds that the meaning gives an answer. A model puts every draft near something: with the words
/// beside it, of drafts about other trades half as many pass, and of hosting drafts more (measured 2026-11-22).
const WORDS_MOVE: f32 = 8.0;

/// What the meaning holds for probable, moved by how far the lexical tier's raw score is above its threshold.
fn with_words(probability: f32, above: f32) -> f32 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    1.0 / (1.0 + (1.0 - probability) / probability * (-WORDS_MOVE * above).exp())
}

/// From a score to the probability that the answer is right, and the probability from which on it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Curve {
    threshold: f32,
    middle: f32,
    slope: f32,
}

impl Default for Curve {
    /// For the cosine with texts; measured with multilingual-e5-small.
    fn default() -> Self {
        Self::at(0.44)
    }
}

impl Curve {
    /// With the threshold at this cosine.
    fn at(score: f32) -> Self {
        Self { threshold: 0.5, middle: score, slope: 12.0 }
    }

    fn probability(&self, score: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (score - self.middle)).exp())
    }

    /// Judges each draft as if it had not been known: once among all answers, once as a stranger whose answer is
    /// missing.
    fn of_drafts(trained: &Trained, drafts: &[Row<'_>], sharpness: f32) -> Self {
        let (mut cases, mut strangers) = (Vec::new(), Vec::new());
        let step = drafts.len().div_ceil(MOST_LEFT_OUT).max(1);
        for row in drafts.iter().step_by(step) {
            let Some(mut scores) = trained.left_out(*row) else { continue };
            scores.iter_mut().for_each(|score| *score *= sharpness);
            let mut known = scores.clone();
            softmax(&mut known);
            let best = (0..known.len()).max_by(|a, b| known[*a].total_cmp(&known[*b])).unwrap_or_default();
            cases.push((known[best].max(1e-9).ln(), best == row.class));
            scores[row.class] = f32::NEG_INFINITY;
            softmax(&mut scores);
            let stranger = scores.iter().copied().fold(1e-9, f32::max).ln();
            cases.push((stranger, false));
            strangers.push(stranger);
        }
        if strangers.len() < 10 {
            return Self { threshold: 0.5, middle: 0.1_f32.ln(), slope: 2.0 };
        }
        strangers.sort_unstable_by(f32::total_cmp);
        let mut curve = logistic(&cases);
        curve.threshold = curve.probability(quantile(&strangers, STRANGE_DRAFTS));
        curve
    }
}

/// The value that this share of the sorted values does not reach.
fn quantile(sorted: &[f32], share: f32) -> f32 {
    let at = (sorted.len() as f32 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The logistic curve through scores that were right or wrong, by Newton's method; a little is held back, so that few
/// cases make no step of it.
fn logistic(cases: &[(f32, bool)]) -> Curve {
    let mean = cases.iter().map(|(x, _)| f64::from(*x)).sum::<f64>() / cases.len().max(1) as f64;
    let (mut slope, mut offset) = (1.0_f64, 0.0_f64);
    for _ in 0..25 {
        let (mut g, mut h) = ([-0.1 * (slope - 1.0), 0.0], [0.1, 0.0, 1e-6]);
        for (x, right) in cases {
            let x = f64::from(*x) - mean;
            let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
            let (miss, w) = (f64::from(u8::from(*right)) - p, p * (1.0 - p));
            g = [g[0] + miss * x, g[1] + miss];
            h = [h[0] + w * x * x, h[1] + w * x, h[2] + w];
        }
        let det = h[0] * h[2] - h[1] * h[1];
        if det.abs() < 1e-12 {
            break;
        }
        slope = (slope + (g[0] * h[2] - g[1] * h[1]) / det).clamp(0.05, 50.0);
        offset = (offset + (g[1] * h[0] - g[0] * h[1]) / det).clamp(-50.0, 50.0);
    }
    Curve { threshold: 0.5, middle: (mean - offset / slope) as f32, slope: slope as f32 }
}

/// The texts to embed.
struct Sources {
    /// Text by text: the title, and the title with the text below it.
    titles: Vec<String>,
    bodies: Vec<String>,
    document_of: Vec<u32>,
    /// Example drafts and their answers.
    examples: Vec<String>,
    example_of: Vec<u32>,
}

impl Sources {
    fn of(documents: &[Document]) -> Self {
        let (mut titles, mut bodies, mut document_of) = (Vec::new(), Vec::new(), Vec::new());
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
            titles.push(title.to_owned());
            bodies.push(match (title, body) {
                (_, "") => String::new(),
                ("", body) => body.to_owned(),
                (title, body) => format!("{title}\n{body}"),
            });
            document_of.push(document);
        }
        Self { titles, bodies, document_of, examples, example_of }
    }
}

/// Their vectors; none for an empty text.
struct Vectors {
    titles: Vec<Option<Vec<f32>>>,
    /// The titles once more, as if a customer had written them.
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
            asked: all(&sources.titles, Kind::Draft)?,
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
        let learned = self.meanings.learned.is_some();
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
    let said = if said.trim().is_empty() { text } else { &*said };
    said.trim().to_owned()
}

/// What the draft says, without its form.
fn said(draft: &Draft<'_>) -> String {
    [draft.subject.trim(), &stripped(draft.body)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = dot(&vector, &vector).sqrt().max(1e-9);
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

/// Brings scores to mean 0 and deviation 1.
fn standardise(scores: &mut [f32]) {
    let n = scores.len().max(1) as f32;
    let mean = scores.iter().sum::<f32>() / n;
    let deviation = (scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f32>() / n).sqrt();
    let factor = if deviation > 1e-9 { 1.0 / deviation } else { 0.0 };
    scores.iter_mut().for_each(|score| *score = (*score - mean) * factor);
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
