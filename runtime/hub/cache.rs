//! The cache that the hub's own tools keep: read, never written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::files;

/// A commit has 40 digits.
const REFERENCE_LIMIT: u64 = 256;

/// `models--OWNER--REPOSITORY` in a cache.
pub struct Cached {
    folder: PathBuf,
}

impl Cached {
    pub fn of(cache: &Path, repository: &str) -> Self {
        Self { folder: cache.join(format!("models--{}", repository.replace('/', "--"))) }
    }

    /// The commit that `revision` was when the cache was written.
    pub fn commit(&self, revision: &str) -> Option<String> {
        let named = || files::read(&self.folder.join("refs").join(revision), REFERENCE_LIMIT).ok();
        let commit = || self.folder.join("snapshots").join(revision).is_dir().then(|| revision.to_owned());
        let read = named().and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.trim().to_owned());
        read.filter(|commit| !commit.is_empty()).or_else(commit)
    }

    /// `file` as of `commit`.
    pub fn file(&self, commit: &str, file: &str) -> Option<PathBuf> {
        Some(self.folder.join("snapshots").join(commit).join(file)).filter(|path| path.is_file())
    }

    /// The SHA-256 by which the cache names the content of `path`, one of its own files.
    pub fn digest(path: &Path) -> Option<Digest> {
        fs::read_link(path).ok()?.file_name()?.to_str()?.parse().ok()
    }

    /// Every file as of `commit`, by its path in the repository.
    pub fn files(&self, commit: &str) -> Vec<String> {
        let top = self.folder.join("snapshots").join(commit);
        let entries = walkdir::WalkDir::new(&top).max_depth(4).sort_by_file_name().into_iter().filter_map(Result::ok);
        let is_file = |entry: &walkdir::DirEntry| fs::metadata(entry.path()).is_ok_and(|file| file.is_file());
        let name =
            |entry: walkdir::DirEntry| entry.path().strip_prefix(&top).ok().and_then(Path::to_str).map(str::to_owned);
        entries.filter(is_file).filter_map(name).collect()
    }
}
