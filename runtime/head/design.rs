//! Features made ready for a linear fit, and weights brought back.

use edgetl_algebra::EvdError;
use edgetl_algebra::get_global_parallelism;
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;

use super::Linear;
use edgetl_algebra::{Eigen, eigen, outer_product, product};

/// Standardised features: mean 0 and deviation 1 a channel, constant channels 0. Where there are clearly fewer samples
/// than channels they are given by their coordinates in the orthonormal basis of their span in which they are
/// uncorrelated. Every method that does not change under rotation finds the same head there at less cost, because
/// weights of least norm lie in the span of the samples (the representer theorem).
///
/// Means and deviations are those of all samples, in every fold: they do not depend on a label.
pub struct Design {
    /// `[N,r]`
    coordinates: Array2<f32>,
    mean: Array1<f64>,
    /// 1 / deviation; 0 for a constant channel.
    scale: Array1<f64>,
    span: Option<Span>,
}

struct Span {
    /// `[N,C]`
    standardised: Array2<f32>,
    /// `[N,r]`: what turns weights on coordinates into weights on samples.
    samples_from_coordinates: Array2<f32>,
}

/// Eigenvalues below this share of the largest are rounding errors.
const NEGLIGIBLE: f64 = 1e-10;

impl Design {
    /// # Shapes
    /// `features` `[N,C]`, N > 0.
    ///
    /// # Errors
    /// When the decomposition does not converge.
    pub fn new(features: ArrayView2<f32>) -> Result<Self, EvdError> {
        let (samples, channels) = features.dim();
        let (mean, scale) = moments(features);
        let coordinates = standardised(features, &mean, &scale);
        if 3 * samples > 2 * channels {
            return Ok(Self { coordinates, mean, scale, span: None });
        }
        let standardised = coordinates;
        let Eigen { values, vectors } = eigen(outer_product(standardised.mapv(f64::from).view()).view())?;
        let smallest = (values[samples - 1] * NEGLIGIBLE).max(f64::MIN_POSITIVE);
        // Descending: what matters most comes first.
        let kept: Vec<usize> = (0..samples).rev().filter(|&index| values[index] > smallest).collect();
        let vectors = vectors.select(Axis(1), &kept);
        let lengths = values.select(Axis(0), &kept).mapv(f64::sqrt);
        let coordinates = (&vectors * &lengths).mapv(|value| value as f32);
        let samples_from_coordinates = (&vectors / &lengths).mapv(|value| value as f32);
        let span = Some(Span { standardised, samples_from_coordinates });
        Ok(Self { coordinates, mean, scale, span })
    }

    /// `[N,r]`
    pub fn coordinates(&self) -> &Array2<f32> {
        &self.coordinates
    }

    /// Whether the coordinates of all samples are uncorrelated.
    pub fn is_orthogonal(&self) -> bool {
        self.span.is_some()
    }

    /// The linear map on raw features that gives the same logits as `weights` and `bias` give on coordinates.
    ///
    /// # Shapes
    /// `weights` `[r,K]`, `bias` `[K]`; the result's weights `[K,C]`.
    pub fn unfold(&self, weights: ArrayView2<f32>, bias: &Array1<f32>) -> Linear {
        let standardised = match &self.span {
            None => weights.t().to_owned(),
            Some(span) => {
                let parallelism = get_global_parallelism();
                let on_samples = product(weights.t(), span.samples_from_coordinates.t(), parallelism);
                product(on_samples.view(), span.standardised.view(), parallelism)
            }
        };
        let weights = standardised.mapv(f64::from) * &self.scale;
        let bias = bias.mapv(f64::from) - weights.dot(&self.mean);
        Linear { weights: weights.mapv(|weight| weight as f32), bias: bias.mapv(|bias| bias as f32) }
    }
}

/// Rows that one task works on: sums over them are added in order, whatever the number of threads.
const CHUNK: usize = 512;

fn standardised(features: ArrayView2<f32>, mean: &Array1<f64>, scale: &Array1<f64>) -> Array2<f32> {
    let mut standardised = features.to_owned();
    standardised.axis_chunks_iter_mut(Axis(0), CHUNK).collect::<Vec<_>>().into_par_iter().for_each(|mut rows| {
        for mut row in rows.rows_mut() {
            Zip::from(&mut row).and(mean).and(scale).for_each(|value, mean, scale| {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            });
        }
    });
    standardised
}

