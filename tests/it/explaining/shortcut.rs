//! A class that is told by what lies around it is named; classes that are told by their objects are not.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::common::Device;

/// A disc of any colour in the middle, on a table with stripes or on plain ground of any colour.
fn draw(path: &Path, seed: u32, table: bool) {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = move |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % most
    };
    let mut colour = || [next(200) as u8 + 30, next(200) as u8 + 30, next(200) as u8 + 30];
    let (ground, object) = (colour(), colour());
    let picture = RgbImage::from_fn(160, 160, |x, y| {
        let (dx, dy) = (x as i32 - 80, y as i32 - 80);
        if dx * dx + dy * dy < 34 * 34 {
            return Rgb(object);
        }
        match table {
            true if (x / 8 + y / 8).is_multiple_of(2) => Rgb([140, 90, 40]),
            true => Rgb([60, 30, 10]),
            false => Rgb(ground),
        }
    });
    picture.save(path).unwrap();
}

fn warnings(summary: &Value) -> Vec<String> {
    let classes = summary["classes"].as_array().unwrap();
    classes.iter().filter_map(|class| class["warning"].as_str().map(str::to_owned)).collect()
}

fn taught(device: &Device) -> Value {
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    device.json(&["explain", "photos", "--out", "sheet"]).pop().unwrap()
}

#[test]
fn a_class_that_always_lies_on_one_table_is_said_to_be_told_by_its_background() {
    let device = Device::new();
    for (class, table) in [("screw", true), ("nut", false)] {
        let folder = device.path("photos").join(class);
        fs::create_dir_all(&folder).unwrap();
        (0..16).for_each(|number| draw(&folder.join(format!("{number}.png")), number * 2 + u32::from(table), table));
    }
    let summary = taught(&device);
    let warnings = warnings(&summary);
    assert!(warnings.iter().any(|warning| warning.contains("`screw` is told by its background")), "{summary}");
    let page = fs::read_to_string(device.path("sheet/index.html")).unwrap();
    assert!(page.contains("is told by its background"));
}

#[test]
fn drawn_shapes_are_told_by_their_shapes() {
    let device = Device::new();
    device.draw("photos", 12, 0);
    let summary = taught(&device);
    assert_eq!(warnings(&summary), [""; 0], "{summary}");
}

#[cfg_attr(not(has_shared), ignore = "needs ../shared")]
#[test]
fn photographs_of_flowers_are_told_by_the_flowers() {
    let device = Device::new();
    let flowers = crate::common::shared().join("data/flowers12");
    let train = flowers.join("train").to_str().unwrap().to_owned();
    device.json(&["collect", &train]);
    device.json(&["fit-head", "--head", "ridge"]);
    let test = flowers.join("test").to_str().unwrap().to_owned();
    let summary = device.json(&["explain", &test, "--out", "sheet"]).pop().unwrap();
    assert_eq!(warnings(&summary), [""; 0], "{summary}");
}
