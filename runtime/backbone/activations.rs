//! From an engine's output tensors to features and maps.

use ndarray::{Array2, Array3, ArrayD, Axis, Ix3, Ix4, concatenate, s};

use super::BackboneError;
use super::graph::values_per_image;
use crate::manifest::{Feature, FeatureKind};
use crate::tensor::{Activations, FeatureMap, Features};

/// Pools `outputs`, the tensors of `feature.parts()` and, where there is one, `feature.map`, of `images` images.
pub(super) fn activations(
    feature: &Feature,
    outputs: Vec<ArrayD<f32>>,
    images: usize,
) -> Result<Activations, BackboneError> {
    let mut outputs = outputs.into_iter();
    let (mut vectors, mut spatial) = (Vec::new(), Vec::new());
    for (name, kind, dim) in feature.parts() {
        let tensor = outputs.next().expect("an engine gives every output that was asked for");
        let (features, places) = part((name, kind), tensor, images)?;
        if features.ncols() != dim {
            return Err(BackboneError::Dim { output: name.to_owned(), expected: dim, got: features.ncols() });
        }
        vectors.push(features);
        spatial.push(places);
    }
    let mut spatial = spatial.into_iter();
    let own = spatial.next().unwrap_or_default();
    let named_map = match (&feature.map, outputs.next()) {
        (Some(name), Some(tensor)) => Some(FeatureMap::new(rank(name, "[N,C,h,w]", tensor)?)?),
        _ => None,
    };
    let features = Features(beside(vectors));
    let earlier_maps = spatial.filter_map(|places| places.map).collect();
    Ok(Activations { features, map: named_map.or(own.map), earlier_maps, tokens: own.tokens })
}

/// What a feature is the mean of.
#[derive(Default)]
struct Places {
    map: Option<FeatureMap>,
    /// `[N,T,C]`
    tokens: Option<Array3<f32>>,
}

/// One tensor as finite features, and what they are the mean of.
fn part(
    (name, kind): (&str, FeatureKind),
    tensor: ArrayD<f32>,
    images: usize,
) -> Result<(Array2<f32>, Places), BackboneError> {
    if tensor.shape().first() != Some(&images) {
        return Err(shape_error(name, "one feature for every image", tensor.shape()));
    }
    let (Features(features), places) = pooled(name, kind, tensor)?;
    match features.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(BackboneError::NotFinite { output: name.to_owned(), value }),
        None => Ok((features, places)),
    }
}

/// `[N,C]`, `[N,D]`, … as `[N,C+D+…]`.
fn beside(mut parts: Vec<Array2<f32>>) -> Array2<f32> {
    match parts.len() {
        1 => parts.remove(0),
        _ => {
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            concatenate(Axis(1), &views).expect("as many images").as_standard_layout().into_owned()
        }
    }
}

fn pooled(name: &str, kind: FeatureKind, tensor: ArrayD<f32>) -> Result<(Features, Places), BackboneError> {
    match kind {
        FeatureKind::Map => with_map(FeatureMap::new(rank::<Ix4>(name, "[N,C,h,w]", tensor)?)?),
        FeatureKind::MapNhwc => {
            let map = rank::<Ix4>(name, "[N,h,w,C]", tensor)?.permuted_axes([0, 3, 1, 2]);
            with_map(FeatureMap::new(map)?)
        }
        FeatureKind::Vector => {
            let shape = tensor.shape().to_vec();
            let error = || shape_error(name, "[N,C] or [N,C,1,1]", &shape);
            let dim = values_per_image(&shape).ok_or_else(error)?;
            let vector: Array2<f32> = tensor.to_shape((shape[0], dim)).map_err(|_| error())?.into_owned();
            Ok((Features(vector), Places::default()))
        }
        FeatureKind::TokensMean => {
            let tokens = rank::<Ix3>(name, "[N,T,C]", tensor)?;
            let mean = tokens.mean_axis(Axis(1)).ok_or_else(|| shape_error(name, "[N,T,C]", tokens.shape()))?;
            Ok((Features(mean), Places { map: None, tokens: Some(tokens) }))
        }
        FeatureKind::TokensClass => {
            let tokens = rank::<Ix3>(name, "[N,T,C]", tensor)?;
            match tokens.len_of(Axis(1)) {
                0 => Err(shape_error(name, "[N,T,C]", tokens.shape())),
                _ => Ok((Features(tokens.slice(s![.., 0, ..]).to_owned()), Places::default())),
            }
        }
    }
}

fn with_map(map: FeatureMap) -> Result<(Features, Places), BackboneError> {
    Ok((map.global_average_pool(), Places { map: Some(map), tokens: None }))
}

fn rank<D: ndarray::Dimension>(
    name: &str,
    expected: &'static str,
    tensor: ArrayD<f32>,
) -> Result<ndarray::Array<f32, D>, BackboneError> {
    let shape = tensor.shape().to_vec();
    tensor.into_dimensionality().map_err(|_| shape_error(name, expected, &shape))
}

