//! Every shipped answer: sound, in both languages, in order for lint, and there for every rule that names it.

use std::collections::{BTreeMap, BTreeSet};

use heinzel_knowledge::answer::{Audience, Language};
use heinzel_knowledge::exchange::{self, Defaults, Kind};
use heinzel_knowledge::front_matter::{self, AnswerFile, CATEGORIES, Places};
use heinzel_knowledge::library::{self, Library};
use heinzel_knowledge::lint::{self, Around, Healing};
use heinzel_knowledge::placeholder::NAMES;
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::{Draft, Ranker, fit};
use heinzel_knowledge::render::{self, Context, Missing};

use super::{repository, told};

/// What the specification asks for at least.
const AT_LEAST: usize = 60;

fn shipped() -> Vec<AnswerFile> {
    let (files, complaints) = library::read(&[repository().join("rules")]);
    assert!(complaints.is_empty(), "{}", said(&complaints));
    files
}

fn said(complaints: &[heinzel_knowledge::complaint::Complaint]) -> String {
    complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn there_are_enough_answers_and_each_is_there_in_both_languages() {
    let (library, complaints) = Library::build(shipped());
    assert!(complaints.is_empty(), "{}", said(&complaints));
    let customers = library.iter().filter(|answer| answer.audience == Audience::Customer).count();
    assert!(customers >= AT_LEAST, "{customers} answers for customers");
    for answer in library.iter() {
        let languages: Vec<Language> = answer.variants.keys().copied().collect();
        assert_eq!(languages, Language::ALL, "{}", answer.id);
    }
}

#[test]
fn lint_finds_nothing_and_every_answer_of_a_rule_exists() {
    let rule = |line: &serde_json::Value| Healing {
        id: line["rule"].as_str().unwrap().to_owned(),
        answer: line["answer"].as_str().map(ToOwned::to_owned),
    };
    let rules: Vec<Healing> = told::heinzel(&["rules", "list"], &[]).iter().map(rule).collect();
    let named: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.answer.as_deref()).collect();
    assert!(named.len() >= 40, "the rules name {} answers; does this test still read them rightly?", named.len());
    let files = shipped();
    let complaints = lint::lint(&files, &Around { rules, ..Around::default() });
    assert!(complaints.is_empty(), "{}", said(&complaints));
    // A rule that is switched off finds nothing, too.
    let allowed: Vec<_> = files.iter().filter(|file| !file.allow.is_empty()).map(|file| &file.variant.file).collect();
    assert!(allowed.is_empty(), "`allow` in {allowed:?}");
}

#[test]
fn an_answer_that_needs_nothing_is_shown_and_every_answer_is_shown_with_everything() {
    let mut everything = Context::default();
    for name in NAMES {
        let address = ["panel", "status_page"].contains(&name);
        everything.set(name, if address { "https://panel.hoster.test" } else { "*<Wert>* {{ x }}" });
    }
    for file in shipped() {
        let rendered = render::render(&file.variant, &everything).unwrap();
        let text = format!("{:?} {:?}", rendered.parts, rendered.links);
        assert!(!text.contains("{{") && !text.contains("{%"), "{}: {text}", file.variant.file.display());
        match render::render(&file.variant, &Context::default()) {
            Ok(rendered) => assert!(!rendered.parts.act.is_empty(), "{}", file.id),
            Err(Missing::Values(_)) => {}
            Err(broken) => panic!("{}: {broken}", file.id),
        }
    }
}

