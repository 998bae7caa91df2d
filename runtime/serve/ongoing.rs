//! Answers that go on until the client goes, its token is withdrawn or the service stops: pictures of cameras, and events.

use std::sync::Arc;

use axum::http::Extensions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::admission::{Granted, Stay};
use super::connections::{Phase, Place};
use super::listen::Peer;
use super::refusal::Refusal;

/// Who may look at cameras at once.
const VIEWERS: usize = 8;
/// Who may listen to events at once.
const LISTENERS: usize = 16;

/// All of them.
pub(super) struct Ongoing {
    viewers: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    backups: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

/// One of them, while it goes on.
pub(super) struct Held {
    /// Its connection, which is not closed for being late.
    place: Option<Arc<Place>>,
    stopping: watch::Receiver<bool>,
    /// Where a paired phone asked.
    stay: Option<Stay>,
    _permit: OwnedSemaphorePermit,
}

impl Ongoing {
    pub fn new() -> Self {
        let [viewers, listeners, backups] = [VIEWERS, LISTENERS, 1].map(|most| Arc::new(Semaphore::new(most)));
        Self { viewers, listeners, backups, stopping: watch::Sender::new(false) }
    }

    /// # Errors
    /// When there are as many viewers as may be.
    pub fn view(&self, of: &Extensions) -> Result<Held, Refusal> {
        self.hold(&self.viewers, of).ok_or(Refusal::Viewers(VIEWERS))
    }

    /// # Errors
    /// When there are as many listeners as may be.
    pub fn listen(&self, of: &Extensions) -> Result<Held, Refusal> {
        self.hold(&self.listeners, of).ok_or(Refusal::Listeners(LISTENERS))
    }

    /// One backup is made and sent at a time: each takes as much of the disk as the state.
    ///
    /// # Errors
    /// While another is.
    pub fn back_up(&self, of: &Extensions) -> Result<Held, Refusal> {
        self.hold(&self.backups, of).ok_or(Refusal::BackingUp)
    }

    fn hold(&self, among: &Arc<Semaphore>, of: &Extensions) -> Option<Held> {
        let permit = among.clone().try_acquire_owned().ok()?;
        let place = of.get::<Peer>().map(|peer| peer.place.clone());
        place.iter().for_each(|place| place.set(Phase::Ongoing));
        let stay = of.get::<Granted>().and_then(|granted| granted.stay.clone());
        Some(Held { place, stopping: self.stopping.subscribe(), stay, _permit: permit })
    }

    /// Ends them all.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

impl Held {
    /// Resolves when the service stops, and when the token of the phone that asked is withdrawn.
    pub async fn ended(&mut self) {
        // Without a sender there is no service.
        let stopped = self.stopping.wait_for(|stopping| *stopping);
        match &mut self.stay {
            Some(stay) => tokio::select! {
                _ = stopped => {}
                () = stay.ended() => {}
            },
            None => drop(stopped.await),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.place.iter().for_each(|place| place.set(Phase::Idle));
    }
}
