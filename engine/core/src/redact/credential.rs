//! Passwords that no word announces directly: beside a user's name, in quotes, anywhere near a word for passwords.

use regex::Captures;

use super::user::is_ordinary;
use super::{Step, regex};

/// So many words around a word for passwords are near it.
const NEAR: usize = 8;
/// Shorter ones are no passwords, or too much like other words.
const SHORTEST: usize = 6;
const LONGEST: usize = 64;

/// A value in quotes behind a word for passwords; in quotes there may be several words.
const QUOTED: &str = r#"(?i)\b(passwor[dt]e?|kennwort|passphrase|passwd|pwd|pw|pass|zugangscode)((?:\s*[:=]|\s+(?:lautet|ist|is|war|was):?)?\s+|[:=])(["'„“»`])([^"'“”„«»`\n]{1,60})(["'“”«»`])"#;

/// The same before it.
const QUOTED_BEFORE: &str = r#"(?i)(["'„“»`])([^"'“”„«»`\n]{1,60})(["'“”«»`])(\s+(?:ist|is|war|was)\s+(?:\p{L}+\s+){0,3}(?:\p{L}+-)?(?:passwor[dt]|kennwort|passphrase|pwd|pw)\b)"#;

/// A user and a password behind a word for both.
const PAIR: &str = r"(?i)\b(zugangsdaten|zugang|login-?daten|anmelde-?daten|logins?|credentials|creds)((?:\s*[:=]|\s+(?:sind|lauten|lautet|ist|war|waren|are|is))?\s*)(<[a-z]{2,12}>|[\p{L}\d_.-]{2,40})(\s*[:/|]\s*|[ \t]+)([^\s<>/]{3,64})([ \t]+\S)?";

/// Those in quotes, before a single word is looked for behind a word for passwords.
pub(super) fn quoted() -> Vec<Step> {
    vec![
        (regex(QUOTED), |c| {
            if is_said(&c[4]) { c[0].to_owned() } else { format!("{}{}{}<secret>{}", &c[1], &c[2], &c[3], &c[5]) }
        }),
        (regex(QUOTED_BEFORE), |c| {
            if is_said(&c[2]) { c[0].to_owned() } else { format!("{}<secret>{}{}", &c[1], &c[3], &c[4]) }
        }),
    ]
}

/// Those beside a name, and near a word for passwords: after what else has a form was taken out.
pub(super) fn near() -> Vec<Step> {
    vec![(regex(PAIR), pair), (regex(r"(?s)^.*$"), |c| around(&c[0]))]
}

/// What stands in quotes are ordinary words: what a button or a message says.
fn is_said(quoted: &str) -> bool {
    quoted.split_whitespace().all(|word| is_ordinary(&word.to_lowercase()))
}

fn pair(c: &Captures<'_>) -> String {
    let (user, between, value) = (&c[3], &c[4], c[5].trim_end_matches(['.', ',', ';', '!', '?', ')']));
    let is_word = |word: &str| {
        let word = word.to_lowercase();
        is_ordinary(&word) || is_anchor(&word) || PRODUCTS.contains(&&*word) || SERVICES.contains(&&*word)
    };
    // `Zugang Kundencenter / Webmail geht nicht` is none: what does not look like a password is one only where nothing follows.
    let means_both = ["daten", "cred"].iter().any(|part| c[1].to_lowercase().contains(part));
    let is_account = user.starts_with('<') || means_both && user.starts_with(char::is_lowercase);
    let is_all = is_account && c.get(6).is_none() && !between.trim().is_empty();
    if is_word(user) || is_word(value) || !(is_like_secret(value) || is_all) {
        return c[0].to_owned();
    }
    let user = if user.starts_with('<') { user } else { "<user>" };
    let rest = c.get(6).map_or("", |rest| rest.as_str());
    format!("{}{}{user}{between}<secret>{}{rest}", &c[1], &c[2], &c[5][value.len()..])
}

/// Takes out what looks like a password within [`NEAR`] words of a word for passwords.
fn around(text: &str) -> String {
    let start = text.as_ptr() as usize;
    let words: Vec<(usize, &str)> =
        text.split_whitespace().map(|word| (word.as_ptr() as usize - start, word)).collect();
    let anchors: Vec<usize> =
        words.iter().enumerate().filter(|(_, (_, word))| is_anchor(&word.to_lowercase())).map(|(at, _)| at).collect();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, (offset, word)) in words.iter().enumerate() {
        let next = anchors.partition_point(|anchor| *anchor <= at);
        let before = anchors[..next].iter().rev().find(|anchor| **anchor != at);
        let is_near = before.is_some_and(|anchor| at - anchor <= NEAR)
            || anchors.get(next).is_some_and(|anchor| anchor - at <= NEAR);
        let Some(mended) = is_near.then(|| without_secret(word)).flatten() else { continue };
        out.push_str(&text[done..*offset]);
        out.push_str(&mended);
        done = offset + word.len();
    }
    out.push_str(&text[done..]);
    out
}

