//! Everything the engine remembers, and what of it changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::block::{Health, SourceId, StreamId};
use crate::effect::{Act, Effect, EffectId, Outcome};
use crate::incident::{Incident, IncidentId};
use crate::policy::Mode;
use crate::rule::{RuleId, RuleVersion};
use crate::spot::Spot;
use crate::time::Timestamp;
use crate::window::Window;

/// Everything the engine remembers. Rebuilt from the store at start.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Incidents that are not resolved, and resolved ones within their reopen window.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Windows by rule and key.
    pub windows: BTreeMap<RuleId, BTreeMap<String, Window>>,
    /// What is remembered of each rule.
    pub rules: BTreeMap<RuleId, RuleRecord>,
    /// Fixes started lately, oldest first: budgets and cooldowns count these.
    pub fixes: VecDeque<FixStart>,
    /// The kill switch.
    pub paused: Option<Paused>,
    /// When people were told of incidents of a rule lately, about assets that are listed and others, oldest first. Not stored.
    pub(crate) told: BTreeMap<(RuleId, bool), VecDeque<Timestamp>>,
    /// Logs of which a rule has no room for incidents about names that nobody has listed, until one is over. Not stored.
    pub(crate) full: BTreeSet<(RuleId, SourceId, StreamId)>,
    /// Looks that drafts have set off lately, oldest first. Not stored.
    pub looks: VecDeque<crate::look::Look>,
    /// The number of the newest incident.
    pub last_incident: IncidentId,
    /// How the sources are doing. Not stored: they say so anew after a start.
    pub sources: BTreeMap<SourceId, SourceView>,
    /// Counters since the start. Not stored.
    pub counters: Counters,
    /// When what is over was last forgotten.
    pub(crate) pruned: Timestamp,
    /// When it was last asked what is due.
    pub(crate) looked: Timestamp,
    /// When the gates were last asked about all plans that are held. `None`: what an operator said since may have changed them.
    pub(crate) asked: Option<Timestamp>,
    /// Which incident concerns a rule and asset.
    pub(crate) subjects: BTreeMap<(RuleId, AssetId), IncidentId>,
}

/// The kill switch is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who switched it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(default)]
    pub why: String,
}

/// How long started fixes and incidents that are over are remembered: no cooldown, budget or reopen window may be longer.
pub const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(31 * 86_400);

/// What is remembered of a rule, over reloads and restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleRecord {
    /// The mode that promotion or demotion gave it; comes before the settings.
    pub mode: Option<Mode>,
    /// The mode that the settings gave it then. When they say something else now, the more timid of both counts.
    pub over: Option<Mode>,
    /// Its breaker is open everywhere: since when and why.
    pub breaker: Option<(Timestamp, String)>,
    /// The version that exceeded a limit and what it did: this version is switched off.
    pub off: Option<(RuleVersion, String)>,
    /// Since when the engine knows it (absence counts from here when nothing was ever seen).
    pub known_since: Option<Timestamp>,
    /// Which of its texts it knows since then.
    pub known_as: Option<RuleVersion>,
    /// The evidence for promotion and demotion.
    pub evidence: Evidence,
    /// What its fixes have shown lately on single assets, and what has become of it there.
    pub spots: BTreeMap<AssetId, Spot>,
}

/// What a rule's fixes have shown so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Incidents opened.
    pub incidents: u64,
    /// Plans written down in observe and suggest.
    pub planned: u64,
    /// Fixes proved by their checks.
    pub verified: u64,
    /// Fixes that failed or did not hold.
    pub failed: u64,
    /// Plans an operator denied.
    pub vetoed: u64,
    /// Incidents that came back within the reopen window after a verified fix.
    pub recurred: u64,
    /// When the last failures, vetoes and recurrences were (at most 50).
    pub bad: VecDeque<Timestamp>,
    /// When the last failed fixes were (at most 50).
    pub failures: VecDeque<Timestamp>,
    /// When the last plans were denied (at most 50): no customer can set these off, so they count wherever they were.
    pub vetoes: VecDeque<Timestamp>,
    /// When its mode last changed.
    pub since: Option<Timestamp>,
}

/// A fix that started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixStart {
    /// The rule.
    pub rule: RuleId,
    /// The asset.
    pub asset: AssetId,
    /// The incident.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
}

