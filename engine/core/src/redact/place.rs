//! Where people live, when they were born, and where they are called.

use super::Step;

/// Streets and towns here are written in Latin letters; with those of all scripts the patterns would take megabytes.
fn regex(pattern: &str) -> regex::Regex {
    let latin = pattern.replace(r"[\p{L}", "[A-Za-zÀ-ž").replace(r"\p{L}", "[A-Za-zÀ-ž]");
    super::regex(&latin.replace(r"\p{Lu}", "[A-ZÀ-ÖØ-Þ]").replace(r"\p{Ll}", "[a-zß-ž]"))
}

/// Behind a postcode only these are towns beyond doubt: German nouns have capitals, too, and `10000 Mails` is no address. The
/// largest towns of Germany, Austria and Switzerland, and what names of towns end with.
const TOWN: &str = r"(?:Berlin|Hamburg|München|Köln|Cologne|Munich|Frankfurt|Stuttgart|Düsseldorf|Leipzig|Dortmund|Essen|Bremen|Dresden|Hannover|Nürnberg|Duisburg|Bochum|Wuppertal|Bielefeld|Bonn|Münster|Mannheim|Karlsruhe|Augsburg|Wiesbaden|Gelsenkirchen|Aachen|Braunschweig|Chemnitz|Kiel|Halle|Magdeburg|Freiburg|Krefeld|Mainz|Lübeck|Erfurt|Rostock|Kassel|Hagen|Potsdam|Saarbrücken|Hamm|Ludwigshafen|Oldenburg|Leverkusen|Osnabrück|Solingen|Heidelberg|Darmstadt|Neuss|Regensburg|Paderborn|Ingolstadt|Würzburg|Fürth|Ulm|Heilbronn|Pforzheim|Wolfsburg|Göttingen|Bottrop|Reutlingen|Koblenz|Erlangen|Bremerhaven|Remscheid|Trier|Jena|Moers|Siegen|Cottbus|Hildesheim|Salzgitter|Gera|Zwickau|Schwerin|Wien|Graz|Linz|Salzburg|Innsbruck|Zürich|Genf|Basel|Bern|Lausanne|Winterthur|Luzern|(?:Bad|Sankt|St\.)\s+\p{Lu}\p{Ll}+|\p{Lu}\p{Ll}+(?:stadt|stedt|burg|berg|dorf|hausen|heim|furt|bach|ingen|kirchen|hafen|walde?|brück|brücken|rode|leben|münster))(?:(?:\s+(?:am|an\s+der|im|in\s+der|ob\s+der|bei)\s+\p{Lu}\p{Ll}+)|[-/]\p{Lu}\p{Ll}+|\s+\([^()\n]{2,30}\))?\b";

/// Any capitalised words, where what stands before them says that a town follows.
const ANY_TOWN: &str =
    r"\p{Lu}[\p{L}.-]+(?:\s+(?:am|an\s+der|im|in\s+der|ob\s+der)\s+\p{Lu}\p{Ll}+|[-/ ]\p{Lu}\p{Ll}+)?";

const POSTCODE: &str = r"(?:(?:D|DE)[ -]{1,3})?\d{5}";

/// Words that no street ends with may stand before a number; `Monitoring 5` and `Speicherplatz 5` are none, hence so few.
const STREET: &str = r"(?:(?:\p{Lu}[\p{L}.'’-]*[ \t]+){0,3}(?i:[\p{L}-]*(?:straße|strasse|gasse|allee|chaussee)|[\p{L}-]{3,}str\.?|str\.)(?:[ \t]+(?:des|der|vom|zum)[ \t]+(?:\d{1,2}\.[ \t]+)?\p{Lu}\p{Ll}+)?)";

const HOUSE: &str = r"\d{1,4}(?:[ \t]?[a-hA-H]\b)?(?:[ \t]?[-–/+][ \t]?\d{1,4}(?:[ \t]?[a-hA-H]\b)?)?";

const ENGLISH: &str = r"\b\d{1,5}[a-hA-H]?[ \t]+(?:(?:\p{Lu}[\p{L}.'’-]*[ \t]+){1,3}(?i:street|road|avenue|lane|boulevard|crescent|terrace)|\p{L}+[ \t]+(?:street|avenue|boulevard)|(?:\p{Lu}[\p{L}.'’-]*[ \t]+){1,3}(?:St|Rd|Ave|Ln|Blvd)\b|(?:\p{Lu}\p{Ll}+[ \t]+){1,2}(?:Drive|Way|Close|Place|Court|Square),)(?:,?\s+(?:Apt\.?|Suite|Unit|Flat)[ \t]+\w+)?(?:,?\s+\p{Lu}\p{Ll}+(?:[ -]\p{Lu}\p{Ll}+)?,?[ \t]+(?:[A-Z]{2}[ \t]+\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?[ \t]+\d[A-Z]{2}))?";