/// The word without the password that it is or ends with, as in `root:x8Kd29sK`.
fn without_secret(word: &str) -> Option<String> {
    let inner = word.trim_start_matches(['"', '\'', '„', '“', '»', '`', '(', '[']);
    let (before, _) = word.split_at(word.len() - inner.len());
    let core = inner.trim_end_matches(['"', '\'', '“', '”', '«', '`', ')', ']', '.', ',', ';', ':', '!', '?']);
    let behind = &inner[core.len()..];
    if is_like_secret(core) {
        return Some(format!("{before}<secret>{behind}"));
    }
    let at = core.find([':', '/', '|', '='])?;
    let (user, value) = (&core[..at], &core[at + 1..]);
    let is_name = !user.is_empty() && user.chars().any(char::is_alphabetic);
    if !is_name || !is_like_secret(value) {
        return None;
    }
    let folded = user.to_lowercase();
    let keeps =
        user.starts_with('<') || is_anchor(&folded) || is_ordinary(&folded) || super::user::is_of_system(&folded);
    let user = if keeps { user } else { "<user>" };
    Some(format!("{before}{user}{}<secret>{behind}", &core[at..=at]))
}

/// A word for passwords, or for what they come with; in small letters.
fn is_anchor(word: &str) -> bool {
    const PARTS: [&str; 9] = [
        "passwor",
        "passwör",
        "kennwort",
        "kennwör",
        "passphrase",
        "zugangsdaten",
        "logindaten",
        "anmeldedaten",
        "credential",
    ];
    let is_short = |part: &str| matches!(part, "pw" | "pwd" | "passwd" | "pass");
    word.split(|c: char| !c.is_alphanumeric()).any(is_short) || PARTS.iter().any(|part| word.contains(part))
}

/// Whether a word looks like a password: letters and digits (or marks) together that are no version, no product's name, no
/// unit and no code. It should be asked only where a password is likely, or where losing a word costs nothing.
#[must_use]
pub(crate) fn is_like_secret(word: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&word.chars().count()) && is_mixed(word)
}

/// Whether a word of any length has letters and digits (or marks) together like that: it may be a part of a password.
#[must_use]
pub fn is_mixed(word: &str) -> bool {
    let is_elsewhere =
        word.contains(['<', '>', '/', '\\', '@', '=', ':', '(', ')', '[', ']']) || word.starts_with("0x");
    if is_elsewhere || !word.contains(char::is_alphabetic) {
        return false;
    }
    let has_digit = word.contains(char::is_numeric);
    let is_mark = |c: char| "!$%&?*#~^+|{}".contains(c);
    if word.contains(is_mark) {
        let is_mixed = word.chars().skip(1).any(char::is_uppercase) && word.contains(char::is_lowercase);
        let are_words = word.split(is_mark).any(|part| is_anchor(&part.to_lowercase()));
        return (has_digit || is_mixed) && !are_words;
    }
    // Versions, hosts and files have dots.
    if !has_digit || word.contains('.') {
        return false;
    }
    let is_code = !word.contains(char::is_lowercase) && word.contains(['-', '_']);
    let parts: Vec<&str> = word.split(['-', '_']).collect();
    let whole = |part: &&str| part.chars().all(char::is_numeric) || part.chars().all(char::is_alphabetic);
    if is_code
        || parts.len() > 1
            && parts.iter().all(whole)
            && !parts.last().is_some_and(|last| last.len() > 1 && last.starts_with(char::is_numeric))
    {
        return false;
    }
    let name = word.trim_end_matches(char::is_numeric).trim_end_matches(['-', '_']);
    let unit = word.trim_start_matches(char::is_numeric).trim_start_matches('-').to_lowercase();
    let is_short_code = name.len() <= 5 && name.chars().all(char::is_uppercase);
    !is_short_code && !PRODUCTS.contains(&&*name.to_lowercase()) && !UNITS.contains(&&*unit)
}

/// What stands before a number and is no secret.
const PRODUCTS: [&str; 64] = [
    "php",
    "mysql",
    "mariadb",
    "postgres",
    "postgresql",
    "plesk",
    "cpanel",
    "windows",
    "win",
    "outlook",
    "office",
    "exchange",
    "server",
    "ipv",
    "oauth",
    "sha",
    "md",
    "utf",
    "base",
    "http",
    "https",
    "html",
    "css",
    "ubuntu",
    "debian",
    "centos",
    "alma",
    "rocky",
    "iphone",
    "ipad",
    "ios",
    "android",
    "galaxy",
    "pixel",
    "java",
    "python",
    "node",
    "ruby",
    "tls",
    "tlsv",
    "ssl",
    "port",
    "code",
    "error",
    "fehler",
    "status",
    "imap",
    "pop",
    "smtp",
    "auth",
    "joomla",
    "typo",
    "drupal",
    "wordpress",
    "magento",
    "shopware",
    "nginx",
    "apache",
    "thunderbird",
    "firefox",
    "chrome",
    "safari",
    "macos",
    "version",
];

/// What stands behind a number and is no secret.
const UNITS: [&str; 28] = [
    "gb", "mb", "kb", "tb", "gib", "mib", "kib", "mbit", "gbit", "min", "minuten", "minutes", "sek", "sekunden",
    "seconds", "std", "stunden", "hours", "tage", "days", "uhr", "mal", "fach", "euro", "eur", "bit", "faktor",
    "factor",
];

/// What people have access to.
const SERVICES: [&str; 26] = [
    "ftp",
    "sftp",
    "ssh",
    "mail",
    "e-mail",
    "email",
    "webmail",
    "imap",
    "smtp",
    "pop",
    "plesk",
    "cpanel",
    "phpmyadmin",
    "mysql",
    "datenbank",
    "database",
    "kundencenter",
    "kundenbereich",
    "panel",
    "wordpress",
    "server",
    "domain",
    "shop",
    "admin",
    "backend",
    "webspace",
];
