//! The thread between the sources and the pump: blocks in, findings out, in the order of each source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_core::block::{Delivery, Notice, SourceId};
use tokio::sync::mpsc;

use crate::live::Live;
use crate::pipeline::{Lane, Manner};
use crate::pump::{Message, Scanned};

/// The rules in force, swapped by a reload.
#[derive(Clone)]
pub(crate) struct Current(Arc<Mutex<Arc<Live>>>);

impl Current {
    /// These rules are in force.
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self(Arc::new(Mutex::new(live)))
    }

    /// The rules in force.
    pub(crate) fn get(&self) -> Arc<Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules in force.
    pub(crate) fn swap(&self, live: Arc<Live>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = live;
    }
}

/// Scans until the sources have closed their channel.
pub(crate) fn run(
    mut inbox: mpsc::Receiver<Delivery>,
    pump: &mpsc::Sender<Message>,
    current: &Current,
    manners: BTreeMap<SourceId, Manner>,
) {
    let mut lanes: BTreeMap<SourceId, Lane> =
        manners.into_iter().map(|(source, manner)| (source.clone(), Lane::new(source, manner))).collect();
    while let Some(delivery) = inbox.blocking_recv() {
        let message = match delivery {
            Delivery::Notice(notice) => {
                if let Notice::CaughtUp { source } = &notice
                    && let Some(lane) = lanes.get_mut(source)
                {
                    lane.caught_up();
                }
                Message::Notice(notice)
            }
            Delivery::Block(mut block) => {
                let Some(lane) = lanes.get_mut(&block.source) else { continue };
                let bytes = block.bytes.len() as u64;
                let scanned = lane.read(&current.get(), &mut block);
                Message::Scanned(Scanned {
                    source: block.source,
                    findings: scanned.findings,
                    refused: scanned.refused,
                    complaints: scanned.complaints.into_iter().map(|c| c.text).collect(),
                    bytes,
                    candidates: scanned.candidates,
                    checkpoint: block.checkpoint,
                    ack: block.ack,
                })
            }
        };
        // The pump is gone: what it has not stored is read again from the checkpoint.
        if pump.blocking_send(message).is_err() {
            return;
        }
    }
}
