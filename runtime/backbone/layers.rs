//! What a network computes on the way to its feature.

use ndarray::ArrayD;

use super::graph::{FirstFilters, GraphError, ImageInput, Network, PlacedLayer, Shapes};
use super::import::shapes;
use super::loader::{Loader, cut_with};
use super::session::Session;
use super::{BackboneError, Options, Package, Provider};
use crate::manifest::Manifest;
use crate::tensor::InputBatch;

/// The graph of a backbone, laid open.
pub struct Layers {
    manifest: Manifest,
    network: Network,
    input: ImageInput,
    shapes: Shapes,
}

impl Layers {
    /// # Errors
    /// When the network of `package` must not be trusted.
    pub fn of(package: &Package, options: &Options) -> Result<Self, BackboneError> {
        let manifest = package.manifest().clone();
        let network = Network::parse(package.onnx())?;
        let input = network.image_input(Some(&manifest.onnx.input))?;
        let shapes = shapes(&network, &input, &manifest.preprocess, options);
        Ok(Self { manifest, network, input, shapes })
    }

    /// # Errors
    /// Why they cannot be shown, in words.
    pub fn first_filters(&self) -> Result<FirstFilters, String> {
        self.network.first_filters(&self.input)
    }

    /// # Errors
    /// When there is none of that name, or it is no map, tokens or vector of numbers that depend on the picture.
    pub fn layer(&self, tensor: &str) -> Result<PlacedLayer, GraphError> {
        self.network.layer(&self.input, tensor, &self.shapes)
    }

    /// `count` layers from early to late; fewer where the network has not so many maps or tokens.
    pub fn usual(&self, count: usize) -> Vec<PlacedLayer> {
        let feature = &self.manifest.feature;
        let last = feature.map.as_ref().unwrap_or(&feature.output);
        self.network.usual_layers(&self.input, last, &self.shapes, count)
    }

    /// A session that gives these layers.
    ///
    /// # Errors
    /// When no provider of `options` runs the network.
    pub fn session(mut self, layers: &[PlacedLayer], options: &Options) -> Result<LayerSession, BackboneError> {
        let as_floats =
            |layer: &PlacedLayer| self.network.dequantise(&layer.tensor).unwrap_or_else(|| layer.tensor.clone());
        let names: Vec<String> = layers.iter().map(as_floats).collect();
        let cut = cut_with(self.network, &self.manifest, true, &names)?;
        let place = |name: &String| cut.outputs.iter().position(|output| output == name);
        let places = names.iter().filter_map(place).collect();
        let loader = Loader::of_cut(cut, self.manifest, options)?;
        Ok(LayerSession { session: loader.plain_session(options.threads)?, places })
    }
}

/// A network that gives layers.
pub struct LayerSession {
    session: Session,
    /// Of each layer among the outputs.
    places: Vec<usize>,
}

impl LayerSession {
    /// What runs, not what was asked for.
    pub fn provider(&self) -> Provider {
        self.session.provider
    }

    /// The layers that were asked for, in that order, `[N,…]` each.
    ///
    /// # Errors
    /// When the batch is of another size than the network's input, or the engine fails.
    pub fn forward(&mut self, batch: &InputBatch) -> Result<Vec<ArrayD<f32>>, BackboneError> {
        let outputs = self.session.outputs(batch)?;
        Ok(self.places.iter().map(|&place| outputs[place].clone()).collect())
    }
}
