//! Of each row, which others lie near it, looked for where they most likely are.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rayon::prelude::*;

use edgetl_algebra::{get_global_parallelism, product};

/// How many rows are compared with others at once.
const BLOCK: usize = 512;
/// Of how many cells, those of the nearest centres, a row is compared with the others; with no more than so many cells full.
const CELLS: usize = 8;
const MOST: usize = 16;

/// How rows are dealt into cells.
#[derive(Clone, Copy)]
struct Dealing {
    /// Up to so many rows each is compared with every other.
    all: usize,
    /// Of more, a cell has about so many.
    cell: usize,
}

const USUAL: Dealing = Dealing { all: 20_000, cell: 1024 };

/// Points whose neighbours are looked for.
pub trait Points: Sync {
    fn count(&self) -> usize;

    /// Whether neighbours of this one are looked for.
    fn asked(&self, _row: usize) -> bool {
        true
    }

    /// `[n,C]`: those at `rows`.
    fn at(&self, rows: &[usize]) -> Array2<f32>;
}

/// Points that one of them is compared with.
pub struct Others<'a> {
    /// Ascending; the point itself may be among them.
    pub rows: &'a [usize],
    /// Their products with it, in step.
    pub products: ArrayView1<'a, f32>,
}

impl Others<'_> {
    /// Every other row with its product.
    pub fn of(&self, row: usize) -> impl Iterator<Item = (usize, f32)> + Clone {
        self.rows.iter().copied().zip(self.products.iter().copied()).filter(move |(other, _)| *other != row)
    }
}

/// Points, and those that they are compared with, both ascending.
struct Cell {
    rows: Vec<usize>,
    others: Vec<usize>,
}

/// `answer` for each point, in their order. Of more than 20,000 points each is compared with those around it only, so that time
/// does not grow with the square of their number; what lies very near is in the same cell or in one beside it.
pub fn around<T: Clone + Default + Send>(points: &dyn Points, answer: impl Fn(usize, Others) -> T + Sync) -> Vec<T> {
    dealt(points, USUAL, answer)
}

fn dealt<T: Clone + Default + Send>(
    points: &dyn Points,
    dealing: Dealing,
    answer: impl Fn(usize, Others) -> T + Sync,
) -> Vec<T> {
    let mut answers = vec![T::default(); points.count()];
    for Cell { rows, others } in cells(points, dealing) {
        let rows: Vec<usize> = rows.into_iter().filter(|&row| points.asked(row)).collect();
        if rows.is_empty() {
            continue;
        }
        let beside = points.at(&others);
        for rows in rows.chunks(BLOCK) {
            let products = product(points.at(rows).view(), beside.t(), get_global_parallelism());
            let of_row = |place: usize| answer(rows[place], Others { rows: &others, products: products.row(place) });
            let found: Vec<T> = (0..rows.len()).into_par_iter().map(of_row).collect();
            rows.iter().zip(found).for_each(|(&row, found)| answers[row] = found);
        }
    }
    answers
}

/// Every point once. Centres are points, evenly spaced.
fn cells(points: &dyn Points, Dealing { all: few, cell }: Dealing) -> Vec<Cell> {
    let all: Vec<usize> = (0..points.count()).collect();
    if points.count() <= few {
        return vec![Cell { others: all.clone(), rows: all }];
    }
    tracing::info!("comparing {} samples with those around them", points.count());
    let (count, most) = (points.count().div_ceil(cell), MOST * cell);
    let places: Vec<usize> = (0..count).map(|cell| cell * points.count() / count).collect();
    let centres = points.at(&places);
    let squares = centres.map_axis(Axis(1), |centre| centre.dot(&centre));
    let mut members = vec![Vec::new(); count];
    for rows in all.chunks(BLOCK) {
        let products = product(points.at(rows).view(), centres.t(), get_global_parallelism());
        rows.iter().zip(products.rows()).for_each(|(&row, own)| members[nearest_first(own, &squares)[0]].push(row));
    }
    let between = product(centres.view(), centres.t(), get_global_parallelism());
    let fill = |(rows, products): (&Vec<usize>, ArrayView1<f32>)| {
        let beside = nearest_first(products, &squares).into_iter().take(CELLS);
        let mut others: Vec<usize> = beside.flat_map(|cell| members[cell].iter().copied()).collect();
        others = others.iter().copied().step_by(others.len().div_ceil(most).max(1)).collect();
        others.extend(rows.iter().copied().take(most));
        others.sort_unstable();
        others.dedup();
        Cell { rows: rows.clone(), others }
    };
    members.iter().zip(between.rows()).map(fill).filter(|cell| !cell.rows.is_empty()).collect()
}

/// The nearest centres of a point by its products with them and their squared lengths.
fn nearest_first(products: ArrayView1<f32>, squares: &Array1<f32>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..products.len()).collect();
    let near = |centre: usize| 2.0 * products[centre] - squares[centre];
    let nearer = |&a: &usize, &b: &usize| near(b).total_cmp(&near(a)).then(a.cmp(&b));
    if order.len() > CELLS {
        order.select_nth_unstable_by(CELLS, nearer);
        order.truncate(CELLS);
    }
    order.sort_unstable_by(nearer);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    struct Rows(Array2<f32>);

    impl Points for Rows {
        fn count(&self) -> usize {
            self.0.nrows()
        }

        fn at(&self, rows: &[usize]) -> Array2<f32> {
            self.0.select(Axis(0), rows)
        }
    }

    #[test]
    fn among_many_points_every_one_that_lies_very_near_is_found() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        let mut points = Array2::from_shape_simple_fn((3000, 8), || random.random_range(-1f32..1.0));
        for row in (100..3000).step_by(100) {
            let near = points.row(row - 1).mapv(|value| value + 1e-3);
            points.row_mut(row).assign(&near);
        }
        let squares = points.map_axis(Axis(1), |point| point.dot(&point));
        let nearest = dealt(&Rows(points), Dealing { all: 1000, cell: 64 }, |row, others: Others| {
            let distance = |(other, product): (usize, f32)| (other, squares[other] - 2.0 * product);
            others.of(row).map(distance).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(other, _)| other)
        });
        (100..3000).step_by(100).for_each(|row| assert_eq!(nearest[row], Some(row - 1)));
    }
}
