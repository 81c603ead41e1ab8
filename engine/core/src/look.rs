//! Looks that a draft sets off: a ticket that a customer has not sent yet may start probes and a fix. And how an incident
//! stands for the customer ([`Stand`]).
//!
//! What a customer wrote never comes here: a draft is known by its id, by the customer who writes it and by what it is
//! about (the answers that fit it).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::incident::{Incident, Notice, Status};
use crate::run::{End, LOCK, Run, Stage};
use crate::time::Timestamp;

/// `draft` of a rule: which drafts set it off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftClause {
    /// The answers (`pack/id`) of which one must fit the draft.
    pub intents: Vec<String>,
    /// The kinds of asset it can look at.
    pub asset: Vec<String>,
    /// What customers are told it has found, by language (`de`, `en`): the end of a sentence.
    pub found: BTreeMap<String, String>,
}

impl DraftClause {
    /// How early the draft's answers name one of these: 0 for the best; `None` when none does.
    #[must_use]
    pub(crate) fn place_in(&self, intents: &[String]) -> Option<usize> {
        intents.iter().position(|intent| self.intents.contains(intent))
    }
}

/// A draft asks for a look at its customer's asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The draft.
    pub draft: String,
    /// Who writes it: proved, not claimed.
    pub customer: String,
    /// What it is about, by id.
    pub asset: AssetId,
    /// The answers that fit it, best first.
    pub intents: Vec<String>,
}

/// The draft that opened an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The draft.
    pub draft: String,
    /// Who writes it.
    pub customer: String,
}

/// A look that a draft has set off; kept for its rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Who asked.
    pub customer: String,
    /// Where it looked.
    pub asset: AssetId,
    /// When.
    pub at: Timestamp,
}

/// Why nobody looks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No rule is about such drafts.
    #[error("no rule looks at {asset} for such a draft")]
    NoRule {
        /// The asset.
        asset: AssetId,
    },
    /// There is a rule, and the operator has not granted it.
    #[error("drafts may not set off {rule}; add it to `policy.drafts.look`")]
    NotGranted {
        /// The first such rule.
        rule: String,
    },
    /// It is somebody else's asset, or nobody's.
    #[error("{asset} does not belong to the customer who asks")]
    NotTheirs {
        /// The asset.
        asset: AssetId,
    },
    /// Asked too often.
    #[error("drafts have set off {rate}; `{setting}` sets how many may")]
    TooOften {
        /// What it has had.
        rate: crate::policy::Rate,
        /// Which setting.
        setting: &'static str,
    },
}

/// How a customer's problem stands, in the words of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// The probes are out.
    Checking,
    /// The cause is known, and the fix waits until another one on the asset is done.
    Found,
    /// The cause is known, and nothing may be repaired there now (a pause, maintenance): nobody here knows for how long.
    Waiting,
    /// The fix is under way, or being proved.
    Repairing,
    /// Repaired, with proof.
    Repaired,
    /// Nothing was wrong.
    Well,
    /// A person is being told, for the first time.
    Telling,
    /// A person has been told.
    HandedOver,
    /// Neither repaired nor in anybody's hands: the ticket should be sent.
    Unsettled,
}

/// Whether the fix has found out what is wrong: it has planned steps against it, or has taken some. A fix that hands over
/// without a plan says in its own words what it saw, which may be something else.
#[must_use]
pub fn is_cause_known(incident: &Incident) -> bool {
    let planned = |run: &Run| run.stage.plan().is_some_and(|plan| !plan.steps.is_empty());
    incident.run.as_ref().is_some_and(|run| run.touched || planned(run))
}

impl Stand {
    /// How an incident stands for the customer.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        let stage = incident.run.as_ref().map(|run| (&run.stage, run.touched));
        match (incident.status, stage) {
            (Status::Resolved, Some((Stage::Over { end: End::Verified, .. }, true))) => Self::Repaired,
            (Status::Resolved, _) => Self::Well,
            (Status::AwaitingApproval | Status::NeedsHuman, _) => Self::with_a_person(incident),
            (_, Some((Stage::Probing { .. }, touched))) => {
                if touched {
                    Self::Repairing
                } else {
                    Self::Checking
                }
            }
            (_, Some((Stage::Held { gate, .. }, _))) if gate == LOCK => Self::Found,
            (_, Some((Stage::Held { .. }, _))) => Self::Waiting,
            (_, Some((Stage::Acting { .. } | Stage::RollingBack { .. }, _))) => Self::Repairing,
            (_, Some((Stage::Verifying { plan, .. }, touched))) => {
                if touched || !plan.steps.is_empty() {
                    Self::Repairing
                } else {
                    Self::Checking
                }
            }
            (_, Some((Stage::AwaitingApproval { .. } | Stage::Over { .. }, _)) | None) => Self::with_a_person(incident),
        }
    }

    /// Nobody is promised a person who has not been told: what could not be delivered at once may not be for hours.
    fn with_a_person(incident: &Incident) -> Self {
        let is_first_try = |notice: &Notice| notice.tries == 1 && notice.next.is_none();
        if incident.told.is_some() || incident.acknowledged_by.is_some() {
            Self::HandedOver
        } else if incident.notice.as_ref().is_some_and(is_first_try) {
            Self::Telling
        } else {
            Self::Unsettled
        }
    }

    /// Whether nothing follows by itself.
    #[must_use]
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Repaired | Self::Well | Self::HandedOver | Self::Unsettled)
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Found => "found",
            Self::Waiting => "waiting",
            Self::Repairing => "repairing",
            Self::Repaired => "repaired",
            Self::Well => "well",
            Self::Telling => "telling",
            Self::HandedOver => "handed_over",
            Self::Unsettled => "unsettled",
        }
    }
}
