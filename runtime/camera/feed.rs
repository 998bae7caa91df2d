//! Keeps a camera running in a thread of its own, and its newest frame at hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Camera, CameraError, Frame, Source, Wanted};
use crate::causes::causes;
use crate::threads::{NoThread, spawn};

/// The longest that a thread waits without a look at whether it is to end.
const LOOK: Duration = Duration::from_millis(200);
/// A camera that gives no frame for so long is opened again.
const SILENCE: Duration = Duration::from_secs(10);
/// The least age of a frame that is not what the camera sees now.
const STALE: Duration = Duration::from_secs(5);
/// Before a camera is opened again; doubled with every failure.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the end of a program that a camera started is waited for.
const FAREWELL: Duration = Duration::from_secs(3);

/// Rung whenever one of several feeds has something new.
#[derive(Default, Debug)]
pub struct Bell {
    rung: Mutex<u64>,
    heard: Condvar,
}

impl Bell {
    pub fn ring(&self) {
        *lock(&self.rung) += 1;
        self.heard.notify_all();
    }

    /// Waits `patience` at most until it was rung more than `before` times; says how many times it was.
    pub fn wait(&self, before: u64, patience: Duration) -> u64 {
        let waited = self.heard.wait_timeout_while(lock(&self.rung), patience, |rung| *rung <= before);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What a camera does at the moment.
#[derive(Clone, PartialEq, Debug)]
pub enum Activity {
    /// It is being opened for the first time.
    Connecting,
    Live,
    /// It is open and gives no frames.
    Stale,
    /// It is opened again after a pause.
    Failed {
        because: String,
    },
    /// It has no more frames.
    Ended,
    /// Somebody switched it off: it is closed.
    Off,
}

/// The state of a camera, with what it did so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    pub activity: Activity,
    /// Since when, but for a small while.
    pub since: SystemTime,
    /// How many came.
    pub frames: u64,
    /// How many of them nobody took, since a newer one was there.
    pub passed_over: u64,
    /// How many times the camera failed.
    pub failures: u64,
    /// When the last frame came.
    pub last: Option<SystemTime>,
    /// Since when all frames are the same to the last bit.
    pub same_since: Option<SystemTime>,
}

/// A camera that runs until this is dropped.
pub struct Feed {
    shared: Arc<Shared>,
    source: Source,
    /// A frame that is older is not what the camera sees now.
    stale: Duration,
    /// Closes when the thread ends.
    ended: Mutex<Option<Receiver<()>>>,
}

struct Shared {
    slot: Mutex<Slot>,
    /// Told when a frame is taken, or the feed is to end.
    taken: Condvar,
    stop: AtomicBool,
    is_off: AtomicBool,
    bell: Arc<Bell>,
    /// Whether every frame waits until it is taken.
    keeps_all: bool,
}

struct Slot {
    frame: Option<Frame>,
    /// The last that came, taken or not.
    last: Option<(Frame, Instant)>,
    status: Status,
}

impl Feed {
    /// Opens the camera, where it is `on`, and goes on doing so; `bell` is rung with each frame and each change.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(source: Source, wanted: Wanted, bell: Arc<Bell>, on: bool) -> Result<Self, NoThread> {
        let status = Status {
            activity: if on { Activity::Connecting } else { Activity::Off },
            since: SystemTime::now(),
            frames: 0,
            passed_over: 0,
            failures: 0,
            last: None,
            same_since: None,
        };
        let shared = Arc::new(Shared {
            slot: Mutex::new(Slot { frame: None, last: None, status }),
            taken: Condvar::new(),
            stop: AtomicBool::new(false),
            is_off: AtomicBool::new(!on),
            bell,
            keeps_all: matches!(source, Source::Folder(_)),
        });
        let feed = Self {
            shared: shared.clone(),
            source: source.clone(),
            stale: STALE.max(wanted.interval() * 2),
            ended: Mutex::default(),
        };
        if source != Source::Push {
            let (alive, ended) = channel();
            spawn("camera", move || {
                Keeper { shared: &shared, source: &source, wanted }.run();
                drop(alive);
            })?;
            *lock(&feed.ended) = Some(ended);
        }
        Ok(feed)
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The newest frame, unless it was taken before.
    pub fn take(&self) -> Option<Frame> {
        let frame = lock(&self.shared.slot).frame.take();
        if frame.is_some() {
            self.shared.taken.notify_all();
        }
        frame
    }

    /// The last frame that came, taken or not, and how many came up to it.
    pub fn newest(&self) -> Option<(u64, Frame)> {
        let slot = lock(&self.shared.slot);
        slot.last.as_ref().map(|(frame, _)| (slot.status.frames, frame.clone()))
    }

    /// Closes the camera, or opens it again. What it showed is gone.
    pub fn switch(&self, on: bool) {
        let mut slot = lock(&self.shared.slot);
        if self.shared.is_off.swap(!on, Ordering::SeqCst) != on {
            return;
        }
        (slot.frame, slot.last) = (None, None);
        slot.status.activity = if on { Activity::Connecting } else { Activity::Off };
        (slot.status.since, slot.status.same_since) = (SystemTime::now(), None);
        drop(slot);
        self.shared.taken.notify_all();
        self.shared.bell.ring();
    }

    pub fn is_on(&self) -> bool {
        !self.shared.is_off()
    }

    /// Whether a frame waits to be taken.
    pub fn has_frame(&self) -> bool {
        lock(&self.shared.slot).frame.is_some()
    }

