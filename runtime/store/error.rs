//! What can go wrong between a caller and `samples.db`.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::dataset::{DatasetError, SampleId};
use crate::digest::{Fingerprint, ParseDigestError};
use crate::labels::LabelError;

use super::review::ReviewId;
use super::sample::ParseSplitError;
use super::share::network_file_system;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("expected a sample store at `{path}`, got no file")]
    Missing { path: PathBuf },
    #[error("cannot reach `{path}`")]
    Unreachable { path: PathBuf, source: io::Error },
    #[error("cannot open `{path}`")]
    CannotOpen { path: PathBuf, source: rusqlite::Error },
    #[error("expected a SQLite database at `{path}`, got another kind of file")]
    NotADatabase { path: PathBuf, source: rusqlite::Error },
    #[error("expected a sample store at `{path}`, got the SQLite database of another program")]
    Foreign { path: PathBuf },
    #[error("expected schema version {supported} or older in `{path}`, got {found}: a newer edgetl wrote it")]
    Newer { path: PathBuf, supported: u32, found: u32 },
    #[error("`{path}` is damaged")]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("`{path}` fails its integrity check: {first_problem}")]
    Integrity { path: PathBuf, first_problem: String },
    #[error("cannot write `{path}`: the file, its folder or its disk is read-only")]
    ReadOnly { path: PathBuf, source: rusqlite::Error },
    #[error("cannot write `{path}`: no space left")]
    Full { path: PathBuf, source: rusqlite::Error },
    #[error("`{path}` stayed locked by another process")]
    Busy { path: PathBuf, source: rusqlite::Error },
    #[error("cannot lock `{path}`, which is on a network share ({kind})")]
    NetworkShare { path: PathBuf, kind: &'static str, source: rusqlite::Error },
    #[error("cannot read or write `{path}`")]
    Sqlite { path: PathBuf, source: rusqlite::Error },

    #[error("expected {expected} values in a feature vector of backbone {}, got {got}", fingerprint.0.short())]
    Dimension { fingerprint: Fingerprint, expected: usize, got: usize },
    #[error("expected a feature vector of at least one value, got an empty one")]
    EmptyVector,
    #[error("expected finite features, got {value} in channel {channel}")]
    NotFinite { channel: usize, value: f32 },
    #[error("expected a sample with id {}, got none", .0.0)]
    UnknownSample(SampleId),
    #[error(
        "expected features of backbone {}, got only those of {}",
        fingerprint.0.short(),
        available.iter().map(|other| other.0.short()).collect::<Vec<_>>().join(", ")
    )]
    OtherBackbones { fingerprint: Fingerprint, available: Vec<Fingerprint> },

    #[error("expected version {expected} of the edits, got {got}: somebody else changed something; nothing was done")]
    OtherVersion { expected: i64, got: i64 },
    #[error("expected a change that can be taken back, got {0}")]
    NoSuchChange(i64),
    #[error("change {change} cannot be taken back before change {latest}, which came after it")]
    NotLatest { change: i64, latest: i64 },

    #[error("the stored rows of {} are damaged: their checksums do not match", sample_list(ids))]
    DamagedRows { ids: Vec<SampleId> },
    #[error("picture {} that waits for review is damaged: its checksum does not match", id.0)]
    DamagedReview { id: ReviewId },
    #[error("cannot write the picture `{path}`")]
    WritePicture { path: PathBuf, source: io::Error },
    #[error("expected {expected} bytes in the feature vector of sample {}, got {got}", id.0)]
    VectorBytes { id: SampleId, expected: usize, got: usize },
    #[error("cannot understand the label of sample {}", id.0)]
    StoredLabel { id: SampleId, source: LabelError },
    #[error("cannot understand the content hash of sample {}", id.0)]
    StoredHash { id: SampleId, source: ParseDigestError },
    #[error("cannot understand the content hash of a removed image")]
    RemovedHash { source: ParseDigestError },
    #[error("cannot understand the split of sample {}", id.0)]
    StoredSplit { id: SampleId, source: ParseSplitError },
    #[error("cannot understand a stored fingerprint")]
    StoredFingerprint { source: ParseDigestError },
    #[error("the stored features do not make a dataset")]
    Dataset(#[from] DatasetError),
}

/// The first ten by number.
fn sample_list(ids: &[SampleId]) -> String {
    let named: Vec<String> = ids.iter().take(10).map(|id| id.0.to_string()).collect();
    let more = ids.len() - named.len();
    let samples = if ids.len() == 1 { "sample" } else { "samples" };
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{samples} {}{rest}", named.join(", "))
}

/// Puts the path and the kind of failure to what SQLite says.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, StoreError>;
}

impl<T> At<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| classify(path.to_owned(), source))
    }
}

fn classify(path: PathBuf, source: rusqlite::Error) -> StoreError {
    let unlockable = matches!(
        source.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed
        )
    );
    if let Some(kind) = network_file_system(&path).filter(|_| unlockable) {
        return StoreError::NetworkShare { path, kind, source };
    }
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path, source },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, source },
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path, source },
        Some(ErrorCode::DiskFull) => StoreError::Full { path, source },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path, source },
        Some(ErrorCode::CannotOpen) => cannot_open(path, source),
        _ => StoreError::Sqlite { path, source },
    }
}

/// SQLite says only "unable to open database file"; what the folder says is often clearer.
fn cannot_open(path: PathBuf, source: rusqlite::Error) -> StoreError {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let problem = match folder.unwrap_or(Path::new(".")).metadata() {
        Err(error) => Some(error),
        Ok(metadata) if !metadata.is_dir() => Some(io::ErrorKind::NotADirectory.into()),
        Ok(_) if path.is_dir() => Some(io::ErrorKind::IsADirectory.into()),
        Ok(_) => None,
    };
    match problem {
        Some(source) => StoreError::Unreachable { path, source },
        None => StoreError::CannotOpen { path, source },
    }
}
