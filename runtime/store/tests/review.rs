use std::time::Duration;

use proptest::prelude::*;

use super::*;

const PLENTY: ReviewBounds =
    ReviewBounds { most: 100, age: Duration::from_secs(1_000_000), bytes: 1 << 20, reserve: 0 };

fn picture(name: &str, usefulness: f64, at: u64) -> NewReview {
    NewReview {
        picture: name.as_bytes().to_vec(),
        features: vector("b", &[at as f32, 1.0]),
        at,
        camera: "gate".to_owned(),
        group: "gate 1".to_owned(),
        answer: "{}".to_owned(),
        why: Worth::Unsure,
        usefulness,
    }
}

fn names(store: &Store) -> Vec<String> {
    let ids = store.reviews().unwrap().into_iter().map(|row| row.id);
    ids.map(|id| String::from_utf8(store.review(id).unwrap().unwrap().1).unwrap()).collect()
}

#[test]
fn what_is_kept_is_read_as_it_was_the_most_useful_first() {
    let mut bench = fixture();
    let new = NewReview { why: Worth::Far, ..picture("two", 0.5, 2000) };
    bench.store.keep_for_review(&picture("one", 0.2, 1000), &PLENTY).unwrap();
    let Kept::Kept(id) = bench.store.keep_for_review(&new, &PLENTY).unwrap() else { panic!("there is room") };
    bench.store.keep_for_review(&picture("three", 0.9, 3000), &PLENTY).unwrap();
    drop(bench.store);
    let store = Store::open(&bench.folder.path().join("samples.db")).unwrap();
    assert_eq!(names(&store), ["three", "two", "one"]);
    let (row, bytes) = store.review(id).unwrap().unwrap();
    assert_eq!((row.hash, row.features, row.why), (ContentHash::of(&bytes), new.features, Worth::Far));
    assert_eq!((row.at, row.bytes, row.usefulness, row.camera.as_str()), (2000, 3, 0.5, "gate"));
    assert_eq!(store.review(ReviewId(99)).unwrap(), None);
    assert_eq!(store.review_features(&fingerprint("b")).unwrap().len(), 3);
    assert!(store.review_features(&fingerprint("other")).unwrap().is_empty());
}

#[test]
fn over_a_bound_what_is_too_old_goes_first_then_the_least_useful() {
    let mut bench = fixture();
    let bounds = ReviewBounds { most: 2, age: Duration::from_secs(10), ..PLENTY };
    let mut keep = |name: &str, usefulness, at| {
        let kept = bench.store.keep_for_review(&picture(name, usefulness, at), &bounds).unwrap();
        (kept, names(&bench.store))
    };
    keep("old", 0.9, 1000);
    keep("dull", 0.1, 5000);
    assert_eq!(keep("good", 0.5, 6000).1, ["old", "good"]);
    assert_eq!(keep("duller", 0.05, 7000).0, Kept::Useless);
    assert_eq!(keep("new", 0.3, 12_000).1, ["good", "new"]);
    let small = ReviewBounds { bytes: 10, ..PLENTY };
    assert_eq!(bench.store.keep_for_review(&picture("longer than ten", 1.0, 12_000), &small).unwrap(), Kept::Useless);
    assert_eq!(names(&bench.store), ["good", "new"], "what cannot be kept pushes nothing out");
}

#[test]
fn what_is_known_was_dismissed_or_removed_is_not_kept_again() {
    let mut bench = fixture();
    let mut samples = vec![sample("stored", "ant", &[1.0, 2.0]), sample("removed", "ant", &[1.0, 2.0])];
    bench.store.insert(&std::mem::take(&mut samples)).unwrap();
    bench.store.remove(&Filter::ids(vec![SampleId(2)])).unwrap();
    let keep = |store: &mut Store, name: &str| store.keep_for_review(&picture(name, 0.5, 1), &PLENTY).unwrap();
    let Kept::Kept(waits) = keep(&mut bench.store, "waits") else { panic!("it is new") };
    let Kept::Kept(dismissed) = keep(&mut bench.store, "dismissed") else { panic!("it is new") };
    assert_eq!(bench.store.dismiss(&[dismissed, ReviewId(77)]).unwrap(), 1);
    for name in ["stored", "removed", "waits", "dismissed"] {
        assert_eq!(keep(&mut bench.store, name), Kept::Known, "{name}");
    }
    assert_eq!(bench.store.review_features(&fingerprint("b")).unwrap().len(), 2, "of the dismissed one too");
    bench.store.finish_review(waits).unwrap();
    assert!(bench.store.reviews().unwrap().is_empty());
}

