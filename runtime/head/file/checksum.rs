//! A checksum over a head's file, kept in the file itself.

use crate::digest::Digest;

/// Stands in the place of the checksum while it is computed.
pub const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What stands before the digits in the header. In no string of a JSON text do these bytes occur: a quotation mark inside
/// one has a backslash before it.
const KEY: &[u8] = b"\"checksum\":\"";

/// The file with its checksum in the place of [`BLANK`].
///
/// # Panics
/// When there is no such place.
pub fn filled_in(mut file: Vec<u8>) -> Vec<u8> {
    let place = place(&file).expect("the header has a place for it");
    let digest = Digest::of(&file).to_string();
    file[place..][..BLANK.len()].copy_from_slice(digest.as_bytes());
    file
}

/// Whether `file` is, with [`BLANK`] in the place of `checksum`, what that is the checksum of.
pub fn matches(file: &[u8], checksum: &str) -> bool {
    let Some(place) = place(file) else { return false };
    let (before, rest) = file.split_at(place);
    let (digits, after) = rest.split_at(BLANK.len());
    let digest = Digest::of_parts([before, BLANK.as_bytes(), after]);
    digits == checksum.as_bytes() && digest.to_string() == checksum
}

/// Where the digits begin, 64 bytes before the end at least.
fn place(file: &[u8]) -> Option<usize> {
    let start = file.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    (file.len() - start >= BLANK.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_matches_its_own_checksum_and_no_other_file_does() {
        let file = |label: &str| filled_in(format!("{{\"checksum\":\"{BLANK}\",\"label\":\"{label}\"}}").into_bytes());
        let digits = |file: &[u8]| String::from_utf8(file[13..77].to_vec()).unwrap();
        let (bee, ant) = (file("bee"), file("ant"));
        assert!(matches(&bee, &digits(&bee)) && matches(&ant, &digits(&ant)));
        assert!(!matches(&bee, &digits(&ant)) && !matches(&bee, BLANK));
        assert!(!matches(b"{\"checksum\":\"00", "00") && !matches(b"", ""));
        let capitals = bee.to_ascii_uppercase();
        assert!(!matches(&capitals, &digits(&capitals)));
    }
}
