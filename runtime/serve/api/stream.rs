//! What a camera sees, as it sees it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::StreamExt as _;
use futures_util::stream::{iter, unfold};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::cameras::{camera, newest};
use super::{InPath, Parameters, Problem};
use crate::serve::ongoing::Held;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;
use crate::watch::Entry;

/// Pictures a second, where nobody says how many.
const FPS: u32 = 10;
const MOST_FPS: u32 = 30;
/// Between two looks for a newer frame.
const LOOK: Duration = Duration::from_millis(30);
/// The last picture is sent again after so long, so that a client sees that the connection is alive.
const ALIVE: Duration = Duration::from_secs(10);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Rate {
    /// The most pictures a second.
    #[param(minimum = 1, maximum = 30)]
    fps: Option<u32>,
}

/// So long a client waits for the first picture.
const PATIENCE: Duration = Duration::from_secs(20);

/// One who looks.
struct Viewer {
    app: Arc<App>,
    camera: Arc<Entry>,
    held: Held,
    interval: Duration,
    /// The frame that was shown last, or that cannot be.
    seen: u64,
    shown: Option<Bytes>,
    /// When the last picture was sent, and before when none is.
    sent: Instant,
    due: Instant,
}

/// What a camera sees, as JPEG files of which each takes the place of the one before. Always the newest: who takes them slowly misses
/// some, and holds nobody up. At most 8 may look at once.
#[utoipa::path(
    get, path = "/v1/cameras/{name}/stream", params(("name" = String, Path), Rate),
    responses(
        (status = 200, body = Vec<u8>, content_type = "multipart/x-mixed-replace"), (status = "default", response = Problem)
    )
)]
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    InPath(name): InPath<String>,
    Parameters(rate): Parameters<Rate>,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    let fps = rate.fps.unwrap_or(FPS);
    if !(1..=MOST_FPS).contains(&fps) {
        return Err(Refusal::Request { expected: "1 to 30 pictures a second", got: fps.to_string() });
    }
    let camera = camera(&app, &name)?.clone();
    let held = app.ongoing.view(request.extensions())?;
    let (interval, now) = (Duration::from_secs(1) / fps, Instant::now());
    let viewer = Viewer { app, camera, held, interval, seen: 0, shown: None, sent: now, due: now };
    let pictures = unfold(viewer, |mut viewer| async move { viewer.next().await.map(|picture| (picture, viewer)) });
    let body = Body::from_stream(pictures.flat_map(|picture| iter(part(picture).map(Ok::<_, Infallible>))));
    let kind = "multipart/x-mixed-replace; boundary=edgetl";
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body))
}

/// All viewers share the bytes of the picture.
fn part(picture: Bytes) -> [Bytes; 3] {
    let head = format!("--edgetl\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len());
    [head.into(), picture, Bytes::from_static(b"\r\n")]
}

impl Viewer {
    /// The next picture; `None` when the service stops or the camera is off, so that a viewer who left holds no place.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                () = self.held.ended() => return None,
                () = sleep_until(self.due) => {}
            }
            if !self.camera.is_on() {
                return None;
            }
            if let Some(picture) = self.newer().await {
                self.sent = Instant::now();
                self.due = self.sent + self.interval;
                self.shown = Some(picture.clone());
                return Some(picture);
            }
            // Where nothing is sent, nobody notices that the client has gone.
            if self.shown.is_none() && self.sent.elapsed() >= PATIENCE {
                return None;
            }
            self.due = Instant::now() + LOOK;
        }
    }

    /// A picture of a frame that was not shown; also the same again, after a while.
    async fn newer(&mut self) -> Option<Bytes> {
        let (number, _) = self.camera.newest()?;
        if number != self.seen {
            self.seen = number;
            // One that is no picture is passed over.
            if let Ok(Some((number, picture))) = newest(&self.app, &self.camera, false).await {
                self.seen = number;
                return Some(picture);
            }
        }
        self.shown.clone().filter(|_| self.sent.elapsed() >= ALIVE)
    }
}
