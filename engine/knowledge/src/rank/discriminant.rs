//! Which answer do drafts like this one belong to, when drafts are dense vectors?
//!
//! Start at [`Discriminant::train`]: Fisher's linear discriminant with a shrunk covariance. It has a closed form, so it
//! is the same in every run and takes a second where logistic regression takes minutes (10,000 drafts of 500 answers);
//! and it knows how it would have judged a row that it had not seen.

/// A vector whose class is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// The vector.
    pub(super) vector: &'a [f32],
    /// The class.
    pub(super) class: usize,
}

/// How it is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shrinkage {
    /// How far the covariance is drawn towards a multiple of the unit matrix, 0 to 1: few rows say little about many
    /// dimensions.
    pub(crate) covariance: f64,
    /// So many rows at the centre of all rows are added to each class: a class with one row is not known well.
    pub(crate) centre: f64,
}

impl Default for Shrinkage {
    fn default() -> Self {
        Self { covariance: 0.65, centre: 2.0 }
    }
}

/// What was learned: a plane for each class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Discriminant {
    dimensions: usize,
    /// Class by class.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Discriminant {
    /// Learns from the rows. Rows of other length than the first, or of classes beyond `classes`, are left out. `None`
    /// when no class has two rows: nothing says how far drafts of one answer lie apart.
    #[must_use]
    pub(super) fn train(rows: &[Row<'_>], classes: usize, shrinkage: Shrinkage) -> Option<Trained> {
        let dimensions = rows.first()?.vector.len();
        let rows: Vec<Row<'_>> =
            rows.iter().copied().filter(|row| row.class < classes && row.vector.len() == dimensions).collect();
        let mut trained = Trained::means(&rows, classes, dimensions, shrinkage.centre)?;
        let inverse = trained.inverse(&rows, shrinkage.covariance)?;
        trained.inverse = inverse;
        trained.planes();
        Some(trained)
    }

    /// The score of each class, into `scores`: the logarithm of a probability but for a common constant.
    pub(super) fn scores(&self, vector: &[f32], scores: &mut Vec<f32>) {
        scores.clear();
        let planes = self.weights.chunks_exact(self.dimensions.max(1)).zip(&self.bias);
        scores.extend(planes.map(|(plane, bias)| dot(plane, vector) + bias));
    }
}

/// A discriminant with what calibration needs of its training.
#[derive(Debug)]
pub(super) struct Trained {
    /// What was learned.
    pub(super) discriminant: Discriminant,
    /// Of all rows.
    pub(super) centre: Vec<f64>,
    /// Class by class, around the centre, shrunk.
    means: Vec<f64>,
    counts: Vec<f64>,
    added: f64,
    inverse: Vec<f64>,
}

