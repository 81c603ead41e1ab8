//! What people say in German, as it is written: dialects, and short words of any conversation. `Mei Seitn geht nimmer` says
//! what `meine Seite geht nicht` says.
//!
//! In the tables a line is a written word, and what is said for it. Most are small words; unknown ones would make a draft look
//! as if it were about something that no answer knows.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fold::fold;

/// What is said everywhere.
pub(crate) const CASUAL: &str = "\
nicht nich
nichts nix nischt
nur bloß blos
bekomme krieg kriege
bekommen kriegen
bekommt kriegt
geht gehts
gibt gibts
eine ne
einen nen
einem nem
einer ner
bitte bittschön";

/// Bavarian, Austrian, Swiss and other dialects: words that are nothing else.
pub(crate) const DIALECT: &str = "\
nicht ned nöd nimmer nimma nimme nümm nümme
nichts nüüt
ich ick icke
ist isch
haben hobn
habe hob
habt hobts habts
hat hod
mein mei
meine meini
meinem meim
was wos
wie wia
jetzt jetz jez jetza jetzad etz itz
komme kimm kumm chume
kommt kimmt kummt chunnt chunt
kommen kumma kemma kemman chöme chömed
vergessen vagessn
geht gaht goht gehd geits
gibt gits
kann cha
können chönd chönnd chönnt chönne chöne kenna kinna
könnt kennts kinnts könnts
sagt sogt sogd sait
sehen schaugn schaun aluege aaluege luege
seht schaugts schauts
immer oiwei oiweil oiwai allweil ollaweil
einmal amoi amol eimol
vielmals vilmal vilmals
hinein eini iine
hinaus aussi usse
schon scho
auch ooch
eine oane
kein koa kei koan
keine koane keini kene keene
das dees
für fia
zurück zruck zrugg retour
zusammen zäme zamm zsamm
heute hüüt
gestern geschter geschtern gesta gestan
seit zanter
etwas öppis eppas ebbes
jemand öpper eppa
viel vui
gut guat guad
weg furt wägg
weiß woaß
weiße weissi
Seite Seitn Siite Syte
Website Websiite
Homepage Hompage Hompeitsch
Rechnung Rechnig
Passwort Passwoat Passwuat
Postfach Postfoch
abgelaufen ogloffa ogloffn oglaufn abgloffe abgloffa abglaufe abglaufn
gelöscht glöscht gleescht
gekündigt kündt gkündigt
gemacht gmacht gmocht
gesagt gsagt gseit gsogt
gesehen gsehn gseh gsehen
geschickt gschickt
geschrieben gschriebn gschribe gschriem
gesperrt gsperrt gschperrt
gehackt ghackt
bezahlt bezoit zoit
bekomme kriag
bekommen kriagn griagn
bekommt kriagt
tun doa tuan
tut tuat duad
muss muaß muas
müssen müend miassn
glaube glab glaab gloub
schreiben schreim schribe schreibn
will wui
möchte mecht mechat mechte
alles ois ollas
obwohl obwoi obwois
Januar Jänner
Februar Feber
danke dangge";

/// Words that may be others as well (English ones, a storage network): they count in a draft that has a word of [`DIALECT`].
pub(crate) const LIKELY: &str = "\
nicht net nit nid
ich i
ist is
sind san
hat hot het
habe han
habt hend
mein mi min
ein a
kann ka
war woa
wir mer ma mia
noch no
da do
auf uf
aus us
seit sit
auch au
einmal moi mol";

/// How surely a word is what is said for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surely {
    /// Said everywhere.
    Casual,
    /// Of a dialect.
    Dialect,
    /// Perhaps another word.
    Likely,
}

type Table = HashMap<String, (String, Surely)>;

/// The written word for a folded one, if it is one that is said.
#[must_use]
pub(crate) fn written(word: &str) -> Option<(&'static str, Surely)> {
    static TABLE: LazyLock<Table> = LazyLock::new(table);
    TABLE.get(word).map(|(written, surely)| (written.as_str(), *surely))
}

fn table() -> Table {
    let mut table = Table::new();
    for (lines, surely) in [(LIKELY, Surely::Likely), (CASUAL, Surely::Casual), (DIALECT, Surely::Dialect)] {
        for mut words in lines.lines().map(|line| line.split_whitespace().map(folded)) {
            let Some(written) = words.next() else { continue };
            table.extend(words.map(|said| (said, (written.clone(), surely))));
        }
    }
    table
}

fn folded(word: &str) -> String {
    let mut folded = String::new();
    fold(word, &mut folded);
    folded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::text::{analyse, stop};

    #[test]
    fn what_is_said_is_read_as_it_is_written() {
        for (said, written) in [
            ("Mei Seitn geht nimmer", " mein seite geht nicht "),
            ("i kimm ned eini", " ich komme nicht hinein "),
            ("mini websiite isch langsam", " mini website ist langsam "),
            ("krieg keine mails, nix geht", " bekomme keine mails nichts geht "),
            // Where nothing else is said, a word that may be another is that other.
            ("i do have no git server in the san", " i do have no git server in the san "),
            ("SQL is hot", " sql is hot "),
            ("I glab mei Domain is ogloffa", " ich glaube mein domain ist abgelaufen "),
            ("i ned help with my server", " i ned help with my server "),
        ] {
            assert_eq!(analyse(said, None).folded, written, "{said}");
        }
        let analysis = analyse("Mei Seitn", None);
        let spelled: Vec<_> = analysis.words.iter().map(|word| &"Mei Seitn"[word.start..word.end]).collect();
        assert_eq!(spelled, ["Mei", "Seitn"], "reasons are told in the customer's own words");
    }

    #[test]
    fn a_word_is_said_for_one_and_is_none_that_is_written() {
        let mut said = BTreeSet::new();
        for (lines, surely) in [(LIKELY, Surely::Likely), (CASUAL, Surely::Casual), (DIALECT, Surely::Dialect)] {
            for word in lines.lines().flat_map(|line| line.split_whitespace().skip(1)).map(folded) {
                assert!(said.insert(word.clone()), "{word} stands twice");
                assert!(surely == Surely::Likely || !stop::is_stop(&word), "{word} is a word of its own");
                let written = written(&word).unwrap().0;
                assert!(super::written(written).is_none(), "{word}: {written} is said for another");
            }
        }
    }
}
