//! The folders that a followed path lies in: they tell a file that was removed from a volume that is not mounted.
//!
//! Start at [`Home::trouble`].

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a path is at home.
#[derive(Debug)]
pub(crate) struct Home {
    /// The folder that must be there: what is below it may come and go (a customer's logs, with their folder).
    base: PathBuf,
    /// The devices of the folders from the path's own up to that one, while the path named a file.
    devices: Vec<(PathBuf, u64)>,
}

impl Home {
    /// The path is known by its name: its own folder must be there.
    pub(crate) fn of(path: &Path) -> Self {
        Self { base: path.parent().unwrap_or(path).to_owned(), devices: Vec::new() }
    }

    /// The path was found by a glob: the part of it without wildcards must be there.
    pub(crate) fn of_glob(pattern: &str) -> Self {
        let is_plain = |folder: &&Path| !folder.to_string_lossy().contains(['*', '?', '[']);
        let base = Path::new(pattern).ancestors().skip(1).find(is_plain).unwrap_or(Path::new("/"));
        Self { base: base.to_owned(), devices: Vec::new() }
    }

    /// The path names a file: notes where it is.
    pub(crate) fn note(&mut self, path: &Path) {
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.base));
        let device = |folder: &Path| Some((folder.to_owned(), fs::metadata(folder).ok()?.dev()));
        self.devices = folders.filter_map(device).collect();
    }

    /// Why the path names no file that it did name, if that is because of its folders.
    pub(crate) fn trouble(&self) -> Option<String> {
        if let Err(error) = fs::metadata(&self.base)
            && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        {
            return Some(format!("the folder {} is gone", self.base.display()));
        }
        let is_other = |(folder, device): &&(PathBuf, u64)| fs::metadata(folder).is_ok_and(|now| now.dev() != *device);
        let (folder, _) = self.devices.iter().find(is_other)?;
        Some(format!("the folder {} is on another file system than it was", folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_glob_is_the_part_without_wildcards() {
        let check = |pattern: &str, base: &str| assert_eq!(Home::of_glob(pattern).base, Path::new(base), "{pattern}");
        check("/var/log/nginx/*error*.log", "/var/log/nginx");
        check("/var/www/vhosts/*/logs/error.log", "/var/www/vhosts");
        check("/var/www/[ab]/*/logs/*", "/var/www");
        check("/*", "/");
    }

    #[test]
    fn a_folder_that_is_gone_or_on_another_device_is_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("customer/logs");
        fs::create_dir_all(&own).unwrap();
        let glob = format!("{}/*/logs/*.log", folder.path().display());
        let (mut by_name, mut by_glob) = (Home::of(&own.join("a.log")), Home::of_glob(&glob));
        for home in [&mut by_name, &mut by_glob] {
            home.note(&own.join("a.log"));
            assert_eq!(home.trouble(), None);
        }
        let mut moved = Home::of_glob(&glob);
        moved.note(&own.join("a.log"));
        moved.devices[1].1 += 1;
        assert!(moved.trouble().unwrap().contains("customer is on another file system"));
        fs::remove_dir_all(folder.path().join("customer")).unwrap();
        assert!(by_name.trouble().unwrap().contains("customer/logs is gone"));
        assert_eq!(by_glob.trouble(), None, "a customer who left");
        folder.close().unwrap();
        assert!(by_glob.trouble().unwrap().ends_with("is gone"));
    }
}
