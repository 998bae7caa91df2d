//! How the pictures of the store differ from those that a head learned from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::dataset::SampleId;
use crate::digest::Digest;
use crate::head::{Answers, Changes, FitError, HeadArtifact, KeptAnswers, LearnedFrom};
use crate::store::Labelled;

/// A stored picture as a head's file notes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marked {
    pub id: SampleId,
    pub picture: i64,
    pub label: i32,
}

/// What is new about pictures.
pub(super) struct Since {
    pub changes: Changes,
    /// Those that were added or have another label.
    pub fresh: HashSet<SampleId>,
}

impl Marked {
    pub fn of(sample: &Labelled) -> Self {
        let (content, label) = (sample.hash.0, Digest::of(sample.label.as_str().as_bytes()));
        Self { id: sample.id, picture: i64::from_le_bytes(first(&content)), label: i32::from_le_bytes(first(&label)) }
    }
}

fn first<const N: usize>(digest: &Digest) -> [u8; N] {
    *digest.as_bytes().first_chunk().expect("a digest is longer")
}

pub(super) fn learned_from(now: &[Marked]) -> LearnedFrom {
    LearnedFrom::new(now.iter().map(|marked| (marked.picture, marked.label)))
}

/// `head` with a note of the pictures that it was fitted on, and of what was said of those among them that were held out.
pub(super) fn noted(head: HeadArtifact, answers: Option<&Answers>, now: &[Marked]) -> Result<HeadArtifact, FitError> {
    let head = head.noting_pictures(learned_from(now));
    let marks: HashMap<SampleId, i64> = now.iter().map(|marked| (marked.id, marked.picture)).collect();
    let kept = answers.and_then(|answers| {
        let pictures: Option<Vec<i64>> = answers.ids.iter().map(|id| marks.get(id).copied()).collect();
        KeptAnswers::new(&pictures?, &answers.truth, &answers.groups, answers.probabilities.view())
    });
    Ok(match kept {
        Some(kept) => head.noting_answers(kept)?,
        None => head,
    })
}

/// How the pictures that a head learned from differ from those of one before it.
pub(super) fn between(before: &LearnedFrom, after: &LearnedFrom) -> Changes {
    let marked = |(id, (picture, label))| Marked { id: SampleId(id), picture, label };
    Since::new(before, &(0..).zip(after.marks()).map(marked).collect::<Vec<_>>()).changes
}

impl Since {
    pub fn new(learned: &LearnedFrom, now: &[Marked]) -> Self {
        let renamed = renamed(learned, now);
        let (mut changes, mut fresh, mut there) = (Changes::default(), HashSet::new(), HashSet::new());
        for marked in now {
            let before = learned.label_of(marked.picture);
            there.extend(before.map(|_| marked.picture));
            let count = match before {
                None => &mut changes.added,
                Some(label) if label == marked.label => continue,
                Some(label) if renamed.contains(&label) => &mut changes.renamed,
                Some(_) => &mut changes.relabelled,
            };
            *count += 1;
            if before.is_none_or(|label| !renamed.contains(&label)) {
                fresh.insert(marked.id);
            }
        }
        changes.removed = learned.len() - there.len();
        Self { changes, fresh }
    }
}

/// Labels that no picture has any more, and whose pictures all have one other, which is new: with a label that was learned they
/// would be taken for another class.
fn renamed(learned: &LearnedFrom, now: &[Marked]) -> BTreeSet<i32> {
    let mut became: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
    for marked in now {
        if let Some(label) = learned.label_of(marked.picture) {
            became.entry(label).or_default().insert(marked.label);
        }
    }
    let used: BTreeSet<i32> = now.iter().map(|marked| marked.label).collect();
    let known: BTreeSet<&i32> = learned.labels().collect();
    let is_new = |label: &i32| !known.contains(label);
    let gone = became.iter().filter(|(label, _)| !used.contains(*label));
    let renamed = gone.filter(|(_, labels)| labels.len() == 1 && labels.iter().all(is_new));
    renamed.map(|(&label, _)| label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pictures: &[(i64, i32)]) -> Vec<Marked> {
        let number = |(id, &(picture, label))| Marked { id: SampleId(id), picture, label };
        (0..).zip(pictures).map(number).collect()
    }

    #[test]
    fn added_relabelled_and_removed_pictures_are_told_apart() {
        let before = learned_from(&marked(&[(10, 1), (11, 1), (12, 2), (13, 2)]));
        let Since { changes, fresh } = Since::new(&before, &marked(&[(13, 2), (12, 1), (11, 1), (20, 2)]));
        assert_eq!(changes, Changes { added: 1, relabelled: 1, renamed: 0, removed: 1 });
        assert_eq!((changes.fresh(), fresh), (2, HashSet::from([SampleId(1), SampleId(3)])));
        assert!(Since::new(&before, &marked(&[(13, 2), (12, 2), (11, 1), (10, 1)])).changes.is_none());
    }

    #[test]
    fn a_label_of_which_all_pictures_have_one_other_was_renamed_and_nothing_of_it_is_new() {
        let before = learned_from(&marked(&[(10, 1), (11, 1), (12, 2)]));
        let Since { changes, fresh } = Since::new(&before, &marked(&[(10, 7), (11, 7), (12, 2)]));
        assert_eq!((changes.renamed, changes.relabelled, fresh.len()), (2, 0, 0));
        // Some of a label that is still used were corrected.
        assert_eq!(Since::new(&before, &marked(&[(10, 2), (11, 1), (12, 2)])).changes.relabelled, 1);
        // A label was divided.
        assert_eq!(Since::new(&before, &marked(&[(10, 7), (11, 8), (12, 2)])).changes.relabelled, 2);
    }

    #[test]
    fn a_label_of_which_all_pictures_have_one_that_was_learned_was_not_renamed_but_they_were_relabelled() {
        let before = learned_from(&marked(&[(10, 1), (11, 1), (12, 2)]));
        let Since { changes, fresh } = Since::new(&before, &marked(&[(10, 2), (11, 2), (12, 2), (13, 2)]));
        assert_eq!(changes, Changes { added: 1, relabelled: 2, renamed: 0, removed: 0 });
        assert_eq!(fresh, HashSet::from([0, 1, 3].map(SampleId)));
        // Also where the pictures that had it have another one now.
        let Since { changes, .. } = Since::new(&before, &marked(&[(10, 2), (11, 2), (12, 3)]));
        assert_eq!((changes.relabelled, changes.renamed), (3, 0));
    }
}
