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
        let (middle, slope) = fit(outcomes);
        if slope < 0.5 { Self::at(threshold) } else { Self { threshold, middle, slope } }
    }

    /// How probable it is that an answer with this raw score is right, 0 to 1.
    pub(super) fn confidence(&self, raw: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (raw - self.middle)).exp())
    }
}

/// Middle and slope of the logistic curve through scores that were right or wrong, by Newton's method. A little holds the
/// slope back, so that few cases make no step of it; the curve never falls.
pub(super) fn fit(cases: &[(f32, bool)]) -> (f32, f32) {
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
    ((mean - offset / slope) as f32, slope as f32)
}

/// The value that this share of the sorted values does not reach; 0 of none.
pub(super) fn quantile(sorted: &[f32], share: f32) -> f32 {
    let at = (sorted.len() as f32 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
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
