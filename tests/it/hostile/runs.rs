//! Whole runs of the program on such pictures: their memory, what a killed run leaves, what a panic costs.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use predicates::str::contains;
use serde_json::Value;

use super::files::{chunk, png, progressive, strips, zeros};
use crate::common::{Device, backbone};

const MEGABYTE: u64 = 1_000_000;

fn start(device: &Device, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgetl"));
    command.env_clear().current_dir(device.path("")).env("EDGETL_STATE", device.state()).args(arguments);
    command.env("EDGETL_PROVIDER", "tract").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The most memory that a run of `edgetl` had, as the system counts it while it runs.
#[cfg(target_os = "linux")]
fn peak(device: &Device, arguments: &[&str]) -> u64 {
    let mut child = start(device, arguments);
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = line.unwrap_or(0u64).max(most);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(most > 0, "it was seen running");
    most * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn no_picture_takes_predict_beyond_its_memory() {
    let device = Device::taught();
    let bomb = zeros(500 * MEGABYTE as usize);
    for (name, bytes) in [
        ("float.tif", strips((10_000, 9_900), 32, 4, true)),
        ("rgba16.tif", strips((10_000, 9_900), 16, 4, false)),
        ("rgb16_within.tif", strips((5_000, 4_900), 16, 3, false)),
        ("cmyk.jpg", progressive((10_000, 9_900), 4, 4)),
        ("rgb_within.jpg", progressive((6_400, 5_000), 3, 4)),
        ("profile.png", png((8, 8), (8, 2), &chunk(b"iCCP", &[b"icc\0\0", &bomb[..]].concat()))),
        ("rgb_within.png", png((10_000, 10_000), (8, 2), b"")),
        ("column.png", png((1, 90_000_000), (8, 2), b"")),
    ] {
        std::fs::write(device.path(name), bytes).unwrap();
        let most = peak(&device, &["predict", name]);
        assert!(most < 450 * MEGABYTE, "{name}: {} MB", most / MEGABYTE);
    }
    let within = ["rgb16_within.tif", "rgb_within.jpg", "rgb_within.png"];
    let answers = device.json(&[&["predict"], &within[..]].concat());
    assert!(answers.iter().all(|answer| answer["error"].is_null()), "{answers:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn several_decoders_share_one_allowance() {
    let device = Device::new();
    let folder = device.path("photos/large");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..5 {
        let own = chunk(b"tEXt", format!("k\0{number}").as_bytes());
        std::fs::write(folder.join(format!("{number}.png")), png((8_000, 7_000), (8, 2), &own)).unwrap();
    }
    let most = peak(&device, &["collect", "photos", "--backbone", backbone(), "--threads", "5"]);
    assert!(most < 500 * MEGABYTE, "{} MB", most / MEGABYTE);
    assert_eq!(device.json(&["collect", "photos"])[0]["duplicates"], 5);
}

/// Waits until a run says that it has a large picture in hand.
fn wait_for_note(state: &Path) {
    let begin = Instant::now();
    let noted = || {
        let entries = std::fs::read_dir(state.join("unfinished")).ok()?;
        entries.flatten().find(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() > 0))
    };
    while noted().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(120), "it comes to the large picture");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_picture_that_ended_a_run_is_passed_over_by_name_until_it_is_asked_for() {
    let device = Device::new();
    let photos = device.draw("photos", 2, 0);
    std::fs::write(photos.join("star/large.png"), png((10_000, 10_000), (8, 2), b"")).unwrap();
    let collect = ["collect", "photos", "--backbone", backbone()];
    let mut run = start(&device, &collect);
    wait_for_note(&device.state());
    run.kill().unwrap();
    run.wait().unwrap();
    for _ in 0..2 {
        let summary: Value = device.json(&collect)[0].clone();
        assert_eq!(summary["stored"].as_u64().unwrap() + summary["duplicates"].as_u64().unwrap(), 12, "{summary}");
        let failed = &summary["failed"][0];
        assert!(failed["path"].as_str().unwrap().ends_with("star/large.png"), "{summary}");
        assert!(failed["reason"].as_str().unwrap().contains("an earlier run ended"), "{summary}");
    }
    device.edgetl(&collect).assert().success().stdout(contains("--again tries them"));
    let summary = &device.json(&[&collect[..], &["--again"]].concat())[0];
    assert_eq!((&summary["stored"], summary["failed"].as_array().unwrap().len()), (&Value::from(1), 0), "{summary}");
    assert_eq!(std::fs::read_dir(device.state().join("unfinished")).unwrap().count(), 0);
}
