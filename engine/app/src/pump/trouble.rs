//! The store takes nothing: it is tried again, whoever asks is told why, and a pause counts at once.

use std::time::Duration;

use heinzel_core::step::{Command, Input};
use heinzel_store::error::StoreError;

use super::{GaveUp, Inbox, Order, Out, Pump};

/// How often a store that takes nothing is tried once more before the engine ends.
const LAST_TRIES: u32 = 5;

/// How a call of the store that fails is tried again.
pub(super) struct Tries {
    /// How long until the next time.
    pause: Duration,
    /// How often since the engine is stopping.
    last: u32,
}

impl Default for Tries {
    fn default() -> Self {
        Self { pause: Duration::from_millis(50), last: 0 }
    }
}

/// What an operator is told whose word holds and is not on the disk yet.
pub(super) fn unstored(text: &str, why: &str) -> String {
    format!(
        "{text}; it holds now, but is not stored yet, because the store takes nothing: {why}. No fix is started meanwhile, and \
         it is stored as soon as that is possible; an engine that ends before then forgets it"
    )
}

impl<O: Out> Pump<O> {
    /// The store took nothing: says so, and lets some time pass, in which questions are answered. `false`: the engine stops
    /// and it has been tried often enough.
    pub(super) async fn wait(&mut self, error: &StoreError, tries: &mut Tries, inbox: &mut Inbox) -> bool {
        self.counts.store_failures += 1;
        if self.counts.store.is_none() {
            tracing::error!(%error, "the store takes nothing; sources wait, and it is tried again");
        }
        self.counts.store = Some(error.to_string());
        let stopping = inbox.stop.is_cancelled();
        tries.last += u32::from(stopping);
        if tries.last > LAST_TRIES {
            return false;
        }
        let mut pause = std::pin::pin!(tokio::time::sleep(tries.pause));
        tries.pause = (tries.pause * 2).min(Duration::from_secs(if stopping { 1 } else { 5 }));
        loop {
            tokio::select! {
                biased;
                () = inbox.stop.cancelled(), if !stopping => return true,
                Some(asked) = inbox.asked.recv() => self.answer(asked, inbox.closing.is_cancelled()),
                Some(order) = inbox.orders.recv() => self.obey_in_trouble(order),
                () = &mut pause => return true,
            }
        }
    }

    /// Waits until the store lies where it was opened, where it does not.
    pub(super) async fn be_present(&mut self, inbox: &mut Inbox) -> Result<(), GaveUp> {
        let mut tries = Tries::default();
        while let Err(error) = self.store.present() {
            if !self.wait(&error, &mut tries, inbox).await {
                return Err(GaveUp);
            }
        }
        self.works_again();
        Ok(())
    }

    pub(super) fn works_again(&mut self) {
        if self.counts.store.take().is_some() {
            tracing::info!("the store works again");
        }
    }

    /// Answers an operator while the store takes nothing. Only the pause is decided, since it makes nothing happen: whatever
    /// else were allowed now might begin hours later.
    fn obey_in_trouble(&mut self, order: Order) {
        let why = self.counts.store.clone().unwrap_or_default();
        let said = if matches!(order.command, Command::Pause { .. }) {
            let reply = self.decide(Input::Command { by: order.by, command: order.command });
            reply.unwrap_or_else(|| Ok(String::new())).map(|text| unstored(&text, &why))
        } else {
            Err(format!(
                "it is not done, because the store takes nothing: {why}; say it again once `heinzel status` is well"
            ))
        };
        // An operator who went away has still been obeyed.
        let _ = order.answer.send(said);
    }
}
