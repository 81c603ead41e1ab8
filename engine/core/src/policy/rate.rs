//! How often something may be: so many within so long.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// So many within so long: `5/1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// Within how long.
    pub within: Span,
}

impl Rate {
    /// How many of these times lie within the span that ends now. One that is yet to come says that our clock was set back; it
    /// would count for as long as that.
    #[must_use]
    pub(crate) fn lately(self, times: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> usize {
        times.into_iter().filter(|time| *time <= now && *time + self.within.0 > now).count()
    }

    /// Whether there are as many of them as there may be.
    #[must_use]
    pub(crate) fn is_reached(self, times: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> bool {
        self.lately(times, now) >= self.count as usize
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        format!("{}/{}", rate.count, rate.within)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.count, self.within)
    }
}

impl TryFrom<String> for Rate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no rate; write a count, a slash and a length of time, like `5/1h`");
        let (count, within) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().map_err(|_| wrong())?;
        let within = within.trim().parse().map_err(|e| format!("{}: {e}", wrong()))?;
        Ok(Self { count, within })
    }
}
