//! A `heinzel-bench one` process, as the comparison sees it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// An engine that is ready in its process. The process ends when this is dropped.
pub struct Remote {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What building it took.
    pub ready: Value,
}

impl Remote {
    /// Starts the process and waits until the engine is built; `Err` inside says why there is no such engine here.
    pub fn start(arguments: &[String]) -> anyhow::Result<Result<Self, String>> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("one")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a process for an engine")?;
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("the engine's process has no output")?);
        let mut remote = Self { process, commands, answers, ready: Value::Null };
        remote.ready = remote.answer()?;
        match remote.ready["absent"].as_str() {
            Some(why) => Ok(Err(why.to_owned())),
            None => Ok(Ok(remote)),
        }
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, command: &str) -> anyhow::Result<Value> {
        let commands = self.commands.as_mut().context("the engine's process was told to end")?;
        writeln!(commands, "{command}")?;
        self.answer().with_context(|| format!("`{command}`"))
    }

    fn answer(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the engine's process ended with {}", self.process.wait()?);
        }
        serde_json::from_str(&line).with_context(|| format!("the engine's process said `{line}`"))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Without commands it ends by itself.
        self.commands.take();
        let _ = self.process.wait();
    }
}
