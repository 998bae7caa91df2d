//! Errors that fall with a power of the number of pictures.

use serde::Serialize;

/// Exponents tried: learning curves of image classifiers lie between.
const EXPONENTS: (f64, f64, usize) = (0.1, 1.5, 29);

/// The share of errors at `n` pictures of a class: `floor + scale * n^-exponent`.
///
/// Source: Hestness et al., "Deep Learning Scaling is Predictable, Empirically", 2017, equation 1 and section 2; as a
/// way to say how many samples are needed: Figueroa et al., "Predicting sample size required for classification
/// performance", 2012.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct PowerLaw {
    pub scale: f64,
    pub exponent: f64,
    pub floor: f64,
}

/// One measurement: errors among pictures asked, after so many to learn from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    pub pictures: f64,
    pub asked: f64,
    pub errors: f64,
}

impl Measured {
    fn rate(&self) -> f64 {
        self.errors / self.asked
    }

    /// One over the variance of the rate, with one error and one right answer added so that it is never 0.
    fn weight(&self) -> f64 {
        let rate = (self.errors + 1.0) / (self.asked + 2.0);
        self.asked / (rate * (1.0 - rate))
    }
}

impl PowerLaw {
    /// The law of least squared error, weighted by how sure each measurement is; neither `scale` nor `floor` is below 0.
    /// `None` without measurements at two numbers of pictures.
    pub fn fit(points: &[Measured]) -> Option<Self> {
        let (low, high, steps) = EXPONENTS;
        let exponents = (0..steps).map(|step| low + (high - low) * step as f64 / (steps - 1) as f64);
        let laws = exponents.filter_map(|exponent| Self::with_exponent(exponent, points));
        laws.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(law, _)| law)
    }

    /// The best law of this exponent, and its weighted squared error.
    pub fn with_exponent(exponent: f64, points: &[Measured]) -> Option<(Self, f64)> {
        let usable: Vec<&Measured> = points.iter().filter(|point| point.pictures > 0.0 && point.asked > 0.0).collect();
        if usable.iter().all(|point| point.pictures == usable[0].pictures) {
            return None;
        }
        // Least squares in x = n^-exponent: at the edge of the allowed region where its inside holds no minimum.
        let sum = |value: &dyn Fn(&Measured, f64) -> f64| {
            usable.iter().map(|point| point.weight() * value(point, point.pictures.powf(-exponent))).sum::<f64>()
        };
        let (one, x, xx) = (sum(&|_, _| 1.0), sum(&|_, x| x), sum(&|_, x| x * x));
        let (y, xy) = (sum(&|point, _| point.rate()), sum(&|point, x| x * point.rate()));
        let slope = (one * xy - x * y) / (one * xx - x * x);
        let inside = [(slope, (y - slope * x) / one)];
        let edges = [(xy / xx, 0.0), (0.0, y / one)];
        let law = |(scale, floor): (f64, f64)| Self { scale, exponent, floor };
        let loss = |law: &Self| sum(&|point, _| (point.rate() - law.error(point.pictures)).powi(2));
        let allowed = inside.into_iter().filter(|(scale, floor)| *scale >= 0.0 && *floor >= 0.0).chain(edges);
        allowed.map(|parts| (law(parts), loss(&law(parts)))).min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// The share of errors with `pictures` of a class to learn from, at most 1.
    pub fn error(&self, pictures: f64) -> f64 {
        (self.floor + self.scale * pictures.powf(-self.exponent)).min(1.0)
    }

    /// How many pictures of a class it takes to make no more than this share of errors; `None` when no number does.
    pub fn pictures_for(&self, error: f64) -> Option<f64> {
        let above_floor = error - self.floor;
        if self.scale <= 0.0 {
            return (above_floor >= 0.0).then_some(0.0);
        }
        (above_floor > 0.0).then(|| (self.scale / above_floor).powf(1.0 / self.exponent))
    }
}
