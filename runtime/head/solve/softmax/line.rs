//! The loss along a direction, and how far to go.

use ndarray::Array2;

use super::Problem;
use crate::labels::ClassIndex;
use edgetl_algebra::Kernel;

/// Of the slope at the start of a line, what may be left at its end.
const SLOPE_LEFT: f64 = 0.1;

/// `constant + linear t + square t²`
pub struct Parabola {
    pub constant: f64,
    pub linear: f64,
    pub square: f64,
}

/// The objective along a direction: the products with the design are known, so a point on it costs no product.
pub struct Line<'a> {
    pub problem: &'a Problem<'a>,
    pub logits: &'a Array2<f32>,
    pub change: &'a Array2<f32>,
    /// The slope of the objective at length 0.
    pub start: f64,
    pub penalty: Parabola,
}

impl Line<'_> {
    /// Loss, objective and slope at `length`.
    pub fn at(&self, length: f64, probabilities: &mut Array2<f32>) -> (f64, f64, f64) {
        let (loss, slope) = self.problem.along(self.logits, self.change, length, probabilities);
        let Parabola { constant, linear, square } = self.penalty;
        (loss, loss + constant + linear * length + square * length * length, slope + linear + 2.0 * square * length)
    }

    /// The length of a step that leaves little of the slope, with the mean loss there; `None` when rounding leaves no
    /// descent. The objective is convex, so its slope rises along the line: its zero is enclosed and approached by the
    /// secant; of an end that stays, half the slope counts, so that the other does not crawl (the Illinois method).
    pub fn search(&self, loss: f64, probabilities: &mut Array2<f32>) -> Option<(f64, f64)> {
        if self.start >= 0.0 {
            return None;
        }
        let objective = loss + self.penalty.constant;
        let (mut low, mut high) = ((0.0, self.start), None::<(f64, f64)>);
        let mut length = 1.0;
        for _ in 0..30 {
            let (loss, value, slope) = self.at(length, probabilities);
            let enough = slope.abs() <= -SLOPE_LEFT * self.start && value <= objective + 1e-7 * objective.abs();
            if enough {
                return Some((length, loss));
            }
            let before = low;
            if slope < 0.0 {
                low = (length, slope);
                high = high.map(|(length, slope)| (length, slope / 2.0));
            } else {
                high = Some((length, slope));
                low.1 /= 2.0;
            }
            length = match high {
                None => secant(before, low).clamp(1.1 * length, 4.0 * length),
                Some(high) => {
                    let margin = 0.05 * (high.0 - low.0);
                    secant(low, high).clamp(low.0 + margin, high.0 - margin)
                }
            };
        }
        None
    }
}

/// Where the line through two points, each a length and a slope, has slope 0.
fn secant(left: (f64, f64), right: (f64, f64)) -> f64 {
    right.0 - right.1 * (right.0 - left.0) / (right.1 - left.1)
}

/// What one task works on: values of its rows, `[rows,K]`, and of its samples.
pub struct Chunk<'a> {
    pub probabilities: &'a mut [f32],
    pub logits: &'a [f32],
    pub change: &'a [f32],
    pub targets: &'a [ClassIndex],
    pub weights: &'a [f64],
    pub length: f32,
}

impl Kernel for Chunk<'_> {
    type Output = (f64, f64);

    /// [`row_along`] for each row, summed with the samples' weights.
    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let Self { probabilities, logits, change, targets, weights, length } = self;
        let classes = probabilities.len() / targets.len();
        let rows = probabilities.chunks_mut(classes).zip(logits.chunks(classes)).zip(change.chunks(classes));
        let mut sums = (0.0, 0.0);
        for (((row, logits), change), (target, weight)) in rows.zip(targets.iter().zip(weights)) {
            let (loss, slope) = row_along(row, logits, change, length, target.0);
            sums = (sums.0 + weight * loss, sums.1 + weight * slope);
        }
        sums
    }
}

/// Leaves the softmax of `logits + length · change` in `row`; the cross-entropy against `target` and its slope.
#[inline(always)]
fn row_along(row: &mut [f32], logits: &[f32], change: &[f32], length: f32, target: usize) -> (f64, f64) {
    for ((value, &logit), &change) in row.iter_mut().zip(logits).zip(change) {
        *value = logit + length * change;
    }
    let highest =
        by_lanes(row, row, f32::NEG_INFINITY, |highest, value, _| if value > highest { value } else { highest });
    let highest = highest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let own = row[target] - highest;
    row.iter_mut().for_each(|value| *value = exp_of_negative(*value - highest));
    let sum: f32 = by_lanes(row, row, 0.0, |sum, value, _| sum + value).iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
    let expected: f32 = by_lanes(row, change, 0.0, |sum, value, change| sum + value * change).iter().sum();
    (f64::from(sum).ln() - f64::from(own), f64::from(expected - change[target]))
}

const LANES: usize = 16;

/// Folds `left` and `right` in lanes side by side, which the compiler turns into vector instructions; one sum after another
/// it must not.
#[inline(always)]
fn by_lanes(left: &[f32], right: &[f32], start: f32, fold: impl Fn(f32, f32, f32) -> f32) -> [f32; LANES] {
    let (lefts, left_rest) = left.as_chunks::<LANES>();
    let (rights, right_rest) = right.as_chunks::<LANES>();
    let mut lanes = [start; LANES];
    for (left, right) in lefts.iter().zip(rights) {
        for lane in 0..LANES {
            lanes[lane] = fold(lanes[lane], left[lane], right[lane]);
        }
    }
    for ((lane, &left), &right) in lanes.iter_mut().zip(left_rest).zip(right_rest) {
        *lane = fold(*lane, left, right);
    }
    lanes
}

/// e to the power of a number that is not above 0, within 2e-7 relative; 0 below -87. Plain arithmetic that the compiler
/// turns into vector instructions, which the library's function is not.
#[inline(always)]
fn exp_of_negative(power: f32) -> f32 {
    /// Adding and subtracting it rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let whole = power.max(-87.0) * std::f32::consts::LOG2_E + ROUND - ROUND;
    // ln 2 in two parts, the first of few bits, so that the product is exact.
    let rest = power.max(-87.0) - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let fraction = series.into_iter().fold(0.0, |sum, coefficient| sum * rest + coefficient);
    let scale = f32::from_bits(((whole as i32 + 127) << 23) as u32);
    if power < -87.0 { 0.0 } else { fraction * scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_agrees_with_the_librarys() {
        for step in 0..=8700 {
            let power = -step as f32 / 100.0;
            let (ours, exact) = (f64::from(exp_of_negative(power)), f64::from(power).exp());
            assert!((ours - exact).abs() <= 3e-7 * exact, "{power}: {ours} {exact}");
        }
        assert_eq!(exp_of_negative(-88.0), 0.0);
        assert_eq!(exp_of_negative(f32::NEG_INFINITY), 0.0);
    }
}
