//! What the form shows for a draft: what is known of the customer's own asset first, then the answers that fit, or nothing.
//!
//! Start at [`suggest`]. Silence beats a wrong answer: answers are shown when one of the first three reaches the
//! threshold, each if its conditions hold and every variable that it needs has a value. What goes on at the customer's asset is no text to be
//! matched but comes first, when the draft could be about it.

pub mod news;

use std::collections::BTreeSet;

use heinzel_core::glob::Glob;
use heinzel_core::stand::Stand;

use crate::answer::{Answer, AnswerId, Audience, Language, Link, Parts};
use crate::library::Library;
use crate::rank::{self, Ranked};
use crate::render::{self, Context};
use news::News;

/// Suggestions shown at most: what customers read beside a form.
pub const MOST: usize = rank::LOOKED_AT;
/// Ranked answers that are looked at, because some of them cannot be shown to this customer.
pub const RANKED: usize = 8;
/// Content words below which a draft says nothing yet: "wo kann ich kündigen" has one, and says it all.
const FEWEST_WORDS: usize = 1;
/// A further answer needs so much of the threshold that the first one reached.
pub const FURTHER: f32 = 0.7;
/// An incident's answer needs so much of the threshold for the draft to be about it.
const COMPATIBLE: f32 = 0.4;
/// The confidence of an item whose incident alone speaks for it.
const OF_AN_INCIDENT: f32 = 0.5;

/// An incident that concerns the customer.
#[derive(Clone, Debug)]
pub struct Concern {
    /// Its number.
    pub incident: u64,
    /// The rule that found it.
    pub rule: String,
    /// The answer that the rule names.
    pub answer: Option<AnswerId>,
    /// The answers that fit drafts which set the rule off.
    pub intents: Vec<AnswerId>,
    /// How it stands.
    pub stand: Stand,
    /// What the rule says it has found, by language.
    pub found: std::collections::BTreeMap<String, String>,
    /// The asset's name for people, where it has one.
    pub asset_name: Option<String>,
    /// The kind of asset.
    pub asset_kind: String,
    /// Since when (of a person: since when they know), as people say it.
    pub since: String,
    /// Until when, as people say it.
    pub until: Option<String>,
    /// This draft set it off.
    pub of_this_draft: bool,
}

impl Concern {
    /// Whether a draft that this answer fits could be about it.
    fn is_about(&self, answer: &str) -> bool {
        self.answer.as_deref() == Some(answer) || self.intents.iter().any(|intent| intent == answer)
    }
}

/// What is known of a draft and of who writes it.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The draft's language.
    pub language: Language,
    /// Its content words.
    pub words: usize,
    /// The kind of the asset it is about.
    pub asset_kind: Option<&'a str>,
    /// Values for placeholders, but for those of an incident.
    pub context: Context,
    /// What concerns the customer, newest first.
    pub concerns: &'a [Concern],
    /// Today, `2026-11-22`: answers have a last day.
    pub today: &'a str,
}

/// What a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A written answer.
    Answer,
    /// Something that is wrong now.
    Incident,
    /// Something that was repaired lately.
    Fix,
}

/// One suggestion.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// An answer's id, or an incident's number.
    pub id: String,
    /// In the customer's words.
    pub title: String,
    /// By this the items are ordered.
    pub rank_score: f32,
    /// From 0 to 1.
    pub confidence: f32,
    /// Words of the draft that the answer's file has, too.
    pub words: Vec<String>,
    /// The nearest example draft of the answer's file.
    pub example: Option<String>,
    /// The incident that it is about.
    pub incident: Option<u64>,
    /// The text.
    pub parts: Parts,
    /// Where to go on.
    pub links: Vec<Link>,
}

/// Why nothing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// Too few words yet.
    TooShort,
    /// No answer is likely enough.
    NothingFits,
}

/// Whether a draft of so many content words says enough, and its answers fit it well enough, for any to be shown.
#[must_use]
pub fn passes(words: usize, ranked: &[Ranked], threshold: f32) -> bool {
    words >= FEWEST_WORDS && rank::fit(ranked) >= threshold
}

/// Picks what is shown of the ranked answers and the concerns; never more than [`MOST`], best first.
///
/// # Errors
/// [`Nothing`] when silence is right.
pub fn suggest(
    library: &Library,
    documents: &[AnswerId],
    ranked: &[Ranked],
    threshold: f32,
    asked: &Asked<'_>,
) -> Result<Vec<Item>, Nothing> {
    let id_of = |one: &Ranked| documents.get(one.document).map(String::as_str);
    let mut items: Vec<Item> = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for concern in asked.concerns {
        let fit = ranked.iter().find(|one| id_of(one).is_some_and(|id| concern.is_about(id)));
        let compatible = fit.is_some_and(|one| one.raw >= threshold * COMPATIBLE) || asked.words < FEWEST_WORDS;
        if !(compatible || concern.of_this_draft) || items.len() + 1 >= MOST || !is_worth_telling(concern) {
            continue;
        }
        if let Some(item) = of_concern(library, concern, fit, asked) {
            told.extend(concern.answer.as_deref());
            items.push(item);
        }
    }
    if asked.words < FEWEST_WORDS {
        return if items.is_empty() { Err(Nothing::TooShort) } else { Ok(items) };
    }
    let repaired = just_repaired(library, &items, asked);
    let places = MOST - usize::from(repaired.is_some());
    let passes = passes(asked.words, ranked, threshold);
    for one in ranked.iter().filter(|_| passes) {
        if items.len() >= places {
            break;
        }
        let enough = one.raw >= threshold * FURTHER;
        let answer = id_of(one).filter(|id| enough && !told.contains(id)).and_then(|id| library.get(id));
        items.extend(answer.and_then(|answer| of_answer(answer, one, asked)));
    }
    let last = items.last().map_or(0.0, |item| item.rank_score);
    items.extend(repaired.map(|item| Item { rank_score: last - 1.0, ..item }));
    if items.is_empty() { Err(Nothing::NothingFits) } else { Ok(items) }
}

