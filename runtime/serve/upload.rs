//! From a request's body to the bytes of one picture, within limits of length, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{Extensions, HeaderMap, header, request};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::body_memory::{BodyMemory, HeldMemory, KIBIBYTE, Share};
use super::connections::Phase;
use super::listen::Peer;
use super::refusal::Refusal;

/// In which a body must bring [`PACE_BYTES`], so that one that trickles is not read to the end of its time.
const PACE_TIME: Duration = Duration::from_secs(5);
/// 1 KiB a second.
const PACE_BYTES: usize = 5 * KIBIBYTE;
/// How long the rest of a body is read that was refused: a connection closed with unread data takes the answer along.
const LINGER: Duration = Duration::from_secs(2);

/// What bodies may have.
pub(super) struct Bodies {
    max_bytes: usize,
    timeout: Duration,
    room: Arc<BodyMemory>,
}

/// One picture with its share of the memory, which it may have together with others.
pub(super) struct Upload {
    /// The name of the file, where the client said one.
    pub name: Option<String>,
    pub picture: Bytes,
    pub room: Arc<HeldMemory>,
}

impl Bodies {
    /// At most `places` pictures have room at once.
    pub fn new(max_bytes: usize, timeout: Duration, places: usize) -> Self {
        Self { max_bytes, timeout, room: BodyMemory::new(max_bytes, places) }
    }

    /// Reads the picture that `request` carries: as its whole body, or as the one part of `multipart/form-data`.
    pub async fn read(&self, request: Request) -> Result<Upload, Refusal> {
        Ok(self.read_all(request, 1).await?.remove(0))
    }

    /// Reads the pictures that `request` carries, of which there is at least one: as its whole body, or as the parts of
    /// `multipart/form-data`, `most` of them at most.
    pub async fn read_all(&self, request: Request, most: usize) -> Result<Vec<Upload>, Refusal> {
        let (parts, mut body) = request.into_parts();
        let late = |_| Refusal::Slow(self.timeout);
        let read = match self.check_length(&parts.headers) {
            Ok(()) => {
                let collected = timeout(self.timeout, self.collect(&parts.extensions, &mut body)).await;
                collected.map_err(late).flatten()
            }
            Err(refusal) => Err(refusal),
        };
        let (bytes, room) = match read {
            Ok(read) => read,
            Err(refusal) => {
                discard(&parts, body).await;
                return Err(refusal);
            }
        };
        let room = Arc::new(room);
        if !is_multipart(&parts.headers) {
            return Ok(vec![Upload { name: None, picture: bytes, room }]);
        }
        let named = form(parts, bytes, most).await?;
        Ok(named.into_iter().map(|(name, picture)| Upload { name, picture, room: room.clone() }).collect())
    }

    /// Memory for a picture of so many bytes that does not come with the request that it is for.
    pub async fn hold(&self, of: &Extensions, bytes: usize) -> Result<HeldMemory, Refusal> {
        let mut share = self.room.enter().await?;
        set(of, Phase::Working);
        share.grow(bytes.min(self.max_bytes)).await?;
        Ok(share.whole())
    }

    fn check_length(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let fits = length.is_none_or(|length| length <= self.max_bytes as u64);
        if fits { Ok(()) } else { Err(Refusal::BodyTooLarge(self.max_bytes)) }
    }

    /// Memory is taken as it is filled: a client that announces much and sends little keeps nobody out.
    async fn collect(&self, of: &Extensions, body: &mut Body) -> Result<(Bytes, HeldMemory), Refusal> {
        let mut share = self.room.enter().await?;
        set(of, Phase::Working);
        let (mut bytes, mut pace) = (Vec::new(), MinimumRate::new());
        while let Some(data) = self.more(body, &mut share, &pace).await? {
            let length = bytes.len() + data.len();
            if length > self.max_bytes {
                return Err(Refusal::BodyTooLarge(self.max_bytes));
            }
            share.grow(length).await?;
            bytes.extend_from_slice(&data);
            pace.received(length);
        }
        Ok((bytes.into(), share.whole()))
    }

