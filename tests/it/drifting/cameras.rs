//! Drift before a camera of the settings, as its owner sees it.

use edgetl::device::{Device as Library, Settings};
use edgetl::drift::Unwatched;
use edgetl::store::{HeadVersion, StateDir};
use image::RgbImage;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::Value;

use crate::common::Device;
use crate::json::Documented;
use crate::watching::Watcher;

fn taught() -> Device {
    taught_with(24)
}

/// A device taught with so many drawings of each shape, and a camera `gate` that looks at every picture in the folder `in`.
fn taught_with(drawings: usize) -> Device {
    let device = Device::new();
    device.draw("photos", drawings, 0);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--head", "ridge"]);
    device.draw("later", 16, 5000);
    std::fs::write(device.path("edgetl.toml"), "[camera.gate]\nsource = \"folder:in\"\nfps = 60\n[drift]\nevery = 0\n")
        .unwrap();
    device
}

fn watch(device: &Device) -> Watcher {
    let mut watcher = Watcher::start(device, &[]);
    watcher.until(|line| line["state"] == "live");
    watcher
}

/// Puts drawing `number` of every shape into the folder of the camera, as it is or changed.
fn put(device: &Device, number: usize, change: fn(&RgbImage, usize) -> RgbImage) {
    let shapes = std::fs::read_dir(device.path("later")).unwrap().map(|entry| entry.unwrap().path());
    for shape in shapes.filter(|path| path.is_dir()) {
        let picture = image::open(shape.join(format!("{number:03}.png"))).unwrap().to_rgb8();
        let picture = change(&picture, number);
        let name = format!("{}-{number}.png", shape.file_name().unwrap().to_str().unwrap());
        picture.save(device.path(&name)).unwrap();
        std::fs::rename(device.path(&name), device.path("in").join(&name)).unwrap();
    }
}

fn drift(device: &Device) -> Value {
    device.json(&["doctor"])[0]["cameras"][0]["drift"].clone()
}

/// Until the camera's file is of `head` and has a look.
fn wait_for_a_look(device: &Device, head: u64) {
    let file = device.state().join("drift/gate.json");
    for _ in 0..600 {
        let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap_or_default()).unwrap_or_default();
        if kept["head"]["version"] == head && kept["record"]["looks"].as_u64().is_some_and(|looks| looks > 0) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{} has no look with head {head}", file.display());
}

/// As it was taught.
fn plain(picture: &RgbImage, _: usize) -> RgbImage {
    picture.clone()
}

/// From a bad sensor, by `number` more or less of it.
fn noisy(picture: &RgbImage, number: usize) -> RgbImage {
    let (mut random, mut picture) = (Pcg64::seed_from_u64(number as u64), picture.clone());
    let share = 0.2 + (number % 8) as f32 * 0.05;
    for value in picture.pixels_mut().flat_map(|pixel| &mut pixel.0) {
        *value = ((1.0 - share) * f32::from(*value) + share * f32::from(random.random::<u8>())) as u8;
    }
    picture
}

#[test]
fn a_planted_shift_is_told_once_and_doctor_shows_it_also_after_a_restart() {
    let device = taught();
    let mut watcher = watch(&device);
    (0..4).for_each(|number| put(&device, number, plain));
    wait_for_a_look(&device, 1);
    watcher.end();
    let before = drift(&device);
    assert!(before["told"].as_array().unwrap().is_empty() && before["head_version"] == 1, "{before}");
    let text = String::from_utf8(device.edgetl(&["doctor"]).output().unwrap().stdout).unwrap();
    assert!(text.contains("gate: nothing unusual in ") && text.contains(" with head 1"), "{text}");

    let mut watcher = watch(&device);
    (4..16).for_each(|number| put(&device, number, noisy));
    let told = watcher.until(|line| line["event"] == "drift" && line["kind"] != "mix").pop().unwrap();
    watcher.end();
    let documented = Documented::read();
    documented.check("watch", &told);
    let report = device.json(&["doctor"]).remove(0);
    documented.check("doctor", &report);
    let after = &report["cameras"][0]["drift"];
    assert!(after["looks"].as_u64() > before["looks"].as_u64(), "it went on: {after}");
    assert!(after["told"].as_array().unwrap().contains(&told), "{after}");
    let kinds: Vec<_> = after["told"].as_array().unwrap().iter().map(|told| &told["kind"]).collect();
    assert!(kinds.iter().all(|kind| kinds.iter().filter(|other| *other == kind).count() == 1), "{kinds:?}");
    let text = String::from_utf8(device.edgetl(&["doctor"]).output().unwrap().stdout).unwrap();
    let since = format!("gate: {}, since about 2", told["sentence"].as_str().unwrap());
    assert!(text.contains(&since), "{text}");
}

