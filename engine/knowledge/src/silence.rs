//! Whom nobody hears of: customers whose problems were repaired before they wrote, and customers who never write.
//!
//! Start at [`report`]. Silence may be contentment or resignation; who was spared trouble without knowing it is worth a
//! note, who is never heard of is worth a question.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heinzel_core::customer::{Customer, CustomerId};
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::run::{End, Stage};
use heinzel_core::ticket::Sent;
use heinzel_core::time::Timestamp;
use serde::Serialize;

/// What the words of a report mean.
pub const DEFINITIONS: [(&str, &str); 4] = [
    (
        "repaired_silently",
        "Incidents in the range that concerned a customer and were resolved by a fix (a plan that was carried out and whose checks held), where the customer sent no ticket from the incident's beginning until 72 hours after its end.",
    ),
    (
        "never_heard_of",
        "Customers in the shop's list of whom there is neither a ticket nor a draft with their name, as far back as is remembered.",
    ),
    (
        "note",
        "Candidates for a note of what was repaired: it was high or critical, came more than once, or lasted longer than 15 minutes. Who wrote a ticket in the range is left out: they are in contact already.",
    ),
    ("survey", "Candidates for a question how they fare: customers for a year or longer, with assets, never heard of."),
];

/// So long after the end of an incident a ticket may be about it.
const LATER: Duration = Duration::from_secs(72 * 3600);
/// A shorter outage goes unnoticed.
const NOTICEABLE: Duration = Duration::from_secs(15 * 60);
/// So long a customer is worth a question.
const LONG: Duration = Duration::from_secs(365 * 86_400);

/// An incident, as far as this report needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The incident.
    pub incident: IncidentId,
    /// Its title.
    pub title: String,
    /// Whom it concerned.
    pub customers: BTreeSet<CustomerId>,
    /// When it began.
    pub opened: Timestamp,
    /// When it was over.
    pub resolved: Timestamp,
    /// It was high or critical.
    pub is_severe: bool,
}

impl Repair {
    /// Of an incident that a fix resolved; `None` of any other.
    #[must_use]
    pub fn of(incident: &Incident) -> Option<Self> {
        // Checks may hold without a step having been needed: then nobody repaired anything.
        let was_fixed = incident
            .run
            .as_ref()
            .is_some_and(|run| run.touched && matches!(run.stage, Stage::Over { end: End::Verified, .. }));
        let resolved = incident.resolved_at.filter(|_| incident.is_resolved() && was_fixed)?;
        Some(Self {
            incident: incident.id,
            title: incident.title.clone(),
            customers: incident.customers.clone(),
            opened: incident.opened,
            resolved,
            is_severe: incident.severity >= heinzel_core::severity::Severity::High,
        })
    }
}

/// A customer whose problems were repaired without a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spared {
    /// Who.
    pub customer: CustomerId,
    /// The incidents, with title and the minutes that they lasted.
    pub repairs: Vec<(IncidentId, String, u64)>,
    /// Why a note would be good; empty: none would.
    pub note: Vec<&'static str>,
}

/// A customer never heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// Who.
    pub customer: CustomerId,
    /// Customer since then.
    pub since: Option<Timestamp>,
    /// When the shop saw them last.
    pub last_seen: Option<Timestamp>,
    /// How many assets they have.
    pub assets: usize,
    /// Why a question would be good; empty: none would.
    pub survey: Vec<&'static str>,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// From then on.
    pub from: Timestamp,
    /// Up to then.
    pub until: Timestamp,
    /// Customers in the shop's list.
    pub customers: usize,
    /// Repairs that nobody wrote about, counted by customer.
    pub repaired_silently: Vec<Spared>,
    /// Repairs that a customer did write about, as (incident, customer).
    pub repaired_with_contact: usize,
    /// Repairs younger than 72 hours: a ticket may still come.
    pub too_young: usize,
    /// Customers never heard of.
    pub never_heard_of: Vec<Silent>,
    /// What the words mean.
    pub definitions: BTreeMap<&'static str, &'static str>,
}

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Repairs that ended in the range.
    pub repairs: &'a [Repair],
    /// Tickets from the beginning of the first repair on.
    pub sent: &'a [Sent],
    /// The shop's list.
    pub customers: &'a [Customer],
    /// How many assets each has.
    pub assets: &'a BTreeMap<CustomerId, usize>,
    /// Who was ever heard of.
    pub heard: &'a BTreeSet<CustomerId>,
}

