//! Long work on backbones, one at a time: comparing them, fetching one, switching to another.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::refusal::Refusal;
use crate::causes::causes;
use crate::device::{CollectEvent, CompareRequest, Device, DeviceError, Observer, Stage, SwitchRequest, Switched};
use crate::manifest::BackboneName;
use crate::panics::caught;
use crate::threads::{background_pool, spawn, step_back};

/// Brings a network of the catalogue and keeps it; told how many bytes are there, of how many.
pub type Fetch = Arc<dyn Fn(&str, &mut dyn FnMut(u64, Option<u64>), &AtomicBool) -> Result<(), String> + Send + Sync>;

/// Why there is none.
pub(super) const CANNOT_FETCH: &str = "this program was built without the feature `fetch`";

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum Task {
    Compare,
    /// By its name in the catalogue.
    Fetch(String),
    Switch {
        name: BackboneName,
        anyway: bool,
    },
}

/// How it is, or how it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum JobState {
    Running,
    Done,
    Failed,
    Stopped,
    /// Some stored pictures cannot be read again: somebody has to say what is to be done.
    Unread,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Grows with each.
    pub number: u64,
    pub task: Task,
    pub since: SystemTime,
    pub state: JobState,
    /// Pictures or bytes, of so many where that is known.
    pub done: u64,
    pub of: Option<u64>,
    /// Why it failed.
    pub because: Option<String>,
    /// Stored pictures that cannot be read again, of all.
    pub unread: usize,
    /// The head that a switch came to.
    pub head: Option<u64>,
}

/// The one that runs, else the last one.
#[derive(Default)]
pub(super) struct Jobs {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    job: Mutex<Option<Job>>,
    stop: AtomicBool,
}

impl Jobs {
    pub fn last(&self) -> Option<Job> {
        self.shared.lock().clone()
    }

    /// # Errors
    /// While another runs, or where the system refuses a thread.
    pub fn start(&self, task: Task, device: &Device, fetch: Option<&Fetch>) -> Result<Job, Refusal> {
        let mut last = self.shared.lock();
        if last.as_ref().is_some_and(|job| job.state == JobState::Running) {
            return Err(Refusal::JobRuns);
        }
        let number = last.as_ref().map_or(0, |job| job.number) + 1;
        let job = Job {
            number,
            task: task.clone(),
            since: SystemTime::now(),
            state: JobState::Running,
            done: 0,
            of: None,
            because: None,
            unread: 0,
            head: None,
        };
        self.shared.stop.store(false, Ordering::SeqCst);
        let (shared, device, fetch) = (self.shared.clone(), device.clone(), fetch.cloned());
        let work = move || {
            step_back();
            let done = caught(|| shared.run(&task, &device, fetch));
            shared.end(done.unwrap_or_else(|panic| Err(format!("the program failed at it: {panic}"))));
        };
        spawn("job", work).map_err(|error| Refusal::Conflict(causes(&error)))?;
        *last = Some(job.clone());
        Ok(job)
    }

    /// What is in hand is finished, and no more begun.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Job>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.lock().as_mut() {
            change(job);
        }
    }

    fn run(&self, task: &Task, device: &Device, fetch: Option<Fetch>) -> Result<JobState, String> {
        let failed = |error: DeviceError| causes(&error);
        let pool = background_pool().map_err(|error| causes(&error))?;
        match task {
            Task::Compare => {
                let request = CompareRequest { stop: Some(&self.stop), ..CompareRequest::default() };
                let report = pool.install(|| device.compare(&request, &mut Watched(self))).map_err(failed)?;
                Ok(if report.interrupted { JobState::Stopped } else { JobState::Done })
            }
            Task::Fetch(name) => {
                let fetch = fetch.ok_or(CANNOT_FETCH)?;
                let mut progress = |done, of| self.change(|job| (job.done, job.of) = (done, of));
                let fetched = pool.install(|| fetch(name, &mut progress, &self.stop));
                match fetched {
                    Err(_) if self.stop.load(Ordering::SeqCst) => Ok(JobState::Stopped),
                    other => other.map(|()| JobState::Done),
                }
            }
            Task::Switch { name, anyway } => {
                let request = SwitchRequest { name: name.clone(), anyway: *anyway, stop: &self.stop };
                let switched = pool.install(|| device.switch_backbone(&request, &mut Watched(self))).map_err(failed)?;
                Ok(self.switched(switched))
            }
        }
    }

    fn switched(&self, switched: Switched) -> JobState {
        match switched {
            Switched::Stopped => JobState::Stopped,
            Switched::Unread { unread, of } => {
                self.change(|job| (job.unread, job.of) = (unread, Some(of as u64)));
                JobState::Unread
            }
            Switched::Done { head, unread } => {
                self.change(|job| (job.head, job.unread) = (head.map(|head| head.0), unread));
                JobState::Done
            }
        }
    }

    fn end(&self, outcome: Result<JobState, String>) {
        self.change(|job| match outcome {
            Ok(state) => job.state = state,
            Err(because) => {
                tracing::warn!("work on backbones failed: {because}");
                (job.state, job.because) = (JobState::Failed, Some(because));
            }
        });
    }
}

/// Counts pictures.
struct Watched<'a>(&'a Shared);

impl Observer for Watched<'_> {
    fn begin(&mut self, _: Stage, pictures: usize) {
        self.0.change(|job| (job.done, job.of) = (0, Some(pictures as u64)));
    }

    fn advance(&mut self) {
        self.0.change(|job| job.done += 1);
    }

    fn tell(&mut self, _: &CollectEvent<'_>) -> io::Result<()> {
        Ok(())
    }
}
