//! Memory for large matrices.

use ndarray::{Array2, LinalgScalar};

/// `[rows,columns]` of zeros, a large matrix in huge pages where the system has some to give.
///
/// The first touch of fresh memory costs a fault a page: of the 51 MB of 10,000 x 1280 features 20 ms in small pages and
/// 2 ms in huge ones. NumPy asks for them too.
pub fn zeros<T: LinalgScalar>(rows: usize, columns: usize) -> Array2<T> {
    let matrix = Array2::zeros((rows, columns));
    #[cfg(target_os = "linux")]
    linux::prefer_huge_pages(matrix.as_slice().expect("standard layout"));
    matrix
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::mm::{Advice, madvise};

    /// NumPy's bound: in less there is little room for whole huge pages.
    const LARGE: usize = 4 << 20;
    const HUGE_PAGE: usize = 2 << 20;

    pub fn prefer_huge_pages<T>(values: &[T]) {
        let bytes = size_of_val(values);
        if bytes < LARGE {
            return;
        }
        let start = values.as_ptr().cast::<u8>();
        let before = start.align_offset(HUGE_PAGE);
        let length = bytes.saturating_sub(before) / HUGE_PAGE * HUGE_PAGE;
        let first = start.wrapping_add(before).cast_mut().cast();
        // SAFETY: the range lies inside `values`, and this advice changes neither what it holds nor who may access it.
        // An error means that there are no huge pages, and the small ones remain.
        let _ = unsafe { madvise(first, length, Advice::LinuxHugepage) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_all_zeros_whether_it_is_large_or_empty() {
        for (rows, columns) in [(0, 4), (3, 2), (5000, 2000)] {
            let mut matrix = zeros::<f32>(rows, columns);
            assert!(matrix.dim() == (rows, columns) && matrix.iter().all(|value| *value == 0.0));
            matrix.fill(1.0);
            assert_eq!(matrix.sum(), (rows * columns) as f32);
        }
    }
}
