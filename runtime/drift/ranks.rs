//! Where a value lies among all that came before it, in bounded memory.

use serde::{Deserialize, Serialize};

/// So many values are kept as they are; of those between two of them only the number is known.
const MOST: usize = 256;

/// The values so far: edges, the largest last, and how many others lie between them.
///
/// While nothing changed, the place of the next value among all before it is even among those places, whatever their order was. What
/// is known of the place is enough for that: which edges lie around it, and how many values there are on either side.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Ranks {
    edges: Vec<f32>,
    /// Below the first edge, between the first and the second, …, above the last.
    between: Vec<u64>,
}

/// A range of p-values: the share of places above, without and with those that the value may have.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Slot {
    pub from: f64,
    pub to: f64,
}

impl Slot {
    pub fn middle(self) -> f64 {
        (self.from + self.to) / 2.0
    }
}

impl Ranks {
    /// Of `values`, finite.
    pub fn of(mut values: Vec<f32>) -> Self {
        values.sort_by(f32::total_cmp);
        let count = values.len();
        if count <= MOST {
            return Self { between: vec![0; count + 1], edges: values };
        }
        // Evenly, the largest among them.
        let kept: Vec<usize> = (1..=MOST).map(|edge| edge * count / MOST - 1).collect();
        let before = [None].into_iter().chain(kept.iter().map(|&edge| Some(edge)));
        let mut between: Vec<u64> =
            before.zip(&kept).map(|(before, &edge)| (edge - before.map_or(0, |before| before + 1)) as u64).collect();
        between.push(0);
        Self { edges: kept.iter().map(|&edge| values[edge]).collect(), between }
    }

    /// Of `below` values below `edge` and `above` ones above it, and `edge` itself.
    pub fn around(edge: f32, below: u64, above: u64) -> Self {
        Self { edges: vec![edge], between: vec![below, above] }
    }

    /// Whether they can be what this program wrote.
    pub fn is_whole(&self) -> bool {
        self.between.len() == self.edges.len() + 1 && self.edges.is_sorted()
    }

    fn count(&self) -> u64 {
        self.edges.len() as u64 + self.between.iter().sum::<u64>()
    }

    /// Where `value` lies, which counts from now on. Of equal values it counts as the smallest, which never makes p-values smaller.
    pub fn take(&mut self, value: f32) -> Slot {
        let own = self.edges.partition_point(|edge| *edge < value);
        let above = (self.edges.len() - own) as u64 + self.between[own + 1..].iter().sum::<u64>();
        let places = (self.count() + 1) as f64;
        let slot = Slot { from: above as f64 / places, to: (above + self.between[own] + 1) as f64 / places };
        if self.edges.len() < MOST && self.between.iter().all(|count| *count == 0) {
            self.edges.insert(own, value);
            self.between.push(0);
        } else {
            self.between[own] += 1;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_lies_between_those_before_it_and_counts_from_then_on() {
        let mut ranks = Ranks::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(ranks.take(9.0), Slot { from: 0.0, to: 0.25 });
        assert_eq!(ranks.take(2.5), Slot { from: 0.4, to: 0.6 });
        assert_eq!(ranks.take(0.0), Slot { from: 5.0 / 6.0, to: 1.0 });
        assert_eq!(ranks.take(9.0), Slot { from: 1.0 / 7.0, to: 2.0 / 7.0 }, "below the equal one");
        assert_eq!(Ranks::of(Vec::new()).take(1.0), Slot { from: 0.0, to: 1.0 });
    }

    #[test]
    fn around_an_edge_only_the_side_is_known() {
        let mut ranks = Ranks::around(0.5, 18, 1);
        assert_eq!(ranks.take(0.7), Slot { from: 0.0, to: 2.0 / 21.0 });
        assert_eq!(ranks.take(0.1), Slot { from: 3.0 / 22.0, to: 1.0 });
    }

    proptest! {
        #[test]
        fn what_is_known_of_a_place_holds_the_place_itself(
            reference in proptest::collection::vec(0.0f32..1.0, 0..700),
            values in proptest::collection::vec(0.0f32..1.0, 1..400),
        ) {
            let mut all = reference.clone();
            let mut ranks = Ranks::of(reference);
            for value in values {
                let above = all.iter().filter(|other| **other >= value).count() as f64;
                let places = all.len() as f64 + 1.0;
                let slot = ranks.take(value);
                prop_assert!(slot.from - 1e-9 <= above / places && (above + 1.0) / places <= slot.to + 1e-9);
                all.push(value);
                prop_assert!(ranks.is_whole() && ranks.edges.len() <= MOST && ranks.count() == all.len() as u64);
            }
        }
    }
}
