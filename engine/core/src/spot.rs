//! What a rule's fixes have shown on single assets: one customer's broken site says little about the rule elsewhere.
//!
//! Start at `RuleRecord::bad_with` and `RuleRecord::lately_apart`. What one customer has counts together, since whoever
//! makes one site fail can make another fail; an asset without an owner counts by itself.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::asset::{AssetId, Assets};
use crate::policy::{Mode, Rate};
use crate::state::{REMEMBERED, RuleRecord};
use crate::time::Timestamp;

/// What a rule's fixes have shown lately on one asset, and what has become of the rule there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spot {
    /// The rule goes no further there.
    pub mode: Option<Mode>,
    /// Its breaker is open there: since when and why.
    pub breaker: Option<(Timestamp, String)>,
    /// When its last failures, vetoes and recurrences were there (at most 50).
    pub bad: VecDeque<Timestamp>,
    /// When its last failed fixes were there (at most 50).
    pub failures: VecDeque<Timestamp>,
    /// When it went down there last: what was bad before has had its effect there.
    pub since: Option<Timestamp>,
}

/// Assets that are remembered of one rule at most.
const MOST: usize = 1_000;
/// Times that are remembered at most.
const MOST_TIMES: usize = 50;

/// Whose an asset is: what has the same owner counts together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Customer(String),
    Nobody(AssetId),
}

impl Whose {
    fn of(assets: &Assets, asset: &str) -> Self {
        // The asset file may have changed since.
        let id = assets.resolve(asset);
        match assets.get(&id).and_then(|asset| asset.owner.clone()) {
            Some(owner) => Self::Customer(owner),
            None => Self::Nobody(id),
        }
    }
}

/// How an asset is called together with what counts as one with it.
#[must_use]
pub fn with_its_like(assets: &Assets, asset: &str) -> String {
    match Whose::of(assets, asset) {
        Whose::Customer(_) => format!("{asset} and all else of its customer"),
        Whose::Nobody(_) => asset.to_owned(),
    }
}

/// Notes a time; the oldest go first.
pub(crate) fn remember(times: &mut VecDeque<Timestamp>, now: Timestamp) {
    times.push_back(now);
    if times.len() > MOST_TIMES {
        times.pop_front();
    }
}

impl Spot {
    /// Whether the rule does less there than elsewhere.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.mode.is_some() || self.breaker.is_some()
    }

    fn newest(&self) -> Option<Timestamp> {
        self.bad.back().max(self.failures.back()).copied()
    }
}

impl RuleRecord {
    /// What is remembered of an asset, made at first need.
    pub(crate) fn spot(&mut self, asset: &str) -> &mut Spot {
        if self.spots.len() >= MOST && !self.spots.contains_key(asset) {
            let oldest = self.spots.iter().min_by_key(|(_, spot)| (spot.is_stuck(), spot.newest()));
            if let Some(oldest) = oldest.map(|(asset, _)| asset.clone()) {
                self.spots.remove(&oldest);
            }
        }
        self.spots.entry(asset.to_owned()).or_default()
    }

    /// What is remembered of an asset and of what counts as one with it.
    fn spots_with<'s>(&'s self, assets: &'s Assets, asset: &str) -> impl Iterator<Item = (&'s AssetId, &'s Spot)> {
        let whose = (!self.spots.is_empty()).then(|| Whose::of(assets, asset));
        self.spots.iter().filter(move |(other, _)| whose.as_ref() == Some(&Whose::of(assets, other)))
    }

    /// How far the rule may go at most on an asset, where less than elsewhere.
    #[must_use]
    pub(crate) fn mode_with(&self, assets: &Assets, asset: &str) -> Option<Mode> {
        self.spots_with(assets, asset).filter_map(|(_, spot)| spot.mode).min()
    }

    /// The breaker that is open for an asset alone: whose, since when and why.
    #[must_use]
    pub(crate) fn breaker_with<'s>(
        &'s self,
        assets: &'s Assets,
        asset: &str,
    ) -> Option<(&'s AssetId, Timestamp, &'s str)> {
        self.spots_with(assets, asset).find_map(|(id, spot)| {
            let (since, why) = spot.breaker.as_ref()?;
            Some((id, *since, &**why))
        })
    }

    /// How many fixes have failed lately on an asset and what counts as one with it.
    pub(crate) fn failed_with(&self, assets: &Assets, asset: &str, rate: Rate, now: Timestamp) -> usize {
        self.spots_with(assets, asset).map(|(_, spot)| rate.lately(spot.failures.iter().copied(), now)).sum()
    }

    /// How many bad experiences there were lately with an asset and what counts as one with it, since it went down there last.
    pub(crate) fn bad_with(&self, assets: &Assets, asset: &str, rate: Rate, now: Timestamp) -> usize {
        let new = |spot: &Spot| {
            let new = spot.bad.iter().copied().filter(|time| spot.since < Some(*time));
            rate.lately(new, now)
        };
        self.spots_with(assets, asset).map(|(_, spot)| new(spot)).sum()
    }

    /// For how many customers, or assets without one, there was such a time within the rate's.
    pub(crate) fn lately_apart(
        &self,
        assets: &Assets,
        times: fn(&Spot) -> &VecDeque<Timestamp>,
        rate: Rate,
        now: Timestamp,
    ) -> usize {
        let concerned = self.spots.iter().filter(|(_, spot)| rate.lately(times(spot).iter().copied(), now) > 0);
        concerned.map(|(asset, _)| Whose::of(assets, asset)).collect::<BTreeSet<_>>().len()
    }

    /// The bad experiences with an asset and with what counts as one with it have had their effect there.
    pub(crate) fn settle(&mut self, assets: &Assets, asset: &str, now: Timestamp) {
        let whose = Whose::of(assets, asset);
        for (other, spot) in &mut self.spots {
            if Whose::of(assets, other) == whose {
                spot.since = Some(now);
            }
        }
    }

    /// Forgets assets on which nothing bad happened for long and where the rule does as much as elsewhere. `true`: there were such.
    pub(crate) fn forget_spots(&mut self, now: Timestamp) -> bool {
        let before = self.spots.len();
        self.spots.retain(|_, spot| spot.is_stuck() || spot.newest().is_some_and(|time| time + REMEMBERED >= now));
        self.spots.len() < before
    }

    /// The assets where the rule does less than elsewhere.
    pub fn stuck_spots(&self) -> impl Iterator<Item = (&AssetId, &Spot)> {
        self.spots.iter().filter(|(_, spot)| spot.is_stuck())
    }
}
