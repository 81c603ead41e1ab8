//! Names that people log in with.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Captures;

use super::{Step, regex};

const USER: &str = r#"(?i)\b(benutzer(?:name|kennung|konto)?|nutzer(?:name)?|user(?:\s?name)?|login(?:name)?)(\s*(?:[:=#]|\blautet\b|\bist\b|\bis\b)\s*["'„“`]?|\s+["'„“`]?)([\p{L}\d][\p{L}\d_.@+-]*)(["'”“`]?)(\s+\p{L}+)?"#;

const NUMBER: &str = r#"(?i)\b(kundennummer|kunden-?nr\.?|customer (?:number|no\.?|id)|vertragsnummer|rechnungsnummer)(\s*(?:[:=#]|\blautet\b|\bist\b|\bis\b)\s*)["'„“]?[^\s"'“”,<>\d]*\d[^\s"'“”,<>]*["'“”]?"#;

pub(super) fn steps() -> Vec<Step> {
    vec![
        (regex(USER), |c| if is_name(c) { named(c) } else { c[0].to_owned() }),
        (regex(NUMBER), |c| format!("{}{}<user>", &c[1], &c[2])),
        (regex(r"(?i)(/(?:home|users|kunden|vhosts|customers)/)[^\s/,;]+"), |c| format!("{}<user>", &c[1])),
    ]
}

fn named(c: &Captures<'_>) -> String {
    let dot = if c[3].ends_with('.') { "." } else { "" };
    format!("{}{}<user>{dot}{}{}", &c[1], &c[2], &c[4], c.get(5).map_or("", |next| next.as_str()))
}

const QUOTES: [char; 5] = ['"', '\'', '„', '“', '`'];

/// Whether the word behind "user" is a name: behind a colon or in quotes any that is no other word's, else one that looks like a name,
/// or that is followed by what its owner does. Capitalised ones stay: in German any noun has a capital.
fn is_name(c: &Captures<'_>) -> bool {
    let (before, between) = (c[1].to_lowercase(), &c[2]);
    let word = c[3].trim_end_matches('.');
    let folded = word.to_lowercase();
    if ORDINARY.contains(&*folded) || SYSTEM.contains(&&*folded) {
        return false;
    }
    if between.contains([':', '=', '#']) || between.contains("lautet") || between.contains(QUOTES) {
        return true;
    }
    let (last, has_letter) = (folded.rsplit('.').next().unwrap_or_default(), folded.contains(char::is_alphabetic));
    if has_letter && (folded.contains(|c: char| c.is_numeric() || c == '_') || folded.contains('.')) {
        return !super::NO_TLD.contains(&last);
    }
    // `Benutzer ist gesperrt`: what somebody is called follows a word for a name.
    if !has_letter || word.starts_with(char::is_uppercase) || (!between.trim().is_empty() && !before.ends_with("name"))
    {
        return false;
    }
    let next = c.get(5).map_or("", |next| next.as_str()).trim().to_lowercase();
    let ends = next.is_empty() || GOES_ON.contains(&&*next);
    DOES.contains(&&*next) || ends && !ENDINGS.iter().any(|ending| folded.ends_with(ending))
}

/// What accounts of the system itself are called.
const SYSTEM: [&str; 19] = [
    "root",
    "admin",
    "administrator",
    "www-data",
    "nobody",
    "postgres",
    "mysql",
    "mariadb",
    "nginx",
    "apache",
    "httpd",
    "mail",
    "daemon",
    "postmaster",
    "vmail",
    "wwwrun",
    "sshd",
    "anonymous",
    "system",
];

/// What follows a name: its owner is, has, can.
const DOES: [&str; 38] = [
    "ist",
    "hat",
    "kann",
    "wird",
    "darf",
    "soll",
    "muss",
    "will",
    "war",
    "hatte",
    "wurde",
    "konnte",
    "bekommt",
    "erhält",
    "sieht",
    "kommt",
    "meldet",
    "existiert",
    "geht",
    "is",
    "has",
    "had",
    "was",
    "can",
    "cannot",
    "could",
    "may",
    "must",
    "should",
    "gets",
    "got",
    "sees",
    "does",
    "did",
    "exists",
    "receives",
    "keeps",
    "logs",
];

