//! Completions and the man pages, made from the declarations.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::exit::Exit;

/// Prints completions for a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), "heinzel", &mut out);
    super::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Ok)
}

/// Prints the man page of the program, or writes that and one for every command into a folder.
pub(super) fn man(folder: Option<&Path>) -> anyhow::Result<Exit> {
    let command = super::Cli::command();
    if let Some(folder) = folder {
        let what = || format!("write the man pages into {}", folder.display());
        std::fs::create_dir_all(folder).with_context(what)?;
        clap_mangen::generate_to(command, folder).with_context(what)?;
        return Ok(Exit::Ok);
    }
    let mut out = Vec::new();
    clap_mangen::Man::new(command).render(&mut out)?;
    super::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Ok)
}
