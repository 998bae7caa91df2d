//! Random convolutions scaled as batch normalisation would scale them.

use std::collections::HashMap;

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::builder::{self, Builder};
use super::index::Index;
use super::random::constant;
use super::{ImageInput, Layout, Network, Shapes};

/// The tensor that [`Network::with_statistics`] adds.
pub const STATISTICS: &str = "edgetl_statistics";
/// Added to variances, so that a channel that is the same everywhere stays finite.
const EPSILON: f32 = 1e-3;

/// A convolution whose output is to have mean 0 and variance 1 in every channel.
#[derive(Clone, Debug)]
pub struct Convolution {
    node: usize,
    weights: String,
    pub channels: usize,
}

impl Network {
    /// The convolutions over maps of more than one place, by `shapes`, each before those behind it.
    pub fn convolutions(&self, shapes: &Shapes) -> Vec<Convolution> {
        let index = Index::new(self.graph());
        let mut uses: HashMap<&str, usize> = HashMap::new();
        index.graph.node.iter().flat_map(|node| &node.input).for_each(|input| *uses.entry(input).or_default() += 1);
        let of = |&node: &usize| {
            let conv = Some(&index.graph.node[node]).filter(|conv| conv.op_type == "Conv")?;
            let places: usize = shapes.get(conv.output.first()?)?.get(2..)?.iter().product();
            let (weights, dims) = constant(&index, conv.input.get(1)?)?;
            let alone = weights == conv.input[1] && uses.get(weights.as_str()) == Some(&1);
            (alone && places > 1).then(|| Convolution { node, weights, channels: dims[0] })
        };
        index.order.iter().filter_map(of).collect()
    }

    /// The network with the output of each convolution brought to mean 0 and variance 1 over the places of its map, and
    /// [`STATISTICS`] `[N,2C,1,1]`: the means and variances that it had, of one convolution after another.
    pub fn with_statistics(mut self, convolutions: &[Convolution]) -> Self {
        let mut renamed = Vec::new();
        for (number, convolution) in convolutions.iter().enumerate() {
            let output = &mut self.graph_mut().node[convolution.node].output[0];
            renamed.push((format!("edgetl_raw_{number}"), std::mem::take(output)));
            output.clone_from(&renamed[number].0);
        }
        let mut builder = Builder::new(self);
        let epsilon = builder.constant(builder::tensor(&[1], &[EPSILON]));
        let mut statistics = Vec::new();
        for (raw, output) in &renamed {
            let mean = builder.node("GlobalAveragePool", &[raw], Vec::new());
            let centred = builder.node("Sub", &[raw, &mean], Vec::new());
            let squared = builder.node("Mul", &[&centred, &centred], Vec::new());
            let variance = builder.node("GlobalAveragePool", &[&squared], Vec::new());
            let above_zero = builder.node("Add", &[&variance, &epsilon], Vec::new());
            let deviation = builder.node("Sqrt", &[&above_zero], Vec::new());
            builder.node_to("Div", &[&centred, &deviation], output, Vec::new());
            statistics.extend([mean, variance]);
        }
        let statistics: Vec<&str> = statistics.iter().map(String::as_str).collect();
        builder.node_to("Concat", &statistics, STATISTICS, vec![builder::int("axis", 1)]);
        builder.network
    }

    /// Takes into each convolution what brings outputs with these `statistics`, the rows of [`STATISTICS`] for some pictures,
    /// to mean 0 and variance 1.
    pub fn settle(&mut self, convolutions: &[Convolution], statistics: &[Vec<f32>]) {
        let mut start = 0;
        for (number, convolution) in convolutions.iter().enumerate() {
            let channels = convolution.channels;
            let mean_of = |f: &dyn Fn(&[f32]) -> f32| {
                statistics.iter().map(|row| f(&row[start..start + 2 * channels])).sum::<f32>() / statistics.len() as f32
            };
            let means: Vec<f32> = (0..channels).map(|c| mean_of(&|row| row[c])).collect();
            let squares = (0..channels).map(|c| mean_of(&|row| row[channels + c] + row[c] * row[c]));
            let deviations: Vec<f32> = squares
                .zip(&means)
                .map(|(square, mean)| (square - mean * mean + EPSILON).max(EPSILON).sqrt())
                .collect();
            let bias: Vec<f32> = means.iter().zip(&deviations).map(|(mean, deviation)| -mean / deviation).collect();
            start += 2 * channels;
            self.scale(convolution, &deviations);
            let bias = pb::TensorProto { name: format!("edgetl_bias_{number}"), ..builder::tensor(&[channels], &bias) };
            let node = &mut self.graph_mut().node[convolution.node];
            node.input.truncate(2);
            node.input.push(bias.name.clone());
            self.graph_mut().initializer.push(bias);
        }
    }

    /// Adds means of the input's pixels over cells of `[height, width]` pixels, `[N,3,h,w]`, without those left at the edge,
    /// and gives the name of the tensor, `[N,C]`.
    pub fn small_picture(&mut self, input: &ImageInput, [height, width]: [u32; 2]) -> String {
        let empty = Self { model: pb::ModelProto::default() };
        let mut builder = Builder::new(std::mem::replace(self, empty));
        let mut pixels = input.name.clone();
        if input.element == DataType::Uint8 {
            pixels = builder.node("Cast", &[&pixels], vec![builder::int("to", DataType::Float as i64)]);
        }
        if input.layout == Layout::Nhwc {
            pixels = builder.node("Transpose", &[&pixels], vec![builder::ints("perm", &[0, 3, 1, 2])]);
        }
        let cell = [i64::from(height), i64::from(width)];
        let cells = vec![builder::ints("kernel_shape", &cell), builder::ints("strides", &cell)];
        pixels = builder.node("AveragePool", &[&pixels], cells);
        pixels = builder.node("Flatten", &[&pixels], vec![builder::int("axis", 1)]);
        *self = builder.network;
        pixels
    }

    fn scale(&mut self, convolution: &Convolution, deviations: &[f32]) {
        let graph = self.graph_mut();
        let of_node = |node: &'_ pb::NodeProto| node.output.first() == Some(&convolution.weights);
        let in_node = graph
            .node
            .iter_mut()
            .find(|node| of_node(node))
            .and_then(|node| node.attribute.iter_mut().find(|attribute| attribute.name == "value")?.t.as_mut());
        let held = graph.initializer.iter_mut().find(|tensor| tensor.name == convolution.weights).or(in_node);
        let tensor = held.expect("the weights of `convolutions`");
        let each = tensor.raw_data.len() / deviations.len();
        for (kernel, deviation) in tensor.raw_data.chunks_mut(each).zip(deviations) {
            for bytes in kernel.as_chunks_mut::<4>().0 {
                *bytes = (f32::from_le_bytes(*bytes) / deviation).to_le_bytes();
            }
        }
    }
}
