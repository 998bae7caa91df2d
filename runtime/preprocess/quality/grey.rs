//! The numbers that quality is made of, of a grey picture.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::preprocess::geometry::Placement;
use crate::preprocess::picture::{Dimensions, Picture, luma};

/// Pixels so far apart are compared with neighbours.
const REACH: usize = 4;
/// Where no pixels that far apart differ by so many levels of 255, nothing says whether the picture is blurred.
const LEAST_CONTRAST: u32 = 16;
/// Nor does anything where the longer side is measured on fewer pixels: what is four apart there is not one edge.
const LEAST_MEASURED: usize = 48;
/// The share of pixels that are darker than the shadows, and of those brighter than the highlights.
const TAIL: f32 = 0.05;

/// The luma of a picture, row by row.
pub(super) struct Grey {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

/// Columns to the first and the second pixel of a pair, and rows to the second, in steps: across, down and both diagonals.
const DIRECTIONS: [(usize, usize, usize); 4] = [(0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1)];

impl Grey {
    pub fn of(input: &Picture, placement: &Placement, size: Dimensions, resizer: &mut Resizer) -> Self {
        let (Dimensions { width, height }, (left, top)) = (size, placement.offset);
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let from = TypedImageRef::<U8x3>::from_buffer(input.width(), input.height(), input.pixels());
        let to = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels);
        let (from, mut to) = (from.expect("a picture has its size"), to.expect("sized above"));
        let Dimensions { width: across, height: down } = placement.size;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
            left.into(),
            top.into(),
            across.into(),
            down.into(),
        );
        resizer.resize_typed(&from, &mut to, &options).expect("the picture lies inside the input");
        let values = pixels.as_chunks::<3>().0.iter().map(|pixel| (luma(*pixel) + 0.5) as u8).collect();
        Self { width: width as usize, height: height as usize, values }
    }

    /// Shadows and highlights.
    pub fn tails(&self) -> (f32, f32) {
        let mut counts = [0u32; 256];
        self.values.iter().for_each(|value| counts[usize::from(*value)] += 1);
        let rank = (self.values.len() as f32 * TAIL) as u32;
        (level(counts.iter().enumerate(), rank), level(counts.iter().enumerate().rev(), rank))
    }

    pub fn sharpness(&self) -> Option<f32> {
        if self.width.max(self.height) < LEAST_MEASURED {
            return None;
        }
        let sharp = DIRECTIONS.into_iter().filter_map(|direction| {
            let (far, contrast) = self.differences(direction, REACH)?;
            if contrast < LEAST_CONTRAST.pow(2) {
                return None;
            }
            let (near, _) = self.differences(direction, 1)?;
            Some((near / far).sqrt().sqrt().min(1.0) as f32)
        });
        sharp.min_by(f32::total_cmp)
    }

    /// The mean fourth power of the differences between pixels that are so many `steps` apart, and the square of the largest.
    fn differences(&self, (first, second, down): (usize, usize, usize), steps: usize) -> Option<(f64, u32)> {
        let columns = self.width.checked_sub(first.max(second) * steps).filter(|columns| *columns > 0)?;
        let rows = self.height.checked_sub(down * steps).filter(|rows| *rows > 0)?;
        let (mut sum, mut largest) = (0u64, 0);
        for row in 0..rows {
            let (upper, lower) = (row * self.width + first * steps, (row + down * steps) * self.width + second * steps);
            let pairs = self.values[upper..upper + columns].iter().zip(&self.values[lower..lower + columns]);
            for (one, other) in pairs {
                let square = (i32::from(*one) - i32::from(*other)).pow(2) as u32;
                largest = largest.max(square);
                sum += u64::from(square) * u64::from(square);
            }
        }
        Some((sum as f64 / (rows * columns) as f64, largest))
    }
}

/// The first of the counted levels up to which there are more than `rank` pixels, from 0 to 1.
fn level<'a>(mut levels: impl Iterator<Item = (usize, &'a u32)>, rank: u32) -> f32 {
    let mut passed = 0;
    let found = levels.find(|(_, count)| {
        passed += **count;
        passed > rank
    });
    found.map_or(0.0, |(level, _)| level as f32 / 255.0)
}
