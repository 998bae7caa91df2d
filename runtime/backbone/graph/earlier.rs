//! Which map or tokens of a network are taken beside the last: what it saw before it last gave up places for channels.

use std::collections::HashSet;

use tract_onnx::pb;

use super::element::{Element, element, floating};
use super::index::Index;
use super::input::ImageInput;
use super::name::node_name;
use super::{Layout, Network, Shapes};
use crate::manifest::{Feature, FeatureKind, Tap};

/// A tap beside a feature, and why it is this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EarlierMap {
    pub tap: Tap,
    /// One sentence for the user.
    pub why: String,
}

/// Operators that make a map of fewer places of a larger one.
const REDUCERS: [&str; 8] =
    ["Conv", "FusedConv", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "QLinearAveragePool", "Slice"];
/// A map of so few channels is the picture itself.
const FEW: usize = 3;
/// Of the blocks of a network that keeps all its tokens, so large a part lies before the earlier ones: as deep as the last map
/// before the last spatial reduction lies in others.
const DEPTH: (usize, usize) = (3, 4);

impl Network {
    /// The map before the last spatial reduction on the way to `feature`; of a network that keeps its tokens, those of a
    /// block at three quarters of its depth.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn earlier_map(&self, input: &ImageInput, feature: &Feature, shapes: &Shapes) -> Result<EarlierMap, String> {
        let index = Index::new(self.graph());
        let reached = index.reached_from(&input.name);
        let needed = index.needed_for(&[&feature.output]).nodes;
        let nodes: Vec<&pb::NodeProto> =
            index.order.iter().filter(|node| needed.contains(node)).map(|&node| &index.graph.node[node]).collect();
        let trunk = Trunk { index: &index, reached, shapes, nodes };
        let found = match (feature.kind, &feature.map) {
            (FeatureKind::Map, _) => trunk.before_reduction(&feature.output, Layout::Nchw),
            (FeatureKind::MapNhwc, _) => trunk.before_reduction(&feature.output, Layout::Nhwc),
            (_, Some(map)) => trunk.before_reduction(map, Layout::Nchw),
            (kind, None) => trunk.earlier_tokens(kind),
        };
        let found = found.and_then(|found| trunk.floating(found));
        found.ok_or_else(|| "no earlier map is taken beside it: none was found that is larger".to_owned())
    }
}

impl Network {
    /// Puts the average over all places behind the map `tensor`, `[N,C,h,w]`, and gives the name of what it makes.
    pub fn averaged(&mut self, tensor: &str) -> String {
        let output = format!("{tensor}_averaged");
        let (input, op_type) = (vec![tensor.to_owned()], "GlobalAveragePool".to_owned());
        self.graph_mut().node.push(pb::NodeProto {
            input,
            output: vec![output.clone()],
            op_type,
            ..Default::default()
        });
        output
    }
}

/// The nodes that lead to a feature, in order.
struct Trunk<'a> {
    index: &'a Index<'a>,
    /// Tensors whose values depend on the picture.
    reached: HashSet<&'a str>,
    shapes: &'a Shapes,
    nodes: Vec<&'a pb::NodeProto>,
}

