//! The mean difference of two losses on the same pictures, and its standard error.

use std::collections::BTreeMap;

use crate::dataset::GroupId;

/// What two heads lost on one picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pair {
    pub old: f64,
    pub new: f64,
    /// Strata count the same, however many pictures each has.
    pub stratum: usize,
    /// Pictures of one group are one observation.
    pub group: GroupId,
}

/// Means over strata.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Means {
    pub pictures: usize,
    pub groups: usize,
    /// Over pictures, as for `new`.
    pub old: f64,
    pub new: f64,
    /// Of `old - new`, over groups: in a stratum each counts the same, however many pictures it has.
    pub gain: f64,
    /// Of `gain`.
    pub error: f64,
}

struct Stratum {
    pictures: f64,
    /// The mean gain of each group.
    gains: BTreeMap<GroupId, f64>,
}

/// What one group makes of the gain, and by how much that deviates from what was to be expected.
#[derive(Clone, Copy, Default)]
struct Observation {
    gain: f64,
    deviation: f64,
}

/// `None` of nothing.
///
/// The error is that of a sum over strata whose sizes are given, in which the deviations of a group are added before they are
/// squared, with `G / (G - 1)` for the `G` groups of a stratum. It is never less than what one group alone makes of the gain, so
/// one group that differs is no evidence, however many pictures it has and in however many strata these are.
///
/// Source: Cameron, Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015, equations 11 and 12.
pub fn means(pairs: &[Pair]) -> Option<Means> {
    let strata = strata(pairs);
    let groups = observations(&strata);
    let share = |pair: &Pair| 1.0 / (strata.len() as f64 * strata[&pair.stratum].pictures);
    let mean = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(|pair| share(pair) * of(pair)).sum::<f64>();
    let spread = groups.values().map(|group| group.deviation.powi(2)).sum::<f64>().sqrt();
    let alone = groups.values().map(|group| group.gain.abs()).fold(0.0, f64::max);
    (!pairs.is_empty()).then(|| Means {
        pictures: pairs.len(),
        groups: groups.len(),
        old: mean(&|pair| pair.old),
        new: mean(&|pair| pair.new),
        gain: groups.values().map(|group| group.gain).sum(),
        error: spread.max(alone),
    })
}

fn observations(strata: &BTreeMap<usize, Stratum>) -> BTreeMap<GroupId, Observation> {
    let mut groups: BTreeMap<GroupId, Observation> = BTreeMap::new();
    for Stratum { gains, .. } in strata.values() {
        let count = gains.len() as f64;
        let weight = 1.0 / (strata.len() as f64 * count);
        // A group that is alone tells nothing of how groups differ: all that it gains may be chance.
        let (expected, small) = match gains.len() {
            1 => (0.0, 1.0),
            _ => (gains.values().sum::<f64>() / count, (count / (count - 1.0)).sqrt()),
        };
        for (group, gain) in gains {
            let observation = groups.entry(*group).or_default();
            observation.gain += weight * gain;
            observation.deviation += weight * small * (gain - expected);
        }
    }
    groups
}

fn strata(pairs: &[Pair]) -> BTreeMap<usize, Stratum> {
    let mut members: BTreeMap<usize, BTreeMap<GroupId, Vec<f64>>> = BTreeMap::new();
    for pair in pairs {
        members.entry(pair.stratum).or_default().entry(pair.group).or_default().push(pair.old - pair.new);
    }
    let mean = |gains: Vec<f64>| gains.iter().sum::<f64>() / gains.len() as f64;
    let stratum = |groups: BTreeMap<GroupId, Vec<f64>>| Stratum {
        pictures: groups.values().map(Vec::len).sum::<usize>() as f64,
        gains: groups.into_iter().map(|(group, gains)| (group, mean(gains))).collect(),
    };
    members.into_iter().map(|(number, groups)| (number, stratum(groups))).collect()
}

