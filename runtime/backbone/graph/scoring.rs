//! A cut network with pixels before it and a head behind it: one graph from picture to probabilities.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::builder::{Builder, DECISION, IMAGE, SCORES, int, integers, ints, matrix, tensor};
use super::cut::{typed_info, value_info};
use super::decision::ScoreDecision;
use super::{CutNetwork, Network};
use crate::manifest::{Channels, FeatureKind, Preprocess};

/// A layer before the last, with ReLU behind it.
#[derive(Clone, PartialEq, Debug)]
pub struct HiddenLayer {
    /// `[H,dim]`.
    pub weights: Array2<f32>,
    /// `[H]`.
    pub bias: Array1<f32>,
}

/// A head over the feature, as a graph needs it.
#[derive(Clone, PartialEq, Debug)]
pub struct ScoringHead {
    pub hidden: Option<HiddenLayer>,
    /// `[K,dim]`, or `[K,H]` behind a hidden layer.
    pub weights: Array2<f32>,
    /// `[K]`.
    pub bias: Array1<f32>,
    /// Whether the feature is brought to length 1 first, so that the scores are cosines.
    pub unit_length: bool,
    /// What logits are divided by before the softmax.
    pub temperature: f32,
    /// K names in the order of the scores.
    pub labels: Vec<String>,
    pub decision: ScoreDecision,
}

impl ScoringHead {
    /// Length of the feature that the head takes.
    pub fn dim(&self) -> usize {
        self.hidden.as_ref().map_or(self.weights.ncols(), |hidden| hidden.weights.ncols())
    }
}

impl CutNetwork {
    /// The graph `image` `[N,3,H,W]` (RGB, 0 to 255) to `scores` `[N,K]` and `decision` `[N]`.
    ///
    /// The cut's first outputs must be what makes the feature, of these kinds.
    pub fn with_head(mut self, preprocess: &Preprocess, kinds: &[FeatureKind], head: &ScoringHead) -> Network {
        for taken in [IMAGE, SCORES, DECISION] {
            let free = format!("edgetl_inner_{taken}");
            rename(self.network.graph_mut(), taken, &free);
            let names = self.outputs.iter_mut().chain([&mut self.input]);
            names.filter(|name| *name == taken).for_each(|name| name.clone_from(&free));
        }
        let mut builder = Builder::new(self.network);
        let after = std::mem::take(&mut builder.network.graph_mut().node);
        builder.normalise(preprocess, &self.input);
        builder.network.graph_mut().node.extend(after);
        let vector = builder.feature(&self.outputs, kinds);
        let vector = if head.unit_length { builder.unit_length(&vector, head.dim()) } else { vector };
        let vector = match &head.hidden {
            Some(hidden) => builder.hidden(&vector, hidden),
            None => vector,
        };
        builder.score(&vector, head);
        builder.decide(&head.decision, head.weights.nrows());
        let graph = builder.network.graph_mut();
        let dims = [self.batch, Some(3), Some(self.height), Some(self.width)];
        graph.input = vec![value_info(IMAGE, Some(&dims))];
        let decision = typed_info(DECISION, Some(&[self.batch]), DataType::Int64);
        graph.output = vec![value_info(SCORES, Some(&[self.batch, Some(head.weights.nrows())])), decision];
        builder.network
    }
}

impl Network {
    /// Puts `entries` into the file's `metadata_props`, in the place of all others.
    pub fn set_properties(&mut self, entries: impl IntoIterator<Item = (String, String)>) {
        let entry = |(key, value)| pb::StringStringEntryProto { key, value };
        self.model.metadata_props = entries.into_iter().map(entry).collect();
    }
}

/// Gives the tensor `from` another name wherever it occurs.
fn rename(graph: &mut pb::GraphProto, from: &str, to: &str) {
    for node in &mut graph.node {
        let names = node.input.iter_mut().chain(&mut node.output);
        names.filter(|name| *name == from).for_each(|name| to.clone_into(name));
        let inner = node.attribute.iter_mut().flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs));
        inner.for_each(|graph| rename(graph, from, to));
    }
    let tensors = graph.initializer.iter_mut().filter(|tensor| tensor.name == from);
    tensors.for_each(|tensor| to.clone_into(&mut tensor.name));
    let outputs = graph.output.iter_mut().filter(|output| output.name == from);
    outputs.for_each(|output| to.clone_into(&mut output.name));
}

