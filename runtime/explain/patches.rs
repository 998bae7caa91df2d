//! Filters as pictures, and the parts of pictures that excite a channel.

use std::ops::Range;

use ndarray::{Array2, ArrayView3};

use super::overlay::between;
use crate::preprocess::{Picture, Seen};

/// A filter `[3,h,w]` as a picture: 0 is grey, the largest weight of any sign black or white.
pub fn filter_picture(filter: ArrayView3<f32>, blue_first: bool) -> Picture {
    let (_, height, width) = filter.dim();
    let most = filter.iter().fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
    let shade = |weight: f32| (127.5 + 127.5 * (weight / most).clamp(-1.0, 1.0)) as u8;
    let mut pixels = Vec::with_capacity(3 * height * width);
    for (row, column) in (0..height * width).map(|at| (at / width, at % width)) {
        pixels.extend((0..3).map(|c| shade(filter[[if blue_first { 2 - c } else { c }, row, column]])));
    }
    Picture::new(width as u32, height as u32, pixels).expect("it has its size")
}

/// A part of what the network sees of a picture.
pub struct Part<'a> {
    pub picture: &'a Picture,
    pub seen: &'a Seen,
    /// Width and height of the network's input.
    pub input: (usize, usize),
    /// Of the input.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Part<'_> {
    /// Left, top, right and bottom in pixels of the picture, at least one pixel.
    pub fn bounds(&self) -> [u32; 4] {
        let ((width, height), seen) = (self.input, self.seen);
        let share = |at: usize, length: usize| at as f64 / length as f64;
        let side = |from: f64, to: f64, length: u32| {
            let from = (from.floor() as u32).min(length - 1);
            (from, (to.ceil() as u32).clamp(from + 1, length))
        };
        let across = [self.columns.start, self.columns.end].map(|at| seen.picture_x(share(at, width)));
        let down = [self.rows.start, self.rows.end].map(|at| seen.picture_y(share(at, height)));
        let (left, right) = side(across[0], across[1], self.picture.width());
        let (top, bottom) = side(down[0], down[1], self.picture.height());
        [left, top, right, bottom]
    }

    /// The part as a picture. With `lit`, values over the whole input, it is the darker the less they are than half of the
    /// largest.
    pub fn cut(&self, lit: Option<&Array2<f32>>) -> Picture {
        const DARK: f32 = 0.35;
        let [left, top, right, bottom] = self.bounds();
        let most = lit.map_or(0.0, |grid| grid.iter().copied().fold(f32::MIN_POSITIVE, f32::max));
        let mut pixels = Vec::with_capacity(3 * ((right - left) * (bottom - top)) as usize);
        for (y, x) in (top..bottom).flat_map(|y| (left..right).map(move |x| (y, x))) {
            let at = 3 * (y as usize * self.picture.width() as usize + x as usize);
            let pixel = &self.picture.pixels()[at..at + 3];
            let place = self.seen.input_y(f64::from(y) + 0.5).zip(self.seen.input_x(f64::from(x) + 0.5));
            let share = |grid: &Array2<f32>| {
                place.map_or(0.0, |(row, column)| (between(grid, row, column) * 2.0 / most).clamp(0.0, 1.0))
            };
            let light = lit.map_or(1.0, |grid| DARK + (1.0 - DARK) * share(grid));
            pixels.extend(pixel.iter().map(|&value| (f32::from(value) * light) as u8));
        }
        Picture::new(right - left, bottom - top, pixels).expect("it has its size")
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;
    use crate::preprocess::Dimensions;

    #[test]
    fn a_filter_is_grey_where_it_is_0_and_normalised_for_itself() {
        let mut filter = Array3::zeros((3, 1, 2));
        (filter[[0, 0, 1]], filter[[2, 0, 1]]) = (0.02, -0.02);
        assert_eq!(filter_picture(filter.view(), false).pixels(), [127, 127, 127, 255, 127, 0]);
        assert_eq!(filter_picture(filter.view(), true).pixels()[3..], [0, 127, 255]);
    }

    #[test]
    fn a_part_is_cut_where_the_input_shows_it_and_is_dark_where_nothing_excites() {
        let pixels = (0..4 * 2).flat_map(|at| [at * 10; 3]).collect();
        let picture = Picture::new(4, 2, pixels).unwrap();
        let seen = Seen::whole(Dimensions { width: 4, height: 2 });
        let part = Part { picture: &picture, seen: &seen, input: (8, 8), rows: 0..4, columns: 4..8 };
        assert_eq!(part.bounds(), [2, 0, 4, 1]);
        assert_eq!(part.cut(None).pixels(), [20, 20, 20, 30, 30, 30]);
        let whole = Part { rows: 0..8, columns: 0..8, ..part };
        let lit = whole.cut(Some(&array![[0.0, 1.0]]));
        // The middle of the left place is dark, that of the right one light, and half of its value enough.
        assert_eq!(lit.pixels()[..12], [0, 0, 0, 6, 6, 6, 20, 20, 20, 30, 30, 30]);
    }
}
