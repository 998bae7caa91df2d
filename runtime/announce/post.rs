//! The thread between an outbox and a receiver that can be waited for.

use std::sync::Arc;
use std::time::Duration;

use super::outbox::{Next, Outbox};
use super::{NotTaken, Receiver};
use crate::threads::{NoThread, spawn};

/// Before it is tried again: so long at first, then twice as long, until so long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// After so long without a notice the receiver rests.
const QUIET: Duration = Duration::from_secs(2);

pub(super) fn start(outbox: Arc<Outbox>, mut receiver: impl Receiver + 'static) -> Result<(), NoThread> {
    spawn("announcer", move || {
        run(&outbox, &mut receiver);
        drop(receiver);
        outbox.has_ended();
    })
}

fn run(outbox: &Outbox, receiver: &mut impl Receiver) {
    let mut wait = FIRST_WAIT;
    loop {
        let notice = match outbox.next(QUIET) {
            Next::Tell(notice) => notice,
            Next::Rest => {
                receiver.rest();
                continue;
            }
            Next::End => return,
        };
        match receiver.take(&notice) {
            Ok(()) => {
                outbox.is_told();
                wait = FIRST_WAIT;
            }
            Err(NotTaken::Ever(because)) => {
                outbox.is_lost(&because);
                wait = FIRST_WAIT;
            }
            Err(NotTaken::Yet(because)) => {
                outbox.put_back(std::iter::once(notice));
                outbox.is_in_trouble(because);
                outbox.pause(wait);
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}
