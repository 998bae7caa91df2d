//! In which order pictures that wait are best labelled.
//!
//! A picture stands for those that are like it, and the first ones are to stand for as much usefulness as they can: of all that wait, those are
//! chosen one by one that cover most of what no sample and none before covers yet (the greedy algorithm for facility location). The classes
//! that pictures are taken for have the same weight, however often each is seen.
//!
//! Source: K. Wei, R. Iyer, J. Bilmes, "Submodularity in data subset selection and active learning", ICML 2015.

use std::collections::HashMap;

use serde_json::Value;

use crate::head::Neighbourhood;
use crate::store::ReviewRow;

/// Of more than so many, those behind are in the order of their usefulness: who labels does not come so far at once.
const MOST: usize = 300;

/// A picture that waits.
pub struct Waiting {
    row: ReviewRow,
    /// `[C]`, of its feature on the last map; of length 1, or 0 where that is.
    direction: Vec<f32>,
    /// The squared distance to the nearest sample.
    known: f64,
    /// What the head takes it for; empty for a number.
    class: String,
}

impl Waiting {
    /// Beside the samples on the backbone that gave its feature.
    pub fn new(row: ReviewRow, stored: &Neighbourhood) -> Self {
        let values = &row.features.values;
        let channels = stored.channels().min(values.len());
        let length = values[..channels].iter().map(|value| value * value).sum::<f32>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        let answer: Value = serde_json::from_str(&row.answer).unwrap_or_default();
        Self {
            direction: values[..channels].iter().map(|value| value * scale).collect(),
            known: if values.len() < stored.channels() { NONE } else { stored.distance(values) },
            class: answer["nearest"].as_str().unwrap_or_default().to_owned(),
            row,
        }
    }

    /// The squared distance between directions; the farthest there is where they are of different backbones.
    fn gap(&self, other: &Self) -> f64 {
        if self.row.features.fingerprint != other.row.features.fingerprint
            || self.direction.len() != other.direction.len()
        {
            return NONE;
        }
        let product: f32 = self.direction.iter().zip(&other.direction).map(|(a, b)| a * b).sum();
        (2.0 - 2.0 * f64::from(product)).max(0.0)
    }
}

/// The farthest there is.
const NONE: f64 = 4.0;

/// `waiting`, which come the most useful first.
pub fn in_order(mut waiting: Vec<Waiting>) -> Vec<ReviewRow> {
    let behind = waiting.split_off(waiting.len().min(MOST));
    let gaps: Vec<Vec<f64>> = waiting.iter().map(|one| waiting.iter().map(|other| one.gap(other)).collect()).collect();
    let usual = usual(&gaps);
    let likeness = |gap: f64| (-gap / usual).exp();
    let weights = weights(&waiting);
    let mut covered: Vec<f64> = waiting.iter().map(|one| likeness(one.known)).collect();
    let mut left: Vec<usize> = (0..waiting.len()).collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let gain = |of: usize| {
            let each = weights.iter().zip(&covered).zip(&gaps[of]);
            each.map(|((weight, covered), gap)| weight * (likeness(*gap) - covered).max(0.0)).sum::<f64>()
        };
        let gains: Vec<f64> = left.iter().map(|of| gain(*of)).collect();
        // Of equals the first, which is the more useful.
        let best = (1..left.len()).fold(0, |best, place| if gains[place] > gains[best] { place } else { best });
        let chosen = left.remove(best);
        covered.iter_mut().zip(&gaps[chosen]).for_each(|(covered, gap)| *covered = covered.max(likeness(*gap)));
        order.push(chosen);
    }
    let mut rows: Vec<Option<ReviewRow>> = waiting.into_iter().map(|one| Some(one.row)).collect();
    let first = order.into_iter().map(|place| rows[place].take().expect("each once"));
    let first: Vec<ReviewRow> = first.collect();
    first.into_iter().chain(behind.into_iter().map(|one| one.row)).collect()
}

