//! From any ONNX image classifier to a package: its input, its preprocessing and its feature, found or named.

use std::path::Path;

use super::graph::{FeatureCut, ImageInput, MAX_BYTES, Network};
use super::package::read;
use super::{BackboneError, Package, PackageError, PreprocessSpec, tract};
use crate::digest::Digest;
use crate::manifest::{FORMAT, FeatureKind, Manifest, Onnx, Preprocess};

/// What a user may say of a bare ONNX file; everything left out is found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ImportRequest {
    /// The backbone's name; the file's by default.
    pub name: Option<String>,
    /// The image input's name.
    pub input: Option<String>,
    /// The feature's tensor or node.
    pub feature: Option<String>,
    /// How the named feature becomes a vector.
    pub kind: Option<FeatureKind>,
    pub preprocess: PreprocessSpec,
}

/// A package and how it came about.
#[derive(Clone, Debug)]
pub struct Import {
    pub package: Package,
    /// Where the network was cut, in one sentence.
    pub why: String,
    /// Whether the normalisation is a guess.
    pub guessed: bool,
}

impl Package {
    /// A package from a bare ONNX file: see [`Import::from_onnx`].
    pub fn from_onnx(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let import = Import::from_onnx(path, request)?;
        tracing::info!("{}", import.why);
        if import.guessed {
            tracing::warn!(
                "nothing says how `{}` wants its pixels, so ImageNet's mean and standard deviation are a guess",
                path.display()
            );
        }
        Ok(import.package)
    }
}

impl Import {
    /// Reads the file at `path`, finds its image input and its feature, and prunes what the feature does not need.
    ///
    /// # Errors
    /// When the file is no ONNX image network, or when its feature can neither be found nor be what was named.
    pub fn from_onnx(path: &Path, request: &ImportRequest) -> Result<Self, BackboneError> {
        let bytes = read(path, MAX_BYTES)?;
        let digest = Digest::of(&bytes);
        let network = Network::parse(&bytes)?;
        drop(bytes);
        let input = network.image_input(request.input.as_deref())?;
        let preprocess = request.preprocess.resolve(input.size()).map_err(PackageError::Preprocess)?;
        let FeatureCut { feature, why, .. } = find_feature(&network, &input, &preprocess, request)?;
        let outputs: Vec<&str> = [&feature.output].into_iter().chain(&feature.map).map(String::as_str).collect();
        let onnx = network.pruned(&input, &outputs)?.to_bytes();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let manifest = Manifest {
            format: FORMAT,
            name: request.name.clone().unwrap_or_else(|| name_of(path)),
            licence: String::new(),
            source: format!("{file_name}, SHA-256 {digest}"),
            onnx: Onnx { file: "backbone.onnx".to_owned(), sha256: digest, input: input.name },
            preprocess,
            feature,
        };
        let package = Package::new(manifest, onnx);
        Ok(Self { package, why, guessed: request.preprocess.is_guess() })
    }
}

fn find_feature(
    network: &Network,
    input: &ImageInput,
    preprocess: &Preprocess,
    request: &ImportRequest,
) -> Result<FeatureCut, BackboneError> {
    let shapes = tract::shapes(network, input, preprocess.height as usize, preprocess.width as usize);
    Ok(match &request.feature {
        Some(name) => network.named_feature(name, request.kind, &shapes)?,
        None => network.find_feature(input, &shapes)?,
    })
}

/// The file's name without its extension, in characters that a folder's name may have everywhere.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = stem.trim_start_matches('.').chars().map(plain).take(64).collect();
    if name.is_empty() { "backbone".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_a_folder_can_have() {
        assert_eq!(name_of(Path::new("/a/MobileNet v2 (1.0).onnx")), "MobileNet_v2__1.0_");
        assert_eq!(name_of(Path::new("..")), "backbone");
        assert_eq!(name_of(Path::new("...onnx")), "backbone");
    }
}
