//! The learning checks: hand-computed values, every analytic gradient against central differences, and PyTorch's steps.
//!
//! Source of the values: the tests of Coral's `learn` library (fully connected, softmax and cross-entropy), and
//! `tools/reference/mlp.py`.

use edgetl_algebra::Par;
use ndarray::{Array1, Array2, ArrayView2, array};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::Deserialize;

use super::layers::{FullyConnected, inverse_deviation, normalise, normalise_backward};
use super::loss::{Loss, SMOOTHING};
use super::network::{Batch, BatchNorm, Network, Sizes};
use super::optimiser::Adam;
use super::shuffle::dropout_mask;
use super::train::{one_hot, train};
use super::trainer::{TrainingSet, cosine};
use crate::head::calibration::Temperature;
use crate::head::models::Mlp;
use crate::head::options::{Initialisation, LearningRate, MlpSettings};
use crate::labels::ClassIndex;
use crate::metrics;

const WITHIN: f32 = 1e-3;

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
        ((at(4e-3) - at(-4e-3)) / 8e-3) as f32
    })
}

fn assert_close(left: &Array2<f32>, right: &Array2<f32>) {
    assert!((left - right).iter().all(|gap| gap.abs() < WITHIN), "{left} {right}");
}

fn layer<'a>(weights: &'a Array2<f32>, bias: &'a Array1<f32>) -> FullyConnected<'a> {
    FullyConnected { weights: weights.view(), bias: bias.view(), parallelism: Par::Seq }
}

/// The softmax as heads answer with it.
fn softmax(logits: &Array2<f32>) -> Array2<f32> {
    Temperature::NEUTRAL.probabilities(logits.clone())
}

#[test]
fn a_fully_connected_layer_multiplies_and_adds() {
    let matrix = array![[0f32, 1., 2., 3., 4.], [5., 6., 7., 8., 9.]];
    let output = layer(&matrix, &array![1f32, 1.]).forward(matrix.view());
    assert_eq!(output, array![[31., 81.], [81., 256.]]);
}

#[test]
fn gradients_of_a_fully_connected_layer_are_those_of_central_differences() {
    let (input, weights, direction) = (random((4, 3), 1), random((2, 3), 2), random((4, 2), 3));
    let bias = array![0.3f32, -0.2];
    let gradients = layer(&weights, &bias).gradients(direction.view(), input.view());
    let by_input = layer(&weights, &bias).input_gradient(direction.view());
    let forward = |input: &Array2<f32>, weights: &Array2<f32>| layer(weights, &bias).forward(input.view());
    assert_close(&by_input, &numeric(&input, &direction, |input| forward(input, &weights)));
    assert_close(&gradients.weights, &numeric(&weights, &direction, |weights| forward(&input, weights)));
    assert_eq!(gradients.bias, direction.sum_axis(ndarray::Axis(0)));
}

#[test]
fn a_million_in_every_entry_is_a_fifth_for_each_of_five() {
    assert_eq!(softmax(&Array2::from_elem((2, 5), 1e6)), Array2::from_elem((2, 5), 0.2));
}

#[test]
fn the_gradient_of_the_softmax_is_that_of_central_differences() {
    let (logits, direction) = (random((3, 4), 8) * 2.0, random((3, 4), 9));
    let probabilities = softmax(&logits);
    // p_i (g_i - Σ_j p_j g_j)
    let mean = (&probabilities * &direction).sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    assert_close(&(&probabilities * &(&direction - &mean)), &numeric(&logits, &direction, softmax));
}

#[test]
fn gradients_of_batch_normalisation_are_those_of_central_differences() {
    let (input, direction) = (random((5, 3), 4), random((5, 3), 5));
    let scale = array![0.5f32, 2.0, -1.0];
    let gradients = normalise_backward(&direction, &normalise(input.view()), scale.view());
    let forward = |input: &Array2<f32>| normalise(input.view()).standardised * &scale;
    assert_close(&gradients.input, &numeric(&input, &direction, forward));
    assert_eq!(gradients.shift, direction.sum_axis(ndarray::Axis(0)));
    let by_scale = |scale: &Array2<f32>| normalise(input.view()).standardised * scale;
    let numeric = numeric(&scale.view().insert_axis(ndarray::Axis(0)).to_owned(), &direction, by_scale);
    assert_close(&gradients.scale.insert_axis(ndarray::Axis(0)), &numeric);
}

