//! Whether a draft asks for something to be done at its customer's asset now.
//!
//! Start at [`occasion`]. Showing an answer too many costs a glance; starting a server that its owner keeps shut for the police
//! cannot be taken back. So more is asked of a draft that sets something off than of one that is answered: its first
//! answer must fit well, it must name the thing, and say neither that it is to be left alone nor that it works again.

use std::sync::LazyLock;

use regex::RegexSet;

use crate::answer::AnswerId;
use crate::called::called;
use crate::rank::Ranked;
use crate::text::{Analysis, analyse};

/// The first answer must be as probably right as this.
const SURE: f32 = 0.5;

/// Right before a word for a server these make it a program: `MySQL server`, `Minecraft-Server`.
const PROGRAMS: &str = "mysql mariadb postgres postgresql postgre redis datenbank database db sql mail smtp imap exchange web http \
    apache nginx ftp sftp ssh dns name nameserver minecraft ark rust teamspeak ts ts3 game gaming spiel spiele fivem valheim plex jira \
    gitlab docker node java tomcat jitsi nextcloud print proxy vpn license lizenz discord steam csgo palworld";

/// It is to be left alone.
static LEAVE: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r" auf keinen fall | auf gar keinen fall | keinesfalls | niemals ",
        r" bitte (\S+ ){0,6}nicht (\S+ ){0,2}(starten|neustarten|booten|rebooten|hochfahren|einschalten|anschalten|anfassen|entsperren|andern|verandern|eingreifen|reparieren|beruhren) ",
        r" nicht (anfassen|eingreifen|beruhren|verandern) ",
        r" (darf|durfen|soll|sollen|sollte) (\S+ ){0,3}nicht (neu )?(gestartet|neugestartet|angefasst|verandert|entsperrt|hochgefahren|starten) ",
        r" bitte (kein|keinen) (neustart|reboot|restart) | ohne (neustart|reboot|restart) ",
        r" absichtlich | bewusst | mit absicht | gewollt ",
        r" so lassen | in ruhe lassen | finger weg | aus(geschaltet)? (bleiben|lassen) | nichts (unternehmen|verandern|andern) ",
        r" forensi\S* | beweissicher\S* ",
        r" (please|pls|kindly) (\S+ ){0,3}(do not|dont|never) ",
        r"^ (but |and |so |just |also )?(do not|dont|never) (re)?(start|boot|touch|unlock|change|power|repair|fix|do) ",
        r" (leave|keep) (\S+ ){1,3}(off|alone|as is|as it is|stopped|down) | hands off ",
        r" on purpose | deliberately | intentionally ",
        r" without (a |any )?(restart|reboot|restarting|rebooting) ",
        r" (should|must|has to|needs to) (stay|remain|be kept) (off|down|stopped) ",
        r" (must|should) not be (started|restarted|rebooted|touched|unlocked|changed) ",
    ])
});

/// It works again.
static OVER: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r" (hat|haben) sich (\S+ ){0,2}(erledigt|gelost) | ist (\S+ )?(erledigt|behoben|gelost) ",
        r" (geht|gehts|lauft|funktioniert|klappt|startet) (jetzt |nun |inzwischen |mittlerweile )?wieder( (seit|prima|gut|normal|problemlos|danke|alles)\b.*)? $",
        r" (jetzt|nun|inzwischen|mittlerweile) (geht|lauft|funktioniert) (wieder )?(alles|er|sie|es) ",
        r" (it|its|is|server|site|everything|all|now) (now |all )?(works|working|running|up|online|fine) (again|now) ",
        r" (is|was|has been|got) (\S+ )?(solved|resolved|fixed) ",
    ])
});

fn set(patterns: &[&str]) -> RegexSet {
    RegexSet::new(patterns).expect("the patterns of this file are met by its tests")
}

/// What a draft is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The kind of the asset.
    pub kind: &'a str,
    /// What it is called: the part of its id behind the colon, its name.
    pub names: &'a [&'a str],
    /// What the customer's other assets are called.
    pub others: &'a [&'a str],
}

/// Why a draft sets nothing off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum No {
    /// Its first answer is not sure enough.
    #[error("no answer fits it well")]
    Unsure,
    /// It does not name the asset.
    #[error("it does not name the asset")]
    Unnamed,
    /// It names another of the customer's assets.
    #[error("it names another asset")]
    Another,
    /// It asks to leave the asset alone.
    #[error("it asks to leave the asset alone")]
    LeaveAlone,
    /// It says that all is well again.
    #[error("it says that it works again")]
    Over,
}

