//! How everything is, for `status`, `/metrics` and `/readyz`.

use std::collections::BTreeMap;

use heinzel_core::block::{Health, Notice, SourceId};
use heinzel_core::gate::{self, Grounds, grounds_of};
use heinzel_core::incident::{Incident, Status};
use heinzel_core::policy::Mode;
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::spot::with_its_like;
use heinzel_core::state::{Evidence, Paused, State};
use heinzel_core::step::{World, again};
use heinzel_core::time::Timestamp;
use heinzel_matching::Cost;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::pump::{Out, Pump, Scanned};
use crate::untold::{Tries, Untold};

/// So many complaints are kept of a source; the log has all.
const MOST_COMPLAINTS: usize = 20;

/// Counters of the pump since its start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) started: Option<Timestamp>,
    pub(crate) sources: BTreeMap<String, SourceCounts>,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) last_refused: Option<String>,
    pub(crate) commits: u64,
    pub(crate) effects: u64,
    pub(crate) store_failures: u64,
    pub(crate) reload_failures: u64,
    /// Why the store takes nothing at the moment.
    pub(crate) store: Option<String>,
    /// Why the last reload failed.
    pub(crate) reload: Option<String>,
    /// What was wrong with the rules at the start, as long as they were not loaded since.
    pub(crate) load: Option<String>,
    /// Messages that did not arrive.
    pub(crate) tries: Tries,
    /// What the log said last of each source's health.
    said: BTreeMap<SourceId, Health>,
}

/// Counters of one source since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceCounts {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) candidates: u64,
    pub(crate) findings: u64,
    /// What its reader counted: cut lines, unusable checkpoints …
    pub(crate) counted: BTreeMap<String, u64>,
    /// What is wrong with its clock, and what of it may be missing.
    pub(crate) complaints: Vec<String>,
    /// How many of them are about its clock.
    #[serde(default)]
    pub(crate) clock_wrong: u64,
}

impl Counts {
    pub(crate) fn block(&mut self, scanned: &Scanned) {
        let source = self.sources.entry(scanned.source.to_string()).or_default();
        source.blocks += 1;
        source.bytes += scanned.bytes;
        source.candidates += scanned.candidates;
        source.findings += scanned.findings.len() as u64;
        for complaint in &scanned.complaints {
            tracing::warn!(source = %scanned.source, "{complaint}");
            source.complaints.push(complaint.clone());
            source.clock_wrong += 1;
        }
        for refused in &scanned.refused {
            *self.refused.entry(refused.rule.to_string()).or_default() += 1;
            self.last_refused = Some(refused.to_string());
        }
    }

    pub(crate) fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Counted { source, what, times } => {
                let counted = &mut self.sources.entry(source.to_string()).or_default().counted;
                *counted.entry((*what).to_owned()).or_default() += times;
            }
            Notice::Complaint { source, text } => {
                tracing::warn!(%source, "{text}");
                let complaints = &mut self.sources.entry(source.to_string()).or_default().complaints;
                if !complaints.contains(text) && complaints.len() < MOST_COMPLAINTS {
                    complaints.push(text.clone());
                }
            }
            Notice::Health { source, stream, health: health @ Health::Degraded { why } } => {
                if stream.is_none() {
                    self.said.insert(source.clone(), health.clone());
                }
                tracing::warn!(%source, stream = stream.as_deref().unwrap_or("-"), "source degraded: {why}");
            }
            Notice::Health { source, stream: None, health } => {
                if self.said.insert(source.clone(), health.clone()).as_ref() != Some(health) {
                    tracing::info!(%source, ?health, "source");
                }
            }
            Notice::Health { .. } | Notice::CaughtUp { .. } => {}
        }
    }
}

