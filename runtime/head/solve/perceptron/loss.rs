//! What training makes small: pure functions of outputs and targets, with their gradients.

use ndarray::{Array2, ArrayView2, Zip};

/// The share of every target that is spread over all classes, so that no answer need be certain.
pub const SMOOTHING: f32 = 0.1;

/// How far outputs `[N,K]` are from targets `[N,K]`, as a mean over the samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Loss {
    /// Of the softmax; targets are shares of classes, of which [`SMOOTHING`] is spread over all. Targets that add up to
    /// something else than 1 weigh their sample by it.
    CrossEntropy,
    /// Summed over the outputs.
    SquaredError,
    /// Of independent logistic outputs, summed over them; targets are 0 to 1.
    Logistic,
}

impl Loss {
    /// The loss and its gradient by the outputs.
    pub fn with_gradient(self, outputs: ArrayView2<f32>, targets: ArrayView2<f32>) -> (f64, Array2<f32>) {
        match self {
            Self::CrossEntropy => cross_entropy(outputs, targets, SMOOTHING),
            Self::SquaredError => elementwise(outputs, targets, |output, target| {
                let gap = output - target;
                (gap * gap, 2.0 * gap)
            }),
            Self::Logistic => elementwise(outputs, targets, |output, target| {
                // ln(1 + e^x) - target x, without overflow.
                let loss = output.max(0.0) - target * output + (-output.abs()).exp().ln_1p();
                (loss, 1.0 / (1.0 + (-output).exp()) - target)
            }),
        }
    }

    /// The loss against targets as they are, without smoothing.
    pub fn plain(self, outputs: ArrayView2<f32>, targets: ArrayView2<f32>) -> f64 {
        match self {
            Self::CrossEntropy => cross_entropy(outputs, targets, 0.0).0,
            other => other.with_gradient(outputs, targets).0,
        }
    }
}

/// The true class has `1 - smoothing + smoothing / K`, every other `smoothing / K`.
fn cross_entropy(logits: ArrayView2<f32>, targets: ArrayView2<f32>, smoothing: f32) -> (f64, Array2<f32>) {
    let (samples, classes) = logits.dim();
    let mut gradient = Array2::zeros((samples, classes));
    let mut loss = 0.0;
    for ((row, mut gradient), targets) in logits.rows().into_iter().zip(gradient.rows_mut()).zip(targets.rows()) {
        let highest = row.fold(f32::NEG_INFINITY, |highest, &logit| highest.max(logit));
        let total = row.fold(0.0, |sum, &logit| sum + f64::from(logit - highest).exp()).ln() + f64::from(highest);
        let weight = targets.sum();
        for (class, &logit) in row.iter().enumerate() {
            let wanted = (1.0 - smoothing) * targets[class] + smoothing * weight / classes as f32;
            let log_probability = f64::from(logit) - total;
            loss -= f64::from(wanted) * log_probability;
            gradient[class] = (weight * log_probability.exp() as f32 - wanted) / samples as f32;
        }
    }
    (loss / samples as f64, gradient)
}

/// The sum over the outputs of a loss of each, given with its derivative.
fn elementwise(
    outputs: ArrayView2<f32>,
    targets: ArrayView2<f32>,
    loss: impl Fn(f32, f32) -> (f32, f32),
) -> (f64, Array2<f32>) {
    let samples = outputs.nrows() as f32;
    let mut gradient = Array2::zeros(outputs.dim());
    let mut sum = 0.0;
    Zip::from(&mut gradient).and(outputs).and(targets).for_each(|gradient, &output, &target| {
        let (value, slope) = loss(output, target);
        sum += f64::from(value);
        *gradient = slope / samples;
    });
    (sum / f64::from(samples), gradient)
}
