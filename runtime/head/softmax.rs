//! Multinomial logistic regression with an L2 penalty, by L-BFGS.

mod line;

use edgetl_algebra::Par;
use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

use line::{Line, Parabola, chunk_along};

use super::lbfgs::{History, dot};
use crate::labels::ClassIndex;
use edgetl_algebra::product;

/// The objective: the weighted mean cross-entropy of `design · parameters` plus `penalty / 2` times the squared weights.
/// scikit-learn's with `penalty = 1 / (C · total weight)`; the bias, the last row of the parameters, is not penalised.
pub struct Problem<'a> {
    /// `[N,r+1]`, in standard layout, the last column 1.
    pub design: &'a Array2<f32>,
    /// N
    pub targets: &'a [ClassIndex],
    /// N, summing to 1.
    pub weights: &'a [f64],
    /// K
    pub classes: usize,
    pub penalty: f64,
    pub parallelism: Par,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// The largest entry of the gradient that counts as 0.
    pub tolerance: f64,
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

/// Rows that one task works on: sums over them are added in order, whatever the number of threads.
const CHUNK: usize = 128;

impl Problem<'_> {
    /// Searches from `start`, `[r+1,K]`.
    pub fn minimise(&self, start: Array2<f32>, stop: Stop) -> Solution {
        let mut parameters = start;
        let mut logits = product(self.design.view(), parameters.view(), self.parallelism);
        let mut probabilities = Array2::zeros(logits.dim());
        let still = Array2::zeros(logits.dim());
        let mut loss = self.along(&logits, &still, 0.0, &mut probabilities).0;
        let mut gradient = self.gradient(&parameters, &probabilities);
        let mut history = History::default();
        let squares = self.mean_squares();
        let mut iterations = 0;
        while largest(&gradient) > stop.tolerance && iterations < stop.iterations {
            let curvature = self.inverse_curvature(&squares, &probabilities);
            let direction = history.direction(gradient.view(), curvature.view());
            let change = product(self.design.view(), direction.view(), self.parallelism);
            let line = Line {
                problem: self,
                logits: &logits,
                change: &change,
                penalty: self.penalty_along(&parameters, &direction),
            };
            let Some((length, lower)) = line.search(loss, &mut probabilities) else { break };
            loss = lower;
            logits.scaled_add(length as f32, &change);
            let step = direction * length as f32;
            parameters += &step;
            let next = self.gradient(&parameters, &probabilities);
            history.remember(step, &next - &gradient);
            gradient = next;
            iterations += 1;
        }
        let weights = parameters.slice(s![..-1, ..]);
        let objective = loss + self.penalty / 2.0 * dot(weights, weights);
        Solution { objective, gradient: largest(&gradient), parameters, iterations }
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
        let together = if self.parallelism == Par::Seq { usize::MAX } else { 1 };
        let sums: Vec<(f64, f64)> = (chunks, logits, change, samples)
            .into_par_iter()
            .with_min_len(together)
            .map(|(probabilities, logits, change, samples)| {
                chunk_along(probabilities, [logits, change], length as f32, samples)
            })
            .collect();
        sums.into_iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// `designᵀ · (weights · (probabilities - one-hot targets)) + penalty · weights`.
    fn gradient(&self, parameters: &Array2<f32>, probabilities: &Array2<f32>) -> Array2<f32> {
        let mut residual = probabilities.clone();
        for ((mut row, target), &weight) in residual.rows_mut().into_iter().zip(self.targets).zip(self.weights) {
            row[target.0] -= 1.0;
            row *= weight as f32;
        }
        let mut gradient = product(self.design.t(), residual.view(), self.parallelism);
        let last = gradient.nrows() - 1;
        let penalised = parameters.slice(s![..last, ..]);
        gradient.slice_mut(s![..last, ..]).scaled_add(self.penalty as f32, &penalised);
        gradient
    }

    /// `[r+1]`: of each column of the design.
    fn mean_squares(&self) -> Array1<f32> {
        let mut squares = Array1::<f64>::zeros(self.design.ncols());
        for (row, &weight) in self.design.rows().into_iter().zip(self.weights) {
            squares.zip_mut_with(&row, |sum, &value| *sum += weight * f64::from(value).powi(2));
        }
        squares.mapv(|square| square as f32)
    }

    /// One over the diagonal of the Hessian, as if probabilities and features did not depend on each other: `[r+1,K]`.
    fn inverse_curvature(&self, squares: &Array1<f32>, probabilities: &Array2<f32>) -> Array2<f32> {
        let mut spread = Array1::<f32>::zeros(self.classes);
        for (row, &weight) in probabilities.rows().into_iter().zip(self.weights) {
            spread.zip_mut_with(&row, |sum, &p| *sum += weight as f32 * p * (1.0 - p));
        }
        let last = squares.len() - 1;
        Array2::from_shape_fn((squares.len(), self.classes), |(row, class)| {
            let penalty = if row == last { 0.0 } else { self.penalty as f32 };
            1.0 / (squares[row] * spread[class] + penalty).max(1e-12)
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

/// `coordinates` with a last column of ones.
pub fn with_bias(coordinates: ArrayView2<f32>) -> Array2<f32> {
    let (rows, columns) = coordinates.dim();
    let mut design = Array2::ones((rows, columns + 1));
    design.slice_mut(s![.., ..columns]).assign(&coordinates);
    design
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    struct Example {
        design: Array2<f32>,
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
            design: with_bias(coordinates.view()),
            targets,
            weights: raw.iter().map(|weight| weight / sum).collect(),
        }
    }

    impl Example {
        fn problem(&self, classes: usize, penalty: f64) -> Problem<'_> {
            Problem {
                design: &self.design,
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
        let logits = problem.design.mapv(f64::from).dot(parameters);
        let rows = logits.rows().into_iter().zip(problem.targets).zip(problem.weights);
        let loss = rows.map(|((row, target), weight)| weight * (row.mapv(f64::exp).sum().ln() - row[target.0]));
        let weights = parameters.slice(s![..-1, ..]);
        loss.sum::<f64>() + problem.penalty / 2.0 * weights.mapv(|weight| weight * weight).sum()
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let example = example(20, 4, 3);
        let problem = example.problem(3, 0.1);
        let mut rng = Pcg64::seed_from_u64(4);
        let parameters = Array2::from_shape_fn((5, 3), |_| rng.random_range(-1f32..1.0));
        let logits = example.design.dot(&parameters);
        let mut probabilities = Array2::zeros(logits.dim());
        problem.along(&logits, &logits, 0.0, &mut probabilities);
        let gradient = problem.gradient(&parameters, &probabilities);
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

    #[test]
    fn the_slope_along_a_direction_is_that_of_central_differences() {
        let example = example(20, 4, 3);
        let problem = example.problem(3, 0.1);
        let mut rng = Pcg64::seed_from_u64(5);
        let [parameters, direction] = [0; 2].map(|_| Array2::from_shape_fn((5, 3), |_| rng.random_range(-1f32..1.0)));
        let (logits, change) = (example.design.dot(&parameters), example.design.dot(&direction));
        let line = Line {
            problem: &problem,
            logits: &logits,
            change: &change,
            penalty: problem.penalty_along(&parameters, &direction),
        };
        let mut probabilities = Array2::zeros(logits.dim());
        let (_, value, slope) = line.at(0.7, &mut probabilities);
        let exact =
            |length: f64| objective(&problem, &(parameters.mapv(f64::from) + direction.mapv(f64::from) * length));
        assert!((value - exact(0.7)).abs() < 1e-5);
        assert!((slope - (exact(0.7001) - exact(0.6999)) / 2e-4).abs() < 1e-4);
        line.at(0.0, &mut probabilities);
        assert!((line.slope_at_start(&probabilities) - (exact(1e-4) - exact(-1e-4)) / 2e-4).abs() < 1e-4);
    }

    #[test]
    fn the_search_ends_where_the_gradient_is_below_the_tolerance() {
        for penalty in [1e-4, 1e-2, 1.0] {
            let example = example(60, 10, 4);
            let problem = example.problem(4, penalty);
            let stop = Stop { tolerance: 1e-5, iterations: 500 };
            let solution = problem.minimise(Array2::zeros((11, 4)), stop);
            assert!(solution.gradient <= 1e-5, "{penalty}: {} after {}", solution.gradient, solution.iterations);
            let exact = objective(&problem, &solution.parameters.mapv(f64::from));
            assert!((solution.objective - exact).abs() < 1e-5 * exact);
        }
    }

    #[test]
    fn without_iterations_the_start_is_kept() {
        let example = example(10, 3, 2);
        let solution = example.problem(2, 0.1).minimise(Array2::zeros((4, 2)), Stop { tolerance: 0.0, iterations: 0 });
        assert_eq!(solution.parameters, Array2::<f32>::zeros((4, 2)));
        assert!((solution.objective - 2f64.ln()).abs() < 1e-6);
    }
}
