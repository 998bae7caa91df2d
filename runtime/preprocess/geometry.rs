//! Which part of a picture lands where in the network's input.

use std::ops::Range;

use super::picture::{Dimensions, Turn};
use crate::manifest::{Preprocess, Resize};

/// A rectangle of the source picture, in fractions of its pixels, that is scaled onto a rectangle of the input.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Placement {
    pub source: Window,
    /// Top left corner in the input.
    pub offset: (u32, u32),
    pub size: Dimensions,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Window {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// Places an upright picture of the given size.
///
/// Shortest side: the resized long side is `side * long / short`, truncated, and the crop begins at half the surplus,
/// rounded half to even, as in torchvision's `Resize` and `CenterCrop`. Letterbox: the size and the corner are those
/// of Pillow's `ImageOps.pad`.
pub(super) fn place(settings: &Preprocess, picture: Dimensions) -> Placement {
    let input = Dimensions { width: settings.width, height: settings.height };
    let whole = Window { left: 0.0, top: 0.0, width: picture.width.into(), height: picture.height.into() };
    match settings.resize {
        Resize::Squash => Placement { source: whole, offset: (0, 0), size: input },
        Resize::ShortestSide => {
            let side = settings.shortest_side.unwrap_or(input.width.max(input.height));
            let short = picture.width.min(picture.height);
            let scaled = |length: u32| u64::from(side) * u64::from(length) / u64::from(short);
            let (left, width) = centre_crop(picture.width, scaled(picture.width), input.width);
            let (top, height) = centre_crop(picture.height, scaled(picture.height), input.height);
            Placement { source: Window { left, top, width, height }, offset: (0, 0), size: input }
        }
        Resize::Letterbox => {
            let size = contain(picture, input);
            let centre = |outer: u32, inner: u32| (f64::from(outer - inner) * 0.5).round_ties_even() as u32;
            let offset = (centre(input.width, size.width), centre(input.height, size.height));
            Placement { source: whole, offset, size }
        }
    }
}

/// Start and length, in source pixels, of the central `crop` pixels out of `resized`.
fn centre_crop(length: u32, resized: u64, crop: u32) -> (f64, f64) {
    let start = ((resized - u64::from(crop)) as f64 / 2.0).round_ties_even();
    let (length, resized) = (f64::from(length), resized as f64);
    let start = start * length / resized;
    (start, (f64::from(crop) * length / resized).min(length - start))
}

/// The largest size of the picture's aspect ratio inside `outer`.
fn contain(picture: Dimensions, outer: Dimensions) -> Dimensions {
    let ratio = |size: Dimensions| f64::from(size.width) / f64::from(size.height);
    let scaled =
        |ratio: f64, side: u32, limit: u32| ((ratio * f64::from(side)).round_ties_even() as u32).clamp(1, limit);
    if ratio(picture) > ratio(outer) {
        Dimensions { width: outer.width, height: scaled(1.0 / ratio(picture), outer.width, outer.height) }
    } else {
        Dimensions { width: scaled(ratio(picture), outer.height, outer.width), height: outer.height }
    }
}

impl Window {
    /// The rows of a picture of `height` rows that reach into the window when it is scaled to `scaled` rows by a
    /// filter of up to three rows on each side.
    pub fn rows(&self, height: u32, scaled: u32) -> Range<u32> {
        let reach = 3.0 * (self.height / f64::from(scaled)).max(1.0) + 1.0;
        let start = (self.top - reach).floor().max(0.0) as u32;
        let end = (self.top + self.height + reach).ceil().min(height.into()) as u32;
        start..end
    }
}

impl Placement {
    /// The same placement for the picture as it is stored, before it is turned upright; the offset stays upright.
    pub fn as_stored(self, turn: Turn, stored: Dimensions) -> Self {
        let Window { mut left, mut top, mut width, mut height } = self.source;
        if turn.transpose {
            (left, top, width, height) = (top, left, height, width);
        }
        if turn.mirror_x {
            left = (f64::from(stored.width) - left - width).max(0.0);
        }
        if turn.mirror_y {
            top = (f64::from(stored.height) - top - height).max(0.0);
        }
        let width = width.min(f64::from(stored.width) - left);
        let height = height.min(f64::from(stored.height) - top);
        Self { source: Window { left, top, width, height }, size: turn.size(self.size), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::{Channels, Filter};

    fn settings(resize: Resize, width: u32, height: u32, shortest_side: u32) -> Preprocess {
        Preprocess {
            width,
            height,
            resize,
            shortest_side: Some(shortest_side),
            filter: Filter::Bilinear,
            channels: Channels::Rgb,
            range: 1.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            background: [0; 3],
        }
    }

    fn placed(settings: &Preprocess, width: u32, height: u32) -> Placement {
        place(settings, Dimensions { width, height })
    }

    #[test]
    fn the_long_side_is_truncated_and_half_a_surplus_goes_to_the_even_corner() {
        // 500x375 to 341x256 (341.33 truncated); (341 - 224) / 2 = 58.5 becomes 58; (256 - 224) / 2 = 16.
        let source = placed(&settings(Resize::ShortestSide, 224, 224, 256), 500, 375).source;
        assert_eq!(source.left, 58.0 * 500.0 / 341.0);
        assert_eq!(source.width, 224.0 * 500.0 / 341.0);
        assert_eq!((source.top, source.height), (16.0 * 375.0 / 256.0, 224.0 * 375.0 / 256.0));
        // (343 - 224) / 2 = 59.5 becomes 60.
        let source = placed(&settings(Resize::ShortestSide, 224, 224, 256), 256, 343).source;
        assert_eq!((source.left, source.top), (16.0, 60.0));
    }

    #[test]
    fn a_letterbox_is_as_large_as_fits_and_in_the_middle() {
        let letterbox = settings(Resize::Letterbox, 100, 60, 0);
        let wide = placed(&letterbox, 400, 100);
        assert_eq!((wide.size, wide.offset), (Dimensions { width: 100, height: 25 }, (0, 18)));
        let tall = placed(&letterbox, 100, 400);
        assert_eq!((tall.size, tall.offset), (Dimensions { width: 15, height: 60 }, (42, 0)));
        let line = placed(&letterbox, 100_000, 1);
        assert_eq!(line.size, Dimensions { width: 100, height: 1 });
    }

    proptest! {
        #[test]
        fn every_placement_lies_inside_the_picture_and_the_input(
            (width, height) in (1u32..=70_000, 1u32..=70_000),
            (input_width, input_height, surplus) in (1u32..=4096, 1u32..=4096, 0u32..=4096),
            resize in prop_oneof![Just(Resize::ShortestSide), Just(Resize::Squash), Just(Resize::Letterbox)],
            (transpose, mirror_x, mirror_y) in (any::<bool>(), any::<bool>(), any::<bool>()),
        ) {
            let side = input_width.max(input_height) + surplus;
            let turn = Turn { transpose, mirror_x, mirror_y };
            let stored = Dimensions { width, height };
            let upright = place(&settings(resize, input_width, input_height, side), turn.size(stored));
            prop_assert!(upright.size.width >= 1 && upright.offset.0 + upright.size.width <= input_width);
            prop_assert!(upright.size.height >= 1 && upright.offset.1 + upright.size.height <= input_height);
            let placement = upright.as_stored(turn, stored);
            let Window { left, top, width: across, height: down } = placement.source;
            prop_assert!(left >= 0.0 && across > 0.0 && left + across <= f64::from(width));
            prop_assert!(top >= 0.0 && down > 0.0 && top + down <= f64::from(height));
            prop_assert_eq!(turn.size(placement.size), upright.size);
        }
    }
}
