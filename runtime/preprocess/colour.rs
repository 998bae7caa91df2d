//! Any decoded colour layout to 8-bit RGB, in place.

use std::sync::Once;

use image::ColorType;

/// Whether pixels of this layout have a reading as 8-bit levels.
pub(super) fn is_readable(layout: ColorType) -> bool {
    use ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    matches!(layout, L8 | L16 | La8 | La16 | Rgb8 | Rgb16 | Rgba8 | Rgba16)
}

/// Replaces `count` pixels of `layout` at the front of `pixels` by as many RGB pixels; 16-bit samples keep their high
/// eight bits (see [`depth`]), transparency is blended over `background`.
///
/// # Panics
/// When the layout is not readable.
pub(super) fn to_rgb8(pixels: &mut Vec<u8>, count: usize, layout: ColorType, background: [u8; 3]) {
    let over = |rgb: [u8; 3], alpha: u8| blend(rgb, alpha, background);
    let shift = if bytes_per_sample(layout) == 2 { depth(pixels, count, layout) - 8 } else { 8 };
    let high = |sample: [u8; 2]| (u16::from_ne_bytes(sample) >> shift) as u8;
    let alpha = |sample: [u8; 2]| (u16::from_ne_bytes(sample) >> 8) as u8;
    match layout {
        ColorType::Rgb8 => {}
        ColorType::L8 => repack(pixels, count, |[l]: [u8; 1]| [l; 3]),
        ColorType::La8 => repack(pixels, count, |[l, a]| over([l; 3], a)),
        ColorType::Rgba8 => repack(pixels, count, |[r, g, b, a]| over([r, g, b], a)),
        ColorType::L16 => repack(pixels, count, |l: [u8; 2]| [high(l); 3]),
        ColorType::La16 => repack(pixels, count, |[l0, l1, a0, a1]| over([high([l0, l1]); 3], alpha([a0, a1]))),
        ColorType::Rgb16 => {
            repack(pixels, count, |[r0, r1, g0, g1, b0, b1]| [high([r0, r1]), high([g0, g1]), high([b0, b1])])
        }
        ColorType::Rgba16 => repack(pixels, count, |[r0, r1, g0, g1, b0, b1, a0, a1]| {
            over([high([r0, r1]), high([g0, g1]), high([b0, b1])], alpha([a0, a1]))
        }),
        _ => unreachable!("{layout:?} is refused from the header"),
    }
    pixels.truncate(count * 3);
}

fn bytes_per_sample(layout: ColorType) -> u8 {
    layout.bytes_per_pixel() / layout.channel_count()
}

/// How many bits the 16-bit colours of a picture use: cameras of 10 and 12 bits write their values as they are, which as
/// 16-bit values are nearly black. None above 1023 means 10 bits, none above 4095 means 12; but a picture with none above 255
/// is taken for a dark one, since its noise would be all there is to see.
fn depth(pixels: &[u8], count: usize, layout: ColorType) -> u32 {
    let channels = usize::from(layout.channel_count());
    let colours = channels - usize::from(layout.has_alpha());
    let samples = &pixels.as_chunks::<2>().0[..count * channels];
    let colours = samples.chunks_exact(channels).flat_map(|pixel| &pixel[..colours]);
    let depth = match colours.map(|&sample| u16::from_ne_bytes(sample)).max() {
        Some(256..=1023) => 10,
        Some(1024..=4095) => 12,
        _ => return 16,
    };
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a 16-bit picture has values of {depth} bits only: it, and others like it, are brightened accordingly"
        );
    });
    depth
}

fn blend(colour: [u8; 3], alpha: u8, background: [u8; 3]) -> [u8; 3] {
    let (front, back) = (u32::from(alpha), 255 - u32::from(alpha));
    std::array::from_fn(|c| ((u32::from(colour[c]) * front + u32::from(background[c]) * back + 127) / 255) as u8)
}

/// In place: forwards where pixels shrink, backwards where they grow, so that none is overwritten before it is read.
fn repack<const N: usize>(pixels: &mut Vec<u8>, count: usize, to_rgb: impl Fn([u8; N]) -> [u8; 3]) {
    if pixels.len() < count * 3 {
        pixels.resize(count * 3, 0);
    }
    let mut move_one = |index: usize| {
        let start = index * N;
        let stored = pixels[start..start + N].try_into().expect("the slice has N bytes");
        pixels[index * 3..index * 3 + 3].copy_from_slice(&to_rgb(stored));
    };
    if N >= 3 {
        (0..count).for_each(&mut move_one);
    } else {
        (0..count).rev().for_each(&mut move_one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(mut pixels: Vec<u8>, count: usize, layout: ColorType) -> Vec<u8> {
        assert!(is_readable(layout));
        to_rgb8(&mut pixels, count, layout, [100, 0, 255]);
        pixels
    }

    fn words(samples: &[u16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect()
    }

    #[test]
    fn grey_is_spread_over_the_channels() {
        assert_eq!(converted(vec![1, 2, 3], 3, ColorType::L8), [1, 1, 1, 2, 2, 2, 3, 3, 3]);
        assert_eq!(converted(words(&[0x01ff, 0xff00]), 2, ColorType::L16), [1, 1, 1, 255, 255, 255]);
    }

    #[test]
    fn transparency_shows_the_background() {
        // 51/255 = 1/5 of the picture over 4/5 of the background.
        let rgba = vec![10, 20, 30, 255, 10, 20, 30, 0, 50, 100, 5, 51];
        let expected = [10, 20, 30, 100, 0, 255, 90, 20, 205];
        assert_eq!(converted(rgba.clone(), 3, ColorType::Rgba8), expected);
        let wide: Vec<u16> = rgba.into_iter().map(|sample| u16::from(sample) * 257).collect();
        assert_eq!(converted(words(&wide), 3, ColorType::Rgba16), expected);
        assert_eq!(converted(vec![10, 255, 10, 0], 2, ColorType::La8), [10, 10, 10, 100, 0, 255]);
        assert_eq!(converted(words(&[0x7aff, 0xffff, 0x7a00, 0]), 2, ColorType::La16), [122, 122, 122, 100, 0, 255]);
    }

    #[test]
    fn sixteen_bits_keep_their_high_byte() {
        assert_eq!(converted(words(&[0x12ff, 0x3400, 0xffff]), 1, ColorType::Rgb16), [0x12, 0x34, 0xff]);
    }

    #[test]
    fn values_of_ten_and_twelve_bits_are_stretched_and_dark_pictures_are_not() {
        assert_eq!(
            converted(words(&[0x0fff, 0x0800, 0x0123]), 3, ColorType::L16),
            [255, 255, 255, 128, 128, 128, 18, 18, 18]
        );
        assert_eq!(converted(words(&[0x03ff, 0x0200, 0]), 1, ColorType::Rgb16), [255, 128, 0]);
        assert_eq!(converted(words(&[0x00ff, 0x0080, 0]), 1, ColorType::Rgb16), [0, 0, 0]);
        assert_eq!(converted(words(&[0x1000, 0x0fff, 0]), 1, ColorType::Rgb16), [16, 15, 0]);
        assert_eq!(
            converted(words(&[0x0fff, 0, 0, 0xffff]), 1, ColorType::Rgba16),
            [255, 0, 0],
            "alpha has no part in it"
        );
    }

    #[test]
    fn floating_point_has_no_reading_as_levels() {
        assert!(!is_readable(ColorType::Rgb32F) && !is_readable(ColorType::Rgba32F));
    }
}
