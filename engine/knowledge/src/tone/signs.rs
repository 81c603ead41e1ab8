//! The words that are signs, as tables, and how they are found.
//!
//! A phrase is a row of words: `a|b` is either, `stem~` anything that begins so, `#` a number or a word for one or
//! several, `*` any word. Umlauts count as their two letters.

use std::sync::LazyLock;

use super::{Evidence, Sign};

/// A word of a text.
#[derive(Debug)]
pub(super) struct Word<'t> {
    /// As written.
    text: &'t str,
    /// Where it stands, in bytes.
    at: usize,
    /// In small letters, umlauts as two.
    folded: String,
    /// It is part of something like `ERR_CERT_INVALID` or `NET::ERR`.
    is_code: bool,
}

/// Phrases with their sign and weight. Where several begin at one word, the longest counts.
const PHRASES: &[(Sign, u8, &str)] = &[
    // It happened before. `again` and `wieder` alone mean too much else.
    (Sign::Repetition, 2, "schon wieder"),
    (Sign::Repetition, 2, "schon|bereits das|zum # mal"),
    (Sign::Repetition, 2, "jetzt|nun zum # mal"),
    (Sign::Repetition, 2, "zum|das # mal"),
    (Sign::Repetition, 2, "wieder einmal|mal"),
    (Sign::Repetition, 2, "immer wieder"),
    (Sign::Repetition, 2, "zum wiederholten mal|male"),
    (Sign::Repetition, 1, "erneut"),
    (Sign::Repetition, 2, "third|fourth|fifth|3rd|4th|5th|tenth time"),
    (Sign::Repetition, 2, "yet again"),
    (Sign::Repetition, 2, "once again down|broken|offline"),
    (Sign::Repetition, 2, "again and again"),
    (Sign::Repetition, 2, "over and over"),
    (Sign::Repetition, 2, "keeps happening"),
    (Sign::Repetition, 2, "how many times must|do|have i|we"),
    (Sign::Repetition, 2, "how often must i|we"),
    (Sign::Repetition, 2, "wie oft noch|denn|soll|muss"),
    // Nobody answered; it lasts.
    (Sign::Waiting, 1, "seit # tagen|tag|wochen|woche|monaten|monat|stunden"),
    (Sign::Waiting, 1, "seit ueber # tagen|wochen|monaten|stunden"),
    (Sign::Waiting, 2, "warte|warten seit|schon|noch|immer"),
    (Sign::Waiting, 2, "warte|warten seit # tagen|wochen|monaten|stunden"),
    (Sign::Waiting, 2, "warte|warten schon|bereits seit # tagen|wochen|monaten|stunden"),
    (Sign::Waiting, 2, "keine antwort|reaktion|rueckmeldung"),
    (Sign::Waiting, 2, "niemand|keiner antwortet|reagiert|meldet"),
    (Sign::Waiting, 2, "immer noch keine|nichts|nicht antwort|rueckmeldung|passiert|gehoert"),
    (Sign::Waiting, 1, "for # days|weeks|months|hours"),
    (Sign::Waiting, 2, "no reply|response|answer from|yet|since|for|to|until|so"),
    (Sign::Waiting, 2, "nobody|noone answers|replies|responds|answered|replied|responded"),
    (Sign::Waiting, 2, "no one answers|replies|responds|answered|replied|responded"),
    (Sign::Waiting, 2, "waiting for a|an|your reply|response|answer"),
    (Sign::Waiting, 2, "waited|waiting|waits long enough"),
    (Sign::Waiting, 2, "been ignored"),
    (Sign::Waiting, 1, "wie lange soll|dauert das noch"),
    (Sign::Waiting, 1, "and|yet still nothing"),
    // Money, customers, work.
    (Sign::Loss, 2, "verlier~ kunden|umsatz|auftraege|bestellungen|geld|einnahmen"),
    (Sign::Loss, 2, "verlier~ * kunden|umsatz|auftraege|bestellungen|geld|einnahmen"),
    (Sign::Loss, 2, "gehen|geht * verloren"),
    (Sign::Loss, 2, "gehen|geht * * verloren"),
    (Sign::Loss, 2, "null|kein|keinen umsatz"),
    (Sign::Loss, 2, "umsatzausfall|umsatzeinbuss~|verdienstausfall|umsatzverlust|produktionsausfall"),
    (Sign::Loss, 2, "kostet uns|mich jede|taeglich|richtig|viel|bares"),
    (Sign::Loss, 2, "steht still|betrieb still"),
    (Sign::Loss, 2, "betrieb|firma|buero|laden steht"),
    (Sign::Loss, 2, "koennen|kann nicht|nichts mehr arbeiten"),
    (Sign::Loss, 2, "koennen|kann nicht arbeiten"),
    (Sign::Loss, 2, "existenzbedroh~|existenzgefaehrd~"),
    (Sign::Loss, 2, "losing|lost|lose money|customers|sales|orders|revenue|business|clients"),
    (Sign::Loss, 2, "losing|lost|lose * money|customers|sales|orders|revenue|business|clients"),
    (Sign::Loss, 2, "costing us|me"),
    (Sign::Loss, 2, "customers are|keep waiting|complaining|leaving"),
    (Sign::Loss, 1, "customers waiting|complain"),
    (Sign::Loss, 2, "cannot|can't work|do business"),
    (Sign::Loss, 2, "zero|no sales|revenue|orders"),
    // About to leave.
    (Sign::Leaving, 3, "wechsl~ den|meinen|unseren|zum|zu anbieter|hoster|provider|konkurrenz"),
    (Sign::Leaving, 3, "wechseln|wechsle zur konkurrenz"),
    (Sign::Leaving, 3, "anbieter|hoster|provider wechseln"),
    (Sign::Leaving, 3, "kuendige|kuendigen fristlos|sofort|sonst|andernfalls"),
    (Sign::Leaving, 3, "fristlos~ kuendig~"),
    (Sign::Leaving, 3, "sonst|ansonsten|andernfalls kuendige|kuendigen|wechsle|wechseln|gehe|gehen"),
    (Sign::Leaving, 3, "ich|wir gehe|gehen jetzt|endgueltig|woanders"),
    (Sign::Leaving, 3, "ich bin weg|raus"),
    (Sign::Leaving, 3, "meinen|unseren|einen|zum anwalt|rechtsanwalt"),
    (Sign::Leaving, 3, "mein|unser anwalt|rechtsanwalt wird|meldet"),
    (Sign::Leaving, 3, "verbraucherzentrale|bundesnetzagentur|schadensersatz|schadenersatz"),
    (Sign::Leaving, 3, "letzte warnung|chance"),
    (Sign::Leaving, 3, "my lawyer|lawyers|attorney|solicitor"),
    (Sign::Leaving, 3, "legal action"),
    (Sign::Leaving, 3, "take|taking|move|moving my|our business elsewhere"),
    (Sign::Leaving, 3, "switch~ to another|a provider|host|hoster|different|competitor"),
    (Sign::Leaving, 3, "leaving you"),
    (Sign::Leaving, 3, "moving|switching to another|a|different host|hoster|provider|company if|unless"),
    (Sign::Leaving, 3, "or i|we will|am|are leave|leaving|cancel|cancelling"),
    (Sign::Leaving, 3, "last chance|warning|straw"),
    // Anger in words.
    (
        Sign::Anger,
        3,
        "frechheit|unverschaemt~|saftladen|sauladen|inkompeten~|unfaehig~|idioten|dilettant~|stuemper|betrueger",
    ),
    (
        Sign::Anger,
        3,
        "verarsch~|scheiss~|schei~e|mist|drecks~|katastrophal~|unterirdisch~|laecherlich~|inakzeptabel~|unzumutbar~",
    ),
    (Sign::Anger, 3, "indiskutabel|unmoeglich von|bei|mit|zustaende"),
    (Sign::Anger, 3, "absolute|totale|reine|echte katastrophe|zumutung"),
    (Sign::Anger, 3, "eine zumutung|katastrophe|schande"),
    (Sign::Anger, 3, "nase|schnauze voll"),
    (Sign::Anger, 3, "stinksauer|wuetend|veraergert|empoert|fassungslos|entsetzt"),
    (Sign::Anger, 3, "bin|sind sauer|genervt|veraergert"),
    (Sign::Anger, 3, "es reicht mir|uns|jetzt|langsam|endgueltig"),
    (Sign::Anger, 3, "mir|uns reicht es|s"),
    (Sign::Anger, 3, "geht gar nicht"),
    (Sign::Anger, 3, "so kann man|ich|wir nicht arbeiten"),
    (Sign::Anger, 3, "kann doch|ja nicht wahr|sein|ernst"),
    (Sign::Anger, 3, "kann nicht wahr sein"),
    (Sign::Anger, 3, "nicht euer|ihr|dein ernst"),
    (Sign::Anger, 3, "wofuer|wozu bezahl~ ich|wir"),
    (Sign::Anger, 3, "wofuer|wozu zahl~ ich|wir"),
    (Sign::Anger, 3, "darf doch|ja|einfach|wohl nicht wahr"),
    (Sign::Anger, 3, "sauerei|schweinerei"),
    (Sign::Anger, 3, "nie wieder"),
    (Sign::Anger, 3, "schlechteste~|miserabel|miserable~ service|support|hoster|anbieter|kundenservice"),
    (Sign::Anger, 2, "enttaeusch~"),
    (Sign::Anger, 3, "ridiculous|unacceptable|outrageous|disgrace~|disgusting|pathetic|incompeten~|appalling|furious"),
    (Sign::Anger, 3, "idiots|clowns|scammers|liars|bullshit|fucking|fuck|shit|wtf|damn"),
    (Sign::Anger, 3, "people|guys are useless"),
    (Sign::Anger, 3, "useless support|service|company|host"),
    (Sign::Anger, 3, "absolute|complete|total|bloody joke|farce|shambles"),
    (Sign::Anger, 3, "had it with you"),
    (Sign::Anger, 3, "fed up"),
    (Sign::Anger, 3, "sick of|and"),
    (Sign::Anger, 3, "had enough"),
    (Sign::Anger, 3, "a joke|disgrace|scandal|shame"),
    (Sign::Anger, 3, "worst service|support|host|hosting|company|provider|experience"),
    (Sign::Anger, 3, "terrible|horrible|awful service|support|company|host|hosting"),
    (Sign::Anger, 3, "very|really|so|extremely|am angry|annoyed|frustrated|upset"),
    (Sign::Anger, 2, "frustrat~"),
    (Sign::Anger, 2, "disappointed"),
    (Sign::Anger, 3, "what am i|we paying"),
    (Sign::Anger, 3, "are you kidding|serious"),
    (Sign::Anger, 3, "never again"),
    (Sign::Anger, 3, "waste of time|money"),
    // It cannot wait.
    (Sign::Urgency, 1, "dringend~|eilig|eilt|schnellstmoeglich|schnellstens|umgehend|unverzueglich|asap"),
    (Sign::Urgency, 1, "sofort beheben|helfen|hilfe|reparieren|loesen|handeln|antworten|melden|her"),
    (Sign::Urgency, 1, "bitte|brauche|brauchen sofort|schnell"),
    (Sign::Urgency, 1, "es brennt"),
    (Sign::Urgency, 1, "please hurry"),
    (Sign::Urgency, 2, "notfall"),
    (Sign::Urgency, 1, "urgent~"),
    (Sign::Urgency, 1, "as soon as possible"),
    (Sign::Urgency, 1, "right now|away please|fix|help"),
    (Sign::Urgency, 1, "immediately"),
    (Sign::Urgency, 2, "an|is emergency"),
    // Fear.
    (Sign::Fear, 2, "verzweifel~|panik|angst"),
    (Sign::Fear, 2, "mache mir|uns sorgen|grosse"),
    (Sign::Fear, 2, "grosse sorge|sorgen"),
    (Sign::Fear, 2, "weiss|wissen nicht mehr weiter"),
    (Sign::Fear, 2, "am ende meiner|mit"),
    (Sign::Fear, 2, "ich dreh|drehe durch"),
    (Sign::Fear, 2, "alles verloren"),
    (Sign::Fear, 2, "desperate~|panic~|scared|frightened|terrified"),
    (Sign::Fear, 2, "am|very|really|so|getting|are worried|concerned|anxious"),
    (Sign::Fear, 2, "lost everything"),
    (Sign::Fear, 2, "freaking|freaked out"),
];

