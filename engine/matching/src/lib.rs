//! All rules' patterns over raw blocks: candidate lines first, captures second.
