//! Which rows are near-twins of which, by the features that a backbone gave them.
//!
//! What is near depends on the backbone and on the pictures, so distances are compared with those between pictures of one
//! class, and with the gap to what lies behind: the frames of a burst lie together and everything else lies clearly further
//! away, while pictures merely of one kind follow one another without a gap. The three numbers were chosen on photographs, bursts
//! and altered copies with three backbones; `docs/heads.md` says what they find.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::search::{Points, around};
use edgetl_algebra::{Kernel, get_global_parallelism, product, with_widest_vectors};

/// Beyond this share of the usual squared distance nothing is a near-twin.
pub const FAR: f64 = 0.25;
/// Within this share everything is.
pub const CLOSE: f64 = 0.05;
/// Between the two, near-twins are those before the widest gap, behind which the next is so many times further, squared.
const GAP: f64 = 1.8;
/// In fewer channels points lie near one another by chance; every backbone for photographs has more.
const LEAST_CHANNELS: usize = 32;
/// How many neighbours of a row are looked at.
const NEIGHBOURS: usize = 32;
/// Squared distances between directions that are rounding.
pub const ROUNDING: f64 = 1e-8;
/// The usual distance is the one that so many of the pairs of one class do not exceed: that of pictures of different scenes,
/// even where most of them are frames of one burst.
const USUAL: f64 = 0.9;
/// How many pairs tell it.
const PAIRS: usize = 4096;
/// Candidates are looked for in so many channels, made at random of all of them.
///
/// Source: Achlioptas, "Database-friendly random projections", 2003: signs keep distances.
const PROJECTED: usize = 32;
/// Distances in these differ by about a quarter from the true ones.
const TOLERANCE: f64 = 2.5;

/// Rows of features, `[N,C]`, and which of them nobody need compare: those with the same number in `groups`.
pub struct Rows<'a> {
    pub features: ArrayView2<'a, f32>,
    pub groups: &'a [usize],
    /// One over the length of each row; 0 for rows of zeros.
    pub factors: Vec<f32>,
}

/// The squared distance between two rows, each times its factor.
struct SquaredGap<'a> {
    rows: (&'a [f32], &'a [f32]),
    factors: (f32, f32),
}

/// Sums beside one another, for vectors of any width.
const LANES: usize = 32;

impl Kernel for SquaredGap<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let ((first, second), (own, other)) = (self.rows, self.factors);
        let square = |a: f32, b: f32| (a * own - b * other) * (a * own - b * other);
        let mut sums = [0f32; LANES];
        let (first, second) = (first.chunks_exact(LANES), second.chunks_exact(LANES));
        let rest = first.remainder().iter().zip(second.remainder()).map(|(&a, &b)| square(a, b)).sum::<f32>();
        for (first, second) in first.zip(second) {
            for ((sum, &a), &b) in sums.iter_mut().zip(first).zip(second) {
                *sum += square(a, b);
            }
        }
        sums.iter().map(|&sum| f64::from(sum)).sum::<f64>() + f64::from(rest)
    }
}

/// Two rows that are near-twins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub first: usize,
    pub second: usize,
    /// Squared, between their directions.
    pub distance: f64,
}

impl<'a> Rows<'a> {
    pub fn new(features: ArrayView2<'a, f32>, groups: &'a [usize]) -> Self {
        let length =
            |row: ndarray::ArrayView1<f32>| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let factor = |row| Some(length(row)).filter(|length| *length > 0.0).map_or(0.0, |length| (1.0 / length) as f32);
        Self { features, groups, factors: features.rows().into_iter().map(factor).collect() }
    }

    /// `[C]`: the direction of a row.
    pub fn direction(&self, row: usize) -> Array1<f32> {
        &self.features.row(row) * self.factors[row]
    }

    pub fn distance(&self, a: usize, b: usize) -> f64 {
        let (first, second) = (self.features.row(a), self.features.row(b));
        let factors = (self.factors[a], self.factors[b]);
        match (first.as_slice(), second.as_slice()) {
            (Some(first), Some(second)) => with_widest_vectors(SquaredGap { rows: (first, second), factors }),
            _ => SquaredGap { rows: (&first.to_vec(), &second.to_vec()), factors }.run(),
        }
    }

    /// Up to which squared distance rows can be near-twins, by pairs from one class and of different groups. `None` where
    /// there is no such pair, or there are too few channels to tell.
    pub fn limit(&self, classes: &[Vec<usize>]) -> Option<f64> {
        if self.features.ncols() < LEAST_CHANNELS {
            return None;
        }
        let mut random = Pcg64::seed_from_u64(0);
        let rows: usize = classes.iter().map(Vec::len).sum();
        let mut distances = Vec::new();
        for class in classes {
            for draw in 0..(PAIRS * class.len()).div_ceil(rows.max(1)).min(4 * class.len()) {
                let (own, other) = (class[draw % class.len()], class[random.random_range(0..class.len())]);
                if self.groups[own] != self.groups[other] {
                    distances.push(self.distance(own, other));
                }
            }
        }
        distances.sort_by(f64::total_cmp);
        let usual = distances.get((distances.len() as f64 * USUAL) as usize)?;
        Some(FAR * usual + ROUNDING)
    }

