//! What this machine has to be watched, when nobody says it.

use std::path::Path;

use heinzel_source::journald::files;
use heinzel_source::settings::{Kind, Settings, Source};

/// A log that a Debian, Ubuntu, RHEL or SUSE system may have: source name, path or glob, format.
/// Paths as the distributions' packages set them.
pub(crate) const LOGS: [(&str, &str, &str); 20] = [
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
    ("exim", "/var/log/exim4/mainlog", "auto"),
    ("exim-panic", "/var/log/exim4/paniclog", "auto"),
    ("vsftpd", "/var/log/vsftpd.log", "auto"),
    ("proftpd", "/var/log/proftpd/proftpd.log", "auto"),
];

/// Where Proxmox VE keeps its task histories.
pub(crate) const PROXMOX_TASKS: &str = "/var/log/pve/tasks";

/// What syslog daemons write, and what says the same: the journal all of it, and `/var/log/syslog` what Debian and Ubuntu
/// sort into files of their own, too. Who reads a line twice counts it twice, and five failed logins are ten.
const OF_SYSLOG: [(&str, &[&str]); 6] = [
    ("syslog", &[JOURNAL]),
    ("messages", &[JOURNAL, "syslog"]),
    ("mail", &[JOURNAL, "syslog"]),
    ("maillog", &[JOURNAL]),
    ("auth", &[JOURNAL]),
    ("kern", &[JOURNAL, "syslog"]),
];

const JOURNAL: &str = "journal";

/// What of [`LOGS`] is there and says what nothing else here says, the journal, and task histories; as `[[source]]` tables in TOML.
pub(crate) fn tables() -> Vec<String> {
    // A container has the folder and journalctl, but often nothing that writes a journal.
    let journal =
        files::is_here(None) && ["/usr/bin/journalctl", "/bin/journalctl"].iter().any(|p| Path::new(p).exists());
    let is_there = |path: &str| {
        let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
        if path.contains('*') { folder_is_used(parent) } else { Path::new(path).exists() }
    };
    let mut tables = Vec::new();
    if journal {
        tables.push(format!("name = \"{JOURNAL}\"\nkind = \"journald\"\n"));
    }
    for (name, path, format) in chosen(journal, is_there) {
        tables.push(format!("name = \"{name}\"\nkind = \"file\"\npath = \"{path}\"\nformat = \"{format}\"\n"));
    }
    if Path::new(PROXMOX_TASKS).is_dir() {
        tables.push("name = \"pve-tasks\"\nkind = \"proxmox\"\n".to_owned());
    }
    tables
}

/// Those of [`LOGS`] to read, where there is a journal or none.
fn chosen(journal: bool, is_there: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str, &'static str)> {
    let there: Vec<_> = LOGS.into_iter().filter(|(_, path, _)| is_there(path)).collect();
    let is_read = |name: &str| name == JOURNAL && journal || there.iter().any(|(there, ..)| *there == name);
    let is_said_elsewhere =
        |name: &str| OF_SYSLOG.iter().any(|(log, by)| *log == name && by.iter().any(|other| is_read(other)));
    there.iter().copied().filter(|(name, ..)| !is_said_elsewhere(name)).collect()
}

/// Which sources read what another one reads, too, in words for people.
pub(crate) fn read_twice(sources: &[Source]) -> Vec<String> {
    let reads = |source: &Source, log: &str| match &source.kind {
        Kind::Journald(journal) => {
            log == JOURNAL && journal.units.is_empty() && journal.matches.is_empty() && journal.directory.is_none()
        }
        Kind::File(file) => LOGS.iter().any(|(name, path, _)| *name == log && file.paths.iter().any(|p| p == path)),
        _ => false,
    };
    let found = OF_SYSLOG.iter().filter_map(|(log, by)| {
        let source = sources.iter().find(|source| reads(source, log))?;
        let other = sources.iter().find(|other| by.iter().any(|by| reads(other, by)))?;
        (!std::ptr::eq(source, other)).then(|| {
            format!(
                "source `{}` reads what source `{}` reads, too, so that every line counts twice; leave it out, unless lines of \
                 other machines come there",
                source.common.name, other.common.name
            )
        })
    });
    found.collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(journal: bool, there: &[&str], expected: &[&str]) {
        let names: Vec<&str> =
            chosen(journal, |path| there.contains(&path)).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, expected, "journal: {journal}, {there:?}");
    }

    #[test]
    fn no_line_is_read_twice() {
        let debian = [
            "/var/log/syslog",
            "/var/log/mail.log",
            "/var/log/auth.log",
            "/var/log/kern.log",
            "/var/log/mysql/error.log",
        ];
        check(true, &debian, &["mysql"]);
        check(false, &debian, &["syslog", "auth", "mysql"]);
        let red_hat = ["/var/log/messages", "/var/log/maillog"];
        check(true, &red_hat, &[]);
        check(false, &red_hat, &["messages", "maillog"]);
        check(false, &["/var/log/mail.log", "/var/log/kern.log"], &["mail", "kern"]);
    }

    #[test]
    fn sources_that_read_the_same_are_told() {
        let check = |tables: &[&str], expected: &[&str]| {
            let sources: Vec<Source> =
                tables.iter().map(|table| toml::from_str::<Settings>(table).unwrap().check().unwrap()).collect();
            let said = read_twice(&sources);
            assert_eq!(said.len(), expected.len(), "{said:?}");
            for (said, expected) in said.iter().zip(expected) {
                assert!(said.starts_with(expected), "{said} should begin with {expected}");
            }
        };
        let journal = "name = \"j\"\nkind = \"journald\"";
        let one_unit = "name = \"j\"\nkind = \"journald\"\nunits = [\"nginx.service\"]";
        let syslog = "name = \"s\"\nkind = \"file\"\npath = \"/var/log/syslog\"";
        let mail = "name = \"m\"\nkind = \"file\"\npath = \"/var/log/mail.log\"";
        let nginx = "name = \"n\"\nkind = \"file\"\npath = \"/var/log/nginx/*error*.log\"";
        check(&[journal, nginx], &[]);
        check(&[one_unit, mail], &[]);
        check(&[journal, syslog], &["source `s` reads what source `j` reads, too, "]);
        check(&[syslog, mail, nginx], &["source `m` reads what source `s` reads, too, "]);
    }
}
