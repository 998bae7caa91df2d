//! Multinomial logistic regression with an L2 penalty, by L-BFGS.

mod line;
mod point;
mod residual;

use edgetl_algebra::Par;
use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

use line::{Chunk, Line, Parabola};
use point::{Point, Work};

use super::lbfgs::{History, dot};
use crate::labels::ClassIndex;
use edgetl_algebra::{product, with_widest_vectors};

/// The objective: the weighted mean cross-entropy of the logits of `design` plus `penalty / 2` times the squared weights.
/// scikit-learn's with `penalty = 1 / (C · total weight)`; the bias, the last row of the parameters, is not penalised.
pub struct Problem<'a> {
    /// `[N,r]`, in standard layout.
    pub design: &'a Array2<f32>,
    /// `[r]`: of each column of the design, about; they shorten the search and do not change its end.
    pub mean_squares: &'a Array1<f32>,
    /// N
    pub targets: &'a [ClassIndex],
    /// N, summing to 1.
    pub weights: &'a [f64],
    /// K
    pub classes: usize,
    pub penalty: f64,
    pub parallelism: Par,
}

/// When to stop: where the gradient is small and so is what a further step promises.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// The largest entry of the gradient that counts as 0.
    pub tolerance: f64,
    /// The part of the objective that counts as nothing; infinite to look at the gradient only.
    pub gain: f64,
    pub iterations: usize,
}

/// Where the search ended.
#[derive(Clone, Debug)]
pub struct Solution {
    /// `[r+1,K]`, the last row the bias.
    pub parameters: Array2<f32>,
    pub objective: f64,
    /// The largest entry of the gradient.
    pub gradient: f64,
    pub iterations: usize,
}

/// `design · weights + bias`: `[N,r]` and `[r+1,K]`, the last row the bias, to `[N,K]`.
pub fn logits(design: ArrayView2<f32>, parameters: ArrayView2<f32>, parallelism: Par) -> Array2<f32> {
    let (weights, bias) = parameters.split_at(ndarray::Axis(0), parameters.nrows() - 1);
    product(design, weights, parallelism) + bias.row(0)
}

/// Rows that one task works on: sums over them are added in order, whatever the number of threads.
const CHUNK: usize = 128;

