//! Small datasets whose right answers are known.

use edgetl::dataset::{Dataset, DatasetParts, GroupId, SampleId};
use edgetl::digest::{Digest, Fingerprint};
use edgetl::labels::{ClassIndex, Label, Labels};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A dataset with labels `class 0`, `class 1`, …; every sample its own group.
pub fn dataset(features: Array2<f32>, targets: &[usize]) -> Dataset {
    let classes = targets.iter().max().map_or(0, |highest| highest + 1);
    Dataset::new(DatasetParts {
        fingerprint: Fingerprint(Digest::of(b"backbone")),
        features,
        targets: targets.iter().copied().map(ClassIndex).collect(),
        groups: (0..targets.len() as i64).map(GroupId).collect(),
        ids: (0..targets.len() as i64).map(SampleId).collect(),
        labels: Labels::new((0..classes).map(|class| Label::new(&format!("class {class}")).unwrap()).collect())
            .unwrap(),
    })
    .unwrap()
}

/// `each` samples a class around well separated, positive centres.
pub fn clusters(classes: usize, each: usize, channels: usize) -> Dataset {
    let mut rng = Pcg64::seed_from_u64(11);
    let targets: Vec<usize> = (0..classes * each).map(|sample| sample % classes).collect();
    let centre = |class: usize, channel: usize| if channel % classes == class { 3.0 } else { 1.0 };
    let features = Array2::from_shape_fn((targets.len(), channels), |(sample, channel)| {
        centre(targets[sample], channel) + rng.random_range(-0.5f32..0.5)
    });
    dataset(features, &targets)
}
