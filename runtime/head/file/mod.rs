//! A head's file: safetensors with the weights as tensors and everything else as metadata strings.
//!
//! | Metadata | |
//! |---|---|
//! | `format` | `edgetl-head` |
//! | `version` | `3` |
//! | `checksum` | SHA-256 of the whole file, 64 lower-case hexadecimal digits, with zeros in the place of these digits |
//! | `options` | JSON object: what the head was fitted with |
//! | `task` | `regression` or `multilabel`; absent for classification |
//! | `kind` | `softmax`, `ridge`, `lda`, `average`, `mlp`, `prototype` |
//! | `labels` | JSON list of strings, one a class; empty for regression |
//! | `fingerprint` | 64 hexadecimal digits |
//! | `temperature` | a number |
//! | `unknown` | JSON object (threshold, false-reject rate, kind of distance, usual distance and logit, rows a class); absent without rule |
//! | `channels` | JSON object: how many channels of a feature are of the last map, and how many there are; absent where all are |
//! | `operating` | JSON object: the rule that makes a decision of probabilities, and the least that says anything; absent where the likeliest class is said |
//! | `report` | JSON object, as `fit-head --json` prints it |
//!
//! Version 1 (classification) and version 2 (other tasks) had neither `checksum` nor `options`.
//!
//! | Tensor | Type | Shape | |
//! |---|---|---|---|
//! | `weight`, `bias` | F32 | `[K,C]`, `[K]` | `softmax`, `ridge`, `lda` and `average` |
//! | `hidden.weight`, `hidden.bias` | F32 | `[H,C]`, `[H]` | `mlp` |
//! | `output.weight`, `output.bias` | F32 | `[K,H]`, `[K]` | `mlp` |
//! | `directions`, `scale` | F32 | `[K,C]`, `[1]` | `prototype` |
//! | `thresholds` | F32 | `[K]` | `multilabel`: probabilities from which on a label is there |
//! | `unknown.directions`, `unknown.scales` | I8, F32 | `[M,L]`, `[M]` | with `unknown` of kind `neighbours` |
//! | `unknown.means`, `unknown.scales` | F32 | `[K,L]`, `[L]` | with `unknown` of kind `means` |
//! | `pictures`, `pictures.labels` | I64, I32 | `[N]` | marks of the pictures that were learned from, ascending, and of the label of each; absent in older files |
//! | `answers.pictures`, `answers.truth`, `answers.probabilities` | I64, I32, F32 | `[M]`, `[M]`, `[M,K]` | marks of the pictures that were held out, ascending, the class that each was, and what was said of it; absent where not kept |
//! | `answers.groups` | I32 | `[M]` | numbers from 0, the same for pictures of one group; absent in older files |
//!
//! L are the channels of the last map, C those or all.

mod artifact;
mod checksum;
mod kept_answers;
mod learned_from;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ndarray::{Array1, Array2};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::calibration::Temperature;
use super::error::InvalidHead;
use super::models::{
    Channels, Head, HeadKind, Linear, LinearKind, Mlp, Outputs, ParseHeadError, ParseTaskError, Prototype, Task,
};
use super::unknown::{ClassMeans, Distance, DistanceKind, NeighbourBank, UnknownRule, UsualRange};
use crate::digest::{Fingerprint, ParseDigestError};
use crate::labels::ClassIndex;
use writer::{Tensor, serialize};

pub use artifact::{ArtifactParts, HeadArtifact, HeadError, Scores, Value};
pub use kept_answers::KeptAnswers;
pub use learned_from::LearnedFrom;

const FORMAT: &str = "edgetl-head";
const VERSION: u32 = 3;
/// The first with a checksum.
const CHECKED_VERSION: u32 = 3;