/// Whom nobody heard of, by repairs that ended between `from` and `until`, at the time `now`.
#[must_use]
pub fn report(known: &Known<'_>, (from, until): (Timestamp, Timestamp), now: Timestamp) -> Report {
    let mut tickets: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for sent in known.sent {
        if let Some(customer) = &sent.customer {
            tickets.entry(customer).or_default().push(sent.created);
        }
    }
    let wrote = |customer: &str, from: Timestamp, until: Timestamp| {
        tickets.get(customer).is_some_and(|times| times.iter().any(|at| *at >= from && *at < until))
    };
    let mut spared: BTreeMap<&str, Vec<&Repair>> = BTreeMap::new();
    let (mut with_contact, mut too_young) = (0, 0);
    for repair in known.repairs.iter().filter(|repair| repair.resolved >= from && repair.resolved < until) {
        for customer in &repair.customers {
            if wrote(customer, repair.opened, repair.resolved + LATER) {
                with_contact += 1;
            } else if now < repair.resolved + LATER {
                too_young += 1;
            } else {
                spared.entry(customer).or_default().push(repair);
            }
        }
    }
    let mut repaired_silently: Vec<Spared> = spared
        .into_iter()
        .map(|(customer, repairs)| Spared {
            customer: customer.to_owned(),
            note: if wrote(customer, from, now) { Vec::new() } else { reasons(&repairs) },
            repairs: repairs.into_iter().map(told).collect(),
        })
        .collect();
    repaired_silently.sort_by(|a, b| {
        (b.note.len(), b.repairs.len()).cmp(&(a.note.len(), a.repairs.len())).then_with(|| a.customer.cmp(&b.customer))
    });
    let mut never_heard_of: Vec<Silent> = known
        .customers
        .iter()
        .filter(|customer| !known.heard.contains(&customer.id))
        .map(|customer| silent(customer, known.assets.get(&customer.id).copied().unwrap_or(0), now))
        .collect();
    never_heard_of.sort_by(|a, b| {
        (b.survey.len(), b.assets).cmp(&(a.survey.len(), a.assets)).then_with(|| a.customer.cmp(&b.customer))
    });
    Report {
        from,
        until,
        customers: known.customers.len(),
        repaired_silently,
        repaired_with_contact: with_contact,
        too_young,
        never_heard_of,
        definitions: DEFINITIONS.into_iter().collect(),
    }
}

fn told(repair: &Repair) -> (IncidentId, String, u64) {
    (repair.incident, repair.title.clone(), repair.resolved.since(repair.opened).as_secs() / 60)
}

/// Why a note would be good.
fn reasons(repairs: &[&Repair]) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if repairs.iter().any(|repair| repair.is_severe) {
        reasons.push("severe");
    }
    if repairs.len() > 1 {
        reasons.push("more than once");
    }
    if repairs.iter().any(|repair| repair.resolved.since(repair.opened) > NOTICEABLE) {
        reasons.push("longer than 15 minutes");
    }
    reasons
}

