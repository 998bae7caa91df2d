//! The algorithms, for any of faer's numbers.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::tridiag::{tridiag_in_place, tridiag_in_place_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::matmul::matmul as rectangular;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::linalg::solvers::{EvdError, LltError, Solve};
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::traits::RealField;
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Side, get_global_parallelism};
use ndarray::{Array1, Array2, ArrayView2, Axis, LinalgScalar};

use crate::{Eigen, Tridiagonal, zeros};

/// What both libraries compute with.
pub trait Number: LinalgScalar + RealField {}

impl<T: LinalgScalar + RealField> Number for T {}

pub fn product<T: Number>(left: ArrayView2<T>, right: ArrayView2<T>, parallelism: Par) -> Array2<T> {
    let mut product = zeros(left.nrows(), right.ncols());
    accumulate(&mut product, (left, right), (Accum::Replace, T::one()), parallelism);
    product
}

pub fn add_product<T: Number>(target: &mut Array2<T>, left: ArrayView2<T>, right: ArrayView2<T>, factor: T) {
    accumulate(target, (left, right), (Accum::Add, factor), get_global_parallelism());
}

fn accumulate<T: Number>(
    target: &mut Array2<T>,
    (left, right): (ArrayView2<T>, ArrayView2<T>),
    (how, factor): (Accum, T),
    parallelism: Par,
) {
    let (rows, columns) = target.dim();
    let target = MatMut::from_row_major_slice_mut(target.as_slice_mut().expect("standard layout"), rows, columns);
    with_matrix(left, |left| {
        with_matrix(right, |right| match parallelism {
            Par::Seq => rectangular(target, how, left, right, factor, Par::Seq),
            _ => in_blocks(target, (left, right), (how, factor)),
        });
    });
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
    let mut product = zeros(size, size);
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

pub fn tridiagonal<T: Number>(symmetric: Array2<T>) -> Tridiagonal<T> {
    let size = symmetric.nrows();
    let mut basis = zeros(size, size);
    basis.diag_mut().fill(T::one());
    if size < 2 {
        return Tridiagonal { diagonal: symmetric.diag().to_owned(), beside: Array1::zeros(0), basis };
    }
    let parallelism = get_global_parallelism();
    let mut symmetric = if symmetric.is_standard_layout() { symmetric } else { symmetric.reversed_axes() };
    let reduced = symmetric.as_slice_mut().expect("an array in one piece");
    // A symmetric matrix by rows is the same by columns.
    let mut reduced = MatMut::from_column_major_slice_mut(reduced, size, size);
    let block = recommended_block_size::<T>(size, size);
    let mut reflections = Mat::zeros(block, size - 1);
    let mut room = MemBuffer::new(StackReq::any_of(&[
        tridiag_in_place_scratch::<T>(size, Par::Seq, Default::default()),
        apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(size - 1, block, size),
    ]));
    let stack = MemStack::new(&mut room);
    // Half of it multiplies a matrix by a vector, at the speed of memory: more threads do not shorten it.
    tridiag_in_place(reduced.rb_mut(), reflections.as_mut(), Par::Seq, stack, Default::default());
    let columns = basis.as_slice_mut().expect("standard layout");
    // The first axis stays as it is: the reflections begin at the second.
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reduced.rb().submatrix(1, 0, size - 1, size - 1),
        reflections.as_ref(),
        Conj::No,
        MatMut::from_column_major_slice_mut(columns, size, size).subrows_mut(1, size - 1),
        parallelism,
        stack,
    );
    Tridiagonal {
        diagonal: Array1::from_shape_fn(size, |index| reduced[(index, index)]),
        beside: Array1::from_shape_fn(size - 1, |index| reduced[(index + 1, index)]),
        basis: basis.reversed_axes(),
    }
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