#[test]
fn a_dismissed_picture_stands_in_no_file_any_more() {
    let mut bench = fixture();
    let secret = NewReview { picture: vec![0xa7; 40_000], ..picture("", 0.5, 1) };
    let Kept::Kept(id) = bench.store.keep_for_review(&secret, &PLENTY).unwrap() else { panic!("it is new") };
    let kept = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).filter(|byte| *byte == 0xa7).count()
    };
    assert!(kept(bench.folder.path()) >= 40_000);
    bench.store.dismiss(&[id]).unwrap();
    assert!(kept(bench.folder.path()) < 100);
}

#[test]
fn below_the_reserve_of_the_disk_nothing_is_kept() {
    let mut bench = fixture();
    let bounds = ReviewBounds { reserve: u64::MAX, ..PLENTY };
    assert_eq!(bench.store.keep_for_review(&picture("one", 1.0, 1), &bounds).unwrap(), Kept::NoRoom);
    assert!(bench.store.reviews().unwrap().is_empty());
}

#[test]
fn a_damaged_picture_is_an_error_that_names_it() {
    let mut bench = fixture();
    for (name, sql) in
        [("picture", "UPDATE review SET picture = x'00'"), ("vector", "UPDATE review SET vector = zeroblob(8)")]
    {
        let Kept::Kept(id) = bench.store.keep_for_review(&picture(name, 0.5, 1), &PLENTY).unwrap() else {
            panic!("new")
        };
        bench.store.connection.execute(sql, []).unwrap();
        let error = bench.store.review(id).unwrap_err();
        assert!(matches!(error, StoreError::DamagedReview { id: named } if named == id), "{error}");
        bench.store.finish_review(id).unwrap();
    }
}

#[test]
fn others_see_by_a_number_that_somebody_wrote() {
    let mut bench = fixture();
    let other = Store::open(&bench.path()).unwrap();
    let before = other.data_version().unwrap();
    assert_eq!(other.data_version().unwrap(), before);
    bench.store.keep_for_review(&picture("one", 1.0, 1), &PLENTY).unwrap();
    assert_ne!(other.data_version().unwrap(), before);
}

#[test]
fn the_latest_samples_are_read_by_themselves() {
    let mut bench = fixture();
    let samples: Vec<_> = (0..40).map(|index| sample(&index.to_string(), "ant", &[index as f32, 1.0])).collect();
    bench.store.insert(&samples).unwrap();
    assert_eq!(bench.store.last_id().unwrap(), SampleId(40));
    let latest = bench.store.features_since(&fingerprint("b"), SampleId(30), 3).unwrap();
    assert_eq!(latest, [[39.0, 1.0], [38.0, 1.0], [37.0, 1.0]]);
}

