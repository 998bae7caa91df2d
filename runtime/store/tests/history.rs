use proptest::prelude::*;

use super::*;

/// All that is stored, as SQL sees it.
fn contents(store: &Store) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["samples", "features", "thumbnails", "views", "removed"] {
        let columns = if table == "removed" { "content_hash" } else { "*" };
        let mut statement = store.connection.prepare(&format!("SELECT {columns} FROM {table}")).unwrap();
        let count = statement.column_count();
        let rows = statement.query_map([], |row| {
            Ok((0..count).map(|column| format!("{:?}", row.get_ref(column).unwrap())).collect::<Vec<_>>().join("|"))
        });
        found.extend(rows.unwrap().map(|row| format!("{table}: {}", row.unwrap())));
    }
    found.sort();
    found
}

fn three() -> Fixture {
    let mut bench = fixture();
    let thumbnail = Some(vec![1, 2, 3]);
    let samples = [
        sample("1", "ant", &[1.0]),
        NewSample { thumbnail, ..sample("2", "bee", &[2.0]) },
        NewSample { label: None, ..sample("3", "bee", &[3.0]) },
    ];
    bench.store.insert(&samples).unwrap();
    bench
}

#[test]
fn changes_are_taken_back_one_after_another_the_latest_first() {
    let mut bench = three();
    let store = &mut bench.store;
    let mut states = vec![contents(store)];
    store.relabel(&Filter::default(), Some(&label("wasp"))).unwrap();
    states.push(contents(store));
    store.remove(&Filter::ids(vec![SampleId(2)])).unwrap();
    states.push(contents(store));
    store.rename_label(&label("wasp"), &label("hornet")).unwrap();
    let kinds: Vec<(usize, usize)> =
        store.changes().unwrap().iter().map(|change| (change.relabelled.len(), change.removed.len())).collect();
    assert_eq!(kinds, [(1, 0), (0, 1), (3, 0)]);
    for before in states.iter().rev() {
        store.undo().unwrap().unwrap();
        assert_eq!(&contents(store), before);
        store.check_rows().unwrap();
    }
    assert_eq!(store.undo().unwrap(), None);
}

#[test]
fn what_changed_nothing_is_no_change() {
    let mut bench = three();
    bench.store.relabel(&Filter::ids(vec![SampleId(1)]), Some(&label("ant"))).unwrap();
    bench.store.remove(&Filter::label(label("wasp"))).unwrap();
    assert_eq!(bench.store.changes().unwrap(), []);
}

#[test]
fn a_picture_that_was_stored_anew_is_not_restored_over_it() {
    let mut bench = three();
    bench.store.remove(&Filter::ids(vec![SampleId(1), SampleId(2)])).unwrap();
    bench.store.insert(&[sample("1", "wasp", &[9.0])]).unwrap();
    let undone = bench.store.undo().unwrap().unwrap();
    assert_eq!((undone.restored, undone.stored_anew), (1, 1));
    assert_eq!(bench.store.samples(&Filter::label(label("wasp"))).unwrap().len(), 1);
    bench.store.check_integrity().unwrap();
}

#[test]
fn nothing_of_a_forgotten_sample_is_kept_to_take_back() {
    let mut bench = three();
    bench.store.relabel(&Filter::ids(vec![SampleId(1)]), Some(&label("wasp"))).unwrap();
    bench.store.remove(&Filter::ids(vec![SampleId(2)])).unwrap();
    bench.store.forget(&Filter::ids(vec![SampleId(1), SampleId(2)])).unwrap();
    assert_eq!(bench.store.changes().unwrap(), []);
    let left: i64 =
        bench.store.connection.query_one("SELECT count(*) FROM removed_features", [], |row| row.get(0)).unwrap();
    assert_eq!((left, bench.store.undo().unwrap()), (0, None));
}

#[test]
fn changes_are_let_go_of_after_thirty_days_and_when_asked() {
    let mut bench = three();
    bench.store.remove(&Filter::ids(vec![SampleId(2)])).unwrap();
    bench.store.connection.execute("UPDATE changes SET at = at - 30 * 86400", []).unwrap();
    assert_eq!(bench.store.purge_old().unwrap(), 1);
    bench.store.remove(&Filter::ids(vec![SampleId(1)])).unwrap();
    assert_eq!((bench.store.purge_old().unwrap(), bench.store.purge().unwrap()), (0, 1));
    assert_eq!(bench.store.undo().unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_sequence_of_changes_is_taken_back(steps in proptest::collection::vec((1i64..7, 0usize..4), 1..12)) {
        let mut bench = fixture();
        let samples: Vec<NewSample> = (1..7).map(|number| sample(&number.to_string(), "ant", &[number as f32])).collect();
        bench.store.insert(&samples).unwrap();
        let mut states = Vec::new();
        for (id, kind) in steps {
            let (before, filter) = (contents(&bench.store), Filter::ids(vec![SampleId(id)]));
            match kind {
                0 => drop(bench.store.remove(&filter).unwrap()),
                1 => drop(bench.store.relabel(&filter, None).unwrap()),
                2 => drop(bench.store.relabel(&filter, Some(&label("bee"))).unwrap()),
                _ => drop(bench.store.rename_label(&label("ant"), &label("bee")).unwrap()),
            }
            states.extend((contents(&bench.store) != before).then_some(before));
        }
        for before in states.into_iter().rev() {
            bench.store.undo().unwrap();
            prop_assert_eq!(contents(&bench.store), before);
        }
        prop_assert_eq!(bench.store.undo().unwrap(), None);
    }
}
