use super::*;

#[test]
fn a_filter_names_samples_by_every_condition_at_once() {
    let Fixture { mut store, .. } = fixture();
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
    let Fixture { mut store, .. } = fixture();
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
    let Fixture { mut store, .. } = fixture();
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

/// As an older program stored it.
fn store_decomposed(fixture: &Fixture, id: i64) {
    let decomposed = "Ka\u{308}fer";
    fixture.store.connection.execute("UPDATE samples SET label = ? WHERE id = ?", (decomposed, id)).unwrap();
    fixture.recompute_checksums();
}

#[test]
fn a_label_that_was_stored_in_another_unicode_form_is_the_same_class() {
    let mut fixture = fixture();
    let (beetle, bee) = (label("K\u{e4}fer"), label("Biene"));
    let samples = [sample("1", "x", &[1.0]), sample("2", beetle.as_str(), &[2.0]), sample("3", bee.as_str(), &[3.0])];
    fixture.store.insert(&samples).unwrap();
    store_decomposed(&fixture, 1);
    let store = &mut fixture.store;
    assert_eq!(store.samples(&Filter::label(beetle.clone())).unwrap().len(), 2);
    let counts = store.counts_by_label(&Filter::default()).unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(Some(bee.clone()), 1), (Some(beetle.clone()), 2)]);
    let dataset = store.dataset(&fingerprint("b"), &Selection::default()).unwrap();
    assert_eq!(dataset.labels().as_slice(), [bee, beetle.clone()]);
    let again = NewSample { label: Some(beetle.clone()), ..sample("1", "x", &[1.0]) };
    assert_eq!(store.insert(&[again]).unwrap()[0].conflict, None);
    assert_eq!(store.rename_label(&beetle, &label("beetle")).unwrap(), 2);
    store.check_rows().unwrap();
}

#[cfg(unix)]
#[test]
fn a_folder_finds_sources_in_it_that_are_no_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let Fixture { mut store, .. } = fixture();
    let odd = std::path::Path::new("/photos/K\u{e4}fer 1").join(std::ffi::OsStr::from_bytes(b"p\xff.jpg"));
    let source = crate::files::name_of(&odd);
    store.insert(&[NewSample { source: source.clone(), ..sample("1", "ant", &[1.0]) }]).unwrap();
    for (from, found) in [("/photos", 1), ("/photos/K\u{e4}fer 1/", 1), (source.as_str(), 1), ("/photos/K\u{e4}", 0)] {
        let filter = Filter { source: Some(from.into()), ..Filter::default() };
        assert_eq!(store.samples(&filter).unwrap().len(), found, "{from}");
    }
}
