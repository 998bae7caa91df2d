//! Real backbones on real photographs, on both engines; needs `../shared`.

mod photograph_heads;

use std::path::Path;

use crate::common::{Device, onnxruntime, shared};
use edgetl::store::{Selection, Store};
use ndarray::Array2;
use serde_json::Value;

struct Case {
    backbone: &'static str,
    size: &'static str,
    resize: &'static str,
    train: &'static str,
    test: &'static str,
    accuracy: f64,
}

const MOBILENET_V2_ANTS: Case = Case {
    backbone: "mobilenet_v2_1.0_224.onnx",
    size: "224",
    resize: "256",
    train: "hymenoptera/train",
    test: "hymenoptera/val",
    accuracy: 0.955,
};
const MOBILENET_V2_FLOWERS: Case =
    Case { train: "flowers12/train", test: "flowers12/test", accuracy: 0.954, ..MOBILENET_V2_ANTS };
const MOBILENET_V1_ANTS: Case =
    Case { backbone: "mobilenet_v1_0.25_128.onnx", size: "128", resize: "146", accuracy: 0.84, ..MOBILENET_V2_ANTS };
const MOBILENET_V1_FLOWERS: Case =
    Case { train: "flowers12/train", test: "flowers12/test", accuracy: 0.945, ..MOBILENET_V1_ANTS };

/// What one engine made of one case.
struct Taught {
    device: Device,
    fitted: Value,
    evaluated: Value,
}

fn run(device: &Device, arguments: &[&str], engine: &[&str]) -> Value {
    let output = device.edgetl(arguments).arg("--json").args(engine).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn data(shared: &Path, name: &str) -> String {
    shared.join("data").join(name).to_string_lossy().into_owned()
}

/// A device with the features of the case's training pictures.
fn collect(case: &Case, shared: &Path, engine: &[&str]) -> Device {
    let device = Device::new();
    let model = shared.join("models").join(case.backbone).to_string_lossy().into_owned();
    let (size, resize) = (["--size", case.size], ["--resize", case.resize]);
    let collect = ["collect", &data(shared, case.train), "--backbone", &model, "--preset", "inception"];
    let collected = run(&device, &[&collect[..], &size[..], &resize[..]].concat(), engine);
    assert_eq!(collected["failed"].as_array().unwrap().len(), 0, "{}", collected["failed"]);
    device
}

fn teach(case: &Case, shared: &Path, engine: &[&str]) -> Taught {
    let device = collect(case, shared, engine);
    let fitted = device.json(&["fit-head"]).remove(0);
    let evaluated = run(&device, &["eval", &data(shared, case.test)], engine);
    Taught { device, fitted, evaluated }
}

fn check(case: &Case, shared: &Path, engine: &[&str]) -> Taught {
    let taught = teach(case, shared, engine);
    let accuracy = taught.evaluated["accuracy"].as_f64().unwrap();
    let held_out = taught.fitted["cv"]["accuracy"].as_f64().unwrap();
    println!("{} {}: accuracy {accuracy:.4}, cross-validated {held_out:.4}", case.backbone, case.train);
    assert!(accuracy >= case.accuracy, "{} on {}: {accuracy}", case.backbone, case.test);
    assert!((accuracy - held_out).abs() <= 0.03, "{}: {accuracy} against {held_out}", case.train);
    taught
}

fn check_on_tract(case: &Case) {
    check(case, &shared(), &["--provider", "tract"]);
}

fn check_on_onnxruntime(case: &Case) {
    let library = onnxruntime();
    check(case, &shared(), &["--provider", "cpu", "--onnxruntime", &library.to_string_lossy()]);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn mobilenet_v2_tells_ants_from_bees_on_tract() {
    check_on_tract(&MOBILENET_V2_ANTS);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn mobilenet_v2_tells_ants_from_bees_on_onnx_runtime() {
    check_on_onnxruntime(&MOBILENET_V2_ANTS);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn mobilenet_v2_names_flowers_on_tract() {
    check_on_tract(&MOBILENET_V2_FLOWERS);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn mobilenet_v2_names_flowers_on_onnx_runtime() {
    check_on_onnxruntime(&MOBILENET_V2_FLOWERS);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn mobilenet_v1_does_well_for_its_size_on_both_engines() {
    for case in [MOBILENET_V1_ANTS, MOBILENET_V1_FLOWERS] {
        check_on_tract(&case);
        check_on_onnxruntime(&case);
    }
}

/// All features that `device` has stored, in the order of the pictures.
fn features(device: &Device) -> Array2<f32> {
    let store = Store::open_existing(&device.state().join("samples.db")).unwrap();
    let fingerprint = store.fingerprints().unwrap()[0].fingerprint;
    store.dataset(&fingerprint, &Selection::default()).unwrap().features().clone()
}

/// The largest difference of a vector over its largest value, the worst of all rows.
fn worst_difference(one: &Array2<f32>, other: &Array2<f32>) -> f32 {
    let rows = one.outer_iter().zip(other.outer_iter());
    let largest =
        |row: &dyn Fn(usize) -> f32, length: usize| (0..length).map(row).fold(0.0, |a: f32, b| a.max(b.abs()));
    rows.map(|(a, b)| largest(&|i| a[i] - b[i], a.len()) / largest(&|i| b[i], b.len())).fold(0.0, f32::max)
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn both_engines_give_the_same_features_on_every_test_photograph() {
    let (shared, library) = (shared(), onnxruntime());
    for case in [MOBILENET_V2_ANTS, MOBILENET_V2_FLOWERS, MOBILENET_V1_ANTS, MOBILENET_V1_FLOWERS] {
        let test = Case { train: case.test, ..case };
        let onnxruntime = ["--provider", "cpu", "--onnxruntime", &library.to_string_lossy()];
        let devices = [&["--provider", "tract"][..], &onnxruntime].map(|engine| collect(&test, &shared, engine));
        let [tract, onnxruntime] = devices.map(|device| features(&device));
        assert_eq!(tract.dim(), onnxruntime.dim());
        let difference = worst_difference(&tract, &onnxruntime);
        println!("{} on {} pictures of {}: {difference:.1e}", test.backbone, tract.nrows(), test.test);
        assert!(difference < 1e-3, "{} on {}: {difference}", test.backbone, test.test);
    }
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn a_flower_head_calls_insects_unknown() {
    let shared = shared();
    let taught = teach(&MOBILENET_V1_FLOWERS, &shared, &["--provider", "tract"]);
    let insects = shared.join("data/hymenoptera/val").to_string_lossy().into_owned();
    let evaluated = &taught.device.json(&["eval", &insects])[0];
    let (foreign, known) = (&evaluated["foreign"]["unknown_rate"], &taught.evaluated["unknown_rate"]);
    println!("called unknown: {foreign} of insects, {known} of flowers");
    assert!(evaluated["accuracy"].is_null());
    assert!(foreign.as_f64().unwrap() > known.as_f64().unwrap() + 0.2);
}
