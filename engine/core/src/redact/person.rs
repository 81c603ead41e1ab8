//! Names that stand behind a word for family or at the end of a letter that goes on.

use regex::Captures;

use super::user::is_ordinary;
use super::{NAME, NO_NAME, Step, regex};

/// Words that only a name follows.
const BYE: &str = r"cheers|regards|gru(?:ß|ss)|gr(?:ü|ue)(?:ß|ss)e|lg|vg|ciao|servus";

/// Those that a sentence may follow, too.
const THANKS: &str = r"danke|dank|thanks|thank\s+you|thx";

const FAMILY: &str = r"(?:ehe)?mann|(?:ehe|haus)?frau|sohn(?:es)?|söhne|tochter|töchter|bruder|schwester|mutter|vater|mama|papa|oma|opa|onkel|tante|cousine?|neffen?|nichte|enkel(?:in)?|freund(?:in)?|kolleg(?:en?|in)|chef(?:in)?|partner(?:in)?|kind|lebensgefährt(?:en?|in)|verlobte[rn]?|son|daughter|wife|husband|brother|sister|mother|father|mum|mom|dad|uncle|aunt|nephew|niece|grandma|grandpa|friend|colleague|boss|fiancée?|kid|child";

/// What a person does, behind their name; behind a thing there would be more of it.
const DOES: &str = r"ist|hat|kann|will|möchte|war|wollte|konnte|hatte|braucht|nutzt|benutzt|schreibt|sagt|arbeitet|spielt|macht|kommt|und|is|has|had|can|cannot|could|wants|was|needs|uses|says|works|and";

pub(super) fn steps() -> Vec<Step> {
    vec![
        (regex(&format!(r"\b(?i:({BYE}))([ \t]*[,!.]?[ \t]*\n?[ \t]*)({NAME})")), |c| behind(c)),
        // At the end of a line people write their own name as small as the rest.
        (regex(&format!(r"(?im)\b({BYE})([ ,]+)([\p{{Ll}}]{{3,20}})[ .!]*$")), |c| {
            if is_ordinary(&c[3].to_lowercase()) { c[0].to_owned() } else { format!("{}{}<name>", &c[1], &c[2]) }
        }),
        (regex(&format!(r"(?m)\b(?i:({THANKS}))([ \t]*,?[ \t]+)({NAME})([ \t]*(?:[,.!;(]|$))")), |c| {
            format!("{}{}", behind(c), &c[4])
        }),
        (
            regex(&format!(
                r"(?m)\b(?i:((?:mein|meine[rmns]?|unser|unsere[rmns]?|dein|deine|sein|seine[rm]?|my|our|his|her)\s+(?:\p{{Ll}}+\s+)?(?:{FAMILY})(?:\s+(?:namens|named|called))?),?)\s+({NAME})(\s*\(\d{{1,3}}\)|\s*[,.!;?:)]|\s+(?:{DOES})\b|[ \t]*$)"
            )),
            |c| {
                let rest = if c[3].contains('(') { "" } else { &c[3] };
                format!("{} <name>{rest}", &c[1])
            },
        ),
        (
            regex(&format!(
                r"\b((?i:(?:my|our|his|her)\s+(?:\p{{Ll}}+\s+)?(?:son|daughter|wife|husband|brother|sister|mother|father|mum|mom|dad|friend|colleague|boss))(?:\s+(?:named|called))?)\s+({NAME})"
            )),
            |c| if is_known(&c[2]) { c[0].to_owned() } else { format!("{} <name>", &c[1]) },
        ),
    ]
}

fn behind(c: &Captures<'_>) -> String {
    if is_known(&c[3]) { format!("{}{}{}", &c[1], &c[2], &c[3]) } else { format!("{}{}<name>", &c[1], &c[2]) }
}

/// A word with a capital that is nobody's name.
fn is_known(name: &str) -> bool {
    let first = name.split_whitespace().next().unwrap_or_default();
    NO_NAME.contains(&first) || FURTHER.contains(&first) || !first.contains(char::is_lowercase)
}

const FURTHER: [&str; 34] = [
    "Ihnen", "Ihr", "Ihre", "Euch", "Dir", "Danke", "Dank", "Vielen", "Gruß", "Grüße", "Gruss", "Best", "Kind",
    "Regards", "Thanks", "Cheers", "Problem", "Bitte", "Please", "Hilfe", "Could", "Can", "Is", "It", "This", "That",
    "What", "How", "Wie", "Was", "Wann", "Warum", "Das", "Es",
];
