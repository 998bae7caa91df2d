//! The learning-rate finder.

use super::trainer::{Trainer, TrainingSet};
use crate::head::options::MlpSettings;
use crate::head::report::{FinderPoint, RateFinder, significant};

/// From one rate to the other in equal factors.
const RATES: (f32, f32) = (1e-5, 1.0);
const STEPS: usize = 80;
/// Of the loss, how much a step forgets of those before.
const FORGETTING: f64 = 0.1;
/// A loss this many times the least is beyond what can be learned at.
const TOO_MUCH: f64 = 4.0;

/// Trains a throw-away network at rates that grow from step to step.
///
/// Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3; smoothing, stop and the tenth
/// of the best rate as in fastai's `lr_find`.
pub fn find(set: &TrainingSet, settings: &MlpSettings) -> RateFinder {
    let mut network = set.network(settings);
    let mut trainer = Trainer::new(set, settings, &mut network);
    let growth = (RATES.1 / RATES.0).ln() / (STEPS - 1) as f32;
    let (mut points, mut average, mut least) = (Vec::new(), 0.0, (f64::INFINITY, RATES.0));
    for step in 0..STEPS {
        let rate = RATES.0 * (growth * step as f32).exp();
        let (loss, _) = trainer.step(&mut network, rate);
        average += FORGETTING * (loss - average);
        let smooth = average / (1.0 - (1.0 - FORGETTING).powi(step as i32 + 1));
        if !smooth.is_finite() || smooth > TOO_MUCH * least.0 {
            break;
        }
        if smooth < least.0 {
            least = (smooth, rate);
        }
        points.push(FinderPoint { rate: significant(f64::from(rate)), loss: significant(smooth) });
    }
    RateFinder { points, chosen: significant(f64::from(least.1) / 10.0) }
}
