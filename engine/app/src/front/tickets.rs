//! Sent tickets, with what was found; and what customers say of what they were shown.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::draft::{Deed, Feedback, Origin, Owner};
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
use super::{Desk, busy};
use crate::clock;
use crate::text::{code, plain};

/// Incidents that a ticket's note tells of.
const TOLD: usize = 3;
/// Lines of an incident's timeline in a note.
const LINES: usize = 20;
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
        let names = self.names_of(owner);
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
        let draft = match &sent.draft_id {
            Some(id) => self.customers.draft(id).map_err(busy)?.filter(|draft| match (&draft.owner, &sent.customer) {
                (Owner::Customer(owner), Some(customer)) => owner == customer,
                (Owner::Customer(_), None) => false,
                (Owner::Key(_), _) => true,
            }),
            None => None,
        };
        let asset = sent.asset.clone().or_else(|| draft.as_ref().and_then(|draft| draft.asset.clone()));
        let incidents = self.incidents_for(sent.customer.as_deref(), asset.as_deref(), sent.draft_id.as_deref());
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
            created: sent.created_at.unwrap_or_else(clock::now),
            draft: draft.map(|draft| draft.id),
            answer_used,
            incidents: incidents.iter().map(|incident| incident.id).collect(),
        };
        let left_out = if named && ticket.answer_used.is_none() { vec![LeftOut::answer_used()] } else { Vec::new() };
        let put = self.customers.put_ticket(&ticket).map_err(busy)?;
        self.learn_used(&put);
        let taken = ticket::TicketTaken {
            id: sent.id,
            note: self.note_of(&incidents),
            incidents: incidents.iter().map(|incident| listed(incident)).collect(),
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

    /// What is known of the customer's asset, and what the draft has set off.
    fn incidents_for(&self, customer: Option<&str>, asset: Option<&str>, draft: Option<&str>) -> Vec<Arc<Incident>> {
        let Some(customer) = customer else { return Vec::new() };
        let follows = draft.map(|draft| self.drafts.follows(draft)).unwrap_or_default();
        let claim = CustomerClaim { id: customer.to_owned(), assets: None, expires: Timestamp::MAX };
        let live = self.current.get();
        self.board.fresh(clock::now(), |incident| {
            let about = follows.contains(&incident.id) || asset.is_none_or(|asset| incident.concerns(asset));
            (about && concerned(&live.assets, &claim, incident).is_some()).then(|| incident.clone())
        })
    }

    /// What was found, so that support begins with the facts. Whatever logs or rules say stands in it as code, because
    /// ticket systems show the note as Markdown.
    fn note_of(&self, incidents: &[Arc<Incident>]) -> String {
        let mut note = String::new();
        if incidents.is_empty() {
            return note;
        }
        let store = Sqlite::open_read_only(&self.state, PATIENCE);
        for incident in incidents.iter().take(TOLD) {
            // Writing into a text cannot fail.
            let _ = writeln!(
                note,
                "**Incident {}** {} on {}, {} since {}",
                incident.id,
                code(&plain(&incident.title, 200)),
                code(&plain(&incident.asset, 200)),
                incident.status,
                incident.opened_at
            );
            if let Some(verdict) = &incident.verdict {
                let _ = writeln!(note, "- how it stands: {}", code(&plain(verdict, 300)));
            }
            let timeline = store.as_ref().ok().and_then(|store| store.timeline(incident.id).ok()).unwrap_or_default();
            let skipped = timeline.len().saturating_sub(LINES);
            for line in timeline.iter().skip(skipped) {
                let _ =
                    writeln!(note, "- {} {}: {}", line.entry.at, line.entry.what, code(&plain(&line.entry.text, 300)));
            }
            note.push('\n');
        }
        if incidents.len() > TOLD {
            let _ = writeln!(note, "And {} more; `heinzel incident list` shows them.", incidents.len() - TOLD);
        }
        note.trim_end().to_owned()
    }
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
