//! Pictures of cameras that wait for a label.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::edit::new_label;
use super::samples::few;
use super::{Answer, InPath, Input, Parameters, Problem, at_leisure, blocking, changed};
use crate::device::{Device, DeviceError};
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::store::{ReviewId, ReviewRow};
use crate::watch::Moment;

/// As many pictures of the queue as are shown, where nothing is said.
const SHOWN: usize = 100;

#[derive(Serialize, ToSchema)]
pub(super) struct Waiting {
    /// How many there are.
    waiting: usize,
    /// What teaches most first.
    pictures: Vec<Picture>,
}

#[derive(Serialize, ToSchema)]
struct Picture {
    id: i64,
    #[schema(value_type = String)]
    at: Moment,
    camera: String,
    /// `unsure`, `unknown`, `disagreeing` or `far`.
    why: &'static str,
    /// What the head said, or would have said.
    said: Option<String>,
    score: Option<f64>,
}

impl From<ReviewRow> for Picture {
    fn from(row: ReviewRow) -> Self {
        let answer: Value = serde_json::from_str(&row.answer).unwrap_or_default();
        let said = ["label", "nearest"].into_iter().find_map(|key| answer[key].as_str().map(str::to_owned));
        let (id, at) = (row.id.0, Moment(row.at));
        Self { id, at, camera: row.camera, why: row.why.as_str(), said, score: answer["score"].as_f64() }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Most {
    /// How many pictures to show.
    limit: Option<usize>,
}

/// The pictures that wait.
#[utoipa::path(
    get, path = "/v1/review", params(Most),
    responses((status = 200, body = Waiting), (status = "default", response = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>, Parameters(most): Parameters<Most>) -> Answer<Waiting> {
    let listed = move |device: &Device| {
        let rows = device.reviews()?;
        let most = most.limit.unwrap_or(SHOWN);
        Ok(Waiting { waiting: rows.len(), pictures: rows.into_iter().take(most).map(Picture::from).collect() })
    };
    at_leisure(&app, listed).await.map(Json)
}

/// A picture that waits, as its camera gave it.
#[utoipa::path(
    get, path = "/v1/review/{id}/picture", params(("id" = i64, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "image/jpeg"), (status = "default", response = Problem))
)]
pub(super) async fn picture(
    State(app): State<Arc<App>>,
    InPath(id): InPath<i64>,
) -> Result<impl IntoResponse, Refusal> {
    let read = move |device: &Device| {
        let id = ReviewId(id);
        let found = device.review_picture(id)?;
        found.ok_or_else(|| DeviceError::NoSuchReview(id).into())
    };
    let bytes = blocking(&app, read).await?;
    let kind = if bytes.starts_with(b"\xff\xd8") { "image/jpeg" } else { "image/png" };
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=3600")], bytes))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    label: String,
}

/// A sample that was a picture that waited.
#[derive(Serialize, ToSchema)]
pub(super) struct Labelled {
    /// `stored`, or `known` where the same picture was there.
    outcome: &'static str,
    /// Of the sample.
    id: i64,
    /// The label that it had before, where that was another one.
    relabelled: Option<String>,
}

/// Makes a sample of a picture that waits.
#[utoipa::path(
    post, path = "/v1/review/{id}/label", params(("id" = i64, Path)), request_body = Named,
    responses((status = 200, body = Labelled), (status = "default", response = Problem))
)]
pub(super) async fn label(
    State(app): State<Arc<App>>,
    InPath(id): InPath<i64>,
    Input(Named { label }): Input<Named>,
) -> Answer<Labelled> {
    let label = new_label(&label)?;
    let labelled = move |device: &Device| {
        let added = device.label_review(ReviewId(id), &label)?;
        Ok((added, device.existing_store()?.version().map_err(DeviceError::from)?))
    };
    let (added, version) = blocking(&app, labelled).await?;
    changed(&app, version);
    let outcome = if added.was_known { "known" } else { "stored" };
    Ok(Json(Labelled { outcome, id: added.id.0, relabelled: added.relabelled.map(|label| label.to_string()) }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dismissed {
    ids: Vec<i64>,
}

/// How many there were.
#[derive(Serialize, ToSchema)]
pub(super) struct LetGo {
    changed: usize,
}

/// Lets pictures go that are not worth a label.
#[utoipa::path(
    post, path = "/v1/review/dismiss", request_body = Dismissed,
    responses((status = 200, body = LetGo), (status = "default", response = Problem))
)]
pub(super) async fn dismiss(State(app): State<Arc<App>>, Input(Dismissed { ids }): Input<Dismissed>) -> Answer<LetGo> {
    let ids = few(ids, ReviewId)?;
    let changed = blocking(&app, move |device| Ok(device.dismiss(&ids)?)).await?;
    Ok(Json(LetGo { changed }))
}
