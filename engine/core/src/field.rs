//! Typed captures. A captured text is hostile until its declared type has accepted it.
//!
//! Start at [`FieldType::accept`]. Every refusal names its reason; `text` accepts anything and never reaches a step.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The declared type of a captured field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum FieldType {
    /// A name: letters, digits, `_ . : @ + -`, not beginning with `-` or `.`; at most 128 bytes.
    Ident,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A host name (RFC 1123) or an address.
    Host,
    /// A systemd unit name with its suffix (systemd.unit(5)).
    Unit,
    /// An absolute path without `..`, `*`, control characters or a component beginning with `-`.
    Path,
    /// An e-mail address in its plain form, at most 254 bytes (RFC 5321 section 4.5.3.1.3).
    Email,
    /// A domain name with at least one dot, at most 253 bytes (RFC 1035 section 2.3.4).
    Domain,
    /// A system or mailbox user name: like `ident`, and `@`-less names may contain no `:`.
    User,
    /// A length of time (`10m`, `1.5s`, or bare seconds). The value is in seconds.
    Duration,
    /// A size (`10`, `10K`, `2.5GB`; powers of 1024). The value is in bytes.
    Size,
    /// One of the listed words.
    Enum(Vec<String>),
    /// Anything. Kept for people to read; never handed to a script's fix, verify or rollback.
    Text,
}

impl FieldType {
    /// The words that stand for the types, for messages and references.
    pub const WORDS: &'static str =
        "ident, int, float, ip, host, unit, path, email, domain, user, duration, size, enum(a,b), text";
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ident => "ident",
            Self::Int => "int",
            Self::Float => "float",
            Self::Ip => "ip",
            Self::Host => "host",
            Self::Unit => "unit",
            Self::Path => "path",
            Self::Email => "email",
            Self::Domain => "domain",
            Self::User => "user",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::Text => "text",
            Self::Enum(words) => return write!(f, "enum({})", words.join(",")),
        })
    }
}

impl From<FieldType> for String {
    fn from(kind: FieldType) -> Self {
        kind.to_string()
    }
}

/// The word is no field type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no field type; the types are {words}", words = FieldType::WORDS)]
pub struct NotAFieldType(String);

impl TryFrom<String> for FieldType {
    type Error = NotAFieldType;
    fn try_from(word: String) -> Result<Self, NotAFieldType> {
        word.parse()
    }
}

impl std::str::FromStr for FieldType {
    type Err = NotAFieldType;
    fn from_str(word: &str) -> Result<Self, NotAFieldType> {
        Ok(match word.trim() {
            "ident" => Self::Ident,
            "int" => Self::Int,
            "float" => Self::Float,
            "ip" => Self::Ip,
            "host" => Self::Host,
            "unit" => Self::Unit,
            "path" => Self::Path,
            "email" => Self::Email,
            "domain" => Self::Domain,
            "user" => Self::User,
            "duration" => Self::Duration,
            "size" => Self::Size,
            "text" => Self::Text,
            other => {
                let words = other.strip_prefix("enum(").and_then(|rest| rest.strip_suffix(')'));
                let words: Vec<String> = words
                    .unwrap_or_default()
                    .split(',')
                    .map(|w| w.trim().to_owned())
                    .filter(|w| !w.is_empty())
                    .collect();
                if words.is_empty() {
                    return Err(NotAFieldType(word.to_owned()));
                }
                Self::Enum(words)
            }
        })
    }
}

/// A field's accepted value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number; sizes in bytes.
    Int(i64),
    /// A number; durations in seconds.
    Float(f64),
    /// Anything that is kept as text.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ValueRef::from(self).fmt(f)
    }
}

/// A [`Value`] whose text stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// A whole number; sizes in bytes.
    Int(i64),
    /// A number; durations in seconds.
    Float(f64),
    /// Anything that is kept as text.
    Text(&'a str),
}

impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Int(number) => Self::Int(number),
            ValueRef::Float(number) => Self::Float(number),
            ValueRef::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Int(number) => Self::Int(*number),
            Value::Float(number) => Self::Float(*number),
            Value::Text(text) => Self::Text(text),
        }
    }
}

/// A captured text did not fit its declared type; the finding is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct NotAccepted {
    /// Why, in words that fit behind the field's name.
    pub reason: String,
}

/// The reason, before it is put into words: most hosts and programs that are refused are never spoken of.
#[derive(Clone, Copy)]
enum Why<'k> {
    Says(&'static str),
    LongerThan(usize),
    /// It contains this, which nothing of this kind does.
    Has(char, &'k dyn fmt::Display),
    NoneOf(&'k [String]),
}

fn refuse<'k, T>(says: &'static str) -> Result<T, Why<'k>> {
    Err(Why::Says(says))
}

impl From<Why<'_>> for NotAccepted {
    fn from(why: Why<'_>) -> Self {
        let reason = match why {
            Why::Says(reason) => reason.to_owned(),
            Why::LongerThan(limit) => format!("is longer than {limit} bytes"),
            Why::Has(c, kind) => format!("contains `{}`, which no {kind} has", c.escape_default()),
            Why::NoneOf(words) => format!("is none of {}", words.join(", ")),
        };
        Self { reason }
    }
}

impl FieldType {
    /// Turns a captured text into a value of this type.
    ///
    /// # Errors
    /// [`NotAccepted`] with the named reason.
    pub fn accept(&self, text: &str) -> Result<Value, NotAccepted> {
        self.check(text).map(Value::from)
    }

    /// The same, without a copy of the text.
    ///
    /// # Errors
    /// [`NotAccepted`] with the named reason.
    pub fn check<'a>(&self, text: &'a str) -> Result<ValueRef<'a>, NotAccepted> {
        self.look(text).map_err(NotAccepted::from)
    }

    /// Whether it is a value of this type.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        self.look(text).is_ok()
    }

    fn look<'a>(&self, text: &'a str) -> Result<ValueRef<'a>, Why<'_>> {
        if *self == Self::Text {
            return Ok(ValueRef::Text(text));
        }
        if text.is_empty() {
            return refuse("is empty");
        }
        if text.chars().any(char::is_control) {
            return refuse("contains a control character");
        }
        let numeric = matches!(self, Self::Int | Self::Float);
        if text.starts_with('-') && !numeric {
            return refuse("begins with `-`, which programs read as an option");
        }
        let keep = |limit: usize| {
            if text.len() > limit { Err(Why::LongerThan(limit)) } else { Ok(ValueRef::Text(text)) }
        };
        let only = |fits: fn(char) -> bool, limit: usize| match text.chars().find(|&c| !fits(c)) {
            Some(c) => Err(Why::Has(c, self)),
            None => keep(limit),
        };
        match self {
            Self::Text => keep(usize::MAX),
            Self::Ident if text.starts_with('.') => refuse("begins with `.`"),
            Self::Ident => only(|c| c.is_ascii_alphanumeric() || "_.:@+-".contains(c), 128),
            Self::User if !text.contains('@') && text.contains(':') => refuse("contains `:`, which no user has"),
            Self::User if text.starts_with('.') => refuse("begins with `.`"),
            Self::User => only(|c| c.is_ascii_alphanumeric() || "_.@+-".contains(c), 254),
            Self::Int => text.parse().map(ValueRef::Int).or_else(|_| refuse("is not a whole number")),
            Self::Float => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(ValueRef::Float(number)),
                _ => refuse("is not a number"),
            },
            Self::Ip => match text.parse::<IpAddr>() {
                Ok(_) => keep(64),
                Err(_) => refuse("is not an IP address"),
            },
            Self::Host if text.parse::<IpAddr>().is_ok() => keep(64),
            Self::Host => is_domain(text).and_then(|()| keep(253)),
            Self::Domain if !text.trim_end_matches('.').contains('.') => refuse("is not a domain name: it has no dot"),
            Self::Domain => is_domain(text.trim_end_matches('.')).and_then(|()| keep(254)),
            Self::Unit => unit(text).and_then(|()| keep(255)),
            // A step may remove files by a pattern; only the rule's author may write one.
            Self::Path if text.contains('*') => refuse("contains `*`, which steps read as a pattern"),
            Self::Path => path(text).and_then(|()| keep(4096)),
            Self::Email => match text.rsplit_once('@') {
                Some((local, domain)) if !local.is_empty() && local.len() <= 64 => {
                    if let Some(c) =
                        local.chars().find(|c| !c.is_ascii_alphanumeric() && !"!#$%&'*+/=?^_`{|}~.-".contains(*c))
                    {
                        return Err(Why::Has(c, &"plain address"));
                    }
                    // What means something to a shell, a pattern or a path: rules put addresses into paths.
                    if local.contains(['/', '`', '$', '*', '?', '{', '}', '|', '&', '!']) {
                        return refuse("has a local part that is legal but not accepted here");
                    }
                    is_domain(domain).and_then(|()| keep(254))
                }
                _ => refuse("is not an e-mail address"),
            },
            Self::Duration => seconds(text),
            Self::Size => bytes(text),
            Self::Enum(words) if words.iter().any(|w| w == text) => keep(usize::MAX),
            Self::Enum(words) => Err(Why::NoneOf(words)),
        }
    }
}

