//! The pictures that wait for the worker: a bounded queue, so that a service under too much load says so at once.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use axum::body::Bytes;
use tokio::sync::oneshot;

use super::body_memory::HeldMemory;
use super::refusal::Refusal;
use super::shared::Shared;
use crate::device::{Asked, Glance};
use crate::predictor::Answer;
use crate::preprocess::Picture;
use crate::watch::NoAnswer;

/// A picture to be answered.
pub(super) enum Job {
    /// Of a client.
    File(FileJob),
    /// Of a camera.
    Frame { camera: String, picture: Arc<Picture>, reply: SyncSender<Result<Glance, NoAnswer>> },
}

pub(super) struct FileJob {
    pub path: String,
    pub picture: Bytes,
    pub asked: Asked,
    pub reply: oneshot::Sender<Result<Answer, Refusal>>,
    /// The picture's share of the memory for pictures, given back with it and those it came with.
    pub room: Arc<HeldMemory>,
}

/// The end of the queue at which requests stand.
pub(super) struct Queue {
    jobs: SyncSender<Job>,
    capacity: usize,
    shared: Arc<Shared>,
}

/// The end at which the worker takes.
pub(super) struct Waiting {
    pub jobs: Receiver<Job>,
}

/// A queue in which `capacity` pictures may wait, at least one.
pub(super) fn bounded(capacity: usize, shared: Arc<Shared>) -> (Queue, Waiting) {
    let capacity = capacity.max(1);
    let (jobs, waiting) = sync_channel(capacity);
    shared.metrics.queue_capacity.set(capacity as i64);
    (Queue { jobs, capacity, shared }, Waiting { jobs: waiting })
}

impl Queue {
    /// # Errors
    /// When there is no place left, or no worker.
    pub fn push(&self, job: FileJob) -> Result<(), Refusal> {
        // Before the job goes, since the worker may take it before this returns.
        self.shared.metrics.queue_depth.inc();
        self.jobs.try_send(Job::File(job)).map_err(|error| {
            self.shared.metrics.queue_depth.dec();
            match error {
                TrySendError::Full(_) => Refusal::QueueFull(self.capacity),
                TrySendError::Disconnected(_) => Refusal::NoWorker,
            }
        })
    }

    /// Waits for a place, as a camera does, which has newer frames by then.
    ///
    /// # Errors
    /// When there is no worker.
    pub fn wait_for_place(&self, job: Job) -> Result<(), NoAnswer> {
        self.shared.metrics.queue_depth.inc();
        self.jobs.send(job).map_err(|_| {
            self.shared.metrics.queue_depth.dec();
            NoAnswer::Gone
        })
    }
}
