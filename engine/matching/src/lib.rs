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

mod plan;

mod choice;
mod literal;
mod rarity;

mod texts;

mod classes;
mod grams;
mod short;
mod simd;
mod weak;

mod cost;
mod lean;
mod machine;
mod needs;
mod parts;

use std::borrow::Cow;
use std::cell::LazyCell;

use std::sync::{Arc, LazyLock};

use choice::{Pick, Shape};
use cost::Counter;
use foldhash::{HashMap, HashSet};
use heinzel_core::finding::Role;
use heinzel_core::glob::Glob;
use heinzel_core::pattern::PatternError;
use heinzel_core::rule::{Rule, RuleId};
use lean::{Lean, Scratch};
use needs::{Needs, Order};
use parts::{Asker, Parts};
use plan::{Plan, Wanted};

pub use cost::Cost;
pub use rarity::Rarity;
pub use scan::{Borders, Message};
pub use simd::Width;

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
    plan: Arc<Plan>,
    message: Message,
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

impl<'a> Names<'a> {
    fn all(&self) -> impl Iterator<Item = &'a str> {
        let one = self.program.into_iter().chain(self.unit).chain(self.task_kind);
        one.chain(self.tags.iter().copied())
    }
}

/// A pattern that matches a message.
#[derive(Debug)]
pub struct Hit<'m, 't> {
    /// Its rule.
    pub rule: &'m RuleId,
    /// Which of the rule's patterns.
    pub role: Role,
    message: &'t str,
    names: &'m [Box<str>],
    spans: &'m [Option<(usize, usize)>],
}

impl<'m, 't> Hit<'m, 't> {
    /// The named groups that took part, in the order of the pattern. A capture that cuts a character is repaired with
    /// U+FFFD.
    pub fn captures(&self) -> impl Iterator<Item = (&'m str, Cow<'t, str>)> {
        let message = self.message;
        let text = move |(start, end): (usize, usize)| match message.get(start..end) {
            Some(text) => Cow::Borrowed(text),
            None => String::from_utf8_lossy(&message.as_bytes()[start..end]),
        };
        self.names.iter().zip(self.spans).filter_map(move |(name, span)| Some((&**name, text((*span)?))))
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
    /// The search for all patterns.
    plan: Arc<Plan>,
    rarity: Arc<Rarity>,
    width: Width,
    /// The searches for those patterns that some sources want.
    parts: Parts,
}

/// A search, and how each pattern is searched for.
type Searched = Result<(Plan, Vec<Arc<Pick>>), BuildError>;

/// What is needed of a rule.
#[derive(Debug)]
struct Entry {
    id: RuleId,
    programs: Vec<Glob>,
    sources: Vec<Glob>,
    unless: Vec<Lean>,
    /// The same in all matchers that the rule is in.
    counter: Arc<Counter>,
}

#[derive(Debug)]
struct Pattern {
    rule: usize,
    role: Role,
    /// Of its needs, and here to be near: every candidate is held to it.
    order: Order,
    regex: Lean,
    needs: Arc<Needs>,
}

impl Pattern {
    fn new(rule: usize, role: Role, text: &str, needs: &Arc<Needs>) -> Self {
        Self { rule, role, order: needs.order.clone(), regex: Lean::new(text), needs: Arc::clone(needs) }
    }

    /// Whether all texts that the pattern needs stand in the record, in their order.
    #[inline]
    fn may_match(&self, record: &[u8]) -> bool {
        self.order.stands_in(record)
    }
}

impl Matcher {
    /// Takes in all patterns of these rules. Rules without any are left out.
    ///
    /// # Errors
    /// [`BuildError::Pattern`] when a pattern does not compile.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Result<Self, BuildError> {
        static BUILT_IN: LazyLock<Arc<Rarity>> = LazyLock::new(Arc::default);
        Self::default().rebuilt(rules, Arc::clone(&BUILT_IN))
    }