#[test]
fn uniform_answers_over_ten_classes_lose_the_logarithm_of_ten() {
    let targets = one_hot([0, 9].into_iter(), 10);
    let loss = Loss::CrossEntropy.plain(Array2::zeros((2, 10)).view(), targets.view());
    assert!((loss + 0.1f64.ln()).abs() < 1e-6);
    let uniform = Array2::from_elem((2, 10), 0.1);
    assert!((metrics::nll(uniform.view(), &[ClassIndex(0), ClassIndex(9)]) + 0.1f64.ln()).abs() < 1e-6);
}

#[test]
fn the_gradient_of_the_cross_entropy_by_probabilities_is_that_of_central_differences() {
    let probabilities = softmax(&random((3, 4), 10));
    let targets = [0, 3, 1].map(ClassIndex);
    let analytic = -one_hot([0, 3, 1].into_iter(), 4) / &probabilities / 3.0;
    let loss = |probabilities: &Array2<f32>| array![[metrics::nll(probabilities.view(), &targets) as f32]];
    assert_close(&analytic, &numeric(&probabilities, &array![[1f32]], loss));
}

#[test]
fn gradients_of_every_loss_are_those_of_central_differences() {
    let outputs = random((3, 4), 6) * 3.0;
    let soft = random((3, 4), 7).mapv(f32::abs);
    for loss in [Loss::CrossEntropy, Loss::SquaredError, Loss::Logistic] {
        // Shares of classes add up to 1, as cross-entropy expects.
        let targets = match loss {
            Loss::CrossEntropy => softmax(&soft),
            _ => soft.clone(),
        };
        let value = |outputs: &Array2<f32>| array![[loss.with_gradient(outputs.view(), targets.view()).0 as f32]];
        let (_, gradient) = loss.with_gradient(outputs.view(), targets.view());
        let numeric = numeric(&outputs, &array![[1f32]], value);
        assert!((&gradient - &numeric).iter().all(|gap| gap.abs() < WITHIN), "{loss:?}: {gradient} {numeric}");
    }
}

#[test]
fn logistic_loss_of_huge_outputs_stays_finite() {
    let (loss, gradient) = Loss::Logistic.with_gradient(array![[1e4f32, -1e4]].view(), array![[1f32, 1.0]].view());
    assert_eq!((loss, gradient), (1e4, array![[0.0, -1.0]]));
}

fn example() -> (Network, Array2<f32>, Array2<f32>) {
    let mut rng = Pcg64::seed_from_u64(2);
    let mut network = Network::new(Sizes { channels: 4, width: 5, outputs: 3 }, Initialisation::Kaiming, &mut rng);
    network.input_norm.scale = array![0.7, 1.3, -0.4, 1.0];
    network.input_norm.shift = array![0.2, -0.3, 0.0, 0.1];
    let features = Array2::from_shape_fn((6, 4), |_| rng.random_range(-1f32..1.0));
    (network, features, one_hot((0..6).map(|sample| sample % 3), 3))
}

