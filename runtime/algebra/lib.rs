//! Products on one thread or on rayon's, symmetric products and decompositions of `f32` and `f64`, by faer.
//!
//! A crate of its own because faer is generic all through: its algorithms are compiled wherever they are first used
//! with a number type. Here that happens once, and not in every build of the crate that fits heads.

mod generic;

use ndarray::{Array1, Array2, ArrayView2, LinalgScalar, ScalarOperand};

pub use faer::linalg::solvers::{EvdError, LltError};
pub use faer::{Par, get_global_parallelism};

/// `f32` or `f64`.
pub trait Real: LinalgScalar + ScalarOperand + Send + Sync + PartialOrd + Into<f64> + compiled::Compiled {
    /// The gap between 1 and the next number.
    const EPSILON: Self;

    /// Rounds to the nearest.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    const EPSILON: Self = f32::EPSILON;

    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    const EPSILON: Self = f64::EPSILON;

    fn from_f64(value: f64) -> Self {
        value
    }
}

/// `left · right`: `[n,m]` and `[m,k]` to `[n,k]`, on this thread for [`Par::Seq`], else on those of rayon's pool.
///
/// ndarray's own product cannot be told to stay on one thread, as many small products side by side should.
pub fn product<T: Real>(left: ArrayView2<T>, right: ArrayView2<T>, parallelism: Par) -> Array2<T> {
    T::product(left, right, parallelism)
}

/// A loop over numbers and what it runs on.
pub trait Kernel {
    type Output;

    /// Must be `#[inline(always)]`, as what it calls: it is compiled once more for every width of vectors.
    fn run(self) -> Self::Output;
}

/// Runs `kernel` with the widest vectors that the processor has, of those the library knows.
#[inline(always)]
pub fn with_widest_vectors<K: Kernel>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(Dispatched(kernel))
}

struct Dispatched<K>(K);

impl<K: Kernel> pulp::NullaryFnOnce for Dispatched<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.0.run()
    }
}

/// An eigendecomposition `vectors · diag(values) · vectorsᵀ`, values ascending.
pub struct Eigen<T> {
    pub values: Array1<T>,
    /// `[n,n]`, one eigenvector a column, columns in one piece.
    pub vectors: Array2<T>,
}

/// `matrixᵀ · matrix`: `[n,m]` to `[m,m]`, at half the cost of a general product.
pub fn inner_product<T: Real>(matrix: ArrayView2<T>) -> Array2<T> {
    T::outer_product(matrix.reversed_axes())
}

/// `matrix · matrixᵀ`: `[n,m]` to `[n,n]`, at half the cost of a general product.
pub fn outer_product<T: Real>(matrix: ArrayView2<T>) -> Array2<T> {
    T::outer_product(matrix)
}

/// # Errors
/// When the iteration does not converge, as on numbers that are not finite.
pub fn eigen<T: Real>(symmetric: ArrayView2<T>) -> Result<Eigen<T>, EvdError> {
    T::eigen(symmetric)
}

/// The X of `positive · X = right` by Cholesky's decomposition.
///
/// # Errors
/// When `positive` is not positive definite.
pub fn solve_positive<T: Real>(positive: ArrayView2<T>, right: ArrayView2<T>) -> Result<Array2<T>, LltError> {
    T::solve_positive(positive, right)
}

/// The algorithms for one number type, compiled in this crate; closed to other crates.
mod compiled {
    use super::{Array2, ArrayView2, Eigen, EvdError, LltError, Par, generic};

    pub trait Compiled: Sized {
        fn product(left: ArrayView2<Self>, right: ArrayView2<Self>, parallelism: Par) -> Array2<Self>;
        fn outer_product(matrix: ArrayView2<Self>) -> Array2<Self>;
        fn eigen(symmetric: ArrayView2<Self>) -> Result<Eigen<Self>, EvdError>;
        fn solve_positive(positive: ArrayView2<Self>, right: ArrayView2<Self>) -> Result<Array2<Self>, LltError>;
    }

    macro_rules! compile {
        ($($number:ty),*) => {$(
            impl Compiled for $number {
                fn product(left: ArrayView2<Self>, right: ArrayView2<Self>, parallelism: Par) -> Array2<Self> {
                    generic::product(left, right, parallelism)
                }

                fn outer_product(matrix: ArrayView2<Self>) -> Array2<Self> {
                    generic::outer_product(matrix)
                }

                fn eigen(symmetric: ArrayView2<Self>) -> Result<Eigen<Self>, EvdError> {
                    generic::eigen(symmetric)
                }

                fn solve_positive(positive: ArrayView2<Self>, right: ArrayView2<Self>) -> Result<Array2<Self>, LltError> {
                    generic::solve_positive(positive, right)
                }
            }
        )*};
    }

    compile!(f32, f64);
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

    struct Sum<'a>(&'a [f32]);

    impl Kernel for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn run(self) -> f32 {
            self.0.iter().sum()
        }
    }

    #[test]
    fn a_kernel_gives_with_the_widest_vectors_what_it_gives_by_itself() {
        let numbers: Vec<f32> = (0..99u8).map(f32::from).collect();
        assert_eq!(with_widest_vectors(Sum(&numbers)), Sum(&numbers).run());
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
    fn a_large_product_made_in_blocks_is_that_of_its_rows_and_columns() {
        let left = Array2::from_shape_fn((700, 9), |(row, column)| ((row * 5 + column) as f64).sin());
        let right = Array2::from_shape_fn((9, 300), |(row, column)| ((row * 3 + column) as f64).cos());
        for (left, right) in [(left.view(), right.view()), (right.t(), left.t())] {
            let whole = product(left, right, Par::rayon(2));
            assert!((whole - left.dot(&right)).iter().all(|gap: &f64| gap.abs() < 1e-12));
        }
    }

    #[test]
    fn a_positive_system_is_solved_and_any_other_refused() {
        let matrix = array![[4.0, 2.0], [2.0, 3.0]];
        let solution = solve_positive(matrix.view(), array![[8.0], [7.0]].view()).unwrap();
        assert!((solution - array![[1.25], [1.5]]).iter().all(|gap: &f64| gap.abs() < 1e-12));
        assert!(solve_positive(array![[1.0, 2.0], [2.0, 1.0]].view(), array![[1.0], [1.0]].view()).is_err());
    }
}
