//! Multinomial logistic regression over sparse or dense rows: which answer do drafts like this one belong to?
//!
//! Start at [`Regression::train`]. Deterministic: the same rows give the same weights, bit for bit. Stochastic gradient
//! descent over the rows in an order that a fixed seed decides, with weight decay; the average of the last passes is
//! not taken, because the step has become small by then.

use serde::{Deserialize, Serialize};

/// Pairs of feature and value, each feature once. Dense vectors come from [`dense`].
pub(crate) type Row = Vec<(u32, f32)>;

/// A dense vector as a row.
#[must_use]
pub(crate) fn dense(vector: &[f32]) -> Row {
    (0u32..).zip(vector.iter().copied()).collect()
}

/// How it is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Training {
    /// How often each row is seen.
    pub(crate) passes: usize,
    /// How freely the weights may follow the rows: the C of other implementations. Larger fits closer.
    pub(crate) freedom: f32,
    /// The first step's length. Rows of length one stand 2 to 8.
    pub(crate) rate: f32,
}

/// Rows times classes, times passes over them: so much training takes some seconds.
const MOST_STEPS: usize = 40_000_000;
/// Rows times classes beyond which there would be too few passes: 800 answers with six drafts each.
const MOST_TRAINING: usize = 4_000_000;

impl Training {
    /// The same with no more passes than some seconds allow; `None`: too few would be left.
    #[must_use]
    pub(super) fn within_seconds(self, rows: usize, classes: usize) -> Option<Self> {
        let work = rows.saturating_mul(classes).max(1);
        (work <= MOST_TRAINING).then(|| Self { passes: self.passes.min(MOST_STEPS / work), ..self })
    }
}

impl Default for Training {
    fn default() -> Self {
        Self { passes: 12, freedom: 20.0, rate: 4.0 }
    }
}

/// What was learned: a weight for each feature and class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Regression {
    classes: usize,
    /// Feature by feature, all classes of one side by side.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Regression {
    /// Learns which class each row belongs to. `class_of[i]` below `classes` and `weight_of[i]` belong to `rows[i]`;
    /// features are below `features`. Rows that say otherwise are left out.
    #[must_use]
    pub(crate) fn train(
        rows: &[Row],
        class_of: &[u32],
        weight_of: &[f32],
        classes: usize,
        features: usize,
        training: Training,
    ) -> Self {
        let fits = |i: &usize| {
            (class_of[*i] as usize) < classes && rows[*i].iter().all(|(feature, _)| (*feature as usize) < features)
        };
        let n = rows.len().min(class_of.len()).min(weight_of.len());
        let mut order: Vec<usize> = (0..n).filter(fits).collect();
        let mut learned = Self { classes, weights: vec![0.0; features * classes], bias: vec![0.0; classes] };
        if order.is_empty() || classes == 0 {
            return learned;
        }
        let decay = 1.0 / (training.freedom.max(1e-6) * order.len() as f32);
        // The weights are `scale` times what is stored, so that decay costs one multiplication a step.
        let mut scale = 1.0f32;
        let mut step = 0usize;
        let mut seed = 0x9E37_79B9_7F4A_7C15u64;
        let mut scores = vec![0.0f32; classes];
        for _ in 0..training.passes {
            shuffle(&mut order, &mut seed);
            for &i in &order {
                let rate = training.rate / (1.0 + training.rate * decay * step as f32);
                step += 1;
                scores.fill(0.0);
                add(&learned.weights, classes, &rows[i], &mut scores);
                for (score, bias) in scores.iter_mut().zip(&learned.bias) {
                    *score = *score * scale + bias;
                }
                softmax(&mut scores);
                scores[class_of[i] as usize] -= 1.0;
                scale *= 1.0 - rate * decay;
                let pull = -rate * weight_of[i];
                for (bias, error) in learned.bias.iter_mut().zip(&scores) {
                    *bias += 0.1 * pull * error;
                }
                for &(feature, value) in &rows[i] {
                    let factor = pull * value / scale;
                    let at = feature as usize * classes;
                    for (weight, error) in learned.weights[at..at + classes].iter_mut().zip(&scores) {
                        *weight += factor * error;
                    }
                }
                if scale < 1e-6 {
                    learned.weights.iter_mut().for_each(|weight| *weight *= scale);
                    scale = 1.0;
                }
            }
        }
        learned.weights.iter_mut().for_each(|weight| *weight *= scale);
        learned
    }

    /// What it is made of: classes, weights, bias.
    pub(super) fn pieces(&self) -> (usize, &[f32], &[f32]) {
        (self.classes, &self.weights, &self.bias)
    }

    /// From what it is made of, if the pieces fit each other.
    pub(super) fn from_pieces(classes: usize, weights: Vec<f32>, bias: Vec<f32>) -> Option<Self> {
        let fits = bias.len() == classes && (classes == 0 || weights.len().is_multiple_of(classes));
        fits.then_some(Self { classes, weights, bias })
    }

    /// How many classes it tells apart.
    #[must_use]
    pub(crate) const fn classes(&self) -> usize {
        self.classes
    }

    /// The score of each class, into `scores`. Features that it has not learned count nothing. [`softmax`] makes
    /// probabilities of them.
    pub(crate) fn scores(&self, row: &[(u32, f32)], scores: &mut Vec<f32>) {
        scores.clear();
        scores.extend_from_slice(&self.bias);
        add(&self.weights, self.classes, row, scores);
    }
}

