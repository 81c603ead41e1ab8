//! Decides, and never touches the world.
//!
//! No files, sockets, processes, threads, clock, randomness, SQL, scripts or HTTP: what this crate needs arrives as
//! arguments, what it wants done leaves as data. Start at [`step::step`].
//!
//! The modules stand in the order in which a line of log travels through them.

pub mod time;

pub mod block;
pub mod clock;
pub mod event;
pub mod parse;
pub mod task;

pub mod field;
pub mod finding;
pub mod glob;
pub mod pattern;
pub mod rule;
pub mod trigger;

pub mod asset;
pub mod effect;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod severity;

pub mod incident;
pub mod run;
pub mod state;

pub mod gate;
pub mod step;
pub mod window;
