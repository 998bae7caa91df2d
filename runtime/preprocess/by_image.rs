//! Headers of every format but JPEG and TIFF, by the image crate.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::error::{DecodeError, from_decoder};
use super::opened::Opened;
use super::picture::{Dimensions, Turn};
use super::{bmp, exif, gif, webp};

/// What the decoder of PNG may spend on the chunks before the pixels; the colour profile and texts are not used.
const CHUNKS: u64 = 16 << 20;
/// Bytes a pixel, at most.
const WIDEST: u64 = 8;

/// Any format but JPEG and TIFF. What the decoder itself would spend on a header is checked before it reads it.
pub(super) fn open(bytes: &[u8], format: ImageFormat, most: u64) -> Result<Opened<'_>, DecodeError> {
    let failed = |error| from_decoder(format, error);
    let known = match format {
        ImageFormat::WebP => webp::beside(bytes)?,
        ImageFormat::Gif => gif::beside(bytes),
        // Two rows as they are stored, one as it is given, one of slack.
        ImageFormat::Png => CHUNKS + 4 * WIDEST * width_of_png(bytes),
        _ => 0,
    };
    if known > most.saturating_add(bytes.len() as u64 * 3) {
        return Err(DecodeError::Memory { needed: known, limit: most });
    }
    let bytes = match format {
        ImageFormat::Gif => gif::with_palette(bytes),
        ImageFormat::Bmp => bmp::mended(bytes),
        _ => Cow::Borrowed(bytes),
    };
    let copied = if matches!(bytes, Cow::Owned(_)) { bytes.len() as u64 } else { 0 };
    let (png, tables) = (CHUNKS + WIDEST * width_of_png(&bytes), webp::tables(&bytes));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(if format == ImageFormat::Png { png } else { most.saturating_mul(2) });
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Limits(_) if format == ImageFormat::Png => DecodeError::Chunks { limit: CHUNKS },
        other => failed(other),
    })?;
    let (width, height) = decoder.dimensions();
    let turn = decoder.exif_metadata().map_err(failed)?.map_or_else(Turn::default, |chunk| exif::turn(&chunk));
    let layout = decoder.color_type();
    let beside = known.saturating_add(copied).saturating_add(WIDEST * u64::from(width));
    let read = Box::new(move |pixels: &mut [u8]| decoder.read_image(pixels));
    let at_worst = if format == ImageFormat::WebP { tables } else { 0 };
    Ok(Opened { dimensions: Dimensions { width, height }, layout, turn, beside, at_worst, read })
}

/// From the first chunk; 0 where that is cut short, which the decoder will say itself.
fn width_of_png(bytes: &[u8]) -> u64 {
    bytes.get(16..20).and_then(|width| width.first_chunk()).map_or(0, |width| u32::from_be_bytes(*width).into())
}
