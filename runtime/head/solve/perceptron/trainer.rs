//! What a perceptron learns from, and steps over it.

use std::f32::consts::PI;

use edgetl_algebra::Par;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::loss::Loss;
use super::network::{Batch, Gradients, LAYERS, Network, Sizes};
use super::optimiser::Adam;
use super::shuffle::{Batches, dropout_mask};
use crate::head::models::Mlp;
use crate::head::options::MlpSettings;
use crate::head::report::{Epoch, significant};

/// What a perceptron learns from.
#[derive(Clone)]
pub struct TrainingSet {
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

impl TrainingSet {
    pub fn network(&self, settings: &MlpSettings) -> Network {
        let (channels, outputs) = (self.features.ncols(), self.targets.ncols());
        let sizes = Sizes { channels, width: settings.width_for(channels), outputs };
        Network::new(sizes, settings.initialisation, &mut Pcg64::seed_from_u64(self.seed))
    }

    pub fn validation_loss(&self, mlp: &Mlp) -> Option<f64> {
        let (features, targets) = self.validation.as_ref()?;
        let loss = self.loss.plain(mlp.logits(features.view()).view(), targets.view());
        // What is not a number is never the least.
        Some(if loss.is_nan() { f64::INFINITY } else { loss })
    }
}

/// Goes over the samples again and again.
pub struct Trainer<'a> {
    set: &'a TrainingSet,
    settings: &'a MlpSettings,
    batches: Batches,
    optimiser: Adam,
    step: usize,
}

impl<'a> Trainer<'a> {
    pub fn new(set: &'a TrainingSet, settings: &'a MlpSettings, network: &mut Network) -> Self {
        let samples = set.features.nrows();
        // Another stream than that of the first weights.
        let seed = set.seed ^ 0x5851_f42d_4c95_7f2d;
        let batches = Batches::new(samples, settings.batch_for(samples), seed);
        Self { set, settings, batches, optimiser: Adam::new(network), step: 0 }
    }

    /// One step at `rate`; the loss before it and the gradients.
    pub fn step(&mut self, network: &mut Network, rate: f32) -> (f64, Gradients) {
        let rows = self.batches.next();
        let TrainingSet { loss, parallelism, .. } = *self.set;
        let take = |all: &Array2<f32>| all.select(Axis(0), &rows);
        let (features, targets) = (take(&self.set.features), take(&self.set.targets));
        let mask = dropout_mask((rows.len(), network.hidden.classes()), self.settings.dropout, self.batches.rng());
        let batch = Batch { features: features.view(), targets: targets.view(), mask: &mask, loss, parallelism };
        let (loss, gradients) = network.gradients(&batch);
        self.optimiser.step(network, &gradients, rate, self.settings.weight_decay);
        (loss, gradients)
    }

    /// One pass over all samples.
    pub fn pass(&mut self, network: &mut Network, rate: f32) -> Epoch {
        let steps = self.batches.steps;
        let total = self.settings.epochs * steps;
        let first_rate = rate * cosine(self.step, total);
        let (mut loss, mut norms) = (0.0, vec![0.0; LAYERS.len()]);
        for _ in 0..steps {
            let (batch_loss, gradients) = self.step(network, rate * cosine(self.step, total));
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

/// Of the highest learning rate, the factor at `step` of `total`: from 1 to 0 along half a cosine.
pub fn cosine(step: usize, total: usize) -> f32 {
    (1.0 + (PI * step as f32 / total as f32).cos()) / 2.0
}

fn length(arrays: &[Vec<f32>]) -> f64 {
    arrays.iter().flatten().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_along_a_cosine_from_one_to_nothing() {
        let factors: Vec<f32> = (0..20).map(|step| cosine(step, 20)).collect();
        assert!(factors[0] == 1.0 && factors.is_sorted_by(|a, b| a > b) && factors[19] < 0.01);
    }
}
