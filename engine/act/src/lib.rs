//! The only crate that changes the world: steps, probes, notifications.
