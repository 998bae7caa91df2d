//! An earlier map beside the last, as users meet it: found on import, stored, learned from, exported, and never put under
//! a state that goes without.

use std::path::Path;

use crate::common::Device;
use serde_json::Value;

fn network() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/two_stages.onnx").display().to_string()
}

fn import(device: &Device, flags: &[&str]) -> Value {
    device.json(&[&["backbone", "import", &network(), "--preset", "inception"][..], flags].concat()).remove(0)
}

fn collect(device: &Device, folder: &str, flags: &[&str]) {
    let network = network();
    device.json(&[&["collect", folder, "--backbone", &network, "--preset", "inception"][..], flags].concat());
}

/// How many features each kept backbone gives, and which is in use.
fn kept(device: &Device) -> Vec<(u64, bool)> {
    let list = device.json(&["backbone", "list"]).remove(0);
    let row = |row: &Value| (row["dim"].as_u64().unwrap(), row["use"].as_bool().unwrap());
    list.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn import_and_inspect_say_which_earlier_map_is_taken_and_why() {
    let device = Device::new();
    let both = import(&device, &[]);
    let why =
        "beside it `map`, the map before the last spatial reduction (`Conv` in node `conv3_node`): 6 channels at 6x4";
    assert_eq!((both["dim"].as_u64(), both["earlier"].as_str()), (Some(14), Some(why)));
    assert_eq!((both["taps"][0]["output"].as_str(), both["taps"][0]["dim"].as_u64()), (Some("map"), Some(6)));
    let alone = import(&device, &["--taps", "0", "--name", "alone"]);
    assert_eq!((alone["dim"].as_u64(), alone["taps"].as_array().map(Vec::len)), (Some(8), Some(0)));
    assert_ne!(alone["fingerprint"], both["fingerprint"]);
    let inspected = device.json(&["backbone", "inspect", &network()]).remove(0);
    assert_eq!((inspected["earlier"].as_str(), &inspected["feature"]["taps"]), (Some(why), &both["taps"]));
    let text = device.edgetl(&["backbone", "inspect", "alone"]).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("no earlier map is taken") && text.contains("gives 8 features"), "{text}");
    let one_map = device.json(&["backbone", "import", crate::common::backbone(), "--preset", "raw"]).remove(0);
    assert_eq!(one_map["earlier"].as_str(), Some("no earlier map is taken beside it: none was found that is larger"));
}

#[test]
fn pictures_are_taught_asked_measured_and_exported_with_an_earlier_map() {
    let device = Device::new();
    device.draw("photos", 12, 1);
    collect(&device, "photos", &[]);
    let fitted = device.json(&["fit-head", "--head", "ridge"]).remove(0);
    let maps = &fitted["earlier_maps"];
    assert_eq!((maps["last"].as_u64(), maps["earlier"].as_u64()), (Some(8), Some(6)));
    assert!(maps["gain"].is_f64() && maps["error"].is_f64(), "{maps}");
    assert_eq!(fitted["dim"].as_u64(), Some(if maps["used"] == true { 14 } else { 8 }));
    let text = device.edgetl(&["fit-head", "--head", "ridge", "--dry-run"]).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("of the last map") && text.contains("loss out of fold"), "{text}");
    let folder = device.draw("new", 2, 900);
    let asked = device.json(&["eval", &folder.display().to_string()]).remove(0);
    assert_eq!(asked["samples"].as_u64(), Some(12), "{asked}");
    let doctor = device.json(&["doctor"]).remove(0);
    let tract = doctor["providers"].as_array().unwrap().iter().find(|row| row["provider"] == "tract").unwrap();
    assert!(tract["golden_difference"].as_f64().is_some_and(|difference| difference < 1e-3), "{tract}");
    let exported = device.json(&["heads", "export", "--onnx", "whole.onnx"]).remove(0);
    assert_eq!(exported["classes"].as_array().map(Vec::len), Some(6));
    let decided = device.json(&["heads", "decide", "--threshold", "0.4"]).remove(0);
    assert_eq!(decided["version"].as_u64(), Some(2));
    let advice = device.json(&["advise"]).remove(0);
    assert_eq!((advice["evidence"]["samples"].as_u64(), advice["evidence"]["dim"].as_u64()), (Some(72), Some(8)));
    let findings = device.json(&["samples", "doctor"]).remove(0);
    assert_eq!(findings["samples"].as_u64(), Some(72));
    let removed = device.json(&["samples", "remove", "--id", "1", "--forget"]).remove(0);
    assert!(removed["forgotten"]["head"].is_u64(), "{removed}");
    let shown = device.json(&["heads", "show"]).remove(0);
    assert_eq!((shown["samples"].as_u64(), shown["earlier_maps"]["earlier"].as_u64()), (Some(71), Some(6)));
    assert_eq!(kept(&device), [(14, true)]);
}

#[test]
fn a_state_that_has_the_network_without_an_earlier_map_goes_on_without() {
    let device = Device::new();
    device.draw("photos", 3, 1);
    collect(&device, "photos", &["--taps", "0"]);
    let manifest = || std::fs::read(device.state().join("backbones/two_stages/manifest.toml")).unwrap();
    let before = manifest();
    assert!(String::from_utf8_lossy(&before).starts_with("format = 1"));
    device.draw("more", 3, 50);
    collect(&device, "more", &[]);
    let again = import(&device, &[]);
    assert!(again["earlier"].as_str().is_some_and(|earlier| earlier.contains("--taps 1")), "{again}");
    assert_eq!((kept(&device), manifest()), (vec![(8, true)], before));
    assert!(device.json(&["fit-head"]).remove(0).get("earlier_maps").is_none());
    import(&device, &["--taps", "1", "--use"]);
    assert_eq!(kept(&device).iter().filter(|(dim, used)| *used && *dim == 14).count(), 1);
    collect(&device, "more", &[]);
    assert_eq!(kept(&device).len(), 2, "what is in use stays in use");
    let fingerprints = device.json(&["backbone", "list"]).remove(0);
    assert_ne!(fingerprints[0]["fingerprint"], fingerprints[1]["fingerprint"]);
}

#[test]
fn the_one_in_the_box_is_taken_without_its_earlier_map_where_that_is_asked_for() {
    let device = Device::new();
    device.draw("photos", 2, 1);
    device.json(&["collect", "photos", "--taps", "0"]);
    assert_eq!(kept(&device), [(512, true)]);
    device.json(&["collect", "photos"]);
    assert_eq!(kept(&device), [(512, true)]);
}