/// How everything is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) version: String,
    /// The engine's process.
    #[serde(default)]
    pub(crate) process: u32,
    /// It is stopping, and this is still being performed.
    pub(crate) stopping: Option<Vec<String>>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) now: Timestamp,
    pub(crate) paused: Option<Paused>,
    pub(crate) sources: BTreeMap<String, SourceReport>,
    pub(crate) packs: Vec<String>,
    pub(crate) rules: Vec<RuleReport>,
    pub(crate) assets: usize,
    pub(crate) incidents: BTreeMap<Status, u64>,
    /// The store takes nothing, and why.
    pub(crate) store_problem: Option<String>,
    /// The last reload failed, and why; the old rules are in force.
    pub(crate) reload_problem: Option<String>,
    /// What was wrong with the rules at the start; the packs concerned are left out since then.
    #[serde(default)]
    pub(crate) load_problem: Option<String>,
    /// The configuration's file says something else than what is in force.
    #[serde(default)]
    pub(crate) settings_changed: Option<String>,
    /// Who could not be told.
    #[serde(default)]
    pub(crate) untold: BTreeMap<String, Untold>,
    pub(crate) commits: u64,
    pub(crate) effects: u64,
    pub(crate) store_failures: u64,
    pub(crate) reload_failures: u64,
    pub(crate) last_refused: Option<String>,
}

/// What becomes of an incident: what every gate says of its plan, and whether it is tried again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outlook {
    pub(crate) gates: Vec<gate::Answer>,
    pub(crate) next: Option<again::Next>,
}

impl Outlook {
    /// What is so in this state.
    pub(crate) fn of(state: &State, world: &World<'_>, incident: &Incident) -> Self {
        let plan = incident.run.as_ref().and_then(|run| run.stage.plan());
        let rule = world.rules.rules.get(&incident.rule);
        let gates = rule.zip(plan).map(|(rule, plan)| gate::ask(state, world, rule, incident, plan));
        Self { gates: gates.unwrap_or_default(), next: again::next(state, world, incident) }
    }
}

/// How a source is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SourceReport {
    pub(crate) health: Health,
    /// The streams that are not well.
    pub(crate) streams: BTreeMap<String, Health>,
    /// Since when it is read to its end.
    pub(crate) live_since: Option<Timestamp>,
    #[serde(flatten)]
    pub(crate) counts: SourceCounts,
}

/// How a rule is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RuleReport {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) mode: Mode,
    /// Whether promotion or demotion, and not the settings, gave it its mode.
    pub(crate) decided: bool,
    pub(crate) has_fix: bool,
    pub(crate) breaker: Option<String>,
    /// The assets for which alone its breaker is open.
    #[serde(default)]
    pub(crate) breakers: BTreeMap<String, String>,
    pub(crate) off: Option<String>,
    pub(crate) findings: u64,
    pub(crate) refused: u64,
    pub(crate) late: u64,
    pub(crate) evicted: u64,
    pub(crate) crowded: u64,
    pub(crate) script_errors: u64,
    pub(crate) keys: usize,
    /// Records that were parsed for its patterns, and those of them that matched.
    pub(crate) candidates: u64,
    pub(crate) matches: u64,
    /// The time that its patterns took on the candidates, in seconds.
    pub(crate) match_seconds: f64,
    pub(crate) evidence: Evidence,
}

