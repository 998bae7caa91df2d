//! What each place of a picture adds to a class.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::Serialize;

use super::places::{Part, parts, resampled};
use crate::head::{Head, HeadArtifact, Outputs};
use crate::labels::ClassIndex;
use crate::manifest::Manifest;
use crate::tensor::Activations;

/// How a map came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The class-activation map of one affine layer.
    Exact,
    /// Through a hidden layer, by the gradient at this picture.
    Gradient,
    /// By covering parts of the picture, one after another.
    Covered,
}

/// What the places of a picture add to the logit of a class.
///
/// Of [`How::Exact`] and [`How::Gradient`] the mean of `grid` and `beside` add up to `logit`.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassMap {
    /// An output of the head: a class, a label, or the number.
    pub class: ClassIndex,
    pub how: How,
    /// `[rows, columns]` over what the network sees of the picture. Of [`How::Covered`]: how much the logit falls when a
    /// place is covered.
    pub grid: Array2<f32>,
    /// What is added by no place: the bias.
    pub beside: f32,
    pub logit: f32,
    /// `grid` less the mean of all classes' grids: what speaks for this class rather than for others. Only differences of
    /// logits count in a softmax, so this is what is drawn.
    pub against: Array2<f32>,
}

/// The maps of `classes` for image 0 of `activations`; `None` where the feature is not the mean of maps, or the head is
/// not affine in it: see [`occluded_maps`](super::occluded_maps).
///
/// Source: Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning Deep Features for Discriminative Localization", 2016; for the
/// hidden layer: Selvaraju et al., "Grad-CAM", 2017, whose map is `max(grid, 0)` over the number of places.
pub fn class_maps(
    activations: &Activations,
    manifest: &Manifest,
    head: &HeadArtifact,
    classes: &[ClassIndex],
) -> Option<Vec<ClassMap>> {
    let parts = parts(activations, manifest, head.head().dim())?;
    let logits = head.logits(&activations.features).ok()?.row(0).to_owned();
    let feature = activations.features.0.row(0);
    let (weights, how) = weights(head.head(), feature)?;
    let common = match head.outputs() {
        Outputs::Classes if weights.nrows() > 1 => weights.mean_axis(Axis(0)).expect("a class"),
        _ => Array1::zeros(weights.ncols()),
    };
    let size = parts
        .iter()
        .map(|part| part.places.dim())
        .fold((1, 1), |(rows, columns), (_, h, w)| (rows.max(h), columns.max(w)));
    let (shared, _) = grid(&parts, common.view(), size);
    let map = |&class: &ClassIndex| {
        let (grid, _) = grid(&parts, weights.row(class.0), size);
        let (against, logit) = (&grid - &shared, logits[class.0]);
        let beside = logit - grid.mean().unwrap_or_default();
        ClassMap { class, how, grid, beside, logit, against }
    };
    Some(classes.iter().map(map).collect())
}

/// `[K,C]`: what a channel adds to each logit, for this feature.
fn weights(head: &Head, feature: ArrayView1<f32>) -> Option<(Array2<f32>, How)> {
    match head {
        Head::Linear { linear, .. } => Some((linear.weights.clone(), How::Exact)),
        Head::Mlp(mlp) => {
            let used = feature.slice(ndarray::s![..mlp.hidden.dim()]);
            let hidden = mlp.hidden.weights.dot(&used) + &mlp.hidden.bias;
            // A unit below zero passes nothing on.
            let passed = hidden.mapv(|value| if value > 0.0 { 1.0 } else { 0.0 });
            Some(((&mlp.output.weights * &passed).dot(&mlp.hidden.weights), How::Gradient))
        }
        Head::Prototype(_) => None,
    }
}

/// Of all parts, at the size of the finest.
fn grid(parts: &[Part], weights: ArrayView1<f32>, size: (usize, usize)) -> (Array2<f32>, f32) {
    let (mut sum, mut beside, mut from) = (Array2::zeros(size), 0.0, 0);
    for part in parts {
        let to = from + part.places.len_of(Axis(0));
        let (grid, more) = part.weighted(weights.slice(ndarray::s![from..to]));
        sum += &resampled(&grid, size);
        beside += more;
        from = to;
    }
    (sum, beside)
}
