//! What suggestions spare customers and support: counted without flattery.
//!
//! Start at [`report`]; [`is_held_out`] says who sees no suggestions, which alone makes an honest comparison possible.
//!
//! # What is counted
//! [`DEFINITIONS`] says it in words, and every report carries them. In short: a draft for which something was found and
//! shown came to exactly one [`Outcome`]; "that solved it" is taken back when the same customer sends a ticket within 72
//! hours; a draft that was simply left is no success, whatever it was. Drafts younger than 72 hours are not counted yet.
//! It counts what a draft ever was shown, not what the last look found: who was helped may well empty the form.
//! The comparison looks at all drafts for which something was found, and asks in both groups alike: how many were followed
//! by a ticket within 72 hours?

use std::collections::BTreeMap;
use std::time::Duration;

use heinzel_core::draft::{Deed, Draft, DraftId, Feedback, Nothing, Owner};
use heinzel_core::ticket::Sent;
use heinzel_core::time::Timestamp;
use serde::Serialize;

mod interval;

pub use interval::{Interval, Rate};

/// So long after a draft a ticket of the same customer counts as one about it.
pub(crate) const RETURN: Duration = Duration::from_secs(72 * 3600);

/// What the words of a report mean.
pub const DEFINITIONS: [(&str, &str); 13] = [
    ("drafts", "Drafts last edited in the range, and at least 72 hours ago, for which suggestions were computed."),
    (
        "with_suggestions",
        "Those for which at least one item was found and shown, at any time while they were written. The outcomes below are theirs, one each.",
    ),
    ("nothing", "Those that never were shown an item, by why the last look showed none."),
    (
        "solved",
        "The customer pressed \"that solved it\", and neither this draft was sent nor did the same customer send any ticket within 72 hours. An anonymous customer's later ticket cannot be recognised.",
    ),
    (
        "returned",
        "The customer pressed \"that solved it\", but the draft was sent all the same, or the same customer sent a ticket within 72 hours.",
    ),
    ("sent", "The draft was sent as a ticket."),
    (
        "dismissed",
        "The customer said of an item that it does not fit, of none that it solved the problem, and the draft was not sent.",
    ),
    ("opened", "The customer opened an item, said nothing of any, and the draft was not sent. Not counted as solved."),
    ("abandoned", "No click at all, and the draft was not sent. Not counted as solved: nobody knows why it was left."),
    (
        "later_ticket",
        "Of an outcome's drafts: how many were followed by another ticket of the same customer within 72 hours.",
    ),
    (
        "held_out",
        "Drafts of the share that is shown nothing, for which an item was found at any time while they were written; for comparison.",
    ),
    (
        "ticket_rate",
        "Of all drafts for which something was found at any time: the share that was sent, or followed by a ticket of the same customer within 72 hours; for those who saw suggestions and for those held out. Customers, not drafts, are the units of the interval (95 %): who writes often does not count often.",
    ),
    (
        "deflected",
        "The ticket rate of those held out, less that of those who saw suggestions. Only this difference says what suggestions spare; where its interval holds 0, nothing is proven.",
    ),
];

/// Whether a draft sees no suggestions: by a hash of its customer, or of the draft where there is none. Stable, so that a
/// customer is always in the same group; `share` is between 0 and 1.
#[must_use]
pub fn is_held_out(owner: &Owner, draft: &str, share: f64) -> bool {
    let (kind, unit) = match owner {
        Owner::Customer(id) => (1, id.as_str()),
        Owner::Key(_) => (2, draft),
    };
    // FNV-1a, then the finisher of SplitMix64, so that similar ids fall far apart. Not a secret: nobody gains by it.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in std::iter::once(kind).chain(unit.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    // The upper 53 bits are an exact fraction.
    let fraction = (hash >> 11) as f64 / (1_u64 << 53) as f64;
    fraction < share
}

