//! `POST /v1/suggestions`: what fits a draft.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use heinzel_knowledge::answer::{self, Language};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::door::Door;
use crate::draft::News;
use crate::failure::Failure;
use crate::front::Asker;
use crate::{body, openapi, wire};

/// What fits a draft, so far. At most three items, best first, or nothing, with the reason. A draft may be asked about 90
/// times a minute, its feedback counted, beside the rate of its form and address.
///
/// # Errors
/// 401 and 403 when key, origin, claim, customer or asset do not belong together; 404 when the draft belongs to somebody
/// else; 429 when asked too often; else by what is wrong with the request.
#[utoipa::path(
    post,
    path = "/v1/suggestions",
    tag = "form",
    request_body = Draft,
    responses(
        (status = 200, description = "What fits, or nothing", body = Suggestions),
        openapi::FormProblems,
    ),
    security(("form" = []), ("form" = [], "claim" = [])),
)]
pub async fn suggestions(State(door): State<Arc<Door>>, request: Request<Body>) -> Result<Json<Suggestions>, Failure> {
    let (parts, body) = request.into_parts();
    let visit = door.visit(&parts, true)?;
    let bytes = body::read(&parts.headers, body, door.limits.form_body, door.limits.body_within).await?;
    let draft: Draft = body::json(&parts.headers, &bytes)?;
    draft.check()?;
    draft.agrees(&visit.asker)?;
    door.look(&visit.asker.owner(), &draft.draft_id)?;
    door.suggested(&visit.asker, draft).await.map(Json)
}

/// What a customer has written so far.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Made by the form, one for each draft. It belongs to the customer, or to the form's key where none is known, that
    /// first used it.
    #[schema(pattern = "^[A-Za-z0-9_-]{16,64}$", example = "b7c1a5de-4a10-4a52-8a55-0c6f5be0c1d2")]
    pub draft_id: String,
    /// The subject so far.
    #[serde(default)]
    #[schema(max_length = 1000, example = "Server")]
    pub subject: String,
    /// The text so far.
    #[schema(max_length = 20000, example = "Mein Server startet nicht mehr")]
    pub body: String,
    /// The form's language, as a BCP 47 tag. The answer is in the language of the text; where that cannot be told, as of a
    /// few words, in this one, else in the customer's, else in German.
    #[serde(default)]
    #[schema(max_length = 35, example = "de")]
    pub locale: Option<String>,
    /// The time zone of the customer's clock, by its IANA name: in it the texts name times. Without one that is known: the
    /// operator's (`[answers] time_zone`).
    #[serde(default)]
    #[schema(max_length = 64, example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// The customer. Must be the one of the claim.
    #[serde(default)]
    #[schema(pattern = "^[!-~]{1,128}$", example = "K1")]
    pub customer: Option<String>,
    /// The asset that the form is about. Must be the customer's.
    #[serde(default)]
    #[schema(
        pattern = "^[a-z][a-z0-9_-]{0,31}:[A-Za-z0-9_:@+/\\\\\\u00c0-\\u024f][A-Za-z0-9_.:@+/\\\\\\u00c0-\\u024f-]{0,149}$",
        example = "vm:100"
    )]
    pub asset: Option<String>,
    /// The page that the form is on.
    #[serde(default)]
    #[schema(max_length = 512, example = "/tickets/new")]
    pub page: Option<String>,
    /// The field that is being written in.
    #[serde(default)]
    #[schema(max_length = 128, example = "body")]
    pub field: Option<String>,
}

impl Draft {
    /// The most characters of the text.
    pub(crate) const BODY: usize = 20_000;

    fn check(&self) -> Result<(), Failure> {
        wire::draft_id_if("draft_id", Some(&self.draft_id))?;
        wire::at_most("subject", &self.subject, 1_000)?;
        wire::at_most("body", &self.body, Self::BODY)?;
        wire::at_most_if("locale", self.locale.as_deref(), 35)?;
        wire::at_most_if("time_zone", self.time_zone.as_deref(), 64)?;
        wire::id_if("customer", self.customer.as_deref())?;
        wire::asset_id_if("asset", self.asset.as_deref())?;
        wire::at_most_if("page", self.page.as_deref(), 512)?;
        wire::at_most_if("field", self.field.as_deref(), 128)
    }

