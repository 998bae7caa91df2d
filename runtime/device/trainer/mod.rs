//! A thread that fits heads carefully while others answer: when it is asked, at times, and after so many new labels.

mod event;
mod look;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

pub use event::{NotFitted, TrainingEvent, TrainingOutcome};

use self::look::Looks;
use super::Device;
use super::careful::{Careful, CarefulRequest};
use super::error::DeviceError;
use crate::causes::causes;
use crate::head::CompareError;
use crate::panics::caught;
use crate::threads::{NoThread, background_pool, spawn, step_back};

/// Between two looks at how many labels are new.
const LOOK: Duration = Duration::from_secs(2);

/// When a head is fitted unasked; by default never.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TrainerSettings {
    /// After so many labels that the live head has not learned from; 0 is never.
    pub after: usize,
    pub every: Option<Duration>,
}

/// Told of every fit.
pub type TellTraining = Box<dyn FnMut(&TrainingEvent) + Send>;

/// What somebody asks a trainer for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FitAsked {
    /// Whether the new head waits until somebody makes it the live one, however it compares; the first head of all does not wait.
    pub by_hand: bool,
    /// For whoever looks at heads.
    pub note: Option<String>,
}

/// What a trainer does and did.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TrainerStatus {
    /// Since when a fit runs.
    pub running: Option<SystemTime>,
    /// How many heads of a comparison the fit that runs has begun, of [`COMPARISON_FITS`](crate::head::COMPARISON_FITS) at most.
    pub compared: usize,
    /// A fit that follows it, or is about to begin.
    pub asked: Option<FitAsked>,
    pub last: Option<TrainingEvent>,
}

/// Fits heads in a thread of its own, one at a time. Dropped, it begins no further fit and ends the one that runs where that compares;
/// nobody waits for it.
pub struct Trainer {
    settings: TrainerSettings,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<TrainerStatus>,
    asked: Condvar,
    stop: AtomicBool,
}

impl Trainer {
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(device: Device, settings: TrainerSettings, tell: TellTraining) -> Result<Self, NoThread> {
        let shared = Arc::new(Shared::default());
        let mut work = Work {
            looks: Looks::new(device.clone(), settings.after),
            due: settings.every.map(|every| Instant::now() + every),
            device,
            settings,
            shared: shared.clone(),
            tell,
        };
        spawn("trainer", move || {
            step_back();
            work.run();
        })?;
        Ok(Self { settings, shared })
    }

    /// Asks for a fit, which begins as soon as none runs any more. Asked more often while one runs, one more follows, which waits for
    /// somebody if anybody wanted that.
    pub fn ask(&self, fit: FitAsked) {
        {
            let mut status = self.shared.status();
            let by_hand = fit.by_hand || status.asked.as_ref().is_some_and(|asked| asked.by_hand);
            status.asked = Some(FitAsked { by_hand, ..fit });
        }
        self.shared.asked.notify_all();
    }

    pub fn status(&self) -> TrainerStatus {
        self.shared.status().clone()
    }

    pub fn settings(&self) -> TrainerSettings {
        self.settings
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        // Under the lock, or a thread that is about to wait would not notice.
        let _status = self.shared.status();
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.asked.notify_all();
    }
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, TrainerStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

struct Work {
    device: Device,
    settings: TrainerSettings,
    looks: Looks,
    /// The next fit by time.
    due: Option<Instant>,
    shared: Arc<Shared>,
    tell: TellTraining,
}

impl Work {
    fn run(&mut self) {
        while self.wait() {
            let at = SystemTime::now();
            let asked = {
                let mut status = self.shared.status();
                (status.running, status.compared) = (Some(at), 0);
                status.asked.take().unwrap_or_default()
            };
            let start = Instant::now();
            let outcome = self.fit(&asked);
            self.looks.fitted(outcome.is_err());
            let event = TrainingEvent::of(outcome, at, start.elapsed());
            self.due = self.settings.every.map(|every| Instant::now() + every);
            {
                let mut status = self.shared.status();
                (status.running, status.last) = (None, Some(event.clone()));
            }
            // Whoever is told may fail as well.
            if let Err(panic) = caught(|| (self.tell)(&event)) {
                tracing::error!("a fit could not be told of: {panic}");
            }
        }
    }

    /// Until there is something to fit; false when it is to end.
    fn wait(&mut self) -> bool {
        loop {
            let status = self.shared.status();
            if self.shared.is_stopped() {
                return false;
            }
            if status.asked.is_some() || self.due.is_some_and(|due| due <= Instant::now()) {
                return true;
            }
            let patience = self.patience();
            // Between two looks nothing is held.
            drop(self.shared.asked.wait_timeout(status, patience).unwrap_or_else(PoisonError::into_inner));
            if !self.shared.is_stopped() && self.looks.is_enough() {
                return true;
            }
        }
    }

    fn patience(&self) -> Duration {
        let look = if self.settings.after > 0 { LOOK } else { Duration::from_secs(60) };
        self.due.map_or(look, |due| look.min(due.saturating_duration_since(Instant::now())))
    }

    /// Whatever goes wrong is an outcome.
    fn fit(&self, asked: &FitAsked) -> Result<TrainingOutcome, NotFitted> {
        let (device, shared) = (&self.device, &*self.shared);
        let stopped = || {
            shared.status().compared += 1;
            shared.is_stopped()
        };
        let pool = background_pool().map_err(|error| causes(&error))?;
        let fitted = pool.install(|| caught(|| outcome(device, asked, &stopped)));
        fitted.unwrap_or_else(|panic| Err(format!("the program failed at it: {panic}").into()))
    }
}

fn outcome(device: &Device, asked: &FitAsked, stopped: &dyn Fn() -> bool) -> Result<TrainingOutcome, NotFitted> {
    let request = CarefulRequest { note: asked.note.clone(), ..CarefulRequest::default() };
    let fit = || {
        Ok(match device.fit_carefully(&request, stopped)? {
            Careful::NothingNew { head, waits } => TrainingOutcome::NothingNew { head, waits },
            Careful::Fitted(fit) => {
                let fit = if asked.by_hand { fit.for_somebody() } else { *fit };
                let written = device.settle(&fit)?;
                let comparison = fit.comparison().cloned().map(Box::new);
                TrainingOutcome::Fitted { head: written.version, published: fit.is_published(), comparison }
            }
        })
    };
    match fit() {
        Err(DeviceError::Compare(CompareError::Stopped)) => Ok(TrainingOutcome::Stopped),
        other => other.map_err(|error| NotFitted { code: error.code(), reason: causes(&error) }),
    }
}
