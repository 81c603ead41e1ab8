//! Contact addresses that nobody reads any more: mail to them comes back, or their customer was long not seen.
//!
//! Start at [`report`]. Nobody should write for two years to someone who left.

use std::time::Duration;

use heinzel_core::customer::{Contact, CustomerId};
use heinzel_core::field::Value;
use heinzel_core::incident::Incident;
use heinzel_core::time::Timestamp;
use serde::Serialize;

/// Why an address is doubted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Doubt {
    /// The mailbox is unknown where it should be.
    Unknown {
        /// How often mail came back.
        times: u32,
        /// The last time.
        at: Timestamp,
    },
    /// The mailbox takes nothing: it is full, and probably not read.
    Full {
        /// How often mail came back.
        times: u32,
        /// The last time.
        at: Timestamp,
    },
    /// Mail came back for another reason.
    Bounced {
        /// How often mail came back.
        times: u32,
        /// The last time.
        at: Timestamp,
        /// Why, as a word for programs.
        reason: String,
    },
    /// Its customer was long not seen.
    Unused {
        /// The last time; `None`: never.
        since: Option<Timestamp>,
    },
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { times, at } => write!(f, "mailbox unknown, {times} times, last {at}"),
            Self::Full { times, at } => write!(f, "mailbox full, {times} times, last {at}"),
            Self::Bounced { times, at, reason } => write!(f, "mail came back ({reason}), {times} times, last {at}"),
            Self::Unused { since: Some(since) } => write!(f, "customer not seen since {since}"),
            Self::Unused { since: None } => f.write_str("customer never seen"),
        }
    }
}

/// A doubted address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubted {
    /// Whose it is.
    pub customer: CustomerId,
    /// The address.
    pub address: String,
    /// Why, the strongest first.
    pub doubts: Vec<Doubt>,
}

/// When an address is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A full mailbox, or another passing reason, is doubted after so many bounces. An unknown one at once.
    pub passing: u32,
    /// Not seen for so long is long.
    pub unused: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { passing: 3, unused: Duration::from_secs(365 * 86_400) }
    }
}

/// The addresses to be looked at, those that surely fail first.
#[must_use]
pub fn report(contacts: &[Contact], limits: &Limits, now: Timestamp) -> Vec<Doubted> {
    let mut doubted: Vec<Doubted> = contacts
        .iter()
        .filter_map(|contact| {
            let doubts = doubts(contact, limits, now);
            let Contact { customer, address, .. } = contact;
            (!doubts.is_empty()).then(|| Doubted { customer: customer.clone(), address: address.clone(), doubts })
        })
        .collect();
    doubted.sort_by_key(|one| (one.doubts.iter().map(weight).min(), one.customer.clone(), one.address.clone()));
    doubted
}

fn weight(doubt: &Doubt) -> u8 {
    match doubt {
        Doubt::Unknown { .. } => 0,
        Doubt::Bounced { .. } => 1,
        Doubt::Full { .. } => 2,
        Doubt::Unused { .. } => 3,
    }
}

fn doubts(contact: &Contact, limits: &Limits, now: Timestamp) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if let Some(at) = contact.bounced_at {
        let times = contact.bounces;
        let reason = contact.bounced_why.as_deref().unwrap_or_default();
        // Who was seen after a mailbox was full has made room, or reads elsewhere.
        let is_over = contact.used_at.is_some_and(|used| used > at);
        match reason {
            "user-unknown" => doubts.push(Doubt::Unknown { times, at }),
            _ if times < limits.passing || is_over => {}
            "quota-exceeded" => doubts.push(Doubt::Full { times, at }),
            _ => doubts.push(Doubt::Bounced { times, at, reason: reason.to_owned() }),
        }
    }
    let is_unused = contact.used_at.is_none_or(|used| now.since(used) >= limits.unused);
    if is_unused {
        doubts.push(Doubt::Unused { since: contact.used_at });
    }
    doubts
}

/// That mail to an address came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// The address.
    pub address: String,
    /// Why, as a word for programs: the last part of the rule's id.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// Rules whose findings say that mail to an address came back.
