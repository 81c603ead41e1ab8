//! What text a pattern cannot match without.
//!
//! Start at [`required`]. Literals are lower case and ASCII: searched without regard to case, they find at least every
//! record that holds a match, also where invalid UTF-8 was replaced (the replacement is not ASCII).

use regex_syntax::hir::{Class, Hir, HirKind};

/// The shortest literal that is worth searching for, in bytes.
const SHORTEST: usize = 3;
/// Literals are cut to this length: longer ones find nothing less.
const LONGEST: usize = 32;
/// How many alternatives are worth carrying.
const MOST: usize = 32;
/// And how many bytes of them.
const MOST_BYTES: usize = 2048;
/// A class of more members than this is no text.
const CLASS: usize = 4;

type Set = Vec<Vec<u8>>;

/// A set of literals of which every match contains one; `None` where there is no good one.
pub(crate) fn required(pattern: &Hir) -> Option<Set> {
    best(look(pattern)).map(|found| found.set)
}

/// What is known of a part of a pattern.
#[derive(Default)]
struct Known {
    /// All that the part can match, where that is little.
    exact: Option<Set>,
    /// The best set so far.
    best: Option<Scored>,
}

struct Scored {
    set: Set,
    score: usize,
}

fn look(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known { exact: Some(vec![Vec::new()]), best: None },
        HirKind::Literal(literal) => Known { exact: Some(vec![literal.0.to_ascii_lowercase()]), best: None },
        HirKind::Class(class) => Known { exact: members(class), best: None },
        HirKind::Capture(group) => look(&group.sub),
        HirKind::Repetition(repeat) => {
            let inner = look(&repeat.sub);
            match (repeat.min, repeat.max, inner.exact) {
                (0, Some(1), Some(mut exact)) => {
                    exact.push(Vec::new());
                    Known { exact: Some(exact), best: None }
                }
                (0, _, _) => Known::default(),
                (1, Some(1), exact) => Known { exact, best: inner.best },
                (_, _, exact) => Known { exact: None, best: best(Known { exact, best: inner.best }) },
            }
        }
        HirKind::Concat(parts) => row(parts),
        HirKind::Alternation(parts) => choice(parts),
    }
}

/// Parts one behind the other: texts that touch grow together.
fn row(parts: &[Hir]) -> Known {
    let mut run: Set = vec![Vec::new()];
    let mut all = true;
    let mut found = None;
    for part in parts {
        let known = look(part);
        match known.exact {
            Some(exact) => match joined(&run, &exact) {
                Some(longer) => run = longer,
                None => {
                    all = false;
                    found = better(found, scored(&run));
                    run = exact;
                }
            },
            None => {
                all = false;
                found = better(better(found, scored(&run)), known.best);
                run = vec![Vec::new()];
            }
        }
    }
    if all {
        return Known { exact: Some(run), best: None };
    }
    Known { exact: None, best: better(found, scored(&run)) }
}

/// Parts of which one matches: every one of them must offer something.
fn choice(parts: &[Hir]) -> Known {
    let known: Vec<Known> = parts.iter().map(look).collect();
    if known.iter().all(|part| part.exact.is_some()) {
        let exact: Set = known.iter().flat_map(|part| part.exact.iter().flatten().cloned()).collect();
        return if fits(&exact) {
            Known { exact: Some(exact), best: None }
        } else {
            Known { exact: None, best: scored(&exact) }
        };
    }
    let mut union = Set::new();
    for part in known {
        match best(part) {
            Some(found) => union.extend(found.set),
            None => return Known::default(),
        }
    }
    Known { exact: None, best: scored(&union) }
}

