//! The packages that a device keeps: folders of one folder, each under its name.

use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::backbone::{Package, PackageError};
use crate::digest::Fingerprint;
use crate::manifest::{BackboneName, Manifest};

/// The folder of all kept packages. Names and fingerprints are those of the manifests: no network is read to find one.
#[derive(Clone, Debug)]
pub struct Registry {
    folder: PathBuf,
}

/// A kept package, of which nothing but the manifest has been read.
#[derive(Clone, Debug)]
pub struct Kept {
    pub name: BackboneName,
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Kept {
    /// The length of the network's file.
    pub fn bytes(&self) -> u64 {
        self.folder.join(&self.manifest.onnx.file).metadata().map_or(0, |file| file.len())
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    #[error("cannot list `{path}`")]
    List { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Package(#[from] PackageError),
}

impl Registry {
    /// The packages in `folder`, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Every package whose name and manifest can be read, by name; the others are passed over with a warning.
    ///
    /// # Errors
    /// When the folder is there and cannot be listed.
    pub fn list(&self) -> Result<Vec<Kept>, RegistryError> {
        atomic_file::recover_folders(&self.folder);
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|source| RegistryError::List { path: self.folder.clone(), source })?,
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        Ok(paths.into_iter().filter(|path| path.is_dir() && !is_hidden(path)).filter_map(kept).collect())
    }

    /// The package of this fingerprint, read and verified; `None` where none is kept.
    ///
    /// # Errors
    /// When the folder cannot be listed, or that package is damaged.
    pub fn find(&self, fingerprint: &Fingerprint) -> Result<Option<Package>, RegistryError> {
        let found = self.list()?.into_iter().find(|kept| kept.manifest.fingerprint() == *fingerprint);
        Ok(found.map(|kept| Package::open(&kept.folder)).transpose()?)
    }

    /// The package kept under `name`, read and verified; `None` where none is.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open(&self, name: &BackboneName) -> Result<Option<Package>, RegistryError> {
        let folder = self.path(name);
        atomic_file::recover_folder(&folder);
        Ok(folder.is_dir().then(|| Package::open(&folder)).transpose()?)
    }

    /// Copies `package` into the folder, where it is not there yet, and gives the name that it has there. One that is
    /// there gets the parts that it lacks.
    ///
    /// Another backbone of the same name keeps its folder, since heads may have been fitted on it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, package: &Package) -> Result<BackboneName, RegistryError> {
        atomic_file::remove_leftovers(&self.folder);
        let manifest = package.manifest();
        let fingerprint = manifest.fingerprint();
        let plain = manifest.name.clone();
        let unique = plain.with_suffix(&fingerprint.0.short());
        for name in [&plain, &unique] {
            if let Some(mut kept) = self.whole(name)?.filter(|kept| kept.fingerprint() == fingerprint) {
                if kept.complete_with(package) {
                    kept.save(&self.path(name))?;
                }
                return Ok(name.clone());
            }
        }
        let taken = self.path(&plain);
        let taken = taken.try_exists().map_err(|source| PackageError::Read { path: taken, source })?;
        let name = if taken { unique } else { plain };
        package.save(&self.path(&name))?;
        Ok(name)
    }

    /// The package kept under `name`; `None` where there is none or it is damaged. One that cannot be read now may be
    /// neither: it must not be written a second time under another name.
    fn whole(&self, name: &BackboneName) -> Result<Option<Package>, RegistryError> {
        match Package::open(&self.path(name)) {
            Ok(package) => Ok(Some(package)),
            Err(error @ PackageError::Read { .. }) if !is_missing(&error) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Where the package of this name is kept.
    pub fn path(&self, name: &BackboneName) -> PathBuf {
        self.folder.join(name.as_str())
    }
}

fn is_missing(error: &PackageError) -> bool {
    use io::ErrorKind::{FileTooLarge, NotADirectory, NotFound};
    matches!(error, PackageError::Read { source, .. } if matches!(source.kind(), FileTooLarge | NotADirectory | NotFound))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn kept(folder: PathBuf) -> Option<Kept> {
    let passed_over = |error: &dyn std::error::Error| tracing::warn!("passing over `{}`: {error}", folder.display());
    let name = folder.file_name()?.to_string_lossy().parse().inspect_err(|error| passed_over(error)).ok()?;
    let manifest = Package::manifest_of(&folder).inspect_err(|error| passed_over(error)).ok()?;
    Some(Kept { name, folder, manifest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::ImportRequest;

    fn package(preset_size: u32) -> Package {
        let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
        let mut package = Package::from_onnx(&network, &ImportRequest::default()).unwrap();
        let mut manifest = package.manifest().clone();
        manifest.preprocess.shortest_side = Some(preset_size);
        package = Package::new(manifest, package.onnx().to_vec());
        package
    }

    #[test]
    fn a_package_is_found_by_its_manifest_and_no_other_network_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::new(folder.path());
        let (one, other) = (package(20), package(30));
        let names = [registry.keep(&one).unwrap(), registry.keep(&other).unwrap()];
        assert_ne!(names[0], names[1], "another backbone of the same name gets one of its own");
        assert_eq!(registry.keep(&one).unwrap(), names[0]);
        // Whoever read it would find it damaged.
        std::fs::write(folder.path().join(names[1].as_str()).join(&other.manifest().onnx.file), b"garbage").unwrap();
        assert_eq!(registry.find(&one.fingerprint()).unwrap().unwrap().fingerprint(), one.fingerprint());
        assert!(matches!(
            registry.find(&other.fingerprint()),
            Err(RegistryError::Package(PackageError::Digest { .. }))
        ));
        assert_eq!(registry.list().unwrap().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_package_that_cannot_be_read_now_is_not_kept_under_a_second_name() {
        let folder = tempfile::tempdir().unwrap();
        let (registry, package) = (Registry::new(folder.path()), package(20));
        let path = registry.path(&registry.keep(&package).unwrap());
        std::fs::remove_dir_all(&path).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap();
        assert!(registry.keep(&package).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_package_is_passed_over_and_a_missing_folder_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Registry::new(folder.path().join("none")).list().unwrap().is_empty());
        for name in ["empty", "bad name", ".hidden"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let registry = Registry::new(folder.path());
        assert!(registry.list().unwrap().is_empty());
        assert!(registry.find(&package(20).fingerprint()).unwrap().is_none());
        assert!(registry.open(&BackboneName::new("none").unwrap()).unwrap().is_none());
    }
}
