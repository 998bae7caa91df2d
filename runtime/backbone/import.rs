//! From any ONNX image classifier to a package: its input, its preprocessing and its feature, found or named.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::beside::Beside;
use super::graph::{EarlierMap, FeatureCut, ImageInput, Network, OwnNormalisation, Shapes};
use super::metadata::Declared;
use super::{
    BackboneError, Classifier, ClassifierError, Options, Package, PackageError, PreprocessSpec, onnxruntime, tract,
};
use crate::digest::Digest;
use crate::manifest::{BackboneName, FeatureKind, Manifest, Onnx, Preprocess};

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
    /// Where the file was fetched from; the file's name by default.
    pub origin: Option<String>,
    /// Take the last map alone, and no earlier one beside it.
    pub last_map_alone: bool,
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
    /// Which earlier map is taken beside it and why, or why none is, in one sentence.
    pub earlier: String,
    /// How the network normalises its pixels itself, in one sentence; `None` where it does not.
    pub pixels: Option<String>,
    /// The file beside the network that says how its pixels are prepared; `None` where none does or it is not needed.
    pub preprocess_from: Option<PathBuf>,
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
    own: Option<OwnNormalisation>,
    beside: Beside,
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
    /// When the file is no ONNX image network, when its feature can neither be found nor be what was named, or when class
    /// names were given and they are not as many as its scores.
    pub fn from_onnx(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let reading = Reading::new(path, request)?;
        let mut cut = reading.feature(request)?;
        let (guess, pixels) = (reading.guess(path), reading.pixels());
        let mut warnings = reading.warnings();
        warnings.append(&mut cut.warnings);
        let (classifier, warning) = reading.classifier(&cut, &request.labels)?;
        warnings.extend(warning);
        let Reading { mut network, digest, input, preprocess, beside, .. } = reading;
        for tensor in [&mut cut.feature.output].into_iter().chain(&mut cut.feature.map) {
            network.dequantise(tensor).into_iter().for_each(|dequantised| *tensor = dequantised);
        }
        let outputs: Vec<&str> =
            [&cut.feature.output].into_iter().chain(&cut.feature.map).map(String::as_str).collect();
        let onnx = network.pruned(&input, &outputs)?.to_bytes();
        let file_name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let origin = request.origin.clone().unwrap_or_else(file_name);
        let manifest = Manifest {
            format: cut.feature.format(),
            name: request.name.clone().unwrap_or_else(|| name_of(path)),
            licence: request.licence.clone(),
            source: format!("{origin}, SHA-256 {digest}"),
            onnx: Onnx { file: "backbone.onnx".to_owned(), sha256: digest, input: input.name },
            preprocess,
            feature: cut.feature,
        };
        let mut package = Package::new(manifest, onnx);
        package.set_classifier(classifier);
        let preprocess_from = beside.preprocess_from;
        Ok(Self { package, why: cut.why, earlier: cut.earlier, pixels, preprocess_from, guess, warnings })
    }
}

impl Reading {
    pub fn new(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let (network, digest) = Network::read(path)?;
        let input = network.image_input(request.input.as_deref())?;
        let declared = Declared::read(&network.properties());
        let own = network.own_normalisation(&input);
        let mut beside = Beside::read(path);
        let said = request.preprocess.clone().or(declared.preprocess.clone());
        beside.preprocess_from = beside.preprocess_from.filter(|_| said.is_guess());
        let said = said.or(beside.declared.preprocess.clone());
        let spec = match own.as_ref().filter(|_| said.is_guess()) {
            Some(own) => said.or(own.into()),
            None => said,
        };
        let preprocess = spec.resolve(input.size()).map_err(PackageError::Preprocess)?;
        let found = || shapes(&network, &input, &preprocess, &request.engine);
        let shapes = request.shapes.clone().unwrap_or_else(found);
        Ok(Self { network, digest, input, declared, preprocess, guessed: spec.is_guess(), own, beside, shapes })
    }

