//! Finding what is wrong in a dataset.

use crate::head_data::{clusters, dataset};
use edgetl::dataset::{Dataset, DatasetParts, SampleId};
use edgetl::head::{FitOptions, diagnose};
use edgetl::labels::ClassIndex;

fn with_targets(samples: &Dataset, targets: Vec<ClassIndex>) -> Dataset {
    Dataset::new(DatasetParts {
        fingerprint: samples.fingerprint(),
        features: samples.features().clone(),
        targets,
        groups: samples.groups().to_vec(),
        ids: samples.ids().to_vec(),
        labels: samples.labels().clone(),
    })
    .unwrap()
}

#[test]
fn flipped_labels_are_the_first_suspects() {
    let samples = clusters(4, 30, 16);
    let flipped = [3, 40, 77, 101];
    let mut targets = samples.targets().to_vec();
    flipped.iter().for_each(|&row| targets[row] = ClassIndex((targets[row].0 + 1) % 4));
    let diagnosis = diagnose(&with_targets(&samples, targets), &FitOptions::default()).unwrap();
    let mut found: Vec<i64> = diagnosis.suspects.iter().take(4).map(|suspect| suspect.id.0).collect();
    found.sort_unstable();
    assert_eq!(found, [3, 40, 77, 101]);
    let first = &diagnosis.suspects[0];
    assert_eq!(first.suggestion, samples.labels().as_slice()[samples.targets()[first.id.0 as usize].0]);
    assert!(first.doubt > 0.8 && first.agreement < 0.2);
}

#[test]
fn the_same_picture_under_two_labels_comes_before_one_under_the_same_label() {
    let samples = clusters(2, 10, 8);
    let mut features = samples.features().clone();
    let copies = [(4, 6), (1, 2)];
    for (from, to) in copies {
        let row = features.row(from).to_owned();
        features.row_mut(to).assign(&row);
    }
    let targets: Vec<usize> = samples.targets().iter().map(|target| target.0).collect();
    let diagnosis = diagnose(&dataset(features, &targets), &FitOptions::default()).unwrap();
    let exact: Vec<_> = diagnosis.duplicates.iter().filter(|pair| pair.cosine > 0.99999).collect();
    assert_eq!((exact[0].first, exact[0].second, exact[0].same_label), (SampleId(1), SampleId(2), false));
    assert!(exact.iter().any(|pair| (pair.first, pair.second, pair.same_label) == (SampleId(4), SampleId(6), true)));
}

#[test]
fn a_sample_unlike_its_class_is_an_outlier() {
    let samples = clusters(2, 30, 8);
    let mut features = samples.features().clone();
    features.row_mut(10).fill(0.0);
    features[[10, 7]] = 4.0;
    let targets: Vec<usize> = samples.targets().iter().map(|target| target.0).collect();
    let diagnosis = diagnose(&dataset(features, &targets), &FitOptions::default()).unwrap();
    assert_eq!(diagnosis.outliers[0].id, SampleId(10));
}

#[test]
fn classes_that_differ_by_more_than_three_times_are_uneven() {
    let samples = clusters(2, 20, 4);
    let few: Vec<usize> = (0..40).filter(|row| row % 2 == 0 || *row < 12).collect();
    let diagnosis = diagnose(&samples.select(&few), &FitOptions::default()).unwrap();
    let imbalance = diagnosis.imbalance().unwrap();
    assert_eq!((imbalance.largest, imbalance.smallest), (20, 6));
    assert!(diagnose(&samples, &FitOptions::default()).unwrap().imbalance().is_none());
}
