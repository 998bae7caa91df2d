use proptest::prelude::*;

use super::*;

#[test]
fn what_was_inserted_comes_back_as_a_dataset_in_the_order_of_ids_with_sorted_labels() {
    let Fixture { mut store, .. } = fixture();
    let batch = [
        sample("1", "bee", &[1.0, 2.0]),
        sample("2", "ant", &[3.0, 4.0]),
        unlabelled("3"),
        sample("4", "bee", &[5.0, -0.5]),
    ];
    let inserted = store.insert(&batch).unwrap();
    let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
    assert_eq!(dataset.features(), &ndarray::array![[1.0, 2.0], [3.0, 4.0], [5.0, -0.5]]);
    assert_eq!(dataset.ids(), [inserted[0].id, inserted[1].id, inserted[3].id]);
    assert_eq!(dataset.labels().as_slice(), [label("ant"), label("bee")]);
    assert_eq!(dataset.targets(), [ClassIndex(1), ClassIndex(0), ClassIndex(1)]);
    assert_eq!(dataset.fingerprint(), fingerprint("b"));
}

#[test]
fn samples_of_one_group_key_share_a_group_and_the_others_have_their_own() {
    let Fixture { mut store, .. } = fixture();
    let grouped = |name: &str, group: &str| NewSample { group: Some(group.into()), ..sample(name, "a", &[1.0]) };
    store
        .insert(&[grouped("1", "x"), sample("2", "a", &[1.0]), grouped("3", "y"), grouped("4", "x"), grouped("5", "y")])
        .unwrap();
    let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
    assert_eq!(dataset.groups(), [1, 2, 3, 1, 3].map(GroupId));
}

#[test]
fn a_selection_names_the_split_and_the_labels() {
    let Fixture { mut store, .. } = fixture();
    let test = NewSample { split: Split::Test, ..sample("3", "ant", &[3.0]) };
    store.insert(&[sample("1", "ant", &[1.0]), sample("2", "bee", &[2.0]), test]).unwrap();
    let values = |split, labels: Option<Vec<Label>>| {
        let dataset = store.dataset(&fingerprint("b"), &Selection { split, labels }).unwrap();
        dataset.features().iter().copied().collect::<Vec<_>>()
    };
    assert_eq!(values(Some(Split::Train), None), [1.0, 2.0]);
    assert_eq!(values(None, None), [1.0, 2.0, 3.0]);
    assert_eq!(values(Some(Split::Test), None), [3.0]);
    assert_eq!(values(None, Some(vec![label("ant")])), [1.0, 3.0]);
    assert_eq!(values(None, Some(vec![label("wasp")])), [] as [f32; 0]);
}

#[test]
fn some_of_the_labelled_training_samples_are_always_the_same_also_when_others_came() {
    let Fixture { mut store, .. } = fixture();
    let test = NewSample { split: Split::Test, ..sample("test", "ant", &[3.0]) };
    let batch: Vec<_> = (0..20).map(|number| sample(&number.to_string(), "ant", &[number as f32])).collect();
    store.insert(&[&batch[..], &[test, unlabelled("none")]].concat()).unwrap();
    let some =
        |store: &Store, most, newest| store.some_of_dataset(&fingerprint("b"), most, newest).unwrap().ids().to_vec();
    let first = some(&store, 6, None);
    assert!(first.len() == 6 && first.is_sorted() && first != [1, 2, 3, 4, 5, 6].map(SampleId), "{first:?}");
    let newest = *first.last().unwrap();
    let more: Vec<_> = (20..60).map(|number| sample(&number.to_string(), "ant", &[number as f32])).collect();
    store.insert(&more).unwrap();
    assert_eq!(some(&store, 6, Some(newest)), first);
    assert_eq!(some(&store, 100, None).len(), 60);
    assert_eq!(some(&store, 100, Some(SampleId(7))).len(), 7);
}

