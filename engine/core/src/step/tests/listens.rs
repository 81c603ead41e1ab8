//! Windows, keys and absences: what people who write logs, restarts and clocks can do to them.

use super::*;

fn only_reports(trigger: Trigger) -> Engine {
    let mut rule = rule(Restart::default());
    (rule.trigger, rule.has) = (trigger, Has::default());
    Engine::new(rule, Mode::Observe)
}

fn absence() -> Engine {
    only_reports(Trigger::Absence { absence: Duration::from_secs(100) })
}

fn change(e: &mut Engine, change: impl FnOnce(&mut Rule)) {
    let mut rule = Rule::clone(&e.rules.rules[&RULE.into()]);
    change(&mut rule);
    e.rules.rules.insert(RULE.into(), Arc::new(rule));
    e.step(Input::Reloaded);
}

#[test]
fn values_with_the_separator_in_them_do_not_share_a_key() {
    let check = |one: &[(&str, &str)], other: &[(&str, &str)], by: &[&str]| {
        let mut e = only_reports(Trigger::default());
        change(&mut e, |rule| {
            rule.by = by.iter().map(|&by| by.into()).collect();
            rule.fields = ["a", "b"].map(|name| (name.into(), crate::field::FieldType::Path)).into();
        });
        e.finding(0, Role::Match(0), None, one);
        e.finding(0, Role::Match(0), None, other);
        assert_eq!(e.state.windows[&RULE.into()].len(), 2, "{:?}", e.state.windows[&RULE.into()].keys());
    };
    for by in [&["a", "b"][..], &[]] {
        check(&[("a", "/x|/y"), ("b", "/z")], &[("a", "/x"), ("b", "/y|/z")], by);
        check(&[("a", "/x")], &[("b", "/x")], by);
        check(&[("a", r"/x\"), ("b", "/y")], &[("a", r"/x\|/y")], by);
        check(&[("a", "/x"), ("b", r"\-")], &[("a", "/x")], by);
    }
}

#[test]
fn a_key_tells_what_was_counted_by_whether_a_text_was_captured_or_not() {
    use crate::field::FieldType::{Path, Text};
    let mut e = only_reports(Trigger::default());
    change(&mut e, |rule| rule.fields = [("a".into(), Text), ("b".into(), Path)].into());
    e.finding(0, Role::Match(0), None, &[("b", r"/x|\y")]);
    e.finding(0, Role::Match(0), None, &[("a", "anything"), ("b", r"/x|\y")]);
    let keys: Vec<&String> = e.state.windows[&RULE.into()].keys().collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let said = crate::key::read(&e.rules.rules[&RULE.into()], keys[0]);
    assert_eq!(said, [("host", "web1".to_owned()), ("b", r"/x|\y".to_owned())]);
}

#[test]
fn names_without_end_do_not_fill_the_memory() {
    let mut e = only_reports(Trigger::default());
    change(&mut e, |rule| rule.has.asset = true);
    for n in 0..Incident::MOST_OF_RULE + 5 {
        e.finding(0, Role::Match(0), None, &[("pool", &n.to_string())]);
    }
    assert_eq!(e.state.incidents.len(), Incident::MOST_OF_RULE);
    assert_eq!(e.state.counters.crowded[&RULE.into()], 5);
    assert_eq!(e.notes.iter().filter(|n| n.starts_with("crowded")).count(), 1);
    assert_eq!(e.state.full.len(), 1, "the next ones cost no look at all the others");
    e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
    e.finding(0, Role::Match(0), None, &[("pool", "one-more")]);
    assert!(e.state.incident_of(&RULE.into(), "pool:one-more").is_some());
}

#[test]
fn an_absence_without_room_for_an_incident_keeps_nobody_awake() {
    let mut e = absence();
    change(&mut e, |rule| (rule.has.asset, rule.by) = (true, vec!["pool".into()]));
    for n in 0..Incident::MOST_OF_RULE + 5 {
        e.finding(0, Role::Match(0), None, &[("pool", &n.to_string())]);
    }
    e.now = 150;
    e.step(Input::Tick);
    // And that of the key without values, of which no log has told.
    let kept = Incident::MOST_OF_RULE + 1;
    assert_eq!(e.state.incidents.len(), kept);
    let wakes = |e: &Engine| {
        let now = Engine::time(e.now);
        let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
        wake_at(&e.state, &world)
    };
    assert!(wakes(&e).is_some_and(|at| at > Engine::time(200)), "{:?}", wakes(&e));
    let left_out = e.state.counters.crowded.clone();
    assert!(left_out[&RULE.into()] >= 5);
    e.step(Input::Tick);
    assert_eq!(e.state.counters.crowded, left_out);
    // It is not forgotten.
    e.now = 800;
    e.finding(800, Role::Match(0), None, &[("pool", "0")]);
    assert_eq!(e.state.last_incident, 1 + u64::try_from(kept).unwrap());
}

#[test]
fn what_was_counted_before_the_end_does_not_count_again() {
    let mut e = only_reports(Trigger::Count { count: 3, within: Duration::from_secs(60) });
    for at in [0, 1, 2, 3, 4] {
        e.line(at);
    }
    e.now = 5;
    e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
    e.line(8);
    assert_eq!(e.status(), Status::Resolved);
    e.line(9);
    e.line(10);
    assert_eq!(e.status(), Status::Open);
}

#[test]
fn a_window_filled_under_a_wrong_clock_counts_again_once_it_is_right() {
    let mut e = only_reports(Trigger::Count { count: 2, within: Duration::from_secs(60) });
    e.now = 500_000;
    e.line(500_000);
    e.now = 0;
    e.step(Input::Tick);
    e.line(1);
    e.line(2);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn an_absence_that_a_person_closed_is_said_again_only_after_its_time() {
    let mut e = absence();
    e.pass_to(101, &heals);
    assert_eq!(e.status(), Status::Open);
    e.command(Command::Resolve { incident: 1, note: "known".into() }).unwrap();
    e.pass_to(199, &heals);
    assert_eq!(e.status(), Status::Resolved);
    e.pass_to(203, &heals);
    assert_eq!(e.status(), Status::Open);
}

#[test]
fn an_old_event_does_not_end_an_absence() {
    let mut e = absence();
    e.line(5);
    e.pass_to(200, &heals);
    e.line(50);
    assert_eq!(e.status(), Status::Open);
    e.line(199);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn a_rule_that_comes_back_after_it_was_away_listens_anew() {
    let mut e = absence();
    e.line(0);
    let rules = std::mem::take(&mut e.rules.rules);
    e.step(Input::Reloaded);
    e.now = 5000;
    e.rules.rules = rules;
    e.step(Input::Reloaded);
    assert!(e.state.incidents.is_empty(), "{:#?}", e.notes);
    e.pass_to(5101, &heals);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn a_rule_with_another_text_that_saw_nothing_yet_listens_anew() {
    let mut e = absence();
    e.now = 90;
    change(&mut e, |rule| rule.version = RuleVersion("2".into()));
    e.pass_to(150, &heals);
    assert!(e.state.incidents.is_empty());
}

#[test]
fn a_rule_that_is_switched_off_waits_for_nothing() {
    let mut e = absence();
    e.state.rules.entry(RULE.into()).or_default().off = Some((RuleVersion("1".into()), "too slow".into()));
    e.pass_to(150, &heals);
    assert!(e.state.incidents.is_empty());
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now: Engine::time(150), host: "here" };
    assert_eq!(wake_at(&e.state, &world), None, "and wakes nobody");
}

#[test]
fn a_source_that_has_not_spoken_yet_holds_the_absence_after_a_start() {
    let mut e = absence();
    e.state.sources.insert("other".into(), SourceView::new());
    e.pass_to(150, &heals);
    assert!(e.state.incidents.is_empty() && e.said("source other is not being read"), "{:#?}", e.notes);
    e.step(Input::Notice(Notice::CaughtUp { source: "other".into() }));
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn a_source_that_is_not_configured_any_more_does_not_hold_for_ever() {
    let mut e = absence();
    e.line(0);
    let view = e.state.sources.remove("log").unwrap();
    e.state.sources.insert("renamed".into(), view);
    e.pass_to(150, &heals);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_no_absence_while_its_source_is_well() {
    let mut e = absence();
    e.line(0);
    let health = Health::Degraded { why: "permission denied".into() };
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: Some("log".into()), health }));
    e.pass_to(150, &heals);
    assert!(e.state.incidents.is_empty() && e.said("absence-held"));
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: Some("log".into()), health: Health::Ok }));
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn silence_of_a_socket_counts_from_when_it_was_listened_to() {
    let mut e = absence();
    e.line(0);
    // A restart after a long time: what came meanwhile is lost.
    let forgets = SourceView { forgets: true, ..SourceView::new() };
    e.state.sources.insert("log".into(), forgets);
    e.now = 5000;
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    assert!(e.state.incidents.is_empty());
    e.pass_to(5101, &heals);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn silence_of_a_socket_that_never_spoke_counts_from_when_it_was_listened_to() {
    let mut e = absence();
    let forgets = SourceView { forgets: true, ..SourceView::new() };
    e.state.sources.insert("log".into(), forgets);
    e.now = 5000;
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    assert!(e.state.incidents.is_empty(), "{:#?}", e.notes);
    e.pass_to(5101, &heals);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn a_late_line_begins_no_fix_for_what_is_over() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Observe);
    e.line(0);
    sees_it_down(&mut e);
    e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Auto) }).unwrap();
    e.now = 100;
    e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
    e.line(50);
    assert_eq!((e.status(), e.acts()), (Status::Resolved, Vec::new()));
}

