//! TIFF: the samples of the first picture, whatever they stand for, made grey, RGB or either with transparency.
//!
//! Source: TIFF 6.0; TIFF Technical Note 2 for JPEG.

use image::error::{DecodingError, ImageFormatHint};
use image::{ColorType, ImageError, ImageFormat};
use tiff::decoder::Decoder;

use super::directory::*;
use super::rewritten::{Packing, Rewritten};
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
    numbers: Numbers,
    /// Of a pixel, those that nothing is known of included.
    count: usize,
    /// Of these, the colours and their alpha.
    used: usize,
    planar: bool,
}

/// What kind of numbers samples are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Numbers {
    Unsigned,
    Signed,
    Float,
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
        let count = directory.number(SAMPLES, 1) as usize;
        let (numbers, kind) = match directory.number(SAMPLE_FORMAT, 1) {
            2 => (Numbers::Signed, "signed integers"),
            3 => (Numbers::Float, "floating-point numbers"),
            1 | 4 => (Numbers::Unsigned, "integers"),
            _ => (Numbers::Unsigned, "numbers of an unknown kind"),
        };
        let known = match numbers {
            Numbers::Unsigned => matches!(bits, 1..=16 | 32) && matches!(directory.number(SAMPLE_FORMAT, 1), 1 | 4),
            Numbers::Signed => matches!(bits, 8 | 16 | 32),
            Numbers::Float => bits == 32,
        };
        if !known || directory.numbers(BITS).iter().take(count).any(|&other| other != bits) {
            return Err(unsupported(format!("samples that are {kind} of {bits} bits, or of several kinds")));
        }
        let (colours, own) = match directory.number(PHOTOMETRIC, if count < 3 { 1 } else { 2 }) {
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
            numbers,
            count,
            used: own + usize::from(alpha != Alpha::None),
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
        self.bits >= 16 && !matches!(self.colours, Colours::Palette(_))
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
    pub fn decode(&self, directory: &Directory<'_>, pixels: &mut [u8]) -> Result<(), ImageError> {
        let planes = if self.planar { self.count } else { 1 };
        let stored = self.unpack(directory, planes)?;
        let (width, row_bytes) = (self.size.width as usize, self.row_bytes());
        let plane = row_bytes * self.size.height as usize;
        let narrow = self.narrow(&stored);
        let mut row = vec![0u16; width * self.count];
        let stride = pixels.len() / self.size.height as usize;
        for (y, out) in pixels.chunks_exact_mut(stride).enumerate() {
            for (place, plane) in stored.chunks_exact(plane).take(planes).enumerate() {
                let places = row.iter_mut().skip(place).step_by(planes);
                self.widen(&plane[y * row_bytes..][..row_bytes], places, &narrow);
            }
            self.colour(&row, out);
        }
        Ok(())
    }

    fn unpack(&self, directory: &Directory<'_>, planes: usize) -> Result<Vec<u8>, ImageError> {
        let packing = Packing { bits: self.bits, samples: self.count, planes };
        let mut stored = vec![0; self.stored_bytes() as usize];
        let each = stored.len() / planes;
        for (plane, out) in stored.chunks_exact_mut(each.max(1)).enumerate().take(self.used) {
            let reader = Rewritten::new(directory, packing, plane)
                .map_err(|error| ImageError::IoError(std::io::Error::other(error)))?;
            let unpack = || -> Result<(), tiff::TiffError> {
                let mut decoder = Decoder::new(reader)?.with_limits(tiff::decoder::Limits::unlimited());
                // From here on only strips and tiles are read.
                decoder.inner().reversed = directory.number(FILL_ORDER, 1) == 2;
                decoder.read_image_bytes(out)
            };
            unpack().map_err(of_decoder)?;
        }
        Ok(stored)
    }

    /// How numbers of 32 bits become 16-bit levels, by the largest of them: fractions of one, bytes, 16 bits, or more.
    fn narrow(&self, stored: &[u8]) -> impl Fn([u8; 4]) -> u16 {
        let numbers = self.numbers;
        let words = if self.bits == 32 { stored.as_chunks::<4>().0 } else { &[] };
        let value = move |word: [u8; 4]| match numbers {
            Numbers::Float => f64::from(f32::from_ne_bytes(word)),
            Numbers::Signed => f64::from(i32::from_ne_bytes(word)),
            Numbers::Unsigned => f64::from(u32::from_ne_bytes(word)),
        };
        let largest = words.iter().map(|&word| value(word)).fold(0.0, f64::max);
        let scale = match numbers {
            Numbers::Float if largest <= 1.0 => 65535.0,
            Numbers::Float => 257.0,
            _ if largest <= 255.0 => 257.0,
            _ if largest <= 65535.0 => 1.0,
            _ => 1.0 / 65536.0,
        };
        // What is no number becomes 0.
        move |word| (value(word) * scale).clamp(0.0, 65535.0) as u16
    }

    /// Samples of a row, or of one of its planes, as numbers from 0.
    fn widen<'o>(&self, stored: &[u8], places: impl Iterator<Item = &'o mut u16>, narrow: &impl Fn([u8; 4]) -> u16) {
        match (self.bits, self.numbers) {
            (32, _) => places.zip(stored.as_chunks().0).for_each(|(out, &word)| *out = narrow(word)),
            (16, Numbers::Signed) => places.zip(stored.as_chunks().0).for_each(|(out, &sample)| {
                *out = i16::from_ne_bytes(sample).max(0) as u16 * 2;
            }),
            (16, _) => places.zip(stored.as_chunks().0).for_each(|(out, &sample)| *out = u16::from_ne_bytes(sample)),
            (8, _) => places.zip(stored).for_each(|(out, &sample)| *out = sample.into()),
            (bits, _) => {
                let mut held = (0u32, 0u32);
                let mut bytes = stored.iter();
                for out in places {
                    while held.1 < bits {
                        held = (held.0 << 8 | u32::from(bytes.next().copied().unwrap_or(0)), held.1 + 8);
                    }
                    held.1 -= bits;
                    *out = (held.0 >> held.1) as u16 & ((1 << bits) - 1) as u16;
                    held.0 &= (1 << held.1) - 1;
                }
            }
        }
    }

    fn colour(&self, row: &[u16], out: &mut [u8]) {
        let most = if self.bits >= 16 { u32::from(u16::MAX) } else { (1u32 << self.bits) - 1 };
        let full = if self.is_wide() { u32::from(u16::MAX) } else { 255 };
        let scaled = |sample: u16| (u32::from(sample) * full + most / 2) / most;
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
