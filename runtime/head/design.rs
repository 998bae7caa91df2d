//! Features made ready for a linear fit, and weights brought back.

use edgetl_algebra::EvdError;
use edgetl_algebra::get_global_parallelism;
use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2, s};
use rayon::prelude::*;

use super::models::Linear;
use edgetl_algebra::{Eigen, Kernel, Par, eigen, outer_product, product, with_widest_vectors};

/// What a linear fit works on: rows of coordinates, made when they are asked for.
pub trait Coordinates: Sync {
    /// N and r.
    fn dim(&self) -> (usize, usize);

    /// `[n,r]`, in standard layout: those of the samples at `rows`.
    fn rows(&self, rows: &[usize]) -> Array2<f32>;
}

impl Coordinates for Array2<f32> {
    fn dim(&self) -> (usize, usize) {
        self.dim()
    }

    fn rows(&self, rows: &[usize]) -> Array2<f32> {
        self.select(Axis(0), rows)
    }
}

/// Standardised features: mean 0 and, of many samples, deviation 1 a channel (see [`moments`] for few), constant channels 0.
/// Where there are clearly fewer samples
/// than channels they are given by their coordinates in the orthonormal basis of their span in which they are
/// uncorrelated. Every method that does not change under rotation finds the same head there at less cost, because
/// weights of least norm lie in the span of the samples (the representer theorem).
///
/// Means and deviations are those of all samples, in every fold: they do not depend on a label. No second copy of many
/// features is kept: what is asked for is made from the features themselves.
pub struct Design<'a> {
    mean: Array1<f64>,
    /// Of each channel; 0 for a constant one.
    scale: Array1<f64>,
    /// Of each channel once it is scaled.
    variance: Array1<f64>,
    form: Form<'a>,
}

enum Form<'a> {
    /// `[N,C]`, each row in one piece, not standardised.
    Features(CowArray<'a, f32, Ix2>),
    Span(Span),
}

struct Span {
    /// `[N,C]`
    standardised: Array2<f32>,
    /// `[N,r]`
    coordinates: Array2<f32>,
    /// `[N,r]`: what turns weights on coordinates into weights on samples.
    samples_from_coordinates: Array2<f32>,
    /// `[r]`: of each coordinate.
    mean_squares: Array1<f32>,
}

/// Eigenvalues below this share of the largest are rounding errors.
const NEGLIGIBLE: f64 = 1e-10;

impl<'a> Design<'a> {
    /// `last`: how many channels, the first ones, are those of the last map.
    ///
    /// # Shapes
    /// `features` `[N,C]`, N > 0.
    ///
    /// # Errors
    /// When the decomposition does not converge.
    pub fn new(features: ArrayView2<'a, f32>, last: usize) -> Result<Self, EvdError> {
        let (samples, channels) = features.dim();
        let features = in_rows(features);
        let Moments { mean, scale, variance } = moments(features.view(), last);
        let mut design = Self { mean, scale, variance, form: Form::Features(features) };
        if 3 * samples <= 2 * channels {
            design.form = Form::Span(Span::of(design.all())?);
        }
        Ok(design)
    }

    /// `[N,r]`, in standard layout: as much memory again as the features take, for as long as it is held.
    pub fn all(&self) -> Array2<f32> {
        match &self.form {
            Form::Span(span) => span.coordinates.clone(),
            Form::Features(features) => {
                let mut all = Array2::zeros(features.dim());
                let channels = self.channels();
                let values = all.as_slice_mut().expect("standard layout").par_chunks_mut(CHUNK * channels.len());
                values.zip(chunks(features.nrows())).for_each(|(values, rows)| {
                    let rows = features.slice(s![rows, ..]);
                    values.chunks_exact_mut(channels.len()).zip(rows.rows()).for_each(|(values, row)| {
                        values.copy_from_slice(row.as_slice().expect("a row lies in one piece"));
                    });
                    with_widest_vectors(Standardise { values, channels: &channels });
                });
                all
            }
        }
    }

