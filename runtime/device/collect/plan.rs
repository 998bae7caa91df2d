//! Which pictures `collect` reads, and what is known of each beforehand.

use std::path::PathBuf;

use super::CollectRequest;
use crate::causes::causes;
use crate::device::error::DeviceError;
use crate::sources::{self, Item, Refused};

/// Pictures with a label each, unless they are wanted without; else those without one are set aside.
pub struct Plan {
    items: Vec<Item>,
    paths: Vec<PathBuf>,
    unlabelled: Vec<PathBuf>,
    refused: Vec<Refused>,
}

impl Plan {
    /// # Errors
    /// When a source cannot be read, or holds no picture with a label.
    pub fn new(request: &CollectRequest) -> Result<Self, DeviceError> {
        let (mut items, mut refused) = (Vec::new(), Vec::new());
        for source in &request.sources {
            let found = sources::scan(source)?;
            items.extend(found.items);
            refused.extend(found.refused);
        }
        for item in &mut items {
            item.label = request.label.clone().or(item.label.take()).filter(|_| !request.unlabelled);
            item.split = request.split.or(item.split);
            item.group = request.group.clone().or(item.group.take());
            item.path = std::path::absolute(&item.path).unwrap_or_else(|_| std::mem::take(&mut item.path));
        }
        let (items, unlabelled): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.label.is_some() || request.unlabelled);
        if items.is_empty() {
            for Refused { path, error } in &refused {
                tracing::warn!("`{}`: {}", path.display(), causes(error));
            }
            return Err(DeviceError::NothingLabelled { unlabelled: unlabelled.len() });
        }
        let paths = items.iter().map(|item| item.path.clone()).collect();
        let unlabelled = unlabelled.into_iter().map(|item| item.path).collect();
        Ok(Self { items, paths, unlabelled, refused })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn item(&self, index: usize) -> &Item {
        &self.items[index]
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    pub fn unlabelled(&self) -> &[PathBuf] {
        &self.unlabelled
    }

    /// Folders that are not used, with what is in them.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}
