//! Connections: accepted at once, timed, and let finish when the service stops.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::connections::{Connections, Phase, Place};
use super::shared::Shared;
use super::timed_stream::TimedStream;
use super::tls::{self, Speaks};

/// Of a request's head, and of what is read at once.
const BUFFER_BYTES: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// Between two looks for connections that have had their time.
const LOOK: Duration = Duration::from_millis(250);
/// How long an answer that goes on may take to end when the service stops: some clients take it no more.
const LEAVE: Duration = Duration::from_millis(500);
/// How long to wait before accepting again when the system has no descriptors or memory left.
const BREATHE: Duration = Duration::from_millis(100);
/// What was sent and is acknowledged by nobody for so long went to a client that is gone.
#[cfg(target_os = "linux")]
const GONE: Duration = Duration::from_secs(30);

/// Resolves at the first SIGTERM or Ctrl-C; from the call on, neither ends the process by itself.
#[cfg(unix)]
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves at Ctrl-C.
#[cfg(not(unix))]
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// A listening socket, yet to be accepted from.
pub(super) struct Acceptor {
    listener: TcpListener,
    client_timeout: Duration,
    connections: Arc<Connections>,
    shared: Arc<Shared>,
}

/// The connection that a request came on.
#[derive(Clone)]
pub(super) struct Peer {
    /// The address of this machine that the client connected to.
    pub local: IpAddr,
    pub client: IpAddr,
    /// Whether it speaks TLS with this service.
    pub is_tls: bool,
    pub place: Arc<Place>,
}

/// What answers on a port.
pub(super) struct Answering {
    pub router: Router,
    /// What agrees on TLS, and what answers those who speak none; `None` where nobody does.
    pub tls: Option<(tls::Acceptor, Router)>,
}

trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// A connection, with or without TLS.
type Connected = Pin<Box<dyn Duplex>>;

impl Answering {
    /// Finds out what the client speaks; `None` where it speaks nothing that is understood.
    async fn meet(&self, stream: TcpStream, peer: &mut Peer, write_timeout: Duration) -> Option<(Connected, Router)> {
        // Answers are short: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        // What is sent to a phone that left the network is acknowledged by nobody: it does not hold a place for a quarter of an hour.
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, GONE.as_millis() as u32);
        let timed = |stream, place| {
            let mut stream = TimeoutStream::new(TimedStream { stream, place });
            stream.set_write_timeout(Some(write_timeout));
            Box::pin(stream)
        };
        let place = peer.place.clone();
        let Some((acceptor, plain)) = &self.tls else { return Some((timed(stream, place), self.router.clone())) };
        place.set(Phase::Handshake);
        let (connected, router): (Connected, _) = match tls::first_word(&stream).await {
            Speaks::Nothing => return None,
            Speaks::Plain => (timed(stream, place.clone()), plain.clone()),
            Speaks::Tls => match acceptor.accept(timed(stream, place.clone())).await {
                Ok(stream) => {
                    peer.is_tls = true;
                    (Box::pin(stream), self.router.clone())
                }
                Err(error) => {
                    tracing::debug!("a client does not agree on TLS: {error}");
                    return None;
                }
            },
        };
        place.greeted();
        Some((connected, router))
    }
}

/// Connections that are still open after accepting has ended.
pub(super) struct Open {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
    connections: Arc<Connections>,
}

impl Acceptor {
    /// With `most` connections at once; belongs to the runtime that it is called in.
    pub fn new(
        listener: std::net::TcpListener,
        most: usize,
        client_timeout: Duration,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, client_timeout, connections: Connections::new(most, client_timeout), shared })
    }

    /// Serves every connection with `answering` until `until` resolves; then the socket is closed.
    pub async fn accept(self, answering: Answering, until: impl Future<Output = ()>) -> Open {
        let (tasks, graceful) = (JoinSet::new(), GracefulShutdown::new());
        let mut open = Open { tasks, graceful, connections: self.connections.clone() };
        let (answering, mut look) = (Arc::new(answering), tokio::time::interval(LOOK));
        tokio::pin!(until);
        loop {
            let next = tokio::select! {
                biased;
                () = &mut until => return open,
                _ = look.tick() => {
                    self.connections.close_late(Instant::now());
                    continue;
                }
                next = self.listener.accept() => next,
            };
            while open.tasks.try_join_next().is_some() {}
            match next {
                Ok((stream, client)) => self.admit(stream, client.ip(), &answering, &mut open).await,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    async fn admit(&self, stream: TcpStream, client: IpAddr, answering: &Arc<Answering>, open: &mut Open) {
        let (Some((place, closing, crowded)), Ok(local)) = (self.connections.enter(client), stream.local_addr()) else {
            return;
        };
        let peer = Peer { local: local.ip(), client, is_tls: false, place: Arc::new(place) };
        let connection = self.connection(stream, answering.clone(), peer, open.graceful.watcher());
        let shared = self.shared.clone();
        open.tasks.spawn(async move {
            shared.metrics.connections.inc();
            tokio::select! {
                () = connection => {}
                _ = closing => {}
            }
            shared.metrics.connections.dec();
        });
        if crowded {
            // Lets the other close, so that its descriptor is free.
            tokio::task::yield_now().await;
        }
    }

    /// Makes it likely that the next connection can be accepted, where this one could not.
    async fn recover(&self, error: &io::Error) {
        if is_short_of_descriptors(error) && self.connections.close_one() {
            return tokio::task::yield_now().await;
        }
        tracing::warn!("a connection could not be accepted: {error}");
        tokio::time::sleep(BREATHE).await;
    }

    fn connection(
        &self,
        stream: TcpStream,
        answering: Arc<Answering>,
        mut peer: Peer,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + use<> {
        let write_timeout = self.client_timeout;
        async move {
            let Some((stream, router)) = answering.meet(stream, &mut peer, write_timeout).await else { return };
            drop(answering);
            let mut http = http1::Builder::new();
            // `Connections` closes what is late.
            http.header_read_timeout(None).max_buf_size(BUFFER_BYTES).max_headers(MOST_HEADERS);
            let router = TowerToHyperService::new(router);
            let service = service_fn(move |mut request: Request<Incoming>| {
                let place = peer.place.clone();
                place.set(Phase::Asking);
                request.extensions_mut().insert(peer.clone());
                let answer = router.call(request);
                async move {
                    let answer = answer.await;
                    place.answered();
                    answer
                }
            });
            let watched = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
            if let Err(error) = watched.await {
                tracing::debug!("a connection ended early: {error}");
            }
        }
    }
}

/// Whether this process, or the whole system, has as many files open as it may.
fn is_short_of_descriptors(error: &io::Error) -> bool {
    // EMFILE and ENFILE, the same on every Unix that we build for.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

impl Open {
    /// Lets every connection answer the request in hand and closes it; what is open at `deadline` is cut off.
    ///
    /// Gives whether all came to their end by themselves.
    pub async fn finish(mut self, deadline: Instant) -> bool {
        self.connections.close_handshakes();
        let all = self.graceful.shutdown();
        tokio::pin!(all);
        let mut done = tokio::time::timeout(LEAVE, &mut all).await.is_ok();
        if !done {
            self.connections.close_ongoing();
            done = tokio::time::timeout_at(deadline.into(), all).await.is_ok();
        }
        self.tasks.shutdown().await;
        done
    }
}