    /// `[n,K]`: the logits of the samples at `rows`.
    ///
    /// # Shapes
    /// `weights` `[r,K]`, `bias` `[K]`.
    pub fn logits(
        &self,
        rows: &[usize],
        (weights, bias): (ArrayView2<f32>, &Array1<f32>),
        parallelism: Par,
    ) -> Array2<f32> {
        let mut logits = Array2::zeros((rows.len(), weights.ncols()));
        for (mut logits, rows) in logits.axis_chunks_iter_mut(Axis(0), TOGETHER).zip(rows.chunks(TOGETHER)) {
            logits.assign(&(product(self.rows(rows).view(), weights, parallelism) + bias));
        }
        logits
    }

    /// `[r]`: of the coordinates of all samples, whose means are 0.
    pub fn mean_squares(&self) -> Array1<f32> {
        match &self.form {
            Form::Features(_) => self.variance.mapv(|variance| variance as f32),
            Form::Span(span) => span.mean_squares.clone(),
        }
    }

    /// Whether the coordinates of all samples are uncorrelated.
    pub fn is_orthogonal(&self) -> bool {
        matches!(self.form, Form::Span(_))
    }

    /// The linear map on raw features that gives the same logits as `weights` and `bias` give on coordinates.
    ///
    /// # Shapes
    /// `weights` `[r,K]`, `bias` `[K]`; the result's weights `[K,C]`.
    pub fn unfold(&self, weights: ArrayView2<f32>, bias: &Array1<f32>) -> Linear {
        let standardised = match &self.form {
            Form::Features(_) => weights.t().to_owned(),
            Form::Span(span) => {
                let parallelism = get_global_parallelism();
                let on_samples = product(weights.t(), span.samples_from_coordinates.t(), parallelism);
                product(on_samples.view(), span.standardised.view(), parallelism)
            }
        };
        let weights = standardised.mapv(f64::from) * &self.scale;
        let bias = bias.mapv(f64::from) - weights.dot(&self.mean);
        Linear { weights: weights.mapv(|weight| weight as f32), bias: bias.mapv(|bias| bias as f32) }
    }

    /// Whether no channel tells one sample from another: what differs between them is rounding.
    pub fn is_constant(&self) -> bool {
        is_zero(&self.scale)
    }

    fn channels(&self) -> Vec<(f64, f64)> {
        self.mean.iter().copied().zip(self.scale.iter().copied()).collect()
    }
}

impl Coordinates for Design<'_> {
    fn dim(&self) -> (usize, usize) {
        match &self.form {
            Form::Features(features) => features.dim(),
            Form::Span(span) => span.coordinates.dim(),
        }
    }

    fn rows(&self, rows: &[usize]) -> Array2<f32> {
        let features = match &self.form {
            Form::Span(span) => return span.coordinates.select(Axis(0), rows),
            Form::Features(features) => features,
        };
        let mut gathered = features.select(Axis(0), rows);
        let values = gathered.as_slice_mut().expect("standard layout");
        with_widest_vectors(Standardise { values, channels: &self.channels() });
        gathered
    }
}

impl Span {
    /// Of `standardised` `[N,C]`.
    fn of(standardised: Array2<f32>) -> Result<Self, EvdError> {
        let samples = standardised.nrows();
        let Eigen { values, vectors } = eigen(outer_product(standardised.mapv(f64::from).view()).view())?;
        let smallest = (values[samples - 1] * NEGLIGIBLE).max(f64::MIN_POSITIVE);
        // Descending: what matters most comes first.
        let kept: Vec<usize> = (0..samples).rev().filter(|&index| values[index] > smallest).collect();
        let vectors = vectors.select(Axis(1), &kept);
        let lengths = values.select(Axis(0), &kept).mapv(f64::sqrt);
        let coordinates = (&vectors * &lengths).mapv(|value| value as f32).as_standard_layout().into_owned();
        let samples_from_coordinates = (&vectors / &lengths).mapv(|value| value as f32);
        let mean_squares = lengths.mapv(|length| (length * length / samples as f64) as f32);
        Ok(Self { standardised, coordinates, samples_from_coordinates, mean_squares })
    }
}

/// Rows whose logits are computed at once: enough that the product is not slower than that of all.
const TOGETHER: usize = 4096;

/// Rows that one task works on: sums over them are added in order, whatever the number of threads.
const CHUNK: usize = 512;

/// Rows to replace, with means and scales of the channels.
struct Standardise<'a> {
    values: &'a mut [f32],
    channels: &'a [(f64, f64)],
}

