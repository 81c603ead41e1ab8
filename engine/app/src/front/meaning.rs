//! The operator's sentence-embedding model, where there is one: answers are then found by meaning, too.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use heinzel_embedding::cache::Cached;
use heinzel_embedding::model::Model;
use heinzel_knowledge::rank::Document;
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::semantic::{Meanings, Semantic};
use heinzel_knowledge::rank::tiers::{Tiers, Workers};

/// Where models lie in the state folder.
pub(crate) const MODELS: &str = "models";

/// A model that is ready.
pub(super) struct Meaning {
    model: Arc<Model>,
    /// The vectors of answers, kept over restarts. Drafts are never kept.
    answers: Cached<Arc<Model>>,
    workers: Arc<Workers>,
}

impl Meaning {
    /// Opens the model with this name.
    ///
    /// # Errors
    /// When it is not there or cannot be used.
    pub(super) fn open(state: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = state.join(MODELS).join(name);
        let model = Model::open(&folder, 1).with_context(|| {
            format!("`suggestions.model = \"{name}\"`: the folder {} must hold the model", folder.display())
        })?;
        let model = Arc::new(model);
        let vectors = state.join(MODELS).join(format!("{name}.vectors"));
        let answers = Cached::open(model.clone(), model.fingerprint(), &vectors);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = Arc::new(Workers::start(cores).context("start the threads of the model")?);
        Ok(Self { model, answers, workers })
    }

    /// Both tiers over the same documents. Takes a while for answers it has not seen. Vectors of what is in none of them go:
    /// when they are most of all, or `forgets` says that somebody is to be forgotten.
    ///
    /// # Errors
    /// When the model fails.
    pub(super) fn tiers(&self, documents: &[Document], lexical: Arc<Lexical>, forgets: bool) -> anyhow::Result<Tiers> {
        self.answers.begin();
        let meanings = Meanings::learn(documents, &self.answers).context("learn what the answers mean")?;
        if forgets {
            self.answers.forget();
        } else {
            self.answers.tidy();
        }
        if let Some(complaint) = self.answers.complaint() {
            tracing::warn!("{complaint}; what was computed is computed again at the next start");
        }
        let semantic = Arc::new(Semantic::new(lexical.clone(), meanings, self.model.clone()));
        Ok(Tiers::of_both(lexical, semantic, self.workers.clone()))
    }
}
