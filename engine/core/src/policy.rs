//! The operator's word: `[policy]` of `heinzel.toml`, the only place that grants rights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::glob::Glob;
use crate::rule::RuleId;
use crate::time::{Span, Timestamp};

mod allow;
mod rate;
mod sense;
mod vain;

pub use allow::{Allow, NotAllowed};
pub use rate::Rate;
pub use sense::Senseless;

/// How far a rule may go. The most timid comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Finds, probes and plans, and writes down what it would have done.
    #[default]
    Observe,
    /// Also shows the plan to the operator, who carries it out by hand.
    Suggest,
    /// Carries the plan out after `heinzel approve`.
    Approve,
    /// Carries it out.
    Auto,
}

impl Mode {
    /// All modes, the most timid first.
    pub const ALL: [Self; 4] = [Self::Observe, Self::Suggest, Self::Approve, Self::Auto];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }

    /// From its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.word() == word)
    }

    /// The next bolder one.
    #[must_use]
    pub fn bolder(self) -> Option<Self> {
        Self::ALL.into_iter().find(|&m| m > self)
    }

    /// The next more timid one.
    #[must_use]
    pub(crate) fn more_timid(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|&m| m < self)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// How many fixes may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Per rule.
    pub rule: Rate,
    /// Per asset, but for hosts as a whole: those have the host's.
    pub asset: Rate,
    /// On this host.
    pub host: Rate,
}

impl Default for Budget {
    /// Three an hour for one object is what an operator would try by hand before looking for the cause.
    fn default() -> Self {
        let hour = Span::seconds(3600);
        Self {
            rule: Rate { count: 6, within: hour },
            asset: Rate { count: 3, within: hour },
            host: Rate { count: 20, within: hour },
        }
    }
}

/// When a fix does not hold: counted for each customer, and for each asset that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// So many failed fixes of a rule within so long open its breaker there: it stops, until `heinzel policy promote`.
    pub failures: Rate,
    /// So many failed fixes, vetoes or quick recurrences within so long take the rule one mode down there; so many vetoes do
    /// everywhere.
    pub demote: Rate,
    /// When that has happened once to so many different customers or assets in the same time, it counts everywhere.
    pub spread: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        let day = Span::seconds(86_400);
        // On a machine with hundreds of sites, three may be broken on one day and the fix be a good one.
        Self { failures: Rate { count: 3, within: day }, demote: Rate { count: 2, within: day }, spread: 4 }
    }
}

/// A time in which an operator works on assets and no fix may run there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// On which assets.
    pub assets: Vec<Glob>,
    /// From.
    pub from: Timestamp,
    /// Until.
    pub until: Timestamp,
}

/// What customers' drafts may set off: `[policy.drafts]`. Nothing, until the operator says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drafts {
    /// Rules whose probes a draft may set off.
    pub look: Vec<Glob>,
    /// Those of them whose fix may then follow as after a line; the others ask for approval.
    pub fix: Vec<Glob>,
    /// How often one customer's drafts may set off a look at one asset.
    pub rate: Rate,
    /// How often all drafts together may.
    pub all: Rate,
}

impl Default for Drafts {
    /// Nobody writes three tickets an hour about one server.
    fn default() -> Self {
        let hour = Span::seconds(3600);
        let (rate, all) = (Rate { count: 3, within: hour }, Rate { count: 60, within: hour });
        Self { look: Vec::new(), fix: Vec::new(), rate, all }
    }
}

/// `[policy]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Mode by rule pattern; the most specific pattern that fits counts; without one, observe. What
    /// `heinzel policy promote` and automatic demotion decided later is kept in the store and comes first.
    pub modes: BTreeMap<Glob, Mode>,
    /// What steps may touch.
    pub allow: Allow,
    /// Assets that no fix touches without approval, beside those that `assets.toml` marks.
    pub protected: Vec<Glob>,
    /// Maintenance windows.
    pub maintenance: Vec<Maintenance>,
    /// How many fixes may run.
    pub budget: Budget,
    /// When a fix does not hold.
    pub breaker: Breaker,
    /// What customers' drafts may set off.
    pub drafts: Drafts,
    /// How long a plan waits for approval before it is dropped and the incident needs a human.
    pub approval_expires: Span,
    /// How many files or processes one step may touch at most.
    pub max_targets: u32,
    /// How many rounds of planning one fix may take.
    pub max_rounds: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            modes: BTreeMap::new(),
            allow: Allow::default(),
            protected: Vec::new(),
            maintenance: Vec::new(),
            budget: Budget::default(),
            breaker: Breaker::default(),
            drafts: Drafts::default(),
            approval_expires: Span::seconds(86_400),
            max_targets: 100,
            max_rounds: 3,
        }
    }
}

impl Policy {
    /// The mode the settings give a rule. A pattern for many rules takes none further than its author thinks wise
    /// (`automation`); its own name does.
    #[must_use]
    pub fn mode(&self, rule: &RuleId, automation: Mode) -> Mode {
        let fitting = self.modes.iter().filter(|(glob, _)| glob.fits(&rule.0));
        match fitting.max_by_key(|(glob, _)| glob.weight()) {
            Some((glob, &mode)) if *glob.0 == *rule.0 => mode,
            Some((_, &mode)) => mode.min(automation),
            None => Mode::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_modes_are_read_as_they_are_written() {
        for mode in Mode::ALL {
            assert_eq!(Mode::from_word(mode.word()), Some(mode));
        }
        assert_eq!(Mode::from_word("Auto"), None);
    }

    #[test]
    fn the_most_specific_mode_counts() {
        let policy = Policy {
            modes: BTreeMap::from([
                ("*".into(), Mode::Suggest),
                ("web.*".into(), Mode::Auto),
                ("web.nginx-down".into(), Mode::Observe),
            ]),
            ..Policy::default()
        };
        let mode = |rule: &str| policy.mode(&rule.into(), Mode::Auto);
        assert_eq!(mode("web.nginx-down"), Mode::Observe);
        assert_eq!(mode("web.other"), Mode::Auto);
        assert_eq!(mode("mail.x"), Mode::Suggest);
        assert_eq!(Policy::default().mode(&"mail.x".into(), Mode::Auto), Mode::Observe);
    }

    #[test]
    fn only_its_own_name_takes_a_rule_further_than_its_author_thinks_wise() {
        let modes = |glob: &str| Policy { modes: BTreeMap::from([(glob.into(), Mode::Auto)]), ..Policy::default() };
        let rule = "virtualisation.vm-locked".into();
        assert_eq!(modes("*").mode(&rule, Mode::Approve), Mode::Approve);
        assert_eq!(modes("virtualisation.*").mode(&rule, Mode::Approve), Mode::Approve);
        assert_eq!(modes("virtualisation.vm-locked").mode(&rule, Mode::Approve), Mode::Auto);
    }
}
