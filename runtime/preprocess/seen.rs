//! Which part of a picture a network sees.

use super::geometry::{Placement, Window, place};
use super::picture::Dimensions;
use crate::manifest::Preprocess;

/// The part of an upright picture that lands in the network's input, and where it lands there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Seen {
    /// In pixels of the picture.
    part: Window,
    /// In shares of the input's width and height; all of it but for a letterbox.
    inside: Window,
}

impl Seen {
    /// Of an upright picture of the given size.
    pub fn new(settings: &Preprocess, picture: Dimensions) -> Self {
        let Placement { source, offset, size } = place(settings, picture);
        let (width, height) = (f64::from(settings.width), f64::from(settings.height));
        let inside = Window {
            left: f64::from(offset.0) / width,
            top: f64::from(offset.1) / height,
            width: f64::from(size.width) / width,
            height: f64::from(size.height) / height,
        };
        Self { part: source, inside }
    }

    /// All of a picture, squashed.
    pub fn whole(picture: Dimensions) -> Self {
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        let part = Window { left: 0.0, top: 0.0, width, height };
        Self { part, inside: Window { left: 0.0, top: 0.0, width: 1.0, height: 1.0 } }
    }

    /// The same for the picture at another size.
    pub fn scaled(&self, factor: f64) -> Self {
        let Window { left, top, width, height } = self.part;
        let part = Window { left: left * factor, top: top * factor, width: width * factor, height: height * factor };
        Self { part, ..*self }
    }

    /// Left, top, width and height of the part, in pixels of the picture.
    pub fn part(&self) -> [f64; 4] {
        let Window { left, top, width, height } = self.part;
        [left, top, width, height]
    }

    /// Where column `x` of the picture is in the input, as a share of its width; `None` where it is not seen.
    pub fn input_x(&self, x: f64) -> Option<f64> {
        along(x, (self.part.left, self.part.width), (self.inside.left, self.inside.width))
    }

    /// Where row `y` of the picture is in the input, as a share of its height; `None` where it is not seen.
    pub fn input_y(&self, y: f64) -> Option<f64> {
        along(y, (self.part.top, self.part.height), (self.inside.top, self.inside.height))
    }

    /// The column of the picture that is at the share `x` of the input's width, or the nearest that is seen.
    pub fn picture_x(&self, x: f64) -> f64 {
        self.part.left + ((x - self.inside.left) / self.inside.width).clamp(0.0, 1.0) * self.part.width
    }

    /// The row of the picture that is at the share `y` of the input's height, or the nearest that is seen.
    pub fn picture_y(&self, y: f64) -> f64 {
        self.part.top + ((y - self.inside.top) / self.inside.height).clamp(0.0, 1.0) * self.part.height
    }
}

fn along(at: f64, (start, length): (f64, f64), (to, span): (f64, f64)) -> Option<f64> {
    let share = (at - start) / length;
    (0.0..=1.0).contains(&share).then_some(to + share * span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Channels, Filter, Resize};

    fn settings(resize: Resize) -> Preprocess {
        Preprocess {
            width: 100,
            height: 100,
            resize,
            shortest_side: Some(100),
            filter: Filter::Bilinear,
            channels: Channels::Rgb,
            range: 1.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            background: [0; 3],
        }
    }

    #[test]
    fn the_sides_of_a_wide_picture_are_not_seen_by_a_crop_and_all_of_it_by_a_letterbox() {
        let wide = Dimensions { width: 400, height: 200 };
        let crop = Seen::new(&settings(Resize::ShortestSide), wide);
        assert_eq!((crop.input_x(50.0), crop.input_x(200.0), crop.input_x(350.0)), (None, Some(0.5), None));
        assert_eq!((crop.picture_x(0.0), crop.picture_x(1.0)), (100.0, 300.0));
        let letterbox = Seen::new(&settings(Resize::Letterbox), wide);
        assert_eq!((letterbox.input_x(0.0), letterbox.input_y(0.0)), (Some(0.0), Some(0.25)));
        assert_eq!((letterbox.picture_y(0.25), letterbox.picture_y(0.0), letterbox.picture_y(0.75)), (0.0, 0.0, 200.0));
    }
}
