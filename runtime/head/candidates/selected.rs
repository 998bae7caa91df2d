//! Feature selection: a head on the channels that tell the classes apart best by themselves, chosen anew inside each fold.

use std::rc::Rc;

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::{Fitted, Prepared, Trial, scatter};
use crate::dataset::{Dataset, DatasetParts};
use crate::head::fit::FitError;
use crate::head::options::Selection;
use crate::head::report::{SelectionReport, SelectionTrial, rounded};
use crate::head::{Head, HeadKind, Linear, Mlp};
use crate::labels::ClassIndex;
use crate::metrics;

/// The shares of the channels that [`Selection::Auto`] tries.
const SHARES: [f64; 3] = [0.5, 0.25, 0.125];

/// A trial on all channels or on some, and what the others gave.
pub struct Selected {
    pub trial: Trial,
    pub report: SelectionReport,
}

/// `plain`, a trial on all channels, against trials on as many channels as `selection` says. A number is taken whatever it
/// does; with [`Selection::Auto`] all channels stay unless fewer lose less.
pub fn compare(plain: Trial, selection: Selection, data: &Prepared) -> Result<Selected, FitError> {
    let dim = data.dataset.dim();
    let counts = match selection {
        Selection::Top(count) => vec![count.min(dim)],
        Selection::Auto => SHARES.map(|share| ((dim as f64 * share).ceil() as usize).max(1)).to_vec(),
    };
    let mut tried = vec![measured(dim, &plain, data)];
    let mut best = (dim, plain);
    for count in counts {
        let trial = on_channels(best.1.kind, count, data)?;
        tried.push(measured(count, &trial, data));
        let better = data.loss(&trial.logits) < data.loss(&best.1.logits);
        if better || selection != Selection::Auto {
            best = (count, trial);
        }
    }
    Ok(Selected { report: SelectionReport { channels: best.0, of: dim, tried }, trial: best.1 })
}

fn measured(channels: usize, trial: &Trial, data: &Prepared) -> SelectionTrial {
    let any = !data.measured.is_empty();
    SelectionTrial {
        channels,
        accuracy: any.then(|| rounded(metrics::accuracy(trial.logits.view(), &data.truth))),
        nll: any.then(|| rounded(data.loss(&trial.logits))),
    }
}

/// Whether the weight of a channel can be 0: the cosine of a prototype depends on the length of all of them.
pub fn can_ignore_channels(kind: HeadKind) -> bool {
    kind != HeadKind::Prototype
}

/// Held-out answers by heads that chose their channels, and their settings, without the fold.
fn on_channels(kind: HeadKind, count: usize, data: &Prepared) -> Result<Trial, FitError> {
    let mut logits = Array2::zeros((data.dataset.len(), data.classes()));
    for fold in data.folds.iter() {
        let training = data.dataset.select(&data.folds.training_rows(fold));
        let fitted = narrow_head(kind, count, &training, data)?;
        scatter(&mut logits, fold, &fitted.head.logits(data.dataset.features().select(Axis(0), fold).view()));
    }
    let fitted = narrow_head(kind, count, data.dataset, data)?;
    let (head, training) = (fitted.head, fitted.training);
    let refit = move |_: &Prepared| Fitted { head: head.clone(), training: training.clone() };
    Ok(Trial { kind, penalty: fitted.penalty, logits: data.held_out(&logits), refit: Rc::new(refit) })
}

struct Narrow {
    head: Head,
    penalty: Option<f64>,
    training: Option<crate::head::TrainingReport>,
}

/// A head on the best channels of `dataset`, the weights of all others 0.
fn narrow_head(kind: HeadKind, count: usize, dataset: &Dataset, data: &Prepared) -> Result<Narrow, FitError> {
    let channels = best_channels(dataset, count);
    let narrow = Dataset::new(DatasetParts {
        fingerprint: dataset.fingerprint(),
        features: dataset.features().select(Axis(1), &channels),
        targets: dataset.targets().to_vec(),
        groups: dataset.groups().to_vec(),
        ids: dataset.ids().to_vec(),
        labels: dataset.labels().clone(),
    })
    .expect("made from a dataset");
    let prepared = Prepared::new(&narrow, data.options)?;
    let trial = Trial::run(kind, &prepared)?;
    let Fitted { head, training } = (trial.refit)(&prepared);
    Ok(Narrow { head: widened(head, &channels, dataset.dim()), penalty: trial.penalty, training })
}

