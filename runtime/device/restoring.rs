//! A backup that takes the place of a state in use: checked beside it, and put in its place when the service starts next.
//!
//! ```text
//!  restore/     unpacked and checked; it waits, and nothing was changed
//!  restoring/   parts of it are in their places: the service goes on when it starts next, or puts all back; others refuse
//!  replaced-…/  what was there before, itself a state folder
//! ```
//!
//! While programs have the store open it cannot be exchanged: what they write would go to the old one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::iter;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Device;
use super::backup::{BackupReport, FOLDERS, STORE, unpack};
use super::error::DeviceError;
use super::file_error::BackupError;
use crate::atomic_file::{self, TEMPORARY};
use crate::causes::causes;
use crate::store::{Alone, StateDir, StoreError, hold_alone};

const WAITING: &str = "restore";
const BEGUN: &str = "restoring";
const LOCK: &str = "restoring.lock";
/// In the folder that waits: what it is.
const ABOUT: &str = "about.json";
/// What takes the place of what is there; the first is the one that a service may not be allowed to move.
const PARTS: [&str; 5] = ["heads", "backbones", "pictures", "drift", STORE];
/// What SQLite may have left beside the store.
const LOGS: [&str; 3] = ["samples.db-wal", "samples.db-shm", "samples.db-journal"];
/// What is left of one that is in its place; the next one removes it.
const DONE: &str = ".tmp-restore-done";
/// What the names of folders begin with in which something is kept.
const REPLACED: &str = "replaced-";
/// Of the disk, so much stays free, in bytes.
pub const RESTORE_RESERVE: u64 = 64 << 20;

/// A backup that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaitingRestore {
    pub samples: usize,
    pub heads: usize,
    pub backbones: usize,
    /// Of the backup.
    pub bytes: u64,
    /// The folder in the state in which what is there now will be kept.
    pub replaced: String,
}

impl WaitingRestore {
    fn of(report: &BackupReport, state: &Path) -> Self {
        let BackupReport { samples, heads, backbones, bytes } = *report;
        let stamp = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
        let first = format!("{REPLACED}{stamp}");
        let mut names = iter::once(first.clone()).chain((2..).map(|number| format!("{first}-{number}")));
        let replaced = names.find(|name| !is_there(&state.join(name))).unwrap_or(first);
        Self { samples, heads, backbones, bytes, replaced }
    }
}

impl Device {
    fn place(&self, name: &str) -> PathBuf {
        self.state().path().join(name)
    }

    /// Unpacks and checks the backup that `source` gives; it waits beside the state from then on, in place of one that waited before.
    ///
    /// # Errors
    /// When it is no backup, is damaged or cut off, its live head cannot be read, or it cannot be written; then nothing is changed.
    pub fn stage_restore(&self, source: impl Read) -> Result<WaitingRestore, DeviceError> {
        let state = self.state();
        state.create()?;
        let write_error = |source| BackupError::Write { path: state.path().to_owned(), source };
        let prefix = format!("{TEMPORARY}restore-");
        self.remove_temporary(&prefix).map_err(write_error)?;
        let work = tempfile::Builder::new().prefix(&prefix).tempdir_in(state.path()).map_err(write_error)?;
        let bytes = unpack(source, Path::new("backup"), (work.path(), RESTORE_RESERVE))?;
        let unpacked = Self::new(StateDir::new(work.path()), self.settings().clone());
        let report = unpacked.checked(bytes)?;
        // A service that starts with a head that it cannot read ends.
        unpacked.check_live_head()?;
        let waiting = WaitingRestore::of(&report, state.path());
        let put = || -> io::Result<()> {
            let folders = FOLDERS.iter().map(|(folder, _)| *folder).chain(["drift"]);
            folders.into_iter().try_for_each(|folder| fs::create_dir_all(work.path().join(folder)))?;
            let about = serde_json::to_vec(&waiting).expect("numbers and text");
            atomic_file::replace(&work.path().join(ABOUT), &about)?;
            atomic_file::remove_folder(&self.place(WAITING)).or_else(or_not_there)?;
            fs::rename(work.keep(), self.place(WAITING))?;
            atomic_file::sync_folder(&self.place(WAITING))
        };
        put().map_err(write_error)?;
        Ok(waiting)
    }

    /// Of a program that was killed in the middle.
    fn remove_temporary(&self, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(self.state().path())?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// The backup that waits, where one does.
    pub fn waiting_restore(&self) -> Option<WaitingRestore> {
        about(&self.place(WAITING))
    }

    /// Removes the backup that waits.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn drop_restore(&self) -> Result<(), DeviceError> {
        let folder = self.place(WAITING);
        let removed = atomic_file::remove_folder(&folder).or_else(or_not_there);
        Ok(removed.map_err(|source| BackupError::Write { path: folder, source })?)
    }

    /// Puts the backup that waits in the place of what is there, which is kept; gives what was done, where one waited. Also goes on where
    /// a program was killed in the middle of that. To be called before this program opens anything of the state.
    ///
    /// # Errors
    /// When another program has the store open, or something cannot be moved; then all is as it was, and it goes on waiting. Only where
    /// [`check_whole`](Self::check_whole) fails too, what was begun can be neither finished nor undone.
    pub fn take_restore(&self) -> Result<Option<WaitingRestore>, DeviceError> {
        let (from, begun) = (self.place(WAITING), self.place(BEGUN));
        if !is_there(&begun) && about(&from).is_none() {
            return Ok(None);
        }
        let state = self.state().path();
        let write_error = |source| BackupError::Write { path: state.to_owned(), source };
        let _lock = self.lock_restore().map_err(write_error)?;
        let alone = self.hold_alone()?;
        if !is_there(&begun) {
            let Some(waiting) = about(&from) else { return Ok(None) };
            if is_there(&self.place(&waiting.replaced)) {
                return Err(write_error(in_the_way(&self.place(&waiting.replaced))).into());
            }
            fs::rename(&from, &begun).map_err(write_error)?;
        }
        let put = self.put_in_place(&begun);
        drop(alone);
        Ok(put.map(Some)?)
    }

