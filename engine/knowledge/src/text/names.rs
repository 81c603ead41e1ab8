//! Names that are only this customer's: mail addresses, hosts, addresses of machines and pages. They say who writes, not about what.
//!
//! Start at [`names`].

use std::net::IpAddr;

/// The last labels by which a host is told from a file (`functions.php`) and from a missing space (`kaputt.Bitte`).
const ENDINGS: &str = "\
de at ch com net org eu info biz io co uk app dev me tv cc fr nl it es pl li lu be dk se no fi cz hu us ca au in name
shop online cloud site store tech xyz agency blog berlin hamburg koeln cologne bayern wien tirol ruhr saarland swiss gmbh email
example local lan";

/// Whether a folded word is the last label of hosts.
#[must_use]
pub(crate) fn is_ending(word: &str) -> bool {
    ENDINGS.split_whitespace().any(|ending| ending == word)
}

/// Where names stand in a text, in its order.
pub(crate) fn names(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let parts =
        |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | '„' | '“');
    let origin = text.as_ptr() as usize;
    text.split(parts).filter_map(move |chunk| {
        let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric());
        let start = chunk.as_ptr() as usize - origin;
        is_name(chunk).then_some((start, start + chunk.len()))
    })
}

fn is_name(chunk: &str) -> bool {
    if chunk.parse::<IpAddr>().is_ok() {
        return true;
    }
    let chunk = chunk.strip_prefix("https://").or_else(|| chunk.strip_prefix("http://")).unwrap_or(chunk);
    let chunk = chunk.rsplit_once('@').map_or(chunk, |(_, host)| host);
    let host = chunk.split(['/', ':', '?', '#']).next().unwrap_or_default();
    host.parse::<IpAddr>().is_ok()
        || host.rsplit_once('.').is_some_and(|(name, ending)| {
            is_ending(&ending.to_ascii_lowercase())
                && (ending.bytes().all(|b| b.is_ascii_lowercase()) || host == host.to_ascii_uppercase())
                && name.len() >= 2
                && name.split('.').all(|label| !label.is_empty())
                && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
        })
}

#[cfg(test)]
mod tests {
    use super::names;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = names(text).map(|(start, end)| &text[start..end]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn who_writes_is_found() {
        check("CNAME für shop.meinladen.de auf shops.example.com setzen.", &["shop.meinladen.de", "shops.example.com"]);
        check("<bob@customer.com>: host mx1.customer.com said", &["bob@customer.com", "mx1.customer.com"]);
        check(
            "https://www.Firma.example/wp-admin, 203.0.113.77 (2001:db8::1)",
            &["https://www.Firma.example/wp-admin", "203.0.113.77", "2001:db8::1"],
        );
        check(
            "„gasthof-linde.de“ http://198.51.100.7:8080/x WWW.FIRMA.DE",
            &["gasthof-linde.de", "http://198.51.100.7:8080/x", "WWW.FIRMA.DE"],
        );
    }

    #[test]
    fn what_it_is_about_is_no_name() {
        check(
            "functions.php wp-config.php 5.7.1 um 7:30 z.B. kaputt.Bitte .htaccess node.js e-mail info@ a.de :: 127",
            &[],
        );
        check("", &[]);
    }
}
