//! What looks are compared with: the pictures that a head was taught with, and what it said of those held out.

use std::collections::BTreeMap;

use ndarray::{ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::neighbours::{Neighbours, Place};
use super::ranks::Ranks;
use crate::dataset::{Dataset, GroupId};
use crate::digest::Digest;
use crate::head::{ClassesReport, HeadArtifact, Outputs, near_twin_limit, with_near_twins_together};
use crate::labels::{ClassIndex, Label, Labels};

/// Fewer held-out pictures are not compared with.
const LEAST: usize = 4;
/// One group in so many is what distances are measured to.
const TAUGHT: usize = 3;

/// Made of one head and the pictures that it was fitted on.
///
/// A third of the groups is what distances are measured to, the others tell how large distances are: so a picture is never compared
/// with itself, its burst or a near-twin, and while nothing changed a look is as strange to the first part as a picture of the second,
/// however few they are. Of a group one picture counts.
pub struct Reference {
    neighbours: Neighbours,
    /// By category.
    distances: BTreeMap<usize, Vec<f32>>,
    twin_limit: Option<f64>,
    unknown: Option<HeldOutUnknown>,
    mix: Option<Answers>,
    digest: String,
}

/// How many held-out pictures lie below and above the threshold of the rule for unknown ones.
#[derive(Clone, Copy, PartialEq, Debug)]
struct HeldOutUnknown {
    below: u64,
    above: u64,
}

/// What the head said of held-out pictures.
#[derive(Clone, PartialEq, Debug)]
struct Answers {
    labels: Vec<String>,
    /// One a class.
    counts: Vec<u64>,
    /// Of the fitted pictures, which class is which share.
    shares: Vec<f64>,
}

/// Why a head is not watched for drift.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unwatched {
    #[error("the head also names classes of the original network, of which there are no pictures to compare with")]
    KnownClasses,
    #[error("expected at least {LEAST} pictures to hold out, each of a group of its own, got {0}")]
    TooFew(usize),
}

impl Unwatched {
    /// By which another program tells it from others.
    pub fn code(&self) -> &'static str {
        match self {
            Self::KnownClasses => "known-classes",
            Self::TooFew(_) => "too-few",
        }
    }
}

impl Reference {
    /// Of `head` and the pictures that it was fitted on, or some of them.
    ///
    /// # Errors
    /// When there is nothing to compare with.
    pub fn new(dataset: &Dataset, head: &HeadArtifact) -> Result<Self, Unwatched> {
        let report = head.report();
        if report.of_classes().is_some_and(|classes| classes.kept.is_some()) {
            return Err(Unwatched::KnownClasses);
        }
        let one_class = (*head.outputs() != Outputs::Classes).then(|| of_one_class(dataset));
        let dataset = &*with_near_twins_together(one_class.as_ref().unwrap_or(dataset));
        let Parts { taught, held_out, groups } = Parts::of(dataset);
        if held_out.len() < LEAST {
            return Err(Unwatched::TooFew(held_out.len()));
        }
        let features = dataset.last_map();
        let categories = taught.iter().map(|&row| dataset.targets()[row].0).collect();
        let neighbours = Neighbours::new(features.select(Axis(0), &taught).view(), categories);
        let mut distances = BTreeMap::<usize, Vec<f32>>::new();
        for &row in &held_out {
            let Place { category, distance } = neighbours.place(features.row(row));
            distances.entry(category).or_default().push(distance);
        }
        // Pictures of one group are one.
        let independent = report.cv().samples.min(groups);
        Ok(Self {
            neighbours,
            distances,
            twin_limit: near_twin_limit(dataset),
            unknown: HeldOutUnknown::of(head, independent),
            mix: report.of_classes().and_then(|classes| Answers::of(classes, independent)),
            digest: digest(dataset, &taught, &held_out),
        })
    }

    /// Tells it from a reference of other pictures.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many pictures were held out.
    pub fn pictures(&self) -> usize {
        self.distances.values().map(Vec::len).sum()
    }

    /// Up to which squared distance between directions pictures can be near-twins.
    pub fn twin_limit(&self) -> Option<f64> {
        self.twin_limit
    }

    /// Whether the head tells unknown pictures by a rule that was set on enough held-out ones.
    pub fn tells_unknown(&self) -> bool {
        self.unknown.is_some()
    }

