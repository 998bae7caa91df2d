//! Whether answers name the classes in the same shares as at the fit.

use serde::{Deserialize, Serialize};

/// What each class has beside its count before anything was seen (Jeffreys; Krichevsky and Trofimov).
const PRIOR: f64 = 0.5;

/// Counts of answers, beside those of held-out answers at the fit.
///
/// The evidence is how likely both rows of counts are with shares of their own, each even over all shares (Dirichlet), over how likely
/// they are with the shares that suit them together best. Whatever the true shares are, the second is at least their likelihood, so the
/// evidence is at most a martingale that starts at 1 ("universal inference": Wasserman, Ramdas and Balakrishnan, 2020). Few held-out
/// answers make it slow, never wrong.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Mix {
    held_out: Vec<u64>,
    seen: Vec<u64>,
    /// The logarithms of the two likelihoods.
    own: [f64; 2],
}

impl Mix {
    /// `held_out`: one count a class.
    pub fn new(held_out: &[u64]) -> Self {
        let mut mix = Self { held_out: vec![0; held_out.len()], seen: vec![0; held_out.len()], own: [0.0; 2] };
        for (class, &count) in held_out.iter().enumerate() {
            (0..count).for_each(|_| add(&mut mix.held_out, &mut mix.own[0], class));
        }
        mix
    }

    pub fn take(&mut self, class: usize) {
        add(&mut self.seen, &mut self.own[1], class);
    }

    /// The logarithm of the evidence.
    pub fn evidence(&self) -> f64 {
        let both: Vec<u64> = self.held_out.iter().zip(&self.seen).map(|(a, b)| a + b).collect();
        let all = both.iter().sum::<u64>() as f64;
        let best = both.iter().filter(|count| **count > 0).map(|&count| count as f64 * (count as f64 / all).ln());
        self.own.iter().sum::<f64>() - best.sum::<f64>()
    }

    /// The class whose share among the answers exceeds `expected` most, and its share.
    pub fn most_grown(&self, expected: &[f64]) -> Option<(usize, f64)> {
        let all = self.seen.iter().sum::<u64>().max(1) as f64;
        let shares = self.seen.iter().map(|&count| count as f64 / all).enumerate();
        shares.max_by(|a, b| (a.1 - expected[a.0]).total_cmp(&(b.1 - expected[b.0])))
    }

    /// Whether it can be what this program wrote of so many classes.
    pub fn is_whole(&self, classes: usize) -> bool {
        self.held_out.len() == classes && self.seen.len() == classes && self.own.iter().all(|own| own.is_finite())
    }
}

/// One more of `class`, and the likelihood of that.
fn add(counts: &mut [u64], likelihood: &mut f64, class: usize) {
    let all = counts.iter().sum::<u64>() as f64 + PRIOR * counts.len() as f64;
    *likelihood += ((counts[class] as f64 + PRIOR) / all).ln();
    counts[class] += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_give_no_evidence_and_other_shares_much() {
        let mut equal = Mix::new(&[10, 10]);
        (0..200).for_each(|look| equal.take(look % 2));
        assert!(equal.evidence() < 0.0, "{}", equal.evidence());
        let mut other = Mix::new(&[10, 10]);
        (0..60).for_each(|look| other.take(usize::from(look % 20 == 0)));
        assert!(other.evidence() > 5.7, "{}", other.evidence());
        assert_eq!(other.most_grown(&[0.5, 0.5]), Some((0, 0.95)));
    }

    /// By hand: one of each class held out, likelihood 1/2 * 1/4; a look of the first class, 1/2; the best shares are 2/3 and 1/3.
    #[test]
    fn the_evidence_is_the_ratio_that_it_says() {
        let mut mix = Mix::new(&[1, 1]);
        mix.take(0);
        let expected = (0.5f64 * 0.25 * 0.5) / ((2.0f64 / 3.0).powi(2) / 3.0);
        assert!((mix.evidence() - expected.ln()).abs() < 1e-12);
    }
}