/// Mean and 1 / deviation of every channel.
fn moments(features: ArrayView2<f32>) -> (Array1<f64>, Array1<f64>) {
    let (samples, channels) = (features.nrows() as f64, features.ncols());
    let mean = channel_sums(features, &Array1::zeros(channels), |value, _| value) / samples;
    let variance = channel_sums(features, &mean, |value, mean| (value - mean) * (value - mean)) / samples;
    let scale = Array1::from_shape_fn(channels, |channel| {
        let deviation = variance[channel].sqrt();
        // A constant channel of f32 values has a deviation of rounding errors.
        if deviation > 1e-7 * mean[channel].abs() && deviation > 1e-30 { 1.0 / deviation } else { 0.0 }
    });
    (mean, scale)
}

/// The sum over samples of `term` of each value and its channel's `centre`.
fn channel_sums(features: ArrayView2<f32>, centre: &Array1<f64>, term: impl Fn(f64, f64) -> f64 + Sync) -> Array1<f64> {
    let of_rows = |rows: ArrayView2<f32>| {
        let mut sums = Array1::<f64>::zeros(centre.len());
        for row in rows.rows() {
            Zip::from(&mut sums).and(&row).and(centre).for_each(|sum, &value, &centre| {
                *sum += term(f64::from(value), centre);
            });
        }
        sums
    };
    let chunks: Vec<_> = features.axis_chunks_iter(Axis(0), CHUNK).collect();
    let parts: Vec<Array1<f64>> = chunks.into_par_iter().map(of_rows).collect();
    parts.into_iter().fold(Array1::zeros(centre.len()), |sum, part| sum + part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn features(samples: usize, channels: usize, values: &[f32]) -> Array2<f32> {
        Array2::from_shape_fn((samples, channels), |(n, c)| values[(n * channels + c) % values.len()] * (c + 1) as f32)
    }

    #[test]
    fn channels_have_mean_zero_and_deviation_one_and_constant_ones_are_zero() {
        let design = Design::new(ndarray::array![[1f32, 0.1], [3.0, 0.1], [5.0, 0.1]].view()).unwrap();
        let deviation = (8f32 / 3.0).sqrt();
        let expected = ndarray::array![[-2.0 / deviation, 0.0], [0.0, 0.0], [2.0 / deviation, 0.0]];
        assert!((design.coordinates() - expected).iter().all(|gap| gap.abs() < 1e-6));
    }

    #[test]
    fn coordinates_in_the_span_keep_every_product_between_samples() {
        let raw = features(4, 30, &[0.3, -1.2, 0.7, 2.0, 0.1, -0.4, 1.1]);
        let design = Design::new(raw.view()).unwrap();
        let (mean, scale) = moments(raw.view());
        let standardised = (raw.mapv(f64::from) - mean) * scale;
        let coordinates = design.coordinates().mapv(f64::from);
        assert!(coordinates.ncols() < 4 && design.is_orthogonal());
        let gaps = standardised.dot(&standardised.t()) - coordinates.dot(&coordinates.t());
        assert!(gaps.iter().all(|gap| gap.abs() < 1e-4));
    }

    proptest! {
        #[test]
        fn folding_the_standardisation_into_the_weights_leaves_logits_unchanged(
            shape in prop_oneof![Just((4usize, 40usize)), Just((30, 5)), Just((6, 8))],
            values in proptest::collection::vec(-3f32..3.0, 97),
            seeds in proptest::collection::vec(-1f32..1.0, 41),
        ) {
            let raw = features(shape.0, shape.1, &values);
            let design = Design::new(raw.view()).unwrap();
            let weights = Array2::from_shape_fn((design.coordinates().ncols(), 3), |(r, k)| seeds[(r * 3 + k) % 41]);
            let bias = Array1::from_vec(seeds[..3].to_vec());
            let direct = design.coordinates().dot(&weights) + &bias;
            let unfolded = design.unfold(weights.view(), &bias).logits(raw.view());
            for (left, right) in direct.iter().zip(&unfolded) {
                prop_assert!((left - right).abs() < 1e-3 * (1.0 + left.abs()), "{left} {right}");
            }
        }
    }
}