    /// The same for other rules, with what is known of those that have not changed, searching as these logs advise.
    ///
    /// # Errors
    /// [`BuildError::Pattern`] when a pattern does not compile.
    pub fn rebuilt<'a>(
        &self,
        rules: impl IntoIterator<Item = &'a Rule>,
        rarity: impl Into<Arc<Rarity>>,
    ) -> Result<Self, BuildError> {
        let mut inner = Inner { rarity: rarity.into(), width: Width::widest(), ..Inner::default() };
        let before = &self.0;
        let known: LazyCell<HashMap<&str, &Arc<Needs>>, _> =
            LazyCell::new(|| before.patterns.iter().map(|pattern| (&*pattern.regex.text, &pattern.needs)).collect());
        let sound: LazyCell<HashSet<&str>, _> =
            LazyCell::new(|| before.rules.iter().flat_map(|rule| &rule.unless).map(|one| &*one.text).collect());
        let wrong = |rule: &RuleId, text: &str| {
            let (rule, pattern) = (rule.clone(), text.to_owned());
            move |why| BuildError::Pattern { rule, pattern, why }
        };
        let needs = |rule: &RuleId, text: &str, at: usize| {
            // What stands where it stood before is found without a search.
            let same = before.patterns.get(at).filter(|pattern| *pattern.regex.text == *text);
            match same.map(|pattern| &pattern.needs).or_else(|| known.get(text).copied()) {
                Some(needs) => Ok(Arc::clone(needs)),
                None => Needs::of(text).map(Arc::new).map_err(wrong(rule, text)),
            }
        };
        let unless = |rule: &RuleId, text: &String| {
            if !sound.contains(text.as_str()) {
                needs::checked(text).map_err(wrong(rule, text))?;
            }
            Ok(Lean::new(text))
        };
        for rule in rules {
            let matches = rule.patterns.iter().enumerate().map(|(n, text)| (Role::Match(n), text));
            let clears = rule.clear.patterns.iter().enumerate().map(|(n, text)| (Role::Clear(n), text));
            let first = inner.patterns.len();
            for (role, text) in matches.chain(clears) {
                let needs = needs(&rule.id, text, inner.patterns.len())?;
                inner.patterns.push(Pattern::new(inner.rules.len(), role, text, &needs));
            }
            if inner.patterns.len() > first {
                let unless = rule.unless.iter().map(|text| unless(&rule.id, text));
                inner.rules.push(Entry {
                    id: rule.id.clone(),
                    programs: rule.programs.clone(),
                    sources: rule.sources.clone(),
                    unless: unless.collect::<Result<_, _>>()?,
                    counter: Arc::default(),
                });
            }
        }
        let shape = self.0.plan.shape.filter(|_| inner.is_like(&self.0));
        let (plan, picks) = inner.search_for(|_| true, shape)?;
        if let Some(shape) = plan.shape {
            inner.patterns.iter().zip(picks).for_each(|(pattern, pick)| pattern.needs.keep(shape, pick));
        }
        inner.plan = Arc::new(plan);
        Ok(Self(Arc::new(inner)))
    }

    /// The logs whose advice it follows.
    #[must_use]
    pub fn rarity(&self) -> Arc<Rarity> {
        Arc::clone(&self.0.rarity)
    }

    /// What each rule with patterns has cost so far.
    pub fn costs(&self) -> impl Iterator<Item = Cost> {
        self.0.rules.iter().map(|rule| rule.counter.cost(&rule.id))
    }

    /// How the search for all patterns is made, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let parts = self.0.parts.count();
        let sources = if parts == 0 { String::new() } else { format!("; {parts} more for sources that want a part") };
        self.0.plan.describe() + &sources
    }

    /// The same at another width, for comparing; what the processor cannot do is done at a smaller one.
    #[must_use]
    pub fn at_width(&self, width: Width) -> Self {
        let copy = |one: &Pattern| Pattern::new(one.rule, one.role, &one.regex.text, &one.needs);
        let rule = |rule: &Entry| Entry {
            id: rule.id.clone(),
            programs: rule.programs.clone(),
            sources: rule.sources.clone(),
            unless: rule.unless.iter().map(|one| Lean::new(&one.text)).collect(),
            counter: Arc::default(),
        };
        let mut inner = Inner {
            rules: self.0.rules.iter().map(rule).collect(),
            patterns: self.0.patterns.iter().map(copy).collect(),
            rarity: Arc::clone(&self.0.rarity),
            width,
            ..Inner::default()
        };
        if let Ok((plan, _)) = inner.search_for(|_| true, self.0.plan.shape) {
            inner.plan = Arc::new(plan);
        }
        Self(Arc::new(inner))
    }

    /// The patterns that apply to the source of this name. To be asked once a source and kept. `names`: the names of all its
    /// records, where they are known beforehand; rules for other programs then cost nothing.
    #[must_use]
    pub fn view(&self, source: &str, names: Option<&Names<'_>>) -> View {
        let inner = &self.0;
        let (plan, message) = (Arc::clone(&inner.plan), Message::default());
        let mut view = View { inner: Arc::clone(inner), wanted: None, plan, message };
        let names = names.map(|names| names.all().map(str::to_owned).collect());
        let asker = Asker { source: source.to_owned(), names };
        if let Some(wanted) = inner.wanted_by(&asker) {
            view.plan = inner.part(asker, &wanted, None);
            view.wanted = Some(wanted);
        }
        view
    }

    /// The patterns for which every record of their sources must be looked at, because no text of three letters is
    /// required: the rule, and the pattern. For `heinzel check` to warn about.
    pub fn weak_patterns(&self) -> impl Iterator<Item = (&RuleId, &str)> {
        let inner = &self.0;
        let weak = inner.plan.weak.iter().filter_map(|id| inner.pattern(*id));
        weak.map(|p| (&inner.rules[p.rule].id, &*p.regex.text))
    }

    /// The samples are over, and the lines that the matcher is for begin: forgets all compiled patterns (each is compiled
    /// again when a record needs it), and counts costs from nothing or on from where the matcher `before` this one is. What
    /// the sources of that one want part of is searched for at once, so that no line waits for it. Does nothing while a
    /// clone or a view exists.
    pub fn begin(&mut self, before: Option<&Self>) {
        let Some(inner) = Arc::get_mut(&mut self.0) else { return };
        inner.patterns.iter_mut().for_each(|pattern| pattern.regex.forget());
        let known = before.iter().flat_map(|before| &before.0.rules).map(|rule| (&rule.id, &rule.counter));
        let counters: HashMap<&RuleId, &Arc<Counter>> = known.collect();
        for rule in &mut inner.rules {
            rule.unless.iter_mut().for_each(Lean::forget);
            rule.counter = counters.get(&rule.id).map_or_else(Arc::default, |counter| Arc::clone(counter));
        }
        inner.parts = Parts::default();
        let Some(before) = before else { return };
        for (asker, shape) in before.0.parts.askers() {
            if let Some(wanted) = inner.wanted_by(&asker) {
                inner.part(asker, &wanted, shape.filter(|_| inner.is_like(&before.0)));
            }
        }
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

    fn search_for(&self, wanted: impl Fn(usize) -> bool, shape: Option<Shape>) -> Searched {
        let patterns = self.patterns.iter().enumerate().filter(|(number, _)| wanted(*number));
        let patterns: Vec<Wanted<'_>> = patterns
            .map(|(number, pattern)| Wanted {
                id: PatternId(u32::try_from(number).unwrap_or(u32::MAX)),
                text: &pattern.regex.text,
                needs: &pattern.needs,
            })
            .collect();
        Plan::new(&patterns, &self.rarity, shape, self.width)
    }

    /// Whether another set has hardly changed and is advised by the same logs, so that the same shape serves it.
    fn is_like(&self, before: &Self) -> bool {
        self.patterns.len().abs_diff(before.patterns.len()) * 8 < self.patterns.len() && self.rarity == before.rarity
    }

    /// By pattern: whether the source wants it. `None`: it wants all.
    fn wanted_by(&self, asker: &Asker) -> Option<Arc<[bool]>> {
        let names: Option<Vec<&str>> = asker.names.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let wants = |rule: &Entry| {
            (rule.sources.is_empty() || rule.sources.iter().any(|glob| glob.fits(&asker.source)))
                && names.as_ref().is_none_or(|names| rule.fits(&Names { tags: names, ..Names::default() }))
        };
        let fits: Vec<bool> = self.rules.iter().map(wants).collect();
        fits.contains(&false).then(|| self.patterns.iter().map(|pattern| fits[pattern.rule]).collect())
    }

    /// The search for these patterns alone, or, where that cannot be, for all.
    fn part(&self, asker: Asker, wanted: &Arc<[bool]>, shape: Option<Shape>) -> Arc<Plan> {
        let make = || self.search_for(|number| wanted[number], shape).ok().map(|(plan, _)| plan);
        self.parts.get(asker, wanted, make).unwrap_or_else(|| Arc::clone(&self.plan))
    }
}

