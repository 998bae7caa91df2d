//! The main job, as a user does it: collect, fit-head, predict, eval, and what goes wrong on the way.

use crate::common::{Device, backbone};
use predicates::prelude::*;
use predicates::str::contains;

fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("expected a number, got {value}"))
}

#[test]
fn a_device_learns_shapes_and_names_them() {
    let device = Device::new();
    device.draw("photos", 25, 0);
    device.draw("test", 8, 25);
    let collected = &device.json(&["collect", "photos"])[0];
    assert_eq!((number(&collected["seen"]), number(&collected["stored"])), (150, 150));
    assert_eq!(collected["backbone"], "edgetl-tiny", "the one in the box");
    assert_eq!(collected["labels"]["star"], 25);
    assert_eq!(collected["provider"], "tract");
    assert_eq!(collected["fingerprint"].as_str().unwrap().len(), 64);

    let fitted = &device.json(&["fit-head"])[0];
    assert_eq!((number(&fitted["version"]), number(&fitted["samples"])), (1, 150));
    assert_eq!(fitted["classes"].as_array().unwrap().len(), 6);
    for key in ["accuracy", "macro_f1", "nll", "ece"] {
        assert!(fitted["cv"][key].is_number(), "{key} of {fitted}");
    }
    assert!(std::path::Path::new(fitted["path"].as_str().unwrap()).is_file());

    let predicted = &device.json(&["predict", "test/star/000.png", "test/ring/001.png"]);
    assert_eq!(predicted.len(), 2);
    assert!(predicted[1]["path"].as_str().unwrap().ends_with("ring/001.png"), "answers come in the order asked");
    for answer in predicted {
        assert_eq!(answer["top"][0]["label"], answer["label"]);
        assert!(answer["unknown"].is_boolean());
        assert_eq!((answer["head_version"].as_u64(), answer["provider"].as_str()), (Some(1), Some("tract")));
        let sum: f64 = answer["top"].as_array().unwrap().iter().map(|top| top["score"].as_f64().unwrap()).sum();
        assert!(sum <= 1.0 + 1e-5);
    }

    let evaluated = &device.json(&["eval", "test"])[0];
    assert_eq!(number(&evaluated["samples"]), 48);
    assert!(evaluated["accuracy"].as_f64().unwrap() > 0.35, "twice what chance gives: {evaluated}");
    assert_eq!(evaluated["confusion"].as_array().unwrap().len(), 6);
}

#[test]
fn collecting_twice_stores_once_and_the_head_is_the_same_bytes() {
    let device = Device::taught();
    let again = &device.json(&["collect", "photos"])[0];
    assert_eq!((number(&again["stored"]), number(&again["duplicates"])), (0, 48));
    device.json(&["fit-head"]);
    let head = |version| std::fs::read(device.state().join(format!("heads/{version:06}.safetensors"))).unwrap();
    assert_eq!(head(1), head(2));
}

#[test]
fn the_order_and_the_number_of_threads_change_no_head() {
    let bytes = |threads: &str| {
        let device = Device::new();
        device.draw("photos", 6, 0);
        device.json(&["collect", "photos", "--backbone", backbone(), "--threads", threads]);
        device.json(&["fit-head"]);
        std::fs::read(device.state().join("heads/000001.safetensors")).unwrap()
    };
    assert_eq!(bytes("1"), bytes("4"));
}

#[test]
fn unreadable_files_are_named_with_the_reason_and_the_rest_is_stored() {
    let device = Device::new();
    let photos = device.draw("photos", 2, 0);
    let star = std::fs::read(photos.join("star/000.png")).unwrap();
    std::fs::write(photos.join("star/empty.jpg"), b"").unwrap();
    std::fs::write(photos.join("star/text.png"), b"not a picture").unwrap();
    std::fs::write(photos.join("star/cut.png"), &star[..star.len() / 2]).unwrap();
    let collected = &device.json(&["collect", "photos", "--backbone", backbone()])[0];
    assert_eq!(number(&collected["stored"]), 12);
    let failed = collected["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 3);
    for failure in failed {
        assert!(failure["reason"].as_str().unwrap().len() > 10, "{failure}");
    }
}

#[test]
fn a_picture_that_cannot_be_read_is_an_error_line_and_the_exit_code_says_so() {
    let device = Device::taught();
    std::fs::write(device.path("broken.jpg"), b"\xff\xd8\xff\xe0 broken").unwrap();
    let arguments = ["predict", "broken.jpg", "missing.jpg", "photos/star/000.png", "--json", "--provider", "tract"];
    let output = device.edgetl(&arguments).assert().code(1).get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["error"].is_string() && lines[1]["error"].is_string());
    assert!(lines[2]["label"].is_string());
}

