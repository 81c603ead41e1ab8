//! The sentence with which an answer begins.

use super::{Reading, Tone};
use crate::answer::Language;

/// What the answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A problem that the engine knows of and that is not over.
    Incident,
    /// A problem that was just repaired.
    Fix,
    /// An answer that may help.
    Answer,
}

/// One sentence that shows first that the draft was understood, in the words for its tone. It says nothing that is not
/// known to be true, and never calls the customer anything.
#[must_use]
pub fn opening(reading: &Reading, language: Language, subject: Subject) -> &'static str {
    match language {
        Language::De => german(reading, subject),
        Language::En => english(reading, subject),
    }
}

fn german(reading: &Reading, subject: Subject) -> &'static str {
    match (reading.tone, subject, reading.detailed) {
        (Tone::Calm, Subject::Incident, true) => {
            "Danke für die genaue Beschreibung: Wir wissen von dem Problem, und es ist bei uns vermerkt."
        }
        (Tone::Calm, Subject::Incident, false) => {
            "Danke, dass Sie uns schreiben: Wir wissen von dem Problem, und es ist bei uns vermerkt."
        }
        (Tone::Calm, Subject::Fix, true) => {
            "Danke für die genaue Beschreibung: Dazu wurde gerade etwas in Ordnung gebracht."
        }
        (Tone::Calm, Subject::Fix, false) => {
            "Danke, dass Sie uns schreiben: Dazu wurde gerade etwas in Ordnung gebracht."
        }
        (Tone::Calm, Subject::Answer, true) => {
            "Danke für die genaue Beschreibung: Vielleicht hilft Ihnen schon eine dieser Antworten."
        }
        (Tone::Calm, Subject::Answer, false) => {
            "Danke, dass Sie uns schreiben: Vielleicht hilft Ihnen schon eine dieser Antworten."
        }
        (Tone::Worried, Subject::Incident, _) => {
            "Wir verstehen, dass es für Sie darauf ankommt: Das Problem ist uns bekannt, Sie müssen es nicht erst nachweisen."
        }
        (Tone::Worried, Subject::Fix, _) => {
            "Wir verstehen, dass es für Sie darauf ankommt: Dazu wurde gerade etwas in Ordnung gebracht, bitte sehen Sie nach."
        }
        (Tone::Worried, Subject::Answer, _) => {
            "Wir verstehen, dass es für Sie darauf ankommt: Hier steht, was Sie sofort selbst tun können, und wir sind \
             erreichbar, wenn es nicht genügt."
        }
        (Tone::Upset, Subject::Incident, _) => {
            "Es tut uns leid, dass Sie deshalb Ärger haben: Das Problem ist uns bekannt, Sie müssen es nicht erst erklären."
        }
        (Tone::Upset, Subject::Fix, _) => {
            "Es tut uns leid, dass Sie deshalb Ärger hatten: Dazu wurde gerade etwas in Ordnung gebracht, und wenn es nicht \
             genügt, senden Sie uns bitte Ihre Nachricht."
        }
        (Tone::Upset, Subject::Answer, _) => {
            "Es tut uns leid, dass Sie deshalb Ärger haben: Senden Sie uns Ihre Nachricht, wir kümmern uns darum, und \
             vielleicht hilft Ihnen bis dahin schon eine dieser Antworten."
        }
    }
}

fn english(reading: &Reading, subject: Subject) -> &'static str {
    match (reading.tone, subject, reading.detailed) {
        (Tone::Calm, Subject::Incident, true) => {
            "Thank you for the detailed description: we know of this problem, and it is on our list."
        }
        (Tone::Calm, Subject::Incident, false) => {
            "Thank you for writing to us: we know of this problem, and it is on our list."
        }
        (Tone::Calm, Subject::Fix, true) => {
            "Thank you for the detailed description: something has just been put right that may be the cause."
        }
        (Tone::Calm, Subject::Fix, false) => {
            "Thank you for writing to us: something has just been put right that may be the cause."
        }
        (Tone::Calm, Subject::Answer, true) => {
            "Thank you for the detailed description: one of these answers may already help you."
        }
        (Tone::Calm, Subject::Answer, false) => {
            "Thank you for writing to us: one of these answers may already help you."
        }
        (Tone::Worried, Subject::Incident, _) => {
            "We understand that this matters to you: we know of the problem, and you do not have to prove it first."
        }
        (Tone::Worried, Subject::Fix, _) => {
            "We understand that this matters to you: something has just been put right that may be the cause, please have a \
             look."
        }
        (Tone::Worried, Subject::Answer, _) => {
            "We understand that this matters to you: here is what you can do yourself right away, and you can reach us if it \
             is not enough."
        }
        (Tone::Upset, Subject::Incident, _) => {
            "We are sorry for the trouble this causes you: we know of the problem, and you do not have to explain it first."
        }
        (Tone::Upset, Subject::Fix, _) => {
            "We are sorry for the trouble this caused you: something has just been put right that may be the cause, and if \
             that is not enough, please send us your message."
        }
        (Tone::Upset, Subject::Answer, _) => {
            "We are sorry for the trouble this causes you: send us your message and we will look after it, and until then \
             one of these answers may already help."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opening_is_one_sentence_of_its_own() {
        let mut all = std::collections::BTreeSet::new();
        let mut number = 0;
        for tone in [Tone::Calm, Tone::Worried, Tone::Upset] {
            for subject in [Subject::Incident, Subject::Fix, Subject::Answer] {
                for language in Language::ALL {
                    for detailed in [false, true] {
                        let reading = Reading { tone, evidence: Vec::new(), detailed };
                        let text = opening(&reading, language, subject);
                        assert_eq!(text.matches(['.', '!', '?']).count(), 1, "{text}");
                        assert!(text.ends_with('.') && !text.contains("  "), "{text}");
                        let thanks = ["genaue", "detailed"].iter().any(|word| text.contains(word));
                        assert!(detailed || !thanks, "{text}");
                        // No label, no blame, no orders to feel otherwise.
                        for word in ["upset", "angry", "calm", "wütend", "verärgert", "ruhig", "aber", "but "] {
                            assert!(!text.to_lowercase().contains(word), "{text}");
                        }
                        all.insert(text);
                        number += usize::from(tone == Tone::Calm || !detailed);
                    }
                }
            }
        }
        assert_eq!(all.len(), number);
    }
}
