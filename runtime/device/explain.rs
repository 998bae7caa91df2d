//! Why a head says what it says of a picture.

use std::collections::HashMap;

use ndarray::{Array4, s};

use super::Device;
use super::answering::AnswerError;
use super::error::DeviceError;
use super::heads::PublishedHead;
use crate::backbone::{Backbone, BackboneError, Provider};
use crate::dataset::{Dataset, SampleId};
use crate::digest::ContentHash;
use crate::explain::OcclusionError;
use crate::explain::{ClassMap, class_maps, nearest, occluded_maps};
use crate::head::{HeadArtifact, Outputs};
use crate::labels::{ClassIndex, Label};
use crate::predictor::{ExtractError, Reason, Statement, open};
use crate::preprocess::{Limits, Picture, Preprocessor, Seen, decode};
use crate::store::{Filter, HeadVersion, SampleRow, Selection, Store};
use crate::tensor::{Activations, Features, InputBatch};

/// A head on a session of its backbone that gives maps, and the stored pictures that it was fitted on.
pub struct Explainer {
    head: PublishedHead,
    /// The one that is compared with.
    versus: Option<PublishedHead>,
    session: Box<dyn Backbone>,
    preprocessor: Preprocessor,
    remembered: Option<Remembered>,
}

struct Remembered {
    dataset: Dataset,
    rows: HashMap<SampleId, SampleRow>,
}

/// Which outputs of a head are explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outlook {
    /// What is said, or would be.
    Said,
    All,
    Named(Vec<Label>),
}

/// What one picture's answer rests on.
#[non_exhaustive]
pub struct Explanation {
    /// Upright.
    pub picture: Picture,
    pub seen: Seen,
    pub statement: Statement,
    /// `None` for a number.
    pub why: Option<Reason>,
    pub maps: Vec<Explained>,
    /// The same classes by the head that is compared with, those that it knows.
    pub before: Vec<Explained>,
    /// The nearest stored pictures of what is said and of the runner-up; of an unknown picture, the nearest of all.
    pub nearest: Vec<Nearest>,
}

/// A map with the name of its class; no name for a number.
pub struct Explained {
    pub label: Option<Label>,
    pub probability: Option<f32>,
    pub map: ClassMap,
}

/// Stored pictures of one class, or of any.
pub struct Nearest {
    pub label: Option<Label>,
    pub pictures: Vec<Resembling>,
}

/// A stored picture that a picture resembles.
pub struct Resembling {
    pub id: SampleId,
    /// Path or URL.
    pub source: String,
    pub label: Label,
    /// One less the cosine of the features: 0 for the same.
    pub distance: f32,
}

/// How many of each class.
const NEAREST: usize = 3;

impl Device {
    /// Opens head `version`, else the live one, with the maps of its backbone; `versus` is compared with.
    ///
    /// # Errors
    /// As [`Device::predictor`], and when `versus` is of another backbone.
    pub fn explainer(
        &self,
        version: Option<HeadVersion>,
        versus: Option<HeadVersion>,
    ) -> Result<Explainer, DeviceError> {
        let head = self.heads().read(version)?;
        let versus = versus.map(|version| self.heads().read(Some(version))).transpose()?;
        let fingerprint = head.artifact.fingerprint();
        if let Some(other) = versus.as_ref().filter(|other| other.artifact.fingerprint() != fingerprint) {
            return Err(DeviceError::OtherBackbone { version: other.version });
        }
        let mut engine = self.settings().engine.clone();
        engine.map = true;
        let loader = open(self.backbones().of(&fingerprint)?, &engine)?.loader;
        let session = loader.session(engine.threads)?;
        let preprocessor = Preprocessor::new(loader.manifest().preprocess.clone(), self.settings().limits)
            .map_err(ExtractError::from)?;
        Ok(Explainer { head, versus, session, preprocessor, remembered: self.remembered(&fingerprint)? })
    }

