//! Heads that wait for somebody to look at them: those that a program fitted and that were not good enough to be published by it,
//! and those that were live and that somebody left for an older one.
//!
//! `review` names them, a line each; `left` follows the number of one that was live. It is written before the file of a head that
//! is kept and before another takes the place of one that is left, and a head is taken out of it before it becomes live, so that
//! wherever a process is killed no head is rolled back to that nobody ever chose, and none that somebody left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use super::heads::{HeadFolder, HeadFolderError, HeadVersion, Lock, ParseHeadVersionError, remove};
use crate::atomic_file;
use crate::files;

/// So many of those that were never live stay, the newest.
pub(super) const REVIEWS: usize = 3;

const LEFT: &str = " left";

/// Why a head waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waits {
    /// It was never live.
    Kept,
    /// It was live until somebody went back to an older one; it stays as long as others that were live.
    Left,
}

impl HeadFolder {
    /// The heads that wait for a look.
    pub fn for_review(&self) -> Result<BTreeSet<HeadVersion>, HeadFolderError> {
        Ok(self.waiting()?.into_keys().collect())
    }

    pub(super) fn waiting(&self) -> Result<BTreeMap<HeadVersion, Waits>, HeadFolderError> {
        let path = self.reviews();
        let text = match files::read_to_string(&path, 1 << 16) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(source) => return Err(HeadFolderError::Read { path, source }),
        };
        let named = text.lines().map(named).collect::<Result<Vec<_>, _>>();
        let named = named.map_err(|source| HeadFolderError::Pointer { path, source })?;
        // Some were tidied away, and one may have been announced by a process that was killed then.
        let there = self.versions()?;
        Ok(named.into_iter().filter(|(version, _)| there.contains(version)).collect())
    }

    /// Writes `bytes` as a head that waits for a look; the live one stays.
    pub(super) fn keep_under(&self, _lock: &Lock, bytes: &[u8]) -> Result<HeadVersion, HeadFolderError> {
        let waiting = self.waiting()?;
        let version = self.create_next(bytes, |version| {
            let mut waiting = waiting.clone();
            waiting.insert(version, Waits::Kept);
            self.write_reviews(&waiting)
        })?;
        if let Some(current) = self.live()? {
            self.tidy(current);
        }
        Ok(version)
    }

    /// Where `version`, which is about to become live, is older than the live head, that one waits from now on. The lock must be held.
    pub(super) fn leave_for(&self, version: HeadVersion) -> Result<(), HeadFolderError> {
        // Where `current` names no head, going back to one mends it.
        let Some(left) = self.live().ok().flatten().filter(|live| *live > version) else { return Ok(()) };
        let mut waiting = self.waiting()?;
        waiting.insert(left, Waits::Left);
        self.write_reviews(&waiting)
    }

    pub(super) fn no_longer_for_review(&self, version: HeadVersion) -> Result<(), HeadFolderError> {
        let mut waiting = self.waiting()?;
        if waiting.remove(&version).is_some() { self.write_reviews(&waiting) } else { Ok(()) }
    }

    /// Takes all of them out; their files stay.
    pub(super) fn forget_reviews(&self) -> Result<(), HeadFolderError> {
        remove(&self.reviews())
    }

    fn write_reviews(&self, waiting: &BTreeMap<HeadVersion, Waits>) -> Result<(), HeadFolderError> {
        let path = self.reviews();
        let line = |(version, waits): (&HeadVersion, &Waits)| match waits {
            Waits::Kept => format!("{version}\n"),
            Waits::Left => format!("{version}{LEFT}\n"),
        };
        let text: String = waiting.iter().map(line).collect();
        atomic_file::replace(&path, text.as_bytes()).map_err(|source| HeadFolderError::Write { path, source })
    }

    fn reviews(&self) -> PathBuf {
        self.folder.join("review")
    }
}

/// What a line of `review` says.
fn named(line: &str) -> Result<(HeadVersion, Waits), ParseHeadVersionError> {
    match line.strip_suffix(LEFT) {
        Some(version) => Ok((version.parse()?, Waits::Left)),
        None => Ok((line.parse()?, Waits::Kept)),
    }
}
