//! The end of a classifier, walked from its output back to where pooling ends the trunk.

use std::collections::HashSet;

use tract_onnx::pb;

use super::constant::{attribute, int_attribute, integers, ints_attribute};
use super::index::Index;
use super::{Layout, Shapes};

/// What lies between a network's output and its trunk.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    /// Linear layers with constant weights, the last layer first.
    pub linears: Vec<Linear<'a>>,
    /// Whether a layer normalisation follows the trunk, before the first linear layer.
    pub normalised: bool,
    /// Whether behind the last linear layer values become probabilities, ranks or names.
    pub scored: bool,
    pub end: End<'a>,
}

/// A product with constant weights (`Gemm`, `MatMul`, `Conv` and their quantised forms) on one value per channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear<'a> {
    pub node: &'a pb::NodeProto,
    /// The tensor that the weights multiply.
    pub data: &'a str,
}

/// Where the trunk ends.
#[derive(Debug)]
pub(super) enum End<'a> {
    /// A spatial map is averaged.
    Pool { map: &'a str, layout: Layout, node: &'a pb::NodeProto },
    /// The tokens `[N,T,C]` are averaged.
    TokenMean { tokens: &'a str, node: &'a pb::NodeProto },
    /// The first of the tokens `[N,T,C]` is taken.
    ClassToken { tokens: &'a str, node: &'a pb::NodeProto },
    /// A spatial map is flattened into the classifier.
    Flatten { map: &'a str, layout: Layout, node: &'a pb::NodeProto },
    /// Something that is not understood here.
    Unknown,
}

