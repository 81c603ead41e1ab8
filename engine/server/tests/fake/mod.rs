//! An engine of a few lines for tests and the example server: two customers with a server each, everything in memory.
//!
//! It keeps to the contract of [`Front`] as the real one does: a draft belongs to whoever used its id first, and an asset
//! to its owner.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use heinzel_core::block::Block;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::answer::Language;
use heinzel_server::api::{Api, NotTaken, PushSource};
use heinzel_server::asset::{AssetRecord, AssetRemoved};
use heinzel_server::customer::{CustomerRecord, Forgotten};
use heinzel_server::draft::{Feedback, NEWS_WAITING, News, NewsState};
use heinzel_server::front::{Answering, Asker, Front, Kept, Owner, Refused};
use heinzel_server::import::{Complaint, ImportKind, Imported};
use heinzel_server::metric::Metric;
use heinzel_server::report::{ReportName, Span};
use heinzel_server::suggestion::{
    Draft, Item, ItemKind, Link, Nothing, NothingReason, Parts, Suggestions, Tone, ToneName, Why,
};
use heinzel_server::ticket::{Ticket, TicketTaken};
use tokio::sync::mpsc;

/// What time it is in tests, in seconds.
pub const NOW: i64 = 1_800_000_000;

/// The engine's other half: takes every push.
pub struct FakeApi {
    /// Its clock.
    pub now: fn() -> Timestamp,
}

impl Api for FakeApi {
    fn push_sources(&self) -> Arc<[PushSource]> {
        [PushSource { name: "app".into(), token: "push-token-of-app".into() }].into()
    }
    fn push(&self, mut block: Block) -> Result<(), NotTaken> {
        if let Some(ack) = block.ack.take() {
            ack.stored();
        }
        Ok(())
    }
    fn now(&self) -> Timestamp {
        (self.now)()
    }
    fn not_ready(&self) -> Vec<String> {
        Vec::new()
    }
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }
}

/// Everything that it was told.
#[derive(Default)]
pub struct Told {
    /// Whose drafts are.
    pub drafts: BTreeMap<String, Owner>,
    /// The assets that drafts were about.
    pub about: BTreeMap<String, String>,
    /// What was done.
    pub feedback: Vec<(String, Feedback)>,
    /// The tickets, as they were told of last.
    pub tickets: BTreeMap<String, Ticket>,
    /// Answers that support used for tickets.
    pub answers_used: Vec<(String, String)>,
    /// The assets.
    pub assets: BTreeMap<String, AssetRecord>,
    /// The customers.
    pub customers: BTreeMap<String, CustomerRecord>,
    /// By whose word something was erased.
    pub erased_by: Vec<String>,
    /// Ends of news streams that stay open.
    pub open: Vec<mpsc::Sender<News>>,
}

/// The engine's half for customers.
pub struct Fake {
    told: Mutex<Told>,
}

impl Default for Fake {
    fn default() -> Self {
        let mut told = Told::default();
        for (id, owner) in [("vm:100", "K1"), ("vm:200", "K2")] {
            told.assets.insert(id.into(), AssetRecord { owner: Some(owner.into()), ..AssetRecord::default() });
        }
        Self { told: Mutex::new(told) }
    }
}

impl Fake {
    /// What it was told so far.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn is_theirs(&self, asker: &Asker, draft_id: &str) -> Result<(), Refused> {
        let known = self.told().drafts.get(draft_id).is_some_and(|owner| *owner == asker.owner());
        if known { Ok(()) } else { Err(Refused::NoSuchDraft) }
    }

    fn suggested(&self, asker: &Asker, draft: Draft) -> Result<Suggestions, Refused> {
        let mut told = self.told();
        let owner = asker.owner();
        if *told.drafts.entry(draft.draft_id.clone()).or_insert_with(|| owner.clone()) != owner {
            return Err(Refused::NoSuchDraft);
        }
        let customer = asker.customer.as_ref().map(|claim| claim.id.clone());
        if let Some(asset) = &draft.asset {
            if told.assets.get(asset).is_none_or(|known| known.owner != customer) {
                return Err(Refused::NotTheirs);
            }
            told.about.insert(draft.draft_id.clone(), asset.clone());
        }
        assert!(!draft.body.contains("PANIC"), "a mistake in the engine");
        let words = u32::try_from(draft.body.split_whitespace().count()).unwrap_or(u32::MAX);
        let too_short = Nothing { reason: NothingReason::TooShort, text: String::new() };
        let items = if words < 3 { Vec::new() } else { vec![item(customer.as_deref(), draft.asset.as_deref())] };
        Ok(Suggestions {
            language: draft.locale.as_deref().and_then(Language::from_locale).unwrap_or(Language::De),
            words,
            nothing: items.is_empty().then_some(too_short),
            items,
            tone: Tone { tone: ToneName::Calm, evidence: Vec::new() },
            opening: String::new(),
            news: draft.asset.as_deref().map(|asset| news(NewsState::Checking, asset)),
            draft_id: draft.draft_id,
        })
    }
}

