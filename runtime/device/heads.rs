//! The published heads of a device.

use super::backbones::Backbones;
use super::error::DeviceError;
use crate::digest::Digest;
use crate::head::HeadArtifact;
use crate::store::{HeadFile, HeadFolder, HeadFolderError, HeadVersion, StateDir};

/// A published head, read, with its number.
#[derive(Clone, Debug)]
pub struct PublishedHead {
    pub version: HeadVersion,
    /// Of its file.
    pub digest: Digest,
    pub artifact: HeadArtifact,
}

impl PublishedHead {
    fn from_bytes(version: HeadVersion, bytes: &[u8]) -> Result<Self, DeviceError> {
        let artifact = HeadArtifact::from_bytes(bytes).map_err(|source| DeviceError::Head { version, source })?;
        Ok(Self { version, digest: Digest::of(bytes), artifact })
    }
}

/// Every version that is there.
pub struct Heads {
    state: StateDir,
    folder: HeadFolder,
}

impl Heads {
    pub(super) fn new(state: &StateDir, keep: usize) -> Self {
        Self { state: state.clone(), folder: HeadFolder::new(state.heads(), keep) }
    }

    /// The files, as bytes.
    pub fn folder(&self) -> &HeadFolder {
        &self.folder
    }

    /// The oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<HeadFile>, HeadFolderError> {
        self.folder.list()
    }

    /// Version `named`, else the live one.
    ///
    /// # Errors
    /// When there is none, or it is damaged or of another format.
    pub fn read(&self, named: Option<HeadVersion>) -> Result<PublishedHead, DeviceError> {
        let (version, bytes) = match named {
            Some(version) => (version, self.folder.read(version)?),
            None => self.folder.current()?,
        };
        PublishedHead::from_bytes(version, &bytes)
    }

    /// The live one, where there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn live(&self) -> Result<Option<PublishedHead>, DeviceError> {
        match self.read(None) {
            Err(DeviceError::HeadFolder(HeadFolderError::Empty { .. })) => Ok(None),
            read => read.map(Some),
        }
    }

    /// Makes `version` the live one: one that waits for review, or one that was live before. Nothing is removed.
    ///
    /// # Errors
    /// When it is not there, or it could not answer: it is damaged, or its backbone is gone.
    pub fn activate(&self, version: HeadVersion) -> Result<HeadVersion, DeviceError> {
        self.rollback(Some(version))
    }

    /// Makes another version the live one: `to`, or the newest below the live one that was live. Nothing is removed.
    ///
    /// # Errors
    /// When there is none, or it could not answer: it is damaged, or its backbone is gone.
    pub fn rollback(&self, to: Option<HeadVersion>) -> Result<HeadVersion, DeviceError> {
        self.folder.rollback(to, |version, bytes| {
            let head = PublishedHead::from_bytes(version, bytes)?;
            Backbones::new(&self.state).of(&head.artifact.fingerprint()).map(drop)
        })
    }
}
