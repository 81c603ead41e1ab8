//! The shipped rules on lines from elsewhere: what strangers send, the catalogue of hosting failures and the public log samples beside this
//! repository (`../shared`). Nothing of them is copied here; where they are absent, these tests say so and check only the
//! tables.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod answers;
mod catalogue;
mod complete;
mod injection;
mod loghub;
mod told;

use std::path::{Path, PathBuf};

/// This repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file or folder beside the repository, or `None` with a loud word.
fn shared(name: &str) -> Option<PathBuf> {
    let path = repository().join("../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there, so the rules do not meet it", path.display());
    None
}
