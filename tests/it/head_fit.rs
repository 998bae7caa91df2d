//! Fitting heads as `fit-head` does: honest numbers, few samples, bad input.

use crate::head_data::{clusters, dataset};
use edgetl::dataset::Dataset;
use edgetl::head::{FitError, FitOptions, HeadArtifact, HeadChoice, HeadError, HeadKind, fit, fit_with_answers};
use edgetl::labels::ClassIndex;
use edgetl::tensor::Features;
use ndarray::{Array2, array};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn options(kind: HeadKind) -> FitOptions {
    FitOptions { head: HeadChoice::Only(kind), ..FitOptions::default() }
}

fn accuracy(head: &HeadArtifact, dataset: &Dataset) -> f64 {
    let scores = head.predict(&Features(dataset.features().clone())).unwrap();
    let right = scores.iter().zip(dataset.targets()).filter(|(scores, target)| scores.best() == **target).count();
    right as f64 / dataset.len() as f64
}

/// Standard normal numbers from pairs of uniform ones (Box and Muller).
fn normal(rng: &mut Pcg64) -> f32 {
    let (radius, angle): (f32, f32) = (rng.random_range(f32::MIN_POSITIVE..1.0), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
}

/// Two Gaussian classes in two dimensions, with means `±mean`.
fn gaussians(samples: usize, mean: f32, seed: u64) -> Dataset {
    let mut rng = Pcg64::seed_from_u64(seed);
    let targets: Vec<usize> = (0..samples).map(|sample| sample % 2).collect();
    let sign = |sample: usize| if targets[sample] == 0 { 1.0 } else { -1.0 };
    let features = Array2::from_shape_fn((samples, 2), |(sample, _)| sign(sample) * mean + normal(&mut rng));
    dataset(features, &targets)
}

#[test]
fn separable_gaussians_are_told_apart() {
    for kind in HeadKind::ALL {
        let head = fit(&gaussians(200, 3.0, 1), &options(kind)).unwrap();
        assert!(accuracy(&head, &gaussians(30, 3.0, 2)) > 0.99, "{kind}");
        assert!(head.report().cv().accuracy.unwrap() > 0.99, "{kind}");
    }
}

#[test]
fn overlapping_gaussians_are_mostly_told_apart() {
    for kind in HeadKind::ALL {
        let head = fit(&gaussians(200, 0.9, 1), &options(kind)).unwrap();
        assert!(accuracy(&head, &gaussians(300, 0.9, 2)) > 0.80, "{kind}");
    }
}

#[test]
fn the_answers_behind_a_report_give_its_numbers() {
    let data = gaussians(60, 0.9, 3);
    let (artifact, answers) = fit_with_answers(&data, &options(HeadKind::Lda)).unwrap();
    assert_eq!((answers.ids.as_slice(), answers.truth.as_slice()), (data.ids(), data.targets()));
    let right = answers.right().into_iter().filter(|right| *right).count() as f64;
    assert!((right / 60.0 - artifact.report().cv().accuracy.unwrap()).abs() < 1e-6);
    let ece = edgetl::metrics::ece(answers.probabilities.view(), &answers.truth);
    assert!((ece - artifact.report().cv().ece.unwrap()).abs() < 1e-6);
}

#[test]
fn noise_is_not_called_knowledge() {
    let mut rng = Pcg64::seed_from_u64(5);
    let features = Array2::from_shape_fn((60, 200), |_| normal(&mut rng));
    let targets: Vec<usize> = (0..60).map(|sample| sample % 3).collect();
    for kind in HeadKind::ALL {
        let head = fit(&dataset(features.clone(), &targets), &options(kind)).unwrap();
        let cv = head.report().cv();
        assert!(cv.accuracy.unwrap() < 0.6, "{kind}: {cv:?}");
        assert!(cv.nll.unwrap() > 0.8, "{kind}: {cv:?}");
    }
}

#[test]
fn the_report_counts_what_was_held_out() {
    let head = fit(&clusters(3, 12, 6), &FitOptions::default()).unwrap();
    let report = head.report();
    assert_eq!((report.samples, report.dim, report.cv().folds, report.cv().samples), (36, 6, 5, 36));
    assert_eq!(report.per_class().iter().map(|class| class.count).collect::<Vec<_>>(), [12, 12, 12]);
    assert_eq!(report.candidates.len(), HeadKind::ALL.len());
    assert_eq!(report.candidates[0].head, report.head);
    assert_eq!(report.unknown.false_reject, Some(0.05));
    let json = serde_json::to_value(report).unwrap();
    for key in ["head", "classes", "samples", "dim", "cv", "per_class", "candidates", "unknown"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert!(json["cv"]["macro_f1"].is_number() && json["candidates"][0]["seconds"].is_number());
}

#[test]
fn linear_chooses_as_auto_does_among_all_but_the_perceptron() {
    let linear = FitOptions { head: HeadChoice::Linear, ..FitOptions::default() };
    let head = fit(&clusters(3, 12, 6), &linear).unwrap();
    let mut tried: Vec<_> = head.report().candidates.iter().map(|candidate| candidate.head).collect();
    tried.sort();
    let mut expected: Vec<_> = HeadKind::ALL.into_iter().filter(|kind| *kind != HeadKind::Mlp).collect();
    expected.sort();
    assert_eq!(tried, expected);
    assert_eq!(HeadArtifact::from_bytes(&head.to_bytes()).unwrap().options(), Some(&linear));
}

#[test]
fn two_samples_make_a_head_that_says_it_was_not_measured() {
    for kind in HeadKind::ALL {
        let two = dataset(array![[1f32, 0.0, 2.0], [0.0, 1.0, 2.0]], &[0, 1]);
        let head = fit(&two, &options(kind)).unwrap();
        assert_eq!(accuracy(&head, &two), 1.0, "{kind}");
        assert_eq!(head.report().cv().folds, 0);
        assert_eq!(head.report().cv().accuracy, None);
        assert!(head.unknown().is_none());
        assert!(HeadArtifact::from_bytes(&head.to_bytes()).is_ok());
    }
}

#[test]
fn a_class_of_one_sample_is_learned_but_not_measured() {
    let whole = clusters(3, 10, 6);
    let rows: Vec<usize> = (0..whole.len()).filter(|&row| whole.targets()[row].0 != 2 || row == 2).collect();
    for kind in HeadKind::ALL {
        let head = fit(&whole.select(&rows), &options(kind)).unwrap();
        let report = head.report();
        assert_eq!(report.cv().samples, 20, "{kind}");
        assert_eq!((report.per_class()[2].count, report.per_class()[2].recall), (1, None));
        assert!(report.per_class()[0].recall.is_some());
        let own = head.predict(&Features(whole.features().select(ndarray::Axis(0), &[2]))).unwrap();
        assert_eq!(own[0].best(), ClassIndex(2), "{kind}");
    }
}

#[test]
fn classes_without_samples_are_left_out() {
    let whole = clusters(3, 6, 6);
    let rows: Vec<usize> = (0..whole.len()).filter(|&row| whole.targets()[row].0 != 1).collect();
    let head = fit(&whole.select(&rows), &FitOptions::default()).unwrap();
    assert_eq!(head.labels().iter().map(|label| label.as_str()).collect::<Vec<_>>(), ["class 0", "class 2"]);
    assert_eq!(accuracy(&head, &whole.select(&[0, 3])), 1.0);
}

#[test]
fn one_class_or_none_is_refused() {
    let one = fit(&dataset(Array2::ones((4, 3)), &[0, 0, 0, 0]), &FitOptions::default()).unwrap_err();
    assert_eq!(one.to_string(), "expected samples of at least two classes, got only `class 0`");
    let none = fit(&dataset(Array2::ones((0, 3)), &[]), &FitOptions::default()).unwrap_err();
    assert!(matches!(none, FitError::NoSamples));
}

#[test]
fn options_without_sense_are_refused() {
    let samples = clusters(2, 6, 4);
    let refused = |options: FitOptions| fit(&samples, &options).unwrap_err();
    let options = FitOptions::default;
    assert!(matches!(refused(FitOptions { folds: 1, ..options() }), FitError::Folds(1)));
    assert!(matches!(refused(FitOptions { false_reject: 1.0, ..options() }), FitError::FalseReject(_)));
    assert!(matches!(refused(FitOptions { penalties: Some(vec![]), ..options() }), FitError::NoPenalty));
    for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            refused(FitOptions { penalties: Some(vec![1.0, penalty]), ..options() }),
            FitError::Penalty(_)
        ));
    }
}