    /// A frame that somebody sent.
    pub fn push(&self, frame: Frame) {
        self.shared.put(frame);
    }

    pub fn status(&self) -> Status {
        let slot = lock(&self.shared.slot);
        let mut status = slot.status.clone();
        let is_stale = slot.last.as_ref().is_some_and(|(_, at)| at.elapsed() > self.stale);
        if status.activity == Activity::Live && is_stale && self.source.is_steady() {
            status.activity = Activity::Stale;
            status.since = status.last.unwrap_or(status.since);
        }
        status
    }
}

impl Feed {
    /// The camera is to close; no frame comes after.
    pub fn ask_to_stop(&self) {
        // Under the lock, or a thread that is about to wait would not notice.
        let slot = lock(&self.shared.slot);
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(slot);
        self.shared.taken.notify_all();
    }

    /// [`ask_to_stop`](Self::ask_to_stop), and waits for what must not outlive this process.
    pub fn stop(&self) {
        self.ask_to_stop();
        // A program must not outlive this process; a network camera may be silent for a while, and just be left.
        if matches!(self.source, Source::Command(_) | Source::Rtsp(_))
            && let Some(ended) = lock(&self.ended).take()
        {
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn is_off(&self) -> bool {
        self.is_off.load(Ordering::SeqCst)
    }

    /// Whether the camera is to be closed, for a while or for ever.
    fn is_shut(&self) -> bool {
        self.is_stopped() || self.is_off()
    }

    fn put(&self, frame: Frame) {
        let mut slot = lock(&self.slot);
        while self.keeps_all && slot.frame.is_some() && !self.is_shut() {
            slot = self.taken.wait_timeout(slot, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        if self.is_off() {
            return;
        }
        let Slot { status, last, .. } = &mut *slot;
        status.frames += 1;
        let is_same = last.as_ref().is_some_and(|(last, _)| last.content == frame.content);
        status.same_since = status.same_since.filter(|_| is_same).or(Some(frame.taken));
        status.last = Some(frame.taken);
        if status.activity != Activity::Live {
            (status.activity, status.since) = (Activity::Live, frame.taken);
        }
        *last = Some((frame.clone(), Instant::now()));
        if slot.frame.replace(frame).is_some() {
            slot.status.passed_over += 1;
        }
        drop(slot);
        self.bell.ring();
    }

    fn set(&self, activity: Activity) {
        let mut slot = lock(&self.slot);
        if self.is_off() {
            return;
        }
        slot.status.failures += u64::from(matches!(activity, Activity::Failed { .. }));
        if slot.status.activity != activity {
            (slot.status.activity, slot.status.since) = (activity, SystemTime::now());
        }
        drop(slot);
        self.bell.ring();
    }

    /// Waits for `pause`, or until the camera is to close.
    fn pause(&self, pause: Duration) {
        let slot = lock(&self.slot);
        drop(self.taken.wait_timeout_while(slot, pause, |_| !self.is_shut()));
    }

    /// Waits until the camera is on, or the feed is to end.
    fn wait_until_on(&self) {
        let slot = lock(&self.slot);
        drop(self.taken.wait_while(slot, |_| self.is_off() && !self.is_stopped()));
    }
}

/// What the thread does.
struct Keeper<'a> {
    shared: &'a Shared,
    source: &'a Source,
    wanted: Wanted,
}

impl Keeper<'_> {
    fn run(&self) {
        let (mut pause, mut kept) = (PAUSE, None);
        while !self.shared.is_stopped() {
            let (frames, error) = self.follow(&mut kept);
            if self.shared.is_shut() {
                (pause, kept) = (PAUSE, None);
                self.shared.wait_until_on();
                continue;
            }
            if matches!(error, CameraError::Ended) && self.source.ends() {
                return self.shared.set(Activity::Ended);
            }
            if frames > 0 {
                pause = PAUSE;
            }
            self.shared.set(Activity::Failed { because: causes(&error) });
            self.shared.pause(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens the camera, unless one was kept, and hands on what it gives, until it fails; says how many frames that were.
    fn follow(&self, kept: &mut Option<Box<dyn Camera>>) -> (u64, CameraError) {
        let mut frames = 0;
        if self.shared.is_shut() {
            return (frames, CameraError::Ended);
        }
        let mut camera = match kept.take().map_or_else(|| self.source.open(&self.wanted), Ok) {
            Ok(camera) => camera,
            Err(error) => return (frames, error),
        };
        if !self.source.is_steady() {
            // Nothing may come for hours, and all is well.
            self.shared.set(Activity::Live);
        }
        let mut last = Instant::now();
        while !self.shared.is_shut() {
            match self.next(&mut *camera, last) {
                Ok(Some(frame)) => {
                    (frames, last) = (frames + 1, Instant::now());
                    self.shared.put(frame);
                }
                Ok(None) => {}
                Err(error) => {
                    *kept = Some(camera).filter(|camera| camera.goes_on());
                    return (frames, error);
                }
            }
        }
        (frames, CameraError::Ended)
    }

    fn next(&self, camera: &mut dyn Camera, last: Instant) -> Result<Option<Frame>, CameraError> {
        let frame = camera.next(LOOK)?;
        let silence = SILENCE.max(self.wanted.interval() * 3);
        if frame.is_none() && self.source.is_steady() && last.elapsed() > silence {
            return Err(CameraError::Silent(silence));
        }
        Ok(frame)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