impl Problem<'_> {
    /// Searches from `start`, `[r+1,K]`.
    pub fn minimise(&self, start: Array2<f32>, stop: Stop) -> Solution {
        let mut work = Work::new(self);
        let mut at = Point::new(self, start, &mut work);
        let mut history = History::default();
        let mut iterations = 0;
        while iterations < stop.iterations {
            let curvature = self.inverse_curvature(&at.spread);
            let direction = history.direction(at.gradient.view(), curvature.view());
            let slope = dot(at.gradient.view(), direction.view());
            // Of a step to the minimum of the parabola that direction and slope tell of.
            let gain = -slope / 2.0;
            if largest(&at.gradient) <= stop.tolerance && gain <= stop.gain * self.objective(&at) {
                break;
            }
            let Some((step, bend)) = self.advance(&mut at, direction, slope, &mut work) else { break };
            history.remember(step, bend);
            iterations += 1;
        }
        Solution {
            objective: self.objective(&at),
            gradient: largest(&at.gradient),
            parameters: at.parameters,
            iterations,
        }
    }

    /// Goes along `direction` as far as pays: the step, and how the gradient changed over it. `None` when nothing pays.
    fn advance(
        &self,
        at: &mut Point,
        direction: Array2<f32>,
        slope: f64,
        work: &mut Work,
    ) -> Option<(Array2<f32>, Array2<f32>)> {
        let change = logits(self.design.view(), direction.view(), self.parallelism);
        let line = Line {
            problem: self,
            logits: &at.logits,
            change: &change,
            start: slope,
            penalty: self.penalty_along(&at.parameters, &direction),
        };
        let (length, loss) = line.search(at.loss, &mut work.probabilities)?;
        let step = direction * length as f32;
        at.parameters += &step;
        at.logits.scaled_add(length as f32, &change);
        at.loss = loss;
        let before = at.derive(self, work);
        Some((step, &at.gradient - &before))
    }

    fn objective(&self, at: &Point) -> f64 {
        let weights = at.parameters.slice(s![..-1, ..]);
        at.loss + self.penalty / 2.0 * dot(weights, weights)
    }

    /// Mean loss and its slope at `logits + length · change`, whose probabilities are left in `probabilities`.
    fn along(
        &self,
        logits: &Array2<f32>,
        change: &Array2<f32>,
        length: f64,
        probabilities: &mut Array2<f32>,
    ) -> (f64, f64) {
        let size = CHUNK * self.classes;
        let chunks = probabilities.as_slice_mut().expect("standard layout").par_chunks_mut(size);
        let logits = logits.as_slice().expect("standard layout").par_chunks(size);
        let change = change.as_slice().expect("standard layout").par_chunks(size);
        let samples = self.targets.par_chunks(CHUNK).zip(self.weights.par_chunks(CHUNK));
        let sums: Vec<(f64, f64)> = (chunks, logits, change, samples)
            .into_par_iter()
            .with_min_len(self.chunks_together())
            .map(|(probabilities, logits, change, (targets, weights))| {
                with_widest_vectors(Chunk { probabilities, logits, change, targets, weights, length: length as f32 })
            })
            .collect();
        sums.into_iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// How many chunks one thread takes at least.
    fn chunks_together(&self) -> usize {
        if self.parallelism == Par::Seq { usize::MAX } else { 1 }
    }

    /// One over the diagonal of the Hessian, as if probabilities and features did not depend on each other: `[r+1,K]`.
    fn inverse_curvature(&self, spread: &Array1<f32>) -> Array2<f32> {
        let bias = self.mean_squares.len();
        Array2::from_shape_fn((bias + 1, self.classes), |(row, class)| {
            let curvature = match row == bias {
                true => spread[class],
                false => self.mean_squares[row] * spread[class] + self.penalty as f32,
            };
            1.0 / curvature.max(1e-12)
        })
    }

    fn penalty_along(&self, parameters: &Array2<f32>, direction: &Array2<f32>) -> Parabola {
        let (weights, direction) = (parameters.slice(s![..-1, ..]), direction.slice(s![..-1, ..]));
        let half = self.penalty / 2.0;
        Parabola {
            constant: half * dot(weights, weights),
            linear: self.penalty * dot(weights, direction),
            square: half * dot(direction, direction),
        }
    }
}

