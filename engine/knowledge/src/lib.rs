//! Answers for customers, and which of them fits a draft.
//!
//! Start at [`answer`] for what an answer is and at [`rank`] for how a draft finds it. Pure: texts in, texts out; no
//! clock, no network. Files are read in [`library`] only.

pub mod answer;
pub mod complaint;
mod called;
pub mod occasion;
pub mod placeholder;
pub mod front_matter;
pub mod library;
pub mod render;
pub mod lint;
pub mod exchange;
pub mod text;
pub mod rank;
pub mod eval;
pub mod tone;
pub mod topics;
pub mod deflection;
pub mod learned;
pub mod contacts;
pub mod silence;
pub mod import;
pub mod suggest;
