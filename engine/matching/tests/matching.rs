//! What the matcher finds is what every rule's regexes find by themselves, record by record.

mod rules;

use std::ops::Range;

use heinzel_core::finding::Role;
use heinzel_core::parse::{Context, Format, parse, verbatim};
use heinzel_core::pattern::compile;
use heinzel_core::rule::Rule;
use heinzel_core::time::Timestamp;
use heinzel_matching::{Borders, BuildError, Matcher, Message, Names, Rarity, View, Width};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rules::rule;

/// A found pattern: record, rule, role, captures.
type Found = (Range<usize>, String, Role, Vec<(String, String)>);

fn context() -> Context {
    Context { zone: TimeZone::UTC, read_at: Timestamp::from_seconds(1_795_255_200), year: None }
}

/// The way that the application takes.
fn by_matcher(view: &View, bytes: &[u8], borders: Borders<'_>, format: Format) -> Vec<Found> {
    let mut found = Vec::new();
    let mut look = |record: Range<usize>, message: &str, candidates: &[_]| {
        view.find(candidates, message, &Names::default(), &mut |hit| {
            let captures = hit.captures().map(|(n, t)| (n.to_owned(), t.into_owned())).collect();
            found.push((record.clone(), hit.rule.to_string(), hit.role, captures));
        });
    };
    view.scan(bytes, borders, &mut |record, candidates| {
        let line = &bytes[record.clone()];
        if verbatim(format, line) {
            look(record, &parse(format, line, &context()).message, candidates);
        }
    });
    for record in records(bytes, borders) {
        let line = &bytes[record.clone()];
        if !verbatim(format, line) {
            let message = parse(format, line, &context()).message;
            look(record, &message, &view.candidates(&message));
        }
    }
    found.sort_by_key(|(record, ..)| record.start);
    found
}

/// The slow and certain way.
fn one_by_one(rules: &[Rule], bytes: &[u8], borders: Borders<'_>, format: Format) -> Vec<Found> {
    let mut found = Vec::new();
    for record in records(bytes, borders) {
        let message = parse(format, &bytes[record.clone()], &context()).message;
        for rule in rules {
            let spoilt = rule.unless.iter().any(|u| compile(u).expect("made to compile").is_match(message.as_bytes()));
            let matches = rule.patterns.iter().enumerate().map(|(n, p)| (Role::Match(n), p)).filter(|_| !spoilt);
            let clears = rule.clear.patterns.iter().enumerate().map(|(n, p)| (Role::Clear(n), p));
            for (role, pattern) in matches.chain(clears) {
                let regex = compile(pattern).expect("made to compile");
                let Some(groups) = regex.captures(message.as_bytes()) else { continue };
                let captures = regex.capture_names().flatten().filter_map(|name| {
                    Some((name.to_owned(), String::from_utf8_lossy(groups.name(name)?.as_bytes()).into_owned()))
                });
                found.push((record.clone(), rule.id.to_string(), role, captures.collect()));
            }
        }
    }
    found
}

/// The records, without their final `\n`.
fn records(bytes: &[u8], borders: Borders<'_>) -> Vec<Range<usize>> {
    let mut ends: Vec<usize> = match borders {
        Borders::Lines => bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect(),
        Borders::Ends(ends) => ends.to_vec(),
    };
    ends.push(bytes.len());
    let mut start = 0;
    let mut found = Vec::new();
    for end in ends {
        if end > start {
            found.push(start..if bytes[end - 1] == b'\n' { end - 1 } else { end });
            start = end;
        }
    }
    found
}

