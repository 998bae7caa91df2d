//! The one thread that owns the predictor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::heartbeat::Heartbeat;
use super::queue::{FileJob, Job, Waiting};
use super::refusal::Refusal;
use super::shared::Shared;
use crate::device::{AnswerError, Predictor, Successor};
use crate::threads::{NoThread, spawn};
use crate::watch::NoAnswer;

/// The longest that an idle worker goes without a beat, and without a look at what is to answer next.
const BEAT: Duration = Duration::from_millis(100);

/// Beats and calls `step` with each job, or with none where there is none for a moment, until the queue closes.
fn work<J>(jobs: &Receiver<J>, heartbeat: &Heartbeat, mut step: impl FnMut(Option<J>)) {
    loop {
        heartbeat.beat();
        match jobs.recv_timeout(BEAT) {
            Ok(job) => step(Some(job)),
            Err(RecvTimeoutError::Timeout) => step(None),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// A picture made this program panic.
struct Panicked;

impl From<Panicked> for Refusal {
    fn from(_: Panicked) -> Self {
        Self::Panic
    }
}

impl From<Panicked> for NoAnswer {
    fn from(_: Panicked) -> Self {
        Self::Panic
    }
}

pub(super) struct Worker {
    /// `None` as long as there is no head.
    predictor: Option<Predictor>,
    successors: Receiver<Successor>,
    shared: Arc<Shared>,
}

impl Worker {
    pub fn new(predictor: Option<Predictor>, successors: Receiver<Successor>, shared: Arc<Shared>) -> Self {
        Self { predictor, successors, shared }
    }

    /// Works in a thread of its own until the queue closes; what is given back closes when it ends, however it ends.
    pub fn start(mut self, waiting: Waiting) -> Result<oneshot::Receiver<()>, NoThread> {
        let (alive, ended) = oneshot::channel();
        spawn("predictor", move || {
            let shared = self.shared.clone();
            work(&waiting.jobs, &shared.heartbeat, |job| self.step(job));
            drop(alive);
        })?;
        Ok(ended)
    }

    fn step(&mut self, job: Option<Job>) {
        for successor in self.successors.try_iter() {
            successor.take_over(&mut self.predictor);
            let facts = self.predictor.as_ref().expect("it was taken over").facts();
            tracing::info!("head {:06} on {} answers now", facts.head_version, facts.backbone);
            self.shared.set_facts(facts.clone());
        }
        if job.is_some() {
            self.shared.metrics.queue_depth.dec();
        }
        match job {
            // Nobody waits for it any more.
            Some(Job::File(job)) if job.reply.is_closed() => {}
            Some(Job::File(job)) => self.answer(job),
            Some(Job::Frame { camera, picture, reply }) => {
                let glance = self.ask(|predictor| predictor.glance(&camera, &picture));
                let _ = reply.send(glance.unwrap_or(Err(NoAnswer::NoHead)));
            }
            None => {}
        }
    }

    /// What the predictor gives, where there is one.
    ///
    /// One picture that a decoder or an engine cannot stand must not take the service down. Every picture starts from its own
    /// buffers, so nothing half-done is left behind.
    fn ask<T, E: From<AnswerError> + From<Panicked>>(
        &mut self,
        question: impl FnOnce(&mut Predictor) -> Result<T, AnswerError>,
    ) -> Option<Result<T, E>> {
        let predictor = self.predictor.as_mut()?;
        let answer = catch_unwind(AssertUnwindSafe(|| question(predictor)));
        Some(answer.map_or(Err(Panicked.into()), |answer| answer.map_err(E::from)))
    }

    fn answer(&mut self, job: FileJob) {
        let FileJob { path, picture, asked, reply, room } = job;
        let answer = self.ask(|predictor| predictor.answer_to(&path, &picture, &asked)).unwrap_or(Err(Refusal::NoHead));
        drop((picture, room));
        // The client may have gone meanwhile.
        let _ = reply.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, sync_channel};
    use std::time::Instant;

    use super::*;

    /// Waits until `condition` holds; fails after ten seconds.
    fn eventually(condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(10), "it does not come about");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_idle_worker_beats_and_one_that_hangs_in_a_picture_does_not() {
        let (jobs, waiting) = sync_channel(1);
        let (release, released) = channel::<()>();
        let heartbeat = Heartbeat::new();
        std::thread::scope(|scope| {
            let heartbeat = &heartbeat;
            scope.spawn(move || {
                work(&waiting, heartbeat, |job: Option<()>| {
                    if job.is_some() {
                        released.recv().unwrap();
                    }
                });
            });
            std::thread::sleep(5 * BEAT);
            eventually(|| heartbeat.age() < 2 * BEAT);
            jobs.send(()).unwrap();
            eventually(|| heartbeat.age() > 5 * BEAT);
            release.send(()).unwrap();
            eventually(|| heartbeat.age() < 2 * BEAT);
            drop(jobs);
        });
    }
}
