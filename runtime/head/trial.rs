//! One candidate: its out-of-fold answers, and the head it gives when fitted on everything.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::algebra::Real;
use super::design::Design;
use super::fit::FitError;
use super::folds::Folds;
use super::ridge::{RidgeData, RidgePath, one_against_rest};
use super::softmax::{Problem, Stop, with_bias};
use super::{FitOptions, Head, HeadKind, Linear, Prototype, Temperature};
use crate::dataset::Dataset;
use crate::labels::ClassIndex;

/// scikit-learn's `1/C`, from strong to weak: each start is the solution before it.
const SOFTMAX_PENALTIES: [f64; 4] = [1e3, 1e2, 1e1, 1.0];
const RIDGE_PENALTIES: [f64; 5] = [1e5, 1e4, 1e3, 1e2, 1e1];
/// A cosine's factor when nothing could be held out to learn it from.
const PROTOTYPE_SCALE: f32 = 16.0;
/// Of the last fit, scikit-learn's default; while comparing, a looser one.
const TOLERANCE: f64 = 1e-4;
const TRIAL_TOLERANCE: f64 = 1e-3;
const ITERATIONS: usize = 1000;
/// Above this many multiplications ridge decomposes in single precision.
const DOUBLE_PRECISION_WORK: usize = 2_000_000_000;

/// What all candidates share.
pub struct Prepared<'a> {
    pub dataset: &'a Dataset,
    pub options: &'a FitOptions,
    pub folds: Folds,
    /// The rows that are held out once, ascending.
    pub measured: Vec<usize>,
    /// The true classes of the measured rows.
    pub truth: Vec<ClassIndex>,
    design: Design,
    /// The design's coordinates with a last column of ones.
    design_with_bias: Array2<f32>,
    /// One a sample, their sum N.
    weights: Vec<f64>,
}

impl<'a> Prepared<'a> {
    /// `dataset` has samples of each class.
    pub fn new(dataset: &'a Dataset, options: &'a FitOptions) -> Result<Self, FitError> {
        let folds = Folds::new(dataset, options.folds, options.seed);
        let measured = folds.measured_rows();
        let truth = measured.iter().map(|&row| dataset.targets()[row]).collect();
        let design = Design::new(dataset.features().view()).map_err(|_| FitError::Decomposition)?;
        let design_with_bias = with_bias(design.coordinates().view());
        let weights = sample_weights(dataset, options.balance);
        Ok(Self { dataset, options, folds, measured, truth, design, design_with_bias, weights })
    }

    fn classes(&self) -> usize {
        self.dataset.labels().len()
    }

    fn targets(&self, rows: &[usize]) -> Vec<ClassIndex> {
        rows.iter().map(|&row| self.dataset.targets()[row]).collect()
    }

    fn penalties(&self, own: &[f64]) -> Vec<f64> {
        let mut penalties = self.options.penalties.clone().unwrap_or_else(|| own.to_vec());
        penalties.sort_by(|a, b| b.total_cmp(a));
        penalties
    }

    /// The rows of `all`, `[N,K]`, that were held out.
    fn held_out(&self, all: &Array2<f32>) -> Array2<f32> {
        all.select(Axis(0), &self.measured)
    }

    /// The mean loss of out-of-fold logits after calibration; NaN when nothing was held out.
    pub fn loss(&self, logits: &Array2<f32>) -> f64 {
        let temperature = Temperature::fit(logits.view(), &self.truth);
        crate::metrics::nll(temperature.probabilities(logits.clone()).view(), &self.truth)
    }
}

/// All 1, or for each class the same total.
fn sample_weights(dataset: &Dataset, balance: bool) -> Vec<f64> {
    let counts = dataset.class_counts();
    let share = dataset.len() as f64 / counts.len() as f64;
    let weight = |target: &ClassIndex| if balance { share / counts[target.0] as f64 } else { 1.0 };
    dataset.targets().iter().map(weight).collect()
}