const MONTH: &str = r"(?:jan(?:uar|uary|\.)?|jän(?:ner|\.)?|feb(?:ruar|ruary|\.)?|märz|maerz|mar(?:ch|\.)?|mär\.?|apr(?:il|\.)?|mai|may|jun[ie]?\.?|jul[iy]?\.?|aug(?:ust|\.)?|sep(?:tember|t?\.?)?|o[kc]t(?:ober|\.)?|nov(?:ember|\.)?|de[zc](?:ember|\.)?)";

/// Addresses, before other numbers are looked for.
pub(super) fn addresses() -> Vec<Step> {
    let to_address: fn(&regex::Captures<'_>) -> String = |_| "<address>".to_owned();
    vec![
        (regex(&format!(r"\b{STREET}[ \t]*{HOUSE}(?:[ \t]*,?\s+{POSTCODE}[ \t]+{ANY_TOWN})?")), to_address),
        // `Am Markt 3, 01067 Dresden`: no word says that it is a street, what follows does.
        (
            regex(&format!(
                r"(?:(?:\p{{Lu}}[\p{{L}}.'’-]*[ \t]+){{1,4}}{HOUSE}[ \t]*(?:,\s*|\n\s*|[ \t]+))?\b(?:(?:D|DE)-[ ]?\d{{5}}[ \t]+{ANY_TOWN}|0[1-9]\d{{3}}[ \t]+\p{{Lu}}\p{{Ll}}{{2,}}(?:-\p{{Lu}}\p{{Ll}}+)?\b|{POSTCODE}[ \t]+{TOWN})"
            )),
            to_address,
        ),
        (
            regex(&format!(
                r"(?i:\b(PLZ|Postleitzahl|Anschrift|Adresse|wohnhaft in|wohne in|address)(:?\s+)){POSTCODE}(?:[ \t]+(?-i:{ANY_TOWN}))?"
            )),
            |c| format!("{}{}<address>", &c[1], &c[2]),
        ),
        (regex(ENGLISH), to_address),
    ]
}

/// Dates of birth. What happened on other dates is nobody's.
pub(super) fn births() -> Vec<Step> {
    let date = format!(
        r"(?:\d{{1,4}}[./-][ ]?\d{{1,2}}[./-][ ]?\d{{1,4}}|\d{{1,2}}(?:\.|st|nd|rd|th)?\s+(?:of\s+)?{MONTH}(?:,?\s+\d{{2,4}})?|{MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?)\b"
    );
    vec![
        (
            regex(&format!(
                r"(?i)\b((?:geboren|geb\.|geburts(?:datum|tag)|born|date\s+of\s+birth|birth\s?(?:date|day)|D\.?O\.?B\.?)(?:\s*[:=]|\s+(?:ist|is|war|was))?(?:\s+(?:am|den|der|on|the))*\s*){date}"
            )),
            |c| format!("{}<birthdate>", &c[1]),
        ),
        (regex(&format!(r"(?i)\b{date}(\s+(?:geboren|geb\.))")), |c| format!("<birthdate>{}", &c[1])),
    ]
}

/// Numbers that are called.
pub(super) fn phones() -> Vec<Step> {
    let to_phone: fn(&regex::Captures<'_>) -> String = |_| "<phone>".to_owned();
    vec![
        (
            regex(
                r"(?i)\b((?:Tel(?:\.|efon)?|Telefonnummer|Handy(?:nummer)?|Mobil(?:nummer|funk)?|Rückrufnummer|Fax|phone(?: number)?|call (?:me )?(?:at|on))[ :.]*)[+(]?\d[\d ()/-]{3,}\d\b",
            ),
            |c| format!("{}<phone>", &c[1]),
        ),
        (regex(r"(?:\+|\b00)\d[\d ()/.-]{5,}\d"), to_phone),
        (regex(r"\(0\d{1,5}\)[ /-]{0,3}\d[\d /-]{2,}\d\b|\(\d{3}\)[ -]?\d{3}[ -]\d{4}\b"), to_phone),
        (regex(r"\b0\d{2,5}(?: ?[/–-] ?| )\d[\d –-]{2,}\d\b"), to_phone),
    ]
}
