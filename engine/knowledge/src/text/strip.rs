//! What of a letter is form: quoted mail, signature, salutation, lead-in, closing. Done to drafts only.
//!
//! Start at [`strip`]. The first ten words of a formal letter say nothing; "enough text" is counted after this. The
//! tables hold folded words; `+` stands for some of any.

use std::borrow::Cow;
use std::str::Split;

use super::fold::fold;
use super::words::words;

/// Ways to greet. What follows up to the first comma, colon, exclamation mark or line's end is the greeted one's name.
const GREETINGS: &[&str] = &[
    "sehr geehrte",
    "sehr geehrter",
    "sehr geehrtes",
    "sehr geehrten",
    "geehrte",
    "geehrter",
    "liebe",
    "lieber",
    "liebes",
    "hallo",
    "hallochen",
    "hi",
    "hey",
    "moin",
    "moin moin",
    "servus",
    "gruss gott",
    "gruezi",
    "guten tag",
    "guten morgen",
    "guten abend",
    "schonen guten tag",
    "dear",
    "hello",
    "hi there",
    "hello there",
    "hey there",
    "good morning",
    "good afternoon",
    "good evening",
    "good day",
    "greetings",
    "to whom it may concern",
];

/// Whom one greets: after a greeting without a comma these words go, too.
const GREETED: &[&str] = &[
    "damen",
    "und",
    "herren",
    "herr",
    "frau",
    "team",
    "support",
    "supportteam",
    "kundenservice",
    "kundendienst",
    "kundendienstteam",
    "kundensupport",
    "kundenserviceteam",
    "kundensupportteam",
    "service",
    "zusammen",
    "liebes",
    "ihr",
    "leute",
    "sir",
    "or",
    "madam",
    "all",
    "everyone",
    "everybody",
    "there",
    "customer",
    "care",
    "technical",
    "helpdesk",
    "support-team",
    "mr",
    "mrs",
    "ms",
    "sirs",
    "folks",
    "guys",
    "technischer",
    "technisches",
    "hosting",
];

/// Phrases that open a letter's first sentences: they go, the rest of the sentence stays.
const LEADS: &[&str] = &[
    "ich wende mich an sie um",
    "ich wende mich an sie da",
    "ich wende mich an sie weil",
    "ich wende mich an sie wegen",
    "ich wende mich an sie mit",
    "ich wende mich an sie",
    "ich wende mich heute an sie",
    "ich wende mich mit + an sie",
    "hiermit mochte ich",
    "hiermit wende ich mich an sie",
    "ich schreibe ihnen um",
    "ich schreibe ihnen weil",
    "ich schreibe ihnen da",
    "ich schreibe ihnen wegen",
    "ich schreibe ihnen",
    "ich schreibe um",
    "ich schreibe weil",
    "ich kontaktiere sie um",
    "ich kontaktiere sie weil",
    "ich kontaktiere sie da",
    "ich kontaktiere sie wegen",
    "ich kontaktiere sie im zusammenhang mit",
    "ich kontaktiere sie bezuglich",
    "ich kontaktiere sie",
    "ich nehme kontakt auf um",
    "ich nehme kontakt mit ihnen auf um",
    "ich melde mich bei ihnen um",
    "ich melde mich bei ihnen weil",
    "ich melde mich bei ihnen",
    "ich melde mich um",
    "ich melde mich weil",
    "ich melde mich da",
    "ich melde mich wegen",
    "ich mochte mich erkundigen",
    "ich mochte mich daruber erkundigen",
    "ich mochte sie darauf aufmerksam machen dass",
    "ich mochte sie darauf hinweisen dass",
    "ich mochte sie auf",
    "ich mochte ihnen mitteilen dass",
    "ich mochte darauf hinweisen dass",
    "ich mochte melden dass",
    "ich mochte gerne wissen",
    "ich mochte gern wissen",
    "ich mochte wissen",
    "ich wollte fragen",
    "ich wollte mal fragen",
    "ich wollte nachfragen",
    "ich hatte gerne",
    "ich hatte gern",
    "ich hatte eine frage",
    "ich habe eine frage",
    "ich habe mal eine frage",
    "ich habe folgendes problem",
    "ich habe ein problem und zwar",
    "eine frage",
    "kurze frage",
    "frage",
    "folgendes problem",
    "ich brauche hilfe",
    "ich bitte um unterstutzung bei",
    "ich benotige hilfe bei",
    "ich benotige unterstutzung bei",
    "wir wenden uns an sie um",
    "wir wenden uns an sie",
    "wir schreiben ihnen um",
    "konnen sie mir bitte sagen",
    "konnten sie mir bitte sagen",
    "konnen sie mir sagen",
    "konnten sie mir sagen",
    "konnen sie mir helfen",
    "konnten sie mir helfen",
    "konnen sie mir bitte helfen",
    "konnt ihr mir helfen",
    "konnt ihr mir sagen",
    "i am writing to you to",
    "i am writing to you because",
    "i am writing to you regarding",
    "i am writing to",
    "i am writing because",
    "i am writing in regards to",
    "i am writing in regard to",
    "i am writing regarding",
    "i am writing about",
    "i am writing concerning",
    "im writing to",
    "im writing because",
    "im writing about",
    "im writing regarding",
    "i am reaching out to you",
    "i am reaching out to",
    "i am reaching out because",
    "i am reaching out regarding",
    "i am reaching out for",
    "i am reaching out about",
    "im reaching out to",
    "im reaching out because",
    "im reaching out about",
    "i am contacting you to",
    "i am contacting you because",
    "i am contacting you regarding",
    "i am contacting you about",
    "i am contacting you",
    "i am getting in touch to",
    "i am getting in touch because",
    "i wanted to ask",
    "i wanted to know",
    "i want to ask",
    "i want to know",
    "i would like to know",
    "i would like to ask",
    "i would like to inquire about",
    "i would like to report",
    "id like to know",
    "id like to ask",
    "we are writing to",
    "we are reaching out to",
    "we are contacting you",
    "i have a question about",
    "i have a question",
    "quick question",
    "just a question",
    "can you please tell me",
    "could you please tell me",
    "can you tell me",
    "could you tell me",
    "do you know",
    "please help me",
    "please help",
    "can you help me",
    "could you help me",
    "i need help with",
    "i need some help with",
    "i need assistance with",
];

