//! Versions of the fitted head as files: `NNNNNN.safetensors`, and `current`, which names the live one.
//!
//! `current` is the version's six digits and a line feed. A version is written once and never changed; the next number
//! is one above the highest there is. Publishing and rolling back hold an advisory lock on `.lock`; reading needs none.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::atomic_file;

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

impl FromStr for HeadVersion {
    type Err = ParseHeadVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|&number| digits && number > 0);
        number.map(Self).ok_or_else(|| ParseHeadVersionError(text.to_owned()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("expected a published head in `{path}`, got none")]
    Empty { path: PathBuf },
    #[error("expected head {version} in `{path}`, got no such version")]
    NoSuchVersion { path: PathBuf, version: HeadVersion },
    #[error("expected a head older than {current} in `{path}`, got none")]
    NothingOlder { path: PathBuf, current: HeadVersion },
    #[error("expected `{path}` to name a head")]
    Pointer { path: PathBuf, source: ParseHeadVersionError },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
}

/// One version on the shelf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShelvedHead {
    pub version: HeadVersion,
    pub path: PathBuf,
    pub current: bool,
}

/// The folder of the head's versions. It holds bytes and does not know what is in them.
#[derive(Clone, Debug)]
pub struct HeadShelf {
    folder: PathBuf,
    keep: usize,
}

impl HeadShelf {
    /// A shelf in `folder`, which must exist for publishing, with at most `keep` versions beside the live one.
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Self {
        Self { folder: folder.into(), keep }
    }

    /// Puts `bytes` on the shelf as the live head; when this returns, it survives a power cut.
    ///
    /// After an error the head that was live still is.
    pub fn publish(&self, bytes: &[u8]) -> Result<HeadVersion, ShelfError> {
        let _lock = self.lock()?;
        let version = self.create_next(bytes)?;
        self.point_to(version)?;
        self.tidy(version);
        Ok(version)
    }

    /// The live head and its bytes.
    pub fn current(&self) -> Result<(HeadVersion, Vec<u8>), ShelfError> {
        let mut version = self.current_version()?;
        loop {
            match self.read(version) {
                Ok(bytes) => return Ok((version, bytes)),
                // The version may have been replaced and cleared away in between.
                Err(error) => match self.current_version()? {
                    now if now == version => return Err(error),
                    now => version = now,
                },
            }
        }
    }

    /// The number of the live head.
    pub fn current_version(&self) -> Result<HeadVersion, ShelfError> {
        let path = self.pointer();
        match std::fs::read_to_string(&path) {
            Ok(text) => text.trim_end().parse().map_err(|source| ShelfError::Pointer { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ShelfError::Empty { path: self.folder.clone() })
            }
            Err(source) => Err(ShelfError::Read { path, source }),
        }
    }