    /// Of a whole feature those channels that count, which are those of the last map; `None` where it has too few.
    pub fn channels_of<'a>(&self, feature: &'a [f32]) -> Option<ArrayView1<'a, f32>> {
        feature.get(..self.neighbours.channels()).map(ArrayView1::from)
    }

    pub(super) fn place(&self, feature: ArrayView1<f32>) -> Place {
        self.neighbours.place(feature)
    }

    pub(super) fn distance_ranks(&self) -> BTreeMap<usize, Ranks> {
        self.distances.iter().map(|(category, distances)| (*category, Ranks::of(distances.clone()))).collect()
    }

    /// Known pictures lie at 0, unknown ones at 1.
    pub(super) fn unknown_ranks(&self) -> Option<Ranks> {
        self.unknown.map(|held_out| Ranks::around(0.5, held_out.below, held_out.above))
    }

    /// How many pictures of a hundred would be unknown if nothing had changed, as a share.
    pub(super) fn expected_unknown(&self) -> f64 {
        self.unknown.map_or(0.0, |HeldOutUnknown { below, above }| (above + 1) as f64 / (above + below + 2) as f64)
    }

    /// Held-out answers, one count a class.
    pub(super) fn answer_counts(&self) -> Option<&[u64]> {
        self.mix.as_ref().map(|answers| answers.counts.as_slice())
    }

    /// Of the fitted pictures.
    pub(super) fn shares(&self) -> &[f64] {
        self.mix.as_ref().map_or(&[], |answers| &answers.shares)
    }

    pub(super) fn labels(&self) -> &[String] {
        self.mix.as_ref().map_or(&[], |answers| &answers.labels)
    }
}

impl HeldOutUnknown {
    /// The threshold is one of the scores of `held_out` pictures, and it is known which: see [`crate::head::UnknownRule`].
    fn of(head: &HeadArtifact, held_out: usize) -> Option<Self> {
        let rule = head.unknown().filter(|_| held_out > 1 && !matches!(head.outputs(), Outputs::Labels { .. }))?;
        let rank = ((held_out + 1) as f64 * (1.0 - rule.false_reject)).ceil() as usize;
        let rank = rank.clamp(2, held_out);
        Some(Self { below: (rank - 1) as u64, above: (held_out - rank) as u64 })
    }
}

impl Answers {
    /// Of `independent` pictures: what was said right is recall, how often a class was said follows from precision.
    fn of(report: &ClassesReport, independent: usize) -> Option<Self> {
        let said = |class: &crate::head::ClassReport| match (class.recall, class.precision) {
            (Some(recall), Some(precision)) if precision > 0.0 => recall * class.count as f64 / precision,
            _ => 0.0,
        };
        let said: Vec<f64> = report.per_class.iter().map(said).collect();
        let (all, pictures) =
            (said.iter().sum::<f64>(), report.per_class.iter().map(|class| class.count).sum::<usize>());
        if all <= 0.0 || said.len() < 2 {
            return None;
        }
        Some(Self {
            labels: report.per_class.iter().map(|class| class.label.to_string()).collect(),
            counts: said.iter().map(|said| (said / all * independent as f64).round() as u64).collect(),
            shares: report.per_class.iter().map(|class| class.count as f64 / pictures.max(1) as f64).collect(),
        })
    }
}

/// Rows of a dataset, dealt by group.
struct Parts {
    taught: Vec<usize>,
    /// One a group.
    held_out: Vec<usize>,
    groups: usize,
}

impl Parts {
    /// Each class evenly, by chance but always the same.
    fn of(dataset: &Dataset) -> Self {
        let mut groups = BTreeMap::<GroupId, Vec<usize>>::new();
        let rows = (0..dataset.len()).filter(|row| !dataset.trains_only(*row));
        rows.for_each(|row| groups.entry(dataset.groups()[row]).or_default().push(row));
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.shuffle(&mut Pcg64::seed_from_u64(0));
        let mut dealt = vec![0_usize; dataset.labels().len()];
        let mut parts = Self { taught: Vec::new(), held_out: Vec::new(), groups: groups.len() };
        for rows in groups {
            let dealt = &mut dealt[dataset.targets()[rows[0]].0];
            if dealt.is_multiple_of(TAUGHT) {
                parts.taught.extend(rows)
            } else {
                parts.held_out.push(rows[0])
            }
            *dealt += 1;
        }
        parts.taught.sort_unstable();
        parts.held_out.sort_unstable();
        parts
    }
}

/// For labels that are no classes.
fn of_one_class(dataset: &Dataset) -> Dataset {
    let label = Label::new("all").expect("a plain word");
    let labels = Labels::new(vec![label]).expect("one label");
    dataset.clone().with_classes(vec![ClassIndex(0); dataset.len()], labels).expect("one a row")
}

