//! What the folders of a source stand for: splits, classes, or a wrapping around these.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use crate::sources::{Remark, split_named};
use crate::store::Split;

/// The folder in which Frigate keeps the labelled pictures of a custom classification model, and others theirs.
const DATASET: &str = "dataset";

/// What a picture's place says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    pub split: Option<Split>,
    /// Which of the folders that it lies in, counted from the source, names its label.
    pub label: Option<usize>,
}

enum Role {
    Class,
    Split(Split),
    Wrapping(Layout),
}

/// The folders directly in a source that have something in them. Those without a role of their own are classes.
#[derive(Default)]
pub struct Layout(BTreeMap<OsString, Role>);

/// What lies in one folder.
#[derive(Default)]
struct Content<'a> {
    direct: usize,
    /// For each file further below: the folders to it, from here.
    below: Vec<&'a [&'a OsStr]>,
}

impl Content<'_> {
    fn names(&self) -> BTreeSet<&OsStr> {
        self.below.iter().map(|folders| folders[0]).collect()
    }
}

impl Layout {
    /// Of a source whose files lie in these folders, each from the source on.
    ///
    /// A folder with the name of a split is a class where files lie directly in it beside folders of other names, unless
    /// it has folders for classes in common with another split.
    pub fn of(places: &[&[&OsStr]], remarks: &mut Vec<Remark>) -> Self {
        let mut contents = BTreeMap::<&OsStr, Content>::new();
        for place in places {
            let Some((first, rest)) = place.split_first() else { continue };
            let content = contents.entry(first).or_default();
            if rest.is_empty() { content.direct += 1 } else { content.below.push(rest) }
        }
        let classes: Vec<String> = contents.keys().filter(|name| !is_special(name)).map(|name| shown(name)).collect();
        let mut roles = BTreeMap::new();
        for (name, content) in contents.iter().filter(|(name, _)| is_special(name)) {
            let others = contents.iter().filter(|(other, _)| other != &name && is_special(other));
            let names = content.names();
            let shared = others.flat_map(|(_, other)| other.names()).any(|other| names.contains(other));
            let is_class = content.direct > 0 && !classes.is_empty() && !shared;
            let (folder, beside) = (shown(name), classes.clone());
            match (is_class, classes.is_empty()) {
                (true, _) => remarks.push(Remark::SplitNameIsClass { folder, beside }),
                (false, false) => remarks.push(Remark::SplitBesideClasses { folder, beside }),
                (false, true) => {}
            }
            roles.insert((*name).to_owned(), if is_class { Role::Class } else { role(name, content, remarks) });
        }
        Self(roles)
    }

    /// What it says of a file that it lies in these folders.
    pub fn place(&self, folders: &[&OsStr]) -> Place {
        let Some((first, rest)) = folders.split_first() else { return Place::default() };
        match self.0.get(*first) {
            None | Some(Role::Class) => Place { split: None, label: Some(0) },
            Some(Role::Split(split)) => Place { split: Some(*split), label: (!rest.is_empty()).then_some(1) },
            Some(Role::Wrapping(layout)) => {
                let place = layout.place(rest);
                Place { label: place.label.map(|at| at + 1), ..place }
            }
        }
    }
}

fn is_special(name: &OsStr) -> bool {
    split_of(name).is_some() || name.eq_ignore_ascii_case(DATASET)
}

fn split_of(name: &OsStr) -> Option<Split> {
    split_named(name.to_str()?)
}

fn role(name: &OsStr, content: &Content, remarks: &mut Vec<Remark>) -> Role {
    match split_of(name) {
        Some(split) => Role::Split(split),
        None => Role::Wrapping(Layout::of(&content.below, remarks)),
    }
}

/// The name of a folder, for people.
pub fn shown(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each of the files lies, as `split:label`.
    fn places(files: &[&str]) -> (Vec<String>, Vec<Remark>) {
        let folders: Vec<Vec<&OsStr>> =
            files.iter().map(|file| file.split('/').rev().skip(1).map(OsStr::new).collect::<Vec<_>>()).collect();
        let folders: Vec<Vec<&OsStr>> = folders.into_iter().map(|parts| parts.into_iter().rev().collect()).collect();
        let mut remarks = Vec::new();
        let layout = Layout::of(&folders.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut remarks);
        let said = |folders: &Vec<&OsStr>| {
            let Place { split, label } = layout.place(folders);
            let label = label.map_or("-".to_owned(), |at| shown(folders[at]));
            split.map_or(label.clone(), |split| format!("{split}:{label}"))
        };
        (folders.iter().map(said).collect(), remarks)
    }

    #[test]
    fn folders_are_classes_and_those_in_splits_are_classes_of_a_split() {
        let (found, remarks) = places(&["ants/1", "ants/monday/2", "3"]);
        assert_eq!(found, ["ants", "ants", "-"]);
        assert!(remarks.is_empty());
        let (found, remarks) = places(&["train/ants/1", "Val/ants/monday/2", "TEST/bees/3", "train/4"]);
        assert_eq!(found, ["train:ants", "validation:ants", "test:bees", "train:-"]);
        assert!(remarks.is_empty());
    }

    #[test]
    fn a_split_name_with_pictures_in_it_beside_classes_is_a_class() {
        for name in ["train", "Train", "valid", "test", "dataset", "validation"] {
            let file = |name: &str| format!("{name}/1");
            let (found, remarks) = places(&[&file(name), "bus/2", "invalid/3", &format!("{name}/old/4")]);
            assert_eq!(found, [name, "bus", "invalid", name]);
            let beside = vec!["bus".to_owned(), "invalid".to_owned()];
            assert_eq!(remarks, [Remark::SplitNameIsClass { folder: name.into(), beside }]);
        }
    }

    #[test]
    fn splits_that_share_classes_stay_splits_whatever_lies_beside_them() {
        let (found, remarks) = places(&["train/ants/1", "train/2", "val/ants/3", "more/4"]);
        assert_eq!(found, ["train:ants", "train:-", "validation:ants", "more"]);
        assert_eq!(remarks.len(), 2);
        assert!(remarks.iter().all(|remark| matches!(remark, Remark::SplitBesideClasses { .. })), "{remarks:?}");
        let (found, _) = places(&["test/good/1", "ground_truth/crack/2"]);
        assert_eq!(found, ["test:good", "ground_truth"]);
    }

    #[test]
    fn a_dataset_is_a_wrapping_around_classes_or_splits() {
        assert_eq!(places(&["dataset/cat/1", "train/2"]).0, ["cat", "train:-"]);
        assert_eq!(places(&["dataset/train/cat/1", "dataset/test/cat/2"]).0, ["train:cat", "test:cat"]);
        assert_eq!(places(&["dataset/train/1", "dataset/bus/2"]).0, ["train", "bus"]);
        assert_eq!(places(&["dataset/1"]).0, ["-"]);
    }
}
