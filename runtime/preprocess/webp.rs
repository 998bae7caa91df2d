//! WebP: what decoding the first frame takes.

use image::ImageFormat;

use super::DecodeError;

/// Bytes that the decoder holds beside the canvas; 0 where there is no frame, which the decoder will say itself.
///
/// # Errors
/// When EXIF data is said to go on behind the end of the file: the decoder would make room for it first.
///
/// Source: the WebP container specification; RFC 6386, section 9.1; image-webp 0.2.
pub(super) fn beside(bytes: &[u8]) -> Result<u64, DecodeError> {
    let mut sizes = Sizes::default();
    sizes.walk(bytes.get(12..).unwrap_or_default());
    if sizes.cut_short {
        return Err(DecodeError::Truncated(ImageFormat::WebP));
    }
    // The compressed data of a frame is held up to three times.
    Ok(sizes.beside() + 3 * bytes.len() as u64)
}

/// Bytes that a stream made for it can have its decoder hold in tables of codes. How many it holds shows only in the
/// middle of the stream, and sound pictures of the same length hold next to none: a reason for care, none to refuse.
///
/// Source: image-webp 0.2: 65,536 groups of five tables of 4 KiB, each of which takes at least 13 bytes to describe.
pub(super) fn tables(bytes: &[u8]) -> u64 {
    let mut sizes = Sizes::default();
    sizes.walk(bytes.get(12..).unwrap_or_default());
    (sizes.coded / 13).min(65_536 * 5) * 4200
}

/// Numbers of pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Sizes {
    canvas: u64,
    /// Of the largest lossy frame, in whole macroblocks.
    lossy: u64,
    lossless: u64,
    alpha: bool,
    /// Bytes of what is coded without loss.
    coded: u64,
    /// Of the largest part of an animation.
    part: u64,
    /// Whether EXIF data ends behind the file.
    cut_short: bool,
}

impl Sizes {
    fn walk(&mut self, mut bytes: &[u8]) {
        while let Some((name, length, content)) = chunk(bytes) {
            self.note(name, content);
            self.cut_short |= &name == b"EXIF" && length > content.len();
            bytes = bytes.get(8 + content.len().next_multiple_of(2)..).unwrap_or_default();
        }
    }

    fn note(&mut self, name: [u8; 4], content: &[u8]) {
        match (&name, content) {
            (b"VP8X", [_, _, _, _, sides @ ..]) => self.canvas = area(sides),
            (b"VP8 ", [_, _, _, _, _, _, a, b, c, d, ..]) => {
                let side = |low, high| u64::from(u16::from_le_bytes([low, high]) & 0x3fff).next_multiple_of(16);
                self.lossy = self.lossy.max(side(*a, *b) * side(*c, *d));
            }
            (b"VP8L", [_, a, b, c, d, ..]) => {
                let packed = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
                self.coded += content.len() as u64;
                self.lossless = self.lossless.max((1 + (packed & 0x3fff)) * (1 + (packed >> 14 & 0x3fff)));
            }
            (b"ALPH", _) => {
                self.coded += content.len() as u64;
                self.alpha = true;
            }
            (b"ANMF", [_, _, _, _, _, _, rest @ ..]) => {
                self.part = self.part.max(area(rest));
                self.walk(rest.get(10..).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn beside(&self) -> u64 {
        let frame = self.lossy.max(self.lossless).max(self.canvas).max(self.part);
        // Luma and two quarters of chroma; four channels and the pictures of its transforms; four channels and one.
        let lossy = self.lossy * 3 / 2;
        let lossless = if self.lossless > 0 { 5 * frame } else { 0 };
        let alpha = if self.alpha { 6 * frame } else { 0 };
        let animated = if self.part > 0 { 4 * self.canvas + 4 * self.part } else { 0 };
        lossy + lossless + alpha + animated
    }
}

/// From two sides less one, of 24 bits each.
fn area(sides: &[u8]) -> u64 {
    match sides {
        [a, b, c, d, e, f, ..] => {
            let side = |bytes: [u8; 3]| 1 + u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]));
            side([*a, *b, *c]) * side([*d, *e, *f])
        }
        _ => 0,
    }
}

/// Name, length and content of the chunk at the front, the content as far as it is there.
fn chunk(bytes: &[u8]) -> Option<([u8; 4], usize, &[u8])> {
    let (name, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    Some((*name, length, &rest[..length.min(rest.len())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let padding = vec![0; content.len() % 2];
        [&name[..], &(content.len() as u32).to_le_bytes(), content, &padding].concat()
    }

    #[test]
    fn frames_are_found_at_the_top_and_inside_of_animations() {
        let lossy = named(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 17, 0, 16, 0, 9]);
        let mut sizes = Sizes::default();
        sizes.walk(&[named(b"VP8X", &[0, 0, 0, 0, 9, 0, 0, 19, 0, 0]), named(b"ICCP", &[1]), lossy.clone()].concat());
        assert_eq!(sizes, Sizes { canvas: 200, lossy: 32 * 16, ..Sizes::default() });
        let part = [&[0; 6][..], &[9, 0, 0, 4, 0, 0], &[0; 4], &named(b"ALPH", &[0]), &lossy].concat();
        let mut sizes = Sizes::default();
        sizes.walk(&named(b"ANMF", &part));
        assert_eq!(sizes, Sizes { lossy: 512, part: 50, alpha: true, coded: 1, ..Sizes::default() });
    }

    #[test]
    fn exif_data_that_is_not_there_is_found_before_room_is_made_for_it() {
        let file = |length: u32| [b"RIFF....WEBPEXIF", &length.to_le_bytes()[..], b"1234"].concat();
        assert!(beside(&file(4)).is_ok());
        assert!(matches!(beside(&file(u32::MAX)), Err(DecodeError::Truncated(ImageFormat::WebP))));
    }

    #[test]
    fn the_size_of_a_lossless_frame_is_in_its_bits() {
        let mut sizes = Sizes::default();
        sizes.walk(&named(b"VP8L", &[0x2f, 0x63, 0xc0, 0x31, 0]));
        assert_eq!((sizes.lossless, sizes.coded), (100 * 200, 5));
    }
}
