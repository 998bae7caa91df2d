//! The arrays that travel between stations: input batches, feature maps, pooled features.

use ndarray::{Array2, Array3, Array4, Axis};

/// Images ready for a backbone: `[N,3,H,W]`, normalised, in standard (row-major) layout.
#[derive(Clone, Debug)]
pub struct InputBatch(Array4<f32>);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    #[error("expected an input batch of shape [N,3,H,W] with N, H, W > 0, got {0:?}")]
    InputBatch(Vec<usize>),
    #[error("expected a feature map of shape [N,C,h,w] with C, h, w > 0, got {0:?}")]
    FeatureMap(Vec<usize>),
}

/// The same array where it is in row-major order already, else a copy that is.
fn standard(values: Array4<f32>) -> Array4<f32> {
    if values.is_standard_layout() { values } else { values.as_standard_layout().into_owned() }
}

impl InputBatch {
    /// # Errors
    /// When `values` is not `[N,3,H,W]` with N, H, W > 0.
    pub fn new(values: Array4<f32>) -> Result<Self, ShapeError> {
        let (n, channels, height, width) = values.dim();
        if n == 0 || channels != 3 || height == 0 || width == 0 {
            return Err(ShapeError::InputBatch(values.shape().to_vec()));
        }
        Ok(Self(standard(values)))
    }

    /// The number of images, N.
    pub fn len(&self) -> usize {
        self.0.len_of(Axis(0))
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn values(&self) -> &Array4<f32> {
        &self.0
    }

    /// Gives the array back, so that its memory can be filled again.
    pub fn into_values(self) -> Array4<f32> {
        self.0
    }
}

/// The last spatial activations of a backbone: `[N,C,h,w]`.
#[derive(Clone, Debug)]
pub struct FeatureMap(Array4<f32>);

impl FeatureMap {
    /// # Errors
    /// When C, h or w is 0.
    pub fn new(values: Array4<f32>) -> Result<Self, ShapeError> {
        if values.shape()[1..].contains(&0) {
            return Err(ShapeError::FeatureMap(values.shape().to_vec()));
        }
        Ok(Self(standard(values)))
    }

    pub fn values(&self) -> &Array4<f32> {
        &self.0
    }

    /// Global average pooling: the mean over h and w, `[N,C,h,w]` to `[N,C]`.
    ///
    /// Source: Lin, Chen, Yan, "Network In Network", 2013, section 3.2.
    pub fn global_average_pool(&self) -> Features {
        let (n, channels, height, width) = self.0.dim();
        let area = height * width;
        let flat = self.0.as_slice().expect("standard layout is kept by `new`");
        let means = flat.chunks_exact(area).map(|plane| plane.iter().sum::<f32>() / area as f32).collect();
        Features(Array2::from_shape_vec((n, channels), means).expect("one mean a plane"))
    }
}

/// Pooled feature vectors, one row an image: `[N,C]`.
#[derive(Clone, Debug)]
pub struct Features(pub Array2<f32>);

/// What a backbone gives for a batch.
#[derive(Clone, Debug)]
pub struct Activations {
    /// `[N,C]`, what heads are fitted on: of the last map, then of the earlier ones.
    pub features: Features,
    /// `[N,C,h,w]`, for class-activation maps; `None` where the network has no spatial map.
    pub map: Option<FeatureMap>,
    /// Likewise, of those earlier ones that are maps; of one place where maps were not asked for when the engine was opened.
    pub earlier_maps: Vec<FeatureMap>,
    /// `[N,T,C]`, where the feature is the mean of tokens.
    pub tokens: Option<Array3<f32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_keeps_the_memory_it_is_given_and_gives_it_back() {
        let values = Array4::<f32>::zeros((1, 3, 4, 5));
        let memory = values.as_ptr();
        assert_eq!(InputBatch::new(values).unwrap().into_values().as_ptr(), memory);
        let swapped = Array4::<f32>::zeros((1, 3, 5, 4)).permuted_axes([0, 1, 3, 2]);
        assert!(InputBatch::new(swapped).unwrap().values().is_standard_layout());
    }

    #[test]
    fn global_average_pooling_is_the_mean_of_every_plane() {
        let map = Array4::from_shape_fn((2, 3, 2, 4), |(n, c, y, x)| (n * 100 + c * 10 + y * 4 + x) as f32);
        let pooled = FeatureMap::new(map).unwrap().global_average_pool();
        assert_eq!(pooled.0, ndarray::array![[3.5, 13.5, 23.5], [103.5, 113.5, 123.5]]);
    }

    #[test]
    fn shapes_that_hold_no_image_are_refused() {
        assert!(InputBatch::new(Array4::zeros((1, 4, 8, 8))).is_err());
        assert!(InputBatch::new(Array4::zeros((0, 3, 8, 8))).is_err());
        assert!(FeatureMap::new(Array4::zeros((1, 4, 0, 8))).is_err());
    }
}
