//! One draft after the other: whoever floods the form with long ones shall not keep the engine from its work.
//!
//! Reading and ranking a draft takes a millisecond, one of 20,000 characters ten times that, and the few threads it runs on are those of
//! sources, probes and steps. So at most one of them is with drafts at any time. Strangers, of whom there may be any number, wait among
//! themselves first: before a customer whom the shop vouches for there is never more than one of them.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Whose turn it is.
pub(super) struct Turns {
    strangers: Semaphore,
    all: Semaphore,
}

/// A turn; it ends when it is dropped.
pub(super) struct Turn<'a> {
    // The order counts: whoever waits for this one is next, and not the next stranger.
    _all: Option<SemaphorePermit<'a>>,
    _strangers: Option<SemaphorePermit<'a>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { strangers: Semaphore::new(1), all: Semaphore::new(1) }
    }
}

impl Turns {
    /// Waits for a turn. Whoever goes away before is asked no more.
    pub(super) async fn take(&self, is_stranger: bool) -> Turn<'_> {
        // They are never closed.
        let strangers = if is_stranger { self.strangers.acquire().await.ok() } else { None };
        Turn { _all: self.all.acquire().await.ok(), _strangers: strangers }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_customer_waits_for_one_stranger_at_most() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(true).await;
        let (say, mut said) = mpsc::unbounded_channel();
        let wait = |who: &'static str, is_stranger: bool| {
            let (turns, say) = (turns.clone(), say.clone());
            tokio::spawn(async move {
                let _turn = turns.take(is_stranger).await;
                say.send(who).unwrap();
                tokio::task::yield_now().await;
            });
        };
        for _ in 0..20 {
            wait("stranger", true);
        }
        tokio::task::yield_now().await;
        wait("customer", false);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(said.try_recv().is_err(), "one at a time");
        drop(first);
        assert_eq!(said.recv().await, Some("customer"));
        for _ in 0..20 {
            assert_eq!(said.recv().await, Some("stranger"));
        }
    }
}
