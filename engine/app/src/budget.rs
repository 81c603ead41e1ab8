//! How many bytes of results may wait to be decided.
//!
//! Start at [`Budget::hold`]. A channel counts messages; one message may be empty or hold the findings of a whole block.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes that may be held at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    held: Mutex<usize>,
    released: Condvar,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// So many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, held: Mutex::new(0), released: Condvar::new() }))
    }

    /// Waits until there is room. What is larger than the whole waits until nothing else is held.
    pub(crate) fn hold(&self, bytes: usize) -> Held {
        let Inner { most, held, released } = &*self.0;
        let mut now = held.lock().unwrap_or_else(PoisonError::into_inner);
        while *now > 0 && *now + bytes > *most {
            now = released.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        *now += bytes;
        Held { budget: self.clone(), bytes }
    }

    /// Whether nothing is held, so that nobody would wait.
    pub(crate) fn is_free(&self) -> bool {
        self.0.held.try_lock().is_ok_and(|held| *held == 0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.budget.0.held.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.0.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_has_no_room_waits_and_what_is_too_large_goes_alone() {
        let budget = Budget::new(10);
        let first = budget.hold(4);
        let second = budget.hold(6);
        let (says, heard) = mpsc::channel();
        let other = budget.clone();
        let waiting = std::thread::spawn(move || {
            let large = other.hold(100);
            says.send("alone").unwrap();
            drop(large);
        });
        drop(first);
        assert!(heard.try_recv().is_err(), "something else is still held");
        drop(second);
        assert_eq!(heard.recv().unwrap(), "alone");
        waiting.join().unwrap();
        assert_eq!(*budget.0.held.lock().unwrap(), 0);
    }
}
