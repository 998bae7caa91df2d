//! A TIFF file as its decoder takes it: with a directory of our own behind it, which says only how the samples are packed.
//!
//! The decoder unpacks strips and tiles, but knows few kinds of colour, no planes in tiles and no samples of 12 bits. So it is
//! told of grey levels: one plane at a time, and samples of other than whole bytes as so many pixels of one bit.

use std::io::{self, Read, Seek, SeekFrom};

use image::ImageFormat;

use super::directory::*;
use crate::preprocess::DecodeError;

/// The bytes of a file with another head and something behind its end.
pub(super) struct Rewritten<'a> {
    head: [u8; 8],
    bytes: &'a [u8],
    tail: Vec<u8>,
    position: u64,
    /// Whether bits are read in the other order.
    pub reversed: bool,
}

/// How samples are packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub bits: u32,
    /// Of a pixel.
    pub samples: usize,
    /// Planes of one sample each, where there are more than one.
    pub planes: usize,
}

impl Packing {
    /// Bits of a pixel as the decoder is told of them, and how many such pixels stand for one.
    fn told(self) -> (u32, u64) {
        let samples = if self.planes > 1 { 1 } else { self.samples as u64 };
        match self.bits {
            8 | 16 | 32 => (self.bits, 1),
            bits => (1, u64::from(bits) * samples),
        }
    }
}

impl<'a> Rewritten<'a> {
    /// # Errors
    /// When the numbers of the directory do not fit together.
    pub fn new(directory: &Directory<'a>, packing: Packing, plane: usize) -> Result<Self, DecodeError> {
        let parts = || DecodeError::Parts(ImageFormat::Tiff);
        let (bits, stretch) = packing.told();
        let samples = if packing.planes > 1 || stretch > 1 || bits == 1 { 1 } else { packing.samples };
        let number = |tag, default| u32::try_from(directory.number(tag, default)).map_err(|_| parts());
        let wide = |tag| {
            let wide = directory.number(tag, 0).checked_mul(stretch).and_then(|width| u32::try_from(width).ok());
            wide.ok_or_else(parts)
        };
        let of_plane = |tag| {
            let numbers = directory.numbers(tag);
            let each = numbers.len() / packing.planes;
            let own = numbers.get(plane * each..(plane + 1) * each).unwrap_or_default();
            own.iter().map(|&number| u32::try_from(number).unwrap_or(u32::MAX)).collect::<Vec<u32>>()
        };
        let mut entries: Vec<(u16, u16, Vec<u32>)> = vec![
            (WIDTH, LONG, vec![wide(WIDTH)?]),
            (HEIGHT, LONG, vec![number(HEIGHT, 0)?]),
            (BITS, SHORT, vec![bits]),
            (COMPRESSION, SHORT, vec![number(COMPRESSION, 1)?]),
            (PHOTOMETRIC, SHORT, vec![1]),
            (SAMPLES, SHORT, vec![samples as u32]),
            (PLANAR, SHORT, vec![1]),
            (PREDICTOR, SHORT, vec![number(PREDICTOR, 1)?]),
            (SAMPLE_FORMAT, SHORT, vec![if bits == 32 { number(SAMPLE_FORMAT, 1)? } else { 1 }]),
        ];
        match directory.entries.contains_key(&TILE_OFFSETS) {
            true => entries.extend([
                (TILE_WIDTH, LONG, vec![wide(TILE_WIDTH)?]),
                (TILE_HEIGHT, LONG, vec![number(TILE_HEIGHT, 0)?]),
                (TILE_OFFSETS, LONG, of_plane(TILE_OFFSETS)),
                (TILE_LENGTHS, LONG, of_plane(TILE_LENGTHS)),
            ]),
            false => entries.extend([
                (STRIP_OFFSETS, LONG, of_plane(STRIP_OFFSETS)),
                (STRIP_ROWS, LONG, vec![number(STRIP_ROWS, directory.number(HEIGHT, 0))?]),
                (STRIP_LENGTHS, LONG, of_plane(STRIP_LENGTHS)),
            ]),
        }
        if directory.entries.contains_key(&JPEG_TABLES) {
            let tables = directory.numbers(JPEG_TABLES).into_iter().map(|byte| byte as u32);
            entries.push((JPEG_TABLES, UNDEFINED, tables.collect()));
        }
        entries.sort_by_key(|entry| entry.0);
        Ok(Self::with(directory, &entries))
    }

    fn with(directory: &Directory<'a>, entries: &[(u16, u16, Vec<u32>)]) -> Self {
        let big_endian = directory.is_big_endian();
        let bytes = directory.bytes;
        let number = |value: u32, length: usize| match big_endian {
            true => value.to_be_bytes()[4 - length..].to_vec(),
            false => value.to_le_bytes()[..length].to_vec(),
        };
        // Offsets of directories are even.
        let padding = bytes.len() % 2;
        let start = bytes.len() + padding;
        let behind = start + 2 + 12 * entries.len() + 4;
        let mut tail = vec![0; padding];
        let mut values = Vec::new();
        tail.extend(number(entries.len() as u32, 2));
        for (tag, kind, numbers) in entries {
            let size = match *kind {
                SHORT => 2,
                LONG => 4,
                _ => 1,
            };
            tail.extend(
                [number((*tag).into(), 2), number((*kind).into(), 2), number(numbers.len() as u32, 4)].concat(),
            );
            let mut written: Vec<u8> = numbers.iter().flat_map(|&value| number(value, size)).collect();
            if written.len() <= 4 {
                written.resize(4, 0);
                tail.extend(written);
            } else {
                tail.extend(number((behind + values.len()) as u32, 4));
                values.extend(written);
            }
        }
        tail.extend(number(0, 4));
        tail.extend(values);
        let mut head = *if big_endian { b"MM\0*\0\0\0\0" } else { b"II*\0\0\0\0\0" };
        head[4..].copy_from_slice(&number(start as u32, 4));
        Self { head, bytes, tail, position: 0, reversed: false }
    }
}

const SHORT: u16 = 3;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;

impl Read for Rewritten<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let position = usize::try_from(self.position).unwrap_or(usize::MAX);
        let source = match position {
            0..8 => &self.head[position..],
            _ if position < self.bytes.len() => &self.bytes[position..],
            _ => self.tail.get(position - self.bytes.len()..).unwrap_or_default(),
        };
        let length = source.len().min(out.len());
        out[..length].copy_from_slice(&source[..length]);
        if self.reversed {
            out[..length].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for Rewritten<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.bytes.len() + self.tail.len();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => (length as u64).checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
