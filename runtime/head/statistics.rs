//! Running sums that closed-form heads are made from: samples come and go exactly, at a cost that does not depend on how
//! many others there are.

use edgetl_algebra::LltError;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::Linear;
use super::prototype::{Prototype, normalize_rows};
use crate::labels::ClassIndex;
use edgetl_algebra::{add_product, solve_positive};

/// Counts, sums and second moments of features, in double precision.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassStatistics {
    /// `[K]`
    pub(super) counts: Array1<f64>,
    /// `[K,C]`: sums of features.
    pub(super) sums: Array2<f64>,
    /// `[K,C]`: sums of features of length 1.
    pub(super) directions: Array2<f64>,
    /// `[C,C]`: the sum of `x xᵀ` over all classes.
    pub(super) moment: Array2<f64>,
}

impl ClassStatistics {
    /// Of no sample yet.
    pub fn new(classes: usize, channels: usize) -> Self {
        Self {
            counts: Array1::zeros(classes),
            sums: Array2::zeros((classes, channels)),
            directions: Array2::zeros((classes, channels)),
            moment: Array2::zeros((channels, channels)),
        }
    }

    /// # Shapes
    /// `features` `[N,C]`, `targets` N.
    ///
    /// # Panics
    /// When a shape differs or a class is unknown; the same for [`ClassStatistics::remove`].
    pub fn add(&mut self, features: ArrayView2<f32>, targets: &[ClassIndex]) {
        self.update(features, targets, 1.0);
    }

    /// Takes back samples that were added before: nothing of them stays but rounding errors.
    pub fn remove(&mut self, features: ArrayView2<f32>, targets: &[ClassIndex]) {
        self.update(features, targets, -1.0);
    }

    fn update(&mut self, features: ArrayView2<f32>, targets: &[ClassIndex], sign: f64) {
        self.update_classes(features, targets, sign);
        let features = features.mapv(f64::from);
        add_product(&mut self.moment, features.t(), features.view(), sign);
    }

    /// All but the second moments, which no label changes.
    fn update_classes(&mut self, features: ArrayView2<f32>, targets: &[ClassIndex], sign: f64) {
        assert_eq!(features.nrows(), targets.len(), "one target a sample");
        let mut units = features.to_owned();
        normalize_rows(&mut units);
        for ((row, unit), target) in features.rows().into_iter().zip(units.rows()).zip(targets) {
            self.counts[target.0] += sign;
            self.sums.row_mut(target.0).zip_mut_with(&row, |sum, &value| *sum += sign * f64::from(value));
            self.directions.row_mut(target.0).zip_mut_with(&unit, |sum, &value| *sum += sign * f64::from(value));
        }
    }

    /// Makes samples of one class, added before, samples of another.
    ///
    /// # Panics
    /// When a class is unknown.
    pub fn relabel(&mut self, features: ArrayView2<f32>, from: ClassIndex, to: ClassIndex) {
        self.update_classes(features, &vec![from; features.nrows()], -1.0);
        self.update_classes(features, &vec![to; features.nrows()], 1.0);
    }

    /// The classes at `order`, in that order. What is left out must have no sample.
    ///
    /// # Panics
    /// When a class is unknown.
    pub fn select(&self, order: &[usize]) -> Self {
        Self {
            counts: self.counts.select(Axis(0), order),
            sums: self.sums.select(Axis(0), order),
            directions: self.directions.select(Axis(0), order),
            moment: self.moment.clone(),
        }
    }

    /// Appends a class without samples and gives its index.
    pub fn add_class(&mut self) -> ClassIndex {
        let (classes, channels) = self.sums.dim();
        let row = Array2::zeros((1, channels));
        self.counts.append(Axis(0), Array1::zeros(1).view()).expect("one count");
        self.sums.append(Axis(0), row.view()).expect("as wide");
        self.directions.append(Axis(0), row.view()).expect("as wide");
        ClassIndex(classes)
    }

    /// Makes samples of `from` samples of `into`, and removes the class `from`; later classes move down by one.
    ///
    /// # Panics
    /// When the two are one or not there.
    pub fn merge_classes(&mut self, from: ClassIndex, into: ClassIndex) {
        assert_ne!(from, into, "two classes");
        self.counts[into.0] += self.counts[from.0];
        for sums in [&mut self.sums, &mut self.directions] {
            let moved = sums.row(from.0).to_owned();
            let mut target = sums.row_mut(into.0);
            target += &moved;
            sums.remove_index(Axis(0), from.0);
        }
        self.counts.remove_index(Axis(0), from.0);
    }

    /// C.
    pub fn channels(&self) -> usize {
        self.sums.ncols()
    }

    /// How many samples each class has.
    pub fn counts(&self) -> &Array1<f64> {
        &self.counts
    }

