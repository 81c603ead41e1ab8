//! Texts as short vectors whose scalar product says how alike they are.
//!
//! Start at [`lexical`]: word stems and character n-grams, weighed by how few texts have them, and then reduced to the
//! directions in which texts differ most (latent semantic analysis, by subspace iteration; Halko, Martinsson and Tropp,
//! SIAM Review 53, 2011). Words that stand with the same words come near each other so, though no text has both.

use std::collections::HashMap;

use crate::text::{Analysis, analyse, hash, stem};

/// Directions that are kept at most; of few texts an eighth as many, or nothing would come nearer to anything.
const DIMENSIONS: usize = 128;
/// Rounds of the iteration; more change nothing that counts.
const ROUNDS: usize = 4;
/// Features at most: those in most texts.
const MOST_FEATURES: usize = 40_000;
/// Features of one text at most: its weightiest.
const OF_TEXT: usize = 200;
/// How much character n-grams weigh beside words.
const GRAMS: f32 = 0.5;

/// Rows of equal length, one behind the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Matrix {
    pub(super) columns: usize,
    data: Vec<f32>,
}

impl Matrix {
    pub(super) fn zero(rows: usize, columns: usize) -> Self {
        Self { columns, data: vec![0.0; rows * columns] }
    }

    pub(super) fn of(rows: &[Vec<f32>]) -> Self {
        let columns = rows.first().map_or(0, Vec::len);
        let mut matrix = Self::zero(rows.len(), columns);
        for (number, row) in rows.iter().enumerate() {
            let length = row.len().min(columns);
            matrix.row_mut(number)[..length].copy_from_slice(&row[..length]);
        }
        matrix.rows_of_length_one();
        matrix
    }

    pub(super) fn rows(&self) -> usize {
        self.data.len().checked_div(self.columns).unwrap_or(0)
    }

    pub(super) fn row(&self, number: usize) -> &[f32] {
        &self.data[number * self.columns..(number + 1) * self.columns]
    }

    pub(super) fn row_mut(&mut self, number: usize) -> &mut [f32] {
        &mut self.data[number * self.columns..(number + 1) * self.columns]
    }

    pub(super) fn rows_of_length_one(&mut self) {
        if self.columns > 0 {
            self.data.chunks_exact_mut(self.columns).for_each(to_length_one);
        }
    }
}

/// The scalar product. In sixteen sums side by side, which the compiler turns into vector instructions.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_parts, b_parts) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_parts.zip(b_parts) {
        for at in 0..16 {
            sums[at] += x[at] * y[at];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// `into += factor * row`.
pub(super) fn add(into: &mut [f32], factor: f32, row: &[f32]) {
    into.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
}

pub(super) fn to_length_one(row: &mut [f32]) {
    let length = dot(row, row).sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value /= length);
    }
}

/// A row of numbers that look random and are the same every time (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `[0, 1)`.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One vector a text, of length one; zero for a text without a known feature.
pub(super) fn lexical(texts: &[String]) -> Matrix {
    let (rows, features) = weighted(texts);
    let dimensions = DIMENSIONS.min(texts.len() / 8).max(4).min(features).min(texts.len());
    let mut random = Random(1);
    let mut basis = Matrix::zero(features, dimensions);
    basis.data.iter_mut().for_each(|value| *value = if random.next() & 1 == 0 { 1.0 } else { -1.0 });
    orthonormal(&mut basis);
    for _ in 0..ROUNDS {
        let seen = times(&rows, &basis);
        let mut next = Matrix::zero(features, dimensions);
        for (number, row) in rows.iter().enumerate() {
            for (feature, weight) in row {
                add(next.row_mut(*feature as usize), *weight, seen.row(number));
            }
        }
        basis = next;
        orthonormal(&mut basis);
    }
    let mut vectors = times(&rows, &basis);
    vectors.rows_of_length_one();
    vectors
}

type Rows = Vec<Vec<(u32, f32)>>;

fn times(rows: &Rows, basis: &Matrix) -> Matrix {
    let mut product = Matrix::zero(rows.len(), basis.columns);
    for (number, row) in rows.iter().enumerate() {
        let into = product.row_mut(number);
        for (feature, weight) in row {
            add(into, *weight, basis.row(*feature as usize));
        }
    }
    product
}

/// Makes the columns orthogonal and of length one, by the Cholesky factor of their products; twice, because once loses
/// digits. Columns that depend on others become nearly zero.
fn orthonormal(matrix: &mut Matrix) {
    for _ in 0..2 {
        let n = matrix.columns;
        let mut gram = vec![0.0_f64; n * n];
        for row in matrix.data.chunks_exact(n.max(1)) {
            for (i, x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                for (sum, y) in gram[i * n..=i * n + i].iter_mut().zip(row) {
                    *sum += f64::from(*x) * f64::from(*y);
                }
            }
        }
        let largest = (0..n).map(|i| gram[i * n + i]).fold(0.0, f64::max);
        for i in 0..n {
            gram[i * n + i] += largest * 1e-9 + f64::MIN_POSITIVE;
        }
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| gram[i * n + k] * gram[j * n + k]).sum();
                let rest = gram[i * n + j] - sum;
                gram[i * n + j] = if i == j { rest.max(largest * 1e-12).sqrt() } else { rest / gram[j * n + j] };
            }
        }
        let mut solved = vec![0.0_f64; n];
        for row in matrix.data.chunks_exact_mut(n.max(1)) {
            for i in 0..n {
                let sum: f64 = (0..i).map(|k| gram[i * n + k] * solved[k]).sum();
                solved[i] = (f64::from(row[i]) - sum) / gram[i * n + i];
            }
            row.iter_mut().zip(&solved).for_each(|(value, solved)| *value = *solved as f32);
        }
    }
}

