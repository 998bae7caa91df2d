//! What a user reads when something went wrong: one `error:` line with its causes, then a `hint:`.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use crate::causes::join;
use crate::printable::printable;
use crate::threads::NoThread;

/// Any command may start threads.
pub const MORE_THREADS: &str =
    "a limit of tasks is reached: raise TasksMax= of the service or `ulimit -u`, or end other programs";

/// An error with a way out.
#[derive(Debug)]
struct Hinted {
    hint: String,
    error: anyhow::Error,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// The command line was understood but is not meaningful; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// Ctrl-C or SIGTERM stopped the command; what was finished before is kept. Exit code 130.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; {0}")]
pub struct Interrupted(pub String);

/// Whoever read stdout has gone, so the rest of the work was not done; exit code 141.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads stdout any more; {0}")]
pub struct ReaderGone(pub String);

/// As a shell reports a program that SIGPIPE ended.
const READER_GONE: u8 = 141;

/// The result was printed, and says itself that something in it failed; exit code 1, nothing more to print.
#[derive(Debug, thiserror::Error)]
#[error("some items failed")]
pub struct AlreadyReported;

pub trait OrHint<T> {
    /// Adds what the user can do about it.
    fn or_hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrHint<T> for Result<T, E> {
    fn or_hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| hinted(hint, error))
    }
}

/// `error` with a hint.
pub fn hinted(hint: impl Into<String>, error: impl Into<anyhow::Error>) -> anyhow::Error {
    Hinted { hint: hint.into(), error: error.into() }.into()
}

/// An error of its own words, with a hint.
pub fn failure(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    hinted(hint, anyhow::Error::msg(message.into()))
}

/// Prints `error` and gives its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<AlreadyReported>() {
        return ExitCode::from(1);
    }
    if is_reader_gone(error) {
        return ExitCode::from(READER_GONE);
    }
    let no_thread = error.chain().any(is_out_of_tasks).then_some(MORE_THREADS);
    let mut text = format!("error: {}\n", printable(&one_line(error)));
    for hint in hints(error).into_iter().chain(no_thread) {
        text.push_str(&format!("\nhint: {}\n", printable(hint)));
    }
    // Nothing is left to tell the user with when stderr is gone too.
    let _ = std::io::stderr().write_all(super::log::error_lines(&text).as_bytes());
    if error.chain().any(|cause| cause.is::<WrongUsage>()) {
        ExitCode::from(2)
    } else if error.chain().any(|cause| cause.is::<Interrupted>()) {
        ExitCode::from(130)
    } else if error.chain().any(|cause| cause.is::<ReaderGone>()) {
        ExitCode::from(READER_GONE)
    } else {
        ExitCode::from(1)
    }
}

/// Whether stdout could not be written to because its reader ended, as `head` does; that is no fault to speak of, but what
/// was to be said or done is not.
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Whether the system refused a thread or a process.
fn is_out_of_tasks(cause: &(dyn std::error::Error + 'static)) -> bool {
    let again = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    cause.is::<NoThread>() || cause.downcast_ref().is_some_and(again)
}

/// `error` and its causes on one line.
pub fn one_line(error: &anyhow::Error) -> String {
    join(error.chain())
}

fn hints(error: &anyhow::Error) -> Vec<&str> {
    let mut hints = Vec::new();
    let mut next = Some(error);
    while let Some(hinted) = next.and_then(|error| error.downcast_ref::<Hinted>()) {
        hints.push(hinted.hint.as_str());
        next = Some(&hinted.error);
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_come_on_one_line_and_hints_are_found_behind_contexts() {
        use anyhow::Context;
        let io: Result<(), _> = Err(std::io::Error::other("no\nspace"));
        let error = io.context("cannot write `x`").or_hint("free some").unwrap_err();
        assert_eq!(one_line(&error), "cannot write `x`: no space");
        assert_eq!(hints(&error), ["free some"]);
    }
}
