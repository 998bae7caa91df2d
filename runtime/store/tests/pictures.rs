use super::*;

/// The names of the files that lie in the state.
fn files(bench: &Fixture) -> Vec<String> {
    let entries = std::fs::read_dir(bench.folder.path().join("pictures")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

fn with_files(names: &[&str]) -> Fixture {
    let mut bench = fixture();
    for name in names {
        bench
            .store
            .insert_with_picture(sample(name, "ant", &[1.0]), (&format!("{name}.jpg"), name.as_bytes()))
            .unwrap();
    }
    bench
}

#[test]
fn a_picture_in_the_state_is_found_wherever_the_state_is() {
    let bench = with_files(&["gate-1"]);
    let there = |store: &Store| std::path::PathBuf::from(&store.samples(&Filter::default()).unwrap()[0].source);
    let source = there(&bench.store);
    assert!(source.is_absolute() && std::fs::read(&source).unwrap() == b"gate-1", "{source:?}");
    let which = |folder: &Path| Filter { source: Some(folder.display().to_string()), ..Filter::default() };
    assert_eq!(bench.store.samples(&which(source.parent().unwrap())).unwrap().len(), 1, "by its folder");
    assert!(bench.store.samples(&which(Path::new("/elsewhere"))).unwrap().is_empty());
    let Fixture { folder, store } = bench;
    drop(store);
    let parent = tempfile::tempdir().unwrap();
    let moved = parent.path().join("moved");
    std::fs::rename(folder.path(), &moved).unwrap();
    let store = Store::open(&moved.join("samples.db")).unwrap();
    assert_eq!(there(&store), moved.join("pictures/gate-1.jpg"));
    assert_eq!(store.without_views(&fingerprint("b"), 1).unwrap()[0].source, there(&store).display().to_string());
}

#[test]
fn a_sweep_erases_what_no_sample_needs_and_keeps_what_can_be_brought_back() {
    let mut bench = with_files(&["one", "two", "three"]);
    std::fs::write(bench.folder.path().join("pictures/left.jpg"), b"whose program was killed").unwrap();
    std::fs::write(bench.folder.path().join("pictures/.tmp-x"), b"half of it").unwrap();
    std::fs::create_dir(bench.folder.path().join("pictures/folder")).unwrap();
    bench.store.remove(&Filter::ids(vec![SampleId(1)])).unwrap();
    assert_eq!(bench.store.sweep_pictures().unwrap(), 2);
    assert_eq!(files(&bench), ["folder", "one.jpg", "three.jpg", "two.jpg"]);
    bench.store.undo().unwrap();
    bench.store.remove(&Filter::ids(vec![SampleId(1)])).unwrap();
    bench.store.forget(&Filter::ids(vec![SampleId(2)])).unwrap();
    bench.store.purge().unwrap();
    assert_eq!(bench.store.sweep_pictures().unwrap(), 2);
    assert_eq!(files(&bench), ["folder", "three.jpg"]);
    assert_eq!(fixture().store.sweep_pictures().unwrap(), 0, "without the folder there is nothing to do");
}

#[test]
fn programs_that_add_and_one_that_sweeps_at_once_lose_nothing() {
    let bench = fixture();
    let path = bench.path();
    std::thread::scope(|scope| {
        for program in 0..3 {
            let path = &path;
            scope.spawn(move || {
                let mut store = Store::open(path).unwrap();
                for number in 0..20 {
                    let name = format!("{program}-{number}");
                    store.insert_with_picture(sample(&name, "ant", &[1.0]), (&name, name.as_bytes())).unwrap();
                }
            });
        }
        scope.spawn(|| {
            let mut store = Store::open(&path).unwrap();
            (0..40).for_each(|_| assert_eq!(store.sweep_pictures().unwrap(), 0));
        });
    });
    let rows = bench.store.samples(&Filter::default()).unwrap();
    assert_eq!(rows.len(), 60);
    for row in rows {
        assert_eq!(ContentHash::of(&std::fs::read(&row.source).unwrap()), row.hash);
    }
}

#[test]
fn a_picture_that_was_collected_elsewhere_keeps_its_source() {
    let mut bench = fixture();
    bench.store.insert(&[sample("same", "ant", &[1.0])]).unwrap();
    let again = bench.store.insert_with_picture(sample("same", "bee", &[1.0]), ("same.jpg", b"same")).unwrap();
    assert_eq!((again.outcome, again.conflict), (Outcome::Duplicate, Some(label("ant"))));
    assert_eq!(bench.store.samples(&Filter::default()).unwrap()[0].source, "photos/ant/same");
    assert_eq!(bench.store.sweep_pictures().unwrap(), 1);
}

#[cfg(unix)]
#[test]
#[cfg_attr(not(is_root), ignore = "only root can write for others")]
fn what_root_adds_belongs_to_whom_the_state_belongs() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let mut bench = fixture();
    let folder = bench.store.path.parent().unwrap().to_owned();
    chown(&folder, Some(1234), Some(1235)).unwrap();
    bench.store.insert_with_picture(sample("one", "ant", &[1.0, 1.0]), ("one.jpg", b"picture")).unwrap();
    for made in ["pictures", "pictures/.lock", "pictures/one.jpg"] {
        let made = std::fs::metadata(folder.join(made)).unwrap();
        assert_eq!((made.uid(), made.gid()), (1234, 1235));
    }
}