#[test]
fn constant_and_huge_channels_do_no_harm() {
    let mut features = clusters(2, 10, 4).features().clone();
    features.column_mut(1).fill(7.0);
    features.column_mut(2).mapv_inplace(|value| value * 1e15);
    let targets: Vec<usize> = (0..20).map(|sample| sample % 2).collect();
    for kind in [HeadKind::Ridge, HeadKind::Softmax] {
        let samples = dataset(features.clone(), &targets);
        let head = fit(&samples, &options(kind)).unwrap();
        assert_eq!(accuracy(&head, &samples), 1.0, "{kind}");
    }
}

#[test]
fn features_that_are_all_alike_but_for_rounding_make_no_head() {
    let targets: Vec<usize> = (0..12).map(|sample| usize::from(sample >= 9)).collect();
    for kind in HeadKind::ALL {
        for rounding in [0.0, 1e-6] {
            let value = |(row, channel)| 1.0 + rounding * ((row * 5 + channel * 3) % 7) as f32;
            let error = fit(&dataset(Array2::from_shape_fn((12, 5), value), &targets), &options(kind)).unwrap_err();
            assert!(error.to_string().starts_with("the features of all 12 pictures are the same"), "{kind}: {error}");
        }
    }
}

#[test]
fn balancing_gives_a_rare_class_its_due() {
    let whole = gaussians(400, 0.5, 3);
    let rows: Vec<usize> = (0..400).filter(|row| row % 2 == 0 || row % 20 == 1).collect();
    let uneven = whole.select(&rows);
    let rare = |balance| {
        let head = fit(&uneven, &FitOptions { balance, ..options(HeadKind::Softmax) }).unwrap();
        let scores = head.predict(&Features(whole.features().clone())).unwrap();
        scores.iter().filter(|scores| scores.best() == ClassIndex(1)).count()
    };
    assert!(rare(true) > 2 * rare(false));
    assert!((150..250).contains(&rare(true)), "{}", rare(true));
}

