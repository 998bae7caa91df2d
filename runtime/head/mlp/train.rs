//! Training the perceptron: Adam with decoupled weight decay on a cosine schedule.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::layers::{
    Normalised, cross_entropy, fully_connected, fully_connected_backward, inverse_deviation, normalise,
    normalise_backward,
};
use super::{Linear, Mlp};
use crate::labels::ClassIndex;

/// How to train.
#[derive(Clone, PartialEq, Debug)]
pub struct MlpSettings {
    /// H
    pub width: usize,
    /// The share of hidden values that is left out of each step.
    pub dropout: f32,
    pub epochs: usize,
    pub batch: usize,
    /// At the start; it falls to 0 along a cosine.
    pub learning_rate: f32,
    pub weight_decay: f32,
    pub label_smoothing: f32,
    pub seed: u64,
}

impl MlpSettings {
    /// What the course teaches: twice as wide as the features, half of it dropped.
    pub fn for_channels(channels: usize, seed: u64) -> Self {
        Self {
            width: 2 * channels,
            dropout: 0.5,
            epochs: 30,
            batch: 64,
            learning_rate: 1e-3,
            weight_decay: 1e-2,
            label_smoothing: 0.1,
            seed,
        }
    }
}

/// How fast running means follow the batches, as PyTorch's default.
const MOMENTUM: f32 = 0.1;
const ADAM: (f32, f32, f32) = (0.9, 0.999, 1e-8);

/// Scale, shift and what is remembered for answering.
#[derive(Clone, Debug)]
struct BatchNorm {
    scale: Array1<f32>,
    shift: Array1<f32>,
    mean: Array1<f32>,
    variance: Array1<f32>,
}

impl BatchNorm {
    fn new(channels: usize) -> Self {
        let (ones, zeros) = (Array1::ones(channels), Array1::zeros(channels));
        Self { scale: ones.clone(), shift: zeros.clone(), mean: zeros, variance: ones }
    }

