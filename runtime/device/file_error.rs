//! What can go wrong with files that a user names for a backup or an export.

use std::io;
use std::path::PathBuf;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected a backup in `{path}`, got an archive with `{entry}` in it")]
    Entry { path: PathBuf, entry: String },
    #[error("expected a backup in `{path}`, got an archive without a sample store")]
    NoStore { path: PathBuf },
    #[error("expected a whole backup in `{path}`, got one that was cut off")]
    CutOff { path: PathBuf },
    #[error("another program uses the state `{path}`, so nothing can take its place")]
    InUse { path: PathBuf },
    #[error("a backup is half in its place, and the rest of it is in `{path}`")]
    Begun { path: PathBuf },
    #[error("a backup is half in its place, which can be neither finished nor undone; the rest of it is in `{path}`")]
    Half { path: PathBuf, source: io::Error },
    #[error("expected a state folder without samples, heads and backbones, got `{path}`")]
    Occupied { path: PathBuf },
}

/// Why samples were not exported.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`")]
pub struct ExportError {
    pub path: PathBuf,
    pub source: io::Error,
}
