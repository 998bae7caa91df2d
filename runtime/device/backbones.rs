//! The backbones of a device: which are kept, which is in use, which a head needs.

use std::path::PathBuf;

use super::error::DeviceError;
use super::registry::{Kept, Registry, RegistryError};
use crate::atomic_file;
use crate::backbone::Package;
use crate::digest::Fingerprint;
use crate::head::HeadArtifact;
use crate::manifest::BackboneName;
use crate::store::{HeadFolder, StateDir, Store, StoreError};

/// The store's setting that names the backbone in use.
const CURRENT: &str = "backbone";

/// The kept backbones, and the one that is built in.
pub struct Backbones<'a> {
    state: &'a StateDir,
    registry: Registry,
}

impl<'a> Backbones<'a> {
    pub(super) fn new(state: &'a StateDir) -> Self {
        Self { state, registry: Registry::new(state.backbones()) }
    }

    /// Every kept one, by name; of none the network is read.
    ///
    /// # Errors
    /// When their folder cannot be listed.
    pub fn list(&self) -> Result<Vec<Kept>, RegistryError> {
        self.registry.list()
    }

    /// Where the backbone of this name is kept.
    pub fn folder(&self, name: &BackboneName) -> PathBuf {
        self.registry.path(name)
    }

    /// The one in use: what the last `collect` took, else the one that is built in.
    ///
    /// # Errors
    /// When it is gone or damaged, or nothing is kept and nothing built in.
    pub fn in_use(&self) -> Result<Package, DeviceError> {
        match Store::open_existing(&self.state.database()) {
            Ok(store) => self.in_use_of(&store),
            Err(StoreError::Missing { .. }) => self.built_in(),
            Err(error) => Err(error.into()),
        }
    }

    /// [`in_use`](Self::in_use), by a store that is open.
    ///
    /// # Errors
    /// Likewise.
    pub fn in_use_of(&self, store: &Store) -> Result<Package, DeviceError> {
        match store.setting(CURRENT)? {
            Some(name) => self.named(&name.parse()?),
            None => self.built_in(),
        }
    }

    /// The fingerprint of the one in use, by a store that is open; `None` where it is gone. No network is read.
    ///
    /// # Errors
    /// When the store or the folder cannot be read.
    pub fn fingerprint_in_use_of(&self, store: &Store) -> Result<Option<Fingerprint>, DeviceError> {
        let embedded = Package::embedded().map(|package| package.manifest().clone());
        let Some(name) = store.setting(CURRENT)? else { return Ok(embedded.map(|manifest| manifest.fingerprint())) };
        let name: BackboneName = name.parse()?;
        let kept = self.list()?.into_iter().find(|kept| kept.name == name).map(|kept| kept.manifest);
        let manifest = kept.or_else(|| embedded.filter(|manifest| manifest.name == name));
        Ok(manifest.map(|manifest| manifest.fingerprint()))
    }

    /// The name of the one in use; `None` where there is none yet, or the store has something that is no name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn name_in_use(&self) -> Result<Option<BackboneName>, DeviceError> {
        match Store::open_existing(&self.state.database()) {
            Ok(store) => Ok(store.setting(CURRENT)?.and_then(|name| name.parse().ok())),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The one kept under `name`, or built in.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn named(&self, name: &BackboneName) -> Result<Package, DeviceError> {
        let embedded = || Package::embedded().filter(|package| package.manifest().name == *name);
        let found = self.registry.open(name)?.or_else(embedded);
        found.ok_or_else(|| DeviceError::NoSuchBackbone { name: name.to_string() })
    }

    /// The kept one that gives features of this fingerprint.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn of(&self, fingerprint: &Fingerprint) -> Result<Package, DeviceError> {
        self.registry.find(fingerprint)?.ok_or(DeviceError::BackboneGone(*fingerprint))
    }

