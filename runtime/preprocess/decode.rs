//! Image files to upright 8-bit RGB pictures: by content, never by extension.

use std::error::Error;
use std::fmt;
use std::io::{self, Cursor};

use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::colour::to_rgb8;
use super::jpeg;
use super::picture::{Dimensions, Picture, Turn};

/// What is refused before memory is spent on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Width times height, read from the header.
    pub max_pixels: u64,
    /// Length of a file.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_bytes: 256 << 20 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("expected a JPEG, PNG, WebP, BMP, GIF or TIFF picture, got {0}")]
    Unrecognised(Unrecognised),
    #[error("expected at most {limit} pixels, got {width}x{height}, which are {}", u64::from(*width) * u64::from(*height))]
    TooLarge { width: u32, height: u32, limit: u64 },
    #[error("expected at least one pixel, got {width}x{height}")]
    NoPixels { width: u32, height: u32 },
    #[error("expected a whole {0:?} file, got one that ends early")]
    Truncated(ImageFormat),
    #[error("expected grey, RGB, palette or CMYK with 8 or 16 bits a channel, got {0:?}")]
    Layout(ColorType),
    #[error("expected a sound {format:?} file")]
    Damaged { format: ImageFormat, source: ImageError },
}

/// What a file that holds no known picture holds instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unrecognised {
    Empty,
    Text,
    /// An HEIF or AVIF container, as phones write them.
    Heif,
    /// Any other content, by its first bytes.
    Binary([u8; 4]),
}

impl fmt::Display for Unrecognised {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty file"),
            Self::Text => f.write_str("text"),
            Self::Heif => f.write_str("HEIF or AVIF"),
            Self::Binary([a, b, c, d]) => write!(f, "a file that begins with {a:02x} {b:02x} {c:02x} {d:02x}"),
        }
    }
}

/// Decodes the bytes of an image file: the first frame, turned upright as its EXIF orientation says, transparency
/// blended over `background`.
///
/// # Errors
/// Empty, unknown, truncated, damaged and oversized files, the last from the header alone.
pub fn decode(bytes: &[u8], limits: &Limits, background: [u8; 3]) -> Result<Picture, DecodeError> {
    let Stored { picture, turn } = decode_stored(bytes, limits, background, Vec::new())?;
    if turn.is_none() {
        return Ok(picture);
    }
    let Dimensions { width, height } = turn.size(picture.dimensions());
    let mut upright = Picture::filled(width, height, background);
    turn.paste(&picture, &mut upright, (0, 0));
    Ok(upright)
}

/// A picture as its file stores it.
pub(super) struct Stored {
    pub picture: Picture,
    pub turn: Turn,
}

/// [`decode`] without the turn, into the memory of `buffer`.
pub(super) fn decode_stored(
    bytes: &[u8],
    limits: &Limits,
    background: [u8; 3],
    mut buffer: Vec<u8>,
) -> Result<Stored, DecodeError> {
    let format = recognise(bytes)?;
    if format == ImageFormat::Jpeg && jpeg::ends_early(bytes) {
        return Err(DecodeError::Truncated(format));
    }
    if let (ImageFormat::Png, Some((width, height))) = (format, png_size(bytes)) {
        check_size(width, height, limits)?;
    }
    let failed = |error| from_decoder(format, error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(allocation(limits));
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    let turn = decoder.orientation().map(Turn::from).map_err(failed)?;
    let (layout, length) = (decoder.color_type(), decoder.total_bytes());
    buffer.clear();
    buffer.resize(length as usize, 0);
    decoder.read_image(&mut buffer).map_err(failed)?;
    if !to_rgb8(&mut buffer, width as usize * height as usize, layout, background) {
        return Err(DecodeError::Layout(layout));
    }
    let picture = Picture::new(width, height, buffer).expect("every layout becomes three bytes a pixel");
    Ok(Stored { picture, turn })
}

fn recognise(bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if let Ok(format @ (Bmp | Gif | Jpeg | Png | Tiff | WebP)) = image::guess_format(bytes) {
        return Ok(format);
    }
    let head = &bytes[..bytes.len().min(64)];
    Err(DecodeError::Unrecognised(match head {
        [] => Unrecognised::Empty,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Unrecognised::Heif,
        [a, b, c, d, ..] if head.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127)) => {
            Unrecognised::Binary([*a, *b, *c, *d])
        }
        _ => Unrecognised::Text,
    }))
}

/// Width and height from the first chunk: the decoder reads on to the first data before it tells them.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    Some((side(16)?, side(20)?))
}

fn check_size(width: u32, height: u32, limits: &Limits) -> Result<(), DecodeError> {
    match u64::from(width) * u64::from(height) {
        0 => Err(DecodeError::NoPixels { width, height }),
        pixels if pixels > limits.max_pixels => Err(DecodeError::TooLarge { width, height, limit: limits.max_pixels }),
        _ => Ok(()),
    }
}

/// Room for two copies of the largest allowed picture with four 16-bit channels.
fn allocation(limits: &Limits) -> image::Limits {
    let mut allocation = image::Limits::no_limits();
    allocation.max_alloc = Some(limits.max_pixels.saturating_mul(16).max(1 << 20));
    allocation
}

fn from_decoder(format: ImageFormat, error: ImageError) -> DecodeError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if current.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return DecodeError::Truncated(format);
        }
        cause = current.source();
    }
    DecodeError::Damaged { format, source: error }
}
