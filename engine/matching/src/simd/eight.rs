//! Eight positions, or 32 bytes, side by side (AVX2).

use std::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm_loadl_epi64, _mm_loadu_si128, _mm_unpacklo_epi64, _mm256_add_epi32,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi8, _mm256_cmpeq_epi32,
    _mm256_i32gather_epi32, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_movemask_ps, _mm256_mullo_epi32,
    _mm256_or_si256, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_sllv_epi32, _mm256_srl_epi32, _mm256_srli_epi16, _mm256_srli_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use crate::choice::Shape;
use crate::classes::{Classes, NEIGHBOURS};
use crate::grams::{CASE, FIRST, LAST, Table};

/// Probes from `at` on as far as eight at once fit; gives the first position that was not probed.
#[target_feature(enable = "avx2")]
pub(super) fn probe(table: &Table, bytes: &[u8], at: usize, found: &mut Vec<usize>) -> usize {
    assert!(table.words.len() == 1 << (32 - table.shift), "a hash shifted right stays inside of the words");
    let Shape { stride, gram } = table.shape;
    if stride <= NEAR {
        probe_all::<4>(table, bytes, at, found)
    } else if stride + gram <= 16 {
        probe_all::<2>(table, bytes, at, found)
    } else {
        probe_all::<1>(table, bytes, at, found)
    }
}

/// Four probes so near to one another stand in 16 bytes.
const NEAR: usize = 4;

/// Probes 64 positions a turn, of which so many stand `TOGETHER` in 16 bytes: 4 (but for the ends of their grams), 2
/// or 1.
#[target_feature(enable = "avx2")]
#[inline]
fn probe_all<const TOGETHER: usize>(table: &Table, bytes: &[u8], mut at: usize, found: &mut Vec<usize>) -> usize {
    let (stride, back) = (table.shape.stride, table.shape.gram - 4);
    // Byte by byte, where in 16 bytes four bytes of each of four positions stand; or the first and the last four of two.
    let four: [usize; 4] = match TOGETHER {
        4 => std::array::from_fn(|k| k * stride),
        2 => [0, stride, back, stride + back],
        _ => [0, 8, back, 8 + back],
    };
    let four = four.map(|at| i32::from_le_bytes(std::array::from_fn(|byte| (at + byte) as u8)));
    let lanes = _mm256_setr_epi32(four[0], four[1], four[2], four[3], four[0], four[1], four[2], four[3]);
    // So far behind its first position stands the last byte that a probe of eight reads.
    let reach = match TOGETHER {
        4 => 4 * stride + back + 16,
        2 => 6 * stride + 16,
        _ => 7 * stride + 8,
    };
    let mut last = (0, 0_u64);
    while at + 56 * stride + reach <= bytes.len() {
        let mut mask = 0;
        for eight in 0..8 {
            let from = at + 8 * eight * stride;
            let part = &bytes[from..from + reach];
            let (first, last) = if TOGETHER == 4 {
                (near(part, 4 * stride, lanes), near(&part[back..], 4 * stride, lanes))
            } else {
                pairs::<TOGETHER>(part, stride, lanes)
            };
            mask |= u64::from(held(table, first, last)) << (8 * eight);
        }
        // Those before: whether there are any is known by now, and a wrong guess is found out at once.
        note(std::mem::replace(&mut last, (at, mask)), stride, found);
        at += 64 * stride;
    }
    note(last, stride, found);
    at
}

/// Tells the positions whose bits are set, counted from the first.
#[inline]
fn note((at, mut mask): (usize, u64), stride: usize, found: &mut Vec<usize>) {
    while mask != 0 {
        found.push(at + mask.trailing_zeros() as usize * stride);
        mask &= mask - 1;
    }
}

/// Four bytes at each of eight positions of at most [`NEAR`] bytes apart, the fifth at `half`.
#[target_feature(enable = "avx2")]
#[inline]
fn near(part: &[u8], half: usize, lanes: __m256i) -> __m256i {
    assert!(part.len() >= half + 16);
    // SAFETY: 16 bytes from each place, as was just asserted.
    let (low, high) =
        unsafe { (_mm_loadu_si128(part.as_ptr().cast()), _mm_loadu_si128(part.as_ptr().add(half).cast())) };
    _mm256_shuffle_epi8(_mm256_set_m128i(high, low), lanes)
}

/// The first and the last four bytes of the grams at eight positions, of which two stand `TOGETHER` in 16 bytes, or one in
/// eight.
#[target_feature(enable = "avx2")]
#[inline]
fn pairs<const TOGETHER: usize>(part: &[u8], stride: usize, lanes: __m256i) -> (__m256i, __m256i) {
    assert!(part.len() >= if TOGETHER == 2 { 6 * stride + 16 } else { 7 * stride + 8 });
    let pair = |at: usize| {
        let place = part.as_ptr().wrapping_add(at * stride);
        if TOGETHER == 2 {
            // SAFETY: 16 bytes from the sixth position or one before it, as was just asserted.
            unsafe { _mm_loadu_si128(place.cast()) }
        } else {
            // SAFETY: eight bytes each from the seventh position or one before it, as was just asserted.
            unsafe { _mm_unpacklo_epi64(_mm_loadl_epi64(place.cast()), _mm_loadl_epi64(place.add(stride).cast())) }
        }
    };
    let even = _mm256_shuffle_epi8(_mm256_set_m128i(pair(4), pair(0)), lanes);
    let odd = _mm256_shuffle_epi8(_mm256_set_m128i(pair(6), pair(2)), lanes);
    (_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd))
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

/// Which of eight grams, by their first and last four bytes, the table cannot rule out.
#[target_feature(enable = "avx2")]
#[inline]
fn held(table: &Table, first: __m256i, last: __m256i) -> u32 {
    let case = _mm256_set1_epi32(CASE.cast_signed());
    let first = _mm256_mullo_epi32(_mm256_or_si256(first, case), _mm256_set1_epi32(FIRST.cast_signed()));
    let last = _mm256_mullo_epi32(_mm256_or_si256(last, case), _mm256_set1_epi32(LAST.cast_signed()));
    let hash = _mm256_add_epi32(first, last);
    let hash = _mm256_xor_si256(hash, _mm256_srli_epi32::<15>(hash));
    let index = _mm256_srl_epi32(hash, _mm_cvtsi32_si128(table.shift.cast_signed()));
    // SAFETY: a hash of 32 bits shifted right by `shift` is below `1 << (32 - shift)`, which `probe` asserts to be the
    // number of words; it is below 2^31 as an index, because there are at most 2^16 words.
    let word = unsafe { _mm256_i32gather_epi32::<4>(table.words.as_ptr().cast(), index) };
    let (one, low) = (_mm256_set1_epi32(1), _mm256_set1_epi32(31));
    let bits = _mm256_or_si256(
        _mm256_sllv_epi32(one, _mm256_and_si256(hash, low)),
        _mm256_sllv_epi32(one, _mm256_and_si256(_mm256_srli_epi32::<5>(hash), low)),
    );
    let held = _mm256_cmpeq_epi32(_mm256_and_si256(word, bits), bits);
    _mm256_movemask_ps(_mm256_castsi256_ps(held)).cast_unsigned()
}
