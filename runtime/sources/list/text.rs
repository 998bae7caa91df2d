//! The text of a list, whatever encoding it was saved in.

use std::borrow::Cow;
use std::path::Path;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::files;
use crate::sources::SourceError;

/// What so many bytes at the start say of an encoding without a mark, the rest does too.
const LOOKED_AT: usize = 1024;
/// Of a list: millions of lines.
const MOST_BYTES: u64 = 256 << 20;

/// The text of a file, and its encoding where that was guessed.
#[derive(PartialEq, Eq, Debug)]
pub struct Text {
    pub text: String,
    pub guessed: Option<&'static str>,
}

/// Reads UTF-8, or UTF-16 with or without a mark; what is neither is read as Windows-1252, which Latin-1 is a part of.
///
/// # Errors
/// When the file cannot be read, or is no text.
pub fn read(list: &Path) -> Result<Text, SourceError> {
    let bytes = files::read(list, MOST_BYTES).map_err(|source| SourceError::Read { path: list.to_owned(), source })?;
    decoded(&bytes).ok_or_else(|| SourceError::NotText(list.to_owned()))
}

fn decoded(bytes: &[u8]) -> Option<Text> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (Some(encoding), mark),
        None => (wide(bytes), 0),
    };
    let text = |text: Cow<str>, guessed| Text { text: text.into_owned(), guessed };
    let text = match (encoding, std::str::from_utf8(bytes)) {
        (Some(encoding), _) => {
            let (decoded, damaged) = encoding.decode_without_bom_handling(&bytes[mark..]);
            (!damaged).then(|| text(decoded, None))?
        }
        (None, Ok(utf8)) => text(utf8.into(), None),
        (None, Err(_)) => text(WINDOWS_1252.decode_without_bom_handling(bytes).0, Some(WINDOWS_1252.name())),
    };
    (!text.text.contains('\0')).then_some(text)
}

/// UTF-16 without a mark: of letters that are in ASCII every other byte is zero.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, odd) if odd > start.len() / 4 => Some(UTF_16LE),
        (even, 0) if even > start.len() / 4 => Some(UTF_16BE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn every_encoding_that_says_what_it_is_reads_alike() {
        let expected = Text { text: "path,Käfer\n".into(), guessed: None };
        let marked = |text: &str| format!("\u{feff}{text}");
        for bytes in [
            "path,Käfer\n".into(),
            marked("path,Käfer\n").into_bytes(),
            utf16(&marked("path,Käfer\n"), u16::to_le_bytes),
            utf16(&marked("path,Käfer\n"), u16::to_be_bytes),
            utf16("path,Käfer\n", u16::to_le_bytes),
            utf16("path,Käfer\n", u16::to_be_bytes),
        ] {
            assert_eq!(decoded(&bytes).as_ref(), Some(&expected), "{bytes:?}");
        }
    }

    #[test]
    fn what_does_not_say_its_encoding_is_guessed_and_what_is_no_text_refused() {
        let guess = decoded(b"path,K\xe4fer\n").unwrap();
        assert_eq!((guess.text.as_str(), guess.guessed), ("path,Käfer\n", Some("windows-1252")));
        for bytes in [&b"PK\x03\x04\x14\0\0\0\x08\0"[..], b"\xff\xfe\0\xd8", b"\xef\xbb\xbf\xff"] {
            assert_eq!(decoded(bytes), None, "{bytes:?}");
        }
    }
}
