//! The users that web servers run as, on this machine.

use heinzel_core::writer::WEB_USERS;

/// Their numbers, from the text of `/etc/passwd`.
pub(super) fn web_users(passwd: &str) -> Vec<u32> {
    let number = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        WEB_USERS.contains(&name).then(|| parts.nth(1)?.parse().ok())?
    };
    passwd.lines().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_servers_users_are_known_by_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nkim:x:1000:1000::/:/bin/sh\napache:x\n";
        assert_eq!(web_users(passwd), [33]);
    }
}