fn add(weights: &[f32], classes: usize, row: &[(u32, f32)], scores: &mut [f32]) {
    for &(feature, value) in row {
        let at = feature as usize * classes;
        if let Some(weights) = weights.get(at..at + classes) {
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += value * weight;
            }
        }
    }
}

/// Scores as probabilities that sum to one.
pub(crate) fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        sum += *score;
    }
    if sum > 0.0 {
        scores.iter_mut().for_each(|score| *score /= sum);
    }
}

/// Fisher and Yates, with a xorshift generator: no randomness that a second run would not have.
fn shuffle(order: &mut [usize], seed: &mut u64) {
    for i in (1..order.len()).rev() {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        order.swap(i, (*seed % (i as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners() -> (Vec<Row>, Vec<u32>) {
        let rows = [[1.0, 0.0, 0.1], [0.9, 0.1, 0.0], [0.0, 1.0, 0.1], [0.1, 0.9, 0.0], [0.0, 0.1, 1.0]];
        (rows.iter().map(|row| dense(row)).collect(), vec![0, 0, 1, 1, 2])
    }

    #[test]
    fn what_was_seen_is_told_apart() {
        let (rows, classes) = corners();
        let learned = Regression::train(&rows, &classes, &[1.0; 5], 3, 3, Training::default());
        let mut scores = Vec::new();
        for (row, class) in rows.iter().zip(&classes) {
            learned.scores(row, &mut scores);
            softmax(&mut scores);
            assert!(scores[*class as usize] > 0.8, "{scores:?}");
        }
    }

    #[test]
    fn two_trainings_are_equal_bit_for_bit() {
        let (rows, classes) = corners();
        let train = || Regression::train(&rows, &classes, &[1.0; 5], 3, 3, Training::default());
        assert_eq!(train(), train());
    }

    #[test]
    fn nonsense_is_left_out() {
        let rows = vec![vec![(7, 1.0)], vec![(0, 1.0)]];
        let learned = Regression::train(&rows, &[0, 9], &[1.0, 1.0], 2, 1, Training::default());
        let mut scores = Vec::new();
        learned.scores(&[(5, 1.0), (u32::MAX, 1.0)], &mut scores);
        assert_eq!(scores, [0.0, 0.0]);
        assert_eq!(Regression::train(&[], &[], &[], 0, 0, Training::default()).classes(), 0);
    }
}
