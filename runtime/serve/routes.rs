//! Paths and what answers them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

use super::access::Right;
use super::admission::Granted;
use super::cameras::Counting;
use super::explaining::Explaining;
use super::front::Front;
use super::hosts::{Authority, Hosts};
use super::jobs::{Fetch, Jobs};
use super::listen::Peer;
use super::ongoing::Ongoing;
use super::origin::{self, Entrance};
use super::queue::Queue;
use super::refusal::Refusal;
use super::repeats::Repeats;
use super::shared::Shared;
use super::shown::SettingsShown;
use super::teacher::{Classroom, Done};
use super::upload::{self, Bodies};
use super::{Restored, Settings, api, live_page, problem};
use crate::device::{Device, Doubts, Trainer};
use crate::printable::printable;
use crate::watch::{Board, DriftBoard};

/// How many requests may read or write the state at once.
const TURNS: usize = 4;
/// A worker that has not come back from a picture for so long is not counted on.
const STUCK: Duration = Duration::from_secs(60);

/// What every request may use.
pub(super) struct App {
    pub settings: Settings,
    pub front: Arc<Front>,
    pub jobs: Arc<Queue>,
    pub shared: Arc<Shared>,
    pub others: Others,
    pub device: Device,
    pub bodies: Bodies,
    /// For what is done off the thread of HTTP.
    pub turns: Arc<Semaphore>,
    /// For what takes long, one at a time, so that it leaves turns to others.
    pub long: Arc<Semaphore>,
    /// For frames that are decoded and encoded when somebody asks.
    pub stills: Semaphore,
    pub doubts: Arc<Doubts>,
    pub ongoing: Ongoing,
    pub repeats: Repeats<Done>,
    pub jobs_on_backbones: Jobs,
    /// Told when the service is to start anew.
    pub again: Arc<Notify>,
    hosts: Hosts,
}

/// What requests ask beside the worker.
pub(super) struct Others {
    pub front: Arc<Front>,
    pub cameras: Arc<Board>,
    /// Where it is watched for.
    pub drift: Option<Arc<DriftBoard>>,
    pub trainer: Arc<Trainer>,
    pub explaining: Explaining,
    pub classroom: Classroom,
    pub counts: Counting,
    /// Brings a network of the catalogue, where this program can.
    pub fetch: Option<Fetch>,
    pub shown: SettingsShown,
    pub restored: Restored,
}

impl App {
    /// At most `places` pictures are in memory at once.
    pub fn new(
        (settings, device): (Settings, Device),
        jobs: Arc<Queue>,
        shared: Arc<Shared>,
        others: Others,
        places: usize,
    ) -> Self {
        let bodies = Bodies::new(settings.max_body, settings.client_timeout, places);
        let hosts = Hosts::new(&settings.hosts, settings.address.ip());
        let turns = Arc::new(Semaphore::new(TURNS));
        let (ongoing, repeats, doubts) = (Ongoing::new(), Repeats::default(), Arc::default());
        Self {
            settings,
            front: others.front.clone(),
            jobs,
            shared,
            others,
            device,
            bodies,
            turns,
            long: Arc::new(Semaphore::new(1)),
            stills: Semaphore::new(2),
            doubts,
            ongoing,
            repeats,
            jobs_on_backbones: Jobs::default(),
            again: Arc::default(),
            hosts,
        }
    }
}

pub(super) fn router(app: Arc<App>) -> Router {
    let (api, description) = api::routes().split_for_parts();
    let description = Bytes::from(description.to_json().expect("it is made of texts"));
    let guarded = Router::new()
        .merge(api)
        .route("/v1/openapi.json", get(async || ([(header::CONTENT_TYPE, "application/json")], description)))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(app.clone(), guard));
    Router::new()
        .route("/health/live", get(live))
        .merge(live_page::routes())
        .merge(guarded)
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        // `Bodies` has its own.
        .layer(DefaultBodyLimit::disable())
        .layer(map_response(problem::in_form))
        .layer(from_fn_with_state(app.clone(), only_own))
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app)
}

/// Lets nothing pass that is meant for another host or made by another's page.
async fn only_own(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let came = |peer: &Peer| Entrance { local: Some(peer.local), is_tls: peer.is_tls };
    let entrance = request.extensions().get::<Peer>().map(came).unwrap_or_default();
    let asked = (request.method(), request.uri(), request.headers());
    match origin::check(&app.hosts, entrance, request.version(), asked) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(request, refusal).await,
    }
}

/// What may be asked for without a token.
const OPEN: [&str; 2] = ["/v1/session", "/v1/pair"];
/// What changes nothing, though it has a body.
const LOOKS: [&str; 2] = ["/v1/predict", "/v1/explain"];

/// Lets nobody pass without a token that is enough for what is asked, where there is one.
async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let looks = request.method().is_safe() || LOOKS.contains(&path);
    if OPEN.contains(&path) || app.settings.open.iter().any(|open| open.path() == path) {
        return next.run(request).await;
    }
    let authorization = request.headers().get(header::AUTHORIZATION);
    match app.front.admission.of(authorization.map(|value| value.as_bytes())) {
        None => refuse(request, Refusal::Token).await,
        Some(Granted { right: Right::Read, .. }) if !looks => refuse(request, Refusal::ReadOnly).await,
        Some(granted) => {
            request.extensions_mut().insert(granted);
            next.run(request).await
        }
    }
}

/// Answers clients that speak HTTP on a port for TLS: a browser that opens the page is sent on, by the name that it asked for.
pub(super) fn without_tls(app: Arc<App>) -> Router {
    Router::new()
        .fallback(to_tls)
        .layer(from_fn_with_state(app.clone(), only_own))
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app)
}

async fn to_tls(request: Request) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| Authority::parse(host.to_str().ok()?));
    match named {
        Some(Authority { host, port }) if request.method().is_safe() && request.uri().path() == "/" => {
            let page = format!("https://{}:{}/", host.in_url(), port.unwrap_or(80));
            // Not for ever: TLS may be turned off again.
            Redirect::temporary(&page).into_response()
        }
        _ => refuse(request, Refusal::WithoutTls).await,
    }
}

async fn count(State(app): State<Arc<App>>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let asked = app.settings.access_log.then(|| Asked::of(&request));
    let response = next.run(request).await;
    asked.iter().for_each(|asked| asked.log(response.status()));
    let (route, status) = (path.as_ref().map_or("other", MatchedPath::as_str), response.status());
    app.shared.metrics.requested(route, status.as_u16());
    if route == "/v1/predict" && status == StatusCode::SERVICE_UNAVAILABLE {
        app.shared.metrics.rejected.inc();
    }
    response
}

/// What the log of requests says of one.
struct Asked {
    method: Method,
    /// Without its query.
    path: String,
    client: Option<IpAddr>,
    at: Instant,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let client = request.extensions().get::<Peer>().map(|peer| peer.client);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        Self { method, path, client, at: Instant::now() }
    }

    fn log(&self, status: StatusCode) {
        let Self { method, path, client, at } = self;
        let client = client.map_or_else(|| "-".to_owned(), |client| client.to_string());
        let (path, status) = (printable(path), status.as_u16());
        tracing::info!("{client} {method} {path} {status} {} ms", at.elapsed().as_millis());
    }
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
    refused(request, refusal).await.into_response()
}

/// `refusal` of a request whose body was not read.
pub(super) async fn refused(request: Request, refusal: Refusal) -> Refusal {
    let (parts, body) = request.into_parts();
    upload::discard(&parts, body).await;
    refusal
}
