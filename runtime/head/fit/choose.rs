//! Which of the heads that were tried is kept: one rule for every task.

use super::Prepared;
use super::candidates::average::MEMBERS;
use super::prepared::Trial;
use crate::head::models::HeadKind;
use crate::head::report::Candidate;

/// Held-out samples without which a comparison of losses is chance.
pub const ENOUGH_TO_COMPARE: usize = 8;

/// The trials with the one that is kept first, then the others by their loss.
pub fn best_first(tried: Vec<(Candidate, Trial)>, data: &Prepared) -> Vec<(Candidate, Trial)> {
    let losses = |trial: &Trial| data.rules().losses(&trial.outputs);
    let mut tried: Vec<(Vec<f64>, (Candidate, Trial))> =
        tried.into_iter().map(|tried| (losses(&tried.1), tried)).collect();
    // Stable: where nothing was measured, the simplest head stays first.
    tried.sort_by(|(a, _), (b, _)| mean(a).total_cmp(&mean(b)));
    let measured: Vec<Measured> = tried.iter().map(|(losses, (_, trial))| (trial.kind(), losses.as_slice())).collect();
    let chosen = chosen(&measured, data.dataset.pictures());
    tried[..=chosen].rotate_right(1);
    tried.into_iter().map(|(_, tried)| tried).collect()
}

/// A kind of head with its loss on each held-out sample.
type Measured<'a> = (HeadKind, &'a [f64]);

/// Of heads in order of their mean loss, the simplest that is within one standard error of the first, the error being that of
/// the difference between both on the same samples. Heads of one linear layer are equally simple: among them the loss
/// decides, unless their average is within that error too. Then the difference is noise, so their average is chosen instead.
/// Where hardly anything was held out, it is the simplest of a handful of samples and ridge of more, as of one picture of each of
/// many classes: it did better there on photographs.
///
/// Source: Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984, section 3.4.3.
fn chosen(tried: &[Measured], samples: usize) -> usize {
    let best = tried[0].1;
    if best.len() < ENOUGH_TO_COMPARE {
        let preferred = |kind: HeadKind| (samples < ENOUGH_TO_COMPARE || kind != HeadKind::Ridge, kind);
        let first = tried.iter().enumerate().min_by_key(|(_, (kind, _))| preferred(*kind));
        return first.expect("at least one kind was tried").0;
    }
    let within_one_error = |place: &usize| {
        let gaps: Vec<f64> = tried[*place].1.iter().zip(best).map(|(other, best)| other - best).collect();
        let middle = mean(&gaps);
        let variance = gaps.iter().map(|gap| (gap - middle).powi(2)).sum::<f64>() / gaps.len() as f64;
        middle <= (variance / gaps.len() as f64).sqrt()
    };
    let simpler = tried.iter().position(|(kind, _)| kind.is_linear()).filter(within_one_error).unwrap_or(0);
    let average = tried.iter().position(|(kind, _)| *kind == HeadKind::Average).filter(within_one_error);
    average.filter(|_| MEMBERS.contains(&tried[simpler].0)).unwrap_or(simpler)
}

/// 0 of nothing.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses around `mean` that alternate by `spread`.
    fn losses(mean: f64, spread: f64) -> Vec<f64> {
        (0..20).map(|row| mean + if row % 2 == 0 { spread } else { -spread }).collect()
    }

    fn chosen_of(tried: &[(HeadKind, Vec<f64>)]) -> HeadKind {
        let measured: Vec<Measured> = tried.iter().map(|(kind, losses)| (*kind, losses.as_slice())).collect();
        tried[chosen(&measured, 4)].0
    }

    #[test]
    fn a_linear_head_is_kept_within_one_error_of_the_perceptron_and_not_beyond() {
        use HeadKind::{Mlp, Ridge};
        assert_eq!(chosen_of(&[(Mlp, losses(0.30, 0.2)), (Ridge, losses(0.31, -0.1))]), Ridge);
        assert_eq!(chosen_of(&[(Mlp, losses(0.30, 0.1)), (Ridge, losses(0.50, 0.1))]), Mlp);
    }

    #[test]
    fn the_average_stands_for_linear_heads_that_differ_by_noise() {
        use HeadKind::{Average, Lda, Prototype, Softmax};
        assert_eq!(chosen_of(&[(Lda, losses(0.30, 0.2)), (Average, losses(0.31, -0.1))]), Average);
        assert_eq!(chosen_of(&[(Softmax, losses(0.30, 0.1)), (Average, losses(0.50, 0.1))]), Softmax);
        assert_eq!(chosen_of(&[(Prototype, losses(0.30, 0.2)), (Average, losses(0.31, -0.1))]), Prototype);
    }

    #[test]
    fn with_hardly_anything_held_out_the_simplest_is_kept() {
        use HeadKind::{Prototype, Softmax};
        assert_eq!(chosen_of(&[(Softmax, vec![0.1; 4]), (Prototype, vec![0.9; 4])]), Prototype);
        let many: [Measured; 3] = [(Softmax, &[0.1; 4]), (HeadKind::Ridge, &[0.5; 4]), (Prototype, &[0.9; 4])];
        assert_eq!((chosen(&many, 4), chosen(&many, 12)), (2, 1));
    }
}
