//! On pictures whose measures can be worked out by hand.

use proptest::prelude::*;

use super::*;
use crate::manifest::{Channels, Filter, Preprocess, Resize};
use crate::preprocess::{Limits, Preprocessor, shrink};

fn settings(side: u32, resize: Resize, filter: Filter) -> Preprocess {
    Preprocess {
        width: side,
        height: side,
        resize,
        shortest_side: Some(side),
        filter,
        channels: Channels::Rgb,
        range: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        background: [0; 3],
    }
}

fn quality(settings: Preprocess, picture: &Picture) -> Quality {
    let mut preprocessor = Preprocessor::new(settings, Limits::default()).unwrap();
    preprocessor.resize(picture);
    preprocessor.quality()
}

fn squashed(side: u32, picture: &Picture) -> Quality {
    quality(settings(side, Resize::Squash, Filter::Bilinear), picture)
}

fn grey(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Picture {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Picture::new(width, height, places.flat_map(|(x, y)| [value(x, y); 3]).collect()).unwrap()
}

/// Dark on the left, bright on the right, with a slope of so many pixels between, in the middle of 96.
fn edge(slope: i32) -> Picture {
    grey(96, 96, |x, _| (50 + 160 * (x as i32 - 48).clamp(0, slope) / slope) as u8)
}

#[test]
fn a_step_has_one_difference_between_neighbours_to_four_over_its_reach() {
    // Of 95 pairs a row one differs, of 92 pairs four apart four do; on a diagonal as many, and downwards none.
    let expected = (92.0f32 / (95.0 * 4.0)).powf(0.25);
    assert!((squashed(96, &edge(1)).sharpness.unwrap() - expected).abs() < 1e-6);
    assert_eq!(squashed(96, &edge(1)).fault(), None);
}

#[test]
fn a_slope_has_a_quarter_of_its_change_over_four_pixels_between_neighbours() {
    // 5 levels a pixel and 20 over four; its ends are less steep.
    let sharpness = squashed(96, &edge(32)).sharpness.unwrap();
    assert!((0.25..0.27).contains(&sharpness), "{sharpness}");
    let message = squashed(96, &edge(32)).fault().unwrap().to_string();
    assert_eq!(message, format!("blurred: expected a sharpness of at least 0.32, got {sharpness:.2}"));
}

#[test]
fn nothing_is_said_of_the_sharpness_of_what_has_no_contrast() {
    let faint = grey(96, 96, |x, _| if x < 48 { 100 } else { 115 });
    let clear = grey(96, 96, |x, _| if x < 48 { 100 } else { 116 });
    assert_eq!(squashed(96, &faint).sharpness, None);
    assert_eq!(squashed(96, &clear).sharpness, squashed(96, &edge(1)).sharpness);
    assert_eq!(squashed(96, &grey(300, 200, |_, _| 90)).fault(), None);
}

#[test]
fn nothing_is_said_of_the_sharpness_of_what_has_few_pixels() {
    assert_eq!((squashed(47, &edge(32)).sharpness, squashed(12, &edge(32)).sharpness), (None, None));
    assert!(squashed(48, &edge(32)).sharpness.is_some());
}

#[test]
fn what_moved_in_one_direction_is_blurred_though_the_other_is_sharp() {
    let bars = |slope: i32| {
        grey(96, 96, move |x, y| {
            let across = (x as i32 - 36).clamp(0, slope) * 100 / slope;
            (20 + across + if y % 24 < 12 { 100 } else { 0 }) as u8
        })
    };
    assert_eq!(squashed(96, &bars(1)).fault(), None);
    assert!(matches!(squashed(96, &bars(24)).fault(), Some(PoorPicture::Blurred { .. })));
}

#[test]
fn a_small_thing_on_plain_ground_is_as_sharp_as_a_large_one() {
    let square = |side: u32| grey(96, 96, move |x, y| if x.max(y).abs_diff(40) < side { 30 } else { 80 });
    let (small, large) = (squashed(96, &square(3)).sharpness.unwrap(), squashed(96, &square(25)).sharpness.unwrap());
    assert!((small - large).abs() < 0.1 && small > 0.6, "{small} {large}");
}

#[test]
fn shadows_and_highlights_leave_a_twentieth_of_the_pixels_out() {
    // A level a row: four rows of eighty are darker, and four brighter.
    let quality = squashed(80, &grey(80, 80, |_, y| 10 + y as u8));
    assert_eq!((quality.shadows, quality.highlights), (14.0 / 255.0, 85.0 / 255.0));
    let lamp = grey(96, 96, |x, y| if x < 20 && y < 20 { 255 } else { 8 });
    let message = squashed(96, &lamp).fault().unwrap().to_string();
    assert_eq!(message, "too dark: expected its brightest parts to have at least 16 % of white, got 3 %");
    let white = grey(96, 96, |x, y| if x < 20 && y < 20 { 0 } else { 255 });
    let message = squashed(96, &white).fault().unwrap().to_string();
    assert_eq!(message, "too bright: expected its darkest parts to have at most 68 % of white, got 100 %");
}

#[test]
fn the_border_of_a_letterbox_does_not_count() {
    let letterbox = settings(96, Resize::Letterbox, Filter::Bilinear);
    let wide = grey(192, 96, |_, _| 200);
    let quality = quality(letterbox, &wide);
    assert_eq!((quality.width, quality.height), (192, 96));
    assert_eq!((quality.shadows, quality.highlights, quality.sharpness), (200.0 / 255.0, 200.0 / 255.0, None));
}

#[test]
fn a_crop_is_measured_and_the_picture_around_it_is_not() {
    let cropped = Preprocess { shortest_side: Some(192), ..settings(96, Resize::ShortestSide, Filter::Nearest) };
    let picture = grey(80, 120, |x, y| if (20..60).contains(&x) && (40..80).contains(&y) { 250 } else { 0 });
    let quality = quality(cropped, &picture);
    assert_eq!((quality.width, quality.height, quality.shadows), (40, 40, 250.0 / 255.0));
    let message = quality.fault().unwrap().to_string();
    assert_eq!(message, "too small: expected the network to see at least 48 pixels a side, got 40x40");
}

#[test]
fn inputs_of_all_sizes_and_filters_of_all_kinds_agree_about_a_picture() {
    let blocks = |side: u32| grey(480, 480, move |x, y| ((x / side * 37 + y / side * 91) % 200 + 20) as u8);
    let smooth = grey(480, 480, |x, y| (120.0 + 60.0 * ((x as f32 / 40.0).sin() + (y as f32 / 45.0).sin())) as u8);
    for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos, Filter::Nearest] {
        for side in [64, 96, 128, 224, 384] {
            let measure = |picture: &Picture| quality(settings(side, Resize::Squash, filter), picture);
            assert_eq!(measure(&blocks(40)).fault(), None, "{filter:?} {side}");
            let fault = measure(&smooth).fault();
            assert!(matches!(fault, Some(PoorPicture::Blurred { .. })), "{filter:?} {side}: {:?}", measure(&smooth));
        }
    }
}

