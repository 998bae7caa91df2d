//! Least squares with an L2 penalty on one-against-rest targets, for many penalties from one decomposition.

mod left_out;
mod shifted;

use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2};

use crate::labels::ClassIndex;
use edgetl_algebra::{Real, Tridiagonal, get_global_parallelism, inner_product, product, tridiagonal};
use shifted::Shifted;

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
/// With S = ZᵀZ = Q T Qᵀ of the centred, weighted coordinates Z, Q orthogonal and T tridiagonal, the hat matrix is
/// Z Q (T + penalty)⁻¹ (Z Q)ᵀ plus that of the intercept, so that predictions without a sample, or without a block of
/// samples, need no further fit, and a further penalty no further decomposition. Eigenvectors would do as well, at twice
/// the time: a shifted tridiagonal matrix is solved in as many steps as it has rows.
///
/// Sources: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, sections 3.4.1 and 7.10; Eldén,
/// "Algorithms for the regularization of ill-conditioned least squares problems", BIT 17, 1977, for the shifts.
pub struct RidgePath<'a, T> {
    /// `[N,r]`: Z
    centred: CowArray<'a, T, Ix2>,
    /// `[r]`: of T.
    diagonal: Array1<T>,
    /// `[r-1]`: T on either side of its diagonal.
    beside: Array1<T>,
    /// `[r,r]`: Q; `None` for the identity.
    basis: Option<Array2<T>>,
    /// `[r,K]`: (Z Q)ᵀ times the centred, weighted targets.
    projected: Array2<T>,
    /// `[N,K]`: the centred, weighted targets.
    targets: Array2<T>,
    /// `[N]`: square roots of the samples' weights.
    roots: Array1<T>,
    /// The weights' sum.
    total: T,
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
    pub fn new(data: &RidgeData<'a, T>) -> Self {
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
        // The larger matrix on the right, where its rows are in one piece: so the product is faster.
        let on_targets = || multiply(targets.t(), centred.view()).reversed_axes();
        let (diagonal, beside, basis, projected) = if *orthogonal && equal {
            let diagonal = centred.map_axis(Axis(0), |column| column.dot(&column));
            let beside = Array1::zeros(diagonal.len().saturating_sub(1));
            (diagonal, beside, None, on_targets())
        } else {
            let gram = inner_product(centred.view());
            // The reduction waits for memory, the product does not.
            let (tridiagonal, projected) = rayon::join(|| tridiagonal(gram), on_targets);
            let Tridiagonal { diagonal, beside, basis } = tridiagonal;
            let projected = multiply(basis.t(), projected.view());
            (diagonal, beside, Some(basis), projected)
        };
        Self { centred, diagonal, beside, basis, projected, targets, roots, total: real(total), mean, target_mean }
    }

    /// Weights `[r,K]` and intercepts `[K]`.
    pub fn solve(&self, penalty: f64) -> (Array2<T>, Array1<T>) {
        let shrunk = self.shifted(penalty).solve(self.projected.view());
        let weights = match &self.basis {
            Some(basis) => multiply(basis.view(), shrunk.view()),
            None => shrunk,
        };
        let intercept = &self.target_mean - &self.mean.dot(&weights);
        (weights, intercept)
    }

    fn shifted(&self, penalty: f64) -> Shifted<T> {
        Shifted::new(&self.diagonal, &self.beside, penalty)
    }
}

fn multiply<T: Real>(left: ArrayView2<T>, right: ArrayView2<T>) -> Array2<T> {
    product(left, right, get_global_parallelism())
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
            RidgePath::new(&RidgeData { coordinates, targets, weights: &self.weights, orthogonal: false })
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
            RidgePath::new(&data).solve(0.5)
        };
        let (fast, slow) = (solve(true), solve(false));
        assert!((fast.0 - slow.0).iter().chain(&(fast.1 - slow.1)).all(|gap: &f64| gap.abs() < 1e-12));
    }

    #[test]
    fn without_coordinates_the_intercept_is_all_there_is() {
        let targets = ndarray::array![[1.0], [1.0], [1.0], [-1.0]];
        let coordinates = Array2::<f64>::zeros((4, 0));
        let (coordinates, targets) = (coordinates.view(), targets.view());
        let path = RidgePath::new(&RidgeData { coordinates, targets, weights: &[1.0; 4], orthogonal: false });
        assert_eq!(path.solve(1.0), (Array2::zeros((0, 1)), ndarray::array![0.5]));
        let blocks = [0, 3].map(|row| [row]);
        let predictions = path.predictions_without(1.0, blocks.iter().map(|block| &block[..]));
        assert!((predictions[[0, 0]] - 1.0 / 3.0).abs() < 1e-6 && (predictions[[3, 0]] - 1.0).abs() < 1e-6);
        let squares = path.squares_without(&[1.0, 2.0], blocks.iter().map(|block| &block[..]), &[0, 1, 2]);
        assert!(squares.iter().all(|square| (square - 4.0 / 9.0).abs() < 1e-12));
    }

    /// 60 samples in 5 of 40 dimensions, many of them far from 0: single precision leaves noise above small penalties.
    #[test]
    fn single_precision_answers_as_double_where_the_features_lack_rank() {
        let wide = Array2::from_shape_fn((60, 5), |(n, c)| 30.0 * ((n * 7 + c * 13) as f64).sin());
        let coordinates = wide.dot(&Array2::from_shape_fn((5, 40), |(r, c)| ((r * 5 + c * 3) as f64).cos()));
        let targets = Array2::from_shape_fn((60, 2), |(n, c)| if wide[[n, c]] > 0.0 { 1.0 } else { -1.0 });
        let (rough, rough_targets) = (coordinates.mapv(|value| value as f32), targets.mapv(|value| value as f32));
        let weights: Vec<f64> = (0..60).map(|n| 0.5 + f64::from(n % 3)).collect();
        let data = RidgeData {
            coordinates: rough.view(),
            targets: rough_targets.view(),
            weights: &weights,
            orthogonal: false,
        };
        let single = RidgePath::new(&data);
        let (coordinates, targets) = (coordinates.view(), targets.view());
        let double = RidgePath::new(&RidgeData { coordinates, targets, weights: &weights, orthogonal: false });
        let blocks: Vec<[usize; 1]> = (0..60).map(|row| [row]).collect();
        for penalty in [1e-2, 1.0, 1e2] {
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
