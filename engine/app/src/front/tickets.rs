//! Sent tickets, with what was found; and what customers say of what they were shown.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::draft::{Deed, Draft, Feedback, Origin, Owner};
use heinzel_core::incident::Incident;
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::learned;
use heinzel_server::front::{CustomerClaim, Kept, Refused};
use heinzel_server::ticket::LeftOut;
use heinzel_server::{draft, ticket};
use heinzel_store::Store as _;
use heinzel_store::customers::TicketPut;
use heinzel_store::sqlite::Sqlite;

use super::owners::concerned;
use super::records::kept;
use super::{Desk, busy, or_without};
use crate::clock;
use crate::text::{code, plain};

/// Incidents that a ticket's note tells of.
const TOLD: usize = 3;
/// Lines of an incident's timeline in a note.
const LINES: usize = 20;
/// Incidents that a ticket without an asset is linked to at most.
const PERHAPS: usize = 5;
/// How long after its end an incident may be what such a ticket is about. Where the asset is known,
/// [`FRESH`](crate::board::FRESH) counts.
const JUST: Duration = Duration::from_secs(3600);
/// How long the store is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

impl Desk {
    /// Stores a customer's word and learns from it.
    pub(super) fn heed(&self, owner: &Owner, draft: &str, feedback: draft::Feedback) -> Result<(), Refused> {
        let what = match feedback.what {
            draft::FeedbackKind::Opened => Deed::Opened,
            draft::FeedbackKind::Solved => Deed::Solved,
            draft::FeedbackKind::Dismissed => Deed::Dismissed,
            draft::FeedbackKind::Sent => Deed::Sent,
        };
        let answer = feedback.answer;
        if let Some(answer) = &answer
            && !self.customers.has_shown(draft, answer).map_err(busy)?
        {
            let why = "this was not shown for the draft; send the `id` of one of its items".to_owned();
            return Err(Refused::Invalid { field: "answer".to_owned(), why });
        }
        let word = Feedback { draft: draft.to_owned(), what, answer: answer.clone(), at: clock::now() };
        let new = self.customers.put_feedback(&word).map_err(busy)?;
        if let (Deed::Solved, true, Some(answer), Some(spoken)) = (what, new, answer, self.drafts.spoken(draft)) {
            self.learn(owner, &answer, spoken.language, &spoken.body, Origin::Confirmed);
        }
        Ok(())
    }

    /// The draft becomes an example of the answer, without personal data. Strangers teach nothing: everybody can be one, as
    /// often as they like.
    fn learn(&self, owner: &Owner, answer: &str, language: Language, text: &str, origin: Origin) {
        // An incident's number, or an answer that is gone, teaches nothing.
        if owner.customer().is_none() || self.shelf.get().is_none_or(|books| books.library.get(answer).is_none()) {
            return;
        }
        let Some(names) = self.names_of(owner) else { return };
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let Some(example) = learned::example(answer, Some(language), text, &known, origin) else { return };
        match self.customers.learn(&example, owner) {
            Ok(true) => self.shelf.learned(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "an example could not be learned"),
        }
    }

    /// Whether there is such an answer; while they are being read, there may be.
    fn is_answer(&self, id: &str) -> bool {
        self.shelf.get().is_none_or(|books| books.library.get(id).is_some())
    }

    pub(super) fn take_ticket(&self, sent: ticket::Ticket) -> Result<Kept<ticket::TicketTaken>, Refused> {
        let mut left_out = Vec::new();
        let draft = match &sent.draft_id {
            Some(id) => {
                let known = self.customers.draft(id).map_err(busy)?;
                let became = self.customers.ticket_of_draft(id).map_err(busy)?.filter(|ticket| *ticket != sent.id);
                of_ticket(known, sent.customer.as_deref(), became.is_some()).map_err(|why| left_out.push(why)).ok()
            }
            None => None,
        };
        let draft_id = draft.as_ref().map(|draft| &*draft.id);
        let before = self.customers.ticket(&sent.id).map_err(busy)?;
        let asset = sent.asset.clone().or_else(|| draft.as_ref().and_then(|draft| draft.asset.clone()));
        let asset = asset.or_else(|| before.as_ref().and_then(|before| before.asset.clone()));
        let about = self.about(sent.customer.as_deref(), asset.as_deref(), draft_id);
        // What may be meant is linked once: what comes up later, while the ticket is told of again, is not what it was about.
        let linked: Vec<_> = if before.is_none() { about.all().collect() } else { about.own.iter().collect() };
        let now = clock::now();
        let language = sent.locale.as_deref().and_then(Language::from_locale);
        let named = sent.answer_used.is_some();
        let answer_used = sent.answer_used.filter(|answer| self.is_answer(answer));
        let (mut subject, mut body) = (sent.subject, sent.body);
        if self.settings.retention.ticket_texts.is_zero() {
            (subject, body) = (String::new(), String::new());
        }
        let ticket = Ticket {
            id: sent.id.clone(),
            customer: sent.customer.clone(),
            asset,
            subject,
            body,
            language: language.map(|language| language.code().to_owned()),
            page: sent.page.clone(),
            // Nobody has sent it yet to come; it would be kept for as long.
            created: sent.created_at.map_or(now, |created| created.min(now)),
            draft: draft.map(|draft| draft.id),
            answer_used,
            incidents: linked.into_iter().map(|incident| incident.id).collect(),
        };
        if named && ticket.answer_used.is_none() {
            left_out.push(LeftOut::answer_used());
        }
        let put = self.customers.put_ticket(&ticket).map_err(busy)?;
        self.learn_used(&put);
        let taken = ticket::TicketTaken {
            id: sent.id,
            note: self.note_of(&about),
            incidents: about.all().map(|incident| listed(incident)).collect(),
            left_out,
        };
        Ok(kept(put.put(), taken))
    }

