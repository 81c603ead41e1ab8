//! The answers in force and the index over them. Built completely, then swapped as one pointer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use heinzel_knowledge::answer::{AnswerId, Language};
use heinzel_knowledge::complaint::Severity;
use heinzel_knowledge::library::Library;
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::tiers::{Found, Tiers};
use heinzel_knowledge::rank::{Document, Draft};
use heinzel_store::customers::Customers;

use super::meaning::Meaning;
use crate::config::Config;
use crate::knowledge;

/// The file in the state folder that keeps the index. It may be deleted at any time.
pub(super) const INDEX: &str = "answers.index";

/// How long learned examples wait for others, before the index is built anew.
const LEARNED: Duration = Duration::from_secs(60);

/// How long a draft waits for the model; a short one takes some 20 ms on one core.
const PATIENCE: Duration = Duration::from_millis(120);

/// The answers, and how they are found.
pub(crate) struct Books {
    pub(crate) library: Arc<Library>,
    /// The ids of the documents that the ranker knows by number.
    pub(crate) documents: Arc<[AnswerId]>,
    tiers: Tiers,
}

impl Books {
    /// Whether finding may take a while, in threads of its own.
    pub(super) fn has_model(&self) -> bool {
        self.tiers.has_model()
    }

    /// The answers that fit. By words alone it is done at once; a model has threads of its own, and is waited for elsewhere.
    pub(super) async fn find(&self, draft: &Draft<'_>, most: usize) -> Found {
        if !self.tiers.has_model() {
            return self.tiers.lexical(draft, most);
        }
        let (tiers, language) = (self.tiers.clone(), draft.language);
        let (subject, body) = (draft.subject.to_owned(), draft.body.to_owned());
        let waiting = tokio::task::spawn_blocking(move || {
            tiers.both(&Draft { subject: &subject, body: &body, language }, most, PATIENCE)
        });
        // It panics only with a bug; words alone always answer.
        waiting.await.unwrap_or_else(|_| self.tiers.lexical(draft, most))
    }
}

/// Where the answers stand.
pub(crate) struct Shelf {
    config: Arc<Config>,
    customers: Arc<Customers>,
    /// `None` until they have been read for the first time.
    books: RwLock<Option<Arc<Books>>>,
    /// Examples have been learned, and somebody is waiting to build anew.
    learning: AtomicBool,
    /// The model, once it was needed; `None`: there is none, or it cannot be used.
    meaning: OnceLock<Option<Meaning>>,
}

impl Shelf {
    /// A shelf that [`Self::reload`] fills.
    pub(crate) fn new(config: Arc<Config>, customers: Arc<Customers>) -> Self {
        Self { config, customers, books: RwLock::default(), learning: AtomicBool::new(false), meaning: OnceLock::new() }
    }

    /// The answers in force; `None`: they are being read for the first time.
    pub(crate) fn get(&self) -> Option<Arc<Books>> {
        self.books.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads all answers and builds the index; what is wrong with an answer is said, and the others are used. Where there is
    /// a model, they are found by words until it knows them.
    pub(crate) fn reload(&self) {
        let began = Instant::now();
        let (library, complaints) = knowledge::load(&self.config);
        for complaint in complaints.iter().filter(|complaint| complaint.severity == Severity::Error) {
            tracing::error!("{complaint}");
        }
        let mut documents = library.documents();
        learn(&mut documents, &self.customers);
        let lexical = Arc::new(self.index(&documents));
        let library = Arc::new(library);
        let ids: Arc<[AnswerId]> = documents.iter().map(|document| document.id.clone()).collect();
        let tiers = Tiers::of_words(lexical.clone());
        self.put(Books { library: library.clone(), documents: ids.clone(), tiers });
        tracing::info!(answers = ids.len(), millis = began.elapsed().as_millis(), "answers are indexed");
        let Some(meaning) = self.meaning() else { return };
        match meaning.tiers(&documents, lexical) {
            Ok(tiers) => {
                self.put(Books { library, documents: ids, tiers });
                tracing::info!(millis = began.elapsed().as_millis(), "answers are found by meaning, too");
            }
            Err(error) => tracing::error!("{error:#}; answers are found by words alone"),
        }
    }

    /// The index over these documents: as it was kept, or built and kept for the next start.
    fn index(&self, documents: &[Document]) -> Lexical {
        let file = self.config.state.join(INDEX);
        if let Some(kept) = std::fs::read(&file).ok().and_then(|bytes| Lexical::open(&bytes, documents)) {
            return kept;
        }
        let built = Lexical::build(documents);
        if let Err(error) = knowledge::put(&file, &built.save(documents), knowledge::PRIVATE) {
            tracing::warn!("{error:#}; the next start builds the index of the answers again");
        }
        built
    }

    fn put(&self, books: Books) {
        *self.books.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(books));
    }

    fn meaning(&self) -> Option<&Meaning> {
        let name = self.config.suggestions.model.as_ref()?;
        let open = || match Meaning::open(&self.config.state, name) {
            Ok(meaning) => Some(meaning),
            Err(error) => {
                tracing::error!("{error:#}; answers are found by words alone");
                None
            }
        };
        self.meaning.get_or_init(open).as_ref()
    }

    /// An example was learned: soon the index knows it.
    pub(super) fn learned(self: &Arc<Self>) {
        if self.learning.swap(true, Ordering::SeqCst) {
            return;
        }
        let shelf = self.clone();
        let learn = move || {
            std::thread::sleep(LEARNED);
            shelf.learning.store(false, Ordering::SeqCst);
            shelf.reload();
        };
        // No thread is left: the next example tries again.
        if std::thread::Builder::new().name("learning".into()).spawn(learn).is_err() {
            self.learning.store(false, Ordering::SeqCst);
        }
    }
}

/// Adds what customers and support have taught: to find answers by, not to be shown.
fn learn(documents: &mut [Document], customers: &Customers) {
    for example in customers.examples().iter() {
        let Some(language) = Language::from_locale(&example.language) else { continue };
        let Some(document) = documents.iter_mut().find(|document| document.id == example.answer) else { continue };
        let Some(text) = document.texts.iter_mut().find(|text| text.language == Some(language)) else { continue };
        text.examples.push(example.text.bare());
        text.learned += 1;
    }
}
