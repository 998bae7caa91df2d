//! Weighted sums over samples: all that a regression and discriminants need to know of them. Those of a fold, taken out of
//! those of all, are the sums of the rest.

use edgetl_algebra::{get_global_parallelism, inner_product, product};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::head::design::Coordinates;

/// Samples with targets and weights.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    /// `[N,r]`, the columns of mean 0 when all weights are equal.
    pub coordinates: &'a dyn Coordinates,
    /// `[N,K]`
    pub targets: ArrayView2<'a, f32>,
    /// `[N]`, above 0.
    pub weights: &'a [f64],
}

/// Sums over samples, each times its weight.
#[derive(Clone, PartialEq, Debug)]
pub struct Sums {
    /// Of the weights themselves.
    pub weight: f64,
    /// `[r]`
    pub coordinates: Array1<f64>,
    /// `[K]`
    pub targets: Array1<f64>,
    /// `[r,r]`: of products of coordinates.
    pub moment: Array2<f64>,
    /// `[r,K]`: of products of coordinates and targets.
    pub cross: Array2<f64>,
}

/// Sums about the means, and the means.
pub struct Centred {
    /// `[r,r]`
    pub moment: Array2<f64>,
    /// `[r,K]`
    pub cross: Array2<f64>,
    /// `[r]`
    pub mean: Array1<f64>,
    /// `[K]`
    pub target_mean: Array1<f64>,
}

/// Rows that are looked at together: their products are large enough to be fast, and small beside all features.
const TOGETHER: usize = 2048;

impl Samples<'_> {
    /// Sums over all samples.
    pub fn sums(&self) -> Sums {
        let all: Vec<usize> = (0..self.weights.len()).collect();
        self.sums_of(&all)
    }

    /// Sums over the samples at `rows`.
    pub fn sums_of(&self, rows: &[usize]) -> Sums {
        let mut sums = Sums::zeros(self.coordinates.dim().1, self.targets.ncols());
        rows.chunks(TOGETHER).for_each(|rows| sums.add(self, rows));
        sums
    }
}

impl Sums {
    fn zeros(rank: usize, targets: usize) -> Self {
        Self {
            weight: 0.0,
            coordinates: Array1::zeros(rank),
            targets: Array1::zeros(targets),
            moment: Array2::zeros((rank, rank)),
            cross: Array2::zeros((rank, targets)),
        }
    }

    fn add(&mut self, samples: &Samples, rows: &[usize]) {
        let roots = Array1::from_iter(rows.iter().map(|&row| samples.weights[row].sqrt()));
        let column = roots.view().insert_axis(Axis(1));
        let coordinates = samples.coordinates.rows(rows).mapv(f64::from) * column;
        let targets = samples.targets.select(Axis(0), rows).mapv(f64::from) * column;
        self.weight += roots.dot(&roots);
        self.coordinates += &coordinates.t().dot(&roots);
        self.targets += &targets.t().dot(&roots);
        self.moment += &inner_product(coordinates.view());
        self.cross += &product(coordinates.t(), targets.view(), get_global_parallelism());
    }

    /// The sums over those samples that `others` are not sums of.
    pub fn without(&self, others: &Self) -> Self {
        Self {
            weight: self.weight - others.weight,
            coordinates: &self.coordinates - &others.coordinates,
            targets: &self.targets - &others.targets,
            moment: &self.moment - &others.moment,
            cross: &self.cross - &others.cross,
        }
    }

    /// The sums of the first `count` coordinates.
    pub fn of_first(&self, count: usize) -> Self {
        Self {
            weight: self.weight,
            coordinates: self.coordinates.slice(s![..count]).to_owned(),
            targets: self.targets.clone(),
            moment: self.moment.slice(s![..count, ..count]).to_owned(),
            cross: self.cross.slice(s![..count, ..]).to_owned(),
        }
    }

    /// About the weighted means.
    pub fn centred(&self) -> Centred {
        let (mean, target_mean) = (&self.coordinates / self.weight, &self.targets / self.weight);
        let column = self.coordinates.view().insert_axis(Axis(1));
        Centred {
            moment: &self.moment - &(&column * &mean.view().insert_axis(Axis(0))),
            cross: &self.cross - &(&column * &target_mean.view().insert_axis(Axis(0))),
            mean,
            target_mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_without_a_fold_are_the_sums_over_the_rest() {
        let coordinates = Array2::from_shape_fn((TOGETHER + 5, 3), |(n, c)| ((n * 3 + c) as f32).sin());
        let targets = Array2::from_shape_fn((TOGETHER + 5, 2), |(n, k)| ((n + k) as f32).cos());
        let weights: Vec<f64> = (0..TOGETHER + 5).map(|n| 0.5 + (n % 3) as f64).collect();
        let samples = Samples { coordinates: &coordinates, targets: targets.view(), weights: &weights };
        let (fold, rest): (Vec<usize>, Vec<usize>) = (0..TOGETHER + 5).partition(|n| n % 7 == 0);
        let (without, direct) = (samples.sums().without(&samples.sums_of(&fold)), samples.sums_of(&rest));
        assert!((without.moment - &direct.moment).iter().all(|gap| gap.abs() < 1e-9));
        assert!((without.cross - &direct.cross).iter().all(|gap| gap.abs() < 1e-9));
        assert!((without.weight - direct.weight).abs() < 1e-9);
        let first = coordinates.slice(s![.., ..2]).to_owned();
        let of_first = Samples { coordinates: &first, ..samples }.sums_of(&rest);
        assert!((direct.of_first(2).moment - of_first.moment).iter().all(|gap| gap.abs() < 1e-9));
        assert!((direct.of_first(2).cross - of_first.cross).iter().all(|gap| gap.abs() < 1e-9));
        let centred = direct.centred();
        let about = coordinates.select(Axis(0), &rest).mapv(f64::from) - &centred.mean;
        let roots = Array1::from_iter(rest.iter().map(|&n| weights[n].sqrt())).insert_axis(Axis(1));
        let about = about * roots;
        assert!((about.t().dot(&about) - centred.moment).iter().all(|gap| gap.abs() < 1e-9));
    }
}
