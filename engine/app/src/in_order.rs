//! Several threads that work on pieces of several lines, and give the results on in the order of each line.
//!
//! Start at [`run`]. There is no thread that hands out work: whoever is free takes the next piece itself, so a piece that
//! comes while nothing else is to be done is worked on by the thread that it woke.

use std::collections::{BTreeMap, btree_map};
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// More threads than this are not started. Logs that need more no machine writes, and its cores belong to its customers.
const MOST_THREADS: usize = 4;

/// How many threads are worth starting here: one for each core the process may use, at most four.
pub(crate) fn threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(cores.get().min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// A piece of work.
pub(crate) struct Piece<L, P> {
    /// The line it belongs to. Results of one line are given on in the order in which its pieces were taken.
    pub(crate) line: L,
    /// What is to be done.
    pub(crate) piece: P,
    /// Whether there is reason to let another thread take the next piece while this one is worked on.
    pub(crate) hand_over: bool,
}

/// How it is done.
pub(crate) struct Work<T, W, G> {
    /// Takes the next piece, if it must wait for it; `None`: there is no more. One thread at a time asks.
    pub(crate) take: T,
    /// Does it; the second argument is the thread's own, to be kept from piece to piece.
    pub(crate) work: W,
    /// Gives a result on; `false`: nobody wants any more. One thread at a time asks.
    pub(crate) give: G,
}

/// How much finished work may wait for the piece before it, in bytes. A thread that finds more takes nothing new.
pub(crate) const AHEAD: usize = 8 << 20;

/// Works until there is nothing more, with `threads` threads, of which the caller's is one. `size` says how many bytes a
/// result occupies.
///
/// # Panics
/// When the work panics; the other threads then stop before their next piece.
pub(crate) fn run<L, P, R, S, T, W, G>(threads: NonZeroUsize, work: Work<T, W, G>, size: fn(&R) -> usize)
where
    L: Ord + Clone + Send,
    P: Send,
    R: Send,
    S: Default,
    T: FnMut() -> Option<Piece<L, P>> + Send,
    W: Fn(P, &mut S) -> R + Sync,
    G: FnMut(R) -> bool + Send,
{
    let Work { take, work, give } = work;
    let shared = Shared {
        front: Mutex::new(Front { take, taken: BTreeMap::new() }),
        back: Mutex::new(Back { give, lines: BTreeMap::new(), waiting: 0 }),
        moved: Condvar::new(),
        over: AtomicBool::new(false),
        size,
    };
    let loops = || {
        let _end = End(&shared);
        shared.work_on(&work, &mut S::default());
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get())
            .filter_map(|number| {
                // One that cannot be started is missed, but not needed.
                std::thread::Builder::new().name(format!("scanner-{number}")).spawn_scoped(scope, loops).ok()
            })
            .collect();
        loops();
        for other in others {
            if let Err(panic) = other.join() {
                resume_unwind(panic);
            }
        }
    });
}

struct Shared<L, R, T, G> {
    front: Mutex<Front<L, T>>,
    back: Mutex<Back<L, R, G>>,
    /// Something that waited has been given on.
    moved: Condvar,
    over: AtomicBool,
    size: fn(&R) -> usize,
}

struct Front<L, T> {
    take: T,
    /// How many pieces of each line were taken.
    taken: BTreeMap<L, u64>,
}

struct Back<L, R, G> {
    give: G,
    lines: BTreeMap<L, Line<R>>,
    /// The bytes of what waits.
    waiting: usize,
}

/// The results of one line.
struct Line<R> {
    given: u64,
    waiting: BTreeMap<u64, R>,
}

impl<L: Ord + Clone, R, T, G> Shared<L, R, T, G> {
    /// Takes, works and gives on until there is no more.
    fn work_on<P, S>(&self, work: impl Fn(P, &mut S) -> R, own: &mut S)
    where
        T: FnMut() -> Option<Piece<L, P>>,
        G: FnMut(R) -> bool,
    {
        let mut kept = None;
        loop {
            self.wait_for_room();
            let mut front = kept.take().unwrap_or_else(|| lock(&self.front));
            if self.is_over() {
                return;
            }
            let Some(Piece { line, piece, hand_over }) = (front.take)() else { return };
            let taken = front.taken.entry(line.clone()).or_default();
            let number = *taken;
            *taken += 1;
            // A thread that waits to take is woken only where that is worth it.
            kept = (!hand_over).then_some(front);
            let result = work(piece, own);
            if !self.give(line, number, result) {
                return;
            }
        }
    }

    fn wait_for_room(&self) {
        let mut back = lock(&self.back);
        // What it waits for is being worked on, by a thread that does not wait here.
        while back.waiting >= AHEAD && !self.is_over() {
            back = self.moved.wait(back).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give(&self, line: L, number: u64, result: R) -> bool
    where
        G: FnMut(R) -> bool,
    {
        let mut back = lock(&self.back);
        let Back { give, lines, waiting } = &mut *back;
        let line = match lines.entry(line) {
            btree_map::Entry::Occupied(line) => line.into_mut(),
            btree_map::Entry::Vacant(place) => place.insert(Line { given: 0, waiting: BTreeMap::new() }),
        };
        *waiting += (self.size)(&result);
        line.waiting.insert(number, result);
        while let Some(result) = line.waiting.remove(&line.given) {
            line.given += 1;
            *waiting -= (self.size)(&result);
            if !give(result) {
                self.over.store(true, Ordering::Release);
                break;
            }
        }
        self.moved.notify_all();
        !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// A thread that ends, in whatever way, ends the others; what they have taken they finish.
struct End<'a, L, R, T, G>(&'a Shared<L, R, T, G>);

impl<L, R, T, G> Drop for End<'_, L, R, T, G> {
    fn drop(&mut self) {
        // Locked, so that nobody has just looked and is about to wait.
        let _back = lock(&self.0.back);
        self.0.over.store(true, Ordering::Release);
        self.0.moved.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
