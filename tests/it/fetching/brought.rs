//! What comes of a fetch that succeeds.

use std::fs;

use serde_json::json;

use super::hub::{COMMIT, Faults};
use super::{fetch, fetched, hub, left, network};
use crate::common::Device;

#[test]
fn one_command_brings_a_network_with_its_pixels_its_licence_and_its_commit_and_takes_it_into_use() {
    let (device, hub) = (Device::new(), hub());
    let value = fetched(&device, &hub, &["hf:tiny/net"]);
    assert_eq!((value["backbone"].as_str(), value["use"].as_bool()), (Some("net"), Some(true)));
    assert_eq!(value["licence"], "apache-2.0");
    assert_eq!(value["from"], format!("{}/tiny/net/resolve/{COMMIT}/onnx/model.onnx", hub.address));
    assert!(value["checked"].as_str().unwrap().contains("the hub lists"), "{value}");
    assert!(value["preprocess_from"].as_str().unwrap().ends_with("preprocessor_config.json"), "{value}");
    let pixels = &value["preprocess"];
    assert_eq!((pixels["width"].as_u64(), pixels["shortest_side"].as_u64()), (Some(128), Some(146)));
    assert_eq!((pixels["mean"][0].as_f64(), pixels["range"].as_f64()), (Some(0.5), Some(1.0)));
    assert_eq!((value["guessed"].as_bool(), value["warnings"].as_array().unwrap().len()), (Some(false), 0));
    assert_eq!(left(&device), [""; 0]);
    let listed = &device.json(&["backbone", "list"])[0][0];
    assert_eq!(listed["licence"], "apache-2.0");
    assert!(listed["source"].as_str().unwrap().contains(COMMIT), "{listed}");
    // The next command is the main job.
    device.draw("photos", 6, 0);
    device.json(&["collect", "photos"]);
    assert!(
        device.json(&["fit-head"])[0]["cross_validation"].is_object() || !device.json(&["heads", "list"])[0].is_null()
    );
}

#[test]
fn two_commands_lead_from_nothing_to_a_head_on_a_fetched_network() {
    let (device, hub) = (Device::new(), hub());
    device.draw("photos", 6, 0);
    let mut collect = device.edgetl(&["collect", "photos", "--backbone", "hf:tiny/net", "--json"]);
    let output = collect.env("HF_ENDPOINT", &hub.address).env("EDGETL_PROVIDER", "tract").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    device.json(&["fit-head"]);
    let listed = &device.json(&["heads", "list"])[0];
    assert_eq!(listed[0]["backbone"], "net", "{listed}");
    assert_eq!(device.json(&["backbone", "list"])[0][0]["licence"], "apache-2.0");
    assert_eq!(left(&device), [""; 0]);
}

#[test]
fn the_token_goes_to_the_hub_and_never_to_where_the_content_lies() {
    let (device, hub) = (Device::new(), hub().gated("tiny/net"));
    let output = fetch(&device, &hub, &["hf:tiny/net"]).env("HF_TOKEN", "good").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (content, others): (Vec<_>, Vec<_>) =
        hub.log().into_iter().partition(|request| request.path.starts_with("/content/"));
    assert!(!content.is_empty() && content.iter().all(|request| request.token.is_none()), "{content:?}");
    assert!(others.iter().all(|request| request.token.as_deref() == Some("Bearer good")), "{others:?}");
    assert!(hub.log().iter().all(|request| request.encodings == "identity"), "a compressed part cannot be continued");
}

#[test]
fn a_renamed_repository_a_revision_and_a_named_file_are_followed() {
    let hub = hub().renamed("old/net", "tiny/net");
    hub.add("tiny/net", "other.onnx", network());
    for (typed, file) in [
        ("hf:old/net", "onnx/model.onnx"),
        ("hf:tiny/net@refs/pr/1:other.onnx", "other.onnx"),
        (&format!("hf:tiny/net@{COMMIT}"), "onnx/model.onnx"),
    ] {
        let value = fetched(&Device::new(), &hub, &[typed]);
        assert!(value["from"].as_str().unwrap().ends_with(&format!("{COMMIT}/{file}")), "{typed}: {value}");
    }
}

