//! Words that mean the same to somebody with a hosting problem, in both languages: whoever writes `Kennwort` finds the
//! answer about passwords.
//!
//! A line is a concept, its words folded. Only words of this trade, and only where they may stand for each other in a
//! ticket; it is no dictionary. A stem of a word counts as the word.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use super::hash;
use super::stem::stem;
use crate::answer::Language;
use crate::rank::Hashed;

/// The table.
pub(crate) const CONCEPTS: &str = "\
postfach mailbox inbox posteingang mailkonto emailkonto postfacher mailboxes
mail email mails emails nachricht nachrichten message
passwort kennwort password passworter zugangsdaten credentials passphrase
umzug umziehen transfer transferieren ubertragen ubertragung migration migrate providerwechsel authcode
kundigen kundigung gekundigt cancel cancellation terminate termination stornieren storno
rechnung invoice bill beleg rechnungskopie
zahlung zahlen bezahlen bezahlt payment pay paid uberweisung lastschrift abbuchung abgebucht charge charged
website webseite homepage seite site page internetseite webauftritt webpage
langsam slow lahm ladezeit slowly
zertifikat certificate ssl tls https
abgelaufen expired ablaufen ablauf expire expires expiry
gesperrt sperren sperre blocked locked blockiert suspended lockout
spam junk spamordner werbung unerwunscht
blacklist blocklist sperrliste blacklisted gelistet delist
sicherung backup sicherungskopie datensicherung snapshot
wiederherstellen wiederherstellung restore zuruckspielen recover recovery zurucksichern
geloscht loschen delete deleted remove removed entfernen
speicherplatz speicher storage quota kontingent festplatte disk platz space
datenbank database db mysql mariadb
fehler error fehlermeldung
absturz abgesturzt sturzt crash crashed crashes
neustart neustarten reboot restart neugestartet
server vserver vps vm maschine machine
weiterleitung weiterleiten umleiten umleitung forward forwarding redirect redirection
abwesenheit abwesenheitsnotiz autoresponder autoreply vacation urlaub automatische automatic
einrichten einrichtung eingerichtet setup konfigurieren konfiguration configure configuration anlegen
andern anderung change changing umstellen geandert
gehackt hacked hacker hack malware schadsoftware schadcode virus kompromittiert compromised infected infiziert
anmelden anmeldung login einloggen logon signin
hochladen upload uploaden uploading
ausfall outage offline down unreachable unerreichbar erreichbar reachable
vertrag contract tarif paket package plan
dns nameserver zone dnseintrag eintrag record
konto account benutzerkonto
versenden versand verschicken senden send sending sent
empfangen empfang receive received receiving
anhang attachment
adresse address anschrift
preis kosten price cost costs gebuhr fee
erstattung ruckerstattung gutschrift refund
verbindung verbinden connection connect
erneuern erneuerung renew renewal verlangern verlangerung
bestellen bestellung order
inhaber inhaberwechsel eigentumer owner ownership
telefon phone anrufen call
upgrade upgraden hochstufen aufstocken aufrusten
zugriff zugang access
berechtigung berechtigungen permission permissions rechte
datei dateien file files
ordner verzeichnis folder directory
version versionen
aufgabe cronjob cron scheduled geplant";

/// The concept of a stem, as a hash like a word's; no word has the same.
#[must_use]
pub(crate) fn concept(stemmed: u64) -> Option<u64> {
    static TABLE: LazyLock<HashMap<u64, u64, BuildHasherDefault<Hashed>>> = LazyLock::new(|| {
        let mut table = HashMap::default();
        for line in CONCEPTS.lines() {
            let concept = hash(format!("={line}").as_bytes());
            for word in line.split(' ') {
                for form in [word, &stem(word, Language::De), &stem(word, Language::En)] {
                    table.entry(hash(form.as_bytes())).or_insert(concept);
                }
            }
        }
        table
    });
    TABLE.get(&stemmed).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str, language: Language) -> Option<u64> {
        concept(hash(stem(word, language).as_bytes()))
    }

    #[test]
    fn words_meet_in_their_concept() {
        assert_eq!(of("kennwort", Language::De), of("passwords", Language::En));
        assert_eq!(of("rechnungen", Language::De), of("invoice", Language::En));
        assert!(of("kennwort", Language::De).is_some());
        assert_eq!(of("krokodil", Language::De), None);
        assert_ne!(of("kennwort", Language::De), of("rechnung", Language::De));
    }

    #[test]
    fn a_word_has_one_concept() {
        let mut seen = std::collections::BTreeSet::new();
        for word in CONCEPTS.split_whitespace() {
            assert!(seen.insert(word), "{word} stands twice");
            let mut folded = String::new();
            super::super::fold::fold(word, &mut folded);
            assert!(folded == word, "{word} is never met: {folded} is");
        }
    }
}
