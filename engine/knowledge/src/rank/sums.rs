//! Sums by number, most of them zero: what was added to is remembered, so that the others cost nothing.

/// A sum for each number.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) sums: Vec<f32>,
    /// The numbers whose sums are not zero.
    pub(super) touched: Vec<u32>,
}

impl Sums {
    /// All zero, so many of them.
    pub(super) fn clear(&mut self, length: usize) {
        if self.sums.len() != length || self.touched.len() * 8 > length {
            self.sums.clear();
            self.sums.resize(length, 0.0);
        }
        for number in self.touched.drain(..) {
            if let Some(sum) = self.sums.get_mut(number as usize) {
                *sum = 0.0;
            }
        }
    }

    /// Adds to one, which there must be.
    pub(super) fn add(&mut self, number: u32, value: f32) {
        let sum = &mut self.sums[number as usize];
        if *sum == 0.0 && value != 0.0 {
            self.touched.push(number);
        }
        *sum += value;
    }

    /// Takes all that are not zero.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u32, f32)> {
        self.touched.drain(..).map(|number| (number, std::mem::take(&mut self.sums[number as usize])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_taken_once() {
        let mut sums = Sums::default();
        sums.clear(5);
        for (number, value) in [(3, 1.0), (1, 0.5), (3, 2.0), (4, 0.0)] {
            sums.add(number, value);
        }
        assert_eq!(sums.take().collect::<Vec<_>>(), [(3, 3.0), (1, 0.5)]);
        assert_eq!(sums.take().next(), None);
        sums.add(1, 1.0);
        sums.clear(2);
        assert_eq!((&*sums.sums, &*sums.touched), (&[0.0, 0.0][..], &[][..]));
    }
}
