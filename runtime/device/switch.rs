//! Another backbone for a state that is in use: its features of every stored picture, and a head on them that answers from then on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Device;
use super::collect::Observer;
use super::compare::lacking;
use super::error::DeviceError;
use super::fit::{FitRequest, Fitted};
use crate::atomic_file::TEMPORARY;
use crate::backbone::Loader;
use crate::manifest::BackboneName;
use crate::store::{Filter, HeadFolderError, HeadVersion, SampleRow, Store};

/// Which backbone, and how.
#[derive(Clone, Debug)]
pub struct SwitchRequest<'a> {
    pub name: BackboneName,
    /// Also where stored pictures cannot be read again: they stay, and no head on the new backbone learns from them.
    pub anyway: bool,
    /// When it is raised, the pictures in hand are finished, and nothing is switched.
    pub stop: &'a AtomicBool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Switched {
    Done {
        /// The head that answers now; `None` where none answered before.
        head: Option<HeadVersion>,
        unread: usize,
    },
    /// So many stored pictures cannot be read again. Nothing was switched; the features of the others are kept.
    Unread {
        unread: usize,
        of: usize,
    },
    Stopped,
}

impl Device {
    /// Stores the features of all pictures that the backbone lacks, fits a head on them as the live one was fitted, makes the backbone
    /// the one in use, and publishes the head; where that fails the backbone before is in use again.
    ///
    /// A kill between the last two leaves the new backbone in use and the head before live, which answers on its own backbone as it did:
    /// switching again, or a fit, makes the head.
    ///
    /// # Errors
    /// When there is no such backbone, it does not run, no head can be fitted, or the state cannot be written.
    pub fn switch_backbone(
        &self,
        request: &SwitchRequest<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Switched, DeviceError> {
        self.check_heads()?;
        let mut store = self.store()?;
        let package = self.backbones().named(&request.name)?;
        let rows = store.samples(&Filter::default())?;
        let (name, loader) = self.load_and_keep(package, rows.len())?;
        let unread = self.see_all((&rows, &loader), request.stop, (&mut store, observer))?;
        if request.stop.load(Ordering::SeqCst) {
            return Ok(Switched::Stopped);
        }
        if unread > 0 && !request.anyway {
            return Ok(Switched::Unread { unread, of: rows.len() });
        }
        let fitted = self.fit_on(&name, &store)?;
        let before = self.backbones().name_in_use()?;
        self.backbones().take_into_use(&mut store, &name)?;
        let head = match fitted.map(|fitted| self.publish(&fitted)).transpose() {
            Ok(published) => published.map(|published| published.version),
            Err(error) => {
                self.backbones().put_back(&mut store, before.as_ref())?;
                return Err(error);
            }
        };
        // Others may have added some meanwhile, with the old one.
        let late = store.samples(&Filter::default())?;
        self.see_all((&late, &loader), request.stop, (&mut store, &mut ()))?;
        Ok(Switched::Done { head, unread })
    }

    /// How many of `rows` could not be read again.
    fn see_all(
        &self,
        (rows, loader): (&[SampleRow], &Loader),
        stop: &AtomicBool,
        (store, observer): (&mut Store, &mut dyn Observer),
    ) -> Result<usize, DeviceError> {
        let fingerprint = loader.manifest().fingerprint();
        let without = lacking(rows, &fingerprint, store)?;
        if !without.is_empty() {
            self.collect_stored((&without, loader), stop, store, observer)?;
        }
        Ok(lacking(rows, &fingerprint, store)?.len())
    }

    /// A head on the backbone `name`, fitted as the live one was; `None` where none is live.
    fn fit_on(&self, name: &BackboneName, store: &Store) -> Result<Option<Fitted>, DeviceError> {
        let Some(live) = self.heads().live()? else { return Ok(None) };
        let (request, package) = (FitRequest::of(&live.artifact), self.backbones().named(name)?);
        let read = self.read_for(&request, store, &package)?;
        self.fit_read(&read, &request, &package).map(Some)
    }

    /// Fails now where a head could not be written after all the work.
    fn check_heads(&self) -> Result<(), DeviceError> {
        let path = self.state().heads();
        if !path.is_dir() {
            return Ok(());
        }
        match tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&path) {
            Ok(_) => Ok(()),
            Err(source) => Err(HeadFolderError::Write { path, source }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_cannot_be_written_are_found_before_all_the_work() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path()).unwrap();
        device.check_heads().unwrap();
        assert_eq!(std::fs::read_dir(device.state().heads()).unwrap().count(), 0, "nothing is left of the try");
    }

    #[test]
    fn the_backbone_before_is_in_use_again_also_where_that_was_none() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path()).unwrap();
        let (mut store, backbones) = (device.store().unwrap(), device.backbones());
        let (one, other): (BackboneName, BackboneName) = ("one".parse().unwrap(), "other".parse().unwrap());
        for before in [None, Some(one)] {
            backbones.take_into_use(&mut store, &other).unwrap();
            backbones.put_back(&mut store, before.as_ref()).unwrap();
            assert_eq!(backbones.name_in_use().unwrap(), before);
        }
        backbones.put_back(&mut store, None).unwrap();
        assert!(backbones.fingerprint_in_use_of(&store).is_ok(), "a setting that is no name would make this an error");
    }

    #[test]
    fn whoever_teaches_meanwhile_does_not_take_the_old_backbone_into_use_again() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path()).unwrap();
        let (mut store, backbones) = (device.store().unwrap(), device.backbones());
        let (old, new): (BackboneName, BackboneName) = ("old".parse().unwrap(), "new".parse().unwrap());
        backbones.stay_with(&mut store, &old, None).unwrap();
        assert_eq!(backbones.name_in_use().unwrap(), Some(old.clone()), "nobody had named one");
        let before = backbones.named_in_use(&store).unwrap();
        backbones.take_into_use(&mut store, &new).unwrap();
        backbones.stay_with(&mut store, &old, before.as_deref()).unwrap();
        assert_eq!(backbones.name_in_use().unwrap(), Some(new));
    }
}
