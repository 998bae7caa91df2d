//! `serve`: predictions over HTTP.
//!
//! ```text
//!  connection ── routes ── upload ──► Queue (bounded) ──► worker thread, owns the Predictor
//!                   │                                        ▲ successors
//!                   └── metrics, health ◄── Shared           │
//!                                             heads/current ──► follower thread
//! ```
//!
//! HTTP runs on one thread, which never decodes a picture; one worker answers them in the order in which they came. A
//! head that is published while the service runs is opened by the follower and handed to the worker between two pictures. The
//! cameras of the settings are watched by a thread of their own, which asks the worker as clients do.

mod access;
mod body_memory;
mod cameras;
mod connections;
mod descriptors;
mod heartbeat;
mod hosts;
mod listen;
mod metrics;
mod origin;
mod queue;
mod refusal;
mod routes;
mod shared;
mod successors;
mod systemd;
mod timed_stream;
mod upload;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub use access::{Access, TokenError};
pub use cameras::{Cameras, Tell};
pub use hosts::{Host, HostError};

use cameras::Watching;
use listen::Acceptor;
use metrics::Metrics;
use routes::App;
use shared::Shared;
use systemd::Supervisor;
use worker::Worker;

use crate::device::{Device, DeviceError, Facts, Follower, Predictor};
use crate::threads::NoThread;

/// How long what is in flight may take after a request to stop; systemd and users expect the end within 5 s.
const DRAIN: Duration = Duration::from_millis(3500);
/// How long threads may take to end after that.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// How a service listens and what it takes.
pub struct Settings {
    /// With port 0 the system chooses one.
    pub address: SocketAddr,
    pub access: Access,
    /// Names and addresses by which clients reach the service, besides this machine's own.
    pub hosts: Vec<Host>,
    /// Pictures that may wait for the worker, at least 1.
    pub queue: usize,
    /// Of a request, in bytes.
    pub max_body: usize,
    /// In which a client must have sent its body and must take its answer, and after which an idle one is let go.
    pub client_timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("`{0}` can be reached from other machines, so a token is needed")]
    Open(SocketAddr),
    #[error("cannot listen on `{address}`")]
    Bind { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("cannot start the service")]
    Start(#[source] io::Error),
    #[error("cannot start the service")]
    Thread(#[from] NoThread),
    #[error("the worker that answers pictures ended, though nobody asked it to")]
    WorkerEnded,
}

/// Serves until SIGTERM or Ctrl-C, then answers what is in flight and returns. Without a head it starts all the same, and takes
/// the first one that is published.
///
/// `started` is told the address and what runs, as soon as requests are taken.
///
/// # Errors
/// When the address is open to other machines without a token or cannot be had, when the head there is cannot be opened, when the
/// golden vectors of its backbone do not match, or when the worker ended.
pub fn run(
    settings: Settings,
    device: Device,
    cameras: Cameras,
    started: impl FnOnce(SocketAddr, Option<&Facts>) -> io::Result<()>,
) -> Result<(), ServeError> {
    if !settings.access.allows(settings.address.ip()) {
        return Err(ServeError::Open(settings.address));
    }
    let bind_error = |source| ServeError::Bind { address: settings.address, source };
    let listener = TcpListener::bind(settings.address).map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    let predictor = first_predictor(&device)?;
    let facts = predictor.as_ref().map(|predictor| predictor.facts().clone());
    let shared = Arc::new(Shared::new(facts.clone(), Metrics::new()));
    let (jobs, waiting) = queue::bounded(settings.queue, shared.clone());
    let jobs = Arc::new(jobs);
    let (sender, successors) = std::sync::mpsc::channel();
    let following = successors::follow(Follower::new(device, predictor.as_ref()), shared.clone(), sender)?;
    let ended = Worker::new(predictor, successors, shared.clone()).start(waiting)?;
    let supervisor = Supervisor::new(address, shared.clone());
    let most = descriptors::most_connections();
    let board = cameras.watch.board();
    // The others are for heads, for health, and for what is refused.
    let app = Arc::new(App::new(settings, jobs.clone(), shared.clone(), board, most * 3 / 4));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let run = Run { ended, supervisor: &supervisor, most, shared };
    let started = || {
        started(address, facts.as_ref()).map_err(ServeError::Start)?;
        // Behind that line come those of events.
        Ok(Watching::start(cameras, jobs)?)
    };
    let served = runtime.block_on(serve(listener, app, run, started));
    drop(following);
    served
}

/// `None` where there is no head yet.
fn first_predictor(device: &Device) -> Result<Option<Predictor>, DeviceError> {
    if device.heads().folder().live()?.is_none() {
        tracing::warn!("there is no head yet: pictures get no answer until one is fitted");
        return Ok(None);
    }
    device.predictor().map(Some)
}

/// The picture in a body of the type `kind`, for a fuzzer.
#[cfg(any(test, fuzzing))]
pub(crate) fn picture_of(kind: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let kind = axum::http::HeaderValue::from_bytes(kind).ok()?;
    let mut request = axum::extract::Request::new(axum::body::Body::from(body.to_vec()));
    request.headers_mut().insert(axum::http::header::CONTENT_TYPE, kind);
    let bodies = upload::Bodies::new(1 << 20, Duration::from_secs(60), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
    runtime.block_on(bodies.read(request)).ok().map(|upload| upload.picture.into())
}

/// What a running service is watched by.
struct Run<'a> {
    /// Closes when the worker thread ends.
    ended: oneshot::Receiver<()>,
    supervisor: &'a Supervisor,
    /// How many connections may be open.
    most: usize,
    shared: Arc<Shared>,
}

async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    run: Run<'_>,
    started: impl FnOnce() -> Result<Watching, ServeError>,
) -> Result<(), ServeError> {
    let Run { mut ended, supervisor, most, shared } = run;
    let stop = listen::stop_signal().map_err(ServeError::Start)?;
    let door = Acceptor::new(listener, most, app.settings.client_timeout, shared).map_err(ServeError::Start)?;
    let watching = started()?;
    supervisor.ready();
    let mut worker_ended = false;
    let until = async {
        tokio::select! {
            () = stop => {}
            _ = &mut ended => worker_ended = true,
        }
    };
    let open = tokio::select! {
        open = door.accept(routes::router(app), until) => open,
        never = supervisor.watch() => match never {},
    };
    let deadline = Instant::now() + DRAIN;
    // The programs that cameras started end with this one.
    let watching = tokio::spawn(watching.end());
    if worker_ended {
        let _ = tokio::time::timeout_at(deadline.into(), watching).await;
        return Err(ServeError::WorkerEnded);
    }
    tracing::info!("stopping: answering what is in flight");
    supervisor.stopping();
    if !open.finish(deadline).await {
        tracing::warn!("the clients that were not done in {} s were cut off", DRAIN.as_secs_f32());
    }
    if tokio::time::timeout_at(deadline.into(), watching).await.is_err() {
        tracing::warn!("a camera is still open");
    }
    // The queue closes with the last connection and the last camera, and the worker ends with the queue.
    if tokio::time::timeout_at((deadline + LAST_WAIT).into(), ended).await.is_err() {
        tracing::warn!("the worker is still busy with a picture that nobody waits for");
    }
    Ok(())
}
