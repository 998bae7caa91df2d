use std::path::PathBuf;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::dataset::{GroupId, SampleId};
use crate::digest::{ContentHash, Digest, Fingerprint};
use crate::labels::{ClassIndex, Label};

/// A store in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("samples.db")).unwrap();
    Bench { folder, store }
}

impl Bench {
    fn path(&self) -> PathBuf {
        self.folder.path().join("samples.db")
    }

    /// Another connection, with SQLite's own settings.
    fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn fingerprint(name: &str) -> Fingerprint {
    Fingerprint(Digest::of(name.as_bytes()))
}

fn vector(backbone: &str, values: &[f32]) -> FeatureVector {
    FeatureVector { fingerprint: fingerprint(backbone), values: values.to_vec() }
}

/// A labelled training picture whose bytes are `name`, with features of backbone "b".
fn sample(name: &str, class: &str, values: &[f32]) -> NewSample {
    NewSample {
        hash: ContentHash::of(name.as_bytes()),
        label: Some(label(class)),
        split: Split::Train,
        group: None,
        source: format!("photos/{class}/{name}"),
        added_at: 1_700_000_000,
        width: 500,
        height: 375,
        thumbnail: None,
        features: Some(vector("b", values)),
    }
}

fn unlabelled(name: &str) -> NewSample {
    NewSample { label: None, features: None, ..sample(name, "x", &[]) }
}

#[test]
fn what_was_inserted_comes_back_as_a_dataset_in_the_order_of_ids_with_sorted_labels() {
    let Bench { mut store, .. } = bench();
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
    let Bench { mut store, .. } = bench();
    let grouped = |name: &str, group: &str| NewSample { group: Some(group.into()), ..sample(name, "a", &[1.0]) };
    store
        .insert(&[grouped("1", "x"), sample("2", "a", &[1.0]), grouped("3", "y"), grouped("4", "x"), grouped("5", "y")])
        .unwrap();
    let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
    assert_eq!(dataset.groups(), [1, 2, 3, 1, 3].map(GroupId));
}

#[test]
fn a_selection_names_the_split_and_the_labels() {
    let Bench { mut store, .. } = bench();
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
fn an_empty_store_gives_an_empty_dataset_and_a_foreign_fingerprint_is_an_error_that_names_what_is_there() {
    let Bench { mut store, .. } = bench();
    assert!(store.dataset(&fingerprint("b"), &Selection::default()).unwrap().is_empty());
    store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    match store.dataset(&fingerprint("c"), &Selection::default()).unwrap_err() {
        StoreError::OtherBackbones { available, .. } => assert_eq!(available, [fingerprint("b")]),
        error => panic!("{error}"),
    }
}

#[test]
fn an_image_is_stored_once_and_keeps_its_label() {
    let Bench { mut store, .. } = bench();
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
    let Bench { mut store, .. } = bench();
    store.insert(&[unlabelled("1")]).unwrap();
    let offered = NewSample { features: None, ..sample("1", "ant", &[]) };
    assert_eq!(store.insert(&[offered]).unwrap()[0].conflict, None);
    assert_eq!(store.samples(&Filter::default()).unwrap()[0].label, Some(label("ant")));
    store.insert(&[unlabelled("1")]).unwrap();
    assert_eq!(store.samples(&Filter::default()).unwrap()[0].label, Some(label("ant")));
}

#[test]
fn what_is_known_of_an_image_depends_on_the_backbone() {
    let Bench { mut store, .. } = bench();
    let hash = ContentHash::of(b"1");
    assert_eq!(store.known(&hash, &fingerprint("b")).unwrap(), Known::New);
    let id = store.insert(&[sample("1", "ant", &[1.0])]).unwrap()[0].id;
    let stored = StoredLabel { id, label: Some(label("ant")) };
    assert_eq!(store.known(&hash, &fingerprint("b")).unwrap(), Known::Complete(stored.clone()));
    assert_eq!(store.known(&hash, &fingerprint("c")).unwrap(), Known::WithoutFeatures(stored.clone()));
    assert!(store.add_features(id, &vector("c", &[1.0, 2.0, 3.0])).unwrap());
    assert!(!store.add_features(id, &vector("c", &[4.0, 5.0, 6.0])).unwrap());
    assert_eq!(store.known(&hash, &fingerprint("c")).unwrap(), Known::Complete(stored));
    let dataset = store.dataset(&fingerprint("c"), &Selection::default()).unwrap();
    assert_eq!(dataset.features(), &ndarray::array![[1.0, 2.0, 3.0]]);
}

#[test]
fn features_of_several_backbones_are_counted_side_by_side() {
    let Bench { mut store, .. } = bench();
    let other = NewSample { features: Some(vector("c", &[1.0, 2.0])), ..sample("1", "ant", &[]) };
    let inserted = store.insert(&[sample("1", "ant", &[1.0]), sample("2", "ant", &[1.0]), other]).unwrap();
    assert_eq!(inserted[2].outcome, Outcome::FeaturesAdded);
    let count = |name, dim, samples| FeatureCount { fingerprint: fingerprint(name), dim, samples };
    assert_eq!(store.fingerprints().unwrap(), [count("b", 1, 2), count("c", 2, 1)]);
}

#[test]
fn a_batch_with_a_vector_that_cannot_be_stored_is_refused_whole() {
    let Bench { mut store, .. } = bench();
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
    let mut bench = bench();
    bench.store.insert(&[sample("1", "ant", &[1.0, 2.0])]).unwrap();
    let load = |bench: &Bench| bench.store.dataset(&fingerprint("b"), &Selection::default());
    bench.sql().execute("UPDATE features SET vector = x'0000c07f0000803f'", []).unwrap();
    assert!(matches!(load(&bench), Err(StoreError::Dataset(_))));
    bench.sql().execute("UPDATE features SET vector = x'0000803f00'", []).unwrap();
    let error = load(&bench).unwrap_err();
    assert_eq!(error.to_string(), "expected 8 bytes in the feature vector of sample 1, got 5");
    bench.sql().execute("UPDATE samples SET label = char(10)", []).unwrap();
    assert!(matches!(load(&bench), Err(StoreError::VectorBytes { .. })));
    bench.sql().execute("UPDATE features SET vector = zeroblob(8)", []).unwrap();
    assert!(matches!(load(&bench), Err(StoreError::StoredLabel { .. })));
}

#[test]
fn the_files_are_as_documented() {
    let mut bench = bench();
    let grouped =
        NewSample { group: Some("burst".into()), thumbnail: Some(vec![7]), ..sample("abc", "ant", &[1.0, -2.0]) };
    bench.store.insert(&[grouped]).unwrap();
    bench.store.set_setting("backbone", "mobilenet").unwrap();
    let sql = bench.sql();
    let text = |query: &str| sql.query_one(query, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(
        text(
            "SELECT concat_ws('|', id, content_hash, label, split, group_key, source, added_at, width, height) FROM samples"
        ),
        "1|ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad|ant|train|burst|photos/ant/abc|1700000000|500|375"
    );
    assert_eq!(text("SELECT hex(vector) FROM features"), "0000803F000000C0");
    assert_eq!(text("SELECT fingerprint || dim FROM backbones"), format!("{}2", fingerprint("b")));
    assert_eq!(text("SELECT hex(image) FROM thumbnails"), "07");
    assert_eq!(text("SELECT key || value FROM settings"), "backbonemobilenet");
    assert_eq!(text("SELECT journal_mode FROM pragma_journal_mode"), "wal");
    let number = |name: &str| sql.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("user_version"), 1);
    assert_eq!(number("application_id"), 0x6564_746c);
    assert_eq!(number("page_size"), 16384);
}

#[test]
fn commits_wait_for_the_disk() {
    let bench = bench();
    let pragma =
        |name: &str| bench.store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    const FULL: i64 = 2;
    assert_eq!(pragma("synchronous"), FULL);
    assert_eq!(pragma("foreign_keys"), 1);
    assert_eq!(pragma("secure_delete"), 1);
}

#[test]
fn a_filter_names_samples_by_every_condition_at_once() {
    let Bench { mut store, .. } = bench();
    let test = NewSample { split: Split::Test, group: Some("g".into()), ..sample("3", "ant", &[1.0]) };
    store.insert(&[sample("1", "ant", &[1.0]), sample("2", "bee", &[1.0]), test, unlabelled("4")]).unwrap();
    let ids = |filter: &Filter| store.samples(filter).unwrap().iter().map(|row| row.id.0).collect::<Vec<_>>();
    let ants = || Filter::label(label("ant"));
    let from = |source: &str| Filter { source: Some(source.into()), ..Filter::default() };
    assert_eq!(ids(&Filter::default()), [1, 2, 3, 4]);
    assert_eq!(ids(&ants()), [1, 3]);
    assert_eq!(ids(&Filter { split: Some(Split::Test), ..ants() }), [3]);
    assert_eq!(ids(&Filter { label: LabelFilter::Unlabelled, ..Filter::default() }), [4]);
    assert_eq!(ids(&Filter::ids(vec![SampleId(4), SampleId(2), SampleId(77)])), [2, 4]);
    assert_eq!(ids(&Filter::ids(vec![])), [] as [i64; 0]);
    assert_eq!(ids(&Filter { group: Some("g".into()), ..Filter::default() }), [3]);
    assert_eq!(ids(&from("photos/ant")), [1, 3]);
    assert_eq!(ids(&from("photos/ant/")), [1, 3]);
    assert_eq!(ids(&from("photos/ant/3")), [3]);
    assert_eq!(ids(&from("photos/an")), [] as [i64; 0]);
    assert_eq!(ids(&Filter { label: LabelFilter::OneOf(vec![label("it's"), label("bee")]), ..Filter::default() }), [2]);
}

#[test]
fn a_listed_sample_is_as_it_was_inserted() {
    let Bench { mut store, .. } = bench();
    let new = NewSample { group: Some("g".into()), thumbnail: Some(vec![1, 2]), ..sample("1", "ant", &[1.0]) };
    let id = store.insert(std::slice::from_ref(&new)).unwrap()[0].id;
    let row = store.samples(&Filter::default()).unwrap().remove(0);
    let expected = SampleRow {
        id,
        hash: new.hash,
        label: new.label,
        split: new.split,
        group: new.group,
        source: new.source,
        added_at: new.added_at,
        width: new.width,
        height: new.height,
    };
    assert_eq!(row, expected);
    assert_eq!(store.thumbnail(id).unwrap(), Some(vec![1, 2]));
    assert_eq!(store.thumbnail(SampleId(2)).unwrap(), None);
}

#[test]
fn classes_are_relabelled_renamed_and_merged() {
    let Bench { mut store, .. } = bench();
    store.insert(&[sample("1", "ant", &[1.0]), sample("2", "bee", &[1.0]), sample("3", "bee", &[1.0])]).unwrap();
    let counts = |store: &Store| {
        let counts = store.counts_by_label(&Filter::default()).unwrap();
        counts
            .into_iter()
            .map(|(label, count)| (label.map(String::from).unwrap_or_default(), count))
            .collect::<Vec<_>>()
    };
    let named =
        |pairs: &[(&str, usize)]| pairs.iter().map(|&(name, count)| (name.to_owned(), count)).collect::<Vec<_>>();
    assert_eq!(store.relabel(&Filter::ids(vec![SampleId(2)]), Some(&label("wasp"))).unwrap(), 1);
    assert_eq!(counts(&store), named(&[("ant", 1), ("bee", 1), ("wasp", 1)]));
    assert_eq!(store.rename_label(&label("wasp"), &label("bee")).unwrap(), 1);
    assert_eq!(counts(&store), named(&[("ant", 1), ("bee", 2)]));
    assert_eq!(store.rename_label(&label("nothing"), &label("bee")).unwrap(), 0);
    assert_eq!(store.relabel(&Filter::label(label("bee")), None).unwrap(), 2);
    assert_eq!(counts(&store), named(&[("", 2), ("ant", 1)]));
    assert_eq!(store.relabel(&Filter { label: LabelFilter::Unlabelled, ..Filter::default() }, None).unwrap(), 0);
}

#[test]
fn a_removed_sample_is_as_if_never_seen_and_its_id_is_not_given_again() {
    let Bench { mut store, folder: _folder } = bench();
    store.insert(&[sample("1", "ant", &[1.0]), sample("2", "bee", &[1.0])]).unwrap();
    let removal = store.remove(&Filter::label(label("bee"))).unwrap();
    assert_eq!(removal, Removal { samples: 1, log_emptied: true });
    assert_eq!(store.known(&ContentHash::of(b"2"), &fingerprint("b")).unwrap(), Known::New);
    assert_eq!(store.fingerprints().unwrap()[0].samples, 1);
    assert_eq!(store.dataset(&fingerprint("b"), &Selection::default()).unwrap().len(), 1);
    let inserted = store.insert(&[sample("2", "bee", &[1.0])]).unwrap();
    assert_eq!((inserted[0].id, inserted[0].outcome), (SampleId(3), Outcome::Stored));
    store.check_integrity().unwrap();
}

#[test]
fn removal_while_somebody_reads_says_that_the_log_could_not_be_emptied() {
    let mut bench = bench();
    bench.store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    bench.store.connection.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
    let reader = bench.sql();
    reader.execute_batch("BEGIN; SELECT * FROM features").unwrap();
    assert_eq!(bench.store.remove(&Filter::default()).unwrap(), Removal { samples: 1, log_emptied: false });
    reader.execute_batch("COMMIT").unwrap();
    assert!(bench.store.erase_log().unwrap());
}

/// Every file of the store, one after another.
fn all_bytes(bench: &Bench) -> Vec<u8> {
    let entries = std::fs::read_dir(bench.folder.path()).unwrap();
    entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// Values that occur nowhere else: `dim` floats of which every one names sample and channel.
fn marked(sample: usize, dim: usize) -> Vec<f32> {
    (0..dim).map(|channel| f32::from_bits(0x4500_0000 + (sample as u32) * 4096 + channel as u32)).collect()
}

/// The samples of which any float, label or source still stands in `bytes`.
fn traces(bytes: &[u8]) -> std::collections::BTreeSet<usize> {
    let mut found = std::collections::BTreeSet::new();
    for window in bytes.windows(8) {
        let (first, second) = window.split_at(4);
        let [first, second] = [first, second].map(|half| u32::from_le_bytes(half.try_into().unwrap()));
        if first >> 20 == 0x450 && second == first + 1 {
            found.insert(((first - 0x4500_0000) / 4096) as usize);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn removed_features_stand_in_no_file_any_more(
        dim in prop_oneof![Just(3usize), Just(64), Just(700), Just(1280), Just(4000)],
        keep in proptest::collection::vec(any::<bool>(), 1..60),
        batch in 1usize..20,
    ) {
        let mut bench = bench();
        let names: Vec<String> = (0..keep.len()).map(|index| index.to_string()).collect();
        let samples: Vec<NewSample> =
            names.iter().enumerate().map(|(index, name)| sample(name, "ant", &marked(index, dim))).collect();
        samples.chunks(batch).for_each(|chunk| drop(bench.store.insert(chunk).unwrap()));
        prop_assert_eq!(traces(&all_bytes(&bench)).len(), keep.len());
        let kept = |wanted: bool| (0..keep.len()).filter(|&index| keep[index] == wanted).collect::<Vec<_>>();
        for chunk in kept(false).chunks(batch) {
            let ids = chunk.iter().map(|&index| SampleId(index as i64 + 1)).collect();
            prop_assert!(bench.store.remove(&Filter::ids(ids)).unwrap().log_emptied);
        }
        let bytes = all_bytes(&bench);
        prop_assert_eq!(traces(&bytes).into_iter().collect::<Vec<_>>(), kept(true));
        for index in kept(false) {
            let hash = ContentHash::of(names[index].as_bytes()).to_string();
            prop_assert!(!bytes.windows(64).any(|window| window == hash.as_bytes()));
        }
        bench.store.check_integrity().unwrap();
    }

    #[test]
    fn every_finite_vector_comes_back_bit_by_bit(
        values in proptest::collection::vec(proptest::collection::vec(proptest::num::f32::ANY, 5), 1..20),
    ) {
        let finite: Vec<Vec<f32>> =
            values.into_iter().filter(|vector| vector.iter().all(|value| value.is_finite())).collect();
        let Bench { mut store, folder: _folder } = bench();
        let samples: Vec<NewSample> =
            finite.iter().enumerate().map(|(index, vector)| sample(&index.to_string(), "ant", vector)).collect();
        store.insert(&samples).unwrap();
        let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
        let bits = |values: &mut dyn Iterator<Item = &f32>| values.map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&mut dataset.features().iter()), bits(&mut finite.iter().flatten()));
    }
}

#[test]
fn settings_are_remembered_and_replaced() {
    let bench = bench();
    let mut store = bench.store;
    assert_eq!(store.setting("backbone").unwrap(), None);
    store.set_setting("backbone", "one").unwrap();
    store.set_setting("backbone", "two").unwrap();
    drop(store);
    let store = Store::open_existing(&bench.folder.path().join("samples.db")).unwrap();
    assert_eq!(store.setting("backbone").unwrap().as_deref(), Some("two"));
}

#[test]
fn a_newer_schema_is_refused_and_the_file_is_left_alone() {
    let bench = bench();
    bench.sql().pragma_update(None, "user_version", 99).unwrap();
    let path = bench.path();
    drop(bench.store);
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { supported: 1, found: 99, .. }));
    assert!(error.to_string().ends_with("got 99: a newer edgetl wrote it"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE contacts (name)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign { .. })));
    Connection::open(&path).unwrap().execute_batch("DROP TABLE contacts; PRAGMA application_id = 7").unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign { .. })));
    assert_eq!(before.len() % 4096, 0);
}