/// Sentences that are form altogether, wherever they stand: the whole sentence goes.
const COURTESIES: &[&str] = &[
    "ich hoffe diese nachricht",
    "ich hoffe dass diese nachricht",
    "ich hoffe sie",
    "ich hoffe es geht ihnen",
    "ich hoffe ihnen geht es",
    "ich freue mich auf",
    "ich freue mich darauf",
    "freue mich auf",
    "freue mich darauf",
    "wir freuen uns auf",
    "vielen dank",
    "herzlichen dank",
    "besten dank",
    "danke im voraus",
    "danke schon mal",
    "danke schon im voraus",
    "danke fur",
    "ich danke ihnen",
    "ich bedanke mich",
    "wir danken ihnen",
    "mit freundlichen",
    "mit freundlichem",
    "mit besten",
    "mit vielen",
    "freundliche gruss",
    "freundliche grusse",
    "viele grusse",
    "beste grusse",
    "liebe grusse",
    "schone grusse",
    "herzliche grusse",
    "mfg",
    "lg",
    "vg",
    "hochachtungsvoll",
    "fur ruckfragen",
    "bei ruckfragen",
    "i hope this message",
    "i hope this email",
    "i hope this finds",
    "i hope you are",
    "i hope youre",
    "hope this message",
    "hope you are",
    "hope youre",
    "i look forward to",
    "we look forward to",
    "looking forward to",
    "i am looking forward to",
    "i appreciate your",
    "we appreciate your",
    "thank you for",
    "thank you in",
    "thank you very",
    "thank you",
    "thanks for",
    "thanks in",
    "thanks a lot",
    "thanks",
    "many thanks",
    "best regards",
    "kind regards",
    "warm regards",
    "regards",
    "best wishes",
    "sincerely",
    "yours sincerely",
    "yours faithfully",
    "cheers",
    "your prompt attention",
    "your assistance",
    "please let me know if",
    "please do not hesitate",
    "sent from my",
    "gesendet von",
    "von meinem iphone gesendet",
];

