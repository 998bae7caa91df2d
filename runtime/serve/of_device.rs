//! The status of what goes wrong with the state of a device.

use std::io::{self, ErrorKind};

use axum::http::StatusCode;

use super::refusal::of_picture;
use crate::device::{BackupError, DeviceError};
use crate::store::{HeadFolderError, PublishError, StoreError};

pub(super) fn status(error: &DeviceError) -> StatusCode {
    match error {
        DeviceError::NoSuchReview(_)
        | DeviceError::NoSuchBackbone { .. }
        | DeviceError::HeadFolder(HeadFolderError::NoSuchVersion { .. })
        | DeviceError::Store(StoreError::UnknownSample(_)) => StatusCode::NOT_FOUND,
        DeviceError::Extract(error) => of_picture(error),
        DeviceError::HeadFolder(HeadFolderError::Empty { .. } | HeadFolderError::NothingOlder { .. })
        | DeviceError::Store(StoreError::Missing { .. })
        | DeviceError::Fit(_)
        | DeviceError::Decide { .. }
        | DeviceError::OtherLive { .. }
        | DeviceError::NoSamples
        | DeviceError::NothingLabelled { .. }
        | DeviceError::NoUnlabelled
        | DeviceError::BackboneGone(_)
        | DeviceError::BackboneInUse { .. }
        | DeviceError::BackboneNeeded { .. }
        | DeviceError::Outrun => StatusCode::CONFLICT,
        DeviceError::Publish { source, .. }
            if matches!(**source, PublishError::Forgotten | PublishError::Superseded) =>
        {
            StatusCode::CONFLICT
        }
        DeviceError::Store(StoreError::ReadOnly { .. }) => StatusCode::FORBIDDEN,
        // Others write at the moment.
        DeviceError::Store(StoreError::Busy { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        DeviceError::Store(StoreError::Full { .. }) => StatusCode::INSUFFICIENT_STORAGE,
        DeviceError::Store(StoreError::WritePicture { source, .. })
        | DeviceError::HeadFolder(HeadFolderError::Write { source, .. })
        | DeviceError::Backup(BackupError::Write { source, .. }) => of_writing(source),
        DeviceError::Publish { source, .. } => match &**source {
            PublishError::HeadFolder(HeadFolderError::Write { source, .. }) => of_writing(source),
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_writing(error: &io::Error) -> StatusCode {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
