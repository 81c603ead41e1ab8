//! In what state of mind a draft was written, and how an answer to it begins.
//!
//! Start at [`read`]. Only what customers say themselves counts: shouting, "for the third time", "since three days", lost
//! orders, a threat to leave, an insult, haste. Words of trouble alone (error, blocked, broken) count nothing: nearly every
//! draft has them, and a lexicon of such words takes a quarter of all calm drafts for angry ones.

use serde::{Deserialize, Serialize};

mod opening;
mod signs;

pub use opening::{Subject, opening};

/// A state of mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Asks, tells.
    #[default]
    Calm,
    /// Is in need or in haste.
    Worried,
    /// Is angry or about to leave.
    Upset,
}

/// What a sign is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Words in capitals, `!!`, `?!`.
    Shouting,
    /// It happened before.
    Repetition,
    /// Nobody answered; it lasts long.
    Waiting,
    /// Money, customers or work are lost.
    Loss,
    /// They think of leaving, or of a lawyer.
    Leaving,
    /// They are angry, and say so.
    Anger,
    /// It cannot wait.
    Urgency,
    /// They are afraid.
    Fear,
}

impl Sign {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shouting => "shouting",
            Self::Repetition => "repetition",
            Self::Waiting => "waiting",
            Self::Loss => "loss",
            Self::Leaving => "leaving",
            Self::Anger => "anger",
            Self::Urgency => "urgency",
            Self::Fear => "fear",
        }
    }

    /// Whether it is a sign of anger, and not just of need.
    const fn is_anger(self) -> bool {
        matches!(self, Self::Shouting | Self::Repetition | Self::Leaving | Self::Anger)
    }
}

/// A sign, and the customer's words that are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is a sign of.
    pub sign: Sign,
    /// The words, as written.
    pub words: String,
    /// How much it says, 1 to 3.
    pub weight: u8,
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.sign.word(), self.words)
    }
}

impl Serialize for Evidence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a draft says of its writer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The state of mind.
    pub tone: Tone,
    /// Why; in the order of the text. For support, never for the customer.
    pub evidence: Vec<Evidence>,
    /// The draft describes its matter closely: one may thank for that.
    #[serde(skip)]
    pub detailed: bool,
}

/// A longer draft is cut, in bytes.
const LONGEST: usize = 16 << 10;

/// Reads a draft, in German or English.
///
/// A sign counts once, with its heaviest words. Upset: signs of anger of 3 and more together, or of 2 together with need.
/// Worried: 2 and more of any. One light sign alone ("since two days", "please hurry") leaves a draft calm: it is how
/// many calm ones are written.
#[must_use]
pub fn read(text: &str) -> Reading {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let words = signs::words(text);
    let evidence = signs::find(text, &words);
    let mut heaviest = std::collections::BTreeMap::<Sign, u8>::new();
    for one in &evidence {
        let weight = heaviest.entry(one.sign).or_default();
        *weight = one.weight.max(*weight);
    }
    let sum = |anger: bool| heaviest.iter().filter(|(sign, _)| sign.is_anger() == anger).map(|(_, w)| *w).sum::<u8>();
    let (anger, need) = (sum(true), sum(false));
    let tone = match (anger, need) {
        (3.., _) | (2, 1..) => Tone::Upset,
        (2, _) | (1, 1..) | (_, 2..) => Tone::Worried,
        _ => Tone::Calm,
    };
    // Long, and with something to hold on to: a number, an address, a quoted message.
    let detailed = words.len() >= 30 && text.contains(|c: char| c.is_ascii_digit() || "\"„“”".contains(c));
    Reading { tone, evidence, detailed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, tone: Tone, evidence: &[&str]) {
        let reading = read(text);
        let found: Vec<String> = reading.evidence.iter().map(ToString::to_string).collect();
        assert_eq!((reading.tone, found.iter().map(|e| &**e).collect::<Vec<_>>()), (tone, evidence.to_vec()), "{text}");
    }

    #[test]
    fn trouble_is_no_tone() {
        for calm in [
            "Fehler 500, die Seite ist kaputt und gesperrt",
            "Mein Konto ist gesperrt, obwohl ich bezahlt habe",
            "Ich möchte meinen Vertrag kündigen",
            "HTTP ERROR 503, SSL und DNS sind eingestellt, PHP FPM auch",
            "my site is dead and hacked, database error",
            "Can I put my old card back into the system again?",
            "Das ist nicht dringend, keine Eile",
            "No rush, not urgent at all",
            "Please cancel my plan at the end of the term.",
            "Kernel panic - not syncing: VFS: Unable to mount root fs",
            "I am moving to another host, where is the auth code?",
            "",
        ] {
            assert_eq!(read(calm).tone, Tone::Calm, "{calm}: {:?}", read(calm).evidence);
        }
    }

    #[test]
    fn one_light_sign_is_named_and_changes_nothing() {
        check("Der Shop ist seit drei Tagen langsam", Tone::Calm, &["waiting: seit drei Tagen"]);
        check("Bitte dringend prüfen", Tone::Calm, &["urgency: dringend"]);
    }

    #[test]
    fn need_worries() {
        check("Ich warte seit 3 Tagen auf eine Antwort", Tone::Worried, &["waiting: warte seit 3 Tagen"]);
        check(
            "Bitte dringend prüfen, uns gehen Bestellungen verloren",
            Tone::Worried,
            &["urgency: dringend", "loss: gehen Bestellungen verloren"],
        );
        check("Die Mails sind weg, ich dreh durch", Tone::Worried, &["fear: ich dreh durch"]);
        check("I am really worried about our data", Tone::Worried, &["fear: really worried"]);
        check("Das ist schon wieder passiert", Tone::Worried, &["repetition: schon wieder"]);
    }

    #[test]
    fn anger_is_told_from_need() {
        check(
            "Zum dritten Mal: NICHTS geht!!",
            Tone::Upset,
            &["repetition: Zum dritten Mal", "shouting: NICHTS", "shouting: !!"],
        );
        check("Das darf doch nicht wahr sein", Tone::Upset, &["anger: darf doch nicht wahr"]);
        check(
            "You people are useless, I'm moving to another host if this is not fixed",
            Tone::Upset,
            &["anger: people are useless", "leaving: moving to another host if"],
        );
        check("So eine Frechheit", Tone::Upset, &["anger: Frechheit"]);
        check("This is ridiculous", Tone::Upset, &["anger: ridiculous"]);
        check(
            "Schon wieder offline, wir verlieren Umsatz",
            Tone::Upset,
            &["repetition: Schon wieder", "loss: verlieren Umsatz"],
        );
        check(
            "Ich habe die Nase voll und wechsle den Anbieter",
            Tone::Upset,
            &["anger: Nase voll", "leaving: wechsle den Anbieter"],
        );
    }

    #[test]
    fn umlauts_may_be_written_either_way() {
        assert_eq!(read("unverschämt").tone, Tone::Upset);
        assert_eq!(read("unverschaemt").tone, Tone::Upset);
    }

    #[test]
    fn a_close_description_is_one() {
        let long = "Seit dem Update auf PHP 8.3 zeigt die Startseite einen leeren Bildschirm, die Unterseiten gehen aber \
                    noch, und im Protokoll steht bei jedem Aufruf derselbe Fehler in der Datei functions.php in der \
                    Zeile 12.";
        assert!(read(long).detailed);
        assert!(!read("Bitte helfen Sie mir").detailed);
    }
}
