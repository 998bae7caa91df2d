//! A network laid open: its layers, what they cost, and where it is cut.

use std::path::Path;

use serde::Serialize;

use super::graph::{Candidate, GraphError, Layer, Totals};
use super::import::Reading;
use super::{BackboneError, ImportRequest};
use crate::manifest::{Feature, Preprocess};

/// What `backbone inspect` shows.
#[derive(Debug, Serialize)]
pub struct Inspection {
    pub producer: String,
    pub operator_set: i64,
    pub input: String,
    pub preprocess: Preprocess,
    /// Whether the normalisation is a guess.
    pub guessed: bool,
    /// How the network normalises its pixels itself, in one sentence; `None` where it does not.
    pub pixels: Option<String>,
    /// `None` where the feature cannot be told.
    pub feature: Option<Feature>,
    /// Where the network is cut and why, or why it cannot be.
    pub why: String,
    /// Which earlier map is taken beside it and why, or why none is; empty where the feature cannot be told.
    pub earlier: String,
    /// What `--feature` may name, where the feature cannot be told.
    pub candidates: Vec<Candidate>,
    pub layers: Vec<Layer>,
    /// Of the whole file.
    pub total: Totals,
    /// Of the layers that the feature needs.
    pub backbone: Totals,
    pub warnings: Vec<String>,
}

impl Inspection {
    /// # Errors
    /// When the file is no ONNX image network; a feature that cannot be told is part of the answer.
    pub fn of(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let reading = Reading::new(path, request)?;
        let mut warnings = reading.warnings();
        let (feature, [why, earlier], candidates) = match reading.feature(request) {
            Ok(mut cut) => {
                warnings.append(&mut cut.warnings);
                (Some(cut.feature), [cut.why, cut.earlier], Vec::new())
            }
            Err(BackboneError::Graph(GraphError::NoFeature(candidates))) => {
                let why = "the feature cannot be told: name one with --feature".to_owned();
                (None, [why, String::new()], candidates)
            }
            Err(error) => return Err(error),
        };
        let outputs: Vec<&str> = feature
            .iter()
            .flat_map(|feature| [Some(&feature.output), feature.map.as_ref()])
            .flatten()
            .map(String::as_str)
            .collect();
        let layers = reading.network.layers(&reading.shapes, &outputs);
        Ok(Self {
            producer: reading.network.producer(),
            operator_set: reading.network.operator_set(),
            total: Totals::of(&layers),
            backbone: Totals::of(layers.iter().filter(|layer| layer.kept)),
            warnings: warnings.into_iter().chain(reading.guess(path)).collect(),
            pixels: reading.pixels(),
            input: reading.input.name,
            preprocess: reading.preprocess,
            guessed: reading.guessed,
            feature,
            why,
            earlier,
            candidates,
            layers,
        })
    }
}
