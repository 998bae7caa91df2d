//! stdout is data: every command writes its result through here, as JSON or as text.

mod widths;

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::printable::{is_hidden, printable, printable_lines};

/// Where results go, and in which form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    Json,
    Text,
    /// For a command that runs as a step of another.
    Nowhere,
}

impl Output {
    pub fn is_json(self) -> bool {
        self == Self::Json
    }

    /// One JSON object on one line.
    pub fn json_line(self, value: &impl Serialize) -> io::Result<()> {
        if self == Self::Nowhere {
            return Ok(());
        }
        let mut line = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut line, AllEscaped))?;
        line.push(b'\n');
        write_stdout(&line)
    }

    /// `value` as one JSON line with `--json`, else `text`.
    pub fn result(self, value: &impl Serialize, text: impl FnOnce() -> String) -> io::Result<()> {
        match self {
            Self::Json => self.json_line(value),
            Self::Text => self.text(&text()),
            Self::Nowhere => Ok(()),
        }
    }

    /// `text` with a line end; only its line ends reach the terminal as they are. A name in it that may hold a line end
    /// goes through [`printable`] first.
    pub fn text(self, text: &str) -> io::Result<()> {
        if self == Self::Nowhere {
            return Ok(());
        }
        write_stdout(format!("{}\n", printable_lines(text)).as_bytes())
    }
}

impl Output {
    /// Lines of block characters for a camera to read, black on white whatever the colours of the terminal.
    #[cfg(feature = "serve")]
    pub fn black_on_white(self, lines: &[String]) -> io::Result<()> {
        // Of the 256 colours these two are the same everywhere; schemes change the first 16.
        let line = |line: &String| format!("\x1b[38;5;16;48;5;231m{}\x1b[0m\n", printable(line));
        write_stdout(lines.iter().map(line).collect::<String>().as_bytes())
    }
}

/// JSON on one line in which also those hidden characters are escaped that JSON would let pass.
struct AllEscaped;

impl serde_json::ser::Formatter for AllEscaped {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(hidden) = rest.chars().find(|&c| is_hidden(c)) {
            let (plain, from_hidden) = rest.split_once(hidden).expect("it was found");
            writer.write_all(plain.as_bytes())?;
            hidden.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            rest = from_hidden;
        }
        writer.write_all(rest.as_bytes())
    }
}

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// A path for people, on one line.
pub fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// A borderless table with aligned columns, a line a row; numbers (all columns but the first) to the right. On a terminal that is
/// too narrow for it the longest cells are shortened in the middle.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|cell| printable(&cell).into_owned())).collect();
    let widest = widths::fitting(header.map(width), &rows, widths::terminal());
    for row in rows {
        let mut widths = widest.iter();
        table.add_row(row.map(|cell| widths::shortened(cell, *widths.next().expect("one a column"))));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// `0.9561` as `95.6 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `95.6 % (92-98)`: a share with its interval, where there is one.
pub fn interval(share: f64, interval: Option<(f64, f64)>) -> String {
    match interval {
        Some((low, high)) => format!("{} ({:.0}-{:.0})", percent(share), low * 100.0, high * 100.0),
        None => percent(share),
    }
}

/// `accuracy 95.6 % (92-98)`, behind the mean over classes where these are of unequal size.
pub fn accuracy(share: f64, of: Option<(f64, f64)>, balanced: Option<f64>, counts: &[usize]) -> String {
    let accuracy = format!("accuracy {}", interval(share, of));
    match balanced.filter(|_| are_uneven(counts)) {
        Some(balanced) => format!("balanced accuracy {}, {accuracy}", percent(balanced)),
        None => accuracy,
    }
}

/// Whether one class has three times the pictures of another: then accuracy says little of the smaller.
pub fn are_uneven(counts: &[usize]) -> bool {
    let (least, most) = (counts.iter().min(), counts.iter().max());
    least.zip(most).is_some_and(|(least, most)| *most >= 3 * (*least).max(1))
}

/// `1 picture`, `2 pictures`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_what_cannot_be_seen_and_means_the_same() {
        let name = "a\u{9b}2J\u{202e}\u{200b}\u{7f}\n\"\u{e0041}ä";
        let mut bytes = Vec::new();
        [name].serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, AllEscaped)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, r#"["a\u009b2J\u202e\u200b\u007f\n\"\udb40\udc41ä"]"#);
        assert_eq!(serde_json::from_str::<[String; 1]>(&text).unwrap(), [name]);
    }

    #[test]
    fn a_name_in_a_table_stays_on_its_line() {
        let table = table(["name", ""], [["a\nerror: b\u{1b}[2J".to_owned(), "1".to_owned()]]);
        assert_eq!(table.lines().count(), 2);
        assert!(table.contains("a\\nerror: b\\u{1b}[2J"), "{table}");
    }
}
