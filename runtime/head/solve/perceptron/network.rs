//! The perceptron while it learns: its parameters, and their gradients on a batch.

use edgetl_algebra::Par;
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rand::RngExt;
use rand_pcg::Pcg64;

use super::layers::{FullyConnected, Normalised, inverse_deviation, normalise, normalise_backward};
use super::loss::Loss;
use crate::head::models::{Linear, Mlp};
use crate::head::options::Initialisation;

/// How fast running means follow the batches, as PyTorch's default.
const MOMENTUM: f32 = 0.1;

/// Scale, shift and what is remembered for answering.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    pub scale: Array1<f32>,
    pub shift: Array1<f32>,
    pub mean: Array1<f32>,
    pub variance: Array1<f32>,
}

impl BatchNorm {
    fn new(channels: usize) -> Self {
        let (ones, zeros) = (Array1::ones(channels), Array1::zeros(channels));
        Self { scale: ones.clone(), shift: zeros.clone(), mean: zeros, variance: ones }
    }

    pub fn forward(&mut self, input: ArrayView2<f32>) -> (Normalised, Array2<f32>) {
        let batch = normalise(input);
        let samples = input.nrows() as f32;
        self.mean.zip_mut_with(&batch.mean, |running, &mean| *running += MOMENTUM * (mean - *running));
        let unbiased = samples / (samples - 1.0);
        self.variance.zip_mut_with(&batch.variance, |running, &new| *running += MOMENTUM * (new * unbiased - *running));
        let output = &batch.standardised * &self.scale + &self.shift;
        (batch, output)
    }

    /// Factor and offset of each channel.
    fn affine(&self) -> (Array1<f32>, Array1<f32>) {
        let factor = &self.scale * &inverse_deviation(&self.variance);
        let offset = &self.shift - &(&self.mean * &factor);
        (factor, offset)
    }
}

/// BatchNorm, Linear, ReLU, BatchNorm, Linear.
#[derive(Clone, Debug)]
pub struct Network {
    pub input_norm: BatchNorm,
    pub hidden: Linear,
    pub hidden_norm: BatchNorm,
    pub output: Linear,
}

/// C, H and K.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub channels: usize,
    pub width: usize,
    pub outputs: usize,
}

/// One gradient an array of parameters, in the order of [`Network::parameters`].
pub type Gradients = [Vec<f32>; 8];

/// The layers that own the arrays of [`Gradients`], two each.
pub const LAYERS: [&str; 4] = ["input norm", "hidden", "hidden norm", "output"];

/// Samples that are learned from at once.
pub struct Batch<'a> {
    /// `[N,C]`, N above 1.
    pub features: ArrayView2<'a, f32>,
    /// `[N,K]`
    pub targets: ArrayView2<'a, f32>,
    /// `[N,H]`: what hidden values are multiplied with.
    pub mask: &'a Array2<f32>,
    pub loss: Loss,
    pub parallelism: Par,
}

impl Network {
    pub fn new(sizes: Sizes, initialisation: Initialisation, rng: &mut Pcg64) -> Self {
        let Sizes { channels, width, outputs } = sizes;
        let mut layer = |rows: usize, columns: usize, bound: f32| Linear {
            weights: Array2::from_shape_fn((rows, columns), |_| rng.random_range(-bound..bound)),
            bias: Array1::zeros(rows),
        };
        let he = |inputs: usize| (6.0 / inputs as f32).sqrt();
        let glorot = |inputs: usize, outputs: usize| he(inputs + outputs);
        let plain = 1.0 / (width as f32).sqrt();
        let (first, last) = match initialisation {
            Initialisation::Kaiming => (he(channels), plain),
            Initialisation::Xavier => (glorot(channels, width), glorot(width, outputs)),
            Initialisation::Scaled => (he(channels), plain / 100.0),
        };
        let (hidden, output) = (layer(width, channels, first), layer(outputs, width, last));
        Self { input_norm: BatchNorm::new(channels), hidden, hidden_norm: BatchNorm::new(width), output }
    }

    pub fn parameters(&mut self) -> [&mut [f32]; 8] {
        const STANDARD: &str = "standard layout";
        [
            self.input_norm.scale.as_slice_mut().expect(STANDARD),
            self.input_norm.shift.as_slice_mut().expect(STANDARD),
            self.hidden.weights.as_slice_mut().expect(STANDARD),
            self.hidden.bias.as_slice_mut().expect(STANDARD),
            self.hidden_norm.scale.as_slice_mut().expect(STANDARD),
            self.hidden_norm.shift.as_slice_mut().expect(STANDARD),
            self.output.weights.as_slice_mut().expect(STANDARD),
            self.output.bias.as_slice_mut().expect(STANDARD),
        ]
    }

