//! Sentence-embedding models: files that the operator adds, run in pure Rust.
//!
//! Start at [`model::Model::open`] for what a model is, at [`cache::Cached`] for why a start does not embed all answers
//! anew. Nothing here knows what an answer is; [`heinzel_knowledge::rank::embed::Embedder`] is what the ranking asks.

pub mod model;
pub mod folder;
mod tokens;
pub mod cache;
