//! The settings of the lexical tier, as they were measured to rank well.

use super::regression::Training;

/// What was measured to rank well; see [`super::lexical`] for how the scores meet.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    /// BM25F: how much a word in the title counts.
    pub(crate) title: f32,
    /// BM25F: how much a word in the text counts.
    pub(crate) body: f32,
    /// BM25F: how much a word in an example counts.
    pub(crate) example: f32,
    /// BM25F: how fast more of a word stops counting more.
    pub(crate) k1: f32,
    /// BM25F: how much a long text is held against it.
    pub(crate) b: f32,
    /// How much the part of a compound counts beside a word.
    pub(crate) part: f32,
    /// N-grams: how often the title counts.
    pub(crate) title_grams: f32,
    /// Training of the classifier.
    pub(crate) training: Training,
    /// How much the title counts as an example.
    pub(crate) title_sample: f32,
    /// Fusion: words, in a short draft.
    pub(crate) fuse_words: f32,
    /// Fusion: words, in a letter.
    pub(crate) fuse_many_words: f32,
    /// Fusion: n-grams of the texts.
    pub(crate) fuse_grams: f32,
    /// Fusion: n-grams of the examples.
    pub(crate) fuse_examples: f32,
    /// Fusion: the classifier.
    pub(crate) fuse_classes: f32,
    /// Fusion: exact tokens.
    pub(crate) fuse_exact: f32,
    /// How much a word counts that is found only as a beginning.
    pub(crate) prefix: f32,
    /// How much the small words count.
    pub(crate) stop: f32,
    /// How much another word for the same counts.
    pub(crate) concept: f32,
    /// Fusion: what the words mean, in a short draft; in a letter they mean a bit of everything.
    pub(crate) fuse_sense: f32,
    /// Beside a classifier the other parts of the fusion count so much.
    pub(crate) beside_classes: f32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            title: 2.0,
            body: 1.0,
            example: 1.0,
            k1: 1.4,
            b: 1.0,
            part: 0.5,
            title_grams: 2.0,
            training: Training::default(),
            title_sample: 2.0,
            fuse_words: 0.8,
            fuse_many_words: 0.7,
            fuse_grams: 1.0,
            fuse_examples: 1.0,
            fuse_classes: 1.0,
            fuse_exact: 2.5,
            prefix: 0.5,
            stop: 0.2,
            concept: 0.4,
            fuse_sense: 0.4,
            beside_classes: 0.05,
        }
    }
}
