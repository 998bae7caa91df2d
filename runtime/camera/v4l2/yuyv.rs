//! YUYV to RGB: two pixels in four bytes, each with a brightness of its own, and one colour for both.
//!
//! Source: ITU-R BT.601-7 and BT.709-6, 3 each; Linux, `userspace-api/media/v4l/pixfmt-packed-yuv` and `colorspaces-details`.

use super::Layout;
use crate::preprocess::Picture;

/// How brightness and colours were made of red, green and blue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Coding {
    pub matrix: Matrix,
    /// Whether brightness is 0 to 255 and colours are -127.5 to 127.5, and not 16 to 235 and -112 to 112.
    pub full_range: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Matrix {
    Bt601,
    Bt709,
}

impl Matrix {
    /// What red and blue weigh in brightness; green has the rest.
    fn weights(self) -> (f64, f64) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
        }
    }
}

/// The picture in a buffer; `None` where the buffer is too short for it.
pub(super) fn to_rgb(buffer: &[u8], layout: &Layout) -> Option<Picture> {
    let (pairs, height) = (layout.size.width as usize / 2, layout.size.height as usize);
    let line = pairs * 4;
    let stride = (layout.stride as usize).max(line);
    if buffer.len() < stride * height.saturating_sub(1) + line {
        return None;
    }
    let factors = Factors::of(layout.coding);
    let mut pixels = vec![0; pairs * 2 * height * 3];
    for (from, to) in buffer.chunks(stride.max(1)).zip(pixels.chunks_exact_mut((pairs * 6).max(1))) {
        for (four, pair) in from[..line].chunks_exact(4).zip(to.chunks_exact_mut(6)) {
            let colour = factors.colour(four[1], four[3]);
            pair[..3].copy_from_slice(&factors.pixel(four[0], colour));
            pair[3..].copy_from_slice(&factors.pixel(four[2], colour));
        }
    }
    Picture::new(pairs as u32 * 2, layout.size.height, pixels).ok()
}

/// 1 in the whole numbers that are calculated with.
const ONE: f64 = 65_536.0;
const BITS: u32 = 16;

/// What brightness and the two colours add to red, green and blue.
struct Factors {
    black: i32,
    brightness: i32,
    red_of_v: i32,
    green_of_u: i32,
    green_of_v: i32,
    blue_of_u: i32,
}

impl Factors {
    fn of(coding: Coding) -> Self {
        let (red, blue) = coding.matrix.weights();
        let green = 1.0 - red - blue;
        let (black, brightness, colour) =
            if coding.full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let whole = |factor: f64| (factor * ONE).round() as i32;
        Self {
            black,
            brightness: whole(brightness),
            red_of_v: whole(2.0 * (1.0 - red) * colour),
            green_of_u: whole(-2.0 * (1.0 - blue) * blue / green * colour),
            green_of_v: whole(-2.0 * (1.0 - red) * red / green * colour),
            blue_of_u: whole(2.0 * (1.0 - blue) * colour),
        }
    }

    /// What a colour adds to red, green and blue.
    fn colour(&self, u: u8, v: u8) -> [i32; 3] {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [self.red_of_v * v, self.green_of_u * u + self.green_of_v * v, self.blue_of_u * u]
    }

    fn pixel(&self, brightness: u8, colour: [i32; 3]) -> [u8; 3] {
        let grey = (i32::from(brightness) - self.black) * self.brightness + (1 << (BITS - 1));
        colour.map(|part| ((grey + part) >> BITS).clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::preprocess::Dimensions;

    const CODINGS: [Coding; 4] = [
        Coding { matrix: Matrix::Bt601, full_range: false },
        Coding { matrix: Matrix::Bt601, full_range: true },
        Coding { matrix: Matrix::Bt709, full_range: false },
        Coding { matrix: Matrix::Bt709, full_range: true },
    ];

    fn layout(width: u32, height: u32, stride: u32, coding: Coding) -> Layout {
        Layout { size: Dimensions { width, height }, stride, coding }
    }

    /// The standards' own direction: brightness, and the differences of blue and red from it.
    fn coded(rgb: [u8; 3], coding: Coding) -> [u8; 3] {
        let (red, blue) = coding.matrix.weights();
        let [r, g, b] = rgb.map(|value| f64::from(value) / 255.0);
        let y = red * r + (1.0 - red - blue) * g + blue * b;
        let (u, v) = ((b - y) / (2.0 * (1.0 - blue)), (r - y) / (2.0 * (1.0 - red)));
        let (black, grey, colour) = if coding.full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
        [black + y * grey, 128.0 + u * colour, 128.0 + v * colour].map(|value| value.round().clamp(0.0, 255.0) as u8)
    }

    proptest! {
        #[test]
        fn a_colour_comes_back_as_it_was_coded(rgb: [u8; 3], which in 0..4_usize) {
            let coding = CODINGS[which];
            let [y, u, v] = coded(rgb, coding);
            let picture = to_rgb(&[y, u, y, v], &layout(2, 1, 4, coding)).unwrap();
            for (got, was) in picture.pixels().iter().zip(rgb.iter().chain(&rgb)) {
                prop_assert!(got.abs_diff(*was) <= 3, "{rgb:?} came back as {:?}", picture.pixels());
            }
        }
    }

    #[test]
    fn the_corners_of_bt601_in_limited_range_are_the_tabled_ones() {
        for (yuv, rgb) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
            ([255, 128, 128], [255, 255, 255]),
            ([0, 128, 128], [0, 0, 0]),
        ] {
            let [y, u, v] = yuv;
            let picture = to_rgb(&[y, u, y, v], &layout(2, 1, 4, CODINGS[0])).unwrap();
            let off = picture.pixels()[..3].iter().zip(rgb).map(|(got, wanted)| got.abs_diff(wanted)).max();
            assert!(off <= Some(1), "{yuv:?}: {:?}", picture.pixels());
        }
    }

    #[test]
    fn pixels_stand_where_they_stood_and_what_fills_a_line_up_is_left_out() {
        // Two lines of four pixels, of 10 bytes each; the last line is not filled up.
        let first = [10, 128, 20, 128, 30, 128, 40, 128, 99, 99];
        let second = [50, 128, 60, 128, 70, 128, 80, 128];
        let buffer = [&first[..], &second].concat();
        let coding = CODINGS[1];
        let picture = to_rgb(&buffer, &layout(4, 2, 10, coding)).unwrap();
        let red: Vec<u8> = picture.pixels().iter().copied().step_by(3).collect();
        assert_eq!(red, [10, 20, 30, 40, 50, 60, 70, 80]);
        assert_eq!(to_rgb(&buffer[..17], &layout(4, 2, 10, coding)), None, "a byte is missing");
        assert_eq!(to_rgb(&[], &layout(4, 2, 10, coding)), None);
        assert_eq!(to_rgb(&buffer, &layout(0, 2, 0, coding)), None);
    }

    #[test]
    fn the_two_pixels_of_a_pair_share_its_colour() {
        let picture = to_rgb(&[81, 90, 145, 240], &layout(2, 1, 4, CODINGS[0])).unwrap();
        let [r, g, b, s, h, c] = *picture.pixels() else { panic!("two pixels") };
        assert!(r > 250 && g < 5 && b < 5, "{:?}", picture.pixels());
        assert!(s == 255 && h > g && c > b, "{:?}", picture.pixels());
    }
}
