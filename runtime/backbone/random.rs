//! A package with random weights, beside which its input's pixels are given: what a pretrained one is compared with.

use super::graph::{Convolution, ImageInput, Network, STATISTICS};
use super::{BackboneError, Package, tract};
use crate::manifest::{Feature, FeatureKind, Manifest, Tap};

/// Cells across the input that pixels are averaged over: as many numbers as the features of a small network.
const CELLS: u32 = 16;

/// A network whose weights were drawn, before its layers are scaled.
pub struct RandomNetwork {
    network: Network,
    input: ImageInput,
    manifest: Manifest,
    convolutions: Vec<Convolution>,
}

/// A package that gives the feature of a network with random weights and, behind it, the pixels of a small picture.
pub struct Untrained {
    pub package: Package,
    /// Of the small picture.
    pub width: usize,
    pub height: usize,
}

impl RandomNetwork {
    /// The network of `package` with weights drawn from `seed`.
    ///
    /// # Errors
    /// When it is quantised, or no weights are found in it.
    pub fn new(package: &Package, seed: u64) -> Result<Self, BackboneError> {
        let manifest = package.manifest().clone();
        let network = Network::parse(package.onnx())?;
        let input = network.image_input(Some(&manifest.onnx.input))?;
        let outputs: Vec<&str> = manifest.feature.parts().map(|(output, ..)| output).collect();
        let mut network = network.pruned(&input, &outputs)?;
        network.redraw(seed)?;
        let (height, width) = (manifest.preprocess.height as usize, manifest.preprocess.width as usize);
        let convolutions = network.convolutions(&tract::shapes(&network, &input, height, width));
        Ok(Self { network, input, manifest, convolutions })
    }

    /// A package whose features are the statistics that [`RandomNetwork::settled`] wants; `None` where it wants none.
    pub fn statistics(&self) -> Option<Package> {
        let dim = 2 * self.convolutions.iter().map(|convolution| convolution.channels).sum::<usize>();
        let network = (dim > 0).then(|| self.network.clone().with_statistics(&self.convolutions))?;
        let feature =
            Feature { output: STATISTICS.to_owned(), kind: FeatureKind::Vector, map: None, dim, taps: Vec::new() };
        Some(self.package(&network, feature))
    }

    /// Scales every convolution by what `statistics` say of some pictures, as batch normalisation does.
    ///
    /// # Panics
    /// When a row has another length than the features of [`RandomNetwork::statistics`].
    pub fn settled(mut self, statistics: &[Vec<f32>]) -> Untrained {
        if !statistics.is_empty() {
            self.network.settle(&self.convolutions, statistics);
        }
        let (width, height) = (self.manifest.preprocess.width, self.manifest.preprocess.height);
        let kernel = [height, width].map(|side| (side / CELLS).max(1));
        let output = self.network.small_picture(&self.input, kernel);
        let [height, width] = [height / kernel[0], width / kernel[1]].map(|cells| cells as usize);
        let mut feature = Feature { map: None, ..self.manifest.feature.clone() };
        feature.taps.push(Tap { output, kind: FeatureKind::Vector, dim: 3 * height * width });
        let package = self.package(&self.network, feature);
        Untrained { package, width, height }
    }

    fn package(&self, network: &Network, feature: Feature) -> Package {
        let name = "random-weights".parse().expect("a name");
        Package::new(Manifest { name, format: feature.format(), feature, ..self.manifest.clone() }, network.to_bytes())
    }
}
