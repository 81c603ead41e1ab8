//! What is shown to whom, and when nothing is.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::front_matter;

fn answer_file(id: &str, language: Language, extra: &str, act: &str) -> front_matter::AnswerFile {
    let text = format!(
        "+++\ntitle = \"Mein Server startet nicht\"\ncategory = \"server\"\naudience = \"customer\"\n\
         questions = [\"Server startet nicht\", \"VM geht nicht an\", \"mein vps ist aus\"]\n{extra}\n+++\n\n\
         ## acknowledge\nDas ist dringend.\n## clarify\n## agree\n## act\n{act}\n## advise\nBis bald.\n"
    );
    let file = Path::new("rules/virtualisation/answers/x.md");
    let (file, complaints) = front_matter::parse(file, id, language, &text);
    file.unwrap_or_else(|| panic!("{complaints:?}"))
}

fn library(files: Vec<front_matter::AnswerFile>) -> Library {
    Library::build(files).0
}

/// Two answers: one that needs nothing, one that needs the asset's name.
fn two() -> Library {
    library(vec![
        answer_file("vm/start", Language::De, "", "Wir sehen nach."),
        answer_file("vm/start", Language::En, "", "We are looking."),
        answer_file("vm/name", Language::De, "[variables]\n\"asset.name\" = true", "{{ asset.name }} läuft."),
        answer_file("vm/name", Language::En, "[variables]\n\"asset.name\" = true", "{{ asset.name }} runs."),
    ])
}

fn ranked(document: usize, raw: f32) -> Ranked {
    let words = vec!["server".to_owned()];
    Ranked { document, rank_score: raw * 2.0, raw, confidence: raw, words, example: None }
}

fn concern(stand: Stand, answer: &str, of_this_draft: bool) -> Concern {
    let words = |text: &str| text.to_owned();
    Concern {
        incident: 12,
        rule: "virtualisation.guest-locked".into(),
        answer: Some(answer.into()),
        intents: Vec::new(),
        stand,
        found: BTreeMap::from([("de".into(), words("er war gesperrt")), ("en".into(), words("it was locked"))]),
        asset_name: Some("shop".into()),
        asset_kind: "vm".into(),
        since: "13:58".into(),
        until: Some("14:03".into()),
        of_this_draft,
    }
}

struct Case<'a> {
    words: usize,
    language: Language,
    context: Context,
    concerns: &'a [Concern],
    kind: Option<&'a str>,
}

impl Case<'_> {
    fn shows(&self, library: &Library, ranked: &[Ranked]) -> Result<Vec<(Kind, String)>, Nothing> {
        self.items(library, ranked).map(|items| items.into_iter().map(|item| (item.kind, item.id)).collect())
    }

    fn items(&self, library: &Library, ranked: &[Ranked]) -> Result<Vec<Item>, Nothing> {
        let documents: Vec<AnswerId> = ["vm/start", "vm/name"].map(ToOwned::to_owned).to_vec();
        let asked = Asked {
            language: self.language,
            words: self.words,
            asset_kind: self.kind,
            context: self.context.clone(),
            concerns: self.concerns,
            today: "2026-11-22",
        };
        suggest(library, &documents, ranked, 0.5, &asked)
    }
}

fn case(concerns: &[Concern]) -> Case<'_> {
    Case { words: 4, language: Language::De, context: Context::default(), concerns, kind: None }
}

fn answer(id: &str) -> (Kind, String) {
    (Kind::Answer, id.to_owned())
}

#[test]
fn silence_beats_a_wrong_answer() {
    let library = two();
    assert_eq!(case(&[]).shows(&library, &[ranked(0, 0.49)]), Err(Nothing::NothingFits));
    assert_eq!(case(&[]).shows(&library, &[]), Err(Nothing::NothingFits));
    let short = Case { words: 0, ..case(&[]) };
    assert_eq!(short.shows(&library, &[ranked(0, 0.9)]), Err(Nothing::TooShort));
    assert_eq!(case(&[]).shows(&library, &[ranked(0, 0.5)]), Ok(vec![answer("vm/start")]));
}

