//! Decides, and never touches the world.
//!
//! No files, sockets, processes, threads, clock, randomness, SQL, scripts or HTTP: what this crate needs arrives as
//! arguments, what it wants done leaves as data. Start at [`step::step`].
//!
//! The modules stand in the order in which a line of log travels through them.

pub mod time;

pub mod block;
pub mod parse;
pub mod event;
pub mod writer;
pub mod clock;
pub mod task;

pub mod glob;
pub mod near;
pub mod place;
pub mod secret;
pub mod unseen;
pub mod pattern;
pub mod field;
pub mod trigger;
pub mod rule;
pub mod finding;
pub mod findings;

pub mod key;
pub mod window;
pub mod severity;
pub mod asset;
pub mod incident;

pub mod redact;
pub mod customer;
pub mod draft;
pub mod ticket;

pub mod probe;
pub mod plan;
pub mod policy;
pub mod gate;
pub mod run;
pub mod look;
pub mod stand;
pub mod effect;

pub mod spot;
pub mod state;
pub mod step;
