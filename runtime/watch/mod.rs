//! From frames to events: which part of a picture matters, which frames the network sees, and what its answers come to.
//!
//! ```text
//!  Feed ──► Section ──► Gate ──► Answerer ──► Decision ──► Event
//!  newest   rotation,   motion,   a head       in a row,    started, changed, ended
//!  frame    region      time                   consensus    (album, log)
//! ```
//!
//! Any number of cameras share one session of a backbone: each in turn gets at most one frame looked at.

mod album;
mod answerer;
mod board;
mod burst;
mod choice;
mod decision;
mod doubt;
mod drift;
mod event;
mod gate;
mod grouping;
mod keeping;
mod known;
mod log;
mod moment;
mod motion;
mod newest;
mod recent;
mod region;
mod settings;
mod still;
mod tally;
mod telling;
mod watched;
mod witness;

#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod keeping_tests;
#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod recent_tests;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use album::Album;
pub use answerer::{Answerer, NoAnswer, OwnPredictor};
pub use board::{Board, Entry, RegionFrom, View};
pub use burst::{Burst, BurstError, Collected, Taken};
pub use choice::{Choice, ChoiceChange, Choices};
pub use decision::{Change, Decision, Kind, Look, Mode, Rules, RulesError, Said};
pub use drift::{DriftBoard, DriftEvent, DriftSettings, DriftView, Drifting, kept_view};
pub use event::{CameraEvent, CameraSet, CameraState, Decided, Event};
pub use gate::Opens;
pub use keeping::{Keeping, ReviewSettings};
pub use log::{Log, ReplayError, replay};
pub use moment::Moment;
pub use newest::NoStill;
pub use recent::{Recent, TeachError, ToShow};
pub use region::{Region, RegionError, Rotation};
pub use settings::{CameraSettings, is_camera_name};
pub use tally::{Stage, Tally};
pub use telling::Telling;
#[cfg(feature = "announce")]
pub use telling::{Desk, Ordered};
pub use witness::{Sight, Witness};

use watched::{Common, Watched};

use crate::camera::{Bell, Feed, Wanted};
use crate::preprocess::Limits;
use crate::threads::NoThread;

/// The longest without a look at what cameras do.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("cannot tell of an event")]
    Told(#[source] io::Error),
}

/// Cameras that are watched.
pub struct Watch {
    cameras: Vec<Watched>,
    bell: Arc<Bell>,
    board: Arc<Board>,
    limits: Limits,
    /// What somebody chose for cameras, in this program or another.
    choices: Choices,
    pub album: Option<Album>,
    pub log: Option<Log>,
    pub witnesses: Vec<Box<dyn Witness>>,
}

impl Watch {
    /// Opens the cameras, each of which has a name of its own, as far as `choices` does not say otherwise.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(cameras: &[(String, CameraSettings)], mut choices: Choices, limits: Limits) -> Result<Self, NoThread> {
        let mut chosen = choices.first();
        let bell = Arc::new(Bell::default());
        let mut open = |(name, settings): &(String, CameraSettings)| {
            let max_bytes = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX);
            let wanted = Wanted { fps: settings.fps, max_bytes };
            let choice = chosen.remove(name).unwrap_or_default();
            let feed = Feed::start(settings.source.clone(), wanted, bell.clone(), choice.on)?;
            let entry = Entry::new(name.clone(), feed, settings.section(), choice);
            Ok(Watched::new(Arc::new(entry), settings))
        };
        let cameras = cameras.iter().map(&mut open).collect::<Result<Vec<_>, NoThread>>()?;
        let board = Arc::new(Board::new(cameras.iter().map(|camera| camera.entry.clone()).collect()));
        Ok(Self { cameras, bell, board, limits, choices, album: None, log: None, witnesses: Vec::new() })
    }

    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    /// Watches until `stop` says so, or every camera came to its end.
    ///
    /// # Errors
    /// When nobody answers any more, or what `tell` gave.
    pub fn run(
        &mut self,
        answerer: &mut dyn Answerer,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(&Event) -> io::Result<()>,
    ) -> Result<(), WatchError> {
        let (mut heard, mut first) = (0, 0);
        while !stop() && !self.is_over() {
            heard = self.bell.wait(heard, self.patience());
            self.obey_choices();
            let count = self.cameras.len();
            for turn in 0..count {
                let mut common = Common {
                    answerer,
                    album: &mut self.album,
                    log: &mut self.log,
                    witnesses: &mut self.witnesses,
                    limits: self.limits,
                };
                let events = self.cameras[(first + turn) % count].turn(&mut common)?;
                events.iter().try_for_each(&mut *tell).map_err(WatchError::Told)?;
            }
            // Whoever was first is last.
            first = (first + 1) % count.max(1);
        }
        // An end that came after the last turn.
        let ends = self.cameras.iter_mut().filter_map(|camera| camera.state_event().map(Event::Camera));
        ends.into_iter().try_for_each(|event| tell(&event)).map_err(WatchError::Told)
    }

    fn obey_choices(&mut self) {
        let before: BTreeMap<String, u64> =
            self.board.entries().map(|entry| (entry.name.clone(), entry.section().1)).collect();
        for (name, choice) in self.choices.look() {
            if let (Some(entry), Some(version)) = (self.board.entry(&name), before.get(&name)) {
                entry.choose_as_of(*version, choice);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.cameras.iter().all(|camera| camera.entry.is_over())
    }

    fn patience(&self) -> Duration {
        self.cameras.iter().filter_map(Watched::wait).min().unwrap_or(LOOK).clamp(Duration::from_millis(1), LOOK)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.board.stop();
    }
}
