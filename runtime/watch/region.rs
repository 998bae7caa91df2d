//! The part of a picture that is looked at, and which way up it is.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::preprocess::{Dimensions, Picture, Turn};

/// Quarter turns clockwise that make a camera's pictures upright.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rotation(u16);

impl Rotation {
    /// `None` for what is no quarter turn.
    pub fn of_degrees(degrees: u16) -> Option<Self> {
        matches!(degrees, 0 | 90 | 180 | 270).then_some(Self(degrees))
    }

    /// Clockwise.
    pub fn degrees(self) -> u16 {
        self.0
    }

    fn turn(self) -> Turn {
        let (transpose, mirror_x, mirror_y) = match self.0 {
            90 => (true, false, true),
            180 => (false, true, true),
            270 => (true, true, false),
            _ => (false, false, false),
        };
        Turn { transpose, mirror_x, mirror_y }
    }
}

impl<'de> Deserialize<'de> for Rotation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let degrees = u16::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format!("expected a rotation of 0, 90, 180 or 270 degrees, got {degrees}"));
        Self::of_degrees(degrees).ok_or_else(unknown)
    }
}

/// Corners in parts of the upright picture's width and height, from its top left; at least three.
#[derive(Clone, PartialEq, Debug)]
pub struct Region(Vec<[f32; 2]>);

#[derive(Debug, thiserror::Error)]
#[error(
    "expected a region as [left, top, right, bottom], or as at least three corners [[x, y], …], each from 0 to 1 with an area"
)]
pub struct RegionError;

impl Region {
    /// # Errors
    /// When left is not left of right, or top not above bottom, or a side lies outside the picture.
    pub fn rectangle([left, top, right, bottom]: [f32; 4]) -> Result<Self, RegionError> {
        Self::polygon(vec![[left, top], [right, top], [right, bottom], [left, bottom]])
            .and_then(|region| if left < right && top < bottom { Ok(region) } else { Err(RegionError) })
    }

    /// # Errors
    /// When there are fewer than three corners, one lies outside the picture, or there is no area.
    pub fn polygon(corners: Vec<[f32; 2]>) -> Result<Self, RegionError> {
        let inside = corners.iter().flatten().all(|part| (0.0..=1.0).contains(part));
        let next = corners.iter().cycle().skip(1);
        let doubled: f32 = corners.iter().zip(next).map(|([x, y], [u, v])| x * v - u * y).sum();
        if corners.len() < 3 || !inside || doubled.abs() < 1e-6 {
            return Err(RegionError);
        }
        Ok(Self(corners))
    }

    /// Whether it leaves nothing out.
    pub(super) fn is_all(&self) -> bool {
        self.is_rectangle() && self.bounds() == [0.0, 0.0, 1.0, 1.0]
    }

    fn is_rectangle(&self) -> bool {
        let [left, top, right, bottom] = self.bounds();
        let is_corner = |[x, y]: &[f32; 2]| (*x == left || *x == right) && (*y == top || *y == bottom);
        self.0.len() == 4 && self.0.iter().all(is_corner)
    }

    fn bounds(&self) -> [f32; 4] {
        self.0.iter().fold([1.0, 1.0, 0.0, 0.0], |[left, top, right, bottom], [x, y]| {
            [x.min(left), y.min(top), x.max(right), y.max(bottom)]
        })
    }

    /// Whether a point lies inside: a line from it to the right crosses the border an odd number of times.
    fn contains(&self, x: f32, y: f32) -> bool {
        let next = self.0.iter().cycle().skip(1);
        let crosses = |([ax, ay], [bx, by]): (&[f32; 2], &[f32; 2])| {
            (*ay > y) != (*by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
        };
        self.0.iter().zip(next).filter(|sides| crosses(*sides)).count() % 2 == 1
    }

    /// The pixels around it: left, top, width and height; at least one pixel.
    fn pixels(&self, size: Dimensions) -> (u32, u32, u32, u32) {
        let [left, top, right, bottom] = self.bounds();
        let (width, height) = (size.width as f32, size.height as f32);
        let side = |low: f32, high: f32, most: u32| {
            let start = (low.round() as u32).min(most - 1);
            (start, (high.round() as u32).clamp(start + 1, most) - start)
        };
        let (x, wide) = side(left * width, right * width, size.width);
        let (y, high) = side(top * height, bottom * height, size.height);
        (x, y, wide, high)
    }
}

impl Serialize for Region {
    /// As it is read: the sides of a rectangle, the corners of anything else.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_rectangle() { self.bounds().serialize(serializer) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Rectangle([f32; 4]),
            Polygon(Vec<[f32; 2]>),
        }
        let region = match Form::deserialize(deserializer).map_err(|_| D::Error::custom(RegionError))? {
            Form::Rectangle(sides) => Self::rectangle(sides),
            Form::Polygon(corners) => Self::polygon(corners),
        };
        region.map_err(D::Error::custom)
    }
}

/// What is looked at of each picture of a camera.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Section {
    pub rotation: Rotation,
    /// The whole picture where there is none.
    pub region: Option<Region>,
}