#[test]
fn drafts_about_everyday_life_are_met_with_silence_and_those_of_any_business_are_not() {
    let (library, _) = Library::build(shipped());
    let ranker = Lexical::build(&library.documents());
    let fits = |body: &str| fit(&ranker.rank(&Draft { body, ..Draft::default() }, 3)) >= ranker.threshold();
    for draft in [
        "Mein Auto startet nicht",
        "Mein Kühlschrank startet nicht mehr",
        "Mein Drucker wird nicht gefunden",
        "Wie kündige ich mein Fitnessstudio?",
        "Wie ändere ich mein Passwort bei Netflix?",
        "Wie wird das Wetter morgen?",
        "My car won't start",
        "My phone is not charging",
        "How do I cancel my gym membership?",
        "Book a table for two",
        "reset my Gmail password",
        "GMX Postfach gesperrt",
        "Problem",
        "Wir vertreiben ergonomische Büromöbel. Unsere Preise sind gut. Wann passt Ihnen ein Termin? Den Katalog finden Sie im Anhang.",
        "I ordered shoes last week. They are too small. Who do I talk to about my money?",
    ] {
        assert!(!fits(draft), "{draft}");
    }
    for draft in [
        "Mein Server startet nicht",
        "Die Webseite von unserem Restaurant ist nicht erreichbar",
        "Onlineshop für Hundefutter sehr langsam seit gestern",
        "Die Arztpraxis kann keine Mails mehr senden",
        "Passwort für das Postfach meiner Mutter vergessen",
        "Ich bin im Urlaub, bitte Abwesenheitsnotiz einrichten",
        "our hotel website is down",
        "mailbox of the school is full",
        "everything I send to hotmail goes to junk",
        "Need an A record for vpn.acme-tools.co.uk pointing to 203.0.113.77",
        "soll ich pop3 oder imap nehmen",
        "outlook sagt 0x800CCC0E verbindung zum server unterbrochen, gestern gings noch",
        "close my account",
        "Let's Encrypt renewal failed",
        "Mei Seitn geht nimmer",
        "JETZT REICHT ES!!! Seit 3 Tagen ist unser Shop offline und niemand meldet sich! Wir verlieren täglich hunderte Euro!!!",
    ] {
        assert!(fits(draft), "{draft}");
    }
}

#[test]
fn the_page_for_authors_says_what_is_so() {
    let page = std::fs::read_to_string(repository().join("rules/ANSWERS.md")).unwrap();
    for rule in lint::RULES {
        let row = format!("| `{}` | {} | {} |", rule.name, rule.severity.word(), rule.asks);
        assert!(page.contains(&row), "rules/ANSWERS.md lacks the row\n{row}");
    }
    for (column, what) in exchange::COLUMNS {
        let row = format!("| `{column}` | {} |", what.replace('|', "\\|"));
        assert!(page.contains(&row), "rules/ANSWERS.md lacks the row\n{row}");
    }
    for word in NAMES.iter().chain(&CATEGORIES) {
        assert!(page.contains(word), "rules/ANSWERS.md does not name {word}");
    }
    let example = page.split("```").nth(1).unwrap().trim_start();
    let (file, complaints) = front_matter::parse("x".as_ref(), "mail/mailbox-full", Language::De, example);
    assert!(complaints.is_empty(), "{}", said(&complaints));
    let complaints = lint::lint(&[file.unwrap()], &Around::default());
    assert_eq!(complaints.iter().map(|c| c.rule).collect::<Vec<_>>(), ["both-languages"], "{}", said(&complaints));
}

#[test]
fn all_answers_go_out_and_come_in_again_unchanged() {
    let bare = |file: AnswerFile| {
        let key = (file.id.clone(), file.variant.language);
        let mut file = AnswerFile { places: Places::default(), ..file };
        file.variant.file.clear();
        (key, file)
    };
    let files = shipped();
    let expected: BTreeMap<_, _> = files.iter().cloned().map(bare).collect();
    for (kind, text) in
        [(Kind::Csv, exchange::write_csv(&files).unwrap()), (Kind::Json, exchange::write_json(&files).unwrap())]
    {
        assert_eq!(Kind::guess(text.as_bytes()), Some(kind));
        let (read, complaints) = exchange::read(kind, text.as_bytes(), "x".as_ref(), &Defaults::default());
        assert!(complaints.is_empty(), "{}", said(&complaints));
        assert!(read.into_iter().map(bare).collect::<BTreeMap<_, _>>() == expected, "{kind:?} changes an answer");
    }
}
