//! Whether `heinzel.toml` says something else by now than when it was read. Settings count from the start on, rules and
//! assets from when they change; who edits both should not have to know that by heart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_script::plain_file;
use heinzel_script::reload::Watch;
use sha2::{Digest as _, Sha256};

/// The configuration's file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    path: PathBuf,
    /// The hash of what it said, since secrets may stand in it; `None`: there was none.
    said: Option<Hash>,
}

type Hash = [u8; 32];

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

impl Origin {
    /// It was read from here and said this.
    pub(crate) fn new(path: &Path, text: Option<&str>) -> Self {
        // Whoever asks later may be elsewhere; a name that cannot be made absolute stays what it is.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { path, said: text.map(hash) }
    }

    /// What has become of it. `None`: it says what it said.
    pub(crate) fn edited(&self) -> Option<String> {
        let file = self.path.display();
        let end = "what was read at the start is in force until a restart";
        match (self.said, plain_file::text(&self.path)) {
            (Some(before), Ok(now)) if before == hash(&now) => None,
            (Some(_), Ok(_)) => Some(format!("{file} was changed after the start and is not in force until a restart")),
            (Some(_), Err(_)) if !self.path.exists() => Some(format!("{file} was removed after the start; {end}")),
            (Some(_), Err(error)) => Some(format!("{file} can no longer be read ({error}); {end}")),
            (None, _) if self.path.exists() => {
                Some(format!("{file} was made after the start and is not in force until a restart"))
            }
            (None, _) => None,
        }
    }

    /// Lets the log say it whenever it changes, until the watch is dropped.
    pub(crate) fn watch(self: Arc<Self>) -> Option<Watch> {
        let said = Mutex::new(None);
        let path = self.path.clone();
        self.said?;
        let look = move || {
            let edited = self.edited();
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if *said != edited {
                match &edited {
                    Some(edited) => tracing::warn!("{edited}"),
                    None => tracing::info!("{} says again what is in force", self.path.display()),
                }
                *said = edited;
            }
        };
        match Watch::of_file(&path, look) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!("{:#}; the log does not say when it changes", anyhow::Error::new(error));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_says_later_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heinzel.toml");
        let none = Origin::new(&path, None);
        assert_eq!(none.edited(), None);
        std::fs::write(&path, "a").unwrap();
        let origin = Origin::new(&path, Some("a"));
        assert_eq!(origin.edited(), None);
        assert!(none.edited().unwrap().contains("was made after the start"));
        std::fs::write(&path, "b").unwrap();
        assert!(
            origin
                .edited()
                .unwrap()
                .ends_with("heinzel.toml was changed after the start and is not in force until a restart")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(origin.edited().unwrap().contains("was removed after the start"));
        std::fs::write(&path, "a").unwrap();
        assert_eq!(origin.edited(), None);
    }
}
