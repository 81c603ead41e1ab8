//! Looks that a draft sets off: a ticket that a customer has not sent yet may start probes and a fix.
//!
//! What a customer wrote never comes here: a draft is known by its id, by the customer who writes it and by what it is
//! about (the answers that fit it).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
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
