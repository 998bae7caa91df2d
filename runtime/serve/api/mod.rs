//! The API: one file a resource. What the state can do is the device's; here it is asked for it, off the thread of HTTP.

mod advice;
mod announcers;
mod backbones;
mod backup;
mod cameras;
mod changes;
mod drift;
mod edit;
mod events;
mod explain;
mod fit;
mod heads;
mod input;
mod jobs;
mod labels;
mod meant;
mod pairing;
mod piles;
mod predict;
mod report;
mod restore;
mod review;
mod samples;
mod session;
mod settings;
mod stream;
mod teach;

use std::sync::Arc;

use axum::Json;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::input::{InPath, Input, Parameters};
use super::problem::Problem;
use super::refusal::Refusal;
use super::routes::App;
use crate::device::Device;

#[derive(OpenApi)]
#[openapi(
    info(title = "edgetl", description = "Teaches this device new classes of pictures."),
    components(schemas(Problem), responses(Problem))
)]
struct Description;

/// Everything that needs a token where there is one, with its description.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(heads::list))
        .routes(routes!(heads::activate))
        .routes(routes!(heads::rollback))
        .routes(routes!(heads::decide))
        .routes(routes!(heads::file))
        .routes(routes!(report::report))
        .routes(routes!(report::curve))
        .routes(routes!(report::pictures))
        .routes(routes!(drift::drift))
        .routes(routes!(fit::status, fit::ask))
        .routes(routes!(review::list))
        .routes(routes!(review::picture))
        .routes(routes!(review::label))
        .routes(routes!(review::dismiss))
        .routes(routes!(advice::advice))
        .routes(routes!(announcers::list))
        .routes(routes!(backbones::list))
        .routes(routes!(backbones::catalogue))
        .routes(routes!(jobs::job, jobs::stop))
        .routes(routes!(jobs::compare))
        .routes(routes!(jobs::fetch))
        .routes(routes!(jobs::switch))
        .routes(routes!(backup::backup))
        .routes(routes!(restore::waiting, restore::stage, restore::withdraw))
        .routes(routes!(restore::begin))
        .routes(routes!(settings::settings))
        .routes(routes!(session::session))
        .routes(routes!(predict::predict))
        .routes(routes!(explain::explain))
        .routes(routes!(cameras::list))
        .routes(routes!(cameras::set))
        .routes(routes!(cameras::picture))
        .routes(routes!(cameras::trigger))
        .routes(routes!(cameras::frame))
        .routes(routes!(samples::list))
        .routes(routes!(samples::thumbnail))
        .routes(routes!(samples::relabel))
        .routes(routes!(samples::remove))
        .routes(routes!(changes::list))
        .routes(routes!(changes::undo))
        .routes(routes!(labels::list))
        .routes(routes!(labels::rename))
        .routes(routes!(piles::list))
        .routes(routes!(stream::stream))
        .routes(routes!(events::events))
        .routes(routes!(teach::add))
        .routes(routes!(pairing::code))
        .routes(routes!(pairing::pair))
        .routes(routes!(pairing::list))
        .routes(routes!(pairing::withdraw))
}

/// Does what may take a while, or waits for the disk, off the thread that speaks HTTP. A few are done at once, the others wait.
async fn blocking<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Device) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let turn = app.turns.clone().acquire_owned().await.map_err(|_| Refusal::NoWorker)?;
    let device = app.device.clone();
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(&device)
    });
    done.await.unwrap_or(Err(Refusal::Panic))
}

/// [`blocking`] for what may take seconds: one at a time.
async fn at_leisure<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Device) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let long = app.long.clone().acquire_owned().await.map_err(|_| Refusal::NoWorker)?;
    // It goes on where the client does not wait, and is the only one until it ends.
    let alone = move |device: &Device| {
        let _long = long;
        work(device)
    };
    blocking(app, alone).await
}

/// To be called after every change of samples, with the version of the edits behind it.
fn changed(app: &App, version: i64) {
    app.shared.announcements.samples(version);
}

/// Does what takes a moment of computing off the thread that speaks HTTP, beside what waits for the state.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Panic)
}

type Answer<T> = Result<Json<T>, Refusal>;
