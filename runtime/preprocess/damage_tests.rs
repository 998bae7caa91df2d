//! Files that are empty, damaged, cut short, mislabelled or too large: each an error of its own, never a panic.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::{DecodeError, Limits, Picture, Unrecognised, decode};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/preprocess")
}

/// The small pictures of the fixtures, every format and colour layout, with their names.
fn samples() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut pictures: Vec<_> = files.filter(|path| super::is_image_path(path)).collect();
    pictures.sort();
    assert!(pictures.len() > 40);
    pictures.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into(), fs::read(path).unwrap())).collect()
}

fn plain(bytes: &[u8]) -> Result<Picture, DecodeError> {
    decode(bytes, &Limits::default(), [0; 3])
}

fn refusal(bytes: &[u8]) -> String {
    plain(bytes).unwrap_err().to_string()
}

/// The header of a PNG, which promises `width` x `height` RGB pixels and holds none.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let sum = chunk.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec(), chunk, (!sum).to_be_bytes().to_vec()].concat()
}

#[test]
fn what_is_no_picture_is_named() {
    let expected = "expected a JPEG, PNG, WebP, BMP, GIF or TIFF picture, got";
    for (bytes, got) in [
        (b"".as_slice(), "an empty file"),
        (b"path,label\nant.jpg,ant\n", "text"),
        ("na\u{ef}ve".as_bytes(), "text"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIF or AVIF"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "HEIF or AVIF"),
        (b"\x7fELF\x02\x01\x01\0", "a file that begins with 7f 45 4c 46"),
        (b"P5 1 1 255 .", "text"),
    ] {
        assert_eq!(refusal(bytes), format!("{expected} {got}"));
    }
}

#[test]
fn the_content_decides_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let gif = self::folder().join("two_frames.gif");
    let renamed = folder.path().join("photo.jpg");
    fs::copy(&gif, &renamed).unwrap();
    assert_eq!(plain(&fs::read(renamed).unwrap()).unwrap(), plain(&fs::read(gif).unwrap()).unwrap());
}

#[test]
fn a_huge_picture_is_refused_from_its_header() {
    let expected = "expected at most 100000000 pixels, got 60000x60000, which are 3600000000";
    assert_eq!(refusal(&png_header(60_000, 60_000)), expected);
    let limits = Limits { max_pixels: 53 * 38, ..Limits::default() };
    let tight = Limits { max_pixels: 53 * 38 - 1, ..limits };
    for (name, bytes) in samples().iter().filter(|(name, _)| name.starts_with("rgb") || name.starts_with("grey")) {
        if name != "rgb_stored.jpg" {
            assert!(decode(bytes, &limits, [0; 3]).is_ok(), "{name}");
            let refused = decode(bytes, &tight, [0; 3]);
            assert!(matches!(refused, Err(DecodeError::TooLarge { width: 53, height: 38, .. })), "{name}");
        }
    }
}

#[test]
fn a_picture_without_pixels_is_refused() {
    assert_eq!(refusal(&png_header(0, 5)), "expected at least one pixel, got 0x5");
    let gif = fs::read(folder().join("two_frames.gif")).unwrap();
    let flat = [&gif[..6], &[0, 0, 5, 0], &gif[10..]].concat();
    assert_eq!(refusal(&flat), "expected at least one pixel, got 0x5");
}

#[test]
fn a_file_cut_short_is_refused_in_every_format() {
    for (name, bytes) in samples() {
        // The first frame of the animation ends in the middle of the file.
        let most = if name.ends_with(".gif") { bytes.len() / 3 } else { bytes.len() };
        for kept in [most / 3, most / 2, most * 3 / 4, most * 9 / 10] {
            let result = plain(&bytes[..kept]).map(|picture| picture.dimensions());
            let told = matches!(result, Err(DecodeError::Truncated(_) | DecodeError::Damaged { .. }));
            assert!(told, "{name}, {kept} of {} bytes: {result:?}", bytes.len());
        }
    }
}

#[test]
fn a_truncated_jpeg_says_so_whatever_is_missing() {
    let whole = fs::read(folder().join("420.jpg")).unwrap();
    for kept in (20..whole.len() - 1).step_by(37) {
        assert_eq!(refusal(&whole[..kept]), "the Jpeg file ends early");
    }
    assert!(plain(&[&whole[..], b"trailing"].concat()).is_ok());
}

#[test]
fn unrecognised_content_carries_its_first_bytes() {
    let error = plain(&[0, 1, 2, 3, 4]).unwrap_err();
    assert!(matches!(error, DecodeError::Unrecognised(Unrecognised::Binary([0, 1, 2, 3]))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_damage_makes_the_decoder_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        kept in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let samples = samples();
        let mut bytes = which.get(&samples).1.clone();
        for (place, value) in changes {
            *place.get_mut(&mut bytes) = value;
        }
        if cut {
            bytes.truncate(kept.index(bytes.len() + 1));
        }
        let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
        if let Ok(picture) = decode(&bytes, &limits, [0; 3]) {
            prop_assert_eq!(picture.pixels().len() as u64, u64::from(picture.width()) * u64::from(picture.height()) * 3);
        }
    }

    #[test]
    fn random_bytes_after_a_signature_make_no_panic(
        signature in prop::sample::select(vec![
            b"\x89PNG\r\n\x1a\n".as_slice(), b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*", b"BM", b"",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
        drop(decode(&[signature, &bytes].concat(), &limits, [0; 3]));
    }
}
