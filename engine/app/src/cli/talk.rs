//! Commands to the engine: over its socket while it runs, else straight into its store by the same `step`.

use heinzel_core::block::Checkpoint;
use heinzel_core::state::{Journal, State};
use heinzel_core::step::{Command, Input, World, step};
use heinzel_store::sqlite::{Options, Sqlite};
use heinzel_store::{Store as _, boot};

use crate::config::Config;
use crate::control::{Question, Reply, ask};
use crate::exit::{Ends, Exit};
use crate::live::Live;
use crate::{clock, run};

/// Tells the engine and prints what it says.
pub(super) fn tell(global: &super::Global, command: Command) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let answer = match ask(&config.socket(), &Question::Command { by: who(), command: command.clone() })? {
        Some(Reply::Done(text)) => Ok(text),
        Some(Reply::Refused(text)) => Err(text),
        Some(Reply::Report(_)) => Err("the engine answered another question; are both sides of one version?".into()),
        None => without_engine(&config, command)?,
    };
    match answer {
        Ok(text) if global.json => super::print_json(&serde_json::json!({ "ok": true, "text": text }))?,
        Ok(text) => super::print(&format!("{text}\n"))?,
        Err(text) => return Err(Ends::with(Exit::Refused, text)),
    }
    Ok(Exit::Ok)
}

/// Does it in the store; effects it asks for are performed when the engine starts.
fn without_engine(config: &Config, command: Command) -> anyhow::Result<Result<String, String>> {
    if !config.state.exists() {
        let text =
            format!("no engine runs and there is no store in {}; start one with `heinzel run`", config.state.display());
        return Err(Ends::with(Exit::Engine, text));
    }
    let lock = config.lock()?;
    let mut store = Sqlite::open(lock, &Options { boot: boot::current(), ..Options::default() })?;
    let (live, _) = Live::load(&config.rules, config.assets.as_deref());
    let loaded = store.load(clock::now() - run::RECENT)?;
    let mut state = run::state_of(loaded).state;
    let answer = obey(&mut state, &live, config, command, &mut store)?;
    Ok(answer.map(|text| format!("{text} (no engine runs: it is stored and holds from its next start)")))
}

fn obey(
    state: &mut State,
    live: &Live,
    config: &Config,
    command: Command,
    store: &mut Sqlite,
) -> anyhow::Result<Result<String, String>> {
    let host = run::host_name();
    let world =
        World { rules: &live.rules, assets: &live.assets, policy: &config.policy, now: clock::now(), host: &host };
    let mut journal = Journal::default();
    let reply = step(state, &world, Input::Command { by: who(), command }, &mut journal);
    let (changes, _) = journal.take(state);
    store.commit(&changes, &[] as &[Checkpoint])?;
    Ok(reply.unwrap_or_else(|| Err("the engine did not answer".into())))
}

/// Who sits before the terminal: behind sudo, the person and not root.
fn who() -> String {
    let name = |variable: &str| std::env::var(variable).ok().filter(|v| !v.is_empty());
    let uid = rustix::process::getuid().as_raw();
    let name = name("SUDO_USER").or_else(|| name("USER")).unwrap_or_else(|| format!("uid {uid}"));
    crate::text::plain(&name, 64)
}
