//! A rule's functions, compiled when they are called and kept while they are called often.
//!
//! A syntax tree takes ten times the memory of its text, and most rules of a host never fire: so a rule keeps its text, and
//! [`Warm`] the programs of those that were called last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, FnPtr, Map};

use crate::host::{Failure, Host};
use crate::purify::purify;

/// How many programs are kept compiled: at some 30 KiB each, 2 MiB.
const KEPT: usize = 64;

/// What a rule file computes with.
pub(crate) struct Program {
    /// Only the functions of the file; its statements have done their work.
    pub(crate) ast: AST,
    pub(crate) functions: Functions,
}

/// The functions a rule has, with unshared captures.
#[derive(Default)]
pub(crate) struct Functions {
    pub(crate) asset: Option<FnPtr>,
    pub(crate) probe: Option<FnPtr>,
    pub(crate) fix: Option<FnPtr>,
    pub(crate) verify: Option<FnPtr>,
    pub(crate) rollback: Option<FnPtr>,
}

impl Functions {
    /// The functions of a rule that was found sound.
    fn of(map: &Map) -> Self {
        let take = |key: &str| purify(&*map.get(key)?.read_lock::<FnPtr>()?).ok();
        Self {
            asset: take("asset"),
            probe: take("probe"),
            fix: take("fix"),
            verify: take("verify"),
            rollback: take("rollback"),
        }
    }
}

impl Program {
    /// Compiles the text of a rule that was found sound.
    pub(crate) fn compile(host: &Host, text: &str) -> Result<Self, Failure> {
        let ast = host.compile(text)?;
        let value = host.eval(&ast)?;
        let functions = value.read_lock::<Map>().map(|map| Functions::of(&map)).unwrap_or_default();
        Ok(Self { ast: ast.clone_functions_only(), functions })
    }
}

/// The programs that were called last, the latest in front.
#[derive(Default)]
pub(crate) struct Warm(Mutex<VecDeque<(u64, Arc<Program>)>>);

impl Warm {
    /// The program of a text with this digest; made when it is not at hand.
    pub(crate) fn get(
        &self,
        digest: u64,
        make: impl FnOnce() -> Result<Program, Failure>,
    ) -> Result<Arc<Program>, Failure> {
        if let Some(found) = self.touch(digest) {
            return Ok(found);
        }
        // Not under the lock: another rule's call need not wait for this one's text.
        let made = Arc::new(make()?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front((digest, made.clone()));
        Ok(made)
    }

    fn touch(&self, digest: u64) -> Option<Arc<Program>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(of, _)| *of == digest)?;
        let entry = kept.remove(at)?;
        let program = entry.1.clone();
        kept.push_front(entry);
        Some(program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Limits;

    const TEXT: &str =
        "let name = \"web\"; #{ asset: |e| name + e.n, fix: |i, facts, done| [], verify: |i, facts| [] }";

    #[test]
    fn the_programs_called_last_stay_compiled() {
        let host = Host::new(Limits::default());
        let made = std::cell::Cell::new(0);
        let get = |digest: u64| {
            host.warm.get(digest, || {
                made.set(made.get() + 1);
                Program::compile(&host, TEXT)
            })
        };
        for digest in 0..KEPT as u64 {
            get(digest).unwrap();
        }
        assert_eq!(made.get(), KEPT);
        get(0).unwrap();
        assert_eq!(made.get(), KEPT, "0 is still compiled");
        // One more pushes out 1, which was called longest ago, and not 0.
        get(KEPT as u64).unwrap();
        get(0).unwrap();
        assert_eq!(made.get(), KEPT + 1);
        get(1).unwrap();
        assert_eq!(made.get(), KEPT + 2);
    }

    #[test]
    fn compiling_anew_finds_the_same_functions() {
        let host = Host::new(Limits::default());
        let program = Program::compile(&host, TEXT).unwrap();
        let Functions { asset, probe, fix, verify, rollback } = program.functions;
        assert_eq!(asset.unwrap().curry().len(), 1, "`name` is captured");
        assert!(fix.is_some() && verify.is_some() && probe.is_none() && rollback.is_none());
    }
}
