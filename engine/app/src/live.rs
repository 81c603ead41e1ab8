//! What is in force: rules, their matcher, assets. Built and tested completely, then swapped as one pointer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heinzel_core::asset::{Asset, AssetError, Assets};
use heinzel_core::block::SourceId;
use heinzel_core::pattern;
use heinzel_core::probe::{Fact, Facts};
use heinzel_core::rule::{Rule, RuleId, RuleSet};
use heinzel_matching::{BuildError, Matcher, Rarity};
use heinzel_script::pack::{self, Pack, Story};
use heinzel_script::plain_file;
use heinzel_script::problem::{Gravity, Problem};
use heinzel_script::sample::{Sample, Samples};
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::samples;

/// What is in force.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) rules: RuleSet,
    pub(crate) matcher: Matcher,
    /// Those of the asset file, and those that other systems know.
    pub(crate) assets: Assets,
    /// Those of the asset file alone.
    pub(crate) listed: Assets,
    /// Of those that other systems know something contradicts the asset file or each other, and is left out.
    contradicted: bool,
    /// The packs' names and versions.
    pub(crate) packs: Vec<String>,
    /// Whether a rule is about cron's tasks, so that cron's lines must be read for it.
    pub(crate) wants_cron: bool,
    /// The facts of each rule's first plan sample: what a replay answers its probes with.
    pub(crate) sample_facts: BTreeMap<RuleId, Facts>,
    /// What its author says about each rule.
    pub(crate) stories: BTreeMap<RuleId, Story>,
    /// How many samples each rule has.
    pub(crate) samples: BTreeMap<RuleId, SampleCount>,
    task_rules: Vec<TaskRule>,
}

/// How many samples there are.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct SampleCount {
    pub(crate) all: usize,
    /// Those that must fire.
    pub(crate) fire: usize,
    /// Those that the real program wrote.
    pub(crate) made_by_programs: usize,
}

impl SampleCount {
    fn of(samples: &Samples) -> Self {
        let all = &samples.samples;
        let count = |wanted: fn(&&Sample) -> bool| all.iter().filter(wanted).count();
        Self { all: all.len(), fire: count(|s| s.fires), made_by_programs: count(|s| s.made_by.is_some()) }
    }
}

/// A rule about task records. One without patterns is not in the matcher, so its `unless` is kept here.
#[derive(Clone, Debug)]
pub(crate) struct TaskRule {
    pub(crate) rule: Arc<Rule>,
    unless: Vec<Regex>,
}

impl TaskRule {
    fn new(rule: &Arc<Rule>) -> Self {
        let pure = rule.patterns.is_empty();
        // A pattern that does not compile is an error of its pack, which is then left out.
        let unless = rule.unless.iter().filter(|_| pure).filter_map(|text| pattern::compile(text).ok()).collect();
        Self { rule: rule.clone(), unless }
    }

    /// Whether the message is a look-alike that must not fire.
    pub(crate) fn is_look_alike(&self, message: &str) -> bool {
        self.unless.iter().any(|regex| regex.is_match(message.as_bytes()))
    }
}

/// The asset file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetFile {
    #[serde(default)]
    asset: Vec<Spanned<Asset>>,
}

impl Live {
    /// Loads packs and assets and runs all samples. What is sound is in the result; everything that is not is a problem.
    /// A pack with an error is left out whole.
    pub(crate) fn load(folders: &[PathBuf], assets: Option<&Path>) -> (Self, Vec<Problem>) {
        Self::after(&Self::default(), folders, assets, Arc::default())
    }

