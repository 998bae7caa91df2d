//! What happens, as it happens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream::unfold;

use super::Problem;
use crate::serve::announcements::Listener;
use crate::serve::ongoing::Held;
use crate::serve::refusal::Refusal;
use crate::serve::routes::App;

/// A connection on which nothing happens is shown to be alive so often.
const ALIVE: Duration = Duration::from_secs(15);

/// What happens from now on, as server-sent events: those that `serve --json` prints, `samples` after a change of samples, `head` when
/// another head answers, and `missed` where a slow client missed some.
#[utoipa::path(
    get, path = "/v1/events",
    responses((status = 200, body = String, content_type = "text/event-stream"), (status = "default", response = Problem))
)]
pub(super) async fn events(State(app): State<Arc<App>>, request: Request) -> Result<impl IntoResponse, Refusal> {
    let held = app.ongoing.listen(request.extensions())?;
    let listener = app.shared.announcements.listen();
    let body = Body::from_stream(unfold((listener, held, true), |(mut listener, mut held, is_first)| async move {
        // At once, so that the client sees that it is heard.
        let text = if is_first { Some(alive()) } else { next(&mut listener, &mut held).await };
        Some((Ok::<_, Infallible>(text?), (listener, held, false)))
    }));
    Ok(([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")], body))
}

async fn next(listener: &mut Listener, held: &mut Held) -> Option<Bytes> {
    tokio::select! {
        () = held.ended() => None,
        event = listener.next() => event.map(|event| format!("data: {event}\n\n").into()),
        () = tokio::time::sleep(ALIVE) => Some(alive()),
    }
}

fn alive() -> Bytes {
    Bytes::from_static(b": alive\n\n")
}