#[derive(Clone, Debug)]
enum Step {
    Keep { usefulness: f64, bytes: usize, wait: u64 },
    Dismiss(usize),
    Finish(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0.0..1.0, 1..400usize, 0..4000u64).prop_map(|(usefulness, bytes, wait)| Step::Keep { usefulness, bytes, wait }),
        1 => (0..9usize).prop_map(Step::Dismiss),
        1 => (0..9usize).prop_map(Step::Finish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn after_any_steps_the_queue_is_within_its_bounds_and_holds_the_most_useful(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = fixture();
        let bounds = ReviewBounds { most: 7, age: Duration::from_secs(30), bytes: 1000, reserve: 0 };
        let mut now = 100_000;
        for (number, step) in steps.into_iter().enumerate() {
            let before = bench.store.reviews().unwrap();
            match step {
                Step::Keep { usefulness, bytes, wait } => {
                    now += wait;
                    let mut bytes = vec![0; bytes.max(8)];
                    bytes[..8].copy_from_slice(&number.to_le_bytes());
                    let new = NewReview { picture: bytes, ..picture("", usefulness, now) };
                    let kept = bench.store.keep_for_review(&new, &bounds).unwrap();
                    let after = bench.store.reviews().unwrap();
                    let is_kept = matches!(kept, Kept::Kept(_));
                    prop_assert_eq!(after.iter().any(|row| row.at == now && row.usefulness == usefulness), is_kept);
                    let gone = before.iter().filter(|row| !after.iter().any(|left| left.id == row.id));
                    for gone in gone.filter(|row| now - row.at <= 30_000) {
                        prop_assert!(after.iter().all(|left| left.usefulness >= gone.usefulness));
                    }
                    prop_assert!(after.iter().all(|row| now - row.at <= 30_000));
                }
                Step::Dismiss(place) => {
                    let ids: Vec<ReviewId> = before.get(place).map(|row| row.id).into_iter().collect();
                    prop_assert_eq!(bench.store.dismiss(&ids).unwrap(), ids.len());
                }
                Step::Finish(place) => {
                    before.get(place).map_or(Ok(()), |row| bench.store.finish_review(row.id)).unwrap();
                }
            }
            let rows = bench.store.reviews().unwrap();
            prop_assert!(rows.len() <= 7 && rows.iter().map(|row| row.bytes).sum::<u64>() <= 1000);
        }
        bench.store.check_integrity().unwrap();
    }
}

#[test]
fn a_picture_that_gets_a_label_waits_no_longer_and_forgetting_reaches_what_waits_and_what_was_dismissed() {
    let mut bench = fixture();
    let kept = |store: &mut Store, name: &str| {
        let Kept::Kept(id) = store.keep_for_review(&picture(name, 1.0, 1), &PLENTY).unwrap() else { panic!() };
        (id, ContentHash::of(&picture(name, 1.0, 1).picture))
    };
    let (_, one) = kept(&mut bench.store, "one");
    let (two, _) = kept(&mut bench.store, "two");
    let (three, _) = kept(&mut bench.store, "three");
    let sample = NewSample { hash: one, ..sample("one", "ant", &[1.0, 1.0]) };
    bench.store.insert(&[sample]).unwrap();
    assert_eq!(bench.store.review_ids().unwrap(), [two, three], "it has a label now");

    let (four, hash) = kept(&mut bench.store, "four");
    bench.store.insert(&[NewSample { hash, label: None, ..super::sample("four", "ant", &[1.0, 1.0]) }]).unwrap();
    assert_eq!(
        bench.store.review_ids().unwrap(),
        [two, three, four],
        "stored by somebody else, and nobody said what it is"
    );
    bench.store.dismiss(&[two]).unwrap();
    bench.store.forget(&Filter::default()).unwrap();
    assert_eq!(bench.store.review_ids().unwrap(), [], "all is forgotten");
    assert!(bench.store.review_features(&fingerprint("b")).unwrap().is_empty());
}

#[test]
fn one_damaged_row_keeps_nobody_from_the_others_and_can_be_dismissed() {
    let mut bench = fixture();
    for (name, at) in [("one", 1), ("two", 2)] {
        bench.store.keep_for_review(&picture(name, 1.0, at), &PLENTY).unwrap();
    }
    let ids = bench.store.review_ids().unwrap();
    bench
        .sql()
        .execute(
            "UPDATE review SET content_hash = replace(printf('%064d', 0), '0', 'x'), vector = zeroblob(3) WHERE id = ?",
            [ids[0].0],
        )
        .unwrap();
    assert_eq!(bench.store.reviews().unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(bench.store.review_features(&fingerprint("b")).unwrap().len(), 1);
    assert_eq!(bench.store.dismiss(&ids[..1]).unwrap(), 1);
    assert_eq!(bench.store.review_ids().unwrap(), ids[1..]);
}