impl Trained {
    fn means(rows: &[Row<'_>], classes: usize, dimensions: usize, added: f64) -> Option<Self> {
        let mut centre = vec![0.0; dimensions];
        for row in rows {
            centre.iter_mut().zip(row.vector).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        centre.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
        let mut means = vec![0.0; dimensions * classes];
        let mut counts = vec![0.0; classes];
        for row in rows {
            counts[row.class] += 1.0;
            let mean = &mut means[row.class * dimensions..(row.class + 1) * dimensions];
            for ((sum, x), centre) in mean.iter_mut().zip(row.vector).zip(&centre) {
                *sum += f64::from(*x) - centre;
            }
        }
        for (mean, count) in means.chunks_exact_mut(dimensions).zip(&counts) {
            mean.iter_mut().for_each(|sum| *sum /= count + added);
        }
        let discriminant = Discriminant { dimensions, ..Discriminant::default() };
        let known = dimensions > 0 && counts.iter().any(|count| *count > 1.0);
        known.then_some(Self { discriminant, centre, means, counts, added, inverse: Vec::new() })
    }

    fn mean(&self, class: usize) -> &[f64] {
        let dimensions = self.discriminant.dimensions;
        &self.means[class * dimensions..(class + 1) * dimensions]
    }

    /// The inverse of the shrunk covariance of the rows around the mean of their class.
    fn inverse(&self, rows: &[Row<'_>], shrinkage: f64) -> Option<Vec<f64>> {
        let n = self.discriminant.dimensions;
        let mut covariance = vec![0.0; n * n];
        let mut apart = vec![0.0; n];
        let mut freedom = 0.0;
        for row in rows.iter().filter(|row| self.counts[row.class] > 1.0) {
            let count = self.counts[row.class];
            // The plain mean, without the added rows.
            let whole = (count + self.added) / count;
            for (((apart, x), centre), mean) in
                apart.iter_mut().zip(row.vector).zip(&self.centre).zip(self.mean(row.class))
            {
                *apart = f64::from(*x) - centre - mean * whole;
            }
            freedom += 1.0 - 1.0 / count;
            for (i, x) in apart.iter().enumerate() {
                let line = &mut covariance[i * n..=i * n + i];
                line.iter_mut().zip(&apart).for_each(|(sum, y)| *sum += x * y);
            }
        }
        let trace = (0..n).map(|i| covariance[i * n + i]).sum::<f64>() / (n as f64 * freedom);
        if !(trace.is_finite() && trace > 1e-12) {
            return None;
        }
        covariance.iter_mut().for_each(|x| *x *= (1.0 - shrinkage) / freedom);
        (0..n).for_each(|i| covariance[i * n + i] += shrinkage * trace);
        Some(invert(&mut covariance, n))
    }

    fn planes(&mut self) {
        let classes = self.counts.len();
        let mut weights = Vec::with_capacity(self.means.len());
        let mut bias = Vec::with_capacity(classes);
        for class in 0..classes {
            let (plane, offset) = self.plane(self.mean(class));
            weights.extend(plane);
            bias.push(offset);
        }
        self.discriminant.weights = weights;
        self.discriminant.bias = bias;
    }

    fn plane(&self, mean: &[f64]) -> (Vec<f32>, f32) {
        let n = mean.len();
        let plane: Vec<f64> =
            self.inverse.chunks_exact(n.max(1)).map(|line| line.iter().zip(mean).map(|(a, b)| a * b).sum()).collect();
        let along = |point: &[f64]| plane.iter().zip(point).map(|(a, b)| a * b).sum::<f64>();
        let offset = -0.5 * along(mean) - along(&self.centre);
        (plane.iter().map(|x| *x as f32).collect(), offset as f32)
    }

    /// How a row would be scored had it not been there. `None`: its class has no other row.
    #[must_use]
    pub(super) fn left_out(&self, row: Row<'_>) -> Option<Vec<f32>> {
        let count = *self.counts.get(row.class)?;
        if count < 2.0 || row.vector.len() != self.discriminant.dimensions {
            return None;
        }
        let without = self.mean(row.class).iter().zip(row.vector).zip(&self.centre);
        let without: Vec<f64> = without
            .map(|((mean, x), centre)| {
                (mean * (count + self.added) - (f64::from(*x) - centre)) / (count - 1.0 + self.added)
            })
            .collect();
        let (plane, offset) = self.plane(&without);
        let mut scores = Vec::new();
        self.discriminant.scores(row.vector, &mut scores);
        *scores.get_mut(row.class)? = dot(&plane, row.vector) + offset;
        Some(scores)
    }
}

/// The scalar product.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums side by side, so that the compiler may use vector instructions.
    let (left, right) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in left.0.iter().zip(right.0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + left.1.iter().zip(right.1).map(|(a, b)| a * b).sum::<f32>()
}

/// The inverse of a symmetric positive matrix of which the lower half is given, by Cholesky's method.
fn invert(matrix: &mut [f64], n: usize) -> Vec<f64> {
    for j in 0..n {
        for k in 0..j {
            let factor = matrix[j * n + k];
            for i in j..n {
                matrix[i * n + j] -= matrix[i * n + k] * factor;
            }
        }
        let root = matrix[j * n + j].max(1e-12).sqrt();
        for i in j..n {
            matrix[i * n + j] /= root;
        }
    }
    let mut inverse = vec![0.0; n * n];
    let mut column = vec![0.0; n];
    for c in 0..n {
        column.fill(0.0);
        for i in c..n {
            let line = &matrix[i * n + c..i * n + i];
            let sum: f64 = line.iter().zip(&column[c..i]).map(|(a, b)| a * b).sum();
            column[i] = (f64::from(u8::from(i == c)) - sum) / matrix[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| matrix[k * n + i] * column[k]).sum();
            column[i] = (column[i] - sum) / matrix[i * n + i];
        }
        for (i, x) in column.iter().enumerate() {
            inverse[i * n + c] = *x;
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<'a>(points: &'a [([f32; 3], usize)]) -> Vec<Row<'a>> {
        points.iter().map(|(vector, class)| Row { vector, class: *class }).collect()
    }

    const POINTS: [([f32; 3], usize); 7] = [
        ([1.0, 0.0, 0.1], 0),
        ([0.9, 0.1, 0.0], 0),
        ([1.0, 0.1, -0.1], 0),
        ([0.0, 1.0, 0.1], 1),
        ([0.1, 0.9, 0.0], 1),
        ([0.0, 0.1, 1.0], 2),
        ([f32::NAN, 0.0, 0.0], 9),
    ];

    fn best(scores: &[f32]) -> usize {
        (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap()
    }

    #[test]
    fn what_was_seen_is_told_apart() {
        let trained = Discriminant::train(&rows(&POINTS), 4, Shrinkage::default()).unwrap();
        let mut scores = Vec::new();
        for (vector, class) in &POINTS[..6] {
            trained.discriminant.scores(vector, &mut scores);
            assert_eq!((scores.len(), best(&scores)), (4, *class), "{scores:?}");
        }
    }

    #[test]
    fn a_row_left_out_is_judged_by_the_others() {
        let shrinkage = Shrinkage { covariance: 1.0, centre: 0.0 };
        let whole = Discriminant::train(&rows(&POINTS[..6]), 3, shrinkage).unwrap();
        assert_eq!(whole.left_out(Row { vector: &POINTS[5].0, class: 2 }), None);
        let row = Row { vector: &POINTS[0].0, class: 0 };
        let out = whole.left_out(row).unwrap();
        let mut scores = Vec::new();
        whole.discriminant.scores(row.vector, &mut scores);
        assert_eq!(out[1..], scores[1..]);
        assert!(out[0] < scores[0] && best(&out) == 0);
        // A class of points that have nothing in common does not know its own.
        let far = [([1.0, 0.0, 0.0], 0), ([0.0, 1.0, 0.0], 0), ([0.9, 0.1, 0.0], 1), ([1.0, 0.1, 0.0], 1)];
        let odd = Discriminant::train(&rows(&far), 2, shrinkage).unwrap();
        assert_eq!(best(&odd.left_out(Row { vector: &far[0].0, class: 0 }).unwrap()), 1);
    }

    #[test]
    fn the_inverse_is_one() {
        let mut matrix = vec![4.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.5, 0.2, 2.0];
        let full = [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let inverse = invert(&mut matrix, 3);
        for i in 0..3 {
            for j in 0..3 {
                let x: f64 = (0..3).map(|k| full[i * 3 + k] * inverse[k * 3 + j]).sum();
                assert!((x - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn nothing_to_learn_from_is_nothing_learned() {
        assert!(Discriminant::train(&[], 3, Shrinkage::default()).is_none());
        assert!(Discriminant::train(&rows(&POINTS[3..4]), 3, Shrinkage::default()).is_none());
        let same = [([1.0, 0.0, 0.0], 0), ([1.0, 0.0, 0.0], 0)];
        assert!(Discriminant::train(&rows(&same), 1, Shrinkage::default()).is_none());
    }
}
