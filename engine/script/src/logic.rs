//! A rule's functions behind [`Logic`]: arguments in, checked values out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use heinzel_core::asset;
use heinzel_core::finding::Finding;
use heinzel_core::plan::{Action, Check, Step};
use heinzel_core::probe::{Facts, Probe};
use heinzel_core::rule::{Case, Has, Logic, LogicError, Proposal, RuleId};
use rhai::{Array, Dynamic, FnPtr, ImmutableString, Map};
use serde_json::Value as Json;

use crate::arguments::shown;
use crate::host::{Failure, Host};
use crate::program::{Functions, Program};
use crate::reader::kind;
use crate::step::HandOver;
use crate::view::{Names, View, from_json};

/// The most steps of a plan, and as many checks.
const STEPS: usize = 100;
/// The most probes of a rule.
const PROBES: usize = 32;

/// The functions of one rule file.
pub(crate) struct ScriptLogic {
    pub(crate) host: Arc<Host>,
    /// The file as it was when the rule was loaded; compiled when a function is called.
    pub(crate) text: Box<str>,
    /// Of the text.
    pub(crate) digest: u64,
    pub(crate) id: RuleId,
    pub(crate) file: PathBuf,
    pub(crate) names: Names,
    pub(crate) has: Has,
    /// `fix` takes the results of earlier rounds as its third argument.
    pub(crate) fix_takes_results: bool,
}

impl std::fmt::Debug for ScriptLogic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptLogic").field("id", &self.id).field("has", &self.has).finish_non_exhaustive()
    }
}

/// One of a rule's functions.
type Select = fn(&Functions) -> Option<&FnPtr>;

impl ScriptLogic {
    fn call(&self, name: &str, select: Select, arguments: Vec<Dynamic>) -> Result<Dynamic, LogicError> {
        let program = self.program().map_err(|failure| self.failed(name, failure))?;
        let Some(function) = select(&program.functions) else {
            return self.wrong(name, "it is gone since the file was loaded; this is a mistake in Heinzel");
        };
        let called = self.host.run(|engine| function.call::<Dynamic>(engine, &program.ast, arguments));
        called.map_err(|failure| self.failed(name, failure))
    }

    fn program(&self) -> Result<Arc<Program>, Failure> {
        self.host.warm.get(self.digest, || Program::compile(&self.host, &self.text))
    }

    fn failed(&self, name: &str, failure: Failure) -> LogicError {
        let mut file = self.file.display().to_string();
        if let Some((line, column)) = failure.place {
            file.push_str(&format!(":{line}:{column}"));
        }
        let why = match failure.hint {
            Some(hint) => format!("{}; {hint}", failure.message),
            None => failure.message,
        };
        LogicError { what: format!("{}: `{name}` at {file}", self.id), why, over_limit: failure.over_limit }
    }

    fn wrong<T>(&self, name: &str, why: impl Into<String>) -> Result<T, LogicError> {
        let what = format!("{}: `{name}` in {}", self.id, self.file.display());
        Err(LogicError { what, why: why.into(), over_limit: false })
    }

    /// The list of values of one kind that a function gives.
    fn list<T: Clone + Send + Sync + 'static>(
        &self,
        name: &str,
        made: &Dynamic,
        what: &str,
    ) -> Result<Vec<T>, LogicError> {
        let Some(list) = made.read_lock::<Array>() else {
            return self
                .wrong(name, format!("it gives {}, not a list of {what}s; write [ {what}.…, {what}.… ]", kind(made)));
        };
        if list.len() > STEPS {
            return self.wrong(name, format!("it gives {} {what}s; at most {STEPS} are allowed", list.len()));
        }
        let mut values = Vec::with_capacity(list.len());
        for (number, value) in list.iter().enumerate() {
            match value.read_lock::<T>() {
                Some(value) => values.push(value.clone()),
                None => {
                    return self.wrong(
                        name,
                        format!("its entry {number} is {}, not a {what}; make it with {what}.…", kind(value)),
                    );
                }
            }
        }
        Ok(values)
    }

    fn arguments(&self, case: &Case, facts: &Facts) -> Result<Vec<Dynamic>, LogicError> {
        // The probes say which keys their facts can have: a mistyped one is an error, not an absent value.
        let facts = View::facts(facts, &self.probe(case)?);
        Ok(vec![Dynamic::from(View::case(case, &self.names)), Dynamic::from(facts)])
    }
}

impl Logic for ScriptLogic {
    fn asset(&self, finding: &Finding) -> Result<Option<String>, LogicError> {
        if !self.has.asset {
            return Ok(None);
        }
        let made = self.call("asset", |f| f.asset.as_ref(), vec![Dynamic::from(View::event(finding, &self.names))])?;
        if made.is_unit() {
            return Ok(None);
        }
        let Some(asset) = made.read_lock::<ImmutableString>().map(|t| t.to_string()) else {
            return self.wrong("asset", format!("it gives {}, not a text like \"pool:www\"", kind(&made)));
        };
        match asset_fits(&asset) {
            Ok(()) => Ok(Some(asset)),
            Err(why) => self.wrong("asset", format!("the asset `{}` {why}", shown(&asset))),
        }
    }

