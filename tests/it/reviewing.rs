//! What cameras see becomes samples: `edgetl review`, `edgetl watch --collect`, and files that lie in the state.

use std::path::Path;
use std::time::{Duration, Instant};

use predicates::str::contains;
use serde_json::Value;

use crate::common::Device;
use crate::serve::service::Service;
use crate::watching::{Watcher, jpeg, put};

/// Puts a picture of no class that the head knows: stripes.
pub fn put_stripes(device: &Device, number: u32) {
    put_copy(device, number, &format!("stripes-{number}.png"));
}

/// The same under another name.
pub fn put_copy(device: &Device, number: u32, name: &str) {
    let stripes = image::RgbImage::from_fn(128, 128, |x, y| {
        let on = ((x * (number + 2) + y * 3) / 16).is_multiple_of(2);
        image::Rgb(if on { [250, 240, (number * 40) as u8] } else { [20, 30, 60] })
    });
    put_picture(device, &stripes, name);
}

fn put_picture(device: &Device, picture: &image::RgbImage, name: &str) {
    picture.save(device.path(name)).unwrap();
    std::fs::rename(device.path(name), device.path("in").join(name)).unwrap();
}

/// What waits, once there is something.
#[track_caller]
pub fn waiting(device: &Device) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let output = device.edgetl(&["review", "list", "--json"]).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        if !lines.is_empty() {
            return lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", String::from_utf8_lossy(&output.stderr));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A device that watches a folder by its settings, and has seen something that it does not know.
pub fn with_something_to_review() -> (Device, Value) {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), "[camera.desk]\nsource = \"folder:in\"\n").unwrap();
    let mut watcher = Watcher::start(&device, &[]);
    assert_eq!(watcher.next()["state"], "live");
    put_stripes(&device, 0);
    let waits = waiting(&device).remove(0);
    watcher.end();
    (device, waits)
}

fn samples(device: &Device) -> Vec<Value> {
    device.json(&["samples", "list"])
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[test]
fn a_picture_that_the_head_does_not_know_waits_and_becomes_a_sample_by_its_label() {
    let (device, waits) = with_something_to_review();
    assert_eq!(waits["camera"], "desk");
    let sent = std::fs::read(device.path("in/stripes-0.png")).unwrap();
    let id = waits["id"].to_string();
    let shown = device.edgetl(&["review", "list", "--save", "look"]).env("COLUMNS", "80").output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("edgetl review label ID… LABEL") && shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    assert_eq!(std::fs::read(device.path(&format!("look/{id}.png"))).unwrap(), sent);
    let labelled = device.json(&["review", "label", &id, "stripes"]).remove(0);
    assert_eq!(labelled["new_class"], true);
    let sample = samples(&device).into_iter().find(|row| row["label"] == "stripes").unwrap();
    assert_eq!(
        (&labelled["samples"][&id], &sample["hash"], &sample["group"]),
        (&sample["id"], &waits["hash"], &waits["group"])
    );
    assert_eq!(std::fs::read(sample["source"].as_str().unwrap()).unwrap(), sent);
    device.edgetl(&["review", "list"]).assert().success().stdout(contains("no picture waits"));
    device.edgetl(&["review", "label", &id, "stripes"]).assert().code(1).stderr(contains("nothing was done"));
    device.edgetl(&["review", "label", "stripes"]).assert().code(2);
    device.json(&["samples", "doctor"]);
    device.json(&["fit-head"]);
}

#[test]
fn a_dismissed_picture_does_not_come_back_and_one_of_the_command_line_is_not_kept() {
    let (device, waits) = with_something_to_review();
    device.json(&["review", "dismiss", &waits["id"].to_string()]);
    let mut watcher = Watcher::start(&device, &[]);
    assert_eq!(watcher.next()["state"], "live");
    put_copy(&device, 0, "again.png");
    put_stripes(&device, 5);
    let there = waiting(&device);
    assert!(there.len() == 1 && there[0]["hash"] != waits["hash"], "{there:?}");
    watcher.end();
    device.edgetl(&["review", "dismiss", "--all"]).assert().success().stdout(contains("1 picture dismissed"));
    device.edgetl(&["review", "dismiss", "99"]).assert().code(1).stderr(contains("edgetl review list"));
    let mut watcher = Watcher::start(&device, &["folder:in", "--log", "looks.jsonl"]);
    assert_eq!(watcher.next()["state"], "live");
    put_stripes(&device, 3);
    let looks = || std::fs::read_to_string(device.path("looks.jsonl")).unwrap_or_default().lines().count();
    let start = Instant::now();
    // The rules, and the look.
    while looks() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
    watcher.end();
    let output = device.edgetl(&["review", "list", "--json"]).output().unwrap();
    assert!(output.stdout.is_empty(), "a camera that is only named on the command line is looked through in passing");
}

#[test]
fn the_service_keeps_pictures_for_review_as_well() {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), "[camera.door]\nsource = \"push\"\n").unwrap();
    let service = Service::start(&device, &[]);
    std::fs::create_dir_all(device.path("in")).unwrap();
    put_stripes(&device, 1);
    let sent = std::fs::read(device.path("in/stripes-1.png")).unwrap();
    assert_eq!(service.put("/v1/cameras/door/frame", &sent).status, 204);
    let waits = waiting(&device).remove(0);
    assert_eq!((&waits["camera"], waits["bytes"].as_u64()), (&"door".into(), Some(sent.len() as u64)));
}

