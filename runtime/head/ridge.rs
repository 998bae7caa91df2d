//! Least squares with an L2 penalty on one-against-rest targets, for many penalties from one decomposition.

use edgetl_algebra::EvdError;
use edgetl_algebra::get_global_parallelism;
use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;

use crate::labels::ClassIndex;
use edgetl_algebra::{Eigen, Kernel, Real, eigen, inner_product, product, solve_positive, with_widest_vectors};

/// `+1` for the sample's class and `-1` for every other: `[N,K]`.
pub fn one_against_rest(targets: &[ClassIndex], classes: usize) -> Array2<f32> {
    Array2::from_shape_fn(
        (targets.len(), classes),
        |(sample, class)| if targets[sample].0 == class { 1.0 } else { -1.0 },
    )
}

/// All ridge regressions of `targets` on `coordinates`: minimisers of the weighted sum of squares plus `penalty` times
/// the squared weights, the intercept free.
///
/// With S = ZᵀZ = V Λ Vᵀ of the centred, weighted coordinates Z, the hat matrix is Z V (Λ + penalty)⁻¹ (Z V)ᵀ plus that
/// of the intercept, so that predictions without a sample, or without a block of samples, need no further fit.
///
/// Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, sections 3.4.1 and 7.10.
pub struct RidgePath<'a, T> {
    /// `[N,r]`: Z V
    rotated: CowArray<'a, T, Ix2>,
    /// `[r]`: Λ, not below 0.
    values: Array1<T>,
    /// `[r,r]`: V; `None` for the identity.
    vectors: Option<Array2<T>>,
    /// `[r,K]`: (Z V)ᵀ times the centred, weighted targets.
    projected: Array2<T>,
    /// `[N,K]`: the centred, weighted targets.
    targets: Array2<T>,
    /// `[N]`: square roots of the samples' weights.
    roots: Array1<T>,
    mean: Array1<T>,
    target_mean: Array1<T>,
}

/// What a [`RidgePath`] is made from.
pub struct RidgeData<'a, T> {
    /// `[N,r]` in standard layout, the columns of mean 0 when all weights are equal.
    pub coordinates: ArrayView2<'a, T>,
    /// `[N,K]`
    pub targets: ArrayView2<'a, T>,
    /// `[N]`, above 0.
    pub weights: &'a [f64],
    /// Whether these columns are uncorrelated when all weights are equal.
    pub orthogonal: bool,
}

impl<'a, T: Real> RidgePath<'a, T> {
    /// # Errors
    /// When the decomposition does not converge.
    pub fn new(data: &RidgeData<'a, T>) -> Result<Self, EvdError> {
        let RidgeData { coordinates, targets, weights, orthogonal } = data;
        let total: f64 = weights.iter().sum();
        let roots = Array1::from_iter(weights.iter().map(|weight| real::<T>(weight.sqrt())));
        let equal = weights.iter().all(|weight| *weight == 1.0);
        let (mean, centred) = match equal {
            true => (Array1::zeros(coordinates.ncols()), CowArray::from(*coordinates)),
            false => centre(*coordinates, weights, total),
        };
        let (target_mean, targets) = centre(*targets, weights, total);
        let targets = targets.into_owned();
        let (rotated, values, vectors) = if *orthogonal && equal {
            let values = centred.map_axis(Axis(0), |column| column.dot(&column));
            (centred, values, None)
        } else {
            let Eigen { values, vectors } = eigen(inner_product(centred.view()).view())?;
            (multiply(centred.view(), vectors.view()).into(), values, Some(vectors))
        };
        let values = values.mapv(|value| if value > T::zero() { value } else { T::zero() });
        // The larger matrix on the right, where its rows are in one piece: so the product is faster.
        let projected = multiply(targets.t(), rotated.view()).reversed_axes();
        Ok(Self { rotated, values, vectors, projected, targets, roots, mean, target_mean })
    }

    /// Weights `[r,K]` and intercepts `[K]`.
    pub fn solve(&self, penalty: f64) -> (Array2<T>, Array1<T>) {
        let shrunk = &self.projected * &self.shrinkage(penalty).insert_axis(Axis(1));
        let weights = match &self.vectors {
            Some(vectors) => multiply(vectors.view(), shrunk.view()),
            None => shrunk,
        };
        let intercept = &self.target_mean - &self.mean.dot(&weights);
        (weights, intercept)
    }

