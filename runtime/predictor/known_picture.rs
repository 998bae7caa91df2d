//! Whether pixels are normalised as a backbone wants them, told by pictures that its own classifier should know.

use ndarray::{Array4, Axis, s};

use crate::backbone::{Backbone, BackboneError, Classifier};
use crate::manifest::Preprocess;
use crate::preprocess::{Limits, Picture, PreprocessError, Preprocessor};
use crate::tensor::{InputBatch, ShapeError};

/// A picture and the classes of the backbone's source that name it rightly; names may repeat, so there may be several.
#[derive(Clone, Debug)]
pub struct KnownPicture {
    pub picture: Picture,
    /// Rows of the classifier.
    pub classes: Vec<usize>,
}

/// How well a backbone's own classifier names known pictures.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Recognition {
    /// How many have their class ranked first.
    pub right: usize,
    /// The mean logarithm of the probability of the known class.
    pub log_probability: f64,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownPictureError {
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Names `pictures`, normalised as `settings` say, by `backbone` and the `classifier` that it was cut from.
///
/// # Errors
/// When the settings make no sense, have another input size than the backbone, or the backbone does not run.
///
/// # Panics
/// When the classifier is not made for the backbone's feature, or a class is none of its rows.
pub fn recognise(
    backbone: &mut dyn Backbone,
    classifier: &Classifier,
    settings: &Preprocess,
    pictures: &[KnownPicture],
) -> Result<Recognition, KnownPictureError> {
    let (height, width) = (settings.height as usize, settings.width as usize);
    let mut preprocessor = Preprocessor::new(settings.clone(), Limits::default())?;
    let mut batch = Array4::zeros((pictures.len(), 3, height, width));
    for (known, out) in pictures.iter().zip(batch.axis_iter_mut(Axis(0))) {
        preprocessor.run_picture(&known.picture, out)?;
    }
    let features = backbone.forward(&InputBatch::new(batch)?)?.features.0;
    // Its rows multiply the last map alone.
    let logits = features.slice(s![.., ..classifier.weights.ncols()]).dot(&classifier.weights.t()) + &classifier.bias;
    let mut recognition = Recognition { right: 0, log_probability: 0.0 };
    for (row, known) in logits.rows().into_iter().zip(pictures) {
        let largest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        let total: f64 = row.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
        let own = known.classes.iter().map(|&class| row[class]).fold(f32::NEG_INFINITY, f32::max);
        recognition.right += usize::from(own >= largest);
        recognition.log_probability += (f64::from(own - largest) - total.ln()) / pictures.len() as f64;
    }
    Ok(recognition)
}
