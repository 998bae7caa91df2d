//! `serve`: predictions over HTTP.
//!
//! ```text
//!  connection ── routes ── upload ──► Queue (bounded) ──► worker thread, owns the Predictor
//!                   │                                        ▲ successors
//!                   └── metrics, health ◄── Shared           │
//!                                             heads/current ──► follower thread
//! ```
//!
//! Before the routes stand TLS and who is let in (`front`). HTTP runs on one thread, which never decodes a picture; one worker answers them in the order in which they came. A
//! head that is published while the service runs is opened by the follower and handed to the worker between two pictures. The
//! cameras of the settings are watched by a thread of their own, which asks the worker as clients do. A trainer fits heads in a
//! thread of its own; what it publishes is followed as any other head.

mod access;
mod admission;
mod announcements;
mod api;
mod body_memory;
mod camera_metrics;
mod cameras;
mod connections;
mod descriptors;
mod explaining;
mod front;
mod guesses;
mod heartbeat;
mod hosts;
mod jobs;
mod listen;
mod live_page;
mod machine;
mod mdns;
mod metrics;
mod of_device;
mod ongoing;
mod origin;
mod paired;
mod problem;
mod qr;
mod queue;
mod reach;
mod refusal;
mod repeats;
mod routes;
mod shared;
mod shown;
mod successors;
mod systemd;
mod teacher;
mod timed_stream;
mod tls;
mod upload;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

pub use access::{Access, Open, TokenError};
pub use announcements::Announcements;
pub use cameras::{Cameras, Counting, Tell};
pub use hosts::{Host, HostError};
pub use jobs::Fetch;
pub use qr::{half_blocks, rows as qr_rows};
pub use reach::{Reach, pairing_url};
pub use shown::{SectionShown, SettingShown, SettingsShown};
pub use tls::{Certificate, Tls, TlsError, in_two_lines};

use camera_metrics::Shown;
use cameras::{Watched, Watching};
use explaining::Explaining;
use front::Front;
use listen::{Acceptor, Answering};
use metrics::Metrics;
use routes::{App, Others};
use shared::Shared;
use systemd::Supervisor;
use teacher::Classroom;
use tls::Certificates;
use worker::Worker;

use crate::causes::causes;
use crate::device::{Device, DeviceError, Facts, Follower, Predictor, Trainer};
use crate::threads::NoThread;
use crate::watch::Moment;

/// How long what is in flight may take after a request to stop; systemd and users expect the end within 5 s.
const DRAIN: Duration = Duration::from_millis(3500);
/// How long threads may take to end after that.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// How a service listens and what it takes.
pub struct Settings {
    /// With port 0 the system chooses one.
    pub address: SocketAddr,
    pub access: Access,
    /// Where the service speaks TLS.
    pub tls: Option<Tls>,
    /// Whether it is announced by multicast DNS, where other machines get to it.
    pub mdns: bool,
    /// What is open to all even where a token is needed.
    pub open: Vec<Open>,
    /// Whether each request is a line of the log.
    pub access_log: bool,
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
    #[error("`{0}` can be reached from other machines, so TLS or a token is needed")]
    Open(SocketAddr),
    #[error(transparent)]
    Tls(#[from] TlsError),
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

/// What requests may ask beside the state and the cameras.
pub struct Beside {
    /// Fits heads when a client asks for it.
    pub trainer: Arc<Trainer>,
    /// Brings a network of the catalogue, where this program can.
    pub fetch: Option<Fetch>,
    pub shown: SettingsShown,
    pub restored: Restored,
}

/// What became of a backup that waited, when this process started.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The folder of the state in which what was there before is kept, where the backup took its place.
    pub done: Option<String>,
    /// Why it did not.
    pub because: Option<String>,
    pub tried: Moment,
}

/// What is to follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Somebody asked this process to end.
    Asked,
    /// The service is to start anew, in a process that has nothing open.
    Again,
}

