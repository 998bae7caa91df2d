//! Every reason for which a request is refused, and the status that each one has.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::of_device;
use super::problem::Problem;
use crate::causes::causes;
use crate::device::{AnswerError, DeviceError};
use crate::labels::LabelError;
use crate::predictor::ExtractError;
use crate::preprocess::{DecodeError, PreprocessError};
use crate::store::{PhonesError, StoreError};
use crate::watch::NoStill;

#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("expected {expected}, got {got}")]
    Request { expected: &'static str, got: String },
    #[error(transparent)]
    Label(#[from] LabelError),
    #[error("expected `Authorization: Bearer` with this service's token")]
    Token,
    #[error("this token may look and not change anything")]
    ReadOnly,
    #[error("the code is not valid: it was used already, is older than ten minutes, or is mistyped")]
    Code,
    #[error("too many wrong codes came from this address; try again in {} min", .0.as_secs().div_ceil(60))]
    Guesses(Duration),
    #[error(transparent)]
    Phones(#[from] PhonesError),
    #[error("expected https on this port, got http")]
    WithoutTls,
    #[error("`{0}` is not a name of this service")]
    Host(String),
    #[error("a page of `{0}` asked; only programs and pages of this service may")]
    Origin(String),
    #[error("there is no head yet")]
    NoHead,
    #[error("expected the name of a camera in the settings, got `{0}`")]
    NoSuchCamera(String),
    #[error("camera `{0}` takes its frames itself; only one whose source is `push` is sent any")]
    NotPushed(String),
    #[error("camera `{0}` is off")]
    CameraOff(String),
    #[error("there is nothing at `{0}`")]
    NoSuchPath(String),
    #[error("expected {expected}, got {got}, which does not exist")]
    NotFound { expected: &'static str, got: String },
    #[error("somebody else changed something meanwhile: expected version {expected}, got {got}; nothing was done")]
    Changed { expected: i64, got: i64 },
    #[error("camera `{0}` gives no picture at the moment")]
    NoFrame(String),
    #[error("the newest frame of camera `{camera}` cannot be used")]
    Frame { camera: String, source: NoStill },
    #[error("{0} look at cameras already; try again when one of them has gone")]
    Viewers(usize),
    #[error("{0} listen to events already; try again when one of them has gone")]
    Listeners(usize),
    #[error("a backup is being sent or taken already; try again when it is done")]
    BackingUp,
    #[error("expected a backup of edgetl that is whole: {0}")]
    NoBackup(String),
    #[error("expected {} MB of free space for the backup, got {}", .needed / 1_000_000, .free / 1_000_000)]
    Disk { needed: u64, free: u64 },
    #[error("other work on backbones goes on; wait for its end or stop it")]
    JobRuns,
    #[error("{0}")]
    Conflict(String),
    #[error("`{path}` does not take {method}")]
    Method { path: String, method: String },
    #[error("the body did not arrive whole within {} s", .0.as_secs_f32())]
    Slow(Duration),
    #[error("the body came slower than 1 KiB a second for 5 s")]
    Trickle,
    #[error("the body stopped coming while others waited for its memory; try again")]
    Halted,
    #[error("expected a body of at most {0} bytes, got more")]
    BodyTooLarge(usize),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("{0} pictures are waiting already; try again")]
    QueueFull(usize),
    #[error("too many pictures are in flight: there is no memory for another one yet; try again")]
    NoRoom,
    #[error("this program failed on the picture; its log says more")]
    Panic,
    #[error("the service is stopping and answers no more pictures")]
    NoWorker,
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request { .. } | Self::Label(_) | Self::WithoutTls => StatusCode::BAD_REQUEST,
            Self::Guesses(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Phones(PhonesError::TooMany) => StatusCode::CONFLICT,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin(_) | Self::ReadOnly | Self::Code => StatusCode::FORBIDDEN,
            Self::NoSuchPath(_) | Self::NoSuchCamera(_) | Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::NotPushed(_) | Self::CameraOff(_) | Self::JobRuns | Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Changed { .. } => StatusCode::PRECONDITION_FAILED,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow(_) | Self::Trickle => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Answer(AnswerError::Picture(error)) => of_picture(error),
            Self::Disk { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Frame { .. } | Self::NoBackup(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Device(error) => of_device::status(error),
            Self::QueueFull(_)
            | Self::NoRoom
            | Self::Halted
            | Self::NoHead
            | Self::NoFrame(_)
            | Self::BackingUp
            | Self::Viewers(_)
            | Self::Listeners(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Phones(error) if error.is_disk_full() => StatusCode::INSUFFICIENT_STORAGE,
            Self::Answer(_) | Self::Phones(_) | Self::Panic | Self::NoWorker => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// One word for what people who look at a page meet.
    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Label(_) => "label",
            Self::Token => "token",
            Self::ReadOnly => "read-only",
            Self::Code => "wrong-code",
            Self::Guesses(_) => "guesses",
            Self::Phones(PhonesError::TooMany) => "too-many-phones",
            Self::Phones(error) if error.is_disk_full() => "disk-full",
            Self::NoHead => "no-head",
            Self::NoSuchCamera(_) => "no-such-camera",
            Self::NoFrame(_) => "no-frame",
            Self::Frame { .. } => "bad-frame",
            Self::Viewers(_) | Self::Listeners(_) => "too-many-viewers",
            Self::BackingUp => "backing-up",
            Self::CameraOff(_) => "camera-off",
            Self::NoBackup(_) => "no-backup",
            Self::Disk { .. } => "disk-full",
            Self::JobRuns => "job-runs",
            Self::NotFound { .. } => "gone",
            Self::Changed { .. } => "changed",
            Self::Slow(_) | Self::Trickle | Self::Halted => "slow",
            Self::BodyTooLarge(_) => "too-large",
            Self::QueueFull(_) | Self::NoRoom => "busy",
            Self::Panic | Self::NoWorker => "failed",
            Self::Answer(AnswerError::Picture(error)) => error.code()?,
            Self::Device(error) => error.code()?,
            _ => return None,
        })
    }

    /// What the owner of the device can do about it.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoHead => Some("collect labelled pictures and fit one: edgetl collect FOLDER, edgetl fit-head"),
            Self::Host(_) => Some(
                "where clients reach this service by that name, list it: `hosts` in the section [serve] of edgetl.toml, or \
                 --hosts",
            ),
            Self::Origin(_) => Some(
                "pages of other addresses may not ask; where this service's own page stands behind a proxy, the proxy must \
                 pass on `Host` as the browser sent it",
            ),
            Self::Device(DeviceError::Store(StoreError::ReadOnly { .. })) => Some(
                "this service may not write its state: with systemd, copy teaching.conf of /usr/share/doc/edgetl/examples to \
                 /etc/systemd/system/edgetl.service.d; and it must be the user who owns it",
            ),
            Self::CameraOff(_) => Some("somebody switched it off: on the page under Set up, or PATCH /v1/cameras/NAME"),
            Self::ReadOnly => Some("the other token of this service may"),
            Self::Code => Some("`edgetl pair` on the device shows a new one"),
            Self::Phones(PhonesError::TooMany) => Some("withdraw some that are not used any more"),
            Self::WithoutTls => Some("the same address with https:// in front is answered"),
            _ => None,
        }
    }
}

/// What is wrong with a picture, or with what looks at it.
pub(super) fn of_picture(error: &ExtractError) -> StatusCode {
    let ExtractError::Preprocess(PreprocessError::Decode(error)) = error else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    match error {
        DecodeError::TooLarge { .. } | DecodeError::Memory { .. } | DecodeError::Chunks { .. } => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        DecodeError::Unrecognised(_) | DecodeError::Unsupported { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        DecodeError::NoPixels { .. }
        | DecodeError::Truncated(_)
        | DecodeError::Repeated { .. }
        | DecodeError::Parts(_)
        | DecodeError::Panicked { .. }
        | DecodeError::Damaged { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = (self.status(), causes(&self));
        let wait = if let Self::Guesses(wait) = self { wait.as_secs().max(1) } else { 1 };
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!("a request failed: {error}");
        }
        let mut response = Problem::coded(status, self.code(), error, self.hint()).into_response();
        let extra = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, wait.into())),
            _ => None,
        };
        response.headers_mut().extend(extra);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::head::HeadError;
    use crate::preprocess::Unrecognised;

    fn picture(error: DecodeError) -> Refusal {
        AnswerError::from(ExtractError::from(PreprocessError::Decode(error))).into()
    }

    fn unwritten(kind: ErrorKind) -> Refusal {
        PhonesError::Write { path: "phones.json".into(), source: kind.into() }.into()
    }

    #[test]
    fn whose_fault_it_is_shows_in_the_status() {
        let huge = DecodeError::TooLarge { width: 90_000, height: 90_000, limit: 1 };
        for (refusal, status) in [
            (picture(huge), 413),
            (picture(DecodeError::Unrecognised(Unrecognised::Text)), 415),
            (picture(DecodeError::Memory { needed: 2, limit: 1 }), 413),
            (picture(DecodeError::Unsupported { format: image::ImageFormat::Tiff, what: String::new() }), 415),
            (picture(DecodeError::NoPixels { width: 0, height: 1 }), 422),
            (picture(DecodeError::Panicked { format: image::ImageFormat::Tiff, message: String::new() }), 422),
            (
                AnswerError::from(ExtractError::from(PreprocessError::Output { expected: [1; 3], got: vec![] })).into(),
                500,
            ),
            (AnswerError::from(HeadError::Dimension { expected: 1, got: 2 }).into(), 500),
            (Refusal::QueueFull(1), 503),
            (Refusal::Halted, 503),
            (Refusal::Trickle, 408),
            (Refusal::Token, 401),
            (Refusal::NoBackup(String::new()), 422),
            (Refusal::Disk { needed: 2, free: 1 }, 507),
            (Refusal::JobRuns, 409),
            (unwritten(ErrorKind::StorageFull), 507),
            (unwritten(ErrorKind::QuotaExceeded), 507),
            (unwritten(ErrorKind::PermissionDenied), 500),
        ] {
            assert_eq!(refusal.status().as_u16(), status, "{refusal}");
        }
    }

    #[test]
    fn who_is_to_come_back_or_to_bring_a_token_is_told_so_in_a_header() {
        let header = |refusal: Refusal, name| refusal.into_response().headers().get(name).cloned();
        assert_eq!(header(Refusal::NoRoom, header::RETRY_AFTER).unwrap(), "1");
        assert_eq!(header(Refusal::Token, header::WWW_AUTHENTICATE).unwrap(), "Bearer");
        assert_eq!(header(Refusal::NoWorker, header::RETRY_AFTER), None);
    }
}