/// Ways to say goodbye: what follows is a name and an address, if it is short.
const CLOSINGS: &[&str] = &[
    "mit freundlichen",
    "mit freundlichem",
    "mit besten grussen",
    "freundliche gruss",
    "freundliche grusse",
    "viele grusse",
    "beste grusse",
    "liebe grusse",
    "schone grusse",
    "herzliche grusse",
    "mfg",
    "lg",
    "vg",
    "gruss",
    "grusse",
    "hochachtungsvoll",
    "best regards",
    "kind regards",
    "warm regards",
    "regards",
    "best wishes",
    "sincerely",
    "yours sincerely",
    "yours faithfully",
    "cheers",
];

/// Lines from which on a mail is somebody else's.
const QUOTES: &[&str] = &[
    "am + schrieb",
    "on + wrote",
    "original message",
    "ursprungliche nachricht",
    "weitergeleitete nachricht",
    "forwarded message",
    "begin forwarded message",
];

/// The text without its form. When nothing would be left, all of it stays: a draft of "Hallo" is a draft of "Hallo".
#[must_use]
pub fn strip(text: &str) -> Cow<'_, str> {
    let own = own_words(text);
    let mut kept = String::with_capacity(own.len());
    let mut first = true;
    let mut left = own.len();
    for sentence in sentences(&own) {
        let mut rest = sentence;
        left -= sentence.len();
        if !first && starts(rest, CLOSINGS).is_some() && words(&own[own.len() - left..]).count() <= 20 {
            break;
        }
        if first {
            rest = after_greeting(rest);
        }
        if rest.trim().is_empty() {
            continue;
        }
        if !first && starts(rest, COURTESIES).is_some() || first && courtesy_alone(rest) {
            continue;
        }
        while let Some(end) = starts(rest, LEADS) {
            let shorter = rest[end..].trim_start_matches(|c: char| !c.is_alphanumeric());
            if shorter.is_empty() {
                break;
            }
            rest = shorter;
        }
        first = false;
        if !kept.is_empty() && !kept.ends_with(char::is_whitespace) && !rest.starts_with(char::is_whitespace) {
            kept.push(' ');
        }
        kept.push_str(rest);
    }
    if kept.trim().is_empty() {
        return Cow::Borrowed(text);
    }
    if kept == text { Cow::Borrowed(text) } else { Cow::Owned(kept) }
}

/// Before anything was said a courtesy is form, unless it is all there is in a long sentence: "Thanks to your update my
/// site is down".
fn courtesy_alone(sentence: &str) -> bool {
    starts(sentence, COURTESIES).is_some_and(|end| words(&sentence[end..]).count() <= 8)
}

/// Without quoted lines, and nothing from a signature or a foreign mail's head on.
fn own_words(text: &str) -> Cow<'_, str> {
    let is_quote = |line: &str| line.trim_start().starts_with('>');
    let ends = |line: &str| {
        let line = line.trim();
        line == "--"
            || line == "__"
            || (line.len() < 200
                && (line.ends_with(':') || line.starts_with(['-', '_']))
                && starts(line, QUOTES).is_some())
    };
    if !text.contains(['>', '\n']) {
        return Cow::Borrowed(text);
    }
    let mut own = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if ends(line) && !own.trim().is_empty() {
            break;
        }
        if !is_quote(line) {
            own.push_str(line);
        }
    }
    Cow::Owned(own)
}

/// Sentences with what ends them: a mark before white space, or an empty line.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        let mut chars = rest.char_indices().peekable();
        let mut has_words = false;
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            has_words |= c.is_alphanumeric();
            let ended = matches!(c, '.' | '!' | '?') && next.is_some_and(char::is_whitespace) || c == '\n' && has_words;
            if ended {
                end = i + c.len_utf8();
                break;
            }
        }
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence)
    })
}

/// What follows the greeting.
fn after_greeting(sentence: &str) -> &str {
    let Some(end) = starts(sentence, GREETINGS) else {
        // "Customer Support, I am …": an address without a greeting.
        if let Some(comma) = sentence.find(',') {
            let mut before = words(&sentence[..comma]).peekable();
            if before.peek().is_some() && before.all(|(from, to)| is_greeted(&sentence[from..to])) {
                return &sentence[comma + 1..];
            }
        }
        return sentence;
    };
    let rest = &sentence[end..];
    if let Some(mark) = rest.find([',', ':', '!', '\n', ';'])
        && words(&rest[..mark]).count() <= 6
    {
        return &rest[mark + 1..];
    }
    if words(rest).count() <= 3 && !rest.trim_end().ends_with(['?']) {
        let all_greeted = words(rest).all(|(from, to)| is_greeted(&rest[from..to]));
        if all_greeted {
            return "";
        }
    }
    let mut at = 0;
    for (from, to) in words(rest) {
        if !is_greeted(&rest[from..to]) {
            break;
        }
        at = to;
    }
    &rest[at..]
}

