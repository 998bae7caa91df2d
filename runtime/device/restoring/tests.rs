use super::*;
use crate::store::Store;

/// A state whose store has a mark, and a head.
fn state(place: &Path, mark: &str) -> Device {
    let device = Device::open(place).unwrap();
    device.store().unwrap().set_setting("mark", mark).unwrap();
    fs::write(device.state().heads().join("000001.safetensors"), mark).unwrap();
    fs::create_dir_all(device.state().drift()).unwrap();
    fs::write(device.state().drift().join(mark), mark).unwrap();
    device
}

fn mark(folder: &Path) -> String {
    let store = Store::open_existing(&folder.join(STORE)).unwrap();
    let head = crate::files::read_to_string(&folder.join("heads/000001.safetensors"), 1 << 10).unwrap();
    let mark = store.setting("mark").unwrap().unwrap();
    assert_eq!(mark, head, "heads and store are of one state");
    mark
}

fn staged() -> (tempfile::TempDir, Device, WaitingRestore) {
    let place = tempfile::tempdir().unwrap();
    let old = state(&place.path().join("old"), "old");
    state(&place.path().join("new"), "new").back_up(&place.path().join("backup")).unwrap();
    let waiting = old.stage_restore(File::open(place.path().join("backup")).unwrap()).unwrap();
    (place, old, waiting)
}

#[test]
fn a_backup_waits_takes_the_place_of_what_is_there_and_that_is_kept() {
    let (_place, device, waiting) = staged();
    let folder = device.state().path();
    assert_eq!((waiting.heads, mark(folder), device.waiting_restore()), (1, "old".to_owned(), Some(waiting.clone())));
    assert_eq!(device.take_restore().unwrap(), Some(waiting.clone()));
    assert_eq!((mark(folder), mark(&folder.join(&waiting.replaced))), ("new".to_owned(), "old".to_owned()));
    assert!(!device.state().drift().join("old").exists(), "it was about other heads");
    assert_eq!((device.take_restore().unwrap(), device.waiting_restore()), (None, None));
    // What was replaced is a state of its own.
    let back = Device::new(StateDir::new(folder.join(&waiting.replaced)), device.settings().clone());
    back.back_up(&folder.join("again")).unwrap();
}

#[test]
fn while_another_has_the_store_open_nothing_is_moved() {
    let (_place, device, waiting) = staged();
    let mut other = device.existing_store().unwrap();
    let error = device.take_restore().unwrap_err();
    assert!(matches!(error, DeviceError::Backup(BackupError::InUse { .. })), "{error}");
    other.set_setting("mark", "old").unwrap();
    assert_eq!((mark(device.state().path()), device.waiting_restore()), ("old".to_owned(), Some(waiting)));
    drop(other);
    device.take_restore().unwrap();
    assert_eq!(mark(device.state().path()), "new");
}

#[test]
fn whichever_part_cannot_be_moved_all_is_put_back_and_it_goes_on_waiting() {
    for part in PARTS {
        let (_place, device, waiting) = staged();
        let folder = device.state().path();
        let aside = folder.join(&waiting.replaced);
        fs::rename(folder.join(WAITING), folder.join(BEGUN)).unwrap();
        fs::create_dir(&aside).unwrap();
        fs::create_dir_all(folder.join("pictures")).unwrap();
        fs::write(aside.join(part), b"in the way").unwrap();
        let error = device.take_restore().unwrap_err();
        assert!(matches!(error, DeviceError::Backup(BackupError::Write { .. })), "{part}: {error}");
        assert_eq!(crate::files::read(&aside.join(part), 99).unwrap(), b"in the way");
        device.check_whole().unwrap();
        fs::remove_dir_all(&aside).unwrap();
        assert_eq!((mark(folder), device.waiting_restore()), ("old".to_owned(), Some(waiting)), "{part}");
        device.take_restore().unwrap();
        assert_eq!(mark(folder), "new");
    }
}

#[test]
fn a_damaged_store_is_kept_as_it_is_with_its_logs() {
    let (_place, device, waiting) = staged();
    let (folder, names) = (device.state().path(), ["samples.db", "samples.db-wal", "samples.db-shm"]);
    let bytes = [b'x'; 4096];
    names.iter().for_each(|name| fs::write(folder.join(name), bytes).unwrap());
    device.take_restore().unwrap();
    assert_eq!(mark(folder), "new");
    for name in names {
        assert_eq!(crate::files::read(&folder.join(&waiting.replaced).join(name), 9999).unwrap(), bytes);
    }
}

#[test]
fn logs_without_a_store_do_not_become_those_of_the_new_one() {
    let (_place, device, waiting) = staged();
    let folder = device.state().path();
    fs::remove_file(folder.join(STORE)).unwrap();
    fs::write(folder.join("samples.db-wal"), b"of nothing").unwrap();
    device.take_restore().unwrap();
    assert_eq!(mark(folder), "new");
    assert_eq!(crate::files::read(&folder.join(&waiting.replaced).join("samples.db-wal"), 99).unwrap(), b"of nothing");
}

#[test]
fn what_leads_elsewhere_is_neither_begun_nor_finished() {
    for replaced in ["/tmp/replaced-1", "../replaced-1", "replaced-1/..", "replaced-", "heads", ""] {
        let (_place, device, waiting) = staged();
        let folder = device.state().path();
        let wrong = serde_json::to_vec(&WaitingRestore { replaced: replaced.to_owned(), ..waiting }).unwrap();
        fs::write(folder.join(WAITING).join(ABOUT), wrong).unwrap();
        assert_eq!((device.waiting_restore(), device.take_restore().unwrap()), (None, None), "{replaced}");
        fs::rename(folder.join(WAITING), folder.join(BEGUN)).unwrap();
        let error = device.take_restore().unwrap_err();
        assert!(matches!(error, DeviceError::Backup(BackupError::Half { .. })), "{replaced}: {error}");
        assert_eq!(mark(folder), "old", "{replaced}");
        assert!(device.check_whole().is_err());
    }
}

#[test]
fn whichever_part_a_kill_came_after_the_next_program_finishes() {
    for done in 0..=2 * PARTS.len() {
        let (_place, device, waiting) = staged();
        let folder = device.state().path();
        let (begun, aside) = (folder.join(BEGUN), folder.join(&waiting.replaced));
        fs::rename(folder.join(WAITING), &begun).unwrap();
        fs::create_dir_all(&aside).unwrap();
        let steps = PARTS.iter().flat_map(|part| {
            let there = folder.join(part);
            [(there.clone(), aside.join(part)), (begun.join(part), there)]
        });
        for (from, to) in steps.take(done) {
            if from.exists() {
                fs::rename(from, to).unwrap();
            }
        }
        assert!(device.check_whole().is_err(), "others wait for it");
        device.take_restore().unwrap();
        assert_eq!((mark(folder), mark(&aside)), ("new".to_owned(), "old".to_owned()), "after {done} steps");
        device.check_whole().unwrap();
        assert_eq!(device.take_restore().unwrap(), None);
    }
}

#[test]
fn what_is_no_backup_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let device = state(place.path(), "old");
    for bytes in [&b""[..], b"no archive", &[0; 4096]] {
        assert!(device.stage_restore(bytes).is_err());
    }
    assert_eq!((mark(place.path()), device.waiting_restore()), ("old".to_owned(), None));
    let names = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with(TEMPORARY)));
}