    /// Support used an answer. Whether there is such an answer; of a ticket that is not known, nothing is taken.
    pub(super) fn take_answer(&self, ticket: &str, answer: &str) -> Result<bool, Refused> {
        if !self.is_answer(answer) {
            return Ok(false);
        }
        if let Some(put) = self.customers.answered_ticket(ticket, answer).map_err(busy)? {
            self.learn_used(&put);
        }
        Ok(true)
    }

    /// The ticket becomes an example of the answer that support used for it. By what it says in the store: at an update,
    /// what is told is a later article, or nothing.
    fn learn_used(&self, put: &TicketPut) {
        let ticket = &put.now;
        let newly_used = learned::newly_used(put.before.as_ref(), ticket);
        let (Some(answer), Some(customer)) = (newly_used, ticket.customer.clone()) else { return };
        let language = ticket.language.as_deref().and_then(Language::from_locale).unwrap_or(Language::De);
        let text = format!("{}\n{}", ticket.subject, ticket.body);
        self.learn(&Owner::Customer(customer), answer, language, &text, Origin::Logged);
    }

    /// What is known of the customer's asset, and what the draft has set off. Of a ticket that names no asset, what may be meant.
    fn about(&self, customer: Option<&str>, asset: Option<&str>, draft: Option<&str>) -> About {
        let Some(customer) = customer else { return About::default() };
        let follows = draft.map(|draft| self.drafts.follows(draft)).unwrap_or_default();
        let claim = CustomerClaim { id: customer.to_owned(), assets: None, expires: Timestamp::MAX };
        let live = self.current.get();
        let now = clock::now();
        let fresh = self.board.fresh(now, |incident| {
            let is_own = follows.contains(&incident.id) || asset.is_some_and(|asset| incident.concerns(asset));
            ((is_own || asset.is_none()) && concerned(&live.assets, &claim, incident).is_some())
                .then(|| (incident.clone(), is_own))
        });
        About::of(fresh, now)
    }

    /// What was found, so that support begins with the facts. Whatever logs or rules say stands in it as code, because
    /// ticket systems show the note as Markdown.
    fn note_of(&self, about: &About) -> String {
        let mut note = String::new();
        // Writing into a text cannot fail.
        let store = match about.own.is_empty() {
            true => None,
            false => or_without("the store", Sqlite::open_read_only(&self.state, PATIENCE).map(Some)),
        };
        for incident in about.own.iter().take(TOLD) {
            let _ = writeln!(note, "{}", headline(incident));
            if let Some(verdict) = &incident.verdict {
                let _ = writeln!(note, "- how it stands: {}", code(&plain(verdict, 300)));
            }
            let timeline =
                store.as_ref().map(|store| or_without("an incident's timeline", store.timeline(incident.id)));
            let timeline = timeline.unwrap_or_default();
            let skipped = timeline.len().saturating_sub(LINES);
            for line in timeline.iter().skip(skipped) {
                let _ =
                    writeln!(note, "- {} {}: {}", line.entry.at, line.entry.what, code(&plain(&line.entry.text, 300)));
            }
            note.push('\n');
        }
        if !about.perhaps.is_empty() {
            let _ = writeln!(note, "The ticket names no asset. What is open at the customer's, or has just ended:\n");
            for incident in &about.perhaps {
                let _ = writeln!(note, "- {}", headline(incident));
            }
            note.push('\n');
        }
        let more = about.own.len().saturating_sub(TOLD) + about.more;
        if more > 0 {
            let _ = writeln!(note, "And {more} more; `heinzel incident list` shows them.");
        }
        note.trim_end().to_owned()
    }
}

