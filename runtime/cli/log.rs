//! Log lines on stderr: for people on a terminal, with a priority for systemd's journal, plain elsewhere. An event is a
//! line, whatever is in it.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::Global;
use crate::printable::printable;

/// Starts the log of this process; `quieter` by so many `-q` than others, unless more was asked for.
pub fn start(global: &Global, quieter: u8) {
    let quiet = if global.verbose > 0 { global.quiet } else { global.quiet.saturating_add(quieter) };
    let level = match (quiet, global.verbose) {
        (0, 0) => LevelFilter::INFO,
        (0, 1) => LevelFilter::DEBUG,
        (0, _) => LevelFilter::TRACE,
        (1, _) => LevelFilter::WARN,
        _ => LevelFilter::ERROR,
    };
    // systemd adds the time; the journal shows the level by its priority.
    let log = tracing_subscriber::fmt().with_max_level(level);
    if is_journal() {
        log.with_ansi(false).event_format(EventLine { level: false }).with_writer(Journal).init();
    } else {
        let log = log.with_ansi(io::stderr().is_terminal()).event_format(EventLine { level: true });
        log.with_writer(io::stderr).init();
    }
}

/// An event as one line without hidden characters: the names in it may be a stranger's.
struct EventLine {
    /// Whether the line begins with the level.
    level: bool,
}

impl<S, N> FormatEvent<S, N> for EventLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut fields = String::new();
        context.field_format().format_fields(Writer::new(&mut fields), event)?;
        let level = event.metadata().level();
        match (self.level, writer.has_ansi_escapes()) {
            (false, _) => {}
            (true, false) => write!(writer, "{level:>5} ")?,
            (true, true) => write!(writer, "\x1b[{}m{level:>5}\x1b[0m ", colour(level))?,
        }
        writeln!(writer, "{}", printable(&fields))
    }
}

/// The number of a terminal's colour.
fn colour(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// `text` as stderr wants it: every line with the priority of an error, where stderr is the journal.
pub fn error_lines(text: &str) -> String {
    if is_journal() { prioritised(3, text) } else { text.to_owned() }
}

/// Whether stderr goes to systemd's journal: `JOURNAL_STREAM` names its device and inode, see systemd.exec(5).
fn is_journal() -> bool {
    static JOURNAL: OnceLock<bool> = OnceLock::new();
    *JOURNAL.get_or_init(|| match (std::env::var("JOURNAL_STREAM"), stderr_stream()) {
        (Ok(journal), Some(stderr)) => journal == stderr,
        _ => false,
    })
}

#[cfg(unix)]
fn stderr_stream() -> Option<String> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::File::from(io::stderr().as_fd().try_clone_to_owned().ok()?);
    let metadata = file.metadata().ok()?;
    Some(format!("{}:{}", metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn stderr_stream() -> Option<String> {
    None
}

/// Each line of `text` behind `<priority>`, as sd-daemon(3) wants it.
fn prioritised(priority: u8, text: &str) -> String {
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("<{priority}>{line}\n")).collect()
}

struct Journal;

/// Takes one event at a time.
struct JournalLine {
    priority: u8,
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = JournalLine;

    fn make_writer(&'a self) -> JournalLine {
        JournalLine { priority: 6 }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> JournalLine {
        let priority = match *metadata.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        JournalLine { priority }
    }
}

impl Write for JournalLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = prioritised(self.priority, &String::from_utf8_lossy(event));
        io::stderr().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_an_event_has_its_priority_and_empty_ones_go() {
        assert_eq!(prioritised(3, "error: it broke\n\nhint: mend it\n"), "<3>error: it broke\n<3>hint: mend it\n");
    }
}
