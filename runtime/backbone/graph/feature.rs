//! Which tensor of a classifier is its feature.

use std::fmt;

use serde::Serialize;
use tract_onnx::pb;

use super::element::{Element, element, floating};
use super::index::Index;
use super::input::ImageInput;
use super::name::node_name;
use super::tail::{End, Linear, Tail, Walker, likely_layout};
use super::{GraphError, Layout, Network, Shapes};
use crate::manifest::{Feature, FeatureKind};

/// A feature that was found or named, and why it is this one.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureCut {
    pub feature: Feature,
    /// One sentence for the user.
    pub why: String,
    /// Another, of the earlier map that is taken beside it; empty while none was looked for.
    pub earlier: String,
    /// The output of the last linear layer, where its weights multiply the feature itself.
    pub classifier: Option<String>,
    /// What the user should know of it, a sentence each.
    pub warnings: Vec<String>,
}

/// A tensor that the user may name as the feature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Candidate {
    pub tensor: String,
    pub shape: Vec<usize>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().skip(1).map(ToString::to_string).collect();
        write!(f, "`{}` [N,{}]", self.tensor, sizes.join(","))
    }
}

/// Numbers of classes by which a network without softmax is still known as an image classifier.
const USUAL_CLASS_COUNTS: [usize; 8] = [10, 100, 365, 1000, 1001, 11221, 21841, 21843];

impl Network {
    /// The feature of the classifier that `input` leads to.
    ///
    /// # Errors
    /// When the graph has no end that is known here; the error lists what may be named instead.
    pub fn find_feature(
        &self,
        input: &ImageInput,
        kind: Option<FeatureKind>,
        shapes: &Shapes,
    ) -> Result<FeatureCut, GraphError> {
        let index = Index::new(self.graph());
        let walker = Walker::new(&index, shapes, &input.name);
        let output = classifier_output(&index, input, shapes)?;
        let tail = walker.tail(output);
        let place = place(&walker, &tail, output)
            .or_else(|| bare_map(&walker, input, output))
            .or_else(|| bare_tokens(&walker, input, output));
        let place = place.map(|place| place.pooled_as(kind));
        let place = place.filter(|place| !tail.linears.is_empty() || !place.is_shallow_map(shapes));
        let found = place.and_then(|place| place.cut(&index, shapes));
        let mut found = found.ok_or_else(|| GraphError::NoFeature(candidates(&index, input, shapes)))?;
        found.warnings.extend(left_out(&index, input, output, &found.feature.output));
        Ok(found)
    }

    /// The feature that the user names: a tensor, or a node for its first output.
    ///
    /// `kind` says how it becomes a vector; `None` lets its shape decide.
    pub fn named_feature(
        &self,
        name: &str,
        kind: Option<FeatureKind>,
        shapes: &Shapes,
    ) -> Result<FeatureCut, GraphError> {
        let index = Index::new(self.graph());
        let tensor = self.tensor_named(&index, name)?;
        let shape = shapes.get(tensor).ok_or_else(|| GraphError::UnknownShape(tensor.to_owned()))?;
        let wrong = || GraphError::FeatureShape { tensor: tensor.to_owned(), shape: shape.clone() };
        let kind = kind.or_else(|| likely_kind(shape)).ok_or_else(wrong)?;
        let dim = feature_dim(shape, kind).ok_or_else(wrong)?;
        if element(&index, tensor) == Element::Other {
            return Err(GraphError::FeatureElement(tensor.to_owned()));
        }
        let feature = Feature { output: tensor.to_owned(), kind, map: None, dim, taps: Vec::new() };
        let why = format!("cut at `{tensor}`, as it was named");
        Ok(FeatureCut { feature, why, earlier: String::new(), classifier: None, warnings: Vec::new() })
    }

