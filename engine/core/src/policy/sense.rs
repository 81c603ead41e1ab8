//! Whether the settings can mean what they say.
//!
//! Start at [`Policy::check`]: what can never do what it says. [`Policy::strays`]: what names rules that are not there.

use std::collections::BTreeSet;

use super::{Allow, Drafts, Maintenance, Policy, Rate};
use crate::field::is_path;
use crate::glob::Glob;
use crate::near;
use crate::rule::RuleId;
use crate::state::REMEMBERED;
use crate::time::Span;

/// A setting that can never do what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`policy.{key}` {why}")]
pub struct Senseless {
    key: &'static str,
    why: String,
}

impl Policy {
    /// Whether all of it can do what it says.
    ///
    /// # Errors
    /// [`Senseless`] names the first setting that cannot, and the way out.
    pub fn check(&self) -> Result<(), Senseless> {
        let (budget, breaker, drafts) = (&self.budget, &self.breaker, &self.drafts);
        let observe = "; the mode `observe` forbids fixes";
        let budgets = [("budget.rule", budget.rule), ("budget.asset", budget.asset), ("budget.host", budget.host)];
        for (key, rate) in budgets {
            rate.sound(key, observe)?;
            if rate.within.0 > REMEMBERED {
                let why = format!("is `{}`; fixes are remembered for {}", String::from(rate), Span(REMEMBERED));
                return Err(Senseless { key, why });
            }
        }
        breaker.failures.sound("breaker.failures", "")?;
        breaker.demote.sound("breaker.demote", "")?;
        let none = "; an empty `policy.drafts.look` forbids looks";
        drafts.rate.sound("drafts.rate", none)?;
        drafts.all.sound("drafts.all", none)?;
        if breaker.spread == 0 {
            let why = "is 0; write 1 for a rule that one bad experience anywhere stops everywhere".into();
            return Err(Senseless { key: "breaker.spread", why });
        }
        for (key, most) in [("max_targets", self.max_targets), ("max_rounds", self.max_rounds)] {
            if most == 0 {
                return Err(Senseless { key, why: format!("is 0, which fails every fix; write at least 1{observe}") });
            }
        }
        self.allow.check()?;
        self.maintenance.iter().try_for_each(Maintenance::check)
    }

    /// The patterns for rules that fit none of these, or that another setting takes the effect from, each as a sentence
    /// with the way out. No error: the rule may come later. But until then a bolder pattern may count in the place of a
    /// mistyped one.
    #[must_use]
    pub fn strays<'r>(&self, rules: impl IntoIterator<Item = &'r RuleId>) -> Vec<String> {
        let rules: Vec<&RuleId> = rules.into_iter().collect();
        let modes = self.modes.keys().map(|glob| ("modes", glob));
        let look = self.drafts.look.iter().map(|glob| ("drafts.look", glob));
        let fix = self.drafts.fix.iter().map(|glob| ("drafts.fix", glob));
        let all = modes.chain(look).chain(fix);
        let strays = all.filter(|(_, glob)| glob.0 != "*" && !rules.iter().any(|rule| glob.fits(&rule.0)));
        let said =
            strays.map(|(key, glob)| format!("`policy.{key}`: no rule fits `{}`; {}", glob.0, way(glob, &rules)));
        said.chain(self.drafts.blind(&rules)).collect()
    }
}

impl Drafts {
    /// Patterns whose rules no draft looks at, so that none is fixed either.
    fn blind<'a>(&'a self, rules: &'a [&RuleId]) -> impl Iterator<Item = String> + 'a {
        let looked = |rule: &RuleId| self.look.iter().any(|look| look.fits(&rule.0));
        self.fix.iter().filter_map(move |fix| {
            let mut fitting = rules.iter().filter(|rule| fix.fits(&rule.0)).peekable();
            let first = *fitting.peek()?;
            fitting.all(|rule| !looked(rule)).then(|| {
                let Glob(fix) = fix;
                format!("`policy.drafts.fix`: `{fix}` has no effect, since no draft looks at {first}; add `{fix}` to `policy.drafts.look`, too")
            })
        })
    }
}

