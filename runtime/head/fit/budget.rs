//! Which heads are tried: what is asked for, or what a budget allows by a count of multiplications, so that the choice
//! does not depend on how busy the machine is; and what there is memory for.

use super::candidates::{average, perceptron};
use super::prepared::Recipe;
use super::{Prepared, memory};
use crate::head::design::Coordinates as _;
use crate::head::error::FitError;
use crate::head::models::HeadKind;
use crate::head::options::HeadChoice;
use crate::head::report::LeftOut;
use crate::head::task::Target;
use crate::memory::shown;

/// Multiplications a second of one core.
const SPEED: f64 = 2e10;
/// For heads with steps that nobody asked for, in seconds of one core.
const AFFORDABLE: f64 = 0.5;
const AFFORDABLE_LINEAR: f64 = 45.0;
/// How many steps a logistic regression takes on average over its penalties, each from the solution before it.
const SOFTMAX_STEPS: f64 = 12.0;

/// The kinds to try, from the simplest, and those left out.
///
/// # Errors
/// When the head that is asked for cannot do the task, or there is no head for which there is memory.
pub fn kinds(data: &Prepared) -> Result<(Vec<HeadKind>, Vec<LeftOut>), FitError> {
    let kinds = data.rules().kinds();
    let offered: Vec<HeadKind> = match data.options.head {
        HeadChoice::Only(kind) if kinds.contains(&kind) => vec![kind],
        HeadChoice::Only(got) => {
            let offered = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
            return Err(FitError::HeadOfTask { task: data.rules().task(), offered, got });
        }
        HeadChoice::Auto => tried_alone(kinds).collect(),
        HeadChoice::Linear => tried_alone(kinds).filter(|kind| *kind != HeadKind::Mlp).collect(),
    };
    let (mut fitting, mut large) = (Vec::new(), Vec::new());
    for &kind in &offered {
        let needed = memory::of(kind, fitting.len(), data);
        if needed <= data.memory.limit() { fitting.push(kind) } else { large.push((kind, needed)) }
    }
    if fitting.is_empty() {
        let least = large.iter().map(|(_, needed)| *needed).min().expect("a head is offered");
        return Err(data.memory.too_little(least, data.dataset.len()));
    }
    if !data.options.head.is_open() {
        return Ok((fitting, Vec::new()));
    }
    let (kinds, mut left_out) = affordable(fitting.iter().map(|&kind| (kind, work(kind, data))), data.options.budget);
    left_out.extend(large.into_iter().map(|(kind, needed)| too_large(kind, needed, data)));
    left_out.sort_by_key(|left| left.head);
    Ok((kinds, left_out))
}

/// Without the average, which is made of heads that were tried.
fn tried_alone(kinds: &[HeadKind]) -> impl Iterator<Item = HeadKind> {
    kinds.iter().copied().filter(|kind| *kind != HeadKind::Average)
}

/// Seconds of one core that trying `kind` takes about.
pub fn seconds(kind: HeadKind, data: &Prepared) -> f64 {
    work(kind, data) / SPEED
}

/// Logistic regression, whose probabilities are the ones to go by sample for sample, or linear discriminants where it takes too
/// long or too much memory.
pub fn careful_kind(data: &Prepared) -> HeadKind {
    let fits = memory::of(HeadKind::Softmax, 0, data) <= data.memory.limit();
    if fits && seconds(HeadKind::Softmax, data) <= AFFORDABLE_LINEAR { HeadKind::Softmax } else { HeadKind::Lda }
}

/// Why the head that was chosen among `tried` is not tried on more channels, `wider`; `None` where it is.
pub fn too_much(recipe: &Recipe, tried: &[HeadKind], narrow: &Prepared, wider: &Prepared) -> Option<String> {
    let members: Vec<HeadKind> = match recipe {
        Recipe::Average(members) => members.iter().map(|(_, member)| member.kind()).collect(),
        other => vec![other.kind()],
    };
    let needed = members.iter().map(|&kind| memory::of(kind, members.len() + 1, wider)).max()?;
    if needed > wider.memory.limit() {
        return Some(format!("takes about {} of memory, with {} allowed", shown(needed), shown(wider.memory.limit())));
    }
    if !wider.options.head.is_open() {
        return None;
    }
    let spent: f64 = tried.iter().map(|&kind| seconds(kind, narrow)).sum();
    let needed = |kind: HeadKind| seconds(kind, wider);
    let (seconds, limit) = match wider.options.budget {
        Some(budget) => (members.iter().map(|&kind| needed(kind)).sum(), (budget - spent).max(0.0)),
        None if members.contains(&HeadKind::Softmax) => (needed(HeadKind::Softmax), AFFORDABLE_LINEAR),
        None if members.contains(&HeadKind::Mlp) => (needed(HeadKind::Mlp), 2.0 * AFFORDABLE),
        None => return None,
    };
    (seconds > limit).then(|| format!("takes about {seconds:.1} s of one core, with {limit:.1} s left"))
}

fn too_large(head: HeadKind, needed: u64, data: &Prepared) -> LeftOut {
    let reason = format!("takes about {} of memory, with {} allowed", shown(needed), shown(data.memory.limit()));
    LeftOut { head, reason, budget: seconds(head, data).ceil(), memory: Some(needed) }
}

/// What can be tried within `budget` seconds, from the simplest, and what cannot.
fn affordable(offered: impl Iterator<Item = (HeadKind, f64)>, budget: Option<f64>) -> (Vec<HeadKind>, Vec<LeftOut>) {
    let (mut kinds, mut left_out, mut spent) = (Vec::new(), Vec::new(), 0.0);
    for (head, work) in offered {
        let seconds = work / SPEED;
        // The simplest is always tried: there must be a head.
        let limit = match (budget, head) {
            (Some(budget), _) => (budget - spent).max(0.0),
            (None, HeadKind::Softmax) => AFFORDABLE_LINEAR,
            (None, HeadKind::Mlp) => AFFORDABLE,
            (None, _) => f64::INFINITY,
        };
        if kinds.is_empty() || seconds <= limit {
            spent += seconds;
            kinds.push(head);
            continue;
        }
        let reason = format!("takes about {seconds:.1} s of one core, with {limit:.1} s left");
        left_out.push(LeftOut { head, reason, budget: (spent + seconds).ceil(), memory: None });
    }
    (kinds, left_out)
}

/// Multiplications for cross-validating and fitting.
fn work(kind: HeadKind, data: &Prepared) -> f64 {
    let (samples, rank) = data.design.dim();
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
    fn without_a_budget_every_linear_head_is_tried_that_takes_less_than_a_minute() {
        assert_eq!(tried(None).0, [HeadKind::Ridge, HeadKind::Softmax]);
        let long = [(HeadKind::Ridge, 100.0 * SPEED), (HeadKind::Softmax, 46.0 * SPEED)];
        let (kinds, left_out) = affordable(long.into_iter(), None);
        assert_eq!(kinds, [HeadKind::Ridge]);
        assert_eq!(left_out[0].reason, "takes about 46.0 s of one core, with 45.0 s left");
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
