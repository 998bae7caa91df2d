//! Which part of the picture each place of a tensor sees, by the kernels on the way to it.

mod operators;
mod places;
mod reach;

use std::collections::{BTreeSet, HashMap};

use ndarray::{Array2, ArrayD, Axis, Ix2, Slice};

use super::element::{Element, element, floating};
use super::index::Index;
use super::input::ImageInput;
use super::{GraphError, Layout, Network, Shapes};
use places::Places;
pub use reach::Reach;

/// A tensor as places of the picture, each with channels.
#[derive(Clone, PartialEq, Debug)]
pub struct Layer {
    pub tensor: String,
    pub operator: String,
    /// For one picture.
    pub shape: Vec<usize>,
    /// Rows and columns; 1 and 1 of a vector.
    pub grid: (usize, usize),
    pub channels: usize,
    /// Along rows and columns; `None` where a place sees the whole picture, or it cannot be told what it sees.
    pub reach: Option<[Reach; 2]>,
    /// Operators on the way that see more than that, or the reason why it cannot be told.
    pub uncounted: Vec<String>,
    places: Option<Places>,
}

/// What is known of a tensor that depends on the picture.
#[derive(Clone, Debug)]
struct Seen {
    /// Where the places are, and the reach of each along rows and columns; `None` where an operator mixes them all.
    field: Option<(Places, [Reach; 2])>,
    uncounted: BTreeSet<String>,
}

/// Every tensor that depends on the picture.
type Fields<'a> = HashMap<&'a str, Seen>;

impl Network {
    /// `tensor`, or the first output of the node of that name, as places of the picture.
    ///
    /// # Errors
    /// When there is none, it does not depend on the picture, or is no map, tokens or vector of numbers.
    pub fn layer(&self, input: &ImageInput, tensor: &str, shapes: &Shapes) -> Result<Layer, GraphError> {
        let index = Index::new(self.graph());
        let tensor = self.tensor_named(&index, tensor)?;
        let fields = fields(&index, input, shapes);
        if !fields.contains_key(tensor) {
            return Err(GraphError::NotFromImage(tensor.to_owned()));
        }
        let shape = shapes.get(tensor).ok_or_else(|| GraphError::UnknownShape(tensor.to_owned()))?;
        if element(&index, tensor) == Element::Other {
            return Err(GraphError::FeatureElement(tensor.to_owned()));
        }
        let wrong = || GraphError::FeatureShape { tensor: tensor.to_owned(), shape: shape.clone() };
        layer(&index, &fields, tensor, shape).ok_or_else(wrong)
    }

    /// About `count` layers from early to late that lead to `feature`: of each size of map the last, or of a network
    /// whose maps are all of one size, those between its blocks.
    pub fn usual_layers(&self, input: &ImageInput, feature: &str, shapes: &Shapes, count: usize) -> Vec<Layer> {
        let index = Index::new(self.graph());
        let fields = fields(&index, input, shapes);
        let needed = index.needed_for(&[feature]).nodes;
        let nodes = index.order.iter().filter(|node| needed.contains(node)).map(|&node| &index.graph.node[node]);
        let found: Vec<Layer> = nodes
            .filter(|node| !UNUSUAL.contains(&node.op_type.as_str()))
            .filter(|node| {
                !CUTTING.contains(&node.op_type.as_str()) || node.output.first().is_some_and(|output| output == feature)
            })
            .filter_map(|node| {
                let tensor = node.output.first()?.as_str();
                let layer = layer(&index, &fields, tensor, shapes.get(tensor)?)?;
                let usable = layer.reach.is_some() && layer.channels > 3 && layer.grid.0 * layer.grid.1 > 1;
                (usable && element(&index, floating(&index, tensor)) != Element::Other).then_some(layer)
            })
            .filter(|layer| layer.reach != Some([Reach::PIXEL; 2]))
            .collect();
        chosen(found, feature, count)
    }
}

/// Operators whose output is not looked at unless it is named: they compute nothing.
const UNUSUAL: [&str; 8] =
    ["Pad", "Slice", "Split", "Transpose", "Reshape", "QuantizeLinear", "DynamicQuantizeLinear", "Cast"];
/// Operators that cut off what is large, so that many places are equally strong; the feature is looked at all the same.
const CUTTING: [&str; 6] = ["Clip", "Sigmoid", "HardSigmoid", "Tanh", "Softmax", "QLinearSigmoid"];