impl<'a> Trunk<'a> {
    fn shape(&self, tensor: &str) -> Option<&'a [usize]> {
        self.shapes.get(tensor).map(Vec::as_slice)
    }

    /// What the last reducing node takes that leads to `map`, the last.
    fn before_reduction(&self, map: &str, own: Layout) -> Option<EarlierMap> {
        let last = sides(self.shape(map)?, own)?;
        if last == (1, 1) {
            return None;
        }
        let reducers = self.nodes.iter().rev().filter(|node| REDUCERS.contains(&node.op_type.as_str()));
        // Of a pool that makes the last map itself, without a layer between, what goes in tells nothing more.
        let layers = reducers.filter(|node| is_layer(node) || node.output.first().is_none_or(|output| output != map));
        layers.filter_map(|node| self.larger_map(node, last, own)).next()
    }

    /// The map that `node` takes, where that is larger than `last`, in its proportion, and what the node gives is not smaller.
    fn larger_map(&self, node: &'a pb::NodeProto, last: (usize, usize), own: Layout) -> Option<EarlierMap> {
        let taken = node.input.first().filter(|input| self.reached.contains(input.as_str()))?;
        let (before, after) = (self.shape(taken)?, self.shape(node.output.first()?)?);
        let other = if own == Layout::Nchw { Layout::Nhwc } else { Layout::Nchw };
        let layout = [own, other].into_iter().find(|&layout| {
            let (Some(before), Some(after)) = (sides(before, layout), sides(after, layout)) else { return false };
            let reduced = after.0 <= before.0 && after.1 <= before.1 && after != before;
            reduced && after.0 >= last.0 && after.1 >= last.1 && is_larger(before, last)
        })?;
        let map = self.without_padding(taken);
        let shape = self.shape(map)?;
        let (kind, dim) = match layout {
            Layout::Nchw => (FeatureKind::Map, shape[1]),
            Layout::Nhwc => (FeatureKind::MapNhwc, shape[3]),
        };
        let (height, width) = sides(shape, layout)?;
        let tap = Tap { output: map.to_owned(), kind, dim };
        let why = format!(
            "beside it `{map}`, the map before the last spatial reduction (`{}` in node `{}`): {dim} channels at \
             {width}x{height}",
            node.op_type,
            node_name(node)
        );
        (dim > FEW && self.index.producer(map).is_some()).then_some(EarlierMap { tap, why })
    }

    /// The map that `map` was padded from, since what is put around it tells nothing.
    fn without_padding(&self, map: &'a str) -> &'a str {
        match self.index.producer(map).filter(|node| node.op_type == "Pad") {
            Some(node) => &node.input[0],
            None => map,
        }
    }

    /// The tokens `[N,T,C]` behind an earlier block: the last that are more than those of the feature, else those of a block
    /// within.
    fn earlier_tokens(&self, kind: FeatureKind) -> Option<EarlierMap> {
        let sums: Vec<(&str, &[usize])> = self.nodes.iter().filter_map(|node| self.residual_sum(node)).collect();
        let &(_, last) = sums.last()?;
        let more = sums.iter().rev().find(|(_, shape)| shape[0] == last[0] && shape[1] > last[1]);
        let (output, shape, kind) = match more {
            Some(&(output, shape)) => (output, shape, FeatureKind::TokensMean),
            None => {
                let same: Vec<_> = sums.iter().filter(|(_, shape)| *shape == last).collect();
                // Two sums make a block: attention and perceptron.
                let place = (same.len() * DEPTH.0 / DEPTH.1) & !1;
                let &&(output, shape) = same.get(place.checked_sub(1)?)?;
                let kind = if kind == FeatureKind::Vector { super::feature::likely_kind(shape)? } else { kind };
                (output, shape, kind)
            }
        };
        let tap = Tap { output: output.to_owned(), kind, dim: shape[2] };
        let why =
            format!("beside it `{output}`, the tokens behind an earlier block: {} of {} numbers", shape[1], shape[2]);
        Some(EarlierMap { tap, why })
    }

    /// The output and the shape of a sum of tokens and what a block made of them.
    fn residual_sum(&self, node: &'a pb::NodeProto) -> Option<(&'a str, &'a [usize])> {
        let output = node.output.first().filter(|_| node.op_type == "Add")?;
        let shape = self.shape(output).filter(|shape| shape.len() == 3)?;
        let alike = |input: &String| self.reached.contains(input.as_str()) && self.shape(input) == Some(shape);
        node.input.iter().all(alike).then_some((output.as_str(), shape))
    }

    /// The same where its numbers are, or can be made, floating-point.
    fn floating(&self, found: EarlierMap) -> Option<EarlierMap> {
        let EarlierMap { tap, why } = found;
        let output = floating(self.index, self.index.name(&tap.output)?).to_owned();
        (element(self.index, self.index.name(&output)?) != Element::Other)
            .then_some(EarlierMap { tap: Tap { output, ..tap }, why })
    }
}

fn is_layer(node: &pb::NodeProto) -> bool {
    node.op_type.contains("Conv")
}

/// Height and width of a map.
fn sides(shape: &[usize], layout: Layout) -> Option<(usize, usize)> {
    match (shape, layout) {
        (&[_, _, height, width], Layout::Nchw) | (&[_, height, width, _], Layout::Nhwc) => Some((height, width)),
        _ => None,
    }
}

/// Whether a map is up to four times as high and as wide as `last`, but for what strides round.
fn is_larger(map: (usize, usize), last: (usize, usize)) -> bool {
    let within = |side: usize, last: usize| (side > last || last == 1) && side <= 4 * last + 3;
    let (height, width) = (map.0 as f64 / last.0 as f64, map.1 as f64 / last.1 as f64);
    let alike = (height - width).abs() <= height.max(width) / last.0.min(last.1) as f64 + 1e-9;
    within(map.0, last.0) && within(map.1, last.1) && map != last && alike
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_map_has_the_proportion_of_the_last_but_for_rounding() {
        assert!(is_larger((14, 14), (7, 7)) && is_larger((27, 27), (13, 13)) && is_larger((9, 13), (4, 6)));
        assert!(!is_larger((7, 7), (7, 7)) && !is_larger((49, 49), (7, 7)) && !is_larger((14, 576), (7, 7)));
        assert!(!is_larger((8, 12), (8, 6)), "only one side is larger: half of a reduction in two steps");
    }
}
