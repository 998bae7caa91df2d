//! Pictures that become samples.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::edit::new_label;
use super::input::asked;
use super::{Parameters, Problem, aside, changed, meant};
use crate::device::Taught;
use crate::digest::Digest;
use crate::serve::refusal::Refusal;
use crate::serve::routes::{App, refused};
use crate::serve::teacher::{Done, Given};

/// Of a picture that says nothing of where it comes from.
const FROM: &str = "page";
/// By which a client names a request that it may send again.
const KEY: &str = "Idempotency-Key";
const LONGEST_KEY: usize = 128;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Adding {
    /// What it shows; left out, somebody says so later.
    label: Option<String>,
    /// What it shares with pictures that were taken together; left out, it is a group of its own.
    group: Option<String>,
    /// Where it comes from.
    from: Option<String>,
    /// The camera whose newest frame is meant; then there is no body.
    camera: Option<String>,
    /// What becomes of a picture that is much like a stored one.
    #[serde(default)]
    #[param(inline, required = false)]
    twins: Twins,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Twins {
    /// It is stored, and so is a poor one.
    #[default]
    Keep,
    /// It is not stored, and neither is a poor one.
    Drop,
}

/// What became of a picture.
#[derive(Serialize, ToSchema)]
pub(super) struct Added {
    /// `stored`; `known`, where the same file was stored, which has the label now; `twin`; `poor`.
    outcome: &'static str,
    /// Of the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    /// The label that a known one had before, where that was another one.
    relabelled: Option<String>,
    /// Why it is poor.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'static str>,
    /// Of the edits of the store.
    version: i64,
}

impl Added {
    fn new((taught, version): Done) -> (StatusCode, Json<Self>) {
        let (status, outcome) = (StatusCode::OK, "known");
        let none = Self { outcome, id: None, relabelled: None, because: None, version };
        let (status, added) = match taught {
            Taught::Stored(id) => (StatusCode::CREATED, Self { outcome: "stored", id: Some(id.0), ..none }),
            Taught::Known { id, relabelled } => {
                (status, Self { id: Some(id.0), relabelled: relabelled.map(|label| label.to_string()), ..none })
            }
            Taught::Twin => (status, Self { outcome: "twin", ..none }),
            Taught::Poor(poor) => (status, Self { outcome: "poor", because: Some(poor.name()), ..none }),
        };
        (status, Json(added))
    }
}

/// Makes a sample of the picture in the body, or of what a camera sees now. It is on the disk when this is answered.
///
/// The same file is never stored twice, whoever sends it again. A client that names its request by `Idempotency-Key` gets the same
/// answer for another request of that name, for ten minutes.
#[utoipa::path(
    post, path = "/v1/samples",
    params(Adding, ("Idempotency-Key" = Option<String>, Header, description = "Up to 128 visible ASCII characters.")),
    request_body(content(("image/jpeg"), ("image/png"), ("application/octet-stream"), ("multipart/form-data"))),
    responses((status = 201, body = Added), (status = 200, body = Added), (status = "default", response = Problem))
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    query: Result<Parameters<Adding>, Refusal>,
    request: Request,
) -> Result<(StatusCode, Json<Added>), Refusal> {
    let (adding, request) = asked(query, request).await?;
    let key = match key(request.headers()) {
        Ok(key) => key,
        Err(refusal) => return Err(refused(request, refusal).await),
    };
    let label = match adding.label.as_deref().map(new_label).transpose() {
        Ok(label) => label,
        Err(error) => return Err(refused(request, error.into()).await),
    };
    let asked = request.uri().query().unwrap_or_default().to_owned();
    let upload = meant::one(&app, adding.camera.as_deref(), request).await?;
    let named = match key {
        // A frame is another one each time.
        Some(key) if adding.camera.is_some() => Some((key, Digest::of_parts([asked.as_bytes(), b"\0"]))),
        Some(key) => {
            let picture = upload.picture.clone();
            let about = aside(move || Digest::of_parts([asked.as_bytes(), b"\0", &picture])).await?;
            Some((key, about))
        }
        None => None,
    };
    let from = adding.camera.or(adding.from).or(upload.name).unwrap_or_else(|| FROM.to_owned());
    let Adding { group, twins, .. } = adding;
    let is_choosy = twins == Twins::Drop;
    let given = Given { picture: upload.picture, label, group, from, is_choosy, room: upload.room };
    // It goes on where the client does not wait: another request of the same name then gets the answer.
    let done = tokio::spawn(async move {
        match named {
            None => teach(&app, given).await,
            Some((key, about)) => {
                let other = || Refusal::Conflict(format!("the key `{key}` stands for another request"));
                let answer = app.repeats.of(&key, about, Instant::now()).ok_or_else(other)?;
                answer.get_or_try_init(|| teach(&app, given)).await.cloned()
            }
        }
    });
    done.await.unwrap_or(Err(Refusal::Panic)).map(Added::new)
}

async fn teach(app: &App, given: Given) -> Result<Done, Refusal> {
    let (taught, version) = app.others.classroom.teach(given).await?;
    if matches!(taught, Taught::Stored(_) | Taught::Known { .. }) {
        changed(app, version);
    }
    Ok((taught, version))
}

/// By which the client names its request.
fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let key = key.as_bytes();
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    let expected = "an `Idempotency-Key` of up to 128 visible ASCII characters";
    let got = || String::from_utf8_lossy(key).into_owned();
    if fits { Ok(Some(got())) } else { Err(Refusal::Request { expected, got: format!("`{}`", got()) }) }
}