#[test]
fn an_empty_store_gives_an_empty_dataset_and_a_foreign_fingerprint_is_an_error_that_names_what_is_there() {
    let Fixture { mut store, .. } = fixture();
    assert!(store.dataset(&fingerprint("b"), &Selection::default()).unwrap().is_empty());
    store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    match store.dataset(&fingerprint("c"), &Selection::default()).unwrap_err() {
        StoreError::OtherBackbones { available, .. } => assert_eq!(available, [fingerprint("b")]),
        error => panic!("{error}"),
    }
}

#[test]
fn an_image_is_stored_once_and_keeps_its_label() {
    let Fixture { mut store, .. } = fixture();
    let first = store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    assert_eq!(first[0].outcome, Outcome::Stored);
    let again = store.insert(&[sample("1", "ant", &[1.0]), sample("1", "bee", &[9.0])]).unwrap();
    let duplicate = |conflict| Inserted { id: first[0].id, outcome: Outcome::Duplicate, conflict };
    assert_eq!(again, [duplicate(None), duplicate(Some(label("ant")))]);
    let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
    assert_eq!(dataset.features(), &ndarray::array![[1.0]]);
    assert_eq!(dataset.labels().as_slice(), [label("ant")]);
}

#[test]
fn an_image_without_a_label_takes_the_first_that_is_offered() {
    let Fixture { mut store, .. } = fixture();
    store.insert(&[unlabelled("1")]).unwrap();
    let offered = NewSample { features: None, ..sample("1", "ant", &[]) };
    assert_eq!(store.insert(&[offered]).unwrap()[0].conflict, None);
    assert_eq!(store.samples(&Filter::default()).unwrap()[0].label, Some(label("ant")));
    store.insert(&[unlabelled("1")]).unwrap();
    assert_eq!(store.samples(&Filter::default()).unwrap()[0].label, Some(label("ant")));
}

#[test]
fn what_is_known_of_an_image_depends_on_the_backbone() {
    let Fixture { mut store, .. } = fixture();
    let hash = ContentHash::of(b"1");
    assert_eq!(store.known(&hash, &fingerprint("b"), 1).unwrap(), Known::New);
    let id = store.insert(&[sample("1", "ant", &[1.0])]).unwrap()[0].id;
    let stored = StoredLabel { id, label: Some(label("ant")), split: Split::Train };
    assert_eq!(store.known(&hash, &fingerprint("b"), 1).unwrap(), Known::Complete(stored.clone()));
    assert_eq!(store.known(&hash, &fingerprint("c"), 1).unwrap(), Known::WithoutFeatures(stored.clone()));
    assert!(store.add_features(id, &vector("c", &[1.0, 2.0, 3.0])).unwrap());
    assert!(!store.add_features(id, &vector("c", &[4.0, 5.0, 6.0])).unwrap());
    assert_eq!(store.known(&hash, &fingerprint("c"), 1).unwrap(), Known::Complete(stored));
    let dataset = store.dataset(&fingerprint("c"), &Selection::default()).unwrap();
    assert_eq!(dataset.features(), &ndarray::array![[1.0, 2.0, 3.0]]);
}

#[test]
fn features_of_several_backbones_are_counted_side_by_side() {
    let Fixture { mut store, .. } = fixture();
    let other = NewSample { features: Some(vector("c", &[1.0, 2.0])), ..sample("1", "ant", &[]) };
    let inserted = store.insert(&[sample("1", "ant", &[1.0]), sample("2", "ant", &[1.0]), other]).unwrap();
    assert_eq!(inserted[2].outcome, Outcome::FeaturesAdded);
    let count = |name, dim, samples| FeatureCount { fingerprint: fingerprint(name), dim, samples };
    assert_eq!(store.fingerprints().unwrap(), [count("b", 1, 2), count("c", 2, 1)]);
}