/// What goes on after a name.
const GOES_ON: [&str; 22] = [
    "und", "auf", "bei", "mit", "für", "im", "in", "seit", "bitte", "nicht", "nie", "mehr", "and", "on", "at", "from",
    "with", "for", "since", "please", "not", "never",
];

/// How words end that are none: verbs, nouns.
const ENDINGS: [&str; 22] = [
    "en", "ert", "tet", "elt", "lich", "bar", "isch", "ung", "ing", "ed", "tion", "ment", "ity", "ance", "ence",
    "ption", "able", "ful", "less", "ate", "ges", "face",
];

/// What else stands behind "user", "login" and their German sisters: a word that is nobody's name.
pub(super) fn is_ordinary(folded: &str) -> bool {
    ORDINARY.contains(folded)
}

/// An account of the system itself.
pub(super) fn is_of_system(folded: &str) -> bool {
    SYSTEM.contains(&folded)
}

static ORDINARY: LazyLock<HashSet<&str>> =
    LazyLock::new(|| GERMAN.split_whitespace().chain(ENGLISH.split_whitespace()).collect());

const GERMAN: &str = "
    aber abgelaufen aktiv aktuell allein alle als also am an anders angelegt angemeldet anlegen auch auf aus bei beim bekannt bekommt bereits bitte
    bleibt blockiert bricht da damit dann darf das dass deaktiviert defekt dem den denn der des die dies dieser dort durch eben ein eine einer
    eingeloggt endet er erhält erst es existiert falsch fehlt findet flüchtig funktioniert für ganz geht geklappt gelöscht gelten gerade geschützt
    gesperrt gestern gibt gilt gleich hat hatte heißt heute hier hinzu ich ihr im immer in ins ist je jede jeder jetzt kam kann kein keine keinen
    klappt kommt konnte korrekt lautet leer leider liegt löschen lädt mag macht man mehr meldet mit mittels mich mir mitteilen muss möchte nach neu
    nicht nichts nie niemals noch nun nur nutzt ob oder ohne per plötzlich pro reagiert richtig ruft scheitert schlägt schon sehr seit seitdem selbst
    sich sie sieht sind so sofort soll sollte sonst sperrt stimmt sucht trotz trotzdem über um unbekannt und ungültig unmöglich unter vergessen
    verloren versucht verwendet via vom von vor vorhanden wann war waren warum was weg weil weiß weiterhin wenn wer werden wie wieder will wird wo
    wurde wurden zeigt zu zum zur zwar öffnet ändern spurlos ihre ihren ihrem mein meine meinem unser unsere abgemeldet ausgeloggt feststellen verschwunden daten seite maske
";

const ENGLISH: &str = "
    a able about access account accounts after again agent all already also always an and any api are area as asks at attempt attempts auth base be
    because before being box button but by bypass can can't cannot change changes clicks code config comes cookie could count crash credentials
    dashboard data database denied details dialog did didn't dies directory disabled do does doesn't don't enters error errors ever every experience
    expired expires fail failed fails failure field file files first folder for forgot form friendly from gets gives goes got group groups guide had
    has have he help here history home hangs how i id ids if in incorrect info input interface into invalid is isn't issue issues it its just keeps
    key keys last limit limits link list lists locked log login logins logs loop loops made manager manual mask may menu message method missing mode
    more must my name names needs never new no not now of off on once only or our out over owner page pages panel password passwords permission
    permissions plan policy portal problem problems process processes profile profiles prompt puts quota quotas receives redirect redirects reports
    requests rights role roles same saw says screen script sees sends server session sessions settings setup shell should shows side since site so
    someone space spam still stops stuck suddenly table tables takes tells than that the their them then there they this throws time times to token
    tool tried tries twice types unable under unknown until up used uses via views visits wants was we went were what when where which while who whose
    will window with without won't works would writes wrong yesterday you your manuals tutorials failures interfaces traffic activity activities delay delays pwd pass reviews ratings feedback stories adoption engagement needs demand growth base bases screens forms tokens flow flows behavior behaviour numbers privileges management onboarding together doesn didn isn aren wasn won don couldn wouldn hasn haven reset-password create delete get update add remove credentials daily
";
