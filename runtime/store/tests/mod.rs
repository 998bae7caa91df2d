mod checksums;
mod content;
mod editing;
mod files;
mod forgetting;
mod heads;
mod history;
mod listing;
mod pictures;
mod removal;
mod review;
mod views;

use std::path::PathBuf;

use rusqlite::Connection;

use super::*;
use crate::dataset::{GroupId, SampleId};
use crate::digest::{ContentHash, Digest, Fingerprint};
use crate::labels::{ClassIndex, Label};

/// A store in a folder of its own.
struct Fixture {
    folder: tempfile::TempDir,
    store: Store,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("samples.db")).unwrap();
    Fixture { folder, store }
}

impl Fixture {
    fn path(&self) -> PathBuf {
        self.folder.path().join("samples.db")
    }

    /// Makes of what was changed behind the store's back what was stored.
    fn recompute_checksums(&self) {
        let fill = open::MIGRATIONS[2].split_once("UPDATE samples").unwrap().1;
        self.store.connection.execute_batch(&format!("UPDATE samples{fill}")).unwrap();
    }

    /// Another connection, with SQLite's own settings.
    fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn fingerprint(name: &str) -> Fingerprint {
    Fingerprint(Digest::of(name.as_bytes()))
}

fn vector(backbone: &str, values: &[f32]) -> FeatureVector {
    FeatureVector { fingerprint: fingerprint(backbone), revision: 1, values: values.to_vec() }
}

/// A labelled training picture whose bytes are `name`, with features of backbone "b".
fn sample(name: &str, class: &str, values: &[f32]) -> NewSample {
    NewSample {
        hash: ContentHash::of(name.as_bytes()),
        label: Some(label(class)),
        split: Split::Train,
        group: None,
        source: format!("photos/{class}/{name}"),
        added_at: 1_700_000_000,
        width: 500,
        height: 375,
        thumbnail: None,
        features: Some(vector("b", values)),
    }
}

fn unlabelled(name: &str) -> NewSample {
    NewSample { label: None, features: None, ..sample(name, "x", &[]) }
}

/// Values that occur nowhere else: `dim` floats of which every one names sample and channel.
fn marked(sample: usize, dim: usize) -> Vec<f32> {
    (0..dim).map(|channel| f32::from_bits(0x4500_0000 + (sample as u32) * 4096 + channel as u32)).collect()
}
