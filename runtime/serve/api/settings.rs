//! What the settings file says: shown, and changed nowhere but there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{Answer, Problem};
use crate::serve::SettingsShown;
use crate::serve::routes::App;

/// What the settings file says, or what holds without it. No password, token or key is in it.
#[utoipa::path(
    get, path = "/v1/settings",
    responses((status = 200, body = SettingsShown), (status = "default", response = Problem))
)]
pub(super) async fn settings(State(app): State<Arc<App>>) -> Answer<SettingsShown> {
    Ok(Json(app.others.shown.clone()))
}
