//! Of each sample, the nearest others.

use ndarray::{Array2, Axis};

use crate::dataset::Dataset;
use crate::head::models::normalize_rows;
use crate::head::twins::search::{Others, Points, around};

/// How many neighbours vote on a label.
const NEIGHBOURS: usize = 10;

/// Of each sample, the nearest others by cosine.
pub struct Nearest {
    /// Row and cosine, nearest first.
    pub of_all: Vec<Neighbours>,
    /// The same among samples of its own class, without those of its own group.
    pub of_class: Vec<Neighbours>,
}

type Neighbours = Vec<(usize, f32)>;

/// The directions of samples.
struct Units<'a>(&'a Dataset);

impl Points for Units<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn at(&self, rows: &[usize]) -> Array2<f32> {
        let mut units = self.0.learned().select(Axis(0), rows);
        normalize_rows(&mut units);
        units
    }
}

impl Nearest {
    pub fn new(dataset: &Dataset) -> Self {
        let (of_all, of_class) =
            around(&Units(dataset), |row, others| of_row(row, &others, dataset)).into_iter().unzip();
        Self { of_all, of_class }
    }
}

fn of_row(row: usize, others: &Others, dataset: &Dataset) -> (Neighbours, Neighbours) {
    let own = others.of(row).filter(|&(other, _)| {
        dataset.targets()[other] == dataset.targets()[row] && dataset.groups()[other] != dataset.groups()[row]
    });
    (highest(others.of(row)), highest(own))
}

fn highest(pairs: impl Iterator<Item = (usize, f32)>) -> Neighbours {
    let mut pairs: Vec<_> = pairs.collect();
    let count = NEIGHBOURS.min(pairs.len());
    if count < pairs.len() {
        pairs.select_nth_unstable_by(count, |a, b| b.1.total_cmp(&a.1));
        pairs.truncate(count);
        // Of each sample a few are kept, and not the room in which all the others were.
        pairs.shrink_to_fit();
    }
    pairs.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    pairs
}
