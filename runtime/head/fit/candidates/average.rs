//! The mean of heads of one linear layer, each calibrated: one linear layer again.
//!
//! What such heads get wrong by chance they get wrong each in its own way, so that their mean is right more often than one
//! of them chosen by a comparison that is chance itself.
//!
//! Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2009, section 8.8.

use ndarray::{Array1, Array2};

use super::{Prepared, Recipe, Trial, refit as refit_member};
use crate::head::calibration::Temperature;
use crate::head::error::FitError;
use crate::head::models::{Head, HeadKind, Linear, LinearKind};
use crate::head::task::Target;

/// Heads that are one layer on the features themselves.
pub const MEMBERS: [HeadKind; 3] = [HeadKind::Lda, HeadKind::Ridge, HeadKind::Softmax];

/// # Errors
/// Those of its members.
pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let members = MEMBERS.into_iter().map(|kind| super::trial(kind, data)).collect::<Result<Vec<_>, _>>()?;
    Ok(of(&members.iter().collect::<Vec<_>>(), data).expect("three members"))
}

/// The mean of those of `trials` that can be part of one; `None` when that is less than two, or there are no classes.
pub fn of(trials: &[&Trial], data: &Prepared) -> Option<Trial> {
    let Target::Classes(classes) = &data.target else { return None };
    let members: Vec<&&Trial> = trials.iter().filter(|trial| MEMBERS.contains(&trial.kind())).collect();
    if members.len() < 2 {
        return None;
    }
    let mut outputs = Array2::zeros(members[0].outputs.dim());
    let mut recipes = Vec::new();
    for member in &members {
        let temperature = Temperature::fit(member.outputs.view(), &classes.truth);
        let factor = 1.0 / (temperature.value() * members.len() as f32);
        outputs.scaled_add(factor, &member.outputs);
        recipes.push((factor, member.recipe.clone()));
    }
    Some(Trial { recipe: Recipe::Average(recipes), outputs })
}

/// # Errors
/// Those of its members.
pub fn refit(members: &[(f32, Recipe)], data: &Prepared) -> Result<Head, FitError> {
    let (classes, dim) = (data.classes().count(), data.dataset.dim());
    let mut mean = Linear { weights: Array2::zeros((classes, dim)), bias: Array1::zeros(classes) };
    for (factor, recipe) in members {
        let member = refit_member(recipe, data)?.head;
        let linear = member.linear().expect("members are heads of one linear layer");
        mean.weights.scaled_add(*factor, &linear.weights);
        mean.bias.scaled_add(*factor, &linear.bias);
    }
    Ok(Head::Linear { fitted_by: LinearKind::Average, linear: mean })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::head::options::FitOptions;
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
        let members = MEMBERS.map(|kind| super::super::trial(kind, &data).unwrap());
        let average = of(&members.iter().collect::<Vec<_>>(), &data).unwrap();
        let heads = members.each_ref().map(|member| refit_member(&member.recipe, &data).unwrap().head);
        let (mut out_of_fold, mut fitted) = (Array2::zeros((36, 3)), Array2::zeros((36, 3)));
        for (member, head) in members.iter().zip(&heads) {
            let share = 1.0 / (3.0 * Temperature::fit(member.outputs.view(), &data.classes().truth).value());
            out_of_fold.scaled_add(share, &member.outputs);
            fitted.scaled_add(share, &head.logits(dataset.features().view()));
        }
        let head = refit_member(&average.recipe, &data).unwrap().head;
        assert!((out_of_fold - average.outputs).iter().all(|gap| gap.abs() < 1e-5));
        assert!((fitted - head.logits(dataset.features().view())).iter().all(|gap| gap.abs() < 1e-4));
    }

    #[test]
    fn one_head_has_no_average() {
        let (dataset, options) = (dataset(), FitOptions::default());
        let data = Prepared::new(&dataset, &options).unwrap();
        let [lda, prototype] =
            [HeadKind::Lda, HeadKind::Prototype].map(|kind| super::super::trial(kind, &data).unwrap());
        assert!(of(&[&lda, &prototype], &data).is_none());
    }
}
