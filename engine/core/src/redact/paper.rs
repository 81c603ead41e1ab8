//! Numbers of identity cards, passports and other papers, and of cars.

use super::{Step, regex};

const PAPER: &str = r#"(?i)\b((?:personal)?ausweis(?:es|e)?|reisepass|führerschein|fuehrerschein|aufenthaltstitel|krankenkasse|versicherten|sozialversicherungs|rentenversicherungs|steuer|passport|identity[ -]card|id[ -]?card|driv(?:ing|er'?s?|ers)[ -]licen[cs]e|social[ -]security)((?:[ -]?(?:nummer|nr\.?|no\.?|number|id|identifikationsnummer))?(?:\s*[:=#]|\s+(?:lautet|ist|is|war|was))?\s*["'„“]?)([A-Z0-9]*\d[A-Z0-9]*(?:[ -][A-Z0-9]*\d[A-Z0-9]*){0,5}(?:[ -][A-Z][ -]\d+)?)\b"#;

/// Behind a word for it any, in capitals: words of that language may follow.
const PLATE: &str = r#"\b((?i:(?:auto|kfz-?)?kennzeichen|nummernschild|licen[cs]e[ -]plate|number[ -]plate|car[ -]registration)(?:\s*[:=]|\s+(?i:lautet|ist|is|number))?\s*["'„“]?)(?:[A-ZÄÖÜ]{1,3}[ -]?[A-Z]{1,2}[ -]?\d{1,4}[EH]?|[A-Z0-9]{1,4}[ -]?[A-Z0-9]{2,4}(?:[ -][A-Z0-9]{1,3})?)\b"#;

/// German ones are known by themselves.
const GERMAN_PLATE: &str = r"\b[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}[ ]?\d{3,4}[EH]?\b";

pub(super) fn steps() -> Vec<Step> {
    vec![
        (regex(PAPER), |c| if c[3].len() < 5 { c[0].to_owned() } else { format!("{}{}<number>", &c[1], &c[2]) }),
        (regex(PLATE), |c| {
            if c[0][c[1].len()..].contains(|c: char| c.is_ascii_digit()) {
                format!("{}<number>", &c[1])
            } else {
                c[0].to_owned()
            }
        }),
        (regex(GERMAN_PLATE), |_| "<number>".to_owned()),
    ]
}