/// Serves until SIGTERM or Ctrl-C, then answers what is in flight and returns. Without a head it starts all the same, and takes
/// the first one that is published.
///
/// `started` is told how clients get here and what runs, as soon as requests are taken.
///
/// # Errors
/// When the address is open to other machines with neither TLS nor a token or cannot be had, when there is no certificate that can be used, when the head there is cannot be opened, when the
/// golden vectors of its backbone do not match, or when the worker ended.
pub fn run(
    settings: Settings,
    device: Device,
    cameras: Cameras,
    beside: Beside,
    started: impl FnOnce(&Reach, Option<&Facts>) -> io::Result<()>,
) -> Result<Ended, ServeError> {
    let is_loopback = settings.address.ip().to_canonical().is_loopback();
    if settings.access.is_open() && settings.tls.is_none() && !is_loopback {
        return Err(ServeError::Open(settings.address));
    }
    let open_tls = |tls| Certificates::open(tls, device.state(), &settings.hosts, settings.address.ip());
    let certificates = settings.tls.as_ref().map(open_tls).transpose()?;
    let bind_error = |source| ServeError::Bind { address: settings.address, source };
    let listener = TcpListener::bind(settings.address).map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    let predictor = match first_predictor(&device) {
        // Who brought a backup must be able to reach the page.
        Err(error) if beside.restored.done.is_some() => {
            tracing::error!("the head of the backup cannot be used, so pictures get no answer: {}", causes(&error));
            None
        }
        opened => opened?,
    };
    let facts = predictor.as_ref().map(|predictor| predictor.facts().clone());
    let shared = Arc::new(Shared::new(facts.clone(), Metrics::new(), cameras.announcements.clone()));
    let (jobs, waiting) = queue::bounded(settings.queue, shared.clone());
    let jobs = Arc::new(jobs);
    let (sender, successors) = std::sync::mpsc::channel();
    let following = successors::follow(Follower::new(device.clone(), predictor.as_ref()), shared.clone(), sender)?;
    let ended = Worker::new(predictor, successors, shared.clone()).start(waiting)?;
    let front = Front::new(&settings, device.state(), certificates, address);
    let supervisor = Supervisor::new(front.reach().listening(), shared.clone());
    let most = descriptors::most_connections();
    let Cameras { watch, tell, counts, drift, announcements } = cameras;
    let (explaining, classroom) = (Explaining::start(device.clone())?, Classroom::open(device.clone())?);
    let Beside { trainer, fetch, shown, restored } = beside;
    let others = Others {
        front: front.clone(),
        cameras: watch.board(),
        drift: drift.clone(),
        trainer,
        explaining,
        classroom,
        counts: counts.clone(),
        fetch,
        shown,
        restored,
    };
    shared.metrics.watch(Shown { board: others.cameras.clone(), counts, drift });
    // The others are for heads, for health, and for what is refused.
    let app = Arc::new(App::new((settings, device), jobs.clone(), shared.clone(), others, most * 3 / 4));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let run = Run { ended, supervisor: &supervisor, most, shared };
    front.tell();
    let started = || {
        started(&front.reach(), facts.as_ref()).map_err(ServeError::Start)?;
        // Behind that line come those of events.
        Ok(Watching::start(Watched { watch, tell, announcements }, jobs)?)
    };
    let served = runtime.block_on(serve(listener, app, run, started));
    front.end();
    drop(following);
    // What was begun for a client that was cut off goes on without anybody waiting.
    runtime.shutdown_background();
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
) -> Result<Ended, ServeError> {
    let Run { mut ended, supervisor, most, shared } = run;
    let mut stop = pin!(listen::stop_signal().map_err(ServeError::Start)?);
    let door = Acceptor::new(listener, most, app.settings.client_timeout, shared).map_err(ServeError::Start)?;
    let (router, front) = (routes::router(app.clone()), app.front.clone());
    let tls = front.acceptor()?.map(|acceptor| (acceptor, routes::without_tls(app.clone())));
    tokio::spawn(front.follow());
    let watching = started()?;
    supervisor.ready();
    let (mut worker_ended, mut next, again) = (false, Ended::Asked, app.again.clone());
    let until = async {
        tokio::select! {
            () = &mut stop => {}
            () = again.notified() => next = Ended::Again,
            _ = &mut ended => worker_ended = true,
        }
    };
    let open = tokio::select! {
        open = door.accept(Answering { router, tls }, until) => open,
        never = supervisor.watch() => match never {},
    };
    let deadline = Instant::now() + DRAIN;
    // The programs that cameras started end with this one.
    let watching = tokio::spawn(watching.end());
    app.ongoing.stop();
    drop(app);
    if worker_ended {
        let _ = tokio::time::timeout_at(deadline.into(), watching).await;
        return Err(ServeError::WorkerEnded);
    }
    tracing::info!("stopping: answering what is in flight");
    match next {
        Ended::Asked => supervisor.stopping(),
        Ended::Again => supervisor.starting_anew(),
    }
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
    // Whoever wants it to end while it is about to start anew means it.
    if next == Ended::Again && stop.now_or_never().is_some() {
        next = Ended::Asked;
    }
    Ok(next)
}