fn is_domain<'k>(text: &str) -> Result<(), Why<'k>> {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) { Ok(()) } else { refuse("is not a host or domain name") }
}

/// Whether `text` is a whole systemd unit name.
///
/// # Errors
/// [`NotAccepted`] with the reason.
pub fn is_unit(text: &str) -> Result<(), NotAccepted> {
    unit(text).map_err(NotAccepted::from)
}

/// How names of units end (systemd.unit(5)).
pub(crate) const UNIT_SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

fn unit<'k>(text: &str) -> Result<(), Why<'k>> {
    if !UNIT_SUFFIXES.iter().any(|s| text.len() > s.len() && text.ends_with(s)) {
        return refuse("is not a unit name: it lacks a suffix such as `.service`");
    }
    if text.starts_with('-') && text != "-.mount" && text != "-.slice" {
        return refuse("begins with `-`, which programs read as an option");
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !":-_.\\@".contains(*c)) {
        Some(c) => Err(Why::Has(c, &"unit name")),
        None => Ok(()),
    }
}

/// Whether `text` is an absolute path that stays where it says.
///
/// # Errors
/// [`NotAccepted`] with the reason.
pub fn is_path(text: &str) -> Result<(), NotAccepted> {
    path(text).map_err(NotAccepted::from)
}

fn path<'k>(text: &str) -> Result<(), Why<'k>> {
    if !text.starts_with('/') {
        return refuse("is not an absolute path");
    }
    if text.chars().any(char::is_control) {
        return refuse("contains a control character");
    }
    if text.split('/').any(|part| part == "..") {
        return refuse("contains `/../`, which leaves the folder it names");
    }
    if text.split('/').any(|part| part.starts_with('-')) {
        return refuse("has a part that begins with `-`, which programs read as an option");
    }
    Ok(())
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..split].parse::<f64>().ok().filter(|n| n.is_finite())?;
    Some((number, text[split..].trim()))
}

fn seconds<'k>(text: &str) -> Result<ValueRef<'static>, Why<'k>> {
    let factor = |unit: &str| {
        Some(match unit {
            "us" | "µs" | "usec" => 1e-6,
            "ms" | "msec" => 1e-3,
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        })
    };
    match number_and_unit(text).and_then(|(n, unit)| Some(n * factor(unit)?)) {
        Some(number) if number.is_finite() => Ok(ValueRef::Float(number)),
        _ => refuse("is not a length of time"),
    }
}

