//! The one script engine: no files, network, clock, eval or output, and limits on everything.
//!
//! Start at [`Host::new`]. Operations and computing time are metered per call and per thread, over all closures a call enters
//! (Rhai's own counter begins anew in closures called from `map` and the like).

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{
    AST, Dynamic, Engine, EvalAltResult, ImmutableString, OptimizationLevel, ParseErrorType, Position, Scope, Token,
};

use crate::program::Warm;
use crate::{brackets, compare, reference, words};

/// What one call of a script may use before its rule is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations of the script engine. A rule's function takes some tens.
    pub operations: u64,
    /// Wall time. Looked at every few thousand operations, so a machine that stands still for a moment switches no
    /// ordinary rule off.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { operations: 20_000, time: Duration::from_millis(200) }
    }
}

/// How many operations pass between two looks at the clock.
const LOOK_EVERY: u64 = 2_048;
/// The longest text a script may make, in bytes.
///
/// A map can grow by index without being looked at until the operations run out: with these limits one call reaches some
/// 50 MB at most.
const TEXT_BYTES: usize = 32 * 1024;
/// The most values in a list or map, nested ones counted.
const VALUES: usize = 1_000;

/// Rhai's reserved words that are free in rules: keys and field names that real programs use.
const FREED: [&str; 14] = [
    "match",
    "is",
    "module",
    "package",
    "public",
    "protected",
    "default",
    "use",
    "with",
    "thread",
    "case",
    "sync",
    "go",
    "super",
];

/// Functions that Rhai knows without their being registered; `curry` is what a capture becomes.
const BUILT_IN: [&str; 8] = ["call", "curry", "type_of", "is_shared", "is_def_var", "is_def_fn", "print", "debug"];

/// The script engine with its limits. One serves all rules of a load.
pub struct Host {
    engine: Engine,
    limits: Limits,
    scope: Scope<'static>,
    names: OnceLock<BTreeSet<String>>,
    pub(crate) warm: Warm,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Why a script did not give a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Line and column, from 1.
    pub(crate) place: Option<(usize, usize)>,
    pub(crate) over_limit: bool,
}

/// What the running call has used on this thread.
#[derive(Clone, Copy)]
struct Meter {
    operations: u64,
    limits: Limits,
    /// In the thread's own time.
    until: Duration,
}

/// How long this thread has been computing. Not the time that passed: on a machine under load, where fixes are needed most,
/// a call waits for its turn, and its rule must not be switched off for that.
fn computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

thread_local! {
    /// The engine's progress callback gets no context, and a call never leaves its thread: so the meter lies here.
    static METER: Cell<Option<Meter>> = const { Cell::new(None) };
}

