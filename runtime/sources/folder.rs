//! Folders named after labels.

use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::{Item, SourceError, is_image_path, split_named};
use crate::labels::Label;
use crate::store::Split;

/// The folder in which Frigate keeps the labelled pictures of a custom classification model.
const FRIGATE_DATASET: &str = "dataset";

pub(super) fn scan(root: &Path) -> Result<Vec<Item>, SourceError> {
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name();
    let mut items = Vec::new();
    for entry in walk.into_iter().filter_entry(is_visible) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_image_path(entry.path()) => {
                items.push(item(root, entry.path())?);
            }
            Ok(_) => {}
            Err(error) => match unreadable(&error) {
                // Reading it will say what is wrong with it, like any other picture that cannot be read.
                Some(path) if is_image_path(path) => items.push(item(root, path)?),
                Some(path) => tracing::warn!("passing over `{}`: {error}", path.display()),
                None => return Err(SourceError::Walk { path: root.to_owned(), source: error }),
            },
        }
    }
    Ok(items)
}

/// The entry below the root that cannot be looked at: a link to nothing, a folder without permission.
fn unreadable(error: &walkdir::Error) -> Option<&Path> {
    error.path().filter(|_| error.depth() > 0 && error.io_error().is_some())
}

/// Hidden files, and the folders that file managers and network drives leave behind, hold no samples.
fn is_visible(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || name.starts_with('@') || name == "__MACOSX")
}

fn item(root: &Path, path: &Path) -> Result<Item, SourceError> {
    let folders: Vec<String> = path
        .strip_prefix(root)
        .unwrap_or(path)
        .parent()
        .map(|parent| parent.iter().map(|part| part.to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    let (split, label) = place(&folders);
    let label =
        label.map(Label::new).transpose().map_err(|source| SourceError::Label { path: path.to_owned(), source })?;
    Ok(Item { path: path.to_owned(), label, split, group: None })
}

/// The split and the label that a picture's folders, below the source, stand for.
fn place(folders: &[String]) -> (Option<Split>, Option<&str>) {
    match folders {
        [first, label, ..] if split_named(first).is_some() => (split_named(first), Some(label)),
        [first, label, ..] if first == FRIGATE_DATASET => (None, Some(label)),
        [first] if split_named(first).is_some() || first == FRIGATE_DATASET => (split_named(first), None),
        [label, ..] => (None, Some(label)),
        [] => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &str) -> (Option<Split>, Option<String>) {
        let folders: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let (split, label) = place(&folders);
        (split, label.map(str::to_owned))
    }

    #[test]
    fn folders_give_label_and_split() {
        assert_eq!(placed("ants"), (None, Some("ants".into())));
        assert_eq!(placed("ants/monday"), (None, Some("ants".into())));
        assert_eq!(placed("train/ants"), (Some(Split::Train), Some("ants".into())));
        assert_eq!(placed("Val/ants/monday"), (Some(Split::Validation), Some("ants".into())));
        assert_eq!(placed("dataset/cat"), (None, Some("cat".into())));
        assert_eq!(placed("train"), (Some(Split::Train), None));
        assert_eq!(placed(""), (None, None));
    }

    #[test]
    fn hidden_files_and_other_files_are_passed_over_and_the_order_is_fixed() {
        let root = tempfile::tempdir().unwrap();
        for file in ["b/2.jpg", "b/1.PNG", "a/x.webp", "a/.hidden.jpg", "a/@eaDir/x.jpg", "a/notes.txt"] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let found: Vec<_> = scan(root.path()).unwrap().into_iter().map(|item| item.path).collect();
        let expected: Vec<_> = ["a/x.webp", "b/1.PNG", "b/2.jpg"].map(|file| root.path().join(file)).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_link_to_nothing_is_a_picture_that_reading_will_refuse() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::os::unix::fs::symlink("/nonexistent", root.path().join("a/x.jpg")).unwrap();
        std::os::unix::fs::symlink("/nonexistent", root.path().join("a/notes.txt")).unwrap();
        let found = scan(root.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].path.ends_with("a/x.jpg"));
    }

    #[test]
    fn a_loop_of_links_is_an_error_and_no_hang() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("a/up")).unwrap();
        assert!(matches!(scan(root.path()), Err(SourceError::Walk { .. })));
    }
}
