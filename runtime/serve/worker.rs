//! The one thread that owns the predictor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::heartbeat::Heartbeat;
use super::queue::{Job, Waiting};
use super::refusal::Refusal;
use super::shared::Shared;
use crate::device::{Predictor, Successor};
use crate::threads::{NoThread, spawn};

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

pub(super) struct Worker {
    predictor: Predictor,
    successors: Receiver<Successor>,
    shared: Arc<Shared>,
}

impl Worker {
    pub fn new(predictor: Predictor, successors: Receiver<Successor>, shared: Arc<Shared>) -> Self {
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
            self.predictor.take(successor);
            let facts = self.predictor.facts();
            tracing::info!("head {:06} on {} answers now", facts.head_version, facts.backbone);
            self.shared.set_facts(facts.clone());
        }
        if let Some(job) = job {
            self.shared.metrics.queue_depth.dec();
            // Nobody waits for it any more.
            if !job.reply.is_closed() {
                self.answer(job);
            }
        }
    }

    fn answer(&mut self, job: Job) {
        let Job { path, picture, top, reply, room } = job;
        // One picture that a decoder or an engine cannot stand must not take the service down. Every picture starts
        // from its own buffers, so nothing half-done is left behind.
        let answer = catch_unwind(AssertUnwindSafe(|| self.predictor.answer(&path, &picture, top)));
        let answer = answer.map_or(Err(Refusal::Panic), |answer| answer.map_err(Refusal::from));
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
