use proptest::prelude::*;

use super::*;

/// A labelled sample with two views and one without a label; both with vectors that occur nowhere else.
fn stored() -> Fixture {
    let mut bench = fixture();
    let first = NewSample { group: Some("burst".into()), ..sample("1", "ant", &marked(1, 40)) };
    let second = NewSample { label: None, ..sample("2", "x", &marked(2, 40)) };
    bench.store.insert(&[first, second]).unwrap();
    let views = [3, 4].map(|index| vector("b", &marked(index, 40))).to_vec();
    bench.store.add_views(&[(SampleId(1), views)]).unwrap();
    bench
}

/// What fitting reads.
fn learned(store: &Store) -> Result<(), StoreError> {
    store.training_set(&fingerprint("b"))?;
    store.unlabelled(&fingerprint("b")).map(drop)
}

fn damaged(result: Result<(), StoreError>) -> Vec<i64> {
    match result {
        Err(StoreError::DamagedRows { ids }) => ids.iter().map(|id| id.0).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_in_any_column_that_is_learned_from_is_an_error_that_names_the_sample() {
    for (change, id) in [
        ("samples SET label = 'bee' WHERE id = 1", 1),
        ("samples SET label = NULL WHERE id = 1", 1),
        ("samples SET label = 'ant' WHERE id = 2", 2),
        ("samples SET split = 'test' WHERE id = 1", 1),
        ("samples SET group_key = 'Burst' WHERE id = 1", 1),
        ("samples SET group_key = NULL WHERE id = 1", 1),
        ("samples SET group_key = 'burst' WHERE id = 2", 2),
        ("samples SET content_hash = replace(content_hash, '1', '2') WHERE id = 1", 1),
        ("samples SET checksum = checksum + 1 WHERE id = 2", 2),
        ("samples SET checksum = NULL WHERE id = 2", 2),
        ("features SET vector = zeroblob(160) WHERE sample_id = 1", 1),
        ("features SET vector = zeroblob(160) WHERE sample_id = 2", 2),
        ("features SET vector = substr(vector, 1, 156) WHERE sample_id = 1", 1),
        ("features SET checksum = 0 WHERE sample_id = 1", 1),
        ("views SET vector = zeroblob(160) WHERE number = 2", 1),
        ("views SET number = 7 WHERE number = 1", 1),
        ("views SET checksum = NULL WHERE number = 1", 1),
    ] {
        let bench = stored();
        learned(&bench.store).unwrap();
        bench.store.check_rows().unwrap();
        assert_eq!(bench.sql().execute(&format!("UPDATE {change}"), []).unwrap(), 1, "{change}");
        assert_eq!(damaged(learned(&bench.store)), [id], "{change}");
        assert_eq!(damaged(bench.store.check_rows()), [id], "{change}");
    }
}

#[test]
fn vectors_that_changed_places_are_damaged() {
    let bench = stored();
    let swap = "UPDATE features SET sample_id = CASE sample_id WHEN 1 THEN 3 ELSE 1 END; UPDATE features SET sample_id = 2 WHERE sample_id = 3";
    bench.sql().execute_batch(&format!("PRAGMA foreign_keys = OFF; {swap}")).unwrap();
    assert_eq!(damaged(bench.store.check_rows()), [1, 2]);
    assert_eq!(damaged(learned(&bench.store)), [1]);
}

#[test]
fn all_damaged_samples_are_named_and_after_their_removal_fitting_goes_on() {
    let mut bench = fixture();
    let samples: Vec<NewSample> = (0..14).map(|index| sample(&index.to_string(), "ant", &[index as f32])).collect();
    bench.store.insert(&samples).unwrap();
    bench.sql().execute("UPDATE features SET vector = zeroblob(4) WHERE sample_id > 2", []).unwrap();
    let error = learned(&bench.store).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the stored rows of samples 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more are damaged: their checksums do not match"
    );
    bench.store.remove(&Filter::ids((3..15).map(SampleId).collect())).unwrap();
    learned(&bench.store).unwrap();
    bench.store.check_rows().unwrap();
}

#[test]
fn editing_a_label_keeps_the_checksum_right_and_makes_no_damage_good() {
    let mut bench = stored();
    bench.store.relabel(&Filter::ids(vec![SampleId(1)]), Some(&label("wasp"))).unwrap();
    bench.store.rename_label(&label("wasp"), &label("bee")).unwrap();
    bench.store.insert(&[NewSample { features: None, ..sample("2", "moth", &[]) }]).unwrap();
    bench.store.check_rows().unwrap();
    bench.store.relabel(&Filter::default(), None).unwrap();
    bench.store.check_rows().unwrap();
    bench.sql().execute("UPDATE samples SET group_key = 'other' WHERE id = 1", []).unwrap();
    bench.store.relabel(&Filter::default(), Some(&label("ant"))).unwrap();
    assert_eq!(damaged(bench.store.check_rows()), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_bit_that_flips_in_the_file_in_a_vector_a_label_or_a_group_is_noticed(
        what in 0usize..5, place in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let bench = stored();
        drop(bench.store);
        let path = bench.folder.path().join("samples.db");
        let mut bytes = std::fs::read(&path).unwrap();
        let as_bytes = |index: usize| marked(index, 40).iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let wanted = match what {
            // As they lie beside one another in the row.
            0 => format!("{}anttrainburst", ContentHash::of(b"1")).into_bytes(),
            index => as_bytes(index),
        };
        let start = bytes.windows(wanted.len()).position(|window| window == wanted).unwrap();
        bytes[start + place.index(wanted.len())] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        let read = Store::open(&path).and_then(|store| learned(&store));
        prop_assert!(matches!(read, Err(StoreError::DamagedRows { .. })), "{read:?}");
    }
}
