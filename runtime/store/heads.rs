//! Versions of the fitted head as files: `NNNNNN.safetensors`, and `current`, which names the live one.
//!
//! `current` is the version's six digits and a line feed; `review` has a line for each head that waits for a look. A version is
//! written once and never changed; the next number is one above the highest there is. Publishing and rolling back hold an
//! advisory lock on `.lock`; reading needs none.
//! Every file is written under that lock, so what begins with `.tmp-` while somebody holds it was left by a process that
//! was killed: it is overwritten and removed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::waiting_heads::{REVIEWS, Waits};
use crate::atomic_file;
use crate::files;

/// Of the file of a head, many times more than there are weights for.
const MOST_BYTES: u64 = 256 << 20;

/// The number of a published head, written with six digits or more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct HeadVersion(pub u64);

#[derive(Debug, thiserror::Error)]
#[error("expected the number of a head, such as 000001, got `{0}`")]
pub struct ParseHeadVersionError(String);

impl fmt::Display for HeadVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl HeadVersion {
    /// The highest; a file with a higher number is somebody else's.
    const LAST: Self = Self(999_999_999_999);

    fn next(self) -> Option<Self> {
        (self < Self::LAST).then(|| Self(self.0 + 1))
    }
}

impl FromStr for HeadVersion {
    type Err = ParseHeadVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && (1..=Self::LAST.0).contains(number));
        number.map(Self).ok_or_else(|| ParseHeadVersionError(text.to_owned()))
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadFolderError {
    #[error("expected a published head in `{path}`, got none")]
    Empty { path: PathBuf },
    #[error("expected head {version} in `{path}`, got no such version")]
    NoSuchVersion { path: PathBuf, version: HeadVersion },
    #[error("expected a head older than {current} in `{path}`, got none")]
    NothingOlder { path: PathBuf, current: HeadVersion },
    #[error("no number is left for another head after {last} in `{path}`")]
    NoNumberLeft { path: PathBuf, last: HeadVersion },
    #[error("expected `{path}` to name a head")]
    Pointer { path: PathBuf, source: ParseHeadVersionError },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
}

/// One version and its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadFile {
    pub version: HeadVersion,
    pub path: PathBuf,
    pub current: bool,
    /// Whether it waits for somebody to look at it: it was never live, or was left for an older one.
    pub for_review: bool,
}

/// The folder of the head's versions. It holds bytes and does not know what is in them.
#[derive(Clone, Debug)]
pub struct HeadFolder {
    pub(super) folder: PathBuf,
    keep: usize,
}

impl HeadFolder {
    /// The heads in `folder`, which must exist for publishing, with at most `keep` versions beside the live one.
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Self {
        Self { folder: folder.into(), keep }
    }

    /// Writes `bytes` as the live head; when this returns, it survives a power cut.
    ///
    /// A head fitted on samples goes through [`HeadFolder::publish_fitted`], which asks whether any was forgotten since.
    /// After an error the live head is the one before or, where the disk failed late, already this one.
    pub fn publish(&self, bytes: &[u8]) -> Result<HeadVersion, HeadFolderError> {
        self.publish_under(&self.lock()?, bytes)
    }

    pub(super) fn publish_under(&self, lock: &Lock, bytes: &[u8]) -> Result<HeadVersion, HeadFolderError> {
        if let Err(error) = self.clear_leftovers_under(lock) {
            tracing::warn!(%error, "what a killed process left beside the heads cannot be removed");
        }
        let version = self.put(bytes)?;
        self.tidy(version);
        Ok(version)
    }

