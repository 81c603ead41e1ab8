//! What the ticket form and the shop's systems ask, answered.
//!
//! Start at [`Desk::suggest`](Front::suggest): claim the draft, rank, see what goes on at the customer's asset, perhaps set
//! off a look, and say what fits. Nothing here decides what is repaired: a look is a request to the pump.

mod drafts;
mod elsewhere;
mod forget;
mod looks;
mod meaning;
mod misfits;
mod news;
mod open;
mod owners;
mod records;
mod shelf;
mod tickets;
mod times;
mod turns;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use heinzel_core::asset::kind_of;
use heinzel_core::draft::{self as kept, Owner};
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::look::{Stand, is_cause_known};
use heinzel_core::redact::Redacted;
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::deflection::is_held_out;
use heinzel_knowledge::rank::tiers::{By, Found};
use heinzel_knowledge::render::{Context, Words};
use heinzel_knowledge::suggest::{self, Asked, Concern, Kind};
use heinzel_knowledge::text::{self, strip};
use heinzel_knowledge::tone::{self, Subject, Tone};
use heinzel_knowledge::{rank, suggest::Nothing};
use heinzel_server::front as asked_by;
use heinzel_server::front::{Answering, Asker, Front, Kept, Refused};
use heinzel_server::{asset, customer, draft, import, report, suggestion, ticket};
use heinzel_store::customers::{Claim, Customers};
use heinzel_store::error::StoreError;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use crate::board::Board;
use crate::clock;
use crate::config::Suggestions;
use crate::pump::{Message, Order};
use crate::scanner::Current;
use crate::watch::Swap;

pub(crate) use forget::{Forgetting, forget_in, forgetting};
pub(crate) use meaning::MODELS;
pub(crate) use open::open;
pub(crate) use shelf::Shelf;
use times::Reader;

/// Where customers are answered.
pub(crate) struct Desk {
    /// What was answered before, and what is known of customers.
    pub(crate) customers: Arc<Customers>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) board: Arc<Board>,
    /// The rules in force: which drafts set them off, and whose the assets are.
    pub(crate) current: Current,
    pub(crate) swap: Swap,
    pub(crate) pump: mpsc::Sender<Message>,
    /// Where what is erased is written down.
    orders: mpsc::Sender<Order>,
    pub(crate) settings: Suggestions,
    /// What answers say of the operator.
    pub(crate) words: Words,
    /// The time zone of customers whose form names none.
    pub(crate) zone: TimeZone,
    /// The folder of the engine's store, for timelines.
    pub(crate) state: PathBuf,
    pub(crate) drafts: drafts::Drafts,
    /// Drafts are read one after the other.
    turns: turns::Turns,
    /// Itself, for what goes on after an answer: news.
    me: Weak<Self>,
    /// What people call their assets.
    pub(crate) names: RwLock<HashMap<String, String>>,
    /// Assets and customers are written down one call at a time: else two could fit in each by itself and contradict each
    /// other, or one undo what another has just said.
    turn: Mutex<()>,
}