/// A kind of head with the settings that cross-validation prefers.
pub struct Trial {
    pub kind: HeadKind,
    /// `None` for a head without.
    pub penalty: Option<f64>,
    /// Of a prototype's cosines.
    scale: f32,
    /// `[M,K]`, of the measured rows.
    pub logits: Array2<f32>,
    /// The head fitted on all samples, where the answers came out of the same computation.
    fitted: Option<Linear>,
}

impl Trial {
    pub fn run(kind: HeadKind, data: &Prepared) -> Result<Self, FitError> {
        match kind {
            HeadKind::Prototype => Ok(Self::prototype(data)),
            HeadKind::Ridge => with_ridge_path(data, &ChooseRidge { data }),
            HeadKind::Softmax => Ok(Self::softmax(data)),
        }
    }

    /// The head of these settings, fitted on all samples.
    pub fn refit(&self, data: &Prepared) -> Head {
        let linear = || match (&self.fitted, self.penalty) {
            (Some(linear), _) => linear.clone(),
            (None, penalty) => softmax_on_everything(data, penalty.expect("softmax has a penalty")),
        };
        match self.kind {
            HeadKind::Prototype => {
                let (features, targets) = (data.dataset.features().view(), data.dataset.targets());
                Head::Prototype(Prototype {
                    scale: self.scale,
                    ..Prototype::imprint(features, targets, data.classes())
                })
            }
            HeadKind::Ridge => Head::Ridge(linear()),
            HeadKind::Softmax => Head::Softmax(linear()),
        }
    }

    fn prototype(data: &Prepared) -> Self {
        let mut cosines = Array2::zeros((data.dataset.len(), data.classes()));
        for fold in data.folds.iter() {
            let training = data.folds.training_rows(fold);
            let features = data.dataset.features().select(Axis(0), &training);
            let prototype = Prototype::imprint(features.view(), &data.targets(&training), data.classes());
            let answers = prototype.logits(data.dataset.features().select(Axis(0), fold).view());
            scatter(&mut cosines, fold, answers);
        }
        let cosines = data.held_out(&cosines);
        let scale = match cosines.is_empty() {
            true => PROTOTYPE_SCALE,
            false => 1.0 / Temperature::fit(cosines.view(), &data.truth).value(),
        };
        Self { kind: HeadKind::Prototype, penalty: None, scale, logits: cosines * scale, fitted: None }
    }

    fn softmax(data: &Prepared) -> Self {
        let penalties = data.penalties(&SOFTMAX_PENALTIES);
        let mut logits = vec![Array2::zeros((data.dataset.len(), data.classes())); penalties.len()];
        for fold in data.folds.iter() {
            softmax_without(fold, data, &penalties, &mut logits);
        }
        let trials = penalties.iter().zip(logits.iter().map(|logits| data.held_out(logits)));
        let best = match data.folds.count() {
            0 => trials.take(penalties.len().div_ceil(2)).last(),
            _ => trials.min_by(|(_, a), (_, b)| data.loss(a).total_cmp(&data.loss(b))),
        };
        let (&penalty, logits) = best.expect("options hold at least one penalty");
        Self { kind: HeadKind::Softmax, penalty: Some(penalty), scale: 1.0, logits, fitted: None }
    }
}

fn scatter(target: &mut Array2<f32>, rows: &[usize], values: Array2<f32>) {
    for (&row, values) in rows.iter().zip(values.rows()) {
        target.row_mut(row).assign(&values);
    }
}

/// Logits of `fold` by heads fitted on the rest, one a penalty.
fn softmax_without(fold: &[usize], data: &Prepared, penalties: &[f64], logits: &mut [Array2<f32>]) {
    let training = data.folds.training_rows(fold);
    let design = data.design_with_bias.select(Axis(0), &training);
    let held_out = data.design_with_bias.select(Axis(0), fold);
    let targets = data.targets(&training);
    let raw: Vec<f64> = training.iter().map(|&row| data.weights[row]).collect();
    let total: f64 = raw.iter().sum();
    let weights: Vec<f64> = raw.iter().map(|weight| weight / total).collect();
    let mut parameters = Array2::zeros((design.ncols(), data.classes()));
    for (penalty, logits) in penalties.iter().zip(logits) {
        let classes = data.classes();
        let problem =
            Problem { design: &design, targets: &targets, weights: &weights, classes, penalty: penalty / total };
        parameters =
            problem.minimise(parameters, Stop { tolerance: TRIAL_TOLERANCE, iterations: ITERATIONS }).parameters;
        scatter(logits, fold, held_out.dot(&parameters));
    }
}

