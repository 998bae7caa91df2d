//! Fitting a head when a client asks for it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Input, Problem};
use crate::device::{FitAsked, TrainerSettings, TrainerStatus, TrainingEvent};
use crate::head::COMPARISON_FITS;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::watch::Moment;

/// In bytes.
const LONGEST_NOTE: usize = 1000;

/// What a fit is to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    publish: Publish,
    /// For whoever looks at heads.
    note: Option<String>,
}

/// When the new head is to answer.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Publish {
    /// At once, unless it answers worse than the one that answers now.
    #[default]
    UnlessWorse,
    /// When somebody activates it; the first of all at once.
    ByHand,
}

/// What the trainer does and did.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    /// `running`, `waiting` for its thread, or `idle`.
    state: &'static str,
    /// Since when it runs.
    #[schema(value_type = Option<String>)]
    since: Option<Moment>,
    /// How far the comparison with the head that answers has come; null where none runs.
    progress: Option<Progress>,
    /// Whether another fit follows the one that runs.
    asked: bool,
    /// The event of the last fit, as `docs/json.md` has it.
    #[schema(value_type = Option<Object>)]
    last: Option<TrainingEvent>,
    /// How many new labels lead to a fit; null for none.
    after: Option<usize>,
    /// Seconds between two fits by time.
    every: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct Progress {
    done: usize,
    of: usize,
}

impl Status {
    fn new(status: TrainerStatus, settings: TrainerSettings) -> Self {
        let TrainerStatus { running, compared, asked, last } = status;
        let state = match (running, &asked) {
            (Some(_), _) => "running",
            (None, Some(_)) => "waiting",
            (None, None) => "idle",
        };
        let TrainerSettings { after, every } = settings;
        Self {
            state,
            since: running.map(|since: SystemTime| since.into()),
            progress: running.map(|_| Progress { done: compared.min(COMPARISON_FITS), of: COMPARISON_FITS }),
            asked: asked.is_some(),
            last,
            after: (after > 0).then_some(after),
            every: every.map(|every| every.as_secs_f64()),
        }
    }

    fn of(app: &App) -> Json<Self> {
        let trainer = &app.others.trainer;
        Json(Self::new(trainer.status(), trainer.settings()))
    }
}

/// Whether a fit runs, and what came of the last one.
#[utoipa::path(get, path = "/v1/fit", responses((status = 200, body = Status), (status = "default", response = Problem)))]
pub(super) async fn status(State(app): State<Arc<App>>) -> Answer<Status> {
    Ok(Status::of(&app))
}

/// Asks for a head to be fitted on what is stored, as the one that answers was, and compared with it.
#[utoipa::path(
    post, path = "/v1/fit", request_body = Option<Asked>,
    responses((status = 202, body = Status), (status = "default", response = Problem))
)]
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Input(Asked { publish, note }): Input<Asked>,
) -> Result<(StatusCode, Json<Status>), Refusal> {
    if let Some(note) = note.as_ref().filter(|note| note.len() > LONGEST_NOTE) {
        return Err(Refusal::Request { expected: "a note of at most 1000 bytes", got: note.len().to_string() });
    }
    app.others.trainer.ask(FitAsked { by_hand: publish == Publish::ByHand, note });
    Ok((StatusCode::ACCEPTED, Status::of(&app)))
}
