//! Weight imprinting: a class is the mean direction of its features.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::labels::ClassIndex;

/// Cosine similarity to one direction a class, times a scale.
///
/// Source: Qi, Brown, Lowe, "Low-Shot Learning with Imprinted Weights", 2018, equations 3 and 4.
#[derive(Clone, PartialEq, Debug)]
pub struct Prototype {
    /// `[K,C]`, rows of length 1 (or 0 for a class whose features cancel).
    pub directions: Array2<f32>,
    /// What a cosine is multiplied with to be a logit.
    pub scale: f32,
}

impl Prototype {
    /// Imprints each class with the normalised mean of its normalised features; the scale is left at 1.
    ///
    /// # Shapes
    /// `features` `[N,C]`, `targets` N.
    pub fn imprint(features: ArrayView2<f32>, targets: &[ClassIndex], classes: usize) -> Self {
        let rows: Vec<usize> = (0..targets.len()).collect();
        Self::imprint_rows((features, targets), &rows, classes)
    }

    /// [`Prototype::imprint`] with some rows of `features` `[N,C]` and `targets` N.
    pub fn imprint_rows((features, targets): (ArrayView2<f32>, &[ClassIndex]), rows: &[usize], classes: usize) -> Self {
        let mut sums = Array2::<f64>::zeros((classes, features.ncols()));
        for &row in rows {
            let (feature, mut sum) = (features.row(row), sums.row_mut(targets[row].0));
            let factor = to_unit(feature);
            sum.zip_mut_with(&feature, |sum, &value| *sum += f64::from(value) * factor);
        }
        let mut directions = sums.mapv(|sum| sum as f32);
        normalize_rows(&mut directions);
        Self { directions, scale: 1.0 }
    }

    /// # Shapes
    /// `features` `[N,C]`; the result `[N,K]`, each within ± the scale.
    pub fn logits(&self, features: ArrayView2<f32>) -> Array2<f32> {
        let mut units = features.to_owned();
        normalize_rows(&mut units);
        units.dot(&self.directions.t()) * self.scale
    }

    /// K.
    pub fn classes(&self) -> usize {
        self.directions.nrows()
    }

    /// C.
    pub fn dim(&self) -> usize {
        self.directions.ncols()
    }
}

/// `feature` at length 1; all zeros stay zeros.
pub fn unit(feature: ArrayView1<f32>) -> Array1<f32> {
    let factor = to_unit(feature);
    feature.mapv(|value| (f64::from(value) * factor) as f32)
}

/// What gives `feature` length 1; 0 for all zeros.
fn to_unit(feature: ArrayView1<f32>) -> f64 {
    let length = feature.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 { 1.0 / length } else { 0.0 }
}

/// Every row at length 1; rows of zeros stay as they are.
pub fn normalize_rows(rows: &mut Array2<f32>) {
    for mut row in rows.axis_iter_mut(Axis(0)) {
        let normalized = unit(row.view());
        row.assign(&normalized);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn imprinted() -> Prototype {
        let features = array![[3., 4.], [4., 3.], [0., -2.]];
        Prototype::imprint(features.view(), &[ClassIndex(0), ClassIndex(0), ClassIndex(1)], 3)
    }

    #[test]
    fn a_class_is_imprinted_with_the_mean_direction_of_its_features() {
        let half = 0.5f32.sqrt();
        assert!(
            (imprinted().directions - array![[half, half], [0., -1.], [0., 0.]]).iter().all(|gap| gap.abs() < 1e-6)
        );
    }

    #[test]
    fn logits_are_cosines_and_do_not_depend_on_the_length_of_a_feature() {
        let logits = imprinted().logits(array![[5., 5.], [0.01, 0.01], [0., 7.], [0., 0.]].view());
        let half = 0.5f32.sqrt();
        let expected = array![[1., -half, 0.], [1., -half, 0.], [half, -1., 0.], [0., 0., 0.]];
        assert!((logits - expected).iter().all(|gap| gap.abs() < 1e-6));
    }

    #[test]
    fn adding_classes_later_changes_nothing_for_the_earlier_ones() {
        let features = array![[3., 4.], [4., 3.], [0., -2.]];
        let first = Prototype::imprint(features.slice(ndarray::s![..2, ..]), &[ClassIndex(0), ClassIndex(0)], 1);
        assert_eq!(first.directions.row(0), imprinted().directions.row(0));
    }

    #[test]
    fn huge_features_do_not_overflow() {
        let head = Prototype::imprint(array![[f32::MAX, f32::MAX]].view(), &[ClassIndex(0)], 1);
        assert!((head.directions[[0, 0]] - 0.5f32.sqrt()).abs() < 1e-6);
    }
}
