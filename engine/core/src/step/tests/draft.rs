//! What drafts set off, and what they never do.

use super::*;
use crate::asset::Asset;
use crate::gate::{self, Verdict};
use crate::look::{DraftClause, Refused, Request};
use crate::policy::Maintenance;
use crate::stand::Stand;

/// An engine whose rule looks at virtual machines when a draft says that one does not start; the customer kim has one.
fn engine(mode: Mode, look: &str, fix: &str) -> Engine {
    let mut rule = rule(Restart::default());
    rule.draft = Some(DraftClause {
        intents: vec!["vm/does-not-start".into()],
        asset: vec!["vm".into()],
        found: BTreeMap::new(),
    });
    let mut engine = Engine::new(rule, mode);
    let asset = |id: &str, owner: Option<&str>| Asset {
        id: id.into(),
        aliases: Vec::new(),
        owner: owner.map(Into::into),
        depends_on: Vec::new(),
        protected: false,
    };
    engine.assets =
        Assets::new(vec![asset("vm:100", Some("kim")), asset("vm:101", Some("lee")), asset("site:kim", Some("kim"))])
            .unwrap();
    engine.policy.drafts.look = vec![look.into()];
    engine.policy.drafts.fix = vec![fix.into()];
    engine
}

fn request(customer: &str, asset: &str) -> Request {
    let intents = vec!["vm/other".into(), "vm/does-not-start".into()];
    Request { draft: "d1".into(), customer: customer.into(), asset: asset.into(), intents }
}

impl Engine {
    fn world(&self) -> World<'_> {
        World {
            rules: &self.rules,
            assets: &self.assets,
            policy: &self.policy,
            now: Self::time(self.now),
            host: "here",
        }
    }

    fn draft(&mut self, request: &Request) -> Result<Vec<IncidentId>, Refused> {
        let world = World {
            rules: &self.rules,
            assets: &self.assets,
            policy: &self.policy,
            now: Self::time(self.now),
            host: "here",
        };
        let ids = drafted(&mut self.state, &world, request, &mut self.journal);
        self.step(Input::Tick);
        ids
    }

    /// The probe that is out sees the unit so.
    fn saw(&mut self, active: bool) {
        assert_eq!(self.acts(), ["probe unit nginx.service"]);
        let effect = self.out.remove(0);
        self.step(Input::Done { effect: effect.id, outcome: unit(active) });
    }

    /// All steps and checks go well until they have held for their time.
    fn proved(&mut self) {
        self.pass_to(self.now + 20, &heals);
    }

    fn stand(&self, id: IncidentId) -> Stand {
        Stand::of(&self.state.incidents[&id])
    }
}

#[test]
fn a_draft_is_looked_into_repaired_and_proved() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    let ids = engine.draft(&request("kim", "vm:100")).unwrap();
    assert_eq!(ids, [1]);
    assert_eq!(engine.stand(1), Stand::Checking);
    engine.saw(false);
    assert_eq!(engine.stand(1), Stand::Repairing);
    // Another letter is typed: the same incident, and nothing begins anew.
    assert_eq!(engine.draft(&request("kim", "vm:100")).unwrap(), [1]);
    engine.proved();
    assert_eq!(engine.stand(1), Stand::Repaired);
    assert!(engine.state.incidents[&1].origin.is_some());
}

#[test]
fn nothing_wrong_is_well_and_changes_nothing() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    engine.draft(&request("kim", "vm:100")).unwrap();
    engine.saw(true);
    assert_eq!(engine.stand(1), Stand::Checking);
    engine.proved();
    assert_eq!(engine.stand(1), Stand::Well);
    assert!(engine.state.fixes.is_empty(), "no fix was started");
}

#[test]
fn a_draft_takes_no_rule_further_than_the_operator_says() {
    let mut looks_only = engine(Mode::Auto, "web.*", "none.*");
    looks_only.draft(&request("kim", "vm:100")).unwrap();
    looks_only.saw(false);
    assert_eq!(looks_only.stand(1), Stand::Telling, "nobody has been told yet");
    looks_only.answer(&heals);
    assert_eq!(looks_only.stand(1), Stand::HandedOver);
    assert_eq!(looks_only.state.incidents[&1].status, Status::AwaitingApproval);

    let mut observes = engine(Mode::Observe, "web.*", "web.*");
    observes.draft(&request("kim", "vm:100")).unwrap();
    observes.saw(false);
    assert_eq!(observes.stand(1), Stand::Unsettled);

    let mut not_granted = engine(Mode::Auto, "mail.*", "web.*");
    let refused = not_granted.draft(&request("kim", "vm:100")).unwrap_err();
    assert_eq!(refused.to_string(), "drafts may not set off web.nginx-down; add it to `policy.drafts.look`");
    assert!(not_granted.state.incidents.is_empty());
}

