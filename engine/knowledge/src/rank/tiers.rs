//! Two tiers as one: the lexical one answers at once, the other one when it is there in time.
//!
//! Start at [`Tiers::both`]. A model takes milliseconds to a second of one core, and may fail. It runs in threads of its
//! own, of which there are as many as drafts may be looked at at a time; as many again may wait. Who finds them all
//! busy, or has waited long enough, gets what the lexical tier says, which nobody waits for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::embed::{EmbedError, Embedder};
use super::semantic::Semantic;
use super::{Draft, Ranked, Ranker};
use crate::answer::Language;

/// A tier that takes time and may fail.
pub trait Slow: Send + Sync {
    /// The answers that fit best, best first.
    ///
    /// # Errors
    /// The model failed.
    fn try_rank(&self, draft: &Draft<'_>, most: usize) -> Result<Vec<Ranked>, EmbedError>;

    /// The raw score below which nothing should be shown.
    fn threshold(&self) -> f32;
}

impl<E: Embedder> Slow for Semantic<E> {
    fn try_rank(&self, draft: &Draft<'_>, most: usize) -> Result<Vec<Ranked>, EmbedError> {
        self.ranked(draft, most)
    }

    fn threshold(&self) -> f32 {
        Ranker::threshold(self)
    }
}

/// Ranked answers, by one of the tiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Best first.
    pub ranked: Vec<Ranked>,
    /// The raw score below which nothing should be shown. Each tier has a scale of its own.
    pub threshold: f32,
    /// Which tier.
    pub by: By,
}

/// Which tier ranked, and why not the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Both.
    Meaning,
    /// The lexical tier; there is no model, or it was not asked for.
    Words,
    /// The lexical tier: all threads were busy.
    WordsWhileBusy,
    /// The lexical tier: the model was not there in time.
    WordsInTime,
    /// The lexical tier: the model failed, with what it said.
    WordsAfter(String),
}

/// The lexical tier and, if there is a model, the other.
#[derive(Clone)]
pub struct Tiers {
    lexical: Arc<dyn Ranker>,
    semantic: Option<(Arc<dyn Slow>, Arc<Workers>)>,
}

impl Tiers {
    /// The lexical tier alone.
    pub fn of_words(lexical: Arc<dyn Ranker>) -> Self {
        Self { lexical, semantic: None }
    }

    /// Both. The threads outlive a change of the answers, so they are the caller's.
    pub fn of_both(lexical: Arc<dyn Ranker>, semantic: Arc<dyn Slow>, workers: Arc<Workers>) -> Self {
        Self { lexical, semantic: Some((semantic, workers)) }
    }

    /// Whether there is a model, so that [`Self::both`] may take a while.
    #[must_use]
    pub const fn has_model(&self) -> bool {
        self.semantic.is_some()
    }

    /// What the lexical tier says, at once.
    #[must_use]
    pub fn lexical(&self, draft: &Draft<'_>, most: usize) -> Found {
        self.words(draft, most, By::Words)
    }

    /// What both say, if that takes at most `wait`; else what the lexical tier says.
    #[must_use]
    pub fn both(&self, draft: &Draft<'_>, most: usize, wait: Duration) -> Found {
        let Some((semantic, workers)) = &self.semantic else { return self.lexical(draft, most) };
        let (reply, answer) = sync_channel(1);
        let wanted = Arc::new(AtomicBool::new(true));
        let job = Job {
            subject: draft.subject.to_owned(),
            body: draft.body.to_owned(),
            language: draft.language,
            most,
            tier: Arc::clone(semantic),
            wanted: Arc::clone(&wanted),
            reply,
        };
        if !workers.take(job) {
            return self.words(draft, most, By::WordsWhileBusy);
        }
        let by = match answer.recv_timeout(wait) {
            Ok(Ok(ranked)) => return Found { ranked, threshold: semantic.threshold(), by: By::Meaning },
            Ok(Err(reason)) => By::WordsAfter(reason),
            Err(_) => By::WordsInTime,
        };
        wanted.store(false, Ordering::Relaxed);
        self.words(draft, most, by)
    }

    fn words(&self, draft: &Draft<'_>, most: usize, by: By) -> Found {
        Found { ranked: self.lexical.rank(draft, most), threshold: self.lexical.threshold(), by }
    }
}

/// A draft that a thread is to look at.
struct Job {
    subject: String,
    body: String,
    language: Option<Language>,
    most: usize,
    tier: Arc<dyn Slow>,
    /// Somebody still waits.
    wanted: Arc<AtomicBool>,
    reply: SyncSender<Result<Vec<Ranked>, String>>,
}