#[test]
fn a_network_of_any_address_is_fetched_where_its_sha256_is_given() {
    let (device, hub) = (Device::new(), hub().plain("/files/net.onnx", network()));
    let address = format!("{}/files/net.onnx?key=secret", hub.address);
    let digest = edgetl::digest::Digest::of(&network()).to_string();
    let value = fetched(&device, &hub, &[&address, "--sha256", &digest, "--preset", "inception", "--name", "mine"]);
    assert_eq!(value["backbone"], "mine");
    assert!(value["checked"].as_str().unwrap().contains("the one given"));
    assert!(!value["from"].as_str().unwrap().contains("secret"), "{value}");
    assert!(value["licence"].is_null());
}

#[test]
fn the_licence_of_a_conversion_is_that_of_what_it_was_made_of() {
    let hub = hub()
        .with("some/conversion", "model.onnx", network())
        .card("some/conversion", json!({ "base_model": ["tiny/net"] }));
    let value = fetched(&Device::new(), &hub, &["hf:some/conversion", "--preset", "inception"]);
    assert_eq!(value["licence"], "apache-2.0 (of tiny/net)");
}

#[test]
fn the_hubs_own_cache_is_used_and_is_enough_without_a_network() {
    let (device, hub) = (Device::new(), hub());
    let snapshot = device.path(&format!("cache/models--tiny--net/snapshots/{COMMIT}"));
    fs::create_dir_all(snapshot.join("onnx")).unwrap();
    fs::create_dir_all(device.path("cache/models--tiny--net/refs")).unwrap();
    fs::write(device.path("cache/models--tiny--net/refs/main"), COMMIT).unwrap();
    fs::write(snapshot.join("onnx/model.onnx"), network()).unwrap();
    let cache = device.path("cache");
    let run = |offline: &str| {
        let other = Device::new();
        let mut command = fetch(&other, &hub, &["hf:tiny/net", "--preset", "inception", "--json"]);
        let output = command.env("HF_HUB_CACHE", &cache).env("HF_HUB_OFFLINE", offline).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("1");
    assert!(hub.log().is_empty(), "HF_HUB_OFFLINE asks nobody");
    run("0");
    assert!(hub.log().iter().all(|request| !request.path.starts_with("/content/")), "it is there already");
}

#[test]
fn a_machine_without_a_network_gets_addresses_and_imports_what_was_brought_with_its_settings() {
    let (device, hub) = (Device::new(), hub());
    let value = fetched(&device, &hub, &["hf:tiny/net:onnx/model.onnx", "--print-url"]);
    assert!(hub.log().is_empty(), "a named file needs no question");
    let addresses = value["addresses"].as_array().unwrap();
    assert!(addresses[0].as_str().unwrap().ends_with("/tiny/net/resolve/main/onnx/model.onnx"), "{value}");
    assert!(addresses[2].as_str().unwrap().ends_with("/preprocessor_config.json"), "{value}");
    let catalogue = fetched(&device, &hub, &["mobilenet-v2", "--print-url"]);
    assert_eq!(catalogue["sha256"].as_str().unwrap().len(), 64);
    let folder = device.path("brought/onnx");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("model.onnx"), network()).unwrap();
    fs::write(device.path("brought/preprocessor_config.json"), super::settings().to_string()).unwrap();
    let imported = device.json(&["backbone", "import", "brought/onnx/model.onnx"]);
    let online = fetched(&Device::new(), &hub, &["hf:tiny/net"]);
    assert_eq!(imported[0]["fingerprint"], online["fingerprint"], "the same features either way");
}

#[test]
fn what_an_import_refuses_need_not_be_fetched_again() {
    let (device, hub) = (Device::new(), hub());
    let output = fetch(&device, &hub, &["hf:tiny/net", "--feature", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    hub.set(Faults { expired: 100, ..Faults::default() });
    let value = fetched(&device, &hub, &["hf:tiny/net"]);
    assert_eq!(value["use"], true);
    assert_eq!(left(&device), [""; 0]);
}

#[test]
fn the_catalogue_is_shown() {
    let device = Device::new();
    let list = &device.json(&["backbone", "fetch", "--list"])[0];
    assert!(list.as_array().unwrap().iter().any(|entry| entry["name"] == "mobilenet-v2"));
    let text = device.edgetl(&["backbone", "fetch", "--list"]).env("COLUMNS", "80").output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
