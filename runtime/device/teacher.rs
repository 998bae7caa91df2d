//! Makes samples of pictures that somebody shows, one after another: of bytes alone.

use super::error::DeviceError;
use super::pictures::NewPicture;
use super::{Added, Device};
use crate::dataset::SampleId;
use crate::digest::{ContentHash, Fingerprint};
use crate::head::Neighbourhood;
use crate::labels::Label;
use crate::manifest::BackboneName;
use crate::predictor::SingleExtractor;
use crate::preprocess::{PoorPicture, REVISION};
use crate::store::{FeatureVector, Known, Store};

/// So many samples that others added are compared with beside those that were read; of more, the latest.
const MOST_LATER: usize = 1000;

/// A picture that is to be a sample.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    /// An image file, whole.
    pub bytes: &'a [u8],
    /// `None`: somebody says later what it is.
    pub label: Option<&'a Label>,
    /// What it shares with others that must not be told apart from it by chance; `None` is a group of its own.
    pub group: Option<String>,
    /// Where it comes from, with which the name of its file begins.
    pub from: &'a str,
    /// Whether nothing is stored that is poor, or much like a sample: as of a burst, of which there is always another picture.
    pub is_choosy: bool,
}

/// What became of it.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Taught {
    /// It is a sample now.
    Stored(SampleId),
    /// The same file is a sample, and now has the label.
    Known {
        id: SampleId,
        /// The label that it had before, where that was another one.
        relabelled: Option<Label>,
    },
    /// It shows hardly anything that a sample does not.
    Twin,
    Poor(PoorPicture),
}

/// What makes samples: the backbone in use, and the samples there are.
pub struct Teacher {
    device: Device,
    store: Store,
    backbone: Option<BackboneName>,
    extractor: SingleExtractor,
    fingerprint: Fingerprint,
    samples: Neighbourhood,
    /// The last sample of them, and the version of the edits.
    last: SampleId,
    version: i64,
    /// The store as it was when they were read.
    data_version: i64,
}

impl Device {
    /// Opens the backbone in use, and reads the samples.
    ///
    /// # Errors
    /// When it is gone or damaged or runs nowhere, or the state cannot be written.
    pub fn teacher(&self) -> Result<Teacher, DeviceError> {
        let extractor = self.single_extractor()?;
        let (store, manifest) = (self.store()?, extractor.manifest());
        let (fingerprint, channels) = (manifest.fingerprint(), manifest.feature.dim);
        let data_version = store.data_version()?;
        Ok(Teacher {
            device: self.clone(),
            backbone: self.backbones().name_in_use()?,
            samples: self.neighbourhood(&store, (&fingerprint, channels))?,
            last: store.last_id()?,
            version: store.version()?,
            extractor,
            fingerprint,
            data_version,
            store,
        })
    }
}

impl Teacher {
    /// Makes a sample of a picture. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// When the bytes are no picture, or the state cannot be written; then nothing is stored.
    pub fn teach(&mut self, lesson: &Lesson<'_>) -> Result<Taught, DeviceError> {
        self.catch_up()?;
        let known = self.store.known(&ContentHash::of(lesson.bytes), &self.fingerprint, REVISION)?;
        let feature = if lesson.is_choosy && known == Known::New {
            match self.extractor.feature_unless_poor(lesson.bytes)? {
                Err(poor) => return Ok(Taught::Poor(poor)),
                Ok(feature) if self.samples.is_copy(self.samples.distance(&feature)) => return Ok(Taught::Twin),
                Ok(feature) => feature,
            }
        } else {
            self.extractor.feature(lesson.bytes)?
        };
        let added = self.add(lesson, feature.clone())?;
        if added.was_known {
            return Ok(Taught::Known { id: added.id, relabelled: added.relabelled });
        }
        self.samples.add(&feature);
        // What others stored between is read when somebody writes again.
        if added.id.0 == self.last.0 + 1 {
            self.last = added.id;
        }
        Ok(Taught::Stored(added.id))
    }