/// Words of no special loudness that people shout. Others in capitals may be names, commands or error codes.
const SHOUTED: [&str; 52] = [
    "sofort",
    "nicht",
    "nichts",
    "nie",
    "niemals",
    "niemand",
    "immer",
    "wieder",
    "jetzt",
    "endlich",
    "dringend",
    "bitte",
    "warum",
    "wieso",
    "kein",
    "keine",
    "keinen",
    "hilfe",
    "alles",
    "alle",
    "noch",
    "schon",
    "seit",
    "tagen",
    "wochen",
    "stunden",
    "muss",
    "heute",
    "again",
    "now",
    "never",
    "not",
    "nothing",
    "nobody",
    "please",
    "why",
    "help",
    "still",
    "all",
    "always",
    "every",
    "days",
    "weeks",
    "hours",
    "today",
    "immediately",
    "urgent",
    "stop",
    "really",
    "unacceptable",
    "angry",
    "broken",
];

/// Capitals of the trade: a row of them is no shouting.
const TRADE: [&str; 40] = [
    "http",
    "https",
    "html",
    "error",
    "fatal",
    "warning",
    "failed",
    "denied",
    "access",
    "imap",
    "smtp",
    "pop3",
    "dmarc",
    "dkim",
    "cname",
    "aaaa",
    "soa",
    "mysql",
    "postgresql",
    "select",
    "from",
    "where",
    "insert",
    "update",
    "null",
    "json",
    "post",
    "get",
    "put",
    "head",
    "raid",
    "nvme",
    "gmbh",
    "dsgvo",
    "gdpr",
    "whois",
    "rdns",
    "ptr",
    "sftp",
    "wlan",
];

