//! Words of everyday life, of any conversation, and of hosting: what tells a stranger's draft ("Mein Auto startet nicht") from one
//! that has an answer ("Mein Server startet nicht").
//!
//! Start at [`everyday`], [`names_hosting`] and [`is_service`], which tells what others run from what is ours. The tables are no dictionary: `rank::foreign` learns from them what such
//! words mean, and so knows their neighbours, too. A word that the answers themselves use is no stranger whatever stands here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::concepts::CONCEPTS;
use super::fold::fold;

/// Things and people that no answer of a hosting company is about. A field of life a line.
pub(crate) const EVERYDAY: &str = "\
auto autos wagen pkw lkw fahrzeug motorrad moped roller fahrrad reifen getriebe auspuff lenkrad tankstelle benzin diesel werkstatt führerschein autobahn parkplatz kennzeichen stau unfall
car cars vehicle truck motorcycle scooter bike bicycle tire tires gearbox exhaust petrol gasoline mechanic highway parking garage accident mileage
zug bahn bus straßenbahn flug flugzeug flughafen koffer gepäck hotel reise reisepass visum fahrkarte bahnhof taxi schiff kreuzfahrt strand
train bus tram flight flights airplane airport suitcase luggage hotel trip passport taxi ship cruise beach airline boarding
kühlschrank waschmaschine spülmaschine geschirrspüler trockner herd ofen backofen mikrowelle kaffeemaschine toaster staubsauger heizung thermostat klimaanlage lampe glühbirne steckdose wasserhahn dusche badewanne toilette
fridge refrigerator washer dishwasher dryer stove oven microwave toaster vacuum heating heater thermostat lamp bulb faucet shower bathtub toilet plumbing plumber furnace
wohnung zimmer küche keller dach balkon garten möbel sofa bett stuhl tisch teppich schrank miete vermieter nachbar umzugskarton
apartment room kitchen bathroom basement roof door balcony garden furniture sofa couch bed chair carpet shelf landlord neighbor lawn
fernseher fernbedienung drucker kopfhörer lautsprecher spielkonsole playstation xbox nintendo wecker armbanduhr taschenrechner
television printer headphones speaker playstation xbox nintendo watch calculator
essen trinken brot kuchen pizza nudeln suppe fleisch fisch käse milch butter eier obst apfel banane gemüse tomate kartoffel salat zucker salz kaffee tee bier wein rezept restaurant döner kochen backen frühstück mittagessen abendessen
food bread cake pizza pasta soup meat fish cheese milk butter eggs fruit banana vegetable tomato potato salad sugar coffee tea beer wine recipe restaurant bake breakfast lunch dinner meal calories ingredient
arzt ärztin zahnarzt krankenhaus apotheke krankheit fieber husten schnupfen kopfschmerzen schmerzen zahn zähne bein arm rücken herz haut allergie impfung medikament schwanger krankenkasse therapie
doctor dentist hospital pharmacy illness fever cough headache pain tooth teeth leg heart skin allergy vaccine vaccination medicine pill pregnant therapy nurse
hund katze pferd vogel hamster kaninchen kuh schwein huhn tier tierarzt futter welpe
dog cat horse bird hamster rabbit cow pig chicken animal pet vet puppy kitten
hose hemd schuhe schuh jacke kleid rock mantel mütze socken friseur haare kosmetik parfüm
pants shirt shoes shoe jacket dress skirt coat hat socks handbag jewelry necklace haircut hair makeup perfume
wetter regen schnee sonne sturm gewitter wind vorhersage himmel mond
weather rain snow sunny storm thunderstorm forecast moon
fußball tennis schwimmen fitnessstudio mannschaft wettkampf olympia
football soccer tennis swimming gym workout tournament olympics
musik lied lieder sänger konzert kino schauspieler roman theater museum netflix spotify
music song songs singer concert movie movies cinema actor novel theater museum netflix spotify
facebook instagram tiktok snapchat
bankkonto sparkasse girokonto kredit darlehen hypothek aktien zinsen steuererklärung versicherung rente gehalt lohn geldautomat bankkarte girocard sparbuch
loan mortgage stocks insurance pension salary atm paycheck savings
schule lehrer lehrerin schüler universität studium hausaufgaben kindergarten zeugnis
school teacher student university exam homework kindergarten college diploma
mutter vater eltern kinder baby bruder schwester oma opa hochzeit geburtstag geschenk freundin weihnachten ostern
mother father parents baby brother sister grandmother wedding birthday gift girlfriend christmas easter
päckchen briefmarke postbote supermarkt einkaufen baumarkt
parcel stamp mailman supermarket groceries grocery mall
feuerwehr richter bürgermeister bundeskanzler minister wahlen
firefighter mayor chancellor minister election elections war
simkarte handyvertrag akku ladekabel charger
baum blume blumen wald berg fluss meer insel
tree flower flowers forest mountain river ocean island
witz gedicht sternzeichen horoskop lotto
joke poem zodiac horoscope lottery";

/// Words that stand in any conversation, whatever it is about: times, places, people, praise and blame.
pub(crate) const ANYWHERE: &str = "\
woche wochen monat monate jahr jahre tag tage stunde stunden minute montag dienstag mittwoch donnerstag freitag samstag sonntag
januar februar märz april mai juni juli august september oktober november dezember gestern heute morgen abend vormittag nachmittag nacht wochenende
week weeks month months year years day days hour hours monday tuesday wednesday thursday friday saturday sunday
january february march april may june july august september october november december yesterday today tomorrow morning evening afternoon night weekend
deutschland österreich schweiz europa land stadt berlin hamburg münchen wien germany austria europe country city
frau herr mann chef firma kunde mitarbeiter kollege leute freund boss person people guys team friend sales info office support
problem hilfe schlecht gut super toll ganz halb groß klein alt jung neu rot grün blau schwarz weiß bitte danke
help nice great terrible red green blue black white big small old young very really please thanks";

