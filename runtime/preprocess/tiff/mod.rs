//! TIFF: the first picture, and what decoding it takes, by its directory.

pub(super) mod directory;
mod rewritten;
mod samples;

use image::ImageFormat;
use image::metadata::Orientation;

use super::opened::Opened;
use super::picture::{Dimensions, Turn};
use super::{DecodeError, jpeg};
use directory::*;
use samples::Samples;

/// The decoder holds each value of a tag that it reads in so many bytes, twice.
const VALUE: u64 = 2 * 40;
/// More strips or tiles than this have no picture within the limits.
const MOST_VALUES: u64 = 1 << 20;
/// How many times the pixels of the picture its tiles may hold.
const MOST_PADDING: u64 = 16;
/// So many bytes in tiles are decoded in a fraction of a second.
const LITTLE_PADDING: u64 = 100_000_000;

/// Reads the directory, and refuses what it says of a picture that cannot be read or costs too much.
pub(super) fn open(bytes: &[u8], most: u64) -> Result<Opened<'_>, DecodeError> {
    let directory = Directory::read(bytes).ok_or(DecodeError::Truncated(ImageFormat::Tiff))?;
    let beside = beside(&directory)?;
    if beside > most.saturating_add(bytes.len() as u64 * 3) {
        return Err(DecodeError::Memory { needed: beside, limit: most });
    }
    let side = |tag| u32::try_from(directory.number(tag, 0)).map_err(|_| DecodeError::Parts(ImageFormat::Tiff));
    let dimensions = Dimensions { width: side(WIDTH)?, height: side(HEIGHT)? };
    let samples = Samples::read(&directory, dimensions)?;
    let orientation = u8::try_from(directory.number(ORIENTATION, 1)).ok().and_then(Orientation::from_exif);
    Ok(Opened {
        dimensions,
        layout: samples.layout(),
        turn: orientation.map(Turn::from).unwrap_or_default(),
        beside,
        at_worst: 0,
        read: Box::new(move |pixels| samples.decode(&directory, pixels)),
    })
}

/// Bytes that the decoder holds beside the pixels that it gives, its own copy of the picture included.
///
/// # Errors
/// When tiles hold far more than the picture, or the JPEGs in it are not of the size of its strips or tiles.
///
/// Source: TIFF 6.0, section 2; tiff 0.11.
fn beside(directory: &Directory<'_>) -> Result<u64, DecodeError> {
    let count = directory.entries.values().map(|entry| entry.count).fold(0, u64::saturating_add);
    if count > MOST_VALUES {
        return Err(DecodeError::Parts(ImageFormat::Tiff));
    }
    let parts = directory.parts()?;
    // One row of a strip or tile, with what is cut off at the right.
    let row = parts.width.max(directory.number(WIDTH, 0)).saturating_mul(directory.pixel());
    let jpeg = if directory.number(COMPRESSION, 1) == 7 { directory.jpegs(&parts)? } else { 0 };
    Ok([count * VALUE, directory.copy(), row, jpeg, directory.bytes.len() as u64]
        .into_iter()
        .fold(0, u64::saturating_add))
}

/// The strips or tiles of a picture.
struct Parts {
    width: u64,
    height: u64,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

impl Directory<'_> {
    /// Bytes of a pixel with all its samples.
    fn pixel(&self) -> u64 {
        self.number(SAMPLES, 1).saturating_mul(self.number(BITS, 1).div_ceil(8))
    }

    fn pixels(&self) -> u64 {
        self.number(WIDTH, 0).saturating_mul(self.number(HEIGHT, 0))
    }

    /// The picture as the decoder hands it over, with all its samples.
    fn copy(&self) -> u64 {
        self.pixels().saturating_mul(self.pixel())
    }

    fn parts(&self) -> Result<Parts, DecodeError> {
        let (whole_width, whole_height) = (self.number(WIDTH, 0), self.number(HEIGHT, 0));
        if !self.entries.contains_key(&TILE_OFFSETS) {
            let height = self.number(STRIP_ROWS, whole_height).min(whole_height);
            let (offsets, lengths) = (self.numbers(STRIP_OFFSETS), self.numbers(STRIP_LENGTHS));
            return Ok(Parts { width: whole_width, height, offsets, lengths });
        }
        let (width, height) = (self.number(TILE_WIDTH, 0), self.number(TILE_HEIGHT, 0));
        let (offsets, lengths) = (self.numbers(TILE_OFFSETS), self.numbers(TILE_LENGTHS));
        let held = width.saturating_mul(height).saturating_mul(offsets.len() as u64);
        let planes = if self.number(PLANAR, 1) == 2 { self.number(SAMPLES, 1).max(1) } else { 1 };
        let times = held / self.pixels().saturating_mul(planes).max(1);
        if times > MOST_PADDING && held.saturating_mul(self.pixel() / planes) > LITTLE_PADDING {
            return Err(DecodeError::Repeated { times, limit: MOST_PADDING });
        }
        Ok(Parts { width, height, offsets, lengths })
    }

