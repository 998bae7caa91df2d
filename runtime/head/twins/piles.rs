//! Pictures grouped by likeness, so that many can be named at once.

use ndarray::{ArrayView1, ArrayView2};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::near::{ROUNDING, Rows};

/// Two pictures of a pile are on average no farther apart, squared, than this share of what lies between any two pictures. A larger one
/// makes fewer and larger piles that mix more classes; chosen on photographs of twelve flowers and on drawings, with two backbones.
const WIDTH: f64 = 0.6;
/// So many pairs tell what lies between any two.
const PAIRS: usize = 2000;

/// Rows, and the mean of their directions.
struct Pile {
    rows: Vec<usize>,
    mean: Vec<f32>,
}

/// The rows of `features`, `[N,C]` on the last map, from `first` on, in piles of what looks alike: the largest first, each with its
/// rows in order. Those before `first` only tell how far apart pictures lie.
///
/// Each row goes to the pile to whose rows it is nearest on average, in time of N times the number of piles.
pub fn piles(features: ArrayView2<f32>, first: usize) -> Vec<Vec<usize>> {
    let groups: Vec<usize> = (0..features.nrows()).collect();
    let rows = Rows::new(features, &groups);
    // Between unit vectors; what differs by rounding is the same.
    let least = (1.0 - WIDTH * between(&rows) / 2.0) as f32 - 1e-5;
    let single = |row: usize| Pile { rows: vec![row], mean: rows.direction(row).to_vec() };
    let mut piles = joined(groups[first..].iter().map(|&row| single(row)), features.ncols(), least);
    // What came apart because of the order in which rows came.
    piles.sort_by_key(|pile| std::cmp::Reverse(pile.rows.len()));
    let piles = joined(piles.into_iter(), features.ncols(), least);
    let mut piles = settled(&rows, first, &piles);
    piles.sort_by_key(|rows| (std::cmp::Reverse(rows.len()), rows.first().copied()));
    piles
}

/// The median squared distance between two rows that differ; 0 where none do.
fn between(rows: &Rows) -> f64 {
    let count = rows.features.nrows();
    if count < 2 {
        return 0.0;
    }
    let mut random = Pcg64::seed_from_u64(0);
    let mut row = || random.random_range(0..count);
    let pairs = (0..PAIRS).map(|_| (row(), row())).map(|(a, b)| rows.distance(a, b));
    let mut distances: Vec<f64> = pairs.filter(|distance| *distance > ROUNDING).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(0.0)
}

/// Adds each pile to the one before it that it is nearest to, where that is near enough.
fn joined(piles: impl Iterator<Item = Pile>, channels: usize, least: f32) -> Vec<Pile> {
    let (mut members, mut means): (Vec<Vec<usize>>, Vec<f32>) = (Vec::new(), Vec::new());
    for pile in piles {
        match nearest(&means, &pile.mean).filter(|(_, product)| *product >= least) {
            None => {
                members.push(pile.rows);
                means.extend(pile.mean);
            }
            Some((place, _)) => {
                let share = pile.rows.len() as f32 / (members[place].len() + pile.rows.len()) as f32;
                let mean = &mut means[place * channels..][..channels];
                mean.iter_mut().zip(&pile.mean).for_each(|(own, other)| *own += share * (other - *own));
                members[place].extend(pile.rows);
            }
        }
    }
    let mean = |place: usize| means[place * channels..][..channels].to_vec();
    members.into_iter().enumerate().map(|(place, rows)| Pile { rows, mean: mean(place) }).collect()
}

/// The rows of each pile after every row went to the one that it is nearest to.
fn settled(rows: &Rows, first: usize, piles: &[Pile]) -> Vec<Vec<usize>> {
    let means: Vec<f32> = piles.iter().flat_map(|pile| pile.mean.iter().copied()).collect();
    let mut members = vec![Vec::new(); piles.len()];
    for row in first..rows.features.nrows() {
        let direction = rows.direction(row).to_vec();
        if let Some((place, _)) = nearest(&means, &direction) {
            members[place].push(row);
        }
    }
    members.retain(|rows| !rows.is_empty());
    members
}

/// Of `means`, row by row, the place of the one whose product with `mean` is the largest, the first of equals, and that product.
fn nearest(means: &[f32], mean: &[f32]) -> Option<(usize, f32)> {
    let count = means.len().checked_div(mean.len())?;
    let means = ArrayView2::from_shape((count, mean.len()), means).expect("whole rows");
    let products = means.dot(&ArrayView1::from(mean));
    let better = |best: Option<(usize, f32)>, (place, product): (usize, f32)| match best {
        Some((_, most)) if most >= product => best,
        _ => Some((place, product)),
    };
    products.iter().copied().enumerate().fold(None, better)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    const CHANNELS: usize = 40;

    /// So many rows around each of `kinds` directions, in turn.
    fn around(kinds: usize, of_each: usize, spread: f32, seed: u64) -> Array2<f32> {
        let mut random = Pcg64::seed_from_u64(seed);
        Array2::from_shape_fn((kinds * of_each, CHANNELS), |(row, channel)| {
            f32::from(u8::from(channel % kinds == row % kinds)) + spread * (random.random::<f32>() - 0.5)
        })
    }

    #[test]
    fn what_is_of_one_kind_comes_into_one_pile_and_the_largest_comes_first() {
        let three = around(3, 20, 0.8, 1);
        let rows: Vec<usize> = (0..60).filter(|row| row % 3 != 2 || *row < 15).collect();
        let found = piles(three.select(Axis(0), &rows).view(), 0);
        let kinds: Vec<Vec<usize>> =
            found.iter().map(|pile| pile.iter().map(|&place| rows[place] % 3).collect()).collect();
        assert_eq!(kinds, [vec![0; 20], vec![1; 20], vec![2; 5]]);
        assert!(found.iter().all(|pile| pile.is_sorted()));
    }

    #[test]
    fn pictures_of_one_kind_are_one_pile_where_known_ones_show_what_else_there_is() {
        let all = around(3, 20, 0.8, 2);
        let others: Vec<usize> = (0..60).filter(|row| row % 3 != 0).collect();
        let own: Vec<usize> = (0..60).filter(|row| row % 3 == 0).collect();
        let found = piles(all.select(Axis(0), &[&*others, &own].concat()).view(), others.len());
        assert_eq!(found, [(others.len()..60).collect::<Vec<_>>()]);
        assert!(piles(all.select(Axis(0), &own).view(), 0).len() > 1);
    }

    #[test]
    fn nothing_makes_no_pile_and_the_same_picture_again_makes_one() {
        assert!(piles(Array2::zeros((0, CHANNELS)).view(), 0).is_empty());
        assert!(piles(Array2::zeros((0, 0)).view(), 0).is_empty());
        assert_eq!(piles(Array2::ones((3, CHANNELS)).view(), 0), [[0, 1, 2]]);
        let zeros = piles(Array2::zeros((3, CHANNELS)).view(), 0);
        assert_eq!(zeros.concat().len(), 3, "what has no direction is like nothing");
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_pile_and_the_same_rows_make_the_same_piles(
            kinds in 1usize..5, of_each in 1usize..12, spread in 0f32..4.0, seed in 0u64..99, first in 0usize..60
        ) {
            let rows = around(kinds, of_each, spread, seed);
            let first = first.min(rows.nrows());
            let found = piles(rows.view(), first);
            let mut all = found.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (first..kinds * of_each).collect::<Vec<_>>());
            prop_assert!(found.is_sorted_by_key(|pile| std::cmp::Reverse(pile.len())));
            prop_assert_eq!(found, piles(rows.view(), first));
        }
    }
}