#[test]
fn a_batch_with_a_vector_that_cannot_be_stored_is_refused_whole() {
    let Fixture { mut store, .. } = fixture();
    store.insert(&[sample("1", "ant", &[1.0, 2.0])]).unwrap();
    let mut message = |values: &[f32]| {
        let batch = [sample("2", "ant", &[1.0, 2.0]), sample("3", "ant", values)];
        store.insert(&batch).unwrap_err().to_string()
    };
    assert_eq!(message(&[1.0, f32::NAN]), "expected finite features, got NaN in channel 1");
    assert_eq!(message(&[f32::INFINITY, 1.0]), "expected finite features, got inf in channel 0");
    assert!(message(&[1.0]).starts_with("expected 2 values in a feature vector of backbone"));
    assert!(message(&[]).starts_with("expected a feature vector of at least one value"));
    assert_eq!(store.samples(&Filter::default()).unwrap().len(), 1);
    assert!(matches!(store.add_features(SampleId(99), &vector("b", &[1.0])), Err(StoreError::UnknownSample(_))));
}

#[test]
fn vectors_that_somebody_changed_to_nonsense_are_refused_when_they_are_read() {
    let mut bench = fixture();
    bench.store.insert(&[sample("1", "ant", &[1.0, 2.0])]).unwrap();
    let load = |bench: &Fixture| bench.store.dataset(&fingerprint("b"), &Selection::default());
    let change = |bench: &Fixture, sql: &str| {
        bench.store.connection.execute(sql, []).unwrap();
        bench.recompute_checksums();
    };
    change(&bench, "UPDATE features SET vector = x'0000c07f0000803f'");
    assert!(matches!(load(&bench), Err(StoreError::Dataset(_))));
    change(&bench, "UPDATE features SET vector = x'0000803f00'");
    let error = load(&bench).unwrap_err();
    assert_eq!(error.to_string(), "expected 8 bytes in the feature vector of sample 1, got 5");
    change(&bench, "UPDATE samples SET label = char(10)");
    assert!(matches!(load(&bench), Err(StoreError::VectorBytes { .. })));
    change(&bench, "UPDATE features SET vector = zeroblob(8)");
    assert!(matches!(load(&bench), Err(StoreError::StoredLabel { .. })));
}

proptest! {
    #[test]
    fn every_finite_vector_comes_back_bit_by_bit(
        values in proptest::collection::vec(proptest::collection::vec(proptest::num::f32::ANY, 5), 1..20),
    ) {
        let finite: Vec<Vec<f32>> =
            values.into_iter().filter(|vector| vector.iter().all(|value| value.is_finite())).collect();
        let Fixture { mut store, folder: _folder } = fixture();
        let samples: Vec<NewSample> =
            finite.iter().enumerate().map(|(index, vector)| sample(&index.to_string(), "ant", vector)).collect();
        store.insert(&samples).unwrap();
        let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
        let bits = |values: &mut dyn Iterator<Item = &f32>| values.map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&mut dataset.features().iter()), bits(&mut finite.iter().flatten()));
    }
}

#[test]
fn only_images_with_features_and_a_thumbnail_are_complete_and_the_rest_can_be_completed() {
    let Fixture { mut store, .. } = fixture();
    let small = |name: &str, image: &[u8]| NewSample { thumbnail: Some(image.to_vec()), ..sample(name, "ant", &[1.0]) };
    let inserted = store.insert(&[sample("1", "ant", &[1.0]), small("2", b"two")]).unwrap();
    let complete = |store: &Store| store.complete(&fingerprint("b"), 0).unwrap();
    assert_eq!(complete(&store), [ContentHash::of(b"2")].into());
    let again = store.insert(&[small("1", b"one"), small("2", b"another")]).unwrap();
    assert_eq!(again.iter().map(|again| again.outcome).collect::<Vec<_>>(), [Outcome::Duplicate; 2]);
    assert_eq!(complete(&store).len(), 2);
    let images: Vec<_> = inserted.iter().map(|sample| store.thumbnail(sample.id).unwrap().unwrap()).collect();
    assert_eq!(images, [b"one".to_vec(), b"two".to_vec()]);
}
