//! Finding what is wrong in a dataset.

use crate::head_data::{clusters, dataset};
use edgetl::dataset::{Dataset, DatasetParts, SampleId};
use edgetl::head::{FitOptions, diagnose};
use edgetl::labels::ClassIndex;
use ndarray::Array2;
use rand::SeedableRng;
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64;

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

/// `counts` samples of each class around centres `apart` deviations from each other, in 32 channels of noise.
fn overlapping(counts: &[usize], apart: f32, seed: u64) -> Dataset {
    let mut rng = Pcg64::seed_from_u64(seed);
    let targets: Vec<usize> = counts.iter().enumerate().flat_map(|(class, &count)| vec![class; count]).collect();
    let along = |class: usize, channel: usize| if class == channel { apart / f32::sqrt(2.0) } else { 0.0 };
    let features = Array2::from_shape_fn((targets.len(), 32), |(row, channel)| {
        let noise: f32 = StandardNormal.sample(&mut rng);
        along(targets[row], channel) + noise
    });
    dataset(features, &targets)
}

/// From here on `samples doctor` calls a label wrong.
const DOUBTED: f32 = 0.7;

#[test]
fn right_labels_of_a_rare_class_are_not_called_wrong() {
    let (mut flagged, mut missed) = (Vec::new(), Vec::new());
    for (apart, seed) in [2.0, 2.5, 3.0, 4.0].into_iter().flat_map(|apart| (0..5).map(move |seed| (apart, seed))) {
        let samples = overlapping(&[500, 12], apart, seed);
        let diagnosis = diagnose(&samples, &FitOptions::default()).unwrap();
        let rare = diagnosis.suspects.iter().filter(|suspect| suspect.id.0 >= 500);
        flagged.push(rare.filter(|suspect| suspect.doubt > DOUBTED).count());
        missed.push(diagnosis.suspects.iter().filter(|suspect| suspect.id.0 < 500 && suspect.doubt > DOUBTED).count());
    }
    println!("flagged of 12 right defects: {flagged:?}, of 500 right others: {missed:?}");
    assert!(flagged.iter().all(|&count| count <= 1), "{flagged:?}");
}

#[test]
fn wrong_labels_are_found_where_classes_overlap_and_where_they_are_many() {
    for (share, apart) in [(0.05, 5.0), (0.1, 6.0), (0.2, 7.0)] {
        let samples = overlapping(&[60, 60, 60], apart, 3);
        let flipped: Vec<usize> = (0..180).filter(|row| row % (1.0 / share) as usize == 0).collect();
        let mut targets = samples.targets().to_vec();
        flipped.iter().for_each(|&row| targets[row] = ClassIndex((targets[row].0 + 1) % 3));
        let diagnosis = diagnose(&with_targets(&samples, targets), &FitOptions::default()).unwrap();
        let first = diagnosis.suspects.iter().take(flipped.len());
        let found = first.filter(|suspect| flipped.contains(&(suspect.id.0 as usize))).count();
        println!("{found} of {} flipped among as many suspects of {}", flipped.len(), diagnosis.suspects.len());
        assert!(found as f64 >= 0.8 * flipped.len() as f64, "{found} of {}", flipped.len());
        assert!(diagnosis.suspects.len() <= 2 * flipped.len(), "{}", diagnosis.suspects.len());
    }
}

#[test]
fn good_parts_among_the_defects_and_defects_among_the_good_parts_are_found_where_they_can_be_told() {
    let samples = overlapping(&[500, 24], 6.0, 5);
    let mut targets = samples.targets().to_vec();
    let flipped = [10, 200, 333, 501, 510];
    flipped.iter().for_each(|&row| targets[row] = ClassIndex(1 - targets[row].0));
    let diagnosis = diagnose(&with_targets(&samples, targets), &FitOptions::default()).unwrap();
    let suspects: Vec<_> =
        diagnosis.suspects.iter().filter(|suspect| suspect.doubt > DOUBTED).map(|s| s.id.0).collect();
    println!("{suspects:?}");
    assert!(flipped.iter().filter(|&&id| suspects.contains(&(id as i64))).count() >= 4, "{suspects:?}");
}
