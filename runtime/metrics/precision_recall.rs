//! What a threshold on the probability of one class gives and takes.

use serde::Serialize;

/// Of pictures that are called by a class from `threshold` on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct TradeOff {
    pub threshold: f32,
    pub precision: f64,
    pub recall: f64,
}

/// The curve of all thresholds, from the highest: one point a distinct probability. Empty without a picture of the class.
///
/// `pictures` are the probability of the class and whether the picture is of it.
///
/// Source: scikit-learn's `precision_recall_curve`, in the opposite order and without its last point.
pub fn precision_recall(pictures: impl IntoIterator<Item = (f32, bool)>) -> Vec<TradeOff> {
    let mut pictures: Vec<(f32, bool)> = pictures.into_iter().collect();
    pictures.sort_by(|a, b| b.0.total_cmp(&a.0));
    let own = pictures.iter().filter(|picture| picture.1).count();
    if own == 0 {
        return Vec::new();
    }
    let (mut curve, mut called, mut right) = (Vec::new(), 0, 0);
    for equal in pictures.chunk_by(|a, b| a.0 == b.0) {
        called += equal.len();
        right += equal.iter().filter(|picture| picture.1).count();
        curve.push(TradeOff {
            threshold: equal[0].0,
            precision: right as f64 / called as f64,
            recall: right as f64 / own as f64,
        });
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: scikit-learn's own example, `precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])`.
    #[test]
    fn the_curve_is_that_of_scikit_learn() {
        let curve = precision_recall([(0.1, false), (0.4, false), (0.35, true), (0.8, true)]);
        let expected = [(0.8, 1.0, 0.5), (0.4, 0.5, 0.5), (0.35, 2.0 / 3.0, 1.0), (0.1, 0.5, 1.0)];
        let expected = expected.map(|(threshold, precision, recall)| TradeOff { threshold, precision, recall });
        assert_eq!(curve, expected);
        assert!(precision_recall([(0.1, false)]).is_empty());
    }
}
