//! A backbone that gives an earlier map beside the last: when its channels are learned from, and what a head says of it.

use crate::head_data;
use edgetl::dataset::{Dataset, GroupId};
use edgetl::head::{
    EarlierMapsReport, FitOptions, HeadArtifact, HeadChoice, HeadKind, Task, cross_validate, fit, near_twins_of,
};
use edgetl::metrics::accuracy;
use edgetl::tensor::Features;
use ndarray::{Array2, s};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const LAST: usize = 40;
const EARLIER: usize = 24;

/// Three classes that the last map tells apart by `last`, and the earlier one, in numbers ten times as large, by `earlier`.
fn samples(count: usize, last: f32, earlier: f32) -> Dataset {
    let mut random = Pcg64::seed_from_u64(5);
    let targets: Vec<usize> = (0..count).map(|sample| sample % 3).collect();
    let features = Array2::from_shape_fn((count, LAST + EARLIER), |(sample, channel)| {
        let (size, scale) = if channel < LAST { (last, 1.0) } else { (earlier, 10.0) };
        let own = if channel % 3 == targets[sample] { size } else { 0.0 };
        (2.0 + own + random.random_range(-1f32..1.0)) * scale
    });
    head_data::dataset(features, &targets).with_last_map(LAST).unwrap()
}

fn only(kind: HeadKind) -> FitOptions {
    FitOptions { head: HeadChoice::Only(kind), ..FitOptions::default() }
}

fn earlier(head: &HeadArtifact) -> EarlierMapsReport {
    head.report().earlier_maps.clone().expect("the backbone gives two maps")
}

#[test]
fn every_head_learns_from_an_earlier_map_that_tells_more_and_says_so_in_its_file() {
    let dataset = samples(90, 0.05, 0.6);
    let asked = Features(samples(90, 0.05, 0.6).features().clone());
    for kind in HeadKind::ALL {
        let head = fit(&dataset, &only(kind)).unwrap();
        let report = earlier(&head);
        assert!(report.used && report.gain > report.error, "{kind}: {report:?}");
        assert_eq!((report.last, report.earlier, head.report().dim), (LAST, EARLIER, LAST + EARLIER));
        let first = &head.report().candidates[0];
        assert!(first.earlier_maps && first.accuracy == head.report().cv().accuracy, "{kind}");
        assert_eq!(head.head().dim(), LAST + EARLIER);
        let read = HeadArtifact::from_bytes(&head.to_bytes()).unwrap();
        assert!(read.to_bytes() == head.to_bytes(), "{kind}");
        let scores = read.predict(&asked).unwrap();
        let right = scores.iter().zip(dataset.targets()).filter(|(scores, target)| scores.best() == **target).count();
        assert!(right > 80, "{kind}: {right}");
        assert!(read.unknown().is_some() && scores.iter().filter(|scores| scores.unknown).count() < 15, "{kind}");
    }
}

#[test]
fn an_earlier_map_of_noise_leaves_the_head_that_the_last_map_alone_gives() {
    let dataset = samples(90, 0.6, 0.0);
    let alone = head_data::dataset(dataset.last_map().to_owned(), &targets(&dataset));
    let mut other = dataset.features().clone();
    other.slice_mut(s![.., LAST..]).fill(1e6);
    // A perceptron is as wide as it has channels, so that noise may serve it.
    for kind in HeadKind::ALL.into_iter().filter(|kind| *kind != HeadKind::Mlp) {
        let head = fit(&dataset, &only(kind)).unwrap();
        let report = earlier(&head);
        assert!(!report.used && report.gain.is_some() && report.reason.is_none(), "{kind}: {report:?}");
        assert!(!head.report().candidates[0].earlier_maps && head.report().candidates[1].earlier_maps);
        let expected = fit(&alone, &only(kind)).unwrap();
        let (got, want) = (Features(dataset.features().clone()), Features(alone.features().clone()));
        let gaps = head.logits(&got).unwrap() - expected.logits(&want).unwrap();
        assert!(gaps.iter().all(|gap| gap.abs() < 1e-3), "{kind}");
        assert_eq!(head.predict(&got).unwrap(), head.predict(&Features(other.clone())).unwrap(), "{kind}");
        let read = HeadArtifact::from_bytes(&head.to_bytes()).unwrap();
        assert_eq!((read.head().dim(), read.channels().all), (LAST, LAST + EARLIER));
        assert!(read.predict(&want).unwrap_err().to_string().contains("expected features of 64 channels, got 40"));
    }
}