/// The channels of highest F, ascending.
fn best_channels(dataset: &Dataset, count: usize) -> Vec<usize> {
    let scores = f_scores(dataset);
    let mut ranked: Vec<usize> = (0..scores.len()).collect();
    ranked.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    ranked.truncate(count.max(1));
    ranked.sort_unstable();
    ranked
}

/// The F statistic of a one-way analysis of variance of each channel over the classes; 0 for a channel that does not vary.
///
/// Source: Fisher, 1925, as scikit-learn's `f_classif` computes it.
fn f_scores(dataset: &Dataset) -> Array1<f64> {
    let counts = dataset.class_counts();
    let present = counts.iter().filter(|count| **count > 0).count();
    let degrees = (dataset.len().saturating_sub(present).max(1) as f64, present.saturating_sub(1).max(1) as f64);
    let score = |channel: ArrayView1<f32>| {
        let mean = channel.iter().map(|&value| f64::from(value)).sum::<f64>() / channel.len() as f64;
        let mut sums = vec![0.0; counts.len()];
        let mut whole = 0.0;
        for (&value, ClassIndex(class)) in channel.iter().zip(dataset.targets()) {
            let gap = f64::from(value) - mean;
            sums[*class] += gap;
            whole += gap * gap;
        }
        let between: f64 = sums.iter().zip(&counts).map(|(sum, &count)| sum * sum / count.max(1) as f64).sum();
        let within = whole - between;
        if between <= 0.0 { 0.0 } else { between / degrees.1 / (within.max(f64::MIN_POSITIVE) / degrees.0) }
    };
    dataset.features().columns().into_iter().map(score).collect()
}

/// `head` on `channels` as one on `dim` channels.
fn widened(head: Head, channels: &[usize], dim: usize) -> Head {
    let wide = |linear: Linear| {
        let mut weights = Array2::zeros((linear.classes(), dim));
        for (place, &channel) in channels.iter().enumerate() {
            weights.column_mut(channel).assign(&linear.weights.column(place));
        }
        Linear { weights, bias: linear.bias }
    };
    match head {
        Head::Softmax(linear) => Head::Softmax(wide(linear)),
        Head::Ridge(linear) => Head::Ridge(wide(linear)),
        Head::Lda(linear) => Head::Lda(wide(linear)),
        Head::Average(linear) => Head::Average(wide(linear)),
        Head::Mlp(Mlp { hidden, output }) => Head::Mlp(Mlp { hidden: wide(hidden), output }),
        Head::Prototype(_) => unreachable!("`can_ignore_channels` keeps prototypes out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::labels::{Label, Labels};

    #[test]
    fn f_is_that_of_an_analysis_of_variance_and_orders_the_channels() {
        let features =
            ndarray::array![[1f32, 5., 0.], [2., 5., 1.], [3., 5., 0.], [6., 5., 1.], [7., 5., 0.], [8., 5., 1.]];
        let dataset = Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"")),
            features,
            targets: [0, 0, 0, 1, 1, 1].map(ClassIndex).to_vec(),
            groups: (0..6).map(GroupId).collect(),
            ids: (0..6).map(SampleId).collect(),
            labels: Labels::new(["a", "b"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap(),
        })
        .unwrap();
        let scores = f_scores(&dataset);
        // Channel 0: between 37.5 with 1 degree of freedom, within 4 with 4. Channel 2: between 1/6, within 4/3.
        assert!((scores[0] - 37.5).abs() < 1e-9 && scores[1] == 0.0 && (scores[2] - 0.5).abs() < 1e-9, "{scores}");
        assert_eq!(best_channels(&dataset, 2), [0, 2]);
    }
}