    fn forward(&mut self, input: ArrayView2<f32>) -> (Normalised, Array2<f32>) {
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

/// A perceptron on its way.
#[derive(Clone, Debug)]
struct Network {
    input_norm: BatchNorm,
    hidden: Linear,
    hidden_norm: BatchNorm,
    output: Linear,
}

/// One gradient an array of parameters, in the order of [`Network::parameters`].
type Gradients = [Vec<f32>; 8];

impl Network {
    /// Weights uniform within `±sqrt(6 / inputs)` before the ReLU and `±1 / sqrt(inputs)` at the end, biases 0.
    ///
    /// Source: He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    fn new(channels: usize, classes: usize, width: usize, rng: &mut Pcg64) -> Self {
        let mut layer = |outputs: usize, inputs: usize, bound: f32| Linear {
            weights: Array2::from_shape_fn((outputs, inputs), |_| rng.random_range(-bound..bound)),
            bias: Array1::zeros(outputs),
        };
        let hidden = layer(width, channels, (6.0 / channels as f32).sqrt());
        let output = layer(classes, width, 1.0 / (width as f32).sqrt());
        Self { input_norm: BatchNorm::new(channels), hidden, hidden_norm: BatchNorm::new(width), output }
    }

    fn parameters(&mut self) -> [&mut [f32]; 8] {
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

    /// Loss and gradients on a batch; `mask` `[N,H]` multiplies the hidden values.
    fn gradients(
        &mut self,
        features: ArrayView2<f32>,
        targets: &[ClassIndex],
        mask: &Array2<f32>,
        smoothing: f32,
    ) -> (f64, Gradients) {
        let (first, scaled) = self.input_norm.forward(features);
        let before = fully_connected(scaled.view(), self.hidden.weights.view(), self.hidden.bias.view());
        let (second, normal) = self.hidden_norm.forward(before.mapv(|value| value.max(0.0)).view());
        let kept = normal * mask;
        let logits = fully_connected(kept.view(), self.output.weights.view(), self.output.bias.view());
        let (loss, by_logits) = cross_entropy(logits.view(), targets, smoothing);

        let output = fully_connected_backward(by_logits.view(), kept.view(), self.output.weights.view());
        let norm = normalise_backward(&(output.input * mask), &second, self.hidden_norm.scale.view());
        let mut by_before = norm.input;
        Zip::from(&mut by_before).and(&before).for_each(|gradient, &value| {
            if value <= 0.0 {
                *gradient = 0.0;
            }
        });
        let hidden = fully_connected_backward(by_before.view(), scaled.view(), self.hidden.weights.view());
        let input = normalise_backward(&hidden.input, &first, self.input_norm.scale.view());
        let flat = |matrix: Array2<f32>| matrix.as_standard_layout().iter().copied().collect::<Vec<f32>>();
        let gradients = [
            input.scale.to_vec(),
            input.shift.to_vec(),
            flat(hidden.weights),
            hidden.bias.to_vec(),
            norm.scale.to_vec(),
            norm.shift.to_vec(),
            flat(output.weights),
            output.bias.to_vec(),
        ];
        (loss, gradients)
    }

    /// The same map with the normalisations folded into the layers.
    fn fold(&self) -> Mlp {
        Mlp { hidden: after(&self.input_norm, &self.hidden), output: after(&self.hidden_norm, &self.output) }
    }
}

/// `layer` on normalised input as one layer on raw input.
fn after(norm: &BatchNorm, layer: &Linear) -> Linear {
    let (factor, offset) = norm.affine();
    Linear { weights: &layer.weights * &factor, bias: &layer.bias + &layer.weights.dot(&offset) }
}

/// Moments of the gradients of every parameter.
struct Adam {
    first: Gradients,
    second: Gradients,
    steps: i32,
}

impl Adam {
    fn new(network: &mut Network) -> Self {
        let mut zeros = || network.parameters().map(|values| vec![0.0; values.len()]);
        Self { first: zeros(), second: zeros(), steps: 0 }
    }

    /// Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.
    fn step(&mut self, network: &mut Network, gradients: &Gradients, rate: f32, decay: f32) {
        let (beta_1, beta_2, epsilon) = ADAM;
        self.steps += 1;
        let (unbias_1, unbias_2) = (1.0 - beta_1.powi(self.steps), 1.0 - beta_2.powi(self.steps));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((values, gradients), (first, second)) in network.parameters().into_iter().zip(gradients).zip(moments) {
            for (((value, &gradient), first), second) in values.iter_mut().zip(gradients).zip(first).zip(second) {
                *first += (1.0 - beta_1) * (gradient - *first);
                *second += (1.0 - beta_2) * (gradient * gradient - *second);
                *value *= 1.0 - rate * decay;
                *value -= rate * (*first / unbias_1) / ((*second / unbias_2).sqrt() + epsilon);
            }
        }
    }
}

/// Trains a perceptron on `features` `[N,C]` with N above 1.
pub fn train(features: ArrayView2<f32>, targets: &[ClassIndex], classes: usize, settings: &MlpSettings) -> Mlp {
    let mut rng = Pcg64::seed_from_u64(settings.seed);
    let mut network = Network::new(features.ncols(), classes, settings.width, &mut rng);
    let mut adam = Adam::new(&mut network);
    let mut order: Vec<usize> = (0..targets.len()).collect();
    // At least two samples a batch: one alone has no variance.
    let batches = (targets.len() / settings.batch.max(2)).max(1);
    let total = settings.epochs * batches;
    for step in 0..total {
        if step % batches == 0 {
            order.shuffle(&mut rng);
        }
        let (start, end) = (step % batches * order.len() / batches, (step % batches + 1) * order.len() / batches);
        let rows = &order[start..end];
        let own: Vec<ClassIndex> = rows.iter().map(|&row| targets[row]).collect();
        let mask = dropout_mask((rows.len(), settings.width), settings.dropout, &mut rng);
        let batch = features.select(Axis(0), rows);
        let (_, gradients) = network.gradients(batch.view(), &own, &mask, settings.label_smoothing);
        let progress = step as f32 / total as f32;
        let rate = settings.learning_rate * 0.5 * (1.0 + (std::f32::consts::PI * progress).cos());
        adam.step(&mut network, &gradients, rate, settings.weight_decay);
    }
    network.fold()
}

/// 0 for the share that is left out, and what keeps the mean for the rest.
fn dropout_mask(shape: (usize, usize), share: f32, rng: &mut Pcg64) -> Array2<f32> {
    Array2::from_shape_fn(shape, |_| if rng.random::<f32>() < share { 0.0 } else { 1.0 / (1.0 - share) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    fn example() -> (Network, Array2<f32>, Vec<ClassIndex>) {
        let mut rng = Pcg64::seed_from_u64(2);
        let network = Network::new(4, 3, 5, &mut rng);
        let features = Array2::from_shape_fn((6, 4), |_| rng.random_range(-1f32..1.0));
        (network, features, (0..6).map(|sample| ClassIndex(sample % 3)).collect())
    }

    #[test]
    fn gradients_of_the_whole_network_are_those_of_central_differences() {
        let (mut network, features, targets) = example();
        let mask = dropout_mask((6, 5), 0.3, &mut Pcg64::seed_from_u64(7));
        let (_, gradients) = network.gradients(features.view(), &targets, &mask, 0.1);
        for (array, gradients) in gradients.iter().enumerate() {
            for (place, &analytic) in gradients.iter().enumerate() {
                let at = |by: f32| {
                    let mut network = network.clone();
                    network.parameters()[array][place] += by;
                    network.gradients(features.view(), &targets, &mask, 0.1).0
                };
                let numeric = (at(2e-3) - at(-2e-3)) / 4e-3;
                assert!((numeric - f64::from(analytic)).abs() < 1e-3, "array {array}, {place}: {numeric} {analytic}");
            }
        }
    }

    #[test]
    fn folding_the_normalisations_leaves_answers_unchanged() {
        let (mut network, features, _) = example();
        network.input_norm.forward(features.view());
        network.hidden_norm.forward(Array2::from_elem((2, 5), 0.7).view());
        network.hidden_norm.shift.fill(0.3);
        let eval = |norm: &BatchNorm, input: &Array2<f32>| {
            (input - &norm.mean) * &inverse_deviation(&norm.variance) * &norm.scale + &norm.shift
        };
        let hidden = network.hidden.logits(eval(&network.input_norm, &features).view()).mapv(|value| value.max(0.0));
        let expected = network.output.logits(eval(&network.hidden_norm, &hidden).view());
        let gaps = network.fold().logits(features.view()) - expected;
        assert!(gaps.iter().all(|gap| gap.abs() < 1e-5));
    }

    #[derive(Deserialize)]
    struct Reference {
        features: Vec<Vec<f32>>,
        targets: Vec<usize>,
        hidden_weights: Vec<Vec<f32>>,
        output_weights: Vec<Vec<f32>>,
        batch: usize,
        rates: Vec<f32>,
        weight_decay: f32,
        label_smoothing: f32,
        /// After the last step, in the order of `Network::parameters`, then the running means and variances.
        parameters: Vec<Vec<f32>>,
        running: Vec<Vec<f32>>,
    }

    fn matrix(rows: &[Vec<f32>]) -> Array2<f32> {
        Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
    }

    fn assert_close(ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() < 1e-4, "{ours} {theirs}");
        }
    }

    #[test]
    fn twenty_steps_end_where_pytorchs_do() {
        let text = include_str!("../../../tests/fixtures/head/mlp.json");
        let reference: Reference = serde_json::from_str(text).unwrap();
        let (hidden, output) = (matrix(&reference.hidden_weights), matrix(&reference.output_weights));
        let mut network = Network::new(hidden.ncols(), output.nrows(), hidden.nrows(), &mut Pcg64::seed_from_u64(0));
        (network.hidden.weights, network.output.weights) = (hidden, output);
        let features = matrix(&reference.features);
        let targets: Vec<_> = reference.targets.iter().copied().map(ClassIndex).collect();
        let mask = Array2::ones((reference.batch, network.hidden.classes()));
        let mut adam = Adam::new(&mut network);
        for (step, &rate) in reference.rates.iter().enumerate() {
            let start = step * reference.batch % targets.len();
            let rows = start..start + reference.batch;
            let batch = features.slice(ndarray::s![rows.clone(), ..]);
            let (_, gradients) = network.gradients(batch, &targets[rows], &mask, reference.label_smoothing);
            adam.step(&mut network, &gradients, rate, reference.weight_decay);
        }
        for (ours, theirs) in network.parameters().iter().zip(&reference.parameters) {
            assert_close(ours, theirs);
        }
        let (first, second) = (&network.input_norm, &network.hidden_norm);
        for (ours, theirs) in
            [&first.mean, &first.variance, &second.mean, &second.variance].into_iter().zip(&reference.running)
        {
            assert_close(ours.as_slice().unwrap(), theirs);
        }
    }

    #[test]
    fn training_learns_what_no_linear_map_can() {
        // Exclusive or of two signs.
        let mut rng = Pcg64::seed_from_u64(3);
        let features = Array2::from_shape_fn((200, 2), |_| rng.random_range(-1f32..1.0));
        let class = |row: ndarray::ArrayView1<f32>| ClassIndex(usize::from(row[0] * row[1] > 0.0));
        let targets: Vec<_> = features.rows().into_iter().map(class).collect();
        let settings = MlpSettings {
            width: 32,
            dropout: 0.0,
            epochs: 150,
            learning_rate: 1e-2,
            ..MlpSettings::for_channels(2, 1)
        };
        let trained = train(features.view(), &targets, 2, &settings);
        assert!(crate::metrics::accuracy(trained.logits(features.view()).view(), &targets) > 0.95);
        assert_eq!(trained, train(features.view(), &targets, 2, &settings));
    }
}
