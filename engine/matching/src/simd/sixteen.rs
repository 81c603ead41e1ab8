//! Sixteen positions side by side (AVX-512 with VBMI).
//!
//! Positions near to one another are read with one load, and a permutation of its bytes puts the grams side by side. What
//! costs most is the look-up in the table, eight words at a time: so places with a digit where no gram has one, about
//! half of a log, are left out, and the others pushed together before.

use std::arch::x86_64::{
    __m512i, _bzhi_u32, _mm_cvtsi32_si128, _mm256_i32gather_epi32, _mm512_add_epi32, _mm512_andnot_si512,
    _mm512_castsi256_si512, _mm512_castsi512_si256, _mm512_extracti64x4_epi64, _mm512_inserti64x4, _mm512_loadu_si512,
    _mm512_maskz_compress_epi32, _mm512_mullo_epi32, _mm512_or_si512, _mm512_permutexvar_epi8, _mm512_rolv_epi32,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setr_epi32, _mm512_srl_epi32, _mm512_srli_epi32, _mm512_storeu_si512,
    _mm512_sub_epi8, _mm512_subs_epu8, _mm512_test_epi32_mask, _mm512_testn_epi32_mask, _mm512_xor_si512,
};

use crate::choice::{READ, Shape};
use crate::grams::{CASE, FIRST, LAST, Table};

/// How many positions are read before those that are left are looked up.
const TURN: usize = 512;

/// What is to be looked up of a turn. Behind the last are 16 more, which are written over.
struct Queue {
    hashes: [u32; TURN + 16],
    /// Which position of the turn each is of.
    numbers: [u32; TURN + 16],
    count: usize,
}

/// Probes as far as a turn fits; gives the first position that was not probed. Positions too far apart are left to others.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
pub(super) fn probe(table: &Table, bytes: &[u8], found: &mut Vec<usize>) -> usize {
    let stride = table.shape.stride;
    if table.shape.sixteen().is_none() {
        return 0;
    }
    assert!(table.words.len() == 1 << (32 - table.shift), "a hash shifted right stays inside of the words");
    let mut queue = Queue { hashes: [0; TURN + 16], numbers: [0; TURN + 16], count: 0 };
    let mut at = 0;
    while at + (TURN - 16) * stride + READ <= bytes.len() {
        fill(table, &bytes[at..], &mut queue);
        look_up(table, &queue, |number| found.push(at + number * stride));
        at += TURN * stride;
    }
    at
}

/// Puts the hashes of a turn's grams into the queue, without those that have a digit where none has one.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
#[inline]
fn fill(table: &Table, bytes: &[u8], queue: &mut Queue) {
    let Shape { stride, gram } = table.shape;
    // Byte by byte, where in what is read four bytes of each of sixteen grams stand: the first, the last, and the second to
    // the fifth.
    let four = |from| load(&std::array::from_fn(|byte| (byte / 4 * stride + from + byte % 4) as u8));
    let (first_four, last_four, inner_four) = (four(0), four(gram - 4), four(1));
    let digitless = |byte: usize| if byte < gram && table.digitless >> byte & 1 == 1 { 0xff } else { 0 };
    let digitless = _mm512_set1_epi32(i32::from_le_bytes([1, 2, 3, 4].map(digitless)));
    let (case, zero, ten) = (_mm512_set1_epi32(CASE.cast_signed()), _mm512_set1_epi8(48), _mm512_set1_epi8(10));
    let (first_by, last_by) = (_mm512_set1_epi32(FIRST.cast_signed()), _mm512_set1_epi32(LAST.cast_signed()));
    let mut numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let mut count = 0;
    for number in (0..TURN).step_by(16) {
        let Some(part) = bytes[number * stride..].first_chunk() else { unreachable!("a turn has all its bytes") };
        let there = load(part);
        // Not zero where a digit is.
        let digits = _mm512_subs_epu8(ten, _mm512_sub_epi8(there, zero));
        let kept = _mm512_testn_epi32_mask(_mm512_permutexvar_epi8(inner_four, digits), digitless);
        let there = _mm512_or_si512(there, case);
        let first = _mm512_mullo_epi32(_mm512_permutexvar_epi8(first_four, there), first_by);
        let last = _mm512_mullo_epi32(_mm512_permutexvar_epi8(last_four, there), last_by);
        let hash = _mm512_add_epi32(first, last);
        let hash = _mm512_xor_si512(hash, _mm512_srli_epi32::<15>(hash));
        push(&mut queue.hashes, count, _mm512_maskz_compress_epi32(kept, hash));
        push(&mut queue.numbers, count, _mm512_maskz_compress_epi32(kept, numbers));
        count += kept.count_ones() as usize;
        numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(16));
    }
    queue.count = count;
}

/// Tells the numbers of those in the queue that the table cannot rule out.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
#[inline]
fn look_up(table: &Table, queue: &Queue, mut tell: impl FnMut(usize)) {
    let (one, shift) = (_mm512_set1_epi32(1), _mm_cvtsi32_si128(table.shift.cast_signed()));
    let word_at = |index| {
        // SAFETY: a hash of 32 bits shifted right by `shift` is below `1 << (32 - shift)`, which `probe` asserts to be the
        // number of words; it is below 2^31 as an index, because there are at most 2^16 words.
        unsafe { _mm256_i32gather_epi32::<4>(table.words.as_ptr().cast(), index) }
    };
    // All masks first: so what is found, which nobody can guess, holds up no look-up.
    let mut masks = [0_u16; TURN / 16];
    for (at, mask) in (0..queue.count).step_by(16).zip(&mut masks) {
        let hash = &queue.hashes[at..at + 16];
        // SAFETY: the slice has the 64 bytes that are read.
        let hash = unsafe { _mm512_loadu_si512(hash.as_ptr().cast()) };
        let index = _mm512_srl_epi32(hash, shift);
        let low = word_at(_mm512_castsi512_si256(index));
        let high = word_at(_mm512_extracti64x4_epi64::<1>(index));
        let word = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
        // Rotated by the lowest five bits, as by `bits`.
        let bits = _mm512_or_si512(_mm512_rolv_epi32(one, hash), _mm512_rolv_epi32(one, _mm512_srli_epi32::<5>(hash)));
        let missing = _mm512_andnot_si512(word, bits);
        let held = !_mm512_test_epi32_mask(missing, missing);
        *mask = _bzhi_u32(held.into(), (queue.count - at).min(16) as u32) as u16;
    }
    for (at, four) in (0..).step_by(64).zip(masks.as_chunks::<4>().0) {
        let mut held = four.iter().rev().fold(0, |all, mask| all << 16 | u64::from(*mask));
        while held != 0 {
            tell(queue.numbers[at + held.trailing_zeros() as usize] as usize);
            held &= held - 1;
        }
    }
}

/// Reads 64 bytes.
#[target_feature(enable = "avx512f")]
#[inline]
fn load(bytes: &[u8; READ]) -> __m512i {
    // SAFETY: the array has the 64 bytes that are read.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Writes sixteen numbers.
#[target_feature(enable = "avx512f")]
#[inline]
fn push(queue: &mut [u32; TURN + 16], at: usize, sixteen: __m512i) {
    let there = &mut queue[at..at + 16];
    // SAFETY: the slice has the 64 bytes that are written.
    unsafe { _mm512_storeu_si512(there.as_mut_ptr().cast(), sixteen) }
}
