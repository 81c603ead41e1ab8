//! What the form is told, in the words of the API.

use heinzel_knowledge::answer::Language;
use heinzel_knowledge::suggest::{self, Kind};
use heinzel_knowledge::tone::{self, Subject, Tone};
use heinzel_server::draft::News;
use heinzel_server::suggestion::{self, NothingReason, Suggestions};

use super::read::Read;

/// The answer to a draft.
pub(super) fn of(
    draft_id: String,
    read: &Read,
    items: Vec<suggest::Item>,
    nothing: Option<NothingReason>,
    news: Option<News>,
) -> Suggestions {
    let subject = match items.first().map(|item| item.kind) {
        Some(Kind::Incident) => Subject::Incident,
        Some(Kind::Fix) => Subject::Fix,
        _ => Subject::Answer,
    };
    let language = read.language;
    let opening =
        if items.is_empty() { String::new() } else { tone::opening(&read.tone, language, subject).to_owned() };
    Suggestions {
        draft_id,
        language,
        words: u32::try_from(read.words).unwrap_or(u32::MAX),
        items: items.into_iter().map(shown).collect(),
        nothing: nothing.map(|reason| suggestion::Nothing { reason, text: silence(reason, language).to_owned() }),
        tone: suggestion::Tone {
            tone: match read.tone.tone {
                Tone::Calm => suggestion::ToneName::Calm,
                Tone::Worried => suggestion::ToneName::Worried,
                Tone::Upset => suggestion::ToneName::Upset,
            },
            evidence: read.tone.evidence.iter().map(ToString::to_string).collect(),
        },
        opening,
        news,
    }
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
const fn silence(reason: NothingReason, language: Language) -> &'static str {
    match (reason, language) {
        (NothingReason::NothingFits, Language::De) => {
            "Dazu haben wir keine fertige Antwort. Bitte senden Sie Ihre Nachricht ab."
        }
        (NothingReason::NothingFits, Language::En) => "We have no ready answer to this. Please send your message.",
        _ => "",
    }
}
