//! Small pictures, for people to look at.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

use super::picture::{Dimensions, Picture, Turn};

/// The longer side of a thumbnail, in pixels.
const SIDE: u32 = 160;
const QUALITY: u8 = 75;
/// Of a picture that is kept as it is.
const WHOLE_QUALITY: u8 = 90;
/// What making one takes at most, in bytes.
pub(super) const BYTES: u64 = 1 << 20;

/// A JPEG file of `stored`, turned upright, its longer side at most 160 pixels.
pub(super) fn thumbnail(stored: &Picture, turn: Turn, resizer: &mut Resizer) -> Vec<u8> {
    let small = shrunk(stored, SIDE, resizer);
    let Dimensions { width, height } = turn.size(small.dimensions());
    let mut upright = Picture::filled(width, height, [0; 3]);
    turn.paste(&small, &mut upright, (0, 0));
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let encoded = encoder.encode(upright.pixels(), width, height, ExtendedColorType::Rgb8);
    encoded.expect("a small RGB picture is encoded into memory");
    bytes
}

/// A JPEG file of the whole picture; `None` for one that is larger than the format allows.
pub fn to_jpeg(picture: &Picture) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, WHOLE_QUALITY);
    encoder.encode(picture.pixels(), picture.width(), picture.height(), ExtendedColorType::Rgb8).ok()?;
    Some(bytes)
}

/// A JPEG file of `picture`, its longer side at most `side` pixels.
pub fn to_small_jpeg(picture: &Picture, side: u32) -> Vec<u8> {
    let small = shrunk(picture, side, &mut Resizer::new());
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let encoded = encoder.encode(small.pixels(), small.width(), small.height(), ExtendedColorType::Rgb8);
    encoded.expect("a small RGB picture is encoded into memory");
    bytes
}

/// A PNG file of the whole picture, from which the same pixels are read again; `None` for one that is larger than the format allows.
pub fn to_png(picture: &Picture) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, PngFilter::Adaptive);
    encoder.write_image(picture.pixels(), picture.width(), picture.height(), ExtendedColorType::Rgb8).ok()?;
    Some(bytes)
}

/// A JPEG file of `picture`, its longer side at most 160 pixels.
pub fn to_thumbnail(picture: &Picture) -> Vec<u8> {
    thumbnail(picture, Turn::default(), &mut Resizer::new())
}

/// The usual extension of the name of an image file with this content.
pub fn extension(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'R', b'I', b'F', b'F', ..] => "webp",
        [b'G', b'I', b'F', ..] => "gif",
        [b'B', b'M', ..] => "bmp",
        [b'I', b'I', ..] | [b'M', b'M', ..] => "tif",
        _ => "jpg",
    }
}

/// The whole picture; one that is small enough stays as it is.
fn shrunk(picture: &Picture, most: u32, resizer: &mut Resizer) -> Picture {
    let Dimensions { width, height } = picture.dimensions();
    let longest = u64::from(width.max(height));
    if longest <= u64::from(most) {
        return picture.clone();
    }
    let side = |pixels: u32| (u64::from(pixels) * u64::from(most)).div_ceil(longest) as u32;
    let (small_width, small_height) = (side(width), side(height));
    let mut pixels = vec![0; small_width as usize * small_height as usize * 3];
    let from = TypedImageRef::<U8x3>::from_buffer(width, height, picture.pixels()).expect("it has its size");
    let mut to = TypedImage::<U8x3>::from_buffer(small_width, small_height, &mut pixels).expect("it has its size");
    // Every pixel of a large photograph would be averaged for a picture that is looked at in passing.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::SuperSampling(FilterType::Bilinear, 2));
    resizer.resize_typed(&from, &mut to, &options).expect("both have pixels");
    Picture::new(small_width, small_height, pixels).expect("it has its size")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Picture {
        let pixels = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [(x * 255 / width) as u8, (y * 255 / height) as u8, 60]));
        Picture::new(width, height, pixels.collect()).unwrap()
    }

    fn made(width: u32, height: u32, turn: Turn) -> (usize, image::RgbImage) {
        let bytes = thumbnail(&gradient(width, height), turn, &mut Resizer::new());
        (bytes.len(), image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).unwrap().to_rgb8())
    }

    #[test]
    fn the_longer_side_is_160_pixels_and_small_pictures_keep_their_size() {
        let transpose = Turn { transpose: true, ..Turn::default() };
        for ((width, height), turn, expected) in [
            ((640, 480), Turn::default(), (160, 120)),
            ((480, 640), transpose, (160, 120)),
            ((100, 30), Turn::default(), (100, 30)),
            ((3000, 1), Turn::default(), (160, 1)),
        ] {
            let (bytes, picture) = made(width, height, turn);
            assert_eq!(picture.dimensions(), expected);
            assert!(bytes < 20_000, "{bytes}");
        }
    }

    #[test]
    fn a_png_file_gives_the_same_pixels_again() {
        let picture = gradient(37, 21);
        let bytes = to_png(&picture).unwrap();
        assert_eq!(extension(&bytes), "png");
        let back = crate::preprocess::decode(&bytes, &crate::preprocess::Limits::default(), [0; 3]).unwrap();
        assert_eq!(back, picture);
    }

    #[test]
    fn colours_are_where_they_were_also_when_it_is_turned() {
        let mirrored = Turn { mirror_x: true, ..Turn::default() };
        let near = |pixel: &image::Rgb<u8>, expected: [u8; 3]| {
            assert!(pixel.0.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 16), "{pixel:?} {expected:?}");
        };
        near(made(800, 600, Turn::default()).1.get_pixel(150, 10), [240, 22, 60]);
        near(made(800, 600, mirrored).1.get_pixel(150, 10), [15, 22, 60]);
    }
}
