//! Paths and what answers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, MatchedPath, Query, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::Settings;
use super::hosts::Hosts;
use super::listen::Peer;
use super::origin;
use super::queue::{Job, Queue};
use super::refusal::Refusal;
use super::shared::Shared;
use super::upload::{self, Bodies};
use crate::predictor::Answer;

/// As many classes as `predict` shows.
const TOP: usize = 5;
/// The name of a picture without one.
const UNNAMED: &str = "-";
/// A worker that has not come back from a picture for so long is not counted on.
const STUCK: Duration = Duration::from_secs(60);

/// What every request may use.
pub(super) struct App {
    pub settings: Settings,
    jobs: Queue,
    shared: Arc<Shared>,
    bodies: Bodies,
    hosts: Hosts,
}

impl App {
    /// At most `places` pictures are in memory at once.
    pub fn new(settings: Settings, jobs: Queue, shared: Arc<Shared>, places: usize) -> Self {
        let bodies = Bodies::new(settings.max_body, settings.client_timeout, places);
        let hosts = Hosts::new(&settings.hosts, settings.address.ip());
        Self { settings, jobs, shared, bodies, hosts }
    }
}

pub(super) fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/v1/predict", post(predict))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(app.clone(), guard));
    Router::new()
        .route("/health/live", get(live))
        .merge(guarded)
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        // `Bodies` has its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), only_own))
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app)
}

/// Lets nothing pass that is meant for another host or made by another's page.
async fn only_own(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<Peer>().map(|peer| peer.local);
    let asked = (request.uri(), request.headers());
    match origin::check(&app.hosts, local, request.version(), asked) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(request, refusal).await,
    }
}

/// Lets nobody pass without the token, where there is one.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION);
    if app.settings.access.admits(authorization.map(|value| value.as_bytes())) {
        return next.run(request).await;
    }
    refuse(request, Refusal::Token).await
}

async fn count(State(app): State<Arc<App>>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let (route, status) = (path.as_ref().map_or("other", MatchedPath::as_str), response.status());
    app.shared.metrics.requested(route, status.as_u16());
    if route == "/v1/predict" && status == StatusCode::SERVICE_UNAVAILABLE {
        app.shared.metrics.rejected.inc();
    }
    response
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PredictQuery {
    /// How many classes to name.
    top: Option<usize>,
    /// What the picture is called in the answer.
    path: Option<String>,
}

async fn predict(
    State(app): State<Arc<App>>,
    ask: Result<Query<PredictQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<Answer>, Response> {
    let Query(ask) = match ask {
        Ok(ask) => ask,
        Err(error) => {
            let expected = "nothing but `top` and `path` in the query";
            return Err(refuse(request, Refusal::Request { expected, got: error.body_text() }).await);
        }
    };
    answer(&app, ask, request).await.map(Json).map_err(IntoResponse::into_response)
}

async fn answer(app: &App, ask: PredictQuery, request: Request) -> Result<Answer, Refusal> {
    let upload = app.bodies.read(request).await?;
    let start = Instant::now();
    let (reply, answer) = oneshot::channel();
    app.jobs.push(Job {
        path: ask.path.or(upload.name).unwrap_or_else(|| UNNAMED.to_owned()),
        picture: upload.picture,
        top: ask.top.unwrap_or(TOP),
        reply,
        room: upload.room,
    })?;
    let answer = answer.await.map_err(|_| Refusal::NoWorker)?;
    app.shared.metrics.predict_seconds.observe(start.elapsed().as_secs_f64());
    answer
}

async fn live(State(app): State<Arc<App>>) -> Response {
    match app.shared.heartbeat.age() < STUCK {
        true => Json(json!({ "status": "live" })).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "stuck" }))).into_response(),
    }
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let Shared { heartbeat, .. } = &*app.shared;
    let (status, word) =
        if heartbeat.age() < STUCK { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "stuck") };
    let facts = app.shared.facts();
    let body = json!({
        "status": word,
        "provider": facts.provider,
        "backbone": facts.backbone,
        "fingerprint": facts.fingerprint.to_string(),
        "head_version": facts.head_version,
        "head_hash": facts.head_hash,
        "golden": facts.golden,
        "stale": app.shared.stale(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    (status, Json(body)).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.shared.metrics.text())
}

async fn no_such_path(uri: Uri, request: Request) -> Response {
    refuse(request, Refusal::NoSuchPath(uri.path().to_owned())).await
}

async fn wrong_method(method: Method, uri: Uri, request: Request) -> Response {
    refuse(request, Refusal::Method { path: uri.path().to_owned(), method: method.to_string() }).await
}

/// Refuses a request whose body was not read.
async fn refuse(request: Request, refusal: Refusal) -> Response {
    let (parts, body) = request.into_parts();
    upload::discard(&parts, body).await;
    refusal.into_response()
}