    /// The same in place of an older set, of which what has not changed is used again; lines are searched as the logs of
    /// this machine advise.
    pub(crate) fn after(
        before: &Self,
        folders: &[PathBuf],
        assets: Option<&Path>,
        rarity: Arc<Rarity>,
    ) -> (Self, Vec<Problem>) {
        let (mut packs, mut problems) = read(folders);
        let mut samples: BTreeMap<RuleId, Samples> = BTreeMap::new();
        let mut live = Self::default();
        for pack in &mut packs {
            live.packs.push(format!("{} {}", pack.name, pack.version));
            live.stories.append(&mut pack.stories);
            samples.append(&mut pack.samples);
            live.rules.rules.extend(pack.rules.iter().map(|rule| (rule.id.clone(), rule.clone())));
        }
        match assets.map(read_assets) {
            Some(Ok(assets)) => (live.assets, live.listed) = (assets.clone(), assets),
            Some(Err(problem)) => problems.push(problem),
            None => {}
        }
        match before.matcher.rebuilt(live.rules.rules.values().map(|rule| &**rule), rarity) {
            Ok(matcher) => live.matcher = matcher,
            Err(error) => problems.push(plain_problem(Path::new("rules"), error.to_string())),
        }
        live.task_rules = live.rules.rules.values().filter(|rule| rule.task.is_some()).map(TaskRule::new).collect();
        let about_cron = |one: &TaskRule| {
            one.rule
                .task
                .iter()
                .flat_map(|clause| &clause.kind)
                .any(|kind| kind.fits("cron.x") || kind.0.starts_with("cron"))
        };
        live.wants_cron = live.task_rules.iter().any(about_cron);
        for (rule, samples) in &samples {
            if let Some(plan) = samples.plans.first() {
                let fact = |report: &serde_json::Value| Fact::Seen { report: report.clone() };
                let facts = plan.facts.iter().map(|(name, report)| (name.clone(), fact(report))).collect();
                live.sample_facts.insert(rule.clone(), facts);
            }
        }
        live.samples = samples.iter().map(|(rule, samples)| (rule.clone(), SampleCount::of(samples))).collect();
        let failed = samples::run(&Arc::new(live.share()), &samples);
        let broken: BTreeSet<&str> =
            failed.iter().filter(|(_, problem)| problem.is_error()).map(|(rule, _)| rule.pack()).collect();
        if !broken.is_empty() {
            live.leave_out(&broken);
        }
        // The samples have met every pattern; most lines of a machine never will.
        live.matcher.begin(Some(&before.matcher));
        problems.extend(failed.into_iter().map(|(_, problem)| problem));
        (live, problems)
    }

    /// A matcher for these rules that searches as other logs advise.
    ///
    /// # Errors
    /// When the rules cannot be searched for.
    fn searching(&self, rarity: Arc<Rarity>) -> Result<Matcher, BuildError> {
        self.matcher.rebuilt(self.rules.rules.values().map(|rule| &**rule), rarity)
    }

    /// The same rules, searched for as other logs advise.
    pub(crate) fn advised(&self, rarity: Arc<Rarity>) -> Self {
        let mut matcher = self.searching(rarity).unwrap_or_else(|_| self.matcher.clone());
        matcher.begin(Some(&self.matcher));
        Self { matcher, ..self.again() }
    }

    /// A copy, whose parts can be exchanged.
    fn again(&self) -> Self {
        Self {
            packs: self.packs.clone(),
            wants_cron: self.wants_cron,
            sample_facts: self.sample_facts.clone(),
            stories: self.stories.clone(),
            samples: self.samples.clone(),
            ..self.share()
        }
    }

    /// The same with the assets that other systems know; what contradicts the asset file is said.
    pub(crate) fn knowing(mut self, others: &[Asset]) -> Self {
        let (assets, errors) = self.listed.with(others);
        self.contradicted = false;
        for error in errors {
            tracing::warn!("an asset that was sent here is left out: {error}");
            self.contradicted = true;
        }
        self.assets = assets;
        self
    }

    /// The same rules, with other assets from other systems.
    pub(crate) fn known(&self, others: &[Asset]) -> Self {
        self.again().knowing(others)
    }

    /// The same with one more asset from other systems, or another in its place, where it and all others fit in: without a look at
    /// each of them.
    pub(crate) fn known_one(&self, asset: &Asset) -> Option<Self> {
        let fits = self.is_whole() && self.listed.get(&asset.id).is_none() && self.assets.misfit(asset).is_none();
        fits.then(|| Self { assets: self.assets.with_one(asset.clone()), ..self.again() })
    }

    /// Whether all assets that other systems know are in force as they were sent.
    pub(crate) fn is_whole(&self) -> bool {
        !self.contradicted
    }

    /// The rules about task records that look at a source.
    pub(crate) fn task_rules(&self, source: &SourceId) -> impl Iterator<Item = &TaskRule> {
        let concerns =
            move |one: &&TaskRule| one.rule.sources.is_empty() || one.rule.sources.iter().any(|g| g.fits(source));
        self.task_rules.iter().filter(concerns)
    }