/// The answer that says what is to be done about a draft (subject and text, without salutation and quotations).
///
/// # Errors
/// Why nothing is.
pub fn occasion<'d>(
    text: &str,
    ranked: &[Ranked],
    documents: &'d [AnswerId],
    subject: Subject<'_>,
) -> Result<&'d AnswerId, No> {
    let first = ranked.first().filter(|one| one.confidence >= SURE).ok_or(No::Unsure)?;
    let answer = documents.get(first.document).ok_or(No::Unsure)?;
    for clause in text.split(['.', '!', '?', ';', ':', ',', '\n']).map(|clause| analyse(clause, None).folded) {
        if LEAVE.is_match(&clause) {
            return Err(No::LeaveAlone);
        }
        if OVER.is_match(&clause) {
            return Err(No::Over);
        }
    }
    let ids = text.split_whitespace().filter_map(|word| word.strip_prefix(subject.kind)?.strip_prefix(':'));
    let mut bare = ids.map(|id| id.trim_end_matches(|c: char| !c.is_alphanumeric()));
    if bare.any(|id| !subject.names.contains(&id)) {
        return Err(No::Another);
    }
    let all = analyse(text, None);
    let named = |names: &[&str]| names.iter().any(|name| says(&all, name));
    match (named(subject.names), named(subject.others)) {
        (true, _) => Ok(answer),
        (false, true) => Err(No::Another),
        (false, false) if calls(&all, subject.kind) => Ok(answer),
        (false, false) => Err(No::Unnamed),
    }
}

/// Whether a text has all words of a name, one after the other.
fn says(text: &Analysis, name: &str) -> bool {
    let name = analyse(name, None).folded;
    name.trim().len() > 1 && text.folded.contains(&name)
}

/// Whether a text has a word for assets of this kind. Drafts about kinds for which customers have no word need not name them.
fn calls(text: &Analysis, kind: &str) -> bool {
    let Some(called) = called(kind) else { return true };
    let is = |table: &str, word: &str| table.split_whitespace().any(|known| known == word);
    let mut before = "";
    text.words.iter().map(|word| text.word(word)).any(|word| {
        let program = is(PROGRAMS, std::mem::replace(&mut before, word));
        is(called.words, word) && !(program && word.starts_with("server"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: Subject<'_> = Subject { kind: "vm", names: &["100", "web-1"], others: &["200", "db-2"] };

    fn of(text: &str, confidence: f32) -> Result<&'static AnswerId, No> {
        static DOCUMENTS: LazyLock<Vec<AnswerId>> =
            LazyLock::new(|| vec!["virtualisation/server-does-not-start".into()]);
        let one = Ranked { document: 0, rank_score: 1.0, raw: 1.0, confidence, words: Vec::new(), example: None };
        occasion(text, &[one], &DOCUMENTS, VM)
    }

    fn check(expected: Result<(), No>, texts: &[&str]) {
        for text in texts {
            assert_eq!(of(text, 0.9).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn who_says_that_a_server_does_not_start_is_heard() {
        check(
            Ok(()),
            &[
                "Mein Server startet nicht",
                "Server startet nicht mehr, bitte um Hilfe!",
                "Bitte helfen, der Server startet nicht",
                "Mein Server lässt sich nicht neu starten",
                "mei vserver fahrt nimmer hoch, nach am reboot is er einfach weg",
                "Der vServer läuft wieder nicht",
                "web-1 startet nicht",
                "100 ist aus",
                "KVM-Server geht nach Neustart nicht mehr an",
                "My servers do not start",
                "please help, my vps does not boot",
                "VPS won't boot, console shows grub rescue>",
                "The machine is not running again",
                "Wann geht der Server wieder?",
                "Ich kann den Server nicht neu starten",
            ],
        );
    }

    #[test]
    fn what_is_to_be_left_alone_is() {
        check(
            Err(No::LeaveAlone),
            &[
                "please do not start my server",
                "Bitte auf keinen Fall starten, mein Server startet nicht und wird forensisch untersucht",
                "Mein Server ist absichtlich aus und startet nicht, bitte so lassen",
                "Bitte meinen Server auf keinen Fall neu starten",
                "Bitte den Server nicht neu starten",
                "Der Server darf nicht gestartet werden",
                "My server is off. Don't restart it please",
                "The server is down on purpose, leave it off",
            ],
        );
    }

    #[test]
    fn what_is_over_is() {
        check(
            Err(No::Over),
            &[
                "Am 5.5. schrieben Sie: Ihr Server startet nicht mehr. Das ist erledigt.",
                "Mein Server startete nicht, läuft jetzt wieder",
                "Letzte Woche startete der Server nicht, jetzt geht alles",
                "server did not start but everything works again",
            ],
        );
    }

    #[test]
    fn other_things_are_not_the_server() {
        check(
            Err(No::Unnamed),
            &[
                "Mein Auto startet nicht",
                "Meine Katze startet nicht",
                "WordPress Plugin startet nicht",
                "docker container does not start",
                "MySQL startet nicht mehr",
                "MySQL-Server startet nicht mehr",
                "Minecraft Server startet nicht",
                "nach dem Neustart startet Outlook nicht",
            ],
        );
        check(
            Err(No::Another),
            &["db-2 startet nicht", "Der VPS vm:200 startet nicht", "Server vm:999, meines Kunden, startet nicht"],
        );
        check(Ok(()), &["Der VPS vm:100 startet nicht", "vm:100, mein Server, startet nicht"]);
    }

    #[test]
    fn the_first_answer_must_be_sure() {
        assert_eq!(of("Mein Server startet nicht", 0.4), Err(No::Unsure));
        assert_eq!(occasion("Mein Server startet nicht", &[], &[], VM), Err(No::Unsure));
    }

    #[test]
    fn every_pattern_is_one() {
        assert!(LEAVE.len() > 10 && OVER.len() > 4, "a pattern that does not compile empties the set");
    }
}
