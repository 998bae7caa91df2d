//! What happens, for those who listen over HTTP.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use crate::watch::Event;

/// Of events that a slow listener has not taken, so many wait for it.
const WAITING: usize = 64;

/// Tells all who listen; nobody need.
#[derive(Clone)]
pub struct Announcements(broadcast::Sender<Arc<str>>);

/// What this service tells beside what it watches.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Own {
    /// Samples were added, relabelled, removed or brought back.
    Samples { version: i64 },
    /// Another head answers.
    Head { head_version: u64 },
    /// So many events came faster than they were taken.
    Missed { count: u64 },
}

impl Default for Announcements {
    fn default() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }
}

impl Announcements {
    pub fn event(&self, event: &Event) {
        self.tell(event);
    }

    /// With the version of the edits behind the change.
    pub(super) fn samples(&self, version: i64) {
        self.tell(&Own::Samples { version });
    }

    pub(super) fn head(&self, head_version: u64) {
        self.tell(&Own::Head { head_version });
    }

    fn tell(&self, event: &impl Serialize) {
        if self.0.receiver_count() > 0 {
            // Nobody may listen any more.
            let _ = self.0.send(json(event));
        }
    }

    pub(super) fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

fn json(event: &impl Serialize) -> Arc<str> {
    serde_json::to_string(event).expect("numbers and text").into()
}

pub(super) struct Listener(broadcast::Receiver<Arc<str>>);

impl Listener {
    /// The next event, as JSON; `None` when there will be none.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(json(&Own::Missed { count })),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_listen_hear_everything_and_a_slow_one_hears_how_much_it_missed() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let told = Announcements::default();
        told.samples(1);
        let (mut one, mut slow) = (told.listen(), told.listen());
        told.samples(2);
        told.head(7);
        let next = |listener: &mut Listener| runtime.block_on(listener.next()).unwrap();
        assert_eq!(&*next(&mut one), r#"{"event":"samples","version":2}"#);
        assert_eq!(&*next(&mut one), r#"{"event":"head","head_version":7}"#);
        (0..WAITING as i64).for_each(|number| told.samples(number));
        assert_eq!(&*next(&mut slow), r#"{"event":"missed","count":2}"#);
        assert_eq!(&*next(&mut slow), r#"{"event":"samples","version":0}"#);
    }
}