    /// `None` where nothing is stored, or no longer with these features.
    fn remembered(&self, fingerprint: &crate::digest::Fingerprint) -> Result<Option<Remembered>, DeviceError> {
        let store = match Store::open_existing(&self.state().database()) {
            Ok(store) => store,
            Err(crate::store::StoreError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let dataset = self.dataset(&store, fingerprint, &Selection::default())?;
        let rows = store.samples(&Filter::default())?.into_iter().map(|row| (row.id, row)).collect();
        Ok((!dataset.is_empty()).then_some(Remembered { dataset, rows }))
    }
}

impl Explainer {
    /// Reads the stored pictures again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn catch_up(&mut self, device: &Device) -> Result<(), DeviceError> {
        self.remembered = device.remembered(&self.head.artifact.fingerprint())?;
        Ok(())
    }

    pub fn head(&self) -> &PublishedHead {
        &self.head
    }

    pub fn limits(&self) -> &Limits {
        self.preprocessor.limits()
    }

    pub fn provider(&self) -> Provider {
        self.session.provider()
    }

    /// What the head says of the picture that `bytes` encode, and why; of classes or labels, the best `top`.
    ///
    /// # Errors
    /// When the bytes are no picture or one beyond the limits, or the engine fails.
    pub fn explain(&mut self, bytes: &[u8], outlook: &Outlook, top: usize) -> Result<Explanation, AnswerError> {
        let observed = self.observe(bytes)?;
        let head = &self.head.artifact;
        let feature = observed.activations.features.0.row(0).to_vec();
        let said = Said::new(head, &observed.activations.features)?;
        let classes = said.classes(head, outlook);
        let maps = observed.maps(self.session.as_mut(), head, &classes)?;
        let before = match &self.versus {
            Some(PublishedHead { artifact: other, .. }) => {
                let labels = classes.iter().filter_map(|&class| head.labels().get(class));
                let known: Vec<ClassIndex> = labels.filter_map(|label| other.labels().index_of(label)).collect();
                observed.maps(self.session.as_mut(), other, &known)?
            }
            None => Vec::new(),
        };
        let own = ContentHash::of(bytes);
        let remembered = self.remembered.as_ref();
        Ok(Explanation {
            seen: Seen::new(self.preprocessor.settings(), observed.picture.dimensions()),
            statement: Statement::of_feature(&feature, head, top)?,
            nearest: remembered.map_or_else(Vec::new, |remembered| remembered.nearest(&feature, head, &said, own)),
            picture: observed.picture,
            why: said.why,
            maps,
            before,
        })
    }

    /// Once through the network.
    fn observe(&mut self, bytes: &[u8]) -> Result<Observed, AnswerError> {
        let settings = self.preprocessor.settings();
        let mut input = Array4::zeros((1, 3, settings.height as usize, settings.width as usize));
        let picture = decode(bytes, self.preprocessor.limits(), settings.background).map_err(of_decoding)?;
        let slot = input.slice_mut(s![0, .., .., ..]);
        self.preprocessor.run_picture(&picture, slot).map_err(ExtractError::from)?;
        let input = InputBatch::new(input).map_err(BackboneError::from).map_err(ExtractError::from)?;
        let activations = self.session.forward(&input).map_err(ExtractError::from)?;
        Ok(Observed { picture, input, activations })
    }
}

/// A picture with what the network made of it.
struct Observed {
    picture: Picture,
    input: InputBatch,
    activations: Activations,
}

impl Observed {
    fn maps(
        &self,
        session: &mut dyn Backbone,
        head: &HeadArtifact,
        classes: &[ClassIndex],
    ) -> Result<Vec<Explained>, AnswerError> {
        let maps = match class_maps(&self.activations, session.manifest(), head, classes) {
            Some(maps) => maps,
            None => occluded_maps(session, &self.input, head, classes).map_err(of_covering)?,
        };
        let probabilities = Said::new(head, &self.activations.features)?.probabilities;
        let named = |map: ClassMap| Explained {
            label: head.labels().get(map.class).cloned(),
            probability: probabilities.get(map.class.0).copied(),
            map,
        };
        Ok(maps.into_iter().map(named).collect())
    }
}

fn of_decoding(error: crate::preprocess::DecodeError) -> AnswerError {
    ExtractError::from(crate::preprocess::PreprocessError::from(error)).into()
}

fn of_covering(error: OcclusionError) -> AnswerError {
    match error {
        OcclusionError::Backbone(error) => ExtractError::from(error).into(),
        OcclusionError::Head(error) => error.into(),
    }
}

/// What a head made of a picture, whatever it answers with.
struct Said {
    /// Of classes or labels; empty for a number.
    probabilities: Vec<f32>,
    /// What is said, or would be, then the others, likeliest first.
    ranked: Vec<ClassIndex>,
    unknown: bool,
    why: Option<Reason>,
}

impl Said {
    fn new(head: &HeadArtifact, features: &Features) -> Result<Self, AnswerError> {
        if *head.outputs() == Outputs::Value {
            let unknown = head.values(features)?[0].unknown;
            return Ok(Self { probabilities: Vec::new(), ranked: vec![ClassIndex(0)], unknown, why: None });
        }
        let scores = head.predict(features)?.remove(0);
        let said = scores.said();
        let others = scores.ranked().into_iter().map(|(class, _)| class).filter(|class| *class != said);
        let ranked = std::iter::once(said).chain(others).collect();
        let why = Some(Reason::new(&scores, head));
        Ok(Self { ranked, unknown: scores.unknown, why, probabilities: scores.probabilities })
    }

