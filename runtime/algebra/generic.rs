//! The algorithms, for any of faer's numbers.

use faer::linalg::matmul::matmul as rectangular;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{EvdError, LltError, Solve};
use faer::traits::RealField;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side, get_global_parallelism};
use ndarray::{Array1, Array2, ArrayView2, Axis, LinalgScalar};

use crate::Eigen;

/// What both libraries compute with.
pub trait Number: LinalgScalar + RealField {}

impl<T: LinalgScalar + RealField> Number for T {}

pub fn product<T: Number>(left: ArrayView2<T>, right: ArrayView2<T>, parallelism: Par) -> Array2<T> {
    let mut product = Array2::zeros((left.nrows(), right.ncols()));
    let (rows, columns) = product.dim();
    let target = MatMut::from_row_major_slice_mut(product.as_slice_mut().expect("standard layout"), rows, columns);
    let (how, factor) = (Accum::Replace, T::one());
    with_matrix(left, |left| {
        with_matrix(right, |right| match parallelism {
            Par::Seq => rectangular(target, how, left, right, factor, Par::Seq),
            _ => in_blocks(target, (left, right), (how, factor)),
        });
    });
    product
}

/// What one task makes of the longer side: large enough to pay for itself, small enough for its core's cache.
const ROWS: usize = 256;
const COLUMNS: usize = 128;

/// Halves the longer side of `target` for as long as its blocks are large. faer's own division of a product with a long
/// inner or a short outer side takes up to 1.5 times as long.
fn in_blocks<T: Number>(target: MatMut<T>, (left, right): (MatRef<T>, MatRef<T>), (how, factor): (Accum, T)) {
    let (rows, columns) = (target.nrows(), target.ncols());
    if rows >= columns && rows > ROWS {
        let (upper, lower) = target.split_at_row_mut(rows / 2);
        let (left_upper, left_lower) = left.split_at_row(rows / 2);
        rayon::join(
            || in_blocks(upper, (left_upper, right), (how, factor)),
            || in_blocks(lower, (left_lower, right), (how, factor)),
        );
    } else if columns > rows && columns > COLUMNS {
        let (first, second) = target.split_at_col_mut(columns / 2);
        let (right_first, right_second) = right.split_at_col(columns / 2);
        rayon::join(
            || in_blocks(first, (left, right_first), (how, factor)),
            || in_blocks(second, (left, right_second), (how, factor)),
        );
    } else {
        rectangular(target, how, left, right, factor, Par::Seq);
    }
}

/// Lends a row-major matrix or the transpose of one as it is, any other as a copy.
fn with_matrix<T: Number>(matrix: ArrayView2<T>, lend: impl FnOnce(MatRef<T>)) {
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

pub fn outer_product<T: Number>(matrix: ArrayView2<T>) -> Array2<T> {
    let size = matrix.nrows();
    let mut product = Array2::zeros((size, size));
    let target = MatMut::from_row_major_slice_mut(product.as_slice_mut().expect("standard layout"), size, size);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let one = T::one();
    with_matrix(matrix, |matrix| {
        let transposed = matrix.transpose();
        matmul(target, lower, Accum::Replace, matrix, full, transposed, full, one, get_global_parallelism());
    });
    mirror(&mut product);
    product
}

/// Copies what is below the diagonal of a square matrix to above it, tile after tile: a column of them stays in the cache.
fn mirror<T: Number>(square: &mut Array2<T>) {
    const TILE: usize = 32;
    let size = square.nrows();
    for (rows, columns) in (0..size).step_by(TILE).flat_map(|rows| (0..=rows).step_by(TILE).map(move |c| (rows, c))) {
        for row in rows..size.min(rows + TILE) {
            for column in columns..row.min(columns + TILE) {
                square[[column, row]] = square[[row, column]];
            }
        }
    }
}

pub fn eigen<T: Number>(symmetric: ArrayView2<T>) -> Result<Eigen<T>, EvdError> {
    let symmetric = symmetric.as_standard_layout();
    let size = symmetric.nrows();
    let view = MatRef::from_row_major_slice(symmetric.as_slice().expect("standard layout"), size, size);
    let decomposition = view.self_adjoint_eigen(Side::Lower)?;
    let values = Array1::from_iter((0..size).map(|index| decomposition.S()[index]));
    let mut vectors = Array2::zeros((size, size));
    for (mut vector, column) in vectors.rows_mut().into_iter().zip(decomposition.U().col_iter()) {
        vector.iter_mut().zip(column.iter()).for_each(|(target, value)| *target = *value);
    }
    Ok(Eigen { values, vectors: vectors.reversed_axes() })
}

pub fn solve_positive<T: Number>(positive: ArrayView2<T>, right: ArrayView2<T>) -> Result<Array2<T>, LltError> {
    let positive = positive.as_standard_layout();
    let size = positive.nrows();
    let view = MatRef::from_row_major_slice(positive.as_slice().expect("standard layout"), size, size);
    let factor = view.llt(Side::Lower)?;
    let mut solution = Mat::from_fn(size, right.len_of(Axis(1)), |row, column| right[[row, column]]);
    factor.solve_in_place(&mut solution);
    Ok(Array2::from_shape_fn(right.dim(), |(row, column)| solution[(row, column)]))
}
