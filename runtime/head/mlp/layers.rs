//! Layers as pure functions: forward, and backward from the gradient of the output.

use edgetl_algebra::{get_global_parallelism, product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::labels::ClassIndex;

/// Added to a variance before its root, as PyTorch does.
const EPSILON: f32 = 1e-5;

/// `input · weightsᵀ + bias`: `[N,I]`, `[O,I]`, `[O]` to `[N,O]`.
pub fn fully_connected(input: ArrayView2<f32>, weights: ArrayView2<f32>, bias: ArrayView1<f32>) -> Array2<f32> {
    product(input, weights.t(), get_global_parallelism()) + bias
}

/// Gradients of a fully connected layer.
pub struct FullyConnectedGradients {
    pub input: Array2<f32>,
    pub weights: Array2<f32>,
    pub bias: Array1<f32>,
}

pub fn fully_connected_backward(
    output_gradient: ArrayView2<f32>,
    input: ArrayView2<f32>,
    weights: ArrayView2<f32>,
) -> FullyConnectedGradients {
    let parallelism = get_global_parallelism();
    FullyConnectedGradients {
        input: product(output_gradient, weights, parallelism),
        weights: product(output_gradient.t(), input, parallelism),
        bias: output_gradient.sum_axis(Axis(0)),
    }
}

/// A batch normalised by its own mean and variance.
pub struct Normalised {
    /// `[N,C]`, before scale and shift.
    pub standardised: Array2<f32>,
    /// `[C]`
    pub mean: Array1<f32>,
    /// `[C]`, divided by N.
    pub variance: Array1<f32>,
}

/// Source: Ioffe, Szegedy, "Batch Normalization", 2015, algorithm 1.
pub fn normalise(input: ArrayView2<f32>) -> Normalised {
    let samples = input.nrows() as f64;
    let mean = input.fold_axis(Axis(0), 0f64, |sum, &value| sum + f64::from(value)) / samples;
    let mut squares = Array1::<f64>::zeros(input.ncols());
    for row in input.rows() {
        for (channel, &value) in row.iter().enumerate() {
            squares[channel] += (f64::from(value) - mean[channel]).powi(2);
        }
    }
    let variance = squares.mapv(|square| (square / samples) as f32);
    let mean = mean.mapv(|mean| mean as f32);
    let standardised = (&input - &mean) * inverse_deviation(&variance);
    Normalised { standardised, mean, variance }
}

pub fn inverse_deviation(variance: &Array1<f32>) -> Array1<f32> {
    variance.mapv(|variance| 1.0 / (variance + EPSILON).sqrt())
}

/// Gradients of `scale · standardised + shift` over a batch.
pub struct NormaliseGradients {
    pub input: Array2<f32>,
    pub scale: Array1<f32>,
    pub shift: Array1<f32>,
}

pub fn normalise_backward(
    output_gradient: &Array2<f32>,
    batch: &Normalised,
    scale: ArrayView1<f32>,
) -> NormaliseGradients {
    let samples = output_gradient.nrows() as f32;
    let shift_gradient = output_gradient.sum_axis(Axis(0));
    let scale_gradient = (output_gradient * &batch.standardised).sum_axis(Axis(0));
    let centred = output_gradient - &(&shift_gradient / samples) - &batch.standardised * &(&scale_gradient / samples);
    let input = centred * (inverse_deviation(&batch.variance) * scale);
    NormaliseGradients { input, scale: scale_gradient, shift: shift_gradient }
}

/// Mean cross-entropy of the softmax against smoothed targets, and its gradient by the logits.
///
/// The true class has `1 - smoothing + smoothing / K`, every other `smoothing / K`.
pub fn cross_entropy(logits: ArrayView2<f32>, targets: &[ClassIndex], smoothing: f32) -> (f64, Array2<f32>) {
    let (samples, classes) = logits.dim();
    let other = smoothing / classes as f32;
    let mut gradient = Array2::zeros((samples, classes));
    let mut loss = 0.0;
    for ((row, mut gradient), target) in logits.rows().into_iter().zip(gradient.rows_mut()).zip(targets) {
        let highest = row.fold(f32::NEG_INFINITY, |highest, &logit| highest.max(logit));
        let total = row.fold(0.0, |sum, &logit| sum + f64::from(logit - highest).exp()).ln() + f64::from(highest);
        for (class, &logit) in row.iter().enumerate() {
            let wanted = if class == target.0 { 1.0 - smoothing + other } else { other };
            let log_probability = f64::from(logit) - total;
            loss -= f64::from(wanted) * log_probability;
            gradient[class] = (log_probability.exp() as f32 - wanted) / samples as f32;
        }
    }
    (loss / samples as f64, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    fn random(shape: (usize, usize), seed: u64) -> Array2<f32> {
        let mut rng = Pcg64::seed_from_u64(seed);
        Array2::from_shape_fn(shape, |_| rng.random_range(-1f32..1.0))
    }

    /// Central differences of the sum of `of(input) * direction` by every entry of `input`.
    fn numeric(input: &Array2<f32>, direction: &Array2<f32>, of: impl Fn(&Array2<f32>) -> Array2<f32>) -> Array2<f32> {
        Array2::from_shape_fn(input.dim(), |place| {
            let at = |by: f32| {
                let mut input = input.clone();
                input[place] += by;
                (of(&input) * direction).mapv(f64::from).sum()
            };
            ((at(1e-2) - at(-1e-2)) / 2e-2) as f32
        })
    }

    fn assert_close(left: &Array2<f32>, right: &Array2<f32>) {
        assert!((left - right).iter().all(|gap| gap.abs() < 2e-3), "{left} {right}");
    }

    #[test]
    fn a_fully_connected_layer_multiplies_and_adds() {
        let matrix = array![[0f32, 1., 2., 3., 4.], [5., 6., 7., 8., 9.]];
        let output = fully_connected(matrix.view(), matrix.view(), array![1f32, 1.].view());
        assert_eq!(output, array![[31., 81.], [81., 256.]]);
    }

    #[test]
    fn gradients_of_a_fully_connected_layer_are_those_of_central_differences() {
        let (input, weights, direction) = (random((4, 3), 1), random((2, 3), 2), random((4, 2), 3));
        let bias = array![0.3f32, -0.2];
        let gradients = fully_connected_backward(direction.view(), input.view(), weights.view());
        let layer =
            |input: &Array2<f32>, weights: &Array2<f32>| fully_connected(input.view(), weights.view(), bias.view());
        assert_close(&gradients.input, &numeric(&input, &direction, |input| layer(input, &weights)));
        assert_close(&gradients.weights, &numeric(&weights, &direction, |weights| layer(&input, weights)));
        assert_eq!(gradients.bias, direction.sum_axis(Axis(0)));
    }

    #[test]
    fn gradients_of_batch_normalisation_are_those_of_central_differences() {
        let (input, direction) = (random((5, 3), 4), random((5, 3), 5));
        let scale = array![0.5f32, 2.0, -1.0];
        let gradients = normalise_backward(&direction, &normalise(input.view()), scale.view());
        let layer = |input: &Array2<f32>| normalise(input.view()).standardised * &scale;
        assert_close(&gradients.input, &numeric(&input, &direction, layer));
        assert_eq!(gradients.shift, direction.sum_axis(Axis(0)));
    }

    #[test]
    fn the_gradient_of_the_cross_entropy_is_that_of_central_differences() {
        let logits = random((3, 4), 6) * 3.0;
        let targets = [0, 3, 1].map(ClassIndex);
        for smoothing in [0.0, 0.2] {
            let (_, gradient) = cross_entropy(logits.view(), &targets, smoothing);
            let loss = |logits: &Array2<f32>| array![[cross_entropy(logits.view(), &targets, smoothing).0 as f32]];
            assert_close(&gradient, &numeric(&logits, &array![[1f32]], loss));
        }
    }

    #[test]
    fn uniform_answers_over_ten_classes_lose_the_logarithm_of_ten() {
        let (loss, _) = cross_entropy(Array2::zeros((2, 10)).view(), &[ClassIndex(0), ClassIndex(9)], 0.0);
        assert!((loss - 10f64.ln()).abs() < 1e-9);
    }
}
