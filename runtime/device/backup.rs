//! A whole state as one file, and back.
//!
//! The file is a tar archive of `samples.db`, `heads/` and `backbones/`, without locks and leftovers.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Device;
use super::error::DeviceError;
use super::file_error::BackupError;
use crate::atomic_file::{self, TEMPORARY};
use crate::store::{Filter, Store, StoreError};

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackupReport {
    pub samples: usize,
    pub heads: usize,
    pub backbones: usize,
    /// Of the file.
    pub bytes: u64,
}

/// The folders of a state that are archived, with how deep their files lie.
const FOLDERS: [(&str, usize); 2] = [("heads", 2), ("backbones", 3)];
const STORE: &str = "samples.db";

impl Device {
    /// Writes the whole state to `file`: its store as of one moment, its heads and its backbones. Others may write meanwhile.
    ///
    /// # Errors
    /// When the state cannot be read or the file not be written; then what was at `file` is still there.
    pub fn back_up(&self, file: &Path) -> Result<BackupReport, DeviceError> {
        let write_error = |source| BackupError::Write { path: file.to_owned(), source };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let work = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(folder).map_err(write_error)?;
        let store = work.path().join(STORE);
        self.existing_store()?.copy_to(&store)?;
        let archive = work.path().join("archive");
        self.archive(&store, &archive)?;
        let report = BackupReport {
            samples: samples(&Store::open_existing(&store)?)?,
            heads: self.heads().folder().list()?.len(),
            backbones: self.backbones().list()?.len(),
            bytes: fs::metadata(&archive).map_err(write_error)?.len(),
        };
        fs::rename(&archive, file).and_then(|()| atomic_file::sync_folder(file)).map_err(write_error)?;
        Ok(report)
    }

    fn archive(&self, store: &Path, archive: &Path) -> Result<(), BackupError> {
        let write_error = |source| BackupError::Write { path: archive.to_owned(), source };
        let mut builder = tar::Builder::new(File::create(archive).map_err(write_error)?);
        builder.append_path_with_name(store, STORE).map_err(write_error)?;
        let state = self.state().path();
        for (folder, depth) in FOLDERS {
            for entry in walkdir::WalkDir::new(state.join(folder)).min_depth(1).max_depth(depth - 1).sort_by_file_name()
            {
                let entry = match entry {
                    Ok(entry) => entry,
                    // A head or a backbone that was taken away meanwhile, or a folder that never was.
                    Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {
                        continue;
                    }
                    Err(error) => return Err(BackupError::Read { path: state.join(folder), source: error.into() }),
                };
                let name = entry.path().strip_prefix(state).expect("below it");
                if entry.file_type().is_file() && is_expected(name) {
                    builder.append_path_with_name(entry.path(), name).map_err(write_error)?;
                }
            }
        }
        builder.into_inner().and_then(|file| file.sync_all()).map_err(write_error)
    }

    /// Puts what [`back_up`](Self::back_up) wrote to `file` into this device's state folder, which must have nothing in it.
    ///
    /// # Errors
    /// When the file is no backup, is damaged, or the state folder is in use; then the folder stays as it is.
    pub fn restore(&self, file: &Path) -> Result<BackupReport, DeviceError> {
        let state = self.state().path();
        self.state().create()?;
        let write_error = |source| BackupError::Write { path: state.to_owned(), source };
        if !self.is_empty().map_err(write_error)? {
            return Err(BackupError::Occupied { path: state.to_owned() }.into());
        }
        let work = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(state).map_err(write_error)?;
        let bytes = unpack(file, work.path())?;
        let restored = Device::new(crate::store::StateDir::new(work.path()), self.settings().clone());
        let report = restored.checked(bytes)?;
        let place = || {
            for (folder, _) in FOLDERS {
                let _ = fs::remove_file(state.join(folder).join(".lock"));
                let from = work.path().join(folder);
                if from.is_dir() {
                    fs::rename(from, state.join(folder))?;
                }
            }
            // Last: without it there is no state.
            fs::rename(work.path().join(STORE), state.join(STORE))?;
            atomic_file::sync_folder(&state.join(STORE))
        };
        place().map_err(write_error)?;
        Ok(report)
    }

    fn is_empty(&self) -> io::Result<bool> {
        let state = self.state();
        let visible = |folder: PathBuf| -> io::Result<bool> {
            let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
            let names: Vec<_> = names.collect::<io::Result<_>>()?;
            Ok(names.iter().any(|name| !name.to_string_lossy().starts_with('.')))
        };
        Ok(!state.database().exists() && !visible(state.heads())? && !visible(state.backbones())?)
    }

    /// What an unpacked backup holds, once all of it was read.
    fn checked(&self, bytes: u64) -> Result<BackupReport, DeviceError> {
        let store = self.existing_store()?;
        store.check_integrity()?;
        let samples = samples(&store)?;
        let (heads, backbones) = (self.heads().folder().list()?.len(), self.backbones().list()?.len());
        Ok(BackupReport { samples, heads, backbones, bytes })
    }
}

/// How many there are; none of them is read.
fn samples(store: &Store) -> Result<usize, StoreError> {
    Ok(store.counts_by_label(&Filter::default())?.values().sum())
}

/// The bytes of `file`, whose entries are in `folder` now.
fn unpack(file: &Path, folder: &Path) -> Result<u64, BackupError> {
    let read_error = |source| BackupError::Read { path: file.to_owned(), source };
    let opened = File::open(file).map_err(read_error)?;
    let bytes = opened.metadata().map_err(read_error)?.len();
    let mut archive = tar::Archive::new(opened);
    for entry in archive.entries().map_err(read_error)? {
        let mut entry = entry.map_err(read_error)?;
        let name = entry.path().map_err(read_error)?.into_owned();
        if !entry.header().entry_type().is_file() || !is_expected(&name) {
            let entry = name.to_string_lossy().into_owned();
            return Err(BackupError::Entry { path: file.to_owned(), entry });
        }
        let seconds = entry.header().mtime().map_err(read_error)?;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(u32::MAX.into()));
        let path = folder.join(name);
        let written = || {
            fs::create_dir_all(path.parent().expect("below the folder"))?;
            let mut target = File::create_new(&path)?;
            io::copy(&mut entry, &mut target)?;
            // `heads list` tells from it when a head was made.
            target.set_modified(modified)?;
            target.sync_all()
        };
        let mut written = written;
        written().map_err(|source| BackupError::Write { path: path.clone(), source })?;
    }
    match folder.join(STORE).is_file() {
        true => Ok(bytes),
        false => Err(BackupError::NoStore { path: file.to_owned() }),
    }
}

/// Whether a file of this name, relative to the state, belongs in a backup.
fn is_expected(name: &Path) -> bool {
    let parts: Option<Vec<&str>> = name
        .components()
        .map(|component| match component {
            Component::Normal(part) => part.to_str().filter(|part| !part.starts_with('.')),
            _ => None,
        })
        .collect();
    let Some(parts) = parts else { return false };
    parts == [STORE] || FOLDERS.iter().any(|&(folder, depth)| parts.len() == depth && parts[0] == folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_state_holds_belongs_in_a_backup() {
        for name in ["samples.db", "heads/000001.safetensors", "heads/current", "backbones/net/manifest.toml"] {
            assert!(is_expected(Path::new(name)), "{name}");
        }
        for name in
            ["../samples.db", "/etc/passwd", "heads/.lock", "heads/a/b", "backbones/x", "other", "heads/../samples.db"]
        {
            assert!(!is_expected(Path::new(name)), "{name}");
        }
    }
}
