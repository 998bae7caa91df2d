//! Where labelled pictures come from: folders named after classes, lists, single files.
//!
//! | Given | Label |
//! |---|---|
//! | `folder/<label>/…/picture` | the folder's name |
//! | `folder/{train,val,valid,validation,test}/<label>/…/picture` | likewise; the first folder gives the split |
//! | `folder/dataset/…` | as without `dataset` |
//! | `folder/<label>-!-<number>.jpg` (a Teachable Machine project) | the name before the mark |
//! | a list, `*.csv`, `*.tsv`, `*.txt`, `*.json`, `*.jsonl`, `*.ndjson` | its `label` column or key |
//! | a picture | the label named beside it |

mod folder;
mod list;
mod programs;
mod remark;

use std::io;
use std::path::{Path, PathBuf};

use crate::labels::{Label, LabelError};
use crate::preprocess::is_image_path;
use crate::printable::listed;
use crate::store::Split;
pub use remark::Remark;

/// A picture to be collected or evaluated; nothing of it has been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    pub path: PathBuf,
    pub label: Option<Label>,
    /// `None` where the source does not say.
    pub split: Option<Split>,
    pub group: Option<String>,
}

impl Item {
    /// A picture of which nothing is known.
    pub fn unlabelled(path: PathBuf) -> Self {
        Self { path, label: None, split: None, group: None }
    }
}

/// Whether `path` is a list of pictures by its name, and not one picture.
pub fn is_list(path: &Path) -> bool {
    extension(path).is_some_and(|extension| list::reader(&extension).is_some())
}

/// What a source holds.
#[derive(Debug, Default)]
pub struct Found {
    /// In a fixed order.
    pub items: Vec<Item>,
    /// What cannot be used, and with it what is in it; the rest can.
    pub refused: Vec<Refused>,
    /// What else is to be said of it.
    pub remarks: Vec<Remark>,
}

/// A folder or file below a source, or a line of a list, and why it is not used.
#[derive(Debug)]
pub struct Refused {
    pub path: PathBuf,
    pub error: RefusedError,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedError {
    #[error("cannot take the name of the folder as a label")]
    Label(#[from] LabelError),
    #[error("expected a folder, got a link back to `{}`, which it is in", .0.display())]
    Loop(PathBuf),
    #[error("expected a path in line {line} of the list, got a URL")]
    Url { line: u64 },
    #[error("expected a whole path in line {line} of the list, got one with `~`, which the shell alone understands")]
    Home { line: u64 },
    #[error("cannot be read")]
    Unreadable(#[from] walkdir::Error),
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot walk `{}`", path.display())]
    Walk { path: PathBuf, source: walkdir::Error },
    #[error("expected pictures in folders named after their labels, got no picture in `{}`{}", path.display(), said(remarks))]
    NoPictures { path: PathBuf, remarks: Vec<Remark> },
    #[error("expected a folder, a picture or a list (.csv, .tsv, .txt, .json, .jsonl), got `{}`", .0.display())]
    Unknown(PathBuf),
    #[error("expected a folder, a picture or a list, got the archive `{}`", .0.display())]
    Archive(PathBuf),
    #[error("expected a first line that names the columns, one of them `path`, in `{}`, got {}", path.display(), listed(found, 5))]
    ListHeader { path: PathBuf, found: Vec<String> },
    #[error("expected one column for each thing in `{}`, got {}", path.display(), listed(found, 5))]
    ListColumns { path: PathBuf, found: Vec<String> },
    #[error("expected {expected} columns in line {line} of `{}`, got {got}", path.display())]
    ListFields { path: PathBuf, line: u64, expected: usize, got: usize },
    #[error("expected a key `path` in entry {line} of `{}`, got {}", path.display(), listed(found, 5))]
    ListKeys { path: PathBuf, line: u64, found: Vec<String> },
    #[error("expected text or a number as `{key}` in entry {line} of `{}`", path.display())]
    ListValue { path: PathBuf, line: u64, key: String },
    #[error("expected text, got something else in `{}`", .0.display())]
    NotText(PathBuf),
    #[error("cannot read line {line} of `{}`", path.display())]
    CsvLine { path: PathBuf, line: u64, source: csv::Error },
    #[error("cannot read line {line} of `{}`", path.display())]
    JsonLine { path: PathBuf, line: u64, source: serde_json::Error },
    #[error("cannot take the label in line {line} of `{}`", path.display())]
    Label { path: PathBuf, line: u64, source: LabelError },
    #[error("expected split `train`, `validation` or `test`, got `{found}` in line {line} of `{}`", path.display())]
    Split { path: PathBuf, line: u64, found: String },
}

/// All pictures of `source`.
///
/// # Errors
/// When the source itself is of no use; what is odd in a folder is refused alone.
pub fn scan(source: &Path) -> Result<Found, SourceError> {
    let read = |error| SourceError::Read { path: source.to_owned(), source: error };
    let found = if std::fs::metadata(source).map_err(read)?.is_dir() { folder::scan(source)? } else { file(source)? };
    if found.items.is_empty() && found.refused.is_empty() {
        return Err(SourceError::NoPictures { path: source.to_owned(), remarks: found.remarks });
    }
    Ok(found)
}

fn file(source: &Path) -> Result<Found, SourceError> {
    let extension = extension(source);
    let extension = extension.as_deref().unwrap_or_default();
    if let Some(read) = list::reader(extension) {
        return read(source);
    }
    if is_image_path(source) {
        return Ok(Found { items: vec![Item::unlabelled(source.to_owned())], ..Found::default() });
    }
    match extension {
        "7z" | "gz" | "rar" | "tar" | "tgz" | "tm" | "zip" => Err(SourceError::Archive(source.to_owned())),
        _ => match folder::unread_picture(source) {
            Some(extension) => {
                Ok(Found { remarks: vec![Remark::NotTaken { extension, files: 1 }], ..Found::default() })
            }
            None => Err(SourceError::Unknown(source.to_owned())),
        },
    }
}

fn said(remarks: &[Remark]) -> String {
    remarks.iter().map(|remark| format!("; {remark}")).collect()
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// `train`, `val`, `valid`, `validation` or `test`, as folders and lists name them.
pub fn split_named(name: &str) -> Option<Split> {
    match name.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Validation),
        "test" => Some(Split::Test),
        _ => None,
    }
}
