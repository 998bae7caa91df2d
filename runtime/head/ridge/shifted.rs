//! A tridiagonal matrix plus a penalty, and what its inverse makes of rows.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, s};

use edgetl_algebra::{Kernel, Real, with_widest_vectors};

/// `T + penalty = L D Lᵀ` for a tridiagonal T without negative eigenvalues; L has ones on its diagonal, and one entry to
/// the left of each.
///
/// Source: Golub, Van Loan, "Matrix Computations", 4th edition, 2013, section 4.3.6.
pub struct Shifted<T> {
    /// `[r]`: 1 / D
    inverse: Vec<T>,
    /// `[r]`: L left of the diagonal; the first is 0.
    left: Vec<T>,
}

/// How many of the smallest relative errors a reduction to tridiagonal form leaves.
const ROUNDING: f64 = 8.0;

impl<T: Real> Shifted<T> {
    /// # Shapes
    /// `diagonal` `[r]`, `beside` one less; `penalty` above 0.
    pub fn new(diagonal: &Array1<T>, beside: &Array1<T>, penalty: f64) -> Self {
        let penalty = T::from_f64(penalty);
        let magnitude = |entry: T| if entry < T::zero() { T::zero() - entry } else { entry };
        let larger = |a: T, b: T| if a > b { a } else { b };
        let scale = diagonal.iter().chain(beside).fold(T::zero(), |scale, &entry| larger(scale, magnitude(entry)));
        // No pivot is below the smallest eigenvalue, which the penalty is at least, but for rounding; below what rounding
        // leaves of a T without full rank, pivots would be noise, and factors of noise by noise grow from row to row.
        let floor = larger(penalty, T::from_f64(ROUNDING) * T::EPSILON * scale);
        let (mut inverse, mut left) = (Vec::with_capacity(diagonal.len()), Vec::with_capacity(diagonal.len()));
        for (index, &entry) in diagonal.iter().enumerate() {
            let (factor, taken) = match index {
                0 => (T::zero(), T::zero()),
                _ => (beside[index - 1] * inverse[index - 1], beside[index - 1]),
            };
            let pivot = entry + penalty - factor * taken;
            inverse.push(T::one() / larger(pivot, floor));
            left.push(factor);
        }
        Self { inverse, left }
    }

    /// `(T + penalty)⁻¹ right`: `[r,K]`
    pub fn solve(&self, right: ArrayView2<T>) -> Array2<T> {
        let mut solution = right.as_standard_layout().into_owned();
        for index in 1..self.left.len() {
            let (before, mut rest) = solution.view_mut().split_at(Axis(0), index);
            rest.row_mut(0).scaled_add(T::zero() - self.left[index], &before.row(index - 1));
        }
        solution = solution * &Array1::from(self.inverse.clone()).insert_axis(Axis(1));
        for index in (1..self.left.len()).rev() {
            let (mut before, rest) = solution.view_mut().split_at(Axis(0), index);
            before.row_mut(index - 1).scaled_add(T::zero() - self.left[index], &rest.row(0));
        }
        solution
    }

    /// `rows (T + penalty)⁻¹ rowsᵀ`: `[n,r]` to `[n,n]`.
    pub fn products(&self, mut rows: Array2<T>) -> Array2<T> {
        for mut row in rows.rows_mut() {
            for index in 1..self.left.len() {
                row[index] = row[index] - self.left[index] * row[index - 1];
            }
        }
        let scaled = &rows * &Array1::from(self.inverse.clone());
        edgetl_algebra::product(scaled.view(), rows.t(), edgetl_algebra::get_global_parallelism())
    }
}

/// Penalties that are handled side by side, each in a lane of its own, which the compiler turns into vector instructions.
const LANES: usize = 8;
/// Rows that are handled side by side: along a row one step waits for the one before it.
const ROWS: usize = 4;

