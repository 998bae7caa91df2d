//! The one way in: a state folder, opened to collect pictures, fit heads and answer.
//!
//! The command line, the service and other programs do through here what changes a state or answers from it, so that
//! they cannot differ. Nothing here knows of flags, of terminals or of HTTP.
//!
//! ```no_run
//! use edgetl::device::{CollectRequest, Device, FitRequest};
//!
//! let device = Device::open("state")?;
//! device.collect(&CollectRequest::new(["photos"]), &mut ())?;
//! let fitted = device.fit(&FitRequest::default())?;
//! println!("right, held out: {:?}", fitted.head.report().cv().accuracy);
//! device.publish(&fitted)?;
//! let answer = device.predictor()?.answer("new.jpg", &std::fs::read("new.jpg")?, 3)?;
//! println!("{}", serde_json::to_string(&answer)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answered;
mod answering;
mod backbones;
mod backup;
mod baseline;
mod careful;
mod changes;
mod classes;
mod code;
mod collect;
mod compare;
mod decide;
mod doubts;
mod drift;
mod enough;
mod error;
mod explain;
mod export;
mod features;
mod file_error;
mod fit;
mod follower;
mod forget;
mod heads;
mod history;
mod known_classes;
mod neighbourhood;
mod pictures;
mod piles;
mod predictor;
mod refit;
mod registry;
mod restoring;
mod review;
mod review_order;
mod samples;
mod switch;
mod teacher;
mod trainer;
mod visualize;

use std::path::PathBuf;

pub use answered::{AnsweredAlike, AnsweredPicture};
pub use answering::{AnswerError, Asked, Visit};
pub use backbones::Backbones;
pub use backup::BackupReport;
pub use baseline::BaselineReport;
pub use careful::{Careful, CarefulFit, CarefulRequest};
pub use classes::{Class, Classes};
pub use collect::{
    CollectEvent, CollectReport, CollectRequest, Conflict, Gone, Moved, NotUsed, Observer, OtherSplit, Poor, Stage,
    SyncPlan,
};
pub use compare::{CompareReport, CompareRequest, ComparedBackbone, KeptComparison, KeptRow};
pub use decide::Decided;
pub use doubts::{Doubts, Examination};
pub use drift::DriftReference;
pub use error::{DeviceError, LiveHead};
pub use explain::{Explained, Explainer, Explanation, Nearest, Outlook, Resembling};
pub use export::ExportReport;
pub use file_error::{BackupError, ExportError};
pub use fit::{FitMode, FitRequest, Fitted, Published};
pub use follower::{EVERY as FOLLOW_EVERY, Followed, Follower};
pub use forget::{Forgotten, Removed};
pub use heads::{Heads, PublishedHead};
pub use history::{ClassChange, HeadChange};
pub use known_classes::KnownClassesError;
pub use pictures::{Added, NewPicture};
pub use piles::{Pile, Piles};
pub use predictor::{Facts, Glance, GoldenCheck, Predictor, Successor};
pub use registry::{Kept, RegistryError};
pub use restoring::{RESTORE_RESERVE, WaitingRestore};
pub use samples::Edit;
pub use switch::{SwitchRequest, Switched};
pub use teacher::{Lesson, Taught, Teacher};
pub use trainer::{FitAsked, TellTraining, Trainer, TrainerSettings, TrainerStatus, TrainingEvent, TrainingOutcome};
pub use visualize::{ChannelShown, LayerShown, PatchShown, Visualization, VisualizeRequest};

use crate::backbone::{Loader, Options, Package};
use crate::predictor::{open, session_threads};
use crate::preprocess::Limits;
use crate::store::{StateDir, Store};

/// What a device's owner may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which engine runs; its threads are the cores to keep busy.
    pub engine: Options,
    /// What the decoder refuses.
    pub limits: Limits,
    /// How many old heads stay.
    pub keep_heads: usize,
    /// Bytes that a fit may take, about; `None` for half of what the process may use.
    pub fit_memory: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { engine: Options::default(), limits: Limits::default(), keep_heads: 10, fit_memory: None }
    }
}

/// A state folder with the settings that it is used with. Any number of them, in any number of processes, may be open.
#[derive(Clone, Debug)]
pub struct Device {
    state: StateDir,
    settings: Settings,
}

impl Device {
    /// Opens the state folder at `path` with default settings; makes it where it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DeviceError> {
        let device = Self::new(StateDir::new(path), Settings::default());
        device.state.create()?;
        Ok(device)
    }

    /// Touches nothing; what only reads makes no folder.
    pub fn new(state: StateDir, settings: Settings) -> Self {
        Self { state, settings }
    }

    pub fn state(&self) -> &StateDir {
        &self.state
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same state with other settings.
    pub fn with(&self, settings: Settings) -> Self {
        Self { state: self.state.clone(), settings }
    }

    /// The store; made where there is none.
    pub fn store(&self) -> Result<Store, DeviceError> {
        self.state.create()?;
        Ok(Store::open(&self.state.database())?)
    }

    /// The store, where there is one.
    pub fn existing_store(&self) -> Result<Store, DeviceError> {
        Ok(Store::open_existing(&self.state.database())?)
    }

    pub fn backbones(&self) -> Backbones<'_> {
        Backbones::new(&self.state)
    }

    pub fn heads(&self) -> Heads {
        Heads::new(&self.state, self.settings.keep_heads)
    }

    /// Opens `package` on the engine of the settings, for so many pictures, and says in the log what runs.
    ///
    /// # Errors
    /// When no engine that was asked for runs it and gives its golden vectors.
    pub fn load(&self, package: Package, pictures: usize) -> Result<Loader, DeviceError> {
        let threads = session_threads(self.settings.engine.threads, pictures);
        let loader = open(package, &Options { threads, ..self.settings.engine.clone() })?.loader;
        tracing::info!("backbone {} on {}", loader.manifest().name, loader.provider());
        Ok(loader)
    }
}