impl Builder {
    /// `(pixel / 255 * range - mean) / std` as one product and one sum.
    fn normalise(&mut self, preprocess: &Preprocess, output: &str) {
        let per_channel = |f: &dyn Fn(usize) -> f32| tensor(&[1, 3, 1, 1], &[f(0), f(1), f(2)]);
        let Preprocess { range, mean, std, .. } = *preprocess;
        let image = match preprocess.channels {
            Channels::Rgb => IMAGE.to_owned(),
            Channels::Bgr => {
                let order = self.constant(integers(&[3], &[2, 1, 0]));
                self.node("Gather", &[IMAGE, &order], vec![int("axis", 1)])
            }
        };
        let scale = self.constant(per_channel(&|c| range / 255.0 / std[c]));
        let offset = self.constant(per_channel(&|c| -mean[c] / std[c]));
        let scaled = self.node("Mul", &[&image, &scale], Vec::new());
        self.node_to("Add", &[&scaled, &offset], output, Vec::new());
    }

    /// The tensors that make the feature as `[N,dim]`.
    fn feature(&mut self, tensors: &[String], kinds: &[FeatureKind]) -> String {
        let parts: Vec<String> = tensors.iter().zip(kinds).map(|(tensor, &kind)| self.pool(tensor, kind)).collect();
        match parts.as_slice() {
            [only] => only.clone(),
            _ => self.node("Concat", &parts.iter().map(String::as_str).collect::<Vec<_>>(), vec![int("axis", 1)]),
        }
    }

    /// A feature tensor as `[N,dim]`.
    fn pool(&mut self, feature: &str, kind: FeatureKind) -> String {
        let averaged = match kind {
            FeatureKind::Map => self.node("GlobalAveragePool", &[feature], Vec::new()),
            FeatureKind::MapNhwc => {
                let map = self.node("Transpose", &[feature], vec![ints("perm", &[0, 3, 1, 2])]);
                self.node("GlobalAveragePool", &[&map], Vec::new())
            }
            FeatureKind::TokensMean => {
                let map = self.node("Transpose", &[feature], vec![ints("perm", &[0, 2, 1])]);
                self.node("GlobalAveragePool", &[&map], Vec::new())
            }
            FeatureKind::TokensClass => {
                let first = self.constant(integers(&[1], &[0]));
                self.node("Gather", &[feature, &first], vec![int("axis", 1)])
            }
            FeatureKind::Vector => feature.to_owned(),
        };
        self.node("Flatten", &[&averaged], vec![int("axis", 1)])
    }

    /// A vector of zeros stays one.
    fn unit_length(&mut self, vector: &str, dim: usize) -> String {
        let squares = self.node("Mul", &[vector, vector], Vec::new());
        let ones = self.constant(tensor(&[dim, 1], &vec![1.0; dim]));
        let sum = self.node("MatMul", &[&squares, &ones], Vec::new());
        let tiny = self.constant(tensor(&[1], &[1e-30]));
        let positive = self.node("Add", &[&sum, &tiny], Vec::new());
        let length = self.node("Sqrt", &[&positive], Vec::new());
        self.node("Div", &[vector, &length], Vec::new())
    }

    fn hidden(&mut self, vector: &str, layer: &HiddenLayer) -> String {
        let sum = self.linear(vector, layer.weights.view(), layer.bias.view());
        self.node("Relu", &[&sum], Vec::new())
    }

    fn score(&mut self, vector: &str, head: &ScoringHead) {
        let weights = head.weights.mapv(|weight| weight / head.temperature);
        let bias = head.bias.mapv(|bias| bias / head.temperature);
        let logits = self.linear(vector, weights.view(), bias.view());
        self.node_to("Softmax", &[&logits], SCORES, vec![int("axis", 1)]);
    }

    fn linear(&mut self, vector: &str, weights: ArrayView2<'_, f32>, bias: ArrayView1<'_, f32>) -> String {
        let weights = self.constant(matrix(weights.t()));
        let bias = self.constant(tensor(&[bias.len()], &bias.to_vec()));
        let product = self.node("MatMul", &[vector, &weights], Vec::new());
        self.node("Add", &[&product, &bias], Vec::new())
    }
}
