use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn a_removed_sample_is_in_no_list_and_its_id_is_not_given_again() {
    let Fixture { mut store, folder: _folder } = fixture();
    store.insert(&[sample("1", "ant", &[1.0]), sample("2", "bee", &[1.0])]).unwrap();
    let removal = store.remove(&Filter::label(label("bee"))).unwrap();
    assert_eq!(removal, Removal { samples: 1, version: 1, log_emptied: true });
    assert_eq!(store.known(&ContentHash::of(b"2"), &fingerprint("b"), 1).unwrap(), Known::New);
    assert_eq!(store.fingerprints().unwrap()[0].samples, 1);
    assert_eq!(store.dataset(&fingerprint("b"), &Selection::default()).unwrap().len(), 1);
    assert_eq!(store.insert_unless_removed(&[sample("2", "bee", &[1.0])]).unwrap(), [None]);
    let inserted = store.insert(&[sample("2", "bee", &[1.0])]).unwrap();
    assert_eq!((inserted[0].id, inserted[0].outcome), (SampleId(3), Outcome::Stored));
    store.check_integrity().unwrap();
}

#[test]
fn removal_while_somebody_reads_says_that_the_log_could_not_be_emptied() {
    let mut bench = fixture();
    bench.store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    bench.store.connection.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
    let reader = bench.sql();
    reader.execute_batch("BEGIN; SELECT * FROM features").unwrap();
    assert_eq!(bench.store.remove(&Filter::default()).unwrap(), Removal { samples: 1, version: 1, log_emptied: false });
    reader.execute_batch("COMMIT").unwrap();
    assert!(bench.store.erase_log().unwrap());
}

/// Every file of the store, one after another.
fn all_bytes(bench: &Fixture) -> Vec<u8> {
    let entries = std::fs::read_dir(bench.folder.path()).unwrap();
    entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// The samples of which two neighbouring values still stand in `bytes`.
fn traces(bytes: &[u8]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
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
    fn forgotten_features_stand_in_no_file_any_more(
        dim in prop_oneof![Just(3usize), Just(64), Just(700), Just(1280), Just(4000)],
        keep in proptest::collection::vec(any::<bool>(), 1..60),
        batch in 1usize..20,
    ) {
        let mut bench = fixture();
        let names: Vec<String> = (0..keep.len()).map(|index| index.to_string()).collect();
        let samples: Vec<NewSample> =
            names.iter().enumerate().map(|(index, name)| sample(name, "ant", &marked(index, dim))).collect();
        samples.chunks(batch).for_each(|chunk| drop(bench.store.insert(chunk).unwrap()));
        prop_assert_eq!(traces(&all_bytes(&bench)).len(), keep.len());
        let kept = |wanted: bool| (0..keep.len()).filter(|&index| keep[index] == wanted).collect::<Vec<_>>();
        for chunk in kept(false).chunks(batch) {
            let ids = chunk.iter().map(|&index| SampleId(index as i64 + 1)).collect();
            prop_assert!(bench.store.forget(&Filter::ids(ids)).unwrap().log_emptied);
        }
        let bytes = all_bytes(&bench);
        prop_assert_eq!(traces(&bytes).into_iter().collect::<Vec<_>>(), kept(true));
        let removed = kept(false).into_iter().map(|index| ContentHash::of(names[index].as_bytes()));
        prop_assert_eq!(bench.store.removed().unwrap(), removed.collect());
        bench.store.check_integrity().unwrap();
    }
}
