//! A thread that says why: it opens a second session of the network when somebody asks, and lets go of it when nobody does any more.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::oneshot;

use super::body_memory::HeldMemory;
use super::refusal::Refusal;
use crate::device::{Device, Explainer, Explanation, Outlook};
use crate::panics::caught;
use crate::store::{HeadVersion, Standing};
use crate::threads::{NoThread, spawn};

/// How many questions may wait.
const WAITING: usize = 4;
/// After so long without a question the session is closed.
const IDLE: Duration = Duration::from_secs(60);
/// As many classes as the page shows.
const TOP: usize = 5;

pub(super) struct Question {
    pub picture: Bytes,
    pub outlook: Outlook,
    /// The picture's share of the memory for pictures.
    pub room: Arc<HeldMemory>,
    pub reply: oneshot::Sender<Result<Explained, Refusal>>,
}

/// What an answer rests on, and the head that gave it.
pub(super) struct Explained {
    pub explanation: Explanation,
    pub head: HeadVersion,
}

/// The end at which requests stand; the thread ends with it.
pub(super) struct Explaining(SyncSender<Question>);

impl Explaining {
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(device: Device) -> Result<Self, NoThread> {
        let (questions, waiting) = sync_channel(WAITING);
        spawn("explainer", move || work(&device, &waiting))?;
        Ok(Self(questions))
    }

    /// # Errors
    /// When too many wait.
    pub fn ask(&self, question: Question) -> Result<(), Refusal> {
        self.0.try_send(question).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull(WAITING),
            TrySendError::Disconnected(_) => Refusal::NoWorker,
        })
    }
}

/// The session, and what was stored when it was read.
struct Open {
    explainer: Explainer,
    stored: Option<Standing>,
}

fn work(device: &Device, waiting: &Receiver<Question>) {
    let mut open: Option<Open> = None;
    loop {
        match waiting.recv_timeout(IDLE) {
            // Nobody waits for it any more.
            Ok(question) if question.reply.is_closed() => {}
            Ok(Question { picture, outlook, room, reply }) => {
                let explained = caught(|| explain(device, &mut open, &picture, &outlook)).unwrap_or_else(|panic| {
                    tracing::error!("the program failed on a picture that was asked about: {panic}");
                    open = None;
                    Err(Refusal::Panic)
                });
                drop((picture, room));
                let _ = reply.send(explained);
            }
            Err(RecvTimeoutError::Timeout) => open = None,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn explain(device: &Device, open: &mut Option<Open>, picture: &[u8], outlook: &Outlook) -> Result<Explained, Refusal> {
    let live = device.heads().live()?.ok_or(Refusal::NoHead)?;
    if open.as_ref().is_some_and(|open| open.explainer.head().digest != live.digest) {
        *open = None;
    }
    let stored = device.standing()?;
    let open = match open {
        Some(open) => open,
        None => open.insert(Open { explainer: device.explainer(Some(live.version), None)?, stored: stored.clone() }),
    };
    if open.stored != stored {
        open.explainer.catch_up(device)?;
        open.stored = stored;
    }
    let explanation = open.explainer.explain(picture, outlook, TOP)?;
    Ok(Explained { explanation, head: live.version })
}
