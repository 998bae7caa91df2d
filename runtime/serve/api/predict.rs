//! What the head says of pictures.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::input::asked;
use super::{Parameters, Problem, meant};
use crate::causes::causes;
use crate::device::{AnswerError, Asked};
use crate::predictor::Answer;
use crate::serve::queue::FileJob;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::serve::upload::Upload;

/// As many classes as `predict` shows.
const TOP: usize = 5;
/// The name of a picture without one.
const UNNAMED: &str = "-";
/// In one request.
const MOST_PICTURES: usize = 64;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// How many classes to name.
    top: Option<usize>,
    /// What the picture is called in the answer.
    path: Option<String>,
    /// The camera whose newest frame is meant; then there is no body.
    camera: Option<String>,
    /// Where the picture comes from; it is called so where nothing else says how.
    from: Option<String>,
    /// Whether also which rule decided.
    #[serde(default)]
    #[param(required = false)]
    why: bool,
}

/// The object that `predict --json` prints.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub(super) struct Printed(Box<Answer>);

/// Of one picture, the object that `predict --json` prints; of several, such an object or an error for each, in their order.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Said {
    One(Printed),
    Several { answers: Vec<Outcome> },
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Outcome {
    Answer(Printed),
    Failed { path: String, error: String },
}

/// What the head says of the picture in the body, of several as parts of a form, or of what a camera sees now.
#[utoipa::path(
    post, path = "/v1/predict", params(Asking),
    request_body(content(("application/octet-stream"), ("image/jpeg"), ("image/png"), ("multipart/form-data"))),
    responses((status = 200, body = Said), (status = "default", response = Problem))
)]
pub(super) async fn predict(
    State(app): State<Arc<App>>,
    query: Result<Parameters<Asking>, Refusal>,
    request: Request,
) -> Result<Json<Said>, Refusal> {
    let (asking, request) = asked(query, request).await?;
    let mut uploads = meant::all(&app, asking.camera.as_deref(), request, MOST_PICTURES).await?;
    if uploads.len() == 1 {
        let (path, upload) = named(&asking, uploads.remove(0));
        return Ok(Json(Said::One(Printed(answer(&app, &asking, path, upload).await?.into()))));
    }
    let mut answers = Vec::new();
    // One after another: others have their turns between.
    for upload in uploads {
        let (path, upload) = named(&asking, upload);
        answers.push(match answer(&app, &asking, path.clone(), upload).await {
            Ok(answer) => Outcome::Answer(Printed(answer.into())),
            Err(error @ (Refusal::Answer(AnswerError::Picture(_)) | Refusal::Panic)) => {
                Outcome::Failed { path, error: causes(&error) }
            }
            Err(refusal) => return Err(refusal),
        });
    }
    Ok(Json(Said::Several { answers }))
}

/// With what the picture is called in the answer.
fn named(asking: &Asking, upload: Upload) -> (String, Upload) {
    let name = asking.path.clone().or_else(|| upload.name.clone()).or_else(|| asking.from.clone());
    (name.unwrap_or_else(|| UNNAMED.to_owned()), upload)
}

async fn answer(app: &App, asking: &Asking, path: String, upload: Upload) -> Result<Answer, Refusal> {
    let start = Instant::now();
    let (reply, answer) = oneshot::channel();
    let asked = Asked { version: None, top: asking.top.unwrap_or(TOP), why: asking.why };
    app.jobs.push(FileJob { path, picture: upload.picture, asked, reply, room: upload.room })?;
    let answer = answer.await.map_err(|_| Refusal::NoWorker)?;
    app.shared.metrics.predict_seconds.observe(start.elapsed().as_secs_f64());
    answer
}