#[test]
fn that_a_picture_was_enlarged_for_the_network_is_no_blur() {
    let small = grey(60, 60, |x, y| if (x / 7 + y / 9) % 2 == 0 { 40 } else { 180 });
    assert_eq!((squashed(60, &small).fault(), squashed(224, &small).fault()), (None, None));
    // Enlarged before, and then given.
    let mut preprocessor =
        Preprocessor::new(settings(480, Resize::Squash, Filter::Bilinear), Limits::default()).unwrap();
    let enlarged = preprocessor.resize(&shrink(small, 20));
    assert!(matches!(squashed(224, &enlarged).fault(), Some(PoorPicture::Blurred { .. })));
}

#[test]
fn before_the_first_picture_there_is_the_background() {
    let settings = Preprocess { background: [10, 200, 40], ..settings(96, Resize::Letterbox, Filter::Bilinear) };
    let quality = Preprocessor::new(settings, Limits::default()).unwrap().quality();
    assert_eq!((quality.width, quality.height, quality.shadows), (96, 96, quality.highlights));
}

fn any_picture() -> impl Strategy<Value = Picture> {
    (1u32..=70, 1u32..=70).prop_flat_map(|(width, height)| {
        let pixels = proptest::collection::vec(any::<u8>(), (width * height * 3) as usize);
        pixels.prop_map(move |pixels| Picture::new(width, height, pixels).unwrap())
    })
}

proptest! {
    #[test]
    fn a_mirrored_picture_has_the_same_quality(picture in any_picture()) {
        let Dimensions { width, height } = picture.dimensions();
        let places = (0..height).flat_map(|y| (0..width).rev().map(move |x| (x, y)));
        let pixels = places.flat_map(|place| picture.pixel(place)).collect();
        let mirrored = Picture::new(width, height, pixels).unwrap();
        let own = Preprocess { width, height, ..settings(width, Resize::Squash, Filter::Bilinear) };
        prop_assert_eq!(quality(own.clone(), &picture), quality(own, &mirrored));
    }

    #[test]
    fn more_light_never_lowers_shadows_and_highlights(picture in any_picture(), light in 1.0f32..5.0) {
        let pixels = picture.pixels().iter().map(|value| (f32::from(*value) * light) as u8).collect();
        let lit = Picture::new(picture.width(), picture.height(), pixels).unwrap();
        let (before, after) = (squashed(96, &picture), squashed(96, &lit));
        prop_assert!(before.shadows <= after.shadows && before.highlights <= after.highlights);
    }

    #[test]
    fn every_picture_has_measures_within_their_bounds(picture in any_picture(), side in 1u32..300) {
        let Quality { shadows, highlights, sharpness, .. } = squashed(side, &picture);
        prop_assert!(0.0 <= shadows && shadows <= highlights && highlights <= 1.0);
        prop_assert!(sharpness.is_none_or(|sharpness| (0.0..=1.0).contains(&sharpness)));
    }
}
