//! `folder:DIR`: the pictures that somebody puts into a folder, each once it is whole.
//!
//! The folder is looked at again and again: that works on every file system, those of a network included, which say nothing of
//! what another machine writes.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::{Camera, CameraError, Frame, Wanted};
use crate::files;
use crate::preprocess::is_image_path;

/// Between two looks. A file is whole when two of them show it alike.
const LOOK: Duration = Duration::from_millis(500);
/// Looking takes at most this part of the time, so that a large folder costs no more than a small one.
const SHARE: u32 = 20;

pub(super) struct Folder {
    path: PathBuf,
    max_bytes: usize,
    /// What lay there at the last look.
    files: BTreeMap<OsString, Seen>,
    whole: VecDeque<PathBuf>,
    next_look: Instant,
}

/// A file as a look showed it.
#[derive(Clone, Copy)]
struct Seen {
    looks: Looks,
    taken: bool,
}

/// What changes while a file is written.
#[derive(Clone, Copy, PartialEq)]
struct Looks {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Folder {
    /// What is there already is not taken; of a folder that is missing, all that it will hold.
    pub fn open(path: &Path, wanted: &Wanted) -> Self {
        let mut folder = Self {
            path: path.to_owned(),
            max_bytes: wanted.max_bytes,
            files: BTreeMap::new(),
            whole: VecDeque::new(),
            next_look: Instant::now(),
        };
        let there = folder.list().unwrap_or_default().into_iter();
        folder.files = there.map(|(name, looks)| (name, Seen { looks, taken: true })).collect();
        folder
    }

    fn look(&mut self) -> Result<(), CameraError> {
        let start = Instant::now();
        let mut whole = Vec::new();
        let listed = self.list()?;
        let before = std::mem::take(&mut self.files);
        for (name, looks) in listed {
            let seen = before.get(&name).copied().filter(|seen| seen.looks == looks);
            let is_whole = seen.is_some() && looks.bytes > 0;
            let taken = seen.is_some_and(|seen| seen.taken);
            if is_whole && !taken {
                whole.push((looks.modified, self.path.join(&name)));
            }
            self.files.insert(name, Seen { looks, taken: taken || is_whole });
        }
        whole.sort();
        self.whole.extend(whole.into_iter().map(|(_, path)| path));
        self.next_look = Instant::now() + LOOK.max(start.elapsed() * SHARE);
        Ok(())
    }

    /// The pictures that are there; hidden ones are somebody's temporary files.
    fn list(&self) -> Result<Vec<(OsString, Looks)>, CameraError> {
        let failed = |source| CameraError::Folder { path: self.path.clone(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if name.as_encoded_bytes().starts_with(b".") || !is_image_path(Path::new(&name)) {
                continue;
            }
            // It may be gone again.
            let Ok(metadata) = std::fs::metadata(self.path.join(&name)) else { continue };
            if metadata.is_file() {
                files.push((name, Looks { bytes: metadata.len(), modified: metadata.modified().ok() }));
            }
        }
        Ok(files)
    }
}

impl Camera for Folder {
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError> {
        if self.whole.is_empty() {
            let wait = self.next_look.saturating_duration_since(Instant::now());
            std::thread::sleep(wait.min(patience));
            if wait > patience {
                return Ok(None);
            }
            self.look()?;
        }
        while let Some(path) = self.whole.pop_front() {
            match files::read(&path, self.max_bytes as u64) {
                Ok(bytes) => return Ok(Some(Frame::file(bytes))),
                Err(error) => tracing::warn!("cannot take `{}`: {error}", path.display()),
            }
        }
        Ok(None)
    }

    /// A folder that cannot be read for a while may get pictures meanwhile.
    fn goes_on(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted { fps: 5.0, max_bytes: 100 }
    }

    fn content(frame: Option<Frame>) -> Option<Vec<u8>> {
        frame.map(|frame| match frame.content {
            super::super::Content::File(bytes) => bytes.to_vec(),
            super::super::Content::Pixels(_) => panic!("a folder holds files"),
        })
    }

    /// The contents that come at the next look.
    fn looked(folder: &mut Folder) -> Vec<Vec<u8>> {
        folder.next_look = Instant::now();
        let mut all = Vec::new();
        while let Some(one) = content(folder.next(Duration::ZERO).unwrap()) {
            all.push(one);
        }
        all
    }

    #[test]
    fn a_file_is_taken_once_it_no_longer_grows_and_again_when_it_is_written_anew() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| std::fs::write(place.path().join(name), content).unwrap();
        write("old.jpg", b"was there");
        let mut folder = Folder::open(place.path(), &wanted());
        write("a.jpg", b"be");
        assert!(looked(&mut folder).is_empty(), "it may grow");
        write("a.jpg", b"begun");
        write(".b.jpg", b"hidden");
        write("notes.txt", b"no picture");
        write("empty.jpg", b"");
        assert!(looked(&mut folder).is_empty(), "it grew");
        assert_eq!(looked(&mut folder), [b"begun"]);
        assert!(looked(&mut folder).is_empty(), "taken already");
        write("a.jpg", b"another one");
        looked(&mut folder);
        assert_eq!(looked(&mut folder), [b"another one"]);
        std::fs::rename(place.path().join("old.jpg"), place.path().join("new.jpg")).unwrap();
        looked(&mut folder);
        assert_eq!(looked(&mut folder), [b"was there"]);
    }

    #[test]
    fn what_is_too_long_is_passed_over_and_a_folder_that_goes_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(place.path(), &wanted());
        std::fs::write(place.path().join("long.png"), [7; 101]).unwrap();
        std::fs::write(place.path().join("short.png"), [7; 100]).unwrap();
        looked(&mut folder);
        assert_eq!(looked(&mut folder), [[7; 100]]);
        drop(place);
        folder.next_look = Instant::now();
        assert!(matches!(folder.next(Duration::ZERO), Err(CameraError::Folder { .. })));
    }

    #[test]
    fn of_a_folder_that_is_made_later_or_comes_back_nothing_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let (inner, away) = (place.path().join("in"), place.path().join("away"));
        let mut folder = Folder::open(&inner, &wanted());
        assert!(folder.next(Duration::ZERO).is_err() && folder.goes_on());
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("a.jpg"), b"first").unwrap();
        looked(&mut folder);
        assert_eq!(looked(&mut folder), [b"first"]);
        std::fs::write(inner.join("b.jpg"), b"begun").unwrap();
        looked(&mut folder);
        std::fs::rename(&inner, &away).unwrap();
        folder.next_look = Instant::now();
        assert!(folder.next(Duration::ZERO).is_err());
        std::fs::rename(&away, &inner).unwrap();
        assert_eq!(looked(&mut folder), [b"begun"], "and the first one not again");
    }
}
