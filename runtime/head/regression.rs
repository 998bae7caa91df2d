//! Heads that answer with a number: ridge regression and the perceptron with squared error.

use std::time::Instant;

use ndarray::{Array1, Array2, Axis};

use super::artifact::{ArtifactParts, HeadArtifact};
use super::budget::Offer;
use super::candidates::Fitted;
use super::course::{Course, work};
use super::design::Design;
use super::fit::FitError;
use super::folds::Folds;
use super::mlp::Loss;
use super::report::{Candidate, CrossValidation, FitReport, LeftOut, UnknownReport, rounded, significant};
use super::ridge::{RidgeData, RidgePath};
use super::unknown::{Distance, DistanceKind, Evidence, UnknownRule};
use super::{FitOptions, Head, HeadKind, Linear, Outputs, Task, Temperature};
use crate::dataset::Dataset;
use crate::labels::{ClassIndex, Labels};
use crate::metrics::{RegressionMetrics, regression};

/// scikit-learn's `alpha`, on standardised features and targets.
const PENALTIES: [f64; 5] = [1e5, 1e4, 1e3, 1e2, 1e1];

/// Fits the head that `options` ask for on labels that are numbers.
pub fn fit(dataset: &Dataset, options: &FitOptions) -> Result<HeadArtifact, FitError> {
    let data = Numbers::new(dataset, options)?;
    let offer = Offer {
        task: Task::Regression,
        choice: options.head,
        budget: options.budget,
        work: vec![(HeadKind::Ridge, data.ridge_work()), (HeadKind::Mlp, data.mlp_work())],
    };
    let (kinds, left_out) = offer.kinds()?;
    let mut trials = Vec::new();
    for kind in kinds {
        let start = Instant::now();
        let trial = data.trial(kind)?;
        trials.push((data.candidate(&trial, start), trial));
    }
    let best = data.chosen(&trials.iter().map(|(_, trial)| trial).collect::<Vec<_>>());
    trials[..=best].rotate_right(1);
    let (candidates, trials): (Vec<Candidate>, Vec<Trial>) = trials.into_iter().unzip();
    data.finish(&trials[0], candidates, left_out)
}

/// A dataset whose labels are numbers, with targets of mean 0 and deviation 1.
struct Numbers<'a> {
    dataset: &'a Dataset,
    options: &'a FitOptions,
    values: Vec<f64>,
    mean: f64,
    deviation: f64,
    /// `[N,1]`
    targets: Array2<f32>,
    folds: Folds,
    /// The rows that are held out once, ascending.
    measured: Vec<usize>,
}

/// A kind of head with its answers out of fold, in the unit of the labels, of the measured rows.
struct Trial {
    kind: HeadKind,
    penalty: Option<f64>,
    answers: Vec<f64>,
    /// What is fitted on all samples already.
    head: Option<Head>,
}

impl<'a> Numbers<'a> {
    fn new(dataset: &'a Dataset, options: &'a FitOptions) -> Result<Self, FitError> {
        let values = dataset.numbers()?;
        if values.is_empty() || dataset.dim() == 0 {
            return Err(if values.is_empty() { FitError::NoNumbers } else { FitError::NoChannels });
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        if !(deviation.is_normal() && mean.is_finite()) {
            return Err(FitError::OneNumber(values[0]));
        }
        let targets = Array2::from_shape_fn((values.len(), 1), |(row, _)| ((values[row] - mean) / deviation) as f32);
        let folds = Folds::by_group(dataset, options.folds, options.seed);
        let measured = folds.measured_rows(dataset);
        Ok(Self { dataset, options, values, mean, deviation, targets, folds, measured })
    }

    fn ridge_work(&self) -> f64 {
        let (samples, channels) = (self.dataset.len() as f64, self.dataset.dim() as f64);
        10.0 * samples.min(channels).powi(3) + samples * channels * samples.min(channels)
    }

    fn mlp_work(&self) -> f64 {
        work(self.dataset, 1, &self.folds, self.options)
    }

    fn trial(&self, kind: HeadKind) -> Result<Trial, FitError> {
        let trial = if kind == HeadKind::Mlp { self.perceptron() } else { self.ridge()? };
        match trial.answers.iter().all(|answer| answer.is_finite()) {
            true => Ok(trial),
            false => Err(FitError::Diverged),
        }
    }

    /// The measured rows of standardised answers `[N,1]`, in the unit of the labels.
    fn in_units(&self, answers: &Array2<f32>) -> Vec<f64> {
        self.measured.iter().map(|&row| f64::from(answers[[row, 0]]) * self.deviation + self.mean).collect()
    }

    fn ridge(&self) -> Result<Trial, FitError> {
        let design = Design::new(self.dataset.features().view()).map_err(|_| FitError::Decomposition)?;
        let (coordinates, targets) = (design.coordinates().mapv(f64::from), self.targets.mapv(f64::from));
        let weights = vec![1.0; self.values.len()];
        let parts = RidgeData {
            coordinates: coordinates.view(),
            targets: targets.view(),
            weights: &weights,
            orthogonal: design.is_orthogonal(),
        };
        let path = RidgePath::new(&parts);
        let penalty = self.best_penalty(&path);
        let answers = self.in_units(&path.predictions_without(penalty, self.folds.iter()));
        let (weights, intercept) = path.solve(penalty);
        let linear = design.unfold(weights.mapv(|value| value as f32).view(), &intercept.mapv(|value| value as f32));
        let head = Some(Head::Ridge(self.scaled(&linear)));
        Ok(Trial { kind: HeadKind::Ridge, penalty: Some(penalty), answers, head })
    }

    /// Of least squared error when each group is left out.
    fn best_penalty(&self, path: &RidgePath<f64>) -> f64 {
        let groups = Folds::by_group(self.dataset, usize::MAX, 0);
        let mut penalties = self.options.penalties.clone().unwrap_or_else(|| PENALTIES.to_vec());
        penalties.sort_by(|a, b| b.total_cmp(a));
        if groups.count() == 0 {
            return penalties[penalties.len() / 2];
        }
        let squares = path.squares_without(&penalties, groups.iter(), &self.measured);
        let errors = penalties.into_iter().zip(squares);
        errors.min_by(|a, b| a.1.total_cmp(&b.1)).expect("options hold at least one penalty").0
    }

    fn perceptron(&self) -> Trial {
        let answers = self.in_units(&self.course().out_of_fold());
        Trial { kind: HeadKind::Mlp, penalty: None, answers, head: None }
    }

    fn course(&self) -> Course<'_> {
        let Self { dataset, options, folds, .. } = self;
        let targets = self.targets.clone();
        Course { dataset, targets, loss: Loss::SquaredError, folds, stratified: false, options }
    }

