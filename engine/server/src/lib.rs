//! The HTTP API: push, health, metrics.