fn bytes<'k>(text: &str) -> Result<ValueRef<'static>, Why<'k>> {
    let factor = |unit: &str| {
        let unit = unit.to_ascii_lowercase();
        let unit = unit.strip_suffix("bytes").or(unit.strip_suffix("ib")).or(unit.strip_suffix('b')).unwrap_or(&unit);
        Some(match unit.trim() {
            "" => 1.0,
            "k" => 1024.0,
            "m" => 1024.0 * 1024.0,
            "g" => 1024.0 * 1024.0 * 1024.0,
            "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => return None,
        })
    };
    match number_and_unit(text).and_then(|(n, unit)| Some(n * factor(unit)?)) {
        #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
        Some(number) if number < 9e18 => Ok(ValueRef::Int(number as i64)),
        _ => refuse("is not a size"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, text: &str, expected: &str) {
        let kind: FieldType = kind.parse().unwrap();
        let said = match kind.accept(text) {
            Ok(value) => format!("= {value}"),
            Err(no) => no.to_string(),
        };
        assert_eq!(said, expected, "{kind} {text:?}");
    }

    #[test]
    fn accepts_what_it_says() {
        check("ident", "www-data", "= www-data");
        check("int", "-12", "= -12");
        check("float", "1.5", "= 1.5");
        check("ip", "2001:db8::1", "= 2001:db8::1");
        check("host", "web1", "= web1");
        check("unit", "php8.2-fpm.service", "= php8.2-fpm.service");
        check("path", "/var/log/nginx/error.log", "= /var/log/nginx/error.log");
        check("email", "kim@example.com", "= kim@example.com");
        check("domain", "example.com.", "= example.com.");
        check("duration", "1.5s", "= 1.5");
        check("duration", "2h", "= 7200");
        check("size", "2K", "= 2048");
        check("size", "1.5GB", "= 1610612736");
        check("enum(on,off)", "on", "= on");
        check("text", "$(rm -rf /)\u{1b}[2J", "= $(rm -rf /)\u{1b}[2J");
    }

    #[test]
    fn what_is_stored_comes_back_to_the_last_digit() {
        for value in [Value::Float(5.000_000_000_000_001e54), Value::Float(0.1), Value::Int(i64::MIN)] {
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value, "{json}");
        }
    }

    #[test]
    fn hostile_text_is_refused_with_the_named_reason() {
        check("ident", "-rf", "begins with `-`, which programs read as an option");
        check("ident", "www;reboot", "contains `;`, which no ident has");
        check("ident", "a\u{1b}[31m", "contains a control character");
        check("ident", "", "is empty");
        check("ident", "../etc", "begins with `.`");
        check("user", "$(id)", "contains `$`, which no user has");
        check("path", "/srv/../etc/shadow", "contains `/../`, which leaves the folder it names");
        check("path", "etc/passwd", "is not an absolute path");
        check("path", "/srv/-rf", "has a part that begins with `-`, which programs read as an option");
        check("path", "/srv/\0x", "contains a control character");
        check("path", "/var/cache/nginx/*", "contains `*`, which steps read as a pattern");
        check("email", "*@example.com", "has a local part that is legal but not accepted here");
        check("email", "a|b@example.com", "has a local part that is legal but not accepted here");
        check("duration", &format!("{}d", "9".repeat(308)), "is not a length of time");
        check("unit", "nginx", "is not a unit name: it lacks a suffix such as `.service`");
        check("unit", "a b.service", "contains ` `, which no unit name has");
        check("int", "12; DROP TABLE", "is not a whole number");
        check("float", "NaN", "is not a number");
        check("domain", "localhost", "is not a domain name: it has no dot");
        check("host", "<script>", "is not a host or domain name");
        check("enum(on,off)", "maybe", "is none of on, off");
        check("email", "`id`@example.com", "has a local part that is legal but not accepted here");
        check("ident", &"x".repeat(129), "is longer than 128 bytes");
    }

    #[test]
    fn types_print_as_they_are_written() {
        for word in ["ident", "enum(a,b)", "size", "text"] {
            assert_eq!(word.parse::<FieldType>().unwrap().to_string(), word);
        }
        assert!("enum()".parse::<FieldType>().is_err());
        assert!("string".parse::<FieldType>().is_err());
    }
}
