//! A program for another processor beside this one: the same features, and each reads what the other wrote.
//!
//! `tools/cross/test` builds that program and says in `EDGETL_FOREIGN` how it is started: an emulator with its flags, then
//! the program. `EDGETL_FOREIGN_ONNXRUNTIME` names an ONNX Runtime library for it. Without the former nothing is tested.

use std::path::{Path, PathBuf};

use crate::common::{Device, backbone};
use edgetl::dataset::Dataset;
use edgetl::store::{Selection, Store};
use serde_json::Value;

/// The most that features and scores may differ, relative to the largest.
const TOLERANCE: f32 = 1e-4;

/// The program for another processor, as words to start it with.
struct Foreign {
    words: Vec<String>,
}

impl Foreign {
    fn named() -> Self {
        let command = std::env::var("EDGETL_FOREIGN").expect("named");
        Self { words: command.split_whitespace().map(str::to_owned).collect() }
    }

    /// What it prints with `--json` on `device`, one value a line; on one thread, which is what an emulator is best at.
    fn json(&self, device: &Device, arguments: &[&str]) -> Vec<Value> {
        let mut command = std::process::Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(arguments).arg("--json").env_clear().current_dir(device.path(""));
        command.env("EDGETL_STATE", device.state()).env("EDGETL_THREADS", "1");
        if !arguments.contains(&"--provider") {
            command.env("EDGETL_PROVIDER", "tract");
        }
        let output = command.output().unwrap_or_else(|error| panic!("{:?}: {error}", self.words));
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {}; stdout: {stdout}; stderr: {stderr}", output.status);
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A device with `per_class` drawings of every shape and one photograph in `photos`.
fn device(per_class: usize) -> Device {
    let device = Device::new();
    let photos = device.draw("photos", per_class, 0);
    let jpeg = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/preprocess/420.jpg");
    std::fs::copy(jpeg, photos.join("star/photograph.jpg")).unwrap();
    device
}

fn dataset(device: &Device) -> Dataset {
    let store = Store::open_existing(&device.state().join("samples.db")).unwrap();
    store.check_integrity().unwrap();
    let fingerprint = store.fingerprints().unwrap()[0].fingerprint;
    store.dataset(&fingerprint, &Selection::default()).unwrap()
}

/// The largest difference of a feature, relative to the largest feature.
fn difference(one: &Dataset, other: &Dataset) -> f32 {
    assert_eq!(
        (one.fingerprint(), one.labels(), one.targets()),
        (other.fingerprint(), other.labels(), other.targets())
    );
    let scale = one.features().iter().fold(f32::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
    let pairs = one.features().iter().zip(other.features());
    pairs.fold(0.0, |worst: f32, (one, other)| worst.max((one - other).abs())) / scale
}

/// Holds that two runs of `predict` gave the same answers, and gives the largest difference of a score.
fn same_answers(one: &[Value], other: &[Value]) -> f64 {
    assert_eq!(one.len(), other.len());
    let scores = |line: &Value| -> std::collections::BTreeMap<String, f64> {
        let ranked = line["top"].as_array().unwrap();
        ranked.iter().map(|top| (top["label"].as_str().unwrap().to_owned(), top["score"].as_f64().unwrap())).collect()
    };
    one.iter().zip(other).fold(0.0, |worst, (one, other)| {
        assert_eq!((&one["label"], &one["unknown"]), (&other["label"], &other["unknown"]));
        let (one, other) = (scores(one), scores(other));
        assert!(one.keys().eq(other.keys()));
        one.iter().fold(worst, |worst: f64, (label, score)| worst.max((score - other[label]).abs()))
    })
}

#[test]
#[cfg_attr(not(has_foreign_program), ignore = "needs EDGETL_FOREIGN: tools/cross/test")]
fn the_backbone_in_the_box_gives_the_same_features_on_the_other_processor() {
    let foreign = Foreign::named();
    let (here, there) = (device(1), device(1));
    here.json(&["collect", "photos"]);
    let collected = &foreign.json(&there, &["collect", "photos"])[0];
    assert_eq!((&collected["stored"], &collected["provider"]), (&Value::from(7), &Value::from("tract")));
    let difference = difference(&dataset(&here), &dataset(&there));
    println!("features of tract differ by {difference:e}");
    assert!(difference < TOLERANCE);
}

#[test]
#[cfg_attr(not(has_foreign_program), ignore = "needs EDGETL_FOREIGN: tools/cross/test")]
fn every_small_network_gives_the_same_features_on_the_other_processor() {
    let foreign = Foreign::named();
    let folder = Path::new(backbone()).parent().unwrap();
    for name in ["gap", "nhwc", "quantised", "half", "class_token", "window_attention"] {
        let network = folder.join(format!("{name}.onnx"));
        let arguments = ["collect", "photos", "--backbone", network.to_str().unwrap()];
        let (here, there) = (device(1), device(1));
        here.json(&arguments);
        foreign.json(&there, &arguments);
        let difference = difference(&dataset(&here), &dataset(&there));
        println!("features of {name} differ by {difference:e}");
        assert!(difference < TOLERANCE, "{name}");
    }
}

#[test]
#[cfg_attr(not(has_foreign_program), ignore = "needs EDGETL_FOREIGN: tools/cross/test")]
fn the_loop_runs_on_the_other_processor_and_each_reads_what_the_other_wrote() {
    let foreign = Foreign::named();
    let (here, there) = (device(8), device(8));
    let collect = ["collect", "photos", "--backbone", backbone()];
    let predict = ["predict", "photos/star/000.png", "photos/ring/001.png", "photos/star/photograph.jpg", "--top", "6"];
    here.json(&collect);
    here.json(&["fit-head"]);
    foreign.json(&there, &collect);
    let fitted = &foreign.json(&there, &["fit-head"])[0];
    assert_eq!((&fitted["samples"], &fitted["version"]), (&Value::from(49), &Value::from(1)));

    let written_here = same_answers(&here.json(&predict), &foreign.json(&here, &predict));
    let written_there = same_answers(&there.json(&predict), &foreign.json(&there, &predict));
    println!("scores differ by {written_here:e} with a head from here and by {written_there:e} with one from there");
    assert!(written_here.max(written_there) < f64::from(TOLERANCE));

    assert_eq!(foreign.json(&here, &collect)[0]["duplicates"], 49, "the other processor adds to this store");
    assert_eq!(there.json(&collect)[0]["duplicates"], 49, "and this one to the other's");
    assert_eq!(there.json(&["fit-head"])[0]["version"], 2);
    assert_eq!(foreign.json(&here, &["fit-head"])[0]["version"], 2);
}

#[test]
#[cfg_attr(not(has_foreign_onnxruntime), ignore = "needs EDGETL_FOREIGN_ONNXRUNTIME: tools/cross/test")]
fn onnx_runtime_of_the_other_processor_gives_the_same_features() {
    let foreign = Foreign::named();
    let library = PathBuf::from(std::env::var_os("EDGETL_FOREIGN_ONNXRUNTIME").expect("named"));
    let library = library.to_str().unwrap();
    let (here, there) = (device(1), device(1));
    here.json(&["collect", "photos"]);
    let collect = ["collect", "photos", "--provider", "cpu", "--onnxruntime", library];
    assert_eq!(foreign.json(&there, &collect)[0]["provider"], "cpu");
    let difference = difference(&dataset(&here), &dataset(&there));
    println!("features of ONNX Runtime there and tract here differ by {difference:e}");
    assert!(difference < 1e-3, "what the engines may differ by");
}