/// The members of a small class, case folded.
fn members(class: &Class) -> Option<Set> {
    let size: usize = match class {
        Class::Bytes(class) => class.iter().map(regex_syntax::hir::ClassBytesRange::len).sum(),
        Class::Unicode(class) => class.iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum(),
    };
    if size == 0 || size > 2 * CLASS {
        return None;
    }
    let mut set: Set = match class {
        Class::Bytes(class) => {
            class.iter().flat_map(|range| range.start()..=range.end()).map(|b| vec![b.to_ascii_lowercase()]).collect()
        }
        Class::Unicode(class) => class
            .iter()
            .flat_map(|range| range.start()..=range.end())
            .map(|c| c.to_ascii_lowercase().to_string().into_bytes())
            .collect(),
    };
    set.sort();
    set.dedup();
    (set.len() <= CLASS).then_some(set)
}

fn joined(left: &Set, right: &Set) -> Option<Set> {
    if left.len() * right.len() > MOST {
        return None;
    }
    let set: Set = left.iter().flat_map(|l| right.iter().map(move |r| [l.as_slice(), r].concat())).collect();
    fits(&set).then_some(set)
}

fn fits(set: &Set) -> bool {
    set.len() <= MOST && set.iter().map(Vec::len).sum::<usize>() <= MOST_BYTES
}

fn best(known: Known) -> Option<Scored> {
    better(known.best, known.exact.as_ref().and_then(scored))
}

fn better(one: Option<Scored>, other: Option<Scored>) -> Option<Scored> {
    match (one, other) {
        (Some(one), Some(other)) if other.score > one.score => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}

/// Makes a set searchable: the longest ASCII part of each text, without those that contain another. Long and few is good.
fn scored(set: &Set) -> Option<Scored> {
    let mut parts: Set = set.iter().map(|text| ascii_part(text)).collect();
    parts.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    let shortest = parts.first()?.len();
    if shortest < SHORTEST {
        return None;
    }
    let mut kept = Set::new();
    for part in parts {
        if !kept.iter().any(|short| memchr::memmem::find(&part, short).is_some()) {
            kept.push(part);
        }
    }
    if kept.len() > MOST {
        return None;
    }
    let score = 4 * shortest.min(16) + MOST - kept.len();
    Some(Scored { set: kept, score })
}

fn ascii_part(text: &[u8]) -> Vec<u8> {
    let longest = text.split(|b| !b.is_ascii()).max_by_key(|part| part.len()).unwrap_or_default();
    longest[..longest.len().min(LONGEST)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: &[&str]) {
        let set = required(&heinzel_core::pattern::parse(pattern).unwrap()).unwrap_or_default();
        let set: Vec<_> = set.iter().map(|text| String::from_utf8_lossy(text)).collect();
        assert_eq!(set, expected, "{pattern}");
    }

    #[test]
    fn the_longest_required_text_is_found() {
        check("Out of memory", &["out of memory"]);
        check(r"^(?<who>\S+) failed: (?<why>.*)$", &[" failed: "]);
        check(
            r"\[pool (?<pool>[^\]]+)\] server reached (?:pm\.)?max_children setting",
            &["] server reached max_children se", "] server reached pm.max_children"],
        );
        check("(?i)Connection Refused", &["connection refused"]);
        check("(?:abc|defg)+x", &["abc", "defg"]);
        check("Kill(?:ed)? process", &["kill process", "killed process"]);
        check("(?:one|two words|two)", &["one", "two"]);
        check("a[xyz]b[12]c", &["axb1c", "axb2c", "ayb1c", "ayb2c", "azb1c", "azb2c"]);
    }

    #[test]
    fn what_has_no_text_of_three_letters_is_weak() {
        for weak in
            [r"\d+", "ab", ".*", "(?:abc)?", "(?:abc|x)", "(?:abc)*", "", "[a-z]{20}", "\u{fffd}\u{fffd}", r"[^\s\S]"]
        {
            check(weak, &[]);
        }
    }

    #[test]
    fn only_ascii_is_searched_for() {
        check("größe zu klein", &["e zu klein"]);
        check("(?u:[ä]xyz)", &["xyz"]);
        check("(?iu:smith)", &["mith"]);
        check(r"(?-u:\xEF\xBF)abcd", &["abcd"]);
    }
}
