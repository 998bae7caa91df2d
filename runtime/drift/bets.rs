//! Betting against p-values being even.

use serde::{Deserialize, Serialize};

use super::ln_add;
use super::ranks::Slot;

/// A bet multiplies what it has by `e p^(e-1)`, which is 1 on the mean where p-values are even, and much where they are small. Which
/// `e` is best depends on how small they become.
const POWERS: [f64; 5] = [0.1, 0.2, 0.4, 0.6, 0.8];
/// The one that says since when something has been rising.
const RISING: f64 = 0.6;

/// Evidence that values have become larger, since whenever.
///
/// The stake of 1 is divided over all powers and over all looks with which a change may begin: at look t, `waiting(t)` of it still
/// lies idle. So a change after ten thousand looks costs 14 more in the logarithm than one at the start, and no choice of a window.
/// No part of the stake is used twice, so the whole is a test martingale.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Bets {
    looks: u64,
    /// The logarithm of what each power has; none before the first look.
    won: Vec<f64>,
    pub rise: Rise,
}

/// The last looks, as far back as they speak for a change (a cumulative sum that never falls below 0).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Rise {
    sum: f64,
    pub looks: u64,
    /// Those among them that are called strange.
    pub strange: u64,
    /// When the first of them was, in milliseconds since 1970.
    pub since: Option<u64>,
}

/// The part of the stake that lies idle after so many looks.
fn waiting(looks: u64) -> f64 {
    1.0 / (1.0 + (looks as f64).ln_1p())
}

/// The mean over a slot of what a bet multiplies with, as a logarithm.
fn gain(slot: Slot, power: f64) -> f64 {
    ((slot.to.powf(power) - slot.from.powf(power)) / (slot.to - slot.from)).ln()
}

impl Bets {
    pub fn take(&mut self, slot: Slot, is_strange: bool, at: u64) {
        let staked = ((waiting(self.looks) - waiting(self.looks + 1)) / POWERS.len() as f64).ln();
        self.looks += 1;
        self.won.resize(POWERS.len(), f64::NEG_INFINITY);
        for (won, power) in self.won.iter_mut().zip(POWERS) {
            *won = gain(slot, power) + ln_add(*won, staked);
        }
        self.rise.take(gain(slot, RISING), is_strange, at);
    }

    /// The logarithm of the evidence.
    pub fn evidence(&self) -> f64 {
        self.won.iter().copied().fold(waiting(self.looks).ln(), ln_add)
    }

    pub fn is_whole(&self) -> bool {
        [0, POWERS.len()].contains(&self.won.len()) && self.won.iter().all(|won| !won.is_nan())
    }
}

impl Rise {
    fn take(&mut self, gain: f64, is_strange: bool, at: u64) {
        self.sum += gain;
        if self.sum <= 0.0 {
            *self = Self::default();
            return;
        }
        self.looks += 1;
        self.strange += u64::from(is_strange);
        self.since = self.since.or(Some(at));
    }

    /// Which share of them is strange.
    pub fn share(&self) -> f64 {
        self.strange as f64 / self.looks.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_looks_there_is_no_evidence_and_small_p_values_make_it() {
        let mut bets = Bets::default();
        assert_eq!(bets.evidence(), 0.0);
        (0..8).for_each(|at| bets.take(Slot { from: 0.0, to: 0.02 }, true, 100 + at));
        assert!(bets.evidence() > 9.0, "{}", bets.evidence());
        assert_eq!((bets.rise.since, bets.rise.looks, bets.rise.share()), (Some(100), 8, 1.0));
        (0..60).for_each(|at| bets.take(Slot { from: 0.5, to: 1.0 }, false, 200 + at));
        assert_eq!(bets.rise, Rise::default());
    }

    proptest! {
        /// The one property that all rests on: over the places that a value may have, the evidence has its present value as mean.
        #[test]
        fn the_mean_of_the_next_evidence_is_the_present_one(
            before in proptest::collection::vec((0.0f64..0.9, 0.01f64..0.1), 0..30),
            cuts in proptest::collection::vec(0.001f64..0.999, 1..9),
        ) {
            let mut bets = Bets::default();
            before.into_iter().for_each(|(from, width)| bets.take(Slot { from, to: from + width }, false, 0));
            let mut cuts = [cuts, vec![0.0, 1.0]].concat();
            cuts.sort_by(f64::total_cmp);
            cuts.dedup();
            let next = |pair: &[f64]| {
                let mut bets = bets.clone();
                bets.take(Slot { from: pair[0], to: pair[1] }, false, 0);
                bets.evidence().exp() * (pair[1] - pair[0])
            };
            let mean: f64 = cuts.windows(2).map(next).sum();
            prop_assert!((mean / bets.evidence().exp() - 1.0).abs() < 1e-6, "{mean} {}", bets.evidence().exp());
        }
    }
}
