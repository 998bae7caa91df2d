use proptest::prelude::*;

use super::*;

fn filled(count: usize) -> Fixture {
    let mut fixture = fixture();
    let classes = ["ant", "bee", "wasp"];
    let samples: Vec<NewSample> =
        (0..count).map(|number| sample(&number.to_string(), classes[number % 3], &[number as f32])).collect();
    fixture.store.insert(&samples).unwrap();
    fixture
}

fn page(order: Order, offset: usize, limit: usize) -> Page {
    Page { filter: Filter::default(), order, offset, limit }
}

fn ids(listed: &Listed) -> Vec<i64> {
    listed.samples.iter().map(|row| row.id.0).collect()
}

#[test]
fn a_page_has_its_part_of_the_samples_in_the_order_that_was_asked_for() {
    let Fixture { store, .. } = filled(10);
    let listed = |order: Order, offset, limit| store.page(&page(order, offset, limit)).unwrap();
    assert_eq!(ids(&listed(Order::Newest, 0, 3)), [10, 9, 8]);
    assert_eq!(ids(&listed(Order::Newest, 8, 3)), [2, 1]);
    assert_eq!(ids(&listed(Order::Oldest, 2, 2)), [3, 4]);
    let behind = listed(Order::Oldest, 99, 2);
    assert_eq!((ids(&behind), behind.total), (vec![], 10));
    let bees = Page { filter: Filter::label(label("bee")), ..page(Order::Newest, 1, 9) };
    let bees = store.page(&bees).unwrap();
    assert_eq!((ids(&bees), bees.total), (vec![5, 2], 3));
    assert_eq!(bees.samples[0], store.samples(&Filter::ids(vec![SampleId(5)])).unwrap()[0]);
}

#[test]
fn the_doubted_come_first_as_long_as_they_have_the_label_that_is_doubted() {
    let Fixture { mut store, .. } = filled(6);
    let first = || {
        Order::First(
            [(2, "bee"), (6, "wasp"), (1, "bee"), (99, "ant")].map(|(id, text)| (SampleId(id), label(text))).into(),
        )
    };
    assert_eq!(ids(&store.page(&page(first(), 0, 9)).unwrap()), [2, 6, 5, 4, 3, 1]);
    assert_eq!(ids(&store.page(&page(first(), 1, 2)).unwrap()), [6, 5]);
    store.relabel(&Filter::ids(vec![SampleId(2)]), Some(&label("ant"))).unwrap();
    assert_eq!(ids(&store.page(&page(first(), 0, 9)).unwrap()), [6, 5, 4, 3, 2, 1]);
    let ants = Page { filter: Filter::label(label("ant")), ..page(first(), 0, 9) };
    assert_eq!(ids(&store.page(&ants).unwrap()), [4, 2, 1]);
}

#[test]
fn an_edit_that_expects_another_version_does_nothing() {
    let Fixture { mut store, .. } = filled(3);
    let first = store.relabel_at(Some(0), &Filter::ids(vec![SampleId(1)]), Some(&label("moth"))).unwrap();
    assert_eq!((first.changed, store.page(&page(Order::Newest, 0, 1)).unwrap().version), (1, first.version));
    let all = Filter::default();
    let stale =
        |error: StoreError| matches!(error, StoreError::OtherVersion { expected: 0, got } if got == first.version);
    assert!(stale(store.relabel_at(Some(0), &all, None).unwrap_err()));
    assert!(stale(store.remove_at(Some(0), &all).unwrap_err()));
    assert_eq!((store.samples(&all).unwrap().len(), store.changes().unwrap().len()), (3, 1));
    let same = store.relabel_at(Some(first.version), &Filter::ids(vec![SampleId(1)]), Some(&label("moth"))).unwrap();
    assert_eq!(same, Edited { changed: 0, version: first.version }, "nothing to change is no change");
    let none = store.remove_at(Some(first.version), &Filter::ids(vec![SampleId(77)])).unwrap();
    assert_eq!((none.samples, none.version), (0, first.version));
    let removal = store.remove_at(Some(first.version), &all).unwrap();
    assert!(removal.samples == 3 && removal.version > first.version);
}

#[test]
fn only_the_latest_change_is_taken_back_by_its_number_and_only_once() {
    let Fixture { mut store, .. } = filled(4);
    let versions = [1, 2]
        .map(|id| store.relabel_at(None, &Filter::ids(vec![SampleId(id)]), Some(&label("moth"))).unwrap().version);
    let [first, second] = versions;
    let refused = store.undo_change(first).unwrap_err();
    assert!(matches!(refused, StoreError::NotLatest { change, latest } if (change, latest) == (first, second)));
    let undone = store.undo_change(second).unwrap();
    assert_eq!((undone.relabelled, undone.version), (1, first));
    for gone in [second, second + 1, 0, -1] {
        assert!(matches!(store.undo_change(gone), Err(StoreError::NoSuchChange(change)) if change == gone), "{gone}");
    }
    assert_eq!(store.undo_change(first).unwrap().version, 0);
    assert_eq!(store.changes().unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pages_of_any_length_make_the_whole_list(count in 0usize..20, limit in 1usize..7, doubted in proptest::collection::vec(1i64..25, 0..6)) {
        let Fixture { store, .. } = filled(count);
        let classes = ["ant", "bee", "wasp"];
        let mut doubted: Vec<(SampleId, Label)> =
            doubted.iter().map(|id| (SampleId(*id), label(classes[(*id as usize - 1) % 3]))).collect();
        doubted.sort();
        doubted.dedup();
        for order in [Order::Newest, Order::Oldest, Order::First(doubted)] {
            let whole = store.page(&page(order.clone(), 0, usize::MAX)).unwrap();
            prop_assert_eq!(whole.total, count);
            let mut found: Vec<i64> = Vec::new();
            for offset in (0..count).step_by(limit) {
                found.extend(ids(&store.page(&page(order.clone(), offset, limit)).unwrap()));
            }
            prop_assert_eq!(&found, &ids(&whole));
            found.sort_unstable();
            prop_assert_eq!(found, (1..=count as i64).collect::<Vec<_>>());
        }
    }
}