    /// The same, for running samples before it is finished.
    fn share(&self) -> Self {
        Self {
            rules: self.rules.clone(),
            matcher: self.matcher.clone(),
            assets: self.assets.clone(),
            listed: self.listed.clone(),
            contradicted: self.contradicted,
            wants_cron: true,
            task_rules: self.task_rules.clone(),
            ..Self::default()
        }
    }

    fn leave_out(&mut self, packs: &BTreeSet<&str>) {
        self.rules.rules.retain(|id, _| !packs.contains(id.pack()));
        self.task_rules.retain(|one| !packs.contains(one.rule.id.pack()));
        self.packs.retain(|pack| !packs.contains(pack.split(' ').next().unwrap_or_default()));
        // What was built from all rules can be built from some of them.
        if let Ok(matcher) = self.searching(self.matcher.rarity()) {
            self.matcher = matcher;
        }
    }
}

/// All packs of all folders; of two packs with one name the one in the earlier folder. A pack with an error is left out.
pub(crate) fn read(folders: &[PathBuf]) -> (Vec<Pack>, Vec<Problem>) {
    let mut packs: BTreeMap<String, Pack> = BTreeMap::new();
    let mut problems = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        // Also one that is broken: the operator meant it to stand in for the other.
        let hidden = |pack: &Pack| folders[..number].iter().any(|earlier| earlier.join(&pack.name).is_dir());
        let loaded = pack::load(folder);
        for pack in loaded.packs {
            let within = folder.join(&pack.name);
            let spoiled = loaded.problems.iter().any(|p| p.is_error() && p.file.starts_with(&within));
            if spoiled {
                continue;
            }
            match packs.get(&pack.name).filter(|_| hidden(&pack)) {
                Some(counts) => problems.extend(lost(counts, &pack, &within)),
                None if hidden(&pack) => {}
                None => drop(packs.insert(pack.name.clone(), pack)),
            }
        }
        problems.extend(loaded.problems);
    }
    (packs.into_values().collect(), problems)
}

/// A pack of which another of its name, in an earlier folder, leaves rules out. Whoever copies a pack to change it keeps them;
/// whoever only took its name did not mean to switch them off.
fn lost(counts: &Pack, hidden: &Pack, within: &Path) -> Option<Problem> {
    let there = |rule: &RuleId| counts.rules.iter().any(|other| other.id == *rule);
    let lost: Vec<&RuleId> = hidden.rules.iter().map(|rule| &rule.id).filter(|rule| !there(rule)).collect();
    let (count, first) = (lost.len(), lost.first()?);
    let name = &hidden.name;
    let message =
        format!("an earlier folder has a pack `{name}`, too, so {count} rules of this one do not count ({first} …)");
    let hint = format!("call the other one differently, like `{name}-local`, or copy the rules that you want to keep");
    Some(Problem { severity: Gravity::Warning, hint: Some(hint), ..plain_problem(&within.join("pack.toml"), message) })
}

fn read_assets(path: &Path) -> Result<Assets, Problem> {
    let text = plain_file::text(path).map_err(|e| {
        let hint = "`assets` in heinzel.toml names this file; write it, or take that line out";
        Problem { hint: Some(hint.into()), ..plain_problem(path, format!("cannot be read: {e}")) }
    })?;
    let problem = |start: usize, message: &str, hint: Option<String>| {
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count();
        Problem {
            file: path.to_owned(),
            line: line + 1,
            column: before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1,
            severity: Gravity::Error,
            source_line: text.lines().nth(line).unwrap_or_default().to_owned(),
            message: message.to_owned(),
            hint,
        }
    };
    let file: AssetFile = toml::from_str(&text).map_err(|error| {
        let hint = "an asset is [[asset]] with id, aliases, owner, depends_on, protected";
        problem(error.span().map_or(0, |span| span.start), error.message(), Some(hint.into()))
    })?;
    let places: Vec<(String, usize)> = file.asset.iter().map(|a| (a.get_ref().id.clone(), a.span().start)).collect();
    Assets::new(file.asset.into_iter().map(Spanned::into_inner).collect()).map_err(|error| {
        let (AssetError::Id { id, .. }
        | AssetError::Twice(id)
        | AssetError::Alias { second: id, .. }
        | AssetError::Unknown { asset: id, .. }) = &error;
        // The last with this id: of two, the second is too many.
        let start = places.iter().rev().find(|(known, _)| known == id).map_or(0, |(_, start)| *start);
        problem(start, &error.to_string(), None)
    })
}

