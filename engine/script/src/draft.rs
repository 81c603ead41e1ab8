//! Reads `draft` of a rule: which customers' drafts set it off.

use std::collections::BTreeMap;

use heinzel_core::asset::is_kind;
use heinzel_core::look::DraftClause;
use heinzel_core::rule::Has;
use rhai::Map;

use crate::reader::Reader;

/// The languages customers are answered in.
const LANGUAGES: [&str; 2] = ["de", "en"];

/// Reads and checks `draft`.
pub(crate) fn read(reader: &mut Reader<'_>, map: &Map, has: Has) -> Option<DraftClause> {
    let shape = "a map like #{ intents: [\"web/site-down\"], asset: \"vm\" }";
    let clause = reader.map(map, "draft", shape)?;
    reader.unknown_keys(&clause, "draft", &["intents", "asset", "found"]);
    let intents = reader.texts(&clause, "intents", "draft");
    if intents.is_empty() {
        reader.error(
            "draft",
            "`draft` names no intents",
            "add the answers that fit such drafts: intents: [\"web/site-down\"]",
        );
    }
    for (number, intent) in intents.iter().enumerate() {
        if !is_answer(intent) {
            reader.error(
                &format!("draft.intents[{number}]"),
                format!("`{intent}` is no answer's name"),
                "write pack and name in lower case: \"web/site-down\"",
            );
        }
    }
    let asset = reader.texts(&clause, "asset", "draft");
    if asset.is_empty() || !asset.iter().all(|kind| is_kind(kind)) {
        reader.error(
            "draft",
            "`draft` names no kind of asset",
            "add the part before the colon of the assets it can look at, a lower-case word: asset: \"vm\"",
        );
    }
    let mut found = BTreeMap::new();
    if let Some(words) = clause.get("found").and_then(|value| value.read_lock::<Map>().map(|words| words.clone())) {
        reader.unknown_keys(&words, "draft.found", &LANGUAGES);
        for language in LANGUAGES {
            match reader.text(&words, language, "draft.found") {
                Some(text) if text.trim().is_empty() || text.len() > 200 || text.chars().any(char::is_control) => {
                    let path = format!("draft.found.{language}");
                    reader.error(&path, "it is not one line of 1 to 200 bytes", "end the sentence \"found: …\"");
                }
                Some(text) => drop(found.insert(language.to_owned(), text)),
                None => reader.error(
                    "draft.found",
                    format!("`found` has no `{language}`"),
                    "say in both languages what the customer is told",
                ),
            }
        }
    } else if clause.contains_key("found") {
        reader.error("draft.found", "`found` is no map", "write found: #{ de: \"…\", en: \"…\" }");
    }
    for (there, key) in [(has.probe, "probe"), (has.fix, "fix")] {
        if !there {
            let hint = format!("a draft is no proof of a fault: `{key}` must say what is wrong, or that nothing is");
            reader.key_error("draft", format!("`draft` without `{key}`"), hint);
        }
    }
    Some(DraftClause { intents, asset, found })
}

/// Whether a text could be an answer's name.
pub(crate) fn is_answer(name: &str) -> bool {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
    };
    name.split_once('/').is_some_and(|(pack, name)| word(pack) && word(name))
}
