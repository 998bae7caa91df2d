//! Maps of heads and features that have none: by covering parts of the picture.

use ndarray::{Array2, Array4, ArrayView4, Axis, s};

use super::maps::{ClassMap, How};
use crate::backbone::{Backbone, BackboneError};
use crate::head::{HeadArtifact, HeadError, Outputs};
use crate::labels::ClassIndex;
use crate::tensor::InputBatch;

/// Places along each side.
const SIDE: usize = 8;
/// What is covered is larger than a place, so that neighbours tell together.
const REACH: f64 = 1.0;
const BATCH: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum OcclusionError {
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// How much the logits of `classes` fall when a part of image 0 of `input` is covered with its mean colour: 64 runs.
///
/// Source: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.
///
/// # Errors
/// When the engine fails.
pub fn occluded_maps(
    session: &mut dyn Backbone,
    input: &InputBatch,
    head: &HeadArtifact,
    classes: &[ClassIndex],
) -> Result<Vec<ClassMap>, OcclusionError> {
    let image = input.values().slice(s![0..1, .., .., ..]);
    let whole = logits(session, image.to_owned(), head)?.row(0).to_owned();
    let places: Vec<(usize, usize)> = (0..SIDE * SIDE).map(|place| (place / SIDE, place % SIDE)).collect();
    let mut falls = Array2::zeros((SIDE * SIDE, whole.len()));
    for (number, batch) in places.chunks(BATCH).enumerate() {
        let covered = logits(session, covered(image, batch), head)?;
        let mut rows = falls.slice_mut(s![number * BATCH..number * BATCH + batch.len(), ..]);
        rows.assign(&(&whole - &covered));
    }
    let common = match head.outputs() {
        Outputs::Classes if whole.len() > 1 => falls.mean_axis(Axis(1)).expect("a class"),
        _ => ndarray::Array1::zeros(falls.nrows()),
    };
    let square = |values: ndarray::Array1<f32>| values.into_shape_with_order((SIDE, SIDE)).expect("a value a place");
    let map = |&class: &ClassIndex| {
        let fall = falls.column(class.0).to_owned();
        let against = square(&fall - &common);
        ClassMap { class, how: How::Covered, grid: square(fall), beside: 0.0, logit: whole[class.0], against }
    };
    Ok(classes.iter().map(map).collect())
}

fn logits(session: &mut dyn Backbone, images: Array4<f32>, head: &HeadArtifact) -> Result<Array2<f32>, OcclusionError> {
    let batch = InputBatch::new(images).map_err(BackboneError::from)?;
    let features = session.forward(&batch)?.features;
    Ok(head.logits(&features)?)
}

/// The image once for each of `places`, which is covered in it.
fn covered(image: ArrayView4<f32>, places: &[(usize, usize)]) -> Array4<f32> {
    let (_, channels, height, width) = image.dim();
    let mut images = Array4::zeros((places.len(), channels, height, width));
    for (mut copy, &(row, column)) in images.axis_iter_mut(Axis(0)).zip(places) {
        copy.assign(&image.index_axis(Axis(0), 0));
        let (top, bottom) = span(row, height);
        let (left, right) = span(column, width);
        for mut plane in copy.axis_iter_mut(Axis(0)) {
            let mean = plane.mean().unwrap_or_default();
            plane.slice_mut(s![top..bottom, left..right]).fill(mean);
        }
    }
    images
}

/// The pixels of a place and half a place on each side.
fn span(place: usize, pixels: usize) -> (usize, usize) {
    let side = pixels as f64 / SIDE as f64;
    let start = (place as f64 - REACH / 2.0) * side;
    let end = (place as f64 + 1.0 + REACH / 2.0) * side;
    (start.max(0.0) as usize, (end.ceil() as usize).min(pixels))
}