/// Why bytes are no head.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    #[error("expected a safetensors file")]
    NotSafetensors(#[source] SafeTensorError),
    #[error("expected a head of format `{FORMAT}`, got {0:?}")]
    Format(Option<String>),
    #[error("expected a head of version {VERSION} or older, got `{0}`, which another version of edgetl wrote")]
    Version(String),
    #[error("the file is damaged: its checksum does not match")]
    Checksum,
    #[error("expected `{0}` in the metadata")]
    MissingMetadata(&'static str),
    #[error("expected `{key}` of the metadata to be what this version writes")]
    Metadata { key: &'static str, source: serde_json::Error },
    #[error("expected a temperature above 0, got `{0}`")]
    Temperature(String),
    #[error(transparent)]
    Kind(#[from] ParseHeadError),
    #[error(transparent)]
    Task(#[from] ParseTaskError),
    #[error("expected a fingerprint in the metadata")]
    Fingerprint(#[from] ParseDigestError),
    #[error("expected the tensor `{0}`")]
    MissingTensor(&'static str),
    #[error("expected the tensor `{name}` to be {dtype:?} of {rank} dimensions, got {got_dtype:?} of shape {got:?}")]
    Tensor { name: &'static str, dtype: Dtype, rank: usize, got_dtype: Dtype, got: Vec<usize> },
    #[error("expected the tensors of the unknown-rule to fit together")]
    Unknown,
    #[error(transparent)]
    Invalid(#[from] InvalidHead),
}

/// The metadata of an [`UnknownRule`].
#[derive(Serialize, Deserialize)]
struct UnknownMetadata {
    kind: DistanceKind,
    threshold: f32,
    false_reject: f64,
    distance: UsualRange,
    logit: UsualRange,
    /// Of each class, in a bank of neighbours.
    #[serde(default)]
    rows: Vec<usize>,
}

impl HeadArtifact {
    /// The head's file; the same artifact gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let task = self.outputs().task();
        let mut metadata = BTreeMap::from([
            ("format", FORMAT.to_owned()),
            ("version", VERSION.to_string()),
            ("checksum", checksum::BLANK.to_owned()),
            ("kind", self.head().kind().to_string()),
            ("labels", json(self.labels())),
            ("fingerprint", self.fingerprint().to_string()),
            ("temperature", self.temperature().value().to_string()),
            ("report", json(&self.report().without_durations())),
        ]);
        let mut tensors = head_tensors(self.head());
        if task != Task::Classification {
            metadata.insert("task", task.to_string());
        }
        if let Outputs::Labels { thresholds } = self.outputs() {
            tensors.push(Tensor::f32("thresholds", &[thresholds.len()], thresholds));
        }
        if let Some(rule) = self.unknown() {
            metadata.insert("unknown", json(&UnknownMetadata::of(rule)));
            tensors.extend(distance_tensors(&rule.distance));
        }
        if self.channels().has_earlier() {
            metadata.insert("channels", json(&self.channels()));
        }
        if !self.operating().is_plain() {
            metadata.insert("operating", json(self.operating()));
        }
        if let Some(learned) = self.learned_from() {
            tensors.push(Tensor::i64("pictures", &[learned.len()], learned.pictures()));
            tensors.push(Tensor::i32("pictures.labels", &[learned.len()], learned.labels()));
        }
        if let Some(answers) = self.answers() {
            tensors.extend(answers.tensors());
        }
        if let Some(options) = self.options() {
            metadata.insert("options", json(options));
        }
        checksum::filled_in(serialize(&metadata, &tensors))
    }

    /// The version of a head's file.
    ///
    /// # Errors
    /// As [`HeadArtifact::from_bytes`], as far as that has to read to find the version.
    pub fn file_version(bytes: &[u8]) -> Result<u32, ArtifactError> {
        Reader::new(bytes).map(|reader| reader.version)
    }

    /// Whether files of this version have a checksum.
    pub fn has_checksum(file_version: u32) -> bool {
        file_version >= CHECKED_VERSION
    }

    /// # Errors
    /// When the bytes are not what [`HeadArtifact::to_bytes`] of this or an older version writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let reader = Reader::new(bytes)?;
        let temperature = reader.text("temperature")?;
        let parsed = temperature.parse().ok().and_then(Temperature::new);
        let head = reader.head()?;
        let parts = ArtifactParts {
            channels: reader.optional("channels")?.unwrap_or_else(|| Channels::of_one_map(head.dim())),
            head,
            outputs: reader.outputs()?,
            operating: reader.optional("operating")?.unwrap_or_default(),
            labels: reader.json("labels")?,
            fingerprint: reader.text("fingerprint")?.parse::<Fingerprint>()?,
            temperature: parsed.ok_or_else(|| ArtifactError::Temperature(temperature.to_owned()))?,
            unknown: reader.unknown()?,
            report: reader.json("report")?,
            options: reader.optional("options")?,
            learned_from: reader.learned_from()?,
            answers: reader.answers()?.map(Arc::new),
        };
        Ok(Self::new(parts)?)
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain values have a JSON form")
}

fn head_tensors(head: &Head) -> Vec<Tensor> {
    match head {
        Head::Linear { linear, .. } => linear_tensors(linear, ["weight", "bias"]).into(),
        Head::Mlp(Mlp { hidden, output }) => {
            let mut tensors = Vec::from(linear_tensors(hidden, ["hidden.weight", "hidden.bias"]));
            tensors.extend(linear_tensors(output, ["output.weight", "output.bias"]));
            tensors
        }
        Head::Prototype(Prototype { directions, scale }) => {
            vec![Tensor::f32("directions", directions.shape(), directions), Tensor::f32("scale", &[1], [scale])]
        }
    }
}

fn linear_tensors(Linear { weights, bias }: &Linear, [weight_name, bias_name]: [&'static str; 2]) -> [Tensor; 2] {
    [Tensor::f32(weight_name, weights.shape(), weights), Tensor::f32(bias_name, bias.shape(), bias)]
}

fn distance_tensors(distance: &Distance) -> [Tensor; 2] {
    match distance {
        Distance::Neighbours(bank) => [
            Tensor::f32("unknown.scales", bank.scales().shape(), bank.scales()),
            Tensor::i8("unknown.directions", bank.directions().shape(), bank.directions()),
        ],
        Distance::Means(means) => [
            Tensor::f32("unknown.scales", means.scales().shape(), means.scales()),
            Tensor::f32("unknown.means", means.means().shape(), means.means()),
        ],
    }
}

impl UnknownMetadata {
    fn of(rule: &UnknownRule) -> Self {
        Self {
            kind: rule.distance.kind(),
            threshold: rule.threshold,
            false_reject: rule.false_reject,
            distance: rule.usual_distance,
            logit: rule.usual_logit,
            rows: match &rule.distance {
                Distance::Neighbours(bank) => bank.counts().to_vec(),
                Distance::Means(_) => Vec::new(),
            },
        }
    }
}

struct Reader<'a> {
    version: u32,
    metadata: HashMap<String, String>,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(ArtifactError::NotSafetensors)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(ArtifactError::NotSafetensors)?;
        let mut reader = Self { version: 0, metadata: header.metadata().clone().unwrap_or_default(), tensors };
        let format = reader.metadata.get("format");
        if format.is_none_or(|format| format != FORMAT) {
            return Err(ArtifactError::Format(format.cloned()));
        }
        let version = reader.text("version")?;
        reader.version = match version.parse::<u32>() {
            Ok(version @ 1..=VERSION) => version,
            _ => return Err(ArtifactError::Version(version.to_owned())),
        };
        // Damage may also have made an older version of a newer one.
        if HeadArtifact::has_checksum(reader.version) || reader.metadata.contains_key("checksum") {
            let matches = checksum::matches(bytes, reader.text("checksum")?);
            matches.then_some(()).ok_or(ArtifactError::Checksum)?;
        }
        Ok(reader)
    }

    fn text(&self, key: &'static str) -> Result<&str, ArtifactError> {
        self.metadata.get(key).map(String::as_str).ok_or(ArtifactError::MissingMetadata(key))
    }

    fn json<T: DeserializeOwned>(&self, key: &'static str) -> Result<T, ArtifactError> {
        serde_json::from_str(self.text(key)?).map_err(|source| ArtifactError::Metadata { key, source })
    }

    fn optional<T: DeserializeOwned>(&self, key: &'static str) -> Result<Option<T>, ArtifactError> {
        self.metadata.contains_key(key).then(|| self.json(key)).transpose()
    }

    fn head(&self) -> Result<Head, ArtifactError> {
        let linear = |fitted_by| self.linear(["weight", "bias"]).map(|linear| Head::Linear { fitted_by, linear });
        Ok(match self.text("kind")?.parse::<HeadKind>()? {
            HeadKind::Softmax => linear(LinearKind::Softmax)?,
            HeadKind::Ridge => linear(LinearKind::Ridge)?,
            HeadKind::Lda => linear(LinearKind::Lda)?,
            HeadKind::Average => linear(LinearKind::Average)?,
            HeadKind::Mlp => {
                let hidden = self.linear(["hidden.weight", "hidden.bias"])?;
                Head::Mlp(Mlp { hidden, output: self.linear(["output.weight", "output.bias"])? })
            }
            HeadKind::Prototype => {
                let scale = self.vector("scale")?;
                let scale = *scale.first().ok_or(ArtifactError::MissingTensor("scale"))?;
                Head::Prototype(Prototype { directions: self.matrix("directions")?, scale })
            }
        })
    }

    fn outputs(&self) -> Result<Outputs, ArtifactError> {
        let task = self.metadata.get("task").map_or(Ok(Task::Classification), |task| task.parse())?;
        Ok(match task {
            Task::Classification => Outputs::Classes,
            Task::Regression => Outputs::Value,
            Task::Multilabel => Outputs::Labels { thresholds: self.vector("thresholds")?.to_vec() },
        })
    }

    fn unknown(&self) -> Result<Option<UnknownRule>, ArtifactError> {
        if !self.metadata.contains_key("unknown") {
            return Ok(None);
        }
        let UnknownMetadata { kind, threshold, false_reject, distance, logit, rows } = self.json("unknown")?;
        let scales = self.vector("unknown.scales")?;
        let read = match kind {
            DistanceKind::Neighbours => {
                let (shape, bytes) = self.tensor("unknown.directions", Dtype::I8, 2)?;
                let values = bytes.iter().map(|byte| i8::from_le_bytes([*byte])).collect();
                let directions =
                    Array2::from_shape_vec((shape[0], shape[1]), values).expect("validated by safetensors");
                NeighbourBank::from_parts(directions, scales, rows).map(Distance::Neighbours)
            }
            DistanceKind::Means => ClassMeans::from_parts(self.matrix("unknown.means")?, scales).map(Distance::Means),
        };
        let (usual_distance, usual_logit) = (distance, logit);
        let distance = read.ok_or(ArtifactError::Unknown)?;
        Ok(Some(UnknownRule { distance, usual_distance, usual_logit, threshold, false_reject }))
    }

    /// `None` where the file does not say.
    fn learned_from(&self) -> Result<Option<LearnedFrom>, ArtifactError> {
        if self.tensors.tensor("pictures").is_err() {
            return Ok(None);
        }
        let (_, pictures) = self.tensor("pictures", Dtype::I64, 1)?;
        let (_, labels) = self.tensor("pictures.labels", Dtype::I32, 1)?;
        let pictures = pictures.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
        let labels = labels.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes));
        Ok(Some(LearnedFrom::new(pictures.zip(labels))))
    }

    /// `None` where the file keeps none.
    fn answers(&self) -> Result<Option<KeptAnswers>, ArtifactError> {
        if self.tensors.tensor("answers.pictures").is_err() {
            return Ok(None);
        }
        let (_, pictures) = self.tensor("answers.pictures", Dtype::I64, 1)?;
        let (_, truth) = self.tensor("answers.truth", Dtype::I32, 1)?;
        let pictures = pictures.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect();
        let class = |&bytes: &[u8; 4]| ClassIndex(usize::try_from(i32::from_le_bytes(bytes)).unwrap_or(usize::MAX));
        let truth = truth.as_chunks().0.iter().map(class).collect();
        Ok(Some(KeptAnswers::of_file(pictures, truth, self.groups()?, self.matrix("answers.probabilities")?)))
    }

    /// Of the answers; `None` where an older program kept them.
    fn groups(&self) -> Result<Option<Vec<u32>>, ArtifactError> {
        if self.tensors.tensor("answers.groups").is_err() {
            return Ok(None);
        }
        let (_, groups) = self.tensor("answers.groups", Dtype::I32, 1)?;
        let number = |&bytes: &[u8; 4]| u32::try_from(i32::from_le_bytes(bytes)).unwrap_or(u32::MAX);
        Ok(Some(groups.as_chunks().0.iter().map(number).collect()))
    }

    fn linear(&self, [weight, bias]: [&'static str; 2]) -> Result<Linear, ArtifactError> {
        Ok(Linear { weights: self.matrix(weight)?, bias: self.vector(bias)? })
    }

    fn matrix(&self, name: &'static str) -> Result<Array2<f32>, ArtifactError> {
        let (shape, bytes) = self.tensor(name, Dtype::F32, 2)?;
        Ok(Array2::from_shape_vec((shape[0], shape[1]), floats(bytes)).expect("validated by safetensors"))
    }

    fn vector(&self, name: &'static str) -> Result<Array1<f32>, ArtifactError> {
        Ok(floats(self.tensor(name, Dtype::F32, 1)?.1).into())
    }

    /// The shape, of length `rank`, and the bytes.
    fn tensor(&self, name: &'static str, dtype: Dtype, rank: usize) -> Result<(Vec<usize>, &'a [u8]), ArtifactError> {
        let view = self.tensors.tensor(name).map_err(|_| ArtifactError::MissingTensor(name))?;
        let (got_dtype, got) = (view.dtype(), view.shape().to_vec());
        if got_dtype != dtype || got.len() != rank {
            return Err(ArtifactError::Tensor { name, dtype, rank, got_dtype, got });
        }
        Ok((got, view.data()))
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]])).collect()
}
