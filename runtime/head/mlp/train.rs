//! Training a perceptron: passes over the samples until the validation loss rises.

use edgetl_algebra::Par;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::Mlp;
use super::finder::find;
use super::loss::Loss;
use super::network::{Batch, Gradients, LAYERS, Network, Sizes};
use super::optimiser::State;
use super::settings::{LearningRate, MlpSettings};
use super::shuffle::{Batches, dropout_mask, mixed};
use crate::head::report::{Epoch, TrainingReport, significant};

/// What a perceptron learns from.
#[derive(Clone)]
pub struct Lesson {
    /// `[N,C]`, N above 1.
    pub features: Array2<f32>,
    /// `[N,K]`
    pub targets: Array2<f32>,
    pub loss: Loss,
    /// Features and targets of samples that training stops by.
    pub validation: Option<(Array2<f32>, Array2<f32>)>,
    pub seed: u64,
    pub parallelism: Par,
}

/// A trained perceptron and how its training went.
pub struct Trained {
    pub mlp: Mlp,
    pub report: TrainingReport,
}

/// Trains a perceptron; with validation samples, the weights kept are those of their least loss.
pub fn train(lesson: &Lesson, settings: &MlpSettings) -> Trained {
    let mut network = lesson.network(settings);
    let finder = (settings.learning_rate == LearningRate::Find).then(|| find(lesson, settings));
    let rate = match (settings.learning_rate, &finder) {
        (LearningRate::Fixed(rate), _) => rate,
        (_, Some(curve)) => curve.chosen as f32,
        _ => settings.optimiser.usual_rate(),
    };
    let mut teacher = Teacher::new(lesson, settings, &mut network);
    let (mut epochs, mut best) = (Vec::new(), None::<Best>);
    for epoch in 0..settings.epochs {
        let mut report = teacher.pass(&mut network, rate);
        let folded = network.fold();
        let validation = lesson.validation_loss(&folded);
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
        width: settings.width_for(lesson.features.ncols()),
        learning_rate: significant(f64::from(rate)),
        samples: lesson.features.nrows(),
        validation_samples: lesson.validation.as_ref().map_or(0, |(features, _)| features.nrows()),
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

impl Lesson {
    pub fn network(&self, settings: &MlpSettings) -> Network {
        let (channels, outputs) = (self.features.ncols(), self.targets.ncols());
        let sizes = Sizes { channels, width: settings.width_for(channels), outputs };
        Network::new(sizes, settings.initialisation, &mut Pcg64::seed_from_u64(self.seed))
    }

    fn validation_loss(&self, mlp: &Mlp) -> Option<f64> {
        let (features, targets) = self.validation.as_ref()?;
        let loss = self.loss.plain(mlp.logits(features.view()).view(), targets.view());
        // What is not a number is never the least.
        Some(if loss.is_nan() { f64::INFINITY } else { loss })
    }
}

/// Goes over the samples again and again.
pub struct Teacher<'a> {
    lesson: &'a Lesson,
    settings: &'a MlpSettings,
    batches: Batches,
    state: State,
    step: usize,
}

impl<'a> Teacher<'a> {
    pub fn new(lesson: &'a Lesson, settings: &'a MlpSettings, network: &mut Network) -> Self {
        let samples = lesson.features.nrows();
        // Another stream than that of the first weights.
        let seed = lesson.seed ^ 0x5851_f42d_4c95_7f2d;
        let batches = Batches::new(samples, settings.batch_for(samples), seed);
        Self { lesson, settings, batches, state: State::new(settings.optimiser, network), step: 0 }
    }

    /// One step at `rate`; the loss before it and the gradients.
    pub fn step(&mut self, network: &mut Network, rate: f32) -> (f64, Gradients) {
        let rows = self.batches.next();
        let Lesson { loss, parallelism, .. } = *self.lesson;
        let take = |all: &Array2<f32>| all.select(Axis(0), &rows);
        let (mut features, mut targets) = (take(&self.lesson.features), take(&self.lesson.targets));
        if self.settings.mixup > 0.0 {
            (features, targets) = mixed(features.view(), targets.view(), self.settings.mixup, self.batches.rng());
        }
        let mask = dropout_mask((rows.len(), network.hidden.classes()), self.settings.dropout, self.batches.rng());
        let batch = Batch { features: features.view(), targets: targets.view(), mask: &mask, loss, parallelism };
        let (loss, gradients) = network.gradients(&batch);
        self.state.step(network, &gradients, rate, self.settings.weight_decay);
        (loss, gradients)
    }

    /// One pass over all samples.
    fn pass(&mut self, network: &mut Network, rate: f32) -> Epoch {
        let steps = self.batches.steps;
        let total = self.settings.epochs * steps;
        let first_rate = rate * self.settings.schedule.factor(self.step, total);
        let (mut loss, mut norms) = (0.0, vec![0.0; LAYERS.len()]);
        for _ in 0..steps {
            let (batch_loss, gradients) = self.step(network, rate * self.settings.schedule.factor(self.step, total));
            self.step += 1;
            loss += batch_loss / steps as f64;
            norms.iter_mut().zip(gradients.chunks(2)).for_each(|(norm, pair)| *norm += length(pair) / steps as f64);
        }
        Epoch {
            rate: significant(f64::from(first_rate)),
            training_loss: significant(loss),
            validation_loss: None,
            gradient_norms: norms.into_iter().map(significant).collect(),
        }
    }
}

fn length(arrays: &[Vec<f32>]) -> f64 {
    arrays.iter().flatten().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// 1 for the class of each sample: `[N,K]`.
pub fn one_hot(targets: impl ExactSizeIterator<Item = usize>, classes: usize) -> Array2<f32> {
    let mut matrix = Array2::zeros((targets.len(), classes));
    targets.enumerate().for_each(|(row, class)| matrix[[row, class]] = 1.0);
    matrix
}
