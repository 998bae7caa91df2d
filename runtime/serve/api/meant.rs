//! Which pictures a request means: those in its body, or what a camera sees now.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::Request;

use super::aside;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::serve::upload::{self, Upload};

/// The one picture that `request` means: what the network sees of the newest frame of `camera`, where one is named, else its body.
pub(super) async fn one(app: &App, camera: Option<&str>, request: Request) -> Result<Upload, Refusal> {
    Ok(all(app, camera, request, 1).await?.remove(0))
}

/// [`one`] or more: up to `most` parts of a form.
pub(super) async fn all(
    app: &App,
    camera: Option<&str>,
    request: Request,
    most: usize,
) -> Result<Vec<Upload>, Refusal> {
    let Some(camera) = camera else { return app.bodies.read_all(request, most).await };
    let is_empty = request.body().is_end_stream();
    let (parts, body) = request.into_parts();
    upload::discard(&parts, body).await;
    if !is_empty {
        let (expected, got) = ("no body beside `camera`", "one".to_owned());
        return Err(Refusal::Request { expected, got });
    }
    let picture = still(app, camera).await?;
    let room = Arc::new(app.bodies.hold(&parts.extensions, picture.len()).await?);
    Ok(vec![Upload { name: Some(camera.to_owned()), picture, room }])
}

/// An image file of what the network sees of the newest frame.
async fn still(app: &App, camera: &str) -> Result<Bytes, Refusal> {
    let entry = app.others.cameras.entry(camera).ok_or_else(|| Refusal::NoSuchCamera(camera.to_owned()))?;
    if !entry.is_current() {
        return Err(Refusal::NoFrame(camera.to_owned()));
    }
    // Each takes the memory of a decoded frame.
    let _turn = app.stills.acquire().await.map_err(|_| Refusal::NoWorker)?;
    let (entry, limits) = (entry.clone(), app.device.settings().limits);
    let still = aside(move || entry.still(&limits)).await?;
    let still = still.ok_or_else(|| Refusal::NoFrame(camera.to_owned()))?;
    still.map(Bytes::from_owner).map_err(|source| Refusal::Frame { camera: camera.to_owned(), source })
}