/// Parts of patterns.
const PARTS: [&str; 44] = [
    "\\S+?",
    ".*?",
    "(?:ab|a)+",
    "(?:one|o)*?",
    "\\w{2,3}",
    "(?:x{2} ?){1,2}",
    "(?m:^)",
    "(?m:$)",
    "\\B",
    "[^ :]+: ",
    "error",
    "Failed",
    "(?i:TIMEOUT)",
    "(?i)",
    "server reached",
    "(?<a>\\w+)",
    "(?<b>[^ ]*)",
    "\\d+",
    " ",
    ": ",
    "^",
    "$",
    ".*",
    "(?:abc|abd)",
    "(?:foo)?",
    "(?:ab)+",
    "[ab]cd",
    "x{3}",
    "ö",
    "(?u:[äö])",
    "(?iu:straße)",
    "\u{fffd}",
    "(?-u:\\xBF)",
    "\\b",
    "oom",
    "a",
    "(?:one|two|three)",
    "(?:one|)",
    "\\n",
    "\\r",
    "[^a]",
    "kill(?:ed)? process",
    "\"",
    "\\\\",
];
/// Parts of lines.
const WORDS: [&str; 40] = [
    "error",
    "ERROR",
    "failed",
    "Failed",
    "timeout",
    "TimeOut",
    "server reached",
    "abc",
    "abd",
    "ababab",
    "foo",
    "acd",
    "bcd",
    "xxx",
    "ö",
    "ä",
    "straße",
    "STRASSE",
    "\u{fffd}",
    "oom",
    "12",
    " ",
    " ",
    " ",
    ": ",
    "\n",
    "\n",
    "\r\n",
    "\n\n",
    "a",
    "one",
    "two",
    "kill process",
    "killed process",
    "{\"msg\":\"",
    "\\n",
    "\"}",
    "Nov 21 10:00:00 h p[1]: ",
    "msg=\"",
    "level=info ",
];

fn pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..PARTS.len(), 1..5).prop_map(|picks| {
        let text: String = picks.iter().map(|&p| PARTS[p]).collect();
        // A group's name may stand only once.
        let once = |text: String, group: &str| match text.split_once(group) {
            Some((before, after)) => format!("{before}{group}{}", after.replace(group, "(")),
            None => text,
        };
        once(once(text, "(?<a>"), "(?<b>")
    })
}

fn random_rule() -> impl Strategy<Value = Rule> {
    let some = |most| proptest::collection::vec(pattern(), 0..most);
    (some(4), some(2), some(2)).prop_map(|(patterns, unless, clear)| {
        let mut rule = rule("p.r", &[]);
        (rule.patterns, rule.unless, rule.clear.patterns) = (patterns, unless, clear);
        rule
    })
}

