//! What trying a head is expected to cost: a count of multiplications, so that the choice of heads does not depend on how
//! busy the machine is.

use super::{Prepared, mlp};
use crate::head::report::LeftOut;
use crate::head::{HeadChoice, HeadKind};

/// Multiplications a second of one core.
const SPEED: f64 = 2e10;
/// For a head with steps that nobody asked for, in seconds.
const AFFORDABLE: f64 = 0.5;
/// How many steps a logistic regression takes on average over its penalties.
const SOFTMAX_STEPS: f64 = 40.0;

/// The kinds to try, from the simplest, and those left out.
pub fn kinds(choice: HeadChoice, data: &Prepared) -> (Vec<HeadKind>, Vec<LeftOut>) {
    if let HeadChoice::Only(kind) = choice {
        return (vec![kind], Vec::new());
    }
    let (mut kinds, mut left_out, mut spent) = (Vec::new(), Vec::new(), 0.0);
    for kind in HeadKind::ALL {
        let seconds = seconds(kind, data);
        let (fits, limit) = match data.options.budget {
            // The simplest is always tried: there must be a head.
            Some(budget) => (kinds.is_empty() || spent + seconds <= budget, (budget - spent).max(0.0)),
            None => (kind.is_linear() || seconds <= AFFORDABLE, AFFORDABLE),
        };
        if fits {
            spent += seconds;
            kinds.push(kind);
        } else {
            let budget = (spent + seconds).ceil();
            let reason = format!(
                "takes about {seconds:.1} s of one core, {limit:.1} s were left; --budget {budget} or --head {kind} tries it"
            );
            left_out.push(LeftOut { head: kind, reason });
        }
    }
    (kinds, left_out)
}

/// Of one core, for cross-validating and fitting.
fn seconds(kind: HeadKind, data: &Prepared) -> f64 {
    let (samples, rank) = data.design.coordinates().dim();
    let (samples, rank) = (samples as f64, rank as f64);
    let (classes, rounds) = (data.classes() as f64, (data.folds.count() + 1) as f64);
    let work = match kind {
        HeadKind::Prototype => rounds * samples * data.dataset.dim() as f64,
        HeadKind::Lda => samples * rank * rank + rounds * rank.powi(3) / 3.0,
        HeadKind::Ridge if data.design.is_orthogonal() => samples * rank * classes * 10.0,
        HeadKind::Ridge => samples * rank * rank + 10.0 * rank.powi(3),
        HeadKind::Softmax => {
            let penalties = data.options.penalties.as_ref().map_or(4, Vec::len) as f64;
            2.0 * samples * rank * classes * SOFTMAX_STEPS * rounds * penalties
        }
        HeadKind::Mlp => mlp::work(data),
    };
    work / SPEED
}
