use heinzel_core::draft::{Owner, Top};

use super::*;
use crate::answer::Language;

fn at(days: i64) -> Timestamp {
    Timestamp::from_seconds(days * 86_400)
}

fn text(id: usize, customer: &str, day: i64, words: &str) -> Text {
    Text {
        id: id.to_string(),
        kind: Kind::Ticket,
        customer: Some(customer.into()),
        at: at(day),
        text: words.into(),
        language: Some("de".into()),
        page: Some("/tickets/new".into()),
        field: None,
        answered: Some(true),
        incidents: vec![],
    }
}

/// Three topics and some noise: a full mailbox (from many customers, growing), a certificate (one customer, often), PHP.
fn scene() -> Vec<Text> {
    let mailbox = [
        "Postfach voll, Speicher reicht nicht",
        "Mein Postfach ist voll",
        "Postfach: Speicher voll",
        "Das Postfach meldet voll",
    ];
    let certificate = [
        "Zertifikat abgelaufen im Browser",
        "Browser warnt: Zertifikat abgelaufen",
        "abgelaufenes Zertifikat, Browser warnt",
    ];
    let php = ["Wie stelle ich PHP 8.3 ein?", "Wo kann ich PHP umstellen?", "Wie kann ich die PHP Version umstellen?"];
    let mut texts = Vec::new();
    for n in 0..24 {
        let day = if n < 16 { 95 } else { 70 + n as i64 % 20 };
        let mut one = text(texts.len(), &format!("K{n}"), day, mailbox[n % 4]);
        one.answered = Some(n % 4 == 0);
        one.page = Some("/mail/quota".into());
        one.field = Some("size".into());
        texts.push(one);
    }
    for n in 0..12 {
        texts.push(text(texts.len(), "Z1", 90, certificate[n % 3]));
    }
    for n in 0..15 {
        texts.push(text(texts.len(), &format!("P{n}"), 90, php[n % 3]));
    }
    texts
}

fn find<'r>(report: &'r Report, word: &str) -> &'r Topic {
    let has = |topic: &&Topic| topic.words.iter().any(|known| known.contains(word));
    report.topics.iter().find(has).unwrap_or_else(|| panic!("no topic of {word}: {:?}", report.topics))
}

#[test]
fn topics_are_found_named_and_counted_by_customers() {
    let texts = scene();
    let report = report(&texts, None, &Options::lexical(at(98)));
    assert_eq!((report.texts, report.customers), (51, 24 + 1 + 15));
    let (mail, certificate, php) = (find(&report, "postfach"), find(&report, "zertifikat"), find(&report, "php"));
    assert_eq!((mail.customers, mail.tickets, mail.drafts), (24, 24, 0));
    assert_eq!((certificate.customers, certificate.tickets), (1, 12));
    assert_eq!(report.topics[0].words, mail.words, "most customers first");
    assert_eq!(mail.this_week, 16);
    assert!((mail.per_week_before - 2.0).abs() < 1e-9, "{}", mail.per_week_before);
    assert_eq!(mail.without_answer, Some(0.75));
    assert!(mail.needs_answer() && !php.needs_answer());
    assert_eq!(mail.pages[0], Share { what: "/mail/quota (size)".into(), texts: 24 });
    assert_eq!(mail.hints, [Hint::Tooltip { page: "/mail/quota".into(), field: "size".into(), share: 1.0 }]);
    assert_eq!(php.hints, [Hint::Findability { share: 1.0 }], "the page of the ticket form says nothing");
    assert_eq!(certificate.hints, [], "one customer is no defect");
    assert_eq!(certificate.examples.len(), 1, "one of each customer");
    assert!(mail.slug.split('-').any(|word| word == "postfach"), "{}", mail.slug);
    assert_eq!(report, super::report(&texts, None, &Options::lexical(at(98))));
}

#[test]
fn vectors_of_a_model_decide_where_there_are_some() {
    let texts = [text(0, "a", 1, "eins"), text(1, "b", 1, "zwei"), text(2, "c", 1, "drei"), text(3, "d", 1, "vier")];
    let vectors = [vec![1.0, 0.0], vec![0.0, 1.0], vec![0.99, 0.01], vec![0.01, 0.99]];
    let options = Options { least: 2, ..Options::semantic(at(2)) };
    let found = report(&texts, Some(&vectors), &options);
    let members: Vec<Vec<usize>> = found
        .topics
        .iter()
        .map(|topic| {
            let mut m = topic.members.clone();
            m.sort_unstable();
            m
        })
        .collect();
    // Four texts begin as one small cluster; only many are told apart.
    assert!(members == [vec![0, 2], vec![1, 3]] || members == [vec![0, 1, 2, 3]], "{members:?}");
}

