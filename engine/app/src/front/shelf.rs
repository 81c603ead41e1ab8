//! The answers in force and the index over them. Built completely, then swapped as one pointer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
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
use crate::in_order::lock;
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
    /// One reading at a time, from the files to the index, with its number: else an older one could come last.
    turn: Mutex<u64>,
    /// The same for what the model makes of it, which may take minutes.
    learns: Mutex<()>,
    /// Examples have been learned, and somebody is waiting to build anew.
    learning: AtomicBool,
    /// Examples are to be forgotten, and their vectors are still kept.
    forgets: AtomicBool,
    /// The model, once it was needed; `None`: there is none, or it cannot be used.
    meaning: OnceLock<Option<Meaning>>,
}

impl Shelf {
    /// A shelf that [`Self::reload`] fills.
    pub(crate) fn new(config: Arc<Config>, customers: Arc<Customers>) -> Self {
        let (turn, learns) = (Mutex::default(), Mutex::default());
        let [learning, forgets] = [false, false].map(AtomicBool::new);
        Self { config, customers, books: RwLock::default(), turn, learns, learning, forgets, meaning: OnceLock::new() }
    }

    /// The answers in force; `None`: they are being read for the first time.
    pub(crate) fn get(&self) -> Option<Arc<Books>> {
        self.books.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads all answers and builds the index; what is wrong with an answer is said, and the others are used. Where there is
    /// a model, they are found by words until it knows them.
    pub(crate) fn reload(&self) {
        let began = Instant::now();
        let mut turn = lock(&self.turn);
        *turn += 1;
        let number = *turn;
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
        drop(turn);
        let Some(meaning) = self.meaning() else { return };
        let _learns = lock(&self.learns);
        // Whoever came later knows more, and learns next.
        if *lock(&self.turn) != number {
            return;
        }
        let forgets = self.forgets.swap(false, Ordering::SeqCst);
        let tiers = meaning.tiers(&documents, lexical, forgets);
        let turn = lock(&self.turn);
        match tiers {
            Ok(_) if *turn != number => {}
            Ok(tiers) => {
                self.put(Books { library, documents: ids, tiers });
                tracing::info!(millis = began.elapsed().as_millis(), "answers are found by meaning, too");
            }
            Err(error) => {
                self.forgets.fetch_or(forgets, Ordering::SeqCst);
                tracing::error!("{error:#}; answers are found by words alone");
            }
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

    /// Has examples forgotten: the file of the index goes first, and is made anew without them when they are gone.
    ///
    /// # Errors
    /// When the file cannot be removed; then nothing is forgotten.
    pub(super) fn forget<T>(self: &Arc<Self>, forget: impl FnOnce() -> T) -> std::io::Result<T> {
        // Whoever is just building it from them puts it there before.
        let turn = lock(&self.turn);
        match std::fs::remove_file(self.config.state.join(INDEX)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let forgotten = forget();
        drop(turn);
        self.forgets.store(true, Ordering::SeqCst);
        let shelf = self.clone();
        // No thread is left: it is made anew at the next change, or the next start.
        let _ = std::thread::Builder::new().name("forgetting".into()).spawn(move || shelf.reload());
        Ok(forgotten)
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

#[cfg(test)]
mod tests {
    use heinzel_core::draft::{Example, Origin, Owner};
    use heinzel_core::redact::Redacted;

    use super::*;
    use crate::config::Overrides;

    fn shelf(folder: &std::path::Path) -> Arc<Shelf> {
        let file = folder.join("heinzel.toml");
        std::fs::create_dir_all(folder.join("state")).unwrap();
        std::fs::write(&file, "[rules]\nfolders = [\"rules\"]\n[store]\nfolder = \"state\"\n").unwrap();
        let config = Arc::new(Config::load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap());
        let customers = Arc::new(Customers::open(&config.state).unwrap());
        Arc::new(Shelf::new(config, customers))
    }

    #[test]
    fn readings_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let turn = lock(&shelf.turn);
        let other = std::thread::spawn({
            let shelf = shelf.clone();
            move || shelf.reload()
        });
        std::thread::sleep(Duration::from_millis(200));
        assert!(shelf.get().is_none(), "another one is reading");
        drop(turn);
        other.join().unwrap();
        assert!(shelf.get().is_some());
    }

    #[test]
    fn the_index_goes_at_once_with_who_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let example = Example {
            answer: "a/b".into(),
            language: "de".into(),
            text: Redacted::of("Mein Postfach ist voll", &[]),
            origin: Origin::Confirmed,
            count: 1,
        };
        shelf.customers.learn(&example, &Owner::Customer("K1".into())).unwrap();
        let index = shelf.config.state.join(INDEX);
        std::fs::write(&index, "Mein Postfach ist voll").unwrap();
        assert_eq!(shelf.forget(|| shelf.customers.forget("K1")).unwrap().unwrap().examples, 1);
        let is_there = || std::fs::read(&index).is_ok_and(|bytes| bytes.starts_with(b"Mein"));
        assert!(!is_there());
        while shelf.get().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!is_there());
        // What is in its way is said before anything is forgotten.
        std::fs::remove_file(&index).unwrap_or_default();
        std::fs::create_dir_all(index.join("x")).unwrap();
        assert!(shelf.forget(|| panic!("it is forgotten")).is_err());
    }
}
