//! Least squares with an L2 penalty, for many penalties from one decomposition.
//!
//! A regression is the minimiser of the weighted sum of squares plus `penalty` times the squared weights, the intercept free.

use std::borrow::Cow;
use std::ops::Range;

use edgetl_algebra::{Eigen, EvdError, LltError, Par, Real, eigen, product, solve_positive};
use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;

use super::sums::{Centred, Samples, Sums};
use crate::labels::ClassIndex;

/// `+1` for the sample's class and `-1` for every other: `[N,K]`.
pub fn one_against_rest(targets: &[ClassIndex], classes: usize) -> Array2<f32> {
    Array2::from_shape_fn(
        (targets.len(), classes),
        |(sample, class)| if targets[sample].0 == class { 1.0 } else { -1.0 },
    )
}

/// The regression of one penalty on samples with these sums: weights `[r,K]` and intercepts `[K]`.
///
/// # Errors
/// When the normal equations have no solution, as for numbers that are not finite.
pub fn solve(sums: &Sums, penalty: f64) -> Result<(Array2<f32>, Array1<f32>), LltError> {
    let Centred { mut moment, cross, mean, target_mean } = sums.centred();
    moment.diag_mut().mapv_inplace(|entry| entry + penalty);
    let weights = solve_positive(moment.view(), cross.view())?;
    let intercept = target_mean - mean.dot(&weights);
    Ok((weights.mapv(|weight| weight as f32), intercept.mapv(|value| value as f32)))
}

/// What regressions of many penalties answer for samples that they are fitted without.
///
/// With ZᵀZ = Q diag(v) Qᵀ of the centred, weighted coordinates Z, the hat matrix is Z Q (v + penalty)⁻¹ (Z Q)ᵀ plus that of
/// the intercept, so that predictions without a sample, or without a block of samples, need no further fit, and a further
/// penalty no further decomposition. A block of more samples than coordinates is taken out of the sums instead, which is the
/// smaller system. Rows are looked at a few at a time: nothing but the answers grows with their number.
///
/// Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, sections 3.4.1 and 7.10.
pub struct RidgePath<'a, T> {
    samples: Samples<'a>,
    /// Of all samples; `None` where their coordinates are uncorrelated.
    sums: Option<Cow<'a, Sums>>,
    weight: f64,
    mean: Array1<T>,
    target_mean: Array1<T>,
    /// `[r,r]`: Q; `None` where it is the identity.
    vectors: Option<Array2<T>>,
    /// `[r]`: v
    values: Array1<T>,
    /// `[r,K]`: (Z Q)ᵀ times the centred, weighted targets.
    projected: Array2<T>,
}

/// Rows that one task takes, where blocks are no larger.
const ROWS: usize = 512;

/// Blocks with their rows and `[n,K]`: centred, weighted targets less predictions by regressions fitted without the block.
struct Part<T> {
    rows: Vec<usize>,
    errors: Array2<T>,
}

impl<'a, T: Real> RidgePath<'a, T> {
    /// `sums` are those of all `samples`.
    ///
    /// # Errors
    /// When the decomposition does not converge.
    pub fn new(samples: Samples<'a>, sums: Cow<'a, Sums>) -> Result<Self, EvdError> {
        let Centred { moment, cross, mean, target_mean } = sums.centred();
        let Eigen { values, vectors } = eigen(moment.mapv(real::<T>).view())?;
        let projected = product(vectors.t(), cross.mapv(real).view(), Par::Seq);
        Ok(Self {
            weight: sums.weight,
            mean: mean.mapv(real),
            target_mean: target_mean.mapv(real),
            // What rounding leaves below 0 is 0.
            values: values.mapv(|value| if value > T::zero() { value } else { T::zero() }),
            vectors: Some(vectors),
            sums: Some(sums),
            projected,
            samples,
        })
    }

    /// Of samples whose weights are equal and whose coordinates are uncorrelated: nothing is decomposed.
    pub fn of_uncorrelated(samples: Samples<'a>) -> Self {
        let all: Vec<usize> = (0..samples.weights.len()).collect();
        let coordinates = samples.coordinates.rows(&all).mapv(|value| real::<T>(value.into()));
        let weight: f64 = samples.weights.iter().sum();
        let target_mean = samples.targets.mapv(f64::from).sum_axis(Axis(0)) / weight;
        let targets = samples.targets.mapv(|value| real::<T>(value.into())) - &target_mean.mapv(real::<T>);
        Self {
            weight,
            mean: Array1::zeros(coordinates.ncols()),
            target_mean: target_mean.mapv(real),
            values: coordinates.map_axis(Axis(0), |column| column.dot(&column)),
            vectors: None,
            sums: None,
            projected: product(coordinates.t(), targets.view(), edgetl_algebra::get_global_parallelism()),
            samples,
        }
    }