#[test]
fn a_class_called_none_means_unknown() {
    let mut parts = edgetl::dataset::DatasetParts {
        labels: edgetl::labels::Labels::new(
            ["ant", "None"].map(|name| edgetl::labels::Label::new(name).unwrap()).to_vec(),
        )
        .unwrap(),
        fingerprint: clusters(2, 1, 1).fingerprint(),
        features: clusters(2, 10, 4).features().clone(),
        targets: clusters(2, 10, 4).targets().to_vec(),
        groups: clusters(2, 10, 4).groups().to_vec(),
        ids: clusters(2, 10, 4).ids().to_vec(),
    };
    parts.features.mapv_inplace(|value| value * 2.0);
    let samples = Dataset::new(parts).unwrap();
    let head = fit(&samples, &FitOptions { false_reject: 0.0, ..FitOptions::default() }).unwrap();
    let scores = head.predict(&Features(samples.features().clone())).unwrap();
    assert!(scores.iter().zip(samples.targets()).all(|(scores, target)| scores.unknown == (target.0 == 1)));
}

#[test]
fn features_of_another_width_or_not_finite_are_refused() {
    let head = fit(&clusters(2, 6, 4), &FitOptions::default()).unwrap();
    let wide = head.predict(&Features(Array2::zeros((1, 5)))).unwrap_err();
    assert_eq!(wide.to_string(), "expected features of 4 channels, got 5");
    let broken = head.predict(&Features(array![[1.0, f32::NAN, 0.0, 0.0]])).unwrap_err();
    assert!(matches!(broken, HeadError::NotFinite { sample: 0, channel: 1, .. }));
    assert!(head.predict(&Features(Array2::zeros((0, 4)))).unwrap().is_empty());
}

#[test]
fn what_is_far_from_every_class_is_unknown() {
    let head = fit(&clusters(3, 30, 12), &options(HeadKind::Softmax)).unwrap();
    let known = head.predict(&Features(clusters(3, 10, 12).features().clone())).unwrap();
    assert!(known.iter().filter(|scores| scores.unknown).count() <= 3);
    let mut strange = Array2::<f32>::zeros((1, 12));
    strange[[0, 0]] = 5.0;
    strange[[0, 1]] = 5.0;
    assert!(head.predict(&Features(strange)).unwrap()[0].unknown);
}
