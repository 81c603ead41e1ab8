//! The binary `heinzel`.

fn main() {}
