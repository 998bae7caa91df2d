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

    /// For bytes, of which `total` are expected where that is known.
    #[cfg(feature = "fetch")]
    pub fn bytes(what: &'static str, total: Option<u64>, silent: bool) -> Self {
        let form = if silent {
            Form::Silent
        } else if std::io::stderr().is_terminal() {
            let template = match total {
                Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
                None => "{msg} {spinner} {bytes}  {bytes_per_sec}",
            };
            let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new).with_message(what);
            Form::Bar(ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style)))
        } else {
            Form::Lines { last: Instant::now() }
        };
        Self { what, total: total.unwrap_or_default(), done: 0, form }
    }

    /// `done` of all bytes are there.
    #[cfg(feature = "fetch")]
    pub fn reach(&mut self, done: u64) {
        self.done = done;
        match &mut self.form {
            Form::Bar(bar) => bar.set_position(done),
            Form::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let megabytes = |bytes: u64| bytes as f64 / 1e6;
                tracing::info!("{}: {:.1} of {:.1} MB", self.what, megabytes(done), megabytes(self.total));
            }
            Form::Lines { .. } | Form::Silent => {}
        }
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
