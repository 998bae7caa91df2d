//! Image files to upright 8-bit RGB pictures: by content, never by extension.

use image::ImageFormat;

use super::allowance::{ALLOWANCE, Share};
use super::colour::{is_readable, to_rgb8};
use super::error::{DecodeError, Unrecognised, from_decoder};
use super::opened::Opened;
use super::picture::{Dimensions, Picture, Turn};
use super::{bmp, by_image, jpeg, tiff};
use crate::panics::caught;

/// What a file and the working memory of its decoder may have without being counted: so a picture of
/// `Limits::max_pixels` in 8-bit RGB fits, whatever its format needs beside.
const UNCOUNTED: u64 = 32 << 20;

/// What is refused before memory is spent on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Width times height, read from the header.
    pub max_pixels: u64,
    /// Length of a file.
    pub max_bytes: u64,
    /// Bytes that decoding takes: the picture in each form in which it is held at once. All decoders of a process
    /// that have the same limit share it.
    pub max_memory: u64,
}

impl Limits {
    /// The limits under which a picture of so many pixels passes in 8-bit RGB.
    pub fn of_pixels(max_pixels: u64) -> Self {
        // Small pictures pass in every layout.
        let max_memory = max_pixels.saturating_mul(3).max(48_000_000);
        Self { max_pixels, max_bytes: 256 << 20, max_memory }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of_pixels(100_000_000)
    }
}

/// Decodes the bytes of an image file: the first frame, turned upright as its EXIF orientation says, transparency
/// blended over `background`.
///
/// # Errors
/// Empty, unknown, truncated, damaged and oversized files, the last from the header alone.
pub fn decode(bytes: &[u8], limits: &Limits, background: [u8; 3]) -> Result<Picture, DecodeError> {
    decode_held((bytes, background), limits, &mut MemoryHooks { after: &|_, _| 0, before: &mut |_| {} })
        .map(|(picture, _)| picture)
}

/// [`decode`] with a right to the memory of the picture and of what is made of it, for as long as that is needed.
///
/// A thread that has one must not decode another picture.
pub fn decode_held(
    (bytes, background): (&[u8], [u8; 3]),
    limits: &Limits,
    hooks: &mut MemoryHooks<'_>,
) -> Result<(Picture, Share), DecodeError> {
    let turned = |turn: Turn, size: Dimensions| if turn.is_none() { 0 } else { 3 * size.pixels() };
    let after = |size, turn| (hooks.after)(size, turn).max(turned(turn, size));
    let mut hooks = MemoryHooks { after: &after, before: hooks.before };
    let Stored { picture, turn, share } = decode_stored(bytes, limits, background, &mut hooks)?;
    if turn.is_none() {
        return Ok((picture, share));
    }
    let Dimensions { width, height } = turn.size(picture.dimensions());
    let mut upright = Picture::filled(width, height, background);
    turn.paste(&picture, &mut upright, (0, 0));
    Ok((upright, share))
}

/// A picture as its file stores it, with its right to memory.
pub(super) struct Stored {
    pub picture: Picture,
    pub turn: Turn,
    pub share: Share,
}

/// What happens before and after a picture is decoded.
pub struct MemoryHooks<'a> {
    /// Bytes taken beside a picture of this stored size and turn once it is decoded.
    pub after: &'a dyn Fn(Dimensions, Turn) -> u64,
    /// Told how many bytes are taken, before they are; more where a file made for it could take more.
    pub before: &'a mut dyn FnMut(u64),
}

/// [`decode`] without the turn. A panic of the decoder is an error.
pub(super) fn decode_stored(
    bytes: &[u8],
    limits: &Limits,
    background: [u8; 3],
    hooks: &mut MemoryHooks<'_>,
) -> Result<Stored, DecodeError> {
    let format = recognise(bytes)?;
    let panicked = |message| DecodeError::Panicked { format, message };
    let opened = caught(|| open(bytes, format, limits)).map_err(panicked)??;
    let length = opened.length().max(3 * opened.pixels());
    let needed = needed(&opened, bytes.len() as u64, (hooks.after)(opened.dimensions, opened.turn));
    if needed > limits.max_memory {
        return Err(DecodeError::Memory { needed, limit: limits.max_memory });
    }
    (hooks.before)(needed.max(opened.at_worst));
    let share = ALLOWANCE.take(needed, limits.max_memory);
    let Opened { dimensions: Dimensions { width, height }, layout, turn, read, .. } = opened;
    let mut buffer = share.buffer(length as usize);
    buffer.resize(length as usize, 0);
    let stored = width as usize * height as usize * usize::from(layout.bytes_per_pixel());
    let read = caught(|| read(&mut buffer[..stored])).map_err(panicked)?;
    read.map_err(|error| from_decoder(format, error))?;
    to_rgb8(&mut buffer, width as usize * height as usize, layout, background);
    let picture = Picture::new(width, height, buffer).expect("every layout becomes three bytes a pixel");
    Ok(Stored { picture, turn, share })
}

/// The most bytes held at once: while the decoder runs, or after it.
fn needed(opened: &Opened<'_>, file: u64, after: u64) -> u64 {
    let rgb = 3 * opened.pixels();
    let decoding =
        opened.length().max(rgb).saturating_add(opened.beside.saturating_add(file).saturating_sub(UNCOUNTED));
    let resizing = rgb.saturating_add(after.saturating_add(file).saturating_sub(UNCOUNTED));
    decoding.max(resizing)
}

/// Reads the header, and refuses what it says of a picture beyond the limits.
fn open<'a>(bytes: &'a [u8], format: ImageFormat, limits: &Limits) -> Result<Opened<'a>, DecodeError> {
    let opened = match format {
        ImageFormat::Jpeg => {
            let outline = jpeg::Outline::read(bytes).ok_or(DecodeError::Truncated(format))?;
            if let Some(what) = outline.unsupported() {
                return Err(DecodeError::Unsupported { format, what: what.to_owned() });
            }
            if let Some(times) = outline.excess() {
                return Err(DecodeError::Repeated { times, limit: jpeg::MOST_PASSES });
            }
            jpeg::open(bytes, &outline).map_err(|error| from_decoder(format, error))?
        }
        ImageFormat::Png => {
            if let Some((width, height)) = png_size(bytes) {
                check_size(width, height, limits)?;
            }
            by_image::open(bytes, format, limits.max_memory)?
        }
        ImageFormat::Tiff => tiff::open(bytes, limits.max_memory)?,
        ImageFormat::Bmp if let Some(opened) = bmp::run_length_coded(bytes) => opened,
        _ => by_image::open(bytes, format, limits.max_memory)?,
    };
    check_size(opened.dimensions.width, opened.dimensions.height, limits)?;
    match is_readable(opened.layout) {
        true => Ok(opened),
        false => Err(DecodeError::Unsupported { format, what: format!("colours in {:?}", opened.layout) }),
    }
}

fn recognise(bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if let Ok(format @ (Bmp | Gif | Jpeg | Png | Tiff | WebP)) = image::guess_format(bytes) {
        return Ok(format);
    }
    if bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") {
        return Ok(Tiff);
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
