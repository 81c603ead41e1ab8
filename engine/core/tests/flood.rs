//! A flood of findings: packed they say the same, and while no trigger is due they ask nothing of the heap.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use heinzel_core::asset::Assets;
use heinzel_core::block::SourceId;
use heinzel_core::clock::{ClockPolicy, time_of};
use heinzel_core::event::Event;
use heinzel_core::field::FieldType;
use heinzel_core::finding::{Finding, Role};
use heinzel_core::findings::Findings;
use heinzel_core::parse::{Context, Format, Reader};
use heinzel_core::plan::{Check, Step};
use heinzel_core::policy::Policy;
use heinzel_core::probe::{Facts, Probe};
use heinzel_core::rule::{Case, Clear, Has, Logic, LogicError, Patience, Proposal, Rule, RuleSet, RuleVersion};
use heinzel_core::severity::Severity;
use heinzel_core::state::{Journal, State};
use heinzel_core::step::{World, found};
use heinzel_core::time::Timestamp;
use heinzel_core::trigger::Trigger;
use jiff::tz::TimeZone;

/// No function of a rule may be called while nothing is due.
#[derive(Debug)]
struct Never;

impl Logic for Never {
    fn asset(&self, _: &Finding) -> Result<Option<String>, LogicError> {
        unreachable!("nothing is due")
    }
    fn probe(&self, _: &Case) -> Result<BTreeMap<String, Probe>, LogicError> {
        unreachable!("nothing is due")
    }
    fn fix(&self, _: &Case, _: &Facts, _: &[serde_json::Value]) -> Result<Proposal, LogicError> {
        unreachable!("nothing is due")
    }
    fn verify(&self, _: &Case, _: &Facts) -> Result<Vec<Check>, LogicError> {
        unreachable!("nothing is due")
    }
    fn rollback(&self, _: &Case, _: &Facts) -> Result<Vec<Step>, LogicError> {
        unreachable!("nothing is due")
    }
}

fn rule(trigger: Trigger, by: &[&str]) -> Rule {
    let fields =
        [("user", FieldType::User), ("ip", FieldType::Ip), ("port", FieldType::Int), ("rest", FieldType::Text)];
    Rule {
        id: "a.b".into(),
        version: RuleVersion("1".into()),
        title: "t".into(),
        severity: Severity::Low,
        programs: Vec::new(),
        sources: Vec::new(),
        patterns: vec!["Failed".into()],
        unless: Vec::new(),
        fields: fields.map(|(name, kind)| (name.to_owned(), kind)).into(),
        task: None,
        trigger,
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        clear: Clear::default(),
        cooldown: Duration::ZERO,
        reopen: Duration::ZERO,
        patience: Patience::default(),
        answer: None,
        escalate: None,
        automation: heinzel_core::policy::Mode::Auto,
        draft: None,
        has: Has { asset: true, ..Has::default() },
        logic: Arc::new(Never),
    }
}

const USERS: [&str; 3] = ["root", "kim|x", "lee"];

/// A block's worth of lines, five a second, as a source and the matcher hand them over.
fn findings(rule: &Rule, count: usize, first: usize) -> Findings {
    let source = SourceId::from("auth");
    let read_at = "2026-11-21T12:00:00Z".parse().unwrap();
    let context = Context { zone: TimeZone::get("Europe/Berlin").unwrap(), read_at, year: None };
    let reader = Reader::new(Format::Auto, &context);
    let mut findings = Findings::new(source.clone(), source.clone(), read_at);
    let mut line = String::with_capacity(200);
    let during = measure(|| {
        for number in first..first + count {
            use std::fmt::Write as _;
            let (hour, minute, second) = (number / 18_000, number / 300 % 60, number / 5 % 60);
            line.clear();
            write!(line, "Nov 21 0{hour}:{minute:02}:{second:02} web{} a/b[7]: Failed login", number % 2).unwrap();
            let read = reader.read(line.as_bytes());
            let (time, clock) = time_of(read.header.time, read_at, &ClockPolicy::default());
            let (header, message) = (read.header, read.message);
            let (source, offset) = (&source, number as u64);
            let event = Event { source, stream: source, offset, time, clock, read_at, header, message };
            let user = USERS[number % 3].split('|').next().unwrap();
            let captures = [("rest", USERS[number % 3]), ("user", user), ("ip", "192.0.2.1"), ("port", "4711")];
            findings.about(&event).claim(rule, Role::Match(0), captures).unwrap();
        }
    });
    // Vectors that grow twofold: nothing that grows with the number of findings.
    assert!(during.count_total < 100, "{} allocations for {count} findings", during.count_total);
    findings
}

