//! Augmented views of a picture: a crop, slightly turned, perhaps mirrored, in slightly other colours.
//!
//! All that is random is drawn from a seed into a [`View`]; applying one is a pure function of pixels. Turning, cropping
//! and mirroring are one sampling of the original, so that pixels are interpolated once.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::picture::{Dimensions, Picture, luma};

/// The share of a picture's area that a view shows, at least.
const LEAST_AREA: f64 = 0.5;
/// How much longer one side may become against the other.
const STRETCH: f64 = 4.0 / 3.0;
/// In degrees, to either side.
const MOST_TURN: f64 = 10.0;
/// How much brighter or darker, richer or poorer in contrast and colour.
const COLOUR: f32 = 0.2;

/// What makes a view of a picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct View {
    /// Of the shown part, in pixels of the original.
    pub size: Dimensions,
    /// The middle of the shown part, in pixels of the original.
    pub centre: (f64, f64),
    /// Clockwise, in radians.
    pub turn: f64,
    pub mirror: bool,
    /// Factors; 1 leaves things as they are.
    pub brightness: f32,
    pub contrast: f32,
    pub saturation: f32,
}

impl View {
    /// The picture as it is.
    pub fn plain(picture: Dimensions) -> Self {
        let centre = (f64::from(picture.width) / 2.0, f64::from(picture.height) / 2.0);
        let (turn, mirror, brightness, contrast, saturation) = (0.0, false, 1.0, 1.0, 1.0);
        Self { size: picture, centre, turn, mirror, brightness, contrast, saturation }
    }

    /// The view of a picture of this size that `seed` stands for.
    pub fn draw(picture: Dimensions, seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        let side = random.random_range(LEAST_AREA..=1.0f64).sqrt();
        let stretch = STRETCH.powf(random.random_range(-0.5..=0.5));
        let shown = |side: f64, whole: f64| (side * whole).round().clamp(1.0, whole);
        let (shown_width, shown_height) = (shown(side * stretch, width), shown(side / stretch, height));
        let mut middle = |shown: f64, whole: f64| shown / 2.0 + random.random_range(0.0..=1.0) * (whole - shown);
        let centre = (middle(shown_width, width), middle(shown_height, height));
        let mut factor = || random.random_range(1.0 - COLOUR..=1.0 + COLOUR);
        let (brightness, contrast, saturation) = (factor(), factor(), factor());
        Self {
            size: Dimensions { width: shown_width as u32, height: shown_height as u32 },
            centre,
            turn: random.random_range(-MOST_TURN..=MOST_TURN).to_radians(),
            mirror: random.random_bool(0.5),
            brightness,
            contrast,
            saturation,
        }
    }

    /// What the view shows of `picture`. Beyond its edges its last pixels go on.
    pub fn of(&self, picture: &Picture) -> Picture {
        let Dimensions { width, height } = self.size;
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
        let (sine, cosine) = self.turn.sin_cos();
        for y in 0..height {
            let down = f64::from(y) + 0.5 - f64::from(height) / 2.0;
            for x in 0..width {
                let right = f64::from(x) + 0.5 - f64::from(width) / 2.0;
                let right = if self.mirror { -right } else { right };
                let at = (self.centre.0 + cosine * right - sine * down, self.centre.1 + sine * right + cosine * down);
                pixels.extend(sample(picture, at));
            }
        }
        self.recolour(&mut pixels);
        Picture::new(width, height, pixels).expect("as many pixels as the view has")
    }

