//! From any ONNX image classifier to a package: its input, its preprocessing and its feature, found or named.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::graph::{FeatureCut, ImageInput, Network, Shapes};
use super::metadata::Declared;
use super::{BackboneError, Classifier, Options, Package, PackageError, PreprocessSpec, onnxruntime, tract};
use crate::digest::Digest;
use crate::manifest::{BackboneName, FORMAT, FeatureKind, Manifest, Onnx, Preprocess};

/// What a user may say of a bare ONNX file; everything left out is found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The backbone's name; the file's by default.
    pub name: Option<BackboneName>,
    /// The image input's name.
    pub input: Option<String>,
    /// The feature's tensor or node.
    pub feature: Option<String>,
    /// How the feature becomes a vector; with tokens, the class token or their mean.
    pub kind: Option<FeatureKind>,
    pub preprocess: PreprocessSpec,
    /// Class names in the order of the scores; the file's own by default.
    pub labels: Vec<String>,
    pub licence: String,
    /// Shapes of tensors as [`shapes_of`] found them in another process; `None`: found in this one.
    pub shapes: Option<Shapes>,
    /// The engine that is asked for shapes which the graph alone does not tell; it belongs to a machine, not to a file.
    #[serde(skip)]
    pub engine: Options,
}

/// A package and how it came about.
#[derive(Clone, Debug)]
pub struct Import {
    pub package: Package,
    /// Where the network was cut, in one sentence.
    pub why: String,
    /// What the user should know where the normalisation is a guess.
    pub guess: Option<String>,
    /// What else the user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// A file that was read and understood up to its feature.
pub(super) struct Reading {
    pub network: Network,
    pub digest: Digest,
    pub input: ImageInput,
    pub declared: Declared,
    pub preprocess: Preprocess,
    /// Whether the normalisation is a guess.
    pub guessed: bool,
    pub shapes: Shapes,
}

impl Package {
    /// A package from a bare ONNX file, warnings logged: see [`Import::from_onnx`].
    pub fn from_onnx(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let import = Import::from_onnx(path, request)?;
        tracing::debug!("{}", import.why);
        import.warnings.iter().chain(&import.guess).for_each(|warning| tracing::warn!("{warning}"));
        Ok(import.package)
    }
}

impl Import {
    /// Reads the file at `path`, finds its image input and its feature, and prunes what the feature does not need.
    ///
    /// The rows of the classifier are kept where they multiply the feature itself.
    ///
    /// # Errors
    /// When the file is no ONNX image network, or when its feature can neither be found nor be what was named.
    pub fn from_onnx(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let reading = Reading::new(path, request)?;
        let cut = reading.feature(request)?;
        let (warnings, guess) = (reading.warnings(), reading.guess(path));
        let Reading { network, digest, input, declared, preprocess, .. } = reading;
        let labels = if request.labels.is_empty() { declared.labels } else { request.labels.clone() };
        let classifier =
            cut.classifier.as_deref().and_then(|output| classifier(&network, output, cut.feature.dim, labels));
        let outputs: Vec<&str> =
            [&cut.feature.output].into_iter().chain(&cut.feature.map).map(String::as_str).collect();
        let onnx = network.pruned(&input, &outputs)?.to_bytes();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let manifest = Manifest {
            format: FORMAT,
            name: request.name.clone().unwrap_or_else(|| name_of(path)),
            licence: request.licence.clone(),
            source: format!("{file_name}, SHA-256 {digest}"),
            onnx: Onnx { file: "backbone.onnx".to_owned(), sha256: digest, input: input.name },
            preprocess,
            feature: cut.feature,
        };
        let mut package = Package::new(manifest, onnx);
        package.set_classifier(classifier);
        Ok(Self { package, why: cut.why, guess, warnings })
    }
}

impl Reading {
    pub fn new(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let (network, digest) = Network::read(path)?;
        let input = network.image_input(request.input.as_deref())?;
        let declared = Declared::read(&network.properties());
        let spec = request.preprocess.clone().or(declared.preprocess.clone());
        let preprocess = spec.resolve(input.size()).map_err(PackageError::Preprocess)?;
        let found = || shapes(&network, &input, &preprocess, &request.engine);
        let shapes = request.shapes.clone().unwrap_or_else(found);
        Ok(Self { network, digest, input, declared, preprocess, guessed: spec.is_guess(), shapes })
    }

    pub fn feature(&self, request: &ImportRequest) -> Result<FeatureCut, BackboneError> {
        Ok(match &request.feature {
            Some(name) => self.network.named_feature(name, request.kind, &self.shapes)?,
            None => self.network.find_feature(&self.input, request.kind, &self.shapes)?,
        })
    }

    pub fn warnings(&self) -> Vec<String> {
        let Preprocess { width, height, .. } = self.preprocess;
        let trained = self.declared.preprocess.size.or(self.input.size());
        let far = |size: u32, trained: u32| size * 2 < trained || size > trained * 2;
        let size = trained.filter(|trained| far(width, trained.0) || far(height, trained.1)).map(|trained| {
            format!(
                "an input of {width}x{height} is far from the {}x{} of training: expect worse features",
                trained.0, trained.1
            )
        });
        size.into_iter().collect()
    }

    pub fn guess(&self, path: &Path) -> Option<String> {
        self.guessed.then(|| {
            format!(
                "nothing says how `{}` wants its pixels: ImageNet's mean and standard deviation are a guess; name them \
                 with --preset, or let `edgetl backbone import --known PICTURE=CLASS` find out",
                path.display()
            )
        })
    }
}

/// The shapes of the tensors of the network at `path`, for a process that has no engine look for them.
///
/// # Errors
/// When the file is no ONNX image network.
pub fn shapes_of(path: &Path, request: &ImportRequest) -> Result<Shapes, BackboneError> {
    Ok(Reading::new(path, request)?.shapes)
}

/// By analysis; where that does not tell everything and ONNX Runtime is here, by running the network once.
fn shapes(network: &Network, input: &ImageInput, preprocess: &Preprocess, engine: &Options) -> Shapes {
    let (height, width) = (preprocess.height as usize, preprocess.width as usize);
    let mut shapes = tract::shapes(network, input, height, width);
    let unknown = network.unknown_shapes(input, &shapes);
    if !unknown.is_empty() {
        tracing::debug!("{} shapes are not told by analysis", unknown.len());
        match onnxruntime::shapes(network, input, &unknown, (height, width), engine) {
            Ok(found) => shapes.extend(found),
            Err(error) => tracing::debug!("nor by ONNX Runtime: {}", crate::causes::causes(&error)),
        }
    }
    shapes
}

fn classifier(network: &Network, output: &str, dim: usize, labels: Vec<String>) -> Option<Classifier> {
    let (weights, bias) = network.linear_rows(output, dim)?;
    let labels = if labels.len() == bias.len() { labels } else { Vec::new() };
    Some(Classifier { weights, bias, labels })
}

/// The file's name without its extension.
fn name_of(path: &Path) -> BackboneName {
    BackboneName::of_file(&path.file_stem().unwrap_or_default().to_string_lossy())
}
