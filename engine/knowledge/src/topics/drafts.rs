//! What a topic is a beginning of: an answer, or a rule.
//!
//! Start at [`answer_file`] and [`log_lines`]. Both are for a person to finish.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use heinzel_core::redact::Redacted;

use super::{Text, Topic};
use crate::answer::{Language, Parts};

/// Example drafts of an answer.
const QUESTIONS: usize = 12;
/// Words of a title at most.
const TITLE: usize = 10;
/// A longer text is no example of what people type, in words.
const LONG: usize = 25;

/// Words that tell a category, folded, by the beginning of a word.
const CATEGORIES: [(&str, &[&str]); 19] = [
    ("password", &["passwor", "kennwort", "login", "anmeld"]),
    ("mail", &["mail", "postfach", "imap", "smtp", "spam", "outlook", "mailbox", "inbox"]),
    ("dns", &["dns", "nameserver", "record", "mx"]),
    ("domain", &["domain", "auth", "transfer"]),
    ("certificate", &["zertifikat", "certificate", "ssl", "tls", "https"]),
    ("php", &["php"]),
    ("database", &["datenbank", "database", "mysql", "mariadb", "sql"]),
    ("backup", &["backup", "sicherung", "restore", "wiederherstell"]),
    ("ftp", &["ftp", "filezilla"]),
    ("ssh", &["ssh", "shell", "konsole", "publickey"]),
    ("invoice", &["rechnung", "invoice", "zahl", "payment", "bill"]),
    ("contract", &["vertrag", "kundig", "contract", "cancel", "tarif"]),
    ("security", &["hack", "virus", "malware", "security"]),
    ("performance", &["langsam", "slow", "ladezeit", "trag"]),
    ("storage", &["speicher", "storage", "quota", "disk", "platte"]),
    ("container", &["container", "docker"]),
    ("server", &["server", "vm", "reboot", "boot"]),
    ("web", &["seite", "website", "site", "homepage", "shop", "wordpress", "plugin"]),
    ("account", &["konto", "account", "kunde"]),
];

/// An answer's file for the topic in a language, to be finished by a person: until then it is for support only, so that no
/// customer sees it. `None`: nobody wrote in that language.
#[must_use]
pub fn answer_file(topic: &Topic, texts: &[Text], language: Language) -> Option<String> {
    let members = || {
        topic.members.iter().map(|member| {
            let bare = Redacted::kept(texts[*member].text.clone()).bare();
            // What the form says is the language of its page.
            let written = crate::text::analyse(&bare, None).language;
            (bare, written, texts[*member].language.as_deref().and_then(Language::from_locale))
        })
    };
    let written_in = |language| members().filter(|(_, written, _)| *written == Some(language)).count();
    let (german, english) = (written_in(Language::De), written_in(Language::En));
    let most = match german.cmp(&english) {
        Ordering::Greater => Some(Language::De),
        Ordering::Less => Some(Language::En),
        Ordering::Equal => None,
    };
    // A text that says nothing of its language is taken for what most of its topic are.
    let mine = || members().filter(|(_, written, page)| written.or(most).or(*page) == Some(language));
    let mut questions: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    // What people type first; of longer texts the first sentence.
    for (bare, ..) in mine() {
        let words: Vec<&str> = bare.split_whitespace().collect();
        let question = if words.len() <= LONG { words.join(" ") } else { first_sentence(&bare) };
        if question.split_whitespace().count() >= 2 && seen.insert(question.to_lowercase()) {
            questions.push(question);
        }
        if questions.len() == QUESTIONS {
            break;
        }
    }
    let title = questions.first()?.split_whitespace().take(TITLE).collect::<Vec<_>>().join(" ");
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut out = String::from("+++\n");
    out.push_str(&format!("# Drafted from {} texts of {} customers. ", mine().count(), topic.customers));
    out.push_str("Write the five parts, check title, category and questions,\n# then let customers see it.\n");
    out.push_str(&format!("title = {}\ncategory = \"{}\"\naudience = \"support\"\n", quoted(&title), category(topic)));
    out.push_str("questions = [\n");
    questions.iter().for_each(|question| out.push_str(&format!("    {},\n", quoted(question))));
    out.push_str("]\n+++\n\n");
    for name in Parts::NAMES {
        out.push_str(&format!("## {name}\n\nTODO\n\n"));
    }
    Some(out.trim_end().to_owned() + "\n")
}

