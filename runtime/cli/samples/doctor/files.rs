//! What is wrong with the pictures as files: too small, gone, changed.

use std::time::{Duration, UNIX_EPOCH};

use super::Examined;
use super::findings::{SourceRow, SourceState, TinyRow};
use crate::digest::{ContentHash, Digest};
use crate::files;
use crate::manifest::Preprocess;
use crate::store::SampleRow;

/// No network sees anything in a picture with a shorter side, in pixels.
const LEAST_SIDE: u32 = 32;

/// Pictures with less than the network's input has, smallest first.
pub fn tiny(rows: &[SampleRow], preprocess: &Preprocess, examined: &Examined) -> Vec<TinyRow> {
    let expected = preprocess.width.min(preprocess.height).max(LEAST_SIDE);
    let side = |row: &SampleRow| row.width.min(row.height);
    let mut small: Vec<&SampleRow> = rows.iter().filter(|row| side(row) < expected).collect();
    small.sort_by_key(|row| (side(row), row.id));
    let tiny = small.into_iter().map(|row| TinyRow {
        id: row.id.0,
        path: row.source.clone(),
        width: row.width,
        height: row.height,
        expected,
        command: examined.removal(row.id),
        held_back: !examined.can_go(row.id),
    });
    tiny.collect()
}

/// Samples whose file is gone or holds something else by now. A file that was not written to since is not read.
pub fn sources(rows: &[SampleRow], examined: &Examined) -> Vec<SourceRow> {
    let found = rows.iter().filter_map(|row| {
        let state = state(row)?;
        let command = examined.removal(row.id);
        let held_back = !examined.can_go(row.id);
        Some(SourceRow { id: row.id.0, path: row.source.clone(), state, command, held_back })
    });
    found.collect()
}

/// `None` where the file is as it was, cannot be told, or is no file.
fn state(row: &SampleRow) -> Option<SourceState> {
    let path = files::path_of(&row.source);
    // A URL; or a name that an older program could not write down, so that nobody knows what it was.
    if row.source.contains(char::REPLACEMENT_CHARACTER) || path.to_str().is_some_and(|path| path.contains("://")) {
        return None;
    }
    let metadata = match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(SourceState::Gone),
        other => other.ok()?,
    };
    let added = UNIX_EPOCH + Duration::from_secs(row.added_at.max(0).unsigned_abs());
    if metadata.modified().is_ok_and(|modified| modified < added) {
        return None;
    }
    let content = ContentHash(Digest::of_file(&path).ok()?);
    (content != row.hash).then_some(SourceState::Changed)
}
