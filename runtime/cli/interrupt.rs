//! Ctrl-C and SIGTERM ask long work to end after the item in hand.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From here on the first Ctrl-C or SIGTERM only raises the flag; a second one ends the process.
pub fn catch() -> Result<&'static AtomicBool, ctrlc::Error> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })?;
    Ok(&ASKED)
}
