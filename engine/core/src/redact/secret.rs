//! Keys, tokens, passwords and codes.

use regex::Captures;

use super::{Step, regex, whole_of};

/// A whole key or certificate. One that was cut off ends where its lines end to look like one.
const BLOCK: &str = r"(?s)-----BEGIN [A-Z0-9 ]{1,60}-----(?:.*?-----END [A-Z0-9 ]{1,60}-----|(?:(?:[\s>|]|\\[rn])*(?:Proc-Type|DEK-Info|Version|Comment): [^\n]*)*(?:(?:[\s>|]|\\[rn])*[A-Za-z0-9+/]{16,}={0,2})*(?:(?:[\s>|]|\\[rn])*[A-Za-z0-9+/]*[0-9+/=][A-Za-z0-9+/=]*)?)|PuTTY-User-Key-File-\d:.*?(?:Private-MAC: *\w+|\z)";

/// What is a token by its beginning, as those who issue them document it: AWS, GitHub, GitLab, Slack, Stripe, Google,
/// SendGrid, npm, DigitalOcean, OpenAI and those like it; JSON web tokens; keys of SSH.
const TOKEN: &str = r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[oprsu]_[0-9A-Za-z_]{16,}|github_pat_[0-9A-Za-z_]{16,}|glpat-[0-9A-Za-z_-]{16,}|xox[abeoprs]-[0-9A-Za-z_-]{8,}|[rs]k_(?:live|test)_[0-9A-Za-z_]{8,}|whsec_[0-9A-Za-z_]{16,}|AIza[0-9A-Za-z_-]{30,}|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|npm_[0-9A-Za-z_]{30,}|dop_v1_[0-9A-Za-z_]{32,}|sk-[0-9A-Za-z_-]{20,}|eyJ[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*)*|AAAA[A-Za-z0-9+/]{20,}={0,2})";

/// A number behind a word that says that it opens something.
const CODE: &str = r#"(?i)\b((?:[ms]?-?TAN|PIN|PUK|CVV2?|CVC2?|OTP|Prüfziffer|Kartenprüfnummer|Sicherheitscode|Bestätigungscode|Einmalcode|(?:security|verification|confirmation|one[ -]time)[ -]code)(?:[ -]?(?:Nummer|Nr\.?|Code|number|no\.))?(?:\s*[:=]|\s+(?:lautet|ist|war|is|was))?\s*["'„“]?)(?:\d{3}[ -]\d{3}|\d{3,})\b"#;

const PASSWORD: &str = r#"(?i)\b(passwor[dt]e?|kennwort|passphrase|passwd|pwd|pw|pin|zugangscode|auth-?(?:info-?)?code|(?:api|secret)[ _-]?key|(?:aws_)?secret[ _]access[ _]key|token|secret)\b(\s*["“”]?\s*(?::|=|\blautet\b|\bist\b|\bis\b|\bwar\b|\bwas\b)\s*|\s+)["'„“»]?([^\s"'„“”»«<>]+)["'“”«]?"#;

/// Blocks and tokens, in which anything else could be found.
pub(super) fn whole() -> Vec<Step> {
    vec![(regex(BLOCK), |_| whole_of("secret")), (regex(TOKEN), |_| whole_of("secret"))]
}

/// What stands behind a word that announces it.
pub(super) fn announced() -> Vec<Step> {
    vec![(regex(CODE), |c| format!("{}<secret>", &c[1])), (regex(PASSWORD), password)]
}

/// What is behind "password": behind a colon anything, behind "is" or nothing only what looks like a secret.
fn password(c: &Captures<'_>) -> String {
    let (word, between, value) = (&c[1], &c[2], &c[3]);
    let sure = between.contains([':', '=']) || between.to_lowercase().contains("lautet");
    let core = value.trim_end_matches(['.', ',', '!', '?']);
    let has = |test: fn(char) -> bool| core.chars().any(test);
    let mixed = has(char::is_numeric) && has(char::is_alphabetic)
        || core.chars().skip(1).any(char::is_uppercase) && has(char::is_lowercase)
        || core.contains(|c: char| "!$%&/=?*#_~^|\\+".contains(c));
    // What MySQL says of every refused login: `(using password: YES)`.
    let is_said = matches!(core.trim_end_matches(')'), "YES" | "NO");
    if (sure || mixed) && !is_said { format!("{word}{between}<secret>") } else { c[0].to_owned() }
}