/// Leaves `row (T + penalty)⁻¹ rowᵀ` of each row for each of `shifts`, which share their T.
///
/// # Shapes
/// `rows` `[n,r]` in standard layout, `lengths` `[n,P]`.
pub fn lengths<T: Real>(shifts: &[Shifted<T>], rows: ArrayView2<T>, mut lengths: ArrayViewMut2<T>) {
    for (part, shifts) in shifts.chunks(LANES).enumerate() {
        let lane = |values: fn(&Shifted<T>) -> &Vec<T>, index: usize| {
            std::array::from_fn(|lane| shifts.get(lane).map_or(T::zero(), |shifted| values(shifted)[index]))
        };
        let steps: Vec<_> = (0..rows.ncols())
            .map(|index| Step { left: lane(|s| &s.left, index), inverse: lane(|s| &s.inverse, index) })
            .collect();
        let mut lengths = lengths.slice_mut(s![.., part * LANES..part * LANES + shifts.len()]);
        for start in (0..rows.nrows()).step_by(ROWS) {
            let row = |row: usize| rows.row((start + row).min(rows.nrows() - 1)).to_slice().expect("standard layout");
            let sums = with_widest_vectors(Lengths { steps: &steps, rows: std::array::from_fn(row) });
            for (mut lengths, sums) in lengths.slice_mut(s![start.., ..]).rows_mut().into_iter().zip(sums) {
                lengths.iter_mut().zip(sums).for_each(|(length, sum)| *length = sum);
            }
        }
    }
}

/// One row of L and D, of each penalty.
struct Step<T> {
    left: [T; LANES],
    inverse: [T; LANES],
}

struct Lengths<'a, T> {
    steps: &'a [Step<T>],
    rows: [&'a [T]; ROWS],
}

impl<T: Real> Kernel for Lengths<'_, T> {
    type Output = [[T; LANES]; ROWS];

    #[inline(always)]
    fn run(self) -> [[T; LANES]; ROWS] {
        let [mut reduced, mut lengths] = [[[T::zero(); LANES]; ROWS]; 2];
        let rows = self.rows.map(|row| &row[..self.steps.len()]);
        for (index, Step { left, inverse }) in self.steps.iter().enumerate() {
            for row in 0..ROWS {
                let value = rows[row][index];
                for lane in 0..LANES {
                    let entry = value - left[lane] * reduced[row][lane];
                    reduced[row][lane] = entry;
                    lengths[row][lane] = lengths[row][lane] + entry * entry * inverse[lane];
                }
            }
        }
        lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// A matrix with eigenvalues above 0, as its diagonal outweighs what is beside it; larger than one step of the lanes.
    fn example() -> (Array1<f64>, Array1<f64>, Array2<f64>) {
        let diagonal = Array1::from_shape_fn(37, |index| 4.0 + (index as f64).sin());
        let beside = Array1::from_shape_fn(36, |index| (index as f64 * 0.7).cos());
        let whole = Array2::from_shape_fn((37, 37), |(row, column)| match row.abs_diff(column) {
            0 => diagonal[row] + 0.5,
            1 => beside[row.min(column)],
            _ => 0.0,
        });
        (diagonal, beside, whole)
    }

    #[test]
    fn a_solution_times_the_matrix_is_the_right_side() {
        let (diagonal, beside, whole) = example();
        let right = Array2::from_shape_fn((37, 3), |(row, column)| (row * 3 + column) as f64 % 7.0);
        let solution = Shifted::new(&diagonal, &beside, 0.5).solve(right.view());
        assert!((whole.dot(&solution) - right).iter().all(|gap| gap.abs() < 1e-12));
    }

    #[test]
    fn lengths_and_products_are_those_of_the_inverse() {
        let (diagonal, beside, _) = example();
        let shifts: Vec<_> = (1..=11).map(|n| Shifted::new(&diagonal, &beside, f64::from(n) / 2.0)).collect();
        let rows = Array2::from_shape_fn((7, 37), |(row, column)| (row as f64 + 1.0) * (column as f64 * 0.3).sin());
        let mut found = Array2::zeros((7, 11));
        lengths(&shifts, rows.view(), found.view_mut());
        for (shifted, found) in shifts.iter().zip(found.columns()) {
            let exact = rows.dot(&shifted.solve(rows.t()));
            assert!((shifted.products(rows.clone()) - &exact).iter().all(|gap| gap.abs() < 1e-10));
            assert!((&exact.diag() - &found).iter().all(|gap| gap.abs() < 1e-10));
        }
    }

    #[test]
    fn rounding_below_the_penalty_is_the_penalty() {
        let shifted = Shifted::new(&array![1.0, 1.0], &array![1.0 + 1e-9], 1e-12);
        assert_eq!(shifted.inverse[1], 1e12);
    }
}
