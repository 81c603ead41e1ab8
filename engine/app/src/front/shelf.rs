//! The answers in force and the index over them. Built completely, then swapped as one pointer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use heinzel_knowledge::answer::{AnswerId, Language};
use heinzel_knowledge::complaint::Severity;
use heinzel_knowledge::library::Library;
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::{Document, Draft, Ranked, Ranker};
use heinzel_store::customers::Customers;

use crate::config::Config;
use crate::knowledge;

/// How long learned examples wait for others, before the index is built anew.
const LEARNED: Duration = Duration::from_secs(60);

/// The answers, and how they are found.
pub(crate) struct Books {
    pub(crate) library: Library,
    /// The ids of the documents that the ranker knows by number.
    pub(crate) documents: Vec<AnswerId>,
    ranker: Box<dyn Ranker>,
}

impl Books {
    pub(super) fn rank(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked> {
        self.ranker.rank(draft, most)
    }

    pub(super) fn threshold(&self) -> f32 {
        self.ranker.threshold()
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
}

impl Shelf {
    /// A shelf that [`Self::reload`] fills.
    pub(crate) fn new(config: Arc<Config>, customers: Arc<Customers>) -> Self {
        Self { config, customers, books: RwLock::default(), learning: AtomicBool::new(false) }
    }

    /// The answers in force; `None`: they are being read for the first time.
    pub(crate) fn get(&self) -> Option<Arc<Books>> {
        self.books.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads all answers and builds the index; what is wrong with an answer is said, and the others are used.
    pub(crate) fn reload(&self) {
        let books = Arc::new(self.read());
        *self.books.write().unwrap_or_else(PoisonError::into_inner) = Some(books);
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

    fn read(&self) -> Books {
        let began = Instant::now();
        let (library, complaints) = knowledge::load(&self.config);
        for complaint in complaints.iter().filter(|complaint| complaint.severity == Severity::Error) {
            tracing::error!("{complaint}");
        }
        let mut documents = library.documents();
        learn(&mut documents, &self.customers);
        let ranker = Box::new(Lexical::build(&documents));
        let documents: Vec<AnswerId> = documents.into_iter().map(|document| document.id).collect();
        tracing::info!(answers = documents.len(), millis = began.elapsed().as_millis(), "answers are indexed");
        Books { library, documents, ranker }
    }
}

/// Adds what customers and support have taught.
fn learn(documents: &mut [Document], customers: &Customers) {
    for example in customers.examples().iter() {
        let Some(language) = Language::from_locale(&example.language) else { continue };
        let Some(document) = documents.iter_mut().find(|document| document.id == example.answer) else { continue };
        let Some(text) = document.texts.iter_mut().find(|text| text.language == Some(language)) else { continue };
        text.examples.push(example.text.bare());
    }
}
