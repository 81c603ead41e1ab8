//! Commands to the engine: over its socket while it runs, else straight into its store by the same `step`.

use std::path::Path;

use heinzel_core::block::Checkpoint;
use heinzel_core::policy::Policy;
use heinzel_core::state::{Journal, State};
use heinzel_core::step::{Command, Input, World, step};
use heinzel_store::error::StoreError;
use heinzel_store::sqlite::{Options, Sqlite};
use heinzel_store::{Store as _, boot};

use crate::config::Config;
use crate::control::{Question, Reply, absent, ask, other_question};
use crate::exit::{Ends, Exit};
use crate::live::Live;
use crate::{clock, run, state_folder};

/// Tells the engine and prints what it says. What a running engine is told needs no configuration.
pub(super) fn tell(global: &super::Global, command: &Command) -> anyhow::Result<Exit> {
    let (state, config) = global.state_and_config()?;
    let answer = match ask(&state, &Question::Command { by: who(), command: command.clone() })? {
        Some(Reply::Done(text)) => Ok(text),
        Some(Reply::Refused(text)) => Err(text),
        Some(_) => Err(other_question(&state)),
        None => without_engine(&state, config, command)?,
    };
    match answer {
        Ok(text) if global.json => super::print_json(&serde_json::json!({ "ok": true, "text": text }))?,
        Ok(text) => super::print(&format!("{text}\n"))?,
        Err(text) => return Err(Ends::with(Exit::Refused, text)),
    }
    Ok(Exit::Ok)
}

/// Does it in the store; effects it asks for are performed when the engine starts.
fn without_engine(
    folder: &Path,
    config: anyhow::Result<Config>,
    command: &Command,
) -> anyhow::Result<Result<String, String>> {
    if !folder.exists() {
        return Err(absent(folder));
    }
    // The kill switch alone asks neither rules nor policy: an operator in a hurry must not have to mend anything first.
    let switch = matches!(command, Command::Pause { .. } | Command::Resume);
    let (live, policy) = match config {
        _ if switch => (Live::default(), Policy::default()),
        Ok(config) => (Live::load(&config.rules, config.assets.as_deref()).0, config.policy),
        Err(_) => {
            let text = format!(
                "no engine runs on {}, and without one this needs a configuration that is right; `heinzel check` says what is wrong",
                folder.display()
            );
            return Err(Ends::with(Exit::Wrong, text));
        }
    };
    let said = || -> anyhow::Result<Result<String, String>> {
        let lock = state_folder::lock(folder)?;
        let mut store = Sqlite::open(lock, &Options { boot: boot::current(), ..Options::default() })?;
        let loaded = store.load(clock::now() - run::RECENT)?;
        let mut state = State::default();
        if switch {
            state.paused = loaded.paused;
        } else {
            state = run::state_of(loaded).state;
        }
        obey(&mut state, &live, &policy, command.clone(), &mut store)
    };
    let answer = said().map_err(|error| unsaid(folder, switch, error))?;
    Ok(answer.map(|text| {
        format!("{text} (no engine runs on {}: it is stored and holds from its next start)", folder.display())
    }))
}

/// No engine runs that would try it again.
fn unsaid(folder: &Path, switch: bool, error: anyhow::Error) -> anyhow::Error {
    if !error.downcast_ref::<StoreError>().is_some_and(StoreError::is_passing) {
        return error;
    }
    let then = if switch { "; an engine that is started before then does not know of it" } else { "" };
    error.context(format!(
        "it is not done: no engine runs on {}, so it has to be stored, and cannot be. Nobody tries it again: mend that and say it once more{then}",
        folder.display()
    ))
}

/// Has the audit trail say something where no engine runs.
pub(super) fn write_down(folder: &Path, command: Command) -> anyhow::Result<()> {
    let lock = state_folder::lock(folder)?;
    let mut store = Sqlite::open(lock, &Options { boot: boot::current(), ..Options::default() })?;
    let loaded = store.load(clock::now() - run::RECENT)?;
    let mut state = State::default();
    state.paused = loaded.paused;
    let said = obey(&mut state, &Live::default(), &Policy::default(), command, &mut store)?;
    said.map(drop).map_err(|why| Ends::with(Exit::Refused, why))
}

fn obey(
    state: &mut State,
    live: &Live,
    policy: &Policy,
    command: Command,
    store: &mut Sqlite,
) -> anyhow::Result<Result<String, String>> {
    let host = run::host_name();
    let world = World { rules: &live.rules, assets: &live.assets, policy, now: clock::now(), host: &host };
    let mut journal = Journal::default();
    let reply = step(state, &world, Input::Command { by: who(), command }, &mut journal);
    let (changes, _) = journal.take(state);
    store.commit(&changes, &[] as &[Checkpoint])?;
    Ok(reply.unwrap_or_else(|| Err("the engine did not answer".into())))
}

/// Who sits before the terminal: behind sudo, the person and not root.
pub(super) fn who() -> String {
    let name = |variable: &str| std::env::var(variable).ok().filter(|v| !v.is_empty());
    let uid = rustix::process::getuid().as_raw();
    let name = name("SUDO_USER").or_else(|| name("USER")).unwrap_or_else(|| format!("uid {uid}"));
    crate::text::plain(&name, 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_could_store_is_not_said_to_be_tried_again() {
        let full = || StoreError::Full { tried: "write", place: "/s/heinzel.db".into(), cause: "disk full".into() };
        let text = format!("{:#}", unsaid(Path::new("/s"), true, full().into()));
        assert!(text.contains("no engine runs on /s") && text.contains("say it once more"), "{text}");
        assert!(text.contains("an engine that is started before then does not know of it"), "{text}");
        assert!(text.contains("no space left") && !text.contains("then tried again"), "{text}");
        let other = unsaid(Path::new("/s"), true, anyhow::anyhow!("something else"));
        assert_eq!(format!("{other:#}"), "something else");
    }
}
