//! Near-twins of near-twins, as far as they lie together.

use ndarray::Array1;

use super::near::{Pair, Rows};

/// Numbers that stand for one another.
pub struct Joined {
    parents: Vec<usize>,
}

impl Joined {
    pub fn new(count: usize) -> Self {
        Self { parents: (0..count).collect() }
    }

    /// The one that stands for `number` and all that it was joined with.
    pub fn of(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    /// The smaller one stands for both.
    pub fn join(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.of(a), self.of(b));
        self.parents[a.max(b)] = a.min(b);
        a.min(b)
    }
}

/// The rows of a cluster, summed.
struct Sum {
    rows: f64,
    /// `[C]`: of their directions.
    directions: Array1<f32>,
    /// Of their squared lengths.
    squares: f64,
}

impl Sum {
    fn of(row: usize, rows: &Rows) -> Self {
        let directions = rows.direction(row);
        let squares = square(&directions);
        Self { rows: 1.0, directions, squares }
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            directions: &self.directions + &other.directions,
            squares: self.squares + other.squares,
        }
    }

    /// The mean squared distance of its pairs.
    fn width(&self) -> f64 {
        2.0 * (self.rows * self.squares - square(&self.directions)) / (self.rows * (self.rows - 1.0))
    }
}

fn square(values: &Array1<f32>) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum()
}

/// Joins the rows of pairs, nearest first, as long as the rows of a cluster are on average no further apart than `limit`: in
/// dense data a chain of pairs would lead from every picture to every other.
pub fn joined(rows: &Rows, pairs: &[Pair], limit: f64) -> Joined {
    let mut joined = Joined::new(rows.groups.len());
    let mut sums: std::collections::HashMap<usize, Sum> = std::collections::HashMap::new();
    for pair in pairs {
        let (a, b) = (joined.of(pair.first), joined.of(pair.second));
        if a == b {
            continue;
        }
        let [own, other] = [a, b].map(|row| sums.remove(&row).unwrap_or_else(|| Sum::of(row, rows)));
        let both = own.plus(&other);
        if both.width() <= limit {
            sums.insert(joined.join(a, b), both);
        } else {
            sums.insert(a, own);
            sums.insert(b, other);
        }
    }
    joined
}
