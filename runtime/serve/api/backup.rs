//! The whole state as one file.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream::try_unfold;

use super::{Problem, at_leisure};
use crate::device::Device;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;

/// As much of the file is in memory at once.
const PIECE: usize = 256 << 10;

/// A backup of the whole state, which `edgetl restore` takes.
#[utoipa::path(
    get, path = "/v1/backup",
    responses((status = 200, body = Vec<u8>, content_type = "application/x-tar"), (status = "default", response = Problem))
)]
pub(super) async fn backup(State(app): State<Arc<App>>, request: Request) -> Result<impl IntoResponse, Refusal> {
    let held = app.ongoing.back_up(request.extensions())?;
    let (file, bytes) = at_leisure(&app, |device: &Device| Ok(device.back_up_for_reading()?)).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"edgetl-backup.tar\"".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
    ];
    Ok((
        headers,
        Body::from_stream(try_unfold((file, held), |(file, mut held)| async move {
            let read = tokio::select! {
                read = piece(file) => read?,
                () = held.ended() => return Err(io::ErrorKind::ConnectionAborted.into()),
            };
            Ok::<_, io::Error>(read.map(|(bytes, file)| (bytes, (file, held))))
        })),
    ))
}

async fn piece(file: File) -> io::Result<Option<(Bytes, File)>> {
    let read = move || {
        let (mut file, mut piece) = (file, vec![0; PIECE]);
        let length = file.read(&mut piece)?;
        piece.truncate(length);
        Ok((length > 0).then(|| (piece.into(), file)))
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