    /// The next bytes of `body`, none at its end.
    async fn more(&self, body: &mut Body, share: &mut Share, pace: &MinimumRate) -> Result<Option<Bytes>, Refusal> {
        let broken = |error: axum::Error| Refusal::Request { expected: "a whole body", got: error.to_string() };
        loop {
            let frame = tokio::select! {
                frame = timeout_at(pace.deadline, body.frame()) => frame.map_err(|_| Refusal::Trickle)?,
                () = share.must_give_way() => return Err(Refusal::Halted),
            };
            match frame {
                None => return Ok(None),
                // Trailers are no part of a picture.
                Some(frame) => match frame.map_err(broken)?.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => continue,
                },
            }
        }
    }
}

/// Until when a body must have brought how much.
struct MinimumRate {
    wanted: usize,
    deadline: Instant,
}

impl MinimumRate {
    fn new() -> Self {
        Self { wanted: PACE_BYTES, deadline: Instant::now() + PACE_TIME }
    }

    /// `length` bytes have come in all.
    fn received(&mut self, length: usize) {
        if length >= self.wanted {
            *self = Self { wanted: length + PACE_BYTES, ..Self::new() };
        }
    }
}

/// Says what the connection of a request is at.
fn set(extensions: &Extensions, phase: Phase) {
    if let Some(peer) = extensions.get::<Peer>() {
        peer.place.set(phase);
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.and_then(|kind| kind.get(..10)).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
}

/// The names and the contents of the parts.
async fn form(parts: request::Parts, bytes: Bytes, most: usize) -> Result<Vec<(Option<String>, Bytes)>, Refusal> {
    let expected = if most == 1 { "multipart/form-data with one picture" } else { "multipart/form-data with pictures" };
    let refusal = |got: String| Refusal::Request { expected, got };
    let unreadable = |error: MultipartError| refusal(error.body_text());
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| refusal(error.body_text()))?;
    let mut pictures = Vec::new();
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        if pictures.len() == most {
            let got = if most == 1 { "more than one part".to_owned() } else { format!("more than {most} parts") };
            return Err(refusal(got));
        }
        let name = part.file_name().map(str::to_owned);
        pictures.push((name, part.bytes().await.map_err(unreadable)?));
    }
    if pictures.is_empty() { Err(refusal("no part".to_owned())) } else { Ok(pictures) }
}

/// Reads what a client goes on sending after its request was refused, for a moment.
///
/// A client that waits to be told to continue sends nothing, and must not be told to.
pub(super) async fn discard(parts: &request::Parts, mut body: Body) {
    set(&parts.extensions, Phase::Asking);
    if parts.headers.contains_key(header::EXPECT) {
        return;
    }
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(LINGER, rest).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_up_to_its_greatest_length_while_there_is_room() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let bodies = Bodies::new(32 * KIBIBYTE, Duration::from_secs(10), 2);
        let read = |length: usize| runtime.block_on(bodies.read(Request::new(Body::from(vec![7; length]))));
        assert!(matches!(read(32 * KIBIBYTE + 1), Err(Refusal::BodyTooLarge(32768))));
        let mut whole = vec![read(32 * KIBIBYTE).ok().unwrap(), read(1).ok().unwrap()];
        assert!(matches!(read(1), Err(Refusal::NoRoom)));
        whole.pop();
        assert_eq!(read(20_000).ok().unwrap().picture, [7; 20_000][..]);
    }

    #[test]
    fn a_body_is_on_pace_as_long_as_it_brings_a_kibibyte_a_second() {
        let mut pace = MinimumRate::new();
        let first = pace.deadline;
        pace.received(PACE_BYTES - 1);
        assert_eq!(pace.deadline, first);
        pace.received(PACE_BYTES + 7);
        assert!(pace.deadline > first && pace.wanted == 2 * PACE_BYTES + 7);
    }
}
