//! How hard it is to read: length of sentences, formulas of readability, passive voice.

use std::sync::LazyLock;

use regex::Regex;

use super::prose::words;
use super::{Look, Severity, regex, shown};
use crate::answer::Language;

/// A sentence longer than this is a warning.
const LONGEST: usize = 30;
/// The most words of a sentence on average.
const AVERAGE: f32 = 18.0;
/// Formulas need some text to say anything.
const ENOUGH_WORDS: usize = 60;
const ENOUGH_SENTENCES: usize = 5;
/// The first Wiener Sachtextformel gives school years; newspapers need about ten. The shipped answers: 2.0 to 9.0, median 5.4.
const YEARS: f32 = 11.0;
/// Flesch's reading ease; 30 to 50 is called difficult (Flesch 1948). The shipped answers: 64 to 95, median 80.
const EASE: f32 = 50.0;
/// The largest share of passive sentences.
const PASSIVE: f32 = 0.4;

/// `wird … gestartet`, `wurden … gesperrt`; not `wird … dauern` and not `ist … gesperrt`, which is a state.
static PASSIVE_DE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(wird|werden|wurden?|worden)\b[^.!?;]*?\b(\p{L}*ge\p{L}{2,}(t|en)|(be|ver|er|ent|zer|über|unter|wider)\p{L}{2,}(t|en)|\p{L}{2,}iert)\b|\b(\p{L}*ge\p{L}{2,}(t|en)|(be|ver|er|ent|zer)\p{L}{2,}t|\p{L}{2,}iert) (wird|werden|wurden?|worden)\b",
    )
});
static PASSIVE_EN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(is|are|was|were|been|being|be|gets?|got)( (not|now|then|also|often|usually|always|never|only|just|still|already|currently|automatically|\w+ly))? (\w{3,}ed|done|made|sent|found|kept|held|lost|shown|known|given|taken|written|set up|built|sold|told|paid|put|cut|read by|broken|chosen|hidden|stolen|begun|brought|caught|thrown|seen|run by) ?(by\b|[,.;:!?]|in\b|on\b|at\b|to\b|from\b|with\b|again\b|and\b|or\b|for\b|when\b|if\b|as\b|$)",
    )
});

/// Looks at one file.
pub(super) fn look(look: &mut Look<'_>) {
    let language = look.file.variant.language;
    let mut all: Vec<String> = Vec::new();
    let mut long = Vec::new();
    for (part, prose) in look.parts.iter().enumerate() {
        for (byte, sentence) in prose.iter() {
            let count = words(sentence).count();
            if count > LONGEST {
                long.push((part, byte, count, shown(sentence)));
            }
            if count >= 3 {
                all.push(sentence.to_owned());
            }
        }
    }
    for (part, byte, count, sentence) in long {
        let message = format!("a sentence of {count} words: `{sentence}`");
        look.at(part, byte, "long-sentence", Severity::Warning, message, "make two of it: one thought, one sentence");
    }
    if all.len() < ENOUGH_SENTENCES {
        return;
    }
    let text = Measured::of(&all, language);
    let average = text.words / text.sentences;
    if average > AVERAGE {
        let message = format!("{average:.0} words a sentence on average");
        look.at(0, 0, "long-sentence", Severity::Warning, message, format!("keep it below {AVERAGE:.0}"));
    }
    if text.words >= ENOUGH_WORDS as f32 {
        let (hard, message) = match language {
            Language::De => {
                let years = text.wiener();
                (years > YEARS, format!("it takes {years:.1} years of school to read this (Wiener Sachtextformel)"))
            }
            Language::En => {
                let ease = text.flesch();
                (ease < EASE, format!("a reading ease of {ease:.0} (Flesch), which is difficult"))
            }
        };
        if hard {
            look.at(
                0,
                0,
                "readability",
                Severity::Warning,
                message,
                "shorter words, shorter sentences, verbs instead of nouns",
            );
        }
    }
    let passive: Vec<&String> = all.iter().filter(|sentence| is_passive(sentence, language)).collect();
    let share = passive.len() as f32 / all.len() as f32;
    if share > PASSIVE {
        let message = format!("{} of {} sentences are passive, like `{}`", passive.len(), all.len(), shown(passive[0]));
        look.at(0, 0, "passive", Severity::Warning, message, "say who does it: \"we\", \"you\", \"the server\"");
    }
}