impl Host {
    /// An engine with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        let mut engine = Engine::new_raw();
        // The core-language package is left out on purpose: it brings `sleep`, `exit` and `parse_json`.
        for package in [
            ArithmeticPackage::new().as_shared_module(),
            LogicPackage::new().as_shared_module(),
            BasicStringPackage::new().as_shared_module(),
            MoreStringPackage::new().as_shared_module(),
            BasicIteratorPackage::new().as_shared_module(),
            BasicFnPackage::new().as_shared_module(),
            BasicMathPackage::new().as_shared_module(),
            BasicArrayPackage::new().as_shared_module(),
            BasicMapPackage::new().as_shared_module(),
        ] {
            engine.register_global_module(package);
        }
        engine
            .set_optimization_level(OptimizationLevel::None)
            .set_strict_variables(true)
            .set_max_operations(0)
            .set_max_call_levels(32)
            .set_max_expr_depths(48, 32)
            .set_max_string_size(TEXT_BYTES)
            .set_max_array_size(VALUES)
            .set_max_map_size(VALUES)
            .set_max_variables(200)
            .set_max_functions(100)
            .set_max_modules(0);
        for symbol in ["eval", "import", "export", "curry"] {
            engine.disable_symbol(symbol);
        }
        engine.on_progress(|_| spend());
        #[expect(deprecated, reason = "not deprecated but marked volatile by Rhai; a test notices when it changes")]
        engine.on_parse_token(|token, _, _| match token {
            Token::Reserved(word) if FREED.contains(&word.as_str()) => Token::Identifier(word),
            other => other,
        });
        bound_replace(&mut engine);
        compare::register(&mut engine);
        words::register(&mut engine);
        let scope = words::scope();
        Arc::new(Self { engine, limits, scope, names: OnceLock::new(), warm: Warm::default() })
    }

    /// Reads a script.
    pub(crate) fn compile(&self, text: &str) -> Result<AST, Failure> {
        guard(|| self.engine.compile_with_scope(&self.scope, text)).and_then(|compiled| {
            compiled.map_err(|error| {
                let (message, place) = (error.err_type().to_string(), place(error.position()));
                let hint = way_out(error.err_type(), &message, text, place);
                Failure { message, hint, place, over_limit: false }
            })
        })
    }

    /// The value of a script.
    pub(crate) fn eval(&self, ast: &AST) -> Result<Dynamic, Failure> {
        self.run(|engine| engine.eval_ast_with_scope::<Dynamic>(&mut self.scope.clone(), ast))
    }

    /// What `on.name(…)` makes of these arguments.
    pub(crate) fn make(&self, on: &str, name: &str, arguments: &[Dynamic]) -> Result<Dynamic, Failure> {
        let mut scope = self.scope.clone();
        let names: Vec<String> = (0..arguments.len()).map(|number| format!("argument_{number}")).collect();
        for (name, value) in names.iter().zip(arguments) {
            scope.push_dynamic(name.as_str(), value.clone());
        }
        let text = format!("{on}.{name}({})", names.join(", "));
        self.run(|engine| engine.eval_expression_with_scope::<Dynamic>(&mut scope, &text))
    }

    /// Runs something on the engine, metered.
    pub(crate) fn run<T>(&self, what: impl FnOnce(&Engine) -> Result<T, Box<EvalAltResult>>) -> Result<T, Failure> {
        let meter = Meter { operations: 0, limits: self.limits, until: computed() + self.limits.time };
        let outer = METER.replace(Some(meter));
        let result = guard(|| what(&self.engine));
        METER.set(outer);
        result?.map_err(|error| self.explain(&error))
    }

    /// The names of all functions that scripts may call, but for those that they define.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        self.names.get_or_init(|| {
            let signatures = self.engine.gen_fn_signatures(true);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let name = |signature: &String| signature.split(|c| !is_name(c)).next().unwrap_or_default().to_owned();
            signatures.iter().map(name).chain(BUILT_IN.map(str::to_owned)).collect()
        })
    }

    /// The engine itself, for the definitions that editors read.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn explain(&self, error: &EvalAltResult) -> Failure {
        let mut inner = error;
        while let EvalAltResult::ErrorInFunctionCall(_, _, deeper, _) | EvalAltResult::ErrorInModule(_, deeper, _) =
            inner
        {
            inner = deeper;
        }
        let mut over_limit = true;
        let mut hint = None;
        let message = match inner {
            EvalAltResult::ErrorTerminated(token, _) => token.to_string(),
            EvalAltResult::ErrorTooManyOperations(_) => {
                format!("it took more than {} operations", self.limits.operations)
            }
            EvalAltResult::ErrorStackOverflow(_) => "its functions call one another more than 32 deep".into(),
            EvalAltResult::ErrorTooManyVariables(_) => "it has more than 200 variables at a time".into(),
            EvalAltResult::ErrorDataTooLarge(what, _) => {
                format!("{what} is larger than allowed ({TEXT_BYTES} bytes of text, {VALUES} values in a list or map)")
            }
            other => {
                over_limit = false;
                match other {
                    EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
                    EvalAltResult::ErrorFunctionNotFound(signature, _) => {
                        let (message, way) = reference::unknown(signature);
                        hint = way;
                        message
                    }
                    EvalAltResult::ErrorDotExpr(text, _) if text.contains("'()'") => {
                        hint = Some("the value before the dot is absent (`()`); ask `if x != () { … }` first".into());
                        text.clone()
                    }
                    EvalAltResult::ErrorDataRace(..) => {
                        hint = Some(
                            "a closure uses the list that is just being walked; give it a copy: `let copy = list;`"
                                .into(),
                        );
                        "a value is changed while it is being used".into()
                    }
                    EvalAltResult::ErrorVariableNotFound(name, _) => {
                        hint = Some(outside(name));
                        format!("there is no `{name}` here")
                    }
                    _ => {
                        let mut text = other.to_string();
                        if let Some(at) = text.rfind(" (line ") {
                            text.truncate(at);
                        }
                        text
                    }
                }
            }
        };
        let mut at = inner.position();
        if at.is_none() {
            at = error.position();
        }
        Failure { message, hint, place: place(at), over_limit }
    }
}

/// A panic of the script engine is its bug, not the end of ours: the rule is switched off.
fn guard<T>(what: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(what)).map_err(|_| Failure {
        message: "the script engine itself failed on this script".into(),
        hint: Some("write it more simply; and please report the script as a bug".into()),
        place: None,
        over_limit: true,
    })
}

fn place(position: Position) -> Option<(usize, usize)> {
    position.line().map(|line| (line, position.position().unwrap_or(1)))
}

/// Counts one operation; says why when it is one too many.
fn spend() -> Option<Dynamic> {
    let mut meter = METER.get()?;
    meter.operations += 1;
    METER.set(Some(meter));
    if meter.operations > meter.limits.operations {
        return Some(format!("it took more than {} operations", meter.limits.operations).into());
    }
    if meter.operations.is_multiple_of(LOOK_EVERY) && computed() > meter.until {
        return Some(format!("it computed longer than {} ms", meter.limits.time.as_millis()).into());
    }
    None
}