/// The mean gap of two of them; 1 where there is none.
fn usual(gaps: &[Vec<f64>]) -> f64 {
    let pairs = gaps.len() * gaps.len().saturating_sub(1);
    let mean = gaps.iter().flatten().sum::<f64>() / pairs.max(1) as f64;
    if mean > 0.0 { mean } else { 1.0 }
}

/// Their usefulness, each as a share of that of all that are taken for the same class.
fn weights(waiting: &[Waiting]) -> Vec<f64> {
    let mut of_class: HashMap<&str, f64> = HashMap::new();
    waiting.iter().for_each(|one| *of_class.entry(&one.class).or_default() += one.row.usefulness);
    waiting.iter().map(|one| one.row.usefulness / of_class[one.class.as_str()].max(f64::MIN_POSITIVE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{ContentHash, Digest, Fingerprint};
    use crate::store::{FeatureVector, ReviewId, Worth};

    fn waiting(id: i64, usefulness: f64, values: &[f32], class: &str) -> Waiting {
        let row = ReviewRow {
            id: ReviewId(id),
            hash: ContentHash::of(&id.to_le_bytes()),
            features: FeatureVector {
                fingerprint: Fingerprint(Digest::of(b"b")),
                revision: 1,
                values: values.to_vec(),
            },
            at: 0,
            camera: "gate".to_owned(),
            group: "gate".to_owned(),
            answer: format!("{{\"nearest\": \"{class}\"}}"),
            why: Worth::Unsure,
            usefulness,
            bytes: 1,
        };
        let mut stored = Neighbourhood::empty(3);
        stored.add(&[0.0, 0.0, 1.0]);
        Waiting::new(row, &stored)
    }

    fn order(waiting: Vec<Waiting>) -> Vec<i64> {
        in_order(waiting).into_iter().map(|row| row.id.0).collect()
    }

    #[test]
    fn what_is_like_one_before_it_or_like_a_sample_comes_later_than_something_less_useful_and_new() {
        let order = order(vec![
            waiting(1, 0.9, &[1.0, 0.0, 0.0], "cat"),
            waiting(2, 0.8, &[1.0, 0.01, 0.0], "cat"),
            waiting(3, 0.7, &[0.0, 0.01, 1.0], "cat"),
            waiting(4, 0.6, &[0.0, 1.0, 0.0], "cat"),
        ]);
        assert!(matches!(order[..2], [1 | 2, 4]), "{order:?}");
    }

    #[test]
    fn one_that_stands_for_many_comes_before_a_more_useful_one_that_stands_alone() {
        let many = (2..8).map(|id| waiting(id, 0.5, &[1.0, 0.1 * id as f32, 0.0], "cat"));
        let order = order(std::iter::once(waiting(1, 0.6, &[-1.0, -1.0, 0.0], "cat")).chain(many).collect());
        assert!(order[0] != 1 && order[1] == 1, "{order:?}");
    }

    #[test]
    fn a_class_that_is_seldom_seen_is_not_left_out_for_one_that_is_often() {
        let often = (10..40).map(|id| waiting(id, 0.5, &[1.0, (id as f32).sin(), 0.0], "cat"));
        let order = order(often.chain([waiting(1, 0.4, &[-1.0, 0.5, 0.2], "dog")]).collect());
        assert!(order[..3].contains(&1), "{order:?}");
    }

    #[test]
    fn features_of_other_backbones_are_not_compared_and_nothing_gets_lost() {
        let mut other = waiting(2, 0.8, &[1.0], "cat");
        other.row.features.fingerprint = Fingerprint(Digest::of(b"c"));
        let mut all = vec![waiting(1, 0.9, &[1.0, 0.0, 0.0], "cat"), other, waiting(3, 0.0, &[0.0; 3], "")];
        all.extend((4..500).map(|id| waiting(id, 0.0, &[1.0, id as f32, 0.0], "cat")));
        let mut order = order(all);
        assert_eq!(order[499 - 1], 499, "those behind stay where they are");
        order.sort_unstable();
        assert_eq!(order, (1..500).collect::<Vec<_>>());
        assert!(in_order(Vec::new()).is_empty());
    }
}
