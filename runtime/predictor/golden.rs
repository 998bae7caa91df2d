//! Golden vectors: whether this machine turns pictures into the same numbers as the one that made the backbone.

use ndarray::{Array2, Array3, Array4, ArrayView2, Axis, s};

use crate::backbone::{Backbone, BackboneError, Golden};
use crate::preprocess::{Limits, Picture, PictureError, PreprocessError, Preprocessor};
use crate::tensor::{InputBatch, ShapeError};

/// The largest difference, relative to the largest value, that engines, processors and resizers may make.
///
/// float32 engines stay below 1e-3; Pillow's pictures, int8 kernels and half precision need the rest. A wrong channel
/// order or normalisation is beyond 0.1.
pub const TOLERANCE: f32 = 0.05;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenCheckError {
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error("expected golden vectors of {expected} features, got {got}")]
    Dim { expected: usize, got: usize },
    #[error(
        "expected the features of the golden pictures within {TOLERANCE} of what they were when the backbone was made, \
         got a difference of {0}"
    )]
    Differs(f32),
}

/// Draws the pictures and notes the features that `backbone` gives for them.
pub fn golden_vectors(backbone: &mut dyn Backbone) -> Result<Golden, GoldenCheckError> {
    let settings = &backbone.manifest().preprocess;
    let images = pictures(settings.width as usize, settings.height as usize);
    let features = features(backbone, &images)?;
    Ok(Golden { images, features })
}

/// The largest difference between what `backbone` gives and `golden`, relative to the largest value of a picture in the same
/// map.
///
/// # Errors
/// When it is beyond [`TOLERANCE`], or when the backbone does not run.
pub fn check_golden(backbone: &mut dyn Backbone, golden: &Golden) -> Result<f32, GoldenCheckError> {
    check_pictures(backbone, golden, golden.images.len())
}

/// [`check_golden`] on the first picture alone: what is done at every start, where each picture more takes as long as an answer.
///
/// # Errors
/// As [`check_golden`].
pub fn check_first_golden(backbone: &mut dyn Backbone, golden: &Golden) -> Result<f32, GoldenCheckError> {
    check_pictures(backbone, golden, golden.images.len().min(1))
}

fn check_pictures(backbone: &mut dyn Backbone, golden: &Golden, count: usize) -> Result<f32, GoldenCheckError> {
    let feature = backbone.manifest().feature.clone();
    let (expected, got) = (feature.width(), golden.features.ncols());
    if expected != got {
        return Err(GoldenCheckError::Dim { expected, got });
    }
    let features = features(backbone, &golden.images[..count])?;
    let (mut difference, mut start) = (0.0, 0);
    for (_, _, dim) in feature.parts() {
        let (got, want) = (s![.., start..start + dim], s![..count, start..start + dim]);
        difference = larger(difference, largest_difference(features.slice(got), golden.features.slice(want)));
        start += dim;
    }
    // Neither here nor above `>`: what is not a number is no agreement.
    if difference <= TOLERANCE { Ok(difference) } else { Err(GoldenCheckError::Differs(difference)) }
}

/// Relative to the largest value of a row.
fn largest_difference(got: ArrayView2<f32>, want: ArrayView2<f32>) -> f32 {
    got.rows().into_iter().zip(want.rows()).fold(0.0, |worst: f32, (got, want)| {
        let scale = want.iter().fold(f32::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
        let gaps = got.iter().zip(want).map(|(got, want)| (got - want).abs() / scale);
        gaps.fold(worst, larger)
    })
}

/// What is not a number is larger than any.
fn larger(worst: f32, gap: f32) -> f32 {
    if gap <= worst { worst } else { gap }
}

fn features(backbone: &mut dyn Backbone, images: &[Array3<u8>]) -> Result<Array2<f32>, GoldenCheckError> {
    let settings = backbone.manifest().preprocess.clone();
    let mut features = Array2::zeros((images.len(), backbone.manifest().feature.width()));
    let shape = (1, 3, settings.height as usize, settings.width as usize);
    let mut preprocessor = Preprocessor::new(settings, Limits::default())?;
    // One by one, as pictures are asked about: an engine keeps the memory of its largest batch.
    for (image, mut row) in images.iter().zip(features.rows_mut()) {
        let (height, width, _) = image.dim();
        let picture = Picture::new(width as u32, height as u32, image.iter().copied().collect())?;
        let mut input = Array4::zeros(shape);
        preprocessor.run_picture(&picture, input.index_axis_mut(Axis(0), 0))?;
        row.assign(&backbone.forward(&InputBatch::new(input)?)?.features.0.row(0));
    }
    Ok(features)
}

/// A gradient, a disc and stripes, larger than the input and not square, so that resizing and cropping take part.
fn pictures(width: usize, height: usize) -> Vec<Array3<u8>> {
    let (width, height) = (width + 64, height + 32);
    let gradient = |(y, x, c): (usize, usize, usize)| {
        let values = [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)];
        values[c] as u8
    };
    let disc = |(y, x, c): (usize, usize, usize)| {
        let (dy, dx) = (2 * y as i64 - height as i64, 2 * x as i64 - width as i64);
        let radius = 2 * width.min(height) as i64 / 3;
        if dy * dy + dx * dx < radius * radius { [220, 60, 40][c] } else { [30, 120, 60][c] }
    };
    let stripes = |(y, x, c): (usize, usize, usize)| match (x / 9 + y / 17) % 2 {
        0 => [250, 240, 90][c],
        _ => [20, 30, 160][c],
    };
    let shape = (height, width, 3);
    vec![
        Array3::from_shape_fn(shape, gradient),
        Array3::from_shape_fn(shape, disc),
        Array3::from_shape_fn(shape, stripes),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::backbone::{ImportRequest, Loader, Options, Package, PreprocessSpec, Preset, Provider, ProviderChoice};

    fn backbone(preset: Preset) -> Box<dyn Backbone> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
        let preprocess = PreprocessSpec { preset: Some(preset), ..PreprocessSpec::default() };
        let package = Package::from_onnx(&path, &ImportRequest { preprocess, ..ImportRequest::default() }).unwrap();
        let options = Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() };
        Loader::new(package, &options).unwrap().session(1).unwrap()
    }

    #[test]
    fn the_machine_that_wrote_golden_vectors_passes_them() {
        let golden = golden_vectors(backbone(Preset::ImageNet).as_mut()).unwrap();
        assert_eq!((golden.images.len(), golden.features.dim()), (3, (3, 6)));
        assert_eq!(check_golden(backbone(Preset::ImageNet).as_mut(), &golden).unwrap(), 0.0);
    }

    #[test]
    fn another_normalisation_and_numbers_that_are_none_do_not_pass() {
        let golden = golden_vectors(backbone(Preset::ImageNet).as_mut()).unwrap();
        let error = check_golden(backbone(Preset::Raw).as_mut(), &golden).unwrap_err();
        assert!(matches!(error, GoldenCheckError::Differs(difference) if difference > TOLERANCE), "{error:?}");
        assert!(check_first_golden(backbone(Preset::Raw).as_mut(), &golden).is_err());
        assert_eq!(check_first_golden(backbone(Preset::ImageNet).as_mut(), &golden).unwrap(), 0.0);
        let nothing = Golden { features: Array2::from_elem((3, 6), f32::NAN), ..golden };
        assert!(check_golden(backbone(Preset::ImageNet).as_mut(), &nothing).is_err());
    }
}
