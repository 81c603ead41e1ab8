//! One journal entry as `journalctl -o json` writes it.
//!
//! Every value is a text; a value that is not UTF-8 is an array of bytes, a field that occurs several times an array of
//! values, one that is too large `null`. Fields that begin with `_` are journald's own word, the others the program's.

use std::collections::BTreeMap;
use std::fmt;

use heinzel_core::event::{Level, Stamp};
use heinzel_core::time::Timestamp;
use heinzel_core::writer::{self, Writer};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::unit;
use crate::lines::LINE_LIMIT;

/// The fields that are kept.
const KEPT: [&str; 22] = [
    "__CURSOR",
    "__REALTIME_TIMESTAMP",
    "_SOURCE_REALTIME_TIMESTAMP",
    "_HOSTNAME",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "_PID",
    "_UID",
    "SYSLOG_PID",
    "UNIT",
    "_SYSTEMD_UNIT",
    "PRIORITY",
    "MESSAGE",
    "MESSAGE_ID",
    "UNIT_RESULT",
    "EXIT_CODE",
    "EXIT_STATUS",
    "JOB_TYPE",
    "JOB_RESULT",
    "INVOCATION_ID",
    "_TRANSPORT",
    "N_RESTARTS",
];

/// Fields that become attributes, with the attribute's name.
const ATTRIBUTES: [(&str, &str); 8] = [
    ("MESSAGE_ID", "message_id"),
    ("UNIT_RESULT", "unit_result"),
    ("EXIT_CODE", "exit_code"),
    ("EXIT_STATUS", "exit_status"),
    ("JOB_TYPE", "job_type"),
    ("JOB_RESULT", "job_result"),
    ("N_RESTARTS", "restarts"),
    ("_TRANSPORT", "transport"),
];

/// The fields of an entry that Heinzel uses, each with its values.
#[derive(Debug, Default)]
pub struct Entry(BTreeMap<&'static str, Vec<Vec<u8>>>);

/// An entry in our words.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) stamp: Stamp,
    /// The text, as the program wrote it, without a line end.
    pub(super) message: Vec<u8>,
    /// The text was too long and is cut.
    pub(super) cut: bool,
}

impl Entry {
    /// A field's first value, if it is text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        let value = std::str::from_utf8(self.0.get(field)?.first()?).ok()?;
        (!value.is_empty()).then_some(value)
    }

    /// Where it is in the journal.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        self.text("__CURSOR").map(str::to_owned)
    }

    /// When journald received it.
    #[must_use]
    pub fn realtime(&self) -> Option<Timestamp> {
        self.micros("__REALTIME_TIMESTAMP")
    }

    /// Whether systemd itself wrote it, and so its `UNIT` and result fields can be believed: any program may send
    /// fields without `_`, but only the system manager has process id 1.
    #[must_use]
    pub fn is_from_systemd(&self) -> bool {
        self.text("_PID") == Some("1") && self.text("_TRANSPORT") != Some("kernel")
    }

    fn micros(&self, field: &str) -> Option<Timestamp> {
        self.text(field)?.parse().ok().map(Timestamp::from_micros)
    }

    /// What journald says of the process that wrote it. `web_users` are the users that web servers run as.
    fn writer(&self, web_users: &[u32]) -> Writer<'_> {
        // In the kernel's records and journald's own, the user is the one they are about.
        let is_own_word = matches!(self.text("_TRANSPORT"), Some("kernel" | "audit" | "driver"));
        let user = self.text("_UID").filter(|_| !is_own_word).and_then(|number| number.parse().ok());
        let is_web_user = user.is_some_and(|user| web_users.contains(&user));
        Writer { user, unit: self.text("_SYSTEMD_UNIT"), is_web_user }
    }

    /// Turns it into a header and a message. `program` is the operator's word and goes before the entry's own.
    pub(super) fn read(mut self, program: Option<&str>, web_users: &[u32]) -> Read {
        let mut message = self.0.remove("MESSAGE").unwrap_or_default().join(&b'\n');
        while message.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            message.pop();
        }
        let cut = message.len() > LINE_LIMIT;
        message.truncate(LINE_LIMIT);
        let time = self.micros("_SOURCE_REALTIME_TIMESTAMP").or_else(|| self.realtime());
        let about = if self.is_from_systemd() { self.text("UNIT") } else { None };
        let claimed = self.text("SYSLOG_IDENTIFIER").or_else(|| self.text("_COMM"));
        let writer = self.writer(web_users);
        let owned = |field: &str| self.text(field).map(str::to_owned);
        let stamp = Stamp {
            time,
            host: owned("_HOSTNAME"),
            program: program.or_else(|| writer::program(writer, claimed)).map(str::to_owned),
            pid: self.text("_PID").or_else(|| self.text("SYSLOG_PID")).and_then(|pid| pid.parse().ok()),
            unit: about.or_else(|| self.text("_SYSTEMD_UNIT")).map(str::to_owned),
            level: self.text("PRIORITY").and_then(|number| number.parse().ok()).and_then(Level::from_number),
            attributes: ATTRIBUTES
                .iter()
                .filter_map(|(field, name)| Some(((*name).to_owned(), owned(field)?)))
                .collect(),
            task: about.and_then(|unit| unit::task(&self, unit, time)).map(Box::new),
            by_customer: writer::is_customers(writer),
        };
        Read { stamp, message, cut }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Entry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a journal entry")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let mut entry = Entry::default();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match KEPT.iter().find(|kept| **kept == name) {
                        Some(kept) => entry.0.entry(kept).or_default().extend(map.next_value::<Values>()?.0),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(entry)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// All values of one field.
struct Values(Vec<Vec<u8>>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(|item| match item {
            Item::Byte(byte) => Self(vec![vec![byte]]),
            Item::Values(values) => Self(values),
        })
    }
}

/// A byte of an array, or whole values.
enum Item {
    Byte(u8),
    Values(Vec<Vec<u8>>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, an array of bytes, an array of values, or null")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Values(vec![text.as_bytes().to_vec()]))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Item, E> {
        u8::try_from(number).map(Item::Byte).map_err(|_| E::custom("a number over 255 where a byte belongs"))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Item, E> {
        Ok(Item::Values(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        while let Some(item) = items.next_element::<Item>()? {
            match item {
                Item::Byte(byte) => bytes.push(byte),
                Item::Values(more) => values.extend(more),
            }
        }
        if !bytes.is_empty() {
            values.push(bytes);
        }
        Ok(Item::Values(values))
    }
}
