//! Layers as pure functions: forward, and backward from the gradient of the output.

use edgetl_algebra::{Par, product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Added to a variance before its root, as PyTorch does.
const EPSILON: f32 = 1e-5;

/// A matrix `[O,I]` and an offset `[O]`, with the threads its products may use.
#[derive(Clone, Copy)]
pub struct FullyConnected<'a> {
    pub weights: ArrayView2<'a, f32>,
    pub bias: ArrayView1<'a, f32>,
    pub parallelism: Par,
}

/// Gradients of a fully connected layer by its parameters.
pub struct FullyConnectedGradients {
    /// `[O,I]`
    pub weights: Array2<f32>,
    /// `[O]`
    pub bias: Array1<f32>,
}

impl FullyConnected<'_> {
    /// `input · weightsᵀ + bias`: `[N,I]` to `[N,O]`.
    pub fn forward(&self, input: ArrayView2<f32>) -> Array2<f32> {
        product(input, self.weights.t(), self.parallelism) + self.bias
    }

    /// By the input `[N,I]`, from the gradient by the output `[N,O]`.
    pub fn input_gradient(&self, output_gradient: ArrayView2<f32>) -> Array2<f32> {
        product(output_gradient, self.weights, self.parallelism)
    }

    pub fn gradients(&self, output_gradient: ArrayView2<f32>, input: ArrayView2<f32>) -> FullyConnectedGradients {
        FullyConnectedGradients {
            weights: product(output_gradient.t(), input, self.parallelism),
            bias: output_gradient.sum_axis(Axis(0)),
        }
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
