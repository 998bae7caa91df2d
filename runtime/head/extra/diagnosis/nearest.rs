//! Of each sample, the nearest others.

use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::head::models::normalize_rows;
use edgetl_algebra::{get_global_parallelism, product};

/// How many neighbours vote on a label.
const NEIGHBOURS: usize = 10;
/// How many rows are compared with others at once.
const BLOCK: usize = 512;
/// Of how many cells, those of the nearest centres, a sample is compared with the others; with no more than so many cells full.
const CELLS: usize = 8;
const MOST: usize = 16;

/// Of each sample, the nearest others by cosine. Of more than 20,000 samples they are looked for where they most likely are, so
/// that time does not grow with the square of their number; a near-duplicate lies in the same cell or beside it.
pub struct Nearest {
    /// Row and cosine, nearest first.
    pub of_all: Vec<Vec<(usize, f32)>>,
    /// The same among samples of its own class, without those of its own group.
    pub of_class: Vec<Vec<(usize, f32)>>,
}

/// How samples are dealt into cells.
#[derive(Clone, Copy)]
struct Dealing {
    /// Up to so many samples each is compared with every other.
    all: usize,
    /// Of more, a cell has about so many.
    cell: usize,
}

const USUAL: Dealing = Dealing { all: 20_000, cell: 1024 };

/// Samples, and those that they are compared with, both ascending.
struct Cell {
    rows: Vec<usize>,
    others: Vec<usize>,
}

impl Nearest {
    pub fn new(dataset: &Dataset) -> Self {
        Self::dealt(dataset, USUAL)
    }

    fn dealt(dataset: &Dataset, dealing: Dealing) -> Self {
        let mut found = Self { of_all: vec![Vec::new(); dataset.len()], of_class: vec![Vec::new(); dataset.len()] };
        for Cell { rows, others } in cells(dataset, dealing) {
            let beside = units(dataset, &others);
            for rows in rows.chunks(BLOCK) {
                let cosines = product(units(dataset, rows).view(), beside.t(), get_global_parallelism());
                let nearest: Vec<_> = (0..rows.len())
                    .into_par_iter()
                    .map(|place| of_row(rows[place], (&others, cosines.row(place)), dataset))
                    .collect();
                for (&row, (of_all, of_class)) in rows.iter().zip(nearest) {
                    (found.of_all[row], found.of_class[row]) = (of_all, of_class);
                }
            }
        }
        found
    }
}

type Neighbours = Vec<(usize, f32)>;

fn of_row(row: usize, (others, cosines): (&[usize], ArrayView1<f32>), dataset: &Dataset) -> (Neighbours, Neighbours) {
    let others = others.iter().copied().zip(cosines.iter().copied()).filter(|(other, _)| *other != row);
    let own = others.clone().filter(|&(other, _)| {
        dataset.targets()[other] == dataset.targets()[row] && dataset.groups()[other] != dataset.groups()[row]
    });
    (highest(others), highest(own))
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

/// `[n,C]`: the directions of some samples.
fn units(dataset: &Dataset, rows: &[usize]) -> Array2<f32> {
    let mut units = dataset.features().select(Axis(0), rows);
    normalize_rows(&mut units);
    units
}

/// Every sample once. Centres are samples, evenly spaced.
fn cells(dataset: &Dataset, Dealing { all: few, cell }: Dealing) -> Vec<Cell> {
    let all: Vec<usize> = (0..dataset.len()).collect();
    if dataset.len() <= few {
        return vec![Cell { others: all.clone(), rows: all }];
    }
    tracing::info!("comparing {} samples with those around them", dataset.len());
    let (count, most) = (dataset.len().div_ceil(cell), MOST * cell);
    let places: Vec<usize> = (0..count).map(|cell| cell * dataset.len() / count).collect();
    let centres = units(dataset, &places);
    let mut members = vec![Vec::new(); count];
    for rows in all.chunks(BLOCK) {
        let cosines = product(units(dataset, rows).view(), centres.t(), get_global_parallelism());
        rows.iter().zip(cosines.rows()).for_each(|(&row, cosines)| members[nearest_first(cosines)[0]].push(row));
    }
    let between = product(centres.view(), centres.t(), get_global_parallelism());
    let fill = |(rows, cosines): (&Vec<usize>, ArrayView1<f32>)| {
        let beside = nearest_first(cosines).into_iter().take(CELLS);
        let mut others: Vec<usize> = beside.flat_map(|cell| members[cell].iter().copied()).collect();
        others = others.iter().copied().step_by(others.len().div_ceil(most).max(1)).collect();
        others.extend(rows.iter().copied().take(most));
        others.sort_unstable();
        others.dedup();
        Cell { rows: rows.clone(), others }
    };
    members.iter().zip(between.rows()).map(fill).filter(|cell| !cell.rows.is_empty()).collect()
}

fn nearest_first(cosines: ArrayView1<f32>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cosines.len()).collect();
    let nearer = |&a: &usize, &b: &usize| cosines[b].total_cmp(&cosines[a]).then(a.cmp(&b));
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
    use crate::dataset::{DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::labels::{ClassIndex, Label, Labels};
    use rand::{RngExt, SeedableRng};

    /// Directions at random, every 100th nearly that before it.
    fn dataset(samples: usize) -> Dataset {
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        let mut features = Array2::from_shape_simple_fn((samples, 8), || random.random_range(-1f32..1.0));
        for row in (100..samples).step_by(100) {
            let near = features.row(row - 1).mapv(|value| value * 1.5 + 1e-3);
            features.row_mut(row).assign(&near);
        }
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"")),
            features,
            targets: (0..samples).map(|row| ClassIndex(row % 2)).collect(),
            groups: (0..samples as i64).map(GroupId).collect(),
            ids: (0..samples as i64).map(SampleId).collect(),
            labels: Labels::new(["a", "b"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn among_many_samples_every_near_duplicate_is_found() {
        let dataset = dataset(3000);
        let nearest = Nearest::dealt(&dataset, Dealing { all: 1000, cell: 64 });
        for row in (100..dataset.len()).step_by(100) {
            assert_eq!(nearest.of_all[row][0].0, row - 1, "{row}");
            assert_eq!(nearest.of_all[row].len(), NEIGHBOURS);
        }
    }
}
