//! What can still be read of a damaged store, as a new one.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use super::Store;
use super::checksum;
use super::error::{At as _, StoreError};
use super::sample::{FeatureVector, NewSample};
use crate::dataset::SampleId;
use crate::digest::{ContentHash, Fingerprint};
use crate::labels::Label;

/// What was kept of a damaged store.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Rescued {
    pub samples: usize,
    /// Feature vectors, of all backbones.
    pub features: usize,
    /// Samples and vectors that were found and do not match their checksums.
    pub damaged: usize,
    /// Stretches of the file that could not be read.
    pub unreadable: usize,
    /// Pictures of cameras that belong to no sample that was kept; they are beside the state's own now.
    pub pictures: usize,
    /// Where the damaged store is now.
    pub moved_to: PathBuf,
}

/// Rows looked for at once; where one cannot be read they are looked for one by one.
const TOGETHER: i64 = 256;
/// Where nothing tells the highest number, all up to here are looked for.
const HIGHEST: i64 = 1 << 18;

/// Puts all of the store at `path` that can be read and matches its checksums into a new one in its place, and the damaged
/// one beside it. Samples get new numbers; views, the history of changes, what was removed and what waits for review are not
/// kept.
///
/// No other process may have the store open.
///
/// # Errors
/// When nothing at all can be read, or the new store cannot be written.
pub fn rescue(path: &Path) -> Result<Rescued, StoreError> {
    let moved_to = beside(path, "damaged");
    let new_path = beside(path, "rescued");
    remove_store(&new_path).map_err(|source| StoreError::Unreachable { path: new_path.clone(), source })?;
    let old = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).at(path)?;
    checksum::register(&old).at(path)?;
    let fingerprints = fingerprints(&old).at(path)?;
    let mut rescue = Rescue {
        old: &old,
        fingerprints,
        new: Store::open(&new_path)?,
        rescued: Rescued {
            samples: 0,
            features: 0,
            damaged: 0,
            unreadable: 0,
            pictures: 0,
            moved_to: moved_to.clone(),
        },
    };
    rescue.settings()?;
    rescue.samples()?;
    let Rescue { new, mut rescued, .. } = rescue;
    // The next sweep would erase what the new store does not name, and nobody else has it.
    rescued.pictures = new.set_pictures_aside()?;
    drop(new);
    drop(old);
    let moved = || {
        for suffix in ["", "-wal", "-shm"] {
            let from = with_suffix(path, suffix);
            if from.exists() {
                std::fs::rename(from, with_suffix(&moved_to, suffix))?;
            }
        }
        std::fs::rename(&new_path, path)?;
        crate::atomic_file::sync_folder(path)
    };
    moved().map_err(|source| StoreError::Unreachable { path: path.to_owned(), source })?;
    Ok(rescued)
}

