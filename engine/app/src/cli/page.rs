//! Completions and the man page, made from the declarations.

use clap::CommandFactory as _;

use crate::exit::Exit;

/// Prints completions for a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), "heinzel", &mut out);
    super::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Ok)
}

/// Prints the man page: the program, then every command.
pub(super) fn man() -> anyhow::Result<Exit> {
    let command = super::Cli::command();
    let mut out = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    super::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Ok)
}
