//! Why a library cannot be used.

use std::io;
use std::path::PathBuf;

use super::EngineError;
use crate::trust::TrustError;

/// The oldest ONNX Runtime that is accepted, as (major, minor).
pub const MINIMUM_VERSION: (u32, u32) = (1, 20);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    #[error("expected `{name}` in one of {} folders, got none; searched: {}", searched.len(), folders(searched))]
    NotFound { name: String, searched: Vec<PathBuf> },
    #[error("cannot read the library `{path}`")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("expected a library that only this user and root can change")]
    Untrusted(#[from] TrustError),
    #[error("expected a shared library at `{0}`, got another kind of file")]
    NotALibrary(PathBuf),
    #[error("expected a library for {expected} at `{path}`, got one for {got}")]
    WrongArchitecture { path: PathBuf, expected: &'static str, got: String },
    #[error("cannot load `{path}`")]
    Open { path: PathBuf, source: EngineError },
    #[error("expected `{0}` to export `OrtGetApiBase`, got a library that is not ONNX Runtime")]
    NotOnnxRuntime(PathBuf),
    #[error("expected ONNX Runtime {}.{} or later at `{path}`, got `{version}`", MINIMUM_VERSION.0, MINIMUM_VERSION.1)]
    TooOld { path: PathBuf, version: String },
    #[error("ONNX Runtime at `{path}` does not start")]
    Start { path: PathBuf, source: EngineError },
    #[error("ONNX Runtime failed to initialise earlier in this process and cannot be retried")]
    FailedBefore,
    #[error("expected one ONNX Runtime in a process, got `{asked}` while `{loaded}` is loaded")]
    AnotherLoaded { loaded: PathBuf, asked: PathBuf },
}

fn folders(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