/// One step backwards.
enum Step<'a> {
    Through(&'a str),
    Normalisation(&'a str),
    Score(&'a str),
    Linear(&'a str),
    End(End<'a>),
}

/// Reads tensors and their shapes while walking.
pub(super) struct Walker<'a> {
    pub index: &'a Index<'a>,
    pub shapes: &'a Shapes,
    /// Tensors whose values depend on the picture.
    reached: HashSet<&'a str>,
}

impl<'a> Walker<'a> {
    pub fn new(index: &'a Index<'a>, shapes: &'a Shapes, input: &'a str) -> Self {
        Self { index, shapes, reached: index.reached_from(input) }
    }

    /// From `output` back to the end of the trunk.
    pub fn tail(&self, output: &'a str) -> Tail<'a> {
        let mut tail = Tail { linears: Vec::new(), normalised: false, scored: false, end: End::Unknown };
        let mut tensor = output;
        while let Some(node) = self.index.producer(tensor) {
            tensor = match self.step(node, tensor) {
                Step::Through(input) => input,
                Step::Normalisation(input) => {
                    tail.normalised = true;
                    input
                }
                Step::Score(input) => {
                    tail.scored |= tail.linears.is_empty();
                    input
                }
                Step::Linear(data) => {
                    tail.linears.push(Linear { node, data });
                    tail.normalised = false;
                    data
                }
                Step::End(end) => {
                    tail.end = end;
                    return tail;
                }
            };
        }
        tail.end = End::Unknown;
        tail
    }

    fn step(&self, node: &'a pb::NodeProto, output: &'a str) -> Step<'a> {
        let unknown = Step::End(End::Unknown);
        let Some(first) = self.operands(node).first().copied() else {
            return unknown;
        };
        match node.op_type.as_str() {
            op if SCORING.contains(&op) => Step::Score(first),
            "ReduceMax" if !many(self.shape(first).unwrap_or_default()) => Step::Score(first),
            "LayerNormalization" | "SimplifiedLayerNormalization" | "GroupNormalization" | "InstanceNormalization" => {
                Step::Normalisation(first)
            }
            op if is_linear(op) => self.linear(node, first),
            "GlobalAveragePool" => self.pool(first, Layout::Nchw, node),
            "QLinearGlobalAveragePool" if int_attribute(node, "channels_last").unwrap_or(0) == 0 => {
                self.pool(first, Layout::Nchw, node)
            }
            "QLinearGlobalAveragePool" => self.pool(first, Layout::Nhwc, node),
            "AveragePool" | "QLinearAveragePool" => self.average_pool(node, first, output),
            "ReduceMean" => self.reduce_mean(node, first),
            "Gather" | "Slice" if node.input.first().is_some_and(|input| input == first) => {
                self.token(node, first, output)
            }
            // A table in which the picture chooses a row: names of classes.
            "Gather" => Step::Score(first),
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => self.reshape(node, first, output),
            "Add" | "Sub" | "Mul" | "Div" | "Pow" | "QLinearAdd" | "QLinearMul" => self.arithmetic(node),
            op if PASSED.contains(&op) => Step::Through(first),
            _ => unknown,
        }
    }

    /// What `node` takes of the picture, without the numbers by which a dynamic quantisation scales.
    fn operands(&self, node: &'a pb::NodeProto) -> Vec<&'a str> {
        let inputs = node.input.iter().map(String::as_str);
        inputs.filter(|input| self.reached.contains(input) && !self.is_scale(input, 4)).collect()
    }

    /// Whether `tensor` is a scale or a zero point that was computed from the picture, or a product of such.
    fn is_scale(&self, tensor: &str, depth: usize) -> bool {
        let Some(node) = self.index.producer(tensor).filter(|_| depth > 0) else { return false };
        let inner = || node.input.iter().filter(|input| self.reached.contains(input.as_str()));
        match node.op_type.as_str() {
            "DynamicQuantizeLinear" => node.output.first().is_some_and(|output| output != tensor),
            "Mul" | "Div" | "Cast" | "Unsqueeze" | "Reshape" => {
                inner().next().is_some() && inner().all(|input| self.is_scale(input, depth - 1))
            }
            _ => false,
        }
    }

    fn pool(&self, map: &'a str, layout: Layout, node: &'a pb::NodeProto) -> Step<'a> {
        Step::End(End::Pool { map, layout, node })
    }

    /// A product whose other side is the same for every picture; a convolution counts where one pixel is left.
    fn linear(&self, node: &'a pb::NodeProto, data: &'a str) -> Step<'a> {
        let one_pixel = || matches!(self.shape(data), Some([_, _, 1, 1]));
        let alone = self.operands(node).len() == 1 && self.reached_factors(node) == 1;
        match alone && (!is_convolution(&node.op_type) || one_pixel()) {
            true => Step::Linear(data),
            false => Step::End(End::Unknown),
        }
    }

    /// How many of the factors of a product depend on the picture.
    fn reached_factors(&self, node: &'a pb::NodeProto) -> usize {
        let second = if node.op_type.starts_with('Q') { 3 } else { 1 };
        let factors = [0, second].into_iter().filter_map(|position| node.input.get(position));
        factors.filter(|factor| self.reached.contains(factor.as_str())).count()
    }

    /// An average over the whole map, or an adaptive one that changes nothing.
    fn average_pool(&self, node: &'a pb::NodeProto, input: &'a str, output: &'a str) -> Step<'a> {
        match (self.shape(input), self.shape(output)) {
            (Some(before), Some(after)) if before == after => Step::Through(input),
            (Some(&[_, _, ..]), Some(&[_, _, 1, 1])) => self.pool(input, Layout::Nchw, node),
            _ => Step::End(End::Unknown),
        }
    }

    fn reduce_mean(&self, node: &'a pb::NodeProto, input: &'a str) -> Step<'a> {
        let from_attribute = || ints_attribute(node, "axes").map(<[i64]>::to_vec);
        let from_input = || integers(self.index, node.input.get(1)?);
        let axes = from_attribute().or_else(from_input).unwrap_or_default();
        let rank = self.shape(input).map_or(4, <[usize]>::len) as i64;
        let mut axes: Vec<i64> = axes.into_iter().map(|axis| if axis < 0 { axis + rank } else { axis }).collect();
        axes.sort_unstable();
        match (rank, axes.as_slice()) {
            (4, [2, 3]) => self.pool(input, Layout::Nchw, node),
            (4, [1, 2]) => self.pool(input, Layout::Nhwc, node),
            (3, [1]) => match self.unflattened(input, Layout::Nhwc) {
                Some(map) => self.pool(map, Layout::Nhwc, node),
                None => Step::End(End::TokenMean { tokens: input, node }),
            },
            (3, [2]) if let Some(map) = self.unflattened(input, Layout::Nchw) => self.pool(map, Layout::Nchw, node),
            _ => Step::End(End::Unknown),
        }
    }

    /// The map `[N,C,h,w]` or `[N,h,w,C]` that was reshaped to `[N,C,h*w]` or `[N,h*w,C]`.
    fn unflattened(&self, flat: &'a str, layout: Layout) -> Option<&'a str> {
        let node = self.index.producer(flat).filter(|node| matches!(node.op_type.as_str(), "Reshape" | "Flatten"))?;
        let map = node.input.first()?;
        let (&[_, a, b, c], &[_, x, y]) = (self.shape(map)?, self.shape(flat)?) else {
            return None;
        };
        let fits = match layout {
            Layout::Nchw => (x, y) == (a, b * c),
            Layout::Nhwc => (x, y) == (a * b, c),
        };
        fits.then_some(map)
    }

    /// The first of the tokens, by `Gather` or by `Slice`.
    fn token(&self, node: &'a pb::NodeProto, tokens: &'a str, output: &'a str) -> Step<'a> {
        let value = |position: usize, name: &str| {
            let from_input = || node.input.get(position).and_then(|input| integers(self.index, input));
            ints_attribute(node, name).map(<[i64]>::to_vec).or_else(from_input)
        };
        let first = match node.op_type.as_str() {
            "Gather" => int_attribute(node, "axis") == Some(1) && value(1, "indices").is_some_and(|i| i == [0]),
            _ => {
                let unit_step = value(4, "steps").is_none_or(|steps| steps == [1]);
                unit_step
                    && (value(1, "starts"), value(2, "ends"), value(3, "axes"))
                        == (Some(vec![0]), Some(vec![1]), Some(vec![1]))
            }
        };
        match self.shape(tokens) {
            Some([_, _, _]) if first => Step::End(End::ClassToken { tokens, node }),
            // A slice that keeps everything, as exporters leave behind.
            shape @ Some(_) if shape == self.shape(output) => Step::Through(tokens),
            _ => Step::End(End::Unknown),
        }
    }

    /// A change of shape: nothing where one value per channel is reshaped, the end where a map is flattened.
    fn reshape(&self, node: &'a pb::NodeProto, input: &'a str, output: &'a str) -> Step<'a> {
        match (self.shape(input), self.shape(output)) {
            (Some(before), _) if !many(before) => Step::Through(input),
            (Some(before @ &[_, _, _, _]), Some(after)) if !many(after) => {
                let (map, layout) = self.map_before_flatten(input, before);
                Step::End(End::Flatten { map, layout, node })
            }
            (None, _) => Step::Through(input),
            _ => Step::End(End::Unknown),
        }
    }

    /// The map itself where it was only transposed to `[N,h,w,C]` for the flattening.
    fn map_before_flatten(&self, input: &'a str, shape: &[usize]) -> (&'a str, Layout) {
        let transposed = self
            .index
            .producer(input)
            .filter(|node| node.op_type == "Transpose" && ints_attribute(node, "perm") == Some(&[0, 2, 3, 1]));
        match transposed.and_then(|node| node.input.first()) {
            Some(map) => (map, Layout::Nchw),
            None => (input, likely_layout(shape)),
        }
    }

    /// Arithmetic with what the picture does not reach changes nothing that matters here; of two computed operands the one
    /// known first is the data (`x * sigmoid(x)`, `x - mean(x)`, `x / norm(x)`), but a sum of two has no such side.
    fn arithmetic(&self, node: &'a pb::NodeProto) -> Step<'a> {
        match (self.operands(node).as_slice(), node.op_type.as_str()) {
            ([data], _) => Step::Through(data),
            ([data, mean], "Sub") if self.is_of("ReduceMean", mean, data) => Step::Normalisation(data),
            ([data, largest], "Sub") if self.is_of("ReduceMax", largest, data) => Step::Through(data),
            ([one, other], "Mul" | "Div" | "QLinearMul") => {
                Step::Through(if self.index.time(one) <= self.index.time(other) { one } else { other })
            }
            _ => Step::End(End::Unknown),
        }
    }

    /// Whether `summary` is what the operator makes of `data`.
    fn is_of(&self, operator: &str, summary: &str, data: &str) -> bool {
        let node = self.index.producer(summary).filter(|node| node.op_type == operator);
        node.is_some_and(|node| node.input.first().is_some_and(|input| input == data))
    }

    /// A 1x1 convolution right before `map` whose outputs are class scores: the head of SqueezeNet.
    pub fn convolution_head(&self, map: &'a str) -> Option<Linear<'a>> {
        let mut tensor = map;
        loop {
            let node = self.index.producer(tensor)?;
            let first = *self.operands(node).first()?;
            tensor = match node.op_type.as_str() {
                op if is_convolution(op) => return self.is_pointwise(node).then_some(Linear { node, data: first }),
                "Add" | "Mul" => match self.arithmetic(node) {
                    Step::Through(input) => input,
                    _ => return None,
                },
                op if PASSED.contains(&op) => first,
                _ => return None,
            };
        }
    }

    fn is_pointwise(&self, node: &pb::NodeProto) -> bool {
        let ones = |name| ints_attribute(node, name).is_none_or(|values| values.iter().all(|&value| value == 1));
        let kernel = attribute(node, "kernel_shape").is_some() && ones("kernel_shape");
        kernel && ones("strides") && int_attribute(node, "group").unwrap_or(1) == 1
    }

    pub fn shape(&self, tensor: &str) -> Option<&'a [usize]> {
        self.shapes.get(tensor).map(Vec::as_slice)
    }
}

/// Whether an axis beside the batch's is not the only one that is longer than 1.
fn many(shape: &[usize]) -> bool {
    shape.iter().skip(1).filter(|&&size| size > 1).count() > 1
}

fn is_convolution(operator: &str) -> bool {
    matches!(operator, "Conv" | "ConvInteger" | "QLinearConv" | "FusedConv")
}

fn is_linear(operator: &str) -> bool {
    const PRODUCTS: [&str; 9] = [
        "Gemm",
        "MatMul",
        "MatMulInteger",
        "QLinearMatMul",
        "QGemm",
        "DynamicQuantizeMatMul",
        "MatMulIntegerToFloat",
        "FusedGemm",
        "FusedMatMul",
    ];
    is_convolution(operator) || PRODUCTS.contains(&operator)
}

/// Operators that make probabilities, ranks or names of scores.
const SCORING: [&str; 11] = [
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Hardmax",
    "ArgMax",
    "ArgMin",
    "TopK",
    "ArrayFeatureExtractor",
    "ZipMap",
    "QLinearSoftmax",
    "QLinearSigmoid",
];

/// Operators that change values one by one, or not at all.
const PASSED: [&str; 29] = [
    "DynamicQuantizeLinear",
    "QLinearLeakyRelu",
    "FastGelu",
    "QuickGelu",
    "BiasGelu",
    "Identity",
    "Dropout",
    "Cast",
    "Transpose",
    "Relu",
    "LeakyRelu",
    "PRelu",
    "Clip",
    "Tanh",
    "HardSwish",
    "HardSigmoid",
    "Elu",
    "Selu",
    "Gelu",
    "Swish",
    "Mish",
    "Softplus",
    "BatchNormalization",
    "LpNormalization",
    "QuantizeLinear",
    "DequantizeLinear",
    "Expand",
    "Neg",
    "Exp",
];

/// Of `[N,a,b,c]`: channels are more than rows or columns where a trunk ends.
pub(super) fn likely_layout(shape: &[usize]) -> Layout {
    match shape {
        &[_, a, _, c] if c > a => Layout::Nhwc,
        _ => Layout::Nchw,
    }
}