#[test]
fn every_step_says_which_one_comes_before_it() {
    let device = Device::new();
    device.edgetl(&["fit-head"]).assert().code(1).stderr(contains("hint: collect pictures first"));
    device.edgetl(&["predict", "x.jpg"]).assert().code(1).stderr(contains("hint: fit one first"));
    device.edgetl(&["eval", "x"]).assert().code(1).stderr(contains("hint: fit one first"));
    device.edgetl(&["samples", "list"]).assert().code(1).stderr(contains("hint:"));
    device.edgetl(&["collect"]).assert().code(1).stderr(contains("no folder `data`"));
    device.edgetl(&["collect", "nowhere"]).assert().code(1).stderr(contains("`nowhere`").and(contains("hint:")));
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    let device = Device::taught();
    device.edgetl(&["frobnicate"]).assert().code(2);
    device.edgetl(&["fit-head", "--folds", "1"]).assert().code(2);
    device.edgetl(&["samples", "remove"]).assert().code(2).stderr(contains("expected a choice of samples"));
}

#[test]
fn loose_pictures_need_a_label() {
    let device = Device::new();
    let photos = device.draw("photos", 1, 0);
    let star = photos.join("star");
    let star = star.to_str().unwrap();
    device.edgetl(&["collect", star, "--backbone", backbone()]).assert().code(1).stderr(contains("--label LABEL"));
    let collected = &device.json(&["collect", star, "--label", "my star", "--backbone", backbone()])[0];
    assert_eq!(collected["labels"]["my star"], 1);
}

#[test]
fn one_picture_under_two_labels_keeps_the_first_and_says_so() {
    let device = Device::new();
    let photos = device.draw("photos", 1, 0);
    std::fs::create_dir(photos.join("a-copy")).unwrap();
    std::fs::copy(photos.join("star/000.png"), photos.join("a-copy/x.png")).unwrap();
    let collected = &device.json(&["collect", "photos", "--backbone", backbone()])[0];
    assert_eq!((number(&collected["stored"]), number(&collected["duplicates"])), (6, 1));
    assert_eq!(collected["conflicts"][0]["kept"], "a-copy");
    assert_eq!(collected["conflicts"][0]["offered"], "star");
}

#[test]
fn samples_are_relabelled_renamed_and_removed() {
    let device = Device::taught();
    assert_eq!(device.json(&["samples", "rename", "star", "cross"])[0]["changed"], 8);
    assert_eq!(device.json(&["samples", "list", "--count"])[0]["cross"], 16);
    let ring = &device.json(&["samples", "list", "--label", "ring"])[0];
    let id = ring["id"].to_string();
    assert_eq!(device.json(&["samples", "relabel", "circle", "--id", &id])[0]["changed"], 1);
    assert_eq!(device.json(&["samples", "remove", "--label", "cross"])[0]["removed"], 16);
    let fitted = &device.json(&["fit-head"])[0];
    assert_eq!((number(&fitted["version"]), number(&fitted["samples"])), (2, 32));
    device.edgetl(&["samples", "rename", "nothing", "x"]).assert().code(1).stderr(contains("`nothing`"));
}

#[test]
fn an_older_head_comes_back() {
    let device = Device::taught();
    device.json(&["samples", "remove", "--label", "star"]);
    device.json(&["fit-head"]);
    let answer = |version: u64| {
        let answer = &device.json(&["predict", "photos/star/000.png"])[0];
        assert_eq!(answer["head_version"], version);
    };
    answer(2);
    assert_eq!(device.json(&["heads", "rollback"])[0]["version"], 1);
    answer(1);
    let listed = &device.json(&["heads", "list"])[0];
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!((&listed[0]["current"], &listed[1]["current"]), (&true.into(), &false.into()));
    assert_eq!(listed[0]["samples"], 48);
    device.edgetl(&["heads", "rollback"]).assert().code(1).stderr(contains("hint:"));
    assert_eq!(device.json(&["heads", "rollback", "--to", "2"])[0]["version"], 2);
    assert_eq!(device.json(&["heads", "show"])[0]["samples"], 40);
}

