//! JSON: objects one a line, or a list of them.

use std::path::Path;

use serde_json::{Map, Value};

use super::Row;
use super::columns::{Ambiguous, Column};
use crate::dataset::SEPARATOR;
use crate::sources::SourceError;

/// The rows of the objects in `text`, which was read from `list`.
pub fn rows(list: &Path, text: &str) -> Result<Vec<Row>, SourceError> {
    let json = |line, source| SourceError::JsonLine { path: list.to_owned(), line, source };
    if text.trim_start().starts_with('[') {
        let objects: Vec<Map<String, Value>> =
            serde_json::from_str(text).map_err(|source| json(source.line() as u64, source))?;
        return objects.iter().zip(1..).map(|(object, entry)| row(list, entry, object)).collect();
    }
    // One object over several lines is no list, but says better than its first line what it is.
    if let Ok(object) = serde_json::from_str(text) {
        return Ok(vec![row(list, 1, &object)?]);
    }
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let read = |(text, line)| row(list, line, &serde_json::from_str(text).map_err(|source| json(line, source))?);
    lines.map(read).collect()
}

fn row(list: &Path, line: u64, object: &Map<String, Value>) -> Result<Row, SourceError> {
    let names: Vec<&String> = object.keys().collect();
    let named = || names.iter().map(|name| (*name).clone()).collect();
    let find = |column: Column| {
        let found =
            column.among(&names).map_err(|Ambiguous(found)| SourceError::ListColumns { path: list.into(), found })?;
        let value = |at: usize| {
            let wrong = || SourceError::ListValue { path: list.into(), line, key: names[at].clone() };
            text(&object[names[at].as_str()]).ok_or_else(wrong)
        };
        Ok(found.map(value).transpose()?.flatten())
    };
    let path =
        find(Column::Path)?.ok_or_else(|| SourceError::ListKeys { path: list.to_owned(), line, found: named() })?;
    Ok(Row { line, path, label: find(Column::Label)?, split: find(Column::Split)?, group: find(Column::Group)? })
}

/// A value as text, no text for null; `None` where it has none.
fn text(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        Value::Number(_) | Value::Bool(_) => Some(Some(value.to_string())),
        Value::Array(names) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            names.map(|names| Some(names.join(&SEPARATOR.to_string())))
        }
        Value::Object(_) => None,
    }
}