#[test]
fn a_store_whose_creation_was_cut_short_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    std::fs::write(&path, b"").unwrap();
    Store::open(&path).unwrap().check_integrity().unwrap();
    let path = folder.path().join("wal.db");
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
    Store::open(&path).unwrap().check_integrity().unwrap();
}

#[test]
fn each_kind_of_wrong_file_has_its_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text"), "this is no database ".repeat(100)).unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    assert!(matches!(Store::open(&path("text")), Err(StoreError::NotADatabase { .. })));
    assert!(matches!(Store::open(&path("folder")), Err(StoreError::Unreachable { .. })));
    assert!(matches!(Store::open(&path("missing/samples.db")), Err(StoreError::Unreachable { .. })));
    assert!(matches!(Store::open(&path("text/samples.db")), Err(StoreError::Unreachable { .. })));
    assert!(matches!(Store::open_existing(&path("missing.db")), Err(StoreError::Missing { .. })));
    assert!(!path("missing.db").exists());
    assert!(Store::open(&path("text")).unwrap_err().to_string().contains("/text`, got another kind of file"));
}

#[test]
fn a_damaged_file_is_an_error_wherever_the_damage_lies() {
    let bench = bench();
    let mut store = bench.store;
    let samples: Vec<_> = (0..40).map(|index| sample(&index.to_string(), "ant", &marked(index, 700))).collect();
    store.insert(&samples).unwrap();
    drop(store);
    let path = bench.folder.path().join("samples.db");
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() / 16384;
    assert!(pages > 8);
    for page in 0..pages {
        let mut damaged = whole.clone();
        damaged[page * 16384..][..16384].iter_mut().for_each(|byte| *byte = !*byte);
        std::fs::write(&path, &damaged).unwrap();
        let checked = Store::open(&path).and_then(|store| store.check_integrity());
        assert!(checked.is_err(), "page {page}");
        if let Ok(store) = Store::open(&path) {
            // May find nothing wrong in the pages that it reads; must not panic.
            drop(store.dataset(&fingerprint("b"), &Selection::default()));
        }
    }
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(Store::open(&path).and_then(|store| store.dataset(&fingerprint("b"), &Selection::default())).is_err());
}

