//! Pictures that need no camera: six shapes under varied light, place, size, turn, colour and noise.
//!
//! The classes differ in form alone; position and colour say nothing of them, so that a linear head on raw pixels
//! learns little and one on a backbone's features learns much.

mod scene;
mod shape;

use std::path::{Path, PathBuf};

use image::{ImageError, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

pub use shape::Shape;

use crate::preprocess::Picture;

/// Width and height of a drawn picture, in pixels; not square, as a camera's.
pub const SIZE: (u32, u32) = (160, 120);

#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct DrawError {
    path: PathBuf,
    source: ImageError,
}

/// One picture of `shape`; the same seed draws the same picture.
pub fn draw(shape: Shape, seed: u64) -> Picture {
    let image = render(shape, seed);
    Picture::new(image.width(), image.height(), image.into_raw()).expect("a drawing has its own size")
}

/// Writes `per_class` pictures of every shape into `root/<shape>/`, from `first_seed` on.
pub fn draw_folder(root: &Path, per_class: usize, first_seed: u64) -> Result<(), DrawError> {
    for shape in Shape::ALL {
        let folder = root.join(shape.name());
        let failed = |path: &Path, source| DrawError { path: path.to_owned(), source };
        std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error.into()))?;
        for number in 0..per_class {
            let path = folder.join(format!("{number:03}.png"));
            render(shape, first_seed + number as u64).save(&path).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

fn render(shape: Shape, seed: u64) -> RgbImage {
    let mut random = Pcg32::seed_from_u64(seed.wrapping_mul(Shape::ALL.len() as u64) + shape as u64);
    let scene = scene::Scene::random(&mut random, SIZE);
    let mut noise = Pcg32::seed_from_u64(random.random());
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| image::Rgb(scene.pixel(shape, (x, y), &mut noise)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_picture_and_another_seed_another() {
        assert_eq!(render(Shape::Star, 3), render(Shape::Star, 3));
        assert_ne!(render(Shape::Star, 3), render(Shape::Star, 4));
        assert_ne!(render(Shape::Star, 3), render(Shape::Cross, 3));
    }

    #[test]
    fn a_folder_is_drawn_for_every_shape() {
        let root = tempfile::tempdir().unwrap();
        draw_folder(root.path(), 2, 0).unwrap();
        for shape in Shape::ALL {
            assert_eq!(std::fs::read_dir(root.path().join(shape.name())).unwrap().count(), 2);
        }
    }
}
