//! What a customer types before they send it, what they were shown meanwhile, and what they did with it.
//!
//! Start at [`Draft`]. The text is no part of it unless the operator wants that, and then only [`Redacted`].

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::customer::CustomerId;
use crate::redact::Redacted;
use crate::time::Timestamp;

/// A draft's id, made by the form.
pub type DraftId = String;

/// Whose a draft is: of whoever used its id first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A customer, named by a signed claim.
    Customer(CustomerId),
    /// Nobody known: the hash of the form's key.
    Key(String),
}

impl Owner {
    /// The customer, where there is one.
    #[must_use]
    pub fn customer(&self) -> Option<&str> {
        match self {
            Self::Customer(id) => Some(id),
            Self::Key(_) => None,
        }
    }
}

/// Why nothing is shown for a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nothing {
    /// There are too few words yet.
    TooShort,
    /// No answer is likely enough.
    NothingFits,
    /// It belongs to the share that sees nothing, so that the others can be compared with it.
    HoldOut,
    /// Suggestions are switched off.
    Off,
}

impl Nothing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TooShort, Self::NothingFits, Self::HoldOut, Self::Off];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::NothingFits => "nothing_fits",
            Self::HoldOut => "hold_out",
            Self::Off => "off",
        }
    }
}

/// What was found first for a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Top {
    /// The answer's id, or the item's kind and number.
    pub item: String,
    /// How sure that was, 0 to 1.
    pub confidence: f64,
}

/// A draft, as it stood when it was last looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// Whose it is.
    pub owner: Owner,
    /// The language it is written in: `de`, `en`.
    pub language: String,
    /// The page of the form.
    #[serde(default)]
    pub page: Option<String>,
    /// The field of the form.
    #[serde(default)]
    pub field: Option<String>,
    /// The asset it is about.
    #[serde(default)]
    pub asset: Option<AssetId>,
    /// When it was first looked at.
    pub first: Timestamp,
    /// When it was last looked at.
    pub last: Timestamp,
    /// Its words, without salutation.
    pub words: u32,
    /// It belongs to the share that sees nothing.
    #[serde(default)]
    pub hold_out: bool,
    /// The best item for it, of the last look that found one; for a draft that is held out, what would have been shown.
    #[serde(default)]
    pub top: Option<Top>,
    /// Why the last look showed nothing. What an earlier one showed is in [`Shown`].
    #[serde(default)]
    pub nothing: Option<Nothing>,
    /// Its text, where the operator keeps texts.
    #[serde(default)]
    pub text: Option<Redacted>,
}

/// One item of a list that a customer saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The draft.
    pub draft: DraftId,
    /// The item.
    pub item: String,
    /// Its place in the list, from 1.
    pub rank: u8,
    /// How sure it was, 0 to 1.
    pub confidence: f64,
    /// Which ranker, trained on what, put it there.
    pub ranker: String,
    /// When.
    pub at: Timestamp,
}

/// What a customer did with what was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Opened an item to read it.
    Opened,
    /// Pressed "that solved it".
    Solved,
    /// Pressed "does not fit".
    Dismissed,
    /// Sent the draft all the same.
    Sent,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Opened, Self::Solved, Self::Dismissed, Self::Sent];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Solved => "solved",
            Self::Dismissed => "dismissed",
            Self::Sent => "sent",
        }
    }
}

/// A customer's word on what was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// The draft.
    pub draft: DraftId,
    /// What they did.
    pub what: Deed,
    /// With which answer.
    #[serde(default)]
    pub answer: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Where an example draft of an answer comes from. Later ones say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The answer's author wrote it.
    Written,
    /// Support used the answer for it.
    Logged,
    /// The customer said that the answer solved it.
    Confirmed,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Written, Self::Logged, Self::Confirmed];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Logged => "logged",
            Self::Confirmed => "confirmed",
        }
    }

    /// How much it counts when a ranker learns from it.
    #[must_use]
    pub const fn weight(self) -> f64 {
        match self {
            Self::Written | Self::Logged => 1.0,
            Self::Confirmed => 2.0,
        }
    }
}

/// A draft that an answer is known to fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The answer's id.
    pub answer: String,
    /// The language: `de`, `en`.
    pub language: String,
    /// The draft, without personal data.
    pub text: Redacted,
    /// Where it comes from.
    pub origin: Origin,
    /// How often it was learned again.
    pub count: u32,
}
