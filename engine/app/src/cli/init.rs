//! `heinzel init`: looks at the machine and writes a commented configuration.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::discover;
use crate::exit::{Ends, Exit};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to write it; `-` is stdout.
    #[arg(default_value = "heinzel.toml")]
    file: PathBuf,
    /// Write over an existing file.
    #[arg(long)]
    force: bool,
}

/// Writes the configuration.
pub(super) fn init(arguments: &Arguments) -> anyhow::Result<Exit> {
    let text = text();
    if arguments.file.as_os_str() == "-" {
        super::print(&text)?;
        return Ok(Exit::Ok);
    }
    let path = arguments.file.display();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(!arguments.force).create(arguments.force).truncate(arguments.force);
    let mut file = match options.open(&arguments.file) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = format!("{path} exists; give another name, or `--force` to write over it");
            return Err(Ends::with(Exit::Refused, text));
        }
        opened => opened.with_context(|| format!("write {path}"))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("write {path}"))?;
    super::print(&format!(
        "wrote {path}; check it with `heinzel --config {path} check`, then `heinzel --config {path} run`\n"
    ))?;
    Ok(Exit::Ok)
}

/// The text that the package installs, with the sources that are here.
fn text() -> String {
    let tables: Vec<String> = discover::tables().into_iter().map(|table| format!("[[source]]\n{table}\n")).collect();
    TEXT.replacen(RULES, &format!("{}{RULES}", tables.concat()), 1)
}

const TEXT: &str = include_str!("../../../../packaging/heinzel.toml");
/// Before this come the sources.
const RULES: &str = "# ── Rules ──";
