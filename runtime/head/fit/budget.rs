//! Which heads are tried: what is asked for, or what a budget allows by a count of multiplications, so that the choice
//! does not depend on how busy the machine is.

use super::Prepared;
use super::candidates::{average, perceptron};
use crate::head::error::FitError;
use crate::head::models::HeadKind;
use crate::head::options::HeadChoice;
use crate::head::report::LeftOut;
use crate::head::task::Target;

/// Multiplications a second of one core.
const SPEED: f64 = 2e10;
/// For a head with steps that nobody asked for, in seconds.
const AFFORDABLE: f64 = 0.5;
/// How many steps a logistic regression takes on average over its penalties.
const SOFTMAX_STEPS: f64 = 40.0;

/// The kinds to try, from the simplest, and those left out.
///
/// # Errors
/// When the head that is asked for cannot do the task.
pub fn kinds(data: &Prepared) -> Result<(Vec<HeadKind>, Vec<LeftOut>), FitError> {
    let kinds = data.rules().kinds();
    match data.options.head {
        HeadChoice::Only(kind) if kinds.contains(&kind) => Ok((vec![kind], Vec::new())),
        HeadChoice::Only(got) => {
            let offered = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
            Err(FitError::HeadOfTask { task: data.rules().task(), offered, got })
        }
        HeadChoice::Auto => {
            // An average is made of heads that were tried.
            let tried = kinds.iter().filter(|kind| **kind != HeadKind::Average);
            Ok(affordable(tried.map(|&kind| (kind, work(kind, data))), data.options.budget))
        }
    }
}

/// What can be tried within `budget` seconds, from the simplest, and what cannot.
fn affordable(offered: impl Iterator<Item = (HeadKind, f64)>, budget: Option<f64>) -> (Vec<HeadKind>, Vec<LeftOut>) {
    let (mut kinds, mut left_out, mut spent) = (Vec::new(), Vec::new(), 0.0);
    for (head, work) in offered {
        let seconds = work / SPEED;
        let (fits, limit) = match budget {
            // The simplest is always tried: there must be a head.
            Some(budget) => (kinds.is_empty() || spent + seconds <= budget, (budget - spent).max(0.0)),
            None => (head.is_linear() || seconds <= AFFORDABLE, AFFORDABLE),
        };
        if fits {
            spent += seconds;
            kinds.push(head);
            continue;
        }
        let reason = format!("takes about {seconds:.1} s of one core, with {limit:.1} s left");
        left_out.push(LeftOut { head, reason, budget: (spent + seconds).ceil() });
    }
    (kinds, left_out)
}

/// Multiplications for cross-validating and fitting.
fn work(kind: HeadKind, data: &Prepared) -> f64 {
    let (samples, rank) = data.design.coordinates().dim();
    let (samples, rank) = (samples as f64, rank as f64);
    let (outputs, rounds) = (data.rules().width() as f64, (data.split.folds.count() + 1) as f64);
    match kind {
        HeadKind::Prototype => rounds * samples * data.dataset.dim() as f64,
        HeadKind::Lda => samples * rank * rank + rounds * rank.powi(3) / 3.0,
        HeadKind::Ridge if data.design.is_orthogonal() => samples * rank * outputs * 10.0,
        HeadKind::Ridge => samples * rank * rank + 10.0 * rank.powi(3),
        HeadKind::Softmax => {
            let penalties = data.options.penalties.as_ref().map_or(4, Vec::len) as f64;
            // Independent outputs are a softmax of two columns each.
            let columns = if matches!(data.target, Target::Names(_)) { 2.0 * outputs } else { outputs };
            2.0 * samples * rank * columns * SOFTMAX_STEPS * rounds * penalties
        }
        HeadKind::Average => average::MEMBERS.map(|kind| work(kind, data)).iter().sum(),
        HeadKind::Mlp => perceptron::work(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(budget: Option<f64>) -> (Vec<HeadKind>, Vec<LeftOut>) {
        let work = [(HeadKind::Ridge, SPEED), (HeadKind::Softmax, 2.0 * SPEED), (HeadKind::Mlp, 4.0 * SPEED)];
        affordable(work.into_iter(), budget)
    }

    #[test]
    fn without_a_budget_every_linear_head_is_tried() {
        assert_eq!(tried(None).0, [HeadKind::Ridge, HeadKind::Softmax]);
    }

    #[test]
    fn a_budget_is_spent_from_the_simplest_on() {
        assert_eq!(tried(Some(0.0)).0, [HeadKind::Ridge]);
        assert_eq!(tried(Some(3.0)).0, [HeadKind::Ridge, HeadKind::Softmax]);
        assert_eq!(tried(Some(5.0)).0, [HeadKind::Ridge, HeadKind::Softmax]);
        assert_eq!(tried(Some(7.0)).0.len(), 3);
        let left_out = &tried(Some(5.0)).1[0];
        assert_eq!((left_out.head, left_out.budget), (HeadKind::Mlp, 7.0));
        assert_eq!(left_out.reason, "takes about 4.0 s of one core, with 2.0 s left");
    }
}