/// A device that collected what a camera saw, in the folder `in`.
fn collected() -> (Device, Vec<Value>) {
    let device = Device::well_taught();
    let mut watcher = Watcher::start(&device, &["folder:in", "--collect", "shapes"]);
    let mut lines = vec![watcher.next_after(|number| put_copy(&device, 0, &format!("copy-{number}.png")))];
    put_stripes(&device, 1);
    put_copy(&device, 0, "a-twin.png");
    put_picture(&device, &image::RgbImage::new(128, 128), "dark.png");
    lines.push(watcher.next());
    put_stripes(&device, 2);
    lines.push(watcher.next());
    lines.extend(watcher.end_with_lines());
    (device, lines)
}

#[test]
fn what_a_camera_sees_is_collected_as_one_group_without_twins_and_poor_pictures() {
    let (device, lines) = collected();
    let summary = lines.last().unwrap();
    assert_eq!((&summary["stored"], &summary["poor"]["too dark"]), (&3.into(), &1.into()), "{summary}");
    assert!(summary["twins"].as_u64().unwrap() >= 1, "{summary}");
    assert_eq!((&summary["new_class"], lines.len()), (&true.into(), 4));
    let rows: Vec<Value> = samples(&device).into_iter().filter(|row| row["label"] == "shapes").collect();
    assert!(rows.len() == 3 && rows.iter().all(|row| row["group"] == rows[0]["group"]), "{rows:?}");
    assert_eq!(files(&device.state().join("pictures")).len(), 3);
    device.json(&["fit-head"]);
    // Another backbone learns from the files as well.
    device.json(&["backbone", "import", crate::common::backbone(), "--name", "other"]);
    let compared = device.json(&["backbone", "compare"]).remove(0);
    assert_eq!(compared["unread"].as_array().map_or(0, Vec::len), 0, "{compared}");
}

#[test]
fn a_device_without_a_head_collects() {
    let device = Device::new();
    device.draw("photos", 2, 0);
    let mut watcher = Watcher::start(&device, &["folder:in", "--collect", "star"]);
    assert_eq!(watcher.next_after(|_| put(&device, "star", 0))["label"], "star");
    let lines = watcher.end_with_lines();
    assert_eq!(lines.last().unwrap()["stored"], 1);
    assert_eq!(jpeg(&device, "star", 0), std::fs::read(samples(&device)[0]["source"].as_str().unwrap()).unwrap());
    let refused = device.edgetl(&["watch", "folder:in", "--collect", "a", "--save", "b"]).assert();
    refused.code(2);
}

#[test]
fn pictures_in_the_state_go_into_backups_and_are_erased_with_their_samples() {
    let (device, _) = collected();
    device.json(&["backup", "state.tar"]);
    let other = Device::new();
    other.json(&["restore", device.path("state.tar").to_str().unwrap()]);
    let rows: Vec<Value> = samples(&other).into_iter().filter(|row| row["label"] == "shapes").collect();
    let (here, there) = (device.state().join("pictures"), other.state().join("pictures"));
    assert_eq!((rows.len(), files(&here)), (3, files(&there)));
    let path = |row: &Value| Path::new(row["source"].as_str().unwrap()).to_owned();
    assert!(rows.iter().all(|row| path(row).starts_with(&there) && path(row).is_file()), "{rows:?}");
    let ids: Vec<String> = rows.iter().map(|row| row["id"].to_string()).collect();
    other.json(&["samples", "remove", "--id", &ids[0]]);
    assert_eq!(files(&there).len(), 3, "it can be brought back");
    other.json(&["samples", "undo"]);
    assert!(path(&rows[0]).is_file());
    other.json(&["samples", "remove", "--id", &ids[0]]);
    other.json(&["samples", "purge"]);
    assert!(!path(&rows[0]).exists() && files(&there).len() == 2);
    other.json(&["samples", "remove", "--id", &ids[1], "--forget"]);
    assert!(!path(&rows[1]).exists() && path(&rows[2]).is_file());
    std::fs::write(path(&rows[2]), b"another").unwrap();
    let findings = other.json(&["samples", "doctor"]).remove(0);
    let sources = findings["sources"].as_array().unwrap();
    assert!(sources.iter().any(|source| source["id"] == rows[2]["id"] && source["state"] == "changed"), "{findings}");
}