#[test]
fn what_has_no_word_in_common_is_no_topic() {
    let mixed = [
        "Quallenpumpe leckt",
        "Rechnung fehlt",
        "Zugriff verweigert",
        "Umzug gewünscht",
        "Kündigung bestätigen",
        "Spielstand verloren",
        "Kalender leer",
        "Blog zeigt Unsinn",
        "Newsletter abbestellen",
    ];
    let texts: Vec<Text> = mixed.iter().enumerate().map(|(n, words)| text(n, &format!("K{n}"), 90, words)).collect();
    let found = report(&texts, None, &Options::lexical(at(98)));
    assert_eq!((found.texts, found.topics.len(), found.alone), (9, 0, 9), "{:?}", found.topics);
    // Beside real ones, too.
    let mut texts = scene();
    let real = texts.len();
    texts.extend(mixed.iter().enumerate().map(|(n, words)| text(100 + n, &format!("X{n}"), 90, words)));
    let found = report(&texts, None, &Options::lexical(at(98)));
    assert!(found.topics.iter().all(|topic| !topic.words.is_empty()), "{:?}", found.topics);
    assert_eq!(find(&found, "postfach").customers, 24);
    assert!(found.alone <= mixed.len() && real == 51, "{}", found.alone);
}

#[test]
fn no_word_like_a_secret_names_a_topic() {
    let texts: Vec<Text> = (0..8)
        .map(|n| text(n, &format!("K{n}"), 90, "Blume77 x8Kd!29sK Domain umziehen mit PHP8, host pw a1b2"))
        .collect();
    let found = report(&texts, None, &Options::lexical(at(98)));
    let topic = &found.topics[0];
    let shown = format!("{:?} {}", topic.words, topic.slug);
    for secret in ["blume77", "x8kd", "29sk", "a1b2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("domain"), "{shown}");
}

#[test]
fn no_texts_are_no_topics() {
    let found = report(&[], None, &Options::lexical(at(1)));
    assert_eq!((found.texts, found.topics.len(), found.alone), (0, 0, 0));
    let empty = [text(0, "a", 1, ""), text(1, "b", 1, "\u{0}"), text(2, "c", 1, "…")];
    assert_eq!(report(&empty, None, &Options::lexical(at(1))).topics, []);
}

fn draft(id: &str) -> Draft {
    Draft {
        id: id.into(),
        owner: Owner::Key("k".into()),
        language: "de".into(),
        page: Some("/p".into()),
        field: Some("f".into()),
        asset: None,
        first: at(0),
        last: at(0),
        words: 3,
        hold_out: false,
        top: Some(Top { item: "a/b".into(), confidence: 0.2 }),
        nothing: None,
        text: Some(Redacted::of("Postfach voll", &[])),
    }
}

#[test]
fn a_draft_that_was_sent_counts_once_and_names_go() {
    let ticket = Ticket {
        id: "t".into(),
        customer: Some("K1".into()),
        subject: "Postfach".into(),
        body: "Hallo Herr Maier,\n\nder Laden blumen-erika ist voll, Mail an a@b.de".into(),
        draft: Some("d1".into()),
        ..Ticket::default()
    };
    let nothing_fits = Draft { nothing: Some(Nothing::NothingFits), ..draft("d1") };
    let drafts = [nothing_fits, draft("d2"), Draft { text: None, ..draft("d3") }];
    let names = BTreeMap::from([("K1".to_owned(), vec!["blumen-erika".to_owned()])]);
    let texts = texts(&[ticket], &drafts, &names);
    assert_eq!(
        texts.iter().map(|text| (&*text.id, text.kind)).collect::<Vec<_>>(),
        [("t", Kind::Ticket), ("d2", Kind::Draft)]
    );
    assert_eq!((texts[0].answered, texts[1].answered), (Some(false), Some(true)));
    assert_eq!(texts[0].page.as_deref(), Some("/p"));
    for personal in ["Maier", "erika", "a@b.de"] {
        assert!(!texts[0].text.contains(personal), "{}", texts[0].text);
    }
}

#[test]
fn an_answer_that_was_found_counts_when_the_form_is_emptied() {
    let check = |nothing, top: Option<&str>, expected| {
        let hold_out = nothing == Some(Nothing::HoldOut);
        let top = top.map(|item| Top { item: item.into(), confidence: 0.9 });
        let found = was_answered(&Draft { hold_out, top, nothing, ..draft("d") });
        assert_eq!(found, expected, "{nothing:?}");
    };
    let found = Some("a/b");
    check(Some(Nothing::TooShort), found, Some(true));
    check(Some(Nothing::TooShort), None, None);
    check(Some(Nothing::NothingFits), found, Some(false));
    check(Some(Nothing::HoldOut), found, Some(true));
    check(Some(Nothing::HoldOut), None, Some(false));
    check(Some(Nothing::Off), found, None);
    check(None, found, Some(true));
}

#[test]
fn a_topic_without_an_answer_begins_one() {
    let texts = scene();
    let report = report(&texts, None, &Options::lexical(at(98)));
    let mail = find(&report, "postfach");
    let file = drafts::answer_file(mail, &texts, Language::De).unwrap();
    let front = file.strip_prefix("+++\n").unwrap().split_once("\n+++\n").unwrap();
    let table: toml::Table = front.0.parse().unwrap();
    assert_eq!(table["audience"].as_str(), Some("support"));
    assert_eq!(table["category"].as_str(), Some("mail"));
    assert!(table["title"].as_str().unwrap().split_whitespace().count() <= 10);
    assert_eq!(table["questions"].as_array().unwrap().len(), 4);
    let headings: Vec<&str> = front.1.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, crate::answer::Parts::NAMES);
    assert_eq!(drafts::answer_file(mail, &texts, Language::En), None);
}

