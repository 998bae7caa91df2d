//! The thread that opens newly published heads beside the one that answers.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use super::shared::Shared;
use crate::device::{FOLLOW_EVERY, Followed, Follower, Successor};
use crate::threads::{NoThread, spawn};

/// Ends the thread when dropped.
pub(super) struct Following(#[expect(dead_code, reason = "held for its drop")] Sender<()>);

/// Hands each head that is published to the worker, by way of `successors`.
pub(super) fn follow(
    mut follower: Follower,
    shared: Arc<Shared>,
    successors: Sender<Successor>,
) -> Result<Following, NoThread> {
    let (held, stop) = channel();
    spawn("follower", move || {
        while stop.recv_timeout(FOLLOW_EVERY) == Err(RecvTimeoutError::Timeout) {
            look(&mut follower, &shared, &successors);
        }
    })?;
    Ok(Following(held))
}

/// The same failure is logged once and counted every time.
fn look(follower: &mut Follower, shared: &Shared, successors: &Sender<Successor>) {
    match follower.look() {
        Followed::Waiting => {}
        Followed::Same => {
            if shared.stale().is_some() {
                shared.set_stale(None);
            }
        }
        Followed::Successor(successor) => {
            shared.metrics.reloaded(true);
            shared.set_stale(None);
            // Without a worker there is nobody left to serve.
            let _ = successors.send(*successor);
        }
        Followed::Failed { reason, is_news, was_tried } => {
            if is_news {
                let goes_on =
                    shared.facts().map(|facts| format!(", so head {:06} goes on answering", facts.head_version));
                tracing::error!("the published head cannot be used{}: {reason}", goes_on.unwrap_or_default());
                shared.set_stale(Some(reason));
            }
            if is_news || was_tried {
                shared.metrics.reloaded(false);
            }
        }
    }
}
