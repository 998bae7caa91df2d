//! Lists of pictures: CSV and its kind, or JSON. `docs/folders-and-lists.md` says what is read. Relative paths start at the
//! list's folder.

mod columns;
mod json;
mod table;
mod text;

use std::path::{Path, PathBuf};

use super::{Found, Item, Refused, RefusedError, Remark, SourceError, split_named};
use crate::files;
use crate::labels::{Label, composed, decomposed};

/// What programs write where a label is missing.
const MISSING: [&str; 7] = ["nan", "na", "n/a", "#n/a", "<na>", "null", "nil"];

/// One line of a list, or one object; what is read of it.
struct Row {
    line: u64,
    path: String,
    label: Option<String>,
    split: Option<String>,
    group: Option<String>,
}

/// Reads a list.
type Read = fn(&Path) -> Result<Found, SourceError>;

/// How files with this extension are read, where they are lists.
pub(super) fn reader(extension: &str) -> Option<Read> {
    match extension {
        "csv" | "tsv" | "txt" => Some(|list| read(list, table::rows)),
        "json" | "jsonl" | "ndjson" => Some(|list| read(list, json::rows)),
        _ => None,
    }
}

fn read(list: &Path, rows: fn(&Path, &str) -> Result<Vec<Row>, SourceError>) -> Result<Found, SourceError> {
    let text = text::read(list)?;
    let mut found = Found::default();
    if let Some(encoding) = text.guessed {
        found.remarks.push(Remark::Encoding { list: files::name_of(list), encoding: encoding.to_owned() });
    }
    let mut missing = Vec::new();
    for mut row in rows(list, &text.text)? {
        missing.extend(row.take_missing_label());
        match Refused::of(&row) {
            Some(refused) => found.refused.push(refused),
            None => found.items.push(item(list, row)?),
        }
    }
    if !missing.is_empty() {
        let (list, lines) = (files::name_of(list), missing.len());
        missing.sort_unstable();
        missing.dedup();
        found.remarks.push(Remark::MissingLabels { list, found: missing, lines });
    }
    Ok(found)
}

impl Row {
    /// Makes a label that stands for a missing one none.
    fn take_missing_label(&mut self) -> Option<String> {
        self.label.take_if(|label| MISSING.contains(&label.trim().to_lowercase().as_str()))
    }
}

impl Refused {
    /// A row that names nothing that can be taken.
    fn of(row: &Row) -> Option<Self> {
        let refused = |error| Some(Self { path: row.path.clone().into(), error });
        match row.path.split_once("://") {
            Some((scheme, _)) if scheme != "file" => refused(RefusedError::Url { line: row.line }),
            None if row.path.starts_with("~/") => refused(RefusedError::Home { line: row.line }),
            _ => None,
        }
    }
}

fn item(list: &Path, row: Row) -> Result<Item, SourceError> {
    let line = row.line;
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let label = filled(row.label).map(|text| Label::new(&text)).transpose();
    let split = filled(row.split)
        .map(|found| split_named(found.trim()).ok_or(SourceError::Split { path: list.to_owned(), line, found }))
        .transpose()?;
    Ok(Item {
        path: path(list, &row.path),
        label: label.map_err(|source| SourceError::Label { path: list.to_owned(), line, source })?,
        split,
        group: filled(row.group),
    })
}

/// The file that a list means: also one whose name was written on another system, where none has it as it stands.
fn path(list: &Path, text: &str) -> PathBuf {
    let folder = list.parent().unwrap_or(Path::new(""));
    let as_is = folder.join(files::path_of(text));
    if as_is.exists() {
        return as_is;
    }
    let slashes = text.replace('\\', "/");
    let forms = [composed(&slashes).into_owned(), decomposed(&slashes), slashes];
    forms.iter().map(|form| folder.join(form)).find(|path| path.exists()).unwrap_or(as_is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Split;

    fn items(name: &str, text: &str) -> Result<Vec<Item>, SourceError> {
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
        assert_eq!(items("list.csv", text).unwrap(), [ant(), unlabelled()]);
    }

    #[test]
    fn a_json_lines_list_is_read_by_its_keys() {
        let text = r#"{"path":"a/1.jpg","label":"ant","split":"test","group":"burst 1"}

            {"path":"2.jpg","more":[1]}"#;
        assert_eq!(items("list.jsonl", text).unwrap(), [ant(), unlabelled()]);
    }

    #[test]
    fn lists_that_cannot_be_meant_are_refused_with_the_line() {
        assert!(matches!(items("list.csv", "id,class\na,b\n"), Err(SourceError::ListHeader { .. })));
        assert!(matches!(items("list.csv", "a.jpg,ant,3\n"), Err(SourceError::ListHeader { .. })));
        assert!(matches!(items("list.csv", "path,class,category\n"), Err(SourceError::ListColumns { .. })));
        assert!(matches!(items("list.csv", "# x\npath,label\na,b\nc\n"), Err(SourceError::ListFields { line: 4, .. })));
        assert!(matches!(items("list.csv", "path,label\na,b,c\n"), Err(SourceError::ListFields { line: 2, .. })));
        assert!(matches!(items("list.csv", "path,label\na,b\u{200b}\n"), Err(SourceError::Label { line: 2, .. })));
        assert!(matches!(
            items("list.json", "{\"images\": [],\n \"annotations\": []}"),
            Err(SourceError::ListKeys { .. })
        ));
        assert!(matches!(
            items("list.jsonl", "{\"path\":\"a\",\"label\":{}}"),
            Err(SourceError::ListValue { line: 1, .. })
        ));
        assert!(matches!(items("list.csv", "path,split\na,half\n"), Err(SourceError::Split { line: 2, .. })));
        assert!(matches!(items("list.jsonl", "{\"path\":\"a\"}\n{"), Err(SourceError::JsonLine { line: 2, .. })));
        assert!(matches!(items("list.csv", "path\n"), Err(SourceError::NoPictures { .. })));
    }
}