impl Desk {
    async fn answer(&self, asker: &Asker, draft: suggestion::Draft) -> Result<suggestion::Suggestions, Refused> {
        let now = clock::now();
        let owner = owner_of(asker);
        let claimed = self.customers.claim(&draft.draft_id, &owner, now).map_err(busy)?;
        if claimed == Claim::Foreign {
            return Err(Refused::NoSuchDraft);
        }
        let customer = asker.customer.as_ref();
        let asset = self.asset_of(customer, draft.asset.as_deref())?;
        let known = customer.and_then(|customer| self.customers.customer(&customer.id).ok().flatten());
        let form = draft.locale.as_deref().and_then(Language::from_locale);
        let form = form.or_else(|| Language::from_locale(known.as_ref()?.language.as_deref()?));
        let turn = self.turns.take(customer.is_none()).await;
        let body = strip::strip(&draft.body);
        let read = text::analyse(&format!("{}\n{body}", draft.subject), form);
        let words = read.content_words();
        let language = read.language.or(form).unwrap_or(Language::De);
        let whole = format!("{}\n{}", draft.subject, draft.body);
        let reading = tone::read(&whole);

        let shelf = self.shelf.get().ok_or_else(|| Refused::Busy("the answers are being read; ask again".into()))?;
        // A model is asked in threads of its own.
        let turn = Some(turn).filter(|_| !shelf.has_model());
        let written = rank::Draft { subject: &draft.subject, body: &draft.body, language: form };
        let Found { ranked, threshold, by } = shelf.find(&written, suggest::RANKED).await;
        drop(turn);
        let passes = words >= suggest::FEWEST_WORDS && rank::fit(&ranked) >= threshold;

        let held_out = is_held_out(&owner, &draft.draft_id, self.settings.hold_out);
        let spoken = drafts::Spoken::of(&whole, customer.is_none(), language);
        let is_forgotten = self.drafts.hear(&draft.draft_id, spoken) && claimed == Claim::Yours;
        let before = customer.filter(|_| is_forgotten).map(|customer| self.before(&draft.draft_id, customer).follows);
        let before = before.unwrap_or_default();
        self.drafts.follow(&draft.draft_id, &before);
        // Who is held out shows what happens without all of this.
        let served = self.settings.enabled && !held_out;
        if let (Some(customer), Some(asset), true) = (customer, &asset, served && passes) {
            let said = format!("{}\n{body}", draft.subject);
            if let Some(intent) = self.occasion(customer, asset, &said, &ranked, &shelf.documents) {
                if !before.is_empty() {
                    // What it is about has been looked at.
                    self.drafts.asks_anew(&draft.draft_id, std::slice::from_ref(&intent));
                }
                self.look(&draft.draft_id, &customer.id, asset, vec![intent]).await;
            }
        }
        if let Some(customer) = customer {
            self.drafts.follow(&draft.draft_id, &self.own(&draft.draft_id, customer));
        }
        let follows = self.drafts.follows(&draft.draft_id);
        let reader = Reader::of(language, draft.time_zone.as_deref(), &self.zone);
        let concerns: Vec<Concern> = match customer {
            Some(customer) => self.concerns(customer, asset.as_deref(), &follows, &reader),
            None => Vec::new(),
        };
        let news = customer.filter(|_| served).and_then(|customer| self.news_now(customer, &follows, language));
        let asked = Asked {
            language,
            words,
            asset_kind: asset.as_deref().map(kind_of),
            context: self.context(known.and_then(|known| known.name), asset.as_deref(), language),
            concerns: &concerns,
            today: &reader.today(now),
        };
        let found = suggest::suggest(&shelf.library, &shelf.documents, &ranked, threshold, &asked);
        let top = found.as_ref().ok().and_then(|items| items.first());
        let top = top.map(|item| kept::Top { item: item.id.clone(), confidence: f64::from(item.confidence) });
        let nothing = match &found {
            _ if !self.settings.enabled => Some(suggestion::NothingReason::Off),
            _ if held_out => Some(suggestion::NothingReason::HoldOut),
            Ok(_) => None,
            Err(Nothing::TooShort) => Some(suggestion::NothingReason::TooShort),
            Err(Nothing::NothingFits) => Some(suggestion::NothingReason::NothingFits),
        };
        let items = found.ok().filter(|_| nothing.is_none()).unwrap_or_default();
        let turn = if self.settings.keep_drafts { Some(self.turns.take(customer.is_none()).await) } else { None };
        self.note(&draft, &owner, language, words, held_out, top, nothing, asset, &items, by == By::Meaning);
        drop(turn);

        let subject = match items.first().map(|item| item.kind) {
            Some(Kind::Incident) => Subject::Incident,
            Some(Kind::Fix) => Subject::Fix,
            _ => Subject::Answer,
        };
        let opening =
            if items.is_empty() { String::new() } else { tone::opening(&reading, language, subject).to_owned() };
        Ok(suggestion::Suggestions {
            draft_id: draft.draft_id,
            language,
            words: u32::try_from(words).unwrap_or(u32::MAX),
            items: items.into_iter().map(shown).collect(),
            nothing: nothing.map(|reason| suggestion::Nothing { reason, text: silence(reason, language).to_owned() }),
            tone: suggestion::Tone {
                tone: match reading.tone {
                    Tone::Calm => suggestion::ToneName::Calm,
                    Tone::Worried => suggestion::ToneName::Worried,
                    Tone::Upset => suggestion::ToneName::Upset,
                },
                evidence: reading.evidence.iter().map(ToString::to_string).collect(),
            },
            opening,
            news,
        })
    }

    /// The asset a draft is about: theirs, or nobody's business.
    fn asset_of(
        &self,
        customer: Option<&asked_by::CustomerClaim>,
        named: Option<&str>,
    ) -> Result<Option<String>, Refused> {
        let Some(customer) = customer else {
            return if named.is_some() { Err(Refused::NotTheirs) } else { Ok(None) };
        };
        let live = self.current.get();
        match named.map(|name| live.assets.resolve(name)) {
            Some(id) if owners::is_theirs(&live.assets, customer, &id) => Ok(Some(id)),
            Some(_) => Err(Refused::NotTheirs),
            // The only one they have is meant.
            None => {
                let mut all = owners::theirs(&live.assets, customer);
                let only = all.next().map(ToOwned::to_owned);
                Ok(only.filter(|_| all.next().is_none()))
            }
        }
    }

