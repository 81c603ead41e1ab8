//! What of a configuration means less here than its author thinks: `check` says it, and so does `run`.
//!
//! [`Config::load`] refuses what is wrong in itself. Here is what depends on this machine and on the rules.

use std::fmt;

use heinzel_core::policy::Policy;
use heinzel_script::problem::Gravity;

use crate::config::Config;
use crate::live::Live;

/// Something that is wrong or may be, with its place and the way out.
#[derive(Debug)]
pub(crate) struct Doubt {
    gravity: Gravity,
    text: String,
}

impl Doubt {
    fn warning(text: String) -> Self {
        Self { gravity: Gravity::Warning, text }
    }

    /// Whether `run` would not start.
    pub(crate) fn is_error(&self) -> bool {
        self.gravity == Gravity::Error
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.is_error() { "error" } else { "warning" }, self.text)
    }
}

/// All there are. Only looks: nothing is made, and nothing is listened on.
pub(crate) fn of(config: &Config, live: &Live) -> Vec<Doubt> {
    config.policy.strays(live.rules.rules.keys()).into_iter().map(Doubt::warning).collect()
}

/// Lets the log say which patterns of the policy fit no rule.
pub(crate) fn log_strays(policy: &Policy, live: &Live) {
    for stray in policy.strays(live.rules.rules.keys()) {
        tracing::warn!("{stray}");
    }
}
