//! Long work on backbones: begun here, followed and stopped at one place.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::backbones::is_fetchable;
use super::{Answer, InPath, Input, Problem};
use crate::serve::jobs::{CANNOT_FETCH, Job, JobState, Task};
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::watch::Moment;

/// Work on backbones that runs, or ran last.
#[derive(Serialize, ToSchema)]
pub(super) struct JobView {
    number: u64,
    /// `compare`, `fetch` or `switch`.
    kind: &'static str,
    /// The backbone that is fetched or switched to.
    name: Option<String>,
    /// `running`, `done`, `failed`, `stopped`; `unread`: nothing was switched, since `unread` stored pictures of `of` cannot be read again.
    state: &'static str,
    #[schema(value_type = String)]
    since: Moment,
    /// Bytes of a fetch, else pictures.
    done: u64,
    of: Option<u64>,
    because: Option<String>,
    unread: usize,
    /// The head that a switch fitted, and that answers from then on.
    head: Option<u64>,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let (kind, name) = match job.task {
            Task::Compare => ("compare", None),
            Task::Fetch(name) => ("fetch", Some(name)),
            Task::Switch { name, .. } => ("switch", Some(name.to_string())),
        };
        let state = match job.state {
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Stopped => "stopped",
            JobState::Unread => "unread",
        };
        let Job { number, since, done, of, because, unread, head, .. } = job;
        Self { number, kind, name, state, since: since.into(), done, of, because, unread, head }
    }
}

/// The work on backbones that runs, else what ran last; null where none ran since the service started.
#[utoipa::path(
    get, path = "/v1/job", responses((status = 200, body = Option<JobView>), (status = "default", response = Problem))
)]
pub(super) async fn job(State(app): State<Arc<App>>) -> Answer<Option<JobView>> {
    Ok(Json(app.jobs_on_backbones.last().map(JobView::from)))
}

/// Stops the work on backbones after the picture in hand; what it stored stays.
#[utoipa::path(delete, path = "/v1/job", responses((status = 204), (status = "default", response = Problem)))]
pub(super) async fn stop(State(app): State<Arc<App>>) -> StatusCode {
    app.jobs_on_backbones.stop();
    StatusCode::NO_CONTENT
}

/// Compares all kept backbones on the stored pictures: `GET /v1/job` tells how far it is, `GET /v1/backbones` what came of it.
#[utoipa::path(
    post, path = "/v1/backbones/compare",
    responses((status = 202, body = JobView), (status = "default", response = Problem))
)]
pub(super) async fn compare(State(app): State<Arc<App>>) -> Result<(StatusCode, Json<JobView>), Refusal> {
    start(&app, Task::Compare)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FetchAsked {
    /// As `GET /v1/backbones/catalogue` lists it: no address, no path.
    name: String,
}

/// Fetches a network of the catalogue and keeps it.
#[utoipa::path(
    post, path = "/v1/backbones/fetch", request_body = FetchAsked,
    responses((status = 202, body = JobView), (status = "default", response = Problem))
)]
pub(super) async fn fetch(
    State(app): State<Arc<App>>,
    Input(FetchAsked { name }): Input<FetchAsked>,
) -> Result<(StatusCode, Json<JobView>), Refusal> {
    if app.others.fetch.is_none() {
        return Err(Refusal::Conflict(CANNOT_FETCH.to_owned()));
    }
    if !is_fetchable(&name) {
        return Err(Refusal::NotFound { expected: "a network of the catalogue", got: format!("`{name}`") });
    }
    start(&app, Task::Fetch(name))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SwitchAsked {
    /// Also where stored pictures cannot be read again: they stay, and no head on this backbone learns from them.
    #[serde(default)]
    anyway: bool,
}

/// Makes a kept backbone the one in use: its features of all stored pictures are computed, and a head on them answers from then on.
#[utoipa::path(
    post, path = "/v1/backbones/{name}/use", params(("name" = String, Path)), request_body = Option<SwitchAsked>,
    responses((status = 202, body = JobView), (status = "default", response = Problem))
)]
pub(super) async fn switch(
    State(app): State<Arc<App>>,
    InPath(name): InPath<String>,
    Input(SwitchAsked { anyway }): Input<SwitchAsked>,
) -> Result<(StatusCode, Json<JobView>), Refusal> {
    let unknown = || Refusal::NotFound { expected: "a kept backbone", got: format!("`{name}`") };
    let name = name.parse().map_err(|_| unknown())?;
    start(&app, Task::Switch { name, anyway })
}

fn start(app: &App, task: Task) -> Result<(StatusCode, Json<JobView>), Refusal> {
    let job = app.jobs_on_backbones.start(task, &app.device, app.others.fetch.as_ref())?;
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}
