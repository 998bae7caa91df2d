//! The same network with weights drawn at random.

use std::collections::{BTreeMap, HashSet};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use tract_onnx::pb;

use super::constant::{attribute, int_attribute, tensor};
use super::float32::floats;
use super::index::Index;
use super::{GraphError, Network, builder};

/// What becomes of a learned tensor.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Redrawn {
    /// Weights of so many inputs.
    Weights(usize),
    Zeros,
    Ones,
    /// Position and class embeddings.
    Embedding,
}

impl Network {
    /// Draws the weights of every convolution and matrix anew, uniformly with variance 2 / fan-in; biases become zero,
    /// normalisations the identity. What normalises pixels before the first weights stays.
    ///
    /// Source: He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    ///
    /// # Errors
    /// When the network is quantised, or has no weights that are constants.
    pub fn redraw(&mut self, seed: u64) -> Result<(), GraphError> {
        let plan = plan(&Index::new(self.graph()))?;
        let mut rng = Pcg64::seed_from_u64(seed);
        let graph = self.graph_mut();
        for node in graph.node.iter_mut().filter(|node| node.op_type == "Constant") {
            let Some(&how) = node.output.first().and_then(|name| plan.get(name)) else { continue };
            let values = node.attribute.iter_mut().find(|attribute| attribute.name == "value");
            values.into_iter().filter_map(|value| value.t.as_mut()).for_each(|tensor| how.draw(tensor, &mut rng));
        }
        for tensor in &mut graph.initializer {
            plan.get(&tensor.name).into_iter().for_each(|how| how.draw(tensor, &mut rng));
        }
        Ok(())
    }
}

impl Redrawn {
    fn draw(self, tensor: &mut pb::TensorProto, rng: &mut Pcg64) {
        let shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
        let count = shape.iter().product();
        let mut uniform = |bound: f32| (0..count).map(|_| rng.random_range(-bound..bound)).collect();
        let values: Vec<f32> = match self {
            Self::Weights(fan_in) => uniform((6.0 / fan_in.max(1) as f32).sqrt()),
            Self::Zeros => vec![0.0; count],
            Self::Ones => vec![1.0; count],
            Self::Embedding => uniform(0.02 * 3f32.sqrt()),
        };
        *tensor = pb::TensorProto { name: std::mem::take(&mut tensor.name), ..builder::tensor(&shape, &values) };
    }
}

fn plan(index: &Index<'_>) -> Result<BTreeMap<String, Redrawn>, GraphError> {
    let (mut plan, mut behind) = (BTreeMap::new(), HashSet::new());
    for &node in &index.order {
        let node = &index.graph.node[node];
        if is_quantised(&node.op_type) {
            return Err(GraphError::NotRedrawn(node.op_type.clone()));
        }
        let own = weights(index, node);
        let follows = node.input.iter().any(|input| behind.contains(input.as_str()));
        let others = if own.is_empty() && !follows { Vec::new() } else { learned(index, node, &behind) };
        if !own.is_empty() || follows {
            behind.extend(node.output.iter().map(String::as_str));
        }
        for (name, how) in own.into_iter().chain(others) {
            plan.entry(name).or_insert(how);
        }
    }
    let has_weights = plan.values().any(|how| matches!(how, Redrawn::Weights(_)));
    if has_weights { Ok(plan) } else { Err(GraphError::NoWeights) }
}

fn is_quantised(op: &str) -> bool {
    op.starts_with("QLinear") || op.ends_with("Integer") || op.contains("QuantizeLinear") || op == "QGemm"
}

/// The constant matrices and kernels of `node`.
fn weights(index: &Index<'_>, node: &pb::NodeProto) -> Vec<(String, Redrawn)> {
    let positions: &[usize] = match node.op_type.as_str() {
        "Conv" | "ConvTranspose" | "Gemm" => &[1],
        "MatMul" => &[0, 1],
        _ => &[],
    };
    let of = |&position: &usize| {
        let (name, mut dims) = constant(index, node.input.get(position)?)?;
        if dims.len() < 2 {
            return None;
        }
        if index.producer(node.input.get(position)?).is_some_and(|producer| producer.op_type == "Transpose") {
            dims.reverse();
        }
        let fan_in = match node.op_type.as_str() {
            "Conv" => dims[1..].iter().product(),
            "ConvTranspose" => dims[0] * dims[2..].iter().product::<usize>(),
            "Gemm" => dims[usize::from(int_attribute(node, "transB").unwrap_or(0) != 0)],
            _ => dims[dims.len() - if position == 0 { 1 } else { 2 }],
        };
        Some((name, Redrawn::Weights(fan_in)))
    };
    positions.iter().filter_map(of).collect()
}

/// What else `node` learned: biases, normalisations, embeddings.
fn learned(index: &Index<'_>, node: &pb::NodeProto, behind: &HashSet<&str>) -> Vec<(String, Redrawn)> {
    use Redrawn::{Embedding, Ones, Zeros};
    let at = |places: &[(usize, Redrawn)]| {
        let of = |&(place, how): &(usize, Redrawn)| Some((constant(index, node.input.get(place)?)?.0, how));
        places.iter().filter_map(of).collect()
    };
    let several = |input: &String| {
        let (name, dims) = constant(index, input).filter(|_| !behind.contains(input.as_str()))?;
        let wide = dims.iter().filter(|dim| **dim > 1).count();
        (wide > 0 || node.op_type == "Concat").then_some((name, wide))
    };
    let operands = |how: &dyn Fn(usize) -> Redrawn| {
        node.input.iter().filter_map(several).map(|(name, wide)| (name, how(wide))).collect()
    };
    match node.op_type.as_str() {
        "Conv" | "ConvTranspose" | "Gemm" => at(&[(2, Zeros)]),
        "BatchNormalization" => at(&[(1, Ones), (2, Zeros), (3, Zeros), (4, Ones)]),
        "InstanceNormalization" | "LayerNormalization" | "GroupNormalization" => at(&[(1, Ones), (2, Zeros)]),
        "Mul" | "Div" => operands(&|_| Ones),
        "Add" | "Sub" => operands(&|wide| if wide > 1 { Embedding } else { Zeros }),
        "Concat" => operands(&|_| Embedding),
        _ => Vec::new(),
    }
}

/// The floating-point constant behind `input`, and its dimensions.
pub(super) fn constant(index: &Index<'_>, input: &str) -> Option<(String, Vec<usize>)> {
    let mut name = input;
    while let Some(node) =
        index.producer(name).filter(|node| matches!(&*node.op_type, "Identity" | "Transpose" | "Cast"))
    {
        name = node.input.first()?;
    }
    let held = tensor(index, name)?;
    let is_own = index.initialiser(name).is_some()
        || index.producer(name).is_some_and(|node| attribute(node, "value").is_some());
    (is_own && floats(held).is_some()).then(|| (name.to_owned(), held.dims.iter().map(|&dim| dim as usize).collect()))
}