    /// Whoever asks about a customer or an asset must be vouched for.
    fn agrees(&self, asker: &Asker) -> Result<(), Failure> {
        let Some(claim) = &asker.customer else {
            return if self.customer.is_some() || self.asset.is_some() {
                Err(Failure::not_theirs("`customer` and `asset` need the header `Heinzel-Claim`, signed by the shop"))
            } else {
                Ok(())
            };
        };
        if self.customer.as_ref().is_some_and(|customer| *customer != claim.id) {
            return Err(Failure::not_theirs("`customer` is not the one of the claim"));
        }
        let listed = |asset| claim.assets.as_ref().is_none_or(|assets| assets.contains(asset));
        if self.asset.as_ref().is_some_and(|asset| !listed(asset)) {
            return Err(Failure::no_asset_of_theirs());
        }
        Ok(())
    }
}

/// What fits, or why nothing is shown.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Suggestions {
    /// The draft's id.
    pub draft_id: String,
    /// The language of the answer.
    #[schema(value_type = LanguageCode)]
    pub language: Language,
    /// How many content words the draft has.
    pub words: u32,
    /// At most three, best first.
    #[schema(max_items = 3)]
    pub items: Vec<Item>,
    /// Set when there are no items.
    #[schema(required)]
    pub nothing: Option<Nothing>,
    /// How the draft sounds.
    pub tone: Tone,
    /// One sentence before the items, adapted to the tone. May be empty.
    pub opening: String,
    /// The latest news about the customer's asset, set off by this draft. Set: ask for more at
    /// `/v1/drafts/{draft_id}/news`.
    #[schema(required)]
    pub news: Option<News>,
}

/// A language that customers are answered in: the schema of the knowledge crate's own type.
#[derive(ToSchema)]
#[schema(as = Language)]
#[serde(rename_all = "lowercase")]
pub enum LanguageCode {
    /// German.
    De,
    /// English.
    En,
}

/// One suggestion.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its id: of an answer `pack/id`, of an incident or fix its number.
    #[schema(example = "virtualisation/server-does-not-start")]
    pub id: String,
    /// A symptom or question, in the customer's words.
    pub title: String,
    /// By this the items are ordered.
    pub rank_score: f64,
    /// How sure the engine is that it fits, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: f64,
    /// Why it is shown.
    pub why: Why,
    /// The text, as Markdown; a part may be empty.
    pub parts: Parts,
    /// Where to go on.
    pub links: Vec<Link>,
}

/// What a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// A written answer.
    Answer,
    /// Something that is wrong now with the customer's asset.
    Incident,
    /// Something that was repaired there within the last 24 hours.
    Fix,
}

/// Why a suggestion is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Why {
    /// Words of the draft that the answer's file has, too.
    pub words: Vec<String>,
    /// The closest of the example drafts in the answer's file. What was learned of customers is not shown.
    #[schema(required)]
    pub example: Option<String>,
    /// The incident that it is about.
    #[schema(required)]
    pub incident: Option<u64>,
}

/// The five parts of an answer, as Markdown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Parts {
    /// Shows that the problem is understood.
    pub acknowledge: String,
    /// Asks what is missing, or says how it can be found out.
    pub clarify: String,
    /// Says what both sides go by.
    pub agree: String,
    /// Says what is done, by whom and until when.
    pub act: String,
    /// Says how it stays away.
    pub advise: String,
}

impl From<answer::Parts> for Parts {
    fn from(parts: answer::Parts) -> Self {
        let answer::Parts { acknowledge, clarify, agree, act, advise } = parts;
        Self { acknowledge, clarify, agree, act, advise }
    }
}

/// A place to go on reading or acting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    /// What is behind it.
    pub title: String,
    /// An absolute address.
    pub url: String,
}

/// Why nothing is shown. Silence beats a wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Nothing {
    /// For programs.
    pub reason: NothingReason,
    /// For people. May be empty.
    pub text: String,
}

/// Why nothing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NothingReason {
    /// There are too few words yet.
    TooShort,
    /// No answer is likely enough.
    NothingFits,
    /// This draft is in the share that sees no suggestions, so that their worth can be measured.
    HoldOut,
    /// Suggestions are switched off.
    Off,
}

/// How a draft sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tone {
    /// Which tone.
    pub tone: ToneName,
    /// By what: a signal and the words that show it.
    #[schema(example = json!(["waiting: seit drei Tagen"]))]
    pub evidence: Vec<String>,
}

/// How a draft sounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToneName {
    /// Without signs of worry or anger.
    #[default]
    Calm,
    /// Worried.
    Worried,
    /// Upset.
    Upset,
}
