//! Inverted lists: for each key the units that have it, each with a weight.
//!
//! Weights are kept in the upper half of a float: its eight bits of mantissa are more than ranking sees, and lists are
//! read by the thousand for every draft.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// Keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) ^ u64::from(*byte);
        }
    }
    fn write_u32(&mut self, key: u32) {
        self.0 = u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A map whose keys are hashes.
pub(super) type HashedMap<K, V> = HashMap<K, V, BuildHasherDefault<Hashed>>;

/// The lists, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    /// Where each list begins; one more than there are lists.
    pub(super) offsets: Vec<u32>,
    /// The units, ascending within a list.
    pub(super) units: Vec<u32>,
    /// Their weights, see [`narrow`].
    pub(super) weights: Vec<u16>,
}

impl Lists {
    /// From entries (list, unit, weight) whose units ascend; `lists` is how many there are.
    #[must_use]
    pub(super) fn new(lists: usize, entries: &[(u32, u32, f32)]) -> Self {
        let mut offsets = vec![0u32; lists + 1];
        for (list, ..) in entries {
            offsets[*list as usize + 1] += 1;
        }
        for i in 0..lists {
            offsets[i + 1] += offsets[i];
        }
        let mut next: Vec<u32> = offsets.clone();
        let (mut units, mut weights) = (vec![0; entries.len()], vec![0; entries.len()]);
        for (list, unit, weight) in entries {
            let at = next[*list as usize] as usize;
            next[*list as usize] += 1;
            units[at] = *unit;
            weights[at] = narrow(*weight);
        }
        Self { offsets, units, weights }
    }

    /// How long a list is.
    #[must_use]
    pub(super) fn len(&self, list: u32) -> usize {
        let list = list as usize;
        (self.offsets[list + 1] - self.offsets[list]) as usize
    }

    /// How many lists there are.
    #[must_use]
    pub(super) const fn lists(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Adds `factor` times each weight of a list to its unit's sum; a unit whose sum was zero before is added to `touched`.
    pub(super) fn add(&self, list: u32, factor: f32, sums: &mut [f32], touched: &mut Vec<u32>) {
        let range = self.offsets[list as usize] as usize..self.offsets[list as usize + 1] as usize;
        for (unit, weight) in self.units[range.clone()].iter().zip(&self.weights[range]) {
            if let Some(sum) = sums.get_mut(*unit as usize) {
                if *sum == 0.0 {
                    touched.push(*unit);
                }
                *sum += factor * widen(*weight);
            }
        }
    }

    /// Whether a list has any of these units.
    #[must_use]
    pub(super) fn has_any(&self, list: u32, units: Range<u32>) -> bool {
        let list = &self.units[self.offsets[list as usize] as usize..self.offsets[list as usize + 1] as usize];
        let at = list.partition_point(|unit| *unit < units.start);
        list.get(at).is_some_and(|unit| *unit < units.end)
    }

    /// Whether reading it can go wrong: offsets that descend or point outside, units that do not exist.
    #[must_use]
    pub(super) fn is_sound(&self, units: usize) -> bool {
        self.offsets.first() == Some(&0)
            && self.offsets.windows(2).all(|pair| pair[0] <= pair[1])
            && self.offsets.last().is_some_and(|last| *last as usize == self.units.len())
            && self.units.len() == self.weights.len()
            && self.units.iter().all(|unit| (*unit as usize) < units)
    }
}

/// The upper half of a float, rounded.
#[must_use]
pub(super) fn narrow(weight: f32) -> u16 {
    (weight.to_bits().saturating_add(0x8000) >> 16) as u16
}

/// A float from its upper half.
#[must_use]
pub(crate) fn widen(weight: u16) -> f32 {
    f32::from_bits(u32::from(weight) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_give_what_was_put_in() {
        let lists = Lists::new(3, &[(0, 0, 1.0), (2, 0, 0.5), (0, 1, 2.0), (0, 4, 4.0)]);
        assert!(lists.is_sound(5) && !lists.is_sound(4));
        assert_eq!((lists.len(0), lists.len(1), lists.len(2)), (3, 0, 1));
        assert!(lists.has_any(0, 1..2) && lists.has_any(0, 2..5) && !lists.has_any(0, 2..4) && !lists.has_any(1, 0..5));
        let mut sums = [0.0; 5];
        let mut touched = Vec::new();
        lists.add(0, 2.0, &mut sums, &mut touched);
        assert_eq!((sums, touched), ([2.0, 4.0, 0.0, 0.0, 8.0], vec![0, 1, 4]));
    }

    #[test]
    fn narrow_weights_stay_near() {
        for weight in [0.001f32, 0.3, 1.0, 17.3, 0.0] {
            assert!((widen(narrow(weight)) - weight).abs() <= weight / 200.0, "{weight}");
        }
    }
}
