//! How far a picture is from those that a head was taught with.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// A distance is the mean over so many neighbours.
const NEAREST: usize = 3;

/// Features of pictures, each of a category.
///
/// Distances only have to be in the right order, so channels are taken as they are: with their lengths, in which another lens or
/// light shows. Source: Sun, Ming, Zhu and Li, "Out-of-distribution detection with deep nearest neighbors", 2022.
pub struct Neighbours {
    /// `[M,C]`
    features: Array2<f32>,
    /// M: of each, the sum of squares.
    squares: Array1<f32>,
    /// M
    categories: Vec<usize>,
}

/// Where a picture lies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    /// That of the nearest picture.
    pub category: usize,
    /// The mean of the squared distances to the nearest pictures.
    pub distance: f32,
}

impl Neighbours {
    /// # Shapes
    /// `features` `[M,C]`, `categories` M, at least one.
    pub fn new(features: ArrayView2<f32>, categories: Vec<usize>) -> Self {
        let features = features.to_owned();
        let squares = features.map_axis(Axis(1), |row| row.dot(&row));
        Self { features, squares, categories }
    }

    pub fn channels(&self) -> usize {
        self.features.ncols()
    }

    /// Of a `feature` `[C]`.
    pub fn place(&self, feature: ArrayView1<f32>) -> Place {
        let products = self.features.dot(&feature);
        let own = feature.dot(&feature);
        let distances =
            self.squares.iter().zip(&products).map(|(square, product)| (square + own - 2.0 * product).max(0.0));
        let mut nearest: Vec<(f32, usize)> = distances.zip(self.categories.iter().copied()).collect();
        let count = NEAREST.min(nearest.len());
        // Of equals the first category.
        nearest.select_nth_unstable_by(count - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest.truncate(count);
        let distance = nearest.iter().map(|(distance, _)| distance).sum::<f32>() / count as f32;
        let first = nearest.iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Place { category: first.expect("at least one").1, distance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_distance_is_the_mean_over_the_nearest_and_the_category_that_of_the_nearest() {
        let features = array![[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0], [0.0, -9.0]];
        let neighbours = Neighbours::new(features.view(), vec![0, 1, 0, 1, 1]);
        assert_eq!(neighbours.place(array![1.0, 0.0].view()), Place { category: 0, distance: 1.0 });
        assert_eq!(neighbours.place(array![0.0, 4.0].view()).category, 1);
        let alone = Neighbours::new(array![[1.0, 0.0]].view(), vec![0]);
        assert_eq!(alone.place(array![0.0, 1.0].view()).distance, 2.0);
    }
}
