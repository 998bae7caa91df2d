//! Pictures on which a run ended: what takes much memory is written down while it is decoded, so that a picture that
//! had the process killed is passed over by the next run.
//!
//! Each run that meets such a picture has a file of its own in the state directory, locked while it lives, and removes
//! it at its end. A file without a lock is of a run that was killed; what it began and did not end is passed over.

use std::collections::HashMap;
use std::fs::{DirEntry, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::digest::ContentHash;
use crate::predictor::Journal;

const FOLDER: &str = "unfinished";
const HIDDEN: &str = ".";
/// Of what one run wrote down.
const MOST_BYTES: u64 = 64 << 20;

/// One line of a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Began { hash: String, path: String },
    Ended { hash: String },
}

/// What earlier runs left, and what this one has in hand.
pub struct Unfinished {
    folder: PathBuf,
    /// By hash, with the path that each had then.
    passed_over: HashMap<ContentHash, String>,
    own: Mutex<Option<(PathBuf, File)>>,
}

impl Unfinished {
    /// Looks at what earlier runs left; with `again` it is forgotten, so that it is tried again.
    pub fn read(state: &Path, again: bool) -> io::Result<Self> {
        let folder = state.join(FOLDER);
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            entries => entries?.collect::<io::Result<Vec<_>>>()?,
        };
        let mut passed_over = HashMap::new();
        let hidden = |entry: &DirEntry| entry.file_name().to_string_lossy().starts_with(HIDDEN);
        for path in entries.iter().filter(|entry| !hidden(entry)).map(DirEntry::path) {
            let left = left_by_dead_run(&path)?;
            match left {
                // Of a run that is alive.
                None => {}
                Some(left) if again || left.is_empty() => std::fs::remove_file(&path)?,
                Some(left) => passed_over.extend(left),
            }
        }
        Ok(Self { folder, passed_over, own: Mutex::new(None) })
    }

    /// Why a picture is not tried; `None` where it may be.
    pub fn reason(&self, hash: &ContentHash) -> Option<String> {
        let path = self.passed_over.get(hash)?;
        Some(format!("an earlier run ended while it decoded this picture, then `{path}`, so it is passed over"))
    }

    pub fn passes_over(&self, hash: &ContentHash) -> bool {
        self.passed_over.contains_key(hash)
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = Some(self.create()?);
        }
        let (_, file) = own.as_mut().expect("made above");
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        // It outlives this process in the memory of the system; a power cut is nobody's fault.
        file.write_all(text.as_bytes())
    }

    fn create(&self) -> io::Result<(PathBuf, File)> {
        std::fs::create_dir_all(&self.folder)?;
        // Under another name until it is locked: nobody must take it for the file of a dead run.
        let new = tempfile::Builder::new().prefix(HIDDEN).suffix(".jsonl").tempfile_in(&self.folder)?;
        new.as_file().try_lock()?;
        let name = new.path().file_name().expect("it has one").to_string_lossy().replacen(HIDDEN, "", 1);
        let path = self.folder.join(name);
        Ok((path.clone(), new.persist_noclobber(path)?))
    }
}

impl Journal for Unfinished {
    fn begin(&self, path: &Path, hash: &ContentHash) {
        if let Err(error) =
            self.write(&Line::Began { hash: hash.to_string(), path: path.to_string_lossy().into_owned() })
        {
            tracing::debug!("no note of `{}`: {error}", path.display());
        }
    }

    fn end(&self, hash: &ContentHash) {
        // Where this fails the picture is passed over after this run was killed, and said to be.
        if let Err(error) = self.write(&Line::Ended { hash: hash.to_string() }) {
            tracing::debug!("no note of an end: {error}");
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((path, _file)) = own {
            // What is left over is empty of what is in hand, and goes with the next run.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What the run that wrote `path` began and did not end; `None` while it lives.
fn left_by_dead_run(path: &Path) -> io::Result<Option<HashMap<ContentHash, String>>> {
    let file = match File::open(path) {
        // Its run has come to its end just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    let mut left = HashMap::new();
    for line in BufReader::new((&file).take(MOST_BYTES)).lines().map_while(Result::ok) {
        // The last line of a killed run may be a part of one.
        let Ok(line) = serde_json::from_str(&line) else { continue };
        let (Line::Began { hash, .. } | Line::Ended { hash }) = &line;
        let Ok(hash) = hash.parse() else { continue };
        match line {
            Line::Began { path, .. } => left.insert(hash, path),
            Line::Ended { .. } => left.remove(&hash),
        };
    }
    Ok(Some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> ContentHash {
        ContentHash::of(&[byte])
    }

    /// What a killed run leaves: its file, without a lock.
    fn killed(state: &Path, began: &[u8], ended: &[u8]) {
        let run = Unfinished::read(state, false).unwrap();
        began.iter().for_each(|byte| run.begin(Path::new("big.tif"), &hash(*byte)));
        ended.iter().for_each(|byte| run.end(&hash(*byte)));
        drop(run.own.lock().unwrap().take());
    }

    fn files(state: &Path) -> usize {
        std::fs::read_dir(state.join(FOLDER)).map_or(0, Iterator::count)
    }

    #[test]
    fn what_a_killed_run_had_in_hand_is_passed_over_until_it_is_asked_for_again() {
        let state = tempfile::tempdir().unwrap();
        killed(state.path(), &[1, 2, 3], &[2]);
        for _ in 0..2 {
            let next = Unfinished::read(state.path(), false).unwrap();
            assert_eq!([1, 2, 3, 4].map(|byte| next.passes_over(&hash(byte))), [true, false, true, false]);
            assert!(next.reason(&hash(1)).unwrap().contains("`big.tif`"));
        }
        assert!(!Unfinished::read(state.path(), true).unwrap().passes_over(&hash(1)));
        assert_eq!(files(state.path()), 0);
    }

    #[test]
    fn a_run_that_ends_by_itself_leaves_nothing_and_one_that_lives_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let alive = Unfinished::read(state.path(), false).unwrap();
        alive.begin(Path::new("big.tif"), &hash(1));
        assert!(!Unfinished::read(state.path(), false).unwrap().passes_over(&hash(1)));
        drop(Unfinished::read(state.path(), true).unwrap());
        assert_eq!(files(state.path()), 1);
        drop(alive);
        assert_eq!(files(state.path()), 0);
    }

    #[test]
    fn a_line_cut_short_is_no_error_and_a_run_without_large_pictures_writes_nothing() {
        let state = tempfile::tempdir().unwrap();
        drop(Unfinished::read(state.path(), false).unwrap());
        assert!(!state.path().join(FOLDER).exists());
        killed(state.path(), &[1], &[]);
        let path = std::fs::read_dir(state.path().join(FOLDER)).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{}", &text[..20])).unwrap();
        assert!(Unfinished::read(state.path(), false).unwrap().passes_over(&hash(1)));
    }
}
