//! TIFF: what decoding the first picture takes, by its directory.

use std::collections::HashMap;

use image::ImageFormat;

use super::{DecodeError, jpeg};

/// The decoder holds each value of a tag that it reads in so many bytes, twice.
const VALUE: u64 = 2 * 40;
/// More strips or tiles than this have no picture within the limits.
const MOST_VALUES: u64 = 1 << 20;
/// How many times the pixels of the picture its tiles may hold.
const MOST_PADDING: u64 = 16;
/// So many bytes in tiles are decoded in a fraction of a second.
const LITTLE_PADDING: u64 = 100_000_000;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES: u16 = 277;
const STRIP_ROWS: u16 = 278;
const STRIP_LENGTHS: u16 = 279;
const PLANAR: u16 = 284;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_LENGTHS: u16 = 325;
const JPEG_TABLES: u16 = 347;

/// Bytes that the decoder holds beside the pixels that it gives, its own copy of the picture included; 0 where the
/// file has no directory, which the decoder will say itself.
///
/// # Errors
/// When tiles hold far more than the picture, or the JPEGs in it are not of the size of its strips or tiles.
///
/// Source: TIFF 6.0, section 2; tiff 0.11.
pub(super) fn beside(bytes: &[u8]) -> Result<u64, DecodeError> {
    let Some(directory) = Directory::read(bytes) else { return Ok(0) };
    let count = directory.entries.values().map(|entry| entry.count).fold(0, u64::saturating_add);
    if count > MOST_VALUES {
        return Err(DecodeError::Parts(ImageFormat::Tiff));
    }
    let parts = directory.parts()?;
    // One row of a strip or tile, with what is cut off at the right.
    let row = parts.width.max(directory.number(WIDTH, 0)).saturating_mul(directory.pixel());
    let jpeg = if directory.number(COMPRESSION, 1) == 7 { directory.jpegs(&parts)? } else { 0 };
    Ok([count * VALUE, directory.copy(), row, jpeg, bytes.len() as u64].into_iter().fold(0, u64::saturating_add))
}

struct Directory<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// By tag.
    entries: HashMap<u16, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Bytes a value.
    size: u64,
    count: u64,
    /// Where the values are in the file.
    at: u64,
}

/// The strips or tiles of a picture.
struct Parts {
    width: u64,
    height: u64,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

impl<'a> Directory<'a> {
    /// The first directory, classic or BigTIFF.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = bytes.starts_with(b"MM");
        let mut directory = Self { bytes, big_endian, entries: HashMap::new() };
        let big = directory.integer(2, 2)? == 43;
        let (start, counted, entry, word) = if big { (8, 8, 20, 8) } else { (4, 2, 12, 4) };
        let first = directory.integer(start, word)?;
        for number in 0..directory.integer(first, counted)? {
            let at = number.checked_mul(entry)?.checked_add(first)?.checked_add(counted)?;
            let Some(tag) = directory.integer(at, 2) else { break };
            let (kind, count) = (directory.integer(at + 2, 2)?, directory.integer(at + 4, word)?);
            let size = match kind {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16..=18 => 8,
                _ => continue,
            };
            let inline = at + 4 + word;
            let place = if count.saturating_mul(size) <= word { inline } else { directory.integer(inline, word)? };
            if is_read(tag as u16) {
                directory.entries.insert(tag as u16, Entry { size, count, at: place });
            }
        }
        Some(directory)
    }

    fn integer(&self, at: u64, length: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(length as usize)?)?.iter();
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.fold(0, add) } else { bytes.rev().fold(0, add) })
    }

    /// All values of a tag that are in the file.
    fn numbers(&self, tag: u16) -> Vec<u64> {
        let Some(entry) = self.entries.get(&tag) else { return Vec::new() };
        let places = (0..entry.count).map_while(|index| entry.at.checked_add(index.checked_mul(entry.size)?));
        places.map_while(|at| self.integer(at, entry.size)).collect()
    }

    fn number(&self, tag: u16, default: u64) -> u64 {
        let first = self.entries.get(&tag).filter(|entry| entry.count > 0);
        first.and_then(|entry| self.integer(entry.at, entry.size)).unwrap_or(default)
    }

    /// Bytes of a pixel with all its samples.
    fn pixel(&self) -> u64 {
        self.number(SAMPLES, 1).saturating_mul(self.number(BITS, 1).div_ceil(8))
    }

    fn pixels(&self) -> u64 {
        self.number(WIDTH, 0).saturating_mul(self.number(HEIGHT, 0))
    }

    /// The picture as the decoder reads it: of samples beyond four only those that lie in planes of their own.
    fn copy(&self) -> u64 {
        let samples = self.number(SAMPLES, 1);
        let read = if self.number(PLANAR, 1) == 2 { samples } else { samples.min(4) };
        self.pixels().saturating_mul(read).saturating_mul(self.number(BITS, 1).div_ceil(8))
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

/// Whether the decoder reads the values of a tag as it opens a file; others, such as colour profiles, it leaves.
fn is_read(tag: u16) -> bool {
    matches!(tag, 254..=284 | 317 | 320..=325 | 338 | 339 | 347 | 529..=532)
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

    #[test]
    fn planes_are_read_all_and_other_samples_beyond_four_are_not() {
        let samples = |planar| {
            file(false, &[(WIDTH, &[10]), (HEIGHT, &[10]), (BITS, &[8]), (SAMPLES, &[9]), (PLANAR, &[planar])])
        };
        assert_eq!(Directory::read(&samples(1)).unwrap().copy(), 400);
        assert_eq!(Directory::read(&samples(2)).unwrap().copy(), 900);
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
        assert!(beside(&tiled(256)).unwrap() < 5000);
        assert!(matches!(beside(&tiled(1 << 20)), Err(DecodeError::Repeated { limit: MOST_PADDING, .. })));
    }

    #[test]
    fn values_cost_memory_and_too_many_are_refused() {
        let mut bytes = file(false, &[(STRIP_OFFSETS, &[1, 2])]);
        assert!(beside(&bytes).unwrap() > 2 * VALUE);
        bytes[14..18].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(beside(&bytes), Err(DecodeError::Parts(_))));
    }

    #[test]
    fn no_directory_is_no_panic() {
        let bytes = file(true, &[(WIDTH, &[1]), (HEIGHT, &[1]), (BITS, &[8, 8])]);
        for length in 0..bytes.len() {
            drop(beside(&bytes[..length]));
        }
        drop(beside(b"II+\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    }
}
