//! Least squares with an L2 penalty, for many penalties from one decomposition.

use edgetl_algebra::{
    Eigen, EvdError, LltError, Real, eigen, get_global_parallelism, inner_product, product, solve_positive,
};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::labels::ClassIndex;

/// `+1` for the sample's class and `-1` for every other: `[N,K]`.
pub fn one_against_rest(targets: &[ClassIndex], classes: usize) -> Array2<f32> {
    Array2::from_shape_fn(
        (targets.len(), classes),
        |(sample, class)| if targets[sample].0 == class { 1.0 } else { -1.0 },
    )
}

/// What regressions are fitted to: the minimisers of the weighted sum of squares plus `penalty` times the squared weights,
/// the intercept free.
pub struct RidgeData<'a> {
    /// `[N,r]`, the columns of mean 0 when all weights are equal.
    pub coordinates: ArrayView2<'a, f32>,
    /// `[N,K]`
    pub targets: ArrayView2<'a, f32>,
    /// `[N]`, above 0.
    pub weights: &'a [f64],
    /// Whether these columns are uncorrelated when all weights are equal.
    pub orthogonal: bool,
}

/// Data with weighted means of 0, rows times the square roots of their weights.
struct Centred<T> {
    /// `[N,r]`
    coordinates: Array2<T>,
    /// `[N,K]`
    targets: Array2<T>,
    mean: Array1<T>,
    target_mean: Array1<T>,
    /// Of the weights.
    roots: Array1<T>,
    /// The weights' sum.
    total: T,
    /// Whether the columns of the coordinates are uncorrelated.
    orthogonal: bool,
}

impl<T: Real> Centred<T> {
    fn new(data: &RidgeData) -> Self {
        let total: f64 = data.weights.iter().sum();
        let equal = data.weights.iter().all(|weight| *weight == 1.0);
        let (mean, coordinates) = centre(data.coordinates, data.weights, total);
        let (target_mean, targets) = centre(data.targets, data.weights, total);
        let roots = data.weights.iter().map(|weight| real::<T>(weight.sqrt())).collect();
        let orthogonal = data.orthogonal && equal;
        Self { coordinates, targets, mean, target_mean, roots, total: real(total), orthogonal }
    }

    /// `[r,K]`
    fn projected(&self) -> Array2<T> {
        multiply(self.coordinates.t(), self.targets.view())
    }

    fn intercept(&self, weights: &Array2<T>) -> Array1<f32> {
        (&self.target_mean - &self.mean.dot(weights)).mapv(|value| value.into() as f32)
    }
}

/// The weighted mean of every column, and the columns less it, rows times the square roots of their weights.
fn centre<T: Real>(matrix: ArrayView2<f32>, weights: &[f64], total: f64) -> (Array1<T>, Array2<T>) {
    let mut mean = Array1::<f64>::zeros(matrix.ncols());
    for (row, weight) in matrix.rows().into_iter().zip(weights) {
        mean.zip_mut_with(&row, |sum, &value| *sum += weight / total * f64::from(value));
    }
    let mut centred = Array2::zeros(matrix.dim());
    for ((row, mut centred), weight) in matrix.rows().into_iter().zip(centred.rows_mut()).zip(weights) {
        let root = weight.sqrt();
        for ((centred, &value), mean) in centred.iter_mut().zip(row).zip(&mean) {
            *centred = real((f64::from(value) - mean) * root);
        }
    }
    (mean.mapv(real), centred)
}

/// The regression of one penalty: weights `[r,K]` and intercepts `[K]`.
///
/// # Errors
/// When the normal equations have no solution, as for numbers that are not finite.
pub fn solve<T: Real>(data: &RidgeData, penalty: f64) -> Result<(Array2<f32>, Array1<f32>), LltError> {
    let centred = Centred::<T>::new(data);
    let mut gram = inner_product(centred.coordinates.view());
    gram.diag_mut().mapv_inplace(|entry| entry + real(penalty));
    let weights = solve_positive(gram.view(), centred.projected().view())?;
    let intercept = centred.intercept(&weights);
    Ok((weights.mapv(|weight| weight.into() as f32), intercept))
}

