//! How a refusal is written: as RFC 9457 has it.

use axum::Json;
use axum::body::to_bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{ToResponse, ToSchema};

/// Why a request was refused (RFC 9457, `application/problem+json`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, ToResponse)]
#[response(description = "Why it was refused.", content_type = "application/problem+json")]
pub(super) struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    detail: String,
    /// One word for what was refused, where programs may want to tell it from others of its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The same as `detail`.
    error: String,
    /// What the owner of the device can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: String, hint: Option<&'static str>) -> Self {
        Self::coded(status, None, detail, hint)
    }

    pub fn coded(status: StatusCode, code: Option<&'static str>, detail: String, hint: Option<&'static str>) -> Self {
        let title = status.canonical_reason().unwrap_or("Unknown");
        Self { kind: "about:blank", title, status: status.as_u16(), error: detail.clone(), detail, code, hint }
    }
}

/// What was refused in plain words, by what reads paths and queries, as a problem.
pub(super) async fn in_form(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    let is_plain = kind.is_none_or(|kind| kind.starts_with(b"text/plain"));
    let status = response.status();
    if !is_plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, LONGEST).await.unwrap_or_default();
    let detail = match String::from_utf8_lossy(&text).trim() {
        "" => status.canonical_reason().unwrap_or("refused").to_lowercase(),
        text => text.to_owned(),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let problem = Problem::new(status, detail, None).into_response();
    parts.headers.extend(problem.headers().clone());
    Response::from_parts(parts, problem.into_body())
}

/// Of what is refused in plain words.
const LONGEST: usize = 4 << 10;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("it was one");
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