#[test]
fn migrations_run_in_order_and_keep_what_is_stored() {
    let bench = bench();
    let mut store = bench.store;
    store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    drop(store);
    let path = bench.folder.path().join("samples.db");
    let second = "ALTER TABLE samples ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";
    let third = "UPDATE samples SET note = note || '!'";
    let connection = open::open(&path, &[open::MIGRATIONS[0], second, third]).unwrap();
    let note: String = connection.query_one("SELECT note FROM samples", [], |row| row.get(0)).unwrap();
    assert_eq!(note, "none!");
    drop(connection);
    assert!(matches!(open::open(&path, &[open::MIGRATIONS[0]]), Err(StoreError::Newer { found: 3, .. })));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let bench = bench();
    let path = bench.path();
    drop(bench.store);
    let second = "ALTER TABLE samples ADD COLUMN note TEXT";
    assert!(open::open(&path, &[open::MIGRATIONS[0], second, "UPDATE nothing SET x = 1"]).is_err());
    let store = Store::open(&path).unwrap();
    let columns: i64 = store
        .connection
        .query_one("SELECT count(*) FROM pragma_table_info('samples') WHERE name = 'note'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(columns, 0);
}

#[test]
fn a_full_disk_is_an_error_that_loses_nothing() {
    let Bench { mut store, folder: _folder } = bench();
    let mut stored = 0;
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection.pragma_update_and_check(None, "max_page_count", pages + 4, |_| Ok(())).unwrap();
    let error = loop {
        match store.insert(&[sample(&stored.to_string(), "ant", &marked(stored, 700))]) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(stored > 0);
    assert_eq!(store.dataset(&fingerprint("b"), &Selection::default()).unwrap().len(), stored);
    store.check_integrity().unwrap();
    store.connection.pragma_update_and_check(None, "max_page_count", 1000, |_| Ok(())).unwrap();
    store.insert(&[sample("more", "ant", &marked(999, 700))]).unwrap();
}
