//! Hot reload: something changed, build everything, run the samples, swap one pointer; on any failure keep the old set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_core::asset::{Asset, AssetId};
use heinzel_core::policy::Policy;
use heinzel_script::reload::Watch;
use tokio::sync::mpsc;

use crate::learning::Learning;
use crate::live::Live;
use crate::pump::Message;
use crate::scanner::Current;
use crate::strays;

/// Puts other rules in force. One at a time, from reading to swapping: else an older set could come last.
#[derive(Clone)]
pub(crate) struct Swap {
    turn: Arc<Mutex<()>>,
    current: Current,
    pump: mpsc::Sender<Message>,
    learning: Arc<Learning>,
    /// Whose patterns should fit the rules.
    policy: Arc<Policy>,
    /// The assets that other systems know.
    others: Arc<Mutex<BTreeMap<AssetId, Asset>>>,
}

impl Swap {
    pub(crate) fn new(
        current: &Current,
        pump: &mpsc::Sender<Message>,
        learning: &Arc<Learning>,
        policy: &Policy,
        others: Vec<Asset>,
    ) -> Self {
        let (current, pump, learning) = (current.clone(), pump.clone(), learning.clone());
        let (policy, others) = (Arc::new(policy.clone()), Arc::new(Mutex::new(by_id(others))));
        Self { turn: Arc::default(), current, pump, learning, policy, others }
    }

    /// From now on the same rules, with these assets beside those of the asset file.
    pub(crate) fn know(&self, others: Vec<Asset>) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.current.get().known(&others);
        *self.others.lock().unwrap_or_else(PoisonError::into_inner) = by_id(others);
        self.put(live);
    }

    /// From now on one more asset, or another in place of the one with its id.
    pub(crate) fn know_one(&self, asset: Asset) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.current.get();
        let known = live.known_one(&asset);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.insert(asset.id.clone(), asset);
        // The asset file may have changed meanwhile.
        let known = known.unwrap_or_else(|| live.known(&all(&others)));
        drop(others);
        self.put(known);
    }

    /// The assets that other systems know.
    pub(crate) fn others(&self) -> Vec<Asset> {
        all(&self.others.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on the same rules, searched for as this machine's logs advise by now.
    pub(crate) fn advise(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(self.current.get().advised(self.learning.advice()));
    }

    fn reload(&self, folders: &[PathBuf], assets: Option<&Path>) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (live, problems) = Live::after(&self.current.get(), folders, assets, self.learning.advice());
        let errors: Vec<String> = problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
        if errors.is_empty() {
            tracing::info!(rules = live.rules.rules.len(), "reloaded");
            strays::log(&self.policy, &live, &problems);
            return self.put(live.knowing(&self.others()));
        }
        let why = errors.join("\n");
        tracing::error!("reload failed, the old rules stay in force:\n{why}");
        // The engine is stopping.
        let _ = self.pump.blocking_send(Message::ReloadFailed(why));
    }

    fn put(&self, live: Live) {
        let live = Arc::new(live);
        // The pump first: it must know a new rule before the scanner finds something for it.
        let _ = self.pump.blocking_send(Message::Reloaded(live.clone()));
        self.current.swap(live);
    }
}

fn by_id(assets: Vec<Asset>) -> BTreeMap<AssetId, Asset> {
    assets.into_iter().map(|one| (one.id.clone(), one)).collect()
}

fn all(assets: &BTreeMap<AssetId, Asset>) -> Vec<Asset> {
    assets.values().cloned().collect()
}

/// Watches the rules and the asset file until dropped.
pub(crate) struct Reload {
    _watches: Vec<Watch>,
}

impl Reload {
    /// Starts watching. A folder that cannot be watched is said and left alone; the others are watched.
    pub(crate) fn start(folders: &[PathBuf], assets: Option<&Path>, swap: &Swap) -> Self {
        let again = || {
            let (folders, assets, swap) = (folders.to_vec(), assets.map(Path::to_owned), swap.clone());
            move || swap.reload(&folders, assets.as_deref())
        };
        let watched: BTreeSet<&PathBuf> = folders.iter().collect();
        let mut watches: Vec<_> =
            watched.into_iter().map(|folder| Watch::start(folder, &["rhai", "toml"], again())).collect();
        watches.extend(assets.map(|file| Watch::of_file(file, again())));
        let said = |error| tracing::warn!("{:#}; changes there count from the next start", anyhow::Error::new(error));
        Self { _watches: watches.into_iter().filter_map(|watch| watch.map_err(said).ok()).collect() }
    }
}
