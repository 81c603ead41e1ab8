//! Loads a folder of packs: every rule that is sound, and everything that is wrong with the others.
//!
//! Start at [`load`]. One bad rule never stops the others from being looked at; whether a load with errors is used is the
//! caller's choice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heinzel_core::near;
use heinzel_core::rule::{Rule, RuleId, RuleSet};
use serde::Deserialize;
use toml::Spanned;

use crate::host::{Host, Limits};
use crate::problem::{FileText, Gravity, Problem};
use crate::rule;
pub use crate::rule::Story;
use crate::sample::Samples;

/// The largest rule file, in bytes.
const RULE_BYTES: u64 = 256 * 1024;
/// The largest `pack.toml`, in bytes.
const PACK_BYTES: u64 = 64 * 1024;

/// A pack: what is sound in it.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its name, and its folder's.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// One line for people.
    pub description: Option<String>,
    /// Its rules, by name.
    pub rules: Vec<Arc<Rule>>,
    /// The samples of its rules.
    pub samples: BTreeMap<RuleId, Samples>,
    /// What its rules say about themselves, beyond the title.
    pub stories: BTreeMap<RuleId, Story>,
}

/// What a folder of packs holds.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The packs whose `pack.toml` is sound.
    pub packs: Vec<Pack>,
    /// Everything wrong, in the order of packs and files; errors first within a rule.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Whether anything was left out.
    #[cfg(test)]
    pub(crate) fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }

    /// All sound rules of all packs.
    #[must_use]
    pub fn rule_set(&self) -> RuleSet {
        let rules = self.packs.iter().flat_map(|pack| &pack.rules);
        RuleSet { rules: rules.map(|rule| (rule.id.clone(), rule.clone())).collect() }
    }

    /// The samples of a rule, where it has some.
    #[must_use]
    pub fn samples(&self, id: &RuleId) -> Option<&Samples> {
        self.packs.iter().find_map(|pack| pack.samples.get(id))
    }
}

/// A version as semver.org writes it, without pre-release parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Breaking changes.
    pub major: u32,
    /// Additions.
    pub minor: u32,
    /// Corrections.
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// From its text; `None` when it is not three numbers with dots between.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| {
            let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            if plain { part.parse::<u32>().ok() } else { None }
        });
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
        numbers.next().is_none().then_some(version)
    }

    /// This engine's version.
    #[must_use]
    pub fn engine() -> Self {
        Self::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Self { major: 0, minor: 0, patch: 0 })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackShape {
    name: Spanned<String>,
    version: Spanned<String>,
    min_engine: Spanned<String>,
    description: Option<String>,
}

/// Loads all packs under `folder`, with the usual [`Limits`].
#[must_use]
pub fn load(folder: &Path) -> Loaded {
    load_with(folder, Limits::default())
}

/// Loads all packs under `folder`; their functions run within `limits`.
#[must_use]
pub(crate) fn load_with(folder: &Path, limits: Limits) -> Loaded {
    let mut loaded = Loaded::default();
    let host = Host::new(limits);
    if folder.join("pack.toml").is_file() {
        let hint = match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => format!("name the folder that holds it: {}", parent.display()),
            None => "name the folder that holds it".into(),
        };
        let message = format!("{} is itself a pack, not a folder of packs", folder.display());
        loaded.problems.push(Problem::whole(folder, message, hint));
        return loaded;
    }
    for path in list(folder, &mut loaded.problems) {
        if path.is_dir() {
            load_pack(&host, &path, &mut loaded);
        } else if is_rule(&path) {
            loaded.problems.push(stray(
                &path,
                "it is in no pack",
                "move it into the folder of one, beside its pack.toml",
            ));
        }
    }
    loaded
}

/// Whether a file is meant as a rule, by its name.
fn is_rule(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("rhai"))
}

/// A rule file where none is looked for.
fn stray(path: &Path, why: &str, hint: &str) -> Problem {
    let message = format!("this rule is not loaded: {why}");
    Problem { severity: Gravity::Warning, ..Problem::whole(path, message, hint) }
}

/// Whether its name begins with a dot: editors keep locks and copies so, version control its own.
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The entries of a folder that are not hidden, sorted by name.
fn list(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>());
    match entries {
        Ok(mut paths) => {
            paths.retain(|path| !is_hidden(path));
            paths.sort();
            paths
        }
        Err(error) => {
            let message = format!("list the folder {}: {error}", folder.display());
            problems.push(Problem::whole(folder, message, "name a folder that holds packs and that heinzel may read"));
            Vec::new()
        }
    }
}

