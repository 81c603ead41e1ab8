//! News about a customer's asset, as they happen.

use std::sync::Arc;
use std::time::Duration;

use heinzel_core::asset::kind_of;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::stand::Stand;
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::suggest::news::{self, News as Words};
use heinzel_server::draft::{NEWS_WAITING, News, NewsState};
use heinzel_server::front::CustomerClaim;
use tokio::sync::{broadcast, mpsc};

use super::owners::concerned;
use super::times::Reader;
use super::{Desk, or_without};
use crate::clock;

/// What a draft was told before it was forgotten here: by an engine that has been started anew since, mostly.
#[derive(Default)]
pub(super) struct Before {
    language: Option<Language>,
    /// The incidents that it follows.
    pub(super) follows: Vec<IncidentId>,
    /// It may have followed one, and nobody knows which.
    is_lost: bool,
}

/// How long a form is told news at most: as long as a patient customer looks on.
const LONGEST: Duration = Duration::from_secs(30 * 60);

impl Desk {
    /// How what a customer's draft follows stands now: of several incidents, what is being done comes before what is over.
    pub(super) fn news_now(
        &self,
        customer: &CustomerClaim,
        follows: &[IncidentId],
        language: Language,
    ) -> Option<News> {
        let known: Vec<Arc<Incident>> = follows.iter().filter_map(|id| self.board.incident(*id)).collect();
        let Some(first) = known.iter().min_by_key(|incident| order(Stand::of(incident))) else {
            // Decided, and about to be stored.
            let at = clock::now();
            let text = match language {
                Language::De => "Wir sehen gerade nach.",
                Language::En => "We are having a look.",
            };
            let incident = Some(*follows.iter().find(|id| self.board.is_coming(**id))?);
            return Some(News { state: NewsState::Checking, text: text.to_owned(), incident, at });
        };
        let live = self.current.get();
        let reader = Reader { language, zone: self.zone.clone() };
        let concern = self.concern(first, concerned(&live.assets, customer, first)?, follows, &reader);
        Some(News {
            state: state(concern.stand),
            // Its time stands beside it, for whatever clock the reader has.
            text: Words::undated(&concern, language).text,
            incident: Some(first.id),
            at: first.resolved_at.or(first.told).unwrap_or(first.opened_at),
        })
    }

    /// The incidents that a customer's draft has opened.
    pub(super) fn own(&self, draft: &str, customer: &CustomerClaim) -> Vec<IncidentId> {
        self.board.fresh(clock::now(), |incident| is_of(incident, draft, customer).then_some(incident.id))
    }

    /// What is stored of what a draft follows: what it opened; and what it was shown and was going on when the customer typed last.
    pub(super) fn before(&self, draft: &str, customer: &CustomerClaim) -> Before {
        let own = self.own(draft, customer);
        let Some(stored) = or_without("a draft", self.customers.draft(draft)) else {
            return Before { follows: own, ..Before::default() };
        };
        let live = self.current.get();
        let went_on = |incident: &Arc<Incident>| {
            let is_later = incident.resolved_at.is_none_or(|end| end > stored.last);
            (is_later && concerned(&live.assets, customer, incident).is_some()).then_some(incident.id)
        };
        let mut follows = self.board.fresh(clock::now(), went_on);
        follows.retain(|id| !own.contains(id));
        let has_shown = |id: IncidentId| Ok(self.customers.has_shown(draft, &id.to_string())?.then_some(id));
        let shown: Result<Vec<_>, _> = follows.into_iter().map(has_shown).collect();
        let mut follows: Vec<_> = or_without("what a draft has shown", shown).into_iter().flatten().collect();
        follows.extend(own);
        let mut clauses = live.rules.rules.values().filter_map(|rule| rule.draft.as_ref());
        let looks = |asset: &String| clauses.any(|clause| clause.asset.iter().any(|kind| kind == kind_of(asset)));
        let served = self.settings.enabled && !stored.hold_out;
        let is_lost = served && follows.is_empty() && stored.asset.as_ref().is_some_and(looks);
        Before { language: Language::from_locale(&stored.language), follows, is_lost }
    }

