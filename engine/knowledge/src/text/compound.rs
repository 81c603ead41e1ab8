//! German compounds: `Mailadresse` is about a `Mail` and an `Adresse`, if the index knows these words.

/// The shortest first and last part.
const FIRST: usize = 3;
const LAST: usize = 4;
/// Shorter words are not split.
const SHORTEST: usize = 8;
/// What may stand between two parts.
const LINKS: [&str; 5] = ["", "s", "es", "n", "en"];

/// The parts of a folded word, as pieces of it, that `known` knows; none when it is no compound of known words.
/// `known` is asked for folded words and should know stems, too.
#[must_use]
pub(crate) fn parts<'w>(word: &'w str, known: &dyn Fn(&str) -> bool) -> Vec<&'w str> {
    let mut found = Vec::new();
    if word.is_ascii() && (SHORTEST..=48).contains(&word.len()) {
        split(word, known, 3, &mut found);
    }
    found
}

/// Splits at the place whose parts are most even in length, and splits the parts again.
fn split<'w>(word: &'w str, known: &dyn Fn(&str) -> bool, depth: usize, found: &mut Vec<&'w str>) {
    let mut best: Option<(usize, &str, &str)> = None;
    if word.len() >= FIRST + LAST {
        for at in FIRST..=word.len() - LAST {
            let (first, last) = word.split_at(at);
            let plural = || last.len() > 5 && known(&last[..last.len() - 1]);
            if !(known(last) || plural()) {
                continue;
            }
            for link in LINKS {
                let Some(first) = first.strip_suffix(link) else { continue };
                if first.len() >= FIRST
                    && (known(first) || (depth > 1 && first.len() >= SHORTEST && is_compound(first, known)))
                {
                    let shorter = first.len().min(last.len());
                    if best.is_none_or(|(before, ..)| shorter > before) {
                        best = Some((shorter, first, last));
                    }
                    break;
                }
            }
        }
    }
    let Some((_, first, last)) = best else { return };
    for part in [first, last] {
        if known(part) || part == last {
            found.push(part);
        }
        if depth > 1 && part.len() >= SHORTEST {
            split(part, known, depth - 1, found);
        }
    }
}

fn is_compound(word: &str, known: &dyn Fn(&str) -> bool) -> bool {
    (FIRST..=word.len() - LAST).any(|at| {
        let (first, last) = word.split_at(at);
        known(last) && LINKS.iter().any(|link| first.strip_suffix(link).is_some_and(|f| f.len() >= FIRST && known(f)))
    })
}

#[cfg(test)]
mod tests {
    use super::parts;

    const KNOWN: [&str; 9] =
        ["mail", "adresse", "postfach", "rechnung", "anschrift", "server", "miete", "web", "seite"];

    fn check(word: &str, expected: &[&str]) {
        assert_eq!(parts(word, &|part| KNOWN.contains(&part)), expected, "{word}");
    }

    #[test]
    fn compounds_come_apart() {
        check("mailadresse", &["mail", "adresse"]);
        check("rechnungsanschrift", &["rechnung", "anschrift"]);
        check("webseite", &["web", "seite"]);
        check("servermiete", &["server", "miete"]);
        check("mailserveradresse", &["mail", "server", "adresse"]);
    }

    #[test]
    fn what_is_not_known_stays_whole() {
        check("mailkonto", &[]);
        check("postfach", &[]);
        check("", &[]);
        check("umlautfrei", &[]);
    }
}
