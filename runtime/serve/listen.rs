//! Connections: accepted at once, timed, and let finish when the service stops.

use std::future::Future;
use std::io;
use std::net::IpAddr;
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
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::connections::{Connections, Phase, Place};
use super::shared::Shared;
use super::timed_stream::TimedStream;

/// Of a request's head, and of what is read at once.
const BUFFER_BYTES: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// Between two looks for connections that have had their time.
const LOOK: Duration = Duration::from_millis(250);
/// How long to wait before accepting again when the system has no descriptors or memory left.
const BREATHE: Duration = Duration::from_millis(100);

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
    pub place: Arc<Place>,
}

/// Connections that are still open after accepting has ended.
#[derive(Default)]
pub(super) struct Open {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
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

    /// Serves every connection with `router` until `until` resolves; then the socket is closed.
    pub async fn accept(self, router: Router, until: impl Future<Output = ()>) -> Open {
        let mut open = Open::default();
        let mut look = tokio::time::interval(LOOK);
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
                Ok((stream, client)) => self.admit(stream, client.ip(), &router, &mut open).await,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    async fn admit(&self, stream: TcpStream, client: IpAddr, router: &Router, open: &mut Open) {
        let (Some((place, closing, crowded)), Ok(local)) = (self.connections.enter(client), stream.local_addr()) else {
            return;
        };
        let peer = Peer { local: local.ip(), place: Arc::new(place) };
        let connection = self.connection(stream, router.clone(), peer, open.graceful.watcher());
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
        router: Router,
        peer: Peer,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + use<> {
        // Answers are short: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(TimedStream { stream, place: peer.place.clone() });
        stream.set_write_timeout(Some(self.client_timeout));
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let place = peer.place.clone();
            place.set(Phase::Asking);
            request.extensions_mut().insert(peer.clone());
            let answer = router.call(request);
            async move {
                let answer = answer.await;
                place.set(Phase::Idle);
                answer
            }
        });
        let mut http = http1::Builder::new();
        // `Connections` closes what is late.
        http.header_read_timeout(None).max_buf_size(BUFFER_BYTES).max_headers(MOST_HEADERS);
        let watched = watcher.watch(http.serve_connection(TokioIo::new(Box::pin(stream)), service));
        async move {
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
        let done = tokio::time::timeout_at(deadline.into(), self.graceful.shutdown()).await.is_ok();
        self.tasks.shutdown().await;
        done
    }
}