/// The stems of a text's words that carry meaning, in order.
pub(super) fn stems(text: &str) -> Vec<String> {
    stems_of(&analyse(text, None))
}

fn stems_of(analysis: &Analysis) -> Vec<String> {
    let words = analysis.words.iter().filter(|word| !word.stop);
    words
        .map(|word| match analysis.language {
            Some(language) => stem::stem(analysis.word(word), language).into_owned(),
            None => analysis.word(word).to_owned(),
        })
        .collect()
}

/// What a text is told by, and how often it has it: stems, pairs of them, and pieces of three to five letters.
fn features(text: &str) -> HashMap<u64, (bool, f32)> {
    let analysis = analyse(text, None);
    let mut found: HashMap<u64, (bool, f32)> = HashMap::new();
    let mut count = |key: u64, is_gram: bool| found.entry(key).or_insert((is_gram, 0.0)).1 += 1.0;
    let stems = stems_of(&analysis);
    for stem in &stems {
        count(hash(stem.as_bytes()), false);
    }
    for pair in stems.windows(2) {
        count(hash(format!("{} {}", pair[0], pair[1]).as_bytes()), false);
    }
    let letters: Vec<(usize, char)> = analysis.folded.char_indices().collect();
    for length in 3..=5 {
        for window in letters.windows(length) {
            // Within a word, with its borders.
            if window[1..length - 1].iter().any(|(_, c)| *c == ' ') {
                continue;
            }
            let (from, (last, c)) = (window[0].0, window[length - 1]);
            count(hash(&analysis.folded.as_bytes()[from..last + c.len_utf8()]) ^ 1, true);
        }
    }
    found
}

/// Rows of (feature, weight), of length one, and how many features there are.
fn weighted(texts: &[String]) -> (Rows, usize) {
    let counted: Vec<HashMap<u64, (bool, f32)>> = texts.iter().map(|text| features(text)).collect();
    let mut frequency: HashMap<u64, u32> = HashMap::new();
    for features in &counted {
        features.keys().for_each(|key| *frequency.entry(*key).or_default() += 1);
    }
    // What only one text has makes it like no other; what nearly all have makes all alike.
    let most = (texts.len() as u32 / 2).max(20);
    let mut known: Vec<(u32, u64)> =
        frequency.iter().filter(|(_, n)| (2..=most).contains(*n)).map(|(key, n)| (*n, *key)).collect();
    known.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    known.truncate(MOST_FEATURES);
    let number: HashMap<u64, (u32, f32)> = known
        .iter()
        .zip(0..)
        .map(|((n, key), number)| (*key, (number, (texts.len() as f32 / *n as f32).ln() + 1.0)))
        .collect();
    let row = |features: &HashMap<u64, (bool, f32)>| {
        let mut row: Vec<(u32, f32)> = features
            .iter()
            .filter_map(|(key, (is_gram, count))| {
                let (number, rarity) = number.get(key)?;
                let weight = (1.0 + count.ln()) * rarity * if *is_gram { GRAMS } else { 1.0 };
                Some((*number, weight))
            })
            .collect();
        row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        row.truncate(OF_TEXT);
        row.sort_unstable_by_key(|(number, _)| *number);
        let length = row.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        row.iter_mut().for_each(|(_, weight)| *weight /= length);
        row
    };
    (counted.iter().map(row).collect(), number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_orthonormal() {
        let mut random = Random(7);
        let mut matrix = Matrix::zero(300, 20);
        matrix.data.iter_mut().for_each(|value| *value = random.fraction() as f32);
        orthonormal(&mut matrix);
        for i in 0..20 {
            for j in 0..20 {
                let product: f32 = (0..300).map(|row| matrix.row(row)[i] * matrix.row(row)[j]).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-3, "{i} {j} {product}");
            }
        }
    }

    #[test]
    fn alike_texts_are_near_and_nothing_is_no_harm() {
        let text = |text: &str| text.to_owned();
        let mut texts: Vec<String> = (0..10).map(|n| format!("Mein Postfach ist voll {n}")).collect();
        texts.extend((0..10).map(|n| format!("Zertifikat abgelaufen seit {n}")));
        texts.extend([text("Postfächer voll"), text(""), text("\u{1f600}")]);
        let vectors = lexical(&texts);
        let near = |a: usize, b: usize| dot(vectors.row(a), vectors.row(b));
        assert!(
            near(0, 5) > 0.8 && near(0, 20) > 0.6 && near(0, 15) < 0.3,
            "{} {} {}",
            near(0, 5),
            near(0, 20),
            near(0, 15)
        );
        assert!(vectors.row(21).iter().all(|value| *value == 0.0));
        assert_eq!(vectors, lexical(&texts));
        assert_eq!(lexical(&[]).rows(), 0);
        assert_eq!(lexical(&[text("a")]).columns, 0);
    }
}