    /// Tensors that the image reaches and `shapes` does not know.
    pub fn unknown_shapes(&self, input: &ImageInput, shapes: &Shapes) -> Vec<String> {
        let index = Index::new(self.graph());
        let reached = index.reached_from(&input.name);
        let nodes = index.order.iter().map(|&node| &index.graph.node[node]);
        // Maps from names to scores have no shape.
        let nodes = nodes.filter(|node| node.op_type != "ZipMap");
        let outputs = nodes.flat_map(|node| &node.output).filter(|output| reached.contains(output.as_str()));
        outputs.filter(|output| !shapes.contains_key(*output)).cloned().collect()
    }

    pub(super) fn tensor_named<'a>(&'a self, index: &Index<'a>, name: &'a str) -> Result<&'a str, GraphError> {
        if index.contains(name) {
            return Ok(name);
        }
        let node = self.graph().node.iter().find(|node| !name.is_empty() && node.name == name);
        let output = node.and_then(|node| node.output.first());
        output.map(String::as_str).ok_or_else(|| GraphError::UnknownTensor { wanted: name.to_owned() })
    }
}

/// The output to start from: one that the image reaches, a vector rather than a map, fed by few other inputs, and of those
/// the deepest, since the others are auxiliary.
fn classifier_output<'a>(index: &Index<'a>, input: &ImageInput, shapes: &Shapes) -> Result<&'a str, GraphError> {
    let cost = |output: &&'a str| {
        let needed = index.needed_for(&[output]);
        let others = index.inputs().filter(|other| needed.tensors.contains(other.name.as_str())).count();
        let vector = shapes.get(*output).is_some_and(|shape| values_per_image(shape).is_some());
        (others, !vector, std::cmp::Reverse(needed.nodes.len()))
    };
    let reached = |output: &&'a str| index.needed_for(&[output]).tensors.contains(input.name.as_str());
    let outputs = index.graph.output.iter().map(|output| output.name.as_str());
    outputs.filter(reached).min_by_key(cost).ok_or_else(|| {
        let first = index.graph.output.first().map_or_else(String::new, |output| output.name.clone());
        GraphError::NotFromImage(first)
    })
}

/// Says which outputs have no part in the feature, and which inputs it does not need.
fn left_out(index: &Index<'_>, input: &ImageInput, followed: &str, feature: &str) -> Vec<String> {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let apart = |output: &&str| *output != followed && !index.needed_for(&[output]).tensors.contains(feature);
    let outputs: Vec<&str> = index.graph.output.iter().map(|output| output.name.as_str()).filter(apart).collect();
    let needed = index.needed_for(&[feature]).tensors;
    let inputs = index.inputs().map(|input| input.name.as_str()).filter(|name| *name != input.name);
    let inputs: Vec<&str> = inputs.filter(|name| !needed.contains(name)).collect();
    let outputs =
        (!outputs.is_empty()).then(|| format!("output `{followed}` was followed, {} was not", quoted(&outputs)));
    let inputs =
        (!inputs.is_empty()).then(|| format!("input {} is left out: the feature does not need it", quoted(&inputs)));
    outputs.into_iter().chain(inputs).collect()
}

/// A feature tensor before its shape is looked at.
struct Place<'a> {
    output: &'a str,
    kind: FeatureKind,
    map: Option<&'a str>,
    why: String,
    classifier: Option<&'a str>,
    /// Whether nothing tells that these are features and no scores.
    doubtful: bool,
}