    /// Pairs of rows that are each among the other's near-twins, nearest first.
    pub fn pairs(&self, limit: f64) -> Vec<Pair> {
        let twins = self.twins(limit, 0);
        let mut pairs = Vec::new();
        for (first, own) in twins.iter().enumerate() {
            for &(second, distance) in own.iter().filter(|(other, _)| *other > first) {
                if twins[second].iter().any(|(other, _)| *other == first) {
                    pairs.push(Pair { first, second, distance });
                }
            }
        }
        pairs.sort_by(|a, b| a.distance.total_cmp(&b.distance).then((a.first, a.second).cmp(&(b.first, b.second))));
        pairs
    }

    /// Of each row from `first` on those that lie before the gap, with their distances; nothing of the others.
    pub fn twins(&self, limit: f64, first: usize) -> Vec<Vec<(usize, f64)>> {
        let points = Projected { first, ..Projected::new(self) };
        let squares = &points.squares;
        around(&points, |row, others| {
            let far = (TOLERANCE * limit) as f32;
            let distance = |(other, product): (usize, f32)| (other, squares[row] + squares[other] - 2.0 * product);
            let near = others
                .of(row)
                .map(distance)
                .filter(|(other, distance)| *distance <= far && self.groups[*other] != self.groups[row]);
            let mut near: Vec<(usize, f32)> = near.collect();
            if near.len() > NEIGHBOURS {
                near.select_nth_unstable_by(NEIGHBOURS, |a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
                near.truncate(NEIGHBOURS);
            }
            let mut exact: Vec<(usize, f64)> =
                near.iter().map(|&(other, _)| (other, self.distance(row, other))).collect();
            exact.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            let count = before_the_gap(&exact.iter().map(|(_, distance)| *distance).collect::<Vec<_>>(), limit);
            exact.truncate(count);
            exact
        })
    }
}

/// How many of the nearest, by their ascending squared distances, are near-twins.
fn before_the_gap(distances: &[f64], limit: f64) -> usize {
    let near = distances.partition_point(|distance| *distance <= limit);
    let close = limit * CLOSE / FAR;
    // What was not looked at lies behind.
    let behind = (distances.len() < NEIGHBOURS).then_some(2.0 * limit);
    let known: Vec<f64> = distances.iter().copied().chain(behind).map(|distance| distance.max(close)).collect();
    let gap = |place: &usize| known.get(*place).map_or(1.0, |next| next / known[place - 1]);
    let widest = (1..=near).max_by(|a, b| gap(a).total_cmp(&gap(b)).then(b.cmp(a)));
    match widest {
        None => 0,
        Some(place) if gap(&place) >= GAP => place,
        // Among as many without a gap each is a near-twin of the next.
        Some(_) if near == NEIGHBOURS => near,
        Some(_) => distances.partition_point(|distance| *distance <= close),
    }
}

/// Directions in fewer channels.
struct Projected {
    /// `[N,P]`
    points: Array2<f32>,
    squares: Array1<f32>,
    /// The row from which on neighbours are looked for.
    first: usize,
}

impl Projected {
    fn new(rows: &Rows) -> Self {
        let (count, channels) = rows.features.dim();
        let signs = (channels > PROJECTED).then(|| {
            let mut random = Pcg64::seed_from_u64(0);
            let size = 1.0 / (PROJECTED as f32).sqrt();
            Array2::from_shape_simple_fn((channels, PROJECTED), || if random.random::<bool>() { size } else { -size })
        });
        let mut points = Array2::zeros((count, channels.min(PROJECTED)));
        for (mut points, part) in points.axis_chunks_iter_mut(Axis(0), 1024).zip(0..) {
            let part: Vec<usize> = (part * 1024..part * 1024 + points.nrows()).collect();
            let factors = Array1::from_iter(part.iter().map(|&row| rows.factors[row]));
            let units = rows.features.select(Axis(0), &part) * factors.insert_axis(Axis(1));
            points.assign(
                &signs.as_ref().map_or_else(
                    || units.clone(),
                    |signs| product(units.view(), signs.view(), get_global_parallelism()),
                ),
            );
        }
        let squares = points.map_axis(Axis(1), |point| point.dot(&point));
        Self { points, squares, first: 0 }
    }
}

impl Points for Projected {
    fn count(&self) -> usize {
        self.points.nrows()
    }

    fn asked(&self, row: usize) -> bool {
        row >= self.first
    }

    fn at(&self, rows: &[usize]) -> Array2<f32> {
        self.points.select(Axis(0), rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_twins_end_at_the_widest_gap_and_pictures_of_one_kind_have_none() {
        assert_eq!(before_the_gap(&[0.10, 0.12, 0.14, 0.40, 0.41], 0.25), 3);
        assert_eq!(before_the_gap(&[0.14, 0.17, 0.20, 0.24, 0.28, 0.31], 0.25), 0);
        assert_eq!(before_the_gap(&[0.30, 0.31], 0.25), 0);
        assert_eq!(before_the_gap(&[], 0.25), 0);
    }

    #[test]
    fn a_copy_within_a_burst_is_no_gap_and_is_a_twin_without_one() {
        assert_eq!(before_the_gap(&[0.00001, 0.08, 0.10, 0.13, 0.45], 0.25), 4);
        assert_eq!(before_the_gap(&[0.0001, 0.08, 0.11, 0.14, 0.19, 0.24, 0.29], 0.25), 1);
    }

    #[test]
    fn a_burst_longer_than_what_is_looked_at_has_no_gap() {
        let frames: Vec<f64> = (0..NEIGHBOURS).map(|frame| 0.1 + frame as f64 * 1e-3).collect();
        assert_eq!(before_the_gap(&frames, 0.25), NEIGHBOURS);
        assert_eq!(before_the_gap(&frames[..20], 0.25), 20, "what was not found lies beyond the limit");
    }
}