fn beside(path: &Path, what: &str) -> PathBuf {
    with_suffix(path, &format!(".{what}"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_store(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(with_suffix(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn fingerprints(old: &Connection) -> rusqlite::Result<Vec<(i64, Fingerprint)>> {
    let mut statement = old.prepare("SELECT id, fingerprint FROM backbones")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    // What cannot be read is left out.
    Ok(rows.flatten().filter_map(|(id, text)| Some((id, text.parse().ok()?))).collect())
}

struct Rescue<'a> {
    old: &'a Connection,
    fingerprints: Vec<(i64, Fingerprint)>,
    new: Store,
    rescued: Rescued,
}

impl Rescue<'_> {
    /// Which backbone is in use, and that heads may have seen what was forgotten.
    fn settings(&mut self) -> Result<(), StoreError> {
        let Ok(mut statement) = self.old.prepare("SELECT key, value FROM settings") else { return Ok(()) };
        let Ok(rows) = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))) else {
            return Ok(());
        };
        rows.flatten().try_for_each(|(key, value)| self.new.set_setting(&key, &value))
    }

    fn samples(&mut self) -> Result<(), StoreError> {
        let number = |sql| self.old.query_one(sql, [], |row| row.get::<_, i64>(0));
        let highest = number("SELECT seq FROM sqlite_sequence WHERE name = 'samples'")
            .or_else(|_| number("SELECT coalesce(max(id), 0) FROM samples"))
            .unwrap_or(HIGHEST);
        for first in (1..=highest).step_by(TOGETHER as usize) {
            let last = (first + TOGETHER - 1).min(highest);
            if self.stretch(first, last)? {
                continue;
            }
            for id in first..=last {
                if !self.stretch(id, id)? {
                    self.rescued.unreadable += 1;
                }
            }
        }
        Ok(())
    }

    /// Whether the samples from `first` to `last` could be read.
    fn stretch(&mut self, first: i64, last: i64) -> Result<bool, StoreError> {
        let Ok((samples, damaged)) = read_samples(self.old, first, last) else { return Ok(false) };
        self.rescued.damaged += damaged;
        for (id, sample) in samples {
            let inserted = self.new.insert(&[sample])?.remove(0).id;
            self.rescued.samples += 1;
            self.features(id, inserted)?;
        }
        Ok(true)
    }

    fn features(&mut self, old: i64, new: SampleId) -> Result<(), StoreError> {
        for &(backbone, fingerprint) in &self.fingerprints {
            let sql = format!(
                "SELECT vector, revision, features.checksum IS {} FROM features
                 JOIN samples ON samples.id = sample_id JOIN backbones ON backbones.id = backbone_id
                 WHERE sample_id = ? AND backbone_id = ?",
                checksum::OF_FEATURES
            );
            let read = |row: &rusqlite::Row| {
                let vector: Vec<u8> = row.get(0)?;
                Ok((vector, row.get::<_, u32>(1)?, row.get::<_, bool>(2)?))
            };
            let row =
                self.old.prepare_cached(&sql).and_then(|mut statement| statement.query_one([old, backbone], read));
            match row {
                Ok((vector, revision, true)) => {
                    let values = super::load::values(&vector).collect();
                    self.new.add_features(new, &FeatureVector { fingerprint, revision, values })?;
                    self.rescued.features += 1;
                }
                Ok((.., false)) => self.rescued.damaged += 1,
                Err(rusqlite::Error::QueryReturnedNoRows) => {}
                Err(_) => self.rescued.unreadable += 1,
            }
        }
        Ok(())
    }
}

/// The samples that match their checksums, with their numbers, and how many do not.
fn read_samples(old: &Connection, first: i64, last: i64) -> rusqlite::Result<(Vec<(i64, NewSample)>, usize)> {
    let sql = format!(
        "SELECT id, content_hash, label, split, group_key, source, added_at, width, height, checksum IS {}
         FROM samples WHERE id BETWEEN ? AND ?",
        checksum::OF_SAMPLE
    );
    let mut statement = old.prepare_cached(&sql)?;
    let mut rows = statement.query([first, last])?;
    let (mut samples, mut damaged) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let matches: bool = row.get(9)?;
        match matches.then(|| sample(row)).transpose()?.flatten() {
            Some(sample) => samples.push((id, NewSample { thumbnail: thumbnail(old, id), ..sample })),
            None => damaged += 1,
        }
    }
    Ok((samples, damaged))
}

/// `None` for what an undamaged program would not have written.
fn sample(row: &rusqlite::Row) -> rusqlite::Result<Option<NewSample>> {
    let hash: Option<ContentHash> = row.get::<_, String>(1)?.parse().ok();
    let label = row.get::<_, Option<String>>(2)?.map(|text| Label::known(&text)).transpose().ok();
    let split = row.get::<_, String>(3)?.parse().ok();
    let (Some(hash), Some(label), Some(split)) = (hash, label, split) else { return Ok(None) };
    Ok(Some(NewSample {
        hash,
        label,
        split,
        group: row.get(4)?,
        source: row.get(5)?,
        added_at: row.get(6)?,
        width: row.get(7)?,
        height: row.get(8)?,
        thumbnail: None,
        features: None,
    }))
}

fn thumbnail(old: &Connection, id: i64) -> Option<Vec<u8>> {
    let mut statement = old.prepare_cached("SELECT image FROM thumbnails WHERE sample_id = ?").ok()?;
    match statement.query_one([id], |row| row.get::<_, Value>(0)).ok()? {
        Value::Blob(image) => Some(image),
        _ => None,
    }
}
