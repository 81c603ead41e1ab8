//! What happens on one customer's assets stops a rule there; what happens to several stops it everywhere.

use super::*;
use crate::asset::Asset;
use crate::gate::{mode_at, mode_of};
use crate::state::RuleRecord;

fn owned(id: &str, owner: Option<&str>) -> Asset {
    let (id, owner) = (id.to_owned(), owner.map(str::to_owned));
    Asset { id, aliases: Vec::new(), owner, depends_on: Vec::new(), protected: false }
}

/// Kim has two pools, Lee one.
fn engine() -> Engine {
    let mut e = Engine::new(rule(Restart { rollback: true, ..Restart::default() }), Mode::Auto);
    let pools = [("pool:kim1", "kim"), ("pool:kim2", "kim"), ("pool:lee", "lee")];
    e.assets = Assets::new(pools.map(|(id, owner)| owned(id, Some(owner))).to_vec()).unwrap();
    e.policy.budget.rule.count = 100;
    e.policy.budget.asset.count = 100;
    e.policy.budget.host.count = 100;
    e
}

/// A fault of a pool, whose fix does not hold. Returns what the operator was told.
fn fails(e: &mut Engine, pool: &str) -> Vec<String> {
    let told = std::cell::RefCell::new(Vec::new());
    e.now += 1000;
    e.finding(e.now, Role::Match(0), None, &[("pool", pool)]);
    sees_it_down(e);
    e.pass_to(e.now + 60, &|act| {
        if let Act::Notify { message, .. } = act {
            told.borrow_mut().push(message.reason.clone());
        }
        stays_broken(act)
    });
    let id = e.state.incident_of(&RULE.into(), &format!("pool:{pool}")).unwrap().id;
    e.command(Command::Resolve { incident: id, note: String::new() }).unwrap();
    e.now += 4000;
    told.into_inner()
}

fn mode(e: &Engine, asset: &str) -> Mode {
    let now = Engine::time(e.now);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
    mode_at(&e.state, &world, &RULE.into(), asset)
}

fn mode_everywhere(e: &Engine) -> Mode {
    let now = Engine::time(e.now);
    let world = World { rules: &e.rules, assets: &e.assets, policy: &e.policy, now, host: "here" };
    mode_of(&e.state, &world, &RULE.into())
}

#[test]
fn one_customers_broken_site_stops_the_rule_there_alone() {
    let mut e = engine();
    assert!(!fails(&mut e, "kim1")[0].contains("goes from"));
    let told = fails(&mut e, "kim2");
    let said = "web.nginx-down goes from auto down to approve for pool:kim2 and all else of its customer after 2 bad \
                experiences in 1d, the last: a fix did not hold";
    assert!(told[0].contains(said), "{told:#?}");
    let modes = |e: &Engine| ["pool:kim1", "pool:kim2", "pool:lee", "pool:nobody"].map(|asset| mode(e, asset));
    assert_eq!(modes(&e), [Mode::Approve, Mode::Approve, Mode::Auto, Mode::Auto]);
    // Whose it is now counts, and not whose it was.
    let assets =
        Assets::new(vec![owned("pool:kim1", None), owned("pool:kim2", Some("lee")), owned("pool:lee", Some("lee"))]);
    let before = std::mem::replace(&mut e.assets, assets.unwrap());
    assert_eq!(modes(&e), [Mode::Auto, Mode::Approve, Mode::Approve, Mode::Auto]);
    e.assets = before;
    e.finding(e.now, Role::Match(0), None, &[("pool", "kim1")]);
    sees_it_down(&mut e);
    assert!(e.said("asks for approval: web.nginx-down is in mode approve for pool:kim1 and all else of its customer"));
    e.out.clear();
    e.finding(e.now, Role::Match(0), None, &[("pool", "lee")]);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
    e.pass_to(e.now + 60, &heals);
    assert_eq!(mode_everywhere(&e), Mode::Auto);
    let said = e.command(Command::Promote { rule: RULE.into(), to: None }).unwrap();
    assert_eq!(said, "web.nginx-down stays in mode auto; it does for pool:kim2 what it does elsewhere");
    assert_eq!(modes(&e), [Mode::Auto; 4]);
}

#[test]
fn a_breaker_opens_where_fixes_failed() {
    let mut e = engine();
    e.policy.breaker.failures.count = 2;
    e.policy.breaker.demote.count = 100;
    fails(&mut e, "kim1");
    let told = fails(&mut e, "kim1");
    let said = "the breaker of web.nginx-down opens for pool:kim1 and all else of its customer, because 2 fixes failed in \
                1d; `heinzel policy promote web.nginx-down` closes it";
    assert!(told[0].contains(said), "{told:#?}");
    e.finding(e.now, Role::Match(0), None, &[("pool", "kim2")]);
    sees_it_down(&mut e);
    assert!(e.said("gate `breaker` refused: the breaker of web.nginx-down for pool:kim1 and all else of its customer"));
    e.out.clear();
    e.finding(e.now, Role::Match(0), None, &[("pool", "lee")]);
    sees_it_down(&mut e);
    assert_eq!(e.acts(), ["systemctl restart nginx.service"]);
}

#[test]
fn what_fails_for_several_stops_the_rule_everywhere() {
    let mut e = engine();
    for pool in ["kim1", "lee", "kim2", "c"] {
        fails(&mut e, pool);
        assert_eq!(mode_everywhere(&e), Mode::Auto, "{pool}: three are concerned");
    }
    let told = fails(&mut e, "d");
    let said = "web.nginx-down goes from auto down to approve after bad experiences with 4 customers or assets in 1d";
    assert!(told[0].contains(said), "{told:#?}");
    let said =
        "the breaker of web.nginx-down opens, because fixes for 4 customers or assets failed in 1d; `heinzel policy";
    assert!(told[0].contains(said), "{told:#?}");
    assert_eq!(mode_everywhere(&e), Mode::Approve);
    assert!(e.state.rules[&RULE.into()].breaker.is_some());
}

#[test]
fn what_happened_there_is_forgotten_after_a_month() {
    let mut e = engine();
    e.policy.breaker.demote.count = 2;
    fails(&mut e, "lee");
    fails(&mut e, "kim1");
    fails(&mut e, "kim1");
    e.now += 32 * 86_400;
    e.step(Input::Tick);
    let spots = &e.state.rules[&RULE.into()].spots;
    assert_eq!(
        spots.keys().collect::<Vec<_>>(),
        ["pool:kim1"],
        "it goes less far there, until an operator says otherwise"
    );
}

#[test]
fn a_record_of_before_is_read_as_it_was() {
    let old = r#"{"mode":"approve","over":"auto","breaker":["2026-11-01T00:00:00Z","3 fixes failed"],"off":null,
        "known_since":null,"known_as":null,"evidence":{"incidents":9,"failed":3,"bad":["2026-11-01T00:00:00Z"],
        "failures":["2026-11-01T00:00:00Z"],"since":null}}"#;
    let record: RuleRecord = serde_json::from_str(old).unwrap();
    assert_eq!((record.mode, record.breaker.is_some(), record.evidence.failed), (Some(Mode::Approve), true, 3));
    assert!(record.spots.is_empty());
    let again: RuleRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    assert_eq!(again, record);
}