impl Place<'_> {
    /// Tokens may be pooled in either way; the classifier's rows belong to the one it was trained with.
    fn pooled_as(mut self, kind: Option<FeatureKind>) -> Self {
        const TOKENS: [FeatureKind; 2] = [FeatureKind::TokensClass, FeatureKind::TokensMean];
        if let Some(kind) =
            kind.filter(|&kind| kind != self.kind && TOKENS.contains(&kind) && TOKENS.contains(&self.kind))
        {
            (self.kind, self.classifier) = (kind, None);
            self.why = format!("cut at `{}`, the tokens, pooled as asked", self.output);
        }
        self
    }

    /// Whether this is a map of so few channels that without a classifier behind it they are an image or scores for places.
    fn is_shallow_map(&self, shapes: &Shapes) -> bool {
        const FEW: usize = 3;
        let is_map = matches!(self.kind, FeatureKind::Map | FeatureKind::MapNhwc);
        is_map && shapes.get(self.output).and_then(|shape| feature_dim(shape, self.kind)).is_none_or(|dim| dim <= FEW)
    }

    fn cut(self, index: &Index<'_>, shapes: &Shapes) -> Option<FeatureCut> {
        let dim = feature_dim(shapes.get(self.output)?, self.kind)?;
        let output = floating(index, self.output);
        if element(index, output) == Element::Other {
            return None;
        }
        let map = self.map.map(|map| floating(index, map).to_owned());
        let feature = Feature { output: output.to_owned(), kind: self.kind, map, dim, taps: Vec::new() };
        let classifier = self.classifier.map(str::to_owned);
        let warning =
            || format!("nothing tells whether `{output}` holds features or scores; --feature names another tensor");
        Some(FeatureCut {
            feature,
            why: self.why,
            earlier: String::new(),
            classifier,
            warnings: self.doubtful.then(warning).into_iter().collect(),
        })
    }
}

fn place<'a>(walker: &Walker<'a>, tail: &Tail<'a>, output: &'a str) -> Option<Place<'a>> {
    let classifier = match tail.linears.as_slice() {
        [only] => only.node.output.first().map(String::as_str),
        _ => None,
    };
    match tail.end {
        End::Pool { map, layout: Layout::Nchw, .. } if tail.linears.is_empty() && !tail.normalised => {
            match scoring_convolution(walker, tail, map) {
                Some(head) => Some(before_convolution(head)),
                None => Some(at_end(tail, None)),
            }
        }
        End::Unknown => before_classifier(walker, tail, output, classifier),
        _ if tail.normalised => Some(after_normalisation(tail, output, classifier)),
        End::Flatten { .. } => Some(at_end(tail, None)),
        _ => Some(at_end(tail, classifier)),
    }
}

/// The feature is what is pooled, flattened or picked.
fn at_end<'a>(tail: &Tail<'a>, classifier: Option<&'a str>) -> Place<'a> {
    let by_layout = |layout| match layout {
        Layout::Nchw => FeatureKind::Map,
        Layout::Nhwc => FeatureKind::MapNhwc,
    };
    let (output, kind, what, node) = match tail.end {
        End::Pool { map, layout, node } => {
            (map, by_layout(layout), "the map before the last global average pooling", node)
        }
        End::Flatten { map, layout, node } => {
            (map, by_layout(layout), "the last map before the classifier flattens it, averaged instead", node)
        }
        End::TokenMean { tokens, node } => (tokens, FeatureKind::TokensMean, "the tokens before their mean", node),
        End::ClassToken { tokens, node } => (tokens, FeatureKind::TokensClass, "the class token", node),
        End::Unknown => unreachable!("`place` handles an unknown end"),
    };
    let why = format!("cut at `{output}`, {what} (`{}` in node `{}`)", node.op_type, node_name(node));
    Place { output, kind, map: None, why, classifier, doubtful: false }
}

/// The feature is the vector after the normalisation that follows pooling; the map before it serves explanations.
fn after_normalisation<'a>(tail: &Tail<'a>, output: &'a str, classifier: Option<&'a str>) -> Place<'a> {
    let vector = tail.linears.last().map_or(output, |linear| linear.data);
    let (map, node) = match tail.end {
        End::Pool { map, layout, node } => ((layout == Layout::Nchw).then_some(map), node),
        End::Flatten { node, .. } | End::TokenMean { node, .. } | End::ClassToken { node, .. } => (None, node),
        End::Unknown => unreachable!("`place` handles an unknown end"),
    };
    let why = format!(
        "cut at `{vector}`, the vector after the normalisation that follows pooling (`{}` in node `{}`)",
        node.op_type,
        node_name(node)
    );
    Place { output: vector, kind: FeatureKind::Vector, map, why, classifier, doubtful: false }
}

