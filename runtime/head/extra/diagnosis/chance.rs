//! What a class of right labels shows by chance.
//!
//! A head that was taught twelve defects among five hundred good parts answers badly for some of the twelve, although
//! their labels are right. So an answer is not judged by itself but against the others of its class, as the thresholds by
//! class of confident learning do (Northcutt, Jiang, Chuang, 2021): how many answers as bad as this one would a class of
//! this size have if all its labels were right?

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView1};

use super::median;
use crate::labels::ClassIndex;

/// From so many degrees of freedom on, Student's distribution is the normal one for our purpose.
const NORMAL: usize = 300;

/// Of answers at least as bad in the same class, the share that chance alone accounts for: 1 says nothing against the
/// label, 0 that no right label gets such an answer. `logits` are `[N,K]`, held out.
///
/// A class of fewer than three has nothing to compare with, so its shares are 1.
///
/// Source: the false discovery rate of Benjamini and Hochberg, 1995, over prediction intervals of one more answer, with
/// median and median deviation in place of mean and standard deviation, so that the wrong labels do not hide themselves.
pub(super) fn shares_by_chance(logits: &Array2<f32>, truth: &[ClassIndex]) -> Vec<f64> {
    let margins: Vec<f32> = logits.rows().into_iter().zip(truth).map(|(row, own)| margin(row, *own)).collect();
    let mut classes = vec![Vec::new(); logits.ncols()];
    truth.iter().enumerate().for_each(|(at, class)| classes[class.0].push(at));
    let middles: Vec<f32> = classes.iter().map(|class| median(values(&margins, class)).unwrap_or(0.0)).collect();
    let deviation = |at: usize| (margins[at] - middles[truth[at].0]).abs();
    let common = spread((0..margins.len()).map(deviation).collect());
    let mut shares = vec![1.0; margins.len()];
    for (class, middle) in classes.iter_mut().zip(&middles).filter(|(class, _)| class.len() > 2) {
        // A few answers lie close together by chance.
        let spread = spread(class.iter().map(|&at| deviation(at)).collect()).max(common);
        class.sort_by(|&a, &b| margins[a].total_cmp(&margins[b]));
        let count = class.len() as f64;
        let unlikely = |at: usize| {
            let distance = f64::from((middle - margins[at]) / spread.max(f32::EPSILON)) / (1.0 + 1.0 / count).sqrt();
            student_tail(distance, class.len() - 2)
        };
        let mut share = 1.0_f64;
        for (rank, &at) in class.iter().enumerate().rev() {
            share = share.min(count * unlikely(at) / (rank + 1) as f64);
            shares[at] = share;
        }
    }
    shares
}

/// How far the answer for the own class is above the best other one.
fn margin(logits: ArrayView1<f32>, own: ClassIndex) -> f32 {
    let others = logits.iter().enumerate().filter(|(class, _)| *class != own.0).map(|(_, &logit)| logit);
    logits[own.0] - others.fold(f32::NEG_INFINITY, f32::max)
}

fn values(all: &[f32], places: &[usize]) -> Vec<f32> {
    places.iter().map(|&at| all[at]).collect()
}

/// 1.4826 times the median deviation is the standard deviation of a normal distribution.
fn spread(deviations: Vec<f32>) -> f32 {
    1.4826 * median(deviations).unwrap_or(0.0)
}

/// The probability that Student's t with so many degrees of freedom, at least 1, is above `t`.
///
/// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
fn student_tail(t: f64, freedom: usize) -> f64 {
    if t < 0.0 {
        return 1.0 - student_tail(-t, freedom);
    }
    let freedom = freedom.min(NORMAL + freedom % 2);
    let (sine, cosine) = (t / (freedom as f64).sqrt()).atan().sin_cos();
    let odd = freedom % 2 == 1;
    let (mut term, mut sum) = if odd { (cosine, if freedom == 1 { 0.0 } else { cosine }) } else { (1.0, 1.0) };
    for next in (if odd { 3 } else { 2 }..freedom.saturating_sub(1)).step_by(2) {
        term *= (next - 1) as f64 / next as f64 * cosine * cosine;
        sum += term;
    }
    let inside = if odd { 2.0 / PI * (sine.atan2(cosine) + sine * sum) } else { sine * sum };
    ((1.0 - inside) / 2.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_students_distribution_is_that_of_the_tables() {
        for (t, freedom, expected) in [
            (12.706, 1, 0.025),
            (4.303, 2, 0.025),
            (3.182, 3, 0.025),
            (2.776, 4, 0.025),
            (2.228, 10, 0.025),
            (2.080, 21, 0.025),
            (3.460, 120, 0.000_375),
            (1.960, 1_000_000, 0.025),
            (0.0, 7, 0.5),
            (-2.228, 10, 0.975),
        ] {
            let tail = student_tail(t, freedom);
            assert!((tail - expected).abs() < 0.02 * expected, "t {t}, {freedom}: {tail}");
        }
    }

    /// Two classes with these margins.
    fn shares(first: &[f32], second: &[f32]) -> Vec<f64> {
        let margins: Vec<f32> = first.iter().chain(second).copied().collect();
        let truth: Vec<_> = (0..margins.len()).map(|at| ClassIndex(usize::from(at >= first.len()))).collect();
        let logits = Array2::from_shape_fn(
            (margins.len(), 2),
            |(at, class)| {
                if class == truth[at].0 { margins[at] } else { 0.0 }
            },
        );
        shares_by_chance(&logits, &truth)
    }

    /// `count` values that lie as a normal distribution of deviation 1 around `middle` would put them.
    fn spread_evenly(count: usize, middle: f32) -> Vec<f32> {
        let logistic = |at: usize| ((at as f32 + 0.5) / (count as f32 - at as f32 - 0.5)).ln() / 1.7;
        (0..count).map(|at| middle + logistic(at)).collect()
    }

    #[test]
    fn a_class_that_is_answered_badly_as_a_whole_is_not_doubted() {
        let shares = shares(&spread_evenly(200, 6.0), &spread_evenly(12, -1.5));
        assert!(shares[200..].iter().all(|&share| share > 0.5), "{:?}", &shares[200..]);
    }

    #[test]
    fn answers_far_below_the_rest_of_their_class_are_doubted_also_where_they_are_many() {
        for wrong in [1, 5, 20] {
            let mut first = spread_evenly(80, 4.0);
            first[..wrong].fill(-4.0);
            let shares = shares(&first, &spread_evenly(80, 4.0));
            assert!(shares[..wrong].iter().all(|&share| share < 0.01), "{wrong}: {:?}", &shares[..wrong]);
            assert!(shares[wrong + 20..80].iter().all(|&share| share > 0.5), "{wrong}");
        }
    }

    #[test]
    fn two_answers_say_nothing_about_each_other() {
        assert_eq!(shares(&spread_evenly(50, 5.0), &[-9.0, -3.0])[50..], [1.0, 1.0]);
    }
}