#[test]
fn an_answer_that_lacks_a_value_is_not_shown() {
    let library = two();
    let both = [ranked(1, 0.9), ranked(0, 0.8)];
    assert_eq!(case(&[]).shows(&library, &both), Ok(vec![answer("vm/start")]));
    let mut context = Context::default();
    context.set("asset.name", "shop");
    let known = Case { context, ..case(&[]) };
    let items = known.items(&library, &both).unwrap();
    assert_eq!(items[0].parts.act, "shop läuft.");
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.parts.iter().all(|(_, text)| !text.contains("{{"))));
}

#[test]
fn conditions_audience_and_the_last_day_count() {
    let shown = |extra: &str, kind: Option<&str>, concerns: &[Concern]| {
        let file = |language| answer_file("vm/start", language, extra, "Wir sehen nach.");
        let library = library(vec![file(Language::De), file(Language::En)]);
        assert!(library.get("vm/start").is_some(), "{extra}");
        Case { kind, ..case(concerns) }
            .shows(&library, &[ranked(0, 0.9)])
            .is_ok_and(|items| items.iter().any(|i| *i == answer("vm/start")))
    };
    assert!(shown("valid_until = 2026-11-22", None, &[]));
    assert!(!shown("valid_until = 2026-11-21", None, &[]));
    let vm = "[conditions]\nasset = [\"vm\"]";
    assert!(shown(vm, Some("vm"), &[]));
    assert!(!shown(vm, Some("site"), &[]));
    assert!(!shown(vm, None, &[]));
    let incident = "[conditions]\nincident = [\"virtualisation.*\"]";
    assert!(!shown(incident, None, &[]));
    assert!(shown(incident, None, &[concern(Stand::Repairing, "vm/other", false)]));
}

#[test]
fn what_goes_on_at_the_customers_server_comes_first() {
    let library = two();
    let repairing = [concern(Stand::Repairing, "vm/start", false)];
    let items = case(&repairing).items(&library, &[ranked(0, 0.6)]).unwrap();
    assert_eq!(items.len(), 1, "the incident's own answer is not shown twice");
    assert_eq!((items[0].kind, items[0].incident), (Kind::Incident, Some(12)));
    assert_eq!(items[0].parts.act, "Gefunden: er war gesperrt. Wir reparieren das gerade und sagen hier Bescheid.");
    assert_eq!(items[0].parts.acknowledge, "Das ist dringend.");

    let repaired = [concern(Stand::Repaired, "vm/start", false)];
    let items = case(&repaired).items(&library, &[ranked(0, 0.3)]).unwrap();
    assert_eq!(items[0].kind, Kind::Fix, "a draft that could be about it");
    assert_eq!(
        items[0].parts.act,
        "Gefunden: er war gesperrt. Repariert und geprüft: Ihr Server „shop“ läuft wieder seit 14:03."
    );
    let english = Case { language: Language::En, ..case(&repaired) }.items(&library, &[ranked(0, 0.3)]).unwrap();
    assert_eq!(
        english[0].parts.act,
        "Found: it was locked. Repaired and checked: your server “shop” has been running again since 14:03."
    );
}

#[test]
fn an_incident_is_no_answer_to_another_question() {
    let library = two();
    let other = [concern(Stand::Repairing, "vm/name", false)];
    assert_eq!(case(&other).shows(&library, &[ranked(0, 0.9)]), Ok(vec![answer("vm/start")]));
    // Nothing is written yet: then it is news, whatever comes.
    let empty = Case { words: 0, ..case(&other) };
    assert_eq!(empty.shows(&library, &[]), Ok(vec![(Kind::Incident, "12".to_owned())]));
    // Set off by this draft: it belongs to it.
    let own = [concern(Stand::Checking, "vm/name", true)];
    assert_eq!(case(&own).shows(&library, &[]), Ok(vec![(Kind::Incident, "12".to_owned())]));
    // Nobody has it in hand: no comfort.
    let nobody = [concern(Stand::Unsettled, "vm/start", true)];
    assert_eq!(case(&nobody).shows(&library, &[ranked(0, 0.9)]), Ok(vec![answer("vm/start")]));
}

