//! A process that writes to the store is killed at random moments; what it had acknowledged must be there.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use edgetl::digest::{ContentHash, Digest, Fingerprint};
use edgetl::labels::Label;
use edgetl::store::{FeatureVector, HeadFolder, HeadFolderError, Known, NewSample, Selection, Split, Store};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// Names the folder in which the child writes; unset in the parent.
const CHILD_FOLDER: &str = "EDGETL_TEST_CRASH_FOLDER";
const KILLS: usize = 50;
const DIM: usize = 300;

fn fingerprint() -> Fingerprint {
    Fingerprint(Digest::of(b"backbone"))
}

/// Every value of a sample's vector tells its name and place, so that a torn vector shows.
fn vector(name: u32) -> Vec<f32> {
    (0..DIM).map(|channel| name as f32 + channel as f32 / 1024.0).collect()
}

fn sample(name: u32) -> NewSample {
    NewSample {
        hash: ContentHash::of(&name.to_le_bytes()),
        label: Some(Label::new(["ant", "bee"][name as usize % 2]).unwrap()),
        split: Split::Train,
        group: None,
        source: format!("photos/{name}.jpg"),
        added_at: 0,
        width: 1,
        height: 1,
        thumbnail: None,
        features: Some(FeatureVector { fingerprint: fingerprint(), revision: 1, values: vector(name) }),
    }
}

/// Runs this test binary again as a writer, lets it live for a while, kills it and gives what it had acknowledged.
fn killed_writer(test: &str, folder: &Path, life: Duration) -> Vec<u32> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("crash_store::{test}"), "--ignored", "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let whole_lines = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole_lines.lines().filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).collect()
}

fn acknowledge(name: u32) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged {name}").unwrap();
    out.flush().unwrap();
}

fn random_lives() -> impl Iterator<Item = Duration> {
    let mut random = Pcg64Mcg::seed_from_u64(7);
    (0..KILLS).map(move |_| Duration::from_micros(random.random_range(1_000..80_000)))
}

#[test]
#[ignore = "the child of another test"]
fn child_that_inserts_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let mut store = Store::open(&Path::new(&folder).join("samples.db")).unwrap();
    let mut next = store.fingerprints().unwrap().first().map_or(0, |count| count.samples as u32);
    loop {
        let batch: Vec<NewSample> = (next..next + 1 + next % 7).map(sample).collect();
        store.insert(&batch).unwrap();
        (next..next + batch.len() as u32).for_each(acknowledge);
        next += batch.len() as u32;
    }
}

#[test]
fn every_acknowledged_sample_survives_fifty_kills_at_random_moments() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for life in random_lives() {
        acknowledged.extend(killed_writer("child_that_inserts_until_it_is_killed", folder.path(), life));
        let store = Store::open(&folder.path().join("samples.db")).unwrap();
        store.check_integrity().unwrap();
        for name in &acknowledged {
            let known = store.known(&ContentHash::of(&name.to_le_bytes()), &fingerprint(), 1).unwrap();
            assert!(matches!(known, Known::Complete(_)), "sample {name} was acknowledged and is gone: {known:?}");
        }
    }
    assert!(acknowledged.len() > KILLS, "the writers were killed before they wrote: {}", acknowledged.len());
    let store = Store::open(&folder.path().join("samples.db")).unwrap();
    let dataset = store.dataset(&fingerprint(), &Selection::default()).unwrap();
    assert!(dataset.len() >= acknowledged.len());
    for (row, features) in dataset.features().rows().into_iter().enumerate() {
        assert_eq!(features.to_vec(), vector(row as u32));
    }
}

#[test]
#[ignore = "the child of another test"]
fn child_that_publishes_heads_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let heads = HeadFolder::new(folder, 3);
    loop {
        let next = heads.current_version().map_or(1, |version| (version.0 as u8).wrapping_add(1));
        let version = heads.publish(&vec![next; 50_000]).unwrap();
        acknowledge(version.0 as u32);
    }
}

#[test]
fn the_head_is_the_old_one_or_the_new_one_after_fifty_kills_at_random_moments() {
    let folder = tempfile::tempdir().unwrap();
    let heads = HeadFolder::new(folder.path(), 3);
    let mut last = 0;
    for life in random_lives() {
        let acknowledged = killed_writer("child_that_publishes_heads_until_it_is_killed", folder.path(), life);
        last = acknowledged.last().copied().unwrap_or(last);
        match heads.current() {
            Ok((version, bytes)) => {
                assert!(version.0 >= u64::from(last), "head {last} was acknowledged, {version} is live");
                assert_eq!(bytes.len(), 50_000);
                assert!(bytes.iter().all(|&byte| byte == bytes[0]));
            }
            Err(HeadFolderError::Empty { .. }) => assert_eq!(last, 0),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(last > 0, "the publishers were killed before they published");
}
