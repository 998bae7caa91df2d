//! Products with a stated number of threads, symmetric products and decompositions, by faer.

use faer::linalg::matmul::matmul as rectangular;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{EvdError, LltError, Solve};
use faer::{Accum, Mat, MatMut, MatRef, Par, Side, get_global_parallelism};
use ndarray::{Array1, Array2, ArrayView2, Axis, LinalgScalar, ScalarOperand};

/// `left · right` on the threads of `parallelism`: `[n,m]` and `[m,k]` to `[n,k]`.
///
/// ndarray's own product cannot be told to stay on one thread, as many small products side by side should.
pub fn product<T: Real>(left: ArrayView2<T>, right: ArrayView2<T>, parallelism: Par) -> Array2<T> {
    let mut product = Array2::<T>::zeros((left.nrows(), right.ncols()));
    let (rows, columns) = product.dim();
    let target = MatMut::from_row_major_slice_mut(product.as_slice_mut().expect("standard layout"), rows, columns);
    with_matrix(left, |left| {
        with_matrix(right, |right| rectangular(target, Accum::Replace, left, right, T::one(), parallelism));
    });
    product
}

/// Lends a row-major matrix or the transpose of one as it is, any other as a copy.
fn with_matrix<T: Real>(matrix: ArrayView2<T>, lend: impl FnOnce(MatRef<T>)) {
    let (rows, columns) = matrix.dim();
    if let Some(slice) = matrix.as_slice() {
        lend(MatRef::from_row_major_slice(slice, rows, columns));
    } else if let Some(slice) = matrix.t().as_slice() {
        lend(MatRef::from_column_major_slice(slice, rows, columns));
    } else {
        let copy = matrix.as_standard_layout();
        lend(MatRef::from_row_major_slice(copy.as_slice().expect("standard layout"), rows, columns));
    }
}

/// `f32` or `f64`.
pub trait Real: LinalgScalar + ScalarOperand + faer::traits::RealField + Into<f64> {}

impl Real for f32 {}
impl Real for f64 {}

/// An eigendecomposition `vectors · diag(values) · vectorsᵀ`, values ascending.
pub struct Eigen<T> {
    pub values: Array1<T>,
    /// `[n,n]`, one eigenvector a column.
    pub vectors: Array2<T>,
}

/// `matrixᵀ · matrix`: `[n,m]` to `[m,m]`, at half the cost of a general product.
pub fn inner_product<T: Real>(matrix: ArrayView2<T>) -> Array2<T> {
    let matrix = matrix.as_standard_layout();
    let (rows, columns) = matrix.dim();
    let view = MatRef::from_row_major_slice(matrix.as_slice().expect("standard layout"), rows, columns);
    symmetric_product(view.transpose(), view, columns)
}

/// `matrix · matrixᵀ`: `[n,m]` to `[n,n]`.
pub fn outer_product<T: Real>(matrix: ArrayView2<T>) -> Array2<T> {
    let matrix = matrix.as_standard_layout();
    let (rows, columns) = matrix.dim();
    let view = MatRef::from_row_major_slice(matrix.as_slice().expect("standard layout"), rows, columns);
    symmetric_product(view, view.transpose(), rows)
}

fn symmetric_product<T: Real>(left: MatRef<T>, right: MatRef<T>, size: usize) -> Array2<T> {
    let mut product = Array2::<T>::zeros((size, size));
    let target = MatMut::from_row_major_slice_mut(product.as_slice_mut().expect("standard layout"), size, size);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    matmul(target, lower, Accum::Replace, left, full, right, full, T::one(), get_global_parallelism());
    for row in 0..size {
        for column in row + 1..size {
            product[[row, column]] = product[[column, row]];
        }
    }
    product
}

/// # Errors
/// When the iteration does not converge, as on numbers that are not finite.
pub fn eigen<T: Real>(symmetric: ArrayView2<T>) -> Result<Eigen<T>, EvdError> {
    let symmetric = symmetric.as_standard_layout();
    let size = symmetric.nrows();
    let view = MatRef::from_row_major_slice(symmetric.as_slice().expect("standard layout"), size, size);
    let decomposition = view.self_adjoint_eigen(Side::Lower)?;
    let values = Array1::from_iter((0..size).map(|index| decomposition.S()[index]));
    let columns = decomposition.U();
    let vectors = Array2::from_shape_fn((size, size), |(row, column)| columns[(row, column)]);
    Ok(Eigen { values, vectors })
}

/// The X of `positive · X = right` by Cholesky's decomposition.
///
/// # Errors
/// When `positive` is not positive definite.
pub fn solve_positive<T: Real>(positive: ArrayView2<T>, right: ArrayView2<T>) -> Result<Array2<T>, LltError> {
    let positive = positive.as_standard_layout();
    let size = positive.nrows();
    let view = MatRef::from_row_major_slice(positive.as_slice().expect("standard layout"), size, size);
    let factor = view.llt(Side::Lower)?;
    let mut solution = Mat::from_fn(size, right.len_of(Axis(1)), |row, column| right[[row, column]]);
    factor.solve_in_place(&mut solution);
    Ok(Array2::from_shape_fn(right.dim(), |(row, column)| solution[(row, column)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn symmetric_products_are_whole_matrices() {
        let matrix = array![[1., 2., 3.], [4., 5., 6.]];
        assert_eq!(inner_product(matrix.view()), matrix.t().dot(&matrix));
        assert_eq!(outer_product(matrix.view()), matrix.dot(&matrix.t()));
        assert_eq!(outer_product(matrix.t()), matrix.t().dot(&matrix));
    }

    #[test]
    fn products_take_any_layout() {
        let left = array![[1., 2., 3.], [4., 5., 6.]];
        let right = array![[1., 0.], [0., 2.], [-1., 1.]];
        let expected = array![[-2., 7.], [-2., 16.]];
        assert_eq!(product(left.view(), right.view(), Par::Seq), expected);
        assert_eq!(product(left.t().to_owned().t(), right.view(), Par::rayon(2)), expected);
        let wide = array![[1., 9., 0.], [0., 9., 2.], [-1., 9., 1.]];
        assert_eq!(product(left.view(), wide.slice(ndarray::s![.., ..;2]), Par::Seq), expected);
    }

    #[test]
    fn an_eigendecomposition_gives_the_matrix_back() {
        let matrix = array![[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.0, 1.0]];
        let Eigen { values, vectors } = eigen(matrix.view()).unwrap();
        let rebuilt = (&vectors * &values).dot(&vectors.t());
        assert!((rebuilt - matrix).iter().all(|gap: &f64| gap.abs() < 1e-12));
        assert!(values[0] <= values[1] && values[1] <= values[2]);
    }

    #[test]
    fn a_positive_system_is_solved_and_any_other_refused() {
        let matrix = array![[4.0, 2.0], [2.0, 3.0]];
        let solution = solve_positive(matrix.view(), array![[8.0], [7.0]].view()).unwrap();
        assert!((solution - array![[1.25], [1.5]]).iter().all(|gap: &f64| gap.abs() < 1e-12));
        assert!(solve_positive(array![[1.0, 2.0], [2.0, 1.0]].view(), array![[1.0], [1.0]].view()).is_err());
    }
}
