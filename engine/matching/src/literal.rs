//! What text a pattern cannot match without.
//!
//! Start at [`required`]. Only ASCII counts: so every record that holds a match holds the texts, also where invalid UTF-8 was
//! replaced (the replacement is not ASCII).

use regex_syntax::hir::{Class, Hir, HirKind};

/// The shortest text that is worth searching for, in bytes.
pub(crate) const SHORTEST: usize = 3;
/// Texts are cut to this length, in bytes: longer ones find nothing less.
pub(crate) const LONGEST: usize = 240;
/// How many alternatives are worth carrying.
const MOST: usize = 32;
/// And how many bytes of them.
const MOST_BYTES: usize = 2048;
/// A class of more members than this is no text.
const CLASS: usize = 4;
/// How many texts are kept of one pattern.
const KEPT: usize = 8;

/// A byte of a text: with [`FOLD`], a small letter that stands for both cases.
pub(crate) type Unit = u16;
/// Both cases.
pub(crate) const FOLD: Unit = 0x100;
/// The byte of a unit; of a letter that stands for both cases the small one.
pub(crate) fn byte(unit: Unit) -> u8 {
    (unit & 0xff) as u8
}

/// Bytes in a row.
pub(crate) type Text = Vec<Unit>;
/// Texts of which one is needed.
pub(crate) type Set = Vec<Text>;

/// What every match contains: one text of each set, in this order, none over another. Empty where there is nothing to
/// search for.
pub(crate) fn required(pattern: &Hir) -> Vec<Set> {
    let known = look(pattern);
    let mut list = known.list;
    list.extend(known.exact.as_ref().and_then(searchable));
    // Of very many texts the best are enough, in their order.
    while list.len() > KEPT {
        let Some((worst, _)) = list.iter().enumerate().min_by_key(|(_, set)| score(set)) else { break };
        list.remove(worst);
    }
    list
}

/// Whether the byte is one that the unit stands for.
#[cfg(test)]
pub(crate) fn stands_for(unit: Unit, byte: u8) -> bool {
    if unit & FOLD == 0 { unit == Unit::from(byte) } else { unit == Unit::from(byte | 0x20) | FOLD }
}

/// What is known of a part of a pattern.
#[derive(Default)]
struct Known {
    /// All that the part can match, where that is little.
    exact: Option<Set>,
    /// Otherwise: what every match of it contains.
    list: Vec<Set>,
}

fn exactly(set: Set) -> Known {
    Known { exact: Some(set), list: Vec::new() }
}