impl Kernel for Standardise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.values.chunks_exact_mut(self.channels.len()) {
            for (value, &(mean, scale)) in row.iter_mut().zip(self.channels) {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            }
        }
    }
}

/// So many samples tell as much of a channel's deviation as is known of it before there are any.
const SAMPLES_OF_PRIOR: f64 = 20.0;
/// A channel whose deviation is below this share of its size is constant: the rest is rounding, which differs from one
/// engine and one size of a picture to another.
const ROUNDING: f64 = 1e-5;

/// Of every channel.
struct Moments {
    mean: Array1<f64>,
    /// What standardises it; 0 for a constant channel.
    scale: Array1<f64>,
    /// Its variance once it is standardised.
    variance: Array1<f64>,
}

/// Moments of `features` `[N,C]`, each row in one piece, of whose channels `last` are those of the last map.
///
/// The deviation of few samples is mostly chance, and one over it would make a scale of noise. So each channel's variance is
/// drawn towards the mean of all of its map, the more the fewer samples there are. So the last map is scaled alike whether
/// earlier ones are beside it or not.
fn moments(features: ArrayView2<f32>, last: usize) -> Moments {
    let (samples, channels) = (features.nrows() as f64, features.ncols());
    // About any value near the mean, here the first, one pass gives both without cancellation.
    let near: Array1<f64> = features.row(0).mapv(f64::from);
    let Sums { gaps, squares } = sums(features, near.as_slice().expect("standard layout"));
    let gap = gaps / samples;
    let mean = near + &gap;
    let variances = Array1::from_shape_fn(channels, |channel| {
        let variance = (squares[channel] / samples - gap[channel] * gap[channel]).max(0.0);
        let constant =
            variance <= ROUNDING * ROUNDING * (mean[channel] * mean[channel] + variance) || variance <= 1e-60;
        if constant { 0.0 } else { variance }
    });
    let weight = SAMPLES_OF_PRIOR / (SAMPLES_OF_PRIOR + samples);
    let mut scale = Array1::zeros(channels);
    for part in [0..last.min(channels), last.min(channels)..channels] {
        let variances = variances.slice(s![part.clone()]);
        let informative = variances.iter().filter(|variance| **variance > 0.0).count();
        let typical = variances.sum() / informative.max(1) as f64;
        let drawn = |variance: f64| 1.0 / ((1.0 - weight) * variance + weight * typical).sqrt();
        scale.slice_mut(s![part]).zip_mut_with(&variances, |scale, &variance| {
            *scale = if variance > 0.0 { drawn(variance) } else { 0.0 };
        });
    }
    let variance = &variances * &scale * &scale;
    Moments { mean, scale, variance }
}

/// Whether no channel of `features` `[N,C]`, N > 0, tells one sample from another, as [`Design::is_constant`] says.
pub fn are_constant(features: ArrayView2<f32>) -> bool {
    is_zero(&moments(in_rows(features).view(), features.ncols()).scale)
}

/// The same where each row lies in one piece already, else a copy of which that is so.
fn in_rows(features: ArrayView2<f32>) -> CowArray<f32, Ix2> {
    match features.strides()[1] == 1 || features.ncols() < 2 {
        true => CowArray::from(features),
        false => CowArray::from(features.as_standard_layout().into_owned()),
    }
}

/// The rows of `0..count` by chunks, in order.
fn chunks(count: usize) -> impl IndexedParallelIterator<Item = std::ops::Range<usize>> {
    (0..count.div_ceil(CHUNK)).into_par_iter().map(move |chunk| chunk * CHUNK..(chunk * CHUNK + CHUNK).min(count))
}

fn is_zero(scale: &Array1<f64>) -> bool {
    scale.iter().all(|scale| *scale == 0.0)
}

/// Over samples, of each channel's gaps to a value and of their squares.
struct Sums {
    gaps: Array1<f64>,
    squares: Array1<f64>,
}

impl Sums {
    fn zeros(channels: usize) -> Self {
        Self { gaps: Array1::zeros(channels), squares: Array1::zeros(channels) }
    }

    fn plus(self, other: Self) -> Self {
        Self { gaps: self.gaps + other.gaps, squares: self.squares + other.squares }
    }
}

