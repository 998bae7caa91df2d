//! The cameras of the settings: how they are, what they see, and what is sent to them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, InPath, Input, Parameters, Problem, aside, blocking};
use crate::device::Device;
use crate::serve::refusal::Refusal;
use crate::serve::routes::{App, refused};
use crate::watch::{ChoiceChange, Entry, View};

/// How a camera is, and what was decided about it, as `docs/json.md` has it.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub(super) struct Camera(View);

/// How each camera is.
#[utoipa::path(
    get, path = "/v1/cameras", responses((status = 200, body = Vec<Camera>), (status = "default", response = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Vec<Camera>> {
    Ok(Json(app.others.cameras.views().into_iter().map(Camera).collect()))
}

/// What is to change of a camera; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub(super) struct CameraChange(ChoiceChange);

/// Switches a camera on or off, and says which part of its upright picture is looked at: `{"on": false}`, `{"region": [left, top,
/// right, bottom]}`, each from 0 to 1, or `[[x, y], …]`; `{"region": null}` goes back to the settings. It is kept, and obeyed at once.
#[utoipa::path(
    patch, path = "/v1/cameras/{name}", params(("name" = String, Path)), request_body = CameraChange,
    responses((status = 200, body = Camera), (status = "default", response = Problem))
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    InPath(name): InPath<String>,
    request: Request,
) -> Result<Json<Camera>, Refusal> {
    let camera = match camera(&app, &name) {
        Ok(camera) => camera.clone(),
        Err(refusal) => return Err(refused(request, refusal).await),
    };
    let Input(CameraChange(change)) = Input::from_request(request, &app).await?;
    let obey = move |device: &Device| {
        camera.change(|| change.keep(device, &camera.name))?;
        Ok(Json(Camera(camera.view())))
    };
    blocking(&app, obey).await
}

/// What is shown of a camera's picture.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// Also what is outside the region.
    #[serde(default)]
    whole: bool,
}

/// What a camera sees now, as a JPEG file: of its newest frame the region that is looked at, upright; `?whole=true`: all of it.
#[utoipa::path(
    get, path = "/v1/cameras/{name}/picture", params(("name" = String, Path), Part),
    responses((status = 200, body = Vec<u8>, content_type = "image/jpeg"), (status = "default", response = Problem))
)]
pub(super) async fn picture(
    State(app): State<Arc<App>>,
    InPath(name): InPath<String>,
    Parameters(part): Parameters<Part>,
) -> Result<impl IntoResponse, Refusal> {
    let (_, bytes) = newest(&app, camera(&app, &name)?, part.whole).await?.ok_or(Refusal::NoFrame(name))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")], bytes))
}

/// The next frame of a camera is looked at, whatever its gate says.
#[utoipa::path(
    post, path = "/v1/cameras/{name}/trigger", params(("name" = String, Path)),
    responses((status = 204), (status = "default", response = Problem))
)]
pub(super) async fn trigger(
    State(app): State<Arc<App>>,
    InPath(name): InPath<String>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    match camera(&app, &name) {
        Ok(camera) => {
            camera.trigger();
            Ok(StatusCode::NO_CONTENT)
        }
        Err(refusal) => Err(refused(request, refusal).await),
    }
}

/// The picture in the body is the next frame of a camera whose `source` is `push`.
#[utoipa::path(
    put, path = "/v1/cameras/{name}/frame", params(("name" = String, Path)),
    request_body(content(("image/jpeg"), ("image/png"), ("application/octet-stream"), ("multipart/form-data"))),
    responses((status = 204), (status = "default", response = Problem))
)]
pub(super) async fn frame(
    State(app): State<Arc<App>>,
    InPath(name): InPath<String>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    match camera(&app, &name) {
        Err(refusal) => Err(refused(request, refusal).await),
        Ok(camera) if !camera.view().on => Err(refused(request, Refusal::CameraOff(name)).await),
        Ok(camera) if !camera.takes_frames() => Err(refused(request, Refusal::NotPushed(name)).await),
        Ok(camera) => {
            camera.push(app.bodies.read(request).await?.picture.into());
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

pub(super) fn camera<'a>(app: &'a App, name: &str) -> Result<&'a Arc<Entry>, Refusal> {
    app.others.cameras.entry(name).ok_or_else(|| Refusal::NoSuchCamera(name.to_owned()))
}

/// What the camera sees now, `whole` or the region of it, as a JPEG file, and the number of the frame; `None` where there was none yet.
pub(super) async fn newest(app: &App, camera: &Arc<Entry>, whole: bool) -> Result<Option<(u64, Bytes)>, Refusal> {
    let jpeg = match camera.jpeg_at_hand(whole) {
        Some(jpeg) => Some(jpeg),
        None => {
            let (entry, limits) = (camera.clone(), app.device.settings().limits);
            aside(move || entry.jpeg(&limits, whole)).await?
        }
    };
    let Some((number, bytes)) = jpeg else { return Ok(None) };
    let bytes = bytes.map_err(|source| Refusal::Frame { camera: camera.name.clone(), source })?;
    Ok(Some((number, Bytes::from_owner(bytes))))
}
