//! All rules' patterns over raw blocks: candidate lines first, captures second.
//!
//! Start at [`Matcher::new`]; a source asks for its [`View`] once. [`View::scan`] passes over a block one time for all rules
//! and names the records that may match; only those are parsed, and [`View::find`] then says which patterns do match the
//! message. For an unparsed block of lines:
//!
//! 1. [`View::scan`] with the block's bytes. It may name too many records, never too few, as long as the message stands in
//!    the record byte for byte.
//! 2. Where it does not (`heinzel_core::parse::verbatim` is `false`: JSON and logfmt with escapes), parse the line and ask
//!    [`View::candidates`] with the message.
//!
//! Patterns mean what `heinzel_core::pattern` says. They are compiled when a record first needs them.

mod scan;

mod lean;

mod literal;

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use heinzel_core::finding::Role;
use heinzel_core::glob::Glob;
use heinzel_core::pattern::{self, PatternError};
use heinzel_core::rule::{Rule, RuleId};
use lean::{Lean, Scratch};

pub use scan::Borders;

/// A pattern's number in its [`Matcher`]. Numbers follow the order of the rules; within a rule `match` before `clear`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatternId(u32);

/// All rules' patterns, ready to be searched for. Cheap to clone; shared between threads. The default has none.
#[derive(Clone, Debug, Default)]
pub struct Matcher(Arc<Inner>);

/// The patterns that apply to one source.
#[derive(Clone, Debug)]
pub struct View {
    inner: Arc<Inner>,
    /// By pattern: whether its rule wants this source. `None`: all do.
    wanted: Option<Arc<[bool]>>,
    /// The weak patterns among them.
    weak: Arc<[PatternId]>,
}

/// The names that a rule's `program` is compared with. A rule that names programs needs one of these to fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// The syslog tag.
    pub program: Option<&'a str>,
    /// The systemd unit.
    pub unit: Option<&'a str>,
    /// The tags of the file: the stem of its name and its folder.
    pub tags: &'a [&'a str],
    /// The kind of the task.
    pub task_kind: Option<&'a str>,
}

/// A pattern that matches a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'m, 't> {
    /// Its rule.
    pub rule: &'m RuleId,
    /// Which of the rule's patterns.
    pub role: Role,
    captures: Vec<(&'m str, Cow<'t, str>)>,
}

impl<'m, 't> Hit<'m, 't> {
    /// The named groups that took part, in the order of the pattern. A capture that cuts a character is repaired with
    /// U+FFFD.
    pub fn captures(&self) -> impl Iterator<Item = (&'m str, Cow<'t, str>)> {
        self.captures.iter().cloned()
    }
}

/// The rules cannot be searched for.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A pattern is wrong.
    #[error("rule `{rule}`: cannot use pattern `{pattern}`")]
    Pattern {
        /// The rule.
        rule: RuleId,
        /// The pattern.
        pattern: String,
        /// What is wrong with it, and where.
        #[source]
        why: PatternError,
    },
    /// There are too many of them.
    #[error("the texts that all patterns require are too many for one search; load fewer packs")]
    TooMany(#[source] aho_corasick::BuildError),
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<Entry>,
    patterns: Vec<Pattern>,
    /// By pattern: no text is required for it.
    weak: Vec<PatternId>,
    literals: Option<AhoCorasick>,
    /// By literal: the patterns that need it (or another of their set).
    owners: Vec<Box<[PatternId]>>,
    scratch: Scratch,
}

/// What is needed of a rule.
#[derive(Debug)]
struct Entry {
    id: RuleId,
    programs: Vec<Glob>,
    sources: Vec<Glob>,
    unless: Vec<Lean>,
}

#[derive(Debug)]
struct Pattern {
    rule: usize,
    role: Role,
    regex: Lean,
}

/// Checks a pattern by compiling it once for nothing: a mistake must show before rules are swapped, and patterns that never
/// meet a line shall cost nothing.
fn checked(rule: &RuleId, text: &str) -> Result<Lean, BuildError> {
    match pattern::compile(text) {
        Ok(_) => Ok(Lean::new(text)),
        Err(why) => Err(BuildError::Pattern { rule: rule.clone(), pattern: text.to_owned(), why }),
    }
}