fn targets(dataset: &Dataset) -> Vec<usize> {
    dataset.targets().iter().map(|target| target.0).collect()
}

#[test]
fn a_head_of_one_map_says_nothing_of_maps() {
    let dataset = head_data::clusters(3, 12, 6);
    let bytes = fit(&dataset, &FitOptions::default()).unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("channels") && !text.contains("earlier_maps"));
}

#[test]
fn auto_chooses_among_heads_first_and_then_whether_to_learn_from_the_earlier_map() {
    let head = fit(&samples(120, 0.3, 0.5), &FitOptions::default()).unwrap();
    let kinds: Vec<(HeadKind, bool)> =
        head.report().candidates.iter().map(|candidate| (candidate.head, candidate.earlier_maps)).collect();
    assert_eq!(kinds[0], (head.report().head, true), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|(_, earlier)| *earlier).count(), 1);
    assert!(kinds.contains(&(head.report().head, false)));
    let asked = FitOptions { earlier_maps: Some(false), ..FitOptions::default() };
    let alone = fit(&samples(120, 0.3, 0.5), &asked).unwrap();
    assert_eq!((alone.head().dim(), earlier(&alone).reason.as_deref()), (LAST, Some("not asked for")));
}

#[test]
fn numbers_and_names_learn_from_earlier_maps_too() {
    let dataset = samples(90, 0.0, 0.6);
    for (task, names) in [(Task::Regression, ["1", "4", "9"]), (Task::Multilabel, ["a", "b", "a+b"])] {
        let labels = names.map(|name| edgetl::labels::Label::new(name).unwrap()).to_vec();
        let labels = edgetl::labels::Labels::new(labels).unwrap();
        let dataset = dataset.clone().with_classes(dataset.targets().to_vec(), labels).unwrap();
        let head = fit(&dataset, &FitOptions { task, ..FitOptions::default() }).unwrap();
        assert!(earlier(&head).used, "{task}: {:?}", earlier(&head));
        assert!(HeadArtifact::from_bytes(&head.to_bytes()).unwrap().to_bytes() == head.to_bytes());
    }
}

#[test]
fn frames_of_one_burst_count_once_where_maps_are_compared() {
    // Ninety pictures of six scenes are six, and too few to compare by.
    let dataset = samples(90, 0.3, 0.6);
    let groups = |count: i64| (0..90).map(|row| GroupId(row % count)).collect();
    let few = fit(&dataset.clone().with_groups(groups(6)).unwrap(), &only(HeadKind::Ridge)).unwrap();
    assert!(!earlier(&few).used && earlier(&few).reason.is_some_and(|reason| reason.starts_with("6 groups")));
    let many = fit(&dataset.with_groups(groups(90)).unwrap(), &only(HeadKind::Ridge)).unwrap();
    assert!(earlier(&many).used);
}

#[test]
fn what_does_not_fit_into_memory_with_earlier_maps_is_not_compared_and_that_is_said() {
    let dataset = samples(3000, 0.3, 0.6);
    let fitted = |memory| fit(&dataset, &FitOptions { memory: Some(memory), ..only(HeadKind::Lda) });
    let Err(edgetl::head::FitError::Memory { needed, .. }) = fitted(1) else { panic!("one byte is too little") };
    let Err(edgetl::head::FitError::Memory { needed, .. }) = fitted(needed) else { panic!("the features alone fit") };
    let report = earlier(&fitted(needed).unwrap());
    assert!(!report.used && report.gain.is_none());
    assert!(report.reason.is_some_and(|reason| reason.contains("of memory, with")));
    assert!(earlier(&fitted(10 * needed).unwrap()).used);
}

#[test]
fn near_twins_and_held_out_answers_follow() {
    let dataset = samples(90, 0.05, 0.6);
    let mut others = dataset.features().slice(s![..4, ..]).to_owned();
    // Twins by the last map, whatever the earlier one says.
    others.slice_mut(s![.., LAST..]).fill(-7.0);
    assert_eq!(near_twins_of(dataset.clone(), others.view()), [true; 4]);
    let answers = cross_validate(&dataset, HeadKind::Ridge, &FitOptions::default()).unwrap();
    let alone = FitOptions { earlier_maps: Some(false), ..FitOptions::default() };
    let alone = cross_validate(&dataset, HeadKind::Ridge, &alone).unwrap();
    assert!(accuracy(answers.probabilities.view(), &answers.truth) > alone.accuracy() + 0.2);
}
