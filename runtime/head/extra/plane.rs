//! Features in two dimensions, to be drawn.

use edgetl_algebra::{eigen, outer_product};
use ndarray::{Array2, ArrayView2, Axis};

use crate::head::error::FitError;

/// Features along the two directions in which they differ most.
#[derive(Clone, PartialEq, Debug)]
pub struct Plane {
    /// `[N,2]`, around 0; columns are 0 where the features differ in fewer directions.
    pub places: Array2<f64>,
    /// How much of all variance each direction has, as a share.
    pub explained: [f64; 2],
}

/// The first two principal components of `features` `[N,C]`, by the N x N matrix of their products: for some hundreds of rows.
///
/// # Errors
/// When they cannot be decomposed.
pub fn plane(features: ArrayView2<f32>) -> Result<Plane, FitError> {
    let rows = features.nrows();
    let mut places = Array2::zeros((rows, 2));
    let mut explained = [0.0; 2];
    let mut centred = features.mapv(f64::from);
    let Some(mean) = centred.mean_axis(Axis(0)) else { return Ok(Plane { places, explained }) };
    centred -= &mean;
    let products = outer_product(centred.view());
    let total: f64 = products.diag().sum();
    if total <= 0.0 {
        return Ok(Plane { places, explained });
    }
    let eigen = eigen(products.view()).map_err(|_| FitError::Decomposition)?;
    for (component, share) in explained.iter_mut().enumerate().take(rows) {
        let at = rows - 1 - component;
        let (value, vector) = (eigen.values[at].max(0.0), eigen.vectors.column(at));
        let largest = vector.iter().fold(0.0_f64, |most, part| if part.abs() > most.abs() { *part } else { most });
        // Which way a direction points is chance: the farthest row lies on the positive side.
        places.column_mut(component).assign(&(&vector * (value.sqrt() * largest.signum())));
        *share = value / total;
    }
    Ok(Plane { places, explained })
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn points_on_a_line_lie_on_a_line_and_points_alike_in_one_place() {
        let found =
            plane(array![[0.0, 0.0, 1.0], [3.0, 4.0, 1.0], [6.0, 8.0, 1.0], [-9.0, -12.0, 1.0]].view()).unwrap();
        let expected = [0.0, -5.0, -10.0, 15.0];
        assert!(found.places.column(0).iter().zip(expected).all(|(place, expected)| (place - expected).abs() < 1e-6));
        assert!((found.explained[0] - 1.0).abs() < 1e-9 && found.explained[1] < 1e-9);
        for alike in [Array2::ones((3, 2)), Array2::ones((1, 2)), Array2::ones((0, 2))] {
            assert!(plane(alike.view()).unwrap().places.iter().all(|place| *place == 0.0));
        }
    }

    proptest! {
        #[test]
        fn the_variance_along_each_direction_is_its_share(values in proptest::collection::vec(-3f32..3.0, 60)) {
            let features = Array2::from_shape_vec((12, 5), values).unwrap();
            let found = plane(features.view()).unwrap();
            let centred = features.mapv(f64::from) - features.mapv(f64::from).mean_axis(Axis(0)).unwrap();
            let total: f64 = centred.iter().map(|value| value * value).sum();
            for (column, explained) in found.places.columns().into_iter().zip(found.explained) {
                let along: f64 = column.iter().map(|value| value * value).sum();
                prop_assert!((along / total - explained).abs() < 1e-6);
            }
            prop_assert!(found.explained[0] >= found.explained[1] && found.explained[0] + found.explained[1] < 1.0 + 1e-9);
            prop_assert!((found.places.column(0).dot(&found.places.column(1))).abs() < 1e-6 * total);
        }
    }
}
