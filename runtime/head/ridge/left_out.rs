//! What the regression answers for samples that it is fitted without.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, concatenate, s};
use rayon::prelude::*;

use super::shifted::{Shifted, lengths};
use super::{RidgePath, multiply};
use edgetl_algebra::{Real, solve_positive};

/// Rows that one task takes at most, unless one block has more: few enough to stay in the cache.
const ROWS: usize = 256;

/// The rows of some blocks, one after another.
#[derive(Default)]
struct Part {
    rows: Vec<usize>,
    /// Of `rows`.
    blocks: Vec<Range<usize>>,
}

/// What a penalty makes of a [`RidgePath`].
struct Penalised<T> {
    shifted: Vec<Shifted<T>>,
    /// `[r,P·K]`: weights in the basis, of one penalty after another.
    weights: Array2<T>,
}

impl<T: Real> RidgePath<'_, T> {
    /// Predictions for the samples of each block by the regression fitted on all samples outside it, exactly: `[N,K]`,
    /// the rows of samples in no block NaN. Blocks of one sample give leave-one-out.
    pub fn predictions_without<'b>(&self, penalty: f64, blocks: impl Iterator<Item = &'b [usize]>) -> Array2<f32> {
        let penalised = self.penalised(&[penalty]);
        let answers = in_parts(blocks).into_par_iter().map(|part| {
            let errors = self.errors_without(&part, &penalised);
            (part.rows, errors)
        });
        let mut predictions = Array2::from_elem(self.targets.dim(), f32::NAN);
        for (rows, errors) in answers.collect::<Vec<_>>() {
            for (&row, errors) in rows.iter().zip(errors.rows()) {
                let centred = &self.targets.row(row) - &errors;
                let answers =
                    centred.iter().zip(&self.target_mean).map(|(&value, &mean)| value / self.roots[row] + mean);
                predictions.row_mut(row).iter_mut().zip(answers).for_each(|(slot, value)| *slot = value.into() as f32);
            }
        }
        predictions
    }

    /// For each penalty the squared errors of such predictions, summed over targets and by the samples' weights over the
    /// rows that are `counted`, ascending, and in a block.
    pub fn squares_without<'b>(
        &self,
        penalties: &[f64],
        blocks: impl Iterator<Item = &'b [usize]>,
        counted: &[usize],
    ) -> Vec<f64> {
        let penalised = self.penalised(penalties);
        let sums = in_parts(blocks).into_par_iter().map(|part| {
            let errors = self.errors_without(&part, &penalised);
            let mut squares = vec![0.0; penalties.len()];
            for (_, errors) in part.rows.iter().zip(errors.rows()).filter(|(row, _)| counted.binary_search(row).is_ok())
            {
                let errors = errors.to_slice().expect("standard layout");
                // Errors have the roots of the weights in them.
                for (square, errors) in squares.iter_mut().zip(errors.chunks_exact(self.targets.ncols())) {
                    *square += errors.iter().fold(T::zero(), |sum, &error| sum + error * error).into();
                }
            }
            squares
        });
        sums.collect::<Vec<_>>().into_iter().fold(vec![0.0; penalties.len()], |sums, part| {
            sums.into_iter().zip(part).map(|(sum, part)| sum + part).collect()
        })
    }

    fn penalised(&self, penalties: &[f64]) -> Penalised<T> {
        let shifted: Vec<_> = penalties.iter().map(|&penalty| self.shifted(penalty)).collect();
        let weights: Vec<_> = shifted.iter().map(|shifted| shifted.solve(self.projected.view())).collect();
        let weights: Vec<_> = weights.iter().map(|weights| weights.view()).collect();
        Penalised { shifted, weights: concatenate(Axis(1), &weights).expect("one height") }
    }

    /// `[n,P·K]`: centred, weighted targets less their predictions by regressions fitted without the row's block.
    fn errors_without(&self, part: &Part, penalised: &Penalised<T>) -> Array2<T> {
        let rotated = self.rotated(&part.rows);
        let mut errors = multiply(rotated.view(), penalised.weights.view());
        for (mut errors, &row) in errors.rows_mut().into_iter().zip(&part.rows) {
            for mut errors in errors.exact_chunks_mut(self.targets.ncols()) {
                errors.zip_mut_with(&self.targets.row(row), |fitted, &target| *fitted = target - *fitted);
            }
        }
        let mut shares = Array2::zeros((part.rows.len(), penalised.shifted.len()));
        if part.blocks.iter().any(|block| block.len() == 1) {
            lengths(&penalised.shifted, rotated.view(), shares.view_mut());
        }
        for block in &part.blocks {
            let rows = &part.rows[block.clone()];
            let mut errors = errors.slice_mut(s![block.clone(), ..]);
            for (index, mut errors) in errors.axis_chunks_iter_mut(Axis(1), self.targets.ncols()).enumerate() {
                if let [row] = *rows {
                    let rest = T::one() - shares[[block.start, index]] - self.intercept(row, row);
                    // A sample that decides its own answer leaves nothing but rounding: its error is beyond any other.
                    let rest = if rest > T::EPSILON { rest } else { T::EPSILON };
                    errors.mapv_inplace(|error| error / rest);
                } else {
                    let rotated = rotated.slice(s![block.clone(), ..]);
                    let solution = self.without_together(rows, rotated, errors.view(), &penalised.shifted[index]);
                    errors.assign(&solution);
                }
            }
        }
        errors
    }

    /// `(I - H)⁻¹ residual` over `rows`, H the hat matrix with the intercept.
    fn without_together(
        &self,
        rows: &[usize],
        rotated: ArrayView2<T>,
        residual: ArrayView2<T>,
        shifted: &Shifted<T>,
    ) -> Array2<T> {
        let mut system = shifted.products(rotated.to_owned());
        system.indexed_iter_mut().for_each(|((i, j), entry)| {
            let hat = *entry + self.intercept(rows[i], rows[j]);
            *entry = if i == j { T::one() - hat } else { T::zero() - hat };
        });
        // I - H is positive definite for a penalty above 0 as long as samples are left outside the block.
        solve_positive(system.view(), residual).unwrap_or_else(|_| residual.to_owned())
    }

    /// What the intercept adds to the hat matrix.
    fn intercept(&self, row: usize, column: usize) -> T {
        self.roots[row] * self.roots[column] / self.total
    }

    /// `[n,r]`: rows of Z Q
    fn rotated(&self, rows: &[usize]) -> CowArray<'_, T, Ix2> {
        let consecutive = rows.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let centred = match (consecutive, rows) {
            (true, [first, .., last]) => self.centred.slice(s![*first..=*last, ..]).into(),
            _ => CowArray::from(self.centred.select(Axis(0), rows)),
        };
        match &self.basis {
            Some(basis) => multiply(centred.view(), basis.view()).into(),
            None => centred,
        }
    }
}

/// Blocks of one sample in the order of their rows, then the others.
fn in_parts<'b>(blocks: impl Iterator<Item = &'b [usize]>) -> Vec<Part> {
    let (mut alone, together): (Vec<_>, Vec<_>) =
        blocks.filter(|block| !block.is_empty()).partition(|block| block.len() == 1);
    alone.sort_unstable_by_key(|block| block[0]);
    let mut parts: Vec<Part> = Vec::new();
    for block in alone.into_iter().chain(together) {
        if parts.last().is_none_or(|part| part.rows.len() + block.len() > ROWS) {
            parts.push(Part::default());
        }
        let part = parts.last_mut().expect("there is one now");
        part.blocks.push(part.rows.len()..part.rows.len() + block.len());
        part.rows.extend(block);
    }
    parts
}
