//! What the JPEG decoder does not tell.

const END_OF_IMAGE: u8 = 0xd9;

/// Whether the file stops before its end-of-image marker.
///
/// The decoder paints what is missing grey and calls it done. Walks the segments by their lengths, so that the marker
/// of an embedded thumbnail does not count.
///
/// Source: ITU-T T.81, annex B.1.
pub(super) fn ends_early(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let Some((marker, after)) = next_marker(rest) else { return true };
        rest = match marker {
            END_OF_IMAGE => return false,
            _ if is_bare(marker) => after,
            _ => {
                let Some(length) = after.first_chunk() else { return true };
                let Some(after) = after.get(usize::from(u16::from_be_bytes(*length)).max(2)..) else { return true };
                after
            }
        };
    }
}

/// The next marker and what follows it; stuffed zeros and fill bytes are no markers.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let start = bytes.iter().position(|&byte| byte == 0xff)?;
        bytes = &bytes[start..];
        let end = bytes.iter().position(|&byte| byte != 0xff)?;
        let marker = bytes[end];
        bytes = &bytes[end + 1..];
        if marker != 0 {
            return Some((marker, bytes));
        }
    }
}

/// Markers without a segment: restarts, start of image and the temporary marker of arithmetic coding.
fn is_bare(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=0xd8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [u8; 25] = [
        0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd9, 1, 2, // a thumbnail's end inside a segment
        0xff, 0xff, 0xda, 0, 4, 1, 2, 0xff, 0, 7, 0xff, 0xd3, 9, // a scan with a stuffed zero and a restart
        0xff, 0xd9,
    ];

    #[test]
    fn only_the_end_of_the_picture_itself_counts() {
        assert!(!ends_early(&WHOLE));
        assert!(!ends_early(&[&WHOLE[..], b"trailing bytes of a camera"].concat()));
    }

    #[test]
    fn every_shorter_file_ends_early() {
        for length in 0..WHOLE.len() {
            assert!(ends_early(&WHOLE[..length]), "{length}");
        }
    }

    #[test]
    fn a_segment_shorter_than_its_own_length_does_not_stop_the_walk() {
        assert!(!ends_early(&[0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xd9]));
    }
}