    /// What goes on at the customer's assets, for people.
    fn concerns(
        &self,
        customer: &asked_by::CustomerClaim,
        asset: Option<&str>,
        follows: &[IncidentId],
        reader: &Reader,
    ) -> Vec<Concern> {
        let live = self.current.get();
        // An asset that is named was found to be theirs.
        let about = |incident: &Incident| match asset {
            Some(asset) => incident.concerns(asset).then_some(asset),
            None => owners::concerned(&live.assets, customer, incident),
        };
        let fresh = self.board.fresh(clock::now(), |incident| Some((incident.clone(), about(incident)?)));
        let told = fresh.iter().filter(|(incident, _)| !news::is_outdated(incident, &fresh));
        told.map(|(incident, about)| self.concern(incident, about, follows, reader)).collect()
    }

    /// What an incident means for an asset of the customer who asks.
    fn concern(&self, incident: &Incident, asset: &str, follows: &[IncidentId], reader: &Reader) -> Concern {
        let (live, now) = (self.current.get(), clock::now());
        let clause = live.rules.rules.get(&incident.rule).and_then(|rule| rule.draft.as_ref());
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        Concern {
            incident: incident.id,
            rule: incident.rule.to_string(),
            answer: incident.answer.clone(),
            intents: clause.map(|clause| clause.intents.clone()).unwrap_or_default(),
            stand: Stand::of(incident),
            found: clause.filter(|_| is_cause_known(incident)).map(|clause| clause.found.clone()).unwrap_or_default(),
            asset_name: names.get(asset).cloned(),
            asset_kind: kind_of(asset).to_owned(),
            since: reader.time_of_day(incident.told.unwrap_or(incident.opened_at), now),
            until: incident.resolved_at.map(|end| reader.time_of_day(end, now)),
            of_this_draft: follows.contains(&incident.id),
        }
    }

    /// What answers may say of this customer.
    fn context(&self, name: Option<String>, asset: Option<&str>, language: Language) -> Context {
        let mut context = Context::default();
        self.words.fill(&mut context, language);
        if let Some(name) = name {
            context.set("customer.name", &name);
        }
        if let Some(id) = asset {
            let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
            let bare = id.split_once(':').map_or(id, |(_, name)| name);
            context.set("asset.id", bare);
            context.set("asset.name", names.get(id).map_or(bare, String::as_str));
        }
        context
    }

    #[expect(clippy::too_many_arguments, reason = "one place writes down what a draft came to")]
    fn note(
        &self,
        draft: &suggestion::Draft,
        owner: &Owner,
        language: Language,
        words: usize,
        hold_out: bool,
        top: Option<kept::Top>,
        nothing: Option<suggestion::NothingReason>,
        asset: Option<String>,
        items: &[suggest::Item],
        by_meaning: bool,
    ) {
        let now = clock::now();
        let text = self.settings.keep_drafts.then(|| {
            let names = self.names_of(owner);
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let whole = format!("{}\n{}", draft.subject, draft.body);
            Redacted::of(&whole[..whole.floor_char_boundary(drafts::TEXT)], &known)
        });
        self.customers.note_draft(kept::Draft {
            id: draft.draft_id.clone(),
            owner: owner.clone(),
            language: language.code().to_owned(),
            page: draft.page.clone(),
            field: draft.field.clone(),
            asset,
            first: now,
            last: now,
            words: u32::try_from(words).unwrap_or(u32::MAX),
            hold_out,
            top,
            nothing: nothing.map(|reason| match reason {
                suggestion::NothingReason::TooShort => kept::Nothing::TooShort,
                suggestion::NothingReason::NothingFits => kept::Nothing::NothingFits,
                suggestion::NothingReason::HoldOut => kept::Nothing::HoldOut,
                suggestion::NothingReason::Off => kept::Nothing::Off,
            }),
            text,
        });
        if items.is_empty() || !self.drafts.shows_anew(&draft.draft_id, items.iter().map(|item| &*item.id)) {
            return;
        }
        let shown = (1..).zip(items).map(|(place, item)| kept::Shown {
            draft: draft.draft_id.clone(),
            item: item.id.clone(),
            rank: place,
            confidence: f64::from(item.confidence),
            ranker: if by_meaning { "meaning" } else { "words" }.to_owned(),
            at: now,
        });
        self.customers.note_shown(shown.collect());
    }

