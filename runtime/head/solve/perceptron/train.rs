//! Training a perceptron: passes over the samples until the validation loss rises.

use ndarray::Array2;

use super::finder::find;
use super::network::LAYERS;
use super::trainer::{Trainer, TrainingSet};
use crate::head::models::Mlp;
use crate::head::options::{LearningRate, MlpSettings};
use crate::head::report::{TrainingReport, significant};

/// The learning rate that usually does.
const USUAL_RATE: f32 = 1e-3;

/// A trained perceptron and how its training went.
pub struct Trained {
    pub mlp: Mlp,
    pub report: TrainingReport,
}

/// Trains a perceptron; with validation samples, the weights kept are those of their least loss.
pub fn train(set: &TrainingSet, settings: &MlpSettings) -> Trained {
    let mut network = set.network(settings);
    let finder = (settings.learning_rate == LearningRate::Find).then(|| find(set, settings));
    let rate = match (settings.learning_rate, &finder) {
        (LearningRate::Fixed(rate), _) => rate,
        (_, Some(curve)) => curve.chosen as f32,
        _ => USUAL_RATE,
    };
    let mut trainer = Trainer::new(set, settings, &mut network);
    let (mut epochs, mut best) = (Vec::new(), None::<Best>);
    for epoch in 0..settings.epochs {
        let mut report = trainer.pass(&mut network, rate);
        let folded = network.fold();
        let validation = set.validation_loss(&folded);
        report.validation_loss = validation.map(significant);
        epochs.push(report);
        let Some(loss) = validation else { continue };
        if best.as_ref().is_none_or(|best| loss < best.loss) {
            best = Some(Best { loss, epoch, mlp: folded });
        } else if best.as_ref().is_some_and(|best| epoch - best.epoch >= settings.patience) {
            break;
        }
    }
    let report = TrainingReport {
        width: settings.width_for(set.features.ncols()),
        learning_rate: significant(f64::from(rate)),
        samples: set.features.nrows(),
        validation_samples: set.validation.as_ref().map_or(0, |(features, _)| features.nrows()),
        layers: LAYERS.map(str::to_owned).to_vec(),
        kept_epoch: best.as_ref().map_or(epochs.len().saturating_sub(1), |best| best.epoch),
        epochs,
        finder,
    };
    Trained { mlp: best.map_or_else(|| network.fold(), |best| best.mlp), report }
}

struct Best {
    loss: f64,
    epoch: usize,
    mlp: Mlp,
}

/// 1 for the class of each sample: `[N,K]`.
pub fn one_hot(targets: impl ExactSizeIterator<Item = usize>, classes: usize) -> Array2<f32> {
    let mut matrix = Array2::zeros((targets.len(), classes));
    targets.enumerate().for_each(|(row, class)| matrix[[row, class]] = 1.0);
    matrix
}