/// Things that a hosting company keeps for its customers. Whoever names one of them is in the right place, whatever else the
/// draft is about: hotels and dentists have websites, too. Words that end in one of four letters or more count:
/// `Hotelwebseite`, `Vereinsmail`.
pub(crate) const HOSTING: &str = "\
website websites webseite webseiten homepage webauftritt internetseite onlineshop webshop shop shops blog forum site page seite seiten webspace hosting
server servers servern vserver vps vm domain domains subdomain dns nameserver ssl tls https zertifikat zertifikate certificate
mail mails email emails mailadresse postfach postfächer mailbox outlook thunderbird imap smtp spam newsletter
datenbank datenbanken database mysql php wordpress joomla typo3 shopware prestashop cms plugin ftp sftp ssh cronjob webmail
backup backups browser panel url upload download";

/// What others run for people: a `GMX Postfach` is a mailbox, but none of ours. Only those of which nobody says that a host should take
/// or show them, as with payment, maps or search.
pub(crate) const SERVICES: &str = "\
gmail googlemail hotmail yahoo gmx icloud aol telekom vodafone unitymedia netflix spotify disney facebook instagram tiktok
snapchat whatsapp telegram tinder linkedin pinterest twitter discord twitch steam xbox playstation nintendo fortnite roblox ebay
kleinanzeigen elster sparkasse volksbank commerzbank comdirect revolut dhl hermes photoshop lightroom excel powerpoint";

/// Devices of others, on which ours is used, too: `iPhone Mail` may well be our mailbox.
pub(crate) const DEVICES: &str = "iphone iphones ipad samsung android kindle alexa siri fritzbox speedport";

/// What a service keeps for its own customers, or what a device is; behind its name, it is theirs.
pub(crate) const KEPT: &str = "\
account accounts konto kontos passwort passworter password passwords kennwort pin login anmeldung postfach mailbox mail mails email emails
adresse rechnung rechnungen invoice bill abo subscription vertrag contract app speicher storage zertifikat certificate profil profile router
backup backups sicherung payment zahlung order bestellung phone handy smartphone tablet display akku";

/// Whom one writes to or hears from is no more than that: `an GMX`, `to Hotmail`.
pub(crate) const TOWARDS: &str = "an to bei von from at nach zu";

/// The shortest word that another may end in.
const SHORTEST_END: usize = 4;

fn words(table: &str) -> BTreeSet<String> {
    table.split_whitespace().map(folded).collect()
}

fn folded(word: &str) -> String {
    let mut folded = String::new();
    fold(word, &mut folded);
    folded
}

/// Folded words of [`EVERYDAY`].
pub(crate) fn everyday() -> &'static BTreeSet<String> {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| words(EVERYDAY));
    &WORDS
}

/// Folded words of [`ANYWHERE`] and [`HOSTING`], and of the trade's concepts: no draft is strange for having one of them.
pub(crate) fn usual() -> &'static BTreeSet<String> {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let mut usual = words(ANYWHERE);
        usual.extend([HOSTING, CONCEPTS].into_iter().flat_map(words));
        usual
    });
    &WORDS
}

/// Whether a folded word is in [`ANYWHERE`].
#[must_use]
pub(crate) fn is_anywhere(word: &str) -> bool {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| words(ANYWHERE));
    WORDS.contains(word)
}

/// Whether a folded word names a service of [`SERVICES`].
#[must_use]
pub(crate) fn is_service(word: &str) -> bool {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| words(SERVICES));
    WORDS.contains(word)
}

/// Whether a folded word names a device of [`DEVICES`].
#[must_use]
pub(crate) fn is_device(word: &str) -> bool {
    DEVICES.split_whitespace().any(|device| device == word)
}

/// Whether a folded word is in [`TOWARDS`].
#[must_use]
pub(crate) fn is_towards(word: &str) -> bool {
    TOWARDS.split_whitespace().any(|towards| towards == word)
}

/// Whether a folded word is in [`KEPT`].
#[must_use]
pub(crate) fn is_kept(word: &str) -> bool {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| words(KEPT));
    WORDS.contains(word)
}

/// Whether a folded word is, or ends in, a word of [`HOSTING`]; `Gmail` does not.
#[must_use]
pub(crate) fn names_hosting(word: &str) -> bool {
    if is_service(word) {
        return false;
    }
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| words(HOSTING));
    let ends = word.char_indices().map(|(at, _)| &word[at..]).skip(1).take_while(|end| end.len() >= SHORTEST_END);
    WORDS.contains(word) || ends.into_iter().any(|end| WORDS.contains(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_no_strangers() {
        for word in everyday() {
            assert!(!names_hosting(word) && !usual().contains(word), "{word}");
        }
    }

    #[test]
    fn what_is_of_others_is_met_as_it_is_written() {
        for word in [SERVICES, DEVICES, KEPT, TOWARDS].into_iter().flat_map(str::split_whitespace) {
            assert_eq!(folded(word), word);
        }
    }

    #[test]
    fn ends_of_words_count() {
        for word in ["webseite", "hotelwebseite", "vereinsmail", "postfacher", "vm"] {
            assert!(names_hosting(word), "{word}");
        }
        for word in ["", "auto", "mailand", "ail", "äöü", "eine", "svm", "gmail"] {
            assert!(!names_hosting(word), "{word}");
        }
    }
}