    pub fn read(&self, version: HeadVersion) -> Result<Vec<u8>, ShelfError> {
        let path = self.file(version);
        std::fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ShelfError::NoSuchVersion { path: self.folder.clone(), version },
            _ => ShelfError::Read { path, source },
        })
    }

    /// Every version on the shelf, the oldest first.
    pub fn list(&self) -> Result<Vec<ShelvedHead>, ShelfError> {
        let current = match self.current_version() {
            Ok(version) => Some(version),
            Err(ShelfError::Empty { .. }) => None,
            Err(error) => return Err(error),
        };
        let shelved = |version| ShelvedHead { version, path: self.file(version), current: current == Some(version) };
        Ok(self.versions()?.into_iter().map(shelved).collect())
    }

    /// Makes an older version the live one: `to`, or the newest below the live one. Nothing is removed.
    pub fn rollback(&self, to: Option<HeadVersion>) -> Result<HeadVersion, ShelfError> {
        let _lock = self.lock()?;
        let current = self.current_version()?;
        let older = || ShelfError::NothingOlder { path: self.folder.clone(), current };
        let version = match to {
            Some(version) => version,
            None => self.versions()?.into_iter().rfind(|&version| version < current).ok_or_else(older)?,
        };
        if !self.file(version).is_file() {
            return Err(ShelfError::NoSuchVersion { path: self.folder.clone(), version });
        }
        self.point_to(version)?;
        Ok(version)
    }

    /// Removes every version but `kept`, which must be live, or all where none is; their bytes are overwritten first.
    /// Says how many there were.
    ///
    /// # Errors
    /// When a file cannot be overwritten or removed; what was removed before stays so.
    pub fn erase_others(&self, kept: Option<HeadVersion>) -> Result<usize, ShelfError> {
        let versions = self.versions()?;
        if versions.is_empty() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        if kept.is_none() {
            remove(&self.pointer())?;
        }
        let others: Vec<_> = versions.into_iter().filter(|version| Some(*version) != kept).collect();
        others.iter().try_for_each(|&version| {
            let path = self.file(version);
            overwrite(&path).map_err(|source| ShelfError::Write { path: path.clone(), source })?;
            remove(&path)
        })?;
        Ok(others.len())
    }

    fn create_next(&self, bytes: &[u8]) -> Result<HeadVersion, ShelfError> {
        let mut version = self.versions()?.last().map_or(HeadVersion(1), |last| HeadVersion(last.0 + 1));
        loop {
            let path = self.file(version);
            match atomic_file::create(&path, bytes) {
                Ok(()) => return Ok(version),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => version = HeadVersion(version.0 + 1),
                Err(source) => return Err(ShelfError::Write { path, source }),
            }
        }
    }

    fn point_to(&self, version: HeadVersion) -> Result<(), ShelfError> {
        let path = self.pointer();
        atomic_file::replace(&path, format!("{version}\n").as_bytes())
            .map_err(|source| ShelfError::Write { path, source })
    }

    /// Removes the versions that are too many; a head is published even where this fails.
    fn tidy(&self, current: HeadVersion) {
        let others = self.versions().unwrap_or_default().into_iter().rev().filter(|&version| version != current);
        for version in others.skip(self.keep) {
            if let Err(error) = std::fs::remove_file(self.file(version)) {
                tracing::warn!(%version, %error, "an old head cannot be removed");
            }
        }
    }

    /// The lock goes when the file is closed, whatever becomes of the process.
    fn lock(&self) -> Result<File, ShelfError> {
        let path = self.folder.join(".lock");
        let open = || File::options().create(true).write(true).truncate(false).open(&path);
        let file = open().map_err(|source| ShelfError::Write { path: path.clone(), source })?;
        match file.lock() {
            Ok(()) => Ok(file),
            // A file system without locks: numbers still differ, only the order of two publishers is left to chance.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
            Err(source) => Err(ShelfError::Write { path, source }),
        }
    }

    /// In ascending order.
    fn versions(&self) -> Result<Vec<HeadVersion>, ShelfError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ShelfError::Read { path: self.folder.clone(), source }),
        };
        let mut versions: Vec<HeadVersion> =
            entries.filter_map(|entry| version_of(Path::new(&entry.ok()?.file_name()))).collect();
        versions.sort();
        Ok(versions)
    }

    fn file(&self, version: HeadVersion) -> PathBuf {
        self.folder.join(format!("{version}.safetensors"))
    }

    fn pointer(&self) -> PathBuf {
        self.folder.join("current")
    }
}

/// Puts zeros in the place of a file's bytes.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()
}

