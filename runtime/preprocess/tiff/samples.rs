//! TIFF: the samples of the first picture, whatever they stand for, made grey, RGB or either with transparency.
//!
//! The decoder unpacks strips and tiles but knows few kinds of colour. So it is told that samples are grey levels, which it
//! hands over as they are, and what they stand for is worked out here.
//!
//! Source: TIFF 6.0; TIFF Technical Note 2 for JPEG.

use std::cell::Cell;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use image::error::{DecodingError, ImageFormatHint};
use image::{ColorType, ImageError, ImageFormat};
use tiff::decoder::Decoder;

use super::directory::*;
use crate::preprocess::{DecodeError, Dimensions};

/// What the samples of a pixel stand for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Colours {
    Grey {
        white_is_zero: bool,
    },
    Rgb,
    /// 8-bit RGB of each index.
    Palette(Vec<[u8; 3]>),
    Cmyk,
    YCbCr,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Alpha {
    None,
    /// Beside colours as they are.
    Plain,
    /// Colours are multiplied by it.
    Associated,
}

/// How the samples of a picture lie and what they stand for.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    colours: Colours,
    alpha: Alpha,
    size: Dimensions,
    bits: u32,
    /// Of a pixel, those that nothing is known of included.
    count: usize,
    planar: bool,
}

impl Samples {
    /// # Errors
    /// [`DecodeError::Unsupported`] with what it is that cannot be read.
    pub fn read(directory: &Directory<'_>, size: Dimensions) -> Result<Self, DecodeError> {
        let unsupported = |what: String| DecodeError::Unsupported { format: ImageFormat::Tiff, what };
        if let Some(name) = unread_compression(directory.number(COMPRESSION, 1)) {
            return Err(unsupported(name));
        }
        let bits = directory.number(BITS, 1);
        let all_bits = directory.numbers(BITS);
        if directory.number(SAMPLE_FORMAT, 1) != 1
            || !matches!(bits, 1 | 2 | 4 | 8 | 16)
            || all_bits.iter().any(|&other| other != bits)
        {
            let kind = match directory.number(SAMPLE_FORMAT, 1) {
                2 => "signed integers",
                3 => "floating-point numbers",
                _ => "integers",
            };
            return Err(unsupported(format!("samples that are {kind} of {bits} bits")));
        }
        let (colours, own) = match directory.number(PHOTOMETRIC, u64::MAX) {
            0 => (Colours::Grey { white_is_zero: true }, 1),
            1 => (Colours::Grey { white_is_zero: false }, 1),
            2 => (Colours::Rgb, 3),
            3 => (Colours::Palette(palette(directory, bits)?), 1),
            5 => (Colours::Cmyk, 4),
            6 if bits == 8 => (Colours::YCbCr, 3),
            8..=10 => return Err(unsupported("colours in Lab".to_owned())),
            other => return Err(unsupported(format!("photometric interpretation {other}"))),
        };
        if colours == Colours::YCbCr
            && directory.number(COMPRESSION, 1) != 7
            && directory.numbers(SUBSAMPLING) != [1, 1]
        {
            return Err(unsupported("colours in subsampled YCbCr without JPEG".to_owned()));
        }
        let count = directory.number(SAMPLES, 1) as usize;
        if count < own {
            return Err(DecodeError::Parts(ImageFormat::Tiff));
        }
        let alpha = match (directory.numbers(EXTRA_SAMPLES).first(), count - own) {
            (_, 0) | (Some(0), _) => Alpha::None,
            (Some(1), _) => Alpha::Associated,
            (Some(2), _) => Alpha::Plain,
            // Four samples of red, green, blue and nothing said.
            (None, 1) if own == 3 => Alpha::Plain,
            _ => Alpha::None,
        };
        Ok(Self {
            colours,
            alpha,
            size,
            bits: bits as u32,
            count,
            planar: directory.number(PLANAR, 1) == 2 && count > 1,
        })
    }