fn digest(dataset: &Dataset, taught: &[usize], held_out: &[usize]) -> String {
    let id = |row: &usize| dataset.ids()[*row].0.to_le_bytes();
    let parts = taught.iter().map(|row| (0_u8, row)).chain(held_out.iter().map(|row| (1, row)));
    let bytes: Vec<u8> = parts
        .flat_map(|(half, row)| {
            let class = dataset.targets()[*row].0 as u64;
            [vec![half], id(row).to_vec(), class.to_le_bytes().to_vec()].concat()
        })
        .collect();
    Digest::of(&bytes).to_string()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::RngExt;

    use super::*;
    use crate::dataset::{DatasetParts, SampleId};
    use crate::digest::Fingerprint;
    use crate::head::{FitOptions, KnownClasses, Linear, Task, fit, fit_beside};

    /// Pictures of two classes.
    fn dataset(labels: [&str; 2], groups: &[i64]) -> Dataset {
        let mut random = Pcg64::seed_from_u64(7);
        let features = Array2::from_shape_fn((groups.len(), 48), |(picture, channel)| {
            random.random::<f32>() * 2.0 + f32::from(u8::from(channel % 2 == picture % 2))
        });
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"a network")),
            targets: (0..groups.len()).map(|picture| ClassIndex(picture % 2)).collect(),
            groups: groups.iter().copied().map(GroupId).collect(),
            ids: (0..groups.len() as i64).map(SampleId).collect(),
            labels: Labels::new(labels.map(|label| Label::new(label).unwrap()).to_vec()).unwrap(),
            features,
        })
        .unwrap()
    }

    #[test]
    fn groups_stay_on_one_side_each_class_is_on_both_and_of_a_group_one_picture_is_held_out() {
        let groups: Vec<i64> = (0..60).map(|picture| picture / 6 * 2 + picture % 2).collect();
        let dataset = dataset(["a", "b"], &groups);
        let Parts { taught, held_out, groups: count } = Parts::of(&dataset);
        assert_eq!((count, held_out.len()), (20, 12));
        for row in &held_out {
            assert!(taught.iter().all(|other| groups[*other] != groups[*row]));
            assert_eq!(held_out.iter().filter(|other| groups[**other] == groups[*row]).count(), 1);
        }
        assert_eq!(held_out.iter().filter(|row| *row % 2 == 0).count(), 6);
    }

    #[test]
    fn what_the_head_said_of_held_out_pictures_is_the_start() {
        let groups: Vec<i64> = (0..60).collect();
        let dataset = dataset(["a", "b"], &groups);
        let head = fit(&dataset, &FitOptions::default()).unwrap();
        let reference = Reference::new(&dataset, &head).unwrap();
        // 61 * 0.95, rounded up, is 58.
        assert_eq!(reference.unknown, Some(HeldOutUnknown { below: 57, above: 2 }));
        assert_eq!(reference.answer_counts(), Some(&[30, 30][..]));
        assert_eq!(reference.pictures(), 40);
        assert_eq!(reference.channels_of(&[1.0; 20]), None);
        let again = Reference::new(&dataset, &head).unwrap();
        assert_eq!(again.digest(), reference.digest());
    }

    #[test]
    fn a_head_for_numbers_is_watched_for_distance_and_unknown_alone() {
        let dataset = dataset(["1", "2"], &(0..40).collect::<Vec<_>>());
        let head = fit(&dataset, &FitOptions { task: Task::Regression, ..FitOptions::default() }).unwrap();
        let reference = Reference::new(&dataset, &head).unwrap();
        assert!(reference.tells_unknown() && reference.answer_counts().is_none());
        assert_eq!(reference.distances.keys().collect::<Vec<_>>(), [&0]);
    }

    #[test]
    fn a_head_for_several_labels_is_watched_for_distance_alone() {
        let dataset = dataset(["a", "a+b"], &(0..40).collect::<Vec<_>>());
        let head = fit(&dataset, &FitOptions { task: Task::Multilabel, ..FitOptions::default() }).unwrap();
        let reference = Reference::new(&dataset, &head).unwrap();
        assert!(!reference.tells_unknown() && reference.answer_counts().is_none());
    }

    #[test]
    fn a_head_beside_classes_that_nobody_has_pictures_of_is_not_watched() {
        let dataset = dataset(["a", "b"], &(0..40).collect::<Vec<_>>());
        let linear =
            Linear { weights: Array2::eye(48).slice_move(ndarray::s![..2, ..]), bias: ndarray::array![0.0, 0.0] };
        let labels = Labels::new(["x", "y"].map(|label| Label::new(label).unwrap()).to_vec()).unwrap();
        let head = fit_beside(&dataset, &KnownClasses { linear, labels }, &FitOptions::default()).unwrap();
        assert_eq!(Reference::new(&dataset, &head).err(), Some(Unwatched::KnownClasses));
    }

    #[test]
    fn too_few_groups_are_said() {
        let dataset = dataset(["a", "b"], &[0, 1, 2, 3, 0, 1, 2, 3]);
        let head = fit(&dataset, &FitOptions::default()).unwrap();
        let error = Reference::new(&dataset, &head).err().unwrap();
        assert_eq!(error, Unwatched::TooFew(2));
    }
}
