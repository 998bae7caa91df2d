//! Pictures as cameras, scanners and other programs write them: read, or called unsupported, never damaged.

use edgetl::preprocess::{DecodeError, Limits, Picture, decode, is_image_path};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

mod tiffs;

fn read(bytes: &[u8]) -> Result<Picture, DecodeError> {
    decode(bytes, &Limits::default(), [0; 3])
}

/// A failed test must not print a picture.
fn refusal(bytes: &[u8]) -> DecodeError {
    read(bytes).map(|picture| picture.dimensions()).expect_err("it is refused")
}

fn pixels(bytes: &[u8]) -> Vec<[u8; 3]> {
    read(bytes).unwrap().pixels().as_chunks().0.to_vec()
}

fn is_unsupported(bytes: &[u8], what: &str) -> bool {
    let error = refusal(bytes);
    let said = error.to_string();
    assert!(matches!(error, DecodeError::Unsupported { .. }), "{said}");
    assert!(said.starts_with("unsupported: ") && said.contains(what), "{said}");
    true
}

/// Three waves, 40 by 24.
fn waves(channel: usize) -> Vec<u8> {
    let value = |x: usize, y: usize| 127.0 + 90.0 * ((x * (channel + 1)) as f32 / 9.0 + y as f32 / 5.0).sin();
    (0..24).flat_map(|y| (0..40).map(move |x| value(x, y) as u8)).collect()
}

fn jpeg(samples: &[u8], colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).write_image(samples, 40, 24, colour).unwrap();
    bytes
}

fn colourful() -> Vec<u8> {
    let planes = [waves(0), waves(1), waves(2)];
    (0..40 * 24).flat_map(|at| [planes[0][at], planes[1][at], planes[2][at]]).collect()
}

/// Marker and place of each segment of a JPEG up to its end, entropy-coded data with the scan before it.
fn segments(bytes: &[u8]) -> Vec<(u8, std::ops::Range<usize>)> {
    let mut found: Vec<(u8, std::ops::Range<usize>)> = Vec::new();
    let mut at = 2;
    loop {
        let marker = bytes[at + 1];
        assert_eq!(bytes[at], 0xff);
        let mut end = at + 2;
        if marker != 0xd9 {
            end += usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        }
        while marker == 0xda && !(bytes[end] == 0xff && bytes[end + 1] != 0) {
            end += 1;
        }
        found.push((marker, at..end));
        if marker == 0xd9 {
            return found;
        }
        at = end;
    }
}

fn without(bytes: &[u8], marker: u8) -> Vec<u8> {
    let kept = segments(bytes).into_iter().filter(|(own, _)| *own != marker);
    [&bytes[..2], &kept.flat_map(|(_, range)| bytes[range].to_vec()).collect::<Vec<_>>()].concat()
}

#[test]
fn a_webcams_frame_without_codes_is_read_with_the_standard_ones() {
    let whole = jpeg(&colourful(), ExtendedColorType::Rgb8);
    let frame = without(&whole, 0xc4);
    assert!(frame.len() + 400 < whole.len());
    assert_eq!(read(&frame).unwrap(), read(&whole).unwrap());
    // A frame of another kind has none of its marks of a photograph either.
    assert_eq!(read(&without(&frame, 0xe0)).unwrap(), read(&whole).unwrap());
}

/// A picture of three components in a scan each, in this order, put together of three grey ones.
fn in_scans(order: [usize; 3]) -> Vec<u8> {
    let planes: Vec<Vec<u8>> = (0..3).map(|plane| jpeg(&waves(plane), ExtendedColorType::L8)).collect();
    let grey = &planes[0];
    let mut bytes = grey[..2].to_vec();
    for (marker, range) in segments(grey) {
        match marker {
            0xdb | 0xc4 => bytes.extend(&grey[range]),
            0xc0 => {
                let components = [[1, 0x11, 0], [2, 0x11, 0], [3, 0x11, 0]].concat();
                bytes.extend(
                    [&[0xff, 0xc0, 0, 17][..], &grey[range.start + 4..range.start + 9], &[3], &components].concat(),
                );
            }
            _ => {}
        }
    }
    for plane in order {
        let (_, scan) = segments(&planes[plane]).into_iter().find(|(marker, _)| *marker == 0xda).unwrap();
        let mut scan = planes[plane][scan].to_vec();
        scan[5] = plane as u8 + 1;
        bytes.extend(scan);
    }
    bytes.extend([0xff, 0xd9]);
    bytes
}

