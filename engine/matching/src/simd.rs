//! Eight probes, or 32 bytes, at once where the processor can (AVX2); decided at run time.
//!
//! The only unsafe code of the workspace. [`probe`] gives what [`Table::probe`] gives and [`find`] what [`Classes::find`]
//! gives, which the tests hold them to.
#![allow(
    unsafe_code,
    reason = "vector loads from computed addresses have no safe form; each is argued where it stands"
)]

use crate::classes::Classes;
use crate::grams::Table;

/// Whether this processor probes eight at once.
pub(crate) fn is_there() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Tells the positions whose grams cannot be ruled out.
pub(crate) fn probe(table: &Table, bytes: &[u8], found: &mut Vec<usize>) {
    #[cfg(target_arch = "x86_64")]
    if is_there() {
        // SAFETY: the processor has AVX2, as was just asked.
        let next = unsafe { x86::probe(table, bytes, found) };
        return table.probe(bytes, next, found);
    }
    table.probe(bytes, 0, found);
}

/// The first place from `at` on where a row of classes begins.
pub(crate) fn find(classes: &Classes, bytes: &[u8], at: usize) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if is_there() {
        // SAFETY: the processor has AVX2, as was just asked.
        return match unsafe { x86::find(classes, bytes, at) } {
            Ok(found) => Some(found),
            Err(next) => classes.find(bytes, next),
        };
    }
    classes.find(bytes, at)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm256_add_epi32, _mm256_and_si256, _mm256_broadcastsi128_si256,
        _mm256_castsi256_ps, _mm256_cmpeq_epi8, _mm256_cmpeq_epi32, _mm256_i32gather_epi32, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_movemask_ps, _mm256_mullo_epi32, _mm256_or_si256, _mm256_set1_epi8,
        _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sllv_epi32,
        _mm256_srl_epi32, _mm256_srli_epi16, _mm256_srli_epi32, _mm256_xor_si256,
    };

    use crate::classes::{Classes, NEIGHBOURS};
    use crate::grams::{CASE, FIRST, LAST, Table};

    /// Probes as far as eight at once fit; gives the first position that was not probed.
    #[target_feature(enable = "avx2")]
    pub(super) fn probe(table: &Table, bytes: &[u8], found: &mut Vec<usize>) -> usize {
        let (stride, back) = (table.shape.stride(), table.shape.gram - 4);
        assert!(table.words.len() == 1 << (32 - table.shift), "a hash shifted right stays inside of the words");
        let Ok(step) = i32::try_from(stride) else { return 0 };
        let lanes = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(step));
        // The last byte that a probe of eight reads stands so far behind its first position.
        let reach = 7 * stride + back + 4;
        let mut at = 0;
        while at + 8 * stride + reach <= bytes.len() {
            // SAFETY: the second eight begin at `at + 8 * stride` and read `reach` bytes from there; the first end before.
            let (one, two) = unsafe {
                (
                    held(table, bytes.as_ptr().add(at), back, lanes),
                    held(table, bytes.as_ptr().add(at + 8 * stride), back, lanes),
                )
            };
            let mut mask = one | two << 8;
            while mask != 0 {
                found.push(at + mask.trailing_zeros() as usize * stride);
                mask &= mask - 1;
            }
            at += 16 * stride;
        }
        at
    }

    /// Looks as far as 32 bytes and their neighbours can be read at once: the place, or from where on to look otherwise.
    #[target_feature(enable = "avx2")]
    pub(super) fn find(classes: &Classes, bytes: &[u8], mut at: usize) -> Result<usize, usize> {
        let tables = classes.halves.map(|halves| {
            halves.map(|table| {
                // SAFETY: the table has the 16 bytes that are read.
                _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
            })
        });
        let (low, zero) = (_mm256_set1_epi8(15), _mm256_setzero_si256());
        while at + 32 + NEIGHBOURS - 1 <= bytes.len() {
            let mut allowed = _mm256_set1_epi8(-1);
            for (place, [lows, highs]) in tables.iter().enumerate() {
                // SAFETY: 32 bytes from `at + place` on, which is at most `at + NEIGHBOURS - 1`.
                let there: __m256i = unsafe { _mm256_loadu_si256(bytes.as_ptr().add(at + place).cast()) };
                let high = _mm256_and_si256(_mm256_srli_epi16::<4>(there), low);
                let halves = _mm256_and_si256(
                    _mm256_shuffle_epi8(*lows, _mm256_and_si256(there, low)),
                    _mm256_shuffle_epi8(*highs, high),
                );
                allowed = _mm256_and_si256(allowed, halves);
            }
            let mut mask = !_mm256_movemask_epi8(_mm256_cmpeq_epi8(allowed, zero)).cast_unsigned();
            while mask != 0 {
                let place = at + mask.trailing_zeros() as usize;
                if classes.begins(bytes, place) {
                    return Ok(place);
                }
                mask &= mask - 1;
            }
            at += 32;
        }
        Err(at)
    }

    /// Which of eight positions the table cannot rule out.
    ///
    /// # Safety
    /// `7 * stride + back + 4` bytes can be read from `from`, `lanes` are the multiples 0 to 7 of the stride, and
    /// `table.words` has `1 << (32 - table.shift)` words.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn held(table: &Table, from: *const u8, back: usize, lanes: __m256i) -> u32 {
        // SAFETY: four bytes at each lane, and at each lane + `back`: the last end where the caller allows.
        let (first, last) = unsafe {
            (_mm256_i32gather_epi32::<1>(from.cast(), lanes), _mm256_i32gather_epi32::<1>(from.add(back).cast(), lanes))
        };
        let case = _mm256_set1_epi32(CASE.cast_signed());
        let first = _mm256_mullo_epi32(_mm256_or_si256(first, case), _mm256_set1_epi32(FIRST.cast_signed()));
        let last = _mm256_mullo_epi32(_mm256_or_si256(last, case), _mm256_set1_epi32(LAST.cast_signed()));
        let hash = _mm256_add_epi32(first, last);
        let hash = _mm256_xor_si256(hash, _mm256_srli_epi32::<15>(hash));
        let index = _mm256_srl_epi32(hash, _mm_cvtsi32_si128(table.shift.cast_signed()));
        // SAFETY: a hash of 32 bits shifted right by `shift` is below `1 << (32 - shift)`, the number of words; it is
        // below 2^31 as an index, because there are at most 2^16 words.
        let word = unsafe { _mm256_i32gather_epi32::<4>(table.words.as_ptr().cast(), index) };
        let (one, low) = (_mm256_set1_epi32(1), _mm256_set1_epi32(31));
        let bits = _mm256_or_si256(
            _mm256_sllv_epi32(one, _mm256_and_si256(hash, low)),
            _mm256_sllv_epi32(one, _mm256_and_si256(_mm256_srli_epi32::<5>(hash), low)),
        );
        let held = _mm256_cmpeq_epi32(_mm256_and_si256(word, bits), bits);
        _mm256_movemask_ps(_mm256_castsi256_ps(held)).cast_unsigned()
    }
}
