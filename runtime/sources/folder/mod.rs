//! Folders named after labels.

mod layout;
mod left_out;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::programs::{Attempt, teachable_machine_class, waits_for_a_label};
use super::{Found, Item, Refused, RefusedError, Remark, SourceError, is_image_path};
use crate::files;
use crate::labels::{Label, LabelError};
use layout::{Layout, Place, shown};
pub(super) use left_out::unread_picture;

pub(super) fn scan(root: &Path) -> Result<Found, SourceError> {
    let walked = Walked::walk(root)?;
    let mut remarks = walked.left_out();
    let placed = walked.files().filter(|path| !waits_for_a_label(path));
    let places: Vec<Vec<&OsStr>> = placed.map(|path| folders(root, path)).collect();
    let layout = Layout::of(&places.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut remarks);
    let mut classes = Classes::default();
    let mut found = Found { refused: walked.refused, ..Found::default() };
    for path in walked.pictures {
        let place = if waits_for_a_label(&path) { Place::default() } else { layout.place(&folders(root, &path)) };
        take(&mut found, &mut classes, Picture { root, place, path });
    }
    for (path, _) in &walked.unread {
        if let Some(at) = layout.place(&folders(root, path)).label {
            classes.unread(root, &folders(root, path)[..=at]);
        }
    }
    classes.remarks(&mut remarks);
    let attempts = found.items.iter().filter(|item| waits_for_a_label(&item.path)).count();
    if attempts > 0 {
        remarks.push(Remark::Attempts { pictures: attempts });
    }
    found.remarks = remarks;
    Ok(found)
}

/// The folders between `root` and the file at `path`.
fn folders<'a>(root: &Path, path: &'a Path) -> Vec<&'a OsStr> {
    path.strip_prefix(root).unwrap_or(path).parent().unwrap_or(Path::new("")).iter().collect()
}

/// What lies in a source.
#[derive(Default)]
struct Walked {
    /// In a fixed order.
    pictures: Vec<PathBuf>,
    /// Files that look like pictures and are not read, and their extensions.
    unread: Vec<(PathBuf, String)>,
    system_folders: BTreeSet<String>,
    hidden_pictures: usize,
    refused: Vec<Refused>,
}

impl Walked {
    fn walk(root: &Path) -> Result<Self, SourceError> {
        let mut walked = Self::default();
        let mut entries = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.depth() == 0 => {}
                Ok(entry) if entry.file_type().is_dir() => {
                    if left_out::is_system_folder(entry.file_name()) {
                        walked.system_folders.insert(shown(entry.file_name()));
                        entries.skip_current_dir();
                    }
                }
                // What is no file, such as a pipe, says so when it is read, like any other picture that cannot be read.
                Ok(entry) => walked.file(entry.into_path()),
                Err(error) => walked.refuse(root, error)?,
            }
        }
        Ok(walked)
    }

    fn file(&mut self, path: PathBuf) {
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        match (is_hidden, is_image_path(&path)) {
            (true, is_picture) => self.hidden_pictures += usize::from(is_picture),
            (false, true) => self.pictures.push(path),
            (false, false) => self.unread.extend(left_out::unread_picture(&path).map(|extension| (path, extension))),
        }
    }

    /// What cannot be looked at: a link to nothing or in a circle, a folder without permission.
    fn refuse(&mut self, root: &Path, error: walkdir::Error) -> Result<(), SourceError> {
        let Some(path) = error.path().filter(|_| error.depth() > 0).map(Path::to_owned) else {
            return Err(SourceError::Walk { path: root.to_owned(), source: error });
        };
        match error.loop_ancestor().map(Path::to_owned) {
            Some(ancestor) => self.refused.push(Refused { path, error: RefusedError::Loop(ancestor) }),
            // Reading it will say what is wrong with it.
            None if is_image_path(&path) => self.file(path),
            // A link to nothing that is no picture.
            None if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) && !path.exists() => {
                tracing::warn!("passing over `{}`: {error}", path.display());
            }
            None => self.refused.push(Refused { path, error: error.into() }),
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        self.pictures.iter().chain(self.unread.iter().map(|(path, _)| path)).map(PathBuf::as_path)
    }

    fn left_out(&self) -> Vec<Remark> {
        let mut counts = BTreeMap::<&str, usize>::new();
        self.unread.iter().for_each(|(_, extension)| *counts.entry(extension).or_default() += 1);
        let not_taken = |(extension, files): (&str, usize)| Remark::NotTaken { extension: extension.to_owned(), files };
        let mut remarks: Vec<Remark> = counts.into_iter().map(not_taken).collect();
        if !self.system_folders.is_empty() {
            remarks.push(Remark::SystemFolders { names: self.system_folders.iter().cloned().collect() });
        }
        if self.hidden_pictures > 0 {
            remarks.push(Remark::HiddenPictures { files: self.hidden_pictures });
        }
        remarks
    }
}

