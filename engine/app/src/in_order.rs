//! Several threads that work on pieces of several lines, and give the results on in the order of each line.
//!
//! Start at [`InOrder::run`]. There is no thread that hands out work: whoever is free takes the next piece itself, so a piece
//! that comes while nothing else is to be done is worked on by the thread that it woke; or, with [`InOrder::at_once`], by the
//! one that brought it.

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

/// A place in the order of a line. Who has one gives a result for it, or nothing behind it is given on.
pub(crate) struct Ticket<L> {
    line: L,
    number: u64,
}

/// A piece of work.
pub(crate) struct Piece<L, P> {
    /// Results of one line are given on in the order of their tickets.
    pub(crate) ticket: Ticket<L>,
    /// What is to be done.
    pub(crate) piece: P,
    /// Whether there is reason to let another thread take the next piece while this one is worked on.
    pub(crate) hand_over: bool,
}

/// How much finished work may wait for the piece before it, in bytes. A thread that finds more takes nothing new.
pub(crate) const AHEAD: usize = 8 << 20;

/// The order of several lines, kept whoever works on their pieces.
pub(crate) struct InOrder<'a, L, R> {
    /// How many tickets of each line were drawn.
    drawn: Mutex<BTreeMap<L, u64>>,
    back: Mutex<Back<'a, L, R>>,
    /// Something that waited has been given on.
    moved: Condvar,
    over: AtomicBool,
    size: fn(&R) -> usize,
}

struct Back<'a, L, R> {
    give: Box<dyn FnMut(R) -> bool + Send + 'a>,
    lines: BTreeMap<L, Line<R>>,
    /// The bytes of what waits.
    waiting: usize,
}

/// The results of one line.
struct Line<R> {
    given: u64,
    waiting: BTreeMap<u64, R>,
}

impl<'a, L: Ord + Clone, R> InOrder<'a, L, R> {
    /// `give` takes a result that is next in its line; `false`: nobody wants any more. One thread at a time asks. `size`
    /// says how many bytes a result occupies.
    pub(crate) fn new(size: fn(&R) -> usize, give: impl FnMut(R) -> bool + Send + 'a) -> Self {
        Self {
            drawn: Mutex::default(),
            back: Mutex::new(Back { give: Box::new(give), lines: BTreeMap::new(), waiting: 0 }),
            moved: Condvar::new(),
            over: AtomicBool::new(false),
            size,
        }
    }

    /// The next place in a line.
    pub(crate) fn draw(&self, line: L) -> Ticket<L> {
        let mut drawn = lock(&self.drawn);
        let drawn = drawn.entry(line.clone()).or_default();
        let number = *drawn;
        *drawn += 1;
        Ticket { line, number }
    }

    /// Works until there is nothing more, with `threads` threads, of which the caller's is one. `take` gives the next piece, if it
    /// must wait for it, and `None` at the end; one thread at a time asks. `work` does it; its second argument is the thread's
    /// own, to be kept from piece to piece.
    ///
    /// # Panics
    /// When the work panics; the other threads then stop before their next piece.
    pub(crate) fn run<P, S, T, W>(&self, threads: NonZeroUsize, take: T, work: W)
    where
        L: Send,
        R: Send,
        S: Default,
        T: FnMut() -> Option<Piece<L, P>> + Send,
        W: Fn(P, &mut S) -> R + Sync,
    {
        let take = Mutex::new(take);
        let loops = || {
            let _end = End(self);
            self.work_on(&take, &work, &mut S::default());
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

    /// Works on a piece in the calling thread, which is none of [`InOrder::run`], and gives the result on; what is before it in
    /// its line is not waited for.
    ///
    /// # Panics
    /// When the work panics; the threads of [`InOrder::run`] then stop before their next piece.
    pub(crate) fn at_once(&self, ticket: Ticket<L>, work: impl FnOnce() -> R) {
        let end = End(self);
        let result = work();
        std::mem::forget(end);
        self.give(ticket, result);
    }

    /// Whether a result would be given on without waiting for anybody: nothing waits, and nobody gives just now.
    pub(crate) fn is_free(&self) -> bool {
        !self.is_over() && self.back.try_lock().is_ok_and(|back| back.waiting == 0)
    }

    /// Takes, works and gives on until there is no more.
    fn work_on<P, S, T>(&self, take: &Mutex<T>, work: impl Fn(P, &mut S) -> R, own: &mut S)
    where
        T: FnMut() -> Option<Piece<L, P>>,
    {
        let mut kept = None;
        loop {
            self.wait_for_room();
            let mut taking = kept.take().unwrap_or_else(|| lock(take));
            if self.is_over() {
                return;
            }
            let Some(Piece { ticket, piece, hand_over }) = taking() else { return };
            // A thread that waits to take is woken only where that is worth it.
            kept = (!hand_over).then_some(taking);
            let result = work(piece, own);
            if !self.give(ticket, result) {
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

    fn give(&self, ticket: Ticket<L>, result: R) -> bool {
        let mut back = lock(&self.back);
        let Back { give, lines, waiting } = &mut *back;
        let line = match lines.entry(ticket.line) {
            btree_map::Entry::Occupied(line) => line.into_mut(),
            btree_map::Entry::Vacant(place) => place.insert(Line { given: 0, waiting: BTreeMap::new() }),
        };
        *waiting += (self.size)(&result);
        let was_full = *waiting >= AHEAD;
        line.waiting.insert(ticket.number, result);
        while let Some(result) = line.waiting.remove(&line.given) {
            line.given += 1;
            *waiting -= (self.size)(&result);
            if !give(result) {
                self.over.store(true, Ordering::Release);
                break;
            }
        }
        // Nobody waits where there was room; and to wake nobody is a call of the kernel, too.
        if was_full || self.is_over() {
            self.moved.notify_all();
        }
        !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// A thread that ends, in whatever way, ends the others; what they have taken they finish.
struct End<'o, 'a, L, R>(&'o InOrder<'a, L, R>);

impl<L, R> Drop for End<'_, '_, L, R> {
    fn drop(&mut self) {
        // Locked, so that nobody has just looked and is about to wait.
        let _back = lock(&self.0.back);
        self.0.over.store(true, Ordering::Release);
        self.0.moved.notify_all();
    }
}

/// Locks, whatever panicked while it was locked: what is inside is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
