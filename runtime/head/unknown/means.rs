//! The distance to the mean of a class.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::Samples;
use crate::labels::ClassIndex;

/// Class means, and how much the channels vary over all samples.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassMeans {
    /// `[K,C]`
    means: Array2<f32>,
    /// `[C]`: 1 / deviation; 0 for a constant channel.
    scales: Array1<f32>,
}

impl ClassMeans {
    /// Of `samples`, each of one of `classes`.
    pub fn new(samples: &Samples, classes: usize) -> Self {
        let channels = samples.features.ncols();
        let mut sums = Array2::<f64>::zeros((classes, channels));
        let mut counts = Array1::<f64>::zeros(classes);
        for (feature, target) in samples.iter() {
            sums.row_mut(target.0).zip_mut_with(&feature, |sum, &value| *sum += f64::from(value));
            counts[target.0] += 1.0;
        }
        let mean = sums.sum_axis(Axis(0)) / counts.sum();
        let mut squares = Array1::<f64>::zeros(channels);
        for (feature, _) in samples.iter() {
            let channels = squares.iter_mut().zip(feature).zip(&mean);
            channels.for_each(|((square, &value), mean)| *square += (f64::from(value) - mean).powi(2));
        }
        let scale = |square: f64| if square > 0.0 { (1.0 / (square / counts.sum()).sqrt()) as f32 } else { 0.0 };
        let means = sums / &counts.mapv(|count| count.max(1.0)).insert_axis(Axis(1));
        Self { means: means.mapv(|mean| mean as f32), scales: squares.mapv(scale) }
    }

    /// `None` when the parts do not fit together.
    pub fn from_parts(means: Array2<f32>, scales: Array1<f32>) -> Option<Self> {
        (means.ncols() == scales.len()).then_some(Self { means, scales })
    }

    pub fn means(&self) -> &Array2<f32> {
        &self.means
    }

    pub fn scales(&self) -> &Array1<f32> {
        &self.scales
    }

    /// In deviations of a channel, over all channels together.
    pub fn distance(&self, feature: ArrayView1<f32>, class: ClassIndex) -> f32 {
        let channels = feature.iter().zip(self.means.row(class.0)).zip(&self.scales);
        let squares = channels.map(|((&value, &mean), &scale)| f64::from((value - mean) * scale).powi(2));
        squares.sum::<f64>().sqrt() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_distance_is_counted_in_deviations_of_each_channel() {
        // Channel 0 has deviation 1, channel 1 deviation 10, channel 2 none.
        let features = array![[0., 10., 5.], [2., 10., 5.], [0., -10., 5.], [2., -10., 5.]];
        let means = ClassMeans::new(&Samples::all(features.view(), &[0, 0, 1, 1].map(ClassIndex)), 2);
        assert_eq!(means.means, array![[1., 10., 5.], [1., -10., 5.]]);
        assert!((means.distance(array![4., 50., 9.].view(), ClassIndex(0)) - 5.0).abs() < 1e-6);
        assert!((means.distance(array![1., -10., 5.].view(), ClassIndex(1))).abs() < 1e-6);
    }
}
