//! What produces blocks: files, journald, syslog, exec, task histories; checkpoints.
//!
//! Every kind of source is one module with one `run`, which reads until it is told to stop or something breaks; the
//! supervisor restarts it with capped back-off and shows it degraded in between. Nothing here decides anything.

pub mod error;
pub mod feed;
mod lines;
pub mod settings;

pub mod exec;
pub mod journald;
pub mod proxmox;
pub mod syslog;

pub mod cron;
pub mod decode;
pub mod task_lines;
