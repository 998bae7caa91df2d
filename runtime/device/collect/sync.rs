//! Making the store follow a folder: what was moved to another class there is relabelled, what is gone is removed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::CollectRequest;
use super::plan::Plan;
use crate::device::Device;
use crate::device::error::DeviceError;
use crate::digest::{ContentHash, Digest};
use crate::files;
use crate::labels::Label;
use crate::sources::Item;
use crate::store::{Filter, SampleRow, Synchronisation};

/// How the store differs from a folder.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SyncPlan {
    /// Pictures that lie in the folder of another class now.
    pub relabelled: Vec<Moved>,
    /// Pictures of the same class whose file has another name or place now.
    pub renamed: Vec<Moved>,
    /// Stored pictures that are in the folder no longer.
    pub gone: Vec<Gone>,
    /// Files that are not stored.
    pub new: usize,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Moved {
    pub id: i64,
    pub path: String,
    pub from: Option<Label>,
    pub to: Option<Label>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Gone {
    pub id: i64,
    pub path: String,
    pub label: Option<Label>,
}

impl SyncPlan {
    /// Whether store and folder agree on what is stored.
    pub fn is_empty(&self) -> bool {
        self.relabelled.is_empty() && self.renamed.is_empty() && self.gone.is_empty()
    }
}

impl Device {
    /// How the store differs from the folders of `request`; changes nothing. Only samples that came from there, or whose file
    /// is nowhere any more while the folder has their picture, are looked at.
    ///
    /// # Errors
    /// When a source is no folder, or something in it cannot be read, so that nobody knows what is gone.
    pub fn sync_plan(&self, request: &CollectRequest<'_>) -> Result<SyncPlan, DeviceError> {
        if let Some(path) = request.sources.iter().find(|path| !path.is_dir()) {
            return Err(DeviceError::SyncSource { path: path.clone() });
        }
        let plan = Plan::new(request)?;
        if let Some(refused) = plan.refused().first() {
            return Err(DeviceError::SyncUnknown { path: refused.path.clone() });
        }
        let folder = Contents::read(&plan)?;
        let store = self.store()?;
        let below = |path: &Path| request.sources.iter().any(|source| path.starts_with(absolute(source)));
        let (mut found, mut known) = (SyncPlan::default(), HashSet::new());
        for row in store.samples(&Filter::default())? {
            known.insert(row.hash);
            let path = files::path_of(&row.source);
            match folder.item(&row, &path) {
                Some(item) if below(&path) || !path.exists() => found.compare(&row, &path, item),
                None if below(&path) && !folder.unlabelled.contains(&row.hash) => found.gone.push(Gone::of(&row)),
                _ => {}
            }
        }
        found.new = folder.items.keys().filter(|hash| !known.contains(hash)).count();
        Ok(found)
    }

    /// Does what `plan` says, as one change that can be taken back.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing was done.
    pub fn sync(&self, plan: &SyncPlan) -> Result<(), DeviceError> {
        let id = |id: i64| crate::dataset::SampleId(id);
        let labels = plan.relabelled.iter().filter_map(|moved| Some((id(moved.id), moved.to.clone()?))).collect();
        let moved = plan.relabelled.iter().chain(&plan.renamed);
        let sources = moved.map(|moved| (id(moved.id), moved.path.clone())).collect();
        let removed = plan.gone.iter().map(|gone| id(gone.id)).collect();
        self.existing_store()?.synchronise(&Synchronisation { labels, sources, removed })?;
        Ok(())
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What lies in the folders.
struct Contents<'a> {
    /// Of every picture its files, in the order of the plan.
    items: HashMap<ContentHash, Vec<&'a Item>>,
    /// Pictures that lie there outside any class.
    unlabelled: HashSet<ContentHash>,
}

impl<'a> Contents<'a> {
    fn read(plan: &'a Plan) -> Result<Self, DeviceError> {
        let hash = |path: &Path| match Digest::of_file(path) {
            Ok(digest) => Ok(ContentHash(digest)),
            Err(_) => Err(DeviceError::SyncUnknown { path: path.to_owned() }),
        };
        let mut items: HashMap<ContentHash, Vec<&Item>> = HashMap::new();
        for index in 0..plan.len() {
            let item = plan.item(index);
            items.entry(hash(&item.path)?).or_default().push(item);
        }
        let unlabelled = plan.unlabelled().iter().map(|path| hash(path)).collect::<Result<_, _>>()?;
        Ok(Self { items, unlabelled })
    }

    /// The file of a stored picture: the one under its own path, else one of its own class, else the first.
    fn item(&self, row: &SampleRow, path: &Path) -> Option<&'a Item> {
        let copies = self.items.get(&row.hash)?;
        let own = copies.iter().find(|item| item.path == path);
        own.or_else(|| copies.iter().find(|item| item.label == row.label)).or_else(|| copies.first()).copied()
    }
}

impl SyncPlan {
    fn compare(&mut self, row: &SampleRow, path: &Path, item: &Item) {
        let moved = || Moved {
            id: row.id.0,
            path: files::name_of(&item.path),
            from: row.label.clone(),
            to: item.label.clone(),
        };
        if item.label.is_some() && item.label != row.label {
            self.relabelled.push(moved());
        } else if item.path != path {
            self.renamed.push(moved());
        }
    }
}

impl Gone {
    fn of(row: &SampleRow) -> Self {
        Self { id: row.id.0, path: row.source.clone(), label: row.label.clone() }
    }
}
