//! Paths and what answers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, MatchedPath, Path, Query, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::Settings;
use super::hosts::Hosts;
use super::listen::Peer;
use super::origin;
use super::queue::{FileJob, Queue};
use super::refusal::Refusal;
use super::shared::Shared;
use super::upload::{self, Bodies};
use crate::predictor::Answer;
use crate::watch::{Board, View};

/// As many classes as `predict` shows.
const TOP: usize = 5;
/// The name of a picture without one.
const UNNAMED: &str = "-";
/// A worker that has not come back from a picture for so long is not counted on.
const STUCK: Duration = Duration::from_secs(60);

/// What every request may use.
pub(super) struct App {
    pub settings: Settings,
    jobs: Arc<Queue>,
    shared: Arc<Shared>,
    cameras: Arc<Board>,
    bodies: Bodies,
    hosts: Hosts,
}

impl App {
    /// At most `places` pictures are in memory at once.
    pub fn new(settings: Settings, jobs: Arc<Queue>, shared: Arc<Shared>, cameras: Arc<Board>, places: usize) -> Self {
        let bodies = Bodies::new(settings.max_body, settings.client_timeout, places);
        let hosts = Hosts::new(&settings.hosts, settings.address.ip());
        Self { settings, jobs, shared, cameras, bodies, hosts }
    }
}

pub(super) fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/v1/predict", post(predict))
        .route("/v1/cameras", get(cameras))
        .route("/v1/cameras/{name}/trigger", post(trigger))
        .route("/v1/cameras/{name}/frame", put(frame))
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
    app.jobs.push(FileJob {
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
    let facts = app.shared.facts();
    let (status, word) = match &facts {
        _ if heartbeat.age() >= STUCK => (StatusCode::SERVICE_UNAVAILABLE, "stuck"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no head"),
        Some(_) => (StatusCode::OK, "ready"),
    };
    let mut body = json!({
        "status": word,
        "stale": app.shared.stale(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    match facts {
        Some(facts) => {
            body["provider"] = json!(facts.provider);
            body["backbone"] = json!(facts.backbone);
            body["fingerprint"] = json!(facts.fingerprint.to_string());
            body["head_version"] = json!(facts.head_version);
            body["head_hash"] = json!(facts.head_hash);
            body["golden"] = json!(facts.golden);
        }
        None => body["missing"] = json!("a head: edgetl collect FOLDER, then edgetl fit-head"),
    }
    (status, Json(body)).into_response()
}

async fn cameras(State(app): State<Arc<App>>) -> Json<Vec<View>> {
    Json(app.cameras.views())
}

async fn trigger(State(app): State<Arc<App>>, Path(name): Path<String>, request: Request) -> Response {
    match app.cameras.entry(&name) {
        Some(camera) => {
            camera.trigger();
            StatusCode::NO_CONTENT.into_response()
        }
        None => refuse(request, Refusal::NoSuchCamera(name)).await,
    }
}

async fn frame(State(app): State<Arc<App>>, Path(name): Path<String>, request: Request) -> Response {
    match app.cameras.entry(&name) {
        None => refuse(request, Refusal::NoSuchCamera(name)).await,
        Some(camera) if !camera.takes_frames() => refuse(request, Refusal::NotPushed(name)).await,
        Some(camera) => match app.bodies.read(request).await {
            Ok(upload) => {
                camera.push(upload.picture.into());
                StatusCode::NO_CONTENT.into_response()
            }
            Err(refusal) => refusal.into_response(),
        },
    }
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