fn sums(features: ArrayView2<f32>, near: &[f64]) -> Sums {
    let part = |rows| with_widest_vectors(Rows { rows: features.slice(s![rows, ..]), near });
    let parts: Vec<Sums> = chunks(features.nrows()).map(part).collect();
    parts.into_iter().fold(Sums::zeros(near.len()), Sums::plus)
}

/// Some rows, with a value near each channel's mean.
struct Rows<'a> {
    rows: ArrayView2<'a, f32>,
    near: &'a [f64],
}

impl Kernel for Rows<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run(self) -> Sums {
        let Self { rows, near } = self;
        let mut sums = Sums::zeros(near.len());
        let gaps = sums.gaps.as_slice_mut().expect("standard layout");
        let squares = sums.squares.as_slice_mut().expect("standard layout");
        for row in rows.rows() {
            let row = row.to_slice().expect("a row lies in one piece");
            let sums = gaps.iter_mut().zip(squares.iter_mut());
            for ((gaps, squares), (&value, near)) in sums.zip(row.iter().zip(near)) {
                let gap = f64::from(value) - near;
                *gaps += gap;
                *squares += gap * gap;
            }
        }
        sums
    }
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
        let features = ndarray::array![[1f32, 0.1], [3.0, 0.1], [5.0, 0.1]];
        let design = Design::new(features.view(), 2).unwrap();
        let deviation = (8f32 / 3.0).sqrt();
        let expected = ndarray::array![[-2.0 / deviation, 0.0], [0.0, 0.0], [2.0 / deviation, 0.0]];
        assert!((design.all() - expected).iter().all(|gap| gap.abs() < 1e-6));
    }

    #[test]
    fn coordinates_in_the_span_keep_every_product_between_samples() {
        let raw = features(4, 30, &[0.3, -1.2, 0.7, 2.0, 0.1, -0.4, 1.1]);
        let design = Design::new(raw.view(), 20).unwrap();
        let Moments { mean, scale, .. } = moments(raw.view(), 20);
        let standardised = (raw.mapv(f64::from) - mean) * scale;
        let coordinates = design.all().mapv(f64::from);
        assert!(coordinates.ncols() < 4 && design.is_orthogonal());
        let gaps = standardised.dot(&standardised.t()) - coordinates.dot(&coordinates.t());
        assert!(gaps.iter().all(|gap| gap.abs() < 1e-4));
    }

    #[test]
    fn the_last_map_is_standardised_alike_whether_earlier_maps_are_beside_it_or_not() {
        let both = features(40, 12, &[0.3, -1.2, 0.7, 2.0, 0.1, -0.4, 1.1]);
        let last = both.slice(s![.., ..7]);
        let (alone, beside) = (Design::new(last, 7).unwrap(), Design::new(both.view(), 7).unwrap());
        assert_eq!(beside.all().slice(s![.., ..7]), alone.all());
        assert_eq!(alone.all(), Design::new(last.to_owned().view(), 7).unwrap().all());
        assert_eq!(alone.rows(&[3, 1]), alone.all().select(Axis(0), &[3, 1]));
    }

    proptest! {
        #[test]
        fn folding_the_standardisation_into_the_weights_leaves_logits_unchanged(
            shape in prop_oneof![Just((4usize, 40usize)), Just((30, 5)), Just((6, 8))],
            values in proptest::collection::vec(-3f32..3.0, 97),
            seeds in proptest::collection::vec(-1f32..1.0, 41),
        ) {
            let raw = features(shape.0, shape.1, &values);
            let design = Design::new(raw.view(), shape.1).unwrap();
            let weights = Array2::from_shape_fn((design.dim().1, 3), |(r, k)| seeds[(r * 3 + k) % 41]);
            let bias = Array1::from_vec(seeds[..3].to_vec());
            let all: Vec<usize> = (0..shape.0).collect();
            let direct = design.logits(&all, (weights.view(), &bias), Par::Seq);
            let unfolded = design.unfold(weights.view(), &bias).logits(raw.view());
            for (left, right) in direct.iter().zip(&unfolded) {
                prop_assert!((left - right).abs() < 1e-3 * (1.0 + left.abs()), "{left} {right}");
            }
        }
    }
}
