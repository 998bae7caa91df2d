//! From stored features to a head, and to a published one.

use std::path::PathBuf;

use super::changes::{Marked, noted};
use super::error::{DeviceError, LiveHead};
use super::features::with_last_map;
use super::known_classes::known_classes;
use super::{Device, Heads};
use crate::backbone::Package;
use crate::causes::causes;
use crate::dataset::{Dataset, Unlabelled};
use crate::digest::Fingerprint;
use crate::head::{Answers, FitOptions, HeadArtifact, fit_beside, fit_with_answers, fit_with_guesses};
use crate::labels::Label;
use crate::manifest::Manifest;
use crate::store::{Forgettings, HeadFolder, HeadFolderError, HeadVersion, PublishError, Store, StoreError};

/// Which head to fit, and on what beside the labelled pictures.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FitRequest {
    pub options: FitOptions,
    pub mode: FitMode,
}

/// What a head learns from, and what it names.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum FitMode {
    /// The labelled pictures, and their classes.
    #[default]
    Plain,
    /// Also pictures without a label, where a first head is this sure of them and it does no harm.
    Guessing { confidence: f64 },
    /// The new classes beside those of the backbone's own classifier: the named ones, or all where none is named.
    Beside { names: Vec<String> },
}

/// A head that is not published yet.
pub struct Fitted {
    pub head: HeadArtifact,
    /// What it answered for pictures that it had not seen; only of plain fits.
    pub answers: Option<Answers>,
    /// Of the backbone whose features it was fitted on.
    pub backbone: Manifest,
    pub(super) read: Forgettings,
}

/// Where a head was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    pub version: HeadVersion,
    /// `None` where it was replaced again before anybody could look.
    pub path: Option<PathBuf>,
}

/// All that a fit learns from, of one moment.
pub(super) struct Read {
    pub forgettings: Forgettings,
    pub dataset: Dataset,
    /// The samples of the dataset.
    pub pictures: Vec<Marked>,
    /// Empty where it was not asked for.
    pub unlabelled: Unlabelled,
}

impl FitRequest {
    /// How a head was fitted, as far as its file says; without its note.
    pub(super) fn of(head: &HeadArtifact) -> Self {
        let report = head.report();
        let of_classes = report.of_classes();
        let kept = of_classes.and_then(|classes| classes.kept.as_ref());
        let mode = match (kept, of_classes.and_then(|classes| classes.pseudo_labels.as_ref())) {
            (Some(kept), _) => {
                FitMode::Beside { names: head.labels().iter().take(kept.classes).map(Label::to_string).collect() }
            }
            (None, Some(guesses)) => FitMode::Guessing { confidence: guesses.confidence },
            (None, None) => FitMode::Plain,
        };
        Self { options: head.options().cloned().unwrap_or_else(|| FitOptions::told_by(report)), mode }
    }
}

impl Read {
    /// `last`: how many channels of a feature are of the last map.
    pub fn new(
        store: &Store,
        (fingerprint, last): (&Fingerprint, usize),
        unlabelled: bool,
    ) -> Result<Self, StoreError> {
        store.snapshot(|store| {
            let forgettings = store.forgettings()?;
            let dataset = with_last_map(store.training_set(fingerprint)?, Some(last));
            let unlabelled = if unlabelled { store.unlabelled(fingerprint)? } else { Unlabelled::default() };
            let pictures = store.labelled(fingerprint)?.iter().map(Marked::of).collect();
            Ok(Self { forgettings, dataset, pictures, unlabelled })
        })
    }
}

impl Device {
    /// Cross-validates and fits a head on the stored features of the backbone in use; publishes nothing.
    ///
    /// # Errors
    /// When there is nothing to learn from, or the request makes no sense.
    pub fn fit(&self, request: &FitRequest) -> Result<Fitted, DeviceError> {
        let store = self.existing_store()?;
        let package = self.backbones().in_use_of(&store)?;
        let read = self.read_for(request, &store, &package)?;
        self.fit_read(&read, request, &package)
    }