/// The coarsest map of a network without a head, as exporters of feature extractors leave it; one that is finer or has
/// few channels may hold a score for every place.
fn bare_map<'a>(walker: &Walker<'a>, input: &ImageInput, output: &'a str) -> Option<Place<'a>> {
    const LEAST_CHANNELS: usize = 64;
    const LEAST_STRIDE: usize = 8;
    let (height, width) = image_size(walker, input)?;
    let (kind, channels, rows) = match (walker.shape(output)?, layout(walker.shape(output)?, (height, width))) {
        (&[_, channels, rows, _], Layout::Nchw) => (FeatureKind::Map, channels, rows),
        (&[_, rows, _, channels], Layout::Nhwc) => (FeatureKind::MapNhwc, channels, rows),
        _ => return None,
    };
    let why = format!("cut at `{output}`, the map that the network gives, averaged: it has no head");
    let place = Place { output, kind, map: None, why, classifier: None, doubtful: false };
    (channels >= LEAST_CHANNELS && rows * LEAST_STRIDE <= height).then_some(place)
}

/// The tokens `[N,T,C]` that a network without a head gives: one for each patch of the image, class and register tokens
/// before them.
fn bare_tokens<'a>(walker: &Walker<'a>, input: &ImageInput, output: &'a str) -> Option<Place<'a>> {
    const LEAST_CHANNELS: usize = 16;
    const LEAST_PATCH: usize = 4;
    let &[_, tokens, channels] = walker.shape(output)? else { return None };
    let (height, width) = image_size(walker, input)?;
    let patches = |patch: usize| (height / patch) * (width / patch);
    // None, the class token, that and one of distillation, that and four registers.
    let leading = [1, 0, 2, 5].into_iter().find(|&leading| {
        let fits = |patch: usize| height % patch == 0 && width % patch == 0 && patches(patch) + leading == tokens;
        (LEAST_PATCH..=height.min(width) / 2).any(fits)
    })?;
    let (kind, which) = match leading {
        0 => (FeatureKind::TokensMean, "their mean"),
        _ => (FeatureKind::TokensClass, "the first of them, the class token"),
    };
    let why = format!("cut at `{output}`, the tokens that the network gives, and {which}: it has no head");
    let place = Place { output, kind, map: None, why, classifier: None, doubtful: false };
    (channels >= LEAST_CHANNELS).then_some(place)
}

/// Height and width of the input that the shapes were found for.
fn image_size(walker: &Walker<'_>, input: &ImageInput) -> Option<(usize, usize)> {
    match (walker.shape(&input.name)?, input.layout) {
        (&[_, _, height, width], Layout::Nchw) | (&[_, height, width, _], Layout::Nhwc) => Some((height, width)),
        _ => None,
    }
}

/// Of `[N,a,b,c]`: the sides of a map are in the proportion of the image's; where that tells nothing, as is likely.
fn layout(shape: &[usize], (height, width): (usize, usize)) -> Layout {
    let &[_, a, b, c] = shape else { return likely_layout(shape) };
    match (b * width == c * height, a * width == b * height) {
        (true, false) => Layout::Nchw,
        (false, true) => Layout::Nhwc,
        _ => likely_layout(shape),
    }
}