fn load_pack(host: &Arc<Host>, folder: &Path, loaded: &mut Loaded) {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let head = read_head(folder, &name, &mut loaded.problems);
    let mut pack = Pack {
        name,
        version: Version { major: 0, minor: 0, patch: 0 },
        description: None,
        rules: Vec::new(),
        samples: BTreeMap::new(),
        stories: BTreeMap::new(),
    };
    let mut stems = BTreeSet::new();
    for path in list(folder, &mut loaded.problems) {
        if path.extension().is_some_and(|e| e == "rhai") {
            stems.insert(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
            load_rule(host, &path, &mut pack, &mut loaded.problems);
        } else if is_rule(&path) {
            loaded.problems.push(stray(&path, "its name does not end with `.rhai`", "write the end in lower case"));
        } else if path.is_dir() {
            let rules = list(&path, &mut loaded.problems).into_iter().filter(|path| is_rule(path));
            let hint = "a pack has no folders for rules: move it up, beside pack.toml";
            loaded.problems.extend(rules.map(|path| stray(&path, "it is in a folder of its pack", hint)));
        }
    }
    orphans(folder, &stems, &mut loaded.problems);
    if let Some((version, description)) = head {
        loaded.packs.push(Pack { version, description, ..pack });
    }
}

/// Version and description of a sound `pack.toml`.
fn read_head(folder: &Path, name: &str, problems: &mut Vec<Problem>) -> Option<(Version, Option<String>)> {
    let path = folder.join("pack.toml");
    if !path.exists() {
        let hint = format!("write name = \"{name}\", version = \"1.0.0\" and min_engine = \"{}\"", Version::engine());
        problems.push(Problem::whole(&path, format!("the pack `{name}` has no pack.toml"), hint));
        return None;
    }
    let file = FileText::read(&path, PACK_BYTES).map_err(|problem| problems.push(problem)).ok()?;
    let shape: PackShape = toml::from_str(&file.text).map_err(|error| problems.push(file.toml(&error))).ok()?;
    let before = problems.len();
    let mut wrong = |at: &Spanned<String>, message: String, hint: String| {
        problems.push(file.at_byte(at.span().start, Gravity::Error, message, Some(hint)));
    };
    if shape.name.as_ref() != name {
        wrong(
            &shape.name,
            format!("the pack is called `{}`, its folder `{name}`", shape.name.as_ref()),
            "give both the same name".into(),
        );
    } else if !is_name(name) {
        wrong(&shape.name, format!("`{name}` is no name of a pack"), "use lower-case letters, digits and `-`".into());
    }
    let mut version = |at: &Spanned<String>, what: &str| {
        let version = Version::parse(at.as_ref());
        if version.is_none() {
            wrong(at, format!("`{}` is no {what}", at.as_ref()), "write three numbers, like \"1.0.0\"".into());
        }
        version
    };
    let own = version(&shape.version, "version");
    let least = version(&shape.min_engine, "engine version");
    if let Some(least) = least.filter(|least| *least > Version::engine()) {
        let hint = "update heinzel, or use an older version of the pack".into();
        wrong(&shape.min_engine, format!("the pack needs heinzel {least}, this is {}", Version::engine()), hint);
    }
    (problems.len() == before).then_some((own?, shape.description))
}

fn load_rule(host: &Arc<Host>, path: &Path, pack: &mut Pack, problems: &mut Vec<Problem>) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if !is_name(&stem) {
        let hint = "the file's name is the rule's id: use lower-case letters, digits and `-`";
        problems.push(Problem::whole(path, format!("`{stem}` is no name of a rule"), hint));
    }
    let file = match FileText::read(path, RULE_BYTES) {
        Ok(file) => file,
        Err(problem) => return problems.push(problem),
    };
    let id = RuleId::new(&pack.name, &stem);
    let samples_path = path.with_file_name("samples").join(format!("{stem}.toml"));
    let (samples, broken) = match samples_path.exists().then(|| Samples::read(&samples_path)) {
        None => (None, false),
        Some(Ok(samples)) => (Some(samples), false),
        Some(Err(found)) => {
            problems.extend(found);
            (None, true)
        }
    };
    let mut outcome = rule::read(host, &file, &id, samples.as_ref());
    if broken {
        // The samples exist but cannot be read: that is said already, and their absence is no second error.
        outcome.problems.retain(|p| p.message != crate::patterns::NO_SAMPLES);
        outcome.rule = None;
    }
    problems.extend(outcome.problems);
    let (Some(rule), true) = (outcome.rule, is_name(&stem)) else { return };
    pack.rules.push(Arc::new(rule));
    pack.stories.insert(id.clone(), outcome.story);
    pack.samples.extend(samples.map(|samples| (id, samples)));
}

/// Sample files that belong to no rule.
fn orphans(folder: &Path, stems: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    let samples = folder.join("samples");
    if !samples.is_dir() {
        return;
    }
    for path in list(&samples, problems).into_iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !stems.contains(&stem) {
            let hint = match near::nearest(&stem, stems.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}.toml`?"),
                None => "rename it after its rule, or remove it".into(),
            };
            let message = format!("these samples belong to no rule: there is no {stem}.rhai");
            problems.push(Problem { severity: Gravity::Warning, ..Problem::whole(&path, message, hint) });
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