    /// Linear discriminant analysis on standardised features, with equal class probabilities when `balance`.
    ///
    /// # Errors
    /// When the features do not vary.
    pub fn lda(self, balance: bool) -> Result<Linear, LltError> {
        let shape = Shape { dim: self.channels(), balance };
        let Standardised { unfold, means, within, counts } = self.standardised();
        let (weights, bias) = discriminants(within, &means, &counts, &shape)?;
        Ok(unfold.on_raw_features(&weights, &bias))
    }

    /// Ridge regression on one-against-rest targets and standardised features.
    ///
    /// # Errors
    /// When `penalty` is not above 0.
    pub fn ridge(self, penalty: f64) -> Result<Linear, LltError> {
        let Standardised { unfold, means, within, counts } = self.standardised();
        let sums = &means * &counts.view().insert_axis(Axis(1));
        let mut scatter = within;
        // The total mean is 0, so between and within classes add up to the whole.
        add_product(&mut scatter, sums.t(), means.view(), 1.0);
        scatter.diag_mut().mapv_inplace(|entry| entry + penalty);
        let weights = solve_positive(scatter.view(), (sums * 2.0).t())?;
        let bias = &counts * (2.0 / counts.sum()) - 1.0;
        Ok(unfold.on_raw_features(&weights, &bias))
    }

    /// Weight imprinting.
    pub fn prototype(&self, scale: f32) -> Prototype {
        let mut directions = self.directions.mapv(|value| value as f32);
        normalize_rows(&mut directions);
        Prototype { directions, scale }
    }

    fn standardised(self) -> Standardised {
        let total = self.counts.sum();
        let mean = self.sums.sum_axis(Axis(0)) / total;
        let scale = Array1::from_shape_fn(mean.len(), |channel| {
            let square = self.moment[[channel, channel]] / total;
            let variance = square - mean[channel] * mean[channel];
            // Below this the difference is what rounding left of a constant.
            if variance > 1e-12 * square { 1.0 / variance.sqrt() } else { 0.0 }
        });
        let counts = self.counts.mapv(|count| count.max(1.0)).insert_axis(Axis(1));
        let raw_means = &self.sums / &counts;
        let means = (&raw_means - &mean) * &scale;
        let mut within = self.moment;
        add_product(&mut within, self.sums.t(), raw_means.view(), -1.0);
        for (mut row, of_row) in within.rows_mut().into_iter().zip(&scale) {
            row.zip_mut_with(&scale, |entry, of_column| *entry *= of_row * of_column);
        }
        Standardised { unfold: Unfold { mean, scale }, means, within, counts: self.counts }
    }
}

/// The sums of features of mean 0 and deviation 1.
struct Standardised {
    unfold: Unfold,
    /// `[K,C]`, around the total mean.
    means: Array2<f64>,
    /// `[C,C]`: squares around the class means.
    within: Array2<f64>,
    counts: Array1<f64>,
}

/// How features were standardised.
struct Unfold {
    mean: Array1<f64>,
    /// 1 / deviation; 0 for a constant channel.
    scale: Array1<f64>,
}

impl Unfold {
    /// `weights` `[C,K]` on standardised features as a layer on raw ones.
    fn on_raw_features(&self, weights: &Array2<f64>, bias: &Array1<f64>) -> Linear {
        let weights = weights.t().to_owned() * &self.scale;
        let bias = bias - &weights.dot(&self.mean);
        Linear { weights: weights.mapv(|weight| weight as f32), bias: bias.mapv(|bias| bias as f32) }
    }
}

/// What [`discriminants`] needs to know besides the sums.
pub struct Shape {
    /// How many dimensions the features have; coordinates in their span have fewer.
    pub dim: usize,
    /// Whether all classes are taken to be equally probable.
    pub balance: bool,
}

/// Weights `[r,K]` and biases of Gaussian classes that share a covariance.
///
/// # Shapes
/// `within` `[r,r]` sums of squares around the class means, `means` `[K,r]`, `counts` K.
pub fn discriminants(
    within: Array2<f64>,
    means: &Array2<f64>,
    counts: &Array1<f64>,
    shape: &Shape,
) -> Result<(Array2<f64>, Array1<f64>), LltError> {
    let total = counts.sum();
    let mut covariance = within;
    covariance /= total;
    let shrinkage = shrinkage(&covariance, total, shape.dim);
    let level = covariance.diag().sum() / shape.dim as f64;
    covariance *= 1.0 - shrinkage;
    covariance.diag_mut().mapv_inplace(|entry| entry + shrinkage * level);
    let weights = solve_positive(covariance.view(), means.t())?;
    let prior = |count: f64| if shape.balance { 0.0 } else { (count / total).max(1e-12).ln() };
    let bias = Array1::from_shape_fn(counts.len(), |class| {
        prior(counts[class]) - 0.5 * means.row(class).dot(&weights.column(class))
    });
    Ok((weights, bias))
}

