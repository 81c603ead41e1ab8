//! Clocks that are wrong: of who writes the lines, and our own. What comes after a fix comes after it.

use super::*;

/// A fix at 1000 that must be quiet for 20 s, after a line that was written then by a clock `behind` ours.
fn fixed(behind: u64) -> Engine {
    let logic = Restart { quiet: Some(Duration::from_secs(20)), ..Restart::default() };
    let mut rule = rule(logic);
    rule.cooldown = Duration::ZERO;
    let mut e = Engine::new(rule, Mode::Auto);
    e.now = 1000;
    e.line(1000 - behind);
    sees_it_down(&mut e);
    e.pass_to(1005, &heals);
    assert_eq!(e.status(), Status::Healing);
    e
}

/// The same, proved and over.
fn repaired(behind: u64) -> Engine {
    let mut e = fixed(behind);
    e.pass_to(1030, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
    e
}

#[test]
fn a_line_after_the_fix_breaks_the_quiet_however_far_its_clock_is_behind() {
    for behind in [0, 1, 10, 60, 900] {
        let mut e = fixed(behind);
        e.line(1005 - behind);
        e.pass_to(1040, &heals);
        assert!(e.said("needs-human the fix did not hold: quiet"), "{behind} s behind: {:#?}", e.notes);
    }
}

#[test]
fn a_line_from_before_the_fix_that_was_long_on_its_way_does_not() {
    for behind in [0, 10, 60] {
        let mut e = fixed(behind);
        e.line(998 - behind);
        e.pass_to(1040, &heals);
        assert_eq!(e.status(), Status::Resolved, "{behind} s behind: {:#?}", e.notes);
    }
}

#[test]
fn a_line_from_before_the_fix_whose_clock_is_ahead_does_not() {
    let logic = Restart { quiet: Some(Duration::from_secs(20)), ..Restart::default() };
    let mut e = Engine::new(rule(logic), Mode::Auto);
    e.now = 1000;
    e.line(1060);
    sees_it_down(&mut e);
    e.pass_to(1040, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
}

#[test]
fn old_lines_that_are_read_at_the_start_tell_nothing_of_a_clock() {
    let logic = Restart { quiet: Some(Duration::from_secs(20)), ..Restart::default() };
    let mut e = Engine::new(rule(logic), Mode::Auto);
    e.step(Input::Notice(Notice::Health {
        source: "log".into(),
        stream: None,
        health: Health::Degraded { why: "starts".into() },
    }));
    e.now = 1000;
    e.line(100);
    sees_it_down(&mut e);
    e.pass_to(1002, &heals);
    e.line(200);
    e.step(Input::Notice(Notice::Health { source: "log".into(), stream: None, health: Health::Ok }));
    e.step(Input::Notice(Notice::CaughtUp { source: "log".into() }));
    e.pass_to(1040, &heals);
    assert_eq!(e.status(), Status::Resolved, "{:#?}", e.notes);
}

#[test]
fn a_new_fault_after_a_repair_comes_back_however_far_its_clock_is_behind() {
    for behind in [0, 10, 30, 60, 900] {
        let mut e = repaired(behind);
        e.now = 1040;
        e.line(1040 - behind);
        assert!(e.said("reopened came back"), "{behind} s behind: {:#?}", e.notes);
        sees_it_down(&mut e);
    }
}

#[test]
fn a_late_line_from_before_the_end_stays_with_what_is_over_and_is_counted() {
    for behind in [0, 60] {
        let mut e = repaired(behind);
        e.now = 1040;
        e.line(1010 - behind);
        assert_eq!(e.status(), Status::Resolved, "{behind} s behind: {:#?}", e.notes);
        assert_eq!(e.state.counters.late[&RULE.into()], 1);
    }
}

#[test]
fn a_clock_that_falls_behind_after_a_repair_hides_nothing_for_longer_than_lines_are_on_their_way() {
    let mut e = repaired(0);
    e.now = 1700;
    e.line(1700 - 1600);
    assert!(e.said("reopened came back"), "{:#?}", e.notes);
}

#[test]
fn what_happened_before_our_own_clock_was_set_back_keeps_nothing_from_happening() {
    let mut e = repaired(0);
    e.policy.budget.rule = "1/1h".to_owned().try_into().unwrap();
    e.now = 400;
    e.line(400);
    assert!(e.said("reopened came back"), "{:#?}", e.notes);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"], "{:#?}", e.notes);
}

#[test]
fn what_went_badly_before_our_own_clock_was_set_back_is_not_held_against_a_rule_until_then() {
    let mut e = Engine::new(rule(Restart::default()), Mode::Approve);
    for (incident, pool, at) in [(1, "a", 400 * 86_400), (2, "b", 1000), (3, "c", 1001)] {
        e.now = at;
        e.finding(at, Role::Match(0), None, &[("pool", pool)]);
        sees_it_down(&mut e);
        e.out.clear();
        let said = e.command(Command::Deny { incident, why: String::new() }).unwrap();
        assert_eq!(said.contains("goes from approve down to suggest"), incident == 3, "{said}");
    }
}

#[test]
fn windows_begin_anew_when_the_clock_of_the_lines_was_set_back() {
    let mut counting = rule(Restart::default());
    counting.trigger = Trigger::Count { count: 3, within: Duration::from_secs(60) };
    let mut e = Engine::new(counting, Mode::Observe);
    e.now = 9000;
    e.line(9000);
    for at in [9100, 9110, 9120] {
        e.now = at;
        e.line(at - 3600);
    }
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn windows_of_lines_whose_clock_is_behind_are_kept_as_long_as_others() {
    let mut counting = rule(Restart::default());
    counting.trigger = Trigger::Count { count: 3, within: Duration::from_secs(300) };
    let mut e = Engine::new(counting, Mode::Observe);
    for at in [9000, 9100, 9200] {
        e.now = at;
        e.line(at - 3600);
    }
    assert_eq!(e.state.incidents.len(), 1);
}

#[test]
fn the_time_in_which_nobody_looked_counts_neither_for_a_fix_nor_against_it() {
    // Our clock is set, the machine sleeps, or the store takes nothing for an hour.
    let leaps = |then: &dyn Fn(&Act) -> Outcome| {
        let mut e = fixed(0);
        e.now += 3600;
        e.pass_to(4610, then);
        e
    };
    let mut e = leaps(&heals);
    assert_eq!(e.status(), Status::Healing, "{:#?}", e.notes);
    e.pass_to(4630, &heals);
    assert_eq!(e.status(), Status::Resolved);
    let mut e = leaps(&stays_broken);
    assert_eq!(e.status(), Status::Healing, "what it looks at may just be starting: {:#?}", e.notes);
    e.pass_to(4640, &stays_broken);
    assert_eq!(e.status(), Status::NeedsHuman);
}
