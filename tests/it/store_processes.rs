//! Several threads, several processes and a full disk at one store.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Barrier;

use edgetl::dataset::SampleId;
use edgetl::digest::{ContentHash, Digest, Fingerprint};
use edgetl::labels::Label;
use edgetl::store::{FeatureVector, Filter, NewSample, Outcome, Selection, Split, Store, StoreError};

const CHILD_STORE: &str = "EDGETL_TEST_STORE";
const CHILD_NUMBER: &str = "EDGETL_TEST_NUMBER";
const DIM: usize = 64;

fn fingerprint() -> Fingerprint {
    Fingerprint(Digest::of(b"backbone"))
}

fn sample(name: &str) -> NewSample {
    NewSample {
        hash: ContentHash::of(name.as_bytes()),
        label: Some(Label::new("ant").unwrap()),
        split: Split::Train,
        group: None,
        source: name.to_owned(),
        added_at: 0,
        width: 1,
        height: 1,
        thumbnail: None,
        features: Some(FeatureVector { fingerprint: fingerprint(), revision: 1, values: vec![1.0; DIM] }),
    }
}

/// This test binary again, running one of its ignored tests.
fn child(test: &str, store: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("store_processes::{test}"), "--ignored", "--nocapture"]).env(CHILD_STORE, store);
    command
}

fn child_store() -> Option<Store> {
    let path = std::env::var_os(CHILD_STORE)?;
    Some(Store::open(Path::new(&path)).unwrap())
}

#[test]
#[ignore = "the child of another test"]
fn child_that_inserts_and_reads() {
    let Some(mut store) = child_store() else { return };
    let number = std::env::var(CHILD_NUMBER).unwrap();
    for round in 0..20 {
        // One picture that every process has, one of its own.
        let batch = [sample(&format!("shared {round}")), sample(&format!("{number} {round}"))];
        assert_eq!(store.insert(&batch).unwrap()[1].outcome, Outcome::Stored);
        let dataset = store.dataset(&fingerprint(), &Selection::default()).unwrap();
        assert!(dataset.len() > round);
    }
}

#[test]
fn processes_that_create_write_and_read_one_store_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let spawn = |number: usize| {
        child("child_that_inserts_and_reads", &path)
            .env(CHILD_NUMBER, number.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..4).map(spawn).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = Store::open(&path).unwrap();
    assert_eq!(store.samples(&Filter::default()).unwrap().len(), 20 + 4 * 20);
    store.check_integrity().unwrap();
}

#[test]
fn threads_that_open_a_new_store_at_once_all_get_it() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.db");
        let barrier = Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (path, barrier) = (&path, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let mut store = Store::open(path).unwrap();
                    store.insert(&[sample("shared"), sample(&number.to_string())]).unwrap();
                });
            }
        });
        let store = Store::open(&path).unwrap();
        assert_eq!(store.samples(&Filter::default()).unwrap().len(), 9);
    }
}

#[test]
fn a_dataset_read_beside_writing_and_removing_is_one_moment_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let mut writer = Store::open(&path).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            for round in 0..30 {
                let pair = [sample(&format!("left {round}")), sample(&format!("right {round}"))];
                let ids: Vec<SampleId> = writer.insert(&pair).unwrap().iter().map(|inserted| inserted.id).collect();
                if round % 3 == 0 {
                    assert_eq!(writer.remove(&Filter::ids(ids)).unwrap().samples, 2);
                }
            }
        });
        let reader = Store::open(&path).unwrap();
        while !writing.is_finished() {
            let dataset = reader.dataset(&fingerprint(), &Selection::default()).unwrap();
            assert_eq!(dataset.len() % 2, 0);
        }
    });
    let store = Store::open(&path).unwrap();
    assert_eq!(store.samples(&Filter::default()).unwrap().len(), 40);
}

#[test]
#[ignore = "the child of another test"]
fn child_that_fills_its_disk() {
    let Some(mut store) = child_store() else { return };
    let mut stored = 0;
    let error = loop {
        match store.insert(&[sample(&stored.to_string())]) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(stored > 0);
    assert_eq!(store.dataset(&fingerprint(), &Selection::default()).unwrap().len(), stored);
    store.check_integrity().unwrap();
    println!("the disk was full after {stored} samples");
}

/// Runs `command` in a mount namespace of its own, after the shell line `mount` on the folder `$1`; `None` where this
/// machine does not allow it.
fn with_mount(mount: &str, folder: &Path, command: &Command) -> Option<Output> {
    let in_namespace = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", script, "sh"]).arg(folder);
        unshare
    };
    if !in_namespace(mount).output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut inside = in_namespace(&format!("{mount} && shift && exec \"$@\""));
    inside.arg(command.get_program()).args(command.get_args());
    inside.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    Some(inside.output().unwrap())
}

#[test]
fn a_disk_that_is_full_is_an_error_that_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let child = child("child_that_fills_its_disk", &folder.path().join("samples.db"));
    match with_mount("mount -t tmpfs -o size=1m tmpfs \"$1\"", folder.path(), &child) {
        None => eprintln!("skipped: no small file system can be mounted here"),
        Some(output) => {
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && stdout.contains("the disk was full after"), "{output:?}");
        }
    }
}

#[test]
#[ignore = "the child of another test"]
fn child_on_a_read_only_disk() {
    let Some(path) = std::env::var_os(CHILD_STORE) else { return };
    let refused = match Store::open(Path::new(&path)) {
        Ok(mut store) => {
            println!("{} samples can be read", store.samples(&Filter::default()).unwrap().len());
            store.set_setting("key", "value").unwrap_err()
        }
        Err(error) => error,
    };
    println!("refused: {refused}");
}

#[test]
fn of_a_read_only_disk_a_store_is_read_and_writing_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(&folder.path().join("existing.db")).unwrap());
    for name in ["existing.db", "new.db"] {
        let child = child("child_on_a_read_only_disk", &folder.path().join(name));
        match with_mount("mount --bind -o ro \"$1\" \"$1\"", folder.path(), &child) {
            None => eprintln!("skipped: no read-only file system can be mounted here"),
            Some(output) => {
                let stdout = String::from_utf8_lossy(&output.stdout);
                assert!(stdout.contains("refused: cannot") && stdout.contains(name), "{output:?}");
                assert_eq!(stdout.contains("0 samples can be read"), name == "existing.db", "{output:?}");
            }
        }
    }
}
