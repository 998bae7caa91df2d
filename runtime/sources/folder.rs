//! Folders named after labels.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Found, Item, Refused, RefusedError, SourceError, is_image_path, split_named};
use crate::labels::{Label, LabelError};
use crate::store::Split;

/// The folder in which Frigate keeps the labelled pictures of a custom classification model.
const FRIGATE_DATASET: &str = "dataset";

pub(super) fn scan(root: &Path) -> Result<Found, SourceError> {
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name();
    let mut found = Found::default();
    for entry in walk.into_iter().filter_entry(is_visible) {
        match entry {
            // What is no file, such as a pipe, says so when it is read, like any other picture that cannot be read.
            Ok(entry) if !entry.file_type().is_dir() && is_image_path(entry.path()) => {
                take(&mut found, root, entry.path())
            }
            Ok(_) => {}
            Err(error) => refuse(&mut found, root, error)?,
        }
    }
    Ok(found)
}

/// The picture at `path`, or the folder whose name is no label.
fn take(found: &mut Found, root: &Path, path: &Path) {
    match item(root, path) {
        Ok(item) => found.items.push(item),
        Err((folder, error)) => {
            // Once for all that is in it; the walk takes a folder's files and folders one after another.
            if found.refused.iter().all(|refused| refused.path != folder) {
                found.refused.push(Refused { path: folder, error: error.into() });
            }
        }
    }
}

/// What cannot be looked at: a link to nothing or in a circle, a folder without permission.
fn refuse(found: &mut Found, root: &Path, error: walkdir::Error) -> Result<(), SourceError> {
    let Some(path) = error.path().filter(|_| error.depth() > 0).map(Path::to_owned) else {
        return Err(SourceError::Walk { path: root.to_owned(), source: error });
    };
    let ancestor = error.loop_ancestor().map(Path::to_owned);
    match ancestor {
        Some(ancestor) => found.refused.push(Refused { path, error: RefusedError::Loop(ancestor) }),
        // Reading it will say what is wrong with it.
        None if is_image_path(&path) => take(found, root, &path),
        // A link to nothing that is no picture.
        None if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) && !path.exists() => {
            tracing::warn!("passing over `{}`: {error}", path.display());
        }
        None => found.refused.push(Refused { path, error: error.into() }),
    }
    Ok(())
}

/// Hidden files, and the folders that file managers and network drives leave behind, hold no samples.
fn is_visible(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || name.starts_with('@') || name == "__MACOSX")
}

/// The picture at `path`; or else the folder whose name cannot be its label.
fn item(root: &Path, path: &Path) -> Result<Item, (PathBuf, LabelError)> {
    let inside = path.strip_prefix(root).unwrap_or(path).parent().unwrap_or(Path::new(""));
    let folders: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let (split, named) = place(&folders);
    let label = match named.map(|at| Label::new(&folders[at])).transpose() {
        Ok(label) => label,
        Err(error) => {
            let depth = named.map_or(0, |at| at + 1);
            return Err((root.join(inside.iter().take(depth).collect::<PathBuf>()), error));
        }
    };
    Ok(Item { path: path.to_owned(), label, split, group: None })
}

/// The split that a picture's folders, below the source, stand for, and which of them names the label.
fn place(folders: &[String]) -> (Option<Split>, Option<usize>) {
    match folders {
        [first, _, ..] if split_named(first).is_some() => (split_named(first), Some(1)),
        [first, _, ..] if first == FRIGATE_DATASET => (None, Some(1)),
        [first] if split_named(first).is_some() || first == FRIGATE_DATASET => (split_named(first), None),
        [_, ..] => (None, Some(0)),
        [] => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &str) -> (Option<Split>, Option<String>) {
        let folders: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let (split, named) = place(&folders);
        (split, named.map(|at| folders[at].clone()))
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
        let found: Vec<_> = scan(root.path()).unwrap().items.into_iter().map(|item| item.path).collect();
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
        assert_eq!((found.items.len(), found.refused.len()), (1, 0));
        assert!(found.items[0].path.ends_with("a/x.jpg"));
    }

    fn write(root: &Path, file: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    fn a_loop_of_links_costs_itself() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/1.jpg");
        std::os::unix::fs::symlink(root.path(), root.path().join("a/up")).unwrap();
        let found = scan(root.path()).unwrap();
        assert_eq!(found.items.len(), 1);
        assert_eq!(found.refused[0].path, root.path().join("a/up"));
        assert!(matches!(&found.refused[0].error, RefusedError::Loop(to) if to == root.path()));
    }

    #[test]
    fn a_folder_whose_name_is_no_label_costs_itself_once() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a/1.jpg", " /1.jpg", " /deep/2.jpg", "train/b\u{1b}[2J/3.jpg", "train/c/4.jpg", "z/5.jpg"] {
            write(root.path(), file);
        }
        let found = scan(root.path()).unwrap();
        let labels: Vec<_> = found.items.iter().map(|item| item.label.as_ref().unwrap().as_str()).collect();
        assert_eq!(labels, ["a", "c", "z"]);
        let refused: Vec<_> = found.refused.iter().map(|refused| refused.path.clone()).collect();
        assert_eq!(refused, [root.path().join(" "), root.path().join("train/b\u{1b}[2J")]);
        assert!(found.refused.iter().all(|refused| matches!(refused.error, RefusedError::Label(_))));
    }

    #[test]
    fn a_source_of_nothing_but_odd_folders_says_what_is_odd() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "\t/1.jpg");
        let found = super::super::scan(root.path()).unwrap();
        assert_eq!((found.items.len(), found.refused.len()), (0, 1));
    }
}