    fn recolour(&self, pixels: &mut [u8]) {
        if [self.brightness, self.contrast, self.saturation] == [1.0; 3] {
            return;
        }
        let pixels = pixels.as_chunks_mut::<3>().0;
        let mean = pixels.iter().map(|pixel| f64::from(luma(*pixel))).sum::<f64>() / pixels.len().max(1) as f64;
        for pixel in pixels {
            let grey = luma(*pixel);
            for value in pixel {
                let coloured = grey + (f32::from(*value) - grey) * self.saturation;
                let contrasted = mean as f32 + (coloured - mean as f32) * self.contrast;
                *value = (contrasted * self.brightness).round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// A picture whose shorter side is at most `side` pixels; as it is where it already is.
pub fn shrink(picture: Picture, side: u32) -> Picture {
    let Dimensions { width, height } = picture.dimensions();
    let shorter = width.min(height);
    if shorter <= side || side == 0 {
        return picture;
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(shorter)) as u32;
    let (to_width, to_height) = (scaled(width), scaled(height));
    let mut pixels = vec![0; to_width as usize * to_height as usize * 3];
    let from = TypedImageRef::<U8x3>::from_buffer(width, height, picture.pixels()).expect("a picture has its size");
    let mut to = TypedImage::<U8x3>::from_buffer(to_width, to_height, &mut pixels).expect("sized above");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&from, &mut to, &options).expect("neither picture is empty");
    Picture::new(to_width, to_height, pixels).expect("sized above")
}

/// Between the four pixels around (x, y), whose middles lie at halves.
fn sample(picture: &Picture, (x, y): (f64, f64)) -> [u8; 3] {
    let place = |at: f64, length: u32| {
        let at = (at - 0.5).clamp(0.0, f64::from(length - 1));
        (at as u32, (at as u32 + 1).min(length - 1), at.fract() as f32)
    };
    let ((left, right, across), (top, bottom, down)) = (place(x, picture.width()), place(y, picture.height()));
    let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|at| picture.pixel(at));
    std::array::from_fn(|channel| {
        let [a, b, c, d] = corners.map(|pixel| f32::from(pixel[channel]));
        let (upper, lower) = (a + (b - a) * across, c + (d - c) * across);
        (upper + (lower - upper) * down).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(width: u32, height: u32) -> Picture {
        let pixel = |index: u32| [(index * 7 % 251) as u8, (index * 13 % 241) as u8, (index * 29 % 239) as u8];
        Picture::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    #[test]
    fn the_plain_view_is_the_picture() {
        let picture = picture(7, 4);
        assert_eq!(View::plain(picture.dimensions()).of(&picture), picture);
    }

    #[test]
    fn a_mirrored_view_reads_every_row_backwards() {
        let picture = picture(5, 2);
        let mirrored = View { mirror: true, ..View::plain(picture.dimensions()) }.of(&picture);
        for row in 0..2 {
            for column in 0..5 {
                assert_eq!(mirrored.pixel((column, row)), picture.pixel((4 - column, row)));
            }
        }
    }

    #[test]
    fn a_crop_shows_its_part() {
        let picture = picture(8, 6);
        let size = Dimensions { width: 3, height: 2 };
        let crop = View { size, centre: (4.5, 4.0), ..View::plain(picture.dimensions()) }.of(&picture);
        assert_eq!(crop.pixel((0, 0)), picture.pixel((3, 3)));
        assert_eq!(crop.pixel((2, 1)), picture.pixel((5, 4)));
    }

    #[test]
    fn a_quarter_turn_takes_columns_for_rows() {
        let picture = picture(4, 4);
        let turned = View { turn: std::f64::consts::FRAC_PI_2, ..View::plain(picture.dimensions()) }.of(&picture);
        assert_eq!(turned.pixel((0, 0)), picture.pixel((3, 0)));
        assert_eq!(turned.pixel((3, 0)), picture.pixel((3, 3)));
    }

    #[test]
    fn colours_move_as_they_are_told() {
        let grey = Picture::new(2, 1, vec![100, 100, 100, 200, 200, 200]).unwrap();
        let view = View::plain(grey.dimensions());
        assert_eq!(View { brightness: 1.2, ..view }.of(&grey).pixels()[..4], [120, 120, 120, 240]);
        assert_eq!(View { contrast: 1.2, ..view }.of(&grey).pixels()[..4], [90, 90, 90, 210]);
        assert_eq!(View { saturation: 0.5, ..view }.of(&grey), grey);
        let red = Picture::new(1, 1, vec![200, 0, 0]).unwrap();
        assert_eq!(View { saturation: 0.0, ..View::plain(red.dimensions()) }.of(&red).pixels(), [60, 60, 60]);
    }

    #[test]
    fn shrinking_keeps_the_shape_and_small_pictures() {
        let shrunk = shrink(picture(90, 60), 20);
        assert_eq!((shrunk.width(), shrunk.height()), (30, 20));
        assert_eq!(shrink(picture(9, 6), 20), picture(9, 6));
    }

    proptest! {
        #[test]
        fn views_depend_on_the_seed_alone_and_show_at_least_their_share(
            width in 1u32..40, height in 1u32..40, seed: u64,
        ) {
            let picture = picture(width, height);
            let view = View::draw(picture.dimensions(), seed);
            prop_assert_eq!(view, View::draw(picture.dimensions(), seed));
            let shown = view.of(&picture);
            prop_assert_eq!(shown.dimensions(), view.size);
            prop_assert!(view.size.width >= 1 && view.size.width <= width);
            let area = f64::from(view.size.width * view.size.height) / f64::from(width * height);
            prop_assert!(width < 20 || height < 20 || area > 0.8 * LEAST_AREA, "{area}");
        }
    }
}
