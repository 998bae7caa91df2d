use super::*;

#[test]
fn the_files_are_as_documented() {
    let mut bench = fixture();
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
    assert_eq!(number("user_version"), 6);
    assert_eq!(number("application_id"), 0x6564_746c);
    assert_eq!(number("page_size"), 16384);
}

#[test]
fn commits_wait_for_the_disk() {
    let bench = fixture();
    let pragma =
        |name: &str| bench.store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    const FULL: i64 = 2;
    assert_eq!(pragma("synchronous"), FULL);
    assert_eq!(pragma("foreign_keys"), 1);
    assert_eq!(pragma("secure_delete"), 1);
}

#[test]
fn settings_are_remembered_and_replaced() {
    let bench = fixture();
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
    let bench = fixture();
    bench.sql().pragma_update(None, "user_version", 99).unwrap();
    let path = bench.path();
    drop(bench.store);
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { supported: 6, found: 99, .. }));
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
    let bench = fixture();
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
    let bench = fixture();
    let mut store = bench.store;
    store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    drop(store);
    let path = bench.folder.path().join("samples.db");
    let add = "ALTER TABLE samples ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";
    let change = "UPDATE samples SET note = note || '!'";
    let connection = open::open(&path, &[open::MIGRATIONS, &[add, change]].concat()).unwrap();
    let note: String = connection.query_one("SELECT note FROM samples", [], |row| row.get(0)).unwrap();
    assert_eq!(note, "none!");
    drop(connection);
    let newest = open::MIGRATIONS.len() as u32 + 2;
    assert!(matches!(open::open(&path, open::MIGRATIONS), Err(StoreError::Newer { found, .. }) if found == newest));
}

/// Written by version 1 of the schema with `sqlite3 samples.db .dump`, and never changed again.
#[test]
fn a_store_of_schema_version_1_opens_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let dump = include_str!("../../../tests/fixtures/store/v1.sql");
    Connection::open(&path).unwrap().execute_batch(dump).unwrap();
    let store = Store::open(&path).unwrap();
    let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
    assert_eq!(dataset.features(), &ndarray::array![[1.0, -2.5], [0.125, 3e38]]);
    store.check_rows().unwrap();
    assert_eq!(dataset.labels().as_slice(), [label("ant"), label("bee")]);
    assert_eq!(dataset.targets(), [ClassIndex(1), ClassIndex(0)]);
    assert_eq!(dataset.groups(), [GroupId(1), GroupId(1)]);
    let unlabelled = &store.samples(&Filter::ids(vec![SampleId(3)])).unwrap()[0];
    assert_eq!((unlabelled.label.as_ref(), unlabelled.split, unlabelled.added_at), (None, Split::Test, 1_700_000_000));
    assert_eq!(store.thumbnail(SampleId(1)).unwrap(), Some(b"thumbnail".to_vec()));
    assert_eq!(store.setting("backbone").unwrap().as_deref(), Some("mobilenet"));
    assert_eq!(store.training_set(&fingerprint("b")).unwrap().len(), 2, "no views yet");
    store.check_integrity().unwrap();
    drop(store);
    assert!(matches!(open::open(&path, &open::MIGRATIONS[..1]), Err(StoreError::Newer { supported: 1, found: 6, .. })));
}

/// Written by version 2 of the schema, dumped by Python's `sqlite3`, and never changed again.
const VERSION_2: &str = include_str!("../../../tests/fixtures/store/v2.sql");

#[test]
fn a_store_of_schema_version_2_opens_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    Connection::open(&path).unwrap().execute_batch(VERSION_2).unwrap();
    let store = Store::open(&path).unwrap();
    let dataset = store.training_set(&fingerprint("b")).unwrap();
    let rows = ndarray::array![[1.0, -2.5], [0.125, 3e38], [1.5, -2.0], [0.5, -3.0], [0.25, 2.0]];
    assert_eq!(dataset.features(), &rows);
    assert_eq!(dataset.labels().as_slice(), [label("ant"), label("bee")]);
    assert_eq!(dataset.targets(), [1, 0, 1, 1, 0].map(ClassIndex));
    let validation = Selection { split: Some(Split::Validation), labels: None };
    assert_eq!(store.dataset(&fingerprint("b"), &validation).unwrap().labels().as_slice(), [label("été")]);
    assert_eq!(store.fingerprints().unwrap().len(), 2);
    store.check_rows().unwrap();
    assert!(store.removed().unwrap().is_empty() && !store.forgettings().unwrap().is_unfinished());
    assert_eq!(store.thumbnail(SampleId(1)).unwrap(), Some(b"thumbnail".to_vec()));
    assert_eq!(store.setting("backbone").unwrap().as_deref(), Some("mobilenet"));
    store.check_integrity().unwrap();
}

