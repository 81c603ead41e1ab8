//! How an incident stands, said to the customer whom it concerns.

use heinzel_core::stand::Stand;

use crate::answer::Language;
use crate::called::yours;
use crate::suggest::Concern;

/// News for a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub text: String,
}

impl News {
    /// The news of an incident.
    #[must_use]
    pub fn of(concern: &Concern, language: Language) -> Self {
        Self { title: title(concern, language), text: text(concern, language, true) }
    }

    /// The same without times: for where the time stands beside it, as the reader's own clock shows it.
    #[must_use]
    pub fn undated(concern: &Concern, language: Language) -> Self {
        Self { title: title(concern, language), text: text(concern, language, false) }
    }
}

/// What the asset is called in a sentence.
fn asset(concern: &Concern, language: Language) -> String {
    let kind = yours(&concern.asset_kind, language);
    match &concern.asset_name {
        Some(name) => match language {
            Language::De => format!("{kind} „{name}“"),
            Language::En => format!("{kind} “{name}”"),
        },
        None => kind.to_owned(),
    }
}

fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A few words over the news.
pub(crate) fn title(concern: &Concern, language: Language) -> String {
    let asset = first_upper(&asset(concern, language));
    match (concern.stand, language) {
        (Stand::Checking, Language::De) => format!("{asset} wird gerade geprüft"),
        (Stand::Checking, Language::En) => format!("{asset} is being checked"),
        (Stand::Found | Stand::Waiting, Language::De) => format!("{asset}: Ursache gefunden"),
        (Stand::Found | Stand::Waiting, Language::En) => format!("{asset}: we have found the cause"),
        (Stand::Repairing, Language::De) => format!("{asset} wird gerade repariert"),
        (Stand::Repairing, Language::En) => format!("{asset} is being repaired"),
        (Stand::Repaired, Language::De) => format!("{asset} ist repariert"),
        (Stand::Repaired, Language::En) => format!("{asset} has been repaired"),
        (Stand::Well, Language::De) => format!("{asset} ist geprüft"),
        (Stand::Well, Language::En) => format!("{asset} has been checked"),
        (Stand::Telling, Language::De) => format!("{asset}: wir holen jemanden dazu"),
        (Stand::Telling, Language::En) => format!("{asset}: we are getting a technician"),
        (Stand::HandedOver, Language::De) => format!("{asset}: ein Mensch kümmert sich"),
        (Stand::HandedOver, Language::En) => format!("{asset}: a person is on it"),
        (Stand::Unsettled, Language::De) => format!("{asset}: bitte schreiben Sie uns"),
        (Stand::Unsettled, Language::En) => format!("{asset}: please write to us"),
    }
}

fn text(concern: &Concern, language: Language, dated: bool) -> String {
    let asset = asset(concern, language);
    let upper = first_upper(&asset);
    let found = concern.found.get(language.code()).map(String::as_str);
    let when = |before: &str, time: &str| if dated { format!("{before}{time}") } else { String::new() };
    let (since, until) = (&*concern.since, concern.until.as_deref().unwrap_or(&concern.since));
    match language {
        Language::De => {
            let cause = found.map(|found| format!("Gefunden: {found}. ")).unwrap_or_default();
            match concern.stand {
                Stand::Checking => {
                    format!("Wir prüfen {} gerade. Sie können in Ruhe weiterschreiben.", accusative(&asset))
                }
                Stand::Found => format!("{cause}Die Reparatur beginnt, sobald eine andere dort fertig ist."),
                Stand::Waiting => format!(
                    "{cause}Die Reparatur ist vorbereitet, darf aber gerade nicht beginnen; wann, ist noch offen. Ist es eilig, senden Sie Ihre Nachricht bitte ab."
                ),
                Stand::Repairing => format!("{cause}Wir reparieren das gerade und sagen hier Bescheid."),
                Stand::Repaired => {
                    format!("{cause}Repariert und geprüft: {upper} läuft wieder{}.", when(" seit ", until))
                }
                Stand::Well => format!(
                    "Wir haben {} geprüft{}: Von hier aus ist alles in Ordnung. Hilft Ihnen das nicht, senden Sie Ihre Nachricht bitte ab.",
                    accusative(&asset),
                    when(", zuletzt um ", until)
                ),
                Stand::Telling => format!(
                    "{cause}Das klären wir nicht von allein und sagen gerade unserer Technik Bescheid. Sie können in Ruhe weiterschreiben."
                ),
                Stand::HandedOver => format!(
                    "{cause}Eine Technikerin oder ein Techniker weiß{} Bescheid und kümmert sich darum. Geht es Ihnen darum, müssen Sie nicht noch einmal schreiben.",
                    when(" seit ", since)
                ),
                Stand::Unsettled => UNSETTLED.0.to_owned(),
            }
        }
        Language::En => {
            let cause = found.map(|found| format!("Found: {found}. ")).unwrap_or_default();
            match concern.stand {
                Stand::Checking => format!("We are checking {asset} right now. Feel free to keep writing."),
                Stand::Found => format!("{cause}The repair starts as soon as another one there is done."),
                Stand::Waiting => format!(
                    "{cause}The repair is prepared but may not start right now, and we cannot say yet when it will. If it is urgent, please send your message."
                ),
                Stand::Repairing => format!("{cause}We are repairing this now and will tell you here."),
                Stand::Repaired => {
                    format!(
                        "{cause}Repaired and checked: {asset} {}.",
                        match dated {
                            true => format!("has been running again since {until}"),
                            false => "is running again".to_owned(),
                        }
                    )
                }
                Stand::Well => format!(
                    "We have checked {asset}{}: from here, everything is fine. If that does not help, please send your message.",
                    when(", last at ", until)
                ),
                Stand::Telling => format!(
                    "{cause}We cannot settle this by ourselves and are telling a technician right now. Feel free to keep writing."
                ),
                Stand::HandedOver => {
                    let knows = if dated {
                        format!("has known about this since {since}")
                    } else {
                        "knows about this".to_owned()
                    };
                    format!(
                        "{cause}A technician {knows} and is on it. If this is what you are writing about, there is no need to write again."
                    )
                }
                Stand::Unsettled => UNSETTLED.1.to_owned(),
            }
        }
    }
}

/// For what nobody has in hand.
const UNSETTLED: (&str, &str) = (
    "Das konnten wir nicht von allein klären. Bitte senden Sie Ihre Nachricht ab: Was wir gefunden haben, liegt dem Support vor.",
    "We could not settle this by ourselves. Please send your message: support sees what we have found.",
);

/// The same of a draft of which is not known any more what it set off.
#[must_use]
pub const fn unsettled(language: Language) -> &'static str {
    match language {
        Language::De => UNSETTLED.0,
        Language::En => UNSETTLED.1,
    }
}

/// „Wir prüfen …“: all nouns above but the masculine ones stay as they are.
fn accusative(asset: &str) -> String {
    let ending = |word: &str| asset.strip_prefix(word).map(|rest| format!("Ihren{}{rest}", &word[3..]));
    ["Ihr Server", "Ihr Dienst"].into_iter().find_map(ending).unwrap_or_else(|| asset.to_owned())
}