fn plain_problem(file: &Path, message: String) -> Problem {
    Problem {
        file: file.to_owned(),
        line: 1,
        column: 1,
        severity: Gravity::Error,
        source_line: String::new(),
        message,
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heinzel_core::finding::Role;
    use heinzel_core::parse::{Context, Format, parse, verbatim};
    use heinzel_core::time::Timestamp;
    use heinzel_matching::{Borders, Names, Width};
    use jiff::tz::TimeZone;

    /// All patterns of all rules that come with Heinzel, on public logs of sixteen systems.
    #[test]
    fn shipped_rules_find_in_one_pass_what_each_pattern_finds_alone() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let Ok(folders) = std::fs::read_dir(root.join("../shared/loghub")) else {
            eprintln!("SKIPPED: no ../shared/loghub beside the checkout");
            return;
        };
        let logs: Vec<PathBuf> = folders
            .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).into_iter().flatten())
            .map(|file| file.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with("_2k.log"))
            .collect();
        assert!(logs.len() > 10, "{logs:?}");
        let (live, problems) = Live::load(&[root.join("rules")], None);
        assert!(!problems.iter().any(Problem::is_error), "{problems:?}");
        let rules: Vec<Rule> =
            live.rules.rules.values().map(|rule| Rule { programs: Vec::new(), ..(**rule).clone() }).collect();
        let matcher = Matcher::new(&rules).unwrap();
        let views = Width::ALL.map(|width| matcher.at_width(width).view("log", None));
        let regexes: Vec<_> = rules
            .iter()
            .map(|rule| {
                let all =
                    |texts: &[String]| -> Vec<Regex> { texts.iter().map(|t| pattern::compile(t).unwrap()).collect() };
                (rule, all(&rule.patterns), all(&rule.clear.patterns), all(&rule.unless))
            })
            .collect();
        let context = Context { zone: TimeZone::UTC, read_at: Timestamp::from_seconds(1_795_255_200), year: None };
        // Lines with escapes are decoded before they are scanned, which is not the matter here.
        let message = |line: &[u8]| verbatim(Format::Auto, line).then(|| parse(Format::Auto, line, &context).message);
        let mut pairs = 0;
        for path in logs {
            let bytes = std::fs::read(&path).unwrap();
            let found = views.iter().map(|view| {
                let mut found = Vec::new();
                view.scan(&bytes, Borders::Lines, &mut |record, candidates| {
                    let Some(message) = message(&bytes[record.clone()]) else { return };
                    view.find(candidates, &message, &Names::default(), &mut |hit| {
                        let captures: Vec<_> = hit.captures().map(|(n, t)| (n.to_owned(), t.into_owned())).collect();
                        found.push((record.start, hit.rule.clone(), hit.role, captures));
                    });
                });
                found
            });
            let mut expected = Vec::new();
            let mut start = 0;
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                let message = message(line.strip_suffix(b"\n").unwrap_or(line)).unwrap_or_default();
                for (rule, matches, clears, unless) in &regexes {
                    let spoilt = || unless.iter().any(|u| u.is_match(message.as_bytes()));
                    let roles = matches.iter().enumerate().map(|(n, r)| (Role::Match(n), r));
                    for (role, regex) in roles.chain(clears.iter().enumerate().map(|(n, r)| (Role::Clear(n), r))) {
                        let Some(groups) = regex.captures(message.as_bytes()) else { continue };
                        if matches!(role, Role::Match(_)) && spoilt() {
                            continue;
                        }
                        let named = regex.capture_names().flatten().filter_map(|name| {
                            Some((name.to_owned(), String::from_utf8_lossy(groups.name(name)?.as_bytes()).into_owned()))
                        });
                        expected.push((start, rule.id.clone(), role, named.collect::<Vec<_>>()));
                    }
                }
                start += line.len();
            }
            pairs += expected.len();
            for (width, found) in Width::ALL.into_iter().zip(found) {
                assert_eq!(found, expected, "{}, {width:?}", path.display());
            }
        }
        assert!(pairs > 300, "{pairs}");
    }
}
