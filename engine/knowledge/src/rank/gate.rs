//! When to be silent: which raw score is enough, and what it is as a probability.

/// A curve over the raw score, and the place on it where showing begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Below it nothing is shown.
    pub threshold: f32,
    /// The raw score at which an answer is as often right as wrong.
    pub middle: f32,
    /// How steep the curve is there.
    pub slope: f32,
}

impl Default for Gate {
    /// For answers without example drafts.
    fn default() -> Self {
        Self { threshold: 0.25, middle: 0.25, slope: 12.0 }
    }
}

impl Gate {
    /// How probable it is that an answer with this raw score is right, 0 to 1.
    #[must_use]
    pub fn confidence(&self, raw: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (raw - self.middle)).exp())
    }
}
