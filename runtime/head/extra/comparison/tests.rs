use std::cell::RefCell;

use ndarray::Array2;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::*;
use crate::dataset::{DatasetParts, GroupId};
use crate::digest::{Digest, Fingerprint};
use crate::head::fit::fit;
use crate::head::models::HeadKind;
use crate::head::options::HeadChoice;

/// A picture: where it lies, what it is called, its group.
struct Row {
    class: usize,
    label: &'static str,
    group: i64,
}

const NAMES: [&str; 3] = ["ant", "bee", "cat"];

/// `count` pictures of each of the first `classes`, each a group of its own, numbered from `first`.
fn rows(classes: usize, count: usize, first: i64) -> Vec<Row> {
    let row = |place: usize| Row { class: place % classes, label: NAMES[place % classes], group: first + place as i64 };
    (0..classes * count).map(row).collect()
}

/// Clusters `noise` wide around corners.
fn dataset(rows: &[Row], noise: f32, seed: u64) -> Dataset {
    dataset_of(8, rows, noise, seed)
}

fn dataset_of(channels: usize, rows: &[Row], noise: f32, seed: u64) -> Dataset {
    let labels: Vec<Label> = rows.iter().map(|row| Label::new(row.label).unwrap()).collect();
    let known = Labels::distinct(&labels);
    let mut random = Pcg64::seed_from_u64(seed);
    let features = Array2::from_shape_fn((rows.len(), channels), |(row, channel)| {
        let corner = if rows[row].class == channel { 1.0 } else { 0.0 };
        corner + noise * (random.random::<f32>() + random.random::<f32>() + random.random::<f32>() - 1.5)
    });
    Dataset::new(DatasetParts {
        fingerprint: Fingerprint(Digest::of(b"backbone")),
        features,
        targets: labels.iter().map(|label| known.index_of(label).unwrap()).collect(),
        groups: rows.iter().map(|row| GroupId(row.group)).collect(),
        ids: (0..rows.len() as i64).map(SampleId).collect(),
        labels: known,
    })
    .unwrap()
}

fn options() -> FitOptions {
    FitOptions { head: HeadChoice::Only(HeadKind::Ridge), ..FitOptions::default() }
}

/// The samples from `old` on are fresh.
fn compared(dataset: &Dataset, old: usize, options: &FitOptions) -> Compared {
    let fresh = (old..dataset.len()).map(|row| SampleId(row as i64)).collect();
    let recipe = |dataset: &Dataset| fit(dataset, options);
    compare(dataset, &fresh, Recipes { options, old: &recipe, new: &recipe }, &|| false).unwrap()
}

#[test]
fn more_good_pictures_are_better() {
    let all: Vec<Row> = rows(3, 4, 0).into_iter().chain(rows(3, 40, 100)).collect();
    let compared = compared(&dataset(&all, 1.0, 1), 12, &options());
    assert_eq!(compared.verdict, Verdict::Better, "{compared:?}");
    let all = compared.all.unwrap();
    assert_eq!((all.pictures, all.groups, compared.measure), (132, 132, Measure::Accuracy));
    assert!(all.new > all.old && all.interval.0 < all.gain && all.gain < all.interval.1);
}

#[test]
fn wrong_labels_among_new_pictures_are_worse() {
    let mut fresh = rows(3, 20, 100);
    for row in fresh.iter_mut().filter(|row| row.group % 5 < 2) {
        row.label = NAMES[(row.class + 1) % 3];
    }
    let all: Vec<Row> = rows(3, 20, 0).into_iter().chain(fresh).collect();
    let compared = compared(&dataset(&all, 0.9, 2), 60, &options());
    assert_eq!(compared.verdict, Verdict::Worse, "{compared:?}");
}