impl Rate {
    /// Checks that it ever lets something through.
    ///
    /// # Errors
    /// What is wrong with it, and the way out, to be said behind the name of the setting.
    pub fn check(self) -> Result<(), String> {
        let why = match (self.count, self.within.0.is_zero()) {
            (0, _) => "with a count of 0",
            (_, true) => "within no time at all",
            _ => return Ok(()),
        };
        Err(format!("is `{}`, {why}; write at least 1, and a time, like `5/1h`", String::from(self)))
    }

    fn sound(self, key: &'static str, instead: &str) -> Result<(), Senseless> {
        self.check().map_err(|why| Senseless { key, why: format!("{why}{instead}") })
    }
}

impl Allow {
    fn check(&self) -> Result<(), Senseless> {
        if let Some(command) = self.commands.iter().find(|c| c.first().is_none_or(|program| program.0.is_empty())) {
            let argv = serde_json::to_string(command).unwrap_or_default();
            let why = format!(
                "has {argv}, which names no program; write one list a command, like [\"postsuper\", \"-r\", \"*\"]"
            );
            return Err(Senseless { key: "allow.commands", why });
        }
        let no = |path: &str, why: &str| {
            let why =
                format!("has \"{path}\", which {why}; name a folder by its absolute path, like \"/var/cache/nginx\"");
            Err(Senseless { key: "allow.paths", why })
        };
        self.paths.iter().try_for_each(|path| match is_path(path) {
            Err(error) => no(path, &error.to_string()),
            Ok(()) if path.trim_end_matches('/').is_empty() => no(path, "would be the whole system and allows nothing"),
            Ok(()) if path.contains('*') => no(path, "is no pattern here, so its `*` fits nothing"),
            Ok(()) => Ok(()),
        })
    }
}

impl Maintenance {
    fn check(&self) -> Result<(), Senseless> {
        if self.from < self.until {
            return Ok(());
        }
        let why =
            format!("is from {} until {}, which is no time at all; `from` comes before `until`", self.from, self.until);
        Err(Senseless { key: "maintenance", why })
    }
}