/// The last resort: whatever vector the first linear layer of the head takes, or the vector that the network gives; but
/// not where that is made of scores.
fn before_classifier<'a>(
    walker: &Walker<'a>,
    tail: &Tail<'a>,
    output: &'a str,
    classifier: Option<&'a str>,
) -> Option<Place<'a>> {
    if tail.linears.is_empty() && tail.scored {
        return None;
    }
    let vector = tail.linears.last().map_or(output, |linear| linear.data);
    walker.shape(vector).and_then(values_per_image)?;
    let what = match tail.linears.last() {
        Some(linear) => format!("the vector that `{}` takes", node_name(linear.node)),
        None => "the vector that the network gives".to_owned(),
    };
    let why = format!("cut at `{vector}`, {what}: no pooling was found before it");
    let doubtful = tail.linears.is_empty();
    Some(Place { output: vector, kind: FeatureKind::Vector, map: None, why, classifier, doubtful })
}

/// A pointwise convolution whose channels are class scores rather than features.
fn scoring_convolution<'a>(walker: &Walker<'a>, tail: &Tail<'a>, map: &'a str) -> Option<Linear<'a>> {
    let head = walker.convolution_head(map)?;
    let channels = *walker.shape(map)?.get(1)?;
    (tail.scored || USUAL_CLASS_COUNTS.contains(&channels)).then_some(head)
}

fn before_convolution(head: Linear<'_>) -> Place<'_> {
    let why = format!(
        "cut at `{}`, the map before the 1x1 convolution that classifies (node `{}`)",
        head.data,
        node_name(head.node)
    );
    let classifier = head.node.output.first().map(String::as_str);
    Place { output: head.data, kind: FeatureKind::Map, map: None, why, classifier, doubtful: false }
}

/// C of `[N,C]`, `[N,C,1,1]`, `[N,1,1,C]` or `[N,1,C]`.
pub(in crate::backbone) fn values_per_image(shape: &[usize]) -> Option<usize> {
    let (_, rest) = shape.split_first()?;
    let large = rest.iter().filter(|&&size| size != 1).count();
    (!rest.is_empty() && large <= 1).then(|| rest.iter().product())
}

fn feature_dim(shape: &[usize], kind: FeatureKind) -> Option<usize> {
    match (kind, shape) {
        (FeatureKind::Map, &[_, channels, _, _]) => Some(channels),
        (FeatureKind::MapNhwc, &[_, _, _, channels]) => Some(channels),
        (FeatureKind::TokensMean | FeatureKind::TokensClass, &[_, _, channels]) => Some(channels),
        (FeatureKind::Vector, shape) => values_per_image(shape),
        _ => None,
    }
}

/// Tokens are one more than a square number where a class token leads them.
pub(super) fn likely_kind(shape: &[usize]) -> Option<FeatureKind> {
    match *shape {
        _ if values_per_image(shape).is_some() => Some(FeatureKind::Vector),
        [_, tokens, _] => match tokens > 1 && (tokens - 1).isqrt().pow(2) == tokens - 1 {
            true => Some(FeatureKind::TokensClass),
            false => Some(FeatureKind::TokensMean),
        },
        [_, _, _, _] => match likely_layout(shape) {
            Layout::Nchw => Some(FeatureKind::Map),
            Layout::Nhwc => Some(FeatureKind::MapNhwc),
        },
        _ => None,
    }
}

/// Tensors near the end that a user may name: maps, tokens and vectors that the image reaches.
fn candidates(index: &Index<'_>, input: &ImageInput, shapes: &Shapes) -> Vec<Candidate> {
    const SHOWN: usize = 8;
    let mut found: Vec<Candidate> = Vec::new();
    let reached = index.reached_from(&input.name);
    let named = |node: &'_ pb::NodeProto| node.output.first().cloned();
    for tensor in index.order.iter().rev().filter_map(|&node| named(&index.graph.node[node])) {
        let Some(shape) = shapes.get(&tensor).filter(|shape| likely_kind(shape).is_some()) else {
            continue;
        };
        let new = found.iter().all(|known| known.shape != *shape);
        let takable = reached.contains(tensor.as_str()) && element(index, &tensor) != Element::Other;
        if new && takable {
            found.push(Candidate { tensor: tensor.clone(), shape: shape.clone() });
        }
        if found.len() == SHOWN {
            break;
        }
    }
    found
}