fn chosen(found: Vec<Layer>, feature: &str, count: usize) -> Vec<Layer> {
    let mut stages: Vec<Layer> = Vec::new();
    for layer in &found {
        match stages.iter_mut().find(|stage| stage.grid == layer.grid) {
            Some(stage) if stage.tensor != feature => *stage = layer.clone(),
            Some(_) => {}
            None => stages.push(layer.clone()),
        }
    }
    if stages.len() < count.min(found.len()) {
        let sums: Vec<Layer> = found.iter().filter(|layer| layer.operator == "Add").cloned().collect();
        stages = if sums.len() >= count { sums } else { found };
    }
    let last = stages.len().saturating_sub(1);
    let mut places: Vec<usize> =
        (0..count).map(|number| (2 * number * last + count - 1) / (2 * (count - 1).max(1))).collect();
    places.dedup();
    places.into_iter().filter_map(|place| stages.get(place).cloned()).collect()
}

fn fields<'a>(index: &Index<'a>, input: &'a ImageInput, shapes: &Shapes) -> Fields<'a> {
    let places = match input.layout {
        Layout::Nchw => Places::Map { rows: 2, columns: 3 },
        Layout::Nhwc => Places::Map { rows: 1, columns: 2 },
    };
    let picture = Seen { field: Some((places, [Reach::PIXEL; 2])), uncounted: BTreeSet::new() };
    let mut fields = HashMap::from([(input.name.as_str(), picture)]);
    for &node in &index.order {
        let node = &index.graph.node[node];
        if let Some(seen) = operators::seen(index, node, &fields, shapes) {
            let outputs = node.output.iter().map(String::as_str).filter(|output| !output.is_empty());
            outputs.for_each(|output| drop(fields.insert(output, seen.clone())));
        }
    }
    fields
}

/// `None` where the tensor is no map, tokens or vector of one picture.
fn layer(index: &Index<'_>, fields: &Fields<'_>, tensor: &str, shape: &[usize]) -> Option<Layer> {
    let seen = fields.get(tensor)?;
    let places = seen.field.map(|(places, _)| places).or_else(|| usual_places(shape));
    let others: Vec<usize> =
        (1..shape.len()).filter(|&dim| places.is_none_or(|places| !places.contains(dim))).collect();
    let many: Vec<usize> = others.iter().copied().filter(|&dim| shape[dim] != 1).collect();
    if shape.first() != Some(&1) || many.len() > 1 || shape.contains(&0) {
        return None;
    }
    let grid = match places {
        Some(Places::Map { rows, columns }) => (shape[rows], shape[columns]),
        Some(Places::Tokens { grid, .. }) => grid,
        None => (1, 1),
    };
    Some(Layer {
        tensor: tensor.to_owned(),
        operator: index.producer(tensor).map(|node| node.op_type.clone()).unwrap_or_default(),
        shape: shape.to_vec(),
        grid,
        channels: many.first().map_or(1, |&dim| shape[dim]),
        reach: seen.field.map(|(_, reach)| reach),
        uncounted: seen.uncounted.iter().cloned().collect(),
        places,
    })
}

/// Of a map whose places an operator mixed.
fn usual_places(shape: &[usize]) -> Option<Places> {
    (shape.len() == 4 && shape[2..] != [1, 1]).then_some(Places::Map { rows: 2, columns: 3 })
}

impl Layer {
    /// The values of one picture as `[channels, places]`, row by row; `None` where `values` has another shape.
    pub fn planes(&self, values: &ArrayD<f32>) -> Option<Array2<f32>> {
        if values.shape() != self.shape {
            return None;
        }
        let places = self.places.map(Places::dims).unwrap_or_default();
        let others = (0..self.shape.len()).filter(|dim| !places.contains(dim));
        let order: Vec<usize> = others.chain(places.iter().copied()).collect();
        let values = values.view().permuted_axes(order);
        let count = places.iter().map(|&dim| self.shape[dim]).product::<usize>();
        let planes = values.as_standard_layout().into_owned();
        let planes = planes.into_shape_with_order((self.channels, count)).ok()?.into_dimensionality::<Ix2>().ok()?;
        Some(match self.places {
            Some(Places::Tokens { prefix, .. }) => planes.slice_axis(Axis(1), Slice::from(prefix..)).to_owned(),
            _ => planes,
        })
    }
}