/// A picture, and where it lies.
struct Picture<'a> {
    root: &'a Path,
    path: PathBuf,
    place: Place,
}

/// The picture with its label, or the folder whose name is none.
fn take(found: &mut Found, classes: &mut Classes, Picture { root, path, place }: Picture) {
    let inside = folders(root, &path);
    let label = match place.label {
        Some(at) => Label::of_name(inside[at]).map(Some).map_err(|error| (at, error)),
        None => Ok(teachable_machine_class(&path).and_then(|class| Label::new(class).ok())),
    };
    match label {
        Ok(label) => {
            if let Some((label, at)) = label.as_ref().zip(place.label) {
                classes.picture(label, (&inside[..=at], inside.get(at + 1)));
            }
            let group = Attempt::of(&path).and_then(|attempt| attempt.event).map(|event| format!("event {event}"));
            found.items.push(Item { label, split: place.split, group, path });
        }
        Err((at, error)) => refuse_folder(found, root.join(inside[..=at].iter().collect::<PathBuf>()), error),
    }
}

/// Once for all that is in it; the walk takes a folder's files and folders one after another.
fn refuse_folder(found: &mut Found, folder: PathBuf, error: LabelError) {
    if found.refused.iter().all(|refused| refused.path != folder) {
        found.refused.push(Refused { path: folder, error: error.into() });
    }
}

/// What the classes of a source are made of.
#[derive(Default)]
struct Classes {
    labels: BTreeMap<Label, Class>,
    /// Folders of classes, with the number of files in them that are not read.
    unread: BTreeMap<PathBuf, (PathBuf, usize)>,
}

#[derive(Default)]
struct Class {
    /// From the source on.
    folders: BTreeSet<PathBuf>,
    direct: usize,
    below: BTreeSet<String>,
}

impl Classes {
    /// A picture in the folder of a class, or in a folder of that.
    fn picture(&mut self, label: &Label, (folder, below): (&[&OsStr], Option<&&OsStr>)) {
        let class = self.labels.entry(label.clone()).or_default();
        class.folders.insert(folder.iter().collect());
        match below {
            Some(below) => drop(class.below.insert(shown(below))),
            None => class.direct += 1,
        }
    }

    fn unread(&mut self, root: &Path, folder: &[&OsStr]) {
        let folder: PathBuf = folder.iter().collect();
        let path = root.join(&folder);
        self.unread.entry(folder).or_insert((path, 0)).1 += 1;
    }

    fn remarks(self, remarks: &mut Vec<Remark>) {
        let taken: BTreeSet<&PathBuf> = self.labels.values().flat_map(|class| &class.folders).collect();
        for (folder, (path, files)) in &self.unread {
            if !taken.contains(folder) {
                remarks.push(Remark::NothingTaken { folder: files::name_of(path), files: *files });
            }
        }
        for (label, class) in self.labels {
            let names: BTreeSet<_> = class.folders.iter().filter_map(|folder| folder.file_name()).collect();
            if names.len() > 1 {
                let folders = names.into_iter().map(shown).collect();
                remarks.push(Remark::OneClass { label: label.clone(), folders });
            }
            if class.direct == 0 {
                remarks.push(Remark::ClassOfFolders { label, folders: class.below.into_iter().collect() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