#[test]
fn a_fix_that_may_not_begin_is_not_called_one_that_does() {
    let mut paused = engine(Mode::Auto, "web.*", "web.*");
    paused.command(Command::Pause { why: "migration".into() }).unwrap();
    paused.draft(&request("kim", "vm:100")).unwrap();
    paused.saw(false);
    assert_eq!(paused.stand(1), Stand::Waiting);
    paused.command(Command::Resume).unwrap();
    paused.saw(false);
    assert_eq!(paused.stand(1), Stand::Repairing);

    let mut maintained = engine(Mode::Auto, "web.*", "web.*");
    let (from, until) = (Engine::time(0), Engine::time(u64::from(u32::MAX)));
    maintained.policy.maintenance = vec![Maintenance { assets: vec!["vm:*".into()], from, until }];
    maintained.draft(&request("kim", "vm:100")).unwrap();
    maintained.saw(false);
    assert_eq!(maintained.stand(1), Stand::Waiting);
}

#[test]
fn a_person_is_promised_once_one_has_been_told() {
    let mut engine = engine(Mode::Auto, "web.*", "none.*");
    engine.draft(&request("kim", "vm:100")).unwrap();
    engine.saw(false);
    assert_eq!(engine.stand(1), Stand::Telling);
    let is_down = |_: &Act| Outcome::Failed { why: "connection refused".into() };
    engine.answer(&is_down);
    assert_eq!(engine.stand(1), Stand::Unsettled, "nobody knows of it");
    engine.pass_to(engine.now + 45, &is_down);
    assert_eq!(engine.stand(1), Stand::Unsettled);
    engine.pass_to(engine.now + 600, &heals);
    assert_eq!(engine.stand(1), Stand::HandedOver);
}

#[test]
fn nobody_looks_at_anothers_asset() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    for (customer, asset) in [("kim", "vm:101"), ("lee", "vm:100"), ("kim", "vm:999"), ("", "vm:100")] {
        let refused = engine.draft(&request(customer, asset)).unwrap_err();
        assert_eq!(refused, Refused::NotTheirs { asset: asset.into() });
    }
    // Theirs, and of a kind that the rule does not look at.
    let refused = engine.draft(&request("kim", "site:kim")).unwrap_err();
    assert_eq!(refused, Refused::NoRule { asset: "site:kim".into() });
    assert!(engine.state.incidents.is_empty() && engine.state.looks.is_empty());
}

#[test]
fn a_customer_who_keeps_asking_is_told_to_wait() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    for number in 1..=3 {
        assert_eq!(engine.draft(&request("kim", "vm:100")).unwrap(), [number]);
        engine.saw(true);
        engine.proved();
    }
    let refused = engine.draft(&request("kim", "vm:100")).unwrap_err();
    assert_eq!(refused.to_string(), "drafts have set off 3 in 1h; `policy.drafts.rate` sets how many may");
    // Nobody else waits for it.
    assert_eq!(engine.draft(&request("lee", "vm:101")).unwrap(), [4]);
    engine.now += 3601;
    assert!(engine.draft(&request("kim", "vm:100")).is_ok());
    engine.policy.drafts.all.count = 1;
    let refused = engine.draft(&request("lee", "vm:101"));
    assert_eq!(refused.unwrap(), [4], "what is open is followed in any case");
}

#[test]
fn all_drafts_together_set_off_no_more_than_the_operator_says() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    engine.policy.drafts.all.count = 1;
    engine.draft(&request("kim", "vm:100")).unwrap();
    let refused = engine.draft(&request("lee", "vm:101")).unwrap_err();
    assert_eq!(refused.to_string(), "drafts have set off 1 in 1h; `policy.drafts.all` sets how many may");
}

#[test]
fn a_rule_that_is_switched_off_looks_at_nothing() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    let off = Some((RuleVersion("1".into()), "too many operations".into()));
    engine.state.rules.entry(RULE.into()).or_default().off = off;
    assert!(matches!(engine.draft(&request("kim", "vm:100")), Err(Refused::NotGranted { .. })));
    assert!(engine.out.is_empty());
}

#[test]
fn looks_from_before_our_clock_was_set_back_keep_nobody_waiting() {
    let mut engine = engine(Mode::Auto, "web.*", "web.*");
    engine.policy.drafts.rate.count = 1;
    engine.now = 90_000;
    engine.draft(&request("kim", "vm:100")).unwrap();
    engine.saw(true);
    engine.proved();
    engine.now = 0;
    assert!(engine.draft(&request("kim", "vm:100")).is_ok());
    assert_eq!(engine.state.looks.len(), 1);
}

#[test]
fn the_gate_is_named_in_every_answer() {
    let mut engine = engine(Mode::Auto, "web.*", "none.*");
    engine.draft(&request("kim", "vm:100")).unwrap();
    engine.saw(false);
    let incident = &engine.state.incidents[&1];
    let plan = incident.run.as_ref().and_then(|run| run.stage.plan()).unwrap();
    let rule = &engine.rules.rules[&incident.rule];
    let answers = gate::ask(&engine.state, &engine.world(), rule, incident, plan);
    let said = answers.iter().find(|answer| answer.gate == "draft").unwrap();
    assert!(matches!(&said.verdict, Verdict::Approval { why } if why.contains("`policy.drafts.fix`")), "{said:?}");
}
