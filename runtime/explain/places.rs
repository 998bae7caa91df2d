//! The parts of a feature with what lies at each place of the picture.

use ndarray::{Array1, Array2, Array3, ArrayView1, Axis, s};

use crate::manifest::Manifest;
use crate::tensor::Activations;

/// Some channels of a feature: the mean over the places, and what is added beside them, are those channels.
pub struct Part {
    /// `[C,h,w]`
    pub places: Array3<f32>,
    /// `[C]`, of tokens that stand for no place; `None` where there are none.
    pub beside: Option<Array1<f32>>,
}

/// How far the mean of the places may be from the feature, of its largest number.
const TOLERANCE: f32 = 1e-3;
/// Class token and registers.
const MOST_PREFIX: usize = 5;

/// The parts that the first `dim` channels of the feature of image 0 are made of; `None` where they are not the means of maps.
pub fn parts(activations: &Activations, manifest: &Manifest, dim: usize) -> Option<Vec<Part>> {
    let feature = activations.features.0.row(0);
    let mut parts = vec![first(activations, manifest)?];
    if dim > manifest.feature.dim {
        let earlier = activations.earlier_maps.iter();
        parts.extend(earlier.map(|map| Part { places: map.values().index_axis(Axis(0), 0).to_owned(), beside: None }));
    }
    let mut from = 0;
    for part in &parts {
        let to = from + part.places.len_of(Axis(0));
        if to > dim || !part.gives(feature.slice(s![from..to])) {
            return None;
        }
        from = to;
    }
    (from == dim).then_some(parts)
}

fn first(activations: &Activations, manifest: &Manifest) -> Option<Part> {
    if let Some(map) = &activations.map {
        return Some(Part { places: map.values().index_axis(Axis(0), 0).to_owned(), beside: None });
    }
    let tokens = activations.tokens.as_ref()?.index_axis(Axis(0), 0);
    let (count, channels) = tokens.dim();
    let (height, width) = (manifest.preprocess.height as usize, manifest.preprocess.width as usize);
    let (prefix, rows, columns) = (0..=MOST_PREFIX).find_map(|prefix| {
        let places = count.checked_sub(prefix).filter(|places| *places > 0)?;
        let rows = (places as f64 * height as f64 / width as f64).sqrt().round() as usize;
        let columns = places.checked_div(rows)?;
        (rows * columns == places && rows * width == columns * height).then_some((prefix, rows, columns))
    })?;
    // The mean is over all tokens, so each place counts a little less.
    let share = (count - prefix) as f32 / count as f32;
    let places = tokens.slice(s![prefix.., ..]).t().as_standard_layout().into_owned() * share;
    let places = places.into_shape_with_order((channels, rows, columns)).ok()?;
    let beside = (prefix > 0).then(|| tokens.slice(s![..prefix, ..]).sum_axis(Axis(0)) / count as f32);
    Some(Part { places, beside })
}

impl Part {
    fn gives(&self, feature: ArrayView1<f32>) -> bool {
        let mut means = self.places.mean_axis(Axis(2)).and_then(|rows| rows.mean_axis(Axis(1))).expect("a place");
        self.beside.iter().for_each(|beside| means += beside);
        let largest = feature.iter().fold(1e-6_f32, |most, value| most.max(value.abs()));
        means.iter().zip(feature).all(|(mean, value)| (mean - value).abs() <= TOLERANCE * largest)
    }

    /// What the places add to an output with these weights `[C]`, and what is added beside them.
    pub fn weighted(&self, weights: ArrayView1<f32>) -> (Array2<f32>, f32) {
        let (_, rows, columns) = self.places.dim();
        let mut grid = Array2::zeros((rows, columns));
        for (plane, &weight) in self.places.axis_iter(Axis(0)).zip(weights) {
            grid.scaled_add(weight, &plane);
        }
        (grid, self.beside.as_ref().map_or(0.0, |beside| beside.dot(&weights)))
    }
}

/// `grid` with another number of rows and columns; each place of the outcome is the mean of what it covers, so the mean stays.
pub fn resampled(grid: &Array2<f32>, (rows, columns): (usize, usize)) -> Array2<f32> {
    if grid.dim() == (rows, columns) {
        return grid.clone();
    }
    let down = shares(grid.nrows(), rows);
    down.dot(grid).dot(&shares(grid.ncols(), columns).t())
}

/// `[to,from]`: how much of each old place is in each new one, in shares of the new one.
fn shares(from: usize, to: usize) -> Array2<f32> {
    Array2::from_shape_fn((to, from), |(new, old)| {
        // Both in units of 1 / (from * to).
        let (start, end) = ((new * from).max(old * to), ((new + 1) * from).min((old + 1) * to));
        end.saturating_sub(start) as f32 / from as f32
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_spread_over_the_places_that_it_becomes() {
        let grid = array![[1.0, 3.0]];
        assert_eq!(resampled(&grid, (2, 4)), array![[1., 1., 3., 3.], [1., 1., 3., 3.]]);
        assert_eq!(resampled(&grid, (1, 1)), array![[2.0]]);
        let thirds = resampled(&grid, (1, 3));
        assert!((thirds - array![[1.0, 2.0, 3.0]]).iter().all(|gap: &f32| gap.abs() < 1e-6));
    }

    proptest! {
        #[test]
        fn the_mean_of_a_grid_stays_when_its_size_changes(
            values in proptest::collection::vec(-5f32..5.0, 35), rows in 1usize..20, columns in 1usize..20,
        ) {
            let grid = Array2::from_shape_vec((5, 7), values).unwrap();
            let mean = resampled(&grid, (rows, columns)).mean().unwrap();
            prop_assert!((mean - grid.mean().unwrap()).abs() < 1e-4);
        }
    }
}