/// What became of a draft with suggestions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Said to be solved, and no ticket came.
    Solved,
    /// Said to be solved, and a ticket came.
    Returned,
    /// Sent as a ticket.
    Sent,
    /// An item was said not to fit, and nothing better followed.
    Dismissed,
    /// An item was opened, nothing else.
    Opened,
    /// Nothing at all.
    Abandoned,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Solved, Self::Returned, Self::Sent, Self::Dismissed, Self::Opened, Self::Abandoned];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Returned => "returned",
            Self::Sent => "sent",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// How many drafts came to an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Drafts.
    pub drafts: u64,
    /// Of them, without a known customer: a later ticket of theirs cannot be recognised.
    pub anonymous: u64,
    /// Of them, followed by another ticket of the same customer within 72 hours.
    pub later_ticket: u64,
}

/// What one answer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OfAnswer {
    /// Drafts for which it came first, in the list that was shown last.
    pub first: u64,
    /// Drafts for which it was opened.
    pub opened: u64,
    /// Drafts that it solved, by the customer's word, less those that came back.
    pub solved: u64,
    /// Drafts for which it came first and that were sent.
    pub sent: u64,
}

/// The two groups side by side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Those who saw suggestions.
    pub shown: Rate,
    /// Those who were shown nothing.
    pub held_out: Rate,
    /// The difference: what suggestions spare.
    pub deflected: Interval,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// From then on.
    pub from: Timestamp,
    /// Up to then, at most 72 hours ago.
    pub until: Timestamp,
    /// Drafts.
    pub drafts: u64,
    /// Of them, with suggestions.
    pub with_suggestions: u64,
    /// What became of these.
    pub outcomes: BTreeMap<Outcome, Count>,
    /// Drafts that were shown nothing although something was found, for comparison.
    pub held_out: u64,
    /// Drafts that never were shown an item, by the reason of the last look.
    pub nothing: BTreeMap<&'static str, u64>,
    /// The comparison; absent without both groups.
    pub ticket_rate: Option<Comparison>,
    /// By answer or item, the most frequent first.
    pub answers: Vec<(String, OfAnswer)>,
    /// Drafts in the range that are younger than 72 hours and therefore not counted.
    pub too_young: u64,
    /// What the words mean.
    pub definitions: BTreeMap<&'static str, &'static str>,
}

/// Counts drafts last edited between `from` and `until`, at the time `now`. `shown` says what came first in the list that a
/// draft was shown last. `shown`, `feedback` and `sent` must reach from the first draft's beginning to 72 hours beyond the
/// range; drafts outside it are left out here.
#[must_use]
pub fn report(
    drafts: &[Draft],
    shown: &BTreeMap<DraftId, String>,
    feedback: &[Feedback],
    sent: &[Sent],
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Report {
    let until_counted = until.min(now - RETURN);
    let facts = Facts::of(feedback, sent);
    let mut report = Report {
        from,
        until: until_counted.max(from),
        drafts: 0,
        with_suggestions: 0,
        outcomes: Outcome::ALL.iter().map(|outcome| (*outcome, Count::default())).collect(),
        held_out: 0,
        nothing: BTreeMap::new(),
        ticket_rate: None,
        answers: Vec::new(),
        too_young: 0,
        definitions: DEFINITIONS.into_iter().collect(),
    };
    let mut answers: BTreeMap<&str, OfAnswer> = BTreeMap::new();
    let mut groups = [interval::Clusters::default(), interval::Clusters::default()];
    for draft in drafts.iter().filter(|draft| draft.last >= from && draft.last < until) {
        if draft.last >= until_counted {
            report.too_young += 1;
            continue;
        }
        report.drafts += 1;
        let first = shown.get(&draft.id).or(shown_now(draft));
        let held_out = first.is_none() && draft.hold_out && draft.nothing != Some(Nothing::Off) && draft.top.is_some();
        if first.is_some() || held_out {
            let unit = draft.owner.customer().unwrap_or(&draft.id);
            groups[usize::from(held_out)].add(unit, facts.is_ticketed(draft));
            report.held_out += u64::from(held_out);
        }
        let Some(first) = first else {
            if let Some(nothing) = draft.nothing {
                *report.nothing.entry(nothing.word()).or_default() += 1;
            }
            continue;
        };
        report.with_suggestions += 1;
        let outcome = facts.outcome(draft);
        let count = report.outcomes.entry(outcome).or_default();
        count.drafts += 1;
        count.anonymous += u64::from(draft.owner.customer().is_none());
        count.later_ticket += u64::from(facts.has_later_ticket(draft));
        let first = answers.entry(first).or_default();
        first.first += 1;
        first.sent += u64::from(matches!(outcome, Outcome::Sent | Outcome::Returned) && facts.is_sent(draft));
        for (answer, deed) in facts.on_answers(draft) {
            let one = answers.entry(answer).or_default();
            match deed {
                Deed::Opened => one.opened += 1,
                Deed::Solved => one.solved += u64::from(outcome == Outcome::Solved),
                Deed::Dismissed | Deed::Sent => {}
            }
        }
    }
    report.answers = answers.into_iter().map(|(answer, count)| (answer.to_owned(), count)).collect();
    report.answers.sort_by(|a, b| b.1.first.cmp(&a.1.first).then_with(|| a.0.cmp(&b.0)));
    let [shown, held_out] = groups.map(|group| group.rate());
    report.ticket_rate = shown.zip(held_out).map(|(shown, held_out)| Comparison {
        shown,
        held_out,
        deflected: interval::difference(held_out, shown),
    });
    report
}

/// What the last look at a draft showed first. Told by the draft itself, as a note of what was shown may be dropped.
fn shown_now(draft: &Draft) -> Option<&String> {
    draft.top.as_ref().filter(|_| draft.nothing.is_none() && !draft.hold_out).map(|top| &top.item)
}

/// Feedback and tickets, to be asked by draft and by customer.
struct Facts<'a> {
    deeds: BTreeMap<&'a str, Vec<&'a Feedback>>,
    by_draft: BTreeMap<&'a str, &'a Sent>,
    by_customer: BTreeMap<&'a str, Vec<&'a Sent>>,
}

