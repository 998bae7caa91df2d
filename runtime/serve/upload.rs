//! From a request's body to the bytes of one picture, within limits of length, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, header, request};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::refusal::Refusal;

/// How many bodies of the greatest length may be in memory at once; many more of the usual length fit.
const LARGEST_BODIES: usize = 4;
/// The unit in which memory is shared out.
const KIBIBYTE: usize = 1 << 10;
/// How long the rest of a body is read that was refused: a connection closed with unread data takes the answer along.
const LINGER: Duration = Duration::from_secs(2);

/// What bodies may have.
pub(super) struct Bodies {
    max_bytes: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// One picture with its share of the memory.
pub(super) struct Upload {
    /// The name of the file, where the client said one.
    pub name: Option<String>,
    pub picture: Bytes,
    pub room: OwnedSemaphorePermit,
}

impl Bodies {
    pub fn new(max_bytes: usize, timeout: Duration) -> Self {
        let room = (LARGEST_BODIES * max_bytes.div_ceil(KIBIBYTE)).clamp(1, Semaphore::MAX_PERMITS);
        Self { max_bytes, timeout, room: Arc::new(Semaphore::new(room)) }
    }

    /// Reads the picture that `request` carries: as its whole body, or as the one part of `multipart/form-data`.
    pub async fn read(&self, request: Request) -> Result<Upload, Refusal> {
        let (parts, mut body) = request.into_parts();
        let late = |_| Refusal::Slow(self.timeout);
        let read = match self.check_length(&parts.headers) {
            Ok(()) => timeout(self.timeout, self.collect(&mut body)).await.map_err(late).flatten(),
            Err(refusal) => Err(refusal),
        };
        let (bytes, room) = match read {
            Ok(read) => read,
            Err(refusal) => {
                discard(&parts.headers, body).await;
                return Err(refusal);
            }
        };
        let (name, picture) = if is_multipart(&parts.headers) { part(parts, bytes).await? } else { (None, bytes) };
        Ok(Upload { name, picture, room })
    }

    fn check_length(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let fits = length.is_none_or(|length| length <= self.max_bytes as u64);
        if fits { Ok(()) } else { Err(Refusal::BodyTooLarge(self.max_bytes)) }
    }

    /// Memory is taken as it is filled: a client that announces much and sends little keeps nobody out.
    async fn collect(&self, body: &mut Body) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
        let (mut bytes, mut room) = (Vec::new(), self.take(1)?);
        while let Some(frame) = body.frame().await {
            let broken = |error: axum::Error| Refusal::Request { expected: "a whole body", got: error.to_string() };
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            if length > self.max_bytes {
                return Err(Refusal::BodyTooLarge(self.max_bytes));
            }
            room.merge(self.take(length.div_ceil(KIBIBYTE).saturating_sub(room.num_permits()))?);
            bytes.extend_from_slice(&data);
        }
        Ok((bytes.into(), room))
    }

    fn take(&self, kibibytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let share = u32::try_from(kibibytes).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(share).map_err(|_| Refusal::NoRoom)
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.and_then(|kind| kind.get(..10)).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
}

/// The name and the content of the one part.
async fn part(parts: request::Parts, bytes: Bytes) -> Result<(Option<String>, Bytes), Refusal> {
    let expected = "multipart/form-data with one picture";
    let refusal = |got: String| Refusal::Request { expected, got };
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| refusal(error.body_text()))?;
    let first = form.next_field().await.map_err(|error| refusal(error.body_text()))?;
    let first = first.ok_or_else(|| refusal("no part".to_owned()))?;
    let name = first.file_name().map(str::to_owned);
    let picture = first.bytes().await.map_err(|error| refusal(error.body_text()))?;
    match form.next_field().await {
        Ok(None) => Ok((name, picture)),
        Ok(Some(_)) => Err(refusal("more than one part".to_owned())),
        Err(error) => Err(refusal(error.body_text())),
    }
}

/// Reads what a client goes on sending after its request was refused, for a moment.
///
/// A client that waits to be told to continue sends nothing, and must not be told to.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(LINGER, rest).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_as_it_is_filled_and_given_back_with_the_picture() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let bodies = Bodies::new(4 * KIBIBYTE, Duration::from_secs(10));
        let read = |length: usize| runtime.block_on(bodies.read(Request::new(Body::from(vec![7; length]))));
        assert!(matches!(read(4 * KIBIBYTE + 1), Err(Refusal::BodyTooLarge(4096))));
        let largest: Vec<_> = (0..LARGEST_BODIES - 1).map(|_| read(4 * KIBIBYTE).ok().unwrap()).collect();
        let small: Vec<_> = (0..4).map(|_| read(1).ok().unwrap()).collect();
        assert!(matches!(read(1), Err(Refusal::NoRoom)));
        drop(small);
        assert_eq!(read(2000).ok().unwrap().picture, [7; 2000][..]);
        drop(largest);
        assert_eq!(bodies.room.available_permits(), 4 * LARGEST_BODIES);
    }
}
