//! `backbone fetch` against a hub on loopback; nothing here needs a network.

mod brought;
mod faults;
pub mod hub;
#[cfg(unix)]
mod killed;
mod refusals;

use assert_cmd::Command;
use hub::Hub;
use serde_json::{Value, json};

use crate::common::Device;

/// edgetl-tiny, 2.2 MB, as a foreign network.
pub fn network() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/edgetl-tiny/backbone.onnx")).unwrap()
}

/// What its repository says of its pixels: those of the package in the program.
pub fn settings() -> Value {
    json!({ "image_processor_type": "MobileNetV1ImageProcessor", "size": { "shortest_edge": 146 },
            "crop_size": { "height": 128, "width": 128 }, "do_center_crop": true, "resample": 2,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5] })
}

/// A hub with the repository `tiny/net`.
pub fn hub() -> Hub {
    let card = json!({ "license": "apache-2.0" });
    Hub::new()
        .with("tiny/net", "onnx/model.onnx", network())
        .with("tiny/net", "preprocessor_config.json", settings().to_string())
        .with("tiny/net", "README.md", "# a network")
        .card("tiny/net", card)
}

/// `edgetl backbone fetch` with what is typed behind it, against `hub`.
fn fetch(device: &Device, hub: &Hub, arguments: &[&str]) -> Command {
    let all: Vec<&str> = ["backbone", "fetch"].iter().chain(arguments).copied().collect();
    let mut command = device.edgetl(&all);
    command.env("HF_ENDPOINT", &hub.address).env("HF_HUB_DOWNLOAD_TIMEOUT", "1").env("EDGETL_PROVIDER", "tract");
    command.timeout(std::time::Duration::from_secs(120));
    command
}

pub fn fetched(device: &Device, hub: &Hub, arguments: &[&str]) -> Value {
    let output = fetch(device, hub, arguments).arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}; stderr: {stderr}"))
}

/// stderr of a fetch that fails with exit code 1.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    stderr
}

/// The files below the folder for what is fetched.
fn left(device: &Device) -> Vec<String> {
    let files = walkdir::WalkDir::new(device.state().join("fetch")).into_iter().filter_map(Result::ok);
    let names =
        files.filter(|entry| entry.file_type().is_file()).map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name != ".lock").collect()
}
