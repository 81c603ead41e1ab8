//! When to be silent: which raw score is enough, and what it is as a probability.

/// A curve over the raw score, and the place on it where showing begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gate {
    /// Below it nothing is shown.
    pub(super) threshold: f32,
    /// The raw score at which an answer is as often right as wrong.
    pub(super) middle: f32,
    /// How steep the curve is there.
    pub(super) slope: f32,
}

impl Default for Gate {
    /// For a handful of answers without example drafts.
    fn default() -> Self {
        Self::at(0.35)
    }
}

impl Gate {
    /// A gate at a threshold, with the default curve: at the threshold an answer is right in two cases of five, as
    /// measured on hosting drafts.
    pub(super) fn at(threshold: f32) -> Self {
        let slope = 8.0;
        Self { threshold, middle: threshold + 0.4 / slope, slope }
    }

    /// A gate at a threshold, with the curve that fits raw scores and whether they were right best.
    pub(super) fn fitted(threshold: f32, outcomes: &[(f32, bool)]) -> Self {
        let right = outcomes.iter().filter(|(_, right)| *right).count();
        if right < 8 || outcomes.len() - right < 8 {
            return Self::at(threshold);
        }
        // Logistic regression in one dimension, by Newton's steps; the curve never falls.
        let (mut slope, mut offset) = (1.0f64, 0.0f64);
        for _ in 0..25 {
            let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 1e-3, 0.0, 1e-3);
            for (raw, right) in outcomes {
                let x = f64::from(*raw);
                let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
                let (error, weight) = (p - f64::from(u8::from(*right)), p * (1.0 - p));
                g0 += error;
                g1 += error * x;
                h00 += weight;
                h01 += weight * x;
                h11 += weight * x * x;
            }
            let determinant = (h00 * h11 - h01 * h01).max(1e-9);
            offset -= ((h11 * g0 - h01 * g1) / determinant).clamp(-5.0, 5.0);
            slope -= ((h00 * g1 - h01 * g0) / determinant).clamp(-5.0, 5.0);
        }
        if !(slope.is_finite() && offset.is_finite()) || slope < 0.5 {
            return Self::at(threshold);
        }
        Self { threshold, middle: (-offset / slope) as f32, slope: slope as f32 }
    }

    /// How probable it is that an answer with this raw score is right, 0 to 1.
    pub(super) fn confidence(&self, raw: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (raw - self.middle)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_follows_what_was_seen() {
        // Right with the probability that the raw score is.
        let outcomes: Vec<(f32, bool)> = (0..1000).map(|i| (i as f32 / 1000.0, (i * 7919) % 1000 < i)).collect();
        let gate = Gate::fitted(0.3, &outcomes);
        for raw in [0.2, 0.5, 0.8] {
            assert!((gate.confidence(raw) - raw).abs() < 0.1, "{raw} {gate:?}");
        }
        assert!(gate.confidence(0.9) > gate.confidence(0.1));
    }

    #[test]
    fn nothing_seen_is_the_default() {
        assert_eq!(Gate::fitted(0.3, &[]), Gate::at(0.3));
        assert_eq!(Gate::fitted(0.3, &[(0.1, true); 50]), Gate::at(0.3));
        let confidence = Gate::default().confidence(f32::MAX);
        assert!((0.0..=1.0).contains(&confidence));
    }
}
