//! A bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows on stderr how far a count of items has come.
pub struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    form: Form,
}

enum Form {
    Bar(ProgressBar),
    Lines { last: Instant },
    Silent,
}

impl Progress {
    pub fn new(what: &'static str, total: usize, silent: bool) -> Self {
        let form = if silent {
            Form::Silent
        } else if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}  {per_sec}  {eta}").ok();
            let bar = ProgressBar::new(total as u64).with_message(what);
            Form::Bar(style.map_or(bar.clone(), |style| bar.with_style(style)))
        } else {
            Form::Lines { last: Instant::now() }
        };
        Self { what, total: total as u64, done: 0, form }
    }

    pub fn advance(&mut self) {
        self.done += 1;
        match &mut self.form {
            Form::Bar(bar) => bar.inc(1),
            Form::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                tracing::info!("{}: {} of {}", self.what, self.done, self.total);
            }
            Form::Lines { .. } | Form::Silent => {}
        }
    }

    /// Prints `line` without tearing the bar.
    pub fn warn(&self, line: &str) {
        match &self.form {
            Form::Bar(bar) => bar.suspend(|| tracing::warn!("{line}")),
            Form::Lines { .. } | Form::Silent => tracing::warn!("{line}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}