    /// `layer` of standardised answers as one of answers in the unit of the labels.
    fn scaled(&self, layer: &Linear) -> Linear {
        let value = |value: f32| f64::from(value) * self.deviation;
        Linear {
            weights: layer.weights.mapv(|weight| value(weight) as f32),
            bias: layer.bias.mapv(|bias| (value(bias) + self.mean) as f32),
        }
    }

    fn truth(&self) -> Vec<f64> {
        self.measured.iter().map(|&row| self.values[row]).collect()
    }

    fn metrics(&self, trial: &Trial) -> Option<RegressionMetrics> {
        let RegressionMetrics { mae, rmse, r2 } = regression(&trial.answers, &self.truth())?;
        Some(RegressionMetrics { mae: significant(mae), rmse: significant(rmse), r2: rounded(r2) })
    }

    fn candidate(&self, trial: &Trial, start: Instant) -> Candidate {
        Candidate {
            head: trial.kind,
            penalty: trial.penalty,
            accuracy: None,
            nll: None,
            rmse: self.metrics(trial).map(|metrics| metrics.rmse),
            seconds: Some(start.elapsed().as_secs_f64()),
        }
    }

    /// The first, which is simpler, unless the second is better by more than the standard error of the difference.
    fn chosen(&self, trials: &[&Trial]) -> usize {
        let squares = |trial: &Trial| {
            trial.answers.iter().zip(self.truth()).map(|(answer, truth)| (answer - truth).powi(2)).collect::<Vec<_>>()
        };
        let [first, second] = trials else { return 0 };
        let gaps: Vec<f64> = squares(first).iter().zip(squares(second)).map(|(first, second)| first - second).collect();
        let count = gaps.len().max(1) as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        usize::from(mean > (variance / count).sqrt())
    }

    fn fitted(&self, trial: &Trial) -> Fitted {
        if let Some(head) = &trial.head {
            return head.clone().into();
        }
        let trained = self.course().on_all();
        let mut mlp = trained.mlp;
        mlp.output = self.scaled(&mlp.output);
        Fitted { head: Head::Mlp(mlp), training: Some(trained.report) }
    }

    fn finish(
        &self,
        best: &Trial,
        candidates: Vec<Candidate>,
        left_out: Vec<LeftOut>,
    ) -> Result<HeadArtifact, FitError> {
        let Fitted { head, training } = self.fitted(best);
        let unknown = self.unknown_rule();
        let (folds, samples) = (self.folds.count(), self.measured.len());
        let report = FitReport {
            task: Task::Regression,
            classes: Labels::default(),
            cv: CrossValidation { folds, samples, ..CrossValidation::default() },
            regression: self.metrics(best),
            candidates,
            unknown: UnknownReport::of(unknown.as_ref()),
            left_out,
            training,
            ..FitReport::new(best.kind, self.dataset)
        };
        let parts = ArtifactParts {
            head,
            outputs: Outputs::Value,
            labels: Labels::default(),
            fingerprint: self.dataset.fingerprint(),
            temperature: Temperature::NEUTRAL,
            unknown,
            report,
        };
        Ok(HeadArtifact::new(parts)?)
    }

    /// By the distance to the nearest samples, whatever their number: one class of all.
    fn unknown_rule(&self) -> Option<UnknownRule> {
        let features = self.dataset.features();
        let bank = |rows: &[usize]| {
            let known = features.select(Axis(0), rows);
            Distance::new(DistanceKind::Neighbours, known.view(), &vec![ClassIndex(0); rows.len()], 1)
        };
        let mut evidence = Evidence::default();
        for fold in self.folds.iter() {
            let distance = bank(&self.folds.training_rows(fold));
            let silent = Array1::<f32>::zeros(fold.len()).insert_axis(Axis(1));
            evidence.extend(Evidence::gather(&distance, features.select(Axis(0), fold).view(), silent.view()));
        }
        let all: Vec<usize> = (0..self.dataset.len()).collect();
        UnknownRule::fit(bank(&all), &evidence, self.options.false_reject)
    }
}