    /// The version of the edits of the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn version(&self) -> Result<i64, DeviceError> {
        Ok(self.store.version()?)
    }

    fn add(&mut self, lesson: &Lesson<'_>, values: Vec<f32>) -> Result<Added, DeviceError> {
        let features = FeatureVector { fingerprint: self.fingerprint, revision: REVISION, values };
        let Lesson { bytes, label, group, from, .. } = lesson.clone();
        self.device.add_picture_to(&mut self.store, &NewPicture { bytes, features, label, group, from })
    }

    /// Reads what others changed meanwhile.
    fn catch_up(&mut self) -> Result<(), DeviceError> {
        let data_version = self.store.data_version()?;
        if data_version == self.data_version {
            return Ok(());
        }
        if self.device.backbones().name_in_use()? != self.backbone {
            *self = self.device.teacher()?;
            return Ok(());
        }
        let (version, last) = (self.store.version()?, self.store.last_id()?);
        if version != self.version || last < self.last {
            let channels = self.samples.channels();
            self.samples = self.device.neighbourhood(&self.store, (&self.fingerprint, channels))?;
        } else if last != self.last {
            let later = self.store.features_since(&self.fingerprint, self.last, MOST_LATER)?;
            later.iter().for_each(|feature| self.samples.add(feature));
        }
        (self.version, self.last, self.data_version) = (version, last, data_version);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Settings;
    use crate::preprocess::{Picture, to_png};
    use crate::store::{Filter, StateDir};

    fn device(folder: &tempfile::TempDir) -> Device {
        let provider = crate::backbone::ProviderChoice::Only(crate::backbone::Provider::Tract);
        let engine = crate::backbone::Options { provider, ..Default::default() };
        Device::new(StateDir::new(folder.path()), Settings { engine, ..Settings::default() })
    }

    /// Stripes, `wide` pixels each.
    fn picture(wide: usize, shade: u8) -> Vec<u8> {
        let pixel = |at: usize| if (at % 96 / wide).is_multiple_of(2) { shade } else { 255 - shade };
        let pixels = (0..96 * 96).flat_map(|at| [pixel(at); 3]).collect();
        to_png(&Picture::new(96, 96, pixels).unwrap()).unwrap()
    }

    fn lesson<'a>(bytes: &'a [u8], label: Option<&'a Label>, is_choosy: bool) -> Lesson<'a> {
        Lesson { bytes, label, group: Some("burst".to_owned()), from: "gate", is_choosy }
    }

    #[test]
    fn a_picture_is_stored_once_and_what_is_poor_or_much_like_it_only_when_somebody_wants_that() {
        let folder = tempfile::tempdir().unwrap();
        let mut teacher = device(&folder).teacher().unwrap();
        let (cup, bowl) = (Label::new("cup").unwrap(), Label::new("bowl").unwrap());
        let (one, like, dark) = (picture(16, 10), picture(16, 11), picture(96, 2));
        let Taught::Stored(id) = teacher.teach(&lesson(&one, Some(&cup), true)).unwrap() else { panic!("it is new") };
        assert_eq!(teacher.teach(&lesson(&like, Some(&cup), true)).unwrap(), Taught::Twin);
        let poor = teacher.teach(&lesson(&dark, Some(&cup), true)).unwrap();
        assert!(matches!(poor, Taught::Poor(_)), "{poor:?}");
        let known = teacher.teach(&lesson(&one, Some(&bowl), true)).unwrap();
        assert_eq!(known, Taught::Known { id, relabelled: Some(cup.clone()) });
        let unlabelled = teacher.teach(&lesson(&one, None, false)).unwrap();
        assert_eq!(unlabelled, Taught::Known { id, relabelled: None }, "it keeps its label");
        for wanted in [&like, &dark] {
            assert!(matches!(teacher.teach(&lesson(wanted, None, false)).unwrap(), Taught::Stored(_)));
        }
        assert!(teacher.teach(&lesson(b"no picture", None, false)).is_err());
        let labels: Vec<_> =
            teacher.store.samples(&Filter::default()).unwrap().into_iter().map(|row| row.label).collect();
        assert_eq!(labels, [Some(bowl), None, None]);
    }

    #[test]
    fn what_others_added_or_removed_meanwhile_counts() {
        let folder = tempfile::tempdir().unwrap();
        let device = device(&folder);
        let (mut teacher, mut other) = (device.teacher().unwrap(), device.teacher().unwrap());
        let (one, like) = (picture(16, 10), picture(16, 11));
        let Taught::Stored(id) = other.teach(&lesson(&one, None, true)).unwrap() else { panic!("it is new") };
        assert_eq!(teacher.teach(&lesson(&like, None, true)).unwrap(), Taught::Twin);
        device.existing_store().unwrap().remove(&Filter::ids(vec![id])).unwrap();
        assert!(matches!(teacher.teach(&lesson(&like, None, true)).unwrap(), Taught::Stored(_)));
    }
}
