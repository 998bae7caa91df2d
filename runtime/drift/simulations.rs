//! The rates that are promised, by chance.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::bets::Bets;
use super::mix::Mix;
use super::ranks::Ranks;

/// The rate that is asked for here: larger than the default, so that few lives are enough to count.
const RATE: f64 = 0.05;
/// The default of one in a hundred, shared by three kinds.
const ONE_OF_THREE: f64 = 0.01 / 3.0;

/// Nearly normal.
fn normal(random: &mut Pcg64) -> f32 {
    (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0
}

/// The look with which the evidence reached 1/`rate`, of values that `draw` gives.
fn noticed(mut ranks: Ranks, looks: u64, rate: f64, draw: &mut dyn FnMut(u64) -> f32) -> Option<u64> {
    let mut bets = Bets::default();
    (1..=looks).find(|&look| {
        bets.take(ranks.take(draw(look)), false, look);
        bets.evidence() >= -rate.ln()
    })
}

/// How many lives of a thousand end in a false alarm, at most, by chance four deviations.
fn most(lives: usize) -> usize {
    let mean = RATE * lives as f64;
    (mean + 4.0 * (mean * (1.0 - RATE)).sqrt()) as usize
}

#[test]
fn unshifted_values_are_seldom_noticed_however_few_they_are_compared_with_and_however_long() {
    for (reference, lives, looks) in [(5, 400, 600), (20, 400, 600), (60, 400, 600), (500, 400, 600), (20, 40, 6000)] {
        let alarm = |seed: u64| {
            let random = &mut Pcg64::seed_from_u64(seed);
            let ranks = Ranks::of((0..reference).map(|_| normal(random)).collect());
            noticed(ranks, looks, RATE, &mut |_| normal(random)).is_some()
        };
        let alarms = (0..lives as u64).filter(|&seed| alarm(seed)).count();
        assert!(alarms <= most(lives), "{reference} pictures: {alarms} of {lives}");
    }
}

#[test]
fn values_that_are_less_strange_are_not_noticed() {
    for seed in 0..20 {
        let random = &mut Pcg64::seed_from_u64(seed);
        let ranks = Ranks::of((0..60).map(|_| normal(random)).collect());
        assert_eq!(noticed(ranks, 500, RATE, &mut |_| normal(random) - 1.0), None);
    }
}

/// Looks until two deviations more are noticed, of a change after so many looks; the median of 21 lives.
fn delay(reference: usize, before: u64) -> u64 {
    let life = |seed: u64| {
        let random = &mut Pcg64::seed_from_u64(seed);
        let ranks = Ranks::of((0..reference).map(|_| normal(random)).collect());
        let mut draw = |look| normal(random) + if look > before { 2.0 } else { 0.0 };
        noticed(ranks, before + 500, ONE_OF_THREE, &mut draw).map_or(500, |look| look.saturating_sub(before))
    };
    let mut lives: Vec<u64> = (0..21).map(life).collect();
    lives.sort_unstable();
    lives[10]
}

#[test]
fn a_shift_is_noticed_soon_at_the_start_and_after_a_long_time() {
    for (reference, before, within) in [(20, 0, 25), (60, 0, 10), (500, 0, 8), (20, 3000, 14)] {
        let delay = delay(reference, before);
        assert!(delay <= within, "{reference} pictures, {before} looks before: noticed after {delay}");
    }
}

#[test]
fn a_share_of_unknown_that_holds_is_seldom_noticed_and_a_larger_one_soon() {
    let life = |seed: u64, share: f64| {
        let random = &mut Pcg64::seed_from_u64(seed);
        // The threshold is one of 60 held-out scores, of which two lie above it: so the true share is another each time.
        let mut scores: Vec<f64> = (0..60).map(|_| random.random::<f64>()).collect();
        scores.sort_by(f64::total_cmp);
        let threshold = scores[57];
        let mut draw = |_| f32::from(u8::from(random.random::<f64>() < share || random.random::<f64>() > threshold));
        noticed(Ranks::around(0.5, 57, 2), 600, RATE, &mut draw)
    };
    let alarms = (0..400).filter(|&seed| life(seed, 0.0).is_some()).count();
    assert!(alarms <= most(400), "{alarms}");
    let late = (0..40).filter(|&seed| life(seed, 0.3).is_none_or(|look| look > 60)).count();
    assert!(late <= 4, "{late} of 40 after more than 60 looks");
}

#[test]
fn shares_of_classes_that_hold_are_seldom_noticed_and_others_soon() {
    let noticed = |seed: u64, classes: usize, held_out: u64, first: f64| {
        let random = &mut Pcg64::seed_from_u64(seed);
        let draw = |random: &mut Pcg64, first: f64| {
            if random.random::<f64>() < first { 0 } else { random.random_range(1..classes) }
        };
        let mut counts = vec![0; classes];
        (0..held_out).for_each(|_| counts[draw(random, 0.5)] += 1);
        let mut mix = Mix::new(&counts);
        (1..=400).find(|_| {
            mix.take(draw(random, first));
            mix.evidence() >= -RATE.ln()
        })
    };
    for (classes, held_out) in [(2, 20), (2, 500), (6, 60)] {
        let alarms = (0..400).filter(|&seed| noticed(seed, classes, held_out, 0.5).is_some()).count();
        assert!(alarms <= most(400), "{classes} classes, {held_out} pictures: {alarms}");
        let late = (0..40).filter(|&seed| noticed(seed, classes, held_out, 0.95).is_none_or(|look| look > 150)).count();
        assert!(late <= 4, "{classes} classes, {held_out} pictures: {late} of 40");
    }
}