/// Words for a number or for several.
const NUMBERS: [&str; 62] = [
    "ein",
    "eine",
    "einem",
    "einer",
    "einen",
    "zwei",
    "drei",
    "vier",
    "fuenf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwoelf",
    "mehreren",
    "mehrere",
    "vielen",
    "einigen",
    "paar",
    "zig",
    "etlichen",
    "zweite",
    "zweiten",
    "dritte",
    "dritten",
    "vierte",
    "vierten",
    "fuenfte",
    "fuenften",
    "sechste",
    "sechsten",
    "zehnte",
    "zehnten",
    "x",
    "xte",
    "xten",
    "hundertste",
    "hundertsten",
    "a",
    "an",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "several",
    "many",
    "few",
    "couple",
    "over",
    "almost",
    "nearly",
    "tausendste",
];

/// Behind these the signs of need mean their opposite, or a machine's: `kernel panic`.
const DENIALS: [&str; 13] =
    ["nicht", "kein", "keine", "keinen", "weder", "ohne", "not", "no", "never", "isn't", "without", "don't", "kernel"];

type Phrase = (Sign, u8, Vec<Vec<Pattern>>);

/// What a word of a phrase may be.
enum Pattern {
    /// `#`
    Number,
    /// `*`
    Any,
    /// `begin~end`
    Around(&'static str, &'static str),
    Word(&'static str),
}

impl Pattern {
    fn of(pattern: &'static str) -> Self {
        match (pattern, pattern.split_once('~')) {
            ("#", _) => Self::Number,
            ("*", _) => Self::Any,
            (_, Some((begin, end))) => Self::Around(begin, end),
            (word, None) => Self::Word(word),
        }
    }

