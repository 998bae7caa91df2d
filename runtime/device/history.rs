//! What is different about a head since the one before it.

use std::collections::BTreeMap;

use super::changes::between;
use super::heads::PublishedHead;
use crate::head::{Changes, HeadArtifact};
use crate::labels::Label;
use crate::store::HeadVersion;

/// From one head to the next, beside what the reports of both say.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadChange {
    pub against: HeadVersion,
    /// `None` where one of them does not say what it was fitted on.
    pub pictures: Option<Changes>,
    /// Classes of which there are more or fewer pictures, the greatest difference first.
    pub classes: Vec<ClassChange>,
    /// Whether nothing that answers is different but the decision: weights, names, temperature, unknown rule and pictures are the same.
    pub only_decision: bool,
}

/// How many pictures of a class two heads were fitted on; 0 where it was not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassChange {
    pub label: Label,
    pub before: usize,
    pub after: usize,
}

impl HeadChange {
    pub fn new(before: &PublishedHead, after: &PublishedHead) -> Self {
        let (old, new) = (&before.artifact, &after.artifact);
        Self {
            against: before.version,
            pictures: old.learned_from().zip(new.learned_from()).map(|(old, new)| between(old, new)),
            classes: classes(old, new),
            only_decision: old.is_same_but_for_decision(new),
        }
    }
}

fn classes(before: &HeadArtifact, after: &HeadArtifact) -> Vec<ClassChange> {
    let mut counts: BTreeMap<&Label, (usize, usize)> = BTreeMap::new();
    before.report().per_class().iter().for_each(|class| counts.entry(&class.label).or_default().0 = class.count);
    after.report().per_class().iter().for_each(|class| counts.entry(&class.label).or_default().1 = class.count);
    let changed = counts.into_iter().filter(|(_, (before, after))| before != after);
    let change = |(label, (before, after)): (&Label, _)| ClassChange { label: label.clone(), before, after };
    let mut classes: Vec<ClassChange> = changed.map(change).collect();
    classes.sort_by_key(|class| std::cmp::Reverse(class.before.abs_diff(class.after)));
    classes
}