/// What was repaired last at the asset that the draft is about: worth a place behind the answers, whatever the draft says.
fn just_repaired(library: &Library, items: &[Item], asked: &Asked<'_>) -> Option<Item> {
    asked.asset_kind?;
    let repaired = asked.concerns.iter().find(|concern| concern.stand == Stand::Repaired)?;
    let is_told = items.iter().any(|item| item.incident == Some(repaired.incident));
    if is_told { None } else { of_concern(library, repaired, None, asked) }
}

/// What nobody has in hand is no comfort; the customer writes, and the ticket carries what was found.
fn is_worth_telling(concern: &Concern) -> bool {
    !matches!(concern.stand, Stand::Unsettled) && (concern.of_this_draft || !matches!(concern.stand, Stand::Well))
}

fn of_answer(answer: &Answer, one: &Ranked, asked: &Asked<'_>) -> Option<Item> {
    if !may_be_shown(answer, asked) {
        return None;
    }
    let variant = answer.variants.get(&asked.language)?;
    let rendered = render::render(variant, &context_with_incident(answer, asked)).ok()?;
    Some(Item {
        kind: Kind::Answer,
        id: answer.id.clone(),
        title: rendered.title,
        rank_score: one.rank_score,
        confidence: one.confidence,
        words: one.words.clone(),
        example: one.example.clone(),
        incident: None,
        parts: rendered.parts,
        links: rendered.links,
    })
}

fn may_be_shown(answer: &Answer, asked: &Asked<'_>) -> bool {
    let in_time = answer.valid_until.as_deref().is_none_or(|last| asked.today <= last);
    let conditions = &answer.conditions;
    let asset = conditions.asset.is_empty()
        || asked.asset_kind.is_some_and(|kind| conditions.asset.iter().any(|wanted| wanted == kind));
    let incident = conditions.incident.is_empty()
        || asked.concerns.iter().any(|c| conditions.incident.iter().any(|glob| Glob(glob.clone()).fits(&c.rule)));
    answer.audience == Audience::Customer && in_time && asset && incident
}

/// The values for an answer: an incident whose rule names this answer speaks in it.
fn context_with_incident(answer: &Answer, asked: &Asked<'_>) -> Context {
    let mut context = asked.context.clone();
    if let Some(concern) = asked.concerns.iter().find(|c| c.answer.as_deref() == Some(&*answer.id)) {
        tell(concern, asked.language, &mut context);
    }
    context
}

fn tell(concern: &Concern, language: Language, context: &mut Context) {
    context.set("incident.title", &news::title(concern, language));
    context.set("incident.since", &concern.since);
    if let Some(until) = &concern.until {
        context.set("incident.resolved_at", until);
    }
}

fn of_concern(library: &Library, concern: &Concern, fit: Option<&Ranked>, asked: &Asked<'_>) -> Option<Item> {
    let language = asked.language;
    let news = News::of(concern, language);
    let mut parts = Parts::default();
    let mut links = Vec::new();
    let answer = concern.answer.as_deref().and_then(|id| library.get(id)).filter(|a| may_be_shown(a, asked));
    if let Some(rendered) = answer.and_then(|answer| {
        let variant = answer.variants.get(&language)?;
        render::render(variant, &context_with_incident(answer, asked)).ok()
    }) {
        // What is being done comes from the incident; of the answer stays what holds in any case.
        parts.acknowledge = rendered.parts.acknowledge;
        parts.advise = rendered.parts.advise;
        links = rendered.links;
    }
    parts.act = news.text;
    let kind = if matches!(concern.stand, Stand::Repaired | Stand::Well) { Kind::Fix } else { Kind::Incident };
    Some(Item {
        kind,
        id: concern.incident.to_string(),
        title: news.title,
        // Above all answers, in the order in which they came.
        rank_score: 1_000.0 + fit.map_or(0.0, |one| one.rank_score),
        confidence: fit.map_or(OF_AN_INCIDENT, |one| one.confidence.max(OF_AN_INCIDENT)),
        words: fit.map(|one| one.words.clone()).unwrap_or_default(),
        example: fit.and_then(|one| one.example.clone()),
        incident: Some(concern.incident),
        parts,
        links,
    })
}

#[cfg(test)]
mod tests;
