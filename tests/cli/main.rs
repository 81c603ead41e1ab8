//! The real binary as people meet it: every command, its answers and its exit status; and as strangers attack it.
//!
//! Every test has a [`lab::Lab`] of its own: a folder with a small pack, a log and a store.
#![expect(clippy::unwrap_used, reason = "tests")]

mod lab;

mod answers;
mod asking;
mod attack;
mod commands;
mod customers;
mod form;
mod in_force;
mod looks;
mod mining;
mod models;
mod pages;
mod replay;
mod running;
mod service;
mod serving;
mod settings;
mod trouble;