    /// What a draft follows, from now on: first how it stands, then each change.
    pub(super) fn follow(&self, draft: &str, customer: Option<CustomerClaim>) -> mpsc::Receiver<News> {
        let (send, receive) = mpsc::channel(NEWS_WAITING);
        let forgotten = customer.as_ref().filter(|_| self.drafts.spoken(draft).is_none());
        let before = forgotten.map(|customer| self.before(draft, customer)).unwrap_or_default();
        let (desk, draft) = (self.me.clone(), draft.to_owned());
        tokio::spawn(async move {
            // The engine stops: there is no news any more.
            let Some(desk) = desk.upgrade() else { return };
            let told = tell(&desk, &draft, customer.as_ref(), before, &send);
            // A form that stays open for ever is told nothing more.
            let _ = tokio::time::timeout(LONGEST, told).await;
        });
        receive
    }
}

async fn tell(
    desk: &Arc<Desk>,
    draft: &str,
    customer: Option<&CustomerClaim>,
    mut before: Before,
    form: &mpsc::Sender<News>,
) {
    let mut changes = desk.board.listen();
    let mut last: Option<News> = None;
    if before.is_lost {
        let text = news::unsettled(before.language.unwrap_or(Language::De)).to_owned();
        // A form that is gone misses nothing.
        return drop(form.send(News { state: NewsState::Unsettled, text, incident: None, at: clock::now() }).await);
    }
    loop {
        let language = desk.drafts.spoken(draft).map(|spoken| spoken.language).or(before.language);
        let mut follows = desk.drafts.follows(draft);
        follows.extend(before.follows.iter().filter(|id| !follows.contains(id)).copied().collect::<Vec<_>>());
        if let Some(news) =
            customer.and_then(|customer| desk.news_now(customer, &follows, language.unwrap_or(Language::De)))
            && last.as_ref().is_none_or(|last| is_other(last, &news))
        {
            let over = news.state.is_final();
            last = Some(news.clone());
            if form.send(news).await.is_err() || over {
                return;
            }
        }
        loop {
            let changed = tokio::select! {
                () = form.closed() => return,
                changed = changes.recv() => changed,
                // Another letter may have set off a look meanwhile.
                () = tokio::time::sleep(Duration::from_secs(2)) => break,
            };
            match changed {
                Ok(incident) if follows.contains(&incident.id) => break,
                // Opened later than whoever asked for it could wait.
                Ok(incident) if customer.is_some_and(|customer| is_of(&incident, draft, customer)) => {
                    before.follows.push(incident.id);
                    break;
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => break,
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }
}

/// Whether an incident was opened by this draft of this customer's.
fn is_of(incident: &Incident, draft: &str, customer: &CustomerClaim) -> bool {
    incident.origin.as_ref().is_some_and(|origin| origin.draft == draft && origin.customer == customer.id)
}

/// Whether that this one was repaired is no news any more: the same has been found there again since.
pub(super) fn is_outdated(incident: &Incident, all: &[(Arc<Incident>, &str)]) -> bool {
    let is_same =
        |later: &Incident| later.id > incident.id && (&later.rule, &later.asset) == (&incident.rule, &incident.asset);
    let says_more = |later: &Incident| !matches!(Stand::of(later), Stand::Checking | Stand::Well);
    Stand::of(incident) == Stand::Repaired && all.iter().any(|(later, _)| is_same(later) && says_more(later))
}

/// Whether news say something that others did not: the time alone is none.
fn is_other(before: &News, now: &News) -> bool {
    (before.state, &before.text, before.incident) != (now.state, &now.text, now.incident)
}

/// What is told first of several.
const fn order(stand: Stand) -> u8 {
    match stand {
        Stand::Repairing => 0,
        Stand::Found => 1,
        Stand::Waiting => 2,
        Stand::Checking => 3,
        Stand::Telling => 4,
        Stand::Repaired => 5,
        Stand::HandedOver => 6,
        Stand::Unsettled => 7,
        Stand::Well => 8,
    }
}

const fn state(stand: Stand) -> NewsState {
    match stand {
        Stand::Checking | Stand::Telling => NewsState::Checking,
        Stand::Found | Stand::Waiting => NewsState::Found,
        Stand::Repairing => NewsState::Repairing,
        Stand::Repaired => NewsState::Repaired,
        Stand::Well => NewsState::Well,
        Stand::HandedOver => NewsState::HandedOver,
        Stand::Unsettled => NewsState::Unsettled,
    }
}