/// What may have been meant.
fn way(stray: &Glob, rules: &[&RuleId]) -> String {
    let packs: BTreeSet<String> = rules.iter().map(|rule| format!("{}.*", rule.pack())).collect();
    let known = rules.iter().map(|rule| &*rule.0).chain(packs.iter().map(String::as_str));
    // A pack's bare name is no slip of one letter.
    let pack = packs.get(&format!("{}.*", stray.0)).map(String::as_str);
    match pack.or_else(|| near::nearest(&stray.0, known)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`heinzel rules list` shows those there are".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::policy::Mode;

    #[test]
    fn what_can_never_do_what_it_says_is_named_with_the_way_out() {
        let check = |change: &dyn Fn(&mut Policy), expected: &str| {
            let mut policy = Policy::default();
            change(&mut policy);
            let said = policy.check().map_or_else(|e| e.to_string(), |()| "fine".into());
            assert!(said.contains(expected), "{said} should contain {expected}");
        };
        let rate = |text: &str| Rate::try_from(text.to_owned()).unwrap();
        check(&|_| (), "fine");
        check(&|p| p.budget.rule = rate("0/1h"), "`policy.budget.rule` is `0/1h`, with a count of 0; write at least 1");
        check(&|p| p.budget.rule = rate("0/1h"), "the mode `observe` forbids fixes");
        check(&|p| p.budget.host = rate("5/0s"), "`policy.budget.host` is `5/0s`, within no time at all");
        check(&|p| p.budget.asset = rate("5/9999d"), "`policy.budget.asset` is `5/9999d`; fixes are remembered for");
        check(&|p| p.breaker.failures = rate("3/0s"), "`policy.breaker.failures`");
        check(&|p| p.breaker.demote = rate("0/1d"), "`policy.breaker.demote`");
        check(&|p| p.breaker.spread = 0, "`policy.breaker.spread`");
        check(&|p| p.drafts.rate = rate("0/1h"), "an empty `policy.drafts.look` forbids looks");
        check(&|p| p.drafts.all = rate("1/0s"), "`policy.drafts.all`");
        check(&|p| p.max_targets = 0, "`policy.max_targets` is 0, which fails every fix; write at least 1; the mode");
        check(&|p| p.max_rounds = 0, "`policy.max_rounds` is 0");
        check(&|p| p.allow.commands = vec![Vec::new()], "`policy.allow.commands` has [], which names no program");
        check(&|p| p.allow.commands = vec![vec!["".into(), "x".into()]], "has [\"\",\"x\"]");
        let paths = |path: &'static str| move |p: &mut Policy| p.allow.paths = vec!["/srv/web/".into(), path.into()];
        check(&paths("/var/cache"), "fine");
        check(&paths("tmp"), "`policy.allow.paths` has \"tmp\", which is not an absolute path; name a folder");
        check(&paths("/var/../etc"), "contains `/../`");
        check(&paths("//"), "allows nothing");
        check(&paths("/home/*/tmp"), "is no pattern here");
        let maintenance = |from: &str, until: &str| {
            let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
            move |p: &mut Policy| p.maintenance = vec![Maintenance { assets: vec!["*".into()], from, until }]
        };
        let (day, next) = ("2026-01-01T22:00:00Z", "2026-01-02T02:00:00Z");
        check(&maintenance(day, next), "fine");
        check(&maintenance(next, day), "`policy.maintenance` is from 2026-01-02");
        check(&maintenance(day, day), "`from` comes before `until`");
    }

    #[test]
    fn a_pattern_that_fits_no_rule_is_named_with_what_was_meant() {
        let rules: [RuleId; 3] = ["fake.down".into(), "fake.slow".into(), "mail.queue".into()];
        let check = |pattern: &str, expected: &str| {
            let modes = BTreeMap::from([("*".into(), Mode::Auto), (pattern.into(), Mode::Observe)]);
            assert_eq!(Policy { modes, ..Policy::default() }.strays(&rules).join("\n"), expected);
        };
        check("*", "");
        check("fake.down", "");
        check("fake.*", "");
        check("*.queue", "");
        check("fake.dwon", "`policy.modes`: no rule fits `fake.dwon`; did you mean `fake.down`?");
        check("fkae.*", "`policy.modes`: no rule fits `fkae.*`; did you mean `fake.*`?");
        check("fake", "`policy.modes`: no rule fits `fake`; did you mean `fake.*`?");
        check("web.*", "`policy.modes`: no rule fits `web.*`; `heinzel rules list` shows those there are");
    }

    #[test]
    fn patterns_for_drafts_are_looked_at_too_and_a_star_alone_never_strays() {
        let drafts =
            Drafts { look: vec!["fake.dwon".into(), "*".into()], fix: vec!["web.*".into()], ..Drafts::default() };
        let policy = Policy { drafts, ..Policy::default() };
        let strays = policy.strays(&["fake.down".into()]);
        assert!(strays[0].starts_with("`policy.drafts.look`: no rule fits `fake.dwon`"), "{strays:?}");
        assert!(strays[1].starts_with("`policy.drafts.fix`: no rule fits `web.*`"), "{strays:?}");
        assert_eq!((strays.len(), policy.strays([]).len()), (2, 2));
    }

    #[test]
    fn a_fix_for_drafts_that_nothing_looks_for_is_named() {
        let said = |look: &str, fix: &str| {
            let drafts = Drafts { look: vec![look.into()], fix: vec![fix.into()], ..Drafts::default() };
            Policy { drafts, ..Policy::default() }.strays(&["fake.down".into(), "fake.slow".into()]).join("\n")
        };
        assert_eq!(said("fake.*", "fake.down"), "");
        assert_eq!(said("fake.slow", "fake.*"), "", "one of them is looked at");
        let expected =
            "`policy.drafts.fix`: `fake.down` has no effect, since no draft looks at fake.down; add `fake.down`";
        assert!(said("fake.slow", "fake.down").starts_with(expected), "{}", said("fake.slow", "fake.down"));
    }
}
