//! The state folder: which one it is, also of a configuration that is wrong; what lies in it; who owns it.

use std::io::{ErrorKind, Read as _};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use heinzel_script::plain_file;
use heinzel_store::lock::{Lock, NotTaken};

use crate::exit::{Ends, Exit};
use crate::installed;

/// The socket over which the command line talks to the running engine.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("heinzel.sock")
}

/// Whether the store can be in this folder, as far as looking tells. Makes nothing.
///
/// # Errors
/// What is in the way, and the way out.
pub(crate) fn check(folder: &Path) -> Result<(), String> {
    let what = match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => "is no folder",
        Err(error) if error.kind() == ErrorKind::NotADirectory => "would lie below something that is no folder",
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_symlink() => "is a link to nothing",
        _ if SocketAddr::from_pathname(socket(folder)).is_err() => "is too long a path for the control socket in it",
        _ => return Ok(()),
    };
    let folder = folder.display();
    Err(format!("{folder}, where the store should be, {what}; name another folder in `store.folder` (or `--state`)"))
}

/// Takes the store's folder for this process.
///
/// # Errors
/// When it cannot be one, another engine has it, or it cannot be made.
pub(crate) fn lock(folder: &Path) -> anyhow::Result<Lock> {
    check(folder).map_err(|why| Ends::with(Exit::Wrong, why))?;
    Lock::take(folder).map_err(|error| match error {
        NotTaken::Held { .. } => Ends::with(Exit::Engine, error.to_string()),
        NotTaken::Unusable { .. } => error.into(),
    })
}

/// Where it is when nothing names it: `$STATE_DIRECTORY` (systemd), [`installed::STATE`], `$XDG_STATE_HOME/heinzel`,
/// `~/.local/state/heinzel`.
pub(crate) fn usual(file: Option<&Path>) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("STATE_DIRECTORY") {
        return folder;
    }
    if file == Some(Path::new(installed::CONFIG)) {
        return installed::STATE.into();
    }
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("heinzel")
}

/// Where it is by a configuration that is wrong. `None`: the file cannot be read, or what it says of it cannot be told.
pub(crate) fn of_broken(file: &Path) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    plain_file::open(file).ok()??.read_to_end(&mut bytes).ok()?;
    match named(&String::from_utf8_lossy(&bytes)) {
        Named::Folder(folder) => Some(file.parent().unwrap_or(Path::new("")).join(folder)),
        Named::Nothing => Some(usual(Some(file))),
        Named::Garbled => None,
    }
}

/// What a text says of the folder.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// It is this one.
    Folder(PathBuf),
    /// Nothing.
    Nothing,
    /// Something, but not what a folder is named by.
    Garbled,
}

/// Where it is no TOML it is read line by line, because a mistake in one line must not hide what another says.
fn named(text: &str) -> Named {
    if let Ok(read) = toml::from_str::<toml::Table>(text) {
        return folder(read.get("store")).unwrap_or(Named::Nothing);
    }
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            // A header, also one that nobody has closed.
            table = line.split(['[', ']', '#']).map(str::trim).find(|part| !part.is_empty()).unwrap_or("").to_owned();
        }
        let key: String = line.split('=').next().unwrap_or_default().split_whitespace().collect();
        let key = key.replace(['"', '\''], "");
        let in_store = matches!((table.as_str(), key.as_str()), ("store", "folder"));
        let at_top = table.is_empty() && matches!(key.as_str(), "store.folder" | "store");
        if !(in_store || at_top) {
            continue;
        }
        let Ok(read) = toml::from_str::<toml::Table>(line) else { return Named::Garbled };
        let store = if in_store { Some(toml::Value::Table(read)) } else { read.get("store").cloned() };
        if let Some(named) = folder(store.as_ref()) {
            return named;
        }
    }
    Named::Nothing
}

/// What `[store]` says of it.
fn folder(store: Option<&toml::Value>) -> Option<Named> {
    Some(store?.get("folder")?.as_str().map_or(Named::Garbled, |folder| Named::Folder(folder.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_engine_and_whoever_asks_it_mean_the_same_store() {
        if std::env::var_os("STATE_DIRECTORY").is_none() {
            assert_eq!(usual(Some(Path::new(installed::CONFIG))), Path::new(installed::STATE));
            assert_ne!(usual(Some(Path::new("heinzel.toml"))), Path::new(installed::STATE));
        }
    }

    #[test]
    fn a_mistake_in_one_line_does_not_hide_the_folder_in_another() {
        let folder = |name: &str| Named::Folder(name.into());
        for (text, expected) in [
            ("[store]\nfolder = \"a\"\ntypo =\n", folder("a")),
            ("[policy\n[ store ] # here\n  'folder' = 'a b' # there\n", folder("a b")),
            ("[store\nfolder = \"a\"\n", folder("a")),
            ("x = = 1\nstore.folder = \"a\"\n", folder("a")),
            ("store = { folder = \"a\", audit = \"1d\" }\n[x\n", folder("a")),
            ("store = { audit = \"1d\" }\n[x\n", Named::Nothing),
            ("[[source]]\nfolder = \"a\"\ntypo =\n", Named::Nothing),
            ("# [store]\n#folder = \"a\"\n", Named::Nothing),
            ("", Named::Nothing),
            ("[store]\nfolder = \"a\n", Named::Garbled),
            ("[store]\nfolder = 7\n", Named::Garbled),
            ("[store]\nfolder\n", Named::Garbled),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }
}