/// What regressions of many penalties answer for samples that they are fitted without.
///
/// With ZᵀZ = Q diag(v) Qᵀ of the centred, weighted coordinates Z, the hat matrix is Z Q (v + penalty)⁻¹ (Z Q)ᵀ plus that of
/// the intercept, so that predictions without a sample, or without a block of samples, need no further fit, and a further
/// penalty no further decomposition.
///
/// Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, sections 3.4.1 and 7.10.
pub struct RidgePath<T> {
    centred: Centred<T>,
    /// `[N,r]`: Z Q
    rotated: Array2<T>,
    /// `[r]`: v
    values: Array1<T>,
    /// `[r,K]`: (Z Q)ᵀ times the centred, weighted targets.
    projected: Array2<T>,
}

/// Rows of blocks of one sample that one task takes.
const ROWS: usize = 512;

impl<T: Real> RidgePath<T> {
    /// # Errors
    /// When the decomposition does not converge.
    pub fn new(data: &RidgeData) -> Result<Self, EvdError> {
        let centred = Centred::<T>::new(data);
        let (values, rotated) = if centred.orthogonal {
            (centred.coordinates.map_axis(Axis(0), |column| column.dot(&column)), centred.coordinates.clone())
        } else {
            let Eigen { values, vectors } = eigen(inner_product(centred.coordinates.view()).view())?;
            (values, multiply(centred.coordinates.view(), vectors.view()))
        };
        // What rounding leaves below 0 is 0.
        let values = values.mapv(|value| if value > T::zero() { value } else { T::zero() });
        let projected = multiply(rotated.t(), centred.targets.view());
        Ok(Self { centred, rotated, values, projected })
    }

    /// Predictions for the samples of each block by the regression fitted on all samples outside it, exactly: `[N,K]`,
    /// the rows of samples in no block NaN. Blocks of one sample give leave-one-out.
    pub fn predictions_without<'b>(&self, penalty: f64, blocks: impl Iterator<Item = &'b [usize]>) -> Array2<f32> {
        let mut predictions = Array2::from_elem(self.centred.targets.dim(), f32::NAN);
        for (rows, errors) in self.errors_without(penalty, blocks) {
            for (row, errors) in rows.into_iter().zip(errors.rows()) {
                let centred = &self.centred.targets.row(row) - &errors;
                let root = self.centred.roots[row];
                let answers = centred.iter().zip(&self.centred.target_mean).map(|(&value, &mean)| value / root + mean);
                predictions.row_mut(row).iter_mut().zip(answers).for_each(|(slot, value)| *slot = value.into() as f32);
            }
        }
        predictions
    }

    /// The squared errors of such predictions, summed over targets and by the samples' weights over the rows that are
    /// `counted`, ascending, and in a block.
    pub fn squares_without<'b>(
        &self,
        penalty: f64,
        blocks: impl Iterator<Item = &'b [usize]>,
        counted: &[usize],
    ) -> f64 {
        let parts = self.errors_without(penalty, blocks);
        let squares = |(rows, errors): &(Vec<usize>, Array2<T>)| {
            let counted = rows.iter().zip(errors.rows()).filter(|(row, _)| counted.binary_search(row).is_ok());
            // Errors have the roots of the weights in them.
            counted.map(|(_, errors)| errors.iter().map(|&error| error.into() * error.into()).sum::<f64>()).sum::<f64>()
        };
        parts.iter().map(squares).sum()
    }

    /// Rows with their centred, weighted targets less their predictions by regressions fitted without the row's block.
    fn errors_without<'b>(
        &self,
        penalty: f64,
        blocks: impl Iterator<Item = &'b [usize]>,
    ) -> Vec<(Vec<usize>, Array2<T>)> {
        let inverse = self.values.mapv(|value| T::one() / (value + real(penalty)));
        let weights = &self.projected * &inverse.view().insert_axis(Axis(1));
        let residual = &self.centred.targets - &multiply(self.rotated.view(), weights.view());
        let (alone, together): (Vec<_>, Vec<_>) = blocks.filter(|block| !block.is_empty()).partition(|b| b.len() == 1);
        let alone: Vec<usize> = alone.into_iter().map(|block| block[0]).collect();
        let parts = alone.par_chunks(ROWS).map(|rows| (rows.to_vec(), self.without_each(rows, &inverse, &residual)));
        let mut errors: Vec<_> = parts.collect();
        errors.extend(together.iter().map(|rows| (rows.to_vec(), self.without_all(rows, &inverse, &residual))));
        errors
    }

    /// Errors of `rows`, each left out alone: the residual over `1 - h`, h its own weight in its prediction.
    fn without_each(&self, rows: &[usize], inverse: &Array1<T>, residual: &Array2<T>) -> Array2<T> {
        let mut errors = residual.select(Axis(0), rows);
        for (mut errors, &row) in errors.rows_mut().into_iter().zip(rows) {
            let own =
                self.rotated.row(row).iter().zip(inverse).fold(T::zero(), |sum, (&z, &inverse)| sum + z * z * inverse);
            let rest = T::one() - own - self.intercept(row, row);
            // A sample that decides its own answer leaves nothing but rounding: its error is beyond any other.
            let rest = if rest > T::EPSILON { rest } else { T::EPSILON };
            errors.mapv_inplace(|error| error / rest);
        }
        errors
    }

    /// Errors of `rows`, left out together: `(I - H)⁻¹ residual`, H the hat matrix over them with the intercept.
    fn without_all(&self, rows: &[usize], inverse: &Array1<T>, residual: &Array2<T>) -> Array2<T> {
        let rotated = self.rotated.select(Axis(0), rows);
        let mut system = multiply((&rotated * inverse).view(), rotated.t());
        system.indexed_iter_mut().for_each(|((i, j), entry)| {
            let hat = *entry + self.intercept(rows[i], rows[j]);
            *entry = if i == j { T::one() - hat } else { T::zero() - hat };
        });
        let residual = residual.select(Axis(0), rows);
        // I - H is positive definite for a penalty above 0 as long as samples are left outside the block.
        solve_positive(system.view(), residual.view()).unwrap_or(residual)
    }

    /// What the intercept adds to the hat matrix.
    fn intercept(&self, row: usize, column: usize) -> T {
        self.centred.roots[row] * self.centred.roots[column] / self.centred.total
    }
}

