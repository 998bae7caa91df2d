use super::*;

fn views(values: &[&[f32]]) -> Vec<FeatureVector> {
    values.iter().map(|values| vector("b", values)).collect()
}

/// Two samples; the first has two views.
fn with_views() -> (Fixture, Vec<SampleId>) {
    let mut bench = fixture();
    let inserted = bench.store.insert(&[sample("1", "ant", &[1.0, 2.0]), sample("2", "bee", &[3.0, 4.0])]).unwrap();
    let ids: Vec<SampleId> = inserted.iter().map(|inserted| inserted.id).collect();
    bench.store.add_views(&[(ids[0], views(&[&[1.5, 2.5], &[0.5, 1.5]]))]).unwrap();
    (bench, ids)
}

#[test]
fn views_train_in_the_group_of_their_sample_and_are_no_samples() {
    let (bench, ids) = with_views();
    let dataset = bench.store.training_set(&fingerprint("b")).unwrap();
    assert_eq!(dataset.features(), &ndarray::array![[1.0, 2.0], [3.0, 4.0], [1.5, 2.5], [0.5, 1.5]]);
    assert_eq!(dataset.ids(), [ids[0], ids[1], ids[0], ids[0]]);
    assert_eq!(dataset.groups(), [ids[0], ids[1], ids[0], ids[0]].map(|id| GroupId(id.0)));
    assert_eq!([0, 1, 2, 3].map(|row| dataset.trains_only(row)), [false, false, true, true]);
    assert_eq!(bench.store.dataset(&fingerprint("b"), &Selection::default()).unwrap().len(), 2);
    assert_eq!(bench.store.samples(&Filter::default()).unwrap().len(), 2);
    assert_eq!(bench.store.view_count(&fingerprint("b")).unwrap(), 2);
}

#[test]
fn views_follow_the_label_of_their_sample_and_go_with_it() {
    let (mut bench, ids) = with_views();
    bench.store.relabel(&Filter::ids(vec![ids[0]]), Some(&label("wasp"))).unwrap();
    let dataset = bench.store.training_set(&fingerprint("b")).unwrap();
    assert_eq!(dataset.labels().get(dataset.targets()[3]), Some(&label("wasp")));
    bench.store.remove(&Filter::ids(vec![ids[0]])).unwrap();
    assert_eq!(bench.store.training_set(&fingerprint("b")).unwrap().len(), 1);
    assert_eq!(bench.store.view_count(&fingerprint("b")).unwrap(), 0);
    bench.store.check_integrity().unwrap();
}

#[test]
fn only_labelled_training_samples_lack_views_until_they_have_enough() {
    let (mut bench, ids) = with_views();
    let test = NewSample { split: Split::Test, ..sample("3", "ant", &[1.0, 1.0]) };
    let unlabelled = NewSample { label: None, ..sample("4", "x", &[1.0, 1.0]) };
    bench.store.insert(&[test, unlabelled]).unwrap();
    let lacking = |store: &Store, count| {
        store.without_views(&fingerprint("b"), count).unwrap().iter().map(|sample| sample.id).collect::<Vec<_>>()
    };
    assert_eq!(lacking(&bench.store, 2), [ids[1]]);
    assert_eq!(lacking(&bench.store, 3), ids);
    bench.store.add_views(&[(ids[0], views(&[&[9.0, 9.0], &[9.0, 9.0], &[7.0, 7.0]]))]).unwrap();
    assert_eq!(lacking(&bench.store, 3), [ids[1]]);
    let dataset = bench.store.training_set(&fingerprint("b")).unwrap();
    let stored = dataset.features().slice(ndarray::s![2.., ..]).to_owned();
    assert_eq!(stored, ndarray::array![[1.5, 2.5], [0.5, 1.5], [7.0, 7.0]], "views that are there stay");
    assert!(bench.store.add_views(&[(ids[1], views(&[&[f32::NAN, 0.0]]))]).is_err());
    bench.store.add_views(&[(SampleId(99), views(&[&[1.0, 1.0]]))]).unwrap();
}
