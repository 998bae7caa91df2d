//! What a decision other than the likeliest class does to pictures that were held out.

use serde::{Deserialize, Serialize};

use super::rounded;
use crate::head::options::Goal;
use crate::labels::Label;
use crate::metrics::{wilson_interval, wilson_interval_of_share};

/// A share that was counted, with the interval in which 19 of 20 repetitions of the count would put it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Share {
    pub count: usize,
    pub of: usize,
    /// `None` of nothing.
    pub share: Option<f64>,
    pub low: f64,
    pub high: f64,
    /// Of how many groups the pictures are, over which the interval is; `None` where that is not known, and the interval counts each
    /// picture by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<usize>,
}

impl Share {
    /// Of pictures that say as much as so many, one independent of the other.
    pub fn new(count: usize, of: usize) -> Self {
        let (low, high) = wilson_interval(count, of);
        let share = (of > 0).then(|| rounded(count as f64 / of as f64));
        Self { count, of, share, low: rounded(low), high: rounded(high), groups: None }
    }

    /// Of pictures, each with the number of its group and whether it counts. Pictures of one group (frames of one burst) are nearly the same
    /// picture: the interval takes a group as one, with the share of it that counts, and is at least as wide as without groups.
    pub fn of_groups(pictures: impl IntoIterator<Item = (u32, bool)>) -> Self {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for (group, counts) in pictures {
            let group = group as usize;
            groups.resize(groups.len().max(group + 1), (0, 0));
            groups[group].0 += usize::from(counts);
            groups[group].1 += 1;
        }
        groups.retain(|group| group.1 > 0);
        let share = groups.iter().map(|&(count, of)| count as f64 / of as f64).sum::<f64>() / groups.len() as f64;
        let (low, high) = wilson_interval_of_share(share, groups.len());
        let each = groups.iter().fold((0, 0), |(count, of), group| (count + group.0, of + group.1));
        let each = Self::new(each.0, each.1);
        let (low, high) = (each.low.min(rounded(low)), each.high.max(rounded(high)));
        Self { low, high, groups: Some(groups.len()), ..each }
    }

    /// Whether it is at least `wanted`, by what was counted: the share itself is rounded.
    pub fn reaches(&self, wanted: f64) -> bool {
        self.of > 0 && self.count as f64 >= wanted * self.of as f64 - 1e-9
    }
}

/// What was asked for, what was set, and what comes of it out of fold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperatingReport {
    /// `None` where only `least` was.
    pub goal: Option<Goal>,
    /// Whether the held-out pictures meet the goal.
    pub reached: bool,
    /// From which on the class of the goal is said; `None` where costs decide.
    pub probability: Option<f64>,
    /// Below which nothing is said.
    pub least: Option<f64>,
    /// Of the class of the goal; `None` without one.
    pub class: Option<OperatingClass>,
    /// Pictures of which nothing was said.
    pub silent: Share,
}

/// How the class of a goal fares.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperatingClass {
    pub label: Label,
    /// Recall: of its pictures, those that were called so.
    pub found: Share,
    /// Precision: of those that were called so, its pictures.
    pub right: Share,
    /// Of pictures of other classes, those that were called so.
    pub false_alarms: Share,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_of_a_few_bursts_say_as_much_as_a_few_pictures() {
        let bursts = Share::of_groups((0..4).flat_map(|group| [(group, true); 40]));
        let few = Share::new(4, 4);
        assert_eq!((bursts.count, bursts.of, bursts.groups, bursts.share), (160, 160, Some(4), Some(1.0)));
        assert_eq!((bursts.low, bursts.high), (few.low, few.high));
    }

    proptest! {
        #[test]
        fn an_interval_over_groups_holds_the_share_and_is_never_narrower(
            pictures in proptest::collection::vec((0u32..12, any::<bool>()), 0..80),
        ) {
            let grouped = Share::of_groups(pictures.clone());
            let each = Share::new(pictures.iter().filter(|picture| picture.1).count(), pictures.len());
            prop_assert!(grouped.low <= each.low && each.high <= grouped.high);
            prop_assert_eq!((grouped.count, grouped.of, grouped.share), (each.count, each.of, each.share));
            let alone = Share::of_groups((0..).zip(pictures.iter().map(|picture| picture.1)));
            prop_assert_eq!((alone.low, alone.high, alone.groups), (each.low, each.high, Some(pictures.len())));
        }
    }
}