/// How a source is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceView {
    /// Its health, and that of its streams that are not well.
    pub health: Health,
    /// The streams that are not well.
    pub streams: BTreeMap<String, Health>,
    /// Since when it has been read to its end, as far as it is well.
    pub live_since: Option<Timestamp>,
    /// When it last gave a finding.
    pub last_finding: Option<Timestamp>,
    /// What is written while nobody listens is lost (sockets, commands), so silence counts from [`Self::live_since`].
    pub forgets: bool,
}

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Findings by rule.
    pub findings: BTreeMap<RuleId, u64>,
    /// Findings too old for their window, by rule.
    pub late: BTreeMap<RuleId, u64>,
    /// Keys dropped because a rule had too many, by rule.
    pub evicted: BTreeMap<RuleId, u64>,
    /// Incidents not opened because the rule has too many, by rule.
    pub crowded: BTreeMap<RuleId, u64>,
    /// Failed script calls, by rule.
    pub script_errors: BTreeMap<RuleId, u64>,
    /// Findings left out because their rule is switched off, by rule.
    pub off: BTreeMap<RuleId, u64>,
}

/// One line of an incident's timeline and of the audit trail; they are the same record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The incident.
    #[serde(default)]
    pub incident: Option<IncidentId>,
    /// Who: `engine`, or an operator's name.
    pub by: String,
    /// What kind of thing happened; one of a fixed set of words (`opened`, `probe`, `plan`, `gate`, `step`, `check` …).
    pub what: String,
    /// What happened, for people.
    pub text: String,
}

/// One change to what must survive. Applied by the store in one transaction, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This is the incident now.
    Incident(Box<Incident>),
    /// This is the window now; `None`: forget it.
    Window(RuleId, String, Option<Box<Window>>),
    /// This is what is remembered of the rule now.
    Rule(RuleId, Box<RuleRecord>),
    /// A fix started.
    Fix(FixStart),
    /// The kill switch.
    Paused(Option<Paused>),
    /// To be performed.
    Effect(Effect),
    /// Performed, or decided otherwise.
    EffectOver(EffectId, Outcome),
    /// Timeline and audit.
    Entry(Entry),
}

/// Collects what changed during one or several steps, so that a flood of findings on one window is one write.
#[derive(Debug, Default)]
pub struct Journal {
    pub(crate) incidents: BTreeSet<IncidentId>,
    pub(crate) windows: BTreeSet<(RuleId, String)>,
    pub(crate) rules: BTreeSet<RuleId>,
    pub(crate) paused: bool,
    pub(crate) log: Vec<Change>,
    /// How much of the log has been searched for looks.
    searched: usize,
    /// Looks that were handed out before they are stored, without those that came back.
    looking: BTreeSet<EffectId>,
    /// The same, with those that came back.
    looked: BTreeSet<EffectId>,
    /// The memory of the key that a finding was counted under last.
    pub(crate) key: String,
}

impl Journal {
    /// The probes that were asked for since the last call. They may be performed before they are stored, since they change
    /// nothing: after a kill in between, their line is read again and they are asked for again.
    #[must_use]
    pub fn looks(&mut self) -> Vec<Effect> {
        let mut looks = Vec::new();
        for change in self.log.get(self.searched..).unwrap_or_default() {
            match change {
                Change::Effect(effect) if matches!(effect.act, Act::Probe { .. }) => {
                    self.looking.insert(effect.id.clone());
                    self.looked.insert(effect.id.clone());
                    looks.push(effect.clone());
                }
                Change::EffectOver(id, _) => drop(self.looking.remove(id)),
                _ => {}
            }
        }
        self.searched = self.log.len();
        looks
    }

    /// Whether a probe that [`Journal::looks`] gave has not come back, and nothing else waits for being stored: then what
    /// it sees may be worth one transaction together.
    #[must_use]
    pub fn is_looking(&self) -> bool {
        let waits = |change: &Change| matches!(change, Change::Effect(effect) if !self.looked.contains(&effect.id));
        !self.looking.is_empty() && !self.paused && !self.log.iter().any(waits)
    }

    /// What to store now, and the effects to perform once it is stored, without those that [`Journal::looks`] gave. Leaves
    /// the journal empty.
    #[must_use]
    pub fn take(&mut self, state: &mut State) -> (Vec<Change>, Vec<Effect>) {
        let mut changes = Vec::new();
        for id in std::mem::take(&mut self.incidents) {
            changes.extend(state.incidents.get(&id).map(|i| Change::Incident(Box::new(i.clone()))));
        }
        for (rule, key) in std::mem::take(&mut self.windows) {
            let window = state.windows.get_mut(&rule).and_then(|w| w.get_mut(&key)).map(|window| {
                window.noted = false;
                Box::new(window.clone())
            });
            changes.push(Change::Window(rule, key, window));
        }
        for rule in std::mem::take(&mut self.rules) {
            let record = state.rules.get(&rule).cloned().unwrap_or_default();
            changes.push(Change::Rule(rule, Box::new(record)));
        }
        if std::mem::take(&mut self.paused) {
            changes.push(Change::Paused(state.paused.clone()));
        }
        let (log, effects) = self.take_log();
        changes.extend(log);
        (changes, effects)
    }