    /// Of the pixels that [`Self::decode`] gives.
    pub fn layout(&self) -> ColorType {
        let grey = matches!(self.colours, Colours::Grey { .. });
        match (grey, self.alpha == Alpha::None, self.is_wide()) {
            (true, true, false) => ColorType::L8,
            (true, true, true) => ColorType::L16,
            (true, false, false) => ColorType::La8,
            (true, false, true) => ColorType::La16,
            (false, true, false) => ColorType::Rgb8,
            (false, true, true) => ColorType::Rgb16,
            (false, false, false) => ColorType::Rgba8,
            (false, false, true) => ColorType::Rgba16,
        }
    }

    /// Whether samples of the result have 16 bits.
    fn is_wide(&self) -> bool {
        self.bits == 16 && !matches!(self.colours, Colours::Palette(_))
    }

    /// Bytes of a row as it is stored, of one plane where samples lie in planes.
    fn row_bytes(&self) -> usize {
        let samples = if self.planar { 1 } else { self.count };
        (self.size.width as usize * samples * self.bits as usize).div_ceil(8)
    }

    /// Bytes of the picture as the decoder hands it over.
    pub fn stored_bytes(&self) -> u64 {
        let planes = if self.planar { self.count } else { 1 };
        (self.row_bytes() as u64).saturating_mul(self.size.height.into()).saturating_mul(planes as u64)
    }

    /// Writes all pixels, in [`Self::layout`].
    pub fn decode(&self, bytes: &[u8], directory: &Directory<'_>, pixels: &mut [u8]) -> Result<(), ImageError> {
        let stored = self.unpack(bytes, directory).map_err(of_decoder)?;
        let width = self.size.width as usize;
        let row_bytes = self.row_bytes();
        let plane = row_bytes * self.size.height as usize;
        let mut row = vec![0u16; width * self.count];
        let stride = pixels.len() / self.size.height as usize;
        for (y, out) in pixels.chunks_exact_mut(stride).enumerate() {
            match self.planar {
                false => self.widen(&stored[y * row_bytes..][..row_bytes], &mut row, (0, 1)),
                true => {
                    let planes = stored.chunks_exact(plane).take(self.count);
                    planes.enumerate().for_each(|(at, plane)| {
                        self.widen(&plane[y * row_bytes..][..row_bytes], &mut row, (at, self.count))
                    });
                }
            }
            self.colour(&row, out);
        }
        Ok(())
    }

    fn unpack(&self, bytes: &[u8], directory: &Directory<'_>) -> Result<Vec<u8>, tiff::TiffError> {
        let reversed = Rc::new(Cell::new(false));
        let reader =
            Patched { bytes: Cursor::new(bytes), patch: directory.patch(PHOTOMETRIC, 1), reversed: reversed.clone() };
        let mut limits = tiff::decoder::Limits::unlimited();
        limits.intermediate_buffer_size = usize::MAX;
        let mut decoder = Decoder::new(reader)?.with_limits(limits);
        // From here on only strips and tiles are read.
        reversed.set(directory.number(FILL_ORDER, 1) == 2);
        let mut stored = vec![0; self.stored_bytes() as usize];
        decoder.read_image_bytes(&mut stored)?;
        Ok(stored)
    }

    /// Samples of a row as numbers, each at `place + n * step`.
    fn widen(&self, stored: &[u8], row: &mut [u16], (place, step): (usize, usize)) {
        let places = row.iter_mut().skip(place).step_by(step);
        match self.bits {
            16 => places.zip(stored.as_chunks().0).for_each(|(out, &sample)| *out = u16::from_ne_bytes(sample)),
            8 => places.zip(stored).for_each(|(out, &sample)| *out = sample.into()),
            bits => {
                let each = (8 / bits) as usize;
                for (at, out) in places.enumerate() {
                    let shift = 8 - bits as usize * (at % each + 1);
                    *out = u16::from(stored[at / each] >> shift) & ((1 << bits) - 1);
                }
            }
        }
    }

