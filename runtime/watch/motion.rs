//! Whether something moves: the share of a small grey picture that differs from what was there before.

use crate::preprocess::Picture;

/// The longer side of the small picture.
const SIDE: u32 = 96;
/// Of a cell of the small picture, at most so many pixels a side are looked at.
const SAMPLES: u32 = 4;
/// By how much of the difference the memory of what was there follows each picture: a thing that stays is part of the scene after
/// some tens of pictures.
const FOLLOWS: f32 = 0.1;
/// The least difference of a cell that counts, of the range of grey.
const DIFFERENCE: f32 = 0.06;

/// A small grey picture, 0 to 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Grey {
    width: u32,
    cells: Vec<f32>,
}

impl Grey {
    pub fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width(), picture.height());
        let longest = width.max(height);
        let side = |pixels: u32| (pixels * SIDE.min(longest)).div_ceil(longest).max(1);
        let (cells_wide, cells_high) = (side(width), side(height));
        let place =
            |cell: u32, cells: u32, pixels: u32| (u64::from(cell) * u64::from(pixels) / u64::from(cells)) as u32;
        let mut cells = Vec::with_capacity((cells_wide * cells_high) as usize);
        for row in 0..cells_high {
            let rows = place(row, cells_high, height)..place(row + 1, cells_high, height);
            for column in 0..cells_wide {
                let columns = place(column, cells_wide, width)..place(column + 1, cells_wide, width);
                cells.push(mean(picture, columns, rows.clone()));
            }
        }
        Self { width: cells_wide, cells }
    }

    /// Of the whole picture.
    fn mean(&self) -> f32 {
        self.cells.iter().sum::<f32>() / self.cells.len() as f32
    }
}

/// Of some pixels of a cell, evenly spread.
fn mean(picture: &Picture, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> f32 {
    let step = |range: &std::ops::Range<u32>| ((range.end - range.start) / SAMPLES).max(1) as usize;
    let stride = picture.width() as usize * 3;
    let (mut sum, mut count) = (0, 0);
    for y in rows.clone().step_by(step(&rows)) {
        for x in columns.clone().step_by(step(&columns)) {
            let at = y as usize * stride + x as usize * 3;
            let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(picture.pixels()[at + channel]));
            // BT.601, in 256ths.
            sum += 77 * red + 150 * green + 29 * blue;
            count += 1;
        }
    }
    sum as f32 / (count.max(1) * 256 * 255) as f32
}

/// What was there before, to compare with.
#[derive(Debug, Default)]
pub struct Motion {
    scene: Option<Grey>,
}

impl Motion {
    /// The share of cells that differ from the scene, in which a change of light all over does not count; 1 for the first picture
    /// and for one of another size.
    pub fn share(&mut self, now: &Grey) -> f32 {
        let Some(scene) =
            self.scene.as_mut().filter(|scene| (scene.width, scene.cells.len()) == (now.width, now.cells.len()))
        else {
            self.scene = Some(now.clone());
            return 1.0;
        };
        let lighter = now.mean() - scene.mean();
        let mut moved = 0;
        for (before, now) in scene.cells.iter_mut().zip(&now.cells) {
            moved += usize::from((now - *before - lighter).abs() > DIFFERENCE);
            *before += FOLLOWS * (now - *before);
        }
        moved as f32 / now.cells.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene with a square of `side` at `x`, all brighter by `light`, with noise.
    fn scene(x: u32, side: u32, light: u8, seed: u32) -> Picture {
        let (width, height) = (320, 180);
        let mut noise = seed;
        let pixels = (0..width * height).flat_map(|at| {
            let (column, row) = (at % width, at / width);
            let inside = (x..x + side).contains(&column) && (60..60 + side).contains(&row);
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let level = if inside { 200 } else { 60 + (column / 4) as u8 } + light + (noise >> 29) as u8;
            [level; 3]
        });
        Picture::new(width, height, pixels.collect()).unwrap()
    }

    fn moved(motion: &mut Motion, picture: &Picture) -> f32 {
        motion.share(&Grey::of(picture))
    }

    #[test]
    fn noise_and_light_are_no_motion_and_a_thing_that_moves_is() {
        let mut motion = Motion::default();
        assert_eq!(moved(&mut motion, &scene(0, 0, 0, 1)), 1.0, "nothing to compare with");
        for seed in 2..20 {
            assert_eq!(moved(&mut motion, &scene(0, 0, 0, seed)), 0.0, "noise");
        }
        assert_eq!(moved(&mut motion, &scene(0, 0, 30, 20)), 0.0, "a lamp goes on");
        // 24 x 24 of 320 x 180 pixels are 1 %.
        let share = moved(&mut motion, &scene(100, 24, 0, 21));
        assert!((0.005..0.02).contains(&share), "{share}");
        let shares: Vec<f32> = (22..90).map(|seed| moved(&mut motion, &scene(100, 24, 0, seed))).collect();
        assert_eq!(*shares.last().unwrap(), 0.0, "what stays is part of the scene");
        assert!(shares.iter().take(5).all(|share| *share > 0.005));
    }

    #[test]
    fn a_picture_of_another_size_is_something_new() {
        let mut motion = Motion::default();
        moved(&mut motion, &scene(0, 0, 0, 1));
        let other = Picture::new(3, 2, vec![9; 18]).unwrap();
        assert_eq!(moved(&mut motion, &other), 1.0);
        assert_eq!(moved(&mut motion, &other), 0.0);
    }

    #[test]
    fn small_pictures_are_as_they_are() {
        let picture = Picture::new(2, 1, vec![255, 255, 255, 0, 0, 0]).unwrap();
        assert_eq!(Grey::of(&picture), Grey { width: 2, cells: vec![1.0, 0.0] });
    }
}
