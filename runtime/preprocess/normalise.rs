//! From 8-bit RGB pixels to the planes a network takes.

use crate::manifest::{Channels, Preprocess};

/// `value = pixel * scale + shift`, and which of R, G, B each plane takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalisation {
    source: [usize; 3],
    scale: [f32; 3],
    shift: [f32; 3],
}

impl Normalisation {
    pub fn new(settings: &Preprocess) -> Self {
        let range = f64::from(settings.range) / 255.0;
        let per_plane = |f: &dyn Fn(f64, f64) -> f64| {
            std::array::from_fn(|c| f(settings.mean[c].into(), settings.std[c].into()) as f32)
        };
        Self {
            source: match settings.channels {
                Channels::Rgb => [0, 1, 2],
                Channels::Bgr => [2, 1, 0],
            },
            scale: per_plane(&|_, std| range / std),
            shift: per_plane(&|mean, std| -mean / std),
        }
    }

    /// Interleaved `[H,W,3]` to planar `[3,H,W]`; both hold the same number of values.
    pub fn apply(&self, pixels: &[u8], planes: &mut [f32]) {
        let pixels = pixels.as_chunks::<3>().0;
        for (c, plane) in planes.chunks_exact_mut(pixels.len()).enumerate() {
            let (source, scale, shift) = (self.source[c], self.scale[c], self.shift[c]);
            for (value, pixel) in plane.iter_mut().zip(pixels) {
                *value = f32::from(pixel[source]) * scale + shift;
            }
        }
    }
}