fn first_sentence(text: &str) -> String {
    let end = text.find(['.', '!', '?', '\n']).map_or(text.len(), |end| end + 1);
    text[..end].split_whitespace().take(LONG).collect::<Vec<_>>().join(" ")
}

fn category(topic: &Topic) -> &'static str {
    let mut folded = Vec::new();
    for word in &topic.words {
        let mut one = String::new();
        crate::text::fold::fold(word, &mut one);
        folded.push(one);
    }
    let fits = |words: &[&str]| folded.iter().any(|word| words.iter().any(|begin| word.starts_with(begin)));
    CATEGORIES.iter().find(|(_, words)| fits(words)).map_or("account", |(category, _)| category)
}

/// Lines in a topic's texts that look like a program's words and that several customers sent: what a rule could look for.
#[must_use]
pub fn log_lines(topic: &Topic, texts: &[Text]) -> Vec<String> {
    let mut writers: BTreeMap<String, BTreeSet<(&str, &str)>> = BTreeMap::new();
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for text in topic.members.iter().map(|member| &texts[*member]) {
        for line in text.text.lines().map(str::trim).filter(|line| sounds_like_program(line)) {
            // Values differ from customer to customer.
            let shape: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            writers.entry(shape.clone()).or_default().insert(text.who());
            lines.entry(shape).or_default().push(line);
        }
    }
    let shared = writers.into_iter().filter(|(_, writers)| writers.len() > 1);
    let mut found: Vec<String> = Vec::new();
    for (shape, _) in shared {
        for (number, line) in lines.get(&shape).into_iter().flatten().take(4).enumerate() {
            let line = made_up(line, number);
            if !found.contains(&line) {
                found.push(line);
            }
        }
    }
    found
}

/// With made-up values where personal data was taken out, since a line of the log has some there. They differ from line to
/// line, so that a rule takes them for values.
fn made_up(line: &str, number: usize) -> String {
    let values = [
        ("<ip>", format!("192.0.2.{}", number + 1)),
        ("<email>", format!("user{}@example.com", number + 1)),
        ("<domain>", format!("www{}.example.com", number + 1)),
        ("<link>", format!("https://www{}.example.com/", number + 1)),
        ("<number>", format!("{}", 1_000_000 + number)),
        ("<phone>", format!("{}", 1_000_000 + number)),
        ("<mac>", format!("00:00:5e:00:53:0{number}")),
    ];
    let mut line = line.to_owned();
    for (mark, value) in &values {
        line = line.replace(mark, value);
    }
    for mark in ["<user>", "<name>", "<secret>", "<iban>", "<address>", "<birthdate>", "<signature>"] {
        line = line.replace(mark, &format!("user{}", number + 1));
    }
    line
}

/// An error code, a level, a path, `key=value`, `name[123]:`, a time: people do not write so.
fn sounds_like_program(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    if !(3..=80).contains(&words.len()) {
        return false;
    }
    let is_level = |word: &str| {
        let bare = word.trim_matches(['[', ']', ':', '(', ')', '"']);
        ["ERROR", "FATAL", "WARNING", "CRITICAL", "WARN", "Fatal", "SEVERE", "error", "crit", "emerg"].contains(&bare)
    };
    let is_code = |word: &str| {
        let bare = word.trim_matches(['[', ']', ':', ',', '(', ')', '"', '\'']);
        (bare.contains('_') && bare.len() > 5 && bare.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c == ':'))
            || (bare.contains('=') && bare.len() > 3)
            || (bare.starts_with('/') && bare.matches('/').count() > 1)
            || (word.ends_with("]:") && word.contains('['))
            || (bare.len() == 8
                && bare.matches(':').count() == 2
                && bare.bytes().all(|b| b.is_ascii_digit() || b == b':'))
            || (bare.matches('.').count() == 2 && bare.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
            || (bare.starts_with("SQLSTATE"))
    };
    let signs = words.iter().filter(|word| is_level(word) || is_code(word)).count();
    signs >= 2 || (signs == 1 && line.contains(": "))
}