    /// The name under which a backbone is kept or built in, else the beginning of its fingerprint.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn name_of(&self, fingerprint: &Fingerprint) -> Result<String, DeviceError> {
        let kept = self.list()?.into_iter().find(|kept| kept.manifest.fingerprint() == *fingerprint);
        let embedded = || Package::embedded().filter(|package| package.fingerprint() == *fingerprint);
        Ok(kept
            .map(|kept| kept.name.to_string())
            .or_else(|| embedded().map(|package| package.manifest().name.to_string()))
            .unwrap_or_else(|| fingerprint.0.short()))
    }

    /// How many channels of a feature of this fingerprint are of the last map; `None` where its backbone is gone.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn last_dim(&self, fingerprint: &Fingerprint) -> Result<Option<usize>, RegistryError> {
        let kept = self.list()?.into_iter().map(|kept| kept.manifest);
        let embedded = Package::embedded().map(|package| package.manifest().clone());
        let found = kept.chain(embedded).find(|manifest| manifest.fingerprint() == *fingerprint);
        Ok(found.map(|manifest| manifest.feature.dim))
    }

    /// `package`, or the same network on its last map alone where that is in use, or is kept and `package` is not: what
    /// features and heads were made with is not exchanged because a later program would take an earlier map as well.
    ///
    /// # Errors
    /// When the folder cannot be listed, or the store cannot be read.
    pub fn as_kept(&self, store: &Store, package: Package) -> Result<Package, DeviceError> {
        let alone = package.without_taps();
        let kept: Vec<(BackboneName, Fingerprint)> =
            self.list()?.into_iter().map(|kept| (kept.name, kept.manifest.fingerprint())).collect();
        let current = store.setting(CURRENT)?;
        let in_use = kept.iter().find(|(name, _)| current.as_deref() == Some(name.as_str()));
        let is_kept = |package: &Package| kept.iter().any(|(_, fingerprint)| *fingerprint == package.fingerprint());
        Ok(match in_use.map(|(_, fingerprint)| *fingerprint) {
            Some(fingerprint) if fingerprint == alone.fingerprint() => alone,
            Some(fingerprint) if fingerprint == package.fingerprint() => package,
            _ if is_kept(&alone) && !is_kept(&package) => alone,
            _ => package,
        })
    }

    /// Copies `package` into the state, where it is not there yet, and gives the name that it has there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, package: &Package) -> Result<BackboneName, DeviceError> {
        let folder = self.state.backbones();
        self.registry.keep(package).map_err(|source| DeviceError::KeepBackbone { folder, source: source.into() })
    }

    /// Makes the one kept under `name` the one in use.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn take_into_use(&self, store: &mut Store, name: &BackboneName) -> Result<(), DeviceError> {
        if store.setting(CURRENT)?.as_deref() != Some(name.as_str()) {
            store.set_setting(CURRENT, name.as_str())?;
        }
        Ok(())
    }

    /// What the setting says of the one in use, for [`stay_with`](Self::stay_with).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn named_in_use(&self, store: &Store) -> Result<Option<String>, DeviceError> {
        Ok(store.setting(CURRENT)?)
    }

    /// Writes down that the one in use is kept under `name`, unless another was taken into use since the setting said `before`.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn stay_with(
        &self,
        store: &mut Store,
        name: &BackboneName,
        before: Option<&str>,
    ) -> Result<(), DeviceError> {
        if store.setting(CURRENT)?.as_deref() == before { self.take_into_use(store, name) } else { Ok(()) }
    }

    /// Makes `before` the one in use again; `None` where nobody had named one.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn put_back(&self, store: &mut Store, before: Option<&BackboneName>) -> Result<(), DeviceError> {
        match before {
            Some(name) => store.set_setting(CURRENT, name.as_str())?,
            None => store.drop_setting(CURRENT)?,
        }
        Ok(())
    }

    /// Removes the one kept under `name`, and gives its fingerprint. With `force` also one that is in use or that heads need.
    ///
    /// # Errors
    /// When there is none, it is needed, or its folder cannot be removed.
    pub fn remove(&self, name: &BackboneName, force: bool) -> Result<Fingerprint, DeviceError> {
        let fingerprint = self.named(name)?.fingerprint();
        if !force {
            self.refuse_if_needed(name, fingerprint)?;
        }
        let folder = self.folder(name);
        atomic_file::remove_folder(&folder).map_err(|source| DeviceError::RemoveBackbone { folder, source })?;
        Ok(fingerprint)
    }

    fn refuse_if_needed(&self, name: &BackboneName, fingerprint: Fingerprint) -> Result<(), DeviceError> {
        if self.name_in_use()?.as_ref() == Some(name) {
            return Err(DeviceError::BackboneInUse { name: name.to_string() });
        }
        let fitted = |bytes: &[u8]| HeadArtifact::from_bytes(bytes).is_ok_and(|head| head.fingerprint() == fingerprint);
        let folder = HeadFolder::new(self.state.heads(), usize::MAX);
        let heads = folder.list().unwrap_or_default();
        match heads.iter().find(|head| folder.read(head.version).is_ok_and(|bytes| fitted(&bytes))) {
            None => Ok(()),
            Some(head) => Err(DeviceError::BackboneNeeded { name: name.to_string(), version: head.version }),
        }
    }

    fn built_in(&self) -> Result<Package, DeviceError> {
        Package::embedded().ok_or_else(|| DeviceError::NoBackbone { state: self.state.path().to_owned() })
    }
}