    /// What `request` learns from, of the backbone `package`.
    pub(super) fn read_for(&self, request: &FitRequest, store: &Store, package: &Package) -> Result<Read, DeviceError> {
        let options = self.within_memory(&request.options);
        if let Some(stored) = store.fingerprints()?.iter().find(|stored| stored.fingerprint == package.fingerprint()) {
            options.check_memory(stored.samples, stored.dim)?;
        }
        let guessing = matches!(request.mode, FitMode::Guessing { .. });
        let read = Read::new(store, (&package.fingerprint(), package.manifest().feature.dim), guessing)?;
        if read.dataset.is_empty() { Err(DeviceError::NoSamples) } else { Ok(read) }
    }

    pub(super) fn fit_read(
        &self,
        Read { forgettings, dataset, pictures, unlabelled }: &Read,
        request: &FitRequest,
        package: &Package,
    ) -> Result<Fitted, DeviceError> {
        let options = &self.within_memory(&request.options);
        let (head, answers) = match &request.mode {
            FitMode::Beside { names } => (fit_beside(dataset, &known_classes(package, names)?, options)?, None),
            FitMode::Guessing { .. } if unlabelled.ids.is_empty() => return Err(DeviceError::NoUnlabelled),
            FitMode::Guessing { confidence } => (fit_with_guesses(dataset, unlabelled, options, *confidence)?, None),
            FitMode::Plain => {
                let (head, answers) = fit_with_answers(dataset, options)?;
                (head, Some(answers))
            }
        };
        let head = noted(head, answers.as_ref(), pictures)?;
        Ok(Fitted { head, answers, backbone: package.manifest().clone(), read: *forgettings })
    }

    /// `options` with the memory of the settings where they say none.
    pub(super) fn within_memory(&self, options: &FitOptions) -> FitOptions {
        FitOptions { memory: options.memory.or(self.settings().fit_memory), ..options.clone() }
    }

    /// Makes `fitted` the live head; when this returns, it survives a power cut.
    ///
    /// # Errors
    /// When samples were forgotten since it was fitted, from which it may have learned; when it cannot be written.
    pub fn publish(&self, fitted: &Fitted) -> Result<Published, DeviceError> {
        self.write(fitted, |folder, bytes, store| folder.publish_fitted(bytes, store, fitted.read))
    }

    /// Writes the head by `how`, and says where it is.
    pub(super) fn write(
        &self,
        fitted: &Fitted,
        how: impl FnOnce(&HeadFolder, &[u8], &mut Store) -> Result<HeadVersion, PublishError>,
    ) -> Result<Published, DeviceError> {
        let (heads, bytes) = (self.heads(), fitted.head.to_bytes());
        let mut store = self.existing_store()?;
        let failed =
            |error: PublishError| DeviceError::Publish { source: error.into(), live: live_now(&heads, &bytes) };
        let version = how(heads.folder(), &bytes, &mut store).map_err(failed)?;
        let written = heads.list().map_err(|error| failed(error.into()))?;
        let path = written.into_iter().find(|head| head.version == version).map(|head| head.path);
        Ok(Published { version, path })
    }
}

fn live_now(heads: &Heads, bytes: &[u8]) -> LiveHead {
    match heads.folder().current() {
        Ok((version, live)) if live == bytes => LiveHead::New(version),
        Ok((version, _)) => LiveHead::Other(version),
        Err(HeadFolderError::Empty { .. }) => LiveHead::None,
        Err(error) => LiveHead::Unknown(causes(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StateDir;

    #[test]
    fn the_head_that_is_live_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        state.create().unwrap();
        let heads = Heads::new(&state, 5);
        assert_eq!(live_now(&heads, b"new"), LiveHead::None);
        heads.folder().publish(b"old").unwrap();
        assert_eq!(live_now(&heads, b"new"), LiveHead::Other(HeadVersion(1)));
        heads.folder().publish(b"new").unwrap();
        assert_eq!(live_now(&heads, b"new"), LiveHead::New(HeadVersion(2)));
        std::fs::write(state.heads().join("current"), "somewhere").unwrap();
        assert!(matches!(live_now(&heads, b"new"), LiveHead::Unknown(reason) if reason.starts_with("expected `")));
    }
}
