//! Ctrl-C and SIGTERM ask long work to end after the item in hand.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::threads::NoThread;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From here on the first Ctrl-C or SIGTERM only raises the flag; a second one ends the process.
pub fn catch() -> anyhow::Result<&'static AtomicBool> {
    let set = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
    match set {
        // Only this function sets one: it was called before, as `collect --sync --yes` does.
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(&ASKED),
        // It waits for signals in a thread of its own.
        Err(ctrlc::Error::System(error)) => Err(NoThread(error).into()),
        Err(error) => Err(error.into()),
    }
}