    /// Predictions for the samples of each block by the regression fitted on all samples outside it, exactly: `[N,K]`,
    /// the rows of samples in no block NaN. Blocks of one sample give leave-one-out.
    pub fn predictions_without<'b>(&self, penalty: f64, blocks: impl Iterator<Item = &'b [usize]>) -> Array2<f32> {
        let mut predictions = Array2::from_elem(self.samples.targets.dim(), f32::NAN);
        let answers = |part: Part<T>| (self.answers(&part), part.rows);
        let parts = self.over_parts(&[penalty], blocks, |mut parts| answers(parts.remove(0)));
        for (answers, rows) in parts {
            rows.iter().zip(answers.rows()).for_each(|(&row, answers)| predictions.row_mut(row).assign(&answers));
        }
        predictions
    }

    fn answers(&self, part: &Part<T>) -> Array2<f32> {
        let mut answers = self.targets(&part.rows) - &part.errors;
        for (mut answers, &row) in answers.rows_mut().into_iter().zip(&part.rows) {
            let root = self.root(row);
            answers.zip_mut_with(&self.target_mean, |value, &mean| *value = *value / root + mean);
        }
        answers.mapv(|value| value.into() as f32)
    }

    /// For each penalty the squared errors of such predictions, summed over targets and by the samples' weights over the
    /// rows that are `counted`, ascending, and in a block.
    pub fn squares_without<'b>(
        &self,
        penalties: &[f64],
        blocks: impl Iterator<Item = &'b [usize]>,
        counted: &[usize],
    ) -> Vec<f64> {
        let squares = |part: &Part<T>| {
            let counted =
                part.rows.iter().zip(part.errors.rows()).filter(|(row, _)| counted.binary_search(row).is_ok());
            // Errors have the roots of the weights in them.
            counted.map(|(_, errors)| errors.iter().map(|&error| error.into() * error.into()).sum::<f64>()).sum::<f64>()
        };
        let parts = self.over_parts(penalties, blocks, |parts| parts.iter().map(squares).collect::<Vec<_>>());
        let mut sums = vec![0.0; penalties.len()];
        parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, square)| *sum += square));
        sums
    }

    /// What `make` makes of the errors of some blocks, one part a penalty, for all blocks: in an order that does not depend on
    /// the number of threads.
    fn over_parts<'b, R: Send>(
        &self,
        penalties: &[f64],
        blocks: impl Iterator<Item = &'b [usize]>,
        make: impl Fn(Vec<Part<T>>) -> R + Sync,
    ) -> Vec<R> {
        let solved: Vec<Solved<T>> = penalties.iter().map(|&penalty| Solved::new(self, penalty)).collect();
        let (small, large): (Vec<_>, Vec<_>) =
            blocks.filter(|block| !block.is_empty()).partition(|block| block.len() <= self.values.len().max(1));
        let together = together(small);
        let mut parts: Vec<R> = together.par_iter().map(|blocks| make(self.without_small(&solved, blocks))).collect();
        // One after another: each is a product that all threads share.
        parts.extend(large.into_iter().map(|block| make(self.without_large(penalties, block))));
        parts
    }

    /// By the hat matrix over each block.
    fn without_small(&self, solved: &[Solved<T>], blocks: &[&[usize]]) -> Vec<Part<T>> {
        let rows = blocks.concat();
        let (rotated, targets) = (self.rotated(&rows), self.targets(&rows));
        let roots = Array1::from_iter(rows.iter().map(|&row| self.root(row)));
        let part = |Solved { inverse, weights }: &Solved<T>| {
            let mut errors = &targets - &product(rotated.view(), weights.view(), Par::Seq);
            let mut start = 0;
            for block in blocks {
                let places = start..start + block.len();
                start = places.end;
                self.leave_out((&rotated, inverse, &roots), places, &mut errors);
            }
            Part { rows: rows.clone(), errors }
        };
        solved.iter().map(part).collect()
    }

    /// Makes residuals of the samples at `places` errors: `(I - H)⁻¹ residual`, H the hat matrix over them with the intercept;
    /// for one sample the residual over `1 - h`, h its own weight in its prediction.
    fn leave_out(
        &self,
        (rotated, inverse, roots): (&Array2<T>, &Array1<T>, &Array1<T>),
        places: Range<usize>,
        errors: &mut Array2<T>,
    ) {
        let weight = real::<T>(self.weight);
        if places.len() == 1 {
            let (row, root) = (rotated.row(places.start), roots[places.start]);
            let own = row.iter().zip(inverse).fold(T::zero(), |sum, (&z, &inverse)| sum + z * z * inverse);
            let rest = T::one() - own - root * root / weight;
            // A sample that decides its own answer leaves nothing but rounding: its error is beyond any other.
            let rest = if rest > T::EPSILON { rest } else { T::EPSILON };
            errors.row_mut(places.start).mapv_inplace(|error| error / rest);
            return;
        }
        let rotated = rotated.slice(s![places.clone(), ..]);
        let mut system = product((&rotated * inverse).view(), rotated.t(), Par::Seq);
        system.indexed_iter_mut().for_each(|((i, j), entry)| {
            let hat = *entry + roots[places.start + i] * roots[places.start + j] / weight;
            *entry = if i == j { T::one() - hat } else { T::zero() - hat };
        });
        let mut errors = errors.slice_mut(s![places, ..]);
        // I - H is positive definite for a penalty above 0 as long as samples are left outside the block.
        if let Ok(solution) = solve_positive(system.view(), errors.view()) {
            errors.assign(&solution);
        }
    }

    /// By the sums of all samples outside the block.
    fn without_large(&self, penalties: &[f64], block: &[usize]) -> Vec<Part<T>> {
        let own = self.samples.sums_of(block);
        let rest = match &self.sums {
            Some(all) => all.without(&own),
            None => self.samples.sums().without(&own),
        };
        let targets = self.targets(block);
        let part = |&penalty: &f64| {
            let mut errors = targets.clone();
            // Where nothing is left outside, the mean is all there is.
            let Ok((weights, intercept)) = solve(&rest, penalty) else { return Part { rows: block.to_vec(), errors } };
            let offset = intercept.mapv(|value| real::<T>(value.into())) - &self.target_mean;
            for (place, rows) in (0..).step_by(ROWS).zip(block.chunks(ROWS)) {
                let rows = self.samples.coordinates.rows(rows);
                let answers = product(rows.view(), weights.view(), Par::Seq);
                let mut errors = errors.slice_mut(s![place..place + rows.nrows(), ..]);
                for ((mut errors, answers), &row) in
                    errors.axis_iter_mut(Axis(0)).zip(answers.rows()).zip(&block[place..])
                {
                    let root = self.root(row);
                    let gaps = errors.iter_mut().zip(answers).zip(&offset);
                    gaps.for_each(|((error, &answer), &offset)| {
                        *error = *error - root * (real::<T>(answer.into()) + offset)
                    });
                }
            }
            Part { rows: block.to_vec(), errors }
        };
        penalties.iter().map(part).collect()
    }

    /// `[n,r]`: Z Q of some rows.
    fn rotated(&self, rows: &[usize]) -> Array2<T> {
        let centred = self.weighted(&self.samples.coordinates.rows(rows), &self.mean, rows);
        match &self.vectors {
            Some(vectors) => product(centred.view(), vectors.view(), Par::Seq),
            None => centred,
        }
    }

    /// `[n,K]`: the targets of some rows, centred and weighted.
    fn targets(&self, rows: &[usize]) -> Array2<T> {
        self.weighted(&self.samples.targets.select(Axis(0), rows), &self.target_mean, rows)
    }

    /// `values` less their mean, rows times the square roots of their weights.
    fn weighted(&self, values: &Array2<f32>, mean: &Array1<T>, rows: &[usize]) -> Array2<T> {
        let mut weighted = values.mapv(|value| real::<T>(value.into()));
        for (mut values, &row) in weighted.rows_mut().into_iter().zip(rows) {
            let root = self.root(row);
            values.zip_mut_with(mean, |value, &mean| *value = (*value - mean) * root);
        }
        weighted
    }

    /// The square root of the weight of a sample.
    fn root(&self, row: usize) -> T {
        real(self.samples.weights[row].sqrt())
    }
}

/// A regression of one penalty on all samples.
struct Solved<T> {
    /// `[r]`: 1 / (v + penalty)
    inverse: Array1<T>,
    /// `[r,K]`
    weights: Array2<T>,
}

impl<T: Real> Solved<T> {
    fn new(path: &RidgePath<T>, penalty: f64) -> Self {
        let inverse = path.values.mapv(|value| T::one() / (value + real(penalty)));
        Self { weights: &path.projected * &inverse.view().insert_axis(Axis(1)), inverse }
    }
}

/// Blocks in the order of their first rows, as many together as one task takes.
fn together(mut blocks: Vec<&[usize]>) -> Vec<Vec<&[usize]>> {
    blocks.sort_unstable_by_key(|block| block[0]);
    let (mut parts, mut rows) = (Vec::<Vec<&[usize]>>::new(), ROWS);
    for block in blocks {
        if rows + block.len() > ROWS {
            parts.push(Vec::new());
            rows = 0;
        }
        rows += block.len();
        parts.last_mut().expect("begun just now").push(block);
    }
    parts
}

fn real<T: Real>(value: f64) -> T {
    T::from_f64(value)
}

#[cfg(test)]
mod tests;