    fn classes(&self, head: &HeadArtifact, outlook: &Outlook) -> Vec<ClassIndex> {
        match outlook {
            Outlook::Said => self.ranked[..1].to_vec(),
            Outlook::All => self.ranked.clone(),
            Outlook::Named(labels) => labels.iter().filter_map(|label| head.labels().index_of(label)).collect(),
        }
    }
}

impl Remembered {
    fn nearest(&self, feature: &[f32], head: &HeadArtifact, said: &Said, own: ContentHash) -> Vec<Nearest> {
        let last = head.channels().last;
        let features = self.dataset.features();
        let features = features.slice(s![.., ..last]);
        let feature = ndarray::ArrayView1::from(&feature[..last]);
        let is_itself = |row: usize| self.rows.get(&self.dataset.ids()[row]).is_some_and(|sample| sample.hash == own);
        let of = |label: Option<&Label>| {
            let class = label.map(|label| self.dataset.labels().index_of(label));
            let wanted =
                |row: usize| class.is_none_or(|class| Some(self.dataset.targets()[row]) == class) && !is_itself(row);
            let found = nearest(features, feature, NEAREST, wanted);
            let pictures = found.into_iter().map(|neighbour| self.resembling(neighbour.row, neighbour.distance));
            Nearest { label: label.cloned(), pictures: pictures.collect() }
        };
        let name = |class: &ClassIndex| head.labels().get(*class);
        let wanted: Vec<Option<&Label>> = match (said.unknown, head.outputs()) {
            (true, _) | (_, Outputs::Value | Outputs::Labels { .. }) => vec![None],
            _ => said.ranked.iter().take(2).map(name).collect(),
        };
        wanted.into_iter().map(of).filter(|nearest| !nearest.pictures.is_empty()).collect()
    }

    fn resembling(&self, row: usize, distance: f32) -> Resembling {
        let id = self.dataset.ids()[row];
        let label = self.dataset.labels().get(self.dataset.targets()[row]).expect("one label a class").clone();
        let source = self.rows.get(&id).map(|row| row.source.clone()).unwrap_or_default();
        Resembling { id, source, label, distance }
    }
}
