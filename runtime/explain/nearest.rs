//! The stored pictures that a picture resembles.

use ndarray::{ArrayView1, ArrayView2};

/// One of them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Neighbour {
    /// Its row of the features.
    pub row: usize,
    /// One less the cosine of the two features: 0 for the same, 1 for nothing in common.
    pub distance: f32,
}

/// The `count` nearest of those rows of `features` that `of` lets pass, the nearest first.
///
/// # Shapes
/// `features` `[N,C]`, `feature` `[C]`.
pub fn nearest(
    features: ArrayView2<f32>,
    feature: ArrayView1<f32>,
    count: usize,
    of: impl Fn(usize) -> bool,
) -> Vec<Neighbour> {
    let length = |row: ArrayView1<f32>| row.dot(&row).sqrt().max(f32::MIN_POSITIVE);
    let own = length(feature);
    let rows = features.rows().into_iter().enumerate().filter(|(row, _)| of(*row));
    let mut all: Vec<Neighbour> = rows
        .map(|(row, other)| Neighbour { row, distance: (1.0 - other.dot(&feature) / own / length(other)).max(0.0) })
        .collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_nearest_by_direction_come_first_and_only_of_those_asked_for() {
        let features = array![[1.0, 0.0], [5.0, 5.0], [0.0, 2.0], [3.0, 0.1]];
        let found = nearest(features.view(), array![2.0, 0.0].view(), 2, |row| row != 0);
        assert_eq!(found.iter().map(|neighbour| neighbour.row).collect::<Vec<_>>(), [3, 1]);
        assert!((found[1].distance - (1.0 - 0.5f32.sqrt())).abs() < 1e-6);
    }
}
