//! What is stored, looked at and put right by hand.

use super::Device;
use super::error::DeviceError;
use crate::dataset::SampleId;
use crate::labels::Label;
use crate::store::{Change, Edited, Filter, Listed, Page, Standing, Store, StoreError, Undone};

/// What somebody wants to be otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edit {
    /// `None`: no label.
    Relabel { ids: Vec<SampleId>, label: Option<Label> },
    /// Where `to` exists already, the two become one.
    Rename { from: Label, to: Label },
    /// They can be brought back.
    Remove { ids: Vec<SampleId> },
}

impl Device {
    /// How the store stands; `None` where there is none. It is another after each change.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn standing(&self) -> Result<Option<Standing>, DeviceError> {
        self.store_if_any()?.map(|store| Ok(store.standing()?)).transpose()
    }

    /// Where there is no store, no sample is listed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn page(&self, page: &Page) -> Result<Listed, DeviceError> {
        self.store_if_any()?.map_or_else(|| Ok(Listed::default()), |store| Ok(store.page(page)?))
    }

    /// The encoded thumbnail of a sample that has one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn thumbnail(&self, id: SampleId) -> Result<Option<Vec<u8>>, DeviceError> {
        self.store_if_any()?.map_or(Ok(None), |store| Ok(store.thumbnail(id)?))
    }

    /// Does what `edit` says; where a version is named, only while that is the version of the edits. When this returns, it survives a
    /// power cut.
    ///
    /// # Errors
    /// [`StoreError::OtherVersion`] when somebody else changed something since, or when the store cannot be written; then nothing was done.
    pub fn edit(&self, edit: &Edit, version: Option<i64>) -> Result<Edited, DeviceError> {
        match self.store_if_any()? {
            Some(mut store) => Ok(carry_out(&mut store, edit, version)?),
            None => match version.filter(|version| *version != 0) {
                Some(expected) => Err(StoreError::OtherVersion { expected, got: 0 }.into()),
                None => Ok(Edited::default()),
            },
        }
    }

    /// The changes that can be taken back, the latest first. The number of the first is the version of the edits, 0 where there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes(&self) -> Result<Vec<Change>, DeviceError> {
        self.store_if_any()?.map_or(Ok(Vec::new()), |store| Ok(store.changes()?))
    }

    /// Takes `change` back. When this returns, that survives a power cut.
    ///
    /// # Errors
    /// When it is not there, or not the latest; then nothing was done.
    pub fn undo(&self, change: i64) -> Result<Undone, DeviceError> {
        let mut store = self.store_if_any()?.ok_or(StoreError::NoSuchChange(change))?;
        Ok(store.undo_change(change)?)
    }
}

fn carry_out(store: &mut Store, edit: &Edit, version: Option<i64>) -> Result<Edited, StoreError> {
    match edit {
        Edit::Relabel { ids, label } => store.relabel_at(version, &Filter::ids(ids.clone()), label.as_ref()),
        Edit::Rename { from, to } => store.relabel_at(version, &Filter::label(from.clone()), Some(to)),
        Edit::Remove { ids } => {
            let removal = store.remove_at(version, &Filter::ids(ids.clone()))?;
            Ok(Edited { changed: removal.samples, version: removal.version })
        }
    }
}
