//! Pictures that show too little are collected, and named.

use std::path::Path;

use edgetl::backbone::Package;
use edgetl::manifest::{Preprocess, Resize};
use edgetl::preprocess::{Limits, Picture, PoorPicture, Preprocessor, Quality, decode, is_image_path, shrink};
use image::RgbImage;
use image::imageops::{self, FilterType};
use serde_json::json;

use crate::common::{Device, shared};

/// Drawings of two shapes, four each, and beside them one of each that is too small, too dark, too bright and blurred.
fn with_poor_ones() -> Device {
    let device = Device::new();
    let photos = device.draw("photos", 4, 0);
    let good = image::open(photos.join("star/000.png")).unwrap().to_rgb8();
    let scaled = |factor: f32, shift: f32| {
        let mut picture = good.clone();
        picture.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| (f32::from(value) * factor + shift) as u8));
        picture
    };
    let poor = [
        ("small", imageops::resize(&good, 22, 22, FilterType::Triangle)),
        ("dark", scaled(0.05, 2.0)),
        ("bright", scaled(0.2, 200.0)),
        ("blurred", imageops::fast_blur(&good, good.width() as f32 * 0.05)),
    ];
    for (name, picture) in poor {
        picture.save(photos.join(format!("star/{name}.png"))).unwrap();
    }
    device
}

#[test]
fn collect_names_each_poor_picture_with_its_fault_and_stores_it() {
    let device = with_poor_ones();
    let report = device.json(&["collect", "photos"]).remove(0);
    assert_eq!((&report["stored"], &report["failed"]), (&json!(4 * 6 + 4), &json!([])), "{report}");
    let poor = report["poor"].as_array().unwrap();
    let named = |name: &str| {
        let found = poor.iter().find(|poor| poor["path"].as_str().unwrap().ends_with(&format!("star/{name}.png")));
        found.unwrap_or_else(|| panic!("{name}: {poor:?}"))
    };
    assert_eq!(poor.len(), 4, "{poor:?}");
    assert_eq!(named("small")["fault"], "too-small");
    assert_eq!((&named("small")["width"], &named("small")["height"]), (&json!(19), &json!(19)), "the crop");
    assert_eq!(named("dark")["fault"], "too-dark");
    assert!(named("dark")["highlights"].as_f64().unwrap() < 0.07, "{poor:?}");
    assert_eq!(named("bright")["fault"], "too-bright");
    assert!(named("bright")["shadows"].as_f64().unwrap() > 0.75, "{poor:?}");
    assert_eq!(named("blurred")["fault"], "blurred");
    assert!(named("blurred")["sharpness"].as_f64().unwrap() < 0.32, "{poor:?}");
    let again = device.json(&["collect", "photos"]).remove(0);
    assert_eq!((&again["duplicates"], &again["poor"]), (&json!(28), &json!([])), "what is known is not decoded again");
}

#[test]
fn the_text_counts_the_faults_and_names_a_few_pictures() {
    let device = with_poor_ones();
    let blurred = device.path("photos/star/blurred.png");
    for number in 0..9 {
        let mut copy = image::open(&blurred).unwrap().to_rgb8();
        copy.put_pixel(0, 0, image::Rgb([number, 0, 0]));
        copy.save(device.path(&format!("photos/star/turned{number}.png"))).unwrap();
    }
    let run = device.edgetl(&["collect", "photos"]).env("EDGETL_PROVIDER", "tract").output();
    let text = String::from_utf8(run.unwrap().stdout).unwrap();
    let counted = "\n13 pictures are poor: 10 blurred, 1 too bright, 1 too dark, 1 too small; stored all the same: `edgetl samples";
    assert!(text.contains(counted), "{text}");
    assert!(
        text.contains("star/small.png`: too small: expected the network to see at least 48 pixels a side, got 19x19"),
        "{text}"
    );
    assert!(text.contains("\npoor: and 3 more, which --json names"), "{text}");
    assert_eq!(text.matches("\npoor: `").count(), 10, "{text}");
}

#[test]
fn drawings_and_pictures_that_are_good_are_not_mentioned() {
    let device = Device::new();
    device.draw("photos", 8, 0);
    let run = device.edgetl(&["collect", "photos"]).env("EDGETL_PROVIDER", "tract").output();
    let text = String::from_utf8(run.unwrap().stdout).unwrap();
    assert!(!text.contains("poor"), "{text}");
}

/// Every so many of the photographs below `folder`.
fn photographs(folder: &Path, every: usize) -> Vec<Picture> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let paths = files.map(walkdir::DirEntry::into_path).filter(|path| is_image_path(path));
    let read = |path| decode(&std::fs::read(path).unwrap(), &Limits::default(), [0; 3]);
    paths.step_by(every).filter_map(|path| read(path).ok()).map(|picture| shrink(picture, 320)).collect()
}

/// What networks of 96, 128 and 224 pixels are given, cropped and in a letterbox.
fn preprocessors() -> Vec<Preprocessor> {
    let package = Package::embedded().unwrap();
    let own = &package.manifest().preprocess;
    let mut made = Vec::new();
    for side in [96, 128, 224] {
        for resize in [Resize::ShortestSide, Resize::Letterbox] {
            let shortest_side = (resize == Resize::ShortestSide).then_some(side * 8 / 7);
            let settings = Preprocess { width: side, height: side, resize, shortest_side, ..own.clone() };
            made.push(Preprocessor::new(settings, Limits::default()).unwrap());
        }
    }
    made
}

fn quality(preprocessor: &mut Preprocessor, picture: &Picture) -> Quality {
    preprocessor.resize(picture);
    preprocessor.quality()
}

fn blurred(picture: &Picture, share: f32) -> Picture {
    let (width, height) = (picture.width(), picture.height());
    let image = RgbImage::from_raw(width, height, picture.pixels().to_vec()).unwrap();
    let blurred = imageops::fast_blur(&image, width.min(height) as f32 * share);
    Picture::new(width, height, blurred.into_raw()).unwrap()
}

#[test]
#[cfg_attr(not(has_shared), ignore = "no ../shared")]
fn a_blur_never_makes_a_photograph_sharper_and_a_strong_one_is_found() {
    let data = shared().join("data");
    let mut photographs = photographs(&data.join("hymenoptera/val"), 30);
    photographs.extend(self::photographs(&data.join("flowers12/test"), 48));
    assert!(photographs.len() > 9, "{}", photographs.len());
    let mut preprocessors = preprocessors();
    for picture in photographs {
        let blurs = [0.01, 0.02, 0.04].map(|share| blurred(&picture, share));
        for preprocessor in &mut preprocessors {
            let mut before = quality(preprocessor, &picture).sharpness.unwrap();
            for blurred in &blurs {
                let sharpness = quality(preprocessor, blurred).sharpness.unwrap();
                assert!(sharpness < before + 0.005, "{before} {sharpness}");
                before = sharpness;
            }
            let fault = quality(preprocessor, &blurs[2]).fault();
            assert!(matches!(fault, Some(PoorPicture::Blurred { .. })), "{fault:?}");
        }
    }
}
