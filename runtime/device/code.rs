//! One word for what went wrong, for programs that say it in a language of their own.

use super::error::DeviceError;
use crate::head::FitError;
use crate::predictor::ExtractError;
use crate::preprocess::{DecodeError, PreprocessError};
use crate::store::{HeadFolderError, PublishError, StoreError};

impl DeviceError {
    /// `None` for what has none yet: its message is all there is.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoSuchReview(_) | Self::Store(StoreError::UnknownSample(_)) => "gone",
            Self::HeadFolder(HeadFolderError::NoSuchVersion { .. }) => "no-such-version",
            Self::HeadFolder(HeadFolderError::NothingOlder { .. }) => "nothing-older",
            Self::HeadFolder(HeadFolderError::Empty { .. }) => "no-head",
            Self::NoSamples | Self::Store(StoreError::Missing { .. }) => "no-samples",
            Self::NothingLabelled { .. } => "nothing-labelled",
            Self::NoUnlabelled => "no-unlabelled",
            Self::BackboneGone(_) => "backbone-gone",
            Self::Outrun | Self::OtherLive { .. } => "changed",
            Self::Publish { source, .. } if matches!(**source, PublishError::Forgotten | PublishError::Superseded) => {
                "changed"
            }
            Self::Store(StoreError::ReadOnly { .. }) => "read-only-state",
            Self::Store(StoreError::Busy { .. }) => "busy",
            Self::Store(StoreError::Full { .. }) => "disk-full",
            Self::Fit(error) => return error.code(),
            Self::Extract(error) => return error.code(),
            _ => return None,
        })
    }
}

impl FitError {
    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoSamples => "no-samples",
            Self::OneClass(_) => "one-class",
            Self::NothingHeldOut => "nothing-held-out",
            Self::Alike { .. } => "alike",
            Self::Memory { .. } => "memory",
            _ => return None,
        })
    }
}

impl ExtractError {
    /// Of a picture that cannot be used.
    pub fn code(&self) -> Option<&'static str> {
        let Self::Preprocess(PreprocessError::Decode(error)) = self else { return None };
        Some(match error {
            DecodeError::TooLarge { .. } | DecodeError::Memory { .. } | DecodeError::Chunks { .. } => "too-large",
            DecodeError::Unrecognised(_) | DecodeError::Unsupported { .. } => "no-picture",
            _ => "damaged-picture",
        })
    }
}
