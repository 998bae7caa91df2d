use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A store and the heads beside it.
fn device() -> (Fixture, HeadFolder) {
    let bench = fixture();
    std::fs::create_dir(bench.folder.path().join("heads")).unwrap();
    let heads = HeadFolder::new(bench.folder.path().join("heads"), 9);
    (bench, heads)
}

fn ids(ids: impl IntoIterator<Item = i64>) -> Filter {
    Filter::ids(ids.into_iter().map(SampleId).collect())
}

#[test]
fn removed_images_are_remembered_until_they_are_inserted_again() {
    let Fixture { mut store, folder: _folder } = fixture();
    let both = [sample("1", "ant", &[1.0]), sample("2", "bee", &[2.0])];
    store.insert(&both).unwrap();
    store.remove(&ids([1])).unwrap();
    store.forget(&ids([2])).unwrap();
    assert_eq!(store.removed().unwrap().len(), 2);
    assert!(store.is_removed(&ContentHash::of(b"1")).unwrap() && !store.is_removed(&ContentHash::of(b"3")).unwrap());
    let offered = [sample("3", "ant", &[3.0]), both[0].clone(), both[1].clone()];
    let inserted = store.insert_unless_removed(&offered).unwrap();
    assert_eq!(inserted.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    store.insert(&both[..1]).unwrap();
    assert_eq!(store.removed().unwrap(), [ContentHash::of(b"2")].into());
    assert_eq!(store.insert_unless_removed(&both[..1]).unwrap()[0].as_ref().unwrap().outcome, Outcome::Duplicate);
    store.remove(&Filter::default()).unwrap();
    store.remove(&Filter::default()).unwrap();
    assert_eq!(store.removed().unwrap().len(), 3);
}

#[test]
fn a_head_fitted_on_what_was_forgotten_since_is_not_published() {
    let (mut bench, heads) = device();
    bench.store.insert(&[sample("1", "ant", &[1.0]), sample("2", "bee", &[2.0])]).unwrap();
    let read = bench.store.forgettings().unwrap();
    bench.store.remove(&ids([2])).unwrap();
    assert_eq!(heads.publish_fitted(b"removed only", &mut bench.store, read).unwrap(), HeadVersion(1));
    bench.store.forget(&ids([1])).unwrap();
    let error = heads.publish_fitted(b"stale", &mut bench.store, read).unwrap_err();
    assert!(matches!(error, PublishError::Forgotten), "{error}");
    let error = heads.replace_all((Some(HeadVersion(1)), Some(b"stale")), &mut bench.store, read).unwrap_err();
    assert!(matches!(error, PublishError::Forgotten), "{error}");
    assert_eq!(heads.current().unwrap().1, b"removed only");
}

#[test]
fn forgetting_replaces_every_head_that_was_there_and_no_other() {
    let (mut bench, heads) = device();
    for head in [b"one", b"two"] {
        heads.publish(head).unwrap();
    }
    bench.store.forget(&ids([])).unwrap();
    assert!(bench.store.forgettings().unwrap().is_unfinished());
    let read = bench.store.forgettings().unwrap();
    heads.publish_fitted(b"faster", &mut bench.store, read).unwrap();
    let error = heads.replace_all((Some(HeadVersion(2)), Some(b"new")), &mut bench.store, read).unwrap_err();
    assert!(matches!(error, PublishError::Superseded), "{error}");
    let replaced = heads.replace_all((Some(HeadVersion(3)), Some(b"new")), &mut bench.store, read).unwrap();
    assert_eq!(replaced, Replaced { head: Some(HeadVersion(4)), erased: 1 });
    assert!(!bench.store.forgettings().unwrap().is_unfinished());
    let replaced = heads.replace_all((Some(HeadVersion(4)), None), &mut bench.store, read).unwrap();
    assert_eq!(replaced, Replaced { head: None, erased: 1 });
    assert!(heads.list().unwrap().is_empty());
    assert!(matches!(heads.current(), Err(HeadFolderError::Empty { .. })));
}

#[test]
fn the_next_fit_ends_a_forgetting_that_was_cut_short() {
    let (mut bench, heads) = device();
    for head in [b"one", b"two"] {
        heads.publish(head).unwrap();
    }
    bench.store.forget(&ids([])).unwrap();
    // Killed here.
    let read = bench.store.forgettings().unwrap();
    assert_eq!(heads.publish_fitted(b"new", &mut bench.store, read).unwrap(), HeadVersion(3));
    assert_eq!(heads.list().unwrap().len(), 1);
    assert!(!bench.store.forgettings().unwrap().is_unfinished());
}

/// A head of this test: the ids of the samples that it learned from.
fn fit(store: &Store) -> (Forgettings, Vec<u8>) {
    let rows = store.snapshot(|store| Ok((store.forgettings()?, store.samples(&Filter::default())?))).unwrap();
    (rows.0, rows.1.iter().map(|row| row.id.0 as u8).collect())
}

/// What the heads in `folder`, whole or half written, have learned from.
fn learned(folder: &Path) -> BTreeSet<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let heads = files.filter(|path| !path.ends_with("current") && !path.ends_with(".lock"));
    // A file may be gone again.
    heads.flat_map(|path| std::fs::read(path).unwrap_or_default()).collect()
}

#[test]
fn no_interleaving_of_fits_and_forgettings_leaves_a_head_of_what_was_forgotten() {
    const SAMPLES: i64 = 30;
    let (mut bench, heads) = device();
    let samples: Vec<NewSample> = (0..SAMPLES).map(|index| sample(&index.to_string(), "ant", &[1.0])).collect();
    bench.store.insert(&samples).unwrap();
    let (path, files) = (bench.path(), bench.folder.path().join("heads"));
    let done = AtomicBool::new(false);
    let fitter = || {
        let (mut store, mut refused) = (Store::open(&path).unwrap(), 0);
        while !done.load(Ordering::SeqCst) {
            let (read, head) = fit(&store);
            match heads.publish_fitted(&head, &mut store, read) {
                Ok(_) => {}
                Err(PublishError::Forgotten) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        refused
    };
    let refused: usize = std::thread::scope(|scope| {
        let fitters: Vec<_> = (0..3).map(|_| scope.spawn(fitter)).collect();
        for id in 1..SAMPLES {
            bench.store.forget(&ids([id])).unwrap();
            loop {
                let live = heads.live().unwrap();
                let (read, head) = fit(&bench.store);
                match heads.replace_all((live, Some(&head)), &mut bench.store, read) {
                    Ok(_) => break,
                    Err(PublishError::Superseded) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let left = learned(&files);
            assert!(left.iter().all(|&seen| seen == 0 || i64::from(seen) > id), "{id} was forgotten; {left:?} seen");
        }
        done.store(true, Ordering::SeqCst);
        fitters.into_iter().map(|fitter| fitter.join().unwrap()).sum()
    });
    println!("{refused} fits were refused");
    assert!(learned(&files).iter().all(|&seen| i64::from(seen) == SAMPLES));
}

#[cfg(unix)]
#[test]
fn heads_that_cannot_be_looked_at_are_not_taken_for_gone() {
    let mut bench = fixture();
    let folder = bench.folder.path().join("heads");
    std::os::unix::fs::symlink(&folder, &folder).unwrap();
    bench.store.insert(&[sample("1", "ant", &[1.0])]).unwrap();
    bench.store.forget(&ids([1])).unwrap();
    let read = bench.store.forgettings().unwrap();
    HeadFolder::new(folder, 9).replace_all((None, None), &mut bench.store, read).unwrap_err();
    assert!(bench.store.forgettings().unwrap().is_unfinished());
}
