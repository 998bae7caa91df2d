//! The thread that makes samples of pictures that clients send or cameras see.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::oneshot;

use super::body_memory::HeldMemory;
use super::refusal::Refusal;
use crate::device::{Device, DeviceError, Lesson, Taught, Teacher};
use crate::labels::Label;
use crate::panics::caught;
use crate::threads::{NoThread, spawn};

/// So many pictures may wait.
const WAITING: usize = 8;
/// Without work for so long, the backbone is let go.
const IDLE: Duration = Duration::from_secs(60);

/// A picture to be a sample, as [`Lesson`] has it.
pub(super) struct Given {
    pub picture: Bytes,
    pub label: Option<Label>,
    pub group: Option<String>,
    pub from: String,
    pub is_choosy: bool,
    /// The picture's share of the memory for pictures, given back with it.
    #[expect(dead_code, reason = "held for its drop")]
    pub room: Arc<HeldMemory>,
}

/// What became of it, and the version of the edits behind it.
pub(super) type Done = (Taught, i64);

struct Job {
    given: Given,
    reply: oneshot::Sender<Result<Done, Refusal>>,
}

/// Where pictures wait for the thread, which ends with this.
pub(super) struct Classroom(SyncSender<Job>);

impl Classroom {
    pub fn open(device: Device) -> Result<Self, NoThread> {
        let (jobs, waiting) = sync_channel(WAITING);
        spawn("teacher", move || work(&device, &waiting))?;
        Ok(Self(jobs))
    }

    /// Resolves when the sample would survive a power cut.
    pub async fn teach(&self, given: Given) -> Result<Done, Refusal> {
        let (reply, done) = oneshot::channel();
        self.0.try_send(Job { given, reply }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull(WAITING),
            TrySendError::Disconnected(_) => Refusal::NoWorker,
        })?;
        done.await.map_err(|_| Refusal::NoWorker)?
    }
}

fn work(device: &Device, jobs: &Receiver<Job>) {
    let mut teacher = None;
    loop {
        match jobs.recv_timeout(IDLE) {
            Ok(Job { given, reply }) => {
                let done = caught(|| teach(device, &mut teacher, &given));
                // One that failed is opened anew, whatever the fault was; a picture alone is none.
                if !matches!(&done, Ok(Ok(_) | Err(DeviceError::Extract(_)))) {
                    teacher = None;
                }
                drop(given);
                let done = done.map(|done| done.map_err(Refusal::from)).unwrap_or_else(|panic| {
                    tracing::error!("the program failed on a picture that was to be a sample: {panic}");
                    Err(Refusal::Panic)
                });
                // The client may have gone meanwhile.
                let _ = reply.send(done);
            }
            Err(RecvTimeoutError::Timeout) => teacher = None,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn teach(device: &Device, teacher: &mut Option<Teacher>, given: &Given) -> Result<Done, DeviceError> {
    let teacher = match teacher {
        Some(teacher) => teacher,
        none => none.insert(device.teacher()?),
    };
    let Given { picture, label, group, from, is_choosy, .. } = given;
    let taught = teacher.teach(&Lesson {
        bytes: picture,
        label: label.as_ref(),
        group: group.clone(),
        from,
        is_choosy: *is_choosy,
    })?;
    Ok((taught, teacher.version()?))
}
