//! Whether there is a journal: journalctl that follows one says nothing of it when there is none.
//!
//! Start at [`is_here`]. Looked at as sd-journal does: files right in its two folders, and in those that are named after the machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Whether this machine has journal files, or the folder `directory`.
#[must_use]
pub fn is_here(directory: Option<&Path>) -> bool {
    folders(directory).iter().any(|folder| has_files(folder))
}

/// Where journal files are looked for.
pub(super) fn folders(directory: Option<&Path>) -> Vec<PathBuf> {
    if let Some(directory) = directory {
        let below = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        return std::iter::once(directory.to_owned()).chain(below).collect();
    }
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let machine = machine.trim();
    let named = |root: &Path| (!machine.is_empty()).then(|| root.join(machine));
    ["/run/log/journal", "/var/log/journal"]
        .map(Path::new)
        .iter()
        .flat_map(|root| std::iter::once(root.to_path_buf()).chain(named(root)))
        .collect()
}

/// Whether a folder has journal files. One that may not be read may have some: journalctl says what is wrong with it.
pub(super) fn has_files(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.ends_with(".journal") || name.ends_with(".journal~")
        }),
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_where_its_files_are() {
        let folder = tempfile::tempdir().unwrap();
        let is_here = || is_here(Some(folder.path()));
        assert!(!is_here());
        let own = folder.path().join("0123456789abcdef0123456789abcdef");
        fs::create_dir(&own).unwrap();
        assert!(!is_here(), "an empty folder is no journal");
        fs::write(own.join("fss"), "").unwrap();
        assert!(!is_here());
        fs::write(own.join("system.journal"), "").unwrap();
        assert!(is_here());
    }
}
