use super::*;
use ndarray::concatenate;
use proptest::prelude::*;

struct Example {
    coordinates: Array2<f32>,
    targets: Array2<f32>,
    weights: Vec<f64>,
}

impl Example {
    fn new(samples: usize, channels: usize, values: &[f64]) -> Self {
        let value = |index: usize| values[index % values.len()] + (index as f64 * 0.7).sin();
        let coordinates = Array2::from_shape_fn((samples, channels), |(n, c)| value(n * channels + c) as f32);
        let classes: Vec<_> = (0..samples).map(|n| ClassIndex(n % 3)).collect();
        let weights = (0..samples).map(|n| 0.5 + (n % 4) as f64).collect();
        Self { coordinates, targets: one_against_rest(&classes, 3), weights }
    }

    fn data(&self) -> Samples<'_> {
        Samples { coordinates: &self.coordinates, targets: self.targets.view(), weights: &self.weights }
    }

    fn without(&self, block: &[usize]) -> Self {
        let kept: Vec<usize> = (0..self.weights.len()).filter(|row| !block.contains(row)).collect();
        Self {
            coordinates: self.coordinates.select(Axis(0), &kept),
            targets: self.targets.select(Axis(0), &kept),
            weights: kept.iter().map(|&row| self.weights[row]).collect(),
        }
    }
}

fn path<T: Real>(samples: Samples<'_>) -> RidgePath<'_, T> {
    RidgePath::new(samples, Cow::Owned(samples.sums())).unwrap()
}

#[test]
fn the_weights_solve_the_normal_equations_with_a_free_intercept() {
    let example = Example::new(12, 4, &[0.3, -1.0, 2.0, 0.1, 0.9]);
    let (weights, intercept) = solve(&example.data().sums(), 2.5).unwrap();
    let (weights, intercept) = (weights.mapv(f64::from), intercept.mapv(f64::from));
    let design = concatenate![Axis(1), example.coordinates.mapv(f64::from), Array2::ones((12, 1))];
    let parameters = concatenate![Axis(0), weights, intercept.insert_axis(Axis(0))];
    let scaled = &design * &Array1::from(example.weights.clone()).insert_axis(Axis(1));
    let mut gradient = scaled.t().dot(&(design.dot(&parameters) - example.targets.mapv(f64::from)));
    gradient.slice_mut(ndarray::s![..4, ..]).scaled_add(2.5, &parameters.slice(ndarray::s![..4, ..]));
    assert!(gradient.iter().all(|entry| entry.abs() < 1e-5), "{gradient}");
}

#[test]
fn uncorrelated_coordinates_need_no_decomposition() {
    let coordinates = ndarray::array![[1f32, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
    let targets = ndarray::array![[1f32], [-1.0], [1.0], [1.0]];
    let data = Samples { coordinates: &coordinates, targets: targets.view(), weights: &[1.0; 4] };
    let blocks = [[0, 1]];
    let predictions = |path: RidgePath<f64>| path.predictions_without(0.5, blocks.iter().map(|block| &block[..]));
    let (fast, slow) = (predictions(RidgePath::of_uncorrelated(data)), predictions(path(data)));
    assert!(fast.iter().zip(&slow).take(2).all(|(fast, slow)| (fast - slow).abs() < 1e-6));
}

#[test]
fn without_coordinates_the_intercept_is_all_there_is() {
    let targets = ndarray::array![[1f32], [1.0], [1.0], [-1.0]];
    let coordinates = Array2::<f32>::zeros((4, 0));
    let data = Samples { coordinates: &coordinates, targets: targets.view(), weights: &[1.0; 4] };
    assert_eq!(solve(&data.sums(), 1.0).unwrap(), (Array2::zeros((0, 1)), ndarray::array![0.5]));
    let path = path::<f64>(data);
    let blocks = [0, 3].map(|row| [row]);
    let predictions = path.predictions_without(1.0, blocks.iter().map(|block| &block[..]));
    assert!((predictions[[0, 0]] - 1.0 / 3.0).abs() < 1e-6 && (predictions[[3, 0]] - 1.0).abs() < 1e-6);
    let squares = path.squares_without(&[1.0], blocks.iter().map(|block| &block[..]), &[0, 1, 2]);
    assert!((squares[0] - 4.0 / 9.0).abs() < 1e-12);
}

/// 60 samples in 5 of 40 dimensions, many of them far from 0: single precision leaves noise above small penalties.
#[test]
fn single_precision_answers_as_double_where_the_features_lack_rank() {
    let wide = Array2::from_shape_fn((60, 5), |(n, c)| 30.0 * ((n * 7 + c * 13) as f32).sin());
    let coordinates = wide.dot(&Array2::from_shape_fn((5, 40), |(r, c)| ((r * 5 + c * 3) as f32).cos()));
    let targets = Array2::from_shape_fn((60, 2), |(n, c)| if wide[[n, c]] > 0.0 { 1.0 } else { -1.0 });
    let weights: Vec<f64> = (0..60).map(|n| 0.5 + f64::from(n % 3)).collect();
    let data = Samples { coordinates: &coordinates, targets: targets.view(), weights: &weights };
    let (single, double) = (path::<f32>(data), path::<f64>(data));
    let blocks: Vec<[usize; 1]> = (0..60).map(|row| [row]).collect();
    for penalty in [1.0, 1e2] {
        let ours = single.predictions_without(penalty, blocks.iter().map(|block| &block[..]));
        let exact = double.predictions_without(penalty, blocks.iter().map(|block| &block[..]));
        assert!((ours - exact).iter().all(|gap| gap.abs() < 1e-2), "{penalty}");
    }
}

proptest! {
    #[test]
    fn leaving_a_block_out_is_the_fit_without_it(
        shape in prop_oneof![Just((15usize, 4usize)), Just((9, 20))],
        values in proptest::collection::vec(-2f64..2.0, 31),
        penalty in 0.1f64..50.0,
        block in prop_oneof![
            Just(vec![4usize]),
            Just(vec![0, 3, 7]),
            Just(vec![1, 2]),
            // More samples than coordinates in the first shape: out of the sums.
            Just(vec![0, 1, 2, 3, 5, 6, 7]),
        ],
    ) {
        let example = Example::new(shape.0, shape.1, &values);
        let path = path::<f64>(example.data());
        let predictions = path.predictions_without(penalty, [block.as_slice()].into_iter());
        let (weights, intercept) = solve(&example.without(&block).data().sums(), penalty).unwrap();
        for &row in &block {
            let refitted = example.coordinates.row(row).dot(&weights) + &intercept;
            for (exact, shortcut) in refitted.iter().zip(predictions.row(row)) {
                prop_assert!((exact - shortcut).abs() < 1e-3 * (1.0 + exact.abs()));
            }
        }
        prop_assert!(predictions[[8, 0]].is_nan());
    }
}