fn remove(path: &Path) -> Result<(), ShelfError> {
    match std::fs::remove_file(path).and_then(|()| atomic_file::sync_folder(path)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ShelfError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The version that a file name means; only the name that [`HeadShelf`] itself would give counts.
fn version_of(name: &Path) -> Option<HeadVersion> {
    let version: HeadVersion = name.to_str()?.strip_suffix(".safetensors")?.parse().ok()?;
    (name == Path::new(&format!("{version}.safetensors"))).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(keep: usize) -> (tempfile::TempDir, HeadShelf) {
        let folder = tempfile::tempdir().unwrap();
        let shelf = HeadShelf::new(folder.path(), keep);
        (folder, shelf)
    }

    fn publish(shelf: &HeadShelf, times: usize) {
        for _ in 0..times {
            shelf.publish(b"head").unwrap();
        }
    }

    fn numbers(shelf: &HeadShelf) -> Vec<u64> {
        shelf.list().unwrap().iter().map(|head| head.version.0).collect()
    }

    #[test]
    fn the_last_head_published_is_the_current_one() {
        let (folder, shelf) = shelf(5);
        assert!(matches!(shelf.current(), Err(ShelfError::Empty { .. })));
        assert_eq!(shelf.publish(b"one").unwrap(), HeadVersion(1));
        assert_eq!(shelf.publish(b"two").unwrap(), HeadVersion(2));
        assert_eq!(shelf.current().unwrap(), (HeadVersion(2), b"two".to_vec()));
        assert_eq!(shelf.read(HeadVersion(1)).unwrap(), b"one");
        assert_eq!(std::fs::read(folder.path().join("current")).unwrap(), b"000002\n");
        assert!(folder.path().join("000002.safetensors").is_file());
    }

    #[test]
    fn only_the_newest_versions_are_kept_beside_the_current_one() {
        let (_folder, shelf) = shelf(2);
        publish(&shelf, 5);
        assert_eq!(numbers(&shelf), [3, 4, 5]);
    }

    #[test]
    fn a_rollback_keeps_the_newer_versions_and_the_next_head_gets_a_new_number() {
        let (_folder, shelf) = shelf(9);
        publish(&shelf, 3);
        assert_eq!(shelf.rollback(None).unwrap(), HeadVersion(2));
        assert_eq!(shelf.rollback(None).unwrap(), HeadVersion(1));
        assert!(matches!(shelf.rollback(None), Err(ShelfError::NothingOlder { .. })));
        assert_eq!(shelf.rollback(Some(HeadVersion(3))).unwrap(), HeadVersion(3));
        assert!(matches!(shelf.rollback(Some(HeadVersion(7))), Err(ShelfError::NoSuchVersion { .. })));
        assert_eq!(shelf.current_version().unwrap(), HeadVersion(3));
        shelf.rollback(Some(HeadVersion(1))).unwrap();
        assert_eq!(shelf.publish(b"new").unwrap(), HeadVersion(4));
        let current: Vec<bool> = shelf.list().unwrap().iter().map(|head| head.current).collect();
        assert_eq!(current, [false, false, false, true]);
    }

    #[test]
    fn a_head_whose_publishing_was_cut_short_is_not_current_and_its_number_is_not_given_again() {
        let (folder, shelf) = shelf(5);
        shelf.publish(b"one").unwrap();
        std::fs::write(folder.path().join("000002.safetensors"), b"cut short").unwrap();
        std::fs::write(folder.path().join(".tmp-abc"), b"rubbish").unwrap();
        std::fs::write(folder.path().join("2.safetensors"), b"somebody's own").unwrap();
        assert_eq!(shelf.current().unwrap().0, HeadVersion(1));
        assert_eq!(shelf.publish(b"three").unwrap(), HeadVersion(3));
        assert_eq!(numbers(&shelf), [1, 2, 3]);
    }

    #[test]
    fn erasing_leaves_one_version_or_none_and_numbers_go_on() {
        let (folder, shelf) = shelf(9);
        assert_eq!(shelf.erase_others(None).unwrap(), 0);
        publish(&shelf, 3);
        // A second name for the same bytes shows what is left of them.
        std::fs::hard_link(folder.path().join("000001.safetensors"), folder.path().join("other-name")).unwrap();
        assert_eq!(shelf.erase_others(Some(HeadVersion(3))).unwrap(), 2);
        assert_eq!((numbers(&shelf), shelf.current_version().unwrap()), (vec![3], HeadVersion(3)));
        assert_eq!(std::fs::read(folder.path().join("other-name")).unwrap(), [0; 4]);
        assert_eq!(shelf.publish(b"next").unwrap(), HeadVersion(4));
        assert_eq!(shelf.erase_others(None).unwrap(), 2);
        assert!(matches!(shelf.current(), Err(ShelfError::Empty { .. })));
    }

    #[test]
    fn publishers_at_once_get_different_numbers_and_the_highest_stays_current() {
        let (_folder, shelf) = shelf(100);
        let publish = |thread: u8| {
            let shelf = shelf.clone();
            move || (0..5).map(|_| shelf.publish(&[thread]).unwrap()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|thread| std::thread::spawn(publish(thread))).collect();
        let mut versions: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        versions.sort();
        assert_eq!(versions, (1..=20).map(HeadVersion).collect::<Vec<_>>());
        assert_eq!(shelf.current_version().unwrap(), HeadVersion(20));
    }

    #[test]
    fn readers_beside_a_publisher_that_keeps_nothing_always_get_a_whole_head() {
        let (_folder, shelf) = shelf(0);
        shelf.publish(&[0; 1000]).unwrap();
        std::thread::scope(|scope| {
            let publisher = scope.spawn(|| {
                for value in 1..60 {
                    shelf.publish(&[value; 1000]).unwrap();
                }
            });
            while !publisher.is_finished() {
                let (version, bytes) = shelf.current().unwrap();
                assert_eq!(bytes, [version.0 as u8 - 1; 1000]);
            }
        });
    }

    #[test]
    fn a_pointer_that_names_no_head_is_an_error_and_publishing_mends_it() {
        let (folder, shelf) = shelf(5);
        for text in ["", "-1\n", "000000\n", "../secret\n", "+3\n"] {
            std::fs::write(folder.path().join("current"), text).unwrap();
            assert!(matches!(shelf.current(), Err(ShelfError::Pointer { .. })), "{text:?}");
        }
        std::fs::write(folder.path().join("current"), "000009\n").unwrap();
        assert!(matches!(shelf.current(), Err(ShelfError::NoSuchVersion { version: HeadVersion(9), .. })));
        shelf.publish(b"new").unwrap();
        assert_eq!(shelf.current().unwrap().1, b"new");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_and_the_head_stays() {
        let (folder, shelf) = shelf(5);
        let missing = HeadShelf::new(folder.path().join("missing"), 5);
        assert!(matches!(missing.publish(b"x"), Err(ShelfError::Write { .. })));
        assert!(missing.list().unwrap().is_empty());
        shelf.publish(b"old").unwrap();
        std::fs::create_dir(folder.path().join("000002.safetensors")).unwrap();
        assert_eq!(shelf.publish(b"new").unwrap(), HeadVersion(3));
    }
}
