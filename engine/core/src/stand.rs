//! How an incident stands for its customer, in the words of the form.
//!
//! Start at [`Stand::of`].

use serde::{Deserialize, Serialize};

use crate::incident::{Incident, Notice, Status};
use crate::run::{End, LOCK, Run, Stage};

/// How a customer's problem stands.
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

/// Whether the fix has found out what is wrong: it has planned steps against it, or has taken some. A fix that hands over
/// without a plan says in its own words what it saw, which may be something else.
#[must_use]
pub fn is_cause_known(incident: &Incident) -> bool {
    let planned = |run: &Run| run.stage.plan().is_some_and(|plan| !plan.steps.is_empty());
    incident.run.as_ref().is_some_and(|run| run.touched || planned(run))
}
