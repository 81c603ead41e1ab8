//! Windows, triggers, dedupe, reopen, clear, absence.

use super::*;

#[test]
fn coming_back_soon_reopens_the_same_incident_and_late_lines_do_not() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    e.line(0);
    sees_it_down(&mut e);
    e.pass_to(20, &heals);
    assert_eq!(e.status(), Status::Resolved);
    e.line(3);
    assert_eq!(e.status(), Status::Resolved, "a line from before the end");
    e.now = 900;
    e.line(900);
    assert_eq!((e.state.incidents.len(), e.state.incidents[&1].reopened), (1, 1));
    assert_eq!(e.state.rules[&RULE.into()].evidence.recurred, 1);
}

fn counting(trigger: Trigger) -> Engine {
    counting_tasks(None, trigger)
}

fn counting_tasks(task: Option<TaskClause>, trigger: Trigger) -> Engine {
    let mut rule = rule(Restart::default());
    rule.task = task;
    rule.trigger = trigger;
    rule.has = Has::default();
    Engine::new(rule, Mode::Observe)
}

fn backups() -> Option<TaskClause> {
    Some(TaskClause { kind: vec!["vzdump".into()], state: Vec::new() })
}

#[test]
fn windows_count_in_event_time_whatever_the_order() {
    let check = |times: &[u64], fires: bool| {
        let mut e = counting(Trigger::Count { count: 3, within: Duration::from_secs(60) });
        for &t in times {
            e.line(t);
        }
        assert_eq!(!e.state.incidents.is_empty(), fires, "{times:?}");
    };
    check(&[0, 10, 20], true);
    check(&[20, 0, 10], true);
    check(&[0, 50, 100], false);
    check(&[0, 50, 100, 110], true);
    check(&[100, 0, 101, 1, 102], true);
    check(&[1000, 0, 1001, 1], false);
}

#[test]
fn late_findings_are_counted_and_left_out() {
    let mut e = counting(Trigger::Count { count: 3, within: Duration::from_secs(60) });
    e.now = 1000;
    for t in [1000, 0, 1, 2] {
        e.line(t);
    }
    assert!(e.state.incidents.is_empty());
    assert_eq!(e.state.counters.late[&RULE.into()], 3);
}

#[test]
fn keys_are_capped_and_evictions_counted() {
    let mut e = counting(Trigger::Count { count: 2, within: Duration::from_secs(60) });
    let mut with_key = rule(Restart::default());
    with_key.trigger = Trigger::Count { count: 2, within: Duration::from_secs(60) };
    with_key.by = vec!["pool".into()];
    e.rules.rules.insert(RULE.into(), Arc::new(with_key));
    let most = crate::window::Window::MOST_KEYS;
    for n in 0..=most {
        e.finding(n as u64 / 1000, Role::Match(0), None, &[("pool", &n.to_string())]);
    }
    assert_eq!(e.state.windows[&RULE.into()].len(), most - most / 10 + 1);
    assert_eq!(e.state.counters.evicted[&RULE.into()], most as u64 / 10);
}

#[test]
fn sequence_needs_the_order() {
    let check = |numbers: &[(u64, usize)], fires: bool| {
        let mut e = counting(Trigger::Sequence { order: vec![0, 1], within: Duration::from_secs(60) });
        for &(at, number) in numbers {
            e.finding(at, Role::Match(number), None, &[]);
        }
        assert_eq!(!e.state.incidents.is_empty(), fires, "{numbers:?}");
    };
    check(&[(0, 0), (1, 1)], true);
    check(&[(0, 1), (1, 0)], false);
    check(&[(0, 0), (100, 1)], false);
    check(&[(0, 0), (50, 0), (100, 1)], true);
}

#[test]
fn absence_fires_when_the_source_is_read_and_is_held_when_not() {
    let mut e = counting(Trigger::Absence { absence: Duration::from_secs(100) });
    e.line(0);
    e.pass_to(99, &heals);
    assert!(e.state.incidents.is_empty());
    let health = Health::Degraded { why: "gone".into() };
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health }));
    e.pass_to(300, &heals);
    assert!(e.state.incidents.is_empty() && e.said("absence-held"));
    assert_eq!(e.notes.iter().filter(|n| n.starts_with("absence-held")).count(), 1, "said once");
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health: Health::Ok }));
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    assert_eq!(e.status(), Status::Open);
    e.now = 310;
    e.line(310);
    assert_eq!(e.status(), Status::Resolved, "the missing event came");
}

fn task(id: &str, state: TaskState) -> Option<Task> {
    Some(Task {
        id: id.into(),
        kind: "vzdump".into(),
        target: Some("100".into()),
        customer: None,
        state,
        started: Some(Engine::time(0)),
        finished: None,
        exit: None,
    })
}

