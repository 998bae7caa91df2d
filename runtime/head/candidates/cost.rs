//! What trying each head is expected to cost.

use super::selected::can_ignore_channels;
use super::{Prepared, average, mlp};
use crate::head::budget::Offer;
use crate::head::{HeadChoice, HeadKind, Task};

/// How many steps a logistic regression takes on average over its penalties.
const SOFTMAX_STEPS: f64 = 40.0;

pub fn offer(data: &Prepared) -> Offer {
    let choice = data.options.head;
    // An average is made of heads that were tried, so it is offered by its name alone.
    let wanted = |kind: &HeadKind| *kind != HeadKind::Average || choice == HeadChoice::Only(*kind);
    let can = |kind: &HeadKind| wanted(kind) && (data.options.select.is_none() || can_ignore_channels(*kind));
    Offer {
        task: Task::Classification,
        choice,
        budget: data.options.budget,
        work: HeadKind::ALL.into_iter().filter(can).map(|kind| (kind, work(kind, data))).collect(),
    }
}

/// Multiplications for cross-validating and fitting.
fn work(kind: HeadKind, data: &Prepared) -> f64 {
    let (samples, rank) = data.design.coordinates().dim();
    let (samples, rank) = (samples as f64, rank as f64);
    let (classes, rounds) = (data.classes() as f64, (data.folds.count() + 1) as f64);
    match kind {
        HeadKind::Prototype => rounds * samples * data.dataset.dim() as f64,
        HeadKind::Lda => samples * rank * rank + rounds * rank.powi(3) / 3.0,
        HeadKind::Ridge if data.design.is_orthogonal() => samples * rank * classes * 10.0,
        HeadKind::Ridge => samples * rank * rank + 10.0 * rank.powi(3),
        HeadKind::Softmax => {
            let penalties = data.options.penalties.as_ref().map_or(4, Vec::len) as f64;
            2.0 * samples * rank * classes * SOFTMAX_STEPS * rounds * penalties
        }
        HeadKind::Average => average::MEMBERS.map(|kind| work(kind, data)).iter().sum(),
        HeadKind::Mlp => mlp::cost(data),
    }
}
