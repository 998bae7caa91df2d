//! Making a reference takes seconds where there are many pictures, so the thread that watches does not wait for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::kept::HeadName;
use crate::causes::causes;
use crate::dataset::SampleId;
use crate::device::{Device, DeviceError, DriftReference};
use crate::drift::{Reference, Unwatched};
use crate::store::HeadVersion;
use crate::threads::spawn;

/// Until a reference that could not be made is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// The reference of the head that answered last.
#[derive(Default)]
pub struct Opening {
    head: HeadName,
    state: State,
    /// Whether it was said that it cannot be made.
    was_said: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Running(Receiver<Result<DriftReference, DeviceError>>),
    Failed(Instant),
    Done(Opened),
}

/// What there is to compare looks with.
#[derive(Clone)]
pub enum Opened {
    NotYet,
    Unwatched(Unwatched),
    Ready { reference: Arc<Reference>, newest: Option<SampleId> },
}

impl Opening {
    /// The reference of `head`, made of samples up to `newest`; begins to make it where that is not done.
    pub fn look(&mut self, device: &Device, head: &HeadName, newest: Option<SampleId>) -> Opened {
        if self.head != *head {
            *self = Self { head: head.clone(), ..Self::default() };
        }
        match &self.state {
            State::Idle => self.begin(device, newest),
            State::Failed(at) if at.elapsed() >= AGAIN => self.begin(device, newest),
            State::Failed(_) => {}
            State::Running(receiver) => match receiver.try_recv() {
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.state = State::Failed(Instant::now()),
                Ok(made) => self.state = self.taken(made),
            },
            State::Done(_) => {}
        }
        match &self.state {
            State::Done(opened) => opened.clone(),
            _ => Opened::NotYet,
        }
    }

    fn begin(&mut self, device: &Device, newest: Option<SampleId>) {
        let (sender, receiver) = sync_channel(1);
        let (device, version) = (device.clone(), HeadVersion(self.head.version));
        let work = move || {
            // Nobody waits any more where another head is live.
            let _ = sender.send(device.drift_reference(version, newest));
        };
        self.state = match spawn("drift", work) {
            Ok(()) => State::Running(receiver),
            Err(_) => State::Failed(Instant::now()),
        };
    }

    fn taken(&mut self, made: Result<DriftReference, DeviceError>) -> State {
        match made {
            Ok(DriftReference { reference: Ok(reference), newest }) => {
                let (version, pictures) = (self.head.version, reference.pictures());
                tracing::info!("looks are compared with {pictures} held-out pictures of head {version}");
                State::Done(Opened::Ready { reference: Arc::new(reference), newest })
            }
            Ok(DriftReference { reference: Err(unwatched), .. }) => State::Done(Opened::Unwatched(unwatched)),
            Err(error) => {
                if !std::mem::replace(&mut self.was_said, true) {
                    tracing::warn!("cameras are not watched for drift for now: {}", causes(&error));
                }
                State::Failed(Instant::now())
            }
        }
    }
}