/// Grey, in the place of what lies outside a region that is no rectangle.
const OUTSIDE: u8 = 127;

impl Section {
    /// Whether all of a picture is looked at, as it is.
    pub fn is_whole(&self) -> bool {
        self.rotation.turn().is_none() && self.region.is_none()
    }

    /// Upright, the region alone; what lies around a region that is no rectangle is grey.
    pub fn of(&self, picture: Picture) -> Picture {
        let turn = self.rotation.turn();
        let upright = if turn.is_none() { picture } else { turned(&picture, turn) };
        match &self.region {
            None => upright,
            Some(region) => cut(&upright, region),
        }
    }
}

fn turned(picture: &Picture, turn: Turn) -> Picture {
    let Dimensions { width, height } = turn.size(picture.dimensions());
    let mut upright = blank(width, height);
    turn.paste(picture, &mut upright, (0, 0));
    upright
}

fn blank(width: u32, height: u32) -> Picture {
    Picture::new(width, height, vec![OUTSIDE; width as usize * height as usize * 3]).expect("it has its size")
}

fn cut(picture: &Picture, region: &Region) -> Picture {
    let size = picture.dimensions();
    let (left, top, width, height) = region.pixels(size);
    let stride = size.width as usize * 3;
    let rows = picture.pixels().chunks_exact(stride).skip(top as usize).take(height as usize);
    let mut pixels: Vec<u8> =
        rows.flat_map(|row| &row[left as usize * 3..(left + width) as usize * 3]).copied().collect();
    if !region.is_rectangle() {
        for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = (left + index as u32 % width, top + index as u32 / width);
            let middle = |at: u32, of: u32| (at as f32 + 0.5) / of as f32;
            if !region.contains(middle(x, size.width), middle(y, size.height)) {
                *pixel = [OUTSIDE; 3];
            }
        }
    }
    Picture::new(width, height, pixels).expect("it has its size")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each pixel is its own number.
    fn counting(width: u32, height: u32) -> Picture {
        Picture::new(width, height, (0..width * height).flat_map(|at| [at as u8; 3]).collect()).unwrap()
    }

    fn first_of_each(picture: &Picture) -> Vec<u8> {
        picture.pixels().iter().step_by(3).copied().collect()
    }

    #[test]
    fn a_rectangle_is_cut_out_and_a_polygon_has_grey_around_it() {
        let section = |region| Section { region: Some(region), ..Section::default() };
        let rectangle = section(Region::rectangle([0.25, 0.0, 0.75, 0.5]).unwrap()).of(counting(4, 4));
        assert_eq!((rectangle.width(), first_of_each(&rectangle)), (2, vec![1, 2, 5, 6]));
        let triangle = section(Region::polygon(vec![[0.0, 0.0], [0.9, 0.0], [0.0, 0.9]]).unwrap()).of(counting(3, 3));
        assert_eq!(first_of_each(&triangle), [0, 1, 127, 3, 127, 127, 127, 127, 127]);
    }

    #[test]
    fn a_rotation_comes_before_the_region() {
        let right = Section { rotation: Rotation::of_degrees(90).unwrap(), region: None };
        // 0 1 2     3 0
        // 3 4 5  →  4 1
        //           5 2
        assert_eq!(first_of_each(&right.of(counting(3, 2))), [3, 0, 4, 1, 5, 2]);
        let top = Section { region: Some(Region::rectangle([0.0, 0.0, 1.0, 0.34]).unwrap()), ..right };
        assert_eq!(first_of_each(&top.of(counting(3, 2))), [3, 0]);
        let left = Section { rotation: Rotation::of_degrees(270).unwrap(), region: None };
        assert_eq!(first_of_each(&left.of(counting(3, 2))), [2, 5, 1, 4, 0, 3]);
        assert_eq!(Rotation::of_degrees(45), None);
    }

    #[test]
    fn settings_name_a_region_in_two_ways_and_others_are_refused() {
        let read = |text: &str| serde_json::from_str::<Region>(text);
        assert_eq!(read("[0, 0.5, 1, 1]").unwrap(), Region::rectangle([0.0, 0.5, 1.0, 1.0]).unwrap());
        assert!(read("[[0,0],[1,0],[0.5,1]]").is_ok());
        for text in ["[0.5,0,0.5,1]", "[0,0,2,1]", "[[0,0],[1,1]]", "[[0,0],[0.5,0.5],[1,1]]", "[]", "3", "[1,0,0,1]"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("expected a region as"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_region_of_every_picture_has_at_least_a_pixel(
            (width, height) in (1..9_u32, 1..9_u32),
            (left, top) in (0.0..0.99_f32, 0.0..0.99_f32),
            (wide, high) in (0.01..1.0_f32, 0.01..1.0_f32),
        ) {
            let sides = [left, top, (left + wide).min(1.0), (top + high).min(1.0)];
            let section = Section { region: Some(Region::rectangle(sides).unwrap()), ..Section::default() };
            let cut = section.of(counting(width, height));
            prop_assert!(cut.width() <= width && cut.height() <= height);
        }
    }
}