#[test]
fn what_was_just_repaired_is_said_to_the_next_draft_whatever_it_says() {
    let library = two();
    let repaired = [concern(Stand::Repaired, "vm/locked", false)];
    let (fix, start) = ((Kind::Fix, "12".to_owned()), answer("vm/start"));
    // Behind the answers, as it may have nothing to do with them.
    let about = Case { kind: Some("vm"), ..case(&repaired) };
    assert_eq!(about.shows(&library, &[ranked(0, 0.9)]), Ok(vec![start.clone(), fix.clone()]));
    let items = about.items(&library, &[ranked(0, 0.9)]).unwrap();
    assert!(items[1].rank_score < items[0].rank_score, "the order is that of the scores");
    assert_eq!(about.shows(&library, &[]), Ok(vec![fix.clone()]));
    // In front of them, where such drafts set the rule off.
    let mut set_off = repaired.clone();
    set_off[0].intents = vec!["vm/start".into()];
    let like = Case { kind: Some("vm"), ..case(&set_off) };
    assert_eq!(like.shows(&library, &[ranked(0, 0.9)]), Ok(vec![fix.clone(), start.clone()]));
    // Which of their assets it is about is not known; and what goes on there is no such news.
    assert_eq!(case(&repaired).shows(&library, &[ranked(0, 0.9)]), Ok(vec![start.clone()]));
    let repairing = [concern(Stand::Repairing, "vm/locked", false)];
    let about = Case { kind: Some("vm"), ..case(&repairing) };
    assert_eq!(about.shows(&library, &[ranked(0, 0.9)]), Ok(vec![start]));
}

#[test]
fn nobody_promises_a_repair_that_may_not_begin() {
    let of = |stand, language| News::of(&concern(stand, "vm/start", true), language);
    let waiting = of(Stand::Waiting, Language::De);
    assert_eq!(waiting.title, "Ihr Server „shop“: Ursache gefunden");
    assert!(
        waiting.text.starts_with("Gefunden: er war gesperrt. Die Reparatur ist vorbereitet, darf aber"),
        "{waiting:?}"
    );
    let waiting = of(Stand::Waiting, Language::En).text;
    assert!(waiting.contains("may not start right now") && !waiting.contains("about to"), "{waiting}");
    assert!(!of(Stand::Telling, Language::De).text.contains("kümmert"), "nobody knows of it yet");
}

#[test]
fn three_at_most_and_one_place_is_kept_for_an_answer() {
    let library = two();
    let mut concerns = vec![concern(Stand::Repairing, "vm/start", true); 5];
    concerns.iter_mut().enumerate().for_each(|(number, concern)| concern.incident = number as u64);
    let mut context = Context::default();
    context.set("asset.name", "shop");
    let shown = Case { context, ..case(&concerns) }.shows(&library, &[ranked(1, 0.9), ranked(0, 0.8)]).unwrap();
    let expected = [(Kind::Incident, "0".to_owned()), (Kind::Incident, "1".to_owned()), answer("vm/name")];
    assert_eq!(shown, expected);
}

#[test]
fn news_are_sentences_in_both_languages() {
    for stand in [
        Stand::Checking,
        Stand::Found,
        Stand::Waiting,
        Stand::Repairing,
        Stand::Repaired,
        Stand::Well,
        Stand::Telling,
        Stand::HandedOver,
        Stand::Unsettled,
    ] {
        for kind in ["vm", "site", "mailbox", "domain", "db", "x"] {
            for language in Language::ALL {
                let mut concern = concern(stand, "vm/start", true);
                concern.asset_kind = kind.into();
                let undated = News::undated(&concern, language);
                for news in [News::of(&concern, language), undated.clone()] {
                    assert!(news.text.ends_with('.') && !news.text.contains("  "), "{news:?}");
                    assert!(news.title.starts_with(char::is_uppercase), "{news:?}");
                }
                assert!(!undated.text.contains(|letter: char| letter.is_ascii_digit()), "{undated:?}");
            }
        }
    }
    let mut server = concern(Stand::Checking, "vm/start", true);
    server.asset_name = None;
    assert!(News::of(&server, Language::De).text.starts_with("Wir prüfen Ihren Server gerade."));
    let database = Concern { asset_kind: "db".into(), ..server };
    assert!(News::of(&database, Language::De).text.starts_with("Wir prüfen Ihre Datenbank gerade."));
}
