//! Probabilities from logits, and the temperature that makes them honest.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::labels::ClassIndex;

/// What logits are divided by before the softmax; above 1 it makes a head less sure.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Temperature(f32);

impl Temperature {
    /// Leaves logits as they are.
    pub const NEUTRAL: Self = Self(1.0);

    /// `None` when `value` is not finite and positive.
    pub fn new(value: f32) -> Option<Self> {
        (value.is_finite() && value > 0.0).then_some(Self(value))
    }

    pub fn value(self) -> f32 {
        self.0
    }

    /// The temperature of least loss on logits of samples that the head was not fitted on.
    ///
    /// The loss is the cross-entropy against smoothed targets, (N+1)/(N+K) for the true class and 1/(N+K) for every
    /// other, so that a handful of samples that are all right does not make the head certain.
    ///
    /// # Shapes
    /// `logits` `[N,K]`, `targets` N.
    ///
    /// Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2; the smoothing after Platt, 1999.
    pub fn fit(logits: ArrayView2<f32>, targets: &[ClassIndex]) -> Self {
        if logits.is_empty() {
            return Self::NEUTRAL;
        }
        let spread = logits.std(0.0);
        if !spread.is_normal() {
            return Self::NEUTRAL;
        }
        // The loss is convex in the inverse temperature: Newton's steps to where the first is 0, halving the interval on a
        // logarithmic scale where a step would leave it.
        let (mut low, mut high) = (1e-3 / f64::from(spread), 1e3 / f64::from(spread));
        let mut inverse = 1.0 / f64::from(spread);
        for _ in 0..60 {
            let Derivatives { first, second } = derivatives(logits, targets, inverse);
            if first > 0.0 {
                high = inverse
            } else {
                low = inverse
            }
            let next = inverse - first / second;
            let next = if next > low && next < high { next } else { (low * high).sqrt() };
            let done = (next / inverse - 1.0).abs() < 1e-9;
            inverse = next;
            if done {
                break;
            }
        }
        Self::new((1.0 / inverse) as f32).unwrap_or(Self::NEUTRAL)
    }

    /// The temperature of a head of which nothing could be held out: of the samples that it was fitted on it is as sure as 90 %,
    /// in the middle. What it does not know well it is less sure of.
    ///
    /// # Shapes
    /// `logits` `[N,K]`, `targets` N.
    pub fn of_nothing_held_out(logits: ArrayView2<f32>, targets: &[ClassIndex]) -> Self {
        let margin = |(row, target): (ndarray::ArrayView1<f32>, &ClassIndex)| {
            let others = row.iter().enumerate().filter(|(class, _)| *class != target.0).map(|(_, &logit)| logit);
            row[target.0] - others.fold(f32::NEG_INFINITY, f32::max)
        };
        let mut margins: Vec<f32> = logits.rows().into_iter().zip(targets).map(margin).collect();
        margins.sort_by(f32::total_cmp);
        let others = logits.ncols().saturating_sub(1) as f32;
        let middle = margins.get(margins.len() / 2).copied().unwrap_or(0.0);
        Self::new(middle / (9.0 * others).ln()).unwrap_or(Self::NEUTRAL)
    }

    /// The softmax of every row of `logits`, each divided by the temperature.
    ///
    /// # Shapes
    /// `[N,K]` to `[N,K]`; each row sums to 1.
    pub fn probabilities(self, mut logits: Array2<f32>) -> Array2<f32> {
        for mut row in logits.axis_iter_mut(Axis(0)) {
            let highest = row.fold(f32::NEG_INFINITY, |highest, &logit| highest.max(logit));
            row.mapv_inplace(|logit| ((logit - highest) / self.0).exp());
            let sum: f32 = row.sum();
            row.mapv_inplace(|exponential| exponential / sum);
        }
        logits
    }
}

/// The first two derivatives of the smoothed cross-entropy by the inverse temperature.
struct Derivatives {
    first: f64,
    second: f64,
}

/// Rows that one task takes: sums over them are added in order, whatever the number of threads.
const ROWS: usize = 4096;