fn largest(gradient: &Array2<f32>) -> f64 {
    f64::from(gradient.fold(0f32, |largest, value| largest.max(value.abs())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    struct Example {
        design: Array2<f32>,
        mean_squares: Array1<f32>,
        targets: Vec<ClassIndex>,
        weights: Vec<f64>,
    }

    fn example(samples: usize, channels: usize, classes: usize) -> Example {
        let mut rng = Pcg64::seed_from_u64(3);
        let coordinates = Array2::from_shape_fn((samples, channels), |_| rng.random_range(-1f32..1.0));
        let targets = (0..samples).map(|_| ClassIndex(rng.random_range(0..classes))).collect();
        let raw: Vec<f64> = (0..samples).map(|_| rng.random_range(0.5..2.0)).collect();
        let sum: f64 = raw.iter().sum();
        Example {
            mean_squares: Array1::from_elem(channels, 1.0 / 3.0),
            design: coordinates,
            targets,
            weights: raw.iter().map(|weight| weight / sum).collect(),
        }
    }

    impl Example {
        fn problem(&self, classes: usize, penalty: f64) -> Problem<'_> {
            Problem {
                design: &self.design,
                mean_squares: &self.mean_squares,
                targets: &self.targets,
                weights: &self.weights,
                classes,
                penalty,
                parallelism: Par::Seq,
            }
        }
    }

    /// The objective in double precision, written out.
    fn objective(problem: &Problem, parameters: &Array2<f64>) -> f64 {
        let (weights, bias) = (parameters.slice(s![..-1, ..]), parameters.row(parameters.nrows() - 1));
        let logits = problem.design.mapv(f64::from).dot(&weights) + bias;
        let rows = logits.rows().into_iter().zip(problem.targets).zip(problem.weights);
        let loss = rows.map(|((row, target), weight)| weight * (row.mapv(f64::exp).sum().ln() - row[target.0]));
        loss.sum::<f64>() + problem.penalty / 2.0 * weights.mapv(|weight| weight * weight).sum()
    }

    fn gradient_at(problem: &Problem, parameters: &Array2<f32>) -> Array2<f32> {
        Point::new(problem, parameters.clone(), &mut Work::new(problem)).gradient
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let example = example(20, 4, 3);
        let problem = example.problem(3, 0.1);
        let mut rng = Pcg64::seed_from_u64(4);
        let anywhere = Array2::from_shape_fn((5, 3), |_| rng.random_range(-1f32..1.0));
        for parameters in [anywhere, Array2::zeros((5, 3))] {
            let gradient = gradient_at(&problem, &parameters);
            for place in ndarray::indices((5, 3)) {
                let shifted = |by: f64| {
                    let mut parameters = parameters.mapv(f64::from);
                    parameters[place] += by;
                    objective(&problem, &parameters)
                };
                let numeric = (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
                assert!((numeric - f64::from(gradient[place])).abs() < 1e-5, "{place:?}");
            }
        }
    }

    #[test]
    fn the_slope_along_a_direction_is_that_of_central_differences() {
        let example = example(20, 4, 3);
        let problem = example.problem(3, 0.1);
        let mut rng = Pcg64::seed_from_u64(5);
        let [parameters, direction] = [0; 2].map(|_| Array2::from_shape_fn((5, 3), |_| rng.random_range(-1f32..1.0)));
        let [logits, change] = [&parameters, &direction].map(|p| logits(example.design.view(), p.view(), Par::Seq));
        let line = Line {
            problem: &problem,
            logits: &logits,
            change: &change,
            start: dot(gradient_at(&problem, &parameters).view(), direction.view()),
            penalty: problem.penalty_along(&parameters, &direction),
        };
        let mut probabilities = Array2::zeros(logits.dim());
        let (_, value, slope) = line.at(0.7, &mut probabilities);
        let exact =
            |length: f64| objective(&problem, &(parameters.mapv(f64::from) + direction.mapv(f64::from) * length));
        assert!((value - exact(0.7)).abs() < 1e-5);
        assert!((slope - (exact(0.7001) - exact(0.6999)) / 2e-4).abs() < 1e-4);
        assert!((line.start - (exact(1e-4) - exact(-1e-4)) / 2e-4).abs() < 1e-4);
    }

    #[test]
    fn the_search_ends_where_the_gradient_is_below_the_tolerance() {
        for penalty in [1e-4, 1e-2, 1.0] {
            let example = example(60, 10, 4);
            let problem = example.problem(4, penalty);
            let stop = Stop { tolerance: 1e-5, gain: f64::INFINITY, iterations: 500 };
            let solution = problem.minimise(Array2::zeros((11, 4)), stop);
            assert!(solution.gradient <= 1e-5, "{penalty}: {} after {}", solution.gradient, solution.iterations);
            let exact = objective(&problem, &solution.parameters.mapv(f64::from));
            assert!((solution.objective - exact).abs() < 1e-5 * exact);
        }
    }

    #[test]
    fn without_iterations_the_start_is_kept() {
        let example = example(10, 3, 2);
        let solution =
            example.problem(2, 0.1).minimise(Array2::zeros((4, 2)), Stop { tolerance: 0.0, gain: 0.0, iterations: 0 });
        assert_eq!(solution.parameters, Array2::<f32>::zeros((4, 2)));
        assert!((solution.objective - 2f64.ln()).abs() < 1e-6);
    }
}
