//! The mean of heads of one linear layer, each calibrated: one linear layer again.
//!
//! What such heads get wrong by chance they get wrong each in its own way, so that their mean is right more often than one
//! of them chosen by a comparison that is chance itself.
//!
//! Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, section 8.8.

use std::rc::Rc;

use ndarray::{Array1, Array2};

use super::{Prepared, Trial};
use crate::head::fit::FitError;
use crate::head::{Head, HeadKind, Linear, Temperature};

/// Heads that are one layer on the features themselves.
pub const MEMBERS: [HeadKind; 3] = [HeadKind::Lda, HeadKind::Ridge, HeadKind::Softmax];

/// # Errors
/// Those of its members.
pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let members = MEMBERS.into_iter().map(|kind| Trial::run(kind, data)).collect::<Result<Vec<_>, _>>()?;
    Ok(of(&members.iter().collect::<Vec<_>>(), data).expect("three members"))
}

/// The mean of those of `trials` that can be part of one; `None` when that is less than two.
pub fn of(trials: &[&Trial], data: &Prepared) -> Option<Trial> {
    let members: Vec<&&Trial> = trials.iter().filter(|trial| MEMBERS.contains(&trial.kind)).collect();
    if members.len() < 2 {
        return None;
    }
    let factor = |trial: &Trial| {
        let temperature = Temperature::fit(trial.logits.view(), &data.truth);
        1.0 / (temperature.value() * members.len() as f32)
    };
    let mut logits = Array2::zeros(members[0].logits.dim());
    let mut parts = Vec::new();
    for member in &members {
        let factor = factor(member);
        logits.scaled_add(factor, &member.logits);
        parts.push((factor, Rc::clone(&member.refit)));
    }
    let refit = move |data: &Prepared| {
        let (classes, dim) = (data.classes(), data.dataset.dim());
        let mut mean = Linear { weights: Array2::zeros((classes, dim)), bias: Array1::zeros(classes) };
        for (factor, refit) in &parts {
            let (Head::Lda(linear) | Head::Ridge(linear) | Head::Softmax(linear)) = refit(data).head else {
                unreachable!("members are heads of one linear layer")
            };
            mean.weights.scaled_add(*factor, &linear.weights);
            mean.bias.scaled_add(*factor, &linear.bias);
        }
        Head::Average(mean).into()
    };
    Some(Trial { kind: HeadKind::Average, penalty: None, logits, refit: Rc::new(refit) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::head::FitOptions;
    use crate::labels::{ClassIndex, Label, Labels};

    fn dataset() -> Dataset {
        let labels = ["a", "b", "c"].map(|name| Label::new(name).unwrap());
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"")),
            features: Array2::from_shape_fn((36, 4), |(n, c)| {
                ((n * 7 + c * 5) as f32).sin() + if n % 3 == c { 1.0 } else { 0.0 }
            }),
            targets: (0..36).map(|n| ClassIndex(n % 3)).collect(),
            groups: (0..36).map(GroupId).collect(),
            ids: (0..36).map(SampleId).collect(),
            labels: Labels::new(labels.to_vec()).unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn the_head_is_to_its_members_as_its_answers_out_of_fold_are_to_theirs() {
        let (dataset, options) = (dataset(), FitOptions::default());
        let data = Prepared::new(&dataset, &options).unwrap();
        let members = MEMBERS.map(|kind| Trial::run(kind, &data).unwrap());
        let average = of(&members.iter().collect::<Vec<_>>(), &data).unwrap();
        let heads = members.each_ref().map(|member| (member.refit)(&data).head);
        let (mut out_of_fold, mut fitted) = (Array2::zeros((36, 3)), Array2::zeros((36, 3)));
        for (member, head) in members.iter().zip(&heads) {
            let share = 1.0 / (3.0 * Temperature::fit(member.logits.view(), &data.truth).value());
            out_of_fold.scaled_add(share, &member.logits);
            fitted.scaled_add(share, &head.logits(dataset.features().view()));
        }
        let head = (average.refit)(&data).head;
        assert!((out_of_fold - average.logits).iter().all(|gap| gap.abs() < 1e-5));
        assert!((fitted - head.logits(dataset.features().view())).iter().all(|gap| gap.abs() < 1e-4));
    }

    #[test]
    fn one_head_has_no_average() {
        let (dataset, options) = (dataset(), FitOptions::default());
        let data = Prepared::new(&dataset, &options).unwrap();
        let [lda, prototype] = [HeadKind::Lda, HeadKind::Prototype].map(|kind| Trial::run(kind, &data).unwrap());
        assert!(of(&[&lda, &prototype], &data).is_none());
    }
}
