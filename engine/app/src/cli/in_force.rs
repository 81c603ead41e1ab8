//! What is in force: in the engine, where one runs; else what the files and the decisions in the store would give.

use std::collections::BTreeMap;

use heinzel_core::gate::grounds_of;
use heinzel_core::incident::Incident;
use heinzel_core::policy::{Mode, Policy};
use heinzel_core::rule::Rule;
use heinzel_core::state::{RuleRecord, State};
use heinzel_core::step::World;
use heinzel_store::Store as _;

use super::{reader, remark};
use crate::config::Config;
use crate::control::{Question, Reply, ask};
use crate::live::Live;
use crate::report::{Outlook, Report, RuleReport};
use crate::text::lines;
use crate::{clock, run};

/// What is in force.
pub(super) struct InForce {
    /// What the running engine says of itself, by rule.
    running: Option<(Report, BTreeMap<String, RuleReport>)>,
    /// What the store remembers; empty where there is none.
    pub(super) state: State,
}

impl InForce {
    /// Asks the running engine, and the store. On stderr: in what the files differ from what is in force.
    pub(super) fn look(config: &Config) -> anyhow::Result<Self> {
        let running = match answer(config, &Question::Report) {
            Some(Reply::Report(report)) => Some(*report),
            _ => None,
        };
        if let Some(report) = &running {
            if let Some(edited) = &report.settings_changed {
                remark(&lines(&format!("heinzel: {edited}\n")));
            }
            if report.reload_problem.is_some() {
                remark(
                    "heinzel: the engine goes on with the rules before the last reload, which failed (`heinzel status`)\n",
                );
            }
        }
        let state = if config.state.join(heinzel_store::sqlite::FILE).exists() {
            run::state_of(reader::open(&config.state)?.load(clock::now() - run::RECENT)?).state
        } else {
            State::default()
        };
        let by_rule = |report: Report| {
            let rules = report.rules.iter().map(|rule| (rule.id.clone(), rule.clone())).collect();
            (report, rules)
        };
        Ok(Self { running: running.map(by_rule), state })
    }

    /// Whether an engine runs.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The mode a rule has, and where that comes from. Without a mode: the engine does not have this rule.
    pub(super) fn mode_of(&self, config: &Config, live: &Live, rule: &Rule) -> (Option<Mode>, &'static str) {
        match &self.running {
            Some((_, rules)) => {
                rules.get(&*rule.id.0).map_or((None, "not loaded"), |rule| (Some(rule.mode), rule.from()))
            }
            None => {
                let host = run::host_name();
                let world = world(config, live, &host);
                let (mode, grounds) = grounds_of(&self.state, &world, &rule.id);
                (Some(mode), grounds.word())
            }
        }
    }

    /// What is remembered of a rule.
    pub(super) fn record(&self, rule: &Rule) -> RuleRecord {
        self.state.rules.get(&rule.id).cloned().unwrap_or_default()
    }

    /// The operator's word.
    pub(super) fn policy(&self, config: &Config) -> Policy {
        let running = self.running.as_ref().and_then(|_| answer(config, &Question::Policy));
        match running {
            Some(Reply::Policy(policy)) => *policy,
            _ => config.policy.clone(),
        }
    }

    /// What becomes of an incident.
    pub(super) fn outlook(&self, config: &Config, live: &Live, incident: &Incident) -> Outlook {
        let question = Question::Outlook { incident: incident.id };
        if let Some(Reply::Outlook(outlook)) = self.running.as_ref().and_then(|_| answer(config, &question)) {
            // What it does not know any more is over.
            return outlook.map_or(Outlook { gates: Vec::new(), next: None }, |outlook| *outlook);
        }
        let host = run::host_name();
        Outlook::of(&self.state, &world(config, live, &host), incident)
    }
}

fn world<'a>(config: &'a Config, live: &'a Live, host: &'a str) -> World<'a> {
    World { rules: &live.rules, assets: &live.assets, policy: &config.policy, now: clock::now(), host }
}

/// What the running engine answers. One that cannot be asked is remarked on: to look at rules no engine is needed.
fn answer(config: &Config, question: &Question) -> Option<Reply> {
    match ask(&config.state, question) {
        Ok(Some(Reply::Refused(why))) => {
            remark(&lines(&format!("heinzel: the engine does not say what is in force: {why}\n")));
            None
        }
        Ok(reply) => reply,
        Err(error) => {
            remark(&lines(&format!(
                "heinzel: {error:#}\nheinzel: what follows is what the files say, not what is in force\n"
            )));
            None
        }
    }
}

/// What a running engine has not in force of the configuration's file.
pub(super) fn edited(config: &Config) -> Option<String> {
    match ask(&config.state, &Question::Report) {
        Ok(Some(Reply::Report(report))) => report.settings_changed,
        // Whoever may not ask checks files all the same.
        _ => None,
    }
}
