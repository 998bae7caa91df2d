//! The thread that watches the cameras of the settings, whose frames wait in the worker's queue as pictures of clients do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use tokio::sync::oneshot;

use super::announcements::Announcements;
use super::queue::{Job, Queue};
use crate::announce::{About, Counts};
use crate::causes::causes;
use crate::device::Glance;
use crate::preprocess::Picture;
use crate::threads::{NoThread, spawn};
use crate::watch::{Answerer, Board, DriftBoard, Event, NoAnswer, Watch};

/// Told of every event.
pub type Tell = Box<dyn FnMut(&Event) -> io::Result<()> + Send>;

/// Says who is told, and what came of it; `None` where another program of this state tells.
pub type Counting = Arc<dyn Fn() -> Option<Vec<(About, Counts)>> + Send + Sync>;

/// Cameras to watch beside, and who is told of what happens before them.
pub struct Cameras {
    pub watch: Watch,
    pub tell: Tell,
    pub counts: Counting,
    /// How watching for drift goes, where it is watched for.
    pub drift: Option<Arc<DriftBoard>>,
    /// For those who listen over HTTP; whoever tells of fits tells these too.
    pub announcements: Announcements,
}

/// What the thread that watches has of [`Cameras`].
pub(super) struct Watched {
    pub watch: Watch,
    pub tell: Tell,
    pub announcements: Announcements,
}

/// Goes on where one of those who are told is there no longer.
struct Teller {
    tell: Tell,
    announcements: Announcements,
    has_failed: bool,
}

impl Teller {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        self.announcements.event(event);
        if let Err(error) = (self.tell)(event)
            && !std::mem::replace(&mut self.has_failed, true)
        {
            tracing::warn!("events cannot be written any more: {error}");
        }
        Ok(())
    }
}

/// Ends the watching when dropped.
pub(super) struct Watching {
    stop: Arc<AtomicBool>,
    board: Arc<Board>,
    ended: oneshot::Receiver<()>,
}

impl Watching {
    /// Watches until the service ends.
    pub fn start(cameras: Watched, queue: Arc<Queue>) -> Result<Self, NoThread> {
        let Watched { mut watch, tell, announcements } = cameras;
        let mut teller = Teller { tell, announcements, has_failed: false };
        let stop = Arc::new(AtomicBool::new(false));
        let (alive, ended) = oneshot::channel();
        let (is_asked, board) = (stop.clone(), watch.board());
        spawn("watch", move || {
            let watched =
                watch.run(&mut Asker(queue), &|| is_asked.load(Ordering::SeqCst), &mut |event| teller.tell(event));
            if let Err(error) = watched
                && !is_asked.load(Ordering::SeqCst)
            {
                tracing::error!("the cameras are watched no more: {}", causes(&error));
            }
            drop((watch, alive));
        })?;
        Ok(Self { stop, board, ended })
    }

    /// Closes the cameras; resolves when they are, and nobody looks any more.
    pub async fn end(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Also where the thread that watches waits for a worker that hangs.
        let board = self.board.clone();
        let _ = tokio::task::spawn_blocking(move || board.stop()).await;
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Asks the worker, and waits.
struct Asker(Arc<Queue>);

impl Answerer for Asker {
    fn answer(&mut self, camera: &str, picture: Arc<Picture>) -> Result<Glance, NoAnswer> {
        let (reply, answer) = sync_channel(1);
        self.0.wait_for_place(Job::Frame { camera: camera.to_owned(), picture, reply })?;
        answer.recv().unwrap_or(Err(NoAnswer::Gone))
    }
}