    /// Predictions for the samples of each block by the regression fitted on all samples outside it, exactly: `[N,K]`,
    /// the rows of samples in no block NaN. Blocks of one sample give leave-one-out.
    pub fn predictions_without<'b>(&self, penalty: f64, blocks: impl Iterator<Item = &'b [usize]>) -> Array2<f32> {
        let inverse = self.shrinkage(penalty);
        let shrunk = &self.projected * &inverse.view().insert_axis(Axis(1));
        let fitted = multiply(self.rotated.view(), shrunk.view());
        let (mut alone, mut together) = (vec![false; fitted.nrows()], Vec::new());
        for block in blocks {
            match *block {
                [row] => alone[row] = true,
                _ => together.push(block),
            }
        }
        let mut predictions = Array2::from_elem(fitted.dim(), f32::NAN);
        self.predict_without_each(&alone, &inverse, &fitted, &mut predictions);
        for block in together {
            let errors = self.errors_without(block, &inverse, &fitted);
            for (&row, errors) in block.iter().zip(errors.rows()) {
                for (class, &error) in errors.iter().enumerate() {
                    predictions[[row, class]] = self.prediction(row, class, error);
                }
            }
        }
        predictions
    }

    /// Leaves out each of the rows that are `alone`.
    fn predict_without_each(
        &self,
        alone: &[bool],
        inverse: &Array1<T>,
        fitted: &Array2<T>,
        predictions: &mut Array2<f32>,
    ) {
        let inverse = inverse.as_slice().expect("standard layout");
        let length = self.roots.dot(&self.roots);
        let rows: Vec<_> = predictions.rows_mut().into_iter().enumerate().filter(|(row, _)| alone[*row]).collect();
        rows.into_par_iter().with_min_len(64).for_each(|(row, mut predictions)| {
            let rotated = self.rotated.row(row);
            let own = with_widest_vectors(WeightedSquare {
                values: rotated.to_slice().expect("standard layout"),
                weights: inverse,
            });
            let left = T::one() - (own + self.roots[row] * self.roots[row] / length);
            for (class, prediction) in predictions.iter_mut().enumerate() {
                let error = (self.targets[[row, class]] - fitted[[row, class]]) / left;
                *prediction = self.prediction(row, class, error);
            }
        });
    }

    /// In the unit of the targets, from the error of centred, weighted ones.
    fn prediction(&self, row: usize, class: usize, error: T) -> f32 {
        ((self.targets[[row, class]] - error) / self.roots[row] + self.target_mean[class]).into() as f32
    }

    /// `(I - H)⁻¹ residual` over the rows of `block`, H the hat matrix with the intercept.
    fn errors_without(&self, block: &[usize], inverse: &Array1<T>, fitted: &Array2<T>) -> Array2<T> {
        let rotated = self.rotated.select(Axis(0), block);
        let residual = self.targets.select(Axis(0), block) - fitted.select(Axis(0), block);
        let (roots, length) = (self.roots.select(Axis(0), block), self.roots.dot(&self.roots));
        let shrunk = &rotated * &inverse.view().insert_axis(Axis(0));
        let mut system = product(shrunk.view(), rotated.t(), get_global_parallelism());
        system.indexed_iter_mut().for_each(|((i, j), entry)| {
            let hat = *entry + roots[i] * roots[j] / length;
            *entry = if i == j { T::one() - hat } else { T::zero() - hat };
        });
        // I - H is positive definite for a penalty above 0 as long as samples are left outside the block.
        solve_positive(system.view(), residual.view()).unwrap_or(residual)
    }

    fn shrinkage(&self, penalty: f64) -> Array1<T> {
        let penalty = real::<T>(penalty);
        self.values.mapv(|value| T::one() / (value + penalty))
    }
}

fn multiply<T: Real>(left: ArrayView2<T>, right: ArrayView2<T>) -> Array2<T> {
    product(left, right, get_global_parallelism())
}

/// The sum of `weights · values²`.
struct WeightedSquare<'a, T> {
    values: &'a [T],
    weights: &'a [T],
}

impl<T: Real> Kernel for WeightedSquare<'_, T> {
    type Output = T;

    /// In lanes side by side, which the compiler turns into vector instructions.
    #[inline(always)]
    fn run(self) -> T {
        const LANES: usize = 16;
        let (chunks, rest) = self.values.as_chunks::<LANES>();
        let (weight_chunks, weights_of_rest) = self.weights.as_chunks::<LANES>();
        let mut lanes = [T::zero(); LANES];
        for (values, weights) in chunks.iter().zip(weight_chunks) {
            for lane in 0..LANES {
                lanes[lane] = lanes[lane] + values[lane] * values[lane] * weights[lane];
            }
        }
        let sum = lanes.into_iter().fold(T::zero(), |sum, lane| sum + lane);
        rest.iter().zip(weights_of_rest).fold(sum, |sum, (&value, &weight)| sum + value * value * weight)
    }
}

fn real<T: Real>(value: f64) -> T {
    T::from_f64(value)
}