/// The threads that a model runs in. Dropped, they end what they are at and nothing more.
pub struct Workers {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let (jobs, queue) = sync_channel(threads);
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Self { jobs: Some(jobs), threads: Vec::new() };
        for number in 0..threads {
            let queue = Arc::clone(&queue);
            let name = format!("meaning-{number}");
            workers.threads.push(std::thread::Builder::new().name(name).spawn(move || work(&queue))?);
        }
        Ok(workers)
    }

    fn take(&self, job: Job) -> bool {
        let sent = self.jobs.as_ref().map(|jobs| jobs.try_send(job));
        !matches!(sent, None | Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // It catches what breaks in it; there is nothing to hear from it.
            let _ = thread.join();
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // One thread waits for the next job, the others for it. A panic never happens under the lock.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if !job.wanted.load(Ordering::Relaxed) {
            continue;
        }
        let draft = Draft { subject: &job.subject, body: &job.body, language: job.language };
        let ranked = catch_unwind(AssertUnwindSafe(|| job.tier.try_rank(&draft, job.most)));
        let ranked =
            ranked.map_or_else(|_| Err("the model broke".to_owned()), |ranked| ranked.map_err(|e| e.to_string()));
        // Nobody may be waiting any more.
        let _ = job.reply.try_send(ranked);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(5);

    fn one(document: usize) -> Vec<Ranked> {
        let (words, example) = (Vec::new(), None);
        vec![Ranked { document, rank_score: 1.0, raw: 1.0, confidence: 1.0, words, example }]
    }

    struct Words;

    impl Ranker for Words {
        fn rank(&self, _: &Draft<'_>, _: usize) -> Vec<Ranked> {
            one(1)
        }

        fn threshold(&self) -> f32 {
            0.1
        }
    }

    /// Does what the draft says; `wait` until the gate opens.
    #[derive(Default)]
    struct Model {
        gate: Mutex<()>,
        asked: AtomicUsize,
    }

    impl Slow for Model {
        fn try_rank(&self, draft: &Draft<'_>, _: usize) -> Result<Vec<Ranked>, EmbedError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match draft.body {
                "panic" => panic!("on purpose"),
                "fail" => Err(EmbedError { model: "m".into(), texts: 1, reason: "on purpose".into() }),
                "wait" => {
                    drop(self.gate.lock());
                    Ok(one(2))
                }
                _ => Ok(one(2)),
            }
        }

        fn threshold(&self) -> f32 {
            0.2
        }
    }

    fn tiers() -> (Tiers, Arc<Model>) {
        let (model, workers) = (Arc::new(Model::default()), Arc::new(Workers::start(1).unwrap()));
        (Tiers::of_both(Arc::new(Words), Arc::clone(&model) as Arc<dyn Slow>, workers), model)
    }

    fn ask(tiers: &Tiers, body: &str, wait: Duration) -> (usize, f32, By) {
        let found = tiers.both(&Draft { body, ..Draft::default() }, 3, wait);
        (found.ranked[0].document, found.threshold, found.by)
    }

    #[test]
    fn the_model_answers_when_it_is_quick_enough() {
        let (tiers, _) = tiers();
        assert_eq!(ask(&tiers, "hello", LONG), (2, 0.2, By::Meaning));
        assert_eq!(tiers.lexical(&Draft::default(), 3).by, By::Words);
        assert_eq!(ask(&Tiers::of_words(Arc::new(Words)), "hello", LONG), (1, 0.1, By::Words));
    }

    #[test]
    fn a_model_that_fails_or_breaks_leaves_the_words_and_goes_on() {
        let (tiers, _) = tiers();
        let failed = "embed 1 texts with m: on purpose".to_owned();
        assert_eq!(ask(&tiers, "fail", LONG), (1, 0.1, By::WordsAfter(failed)));
        assert_eq!(ask(&tiers, "panic", LONG), (1, 0.1, By::WordsAfter("the model broke".into())));
        assert_eq!(ask(&tiers, "hello", LONG), (2, 0.2, By::Meaning));
    }

    #[test]
    fn nobody_waits_for_a_slow_model_longer_than_said() {
        let (tiers, model) = tiers();
        let closed = model.gate.lock().unwrap();
        assert_eq!(ask(&tiers, "wait", SHORT), (1, 0.1, By::WordsInTime));
        // On a busy machine the model's thread may come too late for a draft, and leaves it alone.
        while model.asked.load(Ordering::SeqCst) == 0 {
            ask(&tiers, "wait", SHORT);
        }
        // It may still be at that one: one more may wait, then nobody.
        assert_eq!(ask(&tiers, "second", SHORT).2, By::WordsInTime);
        let third = ask(&tiers, "third", LONG);
        assert_eq!(third, (1, 0.1, By::WordsWhileBusy));
        drop(closed);
        while ask(&tiers, "hello", LONG).2 != By::Meaning {
            std::thread::yield_now();
        }
        // Nobody waited for the second any more, so nobody looked at it.
        assert!(model.asked.load(Ordering::SeqCst) >= 2);
    }

    #[test]
    fn threads_end_with_their_owner() {
        let (tiers, model) = tiers();
        assert_eq!(ask(&tiers, "hello", LONG).2, By::Meaning);
        drop(tiers);
        assert_eq!(Arc::strong_count(&model), 1);
    }
}