const RULES: [&str; 2] = ["mail.user-unknown", "mail.quota-exceeded"];
/// Their fields that may hold the address.
const FIELDS: [&str; 3] = ["recipient", "address", "user"];

/// The bounce that an incident tells of, where it does.
#[must_use]
pub fn bounce(incident: &Incident) -> Option<Bounce> {
    let rule = incident.rule.to_string();
    let why = RULES.contains(&&*rule).then(|| rule.rsplit('.').next()).flatten()?;
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.trim_matches(['<', '>']).to_owned()),
        _ => None,
    };
    let field = |name: &&str| incident.cause.fields.get(*name).and_then(text);
    let address = FIELDS.iter().filter_map(field).find(|text| text.split('@').count() == 2)?;
    Some(Bounce { address, why: why.to_owned(), at: incident.last_seen })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_seconds(days * DAY)
    }

    fn contact(bounces: u32, why: &str, bounced: i64, used: Option<i64>) -> Contact {
        Contact {
            customer: "kim".into(),
            address: "kim@example.com".into(),
            bounces,
            bounced_at: (bounces > 0).then(|| at(bounced)),
            bounced_why: (bounces > 0).then(|| why.into()),
            used_at: used.map(at),
        }
    }

    #[track_caller]
    fn check(contact: Contact, expected: &[Doubt]) {
        let found = report(&[contact], &Limits::default(), at(1000));
        assert_eq!(found.first().map_or(&[][..], |one| &one.doubts), expected);
    }

    #[test]
    fn what_surely_fails_is_told_from_what_may_pass() {
        check(contact(0, "", 0, Some(990)), &[]);
        check(contact(1, "user-unknown", 980, Some(990)), &[Doubt::Unknown { times: 1, at: at(980) }]);
        check(contact(2, "quota-exceeded", 995, Some(990)), &[]);
        check(contact(3, "quota-exceeded", 995, Some(990)), &[Doubt::Full { times: 3, at: at(995) }]);
        check(contact(3, "quota-exceeded", 980, Some(990)), &[]);
        let greylisted = Doubt::Bounced { times: 4, at: at(995), reason: "rejected".into() };
        check(contact(4, "rejected", 995, Some(990)), &[greylisted]);
    }

    #[test]
    fn whoever_was_long_not_seen_may_have_left() {
        check(contact(0, "", 0, Some(1000 - 364)), &[]);
        check(contact(0, "", 0, Some(1000 - 365)), &[Doubt::Unused { since: Some(at(635)) }]);
        check(contact(0, "", 0, None), &[Doubt::Unused { since: None }]);
        check(contact(0, "", 0, Some(2000)), &[]);
    }

    #[test]
    fn incidents_of_mail_rules_tell_of_bounces() {
        let incident = |rule: &str, field: &str, value: &str| -> Incident {
            serde_json::from_value(serde_json::json!({
                "id": 1, "rule": rule, "asset": "mailbox:x", "title": "t", "severity": "low", "status": "open",
                "opened": at(1), "opened_at": at(1), "last_seen": at(7), "findings": 10,
                "cause": { "place": { "source": "s", "stream": "s", "offset": 0 }, "message": "m",
                           "fields": { field: value, "count": 3 } },
            }))
            .unwrap()
        };
        let found = bounce(&incident("mail.user-unknown", "address", "kim@example.com"));
        let expected = Bounce { address: "kim@example.com".into(), why: "user-unknown".into(), at: at(7) };
        assert_eq!(found, Some(expected.clone()));
        let found = bounce(&incident("mail.quota-exceeded", "user", "kim@example.com"));
        assert_eq!(found, Some(Bounce { why: "quota-exceeded".into(), ..expected }));
        assert_eq!(bounce(&incident("mail.quota-exceeded", "user", "kim")), None, "no address");
        assert_eq!(bounce(&incident("mail.relay-denied", "address", "kim@example.com")), None);
    }

    #[test]
    fn the_surest_comes_first() {
        let other = Contact { customer: "a".into(), ..contact(0, "", 0, None) };
        let found = report(&[other, contact(1, "user-unknown", 9, Some(999))], &Limits::default(), at(1000));
        assert_eq!(found.iter().map(|one| &*one.customer).collect::<Vec<_>>(), ["kim", "a"]);
    }
}