    fn probe(&self, case: &Case) -> Result<BTreeMap<String, Probe>, LogicError> {
        if !self.has.probe {
            return Ok(BTreeMap::new());
        }
        let made = self.call("probe", |f| f.probe.as_ref(), vec![Dynamic::from(View::case(case, &self.names))])?;
        let Some(map) = made.read_lock::<Map>() else {
            return self.wrong("probe", format!("it gives {}, not a map like #{{ unit: probe.unit(…) }}", kind(&made)));
        };
        if map.len() > PROBES {
            return self.wrong("probe", format!("it gives {} probes; at most {PROBES} are allowed", map.len()));
        }
        let mut probes = BTreeMap::new();
        for (name, value) in map.iter() {
            match value.read_lock::<Probe>() {
                Some(probe) => probes.insert(name.to_string(), probe.clone()),
                None => {
                    return self
                        .wrong("probe", format!("`{name}` is {}, not a probe; make it with probe.…", kind(value)));
                }
            };
        }
        Ok(probes)
    }

    fn fix(&self, case: &Case, facts: &Facts, done: &[Json]) -> Result<Proposal, LogicError> {
        if !self.has.fix {
            return Ok(Proposal::Steps(Vec::new()));
        }
        let mut arguments = self.arguments(case, facts)?;
        if self.fix_takes_results {
            arguments.push(done.iter().map(from_json).collect::<Array>().into());
        }
        let made = self.call("fix", |f| f.fix.as_ref(), arguments)?;
        if let Some(why) = handed_over(&made) {
            return Ok(Proposal::HandOver { why });
        }
        let entries = made.read_lock::<Array>().map(|list| list.len()).unwrap_or_default();
        if entries > 1 && made.read_lock::<Array>().is_some_and(|list| list.iter().any(|v| v.is::<HandOver>())) {
            return self
                .wrong("fix", format!("step.hand_over(…) is one of {entries} entries; it stands for the whole plan"));
        }
        let steps: Vec<Step> = self.list("fix", &made, "step")?;
        let last = steps.len().saturating_sub(1);
        if let Some(number) = steps.iter().take(last).position(|s| s.action == Action::Replan) {
            return self.wrong(
                "fix",
                format!("step.replan() is entry {number} of {}; it ends a plan, so put it last", steps.len()),
            );
        }
        Ok(Proposal::Steps(steps))
    }

    fn verify(&self, case: &Case, facts: &Facts) -> Result<Vec<Check>, LogicError> {
        if !self.has.verify {
            return Ok(Vec::new());
        }
        let made = self.call("verify", |f| f.verify.as_ref(), self.arguments(case, facts)?)?;
        let checks: Vec<Check> = self.list("verify", &made, "check")?;
        if checks.is_empty() {
            return self.wrong(
                "verify",
                "it gives no check; a fix that nothing proves does not count, so check at least check.quiet(\"5m\")",
            );
        }
        Ok(checks)
    }

    fn rollback(&self, case: &Case, facts: &Facts) -> Result<Vec<Step>, LogicError> {
        if !self.has.rollback {
            return Ok(Vec::new());
        }
        let made = self.call("rollback", |f| f.rollback.as_ref(), self.arguments(case, facts)?)?;
        let steps: Vec<Step> = self.list("rollback", &made, "step")?;
        if steps.iter().any(|s| s.action == Action::Replan) {
            return self.wrong("rollback", "step.replan() is for `fix`; a rollback does not plan anew");
        }
        Ok(steps)
    }
}

/// What a `fix` that gives nothing says.
pub(crate) const NOT_THIS_CASE: &str = "the rule's fix is not for this case";

/// Why a `fix` hands over: it gives `()`, or `step.hand_over(…)` alone, in a list or not.
fn handed_over(made: &Dynamic) -> Option<String> {
    if made.is_unit() {
        return Some(NOT_THIS_CASE.to_owned());
    }
    if let Some(list) = made.read_lock::<Array>() {
        return if list.len() == 1 { list.first()?.read_lock::<HandOver>().map(|why| why.0.clone()) } else { None };
    }
    made.read_lock::<HandOver>().map(|why| why.0.clone())
}

/// Whether a rule may name this asset: what comes out of a log is ASCII.
fn asset_fits(asset: &str) -> Result<(), &'static str> {
    asset::check_id(asset)?;
    if asset.is_ascii() { Ok(()) } else { Err("has a name with other characters than letters of ASCII") }
}
