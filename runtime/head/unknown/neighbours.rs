//! The distance to the nearest samples of a class.

use edgetl_algebra::{Kernel, with_widest_vectors};
use ndarray::{Array1, Array2, ArrayView1};

use super::Samples;
use crate::head::models::unit;
use crate::labels::ClassIndex;

/// How many neighbours a distance is the mean over.
const NEIGHBOURS: usize = 3;
/// How many samples are kept over all classes, and of each class whatever their number.
const BANK_ROWS: usize = 4096;
const BANK_ROWS_OF_A_CLASS: usize = 8;

/// Directions of the training features, by class, at 8 bits a channel.
#[derive(Clone, PartialEq, Debug)]
pub struct NeighbourBank {
    /// `[M,C]`, sorted by class.
    directions: Array2<i8>,
    /// `[M]`: what a row is multiplied with to have length 1.
    scales: Array1<f32>,
    /// How many rows each class has.
    counts: Vec<usize>,
}

impl NeighbourBank {
    /// Keeps the directions of `samples`, each of one of `classes`; of large classes, every n-th.
    pub fn new(samples: &Samples, classes: usize) -> Self {
        let limit = (BANK_ROWS / classes.max(1)).max(BANK_ROWS_OF_A_CLASS);
        let mut own = vec![Vec::new(); classes];
        samples.rows.iter().for_each(|&row| own[samples.targets[row].0].push(row));
        let (mut rows, mut counts) = (Vec::new(), Vec::with_capacity(classes));
        for own in own {
            let kept = own.iter().step_by(own.len().div_ceil(limit).max(1));
            counts.push(kept.len());
            rows.extend(kept);
        }
        let features = samples.features;
        let mut directions = Array2::zeros((rows.len(), features.ncols()));
        let mut scales = Array1::zeros(rows.len());
        for (index, &row) in rows.iter().enumerate() {
            let (quantised, scale) = quantise(features.row(row));
            directions.row_mut(index).assign(&quantised);
            scales[index] = scale;
        }
        Self { directions, scales, counts }
    }

    /// `None` when the parts do not fit together.
    pub fn from_parts(directions: Array2<i8>, scales: Array1<f32>, counts: Vec<usize>) -> Option<Self> {
        let rows = counts.iter().try_fold(0usize, |sum, &count| sum.checked_add(count))?;
        let fits = rows == directions.nrows() && rows == scales.len() && directions.is_standard_layout();
        fits.then_some(Self { directions, scales, counts })
    }

    pub fn directions(&self) -> &Array2<i8> {
        &self.directions
    }

    pub fn scales(&self) -> &Array1<f32> {
        &self.scales
    }

    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// 1 minus the mean cosine to the nearest samples of `class`; 1 when it has none.
    pub fn distance(&self, feature: ArrayView1<f32>, class: ClassIndex) -> f32 {
        let start: usize = self.counts[..class.0].iter().sum();
        let (rows, channels) = (start..start + self.counts[class.0], self.directions.ncols());
        let direction = unit(feature);
        let mut cosines = vec![0.0; rows.len()];
        with_widest_vectors(Cosines {
            directions: &self.directions.as_slice().expect("standard layout")
                [rows.start * channels..rows.end * channels],
            scales: &self.scales.as_slice().expect("one axis")[rows],
            direction: direction.as_slice().expect("made just now"),
            cosines: &mut cosines,
        });
        cosines.sort_by(|a, b| b.total_cmp(a));
        cosines.truncate(NEIGHBOURS);
        match cosines.len() {
            0 => 1.0,
            len => 1.0 - cosines.iter().sum::<f32>() / len as f32,
        }
    }
}

/// Directions of one class, and that of a feature.
struct Cosines<'a> {
    directions: &'a [i8],
    scales: &'a [f32],
    direction: &'a [f32],
    cosines: &'a mut [f32],
}

impl Kernel for Cosines<'_> {
    type Output = ();

    // A loop, since a closure in an iterator that collects would be compiled for the narrowest vectors.
    #[inline(always)]
    fn run(self) {
        let rows = self.directions.chunks_exact(self.direction.len().max(1)).zip(self.scales);
        for (cosine, (row, scale)) in self.cosines.iter_mut().zip(rows) {
            *cosine = sum_of_products(row, self.direction) * scale;
        }
    }
}

/// Sixteen sums side by side, which the compiler turns into vector instructions.
#[inline(always)]
fn sum_of_products(left: &[i8], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<16>();
    let (right, right_rest) = right.as_chunks::<16>();
    let mut sums = [0.0f32; 16];
    for (left, right) in left.iter().zip(right) {
        for ((sum, &left), &right) in sums.iter_mut().zip(left).zip(right) {
            *sum += f32::from(left) * right;
        }
    }
    let mut rest = 0.0;
    for (&left, &right) in left_rest.iter().zip(right_rest) {
        rest += f32::from(left) * right;
    }
    sums.iter().sum::<f32>() + rest
}

/// The direction of a feature in whole numbers within ±127, and the factor that gives it length 1.
fn quantise(feature: ArrayView1<f32>) -> (Array1<i8>, f32) {
    let direction = unit(feature);
    let largest = direction.fold(0f32, |largest, &value| largest.max(value.abs()));
    if largest == 0.0 {
        return (Array1::zeros(direction.len()), 0.0);
    }
    let quantised = direction.mapv(|value| (value / largest * 127.0).round() as i8);
    let length = quantised.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    (quantised, (1.0 / length) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_distance_is_to_the_nearest_samples_of_the_class_alone() {
        let features = array![[1., 0.], [0., 1.], [0., 2.], [3., 0.], [1., 0.], [-1., 0.]];
        let targets = [0, 1, 1, 0, 0, 0].map(ClassIndex);
        let bank = NeighbourBank::new(&Samples::all(features.view(), &targets), 3);
        assert_eq!(bank.counts, [4, 2, 0]);
        assert!(bank.distance(array![5., 0.].view(), ClassIndex(0)).abs() < 1e-6);
        assert!((bank.distance(array![5., 0.].view(), ClassIndex(1)) - 1.0).abs() < 1e-6);
        assert_eq!(bank.distance(array![5., 0.].view(), ClassIndex(2)), 1.0);
    }

    #[test]
    fn eight_bits_keep_a_cosine_within_a_hundredth() {
        let features = Array2::from_shape_fn((2, 200), |(row, channel)| ((row * 31 + channel * 17) % 23) as f32 / 7.0);
        let bank = NeighbourBank::new(&Samples::all(features.view(), &[ClassIndex(0), ClassIndex(1)]), 2);
        let exact = 1.0 - unit(features.row(0)).dot(&unit(features.row(1)));
        assert!((bank.distance(features.row(0), ClassIndex(1)) - exact).abs() < 0.01);
    }

    #[test]
    fn a_large_class_is_thinned_and_a_small_one_kept() {
        let targets: Vec<_> = (0..5000).map(|row| ClassIndex(usize::from(row < 10))).collect();
        let bank = NeighbourBank::new(&Samples::all(Array2::ones((5000, 1)).view(), &targets), 2);
        assert!(bank.counts[0] <= 2048 && bank.counts[0] > 1000);
        assert_eq!(bank.counts[1], 10);
    }
}
