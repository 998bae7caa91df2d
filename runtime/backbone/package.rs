//! A backbone on disk: a folder with `manifest.toml`, the ONNX file it names and, where they are known,
//! `golden.safetensors`, `classifier.safetensors` and `labels.txt`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::graph::MAX_BYTES;
use super::{Classifier, ClassifierError, Golden, GoldenError};
use crate::atomic_file;
use crate::digest::{Digest, Fingerprint};
use crate::manifest::{Manifest, ManifestError};

/// The manifest's file name inside a package.
pub const MANIFEST_FILE: &str = "manifest.toml";
/// The golden vectors' file name inside a package.
pub const GOLDEN_FILE: &str = "golden.safetensors";
/// The classifier rows' file name inside a package.
pub const CLASSIFIER_FILE: &str = "classifier.safetensors";
/// The class names' file name inside a package.
pub const LABELS_FILE: &str = "labels.txt";

/// A network with its manifest; the ONNX bytes are those that the manifest's digest names.
#[derive(Clone, PartialEq, Debug)]
pub struct Package {
    manifest: Manifest,
    onnx: Vec<u8>,
    golden: Option<Golden>,
    classifier: Option<Classifier>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the backbone package `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("the manifest `{path}` is invalid")]
    Manifest { path: PathBuf, source: ManifestError },
    #[error("expected a backbone package, an empty folder or nothing at `{path}`, got {got}")]
    Occupied { path: PathBuf, got: String },
    #[error("the preprocessing of the network is invalid")]
    Preprocess(#[source] ManifestError),
    #[error("the golden vectors `{path}` are invalid")]
    Golden { path: PathBuf, source: GoldenError },
    #[error("the classifier rows `{path}` are invalid")]
    Classifier { path: PathBuf, source: ClassifierError },
    #[error("expected `{path}` to have SHA-256 {expected}, got {got}: the file was changed or damaged")]
    Digest { path: PathBuf, expected: Digest, got: Digest },
}

impl Package {
    /// Puts together what was made elsewhere; the manifest's digest becomes that of `onnx`.
    pub fn new(mut manifest: Manifest, onnx: Vec<u8>) -> Self {
        manifest.onnx.sha256 = Digest::of(&onnx);
        Self { manifest, onnx, golden: None, classifier: None }
    }

    /// The manifest of the package in `folder`; nothing else of it is read.
    ///
    /// # Errors
    /// When it is missing, damaged or of another format.
    pub fn manifest_of(folder: &Path) -> Result<Manifest, PackageError> {
        read_manifest(folder)
    }

    /// Reads and verifies the package in `folder`.
    ///
    /// # Errors
    /// When a file is missing, damaged or of another format.
    pub fn open(folder: &Path) -> Result<Self, PackageError> {
        let manifest = read_manifest(folder)?;
        let path = folder.join(&manifest.onnx.file);
        let onnx = read(&path, MAX_BYTES)?;
        let (expected, got) = (manifest.onnx.sha256, Digest::of(&onnx));
        if expected != got {
            return Err(PackageError::Digest { path, expected, got });
        }
        let (golden, classifier) = (read_golden(&folder.join(GOLDEN_FILE))?, read_classifier(folder)?);
        Ok(Self { manifest, onnx, golden, classifier })
    }

    /// Writes the package to `folder`. What is there already stays where it is the same package, and is replaced where it
    /// is another; at any time the one or the other is there, whole.
    ///
    /// # Errors
    /// [`PackageError::Occupied`] when something else is there, which stays; when something cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), PackageError> {
        let write_error = |source| PackageError::Write { path: folder.to_owned(), source };
        // Where a link leads to a package, that package is replaced and not the link.
        let resolved = folder.canonicalize().or_else(|_| std::path::absolute(folder)).map_err(write_error)?;
        atomic_file::recover_folder(&resolved);
        if Self::open(&resolved).is_ok_and(|there| there == *self) {
            return Ok(());
        }
        Self::check_place(folder)?;
        atomic_file::replace_folder(&resolved, |new| self.write_files(new)).map_err(write_error)
    }

    /// Holds that a package may be written to `folder`: nothing is there, or an empty folder, or a package, which would
    /// be replaced, and no other file.
    ///
    /// # Errors
    /// [`PackageError::Occupied`] when something else is there.
    pub fn check_place(folder: &Path) -> Result<(), PackageError> {
        let occupied = |got: String| Err(PackageError::Occupied { path: folder.to_owned(), got });
        let read_error = |source| PackageError::Read { path: folder.to_owned(), source };
        match fs::metadata(folder) {
            Ok(found) if !found.is_dir() => return occupied("a file".to_owned()),
            Ok(_) => {}
            Err(_) if folder.is_symlink() => return occupied("a link that leads nowhere".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(read_error(source)),
        }
        let entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(read_error)?;
        let manifest = match read_manifest(folder) {
            _ if entries.is_empty() => return Ok(()),
            Ok(manifest) => manifest,
            Err(error) => return occupied(format!("a folder that is none ({error})")),
        };
        let own = [MANIFEST_FILE, &manifest.onnx.file, GOLDEN_FILE, CLASSIFIER_FILE, LABELS_FILE];
        let is_own = |entry: &&fs::DirEntry| {
            own.iter().any(|name| entry.file_name() == *name) && entry.file_type().is_ok_and(|kind| kind.is_file())
        };
        match entries.iter().find(|entry| !is_own(entry)) {
            Some(entry) => occupied(format!("a package with `{}` in it", entry.file_name().display())),
            None => Ok(()),
        }
    }

    fn write_files(&self, folder: &Path) -> io::Result<()> {
        #[cfg(unix)]
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        atomic_file::create(&folder.join(&self.manifest.onnx.file), &self.onnx)?;
        if let Some(golden) = &self.golden {
            atomic_file::create(&folder.join(GOLDEN_FILE), &golden.to_bytes())?;
        }
        if let Some(classifier) = &self.classifier {
            atomic_file::create(&folder.join(CLASSIFIER_FILE), &classifier.to_bytes())?;
            if !classifier.labels.is_empty() {
                atomic_file::create(&folder.join(LABELS_FILE), (classifier.labels.join("\n") + "\n").as_bytes())?;
            }
        }
        atomic_file::create(&folder.join(MANIFEST_FILE), self.manifest.to_toml().as_bytes())
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.manifest.fingerprint()
    }

    pub fn onnx(&self) -> &[u8] {
        &self.onnx
    }

    pub fn golden(&self) -> Option<&Golden> {
        self.golden.as_ref()
    }

    pub fn set_golden(&mut self, golden: Golden) {
        self.golden = Some(golden);
    }

    /// The last rows of the classifier that the backbone was cut from, where they multiply the feature.
    pub fn classifier(&self) -> Option<&Classifier> {
        self.classifier.as_ref()
    }

    pub fn set_classifier(&mut self, classifier: Option<Classifier>) {
        self.classifier = classifier;
    }

    /// The same network on its last map alone: the package as it was, fingerprint included, before there were taps.
    pub fn without_taps(&self) -> Self {
        let manifest = self.manifest.without_taps();
        let golden = self.golden.as_ref().map(|golden| golden.of_first(manifest.feature.dim));
        Self { golden, manifest, ..self.clone() }
    }

    /// Takes golden vectors, classifier rows and class names from `other`, the same network, where it has none itself;
    /// whether it took any.
    pub fn complete_with(&mut self, other: &Self) -> bool {
        let mut taken = false;
        if self.golden.is_none() && other.golden.is_some() {
            self.golden.clone_from(&other.golden);
            taken = true;
        }
        let names = |package: &Self| package.classifier.as_ref().map_or(0, |classifier| classifier.labels.len());
        let lacks = self.classifier.is_none() && other.classifier.is_some();
        if lacks || (names(self) == 0 && names(other) > 0) {
            self.classifier.clone_from(&other.classifier);
            taken = true;
        }
        taken
    }

    pub(super) fn into_parts(self) -> (Manifest, Vec<u8>) {
        (self.manifest, self.onnx)
    }
}

fn read_manifest(folder: &Path) -> Result<Manifest, PackageError> {
    let path = folder.join(MANIFEST_FILE);
    let text = read(&path, 1 << 20)?;
    Manifest::parse(&String::from_utf8_lossy(&text)).map_err(|source| PackageError::Manifest { path, source })
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, PackageError> {
    crate::files::read(path, limit).map_err(|source| PackageError::Read { path: path.to_owned(), source })
}

/// `None` where there is no file.
fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, PackageError> {
    match read(path, MAX_BYTES) {
        Err(PackageError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn read_golden(path: &Path) -> Result<Option<Golden>, PackageError> {
    let parse =
        |bytes: Vec<u8>| Golden::parse(&bytes).map_err(|source| PackageError::Golden { path: path.to_owned(), source });
    read_optional(path)?.map(parse).transpose()
}

fn read_classifier(folder: &Path) -> Result<Option<Classifier>, PackageError> {
    let path = folder.join(CLASSIFIER_FILE);
    let Some(bytes) = read_optional(&path)? else {
        return Ok(None);
    };
    let labels = read_optional(&folder.join(LABELS_FILE))?.unwrap_or_default();
    let classifier = Classifier::parse(&bytes, &String::from_utf8_lossy(&labels));
    classifier.map(Some).map_err(|source| PackageError::Classifier { path, source })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;
    use crate::backbone::PreprocessSpec;
    use crate::manifest::{Feature, FeatureKind, Onnx};

    fn package(onnx: &[u8]) -> Package {
        let manifest = Manifest {
            format: 1,
            name: "net".parse().unwrap(),
            licence: String::new(),
            source: String::new(),
            onnx: Onnx { file: "backbone.onnx".into(), sha256: Digest::of(b""), input: "x".into() },
            preprocess: PreprocessSpec::default().resolve(None).unwrap(),
            feature: Feature { output: "y".into(), kind: FeatureKind::Map, map: None, dim: 3, taps: Vec::new() },
        };
        let mut package = Package::new(manifest, onnx.to_vec());
        package.set_golden(Golden { images: vec![Array3::zeros((2, 3, 3))], features: array![[1.0, 2.0, 3.0]] });
        package
    }

    #[test]
    fn a_package_survives_being_saved_and_opened_and_replaces_another() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("backbones/net");
        for onnx in [b"first".as_slice(), b"second", b"second"] {
            package(onnx).save(&folder).unwrap();
            let opened = Package::open(&folder).unwrap();
            assert_eq!((opened.onnx(), opened.manifest()), (onnx, package(onnx).manifest()));
            assert_eq!(opened.golden(), package(onnx).golden());
        }
        assert_eq!(fs::read_dir(state.path().join("backbones")).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_package_or_holds_another_file_is_never_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("net");
        let refused = |got: &str| {
            let error = package(b"new").save(&folder).unwrap_err();
            assert!(matches!(error, PackageError::Occupied { .. }) && error.to_string().contains(got), "{error}");
        };
        fs::write(&folder, b"precious").unwrap();
        refused("a file");
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        package(b"first").save(&folder).unwrap();
        fs::write(folder.join("photo.jpg"), b"precious").unwrap();
        refused("`photo.jpg`");
        fs::remove_file(folder.join(MANIFEST_FILE)).unwrap();
        refused("a folder that is none");
        fs::write(folder.join(MANIFEST_FILE), b"[package]\nname = \"another's\"").unwrap();
        refused("a folder that is none");
        assert_eq!(fs::read(folder.join("photo.jpg")).unwrap(), b"precious");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_to_a_package_stays_a_link_and_one_to_nothing_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, link) = (parent.path().join("net"), parent.path().join("link"));
        std::os::unix::fs::symlink("net", &link).unwrap();
        assert!(matches!(package(b"one").save(&link), Err(PackageError::Occupied { .. })));
        package(b"one").save(&folder).unwrap();
        package(b"two").save(&link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(Package::open(&folder).unwrap().onnx(), b"two");
    }

    #[test]
    fn a_changed_network_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("net");
        package(b"good").save(&folder).unwrap();
        fs::write(folder.join("backbone.onnx"), b"evil").unwrap();
        assert!(matches!(Package::open(&folder), Err(PackageError::Digest { .. })));
    }

    #[test]
    fn a_package_without_a_part_that_it_needs_is_refused() {
        let state = tempfile::tempdir().unwrap();
        for missing in [MANIFEST_FILE, "backbone.onnx"] {
            let folder = state.path().join(missing);
            package(b"good").save(&folder).unwrap();
            fs::remove_file(folder.join(missing)).unwrap();
            assert!(matches!(Package::open(&folder), Err(PackageError::Read { .. })), "{missing}");
        }
        let folder = state.path().join("net");
        package(b"good").save(&folder).unwrap();
        fs::write(folder.join(GOLDEN_FILE), b"broken").unwrap();
        assert!(matches!(Package::open(&folder), Err(PackageError::Golden { .. })));
    }
}
