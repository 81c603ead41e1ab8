//! Which texts belong together.
//!
//! Start at `clusters`. Many small clusters by k-means on the sphere, the nearest of which are then joined (average
//! linkage): so the number of topics need not be known, only how alike the texts of one topic are. Deterministic.

use super::vectors::{Matrix, Random, add, dot, to_length_one};

/// Rounds of k-means at most.
const ROUNDS: usize = 25;
/// So many texts in a small cluster on average.
const SMALL: usize = 6;
/// So many small clusters at most.
const MOST: usize = 600;

/// The cluster of each text, numbered by first appearance; `None` for texts that are like no others. Two clusters whose
/// texts are as alike as `join` on average (cosine) are one.
pub(super) fn clusters(vectors: &Matrix, join: f32) -> Vec<Option<usize>> {
    let nonzero: Vec<usize> = (0..vectors.rows()).filter(|row| vectors.row(*row).iter().any(|v| *v != 0.0)).collect();
    if nonzero.is_empty() {
        return vec![None; vectors.rows()];
    }
    let wanted = (nonzero.len() / SMALL).clamp(1, MOST);
    let (assigned, count) = k_means(vectors, &nonzero, wanted);
    let joined = join_nearest(vectors, &nonzero, &assigned, count, join);
    let mut all = vec![None; vectors.rows()];
    let mut names = vec![None; count];
    let mut next = 0;
    for (text, small) in nonzero.iter().zip(&assigned) {
        let name = names[joined[*small]].get_or_insert_with(|| {
            next += 1;
            next - 1
        });
        all[*text] = Some(*name);
    }
    all
}

/// The small cluster of each text, and how many there are.
fn k_means(vectors: &Matrix, texts: &[usize], wanted: usize) -> (Vec<usize>, usize) {
    let mut centres = first_centres(vectors, texts, wanted);
    let mut assigned = vec![usize::MAX; texts.len()];
    for _ in 0..ROUNDS {
        let mut changed = false;
        let mut sums = Matrix::zero(centres.rows(), vectors.columns);
        for (text, cluster) in texts.iter().zip(&mut assigned) {
            let row = vectors.row(*text);
            let mut best = (f32::NEG_INFINITY, 0);
            for centre in 0..centres.rows() {
                let near = dot(row, centres.row(centre));
                if near > best.0 {
                    best = (near, centre);
                }
            }
            changed |= *cluster != best.1;
            *cluster = best.1;
            add(sums.row_mut(best.1), 1.0, row);
        }
        if !changed {
            break;
        }
        for centre in 0..centres.rows() {
            // One that lost all its texts stays where it is.
            if sums.row(centre).iter().any(|value| *value != 0.0) {
                centres.row_mut(centre).copy_from_slice(sums.row(centre));
                to_length_one(centres.row_mut(centre));
            }
        }
    }
    (assigned, centres.rows())
}

/// k-means++: each next centre is a text, the likelier the farther it is from those taken.
fn first_centres(vectors: &Matrix, texts: &[usize], wanted: usize) -> Matrix {
    let mut random = Random(2);
    let mut far = vec![f64::INFINITY; texts.len()];
    let mut centres = Vec::with_capacity(wanted);
    let mut next = texts[random.next() as usize % texts.len()];
    loop {
        centres.push(vectors.row(next).to_vec());
        if centres.len() == wanted {
            break;
        }
        for (text, far) in texts.iter().zip(&mut far) {
            let distance = f64::from(1.0 - dot(vectors.row(*text), vectors.row(next))).max(0.0);
            *far = far.min(distance);
        }
        let total: f64 = far.iter().sum();
        if total < 1e-6 {
            // All that is left is a copy of a centre.
            break;
        }
        let mut point = random.fraction() * total;
        let found = far.iter().position(|far| {
            point -= far;
            point < 0.0
        });
        // Rounding may leave a rest behind the last.
        next = texts[found.unwrap_or(texts.len() - 1)];
    }
    Matrix::of(&centres)
}