    /// The most that decoding one strip or tile as JPEG takes.
    fn jpegs(&self, parts: &Parts) -> Result<u64, DecodeError> {
        let damaged = || DecodeError::Parts(ImageFormat::Tiff);
        if parts.lengths.iter().fold(0, |sum: u64, length| sum.saturating_add(*length)) > self.bytes.len() as u64 {
            return Err(damaged());
        }
        let tables: Vec<u8> = self.numbers(JPEG_TABLES).into_iter().map(|byte| byte as u8).collect();
        let mut most = 0;
        for (offset, length) in parts.offsets.iter().zip(&parts.lengths) {
            let range = offset.checked_add(*length).and_then(|end| Some(usize::try_from(*offset).ok()?..end as usize));
            let part = range.and_then(|range| self.bytes.get(range)).ok_or_else(damaged)?;
            let (width, height, bytes) = jpeg::part(&tables, part).ok_or_else(damaged)?;
            if u64::from(width) > parts.width.next_multiple_of(16)
                || u64::from(height) > parts.height.next_multiple_of(16)
            {
                return Err(damaged());
            }
            most = most.max(bytes);
        }
        Ok(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this directory and nothing else; every value is a 32-bit number.
    fn file(big_endian: bool, entries: &[(u16, &[u32])]) -> Vec<u8> {
        let word = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let half = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let mut bytes = [if big_endian { b"MM" } else { b"II" }.to_vec(), half(42).to_vec(), word(8).to_vec()].concat();
        let mut values = Vec::new();
        let behind = 8 + 2 + 12 * entries.len() as u32 + 4;
        bytes.extend(half(entries.len() as u16));
        for (tag, numbers) in entries {
            bytes.extend([&half(*tag)[..], &half(4), &word(numbers.len() as u32)].concat());
            match numbers {
                [one] => bytes.extend(word(*one)),
                many => {
                    bytes.extend(word(behind + values.len() as u32));
                    values.extend(many.iter().flat_map(|number| word(*number)));
                }
            }
        }
        bytes.extend(word(0));
        [bytes, values].concat()
    }

    #[test]
    fn the_directory_is_read_in_both_byte_orders() {
        for big_endian in [false, true] {
            let bytes = file(big_endian, &[(WIDTH, &[100]), (HEIGHT, &[50]), (BITS, &[16, 16, 16]), (SAMPLES, &[3])]);
            let directory = Directory::read(&bytes).unwrap();
            assert_eq!((directory.number(WIDTH, 0), directory.numbers(BITS)), (100, vec![16; 3]));
            assert_eq!((directory.copy(), directory.pixel()), (100 * 50 * 6, 6));
        }
    }

    fn cost(bytes: &[u8]) -> Result<u64, DecodeError> {
        beside(&Directory::read(bytes).unwrap())
    }

    #[test]
    fn a_tile_far_wider_than_the_picture_costs_its_row_and_its_work() {
        let tiled = |side: u32| {
            file(
                false,
                &[
                    (WIDTH, &[8]),
                    (HEIGHT, &[8]),
                    (BITS, &[8]),
                    (TILE_WIDTH, &[side]),
                    (TILE_HEIGHT, &[side]),
                    (TILE_OFFSETS, &[8]),
                    (TILE_LENGTHS, &[8]),
                ],
            )
        };
        assert!(cost(&tiled(256)).unwrap() < 5000);
        assert!(matches!(cost(&tiled(1 << 20)), Err(DecodeError::Repeated { limit: MOST_PADDING, .. })));
    }

    #[test]
    fn values_cost_memory_and_too_many_are_refused() {
        let mut bytes = file(false, &[(STRIP_OFFSETS, &[1, 2])]);
        assert!(cost(&bytes).unwrap() > 2 * VALUE);
        bytes[14..18].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(cost(&bytes), Err(DecodeError::Parts(_))));
    }

    #[test]
    fn no_directory_is_no_panic() {
        let bytes = file(true, &[(WIDTH, &[1]), (HEIGHT, &[1]), (BITS, &[8, 8])]);
        for length in 0..bytes.len() {
            drop(open(&bytes[..length], 1 << 20));
        }
        drop(open(b"II+\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1 << 20));
    }
}