fn is_passive(sentence: &str, language: Language) -> bool {
    match language {
        Language::De => PASSIVE_DE.is_match(sentence),
        Language::En => PASSIVE_EN.is_match(sentence),
    }
}

/// What formulas of readability count.
struct Measured {
    sentences: f32,
    words: f32,
    syllables: f32,
    /// Words of three syllables and more.
    many: f32,
    /// Words of one syllable.
    one: f32,
    /// Words of more than six letters.
    long: f32,
}

impl Measured {
    fn of(sentences: &[String], language: Language) -> Self {
        let mut of =
            Self { sentences: sentences.len() as f32, words: 0.0, syllables: 0.0, many: 0.0, one: 0.0, long: 0.0 };
        for word in sentences.iter().flat_map(|sentence| words(sentence)) {
            let count = syllables(word, language);
            of.words += 1.0;
            of.syllables += count as f32;
            of.many += f32::from(u8::from(count >= 3));
            of.one += f32::from(u8::from(count == 1));
            of.long += f32::from(u8::from(word.chars().count() > 6));
        }
        of
    }

    /// The first Wiener Sachtextformel, in years of school: Bamberger and Vanecek, Lesen–Verstehen–Lernen–Schreiben, 1984.
    fn wiener(&self) -> f32 {
        let share = |count: f32| 100.0 * count / self.words;
        0.1935 * share(self.many) + 0.1672 * self.words / self.sentences + 0.1297 * share(self.long)
            - 0.0327 * share(self.one)
            - 0.875
    }

    /// Flesch's reading ease, 0 to 100: Flesch, A new readability yardstick, 1948.
    fn flesch(&self) -> f32 {
        206.835 - 1.015 * self.words / self.sentences - 84.6 * self.syllables / self.words
    }
}

/// Counted by groups of vowels; in English without the silent `e` at the end.
fn syllables(word: &str, language: Language) -> usize {
    let lower = word.to_lowercase();
    let vowel = |c: char| "aeiouyäöüéèà".contains(c);
    let mut count = 0;
    let mut before = false;
    for c in lower.chars() {
        let now = vowel(c);
        count += usize::from(now && !before);
        before = now;
    }
    if language == Language::En && count > 1 {
        let silent = lower.ends_with('e') && !lower.ends_with("le");
        let ed = lower.ends_with("ed") && !lower.ends_with("ted") && !lower.ends_with("ded");
        count -= usize::from(silent || ed);
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_counted_as_spoken() {
        for (word, language, expected) in [
            ("Server", Language::De, 2),
            ("Datenbankverbindung", Language::De, 6),
            ("neu", Language::De, 1),
            ("restored", Language::En, 2),
            ("table", Language::En, 2),
            ("make", Language::En, 1),
            ("started", Language::En, 2),
            ("database", Language::En, 3),
            ("x", Language::En, 1),
        ] {
            assert_eq!(syllables(word, language), expected, "{word}");
        }
    }

    #[test]
    fn passive_is_told_from_future_and_state() {
        let check =
            |sentence: &str, language, expected| assert_eq!(is_passive(sentence, language), expected, "{sentence}");
        check("Der Server wird von uns neu gestartet.", Language::De, true);
        check("Die Sperre wurde entfernt.", Language::De, true);
        check("Wenn das Postfach gesperrt wurde, hilft das.", Language::De, true);
        check("Das wird etwa fünf Minuten dauern.", Language::De, false);
        check("Der Zugang ist gesperrt.", Language::De, false);
        check("Wir starten den Server.", Language::De, false);
        check("Es wird Zeit, dass wir den Server starten.", Language::De, false);
        check("The server is restarted by us.", Language::En, true);
        check("Your mail was sent to the queue.", Language::En, true);
        check("We restart the server.", Language::En, false);
        check("You are welcome.", Language::En, false);
        check("It is red.", Language::En, false);
    }
}
