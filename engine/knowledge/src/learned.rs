//! What answers learn from drafts: which words customers use for what they answer.
//!
//! Start at [`example`]; [`newly_used`] says whether a ticket has one to give. Called when a customer said that an answer solved it ([`Origin::Confirmed`]), and when support
//! used an answer for a ticket ([`Origin::Logged`]). The store keeps one example of each customer for an answer, and so
//! many of each answer, that neither one customer nor one answer drowns the others.

use heinzel_core::draft::{Example, Origin};
use heinzel_core::redact::Redacted;
use heinzel_core::ticket::Ticket;

use crate::answer::Language;
use crate::text::analyse;
use crate::text::strip::strip;

/// Fewer words that mean something teach nothing, or anything.
const FEWEST: usize = 2;
/// Of a longer text only the beginning is taken, in words: behind it stand other matters.
const MOST: usize = 60;

/// The example that a draft is of an answer, without form and personal data; `known` are the customer's own names and
/// those of their assets. `None` when too little is left, or the language is neither German nor English.
#[must_use]
pub fn example(
    answer: &str,
    language: Option<Language>,
    text: &str,
    known: &[&str],
    origin: Origin,
) -> Option<Example> {
    // Redacted before it is stripped: a name behind a salutation is found by it.
    let redacted = Redacted::of(text, known);
    let own = strip(redacted.as_str());
    let words: Vec<&str> = own.split_whitespace().take(MOST).collect();
    let text = Redacted::kept(words.join(" "));
    let analysis = analyse(&text.bare(), language);
    let language = analysis.language.or(language)?;
    (analysis.content_words() >= FEWEST).then(|| Example {
        answer: answer.to_owned(),
        language: language.code().to_owned(),
        text,
        origin,
        count: 1,
    })
}

/// The answer that a ticket is now to be learned for: support used it for a known customer's ticket, and did not `before`.
/// The help desk tells of a ticket again and again; each answer is learned once.
#[must_use]
pub fn newly_used<'t>(before: Option<&Ticket>, now: &'t Ticket) -> Option<&'t str> {
    let answer = of_customer(now)?;
    (before.and_then(of_customer) != Some(answer)).then_some(answer)
}

/// The answer of a ticket whose customer is known.
fn of_customer(ticket: &Ticket) -> Option<&str> {
    ticket.customer.as_ref().and(ticket.answer_used.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(text: &str) -> Option<String> {
        let known = ["Erika Muster", "blumen-erika"];
        example("mail/quota", Some(Language::De), text, &known, Origin::Confirmed).map(|one| one.text.to_string())
    }

    #[test]
    fn only_the_matter_is_learned() {
        let letter = "Hallo Herr Meier,\n\nunser Postfach info@blumen-erika.de ist voll, Kennwort: geheim1.\n\n\
                      Mit freundlichen Grüßen\nErika Muster";
        let text = learned(letter).unwrap();
        for personal in ["Meier", "blumen", "geheim1", "Erika", "Muster", "Hallo"] {
            assert!(!text.contains(personal), "{text}");
        }
        assert!(text.contains("Postfach") && text.contains("voll"), "{text}");
    }

    #[test]
    fn too_little_teaches_nothing() {
        assert_eq!(learned("Hilfe"), None);
        assert_eq!(learned("erika@example.com 0221 123456"), None);
        assert_eq!(learned(""), None);
        let long = "Das Postfach ist voll. ".repeat(100);
        assert!(learned(&long).unwrap().split_whitespace().count() <= MOST);
    }

    #[test]
    fn an_answer_is_learned_once_of_a_ticket() {
        let ticket = |customer: Option<&str>, answer: Option<&str>| Ticket {
            customer: customer.map(Into::into),
            answer_used: answer.map(Into::into),
            ..Ticket::default()
        };
        let check = |before: Option<Ticket>, now: Ticket, expected: Option<&str>| {
            assert_eq!(newly_used(before.as_ref(), &now), expected, "{before:?} to {now:?}");
        };
        let (kim, lee, quota) = (Some("kim"), Some("lee"), Some("mail/quota"));
        check(None, ticket(kim, quota), quota);
        check(None, ticket(kim, None), None);
        check(None, ticket(None, quota), None);
        check(Some(ticket(kim, None)), ticket(kim, quota), quota);
        check(Some(ticket(kim, quota)), ticket(kim, quota), None);
        check(Some(ticket(kim, quota)), ticket(lee, quota), None);
        check(Some(ticket(kim, quota)), ticket(kim, Some("mail/spam")), Some("mail/spam"));
        check(Some(ticket(None, quota)), ticket(kim, quota), quota);
    }
}
