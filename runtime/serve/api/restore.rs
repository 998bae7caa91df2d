//! A backup that is to take the place of the state.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem, aside, blocking};
use crate::causes::causes;
use crate::device::{BackupError, Device, DeviceError, RESTORE_RESERVE, WaitingRestore};
use crate::files::free_bytes;
use crate::serve::Restored;
use crate::serve::ongoing::Held;
use crate::serve::refusal::Refusal;
use crate::serve::routes::{App, refused};
use crate::store::StoreError;
use crate::watch::Moment;

/// Pieces of the body that may wait for the disk.
const WAITING: usize = 4;

/// A backup that was checked whole, and waits.
#[derive(Serialize, ToSchema)]
pub(super) struct WaitingBackup {
    samples: usize,
    heads: usize,
    backbones: usize,
    bytes: u64,
    /// The folder below the state in which what is there now will be kept.
    replaced: String,
}

impl From<WaitingRestore> for WaitingBackup {
    fn from(waiting: WaitingRestore) -> Self {
        let WaitingRestore { samples, heads, backbones, bytes, replaced } = waiting;
        Self { samples, heads, backbones, bytes, replaced }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct RestoreView {
    /// Null where no backup waits.
    waiting: Option<WaitingBackup>,
    /// Why the one that waits did not take the place of the state when the service started.
    because: Option<String>,
    /// The folder in which what was there before is kept, where the backup that waited did take its place.
    done: Option<String>,
    /// When the service started, which is when it looked for one.
    #[schema(value_type = String, format = DateTime)]
    tried: Moment,
}

/// The backup that waits to take the place of the state, where one does.
#[utoipa::path(
    get, path = "/v1/restore", responses((status = 200, body = RestoreView), (status = "default", response = Problem))
)]
pub(super) async fn waiting(State(app): State<Arc<App>>) -> Answer<RestoreView> {
    let waiting = blocking(&app, |device: &Device| Ok(device.waiting_restore())).await?.map(WaitingBackup::from);
    let Restored { done, because, tried } = app.others.restored.clone();
    let because = because.filter(|_| waiting.is_some());
    Ok(Json(RestoreView { waiting, because, done, tried }))
}

/// Takes what `GET /v1/backup` or `edgetl backup` wrote, as the body, of any length. It is checked whole and then waits beside the state,
/// of which nothing is changed: `POST /v1/restore/begin`, or the next start of the service, puts it in its place and keeps what was there.
#[utoipa::path(
    post, path = "/v1/restore", request_body(content = Vec<u8>, content_type = "application/x-tar"),
    responses((status = 200, body = WaitingBackup), (status = "default", response = Problem))
)]
pub(super) async fn stage(State(app): State<Arc<App>>, request: Request) -> Answer<WaitingBackup> {
    if let Err(refusal) = check_room(&app, request.headers()) {
        return Err(refused(request, refusal).await);
    }
    let mut held = match app.ongoing.back_up(request.extensions()) {
        Ok(held) => held,
        Err(refusal) => return Err(refused(request, refusal).await),
    };
    let (pieces, taken) = sync_channel(WAITING);
    let (device, pace) = (app.device.clone(), app.settings.client_timeout);
    let unpacking = tokio::spawn(aside(move || device.stage_restore(Pieces { taken, piece: Bytes::new() })));
    let sent = send(request.into_body(), pieces, (pace, &mut held)).await;
    let unpacked = unpacking.await.map_err(|_| Refusal::Panic)??;
    drop(held);
    // A body that broke off is the cause of what the disk side says of it.
    sent?;
    unpacked.map(|waiting| Json(waiting.into())).map_err(refusal)
}

/// The backup that waits takes the place of the state: the service starts anew, which takes some seconds. What was there is kept.
#[utoipa::path(
    post, path = "/v1/restore/begin", responses((status = 202, body = WaitingBackup), (status = "default", response = Problem))
)]
pub(super) async fn begin(State(app): State<Arc<App>>) -> Result<(StatusCode, Json<WaitingBackup>), Refusal> {
    let waiting = blocking(&app, |device: &Device| Ok(device.waiting_restore())).await?;
    let waiting = waiting.ok_or_else(|| Refusal::Conflict("no backup waits".to_owned()))?;
    app.again.notify_one();
    Ok((StatusCode::ACCEPTED, Json(waiting.into())))
}

/// The backup that waits is removed.
#[utoipa::path(delete, path = "/v1/restore", responses((status = 204), (status = "default", response = Problem)))]
pub(super) async fn withdraw(State(app): State<Arc<App>>) -> Result<StatusCode, Refusal> {
    blocking(&app, |device: &Device| Ok(device.drop_restore()?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_room(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let free = free_bytes(app.device.state().path());
    match (length.map(|length| length.saturating_add(RESTORE_RESERVE)), free) {
        (Some(needed), Some(free)) if needed > free => Err(Refusal::Disk { needed, free }),
        _ => Ok(()),
    }
}

/// Hands the body on as it comes; a disk that is slower than the network slows it down.
async fn send(
    mut body: Body,
    pieces: SyncSender<io::Result<Bytes>>,
    (pace, held): (Duration, &mut Held),
) -> Result<(), Refusal> {
    loop {
        let frame = tokio::select! {
            frame = tokio::time::timeout(pace, body.frame()) => Some(frame),
            () = held.ended() => None,
        };
        let piece = match frame {
            None => Err(Refusal::NoWorker),
            Some(Err(_)) => Err(Refusal::Slow(pace)),
            Some(Ok(None)) => return Ok(()),
            Some(Ok(Some(Err(error)))) => Err(Refusal::Request { expected: "a whole body", got: error.to_string() }),
            Some(Ok(Some(Ok(frame)))) => Ok(frame.into_data().unwrap_or_default()),
        };
        let (piece, refusal) = match piece {
            Ok(piece) => (Ok(piece), None),
            Err(refusal) => (Err(io::ErrorKind::UnexpectedEof.into()), Some(refusal)),
        };
        let pieces = pieces.clone();
        let taken = tokio::task::spawn_blocking(move || pieces.send(piece)).await;
        match refusal {
            Some(refusal) => return Err(refusal),
            // Whoever unpacks says why it went.
            None if !matches!(taken, Ok(Ok(()))) => {
                drain(&mut body, pace).await;
                return Ok(());
            }
            None => {}
        }
    }
}

/// A client that still sends does not hear the answer.
async fn drain(body: &mut Body, pace: Duration) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(pace.min(Duration::from_secs(2)), rest).await;
}

/// The body, for whoever reads it on another thread.
struct Pieces {
    taken: Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.taken.recv() {
                Ok(piece) => self.piece = piece?,
                Err(_) => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// What is wrong with the file is the client's fault.
fn refusal(error: DeviceError) -> Refusal {
    let is_of_file = matches!(
        &error,
        DeviceError::Backup(
            BackupError::Read { .. }
                | BackupError::Entry { .. }
                | BackupError::NoStore { .. }
                | BackupError::CutOff { .. }
        ) | DeviceError::Store(
            StoreError::Foreign { .. }
                | StoreError::Newer { .. }
                | StoreError::Damaged { .. }
                | StoreError::NotADatabase { .. }
                | StoreError::Integrity { .. }
        ) | DeviceError::HeadFolder(_)
            | DeviceError::Head { .. }
            | DeviceError::HeadBackbone { .. }
    );
    if is_of_file { Refusal::NoBackup(causes(&error)) } else { error.into() }
}