/// The draft that a customer's ticket was, unless it is not theirs or became another one before; else what to say of it.
fn of_ticket(known: Option<Draft>, customer: Option<&str>, became_another: bool) -> Result<Draft, LeftOut> {
    let draft = known.ok_or_else(LeftOut::unknown_draft)?;
    let is_theirs = match &draft.owner {
        Owner::Customer(owner) => customer == Some(owner),
        Owner::Key(_) => true,
    };
    match (is_theirs, became_another) {
        (false, _) => Err(LeftOut::foreign_draft()),
        (true, true) => Err(LeftOut::draft_id()),
        (true, false) => Ok(draft),
    }
}

/// The incidents that a ticket is about.
#[derive(Debug, Default)]
struct About {
    /// Of the asset that it names, or set off by its draft.
    own: Vec<Arc<Incident>>,
    /// It names none: what is open at the customer's assets, and then what has just ended, at most [`PERHAPS`].
    perhaps: Vec<Arc<Incident>>,
    /// So many more of these.
    more: usize,
}

impl About {
    /// Sorts incidents, newest first, each with whether the ticket is surely about it.
    fn of(fresh: Vec<(Arc<Incident>, bool)>, now: Timestamp) -> Self {
        let (own, others): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|(_, is_own)| *is_own);
        let mut perhaps: Vec<_> = others.into_iter().map(|(incident, _)| incident).collect();
        perhaps.retain(|incident| incident.resolved_at.is_none_or(|end| now.since(end) <= JUST));
        perhaps.sort_by_key(|incident| incident.is_resolved());
        let more = perhaps.len().saturating_sub(PERHAPS);
        perhaps.truncate(PERHAPS);
        Self { own: own.into_iter().map(|(incident, _)| incident).collect(), perhaps, more }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Incident>> {
        self.own.iter().chain(&self.perhaps)
    }
}

fn headline(incident: &Incident) -> String {
    format!(
        "**Incident {}** {} on {}, {} since {}",
        incident.id,
        code(&plain(&incident.title, 200)),
        code(&plain(&incident.asset, 200)),
        incident.status,
        incident.opened_at
    )
}

fn listed(incident: &Incident) -> ticket::TicketIncident {
    ticket::TicketIncident {
        id: incident.id,
        rule: incident.rule.to_string(),
        title: incident.title.clone(),
        asset: incident.asset.clone(),
        state: if incident.is_resolved() {
            "resolved"
        } else if incident.acknowledged_by.is_some() {
            "acknowledged"
        } else {
            "open"
        }
        .to_owned(),
        since: incident.opened_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(id: u64, ended: Option<i64>) -> Arc<Incident> {
        let ended =
            ended.map(|end| format!(r#","resolved_at":"{}""#, Timestamp::from_seconds(end))).unwrap_or_default();
        let text = format!(
            r#"{{"id":{id},"rule":"a.b","asset":"vm:{id}","title":"t","severity":"high","status":"open",
            "opened":"1970-01-01T00:00:00Z","opened_at":"1970-01-01T00:00:00Z","last_seen":"1970-01-01T00:00:00Z","findings":1,
            "cause":{{"place":{{"source":"s","stream":"x","offset":0}},"fields":{{}},"message":"m"}},
            "customers":["K1"],"dependants":[]{ended}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_ticket_that_names_no_asset_is_not_about_all_that_ever_was() {
        let now = 100_000;
        // Fifty that are over since hours, one that has just ended, seven that are open, and what the draft has set off.
        let mut fresh: Vec<_> = (0..50).map(|id| (incident(id, Some(now - 10_000)), false)).collect();
        fresh.push((incident(50, Some(now - 60)), false));
        fresh.extend((51..58).map(|id| (incident(id, None), false)));
        fresh.push((incident(58, Some(now - 10_000)), true));
        fresh.reverse();
        let ids = |list: &[Arc<Incident>]| list.iter().map(|one| one.id).collect::<Vec<_>>();
        let about = About::of(fresh, Timestamp::from_seconds(now));
        assert_eq!((ids(&about.own), ids(&about.perhaps), about.more), (vec![58], vec![57, 56, 55, 54, 53], 3));
        let few = vec![(incident(3, None), false), (incident(2, Some(now - 60)), false)];
        let about = About::of(few, Timestamp::from_seconds(now));
        assert_eq!((ids(&about.perhaps), about.more), (vec![3, 2], 0));
    }
}
