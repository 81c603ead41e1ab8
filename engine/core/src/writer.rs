//! Who wrote an entry of the journal: a service, or a process that runs a customer's own code.
//!
//! Start at [`is_customers`]. Any process may call itself `sshd` (`logger -t sshd`, `syslog()` of PHP), and claim any field whose name
//! does not begin with `_`. Which user it runs as, and in which unit, journald asks of the kernel.

/// The first number of a user who logs in: `UID_MIN` of login.defs(5), on Debian, RHEL and SUSE alike.
const USERS: u32 = 1_000;
/// systemd's dynamic users, and `nobody` (systemd's UIDS-GIDS): services.
const SERVICES: std::ops::RangeInclusive<u32> = 61_184..=65_535;

/// The users that web servers run as, and with them the code of sites that have no user of their own.
pub const WEB_USERS: [&str; 8] = ["www-data", "apache", "httpd", "wwwrun", "http", "nginx", "lighttpd", "nobody"];

/// What a journal entry says of the process that wrote it, in journald's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writer<'a> {
    /// `_UID`. `None`: the kernel, or journald itself.
    pub user: Option<u32>,
    /// `_SYSTEMD_UNIT`. `None`: journald could not tell, as of a process that ended at once.
    pub unit: Option<&'a str>,
    /// Whether the user is one of [`WEB_USERS`].
    pub is_web_user: bool,
}

/// Whether a customer's own code may have written it, so that nothing it says of itself can be believed.
///
/// ```
/// use heinzel_core::writer::{Writer, is_customers};
/// let logger = Writer { user: Some(1003), unit: Some("session-7.scope"), ..Writer::default() };
/// assert!(is_customers(logger));
/// ```
#[must_use]
pub fn is_customers(writer: Writer<'_>) -> bool {
    match writer.user {
        None => false,
        // root's own manager speaks of its units by the names that the system's have.
        Some(0) => writer.unit.is_some_and(|unit| unit.starts_with("user@")),
        // A unit of the system that runs as such a user is the operator's.
        Some(user) if logs_in(user) => writer.unit.is_none_or(runs_customers_code),
        Some(_) => writer.unit.map_or(writer.is_web_user, runs_customers_code),
    }
}

/// The program that an entry counts as: what it calls itself, where only a service could; else its unit, which the operator has named.
#[must_use]
pub fn program<'a>(writer: Writer<'a>, claimed: Option<&'a str>) -> Option<&'a str> {
    if !writer.user.is_some_and(logs_in) {
        return claimed;
    }
    writer.unit.map(|unit| unit.strip_suffix(".service").unwrap_or(unit)).or(claimed)
}

/// Whether people log in as this user, or containers of theirs run as it.
fn logs_in(user: u32) -> bool {
    user >= USERS && !SERVICES.contains(&user)
}

/// Whether a unit is one whose processes run sites, jobs and sessions of customers.
fn runs_customers_code(unit: &str) -> bool {
    const STEMS: [&str; 14] = [
        "apache2",
        "httpd",
        "lighttpd",
        "litespeed",
        "lshttpd",
        "lsws",
        "openlitespeed",
        "fcgiwrap",
        "cron",
        "crond",
        "atd",
        "anacron",
        "user",
        "session",
    ];
    let stem = unit.split(['.', '@']).next().unwrap_or(unit);
    unit.ends_with(".scope") || unit.contains("php") || STEMS.contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_are_believed() {
        let check = |user: Option<u32>, unit: &str, expected: bool| {
            let unit = (!unit.is_empty()).then_some(unit);
            let writer = Writer { user, unit, is_web_user: user == Some(33) };
            assert_eq!(is_customers(writer), expected, "{writer:?}");
        };
        check(None, "", false);
        check(Some(0), "init.scope", false);
        check(Some(0), "ssh.service", false);
        check(Some(0), "cron.service", false);
        // root in a session of a customer's: sudo, su.
        check(Some(0), "session-7.scope", false);
        check(Some(107), "postfix@-.service", false);
        // One that ended before journald looked.
        check(Some(107), "", false);
        check(Some(61_200), "app.service", false);
        check(Some(33), "nginx.service", false);
        check(Some(33), "apache2.service", true);
        check(Some(33), "php8.2-fpm.service", true);
        check(Some(33), "", true);
        check(Some(1_003), "", true);
        check(Some(1_003), "session-7.scope", true);
        check(Some(1_003), "cron.service", true);
        check(Some(1_003), "php8.2-fpm.service", true);
        check(Some(1_003), "user@1003.service", true);
        // systemd's own child, just before it becomes the program of the unit; and then that program.
        check(Some(1_003), "shop.service", false);
        check(Some(100_033), "user@1003.service", true);
        check(Some(0), "user@0.service", true);
    }

    #[test]
    fn who_may_run_anything_is_called_as_the_operator_called_it() {
        let shop = Writer { user: Some(1_003), unit: Some("shop.service"), ..Writer::default() };
        assert_eq!(program(shop, Some("sshd")), Some("shop"));
        assert_eq!(program(Writer { user: Some(0), ..shop }, Some("sshd")), Some("sshd"));
        assert_eq!(program(Writer { unit: None, ..shop }, Some("sshd")), Some("sshd"));
    }
}
