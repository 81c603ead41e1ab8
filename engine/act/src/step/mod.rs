//! Steps: the functions that change the world. All of them are called from [`Hands::act`] and nowhere else.

use std::time::Duration;

use heinzel_core::effect::Outcome;
use heinzel_core::gate;
use heinzel_core::plan::{Action, Step};
use heinzel_core::time::Span;
use heinzel_process::How;

use crate::program::{ending, run};
use crate::{GRACE, Hands};

mod http;

mod signal;

mod path;

mod files;

mod replace;

/// Why a step was not done.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// It was not tried: its target is not what a step may touch.
    Target(String),
    /// It was not tried: its program could not be started, for want of memory, processes or the program itself.
    Start(String),
    /// It was tried and failed.
    Failed(String),
}

pub(crate) use replace::check as check_template;

/// What a step did, in one line.
type Done = Result<String, Stop>;

impl Hands {
    /// Carries out one step, if the operator allows it.
    pub(crate) async fn act(&self, id: &str, step: &Step) -> Outcome {
        if let Err(no) = self.allow.step(step) {
            return Outcome::Refused { gate: "allow-list".into(), why: no.to_string() };
        }
        match tokio::time::timeout(step.timeout.saturating_add(GRACE), Box::pin(self.carry_out(id, step))).await {
            Ok(Ok(detail)) => Outcome::Done { detail },
            Ok(Err(Stop::Target(why))) => {
                Outcome::Refused { gate: "target".into(), why: format!("{}: {why}", step.action.describe()) }
            }
            Ok(Err(Stop::Start(why))) => Outcome::Refused { gate: gate::START.into(), why },
            // Who reads it names the step already.
            Ok(Err(Stop::Failed(why))) => Outcome::Failed { why },
            Err(_) => Outcome::Failed { why: format!("not done within {} and given up", Span(step.timeout)) },
        }
    }

    async fn carry_out(&self, id: &str, step: &Step) -> Done {
        let timeout = step.timeout;
        match &step.action {
            Action::Systemd { verb, unit } => {
                let words = [self.systemctl.as_str(), "--no-ask-password", verb.word(), "--", unit];
                self.run_step(&words.map(String::from), timeout).await
            }
            Action::Command { argv } => self.run_step(argv, timeout).await,
            Action::TaskRetry { kind, target } => match self.allow.task(kind, target) {
                Some(argv) => self.run_step(&argv, timeout).await,
                None => Err(Stop::Target(format!("no command for tasks of kind `{kind}` in `policy.allow.tasks`"))),
            },
            Action::Signal { name, pid, signal } => signal::send(name, *pid, signal, self.max_targets).await,
            Action::Http { method, url, body } => self.request(id, method, url, body.as_ref(), timeout).await,
            Action::Wait { time } => {
                tokio::time::sleep(*time).await;
                Ok(format!("waited {}", Span(*time)))
            }
            Action::Replan => Ok("the engine looks again and plans anew".into()),
            Action::Remove { .. }
            | Action::Truncate { .. }
            | Action::Copy { .. }
            | Action::Move { .. }
            | Action::Chmod { .. }
            | Action::Chown { .. }
            | Action::WriteTemplate { .. } => self.change_files(id, step).await,
        }
    }

    async fn run_step(&self, argv: &[String], timeout: Duration) -> Done {
        let ended = run(argv, timeout).await.map_err(Stop::Start)?;
        let words = ending(argv, timeout, &ended);
        if ended.how == How::Exit(0) { Ok(words) } else { Err(Stop::Failed(words)) }
    }
}

#[cfg(test)]
mod tests;
