//! How the process ends. The numbers are a promise to scripts; README lists them.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It is done, or all is well.
    Ok = 0,
    /// Something broke: a file, the store, the network.
    Broke = 1,
    /// The command line is wrong (clap's number).
    Usage = 2,
    /// It was checked and found wrong: configuration, rules, samples, audit trail.
    Wrong = 3,
    /// The engine said no: no such incident, nothing to approve, already so.
    Refused = 4,
    /// Another engine holds the store, or none runs where one is needed.
    Engine = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that says how the process ends.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Ends {
    /// How.
    pub(crate) exit: Exit,
    /// Why, for people.
    pub(crate) text: String,
}

impl Ends {
    /// An error that ends the process this way.
    pub(crate) fn with(exit: Exit, text: impl Into<String>) -> anyhow::Error {
        Self { exit, text: text.into() }.into()
    }
}

/// How an error ends the process.
pub(crate) fn of(error: &anyhow::Error) -> Exit {
    error.chain().find_map(|e| e.downcast_ref::<Ends>()).map_or(Exit::Broke, |e| e.exit)
}
