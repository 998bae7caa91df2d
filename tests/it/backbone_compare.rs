//! `backbone compare`: the same pictures through every kept backbone.

use std::sync::atomic::{AtomicBool, Ordering};

use edgetl::backbone::{Options, Provider, ProviderChoice};
use edgetl::device::{CollectEvent, CompareRequest, Device as Library, Observer, Settings};
use edgetl::store::StateDir;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::common::{Device, backbone};

/// A device with drawings seen by the backbone in the box, and a network of random weights beside it.
fn with_two() -> Device {
    let device = Device::new();
    device.draw("photos", 10, 0);
    device.json(&["collect", "photos"]);
    device.json(&["backbone", "import", backbone(), "--name", "random", "--preset", "inception"]);
    device
}

fn compare(device: &Device, flags: &[&str]) -> Value {
    device.json(&[&["backbone", "compare"], flags].concat()).remove(0)
}

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["backbones"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn backbones_are_compared_on_the_same_pictures_and_what_was_extracted_is_kept() {
    let device = with_two();
    let report = compare(&device, &[]);
    let (tiny, random) = (row(&report, "edgetl-tiny"), row(&report, "random"));
    assert_eq!((&tiny["extracted"], &random["extracted"], &report["asked"]), (&0.into(), &60.into(), &60.into()));
    assert_eq!(report["recommended"], "edgetl-tiny");
    assert!(random["difference"].as_f64().unwrap() < -0.1 && random["clear"] == true, "{random}");
    assert!(random["seconds_a_picture"].as_f64().unwrap() > 0.0);
    let (low, high) = (tiny["low"].as_f64().unwrap(), tiny["high"].as_f64().unwrap());
    assert!((low..=high).contains(&tiny["accuracy"].as_f64().unwrap()), "{tiny}");
    // The number is what `fit-head` says.
    let fitted = device.json(&["fit-head", "--dry-run"]).remove(0);
    let gap = fitted["cv"]["accuracy"].as_f64().unwrap() - tiny["accuracy"].as_f64().unwrap();
    assert!(gap.abs() < 1e-6 && fitted["head"] == tiny["head"], "{fitted}");
    let again = compare(&device, &[]);
    assert_eq!(row(&again, "random")["extracted"], 0);
    assert_eq!(row(&again, "random")["accuracy"], random["accuracy"]);
    device.json(&["backbone", "use", "random"]);
    std::fs::remove_dir_all(device.path("photos")).unwrap();
    assert_eq!(device.json(&["fit-head"])[0]["samples"], 60, "nothing has to be collected");
    // As a store of an older program has it.
    let sql = rusqlite::Connection::open(device.state().join("samples.db")).unwrap();
    sql.execute("DELETE FROM thumbnails", []).unwrap();
    let last = compare(&device, &["random"]);
    assert_eq!((&last["asked"], last["unread"].as_array().map(Vec::len)), (&60.into(), Some(0)));
}

#[test]
fn the_time_that_a_picture_may_take_decides_and_is_read_as_people_write_it() {
    let device = with_two();
    assert_eq!(compare(&device, &["--within", "10s"])["recommended"], "edgetl-tiny");
    let none = compare(&device, &["--within", "0.001ms"]);
    assert_eq!((&none["recommended"], &none["within"]), (&Value::Null, &1e-6.into()));
    let said = device.edgetl(&["backbone", "compare", "--within", "1us"]).assert().success();
    said.stdout(contains("none takes at most 1µs a picture; the quickest, "));
    let wrong = device.edgetl(&["backbone", "compare", "--within", "soon"]).assert().code(2);
    wrong.stderr(contains("expected a time, as 50ms or 0.2s, got `soon`"));
}

#[test]
fn one_backbone_is_measured_too_and_where_others_come_from_is_said() {
    let device = with_two();
    let alone = device.edgetl(&["backbone", "compare", "edgetl-tiny"]).assert().success();
    alone.stdout(contains("edgetl backbone fetch --list").and(contains("random").not()));
    let missing = device.edgetl(&["backbone", "compare", "nobody"]).assert().code(1);
    missing.stderr(contains("got `nobody`").and(contains("hint:")));
    let empty = Device::new();
    empty.edgetl(&["backbone", "compare"]).assert().code(1).stderr(contains("edgetl collect FOLDER"));
}

#[test]
fn files_that_are_gone_or_others_now_take_no_part_and_are_counted() {
    let device = with_two();
    let (gone, changed) = (device.path("photos/star/000.png"), device.path("photos/circle/000.png"));
    std::fs::remove_file(&gone).unwrap();
    std::fs::copy(device.path("photos/star/001.png"), &changed).unwrap();
    let report = compare(&device, &[]);
    let unread: Vec<&str> = report["unread"].as_array().unwrap().iter().map(|u| u["path"].as_str().unwrap()).collect();
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert!([&gone, &changed].iter().all(|path| unread.contains(&path.to_str().unwrap())), "{unread:?}");
    assert_eq!((&report["asked"], &row(&report, "random")["extracted"]), (&58.into(), &58.into()));
    assert_eq!(device.dataset(None).len(), 60, "no picture became another sample");
    std::fs::remove_dir_all(device.path("photos")).unwrap();
    device.json(&["backbone", "import", backbone(), "--name", "late", "--preset", "raw"]);
    let report = compare(&device, &[]);
    let late = row(&report, "late");
    assert_eq!((&late["accuracy"], &late["seconds_a_picture"]), (&Value::Null, &Value::Null));
    assert_eq!(late["reason"], "too few of the stored pictures could be read again");
    assert_eq!(report["asked"], 58, "the others are compared all the same");
}

#[test]
fn a_backbone_that_is_damaged_does_not_keep_the_others_from_being_compared() {
    let device = with_two();
    std::fs::write(device.state().join("backbones/random/backbone.onnx"), b"garbage").unwrap();
    let report = compare(&device, &[]);
    assert!(row(&report, "random")["reason"].as_str().unwrap().contains("backbone.onnx"), "{report}");
    assert_eq!(report["recommended"], "edgetl-tiny");
}

/// Stops the work after so many pictures.
struct StopAfter<'a>(usize, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn tell(&mut self, event: &CollectEvent<'_>) -> std::io::Result<()> {
        self.0 -= usize::from(matches!(event, CollectEvent::Stored { .. }) && self.0 > 0);
        self.1.store(self.0 == 0, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn an_interrupted_comparison_keeps_what_it_extracted_and_goes_on_later() {
    let device = with_two();
    // More than fit into one transaction.
    device.draw("more", 30, 500);
    device.json(&["collect", "more"]);
    let engine = Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() };
    let library = Library::new(StateDir::new(device.state()), Settings { engine, ..Settings::default() });
    let stop = AtomicBool::new(false);
    let request = CompareRequest { stop: Some(&stop), ..CompareRequest::default() };
    let report = library.compare(&request, &mut StopAfter(1, &stop)).unwrap();
    assert!(report.interrupted && report.recommended.is_none());
    let stored = report.extracted();
    assert!(stored > 0 && stored < 240, "{stored}");
    let again = compare(&device, &[]);
    assert_eq!(row(&again, "random")["extracted"], 240 - stored);
}

#[test]
fn advice_leads_to_a_comparison_where_a_kept_backbone_was_not_tried() {
    let device = with_two();
    let commands = |device: &Device| device.json(&["advise"])[0]["commands"].clone();
    let asked = |commands: &Value| commands.as_array().unwrap().iter().any(|text| text == "edgetl backbone compare");
    assert!(asked(&commands(&device)));
    let said = device.edgetl(&["advise"]).assert().success();
    said.stdout(contains("Kept, and not tried on these pictures yet: random; `edgetl backbone compare` tries them."));
    compare(&device, &[]);
    device.json(&["backbone", "use", "random"]);
    assert!(!asked(&commands(&device)), "all of them are known by now");
}
