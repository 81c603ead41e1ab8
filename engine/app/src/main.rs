//! The binary `heinzel`: reads settings, wires, supervises, stops. The only place that knows everybody.
//!
//! Start at [`run::run`] for the daemon: one straight function from the configuration to the last flush. Everything else
//! is a command of [`cli`].

mod cli;
mod exit;
mod text;

mod clock;
mod installed;
mod config;
mod edited;
mod state_folder;
mod discover;

mod learning;
mod live;
mod strays;
mod doubts;
mod samples;
mod pipeline;

mod front;
mod in_order;
mod knowledge;
mod board;
mod budget;
mod scanner;
mod pump;
mod lapse;
mod performer;
mod console;
mod report;
mod untold;
mod reports;
mod replay;
mod metrics;
mod control;
mod server;
mod watch;
mod service;
mod run;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let cli = cli::Cli::parse();
    match cli::obey(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The one place where an error chain is printed.
            let text = text::lines(&format!("heinzel: {error:#}\n"));
            let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes());
            exit::of(&error).into()
        }
    }
}
