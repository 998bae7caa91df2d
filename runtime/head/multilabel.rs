//! Heads that name any of several labels: independent logistic outputs, each with a threshold of its own.

use std::time::Instant;

use ndarray::{Array2, ArrayView1, Axis};

use super::artifact::{ArtifactParts, HeadArtifact};
use super::budget::Offer;
use super::course::{Course, work};
use super::design::Design;
use super::fit::FitError;
use super::folds::Folds;
use super::logistic::{Logistic, probabilities};
use super::mlp::Loss;
use super::report::{
    Candidate, ClassReport, CrossValidation, FitReport, LeftOut, MultilabelReport, TrainingReport, rounded,
};
use super::{FitOptions, Head, HeadKind, Outputs, Task, Temperature};
use crate::dataset::{Dataset, Tags};
use crate::metrics::{self, best_threshold, binary_nll, exact_match};

/// On standardised features, beside the summed loss.
const PENALTIES: [f64; 4] = [1e3, 1e2, 1e1, 1.0];

/// Fits the head that `options` ask for on labels that hold any of several names.
pub fn fit(dataset: &Dataset, options: &FitOptions) -> Result<HeadArtifact, FitError> {
    let data = Tagged::new(dataset, options)?;
    let (kinds, left_out) = data.offer().kinds()?;
    let mut trials = Vec::new();
    for kind in kinds {
        let start = Instant::now();
        let trial = data.trial(kind)?;
        trials.push((data.candidate(&trial, start), trial));
    }
    // Stable: of equals, the simpler stays first.
    trials.sort_by(|(a, _), (b, _)| a.nll.unwrap_or(0.0).total_cmp(&b.nll.unwrap_or(0.0)));
    let (candidates, trials): (Vec<Candidate>, Vec<Trial>) = trials.into_iter().unzip();
    data.finish(&trials[0], candidates, left_out)
}

/// A dataset whose labels are read as several names.
struct Tagged<'a> {
    dataset: &'a Dataset,
    options: &'a FitOptions,
    tags: Tags,
    folds: Folds,
    /// The rows that are held out once, ascending.
    measured: Vec<usize>,
    /// `[M,K]`, of the measured rows.
    truth: Array2<bool>,
    design: Design,
}

/// A kind of head with its answers out of fold.
struct Trial {
    kind: HeadKind,
    penalty: Option<f64>,
    /// `[M,K]`, of the measured rows.
    probabilities: Array2<f32>,
}

impl<'a> Tagged<'a> {
    fn new(dataset: &'a Dataset, options: &'a FitOptions) -> Result<Self, FitError> {
        let tags = dataset.tags()?;
        if tags.labels.is_empty() || dataset.dim() == 0 {
            return Err(if tags.labels.is_empty() { FitError::NoNames } else { FitError::NoChannels });
        }
        let folds = Folds::by_group(dataset, options.folds, options.seed);
        let measured = folds.measured_rows(dataset);
        let truth = tags.present.select(Axis(0), &measured);
        let design = Design::new(dataset.features().view()).map_err(|_| FitError::Decomposition)?;
        Ok(Self { dataset, options, tags, folds, measured, truth, design })
    }

    fn offer(&self) -> Offer {
        let (samples, rank) = self.design.coordinates().dim();
        let labels = self.tags.labels.len();
        // Two products a step, of two columns, some forty steps a penalty.
        let rounds = (self.folds.count() * PENALTIES.len() + 1) as f64;
        let logistic = 160.0 * (samples * rank * labels) as f64 * rounds;
        let mlp = work(self.dataset, labels, &self.folds, self.options);
        Offer {
            task: Task::Multilabel,
            choice: self.options.head,
            budget: self.options.budget,
            work: vec![(HeadKind::Softmax, logistic), (HeadKind::Mlp, mlp)],
        }
    }

    fn trial(&self, kind: HeadKind) -> Result<Trial, FitError> {
        let held_out = |logits: &Array2<f32>| probabilities(&logits.select(Axis(0), &self.measured));
        let trial = match kind {
            HeadKind::Mlp => {
                let probabilities = held_out(&self.course().out_of_fold());
                Trial { kind, penalty: None, probabilities }
            }
            _ => self.best_penalty(held_out),
        };
        match trial.probabilities.iter().all(|probability| probability.is_finite()) {
            true => Ok(trial),
            false => Err(FitError::Diverged),
        }
    }

    fn best_penalty(&self, held_out: impl Fn(&Array2<f32>) -> Array2<f32>) -> Trial {
        let mut penalties = self.options.penalties.clone().unwrap_or_else(|| PENALTIES.to_vec());
        penalties.sort_by(|a, b| b.total_cmp(a));
        let logistic = Logistic { design: &self.design, present: &self.tags.present };
        let paths = logistic.out_of_fold(&self.folds, &penalties);
        let trials = penalties.iter().zip(&paths).map(|(&penalty, logits)| Trial {
            kind: HeadKind::Softmax,
            penalty: Some(penalty),
            probabilities: held_out(logits),
        });
        match self.measured.is_empty() {
            true => trials.take(penalties.len() / 2 + 1).last(),
            false => trials.min_by(|a, b| self.loss(a).total_cmp(&self.loss(b))),
        }
        .expect("options hold at least one penalty")
    }