#[test]
fn answers_begin_in_the_language_that_was_written_and_without_holes() {
    let drafts = [
        "Das Aquarium leckt, IBAN <iban>, Kreditkarte <number>",
        "Mein Aquarium leckt und das Wasser ist weg",
        "Aquarium leckt",
        "Das Aquarium ist undicht, was kann ich tun?",
        "My aquarium is leaking and the water is gone",
    ];
    // All from a page in English, as that of a shop with one language is.
    let texts: Vec<Text> = drafts
        .iter()
        .enumerate()
        .map(|(n, words)| Text { language: Some("en-GB".into()), ..text(n, &format!("K{n}"), 90, words) })
        .collect();
    let topic =
        Topic { members: (0..5).collect(), ..report(&scene(), None, &Options::lexical(at(98))).topics[0].clone() };
    let check = |language, title: &str, questions: &[&str]| {
        let file = drafts::answer_file(&topic, &texts, language).unwrap();
        let table: toml::Table = file.strip_prefix("+++\n").unwrap().split_once("\n+++\n").unwrap().0.parse().unwrap();
        assert_eq!(table["title"].as_str(), Some(title));
        let found: Vec<&str> = table["questions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        assert_eq!(found, questions);
    };
    let german = ["Das Aquarium leckt, IBAN, Kreditkarte", drafts[1], drafts[2], drafts[3]];
    check(Language::De, german[0], &german);
    check(Language::En, drafts[4], &drafts[4..]);
}

#[test]
fn lines_of_programs_that_several_customers_send_are_found() {
    let line = "PHP Fatal error: Allowed memory size of 134217728 bytes exhausted in /var/www/a/b.php";
    let mut texts: Vec<Text> = (0..6)
        .map(|n| text(n, &format!("K{n}"), 1, &format!("Hilfe, im Protokoll steht das:\n{line}\nWas tun?")))
        .collect();
    texts[5].text = "Hilfe, im Protokoll steht etwas anderes:\nERROR: only_mine=1 here: seen once".into();
    let topic =
        Topic { members: (0..6).collect(), ..report(&scene(), None, &Options::lexical(at(1))).topics[0].clone() };
    assert_eq!(drafts::log_lines(&topic, &texts), [line]);
}

#[test]
fn the_page_is_markdown_whatever_customers_write() {
    let mut texts = scene();
    texts
        .iter_mut()
        .for_each(|text| text.text.push_str(" <script>alert(1)</script> [a](javascript:b) # `x`\n# kein Titel"));
    let page = page::markdown(&report(&texts, None, &Options::lexical(at(98))), 10);
    assert!(!page.contains("<script") && !page.contains("[a](") && !page.contains("\n# kein"), "{page}");
    assert!(page.starts_with("# What customers write about\n"));
}
