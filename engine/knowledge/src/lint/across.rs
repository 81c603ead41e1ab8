//! What only shows when all answers, and the rules of the engine, are looked at together.

use std::collections::{BTreeMap, BTreeSet};

use heinzel_core::glob::Glob;
use heinzel_core::near;

use super::{Around, Complaint, Severity};
use crate::answer::Language;
use crate::front_matter::AnswerFile;

/// Looks at all of them.
pub(super) fn look(files: &[AnswerFile], around: &Around) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    languages(files, &mut complaints);
    claims(files, &mut complaints);
    rules(files, around, &mut complaints);
    complaints
}

/// An example draft without what makes no difference to a reader.
pub(super) fn key(question: &str) -> String {
    let letters: String = question.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let plain = letters.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue").replace('ß', "ss");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn complaint(
    file: &AnswerFile,
    (line, column): (usize, usize),
    rule: &'static str,
    severity: Severity,
    message: String,
    way: String,
) -> Complaint {
    Complaint { file: file.variant.file.clone(), line, column, rule, severity, message, suggestion: Some(way) }
}

fn languages(files: &[AnswerFile], complaints: &mut Vec<Complaint>) {
    let known: BTreeSet<(&str, Language)> = files.iter().map(|file| (&*file.id, file.variant.language)).collect();
    for file in files {
        for language in Language::ALL {
            if !known.contains(&(&*file.id, language)) {
                let name = file.id.rsplit('/').next().unwrap_or_default();
                let message = format!("`{}` has no text in the language `{}`", file.id, language.code());
                let way = format!("write {name}.{}.md beside it", language.code());
                complaints.push(complaint(file, (0, 0), "both-languages", Severity::Warning, message, way));
            }
        }
    }
}

/// Two answers that claim one draft: the classifier cannot tell them apart, and neither can a reader.
fn claims(files: &[AnswerFile], complaints: &mut Vec<Complaint>) {
    let mut claimed: BTreeMap<String, &AnswerFile> = BTreeMap::new();
    for file in files {
        for (number, question) in file.variant.questions.iter().enumerate() {
            let Some(other) = claimed.get(&key(question)) else {
                claimed.insert(key(question), file);
                continue;
            };
            if other.id != file.id {
                let place = file.places.questions.get(number).copied().unwrap_or((1, 1));
                let message = format!("`{question}` is an example draft of `{}`, too", other.id);
                let way = "give it to the answer that solves it; where both might, one of them should ask".to_owned();
                complaints.push(complaint(file, place, "claimed-twice", Severity::Warning, message, way));
            }
        }
    }
}

fn rules(files: &[AnswerFile], around: &Around, complaints: &mut Vec<Complaint>) {
    if around.rules.is_empty() {
        return;
    }
    for file in files {
        for pattern in &file.shared.conditions.incident {
            let glob = Glob::from(pattern.as_str());
            if !around.rules.iter().any(|rule| glob.fits(&rule.id)) {
                let place = file.places.keys.get("conditions").copied().unwrap_or((1, 1));
                let message = format!("no rule fits the condition `{pattern}`, so the answer is never shown");
                let way = near::hint(pattern, around.rules.iter().map(|rule| &*rule.id).take(1));
                let way = if way.starts_with("known") { "`heinzel rules list` shows all".to_owned() } else { way };
                complaints.push(complaint(file, place, "condition", Severity::Warning, message, way));
            }
        }
    }
    let ids: BTreeSet<&str> = files.iter().map(|file| &*file.id).collect();
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in &around.rules {
        if let Some(answer) = rule.answer.as_deref().filter(|answer| !ids.contains(answer)) {
            missing.entry(answer).or_default().push(&rule.id);
        }
    }
    for (answer, rules) in missing {
        let way = match near::nearest(answer, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}.de.md and {}.en.md", place_of(answer), place_of(answer)),
        };
        complaints.push(Complaint {
            file: around.folder.clone(),
            line: 0,
            column: 0,
            rule: "rule-without-answer",
            severity: Severity::Error,
            message: format!("there is no answer `{answer}`, which {} names", rules.join(", ")),
            suggestion: Some(way),
        });
    }
}

fn place_of(answer: &str) -> String {
    answer.replacen('/', "/answers/", 1)
}
