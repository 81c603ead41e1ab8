//! The only clock.

use heinzel_core::time::Timestamp;

/// What time it is.
pub(crate) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
