//! The Rhai host: pack loading, the rule contract, limits, hot reload.
