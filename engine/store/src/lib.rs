//! What must survive: incidents, effects, checkpoints, audit. Trait and SQLite.