    pub fn feature(&self, request: &ImportRequest) -> Result<FeatureCut, BackboneError> {
        let mut cut = match &request.feature {
            Some(name) => self.network.named_feature(name, request.kind, &self.shapes)?,
            None => self.network.find_feature(&self.input, request.kind, &self.shapes)?,
        };
        if request.last_map_alone {
            cut.earlier = "no earlier map is taken beside it, as was asked for".to_owned();
            return Ok(cut);
        }
        match self.network.earlier_map(&self.input, &cut.feature, &self.shapes) {
            Ok(EarlierMap { tap, why }) => (cut.feature.taps, cut.earlier) = (vec![tap], why),
            Err(why) => cut.earlier = why,
        }
        Ok(cut)
    }

    pub fn warnings(&self) -> Vec<String> {
        let Preprocess { width, height, .. } = self.preprocess;
        let trained = self.declared.preprocess.size.or(self.beside.declared.preprocess.size).or(self.input.size());
        let far = |size: u32, trained: u32| size * 2 < trained || size > trained * 2;
        let size = trained.filter(|trained| far(width, trained.0) || far(height, trained.1)).map(|trained| {
            format!(
                "an input of {width}x{height} is far from the {}x{} of training: expect worse features",
                trained.0, trained.1
            )
        });
        let read = [&self.declared, &self.beside.declared].into_iter().flat_map(|declared| declared.warnings.clone());
        size.into_iter().chain(read).chain(self.normalised_twice()).collect()
    }

    /// How the network normalises its pixels itself.
    pub fn pixels(&self) -> Option<String> {
        let OwnNormalisation { pixels: (least, largest), bgr, operators } = self.own.as_ref()?;
        let order = if *bgr { ", blue first" } else { "" };
        Some(match operators.as_slice() {
            [] => format!("its input takes bytes, so its pixels are {least} to {largest}{order}"),
            some => format!(
                "it normalises its pixels itself ({} right behind its input), so they are {least} to {largest}{order}",
                some.join(", ")
            ),
        })
    }

    fn normalised_twice(&self) -> Option<String> {
        let own = PreprocessSpec::from(self.own.as_ref()?).resolve(self.input.size()).ok()?;
        let numbers = |settings: &Preprocess| (settings.range, settings.mean, settings.std);
        let agree = numbers(&own) == numbers(&self.preprocess);
        let sentence =
            || format!("its pixels are asked for in another way, although {}", self.pixels().unwrap_or_default());
        (!agree).then(sentence)
    }

    /// The rows of the classifier with their class names, and what the user should know where there are none.
    fn classifier(
        &self,
        cut: &FeatureCut,
        named: &[String],
    ) -> Result<(Option<Classifier>, Option<String>), BackboneError> {
        let rows = cut.classifier.as_deref().and_then(|output| self.network.linear_rows(output, cut.feature.dim));
        let Some((weights, bias)) = rows else {
            let lost = "the rows of its classifier are not kept: they cannot be read as numbers from the file";
            let unused = "the class names are not used: no rows of a classifier that multiply the feature were found";
            let warning = if cut.classifier.is_some() { Some(lost) } else { (!named.is_empty()).then_some(unused) };
            return Ok((None, warning.map(str::to_owned)));
        };
        let said = [&self.declared.labels, &self.beside.declared.labels].into_iter().find(|labels| !labels.is_empty());
        let own = || said.cloned().unwrap_or_else(|| self.network.class_names());
        let labels = if named.is_empty() { own() } else { named.to_vec() };
        let (expected, got) = (bias.len(), labels.len());
        match (got == expected, got) {
            (true, _) | (false, 0) => Ok((Some(Classifier { weights, bias, labels }), None)),
            (false, _) if !named.is_empty() => Err(ClassifierError::Names { expected, got }.into()),
            (false, _) => {
                let warning = format!("its own class names are not used: expected {expected}, one a score, got {got}");
                Ok((Some(Classifier { weights, bias, labels: Vec::new() }), Some(warning)))
            }
        }
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
pub(super) fn shapes(network: &Network, input: &ImageInput, preprocess: &Preprocess, engine: &Options) -> Shapes {
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

/// The file's name without its extension.
fn name_of(path: &Path) -> BackboneName {
    BackboneName::of_file(&path.file_stem().unwrap_or_default().to_string_lossy())
}
