//! stdout is data: every command writes its result through here, as JSON or as text.

use std::io::{self, Write};

use serde::Serialize;

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
        let mut line = serde_json::to_vec(value)?;
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

    /// `text` with a line end.
    pub fn text(self, text: &str) -> io::Result<()> {
        if self == Self::Nowhere {
            return Ok(());
        }
        write_stdout(format!("{text}\n").as_bytes())
    }
}

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// A borderless table with aligned columns; numbers (all columns but the first) to the right.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// `0.9561` as `95.6 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `1 picture`, `2 pictures`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
