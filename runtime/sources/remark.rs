//! What is said of a source beside its pictures: what is left out, and how it was read where that is not plain.

use std::fmt;

use serde::Serialize;

use crate::labels::Label;
use crate::printable::{listed, printable};

/// So many names of a kind are shown.
const SHOWN: usize = 8;

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "remark", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Remark {
    /// Files that look like pictures or films and are not read; the extension in small letters, or none.
    NotTaken { extension: String, files: usize },
    /// A folder of which nothing was taken, though it has such files.
    NothingTaken { folder: String, files: usize },
    /// Folders that systems and programs leave behind, by name.
    SystemFolders { names: Vec<String> },
    /// Picture files whose names begin with a dot.
    HiddenPictures { files: usize },
    /// A folder with the name of a split, or `dataset`, that is a class, as pictures lie directly in it beside the folders of classes.
    SplitNameIsClass { folder: String, beside: Vec<String> },
    /// A folder with such a name that is what it says, beside folders that are classes.
    SplitBesideClasses { folder: String, beside: Vec<String> },
    /// A class none of whose pictures lies directly in its folder.
    ClassOfFolders { label: Label, folders: Vec<String> },
    /// Folders of different names that are one class.
    OneClass { label: Label, folders: Vec<String> },
    /// Pictures that Frigate put aside for a person to label; their names hold its guess, which is no label.
    Attempts { pictures: usize },
    /// Labels of a list that stand for missing ones, and are none.
    MissingLabels { list: String, found: Vec<String>, lines: usize },
    /// A list without a mark of its encoding, read in a likely one.
    Encoding { list: String, encoding: String },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken { extension, files } if extension.is_empty() => {
                write!(f, "{} not taken: without an extension", counted(*files, "picture"))
            }
            Self::NotTaken { extension, files } => {
                write!(f, "{} not taken: .{} is not read", counted(*files, "file"), printable(extension))
            }
            Self::NothingTaken { folder, files } => {
                write!(f, "nothing of `{}` was taken: {} not read", printable(folder), counted(*files, "file"))
            }
            Self::SystemFolders { names } => write!(f, "passed over: {}", listed(names, SHOWN)),
            Self::HiddenPictures { files } => {
                write!(f, "{} passed over whose names begin with a dot", counted(*files, "picture"))
            }
            Self::SplitNameIsClass { folder, beside } => write!(
                f,
                "`{}` was taken for a class: pictures lie in it beside the classes {}",
                printable(folder),
                listed(beside, SHOWN)
            ),
            Self::SplitBesideClasses { folder, beside } => write!(
                f,
                "`{}` was taken for a folder of classes, and what lies beside it for classes: {}",
                printable(folder),
                listed(beside, SHOWN)
            ),
            Self::ClassOfFolders { label, folders } => write!(
                f,
                "{} became the one class `{label}`: {}",
                counted(folders.len(), "folder"),
                listed(folders, SHOWN)
            ),
            Self::OneClass { label, folders } => write!(
                f,
                "{} whose names differ in Unicode form or white space alone became the one class `{label}`",
                counted(folders.len(), "folder")
            ),
            Self::Attempts { pictures } => write!(
                f,
                "{} of Frigate without a label: what is in their names is a guess",
                counted(*pictures, "attempt")
            ),
            Self::MissingLabels { list, found, lines } => write!(
                f,
                "{} of `{}` without a label: {} stands for a missing one",
                counted(*lines, "line"),
                printable(list),
                listed(found, SHOWN)
            ),
            Self::Encoding { list, encoding } => {
                write!(f, "`{}` does not say its encoding and is no UTF-8: read as {encoding}", printable(list))
            }
        }
    }
}

/// `1 file`, `2 files`.
fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