fn block() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0..WORDS.len(), proptest::option::weighted(0.1, any::<u8>())), 0..60).prop_map(|picks| {
        let mut bytes = Vec::new();
        for (word, noise) in picks {
            bytes.extend_from_slice(WORDS[word].as_bytes());
            bytes.extend(noise);
        }
        bytes
    })
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Plain), Just(Format::Auto), Just(Format::Syslog), Just(Format::Json), Just(Format::Logfmt)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn finds_what_the_regexes_find(
        mut rules in proptest::collection::vec(random_rule(), 0..6),
        bytes in block(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        format in format(),
    ) {
        for (n, rule) in rules.iter_mut().enumerate() {
            rule.id = format!("p.r{n}").as_str().into();
        }
        let matcher = Matcher::new(&rules).unwrap();
        let (by_line, mut ends) = (Borders::Lines, cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect::<Vec<_>>());
        ends.sort_unstable();
        let by_end = Borders::Ends(&ends);
        let message = match format {
            Format::Plain => Message::Whole,
            Format::Syslog => Message::End,
            _ => Message::Part,
        };
        let others = Width::ALL.map(|width| matcher.at_width(width));
        for matcher in others.iter().chain([&matcher, &matcher.rebuilt(&rules, Rarity::built_in()).unwrap()]) {
            let view = matcher.view("any", None).with_message(message);
            prop_assert_eq!(by_matcher(&view, &bytes, by_line, format), one_by_one(&rules, &bytes, by_line, format));
            prop_assert_eq!(by_matcher(&view, &bytes, by_end, format), one_by_one(&rules, &bytes, by_end, format));
        }
        // Wherever a block is cut, as long as it is between two lines, the same is found.
        let view = matcher.view("any", None).with_message(message);
        let cut = cuts.first().map_or(0, |cut| cut.index(bytes.len() + 1));
        let cut = bytes[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let mut halves = by_matcher(&view, &bytes[..cut], by_line, format);
        halves.extend(by_matcher(&view, &bytes[cut..], by_line, format).into_iter().map(|(record, rule, role, captures)| {
            (record.start + cut..record.end + cut, rule, role, captures)
        }));
        prop_assert_eq!(halves, by_matcher(&view, &bytes, by_line, format));
    }
}

fn told(view: &View, message: &str, names: &Names<'_>) -> Vec<String> {
    let mut told = Vec::new();
    view.find(&view.candidates(message), message, names, &mut |hit| {
        told.push(format!("{} {:?} {:?}", hit.rule, hit.role, hit.captures().collect::<Vec<_>>()));
    });
    told
}

#[test]
fn rules_see_only_their_sources_and_programs() {
    let mut web = rule("a.web", &["went away"]);
    web.sources = vec!["web*".into()];
    let mut fpm = rule("a.fpm", &["went (?<where>away)"]);
    fpm.programs = vec!["php*-fpm".into(), "www".into()];
    let matcher = Matcher::new([&web, &fpm, &rule("a.task", &[])]).unwrap();
    let check = |source: &str, names: Names<'_>, expected: &[&str]| {
        assert_eq!(told(&matcher.view(source, None), "it Went AWAY, it went away", &names), expected);
    };
    let (hit_web, hit_fpm) = ("a.web Match(0) []", r#"a.fpm Match(0) [("where", "away")]"#);
    check("web1", Names::default(), &[hit_web]);
    check("db", Names::default(), &[]);
    check("db", Names { program: Some("php8.2-fpm"), ..Names::default() }, &[hit_fpm]);
    check("web1", Names { unit: Some("php-fpm"), ..Names::default() }, &[hit_web, hit_fpm]);
    check("web1", Names { tags: &["error", "www"], ..Names::default() }, &[hit_web, hit_fpm]);
    check("db", Names { task_kind: Some("www"), ..Names::default() }, &[hit_fpm]);
    assert!(!matcher.view("db", None).is_empty());
    assert!(Matcher::new([&web]).unwrap().view("db", None).is_empty());
    assert_eq!(matcher.pattern_count(), 2);
}

#[test]
fn all_patterns_are_told_once_and_unless_silences_only_match() {
    let mut rule = rule("a.b", &["disk (?<n>\\d+) full", "full", "empty"]);
    rule.unless = vec!["test".into()];
    rule.clear.patterns = vec!["disk".into()];
    let view = Matcher::new([&rule]).unwrap().view("x", None);
    let check = |message, expected: &[&str]| assert_eq!(told(&view, message, &Names::default()), expected);
    check("disk 1 full, disk 2 full", &[r#"a.b Match(0) [("n", "1")]"#, "a.b Match(1) []", "a.b Clear(0) []"]);
    check("disk 1 full test", &["a.b Clear(0) []"]);
}

#[test]
fn weak_patterns_are_named() {
    let matcher = Matcher::new([&rule("a.weak", &[r"^\d+$", "long enough"])]).unwrap();
    assert_eq!(
        matcher.weak_patterns().map(|(rule, text)| format!("{rule} {text}")).collect::<Vec<_>>(),
        [r"a.weak ^\d+$"]
    );
    let mut records: Vec<Range<usize>> = Vec::new();
    matcher.view("x", None).scan(b"a\n\n1", Borders::Lines, &mut |record, _| records.push(record));
    assert_eq!((records.len(), records.first()), (1, Some(&(3..4))), "records that cannot match are not told");
    records.clear();
    matcher.view("x", None).scan(b"a 1\n1 a\n1\n", Borders::Lines, &mut |record, _| records.push(record));
    assert_eq!(records, [0..3, 4..7, 8..9], "a header may stand before the message, and something behind it");
    records.clear();
    let whole = matcher.view("x", None).with_message(Message::Whole);
    whole.scan(b"a 1\n1 a\n1\r\n", Borders::Lines, &mut |record, _| records.push(record));
    assert_eq!((records.len(), records.first()), (1, Some(&(8..10))));
}

#[test]
fn what_rules_cost_is_counted_over_reloads() {
    let mut rule = rule("a.b", &["disk (?<n>\\d+) full"]);
    rule.unless = vec!["test".into()];
    let matcher = Matcher::new([&rule]).unwrap();
    let check = |matcher: &Matcher, candidates: u64, matches: u64| {
        let costs: Vec<_> = matcher.costs().map(|c| (c.rule.to_string(), c.candidates, c.matches)).collect();
        assert_eq!(costs, [("a.b".to_owned(), candidates, matches)]);
    };
    for line in ["disk 1 full", "disk x full", "disk 2 full test", "disk 3 empty", "disk 4 full"] {
        told(&matcher.view("x", None), line, &Names::default());
    }
    check(&matcher, 4, 2);
    let mut reloaded = matcher.rebuilt([&rule], Rarity::built_in()).unwrap();
    told(&reloaded.view("x", None), "disk 1 full", &Names::default());
    reloaded.begin(Some(&matcher));
    told(&reloaded.view("x", None), "disk 5 full", &Names::default());
    check(&reloaded, 5, 3);
}

#[test]
fn after_a_reload_no_line_waits_for_the_search_of_its_source() {
    let narrowed = |number: usize, program: &str| {
        let mut rule = rule(&format!("a.r{number}"), &["disk (?<n>\\d+) full"]);
        rule.programs = vec![program.into()];
        rule
    };
    let rules = [narrowed(0, "nginx"), narrowed(1, "mysqld")];
    let matcher = Matcher::new(&rules).unwrap();
    let says = |matcher: &Matcher, parts: &str| {
        let said = matcher.describe();
        assert_eq!(said.split_once("; ").map_or("", |(_, parts)| parts), parts, "{said}");
    };
    says(&matcher, "");
    let _ = matcher.view("x", Some(&Names { program: Some("nginx"), ..Names::default() }));
    says(&matcher, "1 more for sources that want a part");
    let mut reloaded = matcher.rebuilt(rules.iter().chain([&narrowed(2, "nginx")]), Rarity::built_in()).unwrap();
    // Asked by a sample only.
    let _ = reloaded.view("x", Some(&Names { program: Some("mysqld"), ..Names::default() }));
    reloaded.begin(Some(&matcher));
    says(&reloaded, "1 more for sources that want a part");
    let view = reloaded.view("x", Some(&Names { tags: &["nginx"], ..Names::default() }));
    says(&reloaded, "1 more for sources that want a part");
    assert_eq!(view.candidates("disk 1 full").len(), 2);
}

#[test]
fn a_wrong_pattern_names_its_rule() {
    let error = Matcher::new([&rule("a.b", &["fine", "(wrong"])]).unwrap_err();
    assert_eq!(error.to_string(), "rule `a.b`: cannot use pattern `(wrong`");
    assert!(matches!(error, BuildError::Pattern { why, .. } if why.message == "unclosed group"));
}

#[test]
fn ends_that_make_no_sense_are_survived() {
    let view = Matcher::new([&rule("a.b", &["abc", "."])]).unwrap().view("x", None);
    for ends in [&[9_usize, 2, 5][..], &[100, 200], &[0, 0], &[]] {
        view.scan(b"abc\nabc\nabc", Borders::Ends(ends), &mut |record, _| assert!(record.end <= 11));
    }
}