fn item(customer: Option<&str>, asset: Option<&str>) -> Item {
    let act = customer
        .map_or_else(String::new, |id| format!("Personal words for {id} about {}.", asset.unwrap_or("nothing")));
    Item {
        kind: ItemKind::Answer,
        id: "virtualisation/server-does-not-start".into(),
        title: "Mein Server startet nicht".into(),
        rank_score: 1.93,
        confidence: 0.81,
        why: Why { words: vec!["server".into()], example: None, incident: None },
        parts: Parts { acknowledge: "Das ist ärgerlich.".into(), act, ..Parts::default() },
        links: vec![Link { title: "Server".into(), url: "https://my.example.com/server".into() }],
    }
}

fn news(state: NewsState, asset: &str) -> News {
    News { state, text: format!("News of {asset}."), incident: Some(12), at: Timestamp::from_seconds(NOW) }
}

impl Front for Fake {
    fn suggest<'a>(&'a self, asker: &'a Asker, draft: Draft) -> Answering<'a, Suggestions> {
        Box::pin(async move { self.suggested(asker, draft) })
    }

    fn news(&self, asker: &Asker, draft_id: &str) -> Result<mpsc::Receiver<News>, Refused> {
        self.is_theirs(asker, draft_id)?;
        let (sender, receiver) = mpsc::channel(NEWS_WAITING);
        let mut told = self.told();
        let Some(asset) = told.about.get(draft_id).cloned() else {
            told.open.push(sender);
            return Ok(receiver);
        };
        for state in [NewsState::Checking, NewsState::Found, NewsState::Repairing, NewsState::Repaired, NewsState::Well]
        {
            sender.try_send(news(state, &asset)).map_err(|_| Refused::Busy("full".into()))?;
        }
        told.open.push(sender);
        Ok(receiver)
    }

    fn feedback(&self, asker: &Asker, draft_id: &str, feedback: Feedback) -> Result<(), Refused> {
        self.is_theirs(asker, draft_id)?;
        self.told().feedback.push((draft_id.into(), feedback));
        Ok(())
    }

    fn ticket(&self, ticket: Ticket) -> Result<Kept<TicketTaken>, Refused> {
        assert!(!ticket.body.contains("PANIC"), "a mistake in the engine");
        let taken = TicketTaken {
            id: ticket.id.clone(),
            incidents: Vec::new(),
            note: "Nothing was found.".into(),
            left_out: Vec::new(),
        };
        let known = self.told().tickets.insert(ticket.id.clone(), ticket);
        Ok(if known.is_some() { Kept::Known(taken) } else { Kept::New(taken) })
    }

    fn answer_used(&self, ticket: &str, answer: &str) -> Result<bool, Refused> {
        self.told().answers_used.push((ticket.into(), answer.into()));
        Ok(answer.contains('/'))
    }

    fn put_asset(&self, id: &str, asset: AssetRecord) -> Result<Kept<AssetRecord>, Refused> {
        let known = self.told().assets.insert(id.into(), asset.clone());
        Ok(if known.is_some() { Kept::Known(asset) } else { Kept::New(asset) })
    }

    fn remove_asset(&self, id: &str, by: &str) -> Result<AssetRemoved, Refused> {
        if id == "host:pve1" {
            return Err(Refused::Needed("`vm:100` depends on `host:pve1`".into()));
        }
        let mut told = self.told();
        told.erased_by.push(by.into());
        Ok(AssetRemoved { removed: told.assets.remove(id).is_some() })
    }

    fn put_customer(&self, id: &str, customer: CustomerRecord) -> Result<Kept<CustomerRecord>, Refused> {
        let known = self.told().customers.insert(id.into(), customer.clone());
        Ok(if known.is_some() { Kept::Known(customer) } else { Kept::New(customer) })
    }

    fn forget_customer(&self, id: &str, by: &str) -> Result<Forgotten, Refused> {
        let mut told = self.told();
        told.erased_by.push(by.into());
        let customer = told.customers.remove(id).is_some();
        Ok(Forgotten { customer, ..Forgotten::default() })
    }

    fn import(&self, _kind: ImportKind, rows: &mut dyn Read, dry_run: bool) -> Result<Imported, Refused> {
        let mut imported = Imported { dry_run, ..Imported::default() };
        for (line, row) in (1_u64..).zip(BufReader::new(rows).split(b'\n')) {
            let row = row.map_err(|_| Refused::BrokeOff)?;
            let row = String::from_utf8_lossy(&row);
            if line == 1 {
                if !row.starts_with("id") {
                    return Err(Refused::Invalid { field: "id".into(), why: "the header has no such column".into() });
                }
                continue;
            }
            imported.rows += 1;
            if row.starts_with(',') {
                imported.complaints.push(Complaint { line, why: "`id` is empty".into() });
                continue;
            }
            imported.taken += 1;
            if !dry_run {
                let id = row.split(',').next().unwrap_or_default().to_owned();
                self.told().customers.insert(id, CustomerRecord::default());
            }
        }
        Ok(imported)
    }

    fn report(&self, name: ReportName, _span: Span) -> Result<serde_json::Value, Refused> {
        match name {
            ReportName::Topics => Err(Refused::Busy("it is being made; ask again".into())),
            _ => Ok(serde_json::json!({ "customers": self.told().customers.len() })),
        }
    }
}
