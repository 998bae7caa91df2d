//! CSV: which sign parts the columns, and what they are called.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::Row;
use super::columns::{Ambiguous, Column};
use crate::dataset::SEPARATOR;
use crate::preprocess::is_image_path;
use crate::sources::SourceError;

/// What may part columns, the likelier first.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// Lists for Caffe and others have a space between path and label.
const SPACE: u8 = b' ';

/// The rows of the table in `text`, which was read from `list`.
pub fn rows(list: &Path, text: &str) -> Result<Vec<Row>, SourceError> {
    let prelude = Prelude::of(text);
    if prelude.table.trim().is_empty() {
        return Ok(Vec::new());
    }
    let header = Header::of(list, &prelude)?;
    let mut records = Vec::new();
    for record in reader(prelude.table, header.delimiter) {
        let line = |position: Option<&csv::Position>| position.map_or(1, csv::Position::line) + prelude.lines;
        let record = record.map_err(|source| SourceError::CsvLine {
            path: list.to_owned(),
            line: line(source.position()),
            source,
        })?;
        let line = line(record.position());
        header.check(list, (line, &record))?;
        records.push((line, record));
    }
    let records = &records[usize::from(header.is_line).min(records.len())..];
    let classes = header.classes(records);
    Ok(records.iter().map(|(line, record)| header.row(*line, record, &classes)).collect())
}

fn reader(text: &str, delimiter: u8) -> csv::StringRecordsIntoIter<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter).flexible(true).has_headers(false).trim(Trim::All);
    builder.from_reader(text.as_bytes()).into_records()
}

/// What comes before the table: empty lines, remarks that begin with `#`, and what Excel takes for its delimiter.
struct Prelude<'a> {
    table: &'a str,
    lines: u64,
    delimiter: Option<u8>,
}

impl<'a> Prelude<'a> {
    fn of(text: &'a str) -> Self {
        let mut prelude = Self { table: text, lines: 0, delimiter: None };
        while let Some(end) = prelude.table.find(['\n', '\r']) {
            let line = prelude.table[..end].trim();
            match line.to_lowercase().strip_prefix("sep=").map(str::as_bytes) {
                Some([delimiter]) => prelude.delimiter = Some(*delimiter),
                None if line.is_empty() || line.starts_with('#') => {}
                _ => break,
            }
            let rest = &prelude.table[end..];
            prelude.table = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
            prelude.lines += 1;
        }
        prelude
    }
}

struct Header {
    delimiter: u8,
    /// Whether the first record names the columns.
    is_line: bool,
    names: Vec<String>,
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
    group: Option<usize>,
}

impl Header {
    fn of(list: &Path, prelude: &Prelude) -> Result<Self, SourceError> {
        let candidates: Vec<u8> = match prelude.delimiter {
            Some(said) => vec![said],
            None => DELIMITERS.into_iter().chain([SPACE]).collect(),
        };
        let first = |delimiter: u8| -> Vec<String> {
            let record = reader(prelude.table, delimiter).next().and_then(Result::ok).unwrap_or_default();
            record.iter().map(str::to_owned).collect()
        };
        let ambiguous = |Ambiguous(found)| SourceError::ListColumns { path: list.to_owned(), found };
        for &delimiter in &candidates {
            let names = first(delimiter);
            if let Some(path) = Column::Path.among(&names).map_err(ambiguous)? {
                return Self::named(delimiter, path, names).map_err(ambiguous);
            }
        }
        let rows: Vec<(u8, Vec<String>)> = candidates.iter().map(|&delimiter| (delimiter, first(delimiter))).collect();
        // A space may be part of a name, so that it parts columns only where nothing else does.
        let parts = |columns: usize| move |row: &&(u8, Vec<String>)| row.1.len() == columns && row.0 != SPACE;
        let two = rows.iter().filter(parts(2));
        let likely = two.chain(rows.iter().filter(parts(1))).chain(rows.iter().filter(|row| row.0 == SPACE));
        let without = likely.into_iter().find_map(|(delimiter, fields)| Self::without_names(*delimiter, fields));
        without.ok_or_else(|| {
            let found = rows.into_iter().map(|(_, fields)| fields).max_by_key(Vec::len).unwrap_or_default();
            SourceError::ListHeader { path: list.to_owned(), found }
        })
    }

    fn named(delimiter: u8, path: usize, names: Vec<String>) -> Result<Self, Ambiguous> {
        let label = Column::Label.among(&names)?;
        let (split, group) = (Column::Split.among(&names)?, Column::Group.among(&names)?);
        Ok(Self { delimiter, is_line: true, names, path, label, split, group })
    }

    /// Of two columns, one of which is a picture; or of one that is.
    fn without_names(delimiter: u8, fields: &[String]) -> Option<Self> {
        let pictures: Vec<usize> = (0..fields.len()).filter(|&at| is_image_path(Path::new(&fields[at]))).collect();
        let ([path], 1 | 2) = (&pictures[..], fields.len()) else { return None };
        let label = (fields.len() == 2).then_some(1 - path);
        let names = vec![String::new(); fields.len()];
        Some(Self { delimiter, is_line: false, names, path: *path, label, split: None, group: None })
    }

    /// A field too many may be empty, as a comma at the end of a line makes one.
    fn check(&self, list: &Path, (line, record): (u64, &StringRecord)) -> Result<(), SourceError> {
        let (expected, got) = (self.names.len(), record.len());
        if got < expected || record.iter().skip(expected).any(|field| !field.is_empty()) {
            return Err(SourceError::ListFields { path: list.to_owned(), line, expected, got });
        }
        Ok(())
    }

    /// Columns that are named after classes, one for each: without a column of labels, where all the others hold 0 or 1.
    fn classes(&self, records: &[(u64, StringRecord)]) -> Vec<usize> {
        let read = [Some(self.path), self.label, self.split, self.group];
        let others: Vec<usize> = (0..self.names.len()).filter(|at| !read.contains(&Some(*at))).collect();
        let is_flag = |record: &StringRecord, at: usize| matches!(&record[at], "0" | "1");
        let flags = records.iter().all(|(_, record)| others.iter().all(|&at| is_flag(record, at)));
        if self.label.is_none() && self.is_line && others.len() > 1 && flags { others } else { Vec::new() }
    }

    fn row(&self, line: u64, record: &StringRecord, classes: &[usize]) -> Row {
        let field = |at: usize| record[at].to_owned();
        let set: Vec<&str> =
            classes.iter().filter(|&&at| &record[at] == "1").map(|&at| self.names[at].trim()).collect();
        let label = match classes {
            [] => self.label.map(field),
            _ => Some(set.join(&SEPARATOR.to_string())),
        };
        Row { line, path: field(self.path), label, split: self.split.map(field), group: self.group.map(field) }
    }
}
