//! What this machine has to be watched, when nobody says it.

use std::path::Path;

use heinzel_source::journald::files;
use heinzel_source::settings::{Settings, Source};

/// A log that a Debian, Ubuntu, RHEL or SUSE system may have: source name, path or glob, format.
/// Paths as the distributions' packages set them.
pub(crate) const LOGS: [(&str, &str, &str); 16] = [
    ("syslog", "/var/log/syslog", "syslog"),
    ("messages", "/var/log/messages", "syslog"),
    ("mail", "/var/log/mail.log", "syslog"),
    ("maillog", "/var/log/maillog", "syslog"),
    ("auth", "/var/log/auth.log", "syslog"),
    ("kern", "/var/log/kern.log", "syslog"),
    ("nginx-error", "/var/log/nginx/*error*.log", "nginx-error"),
    ("nginx-access", "/var/log/nginx/*access*.log", "access"),
    ("apache-error", "/var/log/apache2/*error*.log", "apache-error"),
    ("apache-access", "/var/log/apache2/*access*.log", "access"),
    ("httpd-error", "/var/log/httpd/*error_log", "apache-error"),
    ("php-fpm", "/var/log/php*-fpm.log", "php"),
    ("mysql", "/var/log/mysql/error.log", "mysql"),
    ("mariadb", "/var/log/mariadb/mariadb.log", "mysql"),
    ("postgresql", "/var/log/postgresql/*.log", "postgresql"),
    ("redis", "/var/log/redis/*.log", "auto"),
];

/// Where Proxmox VE keeps its task histories.
pub(crate) const PROXMOX_TASKS: &str = "/var/log/pve/tasks";

/// What of [`LOGS`] is there, the journal, and task histories; as `[[source]]` tables in TOML.
pub(crate) fn tables() -> Vec<String> {
    let mut tables = Vec::new();
    // A container has the folder and journalctl, but often nothing that writes a journal.
    if files::is_here(None) && ["/usr/bin/journalctl", "/bin/journalctl"].iter().any(|p| Path::new(p).exists()) {
        tables.push("name = \"journal\"\nkind = \"journald\"\n".to_owned());
    }
    for (name, path, format) in LOGS {
        let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
        let there = if path.contains('*') { folder_is_used(parent) } else { Path::new(path).exists() };
        if there {
            tables.push(format!("name = \"{name}\"\nkind = \"file\"\npath = \"{path}\"\nformat = \"{format}\"\n"));
        }
    }
    if Path::new(PROXMOX_TASKS).is_dir() {
        tables.push("name = \"pve-tasks\"\nkind = \"proxmox\"\n".to_owned());
    }
    tables
}

/// A folder of the service's own; `/var/log` itself counts only when a file in it fits.
fn folder_is_used(folder: &Path) -> bool {
    if folder == Path::new("/var/log") {
        let fpm = |name: &str| name.starts_with("php") && name.ends_with("-fpm.log");
        let Ok(entries) = std::fs::read_dir(folder) else { return false };
        return entries.flatten().any(|e| e.file_name().to_str().is_some_and(fpm));
    }
    folder.is_dir()
}

/// The sources of this machine.
pub(crate) fn sources() -> Vec<Source> {
    let settings = tables().into_iter().filter_map(|table| toml::from_str::<Settings>(&table).ok());
    settings.filter_map(|s| s.check().ok()).collect()
}
