//! Lists of pictures: CSV with a header, or JSON lines. Relative paths start at the list's folder.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Item, SourceError, split_named};
use crate::files;
use crate::labels::Label;

/// One line of a list; keys and columns of other names are passed over.
#[derive(Deserialize)]
struct Row {
    path: PathBuf,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    split: Option<String>,
    #[serde(default)]
    group: Option<String>,
}

pub(super) fn read_csv(list: &Path) -> Result<Vec<Item>, SourceError> {
    let csv_error = |source: csv::Error| {
        let line = source.position().map_or(1, csv::Position::line);
        SourceError::CsvLine { path: list.to_owned(), line, source }
    };
    let file = files::open(list).map_err(|source| SourceError::Read { path: list.to_owned(), source })?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().map_err(csv_error)?.clone();
    if !header.iter().any(|name| name == "path") {
        let found = header.iter().map(str::to_owned).collect();
        return Err(SourceError::ListHeader { path: list.to_owned(), found });
    }
    let mut items = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(csv_error)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = record.deserialize(Some(&header)).map_err(csv_error)?;
        items.push(item(list, line, row)?);
    }
    Ok(items)
}

pub(super) fn read_json_lines(list: &Path) -> Result<Vec<Item>, SourceError> {
    let read = |source| SourceError::Read { path: list.to_owned(), source };
    let mut items = Vec::new();
    for (text, line) in BufReader::new(files::open(list).map_err(read)?).lines().zip(1..) {
        let text = text.map_err(read)?;
        if !text.trim().is_empty() {
            let row = serde_json::from_str(&text).map_err(|source| SourceError::JsonLine {
                path: list.to_owned(),
                line,
                source,
            })?;
            items.push(item(list, line, row)?);
        }
    }
    Ok(items)
}

fn item(list: &Path, line: u64, row: Row) -> Result<Item, SourceError> {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let label = filled(row.label).map(|text| Label::new(&text)).transpose();
    let split = filled(row.split)
        .map(|found| split_named(&found).ok_or(SourceError::Split { path: list.to_owned(), line, found }))
        .transpose()?;
    Ok(Item {
        path: list.parent().unwrap_or(Path::new("")).join(row.path),
        label: label.map_err(|source| SourceError::Label { path: list.to_owned(), source })?,
        split,
        group: filled(row.group),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Split;

    fn read(name: &str, text: &str) -> Result<Vec<Item>, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join(name);
        std::fs::write(&list, text).unwrap();
        let items = super::super::scan(&list)?.items;
        let relative = |item: Item| Item { path: item.path.strip_prefix(folder.path()).unwrap().to_owned(), ..item };
        Ok(items.into_iter().map(relative).collect())
    }

    fn ant() -> Item {
        Item {
            path: "a/1.jpg".into(),
            label: Some(Label::new("ant").unwrap()),
            split: Some(Split::Test),
            group: Some("burst 1".into()),
        }
    }

    fn unlabelled() -> Item {
        Item { path: "2.jpg".into(), label: None, split: None, group: None }
    }

    #[test]
    fn a_csv_list_is_read_by_its_header() {
        let text = "label,path,ignored,split,group\nant,a/1.jpg,x,test,burst 1\n,2.jpg,,,\n";
        assert_eq!(read("list.csv", text).unwrap(), [ant(), unlabelled()]);
    }

    #[test]
    fn a_json_lines_list_is_read_by_its_keys() {
        let text = r#"{"path":"a/1.jpg","label":"ant","split":"test","group":"burst 1"}

            {"path":"2.jpg","more":[1]}"#;
        assert_eq!(read("list.jsonl", text).unwrap(), [ant(), unlabelled()]);
    }

    #[test]
    fn lists_that_cannot_be_meant_are_refused_with_the_line() {
        assert!(matches!(read("list.csv", "file,class\na,b\n"), Err(SourceError::ListHeader { .. })));
        assert!(matches!(read("list.csv", "path,label\na,b\nc\n"), Err(SourceError::CsvLine { line: 3, .. })));
        assert!(matches!(read("list.csv", "path,split\na,half\n"), Err(SourceError::Split { line: 2, .. })));
        assert!(matches!(read("list.jsonl", "{\"path\":\"a\"}\n{"), Err(SourceError::JsonLine { line: 2, .. })));
        assert!(matches!(read("list.csv", "path\n"), Err(SourceError::NoPictures { .. })));
    }
}