    /// Loss and gradients on a batch; the running means follow it.
    pub fn gradients(&mut self, batch: &Batch) -> (f64, Gradients) {
        let (first, scaled) = self.input_norm.forward(batch.features);
        let before = connected(&self.hidden, batch.parallelism).forward(scaled.view());
        let (second, normal) = self.hidden_norm.forward(before.mapv(|value| value.max(0.0)).view());
        let kept = normal * batch.mask;
        let output_layer = connected(&self.output, batch.parallelism);
        let outputs = output_layer.forward(kept.view());
        let (loss, by_outputs) = batch.loss.with_gradient(outputs.view(), batch.targets);

        let output = output_layer.gradients(by_outputs.view(), kept.view());
        let by_normal = output_layer.input_gradient(by_outputs.view()) * batch.mask;
        let norm = normalise_backward(&by_normal, &second, self.hidden_norm.scale.view());
        let mut by_before = norm.input;
        Zip::from(&mut by_before).and(&before).for_each(|gradient, &value| {
            if value <= 0.0 {
                *gradient = 0.0;
            }
        });
        let [scale, shift, weights, bias] = self.first_gradients(by_before.view(), &first, batch.parallelism);
        let (output_weights, output_bias) = (flat(output.weights), output.bias.to_vec());
        let (norm_scale, norm_shift) = (norm.scale.to_vec(), norm.shift.to_vec());
        (loss, [scale, shift, weights, bias, norm_scale, norm_shift, output_weights, output_bias])
    }

    /// Of the input's scale and shift and the hidden layer, from one product.
    ///
    /// With G the product of the gradient by the hidden values and the standardised input, the weights' gradient is
    /// `G · scale + bias gradient · shift` and that of the scale the sum of `weights · G` over the hidden values: the
    /// gradient by the input itself, another product of the same size, is never needed.
    fn first_gradients(&self, by_before: ArrayView2<f32>, input: &Normalised, parallelism: Par) -> [Vec<f32>; 4] {
        let layer = connected(&self.hidden, parallelism);
        let gradients = layer.gradients(by_before, input.standardised.view());
        let (mut weights, bias) = (gradients.weights, gradients.bias);
        let (mut scale, mut shift) = (vec![0.0; weights.ncols()], vec![0.0; weights.ncols()]);
        let rows = weights.axis_iter_mut(Axis(0)).zip(self.hidden.weights.axis_iter(Axis(0))).zip(&bias);
        for ((mut gradient, weights), &bias) in rows {
            let gradient = gradient.as_slice_mut().expect("standard layout");
            let weights = weights.to_slice().expect("standard layout");
            let norm = self.input_norm.scale.iter().zip(&self.input_norm.shift);
            let sums = scale.iter_mut().zip(&mut shift);
            for (((gradient, &weight), (norm_scale, norm_shift)), (scale, shift)) in
                gradient.iter_mut().zip(weights).zip(norm).zip(sums)
            {
                *scale += weight * *gradient;
                *shift += weight * bias;
                *gradient = *gradient * norm_scale + bias * norm_shift;
            }
        }
        [scale, shift, flat(weights), bias.to_vec()]
    }

    /// The same map with the normalisations folded into the layers, as it answers.
    pub fn fold(&self) -> Mlp {
        Mlp { hidden: after(&self.input_norm, &self.hidden), output: after(&self.hidden_norm, &self.output) }
    }
}

fn connected(layer: &Linear, parallelism: Par) -> FullyConnected<'_> {
    FullyConnected { weights: layer.weights.view(), bias: layer.bias.view(), parallelism }
}

/// In row-major order.
fn flat(matrix: Array2<f32>) -> Vec<f32> {
    match matrix.is_standard_layout() {
        true => matrix.into_raw_vec_and_offset().0,
        false => matrix.as_standard_layout().iter().copied().collect(),
    }
}

/// `layer` on normalised input as one layer on raw input.
fn after(norm: &BatchNorm, layer: &Linear) -> Linear {
    let (factor, offset) = norm.affine();
    Linear { weights: &layer.weights * &factor, bias: &layer.bias + &layer.weights.dot(&offset) }
}
