//! Several probes, or bytes, side by side where the processor can; decided at run time.
//!
//! The only unsafe code of the workspace is in here. At any [`Width`], [`probe`] leaves out no position at which one of the
//! texts has its gram, and [`find`] gives what [`Classes::find`] gives, which the tests hold them to.
#![allow(
    unsafe_code,
    reason = "vector loads from computed addresses have no safe form; each is argued where it stands"
)]

#[cfg(target_arch = "x86_64")]
mod eight;
#[cfg(target_arch = "x86_64")]
mod sixteen;

use crate::classes::Classes;
use crate::grams::Table;

/// How many positions of a log are looked at side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// One after the other, by any processor.
    #[default]
    One,
    /// Eight: AVX2.
    Eight,
    /// Sixteen: AVX-512 with VBMI.
    Sixteen,
}

impl Width {
    /// All of them, from narrow to wide.
    pub const ALL: [Self; 3] = [Self::One, Self::Eight, Self::Sixteen];

    /// The most that this processor can do.
    #[must_use]
    pub fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            macro_rules! has {
                ($($feature:tt),*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
            }
            if has!("avx2", "avx512f", "avx512bw", "avx512vbmi", "bmi2", "popcnt") {
                return Self::Sixteen;
            }
            if has!("avx2") {
                return Self::Eight;
            }
        }
        Self::One
    }
}

/// Tells the positions whose grams cannot be ruled out, at this width or, where the processor cannot, at a smaller one.
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, unused_variables, reason = "there is but one width"))]
pub(crate) fn probe(width: Width, table: &Table, bytes: &[u8], found: &mut Vec<usize>) {
    let mut at = 0;
    #[cfg(target_arch = "x86_64")]
    {
        let width = width.min(Width::widest());
        if width >= Width::Sixteen {
            // SAFETY: the processor has all that `widest` asks for.
            at = unsafe { sixteen::probe(table, bytes, found) };
        }
        if width >= Width::Eight {
            // SAFETY: the processor has AVX2, as was just asked.
            at = unsafe { eight::probe(table, bytes, at, found) };
        }
    }
    table.probe(bytes, at, found);
}

/// The first place from `at` on where a row of classes begins.
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, reason = "there is but one width"))]
pub(crate) fn find(width: Width, classes: &Classes, bytes: &[u8], at: usize) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if width.min(Width::widest()) >= Width::Eight {
        // SAFETY: the processor has AVX2, as was just asked.
        return match unsafe { eight::find(classes, bytes, at) } {
            Ok(found) => Some(found),
            Err(next) => classes.find(bytes, next),
        };
    }
    classes.find(bytes, at)
}
