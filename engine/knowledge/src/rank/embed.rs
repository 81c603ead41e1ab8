//! What a sentence-embedding model must do. The engine has none of its own: a model is a file that the operator adds.

/// What a text is to the model; many models want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What a customer writes.
    Draft,
    /// A known answer, or a part of one.
    Passage,
}

/// Why a model gave no vectors.
#[derive(Debug, thiserror::Error)]
#[error("embed {texts} texts with {model}: {reason}")]
pub struct EmbedError {
    /// The model, as the operator knows it: its folder or name.
    pub model: String,
    /// How many texts it was given.
    pub texts: usize,
    /// What it said.
    pub reason: String,
}

/// Turns texts into vectors whose scalar product says how near their meanings are.
pub trait Embedder: Send + Sync {
    /// One vector a text, in order, each of length one.
    ///
    /// # Errors
    /// [`EmbedError`] when the model fails; then there is no vector for any of the texts.
    fn embed(&self, texts: &[&str], kind: Kind) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// How long a vector is.
    fn dimensions(&self) -> usize;
}

impl<E: Embedder + ?Sized> Embedder for std::sync::Arc<E> {
    fn embed(&self, texts: &[&str], kind: Kind) -> Result<Vec<Vec<f32>>, EmbedError> {
        (**self).embed(texts, kind)
    }

    fn dimensions(&self) -> usize {
        (**self).dimensions()
    }
}
