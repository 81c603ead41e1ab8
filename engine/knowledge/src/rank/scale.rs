//! Scores of different kinds on one scale, so that they may be summed.

/// What brings the scores of a part to mean 0 and the deviation that is its weight.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) mean: f32,
    pub(super) factor: f32,
}

impl Scale {
    /// `others` more have a score of 0.
    pub(super) fn of(scores: &[f32], others: usize, weight: f32) -> Self {
        // Eight sums side by side, so that the compiler may use vector instructions.
        let mut lanes = [[0.0f32; 8]; 3];
        let (chunks, rest) = scores.as_chunks::<8>();
        let mut last = [f32::NAN; 8];
        last[..rest.len()].copy_from_slice(rest);
        for chunk in chunks.iter().chain([&last]) {
            for (lane, score) in chunk.iter().enumerate() {
                let (n, score) = if score.is_nan() { (0.0, 0.0) } else { (1.0, *score) };
                lanes[0][lane] += n;
                lanes[1][lane] += score;
                lanes[2][lane] += score * score;
            }
        }
        let [n, sum, squares] = lanes.map(|lane| lane.iter().sum::<f32>());
        let n = n + others as f32;
        let mean = sum / n.max(1.0);
        let deviation = (squares / n.max(1.0) - mean * mean).max(0.0).sqrt();
        Self { mean, factor: if deviation > 1e-5 { weight / deviation } else { 0.0 } }
    }
}
