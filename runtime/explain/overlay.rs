//! A map drawn over its picture.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use ndarray::Array2;

use super::colours::colour;
use super::lettering::{LETTER, letters};
use crate::preprocess::{Picture, Seen};

/// What is drawn.
pub struct Overlay<'a> {
    pub picture: &'a Picture,
    /// `[rows, columns]`; only what is above 0 is drawn.
    pub grid: &'a Array2<f32>,
    /// The value of the strongest colour: the same for maps that are compared.
    pub most: f32,
    pub seen: &'a Seen,
    /// What stands beside the legend.
    pub caption: &'a str,
}

/// How much of the strongest colour covers the picture.
const STRENGTH: f32 = 0.65;
/// What the network does not see is darker.
const UNSEEN: f32 = 0.45;
/// Smaller pictures have no legend.
const LEAST: u32 = 96;

/// The picture with its seen part under the map's colours, and a legend along its lower edge.
pub fn overlay(drawn: &Overlay<'_>) -> Picture {
    let (width, height) = (drawn.picture.width(), drawn.picture.height());
    let mut pixels = drawn.picture.pixels().to_vec();
    for y in 0..height {
        let row = drawn.seen.input_y(f64::from(y) + 0.5);
        for x in 0..width {
            let at = (y as usize * width as usize + x as usize) * 3;
            let place = row.zip(drawn.seen.input_x(f64::from(x) + 0.5));
            let pixel: &mut [u8; 3] = (&mut pixels[at..at + 3]).try_into().expect("three channels");
            match place {
                None => *pixel = pixel.map(|value| (f32::from(value) * UNSEEN) as u8),
                Some((row, column)) => {
                    paint(pixel, between(drawn.grid, row, column) / drawn.most.max(f32::MIN_POSITIVE))
                }
            }
        }
    }
    if width >= LEAST && height >= LEAST {
        legend(&mut pixels, (width, height), drawn.caption);
    }
    Picture::new(width, height, pixels).expect("it has its size")
}

/// The longest side of a [`layer`], which a browser stretches.
const LAYER: u32 = 480;

/// The map's colours alone, as a PNG file to be laid over the picture: what is not painted can be seen through. It has the picture's
/// proportions.
pub fn layer(drawn: &Overlay<'_>) -> Vec<u8> {
    let (width, height) = (drawn.picture.width(), drawn.picture.height());
    let scale = (f64::from(LAYER) / f64::from(width.max(height))).min(1.0);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let (columns, rows) = (side(width), side(height));
    let mut pixels = Vec::with_capacity(columns as usize * rows as usize * 4);
    for y in 0..rows {
        let row = drawn.seen.input_y((f64::from(y) + 0.5) * f64::from(height) / f64::from(rows));
        for x in 0..columns {
            let column = drawn.seen.input_x((f64::from(x) + 0.5) * f64::from(width) / f64::from(columns));
            let (colour, opacity) = match row.zip(column) {
                None => ([0; 3], 1.0 - UNSEEN),
                Some((row, column)) => cover(between(drawn.grid, row, column) / drawn.most.max(f32::MIN_POSITIVE)),
            };
            pixels.extend(colour);
            pixels.push((opacity * 255.0).round() as u8);
        }
    }
    let mut file = Vec::new();
    let written = PngEncoder::new(&mut file).write_image(&pixels, columns, rows, ExtendedColorType::Rgba8);
    written.expect("RGBA pixels are encoded into memory");
    file
}

/// A PNG file.
pub fn png(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let (width, height) = (picture.width(), picture.height());
    let written = PngEncoder::new(&mut file).write_image(picture.pixels(), width, height, ExtendedColorType::Rgb8);
    written.expect("RGB pixels are encoded into memory");
    file
}

/// A JPEG file, for a page that holds many.
pub fn jpeg(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 72);
    let written = encoder.encode(picture.pixels(), picture.width(), picture.height(), ExtendedColorType::Rgb8);
    written.expect("RGB pixels are encoded into memory");
    file
}

/// The colour of a share of the most, and how much of it covers what is below.
fn cover(share: f32) -> ([u8; 3], f32) {
    let share = share.clamp(0.0, 1.0);
    (colour(share), STRENGTH * share.powf(0.7))
}

fn paint(pixel: &mut [u8; 3], share: f32) {
    let (cover, strength) = cover(share);
    let mix = |under: u8, over: u8| (f32::from(under) * (1.0 - strength) + f32::from(over) * strength).round() as u8;
    *pixel = std::array::from_fn(|c| mix(pixel[c], cover[c]));
}