#[test]
fn a_damaged_file_begins_anew_and_so_does_a_new_head() {
    let device = taught();
    let mut watcher = watch(&device);
    (0..4).for_each(|number| put(&device, number, plain));
    wait_for_a_look(&device, 1);
    watcher.end();
    let file = device.state().join("drift/gate.json");
    std::fs::write(&file, &std::fs::read(&file).unwrap()[..50]).unwrap();
    let mut watcher = watch(&device);
    (4..6).for_each(|number| put(&device, number, plain));
    wait_for_a_look(&device, 1);
    let said = watcher.end();
    assert!(said.contains("gate.json` is damaged"), "{said}");

    device.json(&["fit-head", "--head", "lda"]);
    let mut watcher = watch(&device);
    (6..8).for_each(|number| put(&device, number, plain));
    wait_for_a_look(&device, 2);
    watcher.end();
    let drift = drift(&device);
    assert!(drift["head_version"] == 2 && drift["looks"].as_u64().unwrap() <= 12, "{drift}");
}

#[test]
fn a_head_that_there_is_nothing_to_compare_with_is_named() {
    let device = taught_with(1);
    let mut watcher = watch(&device);
    (0..3).for_each(|number| put(&device, number, plain));
    let file = device.state().join("drift/gate.json");
    (0..600).take_while(|_| !file.exists()).for_each(|_| std::thread::sleep(std::time::Duration::from_millis(100)));
    watcher.end();
    let report = device.json(&["doctor"]).remove(0);
    Documented::read().check("doctor", &report);
    let because = report["cameras"][0]["drift"]["because"].as_str().unwrap();
    assert!(because.starts_with("expected at least 4 pictures to hold out"), "{because}");
    assert_eq!(report["cameras"][0]["drift"]["code"], "too-few");
    let text = String::from_utf8(device.edgetl(&["doctor"]).output().unwrap().stdout).unwrap();
    assert!(text.contains(&format!("gate is not watched for drift with head 1: {because}")), "{text}");

    std::fs::remove_file(device.state().join("samples.db")).unwrap();
    let library = Library::new(StateDir::new(device.state()), Settings::default());
    let without_pictures = library.drift_reference(HeadVersion(1), None).unwrap();
    assert_eq!(without_pictures.reference.err(), Some(Unwatched::TooFew(0)));
}

#[test]
fn without_a_rate_nothing_is_watched_for_and_a_rate_that_cannot_be_is_named() {
    let device = taught();
    let settings = std::fs::read_to_string(device.path("edgetl.toml")).unwrap();
    std::fs::write(device.path("edgetl.toml"), format!("{settings}false_alarms = 0\n")).unwrap();
    let mut watcher = watch(&device);
    (0..3).for_each(|number| crate::watching::put(&device, "star", number));
    watcher.until(|line| line["event"] == "started");
    watcher.end();
    assert!(!device.state().join("drift").exists() && drift(&device).is_null());
    std::fs::write(device.path("edgetl.toml"), format!("{settings}false_alarms = 2\n")).unwrap();
    let said = String::from_utf8(device.edgetl(&["doctor"]).output().unwrap().stderr).unwrap();
    assert!(said.contains("expected `false_alarms` from 0 to below 0.5, got 2"), "{said}");
}