/// What to write instead, where the parser only says what it did not want. `text` is the script, `place` where it gave up.
fn way_out(error: &ParseErrorType, message: &str, text: &str, place: Option<(usize, usize)>) -> Option<String> {
    let rest: String = place.map_or_else(String::new, |(line, column)| {
        text.lines().nth(line - 1).unwrap_or_default().chars().skip(column - 1).collect()
    });
    let open = || {
        let (bracket, line) = brackets::unclosed(text)?;
        Some(format!("is the `{bracket}` of line {line} closed?"))
    };
    match error {
        ParseErrorType::VariableUndefined(_) if text.trim_start().starts_with('{') => {
            Some("a rule is a map, which begins with `#{`".into())
        }
        ParseErrorType::VariableUndefined(word) if text.contains(&format!("let {word} =")) => Some(outside(word)),
        ParseErrorType::VariableUndefined(word) if ["i", "e", "facts"].contains(&word.as_str()) => Some(
            "a function names what it is given: `asset` is |e| …, `probe` |i| …, and `fix`, `verify` and `rollback` are |i, facts| …".into(),
        ),
        ParseErrorType::VariableUndefined(word) => Some(format!(
            "texts stand in quotes; known names are probe, step, check, and what the file itself defines before (`let {word} = …`)"
        )),
        ParseErrorType::MissingToken(token, _) if token == "{" => {
            let words = [("or ", "||"), ("and ", "&&"), ("not ", "!")];
            words.iter().find(|(word, _)| rest.starts_with(word)).map(|(word, sign)| format!("write `{sign}` for `{}`", word.trim()))
        }
        ParseErrorType::MissingToken(token, _) if token == ":" && rest.starts_with('=') => {
            Some("in a map a `:` stands between key and value".into())
        }
        ParseErrorType::MissingToken(token, _) if token == "," => {
            let comma = "does the entry before lack the comma at its end?";
            Some(open().map_or_else(|| comma.into(), |open| format!("{comma} Or {open}")))
        }
        ParseErrorType::MissingToken(token, _) if token == ";" => {
            let one = "one file holds one rule; what stands before it ends with `;`";
            let twice = "the rule has ended before this: is a bracket closed twice?";
            Some(open().unwrap_or_else(|| if rest.starts_with(',') { twice } else { one }.into()))
        }
        ParseErrorType::MissingToken(..) => open(),
        ParseErrorType::PropertyExpected if rest.starts_with('#') => Some(COMMENT.into()),
        _ if message.starts_with("'#' is a reserved") => Some(COMMENT.into()),
        _ if message.starts_with("Invalid escape sequence") => {
            Some("write patterns in backticks (`…`), where backslashes stay as they are".into())
        }
        _ if message.starts_with("Invalid character") => Some("a text stands in double quotes, or in backticks".into()),
        _ if message.starts_with("Open string") => {
            Some("the text that begins here has no end; one in double quotes ends on its own line".into())
        }
        _ if message.starts_with("Unexpected '") && rest.starts_with(['„', '“', '”', '‘', '’']) => {
            Some("write straight quotes: \"…\"".into())
        }
        _ if message.starts_with("Unexpected '") && rest.starts_with(|c: char| c.is_whitespace() || !c.is_ascii()) => {
            Some("take this character out; if it looks like a space, write a plain one".into())
        }
        _ if message.contains("reserved keyword") => message.split('\'').nth(1).and_then(reserved_hint),
        _ => None,
    }
}

const COMMENT: &str = "a comment begins with `//`";

/// The way to a variable from inside of a function.
fn outside(name: &str) -> String {
    format!(
        "a function (`fn`) sees its arguments alone: give it `{name}`, or write a closure, `let make = |x| …;`, called as `make.call(x)`"
    )
}

fn reserved_hint(word: &str) -> Option<String> {
    Some(match word {
        "eval" | "import" | "export" => format!("rules are pure and stand alone: there is no `{word}`"),
        "curry" => "write a closure instead: `|x| f.call(1, x)`".into(),
        "null" | "nil" | "void" => "an absent value is `()`".into(),
        "var" | "static" => "write `let` or `const`".into(),
        _ => format!("choose another name, or write it as a text: \"{word}\""),
    })
}

/// `replace` as Rhai has it makes its result before its size is looked at; one call could take gigabytes.
fn bound_replace(engine: &mut Engine) {
    fn replace(text: &mut ImmutableString, find: &str, by: &str) -> Result<(), Box<EvalAltResult>> {
        let times = if find.is_empty() { text.len() + 1 } else { text.matches(find).count() };
        if times.saturating_mul(by.len()).saturating_add(text.len()) > TEXT_BYTES {
            return Err(EvalAltResult::ErrorDataTooLarge("Length of string".into(), Position::NONE).into());
        }
        *text = text.replace(find, by).into();
        Ok(())
    }
    engine.register_fn("replace", replace);
    engine.register_fn("replace", |t: &mut ImmutableString, find: &str, by: char| {
        replace(t, find, by.encode_utf8(&mut [0; 4]))
    });
    engine.register_fn("replace", |t: &mut ImmutableString, find: char, by: &str| {
        replace(t, find.encode_utf8(&mut [0; 4]), by)
    });
}