fn silent(customer: &Customer, assets: usize, now: Timestamp) -> Silent {
    let is_old = customer.since.is_some_and(|since| now.since(since) >= LONG);
    let survey = if is_old && assets > 0 { vec!["customer for over a year", "has assets"] } else { Vec::new() };
    let Customer { id, since, last_seen, .. } = customer;
    Silent { customer: id.clone(), since: *since, last_seen: *last_seen, assets, survey }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_seconds(hours * 3600)
    }

    fn repair(incident: IncidentId, customers: &[&str], opened: i64, minutes: i64, is_severe: bool) -> Repair {
        Repair {
            incident,
            title: "nginx is dead".into(),
            customers: customers.iter().map(|&id| id.into()).collect(),
            opened: at(opened),
            resolved: Timestamp::from_seconds(opened * 3600 + minutes * 60),
            is_severe,
        }
    }

    fn sent(customer: &str, hours: i64) -> Sent {
        Sent { id: "t".into(), customer: Some(customer.into()), draft: None, created: at(hours) }
    }

    fn find(repairs: &[Repair], sent: &[Sent]) -> Report {
        let (assets, heard) = (BTreeMap::new(), BTreeSet::new());
        let known = Known { repairs, sent, customers: &[], assets: &assets, heard: &heard };
        report(&known, (at(0), at(500)), at(1000))
    }

    #[test]
    fn a_repair_is_silent_when_no_ticket_came_within_72_hours() {
        let repairs = [repair(7, &["kim", "lee"], 100, 5, true)];
        let found = find(&repairs, &[sent("kim", 101 + 70)]);
        assert_eq!((found.repaired_silently.len(), found.repaired_with_contact), (1, 1));
        assert_eq!(found.repaired_silently[0].customer, "lee");
        assert_eq!(found.repaired_silently[0].repairs, [(7, "nginx is dead".to_owned(), 5)]);
        for unrelated in [99, 100 + 73] {
            assert_eq!(find(&repairs, &[sent("kim", unrelated)]).repaired_silently.len(), 2, "{unrelated}");
        }
        // While it was open they wrote: that is contact.
        assert_eq!(find(&[repair(7, &["kim"], 100, 600, true)], &[sent("kim", 105)]).repaired_with_contact, 1);
    }

    #[test]
    fn a_note_needs_a_reason_and_a_customer_who_is_not_in_contact() {
        let note = |repairs: &[Repair], sent: &[Sent]| find(repairs, sent).repaired_silently[0].note.clone();
        assert!(note(&[repair(1, &["kim"], 100, 5, false)], &[]).is_empty());
        assert_eq!(note(&[repair(1, &["kim"], 100, 16, true)], &[]), ["severe", "longer than 15 minutes"]);
        let twice = [repair(1, &["kim"], 100, 5, false), repair(2, &["kim"], 200, 5, false)];
        assert_eq!(note(&twice, &[]), ["more than once"]);
        assert!(note(&[repair(1, &["kim"], 100, 16, true)], &[sent("kim", 400)]).is_empty());
    }

    #[test]
    fn what_just_ended_is_not_silent_yet() {
        let (assets, heard) = (BTreeMap::new(), BTreeSet::new());
        let repairs = [repair(1, &["kim"], 100, 0, true)];
        let known = Known { repairs: &repairs, sent: &[], customers: &[], assets: &assets, heard: &heard };
        let found = report(&known, (at(0), at(500)), at(100 + 71));
        assert_eq!((found.too_young, found.repaired_silently.len()), (1, 0));
    }

    #[test]
    fn who_was_never_heard_of_is_listed_and_old_customers_are_asked() {
        let customer = |id: &str, since| Customer { id: id.into(), since: Some(at(since)), ..Customer::default() };
        let customers = [customer("old", 0), customer("new", 9_000), customer("heard", 0), customer("empty", 0)];
        let assets = BTreeMap::from([("old".into(), 2), ("new".into(), 1), ("heard".into(), 1)]);
        let heard = BTreeSet::from(["heard".to_owned()]);
        let known = Known { repairs: &[], sent: &[], customers: &customers, assets: &assets, heard: &heard };
        let found = report(&known, (at(0), at(1)), at(9_500)).never_heard_of;
        let names: Vec<(&str, bool)> = found.iter().map(|one| (&*one.customer, !one.survey.is_empty())).collect();
        assert_eq!(names, [("old", true), ("new", false), ("empty", false)]);
    }
}