/// How many standard errors to either side of a mean of so many groups it is in 19 of 20 cases.
///
/// Source: Abramowitz, Stegun, "Handbook of Mathematical Functions", 26.7.5: Student's t from the normal quantile.
pub fn width(groups: usize) -> f64 {
    let (z, degrees): (f64, f64) = (1.959_964, (groups as f64 - 1.0).max(1.0));
    let second = 5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z;
    z + (z.powi(3) + z) / (4.0 * degrees) + second / (96.0 * degrees * degrees)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(values: &[(f64, f64, usize, i64)]) -> Vec<Pair> {
        let pair = |&(old, new, stratum, group)| Pair { old, new, stratum, group: GroupId(group) };
        values.iter().map(pair).collect()
    }

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-12, "{one} {other}");
    }

    #[test]
    fn the_error_is_that_of_the_differences_and_not_of_the_losses() {
        // Gains 1, 0, 0, 0 whatever the losses: mean 1/4, sum of squares 3/4; (4/3 * 3/4)^(1/2) / 4 = 1/4.
        let means = means(&pairs(&[(1., 0., 0, 0), (1., 1., 0, 1), (0., 0., 0, 2), (9., 9., 0, 3)])).unwrap();
        close(means.gain, 0.25);
        close(means.error, 0.25);
        assert_eq!((means.pictures, means.groups), (4, 4));
    }

    #[test]
    fn a_group_is_one_observation() {
        // Two groups of gains 1, 1 and 0, 0: as two observations 1 and 0, so 1/2 with error 1/2.
        let means = means(&pairs(&[(1., 0., 0, 7), (1., 0., 0, 7), (0., 0., 0, 8), (0., 0., 0, 8)])).unwrap();
        close(means.gain, 0.5);
        close(means.error, 0.5);
        assert_eq!(means.groups, 2);
    }

    #[test]
    fn groups_count_the_same_whatever_their_sizes_and_pictures_are_shown_as_they_are() {
        // Gains 1, 1, 1 of one group and 0 of another: 1/2 with error 1/2. Of the pictures three in four were wrong.
        let means = means(&pairs(&[(1., 0., 0, 7), (1., 0., 0, 7), (1., 0., 0, 7), (0., 0., 0, 8)])).unwrap();
        close(means.gain, 0.5);
        close(means.error, 0.5);
        assert_eq!((means.old, means.new, means.pictures, means.groups), (0.75, 0.0, 4, 2));
    }

    #[test]
    fn a_group_that_is_alone_in_its_stratum_is_its_own_error() {
        let one = means(&pairs(&[(0., 1., 0, 7), (0., 1., 0, 7)])).unwrap();
        assert_eq!((one.gain, one.error), (-1.0, 1.0));
        // Beside a stratum of two groups with gains 1, 0: 1/2 of -1 + 1/2, error (1/4 + 1/16)^(1/2).
        let two = means(&pairs(&[(0., 1., 0, 7), (1., 0., 1, 8), (0., 0., 1, 9)])).unwrap();
        close(two.gain, -0.25);
        close(two.error, (5.0_f64 / 16.0).sqrt());
    }

    #[test]
    fn strata_count_the_same_and_add_their_errors() {
        // Gains 1, 0 in one stratum: 1/2, error 1/2. Gains 0, 0, 0, -2 in the other: -1/2, sum of squares 3, error
        // (4/3 * 3)^(1/2) / 4 = 1/2. Together 0 with error (1/4 * (1/4 + 1/4))^(1/2).
        let rows = [(1., 0., 0, 0), (0., 0., 0, 1), (0., 0., 1, 2), (0., 0., 1, 3), (0., 0., 1, 4), (0., 2., 1, 5)];
        let means = means(&pairs(&rows)).unwrap();
        close(means.gain, 0.0);
        close(means.error, 0.125_f64.sqrt());
    }

    #[test]
    fn equal_losses_have_no_error_and_nothing_has_no_mean() {
        let same = means(&pairs(&[(0.3, 0.3, 0, 0), (0.1, 0.1, 0, 1)])).unwrap();
        assert_eq!((same.gain, same.error), (0.0, 0.0));
        assert_eq!(means(&[]), None);
    }

    #[test]
    fn few_groups_make_wide_intervals() {
        // Tables of Student's t: 2.571 of 5 degrees, 2.042 of 30.
        assert!((width(6) - 2.571).abs() < 0.03 && (width(31) - 2.042).abs() < 0.001);
    }

    /// Of each picture its group, its stratum, and what two heads lose on it where its group is the first.
    fn pictures() -> impl Strategy<Value = Vec<(i64, usize, f64, f64)>> {
        proptest::collection::vec((0i64..6, 0usize..3, 0.0f64..9.0, 0.0f64..9.0), 1..60)
    }

    proptest! {
        #[test]
        fn one_group_that_differs_is_within_its_error_whatever_the_sizes(pictures in pictures()) {
            let row = |&(group, stratum, old, new): &(i64, usize, f64, f64)| {
                if group == 0 { (old, new, stratum, group) } else { (new, new, stratum, group) }
            };
            let means = means(&pairs(&pictures.iter().map(row).collect::<Vec<_>>())).unwrap();
            prop_assert!(means.gain.abs() <= means.error + 1e-9, "{:?}", means);
        }
    }
}
