//! Where the maps of many pictures lie, taken together.

use ndarray::Array2;

use super::places::resampled;
use crate::preprocess::Seen;

/// Places along each side, over what the network sees.
const SIDE: usize = 16;
/// How much of each side is border: the outer ring is then 44 % of what is seen.
const BORDER: f64 = 0.125;

/// Where the object should be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Region {
    /// All that the network sees but its border.
    Middle,
    /// A part of the picture, in shares of its width and height.
    Named { left: f64, top: f64, width: f64, height: f64 },
}

impl Region {
    /// Whether it holds the place at the shares `x` and `y` of the input, of a picture of the given size.
    fn holds(&self, (x, y): (f64, f64), seen: &Seen, size: (u32, u32)) -> bool {
        let inside = |at: f64, start: f64, length: f64| (start..=start + length).contains(&at);
        match *self {
            Self::Middle => inside(x, BORDER, 1.0 - 2.0 * BORDER) && inside(y, BORDER, 1.0 - 2.0 * BORDER),
            Self::Named { left, top, width, height } => {
                let (x, y) = (seen.picture_x(x) / f64::from(size.0), seen.picture_y(y) / f64::from(size.1));
                inside(x, left, width) && inside(y, top, height)
            }
        }
    }
}

/// The maps of one class, each with the same weight.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Sums to the number of pictures.
    sum: Array2<f32>,
    /// Of each picture, how much of its map is outside the region, less how much of what the network sees of it is.
    surplus: Vec<f64>,
    outside: f64,
}

impl Default for Attention {
    fn default() -> Self {
        Self { sum: Array2::zeros((SIDE, SIDE)), surplus: Vec::new(), outside: 0.0 }
    }
}

impl Attention {
    /// Adds the positive part of the map `grid` of a picture of `size` of which the network sees `seen`; a map without one
    /// counts for nothing.
    pub fn add(&mut self, grid: &Array2<f32>, seen: &Seen, size: (u32, u32), region: &Region) {
        let fine = resampled(&grid.mapv(|value| value.max(0.0)), (SIDE, SIDE));
        let total = fine.sum();
        if total <= 0.0 {
            return;
        }
        let (mut outside, mut area) = (0.0, 0.0);
        for ((row, column), &value) in fine.indexed_iter() {
            let middle = |place: usize| (place as f64 + 0.5) / SIDE as f64;
            if !region.holds((middle(column), middle(row)), seen, size) {
                outside += f64::from(value / total);
                area += 1.0 / (SIDE * SIDE) as f64;
            }
        }
        self.sum += &(fine / total);
        self.outside += outside;
        self.surplus.push(outside - area);
    }

    pub fn pictures(&self) -> usize {
        self.surplus.len()
    }

    /// The mean map, `[16,16]` over what the network sees; it sums to 1.
    pub fn average(&self) -> Array2<f32> {
        &self.sum / (self.pictures().max(1) as f32)
    }

    /// The share of the maps that lies outside the region.
    pub fn outside(&self) -> f64 {
        self.outside / self.pictures().max(1) as f64
    }

    /// By how much that share is above what an even map would have, surely: the mean less two standard errors; `None`
    /// with fewer than five pictures.
    pub fn sure_surplus(&self) -> Option<f64> {
        let n = self.surplus.len();
        let mean = self.surplus.iter().sum::<f64>() / n.max(1) as f64;
        let variance = self.surplus.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n.max(2) as f64;
        (n >= 5).then(|| mean - 2.0 * (variance / n as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::Dimensions;

    fn of(grid: &Array2<f32>) -> Attention {
        let (mut attention, seen) = (Attention::default(), Seen::whole(Dimensions { width: 80, height: 60 }));
        (0..6).for_each(|_| attention.add(grid, &seen, (80, 60), &Region::Middle));
        attention
    }

    #[test]
    fn an_even_map_is_as_much_on_the_border_as_the_border_is_large_and_no_more() {
        let even = of(&Array2::ones((4, 4)));
        assert!((even.outside() - 0.4375).abs() < 1e-6, "{}", even.outside());
        assert!(even.sure_surplus().unwrap().abs() < 1e-6);
        assert!((even.average().sum() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_map_in_a_corner_is_on_the_border_and_one_in_the_middle_is_not() {
        let corner = Array2::from_shape_fn((8, 8), |(row, column)| if row == 0 && column == 0 { 1.0 } else { -1.0 });
        assert!(of(&corner).outside() > 0.99 && of(&corner).sure_surplus().unwrap() > 0.5);
        let middle = Array2::from_shape_fn((8, 8), |place| if place == (4, 4) { 1.0 } else { 0.0 });
        assert!(of(&middle).outside() < 0.01);
    }

    #[test]
    fn few_pictures_and_empty_maps_say_nothing() {
        assert_eq!(Attention::default().sure_surplus(), None);
        assert_eq!(of(&Array2::zeros((4, 4))).pictures(), 0);
    }
}
