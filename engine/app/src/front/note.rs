//! What is remembered of a draft: what it came to and what was shown, never what was written unless the operator keeps it redacted.

use heinzel_core::draft::{self as kept, Owner};
use heinzel_core::redact::Redacted;
use heinzel_knowledge::rank::tiers::By;
use heinzel_knowledge::suggest::Item;
use heinzel_server::suggestion::{self, NothingReason};
use heinzel_store::error::StoreError;

use super::read::Read;
use super::{Desk, drafts};
use crate::clock;

/// What a draft came to.
pub(super) struct Outcome<'a> {
    pub(super) owner: &'a Owner,
    pub(super) asset: Option<String>,
    pub(super) held_out: bool,
    /// What fitted best, also where nothing was shown.
    pub(super) best: Option<kept::Top>,
    pub(super) nothing: Option<NothingReason>,
    /// What is shown.
    pub(super) items: &'a [Item],
    pub(super) by: By,
}

/// What is remembered of the item that fits best.
pub(super) fn top(item: &Item) -> kept::Top {
    kept::Top { item: item.id.clone(), confidence: f64::from(item.confidence) }
}

impl Desk {
    /// Writes down what a draft came to, and what is shown now and was not before.
    pub(super) fn note(&self, draft: &suggestion::Draft, read: &Read, outcome: Outcome<'_>) {
        let now = clock::now();
        let names = if self.settings.keep_drafts { self.names_of(outcome.owner) } else { None };
        let text = names.map(|names| {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            Redacted::of(&read.whole[..read.whole.floor_char_boundary(drafts::TEXT)], &known)
        });
        self.customers.note_draft(kept::Draft {
            id: draft.draft_id.clone(),
            owner: outcome.owner.clone(),
            language: read.language.code().to_owned(),
            page: draft.page.clone(),
            field: draft.field.clone(),
            asset: outcome.asset,
            first: now,
            last: now,
            words: u32::try_from(read.words).unwrap_or(u32::MAX),
            hold_out: outcome.held_out,
            top: outcome.best,
            nothing: outcome.nothing.map(|reason| match reason {
                NothingReason::TooShort => kept::Nothing::TooShort,
                NothingReason::NothingFits => kept::Nothing::NothingFits,
                NothingReason::HoldOut => kept::Nothing::HoldOut,
                NothingReason::Off => kept::Nothing::Off,
            }),
            text,
        });
        if outcome.items.is_empty()
            || !self.drafts.shows_anew(&draft.draft_id, outcome.items.iter().map(|item| &*item.id))
        {
            return;
        }
        let ranker = if outcome.by == By::Meaning { "meaning" } else { "words" };
        let shown = (1..).zip(outcome.items).map(|(place, item)| kept::Shown {
            draft: draft.draft_id.clone(),
            item: item.id.clone(),
            rank: place,
            confidence: f64::from(item.confidence),
            ranker: ranker.to_owned(),
            at: now,
        });
        self.customers.note_shown(shown.collect());
    }

    /// What a customer and what is theirs is called: that is nobody else's business. `None`: it cannot be read, so no text of theirs
    /// can be kept without it.
    pub(super) fn names_of(&self, owner: &Owner) -> Option<Vec<String>> {
        let Some(id) = owner.customer() else { return Some(Vec::new()) };
        let read = self.customers.customer(id).and_then(|customer| Ok((customer, self.customers.assets_of(id)?)));
        let said =
            |error: &StoreError| tracing::error!(%error, "a text is not kept, because the names in it are not known");
        let (customer, assets) = read.inspect_err(said).ok()?;
        let name = customer.and_then(|customer| customer.name).unwrap_or_default();
        let words = name.split_whitespace().map(ToOwned::to_owned);
        let assets = assets.into_iter().filter_map(|asset| asset.name);
        Some(words.chain(assets).chain([id.to_owned()]).collect())
    }
}
