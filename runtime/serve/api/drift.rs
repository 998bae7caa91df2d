//! Whether what cameras show is still like what was taught.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem};
use crate::serve::routes::App;
use crate::watch::DriftView;

#[derive(Serialize, ToSchema)]
pub(super) struct Drift {
    /// False where the settings turn it off, or name no camera.
    watched: bool,
    /// One a camera.
    cameras: Vec<CameraDrift>,
}

/// What is known of the drift before a camera, as `docs/json.md` has it: `looks` that counted, `evidence` for each kind as a share of what is enough to
/// tell of it, what was `told`, and `because` with its `code`, where it is not watched for.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
struct CameraDrift(DriftView);

/// How watching for drift goes.
#[utoipa::path(get, path = "/v1/drift", responses((status = 200, body = Drift), (status = "default", response = Problem)))]
pub(super) async fn drift(State(app): State<Arc<App>>) -> Answer<Drift> {
    let board = app.others.drift.as_ref();
    let cameras = board.map(|board| board.views()).unwrap_or_default().into_iter().map(CameraDrift).collect();
    Ok(Json(Drift { watched: board.is_some(), cameras }))
}
