//! Who is told of what happens: an MQTT broker with Home Assistant, webhooks, programs, a log.
//!
//! ```text
//!  Notice ──► Announcer ──► Outbox (bounded) ──► a thread of its own ──► Receiver: webhook, program, log
//!                                            └──► MQTT's loop
//! ```
//!
//! Nobody who tells ever waits. What cannot be told now is told later, in its order, at least once: each notice has an id by which
//! a receiver knows one that it has already. Beyond a bound the oldest is given up, and counted.

mod log;
#[cfg(feature = "announce")]
pub mod mqtt;
mod outbox;
mod post;
mod program;
pub mod settings;
#[cfg(feature = "announce")]
mod signature;
mod tries;
#[cfg(feature = "announce")]
mod webhook;

#[cfg(all(test, feature = "announce", unix))]
mod conformance;
#[cfg(all(test, feature = "announce"))]
mod test_broker;
#[cfg(all(test, feature = "announce"))]
mod test_receiver;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use outbox::{Counts, Reached};
pub use settings::BINARY_CLASSES;
#[cfg(feature = "announce")]
pub use signature::{KeyError, SigningKey};

use log::LogFile;
use outbox::Outbox;
use program::Program;
use settings::{LogSettings, ProgramSettings};

use crate::threads::NoThread;

/// Something to be told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// No two are the same, of whatever device.
    pub id: String,
    /// `None`: it is about the whole device.
    pub camera: Option<String>,
    /// One JSON object.
    pub json: String,
}

/// Somebody who is told, as people know them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// `webhook NAME`, `the broker HOST:PORT`.
    pub name: String,
    /// `mqtt`, `webhook`, `program` or `log`, as the section of the settings.
    pub kind: &'static str,
    /// Where, without passwords and what may be one.
    pub address: String,
}

/// Takes notices, one after another, on a thread that waits for it.
trait Receiver: Send {
    /// # Errors
    /// When it did not take the notice.
    fn take(&mut self, notice: &Notice) -> Result<(), NotTaken>;

    /// Everything that was taken is where it belongs; there may be no more for a while.
    fn rest(&mut self) {}
}

/// Why a notice was not taken.
#[derive(Debug)]
enum NotTaken {
    /// It may be later.
    Yet(String),
    /// It will not be.
    Ever(String),
}

/// Somebody who is told.
#[derive(Clone)]
pub struct Announcer {
    outbox: Arc<Outbox>,
}

/// The settings of one who is told make no sense, or a file that they name cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    #[error(transparent)]
    Thread(#[from] NoThread),
    #[error("cannot write the log `{path}`")]
    Log { path: std::path::PathBuf, source: std::io::Error },
    #[cfg(feature = "announce")]
    #[error(transparent)]
    Roots(#[from] crate::tls::RootsError),
    #[cfg(feature = "announce")]
    #[error("cannot use the certificates")]
    Tls(#[source] crate::tls::TlsError),
    #[error("{0} needs a program that was built with the feature `announce`")]
    NotBuilt(&'static str),
}

impl Announcer {
    fn new(about: About) -> Self {
        Self { outbox: Arc::new(Outbox::new(about)) }
    }

    /// Writes what is told into a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn log(settings: &LogSettings) -> Result<Self, AnnounceError> {
        let failed = |source| AnnounceError::Log { path: settings.file.clone(), source };
        let file = LogFile::open(settings).map_err(failed)?;
        let about = About { name: "log".to_owned(), kind: "log", address: settings.file.display().to_string() };
        Ok(Self::through(about, file)?)
    }

    /// Starts a program for each notice.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn program(name: &str, settings: &ProgramSettings) -> Result<Self, AnnounceError> {
        let about = About { name: format!("program {name}"), kind: "program", address: settings.command[0].clone() };
        Ok(Self::through(about, Program::new(settings))?)
    }

    /// Sends what is told to an address; `key` signs it.
    ///
    /// # Errors
    /// When certificates cannot be read, or the system refuses a thread.
    #[cfg(feature = "announce")]
    pub fn webhook(
        name: &str,
        settings: &settings::WebhookSettings,
        key: Option<SigningKey>,
    ) -> Result<Self, AnnounceError> {
        let about = About { name: format!("webhook {name}"), kind: "webhook", address: settings.origin() };
        Ok(Self::through(about, webhook::Webhook::new(settings, key)?)?)
    }

    fn through(about: About, receiver: impl Receiver + 'static) -> Result<Self, NoThread> {
        let announcer = Self::new(about);
        post::start(announcer.outbox.clone(), receiver)?;
        Ok(announcer)
    }

    /// As people call it: `webhook NAME`.
    pub fn name(&self) -> &str {
        self.outbox.name()
    }

    pub fn about(&self) -> &About {
        self.outbox.about()
    }

    /// Tells of something, now or later; never waits.
    pub fn tell(&self, notice: &Arc<Notice>) {
        self.outbox.put(notice.clone());
    }

    pub fn counts(&self) -> Counts {
        self.outbox.counts()
    }

    /// Asks it to tell what waits until then, and then to end. Who has several asks all, and then waits for each.
    pub fn ask_to_end(&self, by: Instant) {
        self.outbox.close(by);
    }

    /// Waits until it ended, or for a moment longer than it was given; says what was not told.
    pub fn end(&self) {
        const MOMENT: Duration = Duration::from_millis(200);
        self.outbox.wait_for_end(MOMENT);
        let counts = self.counts();
        if counts.waiting > 0 {
            tracing::warn!("{} was not told of the last {}", self.name(), events(counts.waiting));
        }
    }
}

fn events(count: u64) -> String {
    if count == 1 { "event".to_owned() } else { format!("{count} events") }
}