/// The value at (row, column), in shares of the grid's height and width, between the middles of its places.
pub(super) fn between(grid: &Array2<f32>, row: f64, column: f64) -> f32 {
    let along = |share: f64, places: usize| {
        let at = (share * places as f64 - 0.5).clamp(0.0, places as f64 - 1.0);
        (at as usize, (at as usize + 1).min(places - 1), at.fract() as f32)
    };
    let ((top, bottom, down), (left, right, across)) = (along(row, grid.nrows()), along(column, grid.ncols()));
    let mix = |row: usize| grid[[row, left]] * (1.0 - across) + grid[[row, right]] * across;
    mix(top) * (1.0 - down) + mix(bottom) * down
}

/// A dark strip with the caption on its left and the colours from least to most on its right.
fn legend(pixels: &mut [u8], (width, height): (u32, u32), caption: &str) {
    let scale = (width / 360).max(1);
    let strip = (LETTER + 4) * scale;
    let top = height - strip;
    pixels[(top * width * 3) as usize..].iter_mut().for_each(|value| *value /= 5);
    let mut put = |x: u32, y: u32, colour: [u8; 3]| {
        if x < width && y < height {
            let at = (y as usize * width as usize + x as usize) * 3;
            pixels[at..at + 3].copy_from_slice(&colour);
        }
    };
    let mut write = |text: &str, left: u32| {
        letters(text, |x, y| {
            for (dx, dy) in (0..scale * scale).map(|dot| (dot % scale, dot / scale)) {
                put(left + x * scale + dx, top + (2 + y) * scale + dy, [255; 3]);
            }
        });
    };
    let bar = (width / 5).min(60 * scale);
    let words = |text: &str| text.chars().count() as u32 * LETTER * scale;
    let legend_width = bar + words("0") + words("most") + 4 * scale;
    let room = width.saturating_sub(legend_width + 6 * scale) / (LETTER * scale);
    let caption: String = caption.chars().take(room as usize).collect();
    write(&caption, 2 * scale);
    let start = width - legend_width;
    write("0", start);
    let bar_left = start + words("0") + 2 * scale;
    write("most", bar_left + bar + 2 * scale);
    for x in 0..bar {
        let shade = colour(x as f32 / bar.max(2) as f32);
        (2 * scale..strip - 2 * scale).for_each(|y| put(bar_left + x, top + y, shade));
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::preprocess::Dimensions;

    fn drawn(width: u32, height: u32) -> image::RgbImage {
        let picture = Picture::new(width, height, vec![100; (width * height * 3) as usize]).unwrap();
        let grid = array![[1.0, 0.0], [0.0, -1.0]];
        let seen = Seen::whole(Dimensions { width, height });
        let file =
            png(&overlay(&Overlay { picture: &picture, grid: &grid, most: 1.0, seen: &seen, caption: "star 97 %" }));
        image::load_from_memory_with_format(&file, image::ImageFormat::Png).unwrap().to_rgb8()
    }

    #[test]
    fn the_strongest_place_has_the_strongest_colour_and_what_is_not_positive_stays() {
        let picture = drawn(40, 30);
        assert_eq!(picture.dimensions(), (40, 30));
        let [r, g, b] = picture.get_pixel(2, 2).0;
        assert!(r > 180 && g > 170 && b < 80, "{r} {g} {b}");
        assert_eq!(picture.get_pixel(38, 28).0, [100; 3]);
    }

    #[test]
    fn a_layer_covers_the_strongest_place_most_and_leaves_the_rest_to_be_seen() {
        let picture = Picture::new(960, 720, vec![100; 960 * 720 * 3]).unwrap();
        let (grid, seen) = (array![[1.0, 0.0], [0.0, -1.0]], Seen::whole(Dimensions { width: 960, height: 720 }));
        let file = layer(&Overlay { picture: &picture, grid: &grid, most: 1.0, seen: &seen, caption: "" });
        let layer = image::load_from_memory_with_format(&file, image::ImageFormat::Png).unwrap().to_rgba8();
        assert_eq!(layer.dimensions(), (480, 360));
        assert_eq!((layer.get_pixel(2, 2).0[3], layer.get_pixel(478, 358).0[3]), ((STRENGTH * 255.0) as u8 + 1, 0));
    }

    #[test]
    fn a_picture_that_is_large_enough_has_a_legend_and_keeps_its_size() {
        let picture = drawn(300, 200);
        assert_eq!(picture.dimensions(), (300, 200));
        let strip: Vec<[u8; 3]> = (0..300).map(|x| picture.get_pixel(x, 193).0).collect();
        assert!(strip.contains(&[255; 3]), "letters");
        assert!(strip.iter().any(|[r, g, b]| *r > 200 && *g > 200 && *b < 80), "the bar's light end");
    }
}