fn multiply<T: Real>(left: ArrayView2<T>, right: ArrayView2<T>) -> Array2<T> {
    product(left, right, get_global_parallelism())
}

fn real<T: Real>(value: f64) -> T {
    T::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::concatenate;
    use proptest::prelude::*;

    struct Example {
        coordinates: Array2<f32>,
        targets: Array2<f32>,
        weights: Vec<f64>,
    }

    impl Example {
        fn new(samples: usize, channels: usize, values: &[f64]) -> Self {
            let value = |index: usize| values[index % values.len()] + (index as f64 * 0.7).sin();
            let coordinates = Array2::from_shape_fn((samples, channels), |(n, c)| value(n * channels + c) as f32);
            let classes: Vec<_> = (0..samples).map(|n| ClassIndex(n % 3)).collect();
            let weights = (0..samples).map(|n| 0.5 + (n % 4) as f64).collect();
            Self { coordinates, targets: one_against_rest(&classes, 3), weights }
        }

        fn data(&self) -> RidgeData<'_> {
            let (coordinates, targets) = (self.coordinates.view(), self.targets.view());
            RidgeData { coordinates, targets, weights: &self.weights, orthogonal: false }
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
        let (weights, intercept) = solve::<f64>(&example.data(), 2.5).unwrap();
        let (weights, intercept) = (weights.mapv(f64::from), intercept.mapv(f64::from));
        let design = concatenate![Axis(1), example.coordinates.mapv(f64::from), Array2::ones((12, 1))];
        let parameters = concatenate![Axis(0), weights, intercept.insert_axis(Axis(0))];
        let scaled = &design * &Array1::from(example.weights.clone()).insert_axis(Axis(1));
        let mut gradient = scaled.t().dot(&(design.dot(&parameters) - example.targets.mapv(f64::from)));
        gradient.slice_mut(ndarray::s![..4, ..]).scaled_add(2.5, &parameters.slice(ndarray::s![..4, ..]));
        assert!(gradient.iter().all(|entry| entry.abs() < 1e-5), "{gradient}");
    }

    #[test]
    fn uncorrelated_coordinates_need_no_decomposition() {
        let coordinates = ndarray::array![[1f32, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let targets = ndarray::array![[1f32], [-1.0], [1.0], [1.0]];
        let predictions = |orthogonal| {
            let data =
                RidgeData { coordinates: coordinates.view(), targets: targets.view(), weights: &[1.0; 4], orthogonal };
            let blocks = [[0, 1]];
            RidgePath::<f64>::new(&data).unwrap().predictions_without(0.5, blocks.iter().map(|block| &block[..]))
        };
        let (fast, slow) = (predictions(true), predictions(false));
        assert!(fast.iter().zip(&slow).take(2).all(|(fast, slow)| (fast - slow).abs() < 1e-6));
    }

    #[test]
    fn without_coordinates_the_intercept_is_all_there_is() {
        let targets = ndarray::array![[1f32], [1.0], [1.0], [-1.0]];
        let coordinates = Array2::<f32>::zeros((4, 0));
        let (coordinates, targets) = (coordinates.view(), targets.view());
        let data = RidgeData { coordinates, targets, weights: &[1.0; 4], orthogonal: false };
        assert_eq!(solve::<f64>(&data, 1.0).unwrap(), (Array2::zeros((0, 1)), ndarray::array![0.5]));
        let path = RidgePath::<f64>::new(&data).unwrap();
        let blocks = [0, 3].map(|row| [row]);
        let predictions = path.predictions_without(1.0, blocks.iter().map(|block| &block[..]));
        assert!((predictions[[0, 0]] - 1.0 / 3.0).abs() < 1e-6 && (predictions[[3, 0]] - 1.0).abs() < 1e-6);
        let squares = path.squares_without(1.0, blocks.iter().map(|block| &block[..]), &[0, 1, 2]);
        assert!((squares - 4.0 / 9.0).abs() < 1e-12);
    }

    /// 60 samples in 5 of 40 dimensions, many of them far from 0: single precision leaves noise above small penalties.
    #[test]
    fn single_precision_answers_as_double_where_the_features_lack_rank() {
        let wide = Array2::from_shape_fn((60, 5), |(n, c)| 30.0 * ((n * 7 + c * 13) as f32).sin());
        let coordinates = wide.dot(&Array2::from_shape_fn((5, 40), |(r, c)| ((r * 5 + c * 3) as f32).cos()));
        let targets = Array2::from_shape_fn((60, 2), |(n, c)| if wide[[n, c]] > 0.0 { 1.0 } else { -1.0 });
        let weights: Vec<f64> = (0..60).map(|n| 0.5 + f64::from(n % 3)).collect();
        let (coordinates, targets) = (coordinates.view(), targets.view());
        let data = RidgeData { coordinates, targets, weights: &weights, orthogonal: false };
        let (single, double) = (RidgePath::<f32>::new(&data).unwrap(), RidgePath::<f64>::new(&data).unwrap());
        let blocks: Vec<[usize; 1]> = (0..60).map(|row| [row]).collect();
        for penalty in [1.0, 1e2] {
            let ours = single.predictions_without(penalty, blocks.iter().map(|block| &block[..]));
            let exact = double.predictions_without(penalty, blocks.iter().map(|block| &block[..]));
            assert!((ours - exact).iter().all(|gap| gap.abs() < 1e-2), "{penalty}");
        }
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
            let path = RidgePath::<f64>::new(&example.data()).unwrap();
            let predictions = path.predictions_without(penalty, [block.as_slice()].into_iter());
            let (weights, intercept) = solve::<f64>(&example.without(&block).data(), penalty).unwrap();
            for &row in &block {
                let refitted = example.coordinates.row(row).dot(&weights) + &intercept;
                for (exact, shortcut) in refitted.iter().zip(predictions.row(row)) {
                    prop_assert!((exact - shortcut).abs() < 1e-3 * (1.0 + exact.abs()));
                }
            }
            prop_assert!(predictions[[8, 0]].is_nan());
        }
    }
}
