//! Edits of samples, each only while nobody else changed something that the client does not know of.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, blocking, changed};
use crate::device::{DeviceError, Edit};
use crate::labels::{Label, LabelError};
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::store::StoreError;

#[derive(Serialize, ToSchema)]
pub(super) struct Edited {
    /// How many samples.
    changed: usize,
    /// Of the edits: for `If-Match`.
    version: i64,
}

/// The version of the edits that `If-Match` names, as `"17"`; `None` where any will do.
pub(super) struct IfMatch(Option<i64>);

impl FromRequestParts<Arc<App>> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        named(value.as_bytes()).map(Self).ok_or_else(|| Refusal::Request {
            expected: "`If-Match` with one version, as \"17\"",
            got: value.as_bytes().escape_ascii().to_string(),
        })
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^(\\*|\"[0-9]{1,18}\")$"));
        let parameter = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header);
        let said = "The version of the edits, as \"17\": where another change came since, nothing is done.";
        vec![parameter.required(Required::False).description(Some(said)).schema(Some(schema)).build()]
    }
}

/// `Some(None)` for any version, `None` for what is no version.
fn named(value: &[u8]) -> Option<Option<i64>> {
    let value = value.trim_ascii();
    if value == b"*" {
        return Some(None);
    }
    let digits = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten().map(Some)
}

/// A label that somebody gives.
pub(super) fn new_label(text: &str) -> Result<Label, LabelError> {
    Label::new(text)
}

pub(super) async fn carry_out(app: &App, edit: Edit, IfMatch(version): IfMatch) -> Answer<Edited> {
    let edited = blocking(app, move |device| device.edit(&edit, version).map_err(refused)).await?;
    if edited.changed > 0 {
        changed(app, edited.version);
    }
    Ok(Json(Edited { changed: edited.changed, version: edited.version }))
}

/// Of an edit.
pub(super) fn refused(error: DeviceError) -> Refusal {
    match error {
        DeviceError::Store(StoreError::OtherVersion { expected, got }) => Refusal::Changed { expected, got },
        DeviceError::Store(StoreError::NoSuchChange(change)) => {
            Refusal::NotFound { expected: "a change that can be taken back", got: change.to_string() }
        }
        DeviceError::Store(error @ StoreError::NotLatest { .. }) => Refusal::Conflict(error.to_string()),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_in_quotes_and_a_star_is_any() {
        for (text, expected) in [
            ("\"17\"", Some(Some(17))),
            (" \"0\" ", Some(Some(0))),
            ("*", Some(None)),
            ("17", None),
            ("\"\"", None),
            ("\"-1\"", None),
            ("\"+1\"", None),
            ("W/\"17\"", None),
            ("\"17\", \"18\"", None),
            ("\"99999999999999999999\"", None),
            ("", None),
        ] {
            assert_eq!(named(text.as_bytes()), expected, "{text}");
        }
    }
}