#[test]
fn gradients_of_the_whole_network_are_those_of_central_differences() {
    let (mut network, features, targets) = example();
    let mask = dropout_mask((6, 5), 0.3, &mut Pcg64::seed_from_u64(7));
    for loss in [Loss::CrossEntropy, Loss::SquaredError, Loss::Logistic] {
        let (features, targets) = (features.view(), targets.view());
        let batch = Batch { features, targets, mask: &mask, loss, parallelism: Par::Seq };
        let (_, gradients) = network.gradients(&batch);
        for (array, gradients) in gradients.iter().enumerate() {
            for (place, &analytic) in gradients.iter().enumerate() {
                let at = |by: f32| {
                    let mut network = network.clone();
                    network.parameters()[array][place] += by;
                    network.gradients(&batch).0
                };
                let numeric = (at(2e-3) - at(-2e-3)) / 4e-3;
                let gap = (numeric - f64::from(analytic)).abs();
                assert!(
                    gap < f64::from(WITHIN) * (1.0 + numeric.abs()),
                    "{loss:?} {array}, {place}: {numeric} {analytic}"
                );
            }
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

#[test]
fn every_initialisation_stays_within_its_bounds() {
    let sizes = Sizes { channels: 24, width: 30, outputs: 6 };
    let largest = |weights: &Array2<f32>| weights.fold(0f32, |largest, weight| largest.max(weight.abs()));
    let plain = 1.0 / 30f32.sqrt();
    for (initialisation, first, last) in [
        (Initialisation::Kaiming, 0.5, plain),
        (Initialisation::Xavier, (6f32 / 54.0).sqrt(), (6f32 / 36.0).sqrt()),
        (Initialisation::Scaled, 0.5, plain / 100.0),
    ] {
        let network = Network::new(sizes, initialisation, &mut Pcg64::seed_from_u64(1));
        let found = (largest(&network.hidden.weights), largest(&network.output.weights));
        assert!((0.9 * first..=first).contains(&found.0), "{initialisation:?}: {found:?}");
        assert!((0.9 * last..=last).contains(&found.1), "{initialisation:?}: {found:?}");
    }
}

#[derive(Deserialize)]
struct Reference {
    features: Vec<Vec<f32>>,
    targets: Vec<usize>,
    hidden_weights: Vec<Vec<f32>>,
    output_weights: Vec<Vec<f32>>,
    batch: usize,
    weight_decay: f32,
    label_smoothing: f32,
    /// What PyTorch's cosine scheduler gave each step.
    rates: Vec<f32>,
    /// After the last step, in the order of `Network::parameters`, then the running means and variances.
    parameters: Vec<Vec<f32>>,
    running: Vec<Vec<f32>>,
}

fn matrix(rows: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn assert_same(ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() < 1e-4, "{ours} {theirs}");
    }
}

fn twenty_steps(reference: &Reference) -> Network {
    let (hidden, output) = (matrix(&reference.hidden_weights), matrix(&reference.output_weights));
    let sizes = Sizes { channels: hidden.ncols(), width: hidden.nrows(), outputs: output.nrows() };
    let mut network = Network::new(sizes, Initialisation::Kaiming, &mut Pcg64::seed_from_u64(0));
    (network.hidden.weights, network.output.weights) = (hidden, output);
    let features = matrix(&reference.features);
    let targets = one_hot(reference.targets.iter().copied(), sizes.outputs);
    let mask = Array2::ones((reference.batch, sizes.width));
    let mut adam = Adam::new(&mut network);
    assert_eq!(reference.label_smoothing, SMOOTHING);
    for (step, &rate) in reference.rates.iter().enumerate() {
        let ours = reference.rates[0] * cosine(step, reference.rates.len());
        assert!((ours - rate).abs() <= 1e-5 * reference.rates[0], "at {step}: {ours} {rate}");
        let start = step * reference.batch % features.nrows();
        let rows = ndarray::s![start..start + reference.batch, ..];
        let (features, targets): (ArrayView2<f32>, ArrayView2<f32>) = (features.slice(rows), targets.slice(rows));
        let batch = Batch { features, targets, mask: &mask, loss: Loss::CrossEntropy, parallelism: Par::Seq };
        let (_, gradients) = network.gradients(&batch);
        adam.step(&mut network, &gradients, rate, reference.weight_decay);
    }
    network
}

#[test]
fn twenty_steps_end_where_pytorchs_do() {
    let text = include_str!("../../../../tests/fixtures/head/mlp.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    let mut network = twenty_steps(&reference);
    for (ours, theirs) in network.parameters().iter().zip(&reference.parameters) {
        assert_same(ours, theirs);
    }
    let (first, second) = (&network.input_norm, &network.hidden_norm);
    let running = [&first.mean, &first.variance, &second.mean, &second.variance];
    for (ours, theirs) in running.into_iter().zip(&reference.running) {
        assert_same(ours.as_slice().unwrap(), theirs);
    }
}

/// Exclusive or of two signs, which no linear map learns.
fn exclusive_or(samples: usize) -> TrainingSet {
    let features = random((samples, 2), 3);
    let class = |row: ndarray::ArrayView1<f32>| usize::from(row[0] * row[1] > 0.0);
    let classes: Vec<usize> = features.rows().into_iter().map(class).collect();
    let (targets, loss) = (one_hot(classes.into_iter(), 2), Loss::CrossEntropy);
    TrainingSet { features, targets, loss, validation: None, seed: 1, parallelism: Par::Seq }
}

fn settings() -> MlpSettings {
    let learning_rate = LearningRate::Fixed(1e-2);
    MlpSettings { width: Some(32), dropout: 0.0, epochs: 120, learning_rate, ..MlpSettings::default() }
}

fn accuracy(mlp: &Mlp, set: &TrainingSet) -> f64 {
    metrics::accuracy(mlp.logits(set.features.view()).view(), &metrics::best_classes(set.targets.view()))
}

#[test]
fn training_learns_what_no_linear_map_can() {
    let set = exclusive_or(200);
    for settings in [
        settings(),
        MlpSettings { initialisation: Initialisation::Xavier, ..settings() },
        MlpSettings { learning_rate: LearningRate::Find, initialisation: Initialisation::Scaled, ..settings() },
        MlpSettings { dropout: 0.1, weight_decay: 1e-4, ..settings() },
    ] {
        let trained = train(&set, &settings);
        assert!(accuracy(&trained.mlp, &set) > 0.95, "{settings:?}");
        assert_eq!(trained.mlp, train(&set, &settings).mlp);
    }
}

#[test]
fn training_stops_when_the_validation_loss_rises_and_keeps_the_best_weights() {
    // Labels of pure noise: what is learned of them is wrong elsewhere.
    let mut rng = Pcg64::seed_from_u64(12);
    let mut noise = || one_hot((0..40).map(|_| rng.random_range(0..2)).collect::<Vec<usize>>().into_iter(), 2);
    let (targets, other) = (noise(), noise());
    let set = TrainingSet { features: random((40, 20), 13), targets, ..exclusive_or(2) };
    let set = TrainingSet { validation: Some((random((40, 20), 14), other)), ..set };
    let trained = train(&set, &MlpSettings { patience: 5, ..settings() });
    let report = &trained.report;
    assert!(report.epochs.len() < 60 && report.epochs.len() == report.kept_epoch + 6, "{report:?}");
    let losses: Vec<f64> = report.epochs.iter().map(|epoch| epoch.validation_loss.unwrap()).collect();
    assert!(losses.iter().all(|loss| *loss >= losses[report.kept_epoch]));
    let (features, targets) = set.validation.as_ref().unwrap();
    let kept = set.loss.plain(trained.mlp.logits(features.view()).view(), targets.view());
    assert!((kept - losses[report.kept_epoch]).abs() < 1e-4);
    assert!(report.epochs.iter().all(|epoch| epoch.gradient_norms.len() == 4 && epoch.gradient_norms[1] > 0.0));
}

#[test]
fn the_rate_that_is_found_is_a_tenth_of_the_best() {
    let trained =
        train(&exclusive_or(200), &MlpSettings { learning_rate: LearningRate::Find, epochs: 2, ..settings() });
    let finder = trained.report.finder.unwrap();
    let best = finder.points.iter().min_by(|a, b| a.loss.total_cmp(&b.loss)).unwrap();
    assert!((finder.chosen / best.rate - 0.1).abs() < 1e-3 && finder.points.len() > 20);
    assert!((trained.report.learning_rate / finder.chosen - 1.0).abs() < 1e-3);
}