impl Entry {
    fn fits(&self, names: &Names<'_>) -> bool {
        self.programs.is_empty() || names.all().any(|name| self.programs.iter().any(|glob| glob.fits(name)))
    }
}

impl View {
    /// Whether this source has no rules: nothing will ever be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.patterns.is_empty() || self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(&true))
    }

    /// Says how messages stand in the records of this source.
    #[must_use]
    pub fn with_message(self, message: Message) -> Self {
        Self { message, ..self }
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
        let mut scratch = Scratch::take();
        let mut spans = std::mem::take(&mut scratch.spans);
        // What was found out about the rule of the candidate before.
        let (mut last, mut fits, mut spoilt) = (usize::MAX, false, None);
        for &id in candidates {
            let Some(pattern) = self.inner.pattern(id).filter(|_| self.wants(id)) else { continue };
            let rule = &self.inner.rules[pattern.rule];
            if pattern.rule != last {
                (last, fits, spoilt) = (pattern.rule, rule.fits(names), None);
            }
            rule.counter.count(&mut scratch, |scratch| {
                spans.clear();
                if !fits || !pattern.regex.search(message, scratch, &mut spans) {
                    return false;
                }
                let is_match = matches!(pattern.role, Role::Match(_));
                if is_match && *spoilt.get_or_insert_with(|| rule.unless.iter().any(|u| u.is_match(message, scratch))) {
                    return false;
                }
                let (role, names) = (pattern.role, pattern.regex.names());
                tell(&Hit { rule: &rule.id, role, message, names, spans: &spans });
                true
            });
        }
        scratch.spans = spans;
        scratch.keep();
    }

    /// The candidates for one message: what [`View::scan`] finds in it.
    #[must_use]
    pub fn candidates(&self, message: &str) -> Vec<PatternId> {
        let mut found = Vec::new();
        self.scan(message.as_bytes(), Borders::Ends(&[message.len()]), &mut |_, ids| found = ids.to_vec());
        if found.is_empty() && message.is_empty() {
            // Nothing is scanned, but a pattern may match nothing.
            found = self.plan.weak.iter().copied().filter(|id| self.wants(*id)).collect();
        }
        found
    }

    fn wants(&self, id: PatternId) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.get(id.0 as usize).copied().unwrap_or(false))
    }
}
