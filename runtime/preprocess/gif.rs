//! GIF: what decoding the first frame takes.

/// Bytes that the decoder holds beside the canvas; 0 where the file has no frame, which the decoder will say itself.
///
/// Source: GIF89a specification, sections 17 to 26.
pub(super) fn beside(bytes: &[u8]) -> u64 {
    // Comments and profiles are kept.
    frame(bytes).map_or(0, |(width, height)| 5 * u64::from(width) * u64::from(height)) + bytes.len() as u64
}

/// Width and height of the first frame.
fn frame(bytes: &[u8]) -> Option<(u16, u16)> {
    let packed = *bytes.get(10)?;
    let palette = if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) };
    let mut rest = bytes.get(13 + palette..)?;
    loop {
        match *rest.first()? {
            // An image descriptor.
            0x2c => {
                let side = |at: usize| Some(u16::from_le_bytes(*rest.get(at..)?.first_chunk()?));
                return Some((side(5)?, side(7)?));
            }
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
