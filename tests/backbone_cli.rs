//! `edgetl backbone` and `edgetl heads export`, as users type them.

mod common;

use common::{Device, backbone};

fn gap() -> String {
    backbone().to_owned()
}

#[test]
fn an_imported_backbone_is_listed_used_inspected_and_removed() {
    let device = Device::new();
    let first = &device.json(&["backbone", "import", &gap(), "--preset", "inception", "--name", "one"])[0];
    assert_eq!((first["dim"].as_u64(), first["feature"].as_str()), (Some(6), Some("map")));
    assert_eq!((first["guessed"].as_bool(), first["classes"].as_u64()), (Some(false), Some(10)));
    for file in ["manifest.toml", "backbone.onnx", "golden.safetensors", "classifier.safetensors"] {
        assert!(device.state().join("backbones/one").join(file).is_file(), "{file}");
    }
    device.json(&["backbone", "import", &gap(), "--preset", "raw", "--name", "two"]);
    device.json(&["backbone", "use", "two"]);
    let list = device.json(&["backbone", "list"])[0].clone();
    let used: Vec<_> = list.as_array().unwrap().iter().map(|row| (row["name"].clone(), row["use"].clone())).collect();
    assert_eq!(used, [("one".into(), false.into()), ("two".into(), true.into())]);
    for what in [gap(), "one".to_owned(), device.state().join("backbones/one").display().to_string()] {
        let inspection = &device.json(&["backbone", "inspect", &what])[0];
        assert_eq!(inspection["feature"]["output"], "map", "{what}");
        assert_eq!(inspection["backbone"]["parameters"], 142, "{what}");
    }
    device.edgetl(&["backbone", "remove", "two"]).assert().failure().code(1);
    device.json(&["backbone", "remove", "one"]);
    assert!(!device.state().join("backbones/one").exists());
}

#[test]
fn a_file_that_is_no_network_is_one_error_with_a_hint() {
    let device = Device::new();
    let path = device.path("net.onnx");
    std::fs::write(&path, b"not a network").unwrap();
    let output = device.edgetl(&["backbone", "import", "net.onnx"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("error: ") && stderr.contains("hint: "), "{stderr}");
    assert!(!device.state().join("backbones/net").exists());
}

#[test]
fn an_exported_head_is_an_onnx_file_that_can_be_imported() {
    let device = Device::taught();
    let exported = &device.json(&["heads", "export", "--onnx", "whole.onnx"])[0];
    let classes = exported["classes"].as_array().unwrap().len();
    let import = &device.json(&["backbone", "import", "whole.onnx", "--out", "package"])[0];
    assert_eq!((import["dim"].as_u64(), import["classes"].as_u64()), (Some(6), Some(classes as u64)));
    assert_eq!((import["guessed"].as_bool(), import["preprocess"]["range"].as_f64()), (Some(false), Some(255.0)));
}
