//! The only clock.

use heinzel_core::time::Timestamp;

/// What time it is.
pub(crate) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

/// Which day it is here, `2026-11-22`.
pub(crate) fn today() -> String {
    jiff::Zoned::now().date().to_string()
}