#[test]
fn pictures_of_one_class_that_are_all_called_another_are_worse_though_they_agree_with_themselves() {
    let fresh = rows(3, 20, 100).into_iter().map(|row| Row { label: NAMES[(row.class + 1) % 3], ..row });
    let all: Vec<Row> = rows(3, 20, 0).into_iter().chain(fresh).collect();
    let compared = compared(&dataset(&all, 0.6, 3), 60, &options());
    assert_eq!(compared.verdict, Verdict::Worse, "{compared:?}");
    assert!(compared.known.unwrap().gain < 0.0);
}

#[test]
fn a_new_class_is_judged_on_the_others_and_its_own_pictures_are_counted() {
    let bees_and_ants = rows(2, 15, 0);
    let cats = (0..10).map(|place| Row { class: 2, label: "cat", group: 100 + place });
    let all: Vec<Row> = bees_and_ants.into_iter().chain(cats).collect();
    let compared = compared(&dataset(&all, 0.3, 4), 30, &options());
    assert_eq!(compared.verdict, Verdict::AsGood, "{compared:?}");
    assert_eq!(compared.all.unwrap().pictures, 30);
    let [NewClass { label, found }] = compared.new_classes.as_slice() else { panic!("{compared:?}") };
    assert_eq!((label.as_str(), found.count, found.of), ("cat", 10, 10));
}

#[test]
fn with_three_pictures_a_class_one_mistake_more_or_less_is_within_the_error() {
    let mut all = rows(2, 3, 0);
    all.extend(rows(2, 1, 100));
    for seed in 0..10 {
        let compared = compared(&dataset(&all, 0.7, seed), 6, &options());
        // So many pictures that one of the two gets right and the other does not.
        let differ = |compared: OldAgainstNew| (compared.gain * compared.pictures as f64).abs().round();
        let many = differ(compared.all.unwrap()) > 1.0 || differ(compared.known.unwrap()) > 1.0;
        assert!(many || compared.verdict == Verdict::AsGood, "{seed}: {compared:?}");
    }
}

#[test]
fn numbers_are_compared_by_the_root_of_their_mean_square() {
    let labels = ["1", "2", "3"];
    let mut all: Vec<Row> = rows(3, 3, 0).into_iter().chain(rows(3, 30, 100)).collect();
    all.iter_mut().for_each(|row| row.label = labels[row.class]);
    let options = FitOptions { task: Task::Regression, ..options() };
    let compared = compared(&dataset(&all, 0.8, 5), 9, &options);
    let all = compared.all.unwrap();
    assert_eq!((compared.measure, compared.verdict), (Measure::RootMeanSquare, Verdict::Better));
    assert!((all.old - all.new - all.gain).abs() < 1e-4 && all.new < 1.0, "{all:?}");
}

#[test]
fn names_are_compared_by_those_that_both_know() {
    let labels = ["red", "red+big", "big"];
    let mut all: Vec<Row> = rows(3, 8, 0).into_iter().chain(rows(3, 8, 100)).collect();
    all.iter_mut().for_each(|row| row.label = labels[row.class]);
    all[30].label = "red+odd";
    all[33].label = "odd+red";
    let options = FitOptions { task: Task::Multilabel, head: HeadChoice::Only(HeadKind::Softmax), ..options() };
    let compared = compared(&dataset(&all, 0.2, 6), 24, &options);
    assert_eq!((compared.measure, compared.verdict), (Measure::WrongNames, Verdict::AsGood), "{compared:?}");
    assert_eq!(compared.new_classes[0].label.as_str(), "odd");
}