    /// Of what [`Journal::take`] gives only what is urgent, and that without looking at the state: for a replay, which stores
    /// nothing. What else has changed stays in the journal.
    #[must_use]
    pub fn take_log(&mut self) -> (Vec<Change>, Vec<Effect>) {
        let (mut changes, mut effects) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut self.log) {
            if let Change::Effect(effect) = &change
                && !self.looked.contains(&effect.id)
            {
                effects.push(effect.clone());
            }
            changes.push(change);
        }
        self.searched = 0;
        self.looking.clear();
        self.looked.clear();
        (changes, effects)
    }

    /// Whether something waits for being stored: an effect, or an entry that people shall see.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        !self.log.is_empty() || self.paused
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty()
            && self.windows.is_empty()
            && self.rules.is_empty()
            && !self.paused
            && self.log.is_empty()
    }
}

impl State {
    /// The state as the store remembers it.
    #[must_use]
    pub fn from_parts(incidents: Vec<Incident>, last_incident: IncidentId) -> Self {
        let mut state = Self { last_incident, ..Self::default() };
        for incident in incidents {
            state.insert_incident(incident);
        }
        state
    }

    /// Takes an incident in; a newer one of the same rule and asset is found by both from now on.
    pub(crate) fn insert_incident(&mut self, incident: Incident) {
        let subject = (incident.rule.clone(), incident.asset.clone());
        let newest = self.subjects.entry(subject).or_insert(incident.id);
        *newest = (*newest).max(incident.id);
        self.last_incident = self.last_incident.max(incident.id);
        self.incidents.insert(incident.id, incident);
    }

    /// Forgets an incident that is over; what changed of it and is not stored yet goes to the journal first.
    pub(crate) fn forget_incident(&mut self, id: IncidentId, journal: &mut Journal) {
        let Some(incident) = self.incidents.remove(&id) else { return };
        self.full.clear();
        let subject = (incident.rule.clone(), incident.asset.clone());
        if self.subjects.get(&subject) == Some(&id) {
            self.subjects.remove(&subject);
        }
        if journal.incidents.remove(&id) {
            journal.log.insert(0, Change::Incident(Box::new(incident)));
            // What was searched has moved on by one.
            journal.searched = (journal.searched + 1).min(journal.log.len());
        }
    }

    /// The incident of a rule and asset.
    #[must_use]
    pub(crate) fn incident_of(&self, rule: &RuleId, asset: &str) -> Option<&Incident> {
        self.incidents.get(self.subjects.get(&(rule.clone(), asset.to_owned()))?)
    }

    /// The effects whose outcomes somebody waits for: a run, or a notification under way.
    #[must_use]
    pub fn awaited(&self) -> BTreeSet<EffectId> {
        let runs = self.incidents.values().filter_map(|i| i.run.as_ref()).flat_map(|run| run.stage.awaited());
        let notices = self.incidents.values().filter_map(|i| i.notice.as_ref().filter(|n| n.next.is_none()));
        runs.chain(notices.map(|notice| &notice.effect)).cloned().collect()
    }

    /// Whether this version of the rule is switched off because it exceeded a limit.
    #[must_use]
    pub fn is_off(&self, rule: &crate::rule::Rule) -> bool {
        self.rules.get(&rule.id).and_then(|r| r.off.as_ref()).is_some_and(|(version, _)| *version == rule.version)
    }

    /// What is remembered of a rule, made at first need.
    pub(crate) fn record(&mut self, rule: &RuleId) -> &mut RuleRecord {
        self.rules.entry(rule.clone()).or_default()
    }

    /// The incidents of a rule that can still be found by its findings.
    pub(crate) fn incidents_of(&self, rule: &RuleId) -> impl Iterator<Item = &Incident> {
        let subjects = self.subjects.range((rule.clone(), AssetId::new())..).take_while(move |(s, _)| s.0 == *rule);
        subjects.filter_map(|(_, id)| self.incidents.get(id))
    }
}