/// Joins the two clusters whose texts are most alike on average, until none are as alike as `join`. For each small
/// cluster, the one that it became part of.
fn join_nearest(vectors: &Matrix, texts: &[usize], assigned: &[usize], count: usize, join: f32) -> Vec<usize> {
    let mut sums = Matrix::zero(count, vectors.columns);
    let mut sizes = vec![0.0_f32; count];
    for (text, cluster) in texts.iter().zip(assigned) {
        add(sums.row_mut(*cluster), 1.0, vectors.row(*text));
        sizes[*cluster] += 1.0;
    }
    let mut part_of: Vec<usize> = (0..count).collect();
    let mut alive: Vec<usize> = (0..count).filter(|cluster| sizes[*cluster] > 0.0).collect();
    // The mean of all cosines between two clusters is the product of their sums over the product of their sizes.
    let alike =
        |sums: &Matrix, sizes: &[f32], a: usize, b: usize| dot(sums.row(a), sums.row(b)) / (sizes[a] * sizes[b]);
    let nearest = |sums: &Matrix, sizes: &[f32], alive: &[usize], a: usize| {
        let others = alive.iter().filter(|b| **b != a).map(|b| (alike(sums, sizes, a, *b), *b));
        others.max_by(|x, y| x.0.total_cmp(&y.0).then(y.1.cmp(&x.1)))
    };
    let mut best: Vec<Option<(f32, usize)>> = vec![None; count];
    for cluster in &alive {
        best[*cluster] = nearest(&sums, &sizes, &alive, *cluster);
    }
    loop {
        let pairs = alive.iter().filter_map(|a| best[*a].map(|(near, b)| (near, *a, b)));
        let Some((near, a, b)) = pairs.max_by(|x, y| x.0.total_cmp(&y.0).then(y.1.cmp(&x.1))) else { break };
        if near < join {
            break;
        }
        let (keep, gone) = (a.min(b), a.max(b));
        let row = sums.row(gone).to_vec();
        add(sums.row_mut(keep), 1.0, &row);
        sizes[keep] += sizes[gone];
        alive.retain(|cluster| *cluster != gone);
        part_of.iter_mut().filter(|part| **part == gone).for_each(|part| *part = keep);
        for cluster in alive.clone() {
            let touched = cluster == keep || best[cluster].is_some_and(|(_, b)| b == keep || b == gone);
            if touched {
                best[cluster] = nearest(&sums, &sizes, &alive, cluster);
            } else if let Some((near, _)) = best[cluster] {
                let now = alike(&sums, &sizes, cluster, keep);
                if now > near {
                    best[cluster] = Some((now, keep));
                }
            }
        }
    }
    part_of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(rows: &[[f32; 3]]) -> Matrix {
        Matrix::of(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_alike_is_together() {
        let (a, b) = ([1.0, 0.1, 0.0], [0.0, 0.1, 1.0]);
        let near = [a, b, [0.9, 0.0, 0.0], [0.0, 0.0, 0.9], a, b, a, b, [0.0, 0.0, 0.0], a, b, a, b, a, b];
        let found = clusters(&vectors(&near), 0.5);
        assert_eq!(found[8], None, "nothing is known of it");
        for (number, cluster) in found.iter().enumerate().filter(|(number, _)| *number != 8) {
            let expected = if near[number][0] > 0.5 { 0 } else { 1 };
            assert_eq!(*cluster, Some(expected), "{number}");
        }
        assert_eq!(clusters(&vectors(&near), 2.0).iter().flatten().max(), Some(&1), "copies are one small cluster");
        assert_eq!(clusters(&vectors(&near), -1.0).iter().flatten().max(), Some(&0), "all is one");
        assert_eq!(clusters(&vectors(&[]), 0.5), []);
    }
}