#[test]
fn an_overdue_task_opens_an_incident_and_its_end_closes_it() {
    let mut e = counting_tasks(backups(), Trigger::Overdue { overdue: Duration::from_secs(100) });
    e.finding(0, Role::Task, task("a", TaskState::Running), &[]);
    e.pass_to(99, &heals);
    assert!(e.state.incidents.is_empty());
    e.pass_to(101, &heals);
    assert_eq!(e.state.incidents[&1].asset, "vzdump:100");
    e.finding(150, Role::Task, task("a", TaskState::Ok), &[]);
    assert_eq!(e.status(), Status::Resolved);
}

#[test]
fn lines_of_one_fault_make_one_incident_whether_they_carry_a_task_or_not() {
    let mut e = counting(Trigger::default());
    e.line(0);
    e.finding(0, Role::Match(1), task("a", TaskState::Failed), &[("result", "signal")]);
    assert_eq!((e.state.incidents.len(), e.state.incidents[&1].findings), (1, 2));
    assert_eq!(e.state.incidents[&1].asset, "host:web1");
}

#[test]
fn an_observed_incident_is_repaired_when_it_is_seen_again_after_promotion() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Observe);
    e.line(0);
    sees_it_down(&mut e);
    assert_eq!(e.status(), Status::Open);
    e.line(1);
    assert_eq!(e.status(), Status::Open, "it still observes");
    e.now = 50;
    e.command(Command::Promote { rule: RULE.into(), to: Some(Mode::Auto) }).unwrap();
    e.line(2);
    assert_eq!(e.status(), Status::Open, "a line from before is no reason to act");
    e.now = 100;
    e.line(100);
    sees_it_down(&mut e);
    assert!(e.said("1 of 1"), "{:?}", e.notes);
    e.pass_to(120, &heals);
    assert_eq!((e.status(), e.state.incidents.len()), (Status::Resolved, 1));
}

#[test]
fn flapping_counts_changes_only() {
    let mut e = counting(Trigger::Flapping { flapping: 3, within: Duration::from_secs(1000) });
    let states = [TaskState::Ok, TaskState::Ok, TaskState::Failed, TaskState::Failed, TaskState::Ok];
    for (at, state) in states.into_iter().enumerate() {
        e.finding(at as u64, Role::Task, task(&at.to_string(), state), &[]);
    }
    assert!(e.state.incidents.is_empty());
    e.finding(9, Role::Task, task("z", TaskState::Failed), &[]);
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn a_clearing_line_closes_the_incident_of_its_asset_only() {
    let mut e = counting(Trigger::default());
    let mut clearing = rule(Restart::default());
    clearing.has = Has { asset: true, ..Has::default() };
    e.rules.rules.insert(RULE.into(), Arc::new(clearing));
    e.finding(0, Role::Match(0), None, &[("pool", "a")]);
    e.finding(0, Role::Match(0), None, &[("pool", "b")]);
    e.finding(5, Role::Clear(0), None, &[("pool", "a")]);
    let status = |asset: &str| e.state.incident_of(&RULE.into(), asset).unwrap().status;
    assert_eq!((status("pool:a"), status("pool:b")), (Status::Resolved, Status::Open));
}

#[test]
fn wake_times_cover_everything_that_waits() {
    let mut e = counting(Trigger::Absence { absence: Duration::from_secs(100) });
    e.line(7);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now: Engine::time(7), host: "here" };
    assert_eq!(wake_at(&e.state, &world), Some(Engine::time(107)));
}

#[test]
fn what_comes_back_belongs_to_who_owns_it_then() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Auto);
    let owned = |owner: &str| {
        let (id, owner) = ("pool:www".into(), Some(owner.to_owned()));
        let asset = crate::asset::Asset { id, aliases: Vec::new(), owner, depends_on: Vec::new(), protected: false };
        Assets::new(vec![asset]).unwrap()
    };
    e.assets = owned("kim");
    let www: &[(&str, &str)] = &[("pool", "www")];
    e.finding(0, Role::Match(0), None, www);
    sees_it_down(&mut e);
    e.pass_to(20, &heals);
    assert_eq!(e.state.incidents[&1].customers, ["kim".to_owned()].into());
    e.assets = owned("lee");
    e.now = 900;
    e.finding(900, Role::Match(0), None, www);
    let incident = &e.state.incidents[&1];
    assert_eq!((incident.reopened, incident.customers.clone()), (1, ["lee".to_owned()].into()));
}

#[test]
fn a_number_that_was_never_given_is_said_to_be_none() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    let ack = |e: &mut Engine, incident| e.command(Command::Acknowledge { incident }).unwrap_err();
    assert_eq!(ack(&mut e, 7), "there is no incident 7; there was none so far");
    e.line(0);
    assert!(ack(&mut e, 2).starts_with("there is no incident 2; the newest is 1, and `heinzel incident list`"));
    e.command(Command::Resolve { incident: 1, note: String::new() }).unwrap();
    e.now = 100_000;
    e.step(Input::Tick);
    assert!(ack(&mut e, 1).starts_with("incident 1 is not open any more; `heinzel incident view 1`"));
}
