//! Which pictures `collect` reads, and what is known of each beforehand.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::CollectRequest;
use crate::causes::causes;
use crate::device::error::DeviceError;
use crate::digest::ContentHash;
use crate::files;
use crate::labels::Label;
use crate::sources::{self, Item, Refused, Remark};
use crate::store::{SampleRow, Split};

/// Pictures with a label each, unless they are wanted without; else those without one are set aside.
pub struct Plan {
    items: Vec<Item>,
    paths: Vec<PathBuf>,
    unlabelled: Vec<PathBuf>,
    refused: Vec<Refused>,
    remarks: Vec<Remark>,
    /// Of stored samples, what each file must hold.
    content: Option<Vec<ContentHash>>,
}

impl Plan {
    /// The files of samples that are stored already.
    pub fn of_stored(rows: &[SampleRow]) -> Self {
        let items: Vec<Item> = rows.iter().map(item).collect();
        let paths = items.iter().map(|item| item.path.clone()).collect();
        let content = Some(rows.iter().map(|row| row.hash).collect());
        Self { items, paths, unlabelled: Vec::new(), refused: Vec::new(), remarks: Vec::new(), content }
    }

    /// # Errors
    /// When a source cannot be read, or holds no picture with a label.
    pub fn new(request: &CollectRequest) -> Result<Self, DeviceError> {
        let (mut items, mut refused, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
        for source in &request.sources {
            let found = sources::scan(source)?;
            items.extend(found.items);
            refused.extend(found.refused);
            remarks.extend(found.remarks);
        }
        for item in &mut items {
            item.label = request.label.clone().or(item.label.take()).filter(|_| !request.unlabelled);
            item.split = request.split.or(item.split);
            item.group = request.group.clone().or(item.group.take());
            item.path = std::path::absolute(&item.path).unwrap_or_else(|_| std::mem::take(&mut item.path));
        }
        // Of copies the first is stored: a picture that is in several splits trains.
        items.sort_by_key(|item| item.split.map_or(0, rank));
        let (items, unlabelled): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.label.is_some() || request.unlabelled);
        if items.is_empty() {
            for Refused { path, error } in &refused {
                tracing::warn!("`{}`: {}", path.display(), causes(error));
            }
            for remark in &remarks {
                tracing::warn!("{remark}");
            }
            return Err(DeviceError::NothingLabelled { unlabelled: unlabelled.len() });
        }
        let paths = items.iter().map(|item| item.path.clone()).collect();
        let unlabelled = unlabelled.into_iter().map(|item| item.path).collect();
        Ok(Self { items, paths, unlabelled, refused, remarks, content: None })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn item(&self, index: usize) -> &Item {
        &self.items[index]
    }

    /// Whether a file of this content may stand at this place.
    pub fn expects(&self, index: usize, hash: &ContentHash) -> bool {
        self.content.as_ref().is_none_or(|content| content[index] == *hash)
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    pub fn unlabelled(&self) -> &[PathBuf] {
        &self.unlabelled
    }

    /// What else there is to say of the sources.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The labels of pictures that are held out, of which no other picture trains.
    pub fn only_held_out(&self) -> BTreeSet<&Label> {
        let labels = |trains: bool| {
            let items = self.items.iter().filter(move |item| (item.split.map_or(0, rank) == 0) == trains);
            items.filter_map(|item| item.label.as_ref()).collect::<BTreeSet<_>>()
        };
        &labels(false) - &labels(true)
    }

    /// Folders that are not used, with what is in them.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

fn item(row: &SampleRow) -> Item {
    let (label, group) = (row.label.clone(), row.group.clone());
    Item { path: files::path_of(&row.source), label, split: Some(row.split), group }
}

/// The order in which splits are taken.
fn rank(split: Split) -> u8 {
    match split {
        Split::Train => 0,
        Split::Validation => 1,
        Split::Test => 2,
    }
}