fn softmax_on_everything(data: &Prepared, penalty: f64) -> Linear {
    let total = data.dataset.len() as f64;
    let weights: Vec<f64> = data.weights.iter().map(|weight| weight / total).collect();
    let design = &data.design_with_bias;
    let (targets, classes) = (data.dataset.targets(), data.classes());
    let problem = Problem { design, targets, weights: &weights, classes, penalty: penalty / total };
    let start = Array2::zeros((design.ncols(), classes));
    let parameters = problem.minimise(start, Stop { tolerance: TOLERANCE, iterations: ITERATIONS }).parameters;
    data.design.unfold(parameters.slice(s![..-1, ..]), &parameters.row(parameters.nrows() - 1).to_owned())
}

/// What is done with a [`RidgePath`], whichever its precision.
trait RidgeTask {
    type Output;
    fn run<T: Real>(&self, path: &RidgePath<T>) -> Self::Output;
}

fn with_ridge_path<W: RidgeTask>(data: &Prepared, task: &W) -> Result<W::Output, FitError> {
    let coordinates = data.design.coordinates();
    let targets = one_against_rest(data.dataset.targets(), data.classes());
    let (weights, orthogonal) = (data.weights.as_slice(), data.design.is_orthogonal());
    let (samples, rank) = coordinates.dim();
    let path = if samples * rank * rank > DOUBLE_PRECISION_WORK {
        let data = RidgeData { coordinates: coordinates.view(), targets: targets.view(), weights, orthogonal };
        RidgePath::new(&data).map(|path| task.run(&path))
    } else {
        let (coordinates, targets) = (coordinates.mapv(f64::from), targets.mapv(f64::from));
        let data = RidgeData { coordinates: coordinates.view(), targets: targets.view(), weights, orthogonal };
        RidgePath::new(&data).map(|path| task.run(&path))
    };
    path.map_err(|_| FitError::Decomposition)
}

/// Chooses the penalty of the least squared error when each group is left out, and answers out of fold with it.
struct ChooseRidge<'a> {
    data: &'a Prepared<'a>,
}

impl RidgeTask for ChooseRidge<'_> {
    type Output = Trial;

    fn run<T: Real>(&self, path: &RidgePath<T>) -> Trial {
        let data = self.data;
        let penalties = data.penalties(&RIDGE_PENALTIES);
        let targets = data.held_out(&one_against_rest(data.dataset.targets(), data.classes()));
        let groups = Folds::new(data.dataset, usize::MAX, data.options.seed);
        let error = |penalty: f64| {
            let predictions = data.held_out(&path.predictions_without(penalty, groups.iter()));
            weighted_squares(predictions.view(), targets.view(), data)
        };
        let penalty = match data.folds.count() {
            0 => penalties[penalties.len() / 2],
            _ => penalties
                .into_iter()
                .min_by(|a, b| error(*a).total_cmp(&error(*b)))
                .expect("options hold at least one penalty"),
        };
        let logits = data.held_out(&path.predictions_without(penalty, data.folds.iter()));
        let (weights, intercept) = path.solve(penalty);
        let intercept: Array1<f32> = intercept.mapv(|value| value.into() as f32);
        let fitted = Some(data.design.unfold(weights.mapv(|value| value.into() as f32).view(), &intercept));
        Trial { kind: HeadKind::Ridge, penalty: Some(penalty), scale: 1.0, logits, fitted }
    }
}

fn weighted_squares(predictions: ArrayView2<f32>, targets: ArrayView2<f32>, data: &Prepared) -> f64 {
    let rows = predictions.rows().into_iter().zip(targets.rows()).zip(&data.measured);
    let squares = rows.map(|((prediction, target), &row)| {
        let gaps = prediction.iter().zip(target).map(|(&left, &right)| f64::from(left - right).powi(2));
        data.weights[row] * gaps.sum::<f64>()
    });
    squares.sum()
}