#[test]
fn what_is_held_out_trains_neither_side_nor_do_its_group_and_its_near_twins() {
    let mut all: Vec<Row> = rows(2, 12, 0).into_iter().chain(rows(2, 6, 100)).collect();
    // A burst of old and new pictures.
    (20..28).for_each(|row| all[row].group = 77);
    let plain = dataset_of(96, &all, 0.6, 7);
    let mut features = plain.features().clone();
    // A near-twin among the new pictures of an old one.
    let twin = features.row(0).mapv(|value| value * 1.0001);
    features.row_mut(30).assign(&twin);
    let (targets, groups, ids) = (plain.targets().to_vec(), plain.groups().to_vec(), plain.ids().to_vec());
    let (labels, fingerprint) = (plain.labels().clone(), plain.fingerprint());
    let dataset = Dataset::new(DatasetParts { fingerprint, features, targets, groups, ids, labels }).unwrap();

    let seen = RefCell::new([Vec::new(), Vec::new()]);
    let options = options();
    let recorded = |side: usize| {
        let (seen, options) = (&seen, &options);
        move |dataset: &Dataset| {
            seen.borrow_mut()[side].push(dataset.ids().iter().map(|id| id.0).collect::<HashSet<i64>>());
            fit(dataset, options)
        }
    };
    let fresh: HashSet<SampleId> = (24..36).map(SampleId).collect();
    let recipes = Recipes { options: &options, old: &recorded(0), new: &recorded(1) };
    compare(&dataset, &fresh, recipes, &|| false).unwrap();
    let [old, new] = seen.into_inner();
    assert_eq!((old.len(), new.len()), (5, 5));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(*old, new.iter().copied().filter(|id| *id < 24).collect());
        assert_eq!(new.contains(&0), new.contains(&30), "the near-twin");
        let burst = (20..28).filter(|id| new.contains(id)).count();
        assert!(burst == 0 || burst == 8, "{burst} of a burst");
    }
    assert!(new.iter().any(|new| !new.contains(&0)) && new.iter().any(|new| !new.contains(&20)));
}

#[test]
fn a_comparison_that_is_stopped_says_so_and_one_of_too_little_compares_nothing() {
    let recipe = |dataset: &Dataset| fit(dataset, &options());
    let options = options();
    let recipes = Recipes { options: &options, old: &recipe, new: &recipe };
    let stopped = compare(&dataset(&rows(2, 4, 0), 0.3, 8), &HashSet::new(), recipes, &|| true);
    assert!(matches!(stopped, Err(CompareError::Stopped)));
    let compared = compared(&dataset(&rows(2, 1, 0), 0.3, 9), 2, &options);
    assert_eq!((compared.verdict, compared.all), (Verdict::NotCompared, None));
}

#[test]
fn an_old_recipe_that_cannot_be_fitted_while_the_new_one_can_is_told_from_too_little() {
    let cats = (0..6).map(|place| Row { class: 2, label: "cat", group: 100 + place });
    let all: Vec<Row> = rows(1, 6, 0).into_iter().chain(cats).collect();
    let one_class = compared(&dataset(&all, 0.3, 10), 6, &options());
    assert_eq!((one_class.verdict, one_class.all, one_class.old_unfit), (Verdict::NotCompared, None, true));
    let nothing_old = compared(&dataset(&all, 0.3, 10), 0, &options());
    assert_eq!((nothing_old.all, nothing_old.old_unfit), (None, true));
    assert!(!compared(&dataset(&rows(2, 1, 0), 0.3, 9), 2, &options()).old_unfit);
    assert!(!compared(&dataset(&rows(2, 6, 0), 0.3, 9), 8, &options()).old_unfit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn without_new_pictures_the_old_recipe_answers_exactly_as_the_new_one(
        classes in 2usize..4, count in 2usize..7, noise in 0.1f32..1.5, seed: u64, balance: bool,
    ) {
        let dataset = dataset(&rows(classes, count, 0), noise, seed);
        let compared = compared(&dataset, dataset.len(), &FitOptions { balance, seed, ..options() });
        prop_assert_eq!(compared.verdict, Verdict::AsGood);
        let all = compared.all.unwrap();
        prop_assert_eq!((all.gain, all.error, all.old), (0.0, 0.0, all.new));
        prop_assert_eq!(compared.known, compared.all);
    }
}