fn shape_error(output: &str, expected: &'static str, got: &[usize]) -> BackboneError {
    BackboneError::OutputShape { output: output.to_owned(), expected, got: got.to_vec() }
}

#[cfg(test)]
mod tests {
    use ndarray::{IxDyn, array};

    use super::*;
    use crate::manifest::Tap;

    fn feature(kind: FeatureKind, dim: usize) -> Feature {
        Feature { output: "x".into(), kind, map: None, dim, taps: Vec::new() }
    }

    /// 0, 1, 2, … in the given shape.
    fn counting(shape: &[usize]) -> ArrayD<f32> {
        let count = shape.iter().product::<usize>();
        ArrayD::from_shape_vec(IxDyn(shape), (0..count).map(|value| value as f32).collect()).unwrap()
    }

    #[test]
    fn every_kind_of_feature_becomes_one_vector_per_image() {
        for (kind, shape, expected) in [
            (FeatureKind::Map, &[1, 2, 1, 3][..], array![[1.0, 4.0]]),
            (FeatureKind::MapNhwc, &[1, 1, 3, 2], array![[2.0, 3.0]]),
            (FeatureKind::Vector, &[1, 2], array![[0.0, 1.0]]),
            (FeatureKind::Vector, &[1, 2, 1, 1], array![[0.0, 1.0]]),
            (FeatureKind::TokensMean, &[1, 3, 2], array![[2.0, 3.0]]),
            (FeatureKind::TokensClass, &[1, 3, 2], array![[0.0, 1.0]]),
        ] {
            let got = activations(&feature(kind, 2), vec![counting(shape)], 1).unwrap();
            assert_eq!(got.features.0, expected, "{kind:?}");
            assert_eq!(got.map.is_some(), matches!(kind, FeatureKind::Map | FeatureKind::MapNhwc));
        }
    }

    #[test]
    fn what_an_earlier_map_becomes_lies_behind_the_feature_and_its_own_faults_are_told() {
        let tap = |dim| Tap { output: "y".into(), kind: FeatureKind::Map, dim };
        let feature = |dim| Feature { taps: vec![tap(dim)], ..feature(FeatureKind::Vector, 2) };
        let outputs = |earlier| vec![counting(&[2, 2]), earlier];
        let got = activations(&feature(1), outputs(counting(&[2, 1, 2, 2])), 2).unwrap();
        assert_eq!(got.features.0, array![[0.0, 1.0, 1.5], [2.0, 3.0, 5.5]]);
        assert!(got.features.0.is_standard_layout() && got.map.is_none());
        assert_eq!(got.earlier_maps[0].values().dim(), (2, 1, 2, 2));
        let error = activations(&feature(3), outputs(counting(&[2, 1, 2, 2])), 2).unwrap_err();
        assert!(matches!(error, BackboneError::Dim { output, expected: 3, got: 1 } if output == "y"));
        let error = activations(&feature(1), outputs(counting(&[1, 1, 2, 2])), 2).unwrap_err();
        assert!(matches!(error, BackboneError::OutputShape { output, .. } if output == "y"));
        let error = activations(&feature(1), outputs(counting(&[2, 1, 2, 2]) * f32::NAN), 2).unwrap_err();
        assert!(matches!(error, BackboneError::NotFinite { output, .. } if output == "y"));
    }

    #[test]
    fn a_channels_last_map_comes_out_channels_first() {
        let got = activations(&feature(FeatureKind::MapNhwc, 2), vec![counting(&[1, 1, 3, 2])], 1).unwrap();
        let expected = array![[[[0.0, 2.0, 4.0]], [[1.0, 3.0, 5.0]]]];
        assert_eq!(got.map.unwrap().values(), expected);
    }

    #[test]
    fn a_tensor_of_another_rank_length_or_batch_is_refused() {
        let of = |kind, dim, shape: &[usize], images| activations(&feature(kind, dim), vec![counting(shape)], images);
        assert!(matches!(of(FeatureKind::Map, 2, &[1, 2], 1), Err(BackboneError::OutputShape { .. })));
        assert!(matches!(of(FeatureKind::Vector, 12, &[1, 3, 4], 1), Err(BackboneError::OutputShape { .. })));
        assert!(matches!(of(FeatureKind::Vector, 2, &[1, 2], 2), Err(BackboneError::OutputShape { .. })));
        assert!(matches!(of(FeatureKind::Vector, 3, &[1, 2], 1), Err(BackboneError::Dim { expected: 3, got: 2, .. })));
    }

    #[test]
    fn a_feature_that_is_not_finite_is_an_error() {
        for value in [f32::NAN, f32::INFINITY] {
            let tensor = ArrayD::from_elem(IxDyn(&[1, 2]), value);
            let got = activations(&feature(FeatureKind::Vector, 2), vec![tensor], 1);
            assert!(matches!(got, Err(BackboneError::NotFinite { .. })));
        }
    }
}
