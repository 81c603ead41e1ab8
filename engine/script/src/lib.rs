//! The Rhai host: pack loading, the rule contract, limits, hot reload.
//!
//! Start at [`pack::load`]: it reads a folder of packs and says which rules it holds and all that is wrong with them. A
//! loaded rule is a [`heinzel_core::rule::Rule`] whose functions run in one [`host::Host`] without files, network, clock
//! or eval. The contract that is checked here is `rules/README.md`.
//!
//! The modules stand in the order in which a rule file travels through them.

pub mod host;
pub mod pack;
pub mod plain_file;
pub mod problem;
mod purify;

mod patterns;
pub use patterns::RESERVED;
mod places;
mod reader;
mod rule;
mod trigger;

mod calls;
mod lost;
mod check;
mod compare;
mod brackets;
mod draft;
mod program;
mod logic;
mod probe;
mod step;
mod view;
mod words;
mod arguments;

pub mod plan_sample;
pub mod reference;
pub mod reload;
pub mod sample;

#[cfg(test)]
mod tests;
