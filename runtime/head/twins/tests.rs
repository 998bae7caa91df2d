use super::*;
use crate::dataset::DatasetParts;
use crate::digest::{Digest, Fingerprint};
use ndarray::Array2;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const CHANNELS: usize = 96;

/// One entry a picture: its class, its scene, and how far it strays from that; scenes lie about 1 apart.
fn drawn(pictures: &[(usize, u64, f32)], seed: u64) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut features = Array2::zeros((pictures.len(), CHANNELS));
    for (mut row, &(_, scene, stray)) in features.rows_mut().into_iter().zip(pictures) {
        let mut of_scene = Pcg64::seed_from_u64(1000 + scene);
        row.mapv_inplace(|_: f32| of_scene.random_range(0f32..2.0) + stray * random.random_range(-1f32..1.0));
    }
    Dataset::new(DatasetParts {
        fingerprint: Fingerprint(Digest::of(b"")),
        features,
        targets: pictures.iter().map(|picture| ClassIndex(picture.0)).collect(),
        groups: (0..pictures.len() as i64).map(GroupId).collect(),
        ids: (0..pictures.len() as i64).map(SampleId).collect(),
        labels: Labels::new(["a", "b"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap(),
    })
    .unwrap()
}

/// `scenes` scenes of `frames` each, the class by turns.
fn bursts(scenes: u64, frames: usize, stray: f32) -> Vec<(usize, u64, f32)> {
    (0..scenes).flat_map(|scene| vec![(scene as usize % 2, scene, stray); frames]).collect()
}

fn together_of(dataset: &Dataset) -> (Vec<GroupId>, Twins) {
    let (dataset, twins) = together(Cow::Borrowed(dataset), true);
    (dataset.groups().to_vec(), twins)
}

#[test]
fn frames_of_a_burst_share_a_group_and_scenes_do_not() {
    let (groups, twins) = together_of(&drawn(&bursts(12, 7, 0.2), 1));
    assert_eq!((twins.pictures, twins.groups, twins.alike.len()), (84, 12, 0));
    (0..84).for_each(|row| assert_eq!(groups[row], GroupId(row as i64 / 7 * 7)));
}

#[test]
fn pictures_merely_of_one_kind_stay_apart_however_narrow_the_kind() {
    for stray in [1.0, 0.1, 0.001] {
        let narrow: Vec<_> = (0..300).map(|row| (row % 2, row as u64 % 2, stray)).collect();
        assert_eq!(together_of(&drawn(&narrow, 2)).1, Twins::default(), "{stray}");
    }
}

#[test]
fn a_burst_may_be_longer_than_the_neighbours_that_are_looked_at() {
    let mut pictures = bursts(2, 80, 0.2);
    pictures.extend((2..120).map(|scene| (scene as usize % 2, scene, 0.2)));
    let (groups, twins) = together_of(&drawn(&pictures, 3));
    assert_eq!((twins.pictures, twins.groups), (160, 2));
    assert!(groups[..80].iter().all(|group| *group == groups[0]) && groups[80] != groups[0]);
}

#[test]
fn most_of_a_class_being_one_burst_hides_it_not() {
    let mut pictures = vec![(0, 0, 0.2); 20];
    pictures.extend((1..6).map(|scene| (0, scene, 0.2)));
    pictures.extend((6..31).map(|scene| (1, scene, 0.2)));
    assert_eq!(together_of(&drawn(&pictures, 4)).1, Twins { pictures: 20, groups: 1, alike: Vec::new() });
}

#[test]
fn groups_that_came_with_the_pictures_are_only_widened() {
    let dataset = drawn(&bursts(6, 4, 0.2), 5);
    let given: Vec<GroupId> = (0..24).map(|row| GroupId(if row < 2 || row == 23 { 100 } else { row })).collect();
    let (groups, twins) = together_of(&dataset.with_groups(given).unwrap());
    assert_eq!((twins.pictures, twins.groups), (24, 5));
    assert!(groups[..4].iter().chain(&groups[20..]).all(|group| *group == groups[0]));
}

#[test]
fn a_class_that_is_one_burst_keeps_its_groups_and_is_named() {
    let mut pictures = vec![(0, 0, 0.2); 10];
    pictures.extend((1..31).map(|scene| (1, scene, 0.2)));
    let (groups, twins) = together_of(&drawn(&pictures, 6));
    assert_eq!(twins, Twins { pictures: 0, groups: 0, alike: vec![ClassIndex(0)] });
    assert_eq!(groups, (0..40).map(GroupId).collect::<Vec<_>>());
}

#[test]
fn a_chain_from_picture_to_picture_does_not_become_one_group() {
    let mut dataset = drawn(&[(0, 0, 0.0); 60], 7);
    let mut random = Pcg64::seed_from_u64(7);
    let mut features = dataset.features().clone();
    let step =
        |random: &mut Pcg64| ndarray::Array1::from_shape_simple_fn(CHANNELS, || random.random_range(-0.3f32..0.3));
    for row in 1..60 {
        let next = &features.row(row - 1) + &step(&mut random);
        features.row_mut(row).assign(&next);
    }
    dataset = Dataset::new(DatasetParts {
        fingerprint: dataset.fingerprint(),
        features,
        targets: (0..60).map(|row| ClassIndex(row % 2)).collect(),
        groups: dataset.groups().to_vec(),
        ids: dataset.ids().to_vec(),
        labels: dataset.labels().clone(),
    })
    .unwrap();
    let (groups, twins) = together_of(&dataset);
    let largest = groups.iter().map(|own| groups.iter().filter(|group| *group == own).count()).max();
    assert!(largest <= Some(30) && twins.alike.is_empty(), "{largest:?} {twins:?}");
}

#[test]
fn pictures_without_a_label_stand_with_their_near_twins_that_have_one() {
    let all = drawn(&bursts(10, 4, 0.2), 8);
    let (labelled, others): (Vec<usize>, Vec<usize>) = (0..40).partition(|row| row % 4 != 0);
    let unlabelled = Unlabelled {
        features: all.features().select(Axis(0), &others),
        ids: others.iter().map(|&row| SampleId(row as i64)).collect(),
        groups: others.iter().map(|&row| GroupId(row as i64)).collect(),
    };
    let (dataset, unlabelled) = together_with(&all.select(&labelled), &unlabelled);
    (0..10).for_each(|scene| assert_eq!(dataset.groups()[scene * 3 + 1], unlabelled.groups[scene]));
}

#[test]
fn new_pictures_are_told_from_near_twins_of_those_that_are_there() {
    let all = drawn(&bursts(20, 3, 0.2), 9);
    let stored: Vec<usize> = (0..60).filter(|row| row % 3 != 2 && *row < 45).collect();
    let asked: Vec<usize> = (0..60).filter(|row| row % 3 == 2).collect();
    let found = near_twins_of(all.select(&stored), all.features().select(Axis(0), &asked).view());
    assert_eq!(found, (0..20).map(|scene| scene < 15).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn groups_are_only_ever_joined_and_no_class_loses_its_last_two(
        pictures in proptest::collection::vec((0usize..2, 0u64..12), 2..60),
        given in proptest::collection::vec(0i64..40, 60),
        seed: u64,
    ) {
        let drawn_as: Vec<_> = pictures.iter().map(|&(class, scene)| (class, scene, 0.2)).collect();
        let before = given[..pictures.len()].iter().copied().map(GroupId).collect::<Vec<_>>();
        let dataset = drawn(&drawn_as, seed).with_groups(before.clone()).unwrap();
        let (after, _) = together_of(&dataset);
        for (a, b) in (0..before.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            prop_assert!(before[a] != before[b] || after[a] == after[b]);
        }
        for class in 0..2 {
            let count = |groups: &[GroupId]| {
                let own = (0..pictures.len()).filter(|&row| pictures[row].0 == class);
                own.map(|row| groups[row]).collect::<BTreeSet<_>>().len()
            };
            prop_assert!(count(&after) > 1 || count(&before) <= 1);
        }
    }
}