impl<'a> Facts<'a> {
    fn of(feedback: &'a [Feedback], sent: &'a [Sent]) -> Self {
        let mut facts = Self { deeds: BTreeMap::new(), by_draft: BTreeMap::new(), by_customer: BTreeMap::new() };
        for one in feedback {
            facts.deeds.entry(&one.draft).or_default().push(one);
        }
        for one in sent {
            if let Some(draft) = &one.draft {
                facts.by_draft.insert(draft, one);
            }
            if let Some(customer) = &one.customer {
                facts.by_customer.entry(customer).or_default().push(one);
            }
        }
        facts
    }

    fn did(&self, draft: &Draft, deed: Deed) -> bool {
        self.deeds.get(&*draft.id).is_some_and(|deeds| deeds.iter().any(|one| one.what == deed))
    }

    fn is_sent(&self, draft: &Draft) -> bool {
        self.by_draft.contains_key(&*draft.id) || self.did(draft, Deed::Sent)
    }

    /// Another ticket of the same customer, from the draft's beginning to 72 hours after its end. From the beginning, since
    /// who gives up a form may write a mail at once.
    fn has_later_ticket(&self, draft: &Draft) -> bool {
        let tickets = draft.owner.customer().and_then(|customer| self.by_customer.get(customer));
        tickets.is_some_and(|tickets| {
            tickets.iter().any(|ticket| {
                ticket.draft.as_ref() != Some(&draft.id)
                    && ticket.created >= draft.first
                    && ticket.created < draft.last + RETURN
            })
        })
    }

    fn is_ticketed(&self, draft: &Draft) -> bool {
        self.is_sent(draft) || self.has_later_ticket(draft)
    }

    fn outcome(&self, draft: &Draft) -> Outcome {
        if self.did(draft, Deed::Solved) {
            if self.is_ticketed(draft) { Outcome::Returned } else { Outcome::Solved }
        } else if self.is_sent(draft) {
            Outcome::Sent
        } else if self.did(draft, Deed::Dismissed) {
            Outcome::Dismissed
        } else if self.did(draft, Deed::Opened) {
            Outcome::Opened
        } else {
            Outcome::Abandoned
        }
    }

    fn on_answers(&self, draft: &Draft) -> impl Iterator<Item = (&'a str, Deed)> {
        let deeds = self.deeds.get(&*draft.id).into_iter().flatten();
        deeds.filter_map(|one| Some((one.answer.as_deref()?, one.what)))
    }
}

#[cfg(test)]
mod tests;
