//! What a user can do about folders and lists.

use crate::sources::{Remark, SourceError};

/// The way out of a source that is of no use.
pub fn of_source(error: &SourceError) -> &'static str {
    let any = "SOURCE is a folder of folders named after labels, a list (.csv, .jsonl, …), or a picture with --label";
    match error {
        SourceError::NoPictures { remarks, .. } => remarks.iter().find_map(of_remark).unwrap_or(any),
        SourceError::Archive(_) => "unpack it first (`unzip FILE -d FOLDER` for .zip and .tm), then name the folder",
        SourceError::ListHeader { .. } | SourceError::ListColumns { .. } | SourceError::ListKeys { .. } => {
            "the columns are `path`, `label`, `split` and `group`, of which only `path` must be there"
        }
        SourceError::ListFields { .. } | SourceError::CsvLine { .. } => {
            "a field with a comma, or whatever parts the columns, stands in double quotes"
        }
        SourceError::NotText(_) => "save it as text: CSV in UTF-8",
        _ => any,
    }
}

/// What can be done about what a source says; `None` where there is nothing, or no need.
pub fn of_remark(remark: &Remark) -> Option<&'static str> {
    let remedy = match remark {
        Remark::NotTaken { extension, .. } => match extension.as_str() {
            "heic" | "heif" | "hif" | "avif" => {
                "`heif-convert IN OUT.jpg` (libheif) makes JPEG files of them; phones take JPEG with Settings, Camera, \
                 Formats, Most Compatible"
            }
            "3gp" | "avi" | "flv" | "m2ts" | "m4v" | "mjpeg" | "mjpg" | "mkv" | "mov" | "mp4" | "mpeg" | "mpg"
            | "mts" | "webm" | "wmv" => "`ffmpeg -i IN -vf fps=1 OUT_%04d.jpg` takes pictures out of them",
            _ => "make JPEG or PNG files of them, or name them so where they are",
        },
        Remark::ClassOfFolders { .. } => {
            "if these are classes or splits themselves, collect the folder that they lie in"
        }
        Remark::SplitNameIsClass { .. } => "if it is none, put its pictures into folders named after their labels",
        Remark::Attempts { .. } => "`edgetl collect --unlabelled FOLDER` keeps them without one",
        _ => return None,
    };
    Some(remedy)
}