/// Counts these for a while, then more without a single allocation.
fn check(trigger: Trigger, by: &[&str]) {
    let shown = format!("{trigger:?} by {by:?}");
    let rule = rule(trigger, by);
    let rules = RuleSet { rules: BTreeMap::from([(rule.id.clone(), Arc::new(rule.clone()))]) };
    let (assets, policy) = (Assets::default(), Policy::default());
    let now = "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap();
    let world = World { rules: &rules, assets: &assets, policy: &policy, now, host: "here" };
    let (mut state, mut journal) = (State::default(), Journal::default());
    let (first, second) = (findings(&rule, 4_000, 0), findings(&rule, 8_000, 4_000));
    let mut take = |findings: &Findings| {
        findings.iter().for_each(|finding| found(&mut state, &world, &finding, &mut journal));
    };
    take(&first);
    let during = measure(|| take(&second));
    assert_eq!(during.count_total, 0, "{shown}: {} allocations", during.count_total);
    assert_eq!(state.counters.findings.values().sum::<u64>(), 12_000);
    assert!(state.incidents.is_empty() && !journal.is_empty(), "{shown}");
}

#[test]
fn counting_costs_no_allocation() {
    let within = Duration::from_secs(20);
    for by in [&[][..], &["host"], &["rest", "program"], &["port", "ip", "task.kind"]] {
        check(Trigger::Count { count: 1_000, within }, by);
        check(Trigger::Distinct { field: "rest".into(), distinct: 4, within }, by);
        check(Trigger::Distinct { field: "port".into(), distinct: 2, within }, by);
        check(Trigger::Sequence { order: vec![0, 1], within }, by);
        check(Trigger::Absence { absence: Duration::from_secs(3_600) }, by);
    }
}

#[test]
fn parts_of_a_block_make_the_whole() {
    let rule = rule(Trigger::default(), &[]);
    let all = |findings: &Findings| findings.iter().map(|claim| claim.to_finding()).collect::<Vec<_>>();
    let whole = findings(&rule, 30, 0);
    let mut parts = findings(&rule, 0, 0);
    for (count, first) in [(1, 0), (0, 1), (20, 1), (9, 21)] {
        parts.append(&findings(&rule, count, first));
    }
    assert_eq!(all(&parts), all(&whole));
    parts.number_lines(|offset| offset + 1);
    parts.add_to_lines(100);
    parts.date(5, Timestamp::EPOCH);
    let seen: Vec<_> = parts.iter().map(|claim| (claim.line, claim.time == Timestamp::EPOCH)).collect();
    let expected: Vec<_> = (0..30).map(|offset| (Some(offset + 101), false)).collect();
    assert_eq!(seen, expected, "they have times of their own");
    // What stands by itself says the same as what is packed.
    for finding in all(&whole) {
        let claim = heinzel_core::findings::Claim::from(&finding);
        assert_eq!(claim.to_finding(), finding);
        assert_eq!(
            claim.value_of("user").map(|user| user.to_string()),
            Some(USERS_PLAIN[finding.place.offset as usize % 3].into())
        );
        assert!(claim.is_text("rest") && !claim.is_text("user"));
    }
}

const USERS_PLAIN: [&str; 3] = ["root", "kim", "lee"];
