//! What is refused from the header, and with which error.

use edgetl::preprocess::{DecodeError, Limits, decode};

use super::files::{
    chunk, gif_of_large_frame, lossless_webp, lossy_webp_in_small_canvas, planar_tiles, png, progressive, strips, zeros,
};

/// A failed test must not print a picture.
fn refusal_within(bytes: &[u8], limits: &Limits) -> DecodeError {
    decode(bytes, limits, [0; 3]).map(|picture| picture.dimensions()).expect_err("it is refused")
}

fn refusal(bytes: &[u8]) -> DecodeError {
    refusal_within(bytes, &Limits::default())
}

#[test]
fn what_takes_more_than_the_allowance_is_refused_in_every_format() {
    const LARGE: (u32, u32) = (10_000, 9_900);
    for (name, bytes) in [
        ("TIFF of 16-bit RGBA", strips(LARGE, 16, 4, false)),
        ("TIFF of 16-bit RGB", strips(LARGE, 16, 3, false)),
        ("TIFF of 8-bit RGB, which its decoder holds twice", strips(LARGE, 8, 3, false)),
        ("progressive CMYK", progressive((10_000, 9_900), 4, 4)),
        ("PNG of 16-bit RGBA", png((6_500, 6_000), (16, 6), b"")),
        ("PNG of one row", png((90_000_000, 1), (8, 2), b"")),
        ("lossless WebP", lossless_webp((10_000, 9_900))),
        ("lossy WebP in a small canvas", lossy_webp_in_small_canvas((16_383, 16_383))),
        ("GIF", gif_of_large_frame()),
    ] {
        assert!(bytes.len() < 5_000_000, "{name}");
        let error = refusal(&bytes);
        assert!(
            matches!(error, DecodeError::Memory { needed, limit: 300_000_000 } if needed > 300_000_000),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn the_setting_moves_the_allowance_with_it() {
    let picture = strips((5_000, 4_900), 16, 3, false);
    assert!(decode(&picture, &Limits::of_pixels(100_000_000), [0; 3]).is_ok());
    let error = refusal_within(&picture, &Limits::of_pixels(50_000_000)).to_string();
    assert!(error.starts_with("expected a picture that takes at most 150000000 bytes to decode, got one"), "{error}");
    let small = strips((1_500, 1_400), 16, 4, false);
    assert!(decode(&small, &Limits::of_pixels(3_000_000), [0; 3]).is_ok(), "small ones pass in every layout");
}

#[test]
fn a_layout_without_a_reading_is_refused_before_it_is_decoded() {
    for size in [(300, 300), (3_000, 3_000)] {
        for samples in [3, 4] {
            assert!(
                matches!(refusal(&strips(size, 64, samples, true)), DecodeError::Unsupported { .. }),
                "{size:?} {samples}"
            );
        }
    }
}

#[test]
fn scans_are_bounded_by_the_work_that_they_make() {
    let repeated = progressive((6_000, 4_000), 3, 500);
    assert!(repeated.len() < 500_000);
    assert!(matches!(refusal(&repeated), DecodeError::Repeated { times, limit: 16 } if times > 100));
    assert!(decode(&progressive((6_000, 4_000), 3, 9), &Limits::default(), [0; 3]).is_ok());
    assert!(decode(&progressive((64, 64), 3, 500), &Limits::default(), [0; 3]).is_ok(), "a small one is quick");
}

#[test]
fn what_is_packed_into_the_texts_and_the_profile_of_a_png_is_not_unpacked() {
    let bomb = zeros(200_000_000);
    let profile = chunk(b"iCCP", &[b"icc\0\0", &bomb[..]].concat());
    let text = chunk(b"zTXt", &[b"Raw profile type iptc\0\0", &bomb[..]].concat());
    let international = chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\x01\0\0\0", &bomb[..]].concat());
    for before in [profile, text, international] {
        assert!(decode(&png((8, 8), (8, 2), &before), &Limits::default(), [0; 3]).is_ok());
    }
    let long = chunk(b"tEXt", &[b"k\0".to_vec(), vec![b'A'; 20_000_000]].concat());
    assert!(matches!(refusal(&png((8, 8), (8, 2), &long)), DecodeError::Chunks { .. }));
}

#[test]
fn planes_in_tiles_on_which_the_decoder_would_give_up_are_read() {
    let picture = decode(&planar_tiles((500, 300), 256), &Limits::default(), [9; 3]).unwrap();
    assert!(picture.dimensions().pixels() == 500 * 300 && picture.pixels().iter().all(|&level| level == 0));
}