impl Matcher {
    /// Takes in all patterns of these rules. Rules without any are left out.
    ///
    /// # Errors
    /// [`BuildError::Pattern`] when a pattern does not compile.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Result<Self, BuildError> {
        let mut inner = Inner::default();
        let mut literals = std::collections::BTreeMap::<Vec<u8>, Vec<PatternId>>::new();
        for rule in rules {
            let matches = rule.patterns.iter().enumerate().map(|(n, text)| (Role::Match(n), text));
            let clears = rule.clear.patterns.iter().enumerate().map(|(n, text)| (Role::Clear(n), text));
            let first = inner.patterns.len();
            for (role, text) in matches.chain(clears) {
                let id = PatternId(u32::try_from(inner.patterns.len()).unwrap_or(u32::MAX));
                let regex = checked(&rule.id, text)?;
                match pattern::parse(text).ok().and_then(|hir| literal::required(&hir)) {
                    Some(set) => set.into_iter().for_each(|one| literals.entry(one).or_default().push(id)),
                    None => inner.weak.push(id),
                }
                inner.patterns.push(Pattern { rule: inner.rules.len(), role, regex });
            }
            if inner.patterns.len() > first {
                inner.rules.push(Entry {
                    id: rule.id.clone(),
                    programs: rule.programs.clone(),
                    sources: rule.sources.clone(),
                    unless: rule.unless.iter().map(|text| checked(&rule.id, text)).collect::<Result<_, _>>()?,
                });
            }
        }
        if !literals.is_empty() {
            // One search without regard to case serves both kinds of pattern: it finds a little too much.
            let search = AhoCorasick::builder().ascii_case_insensitive(true).build(literals.keys());
            inner.literals = Some(search.map_err(BuildError::TooMany)?);
            inner.owners = literals.into_values().map(Vec::into_boxed_slice).collect();
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The patterns that apply to the source of this name. To be asked once a source and kept. `names`: the names of all its
    /// records, where they are known beforehand; rules for other programs then cost nothing.
    #[must_use]
    pub fn view(&self, source: &str, names: Option<&Names<'_>>) -> View {
        let inner = &self.0;
        let fits: Vec<bool> = inner
            .rules
            .iter()
            .map(|rule| rule.sources.is_empty() || rule.sources.iter().any(|g| g.fits(source)))
            .zip(&inner.rules)
            .map(|(wanted, rule)| wanted && names.is_none_or(|names| rule.fits(names)))
            .collect();
        let wants = |id: &PatternId| inner.pattern(*id).is_some_and(|pattern| fits[pattern.rule]);
        let weak = inner.weak.iter().copied().filter(wants).collect();
        let wanted = fits.contains(&false).then(|| inner.patterns.iter().map(|pattern| fits[pattern.rule]).collect());
        View { inner: Arc::clone(inner), wanted, weak }
    }

    /// The patterns for which every record of their sources must be parsed, because no text of three letters is required:
    /// the rule, and the pattern. For `heinzel check` to warn about.
    pub fn weak_patterns(&self) -> impl Iterator<Item = (&RuleId, &str)> {
        let inner = &self.0;
        inner.weak.iter().filter_map(|id| inner.pattern(*id)).map(|p| (&inner.rules[p.rule].id, &*p.regex.text))
    }

    /// Forgets all compiled patterns; each is compiled again when a record needs it. For a matcher that has met lines which
    /// are not those it is for (samples). Does nothing while a clone or a view exists.
    pub fn forget_compiled(&mut self) {
        let Some(inner) = Arc::get_mut(&mut self.0) else { return };
        inner.patterns.iter_mut().for_each(|pattern| pattern.regex.forget());
        inner.rules.iter_mut().flat_map(|rule| &mut rule.unless).for_each(Lean::forget);
        inner.scratch = Scratch::default();
    }

    /// How many patterns are searched for.
    #[must_use]
    pub fn pattern_count(&self) -> usize {
        self.0.patterns.len()
    }
}

impl Inner {
    fn pattern(&self, id: PatternId) -> Option<&Pattern> {
        self.patterns.get(id.0 as usize)
    }
}

impl Entry {
    fn fits(&self, names: &Names<'_>) -> bool {
        let mut all = names.program.iter().chain(&names.unit).chain(names.tags).chain(&names.task_kind);
        self.programs.is_empty() || all.any(|name| self.programs.iter().any(|glob| glob.fits(name)))
    }
}

impl View {
    /// Whether this source has no rules: nothing will ever be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.patterns.is_empty() || self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(&true))
    }

    /// Tells which of these patterns match the message, in the order of `candidates`.
    ///
    /// Every pattern that matches is told once, with its leftmost match: a sequence needs to know all of them. A pattern of
    /// `match` is silent when one of the rule's `unless` matches the message; a `clear` pattern is not asked for `unless`.
    pub fn find<'t>(
        &self,
        candidates: &[PatternId],
        message: &'t str,
        names: &Names<'_>,
        tell: &mut impl FnMut(&Hit<'_, 't>),
    ) {
        // What was found out about the rule of the candidate before.
        let (mut last, mut fits, mut spoilt) = (usize::MAX, false, None);
        for &id in candidates {
            let Some(pattern) = self.inner.pattern(id).filter(|_| self.wants(id)) else { continue };
            let rule = &self.inner.rules[pattern.rule];
            if pattern.rule != last {
                (last, fits, spoilt) = (pattern.rule, rule.fits(names), None);
            }
            if !fits {
                continue;
            }
            let Some(captures) = pattern.regex.captures(message, &self.inner.scratch) else { continue };
            let is_match = matches!(pattern.role, Role::Match(_));
            if is_match
                && *spoilt.get_or_insert_with(|| rule.unless.iter().any(|u| u.is_match(message, &self.inner.scratch)))
            {
                continue;
            }
            tell(&Hit { rule: &rule.id, role: pattern.role, captures });
        }
    }

    /// The candidates for one message: what [`View::scan`] finds in it.
    #[must_use]
    pub fn candidates(&self, message: &str) -> Vec<PatternId> {
        let mut found = self.weak.to_vec();
        self.scan(message.as_bytes(), Borders::Ends(&[message.len()]), &mut |_, ids| found = ids.to_vec());
        found
    }

    fn wants(&self, id: PatternId) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.get(id.0 as usize).copied().unwrap_or(false))
    }
}
