//! Decides, and never touches the world.
//!
//! No files, sockets, processes, threads, clock, randomness, SQL, scripts or HTTP: what this crate needs arrives as
//! arguments, what it wants done leaves as data. Start at [`step::step`]: it takes the [`state::State`] and one
//! [`step::Input`] and says what changes and which effects to perform.
//!
//! The modules stand in the order in which a line of log travels through them.

pub mod time;

pub mod block;
pub mod event;
pub mod task;
pub mod parse;

pub mod glob;
pub mod field;
pub mod trigger;
pub mod rule;
pub mod finding;

pub mod severity;
pub mod asset;
pub mod probe;
pub mod plan;
pub mod policy;
pub mod effect;
