//! The one folder in which a device keeps its state.

use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;

/// `samples.db`, `heads/`, `backbones/` and `drift/` below one folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateDir(PathBuf);

#[derive(Debug, thiserror::Error)]
#[error("cannot create the state folder `{path}`")]
pub struct StateError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl StateDir {
    /// Names the folder; touches nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the folder and what belongs in it, where they are missing; when this returns, they survive a power cut.
    pub fn create(&self) -> Result<(), StateError> {
        [self.0.clone(), self.heads(), self.backbones()]
            .into_iter()
            .try_for_each(|path| create_folder(&path).map_err(|source| StateError { path, source }))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The sample store, a SQLite database.
    pub fn database(&self) -> PathBuf {
        self.0.join("samples.db")
    }

    /// The versions of the head.
    pub fn heads(&self) -> PathBuf {
        self.0.join("heads")
    }

    /// What is known of the drift of each camera, one file each; made when there is something.
    pub fn drift(&self) -> PathBuf {
        self.0.join("drift")
    }

    /// Who may ask the service, and the certificate that it shows: for its owner alone, and never in a backup.
    pub fn access(&self) -> PathBuf {
        self.0.join("access")
    }

    /// Backbone packages, one folder each.
    pub fn backbones(&self) -> PathBuf {
        self.0.join("backbones")
    }
}

fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)?;
    atomic_file::sync_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creating_the_state_folder_twice_makes_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path().join("a/b"));
        state.create().unwrap();
        std::fs::write(state.heads().join("000001.safetensors"), b"kept").unwrap();
        state.create().unwrap();
        assert!(state.heads().join("000001.safetensors").is_file());
        assert!(state.backbones().is_dir());
        assert_eq!(state.database(), folder.path().join("a/b/samples.db"));
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        std::fs::write(&path, b"").unwrap();
        let error = StateDir::new(&path).create().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot create the state folder `{}`", path.display()));
    }
}