    fn loss(&self, trial: &Trial) -> f64 {
        binary_nll(trial.probabilities.view(), self.truth.view())
    }

    fn course(&self) -> Course<'_> {
        let Self { dataset, options, folds, .. } = self;
        let targets = self.tags.present.mapv(|present| f32::from(u8::from(present)));
        Course { dataset, targets, loss: Loss::Logistic, folds, stratified: false, options }
    }

    fn candidate(&self, trial: &Trial, start: Instant) -> Candidate {
        let measured = !self.measured.is_empty();
        let said = self.said_out_of_fold(trial);
        Candidate {
            head: trial.kind,
            penalty: trial.penalty,
            accuracy: measured.then(|| rounded(exact_match(self.truth.view(), said.view()))),
            nll: measured.then(|| rounded(self.loss(trial))),
            rmse: None,
            seconds: Some(start.elapsed().as_secs_f64()),
        }
    }

    /// Thresholds that give the highest F1 on the measured rows at `places`.
    fn thresholds(&self, trial: &Trial, places: &[usize]) -> Vec<f32> {
        let columns = trial.probabilities.columns().into_iter().zip(self.truth.columns());
        let threshold = |(probabilities, present): (ArrayView1<f32>, ArrayView1<bool>)| {
            let probabilities: Vec<f32> = places.iter().map(|&place| probabilities[place]).collect();
            let present: Vec<bool> = places.iter().map(|&place| present[place]).collect();
            best_threshold(&probabilities, &present)
        };
        columns.map(threshold).collect()
    }

    /// `[M,K]`: what is said of each fold with thresholds from the others.
    fn said_out_of_fold(&self, trial: &Trial) -> Array2<bool> {
        let mut said = Array2::from_elem(self.truth.dim(), false);
        for fold in self.folds.iter() {
            let (own, others): (Vec<usize>, Vec<usize>) =
                (0..self.measured.len()).partition(|&place| fold.binary_search(&self.measured[place]).is_ok());
            let thresholds = self.thresholds(trial, &others);
            for place in own {
                for (label, threshold) in thresholds.iter().enumerate() {
                    said[[place, label]] = trial.probabilities[[place, label]] >= *threshold;
                }
            }
        }
        said
    }

    fn fitted(&self, trial: &Trial) -> (Head, Option<TrainingReport>) {
        match trial.penalty {
            Some(penalty) => {
                let logistic = Logistic { design: &self.design, present: &self.tags.present };
                let (weights, bias) = logistic.on_all(penalty);
                (Head::Softmax(self.design.unfold(weights.view(), &bias)), None)
            }
            None => {
                let trained = self.course().on_all();
                (Head::Mlp(trained.mlp), Some(trained.report))
            }
        }
    }

    fn finish(
        &self,
        best: &Trial,
        candidates: Vec<Candidate>,
        left_out: Vec<LeftOut>,
    ) -> Result<HeadArtifact, FitError> {
        let (head, training) = self.fitted(best);
        let thresholds = self.thresholds(best, &(0..self.measured.len()).collect::<Vec<_>>());
        let said = self.said_out_of_fold(best);
        let per_class = self.per_class(&said);
        let rounded_thresholds = thresholds.iter().map(|&threshold| rounded(threshold.into())).collect();
        let report = FitReport {
            task: Task::Multilabel,
            classes: self.tags.labels.clone(),
            cv: self.summary(best, &said, &per_class),
            multilabel: Some(MultilabelReport { thresholds: rounded_thresholds }),
            per_class,
            candidates,
            left_out,
            training,
            ..FitReport::new(best.kind, self.dataset)
        };
        let parts = ArtifactParts {
            head,
            outputs: Outputs::Labels { thresholds },
            labels: self.tags.labels.clone(),
            fingerprint: self.dataset.fingerprint(),
            temperature: Temperature::NEUTRAL,
            unknown: None,
            report,
        };
        Ok(HeadArtifact::new(parts)?)
    }

    fn summary(&self, best: &Trial, said: &Array2<bool>, per_class: &[ClassReport]) -> CrossValidation {
        let measured = |value: f64| (!self.measured.is_empty()).then(|| rounded(value));
        let f1: Vec<f64> = per_class.iter().filter_map(|class| class.f1).collect();
        CrossValidation {
            folds: self.folds.count(),
            samples: self.measured.len(),
            accuracy: measured(exact_match(self.truth.view(), said.view())),
            macro_f1: measured(f1.iter().sum::<f64>() / f1.len().max(1) as f64),
            nll: measured(self.loss(best)),
            ..CrossValidation::default()
        }
    }

    fn per_class(&self, said: &Array2<bool>) -> Vec<ClassReport> {
        let rows = self.tags.labels.iter().zip(metrics::per_label(self.truth.view(), said.view()));
        let rows = rows.zip(self.tags.present.columns()).map(|((label, metrics), present)| {
            let measured = |value| (metrics.count > 0).then(|| rounded(value));
            ClassReport {
                label: label.clone(),
                count: present.iter().filter(|present| **present).count(),
                precision: measured(metrics.precision),
                recall: measured(metrics.recall),
                f1: measured(metrics.f1),
            }
        });
        rows.collect()
    }
}