fn job(id: &str, state: TaskState) -> Option<Task> {
    let (kind, target) = ("vzdump".into(), Some("100".into()));
    let started = Some(Engine::time(0));
    Some(Task { id: id.into(), kind, target, customer: None, state, started, finished: None, exit: None })
}

#[test]
fn the_end_of_another_task_is_not_the_end_of_one_that_is_overdue() {
    let mut e = only_reports(Trigger::Overdue { overdue: Duration::from_secs(100) });
    e.finding(0, Role::Task, job("slow", TaskState::Running), &[]);
    e.pass_to(101, &heals);
    e.finding(102, Role::TaskOther, job("quick", TaskState::Ok), &[]);
    assert_eq!(e.status(), Status::Open);
    e.finding(103, Role::TaskOther, job("slow", TaskState::Ok), &[]);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn a_task_kind_that_is_no_name_names_no_asset() {
    let mut e = only_reports(Trigger::default());
    change(&mut e, |rule| rule.task = Some(TaskClause { kind: vec!["*".into()], state: Vec::new() }));
    let mut task = job("1", TaskState::Failed);
    task.as_mut().unwrap().kind = "\u{1b}[2Jvzdump".into();
    e.finding(0, Role::Task, task, &[]);
    assert_eq!(e.state.incidents[&1].asset, "task:100");
}

#[test]
fn a_task_whose_target_is_no_name_is_about_its_host() {
    let mut e = only_reports(Trigger::default());
    change(&mut e, |rule| rule.task = Some(TaskClause { kind: vec!["*".into()], state: Vec::new() }));
    let mut task = job("1", TaskState::Failed);
    task.as_mut().unwrap().target = Some("100; reboot".into());
    e.finding(0, Role::Task, task, &[]);
    assert_eq!(e.state.incidents[&1].asset, "host:web1");
}

#[test]
fn what_a_rule_waits_for_outlives_a_pack_that_is_left_out() {
    let mut e = absence();
    change(&mut e, |rule| rule.by = vec!["pool".into()]);
    e.finding(0, Role::Match(0), None, &[("pool", "a")]);
    let rules = std::mem::take(&mut e.rules.rules);
    e.now = 2 * 86_400;
    e.step(Input::Restarted);
    e.rules.rules = rules;
    e.now += 60;
    e.step(Input::Reloaded);
    e.pass_to(e.now + 101, &heals);
    assert_eq!(e.state.incidents.len(), 1, "{:#?}", e.notes);
}

#[test]
fn what_began_to_be_waited_for_under_a_wrong_clock_is_missed_once_it_is_right() {
    let armed = || {
        let mut e = absence();
        e.now = 500_000;
        change(&mut e, |rule| rule.version = RuleVersion("2".into()));
        assert!(e.state.incidents.is_empty());
        e
    };
    let closed = || {
        let mut e = absence();
        e.now = 500_000;
        e.step(Input::Tick);
        e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
        e
    };
    for mut e in [armed(), closed()] {
        e.now = 0;
        e.step(Input::Tick);
        e.pass_to(99, &heals);
        assert!(e.state.incidents.values().all(Incident::is_resolved), "{:#?}", e.notes);
        e.pass_to(103, &heals);
        assert_eq!(e.status(), Status::Open, "{:#?}", e.notes);
    }
}

#[test]
fn names_that_one_log_invents_leave_room_for_what_others_say_and_for_what_is_listed() {
    let mut e = only_reports(Trigger::default());
    change(&mut e, |rule| rule.has.asset = true);
    let asset = |id: &str| crate::asset::Asset {
        id: id.into(),
        aliases: Vec::new(),
        owner: None,
        depends_on: Vec::new(),
        protected: false,
    };
    e.assets = Assets::new(vec![asset("pool:listed")]).unwrap();
    let say = |e: &mut Engine, log: &str, pool: &str| {
        let mut finding = heal::finding_like();
        (finding.place.stream, finding.message) = (log.into(), "down".into());
        finding.fields = BTreeMap::from([("pool".into(), crate::field::Value::Text(pool.into()))]);
        e.found(&finding);
        e.state.incident_of(&RULE.into(), &format!("pool:{pool}")).is_some()
    };
    // Three customers, each with a log of their own, and nobody but the operator may stop them.
    for log in ["/srv/a/log", "/srv/b/log", "/srv/c/log"] {
        for n in 0..Incident::MOST_OF_RULE + 5 {
            say(&mut e, log, &format!("{log}{n}"));
        }
    }
    let kept = e.state.incidents.len();
    assert_eq!(kept, Incident::MOST_OF_RULE * 7 / 4, "each log takes half of what the others leave");
    assert!(!say(&mut e, "/srv/a/log", "invented"));
    assert!(say(&mut e, "/var/log/web.log", "real"), "another log has room");
    assert!(say(&mut e, "/srv/a/log", "listed"), "what the operator knows has room");
    let said: Vec<&String> = e.notes.iter().filter(|note| note.starts_with("crowded")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("1000 of them about names from /srv/a/log that are no known assets"), "{said:?}");
}

#[test]
fn invented_names_do_not_keep_the_operator_from_being_told() {
    let mut e = only_reports(Trigger::default());
    e.policy.modes.insert("*".into(), Mode::Suggest);
    change(&mut e, |rule| rule.has.asset = true);
    let listed = crate::asset::Asset {
        id: "pool:listed".into(),
        aliases: Vec::new(),
        owner: None,
        depends_on: Vec::new(),
        protected: false,
    };
    e.assets = Assets::new(vec![listed]).unwrap();
    let told = |e: &mut Engine, pool: &str| {
        e.finding(e.now, Role::Match(0), None, &[("pool", pool)]);
        let reasons = std::mem::take(&mut e.out).into_iter().filter_map(|effect| match effect.act {
            Act::Notify { message, .. } => Some(message.reason),
            _ => None,
        });
        reasons.collect::<Vec<_>>()
    };
    let all: Vec<String> = (0..500).flat_map(|n| told(&mut e, &format!("invented{n}"))).collect();
    assert_eq!(all.len(), 30);
    let is_last = |reason: &&String| reason.contains("message 30 about web.nginx-down within an hour");
    assert_eq!(all.iter().filter(is_last).count(), 1, "{all:?}");
    assert!(e.said("told not sent (the rule has no fix): people were told of 30 incidents of web.nginx-down"));
    assert_eq!(told(&mut e, "listed"), ["the rule has no fix"]);
    e.now += 3_601;
    assert_eq!(told(&mut e, "real").len(), 1);
}
