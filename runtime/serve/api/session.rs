//! What whoever asks may do.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::serve::access::Right;
use crate::serve::live_page::digest;
use crate::serve::routes::App;

#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// `open`: no token is needed; `none`: bring one; `read`: look, and change nothing; `write`: all.
    access: &'static str,
    /// Of this program.
    version: &'static str,
    /// Of the files of its page: a page that was made of others is of another program.
    page: &'static str,
    /// SHA-256 of the certificate of this service, 64 hexadecimal digits; `null` where it speaks no TLS itself.
    certificate: Option<String>,
    /// The number of the paired phone that asks.
    phone: Option<u64>,
}

/// What whoever asks may do; open to all.
#[utoipa::path(get, path = "/v1/session", responses((status = 200, body = Session)))]
pub(super) async fn session(State(app): State<Arc<App>>, headers: HeaderMap) -> Json<Session> {
    let admission = &app.front.admission;
    let granted = admission.of(headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()));
    let access = match granted.as_ref().map(|granted| granted.right) {
        None => "none",
        Some(_) if admission.is_open() => "open",
        Some(Right::Read) => "read",
        Some(Right::Write) => "write",
    };
    let phone = granted.and_then(|granted| granted.stay).map(|stay| stay.number);
    let (version, certificate) = (env!("CARGO_PKG_VERSION"), app.front.reach().certificate);
    Json(Session { access, version, page: digest(), certificate, phone })
}