fn look(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => exactly(vec![Vec::new()]),
        HirKind::Literal(literal) => exactly(vec![literal.0.iter().map(|&b| Unit::from(b)).collect()]),
        HirKind::Class(class) => Known { exact: members(class), list: Vec::new() },
        HirKind::Capture(group) => look(&group.sub),
        HirKind::Repetition(repeat) => {
            let inner = look(&repeat.sub);
            match (repeat.min, repeat.max, inner.exact) {
                (0, Some(1), Some(mut exact)) => {
                    exact.push(Vec::new());
                    exactly(exact)
                }
                (0, _, _) => Known::default(),
                (1, Some(1), exact) => Known { exact, list: inner.list },
                (_, _, exact) => {
                    let mut list = inner.list;
                    list.extend(exact.as_ref().and_then(searchable));
                    Known { exact: None, list }
                }
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
    let mut list = Vec::new();
    for part in parts {
        let known = look(part);
        match known.exact {
            Some(exact) => match joined(&run, &exact) {
                Some(longer) => run = longer,
                None => {
                    all = false;
                    list.extend(searchable(&run));
                    run = exact;
                }
            },
            None => {
                all = false;
                list.extend(searchable(&run));
                list.extend(known.list);
                run = vec![Vec::new()];
            }
        }
    }
    if all {
        return exactly(run);
    }
    list.extend(searchable(&run));
    Known { exact: None, list }
}

/// Parts of which one matches: every one of them must offer something.
fn choice(parts: &[Hir]) -> Known {
    let known: Vec<Known> = parts.iter().map(look).collect();
    if known.iter().all(|part| part.exact.is_some()) {
        let exact: Set = known.iter().flat_map(|part| part.exact.iter().flatten().cloned()).collect();
        return if fits(&exact) {
            exactly(exact)
        } else {
            Known { exact: None, list: searchable(&exact).into_iter().collect() }
        };
    }
    let mut union = Set::new();
    for part in known {
        let mut sets = part.list;
        sets.extend(part.exact.as_ref().and_then(searchable));
        match sets.into_iter().max_by_key(score) {
            Some(best) => union.extend(best),
            None => return Known::default(),
        }
    }
    Known { exact: None, list: searchable(&union).into_iter().collect() }
}

/// The members of a small class; two cases of a letter are one member.
fn members(class: &Class) -> Option<Set> {
    let all: Vec<char> = match class {
        Class::Bytes(class) => {
            let size: usize = class.iter().map(regex_syntax::hir::ClassBytesRange::len).sum();
            if size > 2 * CLASS {
                return None;
            }
            class.iter().flat_map(|range| range.start()..=range.end()).map(char::from).collect()
        }
        Class::Unicode(class) => {
            let size: usize = class.iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
            if size > 2 * CLASS {
                return None;
            }
            class.iter().flat_map(|range| range.start()..=range.end()).collect()
        }
    };
    let is_bytes = matches!(class, Class::Bytes(_));
    let mut set: Set = Vec::new();
    for &one in &all {
        let other = if one.is_ascii_uppercase() { one.to_ascii_lowercase() } else { one.to_ascii_uppercase() };
        if one.is_ascii_alphabetic() && all.contains(&other) {
            if one.is_ascii_lowercase() {
                set.push(vec![one as Unit | FOLD]);
            }
        } else if is_bytes {
            // Up to U+00FF a byte class's members are the bytes themselves.
            set.push(vec![one as Unit]);
        } else {
            set.push(one.encode_utf8(&mut [0; 4]).bytes().map(Unit::from).collect());
        }
    }
    (!set.is_empty() && set.len() <= CLASS).then_some(set)
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

/// Long and few is good.
fn score(set: &Set) -> usize {
    let shortest = set.iter().map(Vec::len).min().unwrap_or_default();
    4 * shortest.min(16) + MOST - set.len().min(MOST)
}

/// Makes a set searchable: the longest ASCII part of each text, without those that contain another.
fn searchable(set: &Set) -> Option<Set> {
    let mut parts: Set = set.iter().map(|text| ascii_part(text)).collect();
    parts.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    if parts.first()?.len() < SHORTEST {
        return None;
    }
    let mut kept = Set::new();
    for part in parts {
        if !kept.iter().any(|short| part.windows(short.len()).any(|window| window == short.as_slice())) {
            kept.push(part);
        }
    }
    (kept.len() <= MOST).then_some(kept)
}

fn ascii_part(text: &[Unit]) -> Text {
    let longest = text.split(|unit| unit & !FOLD >= 0x80).max_by_key(|part| part.len()).unwrap_or_default();
    longest[..longest.len().min(LONGEST)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Capital letters stand for both cases.
    fn shown(text: &Text) -> String {
        let one = |unit: &Unit| {
            let byte = byte(*unit);
            char::from(if unit & FOLD == 0 { byte } else { byte.to_ascii_uppercase() })
        };
        text.iter().map(one).collect()
    }

    fn check(pattern: &str, expected: &[&str]) {
        let list = required(&heinzel_core::pattern::parse(pattern).unwrap());
        let list: Vec<_> = list.iter().map(|set| set.iter().map(shown).collect::<Vec<_>>().join("|")).collect();
        assert_eq!(list, expected, "{pattern}");
    }

    #[test]
    fn required_texts_are_found_in_their_order() {
        check("out of memory", &["out of memory"]);
        check(r"^(?<who>\S+) failed: (?<why>.*)$", &[" failed: "]);
        check(r"(?<a>\d+) from (?<b>\d+) to (?<c>.*) end", &[" from ", " to ", " end"]);
        check(
            r"\[pool (?<pool>[^\]]+)\] server reached (?:pm\.)?max_children setting",
            &["[pool ", "] server reached max_children setting|] server reached pm.max_children setting"],
        );
        check("(?:abc|defg)+x", &["abc|defg"]);
        check("kill(?:ed)? process", &["kill process|killed process"]);
        check("(?:one|two words|two)", &["one|two"]);
        check("a[xyz]b[12]c", &["axb1c|axb2c|ayb1c|ayb2c|azb1c|azb2c"]);
        check("(?:abc.*def|ghij)k", &["def|ghij"]);
    }

    #[test]
    fn case_matters_where_it_does_in_the_pattern() {
        check("(?i)oom", &["OOM"]);
        check("(?i:k)ernel [Pp]anic", &["Kernel Panic"]);
        check("Kernel", &["Kernel"].map(|_| "Kernel"));
        let list = required(&heinzel_core::pattern::parse("Ke(?i:r)").unwrap());
        assert_eq!(list, [[[b'K'.into(), b'e'.into(), Unit::from(b'r') | FOLD]]]);
        for (unit, byte, fits) in [
            (Unit::from(b'a'), b'A', false),
            (Unit::from(b'a') | FOLD, b'A', true),
            (Unit::from(b'a') | FOLD, b'a', true),
            (Unit::from(b'a') | FOLD, b'b', false),
        ] {
            assert_eq!(stands_for(unit, byte), fits);
        }
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
        check("(?iu:smith)", &["MITH"]);
        check(r"(?-u:\xEF\xBF)abcd", &["abcd"]);
    }
}
