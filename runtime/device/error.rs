//! What can go wrong between a program and a device.

use std::io;
use std::path::PathBuf;

use super::file_error::{BackupError, ExportError};
use super::known_classes::KnownClassesError;
use super::registry::RegistryError;
use crate::backbone::{BackboneError, GraphError};
use crate::digest::Fingerprint;
use crate::head::{ArtifactError, CompareError, FitError, HeadError};
use crate::manifest::BackboneNameError;
use crate::predictor::{ExtractError, GoldenCheckError, OpenError};
use crate::sources::SourceError;
use crate::store::{HeadFolderError, HeadVersion, PublishError, ReviewId, StateError, StoreError};

/// Why a device did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    HeadFolder(#[from] HeadFolderError),
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error("cannot look at the layer `{layer}`")]
    Layer { layer: String, source: Box<GraphError> },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot compute golden vectors")]
    GoldenVectors(#[from] GoldenCheckError),
    #[error(transparent)]
    Extract(#[from] ExtractError),
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    KnownClasses(#[from] KnownClassesError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Kept(#[from] RegistryError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Export(#[from] ExportError),

    #[error("the name of the backbone in use is invalid")]
    CurrentBackbone(#[from] BackboneNameError),
    #[error("expected a backbone in `{state}`, got none, and this program has none in it")]
    NoBackbone { state: PathBuf },
    #[error("expected an ONNX file, a package folder or a known backbone, got `{name}`")]
    NoSuchBackbone { name: String },
    #[error("expected the backbone {} that the head was fitted on, got none such", .0.0.short())]
    BackboneGone(Fingerprint),
    #[error("expected a head of the same backbone to compare with, got head {version}, which is of another")]
    OtherBackbone { version: HeadVersion },
    #[error("expected a backbone that is not in use, got `{name}`")]
    BackboneInUse { name: String },
    #[error("expected a backbone that no head needs, got `{name}`, on which head {version} was fitted")]
    BackboneNeeded { name: String, version: HeadVersion },
    #[error("cannot remove `{folder}`")]
    RemoveBackbone { folder: PathBuf, source: io::Error },
    #[error("cannot keep the backbone in `{folder}`")]
    KeepBackbone { folder: PathBuf, source: Box<RegistryError> },

    #[error("expected a folder for the store to follow, got `{}`", path.display())]
    SyncSource { path: PathBuf },
    #[error("cannot tell what is in the folder: `{}` cannot be read or used; nothing was done", path.display())]
    SyncUnknown { path: PathBuf },
    #[error("expected labelled pictures, got {unlabelled} without a label")]
    NothingLabelled { unlabelled: usize },
    #[error("cannot look at unfinished pictures in `{state}`")]
    Unfinished { state: PathBuf, source: io::Error },
    #[error("expected stored samples for training, got none")]
    NoSamples,
    #[error("expected stored pictures without a label, got none")]
    NoUnlabelled,
    #[error("expected a picture that waits for review, got the number {}", .0.0)]
    NoSuchReview(ReviewId),
    #[error("expected head {expected} to be live, got head {live}")]
    OtherLive { expected: HeadVersion, live: HeadVersion },
    #[error("cannot give head {version} another decision")]
    Decide { version: HeadVersion, source: HeadError },
    /// Whoever is told of the work could not take it.
    #[error(transparent)]
    Told(io::Error),

    #[error("cannot use head {version}")]
    Head { version: HeadVersion, source: ArtifactError },
    #[error("cannot open the backbone of head {version}")]
    HeadBackbone { version: HeadVersion, source: Box<DeviceError> },
    #[error("cannot compare the head with the live one")]
    Compare(#[source] CompareError),
    #[error("cannot publish the head")]
    Publish { source: Box<PublishError>, live: LiveHead },
    #[error("the head that is live cannot be fitted again without the samples")]
    NoRefit(#[source] Box<DeviceError>),
    #[error("samples or heads were changed by others, again and again, while the head was fitted anew")]
    Outrun,
    /// Samples are out of the store; heads that may have learned from them are still there.
    #[error(transparent)]
    HeadsRemember(Box<DeviceError>),
}

/// Which head answers after publishing failed: found out, since it may have failed before or after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LiveHead {
    /// The new one all the same.
    New(HeadVersion),
    Other(HeadVersion),
    None,
    /// Why that cannot be found out.
    Unknown(String),
}