/// How much of a covariance is replaced by its mean variance: the oracle approximating shrinkage, which needs no more
/// than the covariance itself.
///
/// Source: Chen, Wiesel, Eldar, Hero, "Shrinkage Algorithms for MMSE Covariance Estimation", 2010, equation 23, as
/// scikit-learn's `oas` computes it.
fn shrinkage(covariance: &Array2<f64>, samples: f64, dim: usize) -> f64 {
    let dim = dim as f64;
    let squares = covariance.iter().map(|entry| entry * entry).sum::<f64>() / (dim * dim);
    let level = covariance.diag().sum() / dim;
    let denominator = (samples + 1.0) * (squares - level * level / dim);
    if denominator > 0.0 { ((squares + level * level) / denominator).min(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    struct Samples {
        features: Array2<f32>,
        targets: Vec<ClassIndex>,
    }

    fn samples(count: usize, channels: usize) -> Samples {
        let mut rng = Pcg64::seed_from_u64(9);
        let targets: Vec<_> = (0..count).map(|sample| ClassIndex(sample % 3)).collect();
        let features = Array2::from_shape_fn((count, channels), |(sample, channel)| {
            let centre = if channel % 3 == targets[sample].0 { 1.0 } else { 0.2 };
            (channel + 1) as f32 * (centre + rng.random_range(-0.5f32..0.5))
        });
        Samples { features, targets }
    }

    fn statistics(samples: &Samples, rows: &[usize]) -> ClassStatistics {
        let mut statistics = ClassStatistics::new(3, samples.features.ncols());
        let targets: Vec<_> = rows.iter().map(|&row| samples.targets[row]).collect();
        statistics.add(samples.features.select(Axis(0), rows).view(), &targets);
        statistics
    }

    fn assert_same(left: &Linear, right: &Linear, tolerance: f32) {
        let pairs = left.weights.iter().zip(&right.weights).chain(left.bias.iter().zip(&right.bias));
        let largest = right.weights.fold(0f32, |largest, weight| largest.max(weight.abs()));
        for (left, right) in pairs {
            assert!((left - right).abs() <= tolerance * (largest + right.abs()), "{left} {right}");
        }
    }

    #[test]
    fn removing_samples_is_as_if_they_had_never_been_there() {
        for (count, channels) in [(60, 10), (40, 80)] {
            let samples = samples(count, channels);
            let rows: Vec<usize> = (0..count).collect();
            let mut statistics_then = statistics(&samples, &rows);
            statistics_then.remove(samples.features.slice(ndarray::s![..20, ..]), &samples.targets[..20]);
            let never = statistics(&samples, &rows[20..]);
            assert_same(&statistics_then.clone().lda(false).unwrap(), &never.clone().lda(false).unwrap(), 1e-5);
            assert_same(&statistics_then.clone().ridge(10.0).unwrap(), &never.clone().ridge(10.0).unwrap(), 1e-5);
            let gaps = statistics_then.prototype(1.0).directions - never.prototype(1.0).directions;
            assert!(gaps.iter().all(|gap| gap.abs() < 1e-5));
        }
    }

    #[test]
    fn a_class_added_later_and_one_merged_are_as_if_they_had_been_so_from_the_start() {
        let samples = samples(30, 6);
        let mut grown = ClassStatistics::new(2, 6);
        let early: Vec<usize> = (0..30).filter(|row| row % 3 < 2).collect();
        let late: Vec<usize> = (0..30).filter(|row| row % 3 == 2).collect();
        let targets = |rows: &[usize]| rows.iter().map(|&row| samples.targets[row]).collect::<Vec<_>>();
        grown.add(samples.features.select(Axis(0), &early).view(), &targets(&early));
        assert_eq!(grown.add_class(), ClassIndex(2));
        grown.add(samples.features.select(Axis(0), &late).view(), &targets(&late));
        let whole = statistics(&samples, &(0..30).collect::<Vec<_>>());
        assert_same(&grown.clone().lda(false).unwrap(), &whole.lda(false).unwrap(), 1e-5);

        grown.merge_classes(ClassIndex(0), ClassIndex(2));
        let mut merged = ClassStatistics::new(2, 6);
        let renamed: Vec<_> = samples.targets.iter().map(|target| ClassIndex(usize::from(target.0 != 1))).collect();
        merged.add(samples.features.view(), &renamed);
        assert_eq!(grown.counts(), merged.counts());
        assert_same(&grown.ridge(1.0).unwrap(), &merged.ridge(1.0).unwrap(), 1e-5);
    }

    #[test]
    fn imprinting_from_sums_is_imprinting_from_samples() {
        let samples = samples(30, 6);
        let direct = Prototype::imprint(samples.features.view(), &samples.targets, 3);
        let summed = statistics(&samples, &(0..30).collect::<Vec<_>>()).prototype(1.0);
        assert!((direct.directions - summed.directions).iter().all(|gap| gap.abs() < 1e-6));
    }

    #[test]
    fn features_that_do_not_vary_are_refused() {
        let mut statistics = ClassStatistics::new(2, 3);
        statistics.add(Array2::ones((4, 3)).view(), &[0, 1, 0, 1].map(ClassIndex));
        assert!(statistics.lda(false).is_err());
    }
}
