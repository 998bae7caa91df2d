//! EXIF: how a picture is to be turned.

use image::metadata::Orientation;

use super::picture::Turn;
use super::tiff::directory::{Directory, ORIENTATION};

/// By an EXIF chunk, with or without the mark that JPEG puts before it; whatever type of integer the number has.
pub(super) fn turn(chunk: &[u8]) -> Turn {
    let chunk = chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk);
    let number = Directory::read(chunk).map_or(1, |directory| directory.number(ORIENTATION, 1));
    let orientation = u8::try_from(number).ok().and_then(Orientation::from_exif);
    orientation.map(Turn::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: u16, value: [u8; 4]) -> Vec<u8> {
        let entry = [&274u16.to_le_bytes()[..], &kind.to_le_bytes(), &1u32.to_le_bytes(), &value].concat();
        [&b"II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat()
    }

    #[test]
    fn every_type_of_integer_and_every_mark_is_read() {
        let expected = Turn::from(Orientation::Rotate90);
        for kind in [1, 3, 4, 8, 9] {
            let plain = chunk(kind, [6, 0, 0, 0]);
            assert_eq!(turn(&plain), expected, "{kind}");
            assert_eq!(turn(&[b"Exif\0\0", &plain[..]].concat()), expected, "{kind}");
        }
        for nothing in [&b""[..], b"Exif\0\0", b"II*\0", &chunk(3, [9, 0, 0, 0]), &chunk(2, *b"6\0\0\0")] {
            assert!(turn(nothing).is_none());
        }
    }
}