impl Report {
    pub(crate) fn of<O: Out>(pump: &Pump<O>, stopping: bool) -> Self {
        let world = World {
            rules: &pump.live.rules,
            assets: &pump.live.assets,
            policy: &pump.policy,
            now: clock::now(),
            host: &pump.host,
        };
        let mut sources: BTreeMap<String, SourceReport> = BTreeMap::new();
        for (name, view) in &pump.state.sources {
            let counts = pump.counts.sources.get(&**name).cloned().unwrap_or_default();
            let (health, streams) = (view.health.clone(), view.streams.clone());
            sources.insert(name.to_string(), SourceReport { health, streams, live_since: view.live_since, counts });
        }
        let mut incidents: BTreeMap<Status, u64> = BTreeMap::new();
        for incident in pump.state.incidents.values().filter(|i| !i.is_resolved()) {
            *incidents.entry(incident.status).or_default() += 1;
        }
        let costs: BTreeMap<RuleId, Cost> = pump.live.matcher.costs().map(|cost| (cost.rule.clone(), cost)).collect();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            stopping: stopping.then(|| pump.out.running()),
            started: pump.counts.started,
            now: world.now,
            paused: pump.state.paused.clone(),
            sources,
            packs: pump.live.packs.clone(),
            rules: pump.live.rules.rules.values().map(|r| RuleReport::of(pump, &world, r, costs.get(&r.id))).collect(),
            assets: pump.live.assets.iter().count(),
            incidents,
            store_problem: pump.counts.store.clone(),
            reload_problem: pump.counts.reload.clone(),
            load_problem: pump.counts.load.clone(),
            settings_changed: None,
            untold: pump.counts.tries.untold(&pump.state),
            commits: pump.counts.commits,
            effects: pump.counts.effects,
            store_failures: pump.counts.store_failures,
            reload_failures: pump.counts.reload_failures,
            last_refused: pump.counts.last_refused.clone(),
        }
    }
}

impl RuleReport {
    /// Where its mode comes from.
    pub(crate) fn from(&self) -> &'static str {
        if self.decided { Grounds::Decided } else { Grounds::Settings }.word()
    }

    fn of<O: Out>(pump: &Pump<O>, world: &World<'_>, rule: &Rule, cost: Option<&Cost>) -> Self {
        let record = pump.state.rules.get(&rule.id).cloned().unwrap_or_default();
        let (mode, grounds) = grounds_of(&pump.state, world, &rule.id);
        let counters = &pump.state.counters;
        let of = |counts: &BTreeMap<RuleId, u64>| counts.get(&rule.id).copied().unwrap_or(0);
        Self {
            id: rule.id.to_string(),
            title: rule.title.clone(),
            mode,
            decided: grounds == Grounds::Decided,
            has_fix: rule.has.fix,
            breaker: record.breaker.map(|(since, why)| format!("since {since}: {why}")),
            breakers: record
                .spots
                .into_iter()
                .filter_map(|(asset, spot)| {
                    let (since, why) = spot.breaker?;
                    Some((with_its_like(world.assets, &asset), format!("since {since}: {why}")))
                })
                .collect(),
            off: record.off.filter(|(version, _)| *version == rule.version).map(|(_, why)| why),
            findings: of(&counters.findings),
            refused: pump.counts.refused.get(&*rule.id.0).copied().unwrap_or(0),
            late: of(&counters.late),
            evicted: of(&counters.evicted),
            crowded: of(&counters.crowded),
            script_errors: of(&counters.script_errors),
            keys: pump.state.windows.get(&rule.id).map_or(0, BTreeMap::len),
            candidates: cost.map_or(0, |cost| cost.candidates),
            matches: cost.map_or(0, |cost| cost.matches),
            match_seconds: cost.map_or(0.0, |cost| cost.time.as_secs_f64()),
            evidence: record.evidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_logged_when_it_changes() {
        let mut counts = Counts::default();
        let mut tell = |health: Health| {
            let before = counts.said.clone();
            counts.notice(&Notice::Health { source: "tcp".into(), stream: None, health });
            before != counts.said
        };
        let gone = || Health::Degraded { why: "gone".into() };
        let told = [Health::Ok, Health::Ok, gone(), Health::Ok, Health::Ok].map(&mut tell);
        assert_eq!(told, [true, false, true, true, false]);
    }

    #[test]
    fn what_may_be_missing_is_kept_once_and_is_nothing_about_the_clock() {
        let mut counts = Counts::default();
        for number in 0..50 {
            let text = format!("/var/log/{}.log: lines may be missing", number / 2);
            counts.notice(&Notice::Complaint { source: "web".into(), text });
        }
        let web = &counts.sources["web"];
        assert_eq!((web.complaints.len(), web.clock_wrong), (MOST_COMPLAINTS, 0));
        assert_eq!(web.complaints[1], "/var/log/1.log: lines may be missing");
    }
}