fn is_greeted(word: &str) -> bool {
    let mut folded = String::with_capacity(word.len());
    fold(word, &mut folded);
    GREETED.contains(&folded.as_str())
}

/// Where the longest of these phrases ends, if the text starts with one.
fn starts(text: &str, phrases: &[&str]) -> Option<usize> {
    // No phrase is longer than this, with all that its `+` stands for.
    let mut heads: [(usize, usize, usize); 16] = [(0, 0, 0); 16];
    let mut folded = String::with_capacity(96);
    let mut n = 0;
    for (start, end) in words(text).take(16) {
        if end - start > 40 {
            break;
        }
        let from = folded.len();
        fold(&text[start..end], &mut folded);
        heads[n] = (from, folded.len(), end);
        n += 1;
    }
    let head: Vec<&str> = heads[..n].iter().map(|(from, to, _)| &folded[*from..*to]).collect();
    let first = head.first()?;
    let mut longest = 0;
    for phrase in phrases {
        let Some(rest) = phrase.strip_prefix(first).filter(|rest| rest.is_empty() || rest.starts_with(' ')) else {
            continue;
        };
        let mut pattern = rest.split(' ');
        pattern.next();
        if let Some(used) = fits(pattern, &head[1..]) {
            longest = longest.max(used + 1);
        }
    }
    (longest > 0).then(|| heads[longest - 1].2)
}

/// How many of the words the pattern takes, if they fit it.
fn fits(mut pattern: Split<'_, char>, head: &[&str]) -> Option<usize> {
    match pattern.next() {
        None => Some(0),
        Some("+") => {
            (0..=head.len().min(14)).find_map(|skipped| Some(skipped + fits(pattern.clone(), &head[skipped..])?))
        }
        Some(word) if head.first() == Some(&word) => Some(1 + fits(pattern, &head[1..])?),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    fn check(text: &str, expected: &str) {
        assert_eq!(strip(text).trim(), expected, "{text:?}");
    }

    #[test]
    fn german_letters_lose_their_form() {
        check(
            "Sehr geehrtes Support-Team,  ich hoffe, diese Nachricht trifft Sie wohl. Ich wende mich an Sie, um einen Ausfall \
             der Datenbank zu melden. Vielen Dank im Voraus. Mit freundlichen Grüßen Max",
            "einen Ausfall der Datenbank zu melden.",
        );
        check("Hallo, mein Server startet nicht", "mein Server startet nicht");
        check("Hallo zusammen mein Server startet nicht", "mein Server startet nicht");
        check(
            "Guten Tag Herr Müller,\nich habe eine Frage: wie ändere ich mein Passwort?\n\nMfG\nAnna",
            "wie ändere ich mein Passwort?",
        );
        check("Server down\n-- \nMax Muster\nMuster GmbH", "Server down");
        check(
            "Geht wieder nicht.\n> Am Montag ging es\nAm 3.4. um 12:00 schrieb Support:\nBitte neu starten",
            "Geht wieder nicht.",
        );
    }

    #[test]
    fn english_letters_lose_their_form() {
        check(
            "Dear Customer Support Team,\n\nI hope this message finds you well. I am writing to report a crash. Thank you for your help.",
            "report a crash.",
        );
        check("Customer Support, I am reaching out to inquire about pricing.", "inquire about pricing.");
        check("Hi there! Can you tell me where my invoice is?", "where my invoice is?");
        check("Thank you. The site is down", "The site is down");
        check(
            "Thanks to your update of yesterday evening all of my sites are down",
            "Thanks to your update of yesterday evening all of my sites are down",
        );
    }

    #[test]
    fn form_alone_stays() {
        for text in ["Hallo", "Sehr geehrte Damen und Herren,", "Vielen Dank", "", " ", "> nur Zitat"] {
            check(text, text.trim());
        }
    }
}