#[test]
fn a_damaged_head_is_refused_and_the_one_before_it_still_works() {
    let device = Device::taught();
    device.json(&["fit-head"]);
    let head = device.state().join("heads/000002.safetensors");
    let bytes = std::fs::read(&head).unwrap();
    std::fs::write(&head, &bytes[..bytes.len() / 2]).unwrap();
    device.edgetl(&["predict", "photos/star/000.png"]).assert().code(1).stderr(contains("rollback"));
    device.json(&["heads", "rollback"]);
    assert!(device.json(&["predict", "photos/star/000.png"])[0]["label"].is_string());
}

#[test]
fn a_file_that_is_no_network_is_named_and_nothing_is_stored() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    std::fs::write(device.path("net.onnx"), b"no network").unwrap();
    let collect = ["collect", "photos", "--backbone", "net.onnx"];
    device.edgetl(&collect).assert().code(1).stderr(contains("`net.onnx`").and(contains("hint:")));
    device.edgetl(&["collect", "photos", "--backbone", "nothing"]).assert().code(1).stderr(contains("`nothing`"));
    assert!(!device.state().exists());
}

#[test]
fn two_backbones_live_side_by_side_and_each_head_finds_its_own() {
    let device = Device::taught();
    let smaller = ["collect", "photos", "--backbone", backbone(), "--size", "48"];
    assert_eq!(number(&device.json(&smaller)[0]["stored"]), 48);
    let fitted = &device.json(&["fit-head"])[0];
    assert_eq!(number(&fitted["samples"]), 48);
    device.json(&["predict", "photos/star/000.png"]);
    let old = &device.json(&["predict", "photos/star/000.png", "--head-version", "1"])[0];
    assert_eq!(old["head_version"], 1);
}

#[test]
fn an_engine_that_is_not_there_is_named_and_never_replaced() {
    let device = Device::taught();
    let missing =
        ["predict", "photos/star/000.png", "--provider", "cpu", "--onnxruntime", "/nowhere/libonnxruntime.so"];
    device.edgetl(&missing).assert().code(1).stderr(contains("/nowhere/libonnxruntime.so").and(contains("hint:")));
    let auto = ["predict", "photos/star/000.png", "--onnxruntime", "/nowhere/libonnxruntime.so", "--json"];
    device.edgetl(&auto).assert().code(0).stdout(contains("\"provider\":\"tract\"")).stderr(contains("/nowhere/"));
}

#[test]
fn the_demo_runs_with_nothing_around_it() {
    let device = Device::new();
    let report = &device.json(&["demo"])[0];
    assert_eq!(report["provider"], "tract");
    let (features, pixels) = (report["accuracy"].as_f64().unwrap(), report["pixel_accuracy"].as_f64().unwrap());
    assert!(features > pixels + 0.2, "features {features}, pixels {pixels}");
    let shown = device.edgetl(&["demo", "--provider", "tract", "--keep", "kept"]).assert().code(0).stderr("");
    let said = String::from_utf8(shown.get_output().stdout.clone()).unwrap();
    let commands = ["predict", "edgetl collect FOLDER && edgetl fit-head", "edgetl backbone fetch --list"];
    assert!(commands.iter().all(|command| said.contains(command)), "{said}");
    let longest = said.lines().filter(|line| !line.contains("predict")).map(|line| line.chars().count()).max();
    assert!(longest.unwrap() < 80, "{said}");
    let asked = said.lines().find_map(|line| line.trim().strip_prefix("edgetl --state ")).unwrap();
    let words: Vec<&str> = asked.split(' ').collect();
    device.edgetl(&["--state", words[0], "predict", words[2]]).assert().code(0).stdout(contains("star"));
}

#[test]
fn ready_made_state_cannot_be_mistaken() {
    let device = Device::new();
    std::fs::write(device.path("state"), b"a file where a folder belongs").unwrap();
    device.draw("photos", 1, 0);
    let collect = ["collect", "photos", "--backbone", backbone()];
    device.edgetl(&collect).assert().code(1).stderr(contains("state").and(contains("hint:")));
}
