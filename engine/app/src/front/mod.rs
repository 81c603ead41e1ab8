//! What the ticket form and the shop's systems ask, answered.
//!
//! Start at [`Desk::answer`]: claim the draft, rank, perhaps set off a look, see what goes on at the customer's asset, and say
//! what fits. Nothing here decides what is repaired: a look is a request to the pump.

mod concerns;
mod drafts;
mod elsewhere;
mod forget;
mod looks;
mod meaning;
mod misfits;
mod news;
mod note;
mod open;
mod owners;
mod read;
mod records;
mod reply;
mod shelf;
mod tickets;
mod times;
mod turns;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock, Weak};

use heinzel_core::asset::kind_of;
use heinzel_core::draft::Owner;
use heinzel_core::incident::IncidentId;
use heinzel_knowledge::deflection::is_held_out;
use heinzel_knowledge::rank;
use heinzel_knowledge::rank::tiers::Found;
use heinzel_knowledge::render::Words;
use heinzel_knowledge::suggest::{self, Asked, Concern, Nothing};
use heinzel_server::front::{Answering, Asker, CustomerClaim, Front, Kept, Refused};
use heinzel_server::suggestion::NothingReason;
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
use note::Outcome;
pub(crate) use open::open;
use read::Read;
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
    /// The path of a draft: whose it is, what fits its words, what it sets off, what goes on, and what of all this is shown.
    async fn answer(&self, asker: &Asker, draft: suggestion::Draft) -> Result<suggestion::Suggestions, Refused> {
        let now = clock::now();
        let owner = owner_of(asker);
        let claimed = self.customers.claim(&draft.draft_id, &owner, now).map_err(busy)?;
        if claimed == Claim::Foreign {
            return Err(Refused::NoSuchDraft);
        }
        let customer = asker.customer.as_ref();
        let asset = self.asset_of(customer, draft.asset.as_deref())?;
        let known = customer.and_then(|customer| or_without("a customer", self.customers.customer(&customer.id)));
        let turn = self.turns.take(customer.is_none()).await;
        let read = Read::of(&draft, known.as_ref());
        let language = read.language;

        let shelf = self.shelf.get().ok_or_else(|| Refused::Busy("the answers are being read; ask again".into()))?;
        // A model is asked in threads of its own.
        let turn = Some(turn).filter(|_| !shelf.has_model());
        let written = rank::Draft { subject: &draft.subject, body: &draft.body, language: read.form };
        let Found { ranked, threshold, by } = shelf.find(&written, suggest::RANKED).await;
        drop(turn);
        let passes = suggest::passes(read.words, &ranked, threshold);

        let held_out = is_held_out(&owner, &draft.draft_id, self.settings.hold_out);
        let spoken = drafts::Spoken::of(&read.whole, customer.is_none(), language);
        let is_forgotten = self.drafts.hear(&draft.draft_id, spoken) && claimed == Claim::Yours;
        let before = customer.filter(|_| is_forgotten).map(|customer| self.before(&draft.draft_id, customer).follows);
        let before = before.unwrap_or_default();
        self.drafts.follow(&draft.draft_id, &before);
        // Who is held out shows what happens without all of this.
        let served = self.settings.enabled && !held_out;
        if let (Some(customer), Some(asset), true) = (customer, &asset, served && passes)
            && let Some(intent) = self.occasion(customer, asset, &read.own_words, &ranked, &shelf.documents)
        {
            let looked = |id: &IncidentId| self.board.incident(*id).is_some_and(|one| one.concerns(asset));
            if before.iter().any(looked) {
                // What it is about has been looked at.
                self.drafts.asks_anew(&draft.draft_id, asset, &intent);
            }
            self.look(&draft.draft_id, &customer.id, asset, intent).await;
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
            words: read.words,
            asset_kind: asset.as_deref().map(kind_of),
            context: self.context(known.and_then(|known| known.name), asset.as_deref(), language),
            concerns: &concerns,
            today: &reader.today(now),
        };
        let found = suggest::suggest(&shelf.library, &shelf.documents, &ranked, threshold, &asked);
        let best = found.as_ref().ok().and_then(|items| items.first()).map(note::top);
        let nothing = match &found {
            _ if !self.settings.enabled => Some(NothingReason::Off),
            _ if held_out => Some(NothingReason::HoldOut),
            Ok(_) => None,
            Err(Nothing::TooShort) => Some(NothingReason::TooShort),
            Err(Nothing::NothingFits) => Some(NothingReason::NothingFits),
        };
        let items = found.ok().filter(|_| nothing.is_none()).unwrap_or_default();
        let turn = if self.settings.keep_drafts { Some(self.turns.take(customer.is_none()).await) } else { None };
        self.note(&draft, &read, Outcome { owner: &owner, asset, held_out, best, nothing, items: &items, by });
        drop(turn);
        Ok(reply::of(draft.draft_id, &read, items, nothing, news))
    }

    /// The asset a draft is about: theirs, or nobody's business.
    fn asset_of(&self, customer: Option<&CustomerClaim>, named: Option<&str>) -> Result<Option<String>, Refused> {
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

/// What was read; or nothing, of which the log tells the operator.
fn or_without<T: Default>(what: &str, read: Result<T, StoreError>) -> T {
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "{what} could not be read; what customer and support are told goes without it");
        T::default()
    })
}