fn derivatives(logits: ArrayView2<f32>, targets: &[ClassIndex], inverse: f64) -> Derivatives {
    let (samples, classes) = logits.dim();
    let other = 1.0 / (samples + classes) as f64;
    let shares = (other, samples as f64 * other);
    let chunks: Vec<_> = logits.axis_chunks_iter(Axis(0), ROWS).zip(targets.chunks(ROWS)).collect();
    let parts: Vec<Derivatives> =
        chunks.par_iter().map(|(logits, targets)| derivatives_of(*logits, targets, inverse, shares)).collect();
    parts.into_iter().fold(Derivatives { first: 0.0, second: 0.0 }, |sum, part| Derivatives {
        first: sum.first + part.first,
        second: sum.second + part.second,
    })
}

/// `other` and `own` are the smoothed target of each class and what is added to it for the sample's own.
fn derivatives_of(
    logits: ArrayView2<f32>,
    targets: &[ClassIndex],
    inverse: f64,
    (other, own_share): (f64, f64),
) -> Derivatives {
    let mut derivatives = Derivatives { first: 0.0, second: 0.0 };
    for (row, target) in logits.rows().into_iter().zip(targets) {
        let highest = row.fold(f32::NEG_INFINITY, |highest, &logit| highest.max(logit));
        let (mut sum, mut weighted, mut squared, mut plain) = (0.0, 0.0, 0.0, 0.0);
        for &logit in row {
            let below = f64::from(logit) - f64::from(highest);
            let exponential = (below * inverse).exp();
            sum += exponential;
            weighted += exponential * below;
            squared += exponential * below * below;
            plain += below;
        }
        let own = f64::from(row[target.0]) - f64::from(highest);
        let mean = weighted / sum;
        derivatives.first += mean - (own_share * own + other * plain);
        derivatives.second += squared / sum - mean * mean;
    }
    derivatives
}

/// `1 / (1 + e^-x)` of every logit: the probabilities of labels that exclude no other.
pub fn independent_probabilities(logits: &Array2<f32>) -> Array2<f32> {
    logits.mapv(|logit| 1.0 / (1.0 + (-logit).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;
    use ndarray::array;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn equal_logits_of_any_size_give_equal_probabilities() {
        let probabilities = Temperature::NEUTRAL.probabilities(Array2::from_elem((2, 5), 1e6));
        assert_eq!(probabilities, Array2::from_elem((2, 5), 0.2));
    }

    #[test]
    fn a_temperature_divides_the_logits() {
        let halved = Temperature::new(2.0).unwrap().probabilities(array![[2f32.ln() * 2.0, 0.0]]);
        assert!((halved[[0, 0]] - 2.0 / 3.0).abs() < 1e-6);
        assert!(Temperature::new(0.0).is_none() && Temperature::new(f32::NAN).is_none());
    }

    #[test]
    fn fitting_finds_the_factor_by_which_logits_are_too_sure() {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(1);
        let honest = Array2::from_shape_fn((4000, 3), |_| rng.random_range(-3f32..3.0));
        let draw = |row: ndarray::ArrayView1<f32>| {
            let mut rest: f32 = rng.random();
            let within = |&probability: &f32| {
                rest -= probability;
                rest < 0.0
            };
            ClassIndex(row.iter().position(within).unwrap_or(2))
        };
        let targets: Vec<_> = Temperature::NEUTRAL.probabilities(honest.clone()).rows().into_iter().map(draw).collect();
        let sure = honest * 4.0;
        let fitted = Temperature::fit(sure.view(), &targets);
        assert!((fitted.value() - 4.0).abs() < 0.25, "{fitted:?}");
        assert!(metrics::ece(fitted.probabilities(sure.clone()).view(), &targets) < 0.03);
        assert!(metrics::ece(Temperature::NEUTRAL.probabilities(sure).view(), &targets) > 0.1);
    }

    #[test]
    fn a_few_samples_that_are_all_right_do_not_make_a_head_certain() {
        let logits = array![[4f32, 0.0], [0.0, 4.0], [4.0, 0.0]];
        let fitted = Temperature::fit(logits.view(), &[ClassIndex(0), ClassIndex(1), ClassIndex(0)]);
        // Smoothed targets are 4/5 and 1/5: the logits' difference must become ln 4.
        assert!((4.0 / fitted.value() - 4f32.ln()).abs() < 1e-4, "{fitted:?}");
    }

    #[test]
    fn logits_that_say_nothing_keep_a_finite_temperature() {
        assert_eq!(Temperature::fit(Array2::zeros((0, 3)).view(), &[]), Temperature::NEUTRAL);
        let fitted = Temperature::fit(Array2::zeros((4, 3)).view(), &[ClassIndex(0); 4]);
        assert_eq!(fitted, Temperature::NEUTRAL);
    }
}
