//! Pictures that are alike: bursts, copies, and pictures that show nothing.

use std::path::Path;

use image::{Rgb, RgbImage, imageops};
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::common::Device;

/// A scene of discs of chance colours before a chance ground, as a camera sees it that is moved by a few pixels.
fn frame(scene: u64, frame: u64) -> RgbImage {
    let mut random = Pcg64::seed_from_u64(scene);
    let mut colour = || Rgb(std::array::from_fn(|_| random.random_range(0u32..256) as u8));
    let (ground, colours): (Rgb<u8>, Vec<Rgb<u8>>) = (colour(), (0..9).map(|_| colour()).collect());
    let discs: Vec<[f64; 3]> = colours
        .iter()
        .map(|_| [random.random_range(0.0..160.0), random.random_range(0.0..120.0), random.random_range(5.0..45.0)])
        .collect();
    let mut of_frame = Pcg64::seed_from_u64(1000 * scene + frame);
    let (left, up, light) =
        (of_frame.random_range(-3.0..3.0), of_frame.random_range(-3.0..3.0), of_frame.random_range(0.96..1.04));
    RgbImage::from_fn(160, 120, |x, y| {
        let inside = |disc: &[f64; 3]| (f64::from(x) + left - disc[0]).hypot(f64::from(y) + up - disc[1]) < disc[2];
        let seen = discs.iter().rposition(inside).map_or(ground, |disc| colours[disc]);
        Rgb(seen.0.map(|value| (f64::from(value) * light + of_frame.random_range(-4.0..4.0)) as u8))
    })
}

fn save(picture: &RgbImage, file: &Path) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    picture.save(file).unwrap();
}

/// `frames` of each of so many scenes into `folder/LABEL`, the label a coin toss a scene.
fn draw_bursts(folder: &Path, scenes: std::ops::Range<u64>, frames: std::ops::Range<u64>) {
    let mut coin = Pcg64::seed_from_u64(5);
    for scene in scenes {
        let label = if coin.random::<bool>() { "open" } else { "shut" };
        frames.clone().for_each(|of| save(&frame(scene, of), &folder.join(format!("{label}/{scene:03}_{of}.png"))));
    }
}

#[test]
fn labels_by_coin_toss_are_not_measured_on_other_frames_of_the_same_burst() {
    let device = Device::new();
    draw_bursts(&device.path("photos"), 0..18, 0..6);
    device.json(&["collect", "photos"]);
    let fitted = device.json(&["fit-head"]).remove(0);
    let accuracy = fitted["cv"]["accuracy"].as_f64().unwrap();
    assert!((0.2..0.8).contains(&accuracy), "{accuracy}");
    assert_eq!(fitted["near_twins"]["pictures"], 108, "{fitted}");
    assert_eq!(fitted["near_twins"]["groups"], 18);
    assert!(fitted["near_twins"]["accuracy_without"].as_f64() > Some(0.9), "{fitted}");
    let said = device.edgetl(&["fit-head", "--dry-run"]).assert().success();
    said.stdout(contains("108 of 108 pictures were held out in 18 groups; accuracy would seem to be "));
    let advised = device.json(&["advise"]).remove(0);
    assert_ne!(advised["strategy"], "train_head", "{advised}");
    let shown = device.json(&["heads", "show"]).remove(0);
    assert_eq!(shown["near_twins"]["groups"], 18, "{shown}");
}

#[test]
fn frames_of_stored_bursts_are_no_new_pictures_to_eval() {
    let device = Device::new();
    draw_bursts(&device.path("photos"), 0..12, 0..4);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    draw_bursts(&device.path("later"), 0..20, 7..8);
    let measured = device.json(&["eval", "later"]).remove(0);
    assert_eq!((&measured["samples"], &measured["near_twins"]["pictures"]), (&20.into(), &12.into()), "{measured}");
    let (all, without) = (&measured["accuracy"], &measured["near_twins"]["accuracy_without"]);
    assert!(all.as_f64() > without.as_f64(), "{measured}");
    let said = device.edgetl(&["eval", "later", "--provider", "tract"]).assert().success();
    said.stdout(contains("12 pictures are near-twins").and(contains("accuracy without them")));
    draw_bursts(&device.path("elsewhere"), 50..60, 0..1);
    assert!(device.json(&["eval", "elsewhere"]).remove(0).get("near_twins").is_none());
}

#[test]
fn copies_that_were_resized_or_compressed_again_share_a_fold_and_nothing_else_does() {
    let device = Device::new();
    for scene in 100..140 {
        let (picture, folder) = (frame(scene, 0), device.path(if scene % 2 == 0 { "photos/a" } else { "photos/b" }));
        save(&picture, &folder.join(format!("{scene}.png")));
        match scene {
            100..106 => save(&picture, &folder.join(format!("{scene}.jpg"))),
            106..112 => save(
                &imageops::resize(&picture, 110, 82, imageops::FilterType::Triangle),
                &folder.join(format!("{scene}_small.png")),
            ),
            _ => {}
        }
    }
    device.json(&["collect", "photos"]);
    let near_twins = device.json(&["fit-head"]).remove(0)["near_twins"].take();
    assert_eq!((&near_twins["pictures"], &near_twins["groups"]), (&24.into(), &12.into()), "{near_twins}");
}

#[test]
fn five_pictures_a_class_are_measured_and_a_class_of_one_burst_is_named() {
    let device = Device::new();
    (0..5).for_each(|of| save(&frame(7, of), &device.path(&format!("photos/one/{of}.png"))));
    (0..12).for_each(|scene| save(&frame(200 + scene, 0), &device.path(&format!("photos/many/{scene}.png"))));
    device.json(&["collect", "photos"]);
    let fitted = device.json(&["fit-head"]).remove(0);
    assert_eq!((&fitted["cv"]["samples"], &fitted["near_twins"]["alike"][0]), (&17.into(), &"one".into()), "{fitted}");
    let said = device.edgetl(&["fit-head", "--dry-run"]).assert().success();
    said.stdout(contains("all pictures of `one` are near-twins of one another"));
}

#[test]
fn pictures_that_show_nothing_are_refused_whatever_their_size() {
    for shade in [0, 90] {
        let device = Device::new();
        for number in 0..14u32 {
            let label = if number < 7 { "day" } else { "night" };
            let picture = RgbImage::from_pixel(90 + 13 * number, 300 - 9 * number, Rgb([shade; 3]));
            save(&picture, &device.path(&format!("photos/{label}/{number}.png")));
        }
        device.json(&["collect", "photos"]);
        for arguments in [&["fit-head"][..], &["fit-head", "--head", "prototype"], &["advise"]] {
            let refused = device.edgetl(arguments).assert().code(1).stdout("");
            refused
                .stderr(contains("the features of all 14 pictures are the same").and(contains("hint: look at some")));
        }
        assert!(!device.state().join("heads/current").exists());
    }
}