    /// Fails while a backup is half in its place.
    ///
    /// # Errors
    /// When one is: then what is there is no state.
    pub fn check_whole(&self) -> Result<(), DeviceError> {
        let path = self.place(BEGUN);
        if is_there(&path) { Err(BackupError::Begun { path }.into()) } else { Ok(()) }
    }

    /// Nothing is held of a store that is damaged: nobody can use it, and it is put aside as it is.
    fn hold_alone(&self) -> Result<Option<Alone>, DeviceError> {
        let database = self.state().database();
        match hold_alone(&database) {
            Ok(None) if database.exists() => Err(BackupError::InUse { path: self.state().path().to_owned() }.into()),
            Err(error @ (StoreError::NotADatabase { .. } | StoreError::Damaged { .. })) => {
                tracing::warn!("what the backup takes the place of is damaged: {}", causes(&error));
                Ok(None)
            }
            held => Ok(held?),
        }
    }

    /// Held until it is dropped, or the process ends however it may.
    fn lock_restore(&self) -> io::Result<File> {
        let (state, path) = (self.state().path(), self.place(LOCK));
        let lock = atomic_file::open_lock(&path)?;
        atomic_file::own_as(state, &path)?;
        // Some network shares have no locks.
        let _ = lock.lock();
        Ok(lock)
    }

    /// All of it, or nothing; what was moved before counts as moved now.
    fn put_in_place(&self, begun: &Path) -> Result<WaitingRestore, BackupError> {
        let half = |source| BackupError::Half { path: begun.to_owned(), source };
        if !fs::symlink_metadata(begun).map_err(half)?.is_dir() {
            return Err(half(io::ErrorKind::NotADirectory.into()));
        }
        let expected = || io::Error::new(io::ErrorKind::InvalidData, format!("expected a whole `{ABOUT}` in it"));
        let waiting = about(begun).ok_or_else(|| half(expected()))?;
        let aside = self.place(&waiting.replaced);
        let Err(error) = self.exchange(begun, &aside) else { return Ok(waiting) };
        tracing::warn!("the backup cannot take the place of the state, which is put back: {error}");
        self.put_back(begun, &aside).map_err(half)?;
        Err(BackupError::Write { path: self.state().path().to_owned(), source: error })
    }

    /// Each part in turn; one that is in its place already is not in `begun` any more.
    fn exchange(&self, begun: &Path, aside: &Path) -> io::Result<()> {
        if !is_there(aside) {
            fs::create_dir(aside)?;
            atomic_file::own_as(self.state().path(), aside)?;
        }
        if !fs::symlink_metadata(aside)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        for part in PARTS.into_iter().filter(|part| is_there(&begun.join(part))) {
            let logs = LOGS.into_iter().filter(|_| part == STORE);
            // Once the store is aside; from when the new one is there, they are of that.
            iter::once(part).chain(logs).try_for_each(|name| rename_where(&self.place(name), &aside.join(name)))?;
            rename_where(&begun.join(part), &self.place(part))?;
        }
        atomic_file::sync_folder(&self.place(STORE))?;
        atomic_file::sync_folder(&aside.join(STORE))?;
        let done = self.place(DONE);
        atomic_file::remove_folder(&done).or_else(or_not_there)?;
        fs::rename(begun, &done)?;
        let _ = fs::remove_dir_all(done);
        let _ = fs::remove_dir(aside);
        Ok(())
    }

    /// What [`exchange`](Self::exchange) did, backwards.
    fn put_back(&self, begun: &Path, aside: &Path) -> io::Result<()> {
        for part in PARTS.into_iter().rev() {
            if !is_there(&begun.join(part)) {
                rename_where(&self.place(part), &begun.join(part))?;
            }
            let logs = LOGS.into_iter().filter(|_| part == STORE && !is_there(&self.place(STORE)));
            for name in logs.chain([part]).filter(|name| !is_there(&self.place(name))) {
                rename_where(&aside.join(name), &self.place(name))?;
            }
        }
        let _ = fs::remove_dir(aside);
        atomic_file::sync_folder(&self.place(STORE))?;
        fs::rename(begun, self.place(WAITING))
    }
}

/// What waits in `folder`; `None` where that is not what this program writes.
fn about(folder: &Path) -> Option<WaitingRestore> {
    let bytes = crate::files::read(&folder.join(ABOUT), 1 << 16).ok()?;
    let about: WaitingRestore = serde_json::from_slice(&bytes).ok()?;
    let stamp = about.replaced.strip_prefix(REPLACED)?;
    let is_own = !stamp.is_empty() && stamp.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'T' | b'Z' | b'-'));
    is_own.then_some(about)
}

/// A link is there too, wherever it leads.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Moves what is at `from`, where something is, to where nothing is.
fn rename_where(from: &Path, to: &Path) -> io::Result<()> {
    match (is_there(from), is_there(to)) {
        (false, _) => Ok(()),
        (true, true) => Err(in_the_way(to)),
        (true, false) => fs::rename(from, to),
    }
}

fn in_the_way(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, format!("`{}` is in the way", path.display()))
}

fn or_not_there(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests;
