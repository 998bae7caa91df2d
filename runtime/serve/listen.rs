//! Connections: accepted up to a limit, timed, and let finish when the service stops.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::shared::Shared;

/// More clients wait in the system's backlog until others have gone.
const MOST: usize = 128;
/// Of a request's head, and of what is read at once.
const BUFFER_BYTES: usize = 64 << 10;
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
pub(super) struct Connections {
    listener: TcpListener,
    client_timeout: Duration,
    free: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// Connections that are still open after accepting has ended.
#[derive(Default)]
pub(super) struct Open {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    /// Belongs to the runtime that it is called in.
    pub fn new(listener: std::net::TcpListener, client_timeout: Duration, shared: Arc<Shared>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, client_timeout, free: Arc::new(Semaphore::new(MOST)), shared })
    }

    /// Serves every connection with `router` until `until` resolves; then the socket is closed.
    pub async fn accept(self, router: Router, until: impl Future<Output = ()>) -> Open {
        let mut open = Open::default();
        tokio::pin!(until);
        loop {
            let next = tokio::select! {
                biased;
                () = &mut until => return open,
                next = self.next() => next,
            };
            while open.tasks.try_join_next().is_some() {}
            match next {
                Ok((stream, permit)) => {
                    let connection = self.connection(stream, router.clone(), open.graceful.watcher());
                    let shared = self.shared.clone();
                    open.tasks.spawn(async move {
                        shared.metrics.connections.inc();
                        connection.await;
                        shared.metrics.connections.dec();
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(BREATHE).await;
                }
            }
        }
    }

    async fn next(&self) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let permit = self.free.clone().acquire_owned().await.expect("never closed");
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, permit))
    }

    fn connection(&self, stream: TcpStream, router: Router, watcher: Watcher) -> impl Future<Output = ()> + use<> {
        // Answers are short: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.client_timeout));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.client_timeout).max_buf_size(BUFFER_BYTES);
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
        let watched = watcher.watch(connection);
        async move {
            if let Err(error) = watched.await {
                tracing::debug!("a connection ended early: {error}");
            }
        }
    }
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