/// The weighted mean of every column, and the columns less it, rows times the square roots of their weights.
fn centre<T: Real>(matrix: ArrayView2<T>, weights: &[f64], total: f64) -> (Array1<T>, CowArray<'static, T, Ix2>) {
    let mut mean = Array1::<f64>::zeros(matrix.ncols());
    for (row, weight) in matrix.rows().into_iter().zip(weights) {
        mean.zip_mut_with(&row, |sum, &value| *sum += weight / total * value.into());
    }
    let mean = mean.mapv(real::<T>);
    let mut centred = matrix.to_owned();
    for (mut row, weight) in centred.rows_mut().into_iter().zip(weights) {
        let root = real::<T>(weight.sqrt());
        row.zip_mut_with(&mean, |value, &mean| *value = (*value - mean) * root);
    }
    (mean, centred.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::concatenate;
    use proptest::prelude::*;

    struct Example {
        coordinates: Array2<f64>,
        targets: Array2<f64>,
        weights: Vec<f64>,
    }

    impl Example {
        fn new(samples: usize, channels: usize, values: &[f64]) -> Self {
            let value = |index: usize| values[index % values.len()] + (index as f64 * 0.7).sin();
            let coordinates = Array2::from_shape_fn((samples, channels), |(n, c)| value(n * channels + c));
            let classes: Vec<_> = (0..samples).map(|n| ClassIndex(n % 3)).collect();
            let weights = (0..samples).map(|n| 0.5 + (n % 4) as f64).collect();
            Self { coordinates, targets: one_against_rest(&classes, 3).mapv(f64::from), weights }
        }

        fn path(&self) -> RidgePath<'_, f64> {
            let (coordinates, targets) = (self.coordinates.view(), self.targets.view());
            RidgePath::new(&RidgeData { coordinates, targets, weights: &self.weights, orthogonal: false }).unwrap()
        }

        fn without(&self, block: &[usize]) -> Self {
            let kept: Vec<usize> = (0..self.weights.len()).filter(|row| !block.contains(row)).collect();
            Self {
                coordinates: self.coordinates.select(Axis(0), &kept),
                targets: self.targets.select(Axis(0), &kept),
                weights: kept.iter().map(|&row| self.weights[row]).collect(),
            }
        }
    }

    #[test]
    fn the_weights_solve_the_normal_equations_with_a_free_intercept() {
        let example = Example::new(12, 4, &[0.3, -1.0, 2.0, 0.1, 0.9]);
        let (weights, intercept) = example.path().solve(2.5);
        let design = concatenate![Axis(1), example.coordinates, Array2::ones((12, 1))];
        let parameters = concatenate![Axis(0), weights, intercept.insert_axis(Axis(0))];
        let scaled = &design * &Array1::from(example.weights.clone()).insert_axis(Axis(1));
        let mut gradient = scaled.t().dot(&(design.dot(&parameters) - &example.targets));
        gradient.slice_mut(ndarray::s![..4, ..]).scaled_add(2.5, &parameters.slice(ndarray::s![..4, ..]));
        assert!(gradient.iter().all(|entry| entry.abs() < 1e-9));
    }

    #[test]
    fn uncorrelated_coordinates_need_no_decomposition() {
        let coordinates = ndarray::array![[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let targets = ndarray::array![[1.0], [-1.0], [1.0], [1.0]];
        let solve = |orthogonal| {
            let data =
                RidgeData { coordinates: coordinates.view(), targets: targets.view(), weights: &[1.0; 4], orthogonal };
            RidgePath::new(&data).unwrap().solve(0.5)
        };
        let (fast, slow) = (solve(true), solve(false));
        assert!((fast.0 - slow.0).iter().chain(&(fast.1 - slow.1)).all(|gap: &f64| gap.abs() < 1e-12));
    }

    proptest! {
        #[test]
        fn leaving_a_block_out_is_the_fit_without_it(
            shape in prop_oneof![Just((15usize, 4usize)), Just((9, 20))],
            values in proptest::collection::vec(-2f64..2.0, 31),
            penalty in 0.1f64..50.0,
            block in prop_oneof![Just(vec![4usize]), Just(vec![0, 3, 7]), Just(vec![1, 2])],
        ) {
            let example = Example::new(shape.0, shape.1, &values);
            let predictions = example.path().predictions_without(penalty, [block.as_slice()].into_iter());
            let (weights, intercept) = example.without(&block).path().solve(penalty);
            for &row in &block {
                let refitted = example.coordinates.row(row).dot(&weights) + &intercept;
                for (exact, shortcut) in refitted.iter().zip(predictions.row(row)) {
                    prop_assert!((exact - f64::from(*shortcut)).abs() < 1e-5 * (1.0 + exact.abs()));
                }
            }
            prop_assert!(predictions[[8, 0]].is_nan());
        }
    }
}
