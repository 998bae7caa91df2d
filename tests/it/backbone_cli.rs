//! `edgetl backbone` and `edgetl heads export`, as users type them.

use crate::common::{Device, backbone};

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

/// Five drawings and the class that the fixture network names each when its pixels are `-1` to `1`.
fn known_drawings(device: &Device) -> Vec<String> {
    let folder = device.draw("known", 1, 7);
    let pictures: Vec<_> = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path()).collect();
    let pictures = pictures.into_iter().filter(|path| path.is_file());
    let flag = |path: &std::path::Path, class: usize| format!("{}={class}", path.display());
    let named = |path: &std::path::Path, class: usize| {
        let known = ["--known", &flag(path, class), "--out", "scratch"];
        let import = device.json(&[&["backbone", "import", &gap(), "--preset", "inception"][..], &known].concat());
        import[0]["known"]["chosen"]["right"] == 1
    };
    pictures.map(|path| flag(&path, (0..10).find(|&class| named(&path, class)).unwrap())).collect()
}

#[test]
fn known_pictures_settle_how_pixels_are_normalised_where_nothing_says_it() {
    let device = Device::new();
    let known = known_drawings(&device);
    let flags: Vec<&str> = known.iter().flat_map(|known| ["--known", known]).collect();
    let arguments = [&["backbone", "import", backbone(), "--name", "found"][..], &flags].concat();
    let found = device.json(&arguments).remove(0);
    assert_eq!(found["known"]["usual"][0]["right"].as_u64(), Some(known.len() as u64));
    assert_eq!((found["guessed"].as_bool(), found["warnings"].as_array().map(Vec::len)), (Some(false), Some(0)));
    let others: Vec<String> = known.iter().map(|known| format!("{}9", &known[..known.len() - 1])).collect();
    assert!(known.iter().all(|known| !known.ends_with("=9")));
    let flags: Vec<&str> = others.iter().flat_map(|known| ["--known", known]).collect();
    let arguments = [&["backbone", "import", backbone(), "--preset", "raw", "--name", "said"][..], &flags].concat();
    let said = device.json(&arguments).remove(0);
    assert_eq!(said["preprocess"]["mean"][0], 0.0, "what was said stays: {said}");
    assert_eq!(said["warnings"].as_array().unwrap().len(), 1, "{said}");
    let wrong =
        device.edgetl(&["backbone", "import", &gap(), "--known", "known/circle/0.png=unheard-of"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn a_photograph_of_a_hot_dog_tells_that_mobilenet_takes_minus_one_to_one() {
    let shared = crate::common::shared();
    let path = |name: &str| shared.join(name).to_string_lossy().into_owned();
    let known = format!("{}=hotdog", path("data/coral_imprinting/hotdog_test_0.bmp"));
    let (model, labels) = (path("models/mobilenet_v2_1.0_224.onnx"), path("models/imagenet_labels.txt"));
    let device = Device::new();
    let import = &device.json(&["backbone", "import", &model, "--labels", &labels, "--known", &known])[0];
    assert_eq!((import["guessed"].as_bool(), import["preprocess"]["mean"][0].as_f64()), (Some(false), Some(127.5)));
}