    fn fits(&self, word: &str) -> bool {
        match self {
            Self::Number => word.starts_with(|c: char| c.is_ascii_digit()) || NUMBERS.contains(&word),
            Self::Any => true,
            Self::Around(begin, end) => {
                word.len() >= begin.len() + end.len() && word.starts_with(begin) && word.ends_with(end)
            }
            Self::Word(pattern) => *pattern == word,
        }
    }

    /// Whether a word that begins with this byte may fit.
    fn may_begin(&self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Number => byte.is_ascii_digit() || NUMBERS.iter().any(|number| number.bytes().next() == Some(byte)),
            Self::Around(begin, _) => begin.bytes().next().is_none_or(|first| first == byte),
            Self::Word(word) => word.bytes().next() == Some(byte),
        }
    }
}

/// The phrases, taken apart once.
static TABLE: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let apart =
        |phrase: &'static str| phrase.split(' ').map(|word| word.split('|').map(Pattern::of).collect()).collect();
    PHRASES.iter().map(|(sign, weight, phrase)| (*sign, *weight, apart(phrase))).collect()
});

/// The places of the phrases that may begin with a word, by its first byte: most words begin none.
static BY_BEGINNING: LazyLock<[Vec<usize>; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let begins = |phrase: &Phrase| phrase.2.first().is_some_and(|e| e.iter().any(|p| p.may_begin(byte as u8)));
        (0..TABLE.len()).filter(|place| begins(&TABLE[*place])).collect()
    })
});

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’');
    let mut words = Vec::new();
    let mut from = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), from) {
            (true, None) => from = Some(at),
            (false, Some(start)) => {
                let word = text[start..at].trim_matches(['\'', '’']);
                if !word.is_empty() {
                    let at_word = start + text[start..at].find(word).unwrap_or(0);
                    let is_code = text[..start].ends_with(['_', ':', '/', '.', '"', '`', '<'])
                        || text[at..].starts_with(['_', '/', '"', '`', '>'])
                        || text[at..].starts_with("::");
                    words.push(Word { text: word, at: at_word, folded: fold(word), is_code });
                }
                from = None;
            }
            _ => {}
        }
    }
    words
}

fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len() + 2);
    for c in word.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => folded.push_str("ae"),
            'ö' => folded.push_str("oe"),
            'ü' => folded.push_str("ue"),
            'ß' => folded.push_str("ss"),
            '’' => folded.push('\''),
            c => folded.push(c),
        }
    }
    folded
}

/// All signs, in the order of the text.
pub(super) fn find(text: &str, words: &[Word<'_>]) -> Vec<Evidence> {
    let mut found: Vec<(usize, Evidence)> = Vec::new();
    for at in 0..words.len() {
        // Of each sign the longest phrase.
        let mut best: Vec<(Sign, u8, usize)> = Vec::new();
        let first = words[at].folded.bytes().next().unwrap_or_default();
        for (sign, weight, phrase) in BY_BEGINNING[usize::from(first)].iter().map(|place| &TABLE[*place]) {
            if !fits(phrase, &words[at..]) || is_denied(*sign, words, at) {
                continue;
            }
            match best.iter_mut().find(|(known, ..)| known == sign) {
                Some(known) if (known.2, known.1) < (phrase.len(), *weight) => *known = (*sign, *weight, phrase.len()),
                Some(_) => {}
                None => best.push((*sign, *weight, phrase.len())),
            }
        }
        for (sign, weight, length) in best {
            let last = &words[at + length - 1];
            let (start, end) = (words[at].at, last.at + last.text.len());
            // Inside a longer phrase of the same sign it says nothing new.
            let inside = found.iter().any(|(from, one)| one.sign == sign && end <= from + one.words.len());
            if !inside {
                let words = text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
                found.push((start, Evidence { sign, words, weight }));
            }
        }
    }
    shouted(words, &mut found);
    exclaimed(text, &mut found);
    found.sort_by_key(|(at, one)| (*at, one.sign));
    found.into_iter().map(|(_, one)| one).collect()
}

fn fits(phrase: &[Vec<Pattern>], words: &[Word<'_>]) -> bool {
    phrase.len() <= words.len()
        && phrase.iter().zip(words).all(|(either, word)| either.iter().any(|pattern| pattern.fits(&word.folded)))
}

/// `nicht dringend`, `no urgent matter`.
fn is_denied(sign: Sign, words: &[Word<'_>], at: usize) -> bool {
    matches!(sign, Sign::Urgency | Sign::Fear | Sign::Loss)
        && words[at.saturating_sub(2)..at].iter().any(|word| DENIALS.contains(&&*word.folded))
}

/// Words in capitals: one that nobody writes so by habit, or a row of three and more.
fn shouted(words: &[Word<'_>], found: &mut Vec<(usize, Evidence)>) {
    let is_loud = |word: &Word<'_>| {
        word.text.chars().count() >= 3
            && !word.is_code
            && word.text.chars().all(|c| c.is_uppercase() || c == 'ß')
            && !TRADE.contains(&&*word.folded)
    };
    let mut at = 0;
    while at < words.len() {
        let row = words[at..].iter().take_while(|word| is_loud(word)).count();
        let known = words[at..at + row].iter().any(|word| SHOUTED.contains(&&*word.folded));
        if row >= 4 || known {
            let text = words[at..at + row].iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
            found.push((words[at].at, Evidence { sign: Sign::Shouting, words: text, weight: 2 }));
        }
        at += row.max(1);
    }
}

/// `!!`, `?!`, `???`.
fn exclaimed(text: &str, found: &mut Vec<(usize, Evidence)>) {
    let mut rest = text;
    while let Some(start) = rest.find(['!', '?']) {
        let row = &rest[start..];
        let row = &row[..row.find(|c| c != '!' && c != '?').unwrap_or(row.len())];
        let loud = row.contains("!!") || row.contains("!?") || row.contains("?!") || row.len() >= 3;
        if loud {
            let at = text.len() - rest.len() + start;
            found.push((at, Evidence { sign: Sign::Shouting, words: row.to_owned(), weight: 2 }));
        }
        rest = &rest[start + row.len()..];
    }
}