/// Written by version 3 of the schema, dumped by Python's `sqlite3`, and never changed again.
#[test]
fn a_store_of_schema_version_3_opens_and_its_features_are_of_the_first_revision_of_decoding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let dump = include_str!("../../../tests/fixtures/store/v3.sql");
    Connection::open(&path).unwrap().execute_batch(dump).unwrap();
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.training_set(&fingerprint("b")).unwrap().len(), 5, "two pictures and three views");
    store.check_rows().unwrap();
    store.check_integrity().unwrap();
    let row = store.samples(&Filter::ids(vec![SampleId(1)])).unwrap().remove(0);
    let known = |store: &Store, revision| store.known(&row.hash, &fingerprint("b"), revision).unwrap();
    assert!(matches!(known(&store, 1), Known::Complete(_)) && matches!(known(&store, 2), Known::WithoutFeatures(_)));
    let before = store.outdated(&fingerprint("b"), 2).unwrap();
    let newer = FeatureVector { fingerprint: fingerprint("b"), revision: 2, values: vec![4.0, 5.0] };
    assert!(store.add_features(SampleId(1), &newer).unwrap());
    assert_eq!(store.outdated(&fingerprint("b"), 2).unwrap(), before - 1);
    let older = FeatureVector { revision: 1, values: vec![0.0, 0.0], ..newer };
    assert!(!store.add_features(SampleId(1), &older).unwrap(), "an older decoding replaces nothing");
    assert_eq!(store.dataset(&fingerprint("b"), &Selection::default()).unwrap().features().row(0).to_vec(), [4.0, 5.0]);
    assert!(matches!(known(&store, 2), Known::Complete(_)) && store.complete(&fingerprint("b"), 2).unwrap().len() == 1);
    store.check_rows().unwrap();
}

/// Written by version 5 of the schema, dumped by Python's `sqlite3`, and never changed again.
#[test]
fn a_store_of_schema_version_5_opens_with_what_can_be_taken_back_and_nothing_to_review() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let dump = include_str!("../../../tests/fixtures/store/v5.sql");
    Connection::open(&path).unwrap().execute_batch(dump).unwrap();
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.training_set(&fingerprint("b")).unwrap().len(), 5, "two pictures and three views");
    assert_eq!(store.outdated(&fingerprint("b"), 2).unwrap(), 3);
    store.check_rows().unwrap();
    store.check_integrity().unwrap();
    assert!(store.reviews().unwrap().is_empty());
    let sources: Vec<String> = store.samples(&Filter::default()).unwrap().into_iter().map(|row| row.source).collect();
    assert_eq!(sources, ["photos/bee/1", "photos/ant/2", "photos/x/3", "photos/été/4"]);
    assert_eq!(store.changes().unwrap().len(), 2);
    let undone = store.undo().unwrap().unwrap();
    assert_eq!((undone.relabelled, undone.restored), (1, 1));
}

#[test]
fn the_sums_that_version_2_kept_stand_in_no_file_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let older = Connection::open(&path).unwrap();
    older.execute_batch(VERSION_2).unwrap();
    // In a page of its own and in one that it shares with others.
    for (backbone, length) in [(1, 70_000), (2, 300)] {
        let sums = vec![0xa7u8; length];
        older.execute("INSERT OR REPLACE INTO statistics VALUES (?, ?)", rusqlite::params![backbone, sums]).unwrap();
    }
    drop(older);
    let kept = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let bytes: Vec<u8> = entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        bytes.windows(16).filter(|window| **window == [0xa7; 16]).count()
    };
    assert!(kept() > 70_000);
    let store = Store::open(&path).unwrap();
    assert_eq!(kept(), 0);
    store.check_integrity().unwrap();
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let bench = fixture();
    let path = bench.path();
    drop(bench.store);
    let add = "ALTER TABLE samples ADD COLUMN note TEXT";
    assert!(open::open(&path, &[open::MIGRATIONS, &[add, "UPDATE nothing SET x = 1"]].concat()).is_err());
    let store = Store::open(&path).unwrap();
    let columns: i64 = store
        .connection
        .query_one("SELECT count(*) FROM pragma_table_info('samples') WHERE name = 'note'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(columns, 0);
}

#[test]
fn a_full_disk_is_an_error_that_loses_nothing() {
    let Fixture { mut store, folder: _folder } = fixture();
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
