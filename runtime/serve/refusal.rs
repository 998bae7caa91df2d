//! Every reason for which a request gets no prediction, and the status that each one has.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::causes::causes;
use crate::device::AnswerError;
use crate::predictor::ExtractError;
use crate::preprocess::{DecodeError, PreprocessError};

#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("expected {expected}, got {got}")]
    Request { expected: &'static str, got: String },
    #[error("expected `Authorization: Bearer` with this service's token")]
    Token,
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
    #[error("expected one of /v1/predict, /v1/cameras, /health/live, /health/ready and /metrics, got `{0}`")]
    NoSuchPath(String),
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
    #[error("{0} pictures are waiting already; try again")]
    QueueFull(usize),
    #[error("too many pictures are in flight: there is no memory for another one yet; try again")]
    NoRoom,
    #[error("this program failed on the picture; its log says more")]
    Panic,
    #[error("the service is going down: nobody answers pictures any more")]
    NoWorker,
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request { .. } => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::NoSuchPath(_) | Self::NoSuchCamera(_) => StatusCode::NOT_FOUND,
            Self::NotPushed(_) => StatusCode::CONFLICT,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow(_) | Self::Trickle => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Answer(AnswerError::Picture(ExtractError::Preprocess(PreprocessError::Decode(error)))) => match error
            {
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
            },
            Self::QueueFull(_) | Self::NoRoom | Self::Halted | Self::NoHead => StatusCode::SERVICE_UNAVAILABLE,
            Self::Answer(_) | Self::Panic | Self::NoWorker => StatusCode::INTERNAL_SERVER_ERROR,
        }
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
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = (self.status(), causes(&self));
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!("a request failed: {error}");
        }
        let body = match self.hint() {
            Some(hint) => json!({ "error": error, "hint": hint }),
            None => json!({ "error": error }),
        };
        let mut response = (status, Json(body)).into_response();
        let extra = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::HeadError;
    use crate::preprocess::Unrecognised;

    fn picture(error: DecodeError) -> Refusal {
        AnswerError::from(ExtractError::from(PreprocessError::Decode(error))).into()
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