#[test]
fn scans_come_in_any_order() {
    let usual = pixels(&in_scans([0, 1, 2]));
    for order in [[1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0]] {
        assert!(pixels(&in_scans(order)) == usual, "{order:?}");
    }
    let grey: Vec<u8> = pixels(&jpeg(&waves(0), ExtendedColorType::L8)).iter().map(|pixel| pixel[0]).collect();
    let luma = |[r, g, b]: [u8; 3]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
    let whole = |pixel: &[u8; 3]| pixel.iter().all(|level| (1..255).contains(level));
    let unclipped: Vec<_> = usual.iter().zip(&grey).filter(|(pixel, _)| whole(pixel)).collect();
    assert!(unclipped.len() > 100);
    assert!(unclipped.iter().all(|(pixel, grey)| (luma(**pixel) - f32::from(**grey)).abs() < 3.0));
}

#[test]
fn codings_that_no_decoder_here_has_are_named() {
    let whole = jpeg(&colourful(), ExtendedColorType::Rgb8);
    let frame = segments(&whole).into_iter().find(|(marker, _)| *marker == 0xc0).unwrap().1.start;
    let with = |at: usize, byte: u8| [&whole[..at], &[byte], &whole[at + 1..]].concat();
    assert!(is_unsupported(&with(frame + 1, 0xc9), "arithmetic coding"));
    assert!(is_unsupported(&with(frame + 1, 0xca), "arithmetic coding"));
    assert!(is_unsupported(&with(frame + 1, 0xc3), "lossless coding"));
    assert!(is_unsupported(&with(frame + 1, 0xc5), "hierarchical coding"));
    assert!(is_unsupported(&with(frame + 4, 12), "12 bits"));
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/preprocess");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_webp_turns_whatever_stands_before_its_exif_data() {
    let plain = fixture("orientation_6.webp");
    let at = plain.windows(4).position(|name| name == b"EXIF").unwrap();
    let length = u32::from_le_bytes(plain[at + 4..at + 8].try_into().unwrap()) as usize;
    let data = &plain[at + 8..at + 8 + length];
    let data = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
    for mark in [&b""[..], b"Exif\0\0"] {
        let data = [mark, data].concat();
        let padding = vec![0; data.len() % 2];
        let chunk = [&b"EXIF"[..], &(data.len() as u32).to_le_bytes(), &data, &padding].concat();
        let rest = &plain[at + 8 + length.next_multiple_of(2)..];
        let mut bytes = [&plain[..at], &chunk, rest].concat();
        let size = bytes.len() as u32 - 8;
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        assert_eq!(read(&bytes).unwrap(), read(&plain).unwrap(), "{mark:?}");
        assert_eq!(read(&plain).unwrap().dimensions(), read(&fixture("orientation_6.png")).unwrap().dimensions());
    }
}

#[test]
fn suffixes_of_cameras_and_webcams_are_taken_for_pictures() {
    for name in ["a.jfif", "a.JPE", "a.mpo", "a.apng"] {
        assert!(is_image_path(std::path::Path::new(name)), "{name}");
    }
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn every_picture_of_the_shared_cases_has_its_right_outcome() {
    let shared = crate::common::shared();
    let bytes = |name: &str| std::fs::read(shared.join("cases/pics").join(name)).unwrap();
    let plain = read(&bytes("plain.jfif")).unwrap();
    for name in ["plain.jpe", "plain.mpo"] {
        assert!(read(&bytes(name)).unwrap() == plain, "{name}");
    }
    assert!(read(&bytes("mjpeg_no_dht.jpg")).is_ok());
    assert!(is_unsupported(&bytes("own_sof9_arith.jpg"), "arithmetic coding"));
    assert!(is_unsupported(&bytes("own_12bit.jpg"), "12 bits"));
    assert!(is_unsupported(&bytes("lab.tif"), "Lab"));
    assert!(refusal(&bytes("iphone.heic")).to_string().ends_with("got HEIF or AVIF"));
}
#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn twelve_bits_in_sixteen_look_as_sixteen_bits_do() {
    let shared = crate::common::shared();
    let files = |set: &str| {
        let files = walkdir::WalkDir::new(shared.join("cases/sets").join(set)).sort_by_file_name();
        let files: Vec<_> =
            files.into_iter().map(|entry| entry.unwrap().into_path()).filter(|path| path.is_file()).collect();
        files
    };
    let (twelve, sixteen) = (files("deep12"), files("deep16"));
    assert!(twelve.len() == sixteen.len() && !twelve.is_empty());
    for (twelve, sixteen) in twelve.iter().zip(&sixteen) {
        let open = |path| read(&std::fs::read(path).unwrap()).unwrap();
        assert!(open(twelve) == open(sixteen), "{}", twelve.display());
    }
}