    /// What a customer and what is theirs is called: that is nobody else's business.
    fn names_of(&self, owner: &Owner) -> Vec<String> {
        let Some(id) = owner.customer() else { return Vec::new() };
        let customer = self.customers.customer(id).ok().flatten();
        let assets = self.customers.assets_of(id).unwrap_or_default().into_iter().filter_map(|asset| asset.name);
        let words = customer
            .and_then(|customer| customer.name)
            .into_iter()
            .flat_map(|name| name.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>());
        words.chain(assets).chain([id.to_owned()]).collect()
    }

    /// Whether a draft is the asker's.
    fn check_owner(&self, asker: &Asker, draft_id: &str) -> Result<(), Refused> {
        let owner = self.customers.owner_of(draft_id).map_err(busy)?;
        if owner.as_ref() == Some(&owner_of(asker)) { Ok(()) } else { Err(Refused::NoSuchDraft) }
    }
}

impl Front for Desk {
    fn suggest<'a>(&'a self, asker: &'a Asker, draft: suggestion::Draft) -> Answering<'a, suggestion::Suggestions> {
        Box::pin(self.answer(asker, draft))
    }

    fn news(&self, asker: &Asker, draft_id: &str) -> Result<mpsc::Receiver<draft::News>, Refused> {
        self.check_owner(asker, draft_id)?;
        Ok(self.follow(draft_id, asker.customer.clone()))
    }

    fn feedback(&self, asker: &Asker, draft_id: &str, feedback: draft::Feedback) -> Result<(), Refused> {
        self.check_owner(asker, draft_id)?;
        self.heed(&owner_of(asker), draft_id, feedback)
    }

    fn ticket(&self, ticket: ticket::Ticket) -> Result<Kept<ticket::TicketTaken>, Refused> {
        self.take_ticket(ticket)
    }

    fn answer_used(&self, ticket: &str, answer: &str) -> Result<bool, Refused> {
        self.take_answer(ticket, answer)
    }

    fn put_asset(&self, id: &str, asset: asset::AssetRecord) -> Result<Kept<asset::AssetRecord>, Refused> {
        self.keep_asset(id, asset)
    }

    fn put_customer(
        &self,
        id: &str,
        customer: customer::CustomerRecord,
    ) -> Result<Kept<customer::CustomerRecord>, Refused> {
        self.keep_customer(id, customer)
    }

    fn remove_asset(&self, id: &str, by: &str) -> Result<asset::AssetRemoved, Refused> {
        self.drop_asset(id, by)
    }

    fn forget_customer(&self, id: &str, by: &str) -> Result<customer::Forgotten, Refused> {
        self.forget(id, by)
    }

    fn import(
        &self,
        kind: import::ImportKind,
        rows: &mut dyn std::io::Read,
        dry_run: bool,
    ) -> Result<import::Imported, Refused> {
        self.take_rows(kind, rows, dry_run)
    }

    fn report(&self, name: report::ReportName, span: report::Span) -> Result<serde_json::Value, Refused> {
        self.make_report(name, span)
    }
}

fn owner_of(asker: &Asker) -> Owner {
    match &asker.customer {
        Some(claim) => Owner::Customer(claim.id.clone()),
        None => Owner::Key(asker.form.to_string()),
    }
}

/// The details are the operator's; the form is told to come again.
#[expect(clippy::needless_pass_by_value, reason = "used as a function value")]
fn busy(error: StoreError) -> Refused {
    tracing::error!(%error, "what is remembered of customers");
    Refused::Busy("what is remembered of customers cannot be read or written now; try again".into())
}

fn shown(item: suggest::Item) -> suggestion::Item {
    suggestion::Item {
        kind: match item.kind {
            Kind::Answer => suggestion::ItemKind::Answer,
            Kind::Incident => suggestion::ItemKind::Incident,
            Kind::Fix => suggestion::ItemKind::Fix,
        },
        id: item.id,
        title: item.title,
        rank_score: f64::from(item.rank_score),
        confidence: f64::from(item.confidence.clamp(0.0, 1.0)),
        why: suggestion::Why { words: item.words, example: item.example, incident: item.incident },
        parts: item.parts.into(),
        links: item.links.into_iter().map(|link| suggestion::Link { title: link.title, url: link.url }).collect(),
    }
}

/// Why nothing is shown, for people; empty where nobody needs to know.
const fn silence(reason: suggestion::NothingReason, language: Language) -> &'static str {
    match (reason, language) {
        (suggestion::NothingReason::NothingFits, Language::De) => {
            "Dazu haben wir keine fertige Antwort. Bitte senden Sie Ihre Nachricht ab."
        }
        (suggestion::NothingReason::NothingFits, Language::En) => {
            "We have no ready answer to this. Please send your message."
        }
        _ => "",
    }
}