    fn colour(&self, row: &[u16], out: &mut [u8]) {
        let most = (1u32 << self.bits) - 1;
        let full = if self.is_wide() { u32::from(u16::MAX) } else { 255 };
        let scaled = |sample: u16| u32::from(sample) * full / most;
        let bytes = if self.is_wide() { 2 } else { 1 };
        let step = out.len() / (row.len() / self.count) / bytes;
        for (at, pixel) in row.chunks_exact(self.count).enumerate() {
            let (colour, own): ([u32; 3], usize) = match &self.colours {
                Colours::Grey { white_is_zero } => {
                    let level = scaled(if *white_is_zero { most as u16 - pixel[0] } else { pixel[0] });
                    ([level; 3], 1)
                }
                Colours::Rgb => ([scaled(pixel[0]), scaled(pixel[1]), scaled(pixel[2])], 3),
                Colours::Palette(palette) => (palette[usize::from(pixel[0])].map(u32::from), 1),
                Colours::Cmyk => {
                    let light = |at: usize| full - scaled(pixel[at]);
                    (std::array::from_fn(|c| (light(c) * light(3) + full / 2) / full), 4)
                }
                Colours::YCbCr => (rgb_of(pixel[0], pixel[1], pixel[2]), 3),
            };
            let alpha = if self.alpha == Alpha::None { full } else { scaled(pixel[own]) };
            let plain = |level: u32| match self.alpha {
                Alpha::Associated if alpha > 0 => (level * full / alpha).min(full),
                _ => level,
            };
            let channels = [plain(colour[0]), plain(colour[1]), plain(colour[2]), alpha];
            let kept: &[usize] = match step {
                1 => &[0],
                2 => &[0, 3],
                3 => &[0, 1, 2],
                _ => &[0, 1, 2, 3],
            };
            for (&channel, out) in kept.iter().zip(out[at * step * bytes..].chunks_exact_mut(bytes)) {
                match bytes {
                    1 => out[0] = channels[channel] as u8,
                    _ => out.copy_from_slice(&(channels[channel] as u16).to_ne_bytes()),
                }
            }
        }
    }
}

/// ITU-R BT.601, full range.
fn rgb_of(y: u16, cb: u16, cr: u16) -> [u32; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|level| level.round().clamp(0.0, 255.0) as u32)
}

/// The high bytes of the colour map; as many colours as there are indices.
fn palette(directory: &Directory<'_>, bits: u64) -> Result<Vec<[u8; 3]>, DecodeError> {
    let map = directory.numbers(COLOUR_MAP);
    let count = 1usize << bits.min(16);
    if map.len() != 3 * count {
        return Err(DecodeError::Parts(ImageFormat::Tiff));
    }
    Ok((0..count).map(|index| std::array::from_fn(|c| (map[c * count + index] >> 8) as u8)).collect())
}

/// The name of a compression that is not read; `None` of one that is.
fn unread_compression(number: u64) -> Option<String> {
    Some(match number {
        1 | 4 | 5 | 7 | 8 | 32773 | 32946 => return None,
        2 | 3 | 32771 => "CCITT compression of group 3".to_owned(),
        6 => "old-style JPEG compression".to_owned(),
        34712 => "JPEG 2000 compression".to_owned(),
        34925 => "LZMA compression".to_owned(),
        50000 => "Zstandard compression".to_owned(),
        50001 => "WebP compression".to_owned(),
        other => format!("compression {other}"),
    })
}

fn of_decoder(error: tiff::TiffError) -> ImageError {
    match error {
        tiff::TiffError::IoError(error) => ImageError::IoError(error),
        tiff::TiffError::UnsupportedError(what) => {
            ImageError::Unsupported(image::error::UnsupportedError::from_format_and_kind(
                ImageFormat::Tiff.into(),
                image::error::UnsupportedErrorKind::GenericFeature(what.to_string()),
            ))
        }
        other => ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(ImageFormat::Tiff), other)),
    }
}

/// A file of which one number reads as another, and whose bits may be read in the other order.
struct Patched<'a> {
    bytes: Cursor<&'a [u8]>,
    /// Where, and what stands there.
    patch: Option<(u64, Vec<u8>)>,
    reversed: Rc<Cell<bool>>,
}

impl Read for Patched<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let start = self.bytes.position();
        let length = self.bytes.read(out)?;
        let read = &mut out[..length];
        if self.reversed.get() {
            read.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        } else if let Some((at, patch)) = &self.patch {
            for (offset, &byte) in patch.iter().enumerate() {
                let place =
                    at.saturating_add(offset as u64).checked_sub(start).and_then(|place| read.get_mut(place as usize));
                place.into_iter().for_each(|place| *place = byte);
            }
        }
        Ok(length)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}