    /// Makes `bytes` the live head; the lock must be held.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<HeadVersion, HeadFolderError> {
        let version = self.create_next(bytes, |_| Ok(()))?;
        self.point_to(version)?;
        Ok(version)
    }

    /// Overwrites and removes what killed processes left, unless somebody holds the lock or the folder cannot be written; says how
    /// many files that were.
    pub fn clear_leftovers(&self) -> Result<usize, HeadFolderError> {
        if !self.exists() {
            return Ok(0);
        }
        let path = self.folder.join(".lock");
        let read_only = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
        let file = match self.open_lock() {
            Err(HeadFolderError::Write { source, .. }) if read_only.contains(&source.kind()) => return Ok(0),
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => self.clear_leftovers_under(&Lock { _file: file, held: true }),
            Err(TryLockError::WouldBlock) => Ok(0),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(0),
            Err(TryLockError::Error(source)) => Err(HeadFolderError::Write { path, source }),
        }
    }

    /// The live head and its bytes.
    pub fn current(&self) -> Result<(HeadVersion, Vec<u8>), HeadFolderError> {
        let mut version = self.current_version()?;
        loop {
            let read = self.read(version);
            // The version may have been replaced and then overwritten or removed in between.
            match self.current_version()? {
                now if now == version => return read.map(|bytes| (version, bytes)),
                now => version = now,
            }
        }
    }

    /// The number of the live head.
    pub fn current_version(&self) -> Result<HeadVersion, HeadFolderError> {
        let path = self.pointer();
        match files::read_to_string(&path, 64) {
            Ok(text) => text.trim_end().parse().map_err(|source| HeadFolderError::Pointer { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(HeadFolderError::Empty { path: self.folder.clone() })
            }
            Err(source) => Err(HeadFolderError::Read { path, source }),
        }
    }

    /// The number of the live head; `None` where none is.
    pub fn live(&self) -> Result<Option<HeadVersion>, HeadFolderError> {
        match self.current_version() {
            Ok(version) => Ok(Some(version)),
            Err(HeadFolderError::Empty { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The newest version below the live one that was live, and was not left for an older one.
    fn older(&self) -> Result<HeadVersion, HeadFolderError> {
        let (current, waiting) = (self.current_version()?, self.for_review()?);
        let older = self.versions()?.into_iter().rfind(|version| *version < current && !waiting.contains(version));
        older.ok_or_else(|| HeadFolderError::NothingOlder { path: self.folder.clone(), current })
    }

    pub fn read(&self, version: HeadVersion) -> Result<Vec<u8>, HeadFolderError> {
        let path = self.file(version);
        files::read(&path, MOST_BYTES).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => HeadFolderError::NoSuchVersion { path: self.folder.clone(), version },
            _ => HeadFolderError::Read { path, source },
        })
    }

    /// Every version, the oldest first.
    pub fn list(&self) -> Result<Vec<HeadFile>, HeadFolderError> {
        let (current, waiting) = (self.live()?, self.for_review()?);
        let shelved = |version| HeadFile {
            version,
            path: self.file(version),
            current: current == Some(version),
            for_review: waiting.contains(&version),
        };
        Ok(self.versions()?.into_iter().map(shelved).collect())
    }

    /// Makes another version the live one: `to`, or the newest below the live one that was live. Nothing is removed; a head that is
    /// left for an older one waits for review.
    ///
    /// `check` sees its bytes first; nobody can publish, and so remove an old version, until it is live.
    ///
    /// # Errors
    /// When there is no such version, or `check` refuses it.
    pub fn rollback<E: From<HeadFolderError>>(
        &self,
        to: Option<HeadVersion>,
        check: impl FnOnce(HeadVersion, &[u8]) -> Result<(), E>,
    ) -> Result<HeadVersion, E> {
        if !self.exists() {
            return Err(HeadFolderError::Empty { path: self.folder.clone() }.into());
        }
        let _lock = self.lock()?;
        let version = to.map_or_else(|| self.older(), Ok)?;
        check(version, &self.read(version)?)?;
        self.leave_for(version)?;
        self.point_to(version)?;
        Ok(version)
    }

    /// Removes every version but `kept`, which must be live, or all where none is, and what killed processes left; their
    /// bytes are overwritten first. Says how many versions there were.
    ///
    /// # Errors
    /// When a file cannot be overwritten or removed; what was removed before stays so.
    pub(super) fn erase_but(&self, lock: &Lock, kept: Option<HeadVersion>) -> Result<usize, HeadFolderError> {
        if kept.is_none() {
            remove(&self.pointer())?;
        }
        self.clear_leftovers_under(lock)?;
        let others: Vec<_> = self.versions()?.into_iter().filter(|version| Some(*version) != kept).collect();
        others.iter().try_for_each(|&version| erase(&self.file(version)))?;
        // Last: where this is cut short, what is still there waits as before.
        self.forget_reviews()?;
        Ok(others.len())
    }

    fn clear_leftovers_under(&self, lock: &Lock) -> Result<usize, HeadFolderError> {
        // Without a lock somebody may be writing them.
        if !lock.held {
            return Ok(0);
        }
        let leftover = |name: &OsStr| name.to_string_lossy().starts_with(atomic_file::TEMPORARY);
        let names: Vec<_> = self.names()?.into_iter().filter(|name| leftover(name)).collect();
        names.iter().try_for_each(|name| erase(&self.folder.join(name)))?;
        Ok(names.len())
    }

    /// Writes `bytes` as the next version; `before` is told its number first.
    pub(super) fn create_next(
        &self,
        bytes: &[u8],
        before: impl Fn(HeadVersion) -> Result<(), HeadFolderError>,
    ) -> Result<HeadVersion, HeadFolderError> {
        let mut last = self.versions()?.last().copied().unwrap_or(HeadVersion(0));
        loop {
            let version =
                last.next().ok_or_else(|| HeadFolderError::NoNumberLeft { path: self.folder.clone(), last })?;
            before(version)?;
            let path = self.file(version);
            match atomic_file::create(&path, bytes) {
                Ok(()) => return Ok(version),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = version,
                Err(source) => return Err(HeadFolderError::Write { path, source }),
            }
        }
    }

    fn point_to(&self, version: HeadVersion) -> Result<(), HeadFolderError> {
        self.no_longer_for_review(version)?;
        let path = self.pointer();
        atomic_file::replace(&path, format!("{version}\n").as_bytes())
            .map_err(|source| HeadFolderError::Write { path, source })
    }

    /// Erases the versions that are too many; a head is published even where this fails.
    pub(super) fn tidy(&self, current: HeadVersion) {
        let Ok(waiting) = self.waiting() else { return };
        let was_never_live = |version: &HeadVersion| waiting.get(version) == Some(&Waits::Kept);
        let others = self.versions().unwrap_or_default().into_iter().rev().filter(|&version| version != current);
        let (kept, others): (Vec<_>, Vec<_>) = others.partition(was_never_live);
        for &version in others.iter().skip(self.keep).chain(kept.iter().skip(REVIEWS)) {
            if let Err(error) = erase(&self.file(version)) {
                tracing::warn!(%version, %error, "an old head cannot be removed");
            }
        }
    }

    /// Also true where the system does not say: whoever takes heads for gone may forget to erase them.
    pub(super) fn exists(&self) -> bool {
        !matches!(self.folder.try_exists(), Ok(false))
    }

    pub(super) fn lock(&self) -> Result<Lock, HeadFolderError> {
        let file = self.open_lock()?;
        match file.lock() {
            Ok(()) => Ok(Lock { _file: file, held: true }),
            // A file system without locks: numbers still differ, only the order of two publishers is left to chance.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Lock { _file: file, held: false }),
            Err(source) => Err(HeadFolderError::Write { path: self.folder.join(".lock"), source }),
        }
    }

    fn open_lock(&self) -> Result<File, HeadFolderError> {
        let path = self.folder.join(".lock");
        let file = File::options().create(true).write(true).truncate(false).open(&path);
        file.map_err(|source| HeadFolderError::Write { path, source })
    }

    /// In ascending order.
    pub(super) fn versions(&self) -> Result<Vec<HeadVersion>, HeadFolderError> {
        let mut versions: Vec<HeadVersion> =
            self.names()?.iter().filter_map(|name| version_of(Path::new(name))).collect();
        versions.sort();
        Ok(versions)
    }

    /// Of all that lies in the folder.
    fn names(&self) -> Result<Vec<OsString>, HeadFolderError> {
        match std::fs::read_dir(&self.folder) {
            Ok(entries) => Ok(entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(HeadFolderError::Read { path: self.folder.clone(), source }),
        }
    }

    pub(super) fn file(&self, version: HeadVersion) -> PathBuf {
        self.folder.join(format!("{version}.safetensors"))
    }

    fn pointer(&self) -> PathBuf {
        self.folder.join("current")
    }
}

/// Held until it is dropped, or the process ends.
pub(super) struct Lock {
    _file: File,
    /// False on a file system that has no locks.
    held: bool,
}

/// Overwrites a file and removes it.
fn erase(path: &Path) -> Result<(), HeadFolderError> {
    atomic_file::erase(path).map_err(|source| HeadFolderError::Write { path: path.to_owned(), source })
}

pub(super) fn remove(path: &Path) -> Result<(), HeadFolderError> {
    match std::fs::remove_file(path).and_then(|()| atomic_file::sync_folder(path)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(HeadFolderError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The version that a file name means; only the name that [`HeadFolder`] itself would give counts.
fn version_of(name: &Path) -> Option<HeadVersion> {
    let version: HeadVersion = name.to_str()?.strip_suffix(".safetensors")?.parse().ok()?;
    (name == Path::new(&format!("{version}.safetensors"))).then_some(version)
}
