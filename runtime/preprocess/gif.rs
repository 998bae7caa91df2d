//! GIF: what decoding the first frame takes.

use std::borrow::Cow;

/// Bytes that the decoder holds beside the canvas; 0 where the file has no frame, which the decoder will say itself.
///
/// Source: GIF89a specification, sections 17 to 26.
pub(super) fn beside(bytes: &[u8]) -> u64 {
    // Comments and profiles are kept.
    frame(bytes).map_or(0, |(width, height)| 5 * u64::from(width) * u64::from(height)) + bytes.len() as u64
}

/// The file with a palette of grey levels, where it has none at all: a file of which its maker thought that whoever reads it has
/// one.
pub(super) fn with_palette(bytes: &[u8]) -> Cow<'_, [u8]> {
    let global = bytes.get(10).is_some_and(|packed| packed & 0x80 != 0);
    let local = frame_at(bytes).and_then(|at| bytes.get(at + 9)).is_none_or(|packed| packed & 0x80 != 0);
    if global || local {
        return Cow::Borrowed(bytes);
    }
    let mut whole = bytes.to_vec();
    whole[10] |= 0x87;
    whole.splice(13..13, (0..=255).flat_map(|level| [level; 3]));
    Cow::Owned(whole)
}

/// Width and height of the first frame.
fn frame(bytes: &[u8]) -> Option<(u16, u16)> {
    let at = frame_at(bytes)?;
    let side = |offset: usize| Some(u16::from_le_bytes(*bytes.get(at + offset..)?.first_chunk()?));
    Some((side(5)?, side(7)?))
}

/// Where the first frame's descriptor is.
fn frame_at(bytes: &[u8]) -> Option<usize> {
    let packed = *bytes.get(10)?;
    let palette = if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) };
    let mut rest = bytes.get(13 + palette..)?;
    loop {
        match *rest.first()? {
            // An image descriptor.
            0x2c => return Some(bytes.len() - rest.len()),
            // An extension: a label, then blocks until an empty one.
            0x21 => {
                rest = rest.get(2..)?;
                while *rest.first()? != 0 {
                    rest = rest.get(1 + usize::from(rest[0])..)?;
                }
                rest = &rest[1..];
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_any_palette_is_grey() {
        let bytes = b"GIF87a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x08\x04\0\x01\x04\x04\0\x3b";
        let picture = super::super::decode(bytes, &super::super::Limits::default(), [0; 3]).unwrap();
        assert_eq!(picture.pixels(), [0, 0, 0]);
    }

    #[test]
    fn the_first_frame_is_found_behind_palette_and_extensions() {
        let mut bytes = b"GIF89a\x05\0\x06\0\x80\0\0".to_vec();
        bytes.extend([0; 6]);
        bytes.extend(b"\x21\xfe\x03abc\x02de\0\x21\xf9\x04\0\0\0\0\0");
        bytes.extend(b"\x2c\0\0\0\0\x34\x12\x78\x56\0");
        assert_eq!(frame(&bytes), Some((0x1234, 0x5678)));
        for length in 0..bytes.len() - 1 {
            assert_eq!(frame(&bytes[..length]), None, "{length}");
        }
    }
}
